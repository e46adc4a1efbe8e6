//! What a file is, by its content. Names lie: a table of a web page is called `.xls` as often as not.

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};

use quick_xml::events::Event;

use crate::statement::containers::xml::{self, Xml, XmlFault};
use crate::statement::containers::{ole, text, xlsx};
use crate::statement::error::StatementError;
use crate::statement::kind::{Encoding, FileKind};
use crate::statement::limits::{FILE_BYTES_MAX, OLD_WORKBOOK_BYTES_MAX};
use crate::statement::messages::{camt, mt940};

/// How much of a file tells what it is.
const SAMPLE_BYTES: u64 = 16 << 10;

const DOWNLOAD: (&str, &str) = (
    "Hãy tải sao kê dạng Excel hoặc CSV từ nhà cung cấp.",
    "Get the statement as Excel or CSV from the provider.",
);

const OLE: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// First bytes of what people hand in by mistake.
const OTHER_FILES: [(&[u8], (&str, &str)); 14] = [
    (b"%PDF", ("tệp PDF", "a PDF file")),
    (b"\x89PNG", ("ảnh PNG", "a PNG picture")),
    (b"\xFF\xD8\xFF", ("ảnh JPEG", "a JPEG picture")),
    (b"GIF8", ("ảnh GIF", "a GIF picture")),
    (
        b"RIFF",
        ("ảnh WebP hoặc tệp âm thanh", "a WebP picture or a sound file"),
    ),
    (b"II*\0", ("ảnh TIFF", "a TIFF picture")),
    (b"MM\0*", ("ảnh TIFF", "a TIFF picture")),
    (b"BM", ("ảnh BMP", "a BMP picture")),
    (
        b"\0\0\0\x18ftyp",
        ("ảnh HEIC hoặc tệp video", "a HEIC picture or a video"),
    ),
    (
        b"\0\0\0\x1cftyp",
        ("ảnh HEIC hoặc tệp video", "a HEIC picture or a video"),
    ),
    (b"Rar!", ("tệp nén RAR", "a RAR archive")),
    (b"7z\xBC\xAF", ("tệp nén 7z", "a 7z archive")),
    (b"\x1F\x8B", ("tệp nén gzip", "a gzip archive")),
    (b"{\\rtf", ("văn bản RTF", "an RTF document")),
];

/// First letters of texts that are no tables.
const OTHER_TEXTS: [(&str, (&str, &str)); 6] = [
    ("OFXHEADER", ("tệp OFX", "an OFX file")),
    ("!Type:", ("tệp QIF", "a QIF file")),
    ("ID;P", ("tệp SYLK", "a SYLK file")),
    ("{\"", ("tệp JSON", "a JSON file")),
    ("{\n", ("tệp JSON", "a JSON file")),
    ("[{", ("tệp JSON", "a JSON file")),
];

/// Says what the file is, or refuses it by name. Leaves it at its beginning.
pub(crate) fn kind<F: Read + Seek>(file: &mut F) -> Result<FileKind, StatementError> {
    let io = |error| StatementError::io(error, 1);
    let length = file.seek(SeekFrom::End(0)).map_err(io)?;
    let sample = sample(file)?;
    if sample
        .iter()
        .all(|b| b.is_ascii_whitespace() || matches!(b, 0xEF | 0xBB | 0xBF | 0xFF | 0xFE))
        && length < SAMPLE_BYTES
    {
        return Err(StatementError::Empty);
    }
    if length > FILE_BYTES_MAX {
        return Err(StatementError::FileTooLarge);
    }
    if sample.starts_with(b"PK\x03\x04") || sample.starts_with(b"PK\x05\x06") {
        let kind = xlsx::inspect(file)?;
        return rewound(file, kind);
    }
    if sample.starts_with(OLE) {
        if length > OLD_WORKBOOK_BYTES_MAX {
            return Err(StatementError::FileTooLarge);
        }
        ole::inspect(file)?;
        return rewound(file, FileKind::Xls);
    }
    match sample[..] {
        // The stream of an old workbook without its container.
        [0x09, 0x08, 8 | 16, 0, 0, 5 | 6, ..] if length <= OLD_WORKBOOK_BYTES_MAX => {
            return rewound(file, FileKind::Xls);
        }
        [0x09, 0 | 2 | 4, 4 | 6 | 8, 0, ..] => {
            return Err(StatementError::NotAStatement {
                what: (
                    "bảng tính Excel đời trước 1993",
                    "a workbook of Excel before 1993",
                ),
                advice: (
                    "Hãy mở tệp, lưu lại dạng .xlsx rồi nhập.",
                    "Open it, save it as .xlsx, then import it.",
                ),
            });
        }
        _ => {}
    }
    let kind = text_kind(file, &sample)?;
    rewound(file, kind)
}

