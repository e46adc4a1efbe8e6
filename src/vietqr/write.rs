//! Writes the payload of a code, or says as a sentence why there is none.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::code::{Alternate, Code, Initiation, Payee, Payload, Service};
use super::crc::crc16;
use super::tags::{
    self, ACCOUNT_MAX, Field, PAYLOAD_MAX, TWO_DIGITS, VALUE_MAX, alternate, beneficiary, napas, root,
};
use crate::vn::{AccountNumber, Dong, Lang, Sentence, error_by_sentence, sentence};

/// The longest bill number of [`bill_payload`]: with the stall code and a space, 19 characters.
pub const BILL_NUMBER_MAX: usize = 10;
/// Characters of a stall code in the note, at most: what every bank is known to carry (docs/spec/vietqr.md,
/// section 7).
const NOTE_MAX: usize = 19;

/// Why no code can be made, as a sentence with the next step. Never repeats an account number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildError {
    /// The bank's BIN is not six digits.
    Bin,
    /// The number to pay to is empty, too long, or holds what no number holds.
    Account,
    /// A card number with letters in it.
    Card,
    /// Zero, negative, or over 13 digits.
    Amount,
    /// A field with a form of its own that does not have it.
    Form {
        field: Field,
        /// What it must be.
        form: (&'static str, &'static str),
    },
    /// Tip indicator and fees do not belong together.
    Tip,
    /// An empty text; leave the field out instead.
    Empty(Field),
    /// A character that is not printable ASCII even without its marks; in a stall code or a bill number,
    /// anything besides A-Z and 0-9.
    Character {
        field: Field,
        /// The first such character.
        character: char,
    },
    /// A field over its limit.
    TooLong {
        field: Field,
        length: usize,
        /// How many there may be.
        max: usize,
    },
    /// Bill number, labels and note do not fit together.
    AdditionalTooLong {
        /// Characters of template 62, headers of its objects included.
        length: usize,
    },
    /// The merchant in another language lacks its language or name, or has one of the wrong length.
    Alternate,
    /// A template of another network that cannot stand in this code.
    Raw(u8),
    /// All of it together does not fit into a code.
    PayloadTooLong {
        /// Characters of the payload.
        length: usize,
    },
}

error_by_sentence!(BuildError);

