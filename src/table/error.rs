//! Why a whole file is refused.

use crate::vn::{Sentence, error_by_sentence, sentence};

/// Why a whole file is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableError {
    /// Nothing in it, or blank lines only.
    Empty,
    /// A spreadsheet's own format, where only text is read.
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
    /// Several sheets of a workbook have the header.
    SeveralSheets { sheets: String },
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
            TableError::ColumnTwice { column, wanted } => sentence!(
                "Cột «{column}» có hai lần ở dòng tiêu đề. Hãy bỏ một cột. Tệp cần các cột: {wanted}.",
                "Column «{column}» stands in the header twice. Remove one. The file needs the columns: {wanted}."
            ),
            TableError::QuoteOpen { line } => sentence!(
                "Ô mở bằng dấu nháy kép ở dòng {line} không được đóng, nên không biết các dòng sau bắt đầu từ đâu. Hãy thêm hoặc bỏ dấu nháy rồi nhập lại.",
                "A cell that opens with a quotation mark in line {line} is not closed, so nobody knows where the next rows begin. Add or remove the mark, then import it."
            ),
            TableError::SeveralSheets { sheets } => sentence!(
                "Nhiều trang tính có dòng tiêu đề này: {sheets}. Hãy chỉ để lại một trang, hoặc lưu mỗi trang thành một tệp.",
                "Several sheets have this header: {sheets}. Leave one of them, or save each as a file of its own."
            ),
            TableError::TooManyRows { limit } => sentence!(
                "Tệp có hơn {limit} dòng dữ liệu, là giới hạn một lần nhập. Hãy chia tệp thành nhiều phần.",
                "The file has more than {limit} rows, the most of one import. Divide it."
            ),
        }
    }
}