fn rewound<F: Seek>(file: &mut F, kind: FileKind) -> Result<FileKind, StatementError> {
    file.seek(SeekFrom::Start(0))
        .map_err(|error| StatementError::io(error, 1))?;
    Ok(kind)
}

fn sample<F: Read + Seek>(file: &mut F) -> Result<Vec<u8>, StatementError> {
    let io = |error| StatementError::io(error, 1);
    let mut sample = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    file.take(SAMPLE_BYTES).read_to_end(&mut sample).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    Ok(sample)
}

fn text_kind<F: Read + Seek>(file: &mut F, sample: &[u8]) -> Result<FileKind, StatementError> {
    if let Some(&(_, what)) = OTHER_FILES.iter().find(|(mark, _)| sample.starts_with(mark)) {
        // «BM» may also begin the title of a text; only a picture has zero bytes there.
        if !sample.starts_with(b"BM") || sample[2..].iter().take(12).any(|&b| b == 0) {
            return Err(StatementError::NotAStatement {
                what,
                advice: DOWNLOAD,
            });
        }
    }
    let (marked, mark_bytes) = text::marked(sample);
    let text = &sample[mark_bytes as usize..];
    let text = match marked {
        Some(Encoding::Utf16Le) => encoding_rs::UTF_16LE.decode_without_bom_handling(text).0,
        Some(Encoding::Utf16Be) => encoding_rs::UTF_16BE.decode_without_bom_handling(text).0,
        _ => String::from_utf8_lossy(text),
    };
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
    if text.starts_with('<') {
        return xml_kind(file, text);
    }
    if is_archive(text) {
        return Ok(FileKind::Mhtml);
    }
    if let Some(&(_, what)) = OTHER_TEXTS.iter().find(|(mark, _)| text.starts_with(mark)) {
        return Err(StatementError::NotAStatement {
            what,
            advice: DOWNLOAD,
        });
    }
    if let Some(kind) = swift_kind(text)? {
        return Ok(kind);
    }
    // UTF-16 without a mark: half of its bytes are zero. Single ones are a matter of their rows.
    let zeros = sample.iter().take(1024).filter(|&&b| b == 0).count();
    let is_wide = matches!(marked, Some(Encoding::Utf16Le | Encoding::Utf16Be));
    if !is_wide && zeros * 4 > sample.len().min(1024) {
        return Err(StatementError::NotAStatement {
            what: (
                "tệp nhị phân hoặc UTF-16 không có dấu BOM",
                "a binary file, or UTF-16 without its mark",
            ),
            advice: (
                "Hãy lưu lại dạng CSV UTF-8 rồi nhập.",
                "Save it as CSV UTF-8, then import it.",
            ),
        });
    }
    Ok(FileKind::Csv)
}

/// A message of SWIFT, by the fields in its first lines. An interim report is refused.
fn swift_kind(text: &str) -> Result<Option<FileKind>, StatementError> {
    let lines: Vec<&str> = text
        .split(['\n', '\r'])
        .map(str::trim_start)
        .filter(|line| !line.is_empty())
        .map(|line| line.rsplit_once("{4:").map_or(line, |(_, field)| field))
        .take(200)
        .collect();
    let has = |fields: &[&str]| {
        let is_one = |line: &&str| fields.iter().any(|field| line.starts_with(field));
        lines.iter().any(is_one)
    };
    let has_balance = has(&[":60F:", ":60M:", ":62F:", ":62M:"]);
    let is_swift = text.starts_with("{1:") || has(&[":20:"]);
    // No table begins a line so.
    if !has_balance && has(&[":61:"]) && !has(&[":25:", ":25P:", ":28C:", ":28:", ":34F:", ":13D:"]) {
        return Err(mt940::part());
    }
    if !(is_swift || has_balance && has(&[":61:"])) {
        return Ok(None);
    }
    let is_named_interim = || {
        let head: String = text.chars().take(200).collect();
        head.contains("{2:O942") || head.contains("{2:I942")
    };
    if !has_balance && (has(&[":34F:", ":13D:", ":90C:", ":90D:"]) || is_named_interim()) {
        return Err(mt940::interim());
    }
    let is_statement = has_balance || has(&[":25:", ":25P:", ":28C:", ":28:"]);
    Ok(is_statement.then_some(FileKind::Mt940))
}