impl BuildError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            BuildError::Bin => Sentence::new(
                "Mã BIN của ngân hàng phải có đúng 6 chữ số. Hãy chọn lại ngân hàng.",
                "A bank's BIN has exactly 6 digits. Choose the bank again.",
            ),
            BuildError::Account => sentence!(
                "Số nhận tiền phải có từ 1 đến {ACCOUNT_MAX} chữ cái không dấu hoặc chữ số. Hãy chép lại, đừng cắt bớt.",
                "The number to pay to has 1 to {ACCOUNT_MAX} plain letters or digits. Copy it again, and cut nothing off."
            ),
            BuildError::Card => Sentence::new(
                "Số thẻ chỉ được có chữ số. Hãy chép lại số thẻ, hoặc chọn chuyển đến tài khoản.",
                "A card number has digits only. Copy it again, or choose a transfer to an account.",
            ),
            BuildError::Amount => {
                let max = Dong::PAYMENT_MAX;
                let max_en = max.show(Lang::En);
                Sentence::new(
                    format!("Số tiền phải từ 1 đ đến {max}. Hãy nhập lại, hoặc bỏ trống để khách tự nhập."),
                    format!(
                        "The amount must be from 1 dong to {max_en}. Enter it again, or leave it out for the payer."
                    ),
                )
            }
            BuildError::Form { field, form } => {
                let (vi, en) = (field.name_vi(), field.name_en());
                let (form_vi, form_en) = form;
                Sentence::new(
                    format!("{vi} phải là {form_vi}. Hãy nhập lại."),
                    format!("{en} must be {form_en}. Enter it again."),
                )
            }
            BuildError::Tip => Sentence::new(
                "Phí cố định đi với cách tính 02, phí phần trăm đi với 03, và không có phí nào đi với 01. Hãy sửa lại.",
                "A fixed fee goes with indicator 02, a percentage with 03, and no fee with 01. Mend them.",
            ),
            BuildError::Empty(field) => Sentence::new(
                format!(
                    "{} đang trống. Hãy nhập nội dung hoặc bỏ hẳn mục này.",
                    field.name_vi()
                ),
                format!("{} is empty. Enter something, or leave it out.", field.name_en()),
            ),
            BuildError::Character { field, character } => {
                let character = character.escape_debug();
                Sentence::new(
                    format!(
                        "{} có ký tự không dùng được: «{character}». Hãy viết bằng chữ không dấu và chữ số.",
                        field.name_vi()
                    ),
                    format!(
                        "{} holds a character that cannot be used: «{character}». Write it with plain letters and digits.",
                        field.name_en()
                    ),
                )
            }
            BuildError::TooLong { field, length, max } => {
                let over = length - max;
                Sentence::new(
                    format!(
                        "{} dài {length} ký tự, tối đa {max}. Hãy bớt {over} ký tự.",
                        field.name_vi()
                    ),
                    format!(
                        "{} has {length} characters, {max} at most. Take {over} away.",
                        field.name_en()
                    ),
                )
            }
            BuildError::AdditionalTooLong { length } => {
                let over = length - VALUE_MAX;
                sentence!(
                    "Số hóa đơn, các mã và nội dung chuyển khoản cộng lại dài {length} ký tự (kể cả phần đầu mục), tối đa {VALUE_MAX}. Hãy bớt {over} ký tự.",
                    "Bill number, labels and note together have {length} characters (headers included), {VALUE_MAX} at most. Take {over} away."
                )
            }
            BuildError::Alternate => Sentence::new(
                "Tên bằng ngôn ngữ khác cần mã ngôn ngữ 2 chữ, tên từ 1 đến 25 ký tự và, nếu có, thành phố từ 1 đến 15 ký tự. Hãy sửa lại.",
                "A name in another language needs a language code of 2 letters, a name of 1 to 25 characters and, if given, a city of 1 to 15. Mend it.",
            ),
            BuildError::Raw(id) => sentence!(
                "Mục {id:02} không ghi vào mã này được. Hãy dùng mục 02-51 (trừ 38) hoặc 80-99, dài tối đa {VALUE_MAX} ký tự không dấu.",
                "Object {id:02} cannot stand in this code. Use 02-51 (not 38) or 80-99, with at most {VALUE_MAX} plain characters."
            ),
            BuildError::PayloadTooLong { length } => {
                let over = length - PAYLOAD_MAX;
                sentence!(
                    "Mã dài {length} ký tự, tối đa {PAYLOAD_MAX}. Hãy bớt {over} ký tự.",
                    "The code has {length} characters, {PAYLOAD_MAX} at most. Take {over} away."
                )
            }
        }
    }

    /// A stable word for programs; the words of docs/spec/vietqr.md, section 13 where it has one.
    pub const fn code(&self) -> &'static str {
        match self {
            BuildError::Bin => "BIN",
            BuildError::Account | BuildError::Card => "ACCOUNT",
            BuildError::Amount => "AMOUNT",
            BuildError::Form {
                field: Field::Mcc, ..
            } => "MCC",
            BuildError::Form { .. } => "FORM",
            BuildError::Tip => "TIP",
            BuildError::Empty(_) => "ZERO_LENGTH",
            BuildError::Character { .. } => "CHARACTER",
            BuildError::TooLong { .. }
            | BuildError::AdditionalTooLong { .. }
            | BuildError::PayloadTooLong { .. } => "TOO_LONG",
            BuildError::Alternate => "ALT_LANGUAGE",
            BuildError::Raw(_) => "RAW",
        }
    }
}

/// The payload of a code. Vietnamese marks are taken off texts before they are measured; letter case and
/// spaces stay (docs/spec/vietqr.md, section 9).
///
/// Deterministic: the objects always stand in ascending order, 63 last, and absent ones are left out.
pub fn payload(code: &Code) -> Result<Payload, BuildError> {
    let mut out = String::with_capacity(192);
    put(&mut out, root::PAYLOAD_FORMAT, tags::PAYLOAD_FORMAT);
    put(&mut out, root::INITIATION, code.initiation.code());
    put_accounts(&mut out, code)?;
    put_text(&mut out, code, Field::Mcc)?;
    put(&mut out, root::CURRENCY, tags::CURRENCY);
    if let Some(amount) = code.amount {
        let amount = Dong::payment(amount.vnd()).map_err(|_| BuildError::Amount)?;
        let mut digits = [0; 20];
        put(
            &mut out,
            root::AMOUNT,
            decimal(amount.vnd().unsigned_abs(), &mut digits),
        );
    }
    put_tip(&mut out, code)?;
    put(&mut out, root::COUNTRY, tags::COUNTRY);
    for field in [Field::MerchantName, Field::City, Field::PostalCode] {
        put_text(&mut out, code, field)?;
    }
    put_additional(&mut out, code)?;
    if let Some(alternate) = &code.alternate {
        put_alternate(&mut out, alternate)?;
    }
    for (tag, value) in &code.unreserved {
        put_raw(&mut out, *tag, value, (80..=99).contains(tag))?;
    }
    with_checksum(out)
}

