//! Delimited files that people hand in: bytes in, rows and faults out.
//!
//! A fault concerns one row and never loses the others; only what makes the whole file unreadable
//! (another encoding, a workbook, a wrong header) is an error. Sentences say what, where and
//! what to do, in both languages.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::vn::{Lang, Phone, Sentence, error_by_sentence, sentence};

/// The columns a file must and may have, and how many rows are read at most.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Columns without which the file is refused.
    pub required: &'static [&'static str],
    /// Columns that may be absent; a cell of an absent one reads as empty.
    pub optional: &'static [&'static str],
    /// Rows below the header; one more refuses the file.
    pub rows_max: usize,
}

/// What a file holds. Every row that is not blank is either in `rows` or in `faults`.
#[derive(Debug, Clone)]
pub struct Table {
    /// Rows that could be read, in the order of the file.
    pub rows: Vec<Row>,
    /// Rows that could not, in the order of the file.
    pub faults: Vec<Fault>,
    /// The names of the columns in the order of the file.
    pub header: Vec<String>,
}

/// One row that could be read. Cells are trimmed and NFC. `Debug` keeps them to itself: they may be
/// phones and accounts.
#[derive(Clone)]
pub struct Row {
    /// The line of the file where the row starts; the header of an ordinary file is line 1.
    pub number: u64,
    cells: Vec<String>,
    places: Arc<HashMap<String, usize>>,
}

/// One row that was refused, and why. `Debug` keeps the cells to itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file where the row starts.
    pub row: u64,
    /// The cells as they were read, so that they can be handed back.
    pub cells: Vec<String>,
    /// What is wrong and what to do.
    pub reason: Sentence,
}

/// Why a whole file is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableError {
    /// Nothing in it, or blank lines only.
    Empty,
    /// A spreadsheet's own format.
    Workbook,
    /// UTF-16, which spreadsheets call "Unicode text".
    Utf16,
    NotUtf8 {
        /// Line of the first byte that does not fit.
        line: u64,
    },
    /// Required columns that the header lacks.
    ColumnMissing {
        columns: String,
        /// All that the file should have.
        wanted: String,
    },
    /// A column that nobody reads; most often a slip in a name.
    ColumnUnknown {
        column: String,
        /// All that the file should have.
        wanted: String,
    },
    /// A column without a name.
    ColumnUnnamed {
        /// Its place, from 1.
        place: usize,
        /// All that the file should have.
        wanted: String,
    },
    /// One name on two columns.
    ColumnTwice {
        column: String,
        /// All that the file should have.
        wanted: String,
    },
    /// A quotation mark that swallows the rest of the file.
    QuoteOpen {
        /// Line where the row with that cell starts.
        line: u64,
    },
    /// More rows than are read at once.
    TooManyRows { limit: usize },
}

error_by_sentence!(TableError);

