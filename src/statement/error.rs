//! Why a statement as a whole is refused. A single row that cannot be read is a [`BadRow`](super::BadRow).

use std::borrow::Cow;
use std::io;

use crate::statement::kind::Source;
use crate::statement::limits::{self, Overrun};
use crate::statement::meaning::balances::Break;
use crate::statement::meaning::mapping::MappingError;
use crate::vn::{Day, Dong, Lang, Sentence, error_by_sentence, sentence};

/// Why a statement as a whole is refused.
#[derive(Debug)]
pub enum StatementError {
    Empty,
    /// More bytes than are read.
    FileTooLarge,
    /// More rows than are read.
    TooManyRows,
    /// More columns than a statement has.
    TooManyColumns {
        row: u64,
    },
    /// A line, cell or element that does not end.
    RecordTooLong {
        row: u64,
    },
    /// Something else than a statement.
    NotAStatement {
        what: (&'static str, &'static str),
        advice: (&'static str, &'static str),
    },
    /// XML of another kind.
    OtherXml {
        what: (Cow<'static, str>, Cow<'static, str>),
    },
    /// A file that opens with a password.
    Password,
    /// A workbook with a program in it.
    Macro,
    /// More files in an archive, or pages in a web archive, than are read.
    TooManyFiles {
        most: usize,
    },
    /// A workbook that swells when expanded.
    ZipBomb,
    /// A workbook that is broken, or a part of it.
    Workbook {
        part: String,
        /// What the reader says, in its own words.
        because: Sentence,
    },
    /// Text in no encoding that is read.
    Encoding {
        /// The first such line.
        row: u64,
    },
    /// A quotation mark that swallows the rest of the file.
    QuoteOpen {
        /// Where its row begins.
        row: u64,
    },
    /// No row looks like a header.
    NoHeader,
    /// A text whose columns are set apart by blanks.
    FixedWidth,
    /// The header is not the one that the mapping was agreed for.
    HeaderChanged {
        /// Which columns are missing and which are new.
        change: Sentence,
    },
    /// Several sheets could be meant.
    SeveralSheets {
        sheets: String,
    },
    /// Small bare numbers beside others with groups: a spreadsheet has eaten the groups of thousands.
    GroupsEaten {
        /// Where the first of them is.
        row: u64,
    },
    /// Amounts in another unit than the đồng.
    OtherUnit {
        /// The header or title that names it.
        text: String,
        /// In plain letters.
        unit: String,
    },
    /// A spreadsheet has taken days for months where it could.
    DaysSwapped {
        header: String,
        row: u64,
    },
    /// A row does not lead from the balance before it to its own.
    Unbalanced {
        broken: Box<Break>,
    },
    /// The opening balance and the rows do not come to the closing balance.
    TotalsOff {
        opening: Dong,
        credits: Dong,
        debits: Dong,
        closing: Dong,
    },
    /// A day that has not come.
    FutureDay {
        row: u64,
        day: Day,
    },
    /// A title says of the rows below it that their money did not come in, or not yet, and they do not say it themselves.
    Section {
        /// The first row below it.
        row: u64,
        text: String,
    },
    /// Another table begins in the middle, with other columns.
    SecondTable {
        row: u64,
    },
    /// Another format than the mapping is for.
    OtherKind {
        /// What the file is.
        kind: &'static str,
        /// What the mapping reads.
        wanted: Source,
    },
    /// A mapping that cannot be used.
    Mapping(MappingError),
    /// A message that breaks the rules of its format.
    Message {
        format: &'static str,
        row: u64,
        because: Sentence,
    },
    /// The file ends before the statement does.
    Truncated {
        because: (&'static str, &'static str),
    },
    /// Reading failed after rows were handed over.
    Interrupted {
        /// Rows, bad and ignored ones included.
        rows: u64,
        because: Box<StatementError>,
    },
    /// The sink wanted no more.
    Stopped,
    Io(io::Error),
}

error_by_sentence!(StatementError);