/// The payload of a stall's printed card: static, to an account, no amount, the stall code as note.
///
/// The code must be 1 to 19 of A-Z and 0-9, which every bank is known to carry unchanged.
pub fn stall_payload(
    bank_bin: &str,
    account: &AccountNumber,
    stall_code: &str,
) -> Result<Payload, BuildError> {
    note_part(Field::Purpose, stall_code, NOTE_MAX)?;
    payload(&Code::to_account(bank_bin, account).with(Field::Purpose, stall_code))
}

/// The payload of one bill at a stall: dynamic, with the amount and the bill number. Bank apps carry back
/// only the note, so the bill number also stands there, after the stall code and a space.
///
/// The stall code has eight of A-Z and 0-9, the bill number 1 to [`BILL_NUMBER_MAX`] of them.
pub fn bill_payload(
    bank_bin: &str,
    account: &AccountNumber,
    stall_code: &str,
    amount: Dong,
    bill_number: &str,
) -> Result<Payload, BuildError> {
    note_part(Field::Purpose, stall_code, NOTE_MAX - 1 - BILL_NUMBER_MAX)?;
    note_part(Field::BillNumber, bill_number, BILL_NUMBER_MAX)?;
    let code = Code {
        initiation: Initiation::Dynamic,
        amount: Some(amount),
        ..Code::to_account(bank_bin, account)
    };
    payload(
        &code
            .with(Field::BillNumber, bill_number)
            .with(Field::Purpose, format!("{stall_code} {bill_number}")),
    )
}

/// Refuses what banks do not carry back unchanged in a note.
fn note_part(field: Field, text: &str, max: usize) -> Result<(), BuildError> {
    let outside = |c: &char| !matches!(c, 'A'..='Z' | '0'..='9');
    match text.chars().find(outside) {
        Some(character) => Err(BuildError::Character { field, character }),
        None => measured(field, text, max),
    }
}

/// Templates 02 to 51 in ascending order, the payee's among them.
fn put_accounts(out: &mut String, code: &Code) -> Result<(), BuildError> {
    let own = match code.payee {
        Payee::Napas { .. } => root::NAPAS,
        Payee::Vnpay { .. } => root::VNPAY,
    };
    // Beside VNPAY's own template, 38 would be read first and the code would pay somebody else.
    let may_stand = |tag: u8| (2..=51).contains(&tag) && tag != own && tag != root::NAPAS;
    let others = |below: bool| {
        code.other_accounts
            .iter()
            .filter(move |(tag, _)| (**tag < own) == below)
    };
    for (tag, value) in others(true) {
        put_raw(out, *tag, value, may_stand(*tag))?;
    }
    match &code.payee {
        Payee::Napas {
            bank_bin,
            account,
            service,
        } => put_napas(out, bank_bin, account.reveal(), *service)?,
        Payee::Vnpay { merchant_id } => {
            let fits = VALUE_MAX - 4 - tags::VNPAY_AID.len() - 4;
            if !(1..=fits).contains(&merchant_id.len()) || !merchant_id.bytes().all(is_common) {
                return Err(BuildError::Account);
            }
            let start = open(out, root::VNPAY);
            put(out, napas::AID, tags::VNPAY_AID);
            put(out, napas::BENEFICIARY, merchant_id);
            close(out, start);
        }
    }
    for (tag, value) in others(false) {
        put_raw(out, *tag, value, may_stand(*tag))?;
    }
    Ok(())
}

