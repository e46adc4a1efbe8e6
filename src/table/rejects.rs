//! Refused rows handed back: a file that a person mends and imports again.

use std::borrow::Cow;

use super::row::{FRONT, Fault};
use crate::vn::Lang;

/// A cell for a CSV file that a spreadsheet may open: a text it would compute gets a leading
/// apostrophe (docs/spec/domain.md, section 9).
pub fn neutral(cell: &str) -> Cow<'_, str> {
    match cell.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => Cow::Owned(format!("'{cell}")),
        _ => Cow::Borrowed(cell),
    }
}

/// A text such as an id as [`neutral`] writes it, and also one that a spreadsheet would read as a number and change: it
/// drops zeros in front, keeps fifteen digits and shows twelve as a power.
pub fn guarded(cell: &str) -> Cow<'_, str> {
    const SHOWN_WHOLE: usize = 11;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let loses_digits =
        is_digits(cell) && (cell.len() > SHOWN_WHOLE || (cell.len() > 1 && cell.starts_with('0')));
    // `12E34` is a number to a spreadsheet.
    let mut parts = cell.splitn(2, ['E', 'e']);
    let is_power = parts.next().is_some_and(is_digits) && parts.next().is_some_and(is_digits);
    if loses_digits || is_power {
        Cow::Owned(format!("'{cell}"))
    } else {
        neutral(cell)
    }
}

/// The refused rows as a CSV file, UTF-8 with a byte order mark: the line, the reason, then the cells
/// as they were handed in, neutralised.
pub fn write_rejects(header: &[String], faults: &[Fault], lang: Lang) -> Vec<u8> {
    let mut out = "\u{feff}".as_bytes().to_vec();
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(&mut out);
    let row = FRONT.map(String::from);
    let mut lines = vec![row.into_iter().chain(header.iter().cloned()).collect::<Vec<_>>()];
    for fault in faults {
        let front = [fault.row.to_string(), fault.reason.in_lang(lang).to_owned()];
        lines.push(front.into_iter().chain(fault.cells.iter().cloned()).collect());
    }
    for line in &lines {
        // Writing to memory cannot fail, and the writer takes rows of any length.
        let _ = writer.write_record(line.iter().map(|cell| neutral(cell).into_owned()));
    }
    let _ = writer.flush();
    drop(writer);
    out
}