impl From<MappingError> for StatementError {
    fn from(error: MappingError) -> StatementError {
        StatementError::Mapping(error)
    }
}

impl StatementError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        let again = (
            "Hãy xuất sao kê theo từng khoảng ngày ngắn hơn.",
            "Export the statement for shorter spans of days.",
        );
        match self {
            StatementError::Empty => Sentence::new(
                "Tệp sao kê rỗng. Hãy tải lại tệp từ nhà cung cấp.",
                "The statement is empty. Get the file from the provider again.",
            ),
            StatementError::FileTooLarge => {
                let mib = limits::FILE_BYTES_MAX >> 20;
                Sentence::new(
                    format!("Tệp lớn hơn {mib} MiB, là giới hạn một lần nhập. {}", again.0),
                    format!(
                        "The file is larger than {mib} MiB, the most of one import. {}",
                        again.1
                    ),
                )
            }
            StatementError::TooManyRows => {
                let rows = limits::ROWS_MAX;
                Sentence::new(
                    format!("Tệp có hơn {rows} dòng, là giới hạn một lần nhập. {}", again.0),
                    format!(
                        "The file has more than {rows} rows, the most of one import. {}",
                        again.1
                    ),
                )
            }
            StatementError::TooManyColumns { row } => {
                let columns = limits::COLUMNS_MAX;
                sentence!(
                    "Dòng {row} có hơn {columns} cột. Đây không giống một tệp sao kê; hãy tải lại từ nhà cung cấp.",
                    "Row {row} has more than {columns} columns. This does not look like a statement; get it from the provider again."
                )
            }
            StatementError::RecordTooLong { row } => {
                let kib = limits::RECORD_BYTES_MAX >> 10;
                sentence!(
                    "Dòng {row} dài hơn {kib} KiB. Tệp có thể bị hỏng hoặc không phải sao kê; hãy tải lại từ nhà cung cấp.",
                    "Row {row} is longer than {kib} KiB. The file may be broken or no statement; get it from the provider again."
                )
            }
            StatementError::NotAStatement { what, advice } => Sentence::new(
                format!("Đây là {}, không phải tệp sao kê. {}", what.0, advice.0),
                format!("This is {}, not a statement. {}", what.1, advice.1),
            ),
            StatementError::OtherXml { what } => Sentence::new(
                format!(
                    "Đây là {}. Hãy tải sao kê dạng camt.053, Excel hoặc CSV từ nhà cung cấp.",
                    what.0
                ),
                format!(
                    "This is {}. Get the statement as camt.053, Excel or CSV from the provider.",
                    what.1
                ),
            ),
            StatementError::Password => Sentence::new(
                "Tệp có mật khẩu. Hãy mở tệp, bỏ mật khẩu, lưu lại rồi nhập.",
                "The file has a password. Open it, take the password away, save it, then import it.",
            ),
            StatementError::Macro => Sentence::new(
                "Tệp bảng tính có macro (vbaProject), không được nhận. Hãy lưu lại dạng .xlsx rồi nhập.",
                "The workbook holds macros (vbaProject) and is not taken. Save it as .xlsx, then import it.",
            ),
            StatementError::ZipBomb => {
                let mib = limits::EXPANDED_BYTES_MAX >> 20;
                sentence!(
                    "Tệp nén nở ra quá lớn (giới hạn {mib} MiB), giống một tệp phá hoại, nên không được mở. Hãy tải lại từ nhà cung cấp.",
                    "The file expands to too much (the limit is {mib} MiB), as a harmful one does, so it is not opened. Get it from the provider again."
                )
            }
            StatementError::TooManyFiles { most } => sentence!(
                "Tệp chứa hơn {most} tệp bên trong, là giới hạn một lần nhập. Hãy chia ra rồi nhập từng phần.",
                "The file holds more than {most} files, the most of one import. Divide it and import the parts."
            ),
            StatementError::Workbook { part, because } => Sentence::new(
                format!(
                    "Tệp bảng tính bị hỏng ở phần {part}: {}. Hãy mở tệp, lưu lại rồi nhập.",
                    because.vi
                ),
                format!(
                    "The workbook is broken in its part {part}: {}. Open it, save it, then import it.",
                    because.en
                ),
            ),
            StatementError::Encoding { row } => sentence!(
                "Dòng {row} có ký tự không phải UTF-8, UTF-16, Windows-1258 hay ISO-8859-1; có lẽ tệp viết bằng bảng mã cũ (TCVN3, VNI). Hãy xuất lại dạng CSV UTF-8 từ nơi có dữ liệu. Nếu chỉ có tệp này, hãy chuyển mã sang Unicode bằng công cụ chuyển mã của bộ gõ tiếng Việt, vì mở và lưu lại bằng bảng tính không chuyển được.",
                "Row {row} holds characters that are not UTF-8, UTF-16, Windows-1258 or ISO-8859-1; the file may be in an old encoding (TCVN3, VNI). Export it as CSV UTF-8 where the data is. If this file is all there is, convert it to Unicode with the converter of a Vietnamese keyboard program, for opening and saving it in a spreadsheet does not."
            ),
            StatementError::QuoteOpen { row } => sentence!(
                "Ô mở bằng dấu nháy kép ở dòng {row} không được đóng, nên không biết các dòng sau bắt đầu từ đâu. Hãy thêm hoặc bỏ dấu nháy rồi nhập lại.",
                "A cell that opens with a quotation mark in row {row} is not closed, so nobody knows where the next rows begin. Add or remove the mark, then import it."
            ),
            StatementError::NoHeader => {
                let rows = limits::HEADER_ROWS_MAX;
                sentence!(
                    "Không tìm thấy dòng tiêu đề trong {rows} dòng đầu: cần ít nhất cột ngày và cột số tiền. Hãy kiểm tra đây có phải tệp sao kê không.",
                    "The first {rows} rows hold no header: it needs a column of days and one of amounts at least. Check whether this is a statement."
                )
            }
            StatementError::FixedWidth => Sentence::new(
                "Các cột của tệp cách nhau bằng khoảng trắng, không có dấu phân cách, nên không chắc ô nào thuộc cột nào. Hãy xuất sao kê dạng Excel hoặc CSV.",
                "The columns of this file are set apart by blanks and not by a separator, so nobody knows for certain which cell belongs to which column. Export the statement as Excel or CSV.",
            ),
            StatementError::HeaderChanged { change } => Sentence::new(
                format!(
                    "Dòng tiêu đề đã đổi so với cách đọc đã lưu: {}. Hãy xem lại cách đọc tệp rồi lưu lại.",
                    change.vi
                ),
                format!(
                    "The header is not the one that was agreed on: {}. Look at how the file is read and save that.",
                    change.en
                ),
            ),
            StatementError::SeveralSheets { sheets } => sentence!(
                "Các trang tính {sheets} đều có dòng tiêu đề này. Hãy tách mỗi trang thành một tệp rồi nhập lần lượt.",
                "The sheets {sheets} all have this header. Make a file of each sheet and import them one by one."
            ),
            StatementError::GroupsEaten { row } => sentence!(
                "Dòng {row} có số tiền dưới 1.000 trong khi số khác của tệp viết có nhóm nghìn: có lẽ một phần mềm bảng tính đã đổi 50.000 thành 50 khi mở và lưu lại. Chưa nhập dòng nào; hãy nhập thẳng tệp gốc, chưa mở bằng bảng tính.",
                "Row {row} has an amount below 1,000 while other numbers of the file have groups of thousands: a spreadsheet probably turned 50.000 into 50 when the file was opened and saved. No row was taken in; import the file as it came, not opened in a spreadsheet."
            ),
            StatementError::OtherUnit { text, unit } => sentence!(
                "Tệp ghi «{text}», nên số tiền trong tệp tính theo đơn vị khác ({unit}), không phải theo đồng. Chưa nhập dòng nào; hãy xuất sao kê của tài khoản đồng Việt Nam, với số tiền ghi đủ từng đồng.",
                "The file says «{text}», so its amounts are in another unit ({unit}) and not in dong. No row was taken in; export the statement of an account in Vietnamese dong, with amounts in whole dong."
            ),
            StatementError::DaysSwapped { header, row } => sentence!(
                "Cột «{header}», từ dòng {row}: phần mềm bảng tính đã hiểu ngày là tháng ở những ngày từ 1 đến 12 và để nguyên các ngày khác, nên không ngày nào chắc đúng. Chưa nhập dòng nào; hãy nhập thẳng tệp gốc, chưa mở bằng bảng tính.",
                "Column «{header}», from row {row}: a spreadsheet took the day for the month where it is up to 12 and left other days alone, so no day is certain. No row was taken in; import the file as it came, not opened in a spreadsheet."
            ),
            StatementError::Unbalanced { broken } => unbalanced(broken),
            StatementError::TotalsOff {
                opening,
                credits,
                debits,
                closing,
            } => {
                let show = |amount: &Dong| (amount.show(Lang::Vi), amount.show(Lang::En));
                let (opening, opening_en) = show(opening);
                let (credits, credits_en) = show(credits);
                let (debits, debits_en) = show(debits);
                let (closing, closing_en) = show(closing);
                sentence!(
                    "Số dư đầu {opening} + tiền vào {credits} − tiền ra {debits} không bằng số dư cuối {closing}: có cột bị hiểu sai chiều tiền, hoặc tệp thiếu dòng. Chưa nhập dòng nào; hãy xem lại cột nào là tiền vào, tiền ra, hoặc xác nhận rằng tệp chỉ liệt kê một phần giao dịch.",
                    "Opening balance {opening_en} + money in {credits_en} − money out {debits_en} is not the closing balance {closing_en}: a column is taken for the wrong direction, or rows are missing. No row was taken in; look at which column is money in and which money out, or say that the file lists a part of the movements only."
                )
            }
            StatementError::FutureDay { row, day } => {
                let day = day.show();
                sentence!(
                    "Dòng {row} ghi ngày {day}, chưa tới. Chưa nhập dòng nào; hãy xem lại ngày trong tệp, hoặc thứ tự ngày, tháng, năm.",
                    "Row {row} has the day {day}, which has not come. No row was taken in; look at the days of the file, or at the order of day, month and year."
                )
            }
            StatementError::Section { row, text } => sentence!(
                "Dòng {row} đứng dưới tiêu đề «{text}», nên có thể là tiền ra, tiền hoàn, hoặc giao dịch chưa xong hay không thành, mà không cột nào của dòng nói điều đó. Chưa nhập dòng nào; chỉ nhập tệp hoặc phần liệt kê các khoản đã nhận, hoặc xuất lại tệp có cột loại và trạng thái giao dịch.",
                "Row {row} stands below the title «{text}», so it may be money out, a refund, or a payment that is pending or failed, and none of its columns says so. No row was taken in; import only a file, or the part of it, that lists what was received, or export it with columns of type and status."
            ),
            StatementError::SecondTable { row } => sentence!(
                "Từ dòng {row} có một bảng khác với các cột khác. Hãy tách mỗi bảng thành một tệp rồi nhập lần lượt; chưa nhập dòng nào.",
                "Another table with other columns begins in row {row}. Make a file of each table and import them one by one; no row was taken in."
            ),
            StatementError::OtherKind { kind, wanted } => Sentence::new(
                format!(
                    "Tệp là {kind}, còn cách đọc đã lưu dành cho {}. Hãy chọn đúng tệp hoặc xem lại cách đọc.",
                    wanted.show()
                ),
                format!(
                    "The file is {kind}, and the way of reading that was saved is for {}. Choose the right file, or look at how it is read.",
                    wanted.show_en()
                ),
            ),
            StatementError::Mapping(error) => error.sentence(),
            StatementError::Message { format, row, because } => {
                // Before the first entry there is no number to tell.
                let (vi, en) = match row {
                    0 => (String::new(), String::new()),
                    row => (format!(", dòng {row}"), format!(", line {row}")),
                };
                Sentence::new(
                    format!(
                        "{format}{vi}: {}. Hãy tải lại tệp; nếu vẫn vậy, hãy xin ngân hàng sao kê dạng Excel hoặc CSV.",
                        because.vi
                    ),
                    format!(
                        "{format}{en}: {}. Get the file again; if it says the same, ask the bank for the statement as Excel or CSV.",
                        because.en
                    ),
                )
            }
            StatementError::Truncated { because } => Sentence::new(
                format!("Tệp bị cắt ngang: {}. Hãy tải lại tệp đầy đủ.", because.0),
                format!("The file is cut off: {}. Get the whole file again.", because.1),
            ),
            StatementError::Interrupted { rows, because } => {
                let Sentence { vi, en } = because.sentence();
                sentence!(
                    "Đọc được {rows} dòng rồi dừng, nên không dòng nào được ghi. {vi}",
                    "Reading stopped after {rows} rows, so none was kept. {en}"
                )
            }
            StatementError::Stopped => {
                Sentence::new("Đã dừng đọc theo yêu cầu.", "Reading was stopped on request.")
            }
            StatementError::Io(error) => sentence!(
                "Không đọc được tệp: {error}. Hãy thử lại.",
                "The file cannot be read: {error}. Try again."
            ),
        }
    }

    /// An error of reading, where this row was wanted.
    pub(crate) fn io(error: io::Error, row: u64) -> StatementError {
        match limits::overrun(&error) {
            Some(Overrun::Record) => StatementError::RecordTooLong { row },
            Some(Overrun::Total) => StatementError::ZipBomb,
            None => StatementError::Io(error),
        }
    }
}

