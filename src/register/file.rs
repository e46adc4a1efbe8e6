//! A register file: rows of a table read into households, each row refused on its own.

use std::collections::HashMap;

use super::account_zeros::{AccountLengths, WrittenAccounts};
use super::draft::{
    AccountDraft, Class, HolderRelation, HouseholdDetails, HouseholdDraft, PlaceDraft, PlaceName, StallDraft,
    TradingStatus,
};
use super::spreadsheet::{looks_like_a_day, shortened_number, whole_number};
use super::stall_code::StallCode;
use super::written_day::{self, Order, WrittenDay};
use crate::places::{UnitIx, Units};
use crate::table::{Fault, Row, Shape, Table};
use crate::vietqr::Banks;
use crate::vn::{AccountNumber, Day, Lang, Phone, Sentence, sentence};

/// Columns of a register file (docs/spec/contract.md, section 2), in the order of the template.
pub const SHAPE: Shape = Shape {
    required: &[
        "household_ref",
        "household_name",
        "class",
        "trading_status",
        "unit_code",
        "street",
        "house_number",
        "market",
        "stall_number",
        "stall_code",
        "bank_bin",
        "account_number",
        "account_holder",
        "holder_relation",
        "phone",
        "from",
    ],
    optional: &["code_from"],
    rows_max: 100_000,
};

/// A register file to fill in: the header and two invented rows.
pub const TEMPLATE: &str = include_str!("../../assets/register_template.csv");

/// Days that a file may know of in advance; one further away is a slip that nobody would see again.
pub const DAYS_AHEAD_MAX: i64 = 366;

/// What a register file is read against.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub units: &'a Units,
    /// How long the accounts of each bank on the register are.
    pub account_lengths: &'a AccountLengths,
    pub today: Day,
}

/// What a register file says, and what of it cannot be read.
#[derive(Debug)]
pub struct RegisterFile {
    /// Households in the order of their first rows.
    pub households: Vec<HouseholdDraft>,
    /// Rows refused, with the reason.
    pub faults: Vec<Fault>,
    /// Rows read, refused ones included.
    pub rows: usize,
    /// The header as it stands in the file, for the file of refused rows.
    pub header: Vec<String>,
    /// The good rows, by line, for those that are refused later on.
    pub cells: HashMap<u64, Vec<String>>,
    /// What a spreadsheet had done to some cells, and was undone.
    pub mended: Mended,
    /// Rows that hold from a day to come: lists and figures show them then.
    pub begin_later: usize,
}

/// What a spreadsheet had done to some cells, and was undone: in how many rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Mended {
    /// Phones that had lost their first zero.
    pub phones: usize,
    /// Unit codes that had lost zeros.
    pub unit_codes: usize,
}

/// What all rows of a file are read by.
struct Reader<'a> {
    reading: Reading<'a>,
    /// The order of day and month; none if the file has both.
    order: Option<Order>,
    accounts: WrittenAccounts,
    mended: Mended,
}

/// Reads a register file. Rows of one `household_ref` are one household and the first is its principal
/// place; rows that disagree with the first on name, class or status are refused, and all of them if
/// the first is refused.
pub fn read_register(table: Table, reading: Reading<'_>) -> RegisterFile {
    let rows = table.rows.len() + table.faults.len();
    let mut file = RegisterFile {
        households: Vec::new(),
        faults: table.faults,
        rows,
        header: table.header,
        cells: HashMap::new(),
        mended: Mended::default(),
        begin_later: 0,
    };
    let days = table
        .rows
        .iter()
        .flat_map(|row| [row.get("from"), row.get("code_from")]);
    let mut reader = Reader {
        reading,
        order: written_day::order(days.filter_map(|cell| written_day::read(whole_number(cell)))),
        accounts: WrittenAccounts::of(table.rows.iter().map(|row| {
            let number = whole_number(row.get("account_number"));
            (bin_of(row.get("bank_bin")), number)
        })),
        mended: Mended::default(),
    };
    let mut by_ref: HashMap<String, Result<usize, u64>> = HashMap::new();
    // Where each stall code stands, by the first row that has it.
    let mut by_code: HashMap<String, (u64, String)> = HashMap::new();
    for row in &table.rows {
        let reference = whole_number(row.get("household_ref")).to_owned();
        let first = by_ref.get(&reference).copied();
        let read = reader.row(row, first, &file.households);
        match read.and_then(|read| check_code_twice(row, read, &mut by_code)) {
            Ok((household, stall)) => {
                file.cells.insert(row.number, row.cells());
                file.begin_later += usize::from(stall.from > reading.today);
                match first {
                    Some(Ok(at)) => file.households[at].add(stall),
                    _ => {
                        by_ref.insert(reference, Ok(file.households.len()));
                        file.households.push(household);
                    }
                }
            }
            Err(reason) => {
                by_ref.entry(reference).or_insert(Err(row.number));
                file.faults.push(row.fault(reason));
            }
        }
    }
    file.mended = reader.mended;
    file.faults.sort_by_key(|f| f.row);
    file
}

