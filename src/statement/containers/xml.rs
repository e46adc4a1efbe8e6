//! XML as the formats here use it: elements by their local names, no document type, nothing that expands,
//! and no element or text beyond the limit of a record.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::statement::containers::text;
use crate::statement::kind::Encoding;
use crate::statement::limits::{self, Meter, Metered, Overrun, RECORD_BYTES_MAX};

/// Bytes in which the declaration of a document stands.
const DECLARATION_BYTES: usize = 1024;

/// Elements inside each other; the formats here have some fifteen.
const DEPTH_MAX: usize = 64;

/// Why XML cannot be read.
#[derive(Debug)]
pub(crate) enum XmlFault {
    Io(io::Error),
    /// Letters that are not in the encoding of this name.
    Encoding(String),
    /// Longer than it may be.
    Overrun(Overrun),
    /// A document type, with which entities could be made to grow.
    DocType,
    /// Elements inside each other without end.
    Deep,
    /// The end came inside an element.
    Cut,
    /// Broken, in the reader's words.
    Broken(String),
}

/// A document as UTF-8: by its byte order mark, else as it declares itself.
pub(crate) fn decoded<F: Read + Seek>(file: &mut F) -> Result<Box<dyn BufRead + '_>, XmlFault> {
    let marked = text::mark(file).map_err(XmlFault::Io)?;
    let from = file.stream_position().map_err(XmlFault::Io)?;
    let mut start = vec![0; DECLARATION_BYTES];
    let read = limits::fill(file, &mut start).map_err(XmlFault::Io)?;
    start.truncate(read);
    file.seek(SeekFrom::Start(from)).map_err(XmlFault::Io)?;
    let encoding = match (marked, &start[..]) {
        (Some(Encoding::Utf16Le), _) | (None, [b'<', 0, ..]) => encoding_rs::UTF_16LE,
        (Some(Encoding::Utf16Be), _) | (None, [0, b'<', ..]) => encoding_rs::UTF_16BE,
        (Some(_), _) => encoding_rs::UTF_8,
        (None, start) => declared(start)?,
    };
    if encoding == encoding_rs::UTF_8 {
        return Ok(Box::new(BufReader::with_capacity(64 << 10, file)));
    }
    Ok(text::as_utf8(file, encoding))
}

/// The encoding that a declaration of ASCII letters names.
fn declared(start: &[u8]) -> Result<&'static encoding_rs::Encoding, XmlFault> {
    let start = String::from_utf8_lossy(start);
    let declaration = start.trim_start().split("?>").next().unwrap_or_default();
    let named = declaration
        .split_once("encoding")
        .filter(|(before, _)| before.starts_with("<?xml"));
    let Some((_, value)) = named else {
        return Ok(encoding_rs::UTF_8);
    };
    let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    let name = value.split(['"', '\'']).nth(1).unwrap_or_default();
    match encoding_rs::Encoding::for_label(name.as_bytes()) {
        // What could be read so far is no UTF-16, whatever a program put into it.
        Some(utf16) if utf16 == encoding_rs::UTF_16LE || utf16 == encoding_rs::UTF_16BE => {
            Ok(encoding_rs::UTF_8)
        }
        Some(encoding) => Ok(encoding),
        None => Err(XmlFault::Encoding(name.chars().take(40).collect())),
    }
}

pub(crate) struct Xml<R: Read> {
    reader: Reader<BufReader<Metered<R>>>,
    meter: Meter,
    buffer: Vec<u8>,
    depth: usize,
}

impl<R: Read> Xml<R> {
    /// A document of at most this many bytes.
    pub(crate) fn new(inner: R, bytes_max: u64) -> Xml<R> {
        let meter = Meter::new(bytes_max);
        let mut reader = Reader::from_reader(BufReader::with_capacity(
            64 << 10,
            Metered::new(inner, meter.clone()),
        ));
        reader.config_mut().expand_empty_elements = true;
        Xml {
            reader,
            meter,
            buffer: Vec::new(),
            depth: 0,
        }
    }