fn put_napas(out: &mut String, bank_bin: &str, account: &str, service: Service) -> Result<(), BuildError> {
    if !is_digits(bank_bin, 6) {
        return Err(BuildError::Bin);
    }
    // A merchant id or the number of a machine is whatever the acquirer gave out.
    let is_permitted: fn(u8) -> bool = match service {
        Service::Account | Service::Card => |b: u8| b.is_ascii_alphanumeric(),
        Service::Push | Service::Cash => is_common,
    };
    if !(1..=ACCOUNT_MAX).contains(&account.len()) || !account.bytes().all(is_permitted) {
        return Err(BuildError::Account);
    }
    if service == Service::Card && !is_digits(account, account.len()) {
        return Err(BuildError::Card);
    }
    let start = open(out, root::NAPAS);
    put(out, napas::AID, tags::NAPAS_AID);
    let receiver = open(out, napas::BENEFICIARY);
    put(out, beneficiary::BANK_BIN, bank_bin);
    put(out, beneficiary::ACCOUNT, account);
    close(out, receiver);
    put(out, napas::SERVICE, service.code());
    close(out, start);
    Ok(())
}

/// 55 to 57, which must fit each other.
fn put_tip(out: &mut String, code: &Code) -> Result<(), BuildError> {
    let has = |field| code.texts.get(field).is_some();
    let fees = (has(Field::FeeFixed), has(Field::FeePercent));
    match (code.texts.get(Field::TipIndicator), fees) {
        (None | Some("01"), (false, false)) | (Some("02"), (true, false)) | (Some("03"), (false, true)) => {}
        (None | Some("01" | "02" | "03"), _) => return Err(BuildError::Tip),
        (Some(_), _) => {
            let field = Field::TipIndicator;
            let form = ("01, 02 hoặc 03", "01, 02 or 03");
            return Err(BuildError::Form { field, form });
        }
    }
    [Field::TipIndicator, Field::FeeFixed, Field::FeePercent]
        .into_iter()
        .try_for_each(|field| put_text(out, code, field))
}

fn put_additional(out: &mut String, code: &Code) -> Result<(), BuildError> {
    let start = open(out, root::ADDITIONAL);
    for field in Field::ALL.into_iter().filter(|f| f.is_additional()) {
        put_text(out, code, field)?;
    }
    match out.len() - start {
        0 => out.truncate(start - 4),
        length if length > VALUE_MAX => return Err(BuildError::AdditionalTooLong { length }),
        _ => close(out, start),
    }
    Ok(())
}

/// Here letters keep their marks, so lengths and bytes differ.
fn put_alternate(out: &mut String, given: &Alternate) -> Result<(), BuildError> {
    let checked = |text: &Option<Cow<str>>, lengths: std::ops::RangeInclusive<usize>| match text {
        Some(text) if lengths.contains(&text.chars().count()) && !text.contains(char::is_control) => Ok(()),
        _ => Err(BuildError::Alternate),
    };
    checked(&given.language, 2..=2)?;
    checked(&given.merchant_name, 1..=25)?;
    if given.city.is_some() {
        checked(&given.city, 1..=15)?;
    }
    let start = open(out, root::ALTERNATE_LANGUAGE);
    for (tag, text) in [
        (alternate::LANGUAGE, &given.language),
        (alternate::MERCHANT_NAME, &given.merchant_name),
        (alternate::CITY, &given.city),
    ] {
        if let Some(text) = text {
            put(out, tag, text);
        }
    }
    close(out, start);
    Ok(())
}

fn put_text(out: &mut String, code: &Code, field: Field) -> Result<(), BuildError> {
    match code.texts.get(field) {
        None => Ok(()),
        Some(text) => put_checked(out, field, text),
    }
}

fn put_checked(out: &mut String, field: Field, text: &str) -> Result<(), BuildError> {
    let plain = plain(field, text)?;
    measured(field, &plain, field.length_max())?;
    let form = match field {
        Field::Mcc if !is_digits(&plain, 4) => ("4 chữ số", "4 digits"),
        Field::FeeFixed
            if plain.bytes().any(|b| !b.is_ascii_digit()) || plain.trim_matches('0').is_empty() =>
        {
            (
                "số tiền nguyên lớn hơn 0, chỉ gồm chữ số",
                "a whole amount above 0, in digits only",
            )
        }
        Field::FeePercent if !is_percent(&plain) => (
            "số phần trăm từ 00.01 đến 99.99",
            "a percentage from 00.01 to 99.99",
        ),
        Field::ConsumerDataRequest if !is_data_request(&plain) => (
            "các chữ A, M, E, mỗi chữ một lần",
            "the letters A, M, E, each of them once",
        ),
        _ => {
            put(out, field.tag(), &plain);
            return Ok(());
        }
    };
    Err(BuildError::Form { field, form })
}