/// Refuses a row that was copied with its stall code: one code is one stall.
fn check_code_twice(
    row: &Row,
    read: (HouseholdDraft, StallDraft),
    by_code: &mut HashMap<String, (u64, String)>,
) -> Result<(HouseholdDraft, StallDraft), Sentence> {
    let Some(code) = &read.1.code else { return Ok(read) };
    let place = [
        "street",
        "market",
        "house_number",
        "stall_number",
        "household_ref",
    ]
    .map(|column| row.get(column))
    .join("\n");
    let (line, first) = by_code
        .entry(code.to_string())
        .or_insert_with(|| (row.number, place.clone()));
    if *first == place {
        return Ok(read);
    }
    Err(sentence!(
        "stall_code: {code} đã ghi ở dòng {line} cho một sạp khác; mỗi sạp một mã, hãy để trống để máy cấp mã mới",
        "stall_code: {code} stands in row {line} for another stall; each stall has a code of its own, leave it empty for a new one"
    ))
}

impl HouseholdDraft {
    fn add(&mut self, stall: StallDraft) {
        // The household exists from its earliest row on.
        if let Some(details) = &mut self.details {
            details.from = details.from.min(stall.from);
        }
        self.stalls.push(stall);
    }
}

impl Reader<'_> {
    fn row(
        &mut self,
        row: &Row,
        first: Option<Result<usize, u64>>,
        households: &[HouseholdDraft],
    ) -> Result<(HouseholdDraft, StallDraft), Sentence> {
        if let Some(Err(line)) = first {
            return Err(sentence!(
                "dòng đầu của hộ này (dòng {line}) bị từ chối, nên chưa biết nơi chính; hãy sửa dòng đó trước",
                "the household's first row (row {line}) is refused, so its principal place is not known; mend that row first"
            ));
        }
        let stall = self.stall(row)?;
        let reference = id_text(row, "household_ref", 100)?;
        let details = self.details(row, stall.from)?;
        if let Some(Ok(at)) = first {
            check_agrees(&households[at], &details)?;
        }
        let household = HouseholdDraft {
            reference,
            details: Some(details),
            stalls: vec![stall.clone()],
        };
        Ok((household, stall))
    }

    fn details(&mut self, row: &Row, from: Day) -> Result<HouseholdDetails, Sentence> {
        Ok(HouseholdDetails {
            name: text(row, "household_name", 200)?,
            class: Class::parse(row.get("class")).ok_or_else(|| {
                wrong(
                    row,
                    "class",
                    "ghi registered hoặc street_vendor",
                    "write registered or street_vendor",
                )
            })?,
            status: match row.get("trading_status") {
                "" => TradingStatus::Trading,
                word => TradingStatus::parse(word).ok_or_else(|| {
                    wrong(
                        row,
                        "trading_status",
                        "ghi trading, paused, moved hoặc closed",
                        "write trading, paused, moved or closed",
                    )
                })?,
            },
            phone: self.phone(row)?,
            from,
        })
    }

    /// A phone; one that a spreadsheet took for a number gets its first zero back, which it can only have lost.
    fn phone(&mut self, row: &Row) -> Result<Option<Phone>, Sentence> {
        let cell = row.get("phone");
        if cell.is_empty() {
            return Ok(None);
        }
        not_shortened(row, "phone")?;
        let number = whole_number(cell);
        if let Some(phone) = Phone::parse(number) {
            return Ok(Some(phone));
        }
        let plain: String = number.chars().filter(|c| !matches!(c, ' ' | '.' | '-')).collect();
        let is_mobile = plain.len() == 9 && plain.starts_with(['3', '5', '7', '8', '9']);
        let is_landline = plain.len() == 10 && plain.starts_with('2');
        let with_zero = (is_mobile || is_landline)
            .then(|| Phone::parse(&format!("0{plain}")))
            .flatten();
        self.mended.phones += usize::from(with_zero.is_some());
        with_zero.map(Some).ok_or_else(|| {
            Sentence::new(
                "phone: không phải số điện thoại Việt Nam, ví dụ 0905 123 456",
                "phone: no Vietnamese phone number, for example 0905 123 456",
            )
        })
    }

    fn stall(&mut self, row: &Row) -> Result<StallDraft, Sentence> {
        let from = self.day(row, "from")?.ok_or_else(|| {
            Sentence::new(
                "from: còn trống; ghi ngày bắt đầu, ví dụ 15/06/2024",
                "from: empty; write the first day, for example 2024-06-15",
            )
        })?;
        let unit = self.unit(row, from)?;
        let name = match (row.get("market"), row.get("street")) {
            ("", "") => {
                return Err(Sentence::new(
                    "street, market: cần ít nhất tên đường hoặc tên chợ",
                    "street, market: the name of a street or a market is needed",
                ));
            }
            ("", _) => PlaceName::Street(text(row, "street", 200)?),
            _ => PlaceName::Market(text(row, "market", 200)?),
        };
        let code = match row.get("stall_code") {
            "" => None,
            code => {
                not_shortened(row, "stall_code")?;
                Some(StallCode::parse(code).map_err(|e| in_column("stall_code", e.sentence()))?)
            }
        };
        let account = self.account(row)?;
        let code_from = self.day(row, "code_from")?;
        if code_from.is_some() && account.as_ref().is_none_or(|a| a.bank_bin.is_empty()) {
            return Err(Sentence::new(
                "code_from: mã QR cần có bank_bin và account_number",
                "code_from: a QR code needs bank_bin and account_number",
            ));
        }
        Ok(StallDraft {
            row: row.number,
            place: PlaceDraft { unit, name },
            house_number: number_of_a_door(row, "house_number")?,
            stall_number: number_of_a_door(row, "stall_number")?,
            code,
            from,
            account,
            code_from,
        })
    }

    /// The ward; its code gets back the zeros that a spreadsheet took from its front.
    fn unit(&mut self, row: &Row, from: Day) -> Result<UnitIx, Sentence> {
        let units = self.reading.units;
        let unit_code = text(row, "unit_code", 20)?;
        let unit_code = whole_number(&unit_code);
        let at = |code: &str| {
            units
                .at(code, from)
                .ok()
                .filter(|unit| units.get(*unit).level.is_commune_level())
        };
        if let Some(unit) = at(unit_code) {
            return Ok(unit);
        }
        // Wards have five digits.
        if let Some(unit) = at(&format!("{unit_code:0>5}")) {
            self.mended.unit_codes += 1;
            return Ok(unit);
        }
        let unit = units
            .at(unit_code, from)
            .map_err(|e| in_column("unit_code", e.sentence()))?;
        let vi = units.get(unit).full_name(Lang::Vi);
        let en = units.get(unit).full_name(Lang::En);
        Err(sentence!(
            "unit_code: {unit_code} là {vi}; cần mã phường, xã hoặc đặc khu",
            "unit_code: {unit_code} is {en}; the code of a ward, commune or special zone is needed"
        ))
    }

    fn account(&self, row: &Row) -> Result<Option<AccountDraft>, Sentence> {
        let bin = bin_of(row.get("bank_bin"));
        check_bank_name(row.get("bank_bin"), bin)?;
        let number = row.get("account_number");
        if number.is_empty() {
            return match bin {
                "" => Ok(None),
                _ => Err(Sentence::new(
                    "account_number: còn trống trong khi có bank_bin",
                    "account_number: empty, though there is a bank_bin",
                )),
            };
        }
        if !bin.is_empty() && (bin.len() != 6 || !bin.bytes().all(|b| b.is_ascii_digit())) {
            return Err(wrong(
                row,
                "bank_bin",
                "cần đúng 6 chữ số, ví dụ 970422",
                "write exactly 6 digits, for example 970422",
            ));
        }
        let relation = match row.get("holder_relation") {
            "" => HolderRelation::Owner,
            word => HolderRelation::parse(word).ok_or_else(|| {
                wrong(
                    row,
                    "holder_relation",
                    "ghi owner, relative hoặc other",
                    "write owner, relative or other",
                )
            })?,
        };
        not_shortened(row, "account_number")?;
        let number = whole_number(number);
        let has_letters = number.chars().any(char::is_alphabetic);
        let has_digits = number.chars().any(|c| c.is_ascii_digit());
        let is_a_number = !row.is_text("account_number") && !has_letters;
        if (has_letters && (number.contains(char::is_whitespace) || !has_digits))
            || (is_a_number && number.contains('.'))
        {
            return Err(Sentence::new(
                "account_number: chỉ ghi số tài khoản, không kèm chữ như STK hay tên ngân hàng, và để dạng văn bản",
                "account_number: write the number of the account alone, without words such as STK or the bank's name, and as text",
            ));
        }
        if !row.is_text("account_number") {
            self.accounts.check(bin, number, self.reading.account_lengths)?;
        }
        Ok(Some(AccountDraft {
            bank_bin: bin.to_owned(),
            // The number itself is not repeated in the reason: it goes to logs and files of refused rows.
            number: AccountNumber::parse(number).map_err(|_| {
                Sentence::new(
                    "account_number: cần 1 đến 19 chữ cái hoặc chữ số, để dạng văn bản",
                    "account_number: write 1 to 19 letters or digits, as text",
                )
            })?,
            holder_name: optional_text(row, "account_holder", 200)?,
            relation,
        }))
    }

    fn day(&self, row: &Row, column: &str) -> Result<Option<Day>, Sentence> {
        let cell = row.get(column);
        if cell.is_empty() {
            return Ok(None);
        }
        let written = written_day::read(whole_number(cell)).ok_or_else(|| {
            wrong(
                row,
                column,
                "ghi ngày dạng ngày/tháng/năm, ví dụ 15/06/2024",
                "write the day as 2024-06-15 or 15/06/2024",
            )
        })?;
        let day = match (written, self.order) {
            (WrittenDay::One { day, .. }, _) => day,
            (WrittenDay::Either { day_first, .. }, Some(Order::DayFirst)) => day_first,
            (WrittenDay::Either { month_first, .. }, Some(Order::MonthFirst)) => month_first,
            (WrittenDay::Either { .. }, None) => {
                return Err(wrong(
                    row,
                    column,
                    "tệp có chỗ ghi ngày trước, có chỗ ghi tháng trước, nên không biết là ngày nào; hãy ghi cả cột một kiểu, ví dụ 15/06/2024",
                    "the file writes the day first in some rows and the month first in others, so this may be either; write the whole column one way, for example 2024-06-15",
                ));
            }
        };
        if day > self.reading.today.plus(DAYS_AHEAD_MAX) || day < Day::ymd(1950, 1, 1) {
            return Err(wrong(
                row,
                column,
                "ngày này cách hôm nay quá xa; hãy kiểm tra năm",
                "this day is too far from today; check the year",
            ));
        }
        Ok(Some(day))
    }
}