impl TableError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            TableError::Empty => Sentence::new(
                "Tệp rỗng: không có dòng tiêu đề. Hãy chọn lại tệp có dòng đầu là tên các cột.",
                "The file is empty: it has no header. Choose a file whose first line names the columns.",
            ),
            TableError::Workbook => Sentence::new(
                "Đây là tệp bảng tính (Excel), không phải CSV. Hãy mở tệp và lưu lại dạng CSV UTF-8.",
                "This is a workbook (Excel), not CSV. Open it and save it as CSV UTF-8.",
            ),
            TableError::Utf16 => Sentence::new(
                "Tệp viết bằng mã UTF-16, không phải UTF-8. Lưu lại dạng CSV UTF-8 rồi nhập lại.",
                "The file is UTF-16, not UTF-8. Save it as CSV UTF-8, then import it.",
            ),
            TableError::NotUtf8 { line } => sentence!(
                "Dòng {line} có ký tự không phải mã UTF-8. Lưu lại dạng CSV UTF-8 rồi nhập lại.",
                "Line {line} holds characters that are not UTF-8. Save it as CSV UTF-8, then import it."
            ),
            TableError::ColumnMissing { columns, wanted } => sentence!(
                "Dòng tiêu đề thiếu cột {columns}. Tệp cần các cột: {wanted}.",
                "The header lacks the column {columns}. The file needs the columns: {wanted}."
            ),
            TableError::ColumnUnknown { column, wanted } => sentence!(
                "Dòng tiêu đề có cột lạ «{column}». Hãy sửa tên hoặc bỏ cột này. Tệp cần các cột: {wanted}.",
                "The header has an unknown column «{column}». Mend its name or remove it. The file needs the columns: {wanted}."
            ),
            TableError::ColumnUnnamed { place, wanted } => sentence!(
                "Cột thứ {place} không có tên ở dòng tiêu đề. Hãy đặt tên hoặc bỏ cột này. Tệp cần các cột: {wanted}.",
                "Column {place} has no name in the header. Name it or remove it. The file needs the columns: {wanted}."
            ),
            TableError::ColumnTwice { column, wanted } => sentence!(
                "Cột «{column}» có hai lần ở dòng tiêu đề. Hãy bỏ một cột. Tệp cần các cột: {wanted}.",
                "Column «{column}» stands in the header twice. Remove one. The file needs the columns: {wanted}."
            ),
            TableError::QuoteOpen { line } => sentence!(
                "Ô mở bằng dấu nháy kép ở dòng {line} không được đóng, nên không biết các dòng sau bắt đầu từ đâu. Hãy thêm hoặc bỏ dấu nháy rồi nhập lại.",
                "A cell that opens with a quotation mark in line {line} is not closed, so nobody knows where the next rows begin. Add or remove the mark, then import it."
            ),
            TableError::TooManyRows { limit } => sentence!(
                "Tệp có hơn {limit} dòng dữ liệu, là giới hạn một lần nhập. Hãy chia tệp thành nhiều phần.",
                "The file has more than {limit} rows, the most of one import. Divide it."
            ),
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({}, {} cells)", self.number, self.cells.len())
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Fault({}, {} cells: {})",
            self.row,
            self.cells.len(),
            self.reason.en
        )
    }
}

impl Row {
    /// The cell of this column, or an empty text if the file does not have the column.
    pub fn get(&self, column: &str) -> &str {
        self.places
            .get(column)
            .and_then(|&at| self.cells.get(at))
            .map_or("", String::as_str)
    }

    /// All cells in the order of the file.
    pub fn cells(&self) -> &[String] {
        &self.cells
    }

    /// This row, refused for a reason that only its reader can see.
    pub fn fault(&self, reason: Sentence) -> Fault {
        Fault {
            row: self.number,
            cells: self.cells.clone(),
            reason,
        }
    }
}

/// Reads a delimited file.
///
/// UTF-8 with or without a byte order mark, LF or CRLF, cells in quotation marks with line breaks
/// inside. Commas; where the header has none, semicolons or tabs, which spreadsheets write on
/// Vietnamese machines. Blank rows are passed over. A row with a wrong number of cells, a formula or a
/// control character becomes a fault.
pub fn read(bytes: &[u8], shape: &Shape) -> Result<Table, TableError> {
    let text = decode(bytes)?;
    let mut records = Records::of(text);
    let Some(header) = records.next().transpose()? else {
        return Err(TableError::Empty);
    };
    let header = header.cells;
    let places = Arc::new(columns(&header, shape)?);
    let mut table = Table {
        rows: Vec::new(),
        faults: Vec::new(),
        header,
    };
    for (count, record) in records.enumerate() {
        let Record { number, cells } = record?;
        if count >= shape.rows_max {
            return Err(TableError::TooManyRows {
                limit: shape.rows_max,
            });
        }
        match refusal_of(&cells, &table.header) {
            Some(reason) => table.faults.push(Fault {
                row: number,
                cells,
                reason,
            }),
            None => table.rows.push(Row {
                number,
                cells,
                places: Arc::clone(&places),
            }),
        }
    }
    Ok(table)
}