/// Why a row does not fit its balance, as far as its numbers tell.
fn unbalanced(broken: &Break) -> Sentence {
    let Break {
        row,
        before,
        moved,
        after,
    } = *broken;
    let show = |vnd: i64| (Dong::new(vnd).show(Lang::Vi), Dong::new(vnd).show(Lang::En));
    let (before_vi, before_en) = show(before);
    let (after_vi, after_en) = show(after);
    let (amount_vi, amount_en) = show(moved.saturating_abs());
    let change = after.saturating_sub(before);
    let (why_vi, why_en) = if change == moved.saturating_neg() && moved > 0 {
        (
            "theo số dư thì khoản này là tiền ra, mà cách đọc hiện tại hiểu là tiền vào",
            "by the balances this money went out, and as the file is read now it came in",
        )
    } else if change == moved.saturating_neg() {
        (
            "theo số dư thì khoản này là tiền vào, mà cách đọc hiện tại hiểu là tiền ra",
            "by the balances this money came in, and as the file is read now it went out",
        )
    } else if change == 0 {
        (
            "theo số dư thì khoản này không thành, vì số dư không đổi",
            "by the balances nothing moved, since the balance stays the same",
        )
    } else if change == moved.saturating_mul(1000) || moved == change.saturating_mul(1000) {
        (
            "số tiền và số dư lệch nhau đúng một nghìn lần, có lẽ dấu nhóm nghìn bị đọc sai hoặc bị bảng tính bỏ mất",
            "amount and balance differ by exactly a thousand times, so groups of thousands are read wrongly or a spreadsheet has eaten them",
        )
    } else {
        (
            "có thể thiếu dòng, hoặc một cột bị hiểu sai",
            "a row may be missing, or a column is taken for something else",
        )
    };
    sentence!(
        "Dòng {row}: số dư {before_vi} trước đó và số tiền {amount_vi} không dẫn đến số dư {after_vi}; {why_vi}. Chưa nhập dòng nào; hãy xem lại cột nào nói chiều tiền, hoặc xác nhận rằng tệp chỉ liệt kê một phần giao dịch.",
        "Row {row}: the balance {before_en} before it and the amount {amount_en} do not lead to the balance {after_en}; {why_en}. No row was taken in; look at which column says the direction, or say that the file lists a part of the movements only."
    )
}
