//! Why a statement as a whole is refused. A single row that cannot be read is a [`BadRow`](super::BadRow).

use std::io;

use crate::statement::limits::{self, Overrun};
use crate::statement::meaning::mapping::MappingError;

/// Why a statement as a whole is refused, in a Vietnamese sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("Tệp sao kê rỗng. Hãy tải lại tệp từ nhà cung cấp.")]
    Empty,
    /// More bytes than are read.
    #[error(
        "Tệp lớn hơn {} MiB, là giới hạn một lần nhập. Hãy xuất sao kê theo từng khoảng ngày ngắn hơn.",
        limits::FILE_BYTES_MAX >> 20
    )]
    FileTooLarge,
    /// More rows than are read.
    #[error(
        "Tệp có hơn {} dòng, là giới hạn một lần nhập. Hãy xuất sao kê theo từng khoảng ngày ngắn hơn.",
        limits::ROWS_MAX
    )]
    TooManyRows,
    /// More columns than a statement has.
    #[error(
        "Dòng {row} có hơn {} cột. Đây không giống một tệp sao kê; hãy tải lại từ nhà cung cấp.",
        limits::COLUMNS_MAX
    )]
    TooManyColumns { row: u64 },
    /// A line, cell or element that does not end.
    #[error(
        "Dòng {row} dài hơn {} KiB. Tệp có thể bị hỏng hoặc không phải sao kê; hãy tải lại từ nhà cung cấp.",
        limits::RECORD_BYTES_MAX >> 10
    )]
    RecordTooLong { row: u64 },
    /// Something else than a statement.
    #[error("Đây là {what}, không phải tệp sao kê. {advice}")]
    NotAStatement {
        what: &'static str,
        advice: &'static str,
    },
    /// A workbook that opens with a password.
    #[error("Tệp bảng tính có mật khẩu. Hãy mở tệp, bỏ mật khẩu, lưu lại rồi nhập.")]
    Password,
    /// A workbook with a program in it.
    #[error("Tệp bảng tính có macro (vbaProject), không được nhận. Hãy lưu lại dạng .xlsx rồi nhập.")]
    Macro,
    /// A workbook that swells when expanded.
    #[error(
        "Tệp nén nở ra quá lớn (giới hạn {} MiB), giống một tệp phá hoại, nên không được mở. Hãy tải lại từ nhà cung cấp.",
        limits::EXPANDED_BYTES_MAX >> 20
    )]
    ZipBomb,
    /// A workbook that is broken, or a part of it.
    #[error("Tệp bảng tính bị hỏng ở phần {part}: {because}. Hãy mở tệp, lưu lại rồi nhập.")]
    Workbook {
        part: String,
        /// What the reader says, in its own words.
        because: String,
    },
    /// Text in no encoding that is read.
    #[error(
        "Dòng {row} có ký tự không phải UTF-8, UTF-16 hay Windows-1258. Lưu lại dạng CSV UTF-8 rồi nhập lại."
    )]
    Encoding {
        /// The first such line.
        row: u64,
    },
    /// A quotation mark that swallows the rest of the file.
    #[error(
        "Ô mở bằng dấu nháy kép ở dòng {row} không được đóng, nên không biết các dòng sau bắt đầu từ đâu. Hãy thêm hoặc bỏ dấu nháy rồi nhập lại."
    )]
    QuoteOpen {
        /// Where its row begins.
        row: u64,
    },
    /// No row looks like a header.
    #[error(
        "Không tìm thấy dòng tiêu đề trong {} dòng đầu: cần ít nhất cột ngày và cột số tiền. Hãy kiểm tra đây có phải tệp sao kê không.",
        limits::HEADER_ROWS_MAX
    )]
    NoHeader,
    /// The header is not the one that the mapping was agreed for.
    #[error("Dòng tiêu đề đã đổi so với cách đọc đã lưu: {change}. Hãy xem lại cách đọc tệp rồi lưu lại.")]
    HeaderChanged {
        /// Which columns are missing and which are new.
        change: String,
    },
    /// Several sheets could be meant.
    #[error(
        "Các trang tính {sheets} đều có dòng tiêu đề này. Hãy tách mỗi trang thành một tệp rồi nhập lần lượt."
    )]
    SeveralSheets { sheets: String },
    /// Another format than the mapping is for.
    #[error("Tệp là {kind}, còn cách đọc đã lưu dành cho {wanted}. Hãy chọn đúng tệp hoặc xem lại cách đọc.")]
    OtherKind {
        /// What the file is.
        kind: &'static str,
        /// What the mapping reads.
        wanted: &'static str,
    },
    /// A mapping that cannot be used.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// A message that breaks the rules of its format.
    #[error("{format}, dòng {row}: {because}. Hãy tải lại tệp từ ngân hàng.")]
    Message {
        format: &'static str,
        row: u64,
        because: String,
    },
    /// The file ends before the statement does.
    #[error("Tệp bị cắt ngang: {because}. Hãy tải lại tệp đầy đủ.")]
    Truncated { because: &'static str },
    /// Reading failed after rows were handed over.
    #[error("Đọc được {rows} dòng rồi dừng, nên không dòng nào được ghi. {because}")]
    Interrupted {
        /// Rows, bad and ignored ones included.
        rows: u64,
        because: Box<StatementError>,
    },
    /// The sink wanted no more.
    #[error("Đã dừng đọc theo yêu cầu.")]
    Stopped,
    #[error("Không đọc được tệp: {0}. Hãy thử lại.")]
    Io(#[source] io::Error),
}

impl StatementError {
    /// An error of reading, where this row was wanted.
    pub(crate) fn io(error: io::Error, row: u64) -> StatementError {
        match limits::overrun(&error) {
            Some(Overrun::Record) => StatementError::RecordTooLong { row },
            Some(Overrun::Total) => StatementError::ZipBomb,
            None => StatementError::Io(error),
        }
    }
}