/// The text of the file without its byte order mark.
fn decode(bytes: &[u8]) -> Result<&str, TableError> {
    const OLD_WORKBOOK: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0];
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(OLD_WORKBOOK) {
        return Err(TableError::Workbook);
    }
    // Without a mark, UTF-16 is known by the zero bytes of its Latin letters.
    let zero_early = bytes.iter().take(200).any(|&b| b == 0);
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) || zero_early {
        return Err(TableError::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let before = bytes
            .iter()
            .take(e.valid_up_to())
            .filter(|&&b| b == b'\n')
            .count();
        TableError::NotUtf8 {
            line: before as u64 + 1,
        }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Where each column stands, once the header has all that is wanted and nothing else.
fn columns(header: &[String], shape: &Shape) -> Result<HashMap<String, usize>, TableError> {
    let known = || shape.required.iter().chain(shape.optional).copied();
    let wanted = || known().collect::<Vec<_>>().join(", ");
    let mut places = HashMap::new();
    for (at, name) in header.iter().enumerate() {
        let column = name.to_lowercase();
        if column.is_empty() {
            return Err(TableError::ColumnUnnamed {
                place: at + 1,
                wanted: wanted(),
            });
        }
        if !known().any(|k| k == column) {
            return Err(TableError::ColumnUnknown {
                column: name.clone(),
                wanted: wanted(),
            });
        }
        if places.insert(column, at).is_some() {
            return Err(TableError::ColumnTwice {
                column: name.clone(),
                wanted: wanted(),
            });
        }
    }
    let missing: Vec<&str> = shape
        .required
        .iter()
        .copied()
        .filter(|c| !places.contains_key(*c))
        .collect();
    if !missing.is_empty() {
        return Err(TableError::ColumnMissing {
            columns: missing.join(", "),
            wanted: wanted(),
        });
    }
    Ok(places)
}

/// Why a row is refused before its columns are interpreted.
fn refusal_of(cells: &[String], header: &[String]) -> Option<Sentence> {
    if cells.len() != header.len() {
        let has = cells.len();
        let wants = header.len();
        return Some(sentence!(
            "Dòng có {has} ô, cần {wants} ô. Kiểm tra dấu phân cách và dấu nháy kép.",
            "The row has {has} cells and needs {wants}. Check separators and quotation marks."
        ));
    }
    cells.iter().zip(header).find_map(|(cell, column)| {
        if is_formula(cell) {
            return Some(sentence!(
                "Cột {column} bắt đầu bằng ký tự của công thức (formula). Hãy ghi giá trị, không ghi công thức.",
                "Column {column} begins with the sign of a formula. Write the value, not a formula."
            ));
        }
        cell.chars().any(|c| c.is_control() && c != '\n').then(|| {
            sentence!(
                "Cột {column} có ký tự điều khiển không nhìn thấy được. Hãy xóa ô và gõ lại.",
                "Column {column} holds a control character that is not seen. Empty the cell and type it again."
            )
        })
    })
}

/// Whether a spreadsheet would compute this cell. A phone number with its plus is no formula.
fn is_formula(cell: &str) -> bool {
    match cell.as_bytes().first() {
        Some(b'=' | b'@') => true,
        Some(b'+' | b'-') => Phone::parse(cell).is_none(),
        _ => false,
    }
}

/// A record that is not blank, its cells trimmed and NFC.
struct Record {
    number: u64,
    cells: Vec<String>,
}

/// The records of a text, each with the line where it starts.
struct Records<'a> {
    text: &'a str,
    reader: csv::Reader<&'a [u8]>,
}

impl<'a> Records<'a> {
    fn of(text: &'a str) -> Records<'a> {
        let reader = csv::ReaderBuilder::new()
            .delimiter(separator(text))
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        Records { text, reader }
    }

    /// The line on which the record at this position starts. The reader's own position may stand
    /// before line ends that it has yet to pass over.
    fn line(&self, position: &csv::Position) -> u64 {
        let rest = self
            .text
            .as_bytes()
            .get(position.byte() as usize..)
            .unwrap_or_default();
        let ends = rest
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .filter(|&&b| b == b'\n')
            .count();
        position.line() + ends as u64
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = csv::StringRecord::new();
        loop {
            let start = self.reader.position().clone();
            // Reading valid UTF-8 of any width from memory cannot fail.
            if !self.reader.read_record(&mut record).unwrap_or(false) {
                return None;
            }
            let number = self.line(&start);
            let raw = self
                .text
                .as_bytes()
                .get(start.byte() as usize..)
                .unwrap_or_default();
            let at_end = self.reader.position().byte() >= self.text.len() as u64;
            if at_end && quote_stays_open(raw, separator(self.text)) {
                return Some(Err(TableError::QuoteOpen { line: number }));
            }
            let cells: Vec<String> = record.iter().map(clean).collect();
            if cells.iter().any(|c| !c.is_empty()) {
                return Some(Ok(Record { number, cells }));
            }
        }
    }
}

/// Whether the text ends inside a cell in quotation marks, by the reader's own rules: a mark opens
/// only at the start of a cell, and a doubled one is a letter of the cell.
fn quote_stays_open(raw: &[u8], separator: u8) -> bool {
    let mut inside = false;
    let mut at_start = true;
    for &b in raw {
        match b {
            b'"' if inside || at_start => (inside, at_start) = (!inside, inside),
            _ if inside => {}
            b => at_start = b == separator || b == b'\n' || b == b'\r',
        }
    }
    inside
}

/// The separator of a file, from its header line.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    [b',', b';', b'\t']
        .into_iter()
        .find(|&s| header.as_bytes().contains(&s))
        .unwrap_or(b',')
}

fn clean(cell: &str) -> String {
    let cell: String = cell.trim().nfc().collect();
    if cell.contains("\r\n") {
        cell.replace("\r\n", "\n")
    } else {
        cell
    }
}

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
    let row = ["row", "reason"].map(String::from);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHAPE: Shape = Shape {
        required: &["name", "code"],
        optional: &["note"],
        rows_max: 5,
    };

    fn cells(text: &str) -> Vec<(u64, String, String)> {
        let table = read(text.as_bytes(), &SHAPE).unwrap();
        assert_eq!(table.faults, []);
        table
            .rows
            .iter()
            .map(|r| (r.number, r.get("name").to_owned(), r.get("code").to_owned()))
            .collect()
    }

    fn refusal(bytes: &[u8]) -> String {
        read(bytes, &SHAPE).unwrap_err().sentence().vi.into_owned()
    }

    fn reasons(text: &str) -> Vec<(u64, String)> {
        let table = read(text.as_bytes(), &SHAPE).unwrap();
        table
            .faults
            .into_iter()
            .map(|f| (f.row, f.reason.vi.into_owned()))
            .collect()
    }

    #[test]
    fn ordinary_files_of_every_make_read_alike() {
        let wanted = vec![(2, "Hải Châu".to_owned(), "20242".to_owned())];
        for text in [
            "name,code\nHải Châu,20242\n",
            "\u{feff}name,code\r\nHải Châu,20242\r\n",
            "code,name\n20242, Hải Châu ",
            "name;code\r\nHải Châu;20242\r\n",
            "name\tcode\nHa\u{309}i Châu\t20242\n",
            " Name ,CODE,note\n\"Hải Châu\",20242,\n",
        ] {
            assert_eq!(cells(text), wanted, "{text:?}");
        }
        let table = read(b"name,code\nA,1\n", &SHAPE).unwrap();
        assert_eq!(table.rows[0].get("note"), "");
        assert_eq!(table.rows[0].cells(), ["A", "1"]);
    }

    #[test]
    fn rows_are_numbered_by_the_line_they_start_on() {
        let text = "name,code\r\n\r\n\"two\r\nlines\",1\r\n,\r\n  \r\nB,2\r\n\r\n\r\nC,3";
        let wanted = [(3, "two\nlines", "1"), (7, "B", "2"), (10, "C", "3")];
        let wanted: Vec<_> = wanted
            .iter()
            .map(|&(n, a, b)| (n, a.to_owned(), b.to_owned()))
            .collect();
        assert_eq!(cells(text), wanted);
        assert_eq!(cells(&text.replace('\r', "")), wanted);
        assert_eq!(cells("\n\nname,code\n\nA,1\n")[0].0, 5);
    }

    #[test]
    fn a_bad_row_does_not_lose_the_others() {
        let text = "name,code\nA,1,9\nB\nC,3\nD,=1+1\n@E,5\n";
        let table = read(text.as_bytes(), &SHAPE).unwrap();
        assert_eq!(table.rows.len(), 1);
        assert_eq!(
            table.faults.iter().map(|f| f.row).collect::<Vec<_>>(),
            [2, 3, 5, 6]
        );
        assert!(table.faults[0].reason.vi.contains("3 ô, cần 2 ô"));
        assert_eq!(table.faults[0].cells, ["A", "1", "9"]);
    }

    #[test]
    fn formulas_and_control_characters_are_faults() {
        for (cell, refused) in [
            ("=1+1", true),
            ("@SUM(A1)", true),
            ("+1", true),
            ("-2+3", true),
            ("+84 905 123 456", false),
            ("\"\t=1\"", true),
            ("a=b", false),
            ("a\u{1b}[2J", true),
            ("a\tb", true),
            ("\"a\rb\"", true),
            ("\"a\nb\"", false),
        ] {
            let found = reasons(&format!("name,code\n{cell},1\n"));
            assert_eq!(!found.is_empty(), refused, "{cell:?}");
            assert!(
                found
                    .iter()
                    .all(|(row, reason)| *row == 2 && reason.contains("Cột name")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_wrong_header_names_the_column_and_the_wanted_ones() {
        for (header, said) in [
            ("name", "thiếu cột code"),
            ("name,code,colour", "cột lạ «colour»"),
            ("name,code,name", "«name» có hai lần"),
            ("name,code,", "Cột thứ 3"),
        ] {
            let text = refusal(format!("{header}\nA,1\n").as_bytes());
            assert!(text.contains(said) && text.contains("name, code, note"), "{text}");
        }
    }

    #[test]
    fn files_that_are_no_text_are_refused_with_advice() {
        assert!(refusal(b"").contains("rỗng") && refusal(b"\xef\xbb\xbf\r\n\n").contains("rỗng"));
        assert!(refusal(b"PK\x03\x04rest").contains("CSV UTF-8"));
        assert!(refusal(b"\xd0\xcf\x11\xe0\xa1\xb1").contains("Excel"));
        for bytes in [&b"\xff\xfen\0a\0"[..], b"\xfe\xff\0n\0a", b"n\0a\0m\0e\0"] {
            let text = refusal(bytes);
            assert!(
                text.contains("UTF-16") && text.contains("Lưu lại dạng CSV UTF-8"),
                "{text}"
            );
        }
        let latin = refusal(b"name,code\nA,1\nH\xe0ng,2\n");
        assert!(
            latin.contains("Dòng 3") && latin.contains("Lưu lại dạng CSV UTF-8"),
            "{latin}"
        );
    }

    #[test]
    fn limits_and_open_quotes_refuse_the_whole_file() {
        let six = format!("name,code\n{}", "A,1\n".repeat(6));
        assert_eq!(
            read(six.as_bytes(), &SHAPE).unwrap_err(),
            TableError::TooManyRows { limit: 5 }
        );
        assert_eq!(cells(&format!("name,code\n{}", "A,1\n".repeat(5))).len(), 5);
        let open = read(b"name,code\nA,1\n\"B,2\nC,3\n", &SHAPE).unwrap_err();
        assert_eq!(open, TableError::QuoteOpen { line: 3 });
        assert_eq!(cells("name,code\nA 5\" B,1\n\"C \"\"x\"\"\",2").len(), 2);
    }

    #[test]
    fn rejects_are_neutralised() {
        let fault = Fault {
            row: 7,
            cells: vec!["=1+1".into(), "a,b".into()],
            reason: ("sai", "wrong").into(),
        };
        let bytes = write_rejects(&["name".into(), "code".into()], &[fault], Lang::Vi);
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "\u{feff}row,reason,name,code\n7,sai,'=1+1,\"a,b\"\n"
        );
        assert_eq!(neutral("Chợ Hàn"), "Chợ Hàn");
        for cell in ["+84", "-1", "@x", "\tx", "\rx", "=x"] {
            assert_eq!(neutral(cell), format!("'{cell}"));
        }
    }

    #[test]
    fn ids_that_a_spreadsheet_would_change_are_guarded() {
        for cell in [
            "2606150000001234567",
            "123456789012",
            "0011",
            "12E34",
            "5e1",
            "=1",
        ] {
            assert_eq!(guarded(cell), format!("'{cell}"));
        }
        for cell in [
            "",
            "0",
            "65000",
            "12345678901",
            "FT26166000001",
            "1E",
            "E5",
            "12E3x",
            "Thiếu thông báo",
        ] {
            assert_eq!(guarded(cell), cell);
        }
    }

    #[test]
    fn cells_do_not_print() {
        let table = read(b"name,code\n0905123456,1\nB\n", &SHAPE).unwrap();
        assert!(!format!("{table:?}").contains("0905") && table.rows[0].get("name") == "0905123456");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, &SHAPE);
        }

        #[test]
        fn any_cells_come_back(rows in proptest::collection::vec(("[a-zđ \",;\n]{1,12}", "[0-9]{1,6}"), 0..5)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["name", "code"]).unwrap();
            for (name, code) in &rows {
                writer.write_record([name, code]).unwrap();
            }
            let table = read(&writer.into_inner().unwrap(), &SHAPE).unwrap();
            prop_assert_eq!(table.rows.len() + table.faults.len(), rows.len());
            for (row, (name, code)) in table.rows.iter().zip(&rows) {
                prop_assert_eq!((row.get("name"), row.get("code")), (name.trim(), code.as_str()));
            }
        }
    }
}