/// Refuses a row that states another household than the first row of the same reference.
fn check_agrees(first: &HouseholdDraft, row: &HouseholdDetails) -> Result<(), Sentence> {
    let line = first.stalls.first().map_or(0, |s| s.row);
    let Some(first) = &first.details else {
        return Ok(());
    };
    let differs = |column: &str| {
        Err(sentence!(
            "{column} khác với dòng đầu của hộ này (dòng {line}); hãy ghi giống nhau",
            "{column} differs from the household's first row (row {line}); write the same"
        ))
    };
    if first.name != row.name {
        return differs("household_name");
    }
    if first.class != row.class {
        return differs("class");
    }
    if first.status != row.status {
        return differs("trading_status");
    }
    Ok(())
}

/// The digits of a bank in front of its name, as the template's list has them.
fn bin_of(cell: &str) -> &str {
    let cell = whole_number(cell);
    match cell.split_once([' ', '-']) {
        Some((bin, _)) if bin.len() == 6 && bin.bytes().all(|b| b.is_ascii_digit()) => bin,
        _ => cell,
    }
}

/// Refuses the code of one bank beside the name of another: a list that was dragged down counts the code up and keeps the
/// name.
fn check_bank_name(cell: &str, bin: &str) -> Result<(), Sentence> {
    let banks = Banks::shipped();
    let name = cell
        .trim()
        .strip_prefix(bin)
        .unwrap_or_default()
        .trim_matches(|c: char| !c.is_alphanumeric());
    let Some(bank) = banks.get(bin).filter(|_| !name.is_empty()) else {
        return Ok(());
    };
    if bank.is_called(name) || banks.search(name).iter().any(|found| found.bin == bin) {
        return Ok(());
    }
    let own = &bank.short_name;
    Err(sentence!(
        "bank_bin: {bin} là {own}, mà ô ghi «{name}»; hãy ghi đúng mã ngân hàng",
        "bank_bin: {bin} is {own}, and the cell says «{name}»; write the code of the right bank"
    ))
}

