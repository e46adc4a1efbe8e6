//! A register file: CSV rows read into households, each row refused on its own.

use std::collections::HashMap;

use super::draft::{
    AccountDraft, Class, HolderRelation, HouseholdDetails, HouseholdDraft, PlaceDraft, PlaceName, StallDraft,
    TradingStatus,
};
use super::stall_code::StallCode;
use crate::places::Units;
use crate::table::{self, Fault, Row, Shape, TableError};
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
}

/// Reads a register file. Rows of one `household_ref` are one household and the first is its principal
/// place; rows that disagree with the first on name, class or status are refused, and all of them if
/// the first is refused.
pub fn read_register(bytes: &[u8], units: &Units) -> Result<RegisterFile, TableError> {
    let table = table::read(bytes, &SHAPE)?;
    let rows = table.rows.len() + table.faults.len();
    let mut file = RegisterFile {
        households: Vec::new(),
        faults: table.faults,
        rows,
        header: table.header,
        cells: HashMap::new(),
    };
    let mut by_ref: HashMap<String, Result<usize, u64>> = HashMap::new();
    for row in &table.rows {
        let reference = row.get("household_ref").to_owned();
        let first = by_ref.get(&reference).copied();
        match read_row(row, units, first, &file.households) {
            Ok((household, stall)) => {
                file.cells.insert(row.number, row.cells().to_vec());
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
    file.faults.sort_by_key(|f| f.row);
    Ok(file)
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

fn read_row(
    row: &Row,
    units: &Units,
    first: Option<Result<usize, u64>>,
    households: &[HouseholdDraft],
) -> Result<(HouseholdDraft, StallDraft), Sentence> {
    if let Some(Err(line)) = first {
        return Err(sentence!(
            "dòng đầu của hộ này (dòng {line}) bị từ chối, nên chưa biết nơi chính; hãy sửa dòng đó trước",
            "the household's first row (row {line}) is refused, so its principal place is not known; mend that row first"
        ));
    }
    let stall = read_stall(row, units)?;
    let reference = text(row, "household_ref", 100)?;
    let details = read_details(row, stall.from)?;
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

fn read_details(row: &Row, from: Day) -> Result<HouseholdDetails, Sentence> {
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
        phone: match row.get("phone") {
            "" => None,
            phone => Some(Phone::parse(phone).ok_or_else(|| {
                Sentence::new(
                    "phone: không phải số điện thoại Việt Nam, ví dụ 0905 123 456",
                    "phone: no Vietnamese phone number, for example 0905 123 456",
                )
            })?),
        },
        from,
    })
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

fn read_stall(row: &Row, units: &Units) -> Result<StallDraft, Sentence> {
    let from = day(row, "from")?.ok_or_else(|| {
        Sentence::new(
            "from: còn trống; ghi ngày bắt đầu, ví dụ 2024-06-15",
            "from: empty; write the first day, for example 2024-06-15",
        )
    })?;
    let unit_code = text(row, "unit_code", 20)?;
    let unit = units
        .at(&unit_code, from)
        .map_err(|e| in_column("unit_code", e.sentence()))?;
    if !units.get(unit).level.is_commune_level() {
        let vi = units.get(unit).full_name(Lang::Vi);
        let en = units.get(unit).full_name(Lang::En);
        return Err(sentence!(
            "unit_code: {unit_code} là {vi}; cần mã phường, xã hoặc đặc khu",
            "unit_code: {unit_code} is {en}; the code of a ward, commune or special zone is needed"
        ));
    }
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
        code => Some(StallCode::parse(code).map_err(|e| in_column("stall_code", e.sentence()))?),
    };
    let account = read_account(row)?;
    let code_from = day(row, "code_from")?;
    if code_from.is_some() && account.as_ref().is_none_or(|a| a.bank_bin.is_empty()) {
        return Err(Sentence::new(
            "code_from: mã QR cần có bank_bin và account_number",
            "code_from: a QR code needs bank_bin and account_number",
        ));
    }
    Ok(StallDraft {
        row: row.number,
        place: PlaceDraft { unit, name },
        house_number: optional_text(row, "house_number", 50)?,
        stall_number: optional_text(row, "stall_number", 50)?,
        code,
        from,
        account,
        code_from,
    })
}

fn read_account(row: &Row) -> Result<Option<AccountDraft>, Sentence> {
    let bin = row.get("bank_bin");
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

fn day(row: &Row, column: &str) -> Result<Option<Day>, Sentence> {
    match row.get(column) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            wrong(
                row,
                column,
                "ghi ngày dạng YYYY-MM-DD, ví dụ 2024-06-15",
                "write the day as YYYY-MM-DD, for example 2024-06-15",
            )
        }),
    }
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
        read_register(format!("{HEADER}{rows}").as_bytes(), &units).unwrap()
    }

    fn reason(rows: &str) -> String {
        let file = read(rows);
        assert_eq!(file.faults.len(), 1, "{:?}", file.households);
        file.faults[0].reason.vi.clone().into_owned()
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
            ("2024-01-02", "02/01/2024", "from"),
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
}
