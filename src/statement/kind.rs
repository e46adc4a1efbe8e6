//! The formats that can be read, and the kind of mapping that reads each.

use serde::{Deserialize, Serialize};

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Csv,
    /// A workbook of today's spreadsheets.
    Xlsx,
    /// A workbook of old spreadsheets (BIFF8).
    Xls,
    /// The same workbook in records instead of XML.
    Xlsb,
    /// A workbook of OpenDocument.
    Ods,
    /// A workbook in the XML of Excel 2003.
    Xml2003,
    /// A page with tables, whatever it is called.
    Html,
    /// A web archive with such pages.
    Mhtml,
    /// SWIFT MT940.
    Mt940,
    /// ISO 20022 camt.053, the statement.
    Camt053,
    /// ISO 20022 camt.052, the report within the day.
    Camt052,
    /// ISO 20022 camt.054, the notice of single entries.
    Camt054,
}

impl FileKind {
    pub const fn show(self) -> &'static str {
        match self {
            FileKind::Csv => "CSV",
            FileKind::Xlsx => "XLSX",
            FileKind::Xls => "XLS",
            FileKind::Xlsb => "XLSB",
            FileKind::Ods => "ODS",
            FileKind::Xml2003 => "XML 2003",
            FileKind::Html => "HTML",
            FileKind::Mhtml => "MHTML",
            FileKind::Mt940 => "MT940",
            FileKind::Camt053 => "camt.053",
            FileKind::Camt052 => "camt.052",
            FileKind::Camt054 => "camt.054",
        }
    }

    /// The kind of mapping that reads it.
    pub const fn source(self) -> Source {
        match self {
            FileKind::Csv
            | FileKind::Xlsx
            | FileKind::Xlsb
            | FileKind::Xls
            | FileKind::Ods
            | FileKind::Xml2003
            | FileKind::Html
            | FileKind::Mhtml => Source::Table,
            FileKind::Mt940 => Source::Mt940,
            FileKind::Camt053 | FileKind::Camt052 | FileKind::Camt054 => Source::Camt053,
        }
    }
}

/// What kind of file a mapping reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// CSV, a workbook or a page: the header decides, not how it was saved.
    Table,
    /// MT940.
    Mt940,
    /// camt.053 and its sisters camt.052 and camt.054.
    Camt053,
}

impl Source {
    pub const fn show(self) -> &'static str {
        match self {
            Source::Table => "bảng (CSV, XLSX, XLS, ODS, HTML)",
            Source::Mt940 => "MT940",
            Source::Camt053 => "camt (053, 052, 054)",
        }
    }

    pub const fn show_en(self) -> &'static str {
        match self {
            Source::Table => "a table (CSV, XLSX, XLS, ODS, HTML)",
            other => other.show(),
        }
    }
}

/// How the letters of a text file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, low byte first, with a byte order mark.
    Utf16Le,
    /// UTF-16, high byte first, with a byte order mark.
    Utf16Be,
    /// The Vietnamese code page of Windows, whose tones are letters of their own.
    Windows1258,
    /// The western code page of Windows, which has the letters of ISO-8859-1.
    Windows1252,
}

impl Encoding {
    pub const fn show(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16Le => "UTF-16 LE",
            Encoding::Utf16Be => "UTF-16 BE",
            Encoding::Windows1258 => "Windows-1258",
            Encoding::Windows1252 => "Windows-1252",
        }
    }
}

/// What kind of file it is and how it is written, as far as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    pub kind: FileKind,
    /// How its letters are written; only delimited text has a choice.
    pub encoding: Option<Encoding>,
    /// What stands between its cells; only delimited text has one.
    pub separator: Option<char>,
    /// The sheet that is read; only a workbook has one.
    pub sheet: Option<String>,
    /// The row on which the header begins, as a person counts.
    pub header_row: Option<u64>,
}

impl FileFacts {
    /// A format that has nothing to choose.
    pub(crate) fn plain(kind: FileKind) -> FileFacts {
        FileFacts {
            kind,
            encoding: None,
            separator: None,
            sheet: None,
            header_row: None,
        }
    }
}