/// Whether a text begins as a web archive does: with the head of a mail.
fn is_archive(text: &str) -> bool {
    let lines = text.lines().take_while(|line| !line.trim().is_empty()).take(100);
    let mut names = lines.map(|line| line.to_ascii_lowercase());
    names.any(|line| {
        line.starts_with("mime-version:")
            || line.starts_with("content-type: multipart/related")
            || line.starts_with("content-type: text/html")
    })
}

/// What a document is, its root element says, wherever it begins.
fn xml_kind<F: Read + Seek>(file: &mut F, text: &str) -> Result<FileKind, StatementError> {
    let mut root = root_of(file);
    if let Ok(Root::Message(kind)) = root {
        return Ok(kind);
    }
    let mut end = text.len().min(8 << 10);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text[..end].to_ascii_lowercase();
    let is_workbook = matches!(root, Ok(Root::Workbook))
        || head.contains("urn:schemas-microsoft-com:office:spreadsheet")
            && head.contains("<?mso-application");
    if is_workbook {
        return Ok(FileKind::Xml2003);
    }
    let is_page = |name: &&str| head.contains(&format!("<{name}"));
    if matches!(root, Ok(Root::Page)) || head.contains("<!doctype html") || PAGE.iter().any(is_page) {
        return Ok(FileKind::Html);
    }
    if head.contains("camt.05") || head.contains("bktocstmr") || matches!(root, Err(XmlFault::Cut)) {
        root = match root {
            Err(fault) => return Err(camt::xml_fault(fault, FileKind::Camt053, 1)),
            read => read,
        };
    }
    let what: (Cow<'static, str>, Cow<'static, str>) = match root {
        Ok(Root::OtherMessage(name)) => (
            format!("tin ISO 20022 {name}, không phải camt.053").into(),
            format!("the ISO 20022 message {name}, which is no camt.053").into(),
        ),
        _ => (
            "tệp XML không phải camt.053".into(),
            "XML, but not camt.053".into(),
        ),
    };
    Err(StatementError::OtherXml { what })
}

/// Elements of pages with tables.
const PAGE: [&str; 11] = [
    "html", "table", "meta", "style", "body", "head", "tr", "td", "th", "div", "center",
];

/// What the first elements of a document say.
enum Root {
    Message(FileKind),
    /// A workbook as XML.
    Workbook,
    /// A page of tables.
    Page,
    /// Another message of ISO 20022, by the name in its namespace.
    OtherMessage(String),
    Other,
}

/// Elements that may stand around a message: the envelope and header of a bank, with a signature.
const ELEMENTS_AROUND_MAX: usize = 2_000;

fn root_of<F: Read + Seek>(file: &mut F) -> Result<Root, XmlFault> {
    let mut xml = Xml::new(xml::decoded(file)?, FILE_BYTES_MAX);
    let mut named = None;
    let mut elements = 0;
    while elements < ELEMENTS_AROUND_MAX {
        match xml.next()? {
            Event::Start(element) => {
                elements += 1;
                let name = element.local_name();
                let name = name.as_ref();
                if let Some(kind) = camt::message(name) {
                    return Ok(Root::Message(kind));
                }
                let mut attributes = element.attributes();
                let namespaces: Vec<String> = attributes
                    .with_checks(false)
                    .flatten()
                    .filter(|a| a.key.as_ref().starts_with("xmlns"))
                    .map(|a| a.value.into_owned())
                    .collect();
                if name == "Workbook" && namespaces.iter().any(|n| n.contains("office:spreadsheet")) {
                    return Ok(Root::Workbook);
                }
                if elements == 1 && PAGE.contains(&name.to_ascii_lowercase().as_str()) {
                    return Ok(Root::Page);
                }
                if name == "Document" {
                    let last = namespaces.iter().find_map(|n| Some(n.rsplit_once("xsd:")?.1));
                    named = named.or(last.map(|name| name.chars().take(20).collect()));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(named.map_or(Root::Other, Root::OtherMessage))
}