/// Refuses a number of which a spreadsheet shows only the first digits.
fn not_shortened(row: &Row, column: &str) -> Result<(), Sentence> {
    if shortened_number(row.get(column)) {
        // Not repeated: it may be a part of an account.
        return Err(sentence!(
            "{column}: bảng tính đã rút gọn số thành dạng 1.23E+12 và bỏ mất các chữ số sau. Hãy đặt cả cột là Văn bản (Text) rồi gõ lại",
            "{column}: a spreadsheet has shortened the number to the form 1.23E+12 and lost its last digits. Format the column as Text and type it again"
        ));
    }
    Ok(())
}

/// The number of a house or stall, which a spreadsheet may have taken for a day: 12/3 becomes the 12th of March.
fn number_of_a_door(row: &Row, column: &str) -> Result<String, Sentence> {
    not_shortened(row, column)?;
    if looks_like_a_day(row.get(column)) {
        return Err(wrong(
            row,
            column,
            "bảng tính đã đổi số này thành ngày; hãy đặt cả cột là Văn bản (Text) rồi gõ lại, ví dụ 12/3",
            "a spreadsheet has made a day of this number; format the column as Text and type it again, for example 12/3",
        ));
    }
    let number = optional_text(row, column, 50)?;
    Ok(whole_number(&number).to_owned())
}