    /// The next event that is an element, text or the end.
    pub(crate) fn next(&mut self) -> Result<Event<'_>, XmlFault> {
        self.meter.next_record();
        self.buffer.clear();
        let event = self.reader.read_event_into(&mut self.buffer).map_err(fault)?;
        match &event {
            Event::DocType(_) => return Err(XmlFault::DocType),
            Event::Start(_) if self.depth == DEPTH_MAX => return Err(XmlFault::Deep),
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth -= 1,
            Event::Eof if self.depth > 0 => return Err(XmlFault::Cut),
            _ => {}
        }
        Ok(event)
    }

    /// The text inside the element that has just begun, down to its end; elements inside are passed over.
    pub(crate) fn text_into(&mut self, text: &mut String) -> Result<(), XmlFault> {
        let outside = self.depth - 1;
        let most = text.len() + RECORD_BYTES_MAX as usize;
        loop {
            let inside = self.depth == outside + 1;
            match self.next()? {
                Event::Eof => return Err(XmlFault::Cut),
                Event::End(_) => {}
                event if inside => append(&event, text)?,
                _ => {}
            }
            // A text may be made of many small events, each within its limit.
            if text.len() > most {
                return Err(XmlFault::Overrun(Overrun::Record));
            }
            if self.depth == outside {
                return Ok(());
            }
        }
    }

    /// Passes over the element that has just begun.
    pub(crate) fn skip(&mut self) -> Result<(), XmlFault> {
        let outside = self.depth - 1;
        while self.depth > outside {
            if let Event::Eof = self.next()? {
                return Err(XmlFault::Cut);
            }
        }
        Ok(())
    }
}

/// Adds the letters of a text.
fn append(event: &Event<'_>, text: &mut String) -> Result<(), XmlFault> {
    match event {
        Event::Text(part) => text.push_str(&part.xml10_content()),
        Event::CData(part) => text.push_str(&part.xml10_content()),
        Event::GeneralRef(entity) => resolve(entity, text)?,
        _ => {}
    }
    Ok(())
}

/// Adds a character, or one of the five entities that XML has by itself. There are no others: they would
/// need a document type.
pub(crate) fn resolve(entity: &BytesRef<'_>, text: &mut String) -> Result<(), XmlFault> {
    if let Some(known) = quick_xml::escape::resolve_xml_entity(entity.as_ref()) {
        text.push_str(known);
        return Ok(());
    }
    let broken = |error: quick_xml::Error| XmlFault::Broken(error.to_string());
    let c = entity.resolve_char_ref().map_err(broken)?;
    text.push(c.ok_or_else(|| XmlFault::Broken("an unknown entity".to_owned()))?);
    Ok(())
}

fn fault(error: quick_xml::Error) -> XmlFault {
    match &error {
        quick_xml::Error::Io(io) => match limits::overrun(io) {
            Some(overrun) => XmlFault::Overrun(overrun),
            None if io.kind() == std::io::ErrorKind::UnexpectedEof => XmlFault::Cut,
            None => XmlFault::Broken(error.to_string()),
        },
        quick_xml::Error::Syntax(_) => XmlFault::Cut,
        quick_xml::Error::Encoding(_) => XmlFault::Encoding(encoding_rs::UTF_8.name().to_owned()),
        _ => XmlFault::Broken(error.to_string()),
    }
}

/// The value of an attribute by its local name.
pub(crate) fn attribute<'a>(element: &'a BytesStart<'_>, name: &str) -> Option<Cow<'a, str>> {
    let mut attributes = element.attributes();
    let found = attributes
        .with_checks(false)
        .flatten()
        .find(|a| a.key.local_name().as_ref() == name)?;
    match found.value {
        Cow::Borrowed(value) => quick_xml::escape::unescape(value).ok(),
        Cow::Owned(value) => quick_xml::escape::unescape(&value)
            .ok()
            .map(|v| Cow::Owned(v.into_owned())),
    }
}