fn put_raw(out: &mut String, tag: u8, value: &str, may_stand: bool) -> Result<(), BuildError> {
    // Zero-length templates are met in the field among 80-99 (docs/spec/vietqr.md, section 8), and only there.
    let shortest = usize::from(tag <= 51);
    if !may_stand || !(shortest..=VALUE_MAX).contains(&value.len()) || !value.bytes().all(is_common) {
        return Err(BuildError::Raw(tag));
    }
    put(out, tag, value);
    Ok(())
}

/// Writes one object; every value comes here measured.
fn put(out: &mut String, tag: u8, value: &str) {
    let length = characters(value);
    debug_assert!(length <= VALUE_MAX);
    out.push_str(TWO_DIGITS[usize::from(tag)]);
    out.push_str(TWO_DIGITS[length]);
    out.push_str(value);
}

/// Lengths count characters, not bytes (docs/spec/vietqr.md, section 1).
fn characters(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

/// Begins an object whose length is not known yet; returns where its value starts.
fn open(out: &mut String, tag: u8) -> usize {
    out.push_str(TWO_DIGITS[usize::from(tag)]);
    out.push_str("00");
    out.len()
}

/// Ends an object: its length, in characters, goes where [`open`] left room.
fn close(out: &mut String, start: usize) {
    let length = characters(&out[start..]);
    debug_assert!(length <= VALUE_MAX);
    out.replace_range(start - 2..start, TWO_DIGITS[length]);
}

/// Adds the checksum, which also covers its own ID and length.
fn with_checksum(mut body: String) -> Result<Payload, BuildError> {
    body.push_str("6304");
    let crc = crc16(body.as_bytes());
    for shift in [12, 8, 4, 0] {
        body.push(char::from(b"0123456789ABCDEF"[usize::from(crc >> shift & 0xf)]));
    }
    match characters(&body) {
        length if length > PAYLOAD_MAX => Err(BuildError::PayloadTooLong { length }),
        _ => Ok(Payload(body)),
    }
}

/// A text as the code can carry it: marks dropped, `đ` and `Đ` written as `d` and `D`, the dashes, quotes
/// and spaces of a word processor as those of a keyboard, the rest as it is.
fn plain(field: Field, text: &str) -> Result<Cow<'_, str>, BuildError> {
    if text.bytes().all(is_common) {
        return Ok(Cow::Borrowed(text));
    }
    let folded = text
        .nfd()
        .filter(|&c| !is_combining_mark(c))
        .map(|c| match c {
            'đ' => 'd',
            'Đ' => 'D',
            '\u{2010}'..='\u{2015}' => '-',
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            '\u{a0}' | '\u{202f}' => ' ',
            c => c,
        })
        .collect::<String>();
    match folded.chars().find(|c| !matches!(c, ' '..='~')) {
        Some(character) => Err(BuildError::Character { field, character }),
        None => Ok(Cow::Owned(folded)),
    }
}

/// Refuses an ASCII text that is empty or over its limit.
fn measured(field: Field, text: &str, max: usize) -> Result<(), BuildError> {
    match text.len() {
        0 => Err(BuildError::Empty(field)),
        length if length > max => Err(BuildError::TooLong { field, length, max }),
        _ => Ok(()),
    }
}

/// The common characters of EMV Book 4: printable ASCII.
const fn is_common(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit())
}

/// One or two digits, and perhaps a dot and one or two more; not zero.
fn is_percent(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let fits = |digits: &str| (1..=2).contains(&digits.len()) && is_digits(digits, digits.len());
    fits(whole) && fits(part) && text.contains(|c| matches!(c, '1'..='9'))
}

fn is_data_request(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'A' | b'M' | b'E'))
        && (1..text.len()).all(|i| !text[..i].contains(&text[i..=i]))
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return std::str::from_utf8(&digits[start..]).expect("digits");
        }
    }
}