fn id_text(row: &Row, column: &str, chars_max: usize) -> Result<String, Sentence> {
    not_shortened(row, column)?;
    let id = text(row, column, chars_max)?;
    Ok(whole_number(&id).to_owned())
}

fn text(row: &Row, column: &str, chars_max: usize) -> Result<String, Sentence> {
    match optional_text(row, column, chars_max)? {
        text if text.is_empty() => Err(sentence!("{column}: còn trống", "{column}: empty")),
        text => Ok(text),
    }
}

fn optional_text(row: &Row, column: &str, chars_max: usize) -> Result<String, Sentence> {
    let text = row.get(column);
    match text.chars().count() {
        n if n > chars_max => Err(sentence!(
            "{column}: dài {n} ký tự, tối đa {chars_max}",
            "{column}: {n} characters, {chars_max} at most"
        )),
        _ => Ok(text.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

fn wrong(row: &Row, column: &str, wanted_vi: &str, wanted_en: &str) -> Sentence {
    let cell = row.get(column);
    sentence!(
        "{column}: «{cell}» không dùng được; {wanted_vi}",
        "{column}: «{cell}» cannot be used; {wanted_en}"
    )
}

fn in_column(column: &str, Sentence { vi, en }: Sentence) -> Sentence {
    sentence!("{column}: {vi}", "{column}: {en}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::shipped;

    const HEADER: &str = "household_ref,household_name,class,trading_status,unit_code,street,house_number,market,stall_number,stall_code,bank_bin,account_number,account_holder,holder_relation,phone,from\n";

    fn read(rows: &str) -> RegisterFile {
        let (units, edges) = shipped();
        let units = Units::new(units, edges).unwrap();
        let table = crate::table::read(format!("{HEADER}{rows}").as_bytes(), &SHAPE).unwrap();
        let reading = Reading {
            units: &units,
            account_lengths: &AccountLengths::default(),
            today: Day::ymd(2026, 6, 15),
        };
        read_register(table, reading)
    }

    fn reason(rows: &str) -> String {
        let file = read(rows);
        assert_eq!(file.faults.len(), 1, "{:?}", file.households);
        file.faults[0].reason.vi.clone().into_owned()
    }

    #[test]
    fn what_names_two_things_is_kept_as_neither() {
        let row = |bank: &str, account: &str, phone: &str| {
            reason(&format!(
                "A,Hộ 1,registered,trading,20233,Bạch Đằng,1,,,,{bank},{account},,,{phone},2024-01-01\n"
            ))
        };
        assert!(row("970416 VietinBank", "88990011", "").contains("ACB"));
        for account in ["STK 88990011", "VCB 0011223344", "88990011 MB", "TRUE"] {
            assert!(
                row("970415", account, "").contains("chỉ ghi số tài khoản"),
                "{account}"
            );
        }
        for phone in ["09051234567", "0000000000", "01205123456", "0905 123"] {
            assert!(row("", "", phone).contains("phone"), "{phone}");
        }
        for phone in [
            "(0236) 3123456",
            "+84 (0)905 123 456",
            "0084905123456",
            "0905\u{a0}123\u{a0}456",
        ] {
            let file = read(&format!(
                "A,Hộ 1,registered,trading,20233,Bạch Đằng,1,,,,970415 VietinBank,88990011,,,{phone},2024-01-01\n"
            ));
            assert_eq!(file.faults.len(), 0, "{phone}: {:?}", file.faults);
        }
        // A row that was copied with its code.
        let copied = "A,Hộ 1,registered,trading,20233,Bạch Đằng,12,,,HC7K3M9J,,,,,,2024-01-01\n\
                      A,Hộ 1,registered,trading,20233,Bạch Đằng,13,,,HC7K3M9J,,,,,,2024-01-01\n";
        assert!(reason(copied).contains("dòng 2"));
        // One household, whatever a program wrote behind its number.
        let numbered = "1,Hộ 1,registered,trading,20233,Bạch Đằng,1,,,,,,,,,2024-01-01\n\
                        1.0,Hộ 2,registered,trading,20233,Bạch Đằng,2,,,,,,,,,2024-01-01\n";
        assert_eq!(read(numbered).faults.len(), 1, "another name");
    }

    #[test]
    fn rows_of_one_household_belong_together() {
        let file = read(
            "A,Hộ 1,registered,trading,20233,Bạch Đằng,1,,,,970415,0011,HO MOT,owner,0905 123 456,2024-01-02\n\
             B,Hộ 2,street_vendor,,20233,Bạch Đằng,2,,,,,,,,,2024-01-01\n\
             A,Hộ 1,registered,trading,20236,,,Chợ Hàn,12,,,,,,,2024-01-01\n",
        );
        assert_eq!(file.faults.len(), 0);
        assert_eq!(file.households.len(), 2);
        let a = &file.households[0];
        assert_eq!(
            (a.stalls.len(), a.details.as_ref().unwrap().from),
            (2, Day::ymd(2024, 1, 1))
        );
        assert_eq!(a.stalls[0].account.as_ref().unwrap().number.reveal(), "0011");
        assert_eq!(a.stalls[1].place.name, PlaceName::Market("Chợ Hàn".into()));
    }

    #[test]
    fn refusals_name_the_column() {
        let good = "A,Hộ 1,registered,trading,20233,Bạch Đằng,1,,,,970415,0011,HO MOT,owner,,2024-01-02\n";
        for (from, to, column) in [
            ("20233", "99999", "unit_code"),
            ("20233", "492", "unit_code"),
            ("2024-01-02", "02/13/01/2024", "from"),
            ("2024-01-02", "2099-01-02", "from"),
            ("2024-01-02", "00/01/1900", "from"),
            (",1,,,,", ",05/03/2024,,,,", "house_number"),
            (",,,,970415", ",,2.34E+08,,970415", "stall_number"),
            (",0011,", ",\"1,01E+12\",", "account_number"),
            ("A,", "1E+05,", "household_ref"),
            ("2024-01-02", "", "from"),
            ("registered", "big", "class"),
            ("trading", "sleeping", "trading_status"),
            ("Bạch Đằng", "", "street"),
            ("970415", "97041", "bank_bin"),
            (",0011,", ",12345678901234567890,", "account_number"),
            (",,,970415", ",,HC7K3M96,970415", "stall_code"),
            ("Hộ 1", "", "household_name"),
        ] {
            let got = reason(&good.replacen(from, to, 1));
            assert!(got.starts_with(column), "{column}: {got}");
        }
        // 20239 was Hải Châu II until 2024-12-31
        let got = reason(&good.replace("20233", "20239").replace("2024-01-02", "2025-02-01"));
        assert!(got.starts_with("unit_code"), "{got}");
    }

    #[test]
    fn rows_that_disagree_are_refused_and_the_first_decides() {
        let file = read(
            "A,Hộ 1,registered,trading,20233,Bạch Đằng,1,,,,,,,,,2024-01-02\n\
             A,Hộ Một,registered,trading,20233,Bạch Đằng,2,,,,,,,,,2024-01-02\n\
             B,Hộ 2,registered,trading,00000,Bạch Đằng,1,,,,,,,,,2024-01-02\n\
             B,Hộ 2,registered,trading,20233,Bạch Đằng,2,,,,,,,,,2024-01-02\n",
        );
        assert_eq!(file.households.len(), 1);
        assert_eq!(file.faults.iter().map(|f| f.row).collect::<Vec<_>>(), [3, 4, 5]);
        assert!(file.faults[0].reason.vi.starts_with("household_name"));
    }

    #[test]
    fn what_a_spreadsheet_did_is_undone() {
        let file = read(
            "A,Hộ 1,registered,trading,20233.0,Bạch Đằng,1.0,,,,970415 VietinBank,00889900112,HO MOT,owner,900000002,15/01/2024\n\
             B,Hộ 2,registered,trading,20233,Bạch Đằng,2,,,,970415,88990011223.0,HO HAI,owner,2363123456,05/06/2024\n\
             C,Hộ 3,registered,trading,20233,Bạch Đằng,2A,,,,970415,'889900112,HO BA,owner,0905 123 456,45306\n",
        );
        assert_eq!(file.faults, []);
        assert_eq!(
            file.mended,
            Mended {
                phones: 2,
                unit_codes: 0
            }
        );
        let stall = |at: usize| &file.households[at].stalls[0];
        let number = |at: usize| stall(at).account.as_ref().unwrap().number.reveal().to_owned();
        assert_eq!(
            [number(0), number(1), number(2)],
            ["00889900112", "88990011223", "889900112"]
        );
        assert_eq!(
            (
                stall(0).house_number.as_str(),
                stall(0).account.as_ref().unwrap().bank_bin.as_str()
            ),
            ("1", "970415")
        );
        assert_eq!(
            (stall(0).from, stall(1).from),
            (Day::ymd(2024, 1, 15), Day::ymd(2024, 6, 5))
        );
        assert_eq!(stall(2).from, Day::ymd(2024, 1, 15));
        let phone = |at: usize| {
            file.households[at]
                .details
                .as_ref()
                .unwrap()
                .phone
                .as_ref()
                .unwrap()
                .reveal()
                .to_owned()
        };
        assert_eq!([phone(0), phone(1)], ["+84900000002", "+842363123456"]);
    }

    #[test]
    fn days_of_both_orders_are_asked_about() {
        let row = |name: &str, from: &str| {
            format!("{name},Hộ 1,registered,trading,20233,Bạch Đằng,1,,,,,,,,,{from}\n")
        };
        let file = read(&(row("A", "15/01/2024") + &row("B", "01/15/2024") + &row("C", "05/06/2024")));
        assert_eq!(file.faults.iter().map(|f| f.row).collect::<Vec<_>>(), [4]);
        assert!(file.faults[0].reason.vi.starts_with("from: «05/06/2024»"));
        let file = read(&(row("A", "05/06/2024") + &row("B", "06/15/2024")));
        assert_eq!(file.households[0].stalls[0].from, Day::ymd(2024, 5, 6));
        let file = read(&row("A", "01/08/2026").replace("20233", "20242"));
        assert_eq!(
            (file.begin_later, file.households[0].stalls[0].from),
            (1, Day::ymd(2026, 8, 1))
        );
    }
}
