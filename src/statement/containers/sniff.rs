//! What a file is, by its content. Names lie: a table of a web page is called `.xls` as often as not.

use std::io::{Read, Seek, SeekFrom};

use crate::statement::containers::{ole, xlsx};
use crate::statement::error::StatementError;
use crate::statement::kind::FileKind;
use crate::statement::limits::{FILE_BYTES_MAX, OLD_WORKBOOK_BYTES_MAX};

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
        xlsx::inspect(file)?;
        return rewound(file, FileKind::Xlsx);
    }
    if sample.starts_with(OLE) {
        if length > OLD_WORKBOOK_BYTES_MAX {
            return Err(StatementError::FileTooLarge);
        }
        ole::inspect(file)?;
        return rewound(file, FileKind::Xls);
    }
    let kind = text_kind(&sample)?;
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

fn text_kind(sample: &[u8]) -> Result<FileKind, StatementError> {
    if let Some(&(_, what)) = OTHER_FILES.iter().find(|(mark, _)| sample.starts_with(mark)) {
        // «BM» may also begin the title of a text; only a picture has zero bytes there.
        if !sample.starts_with(b"BM") || sample[2..].iter().take(12).any(|&b| b == 0) {
            return Err(StatementError::NotAStatement {
                what,
                advice: DOWNLOAD,
            });
        }
    }
    let text = sample.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(sample);
    let start = text.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
    let text = &text[start..];
    if text.starts_with(b"<") {
        return xml_kind(text);
    }
    let begins_line = |mark: &[u8]| {
        let mut lines = text.split(|&b| b == b'\n').take(40);
        lines.any(|line| line.starts_with(mark))
    };
    let is_swift = text.starts_with(b"{1:") || begins_line(b":20:") || begins_line(b"{4:");
    if is_swift
        && (begins_line(b":25:") || begins_line(b":60F:") || begins_line(b":60M:") || begins_line(b":28C:"))
    {
        return Ok(FileKind::Mt940);
    }
    // UTF-16 without a mark: half of its bytes are zero. Single ones are a matter of their rows.
    let zeros = sample.iter().take(1024).filter(|&&b| b == 0).count();
    let is_marked = sample.starts_with(b"\xFF\xFE") || sample.starts_with(b"\xFE\xFF");
    if !is_marked && zeros * 4 > sample.len().min(1024) {
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

/// What a text is that begins as XML does.
fn xml_kind(text: &[u8]) -> Result<FileKind, StatementError> {
    let head = text[..text.len().min(2048)].to_ascii_lowercase();
    let has = |words: &[u8]| head.windows(words.len()).any(|w| w == words);
    if has(b"bktocstmrstmt") || has(b"camt.053") {
        return Ok(FileKind::Camt053);
    }
    let intraday: [&[u8]; 4] = [
        b"camt.052",
        b"camt.054",
        b"bktocstmracctrpt",
        b"bktocstmrdbtcdtntfctn",
    ];
    let page: [&[u8]; 5] = [b"<html", b"<!doctype html", b"<table", b"<meta", b"<style"];
    let (what, advice) = if intraday.iter().any(|words| has(words)) {
        (
            (
                "báo có hoặc báo cáo trong ngày (camt.052, camt.054)",
                "a credit notice or a report of the day (camt.052, camt.054)",
            ),
            ("Hãy tải sao kê camt.053.", "Get the statement as camt.053."),
        )
    } else if has(b"urn:schemas-microsoft-com:office:spreadsheet") {
        (
            ("bảng tính dạng XML 2003", "a workbook in XML of 2003"),
            (
                "Hãy mở tệp, lưu lại dạng .xlsx rồi nhập.",
                "Open it, save it as .xlsx, then import it.",
            ),
        )
    } else if page.iter().any(|words| has(words)) {
        (
            (
                "trang web (HTML), dù có thể mang đuôi .xls",
                "a web page (HTML), even if it is called .xls",
            ),
            (
                "Hãy mở tệp bằng bảng tính, lưu lại dạng .xlsx rồi nhập.",
                "Open it in a spreadsheet, save it as .xlsx, then import it.",
            ),
        )
    } else {
        (("tệp XML không phải camt.053", "XML, but not camt.053"), DOWNLOAD)
    };
    Err(StatementError::NotAStatement { what, advice })
}
