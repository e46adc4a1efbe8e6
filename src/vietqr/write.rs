use std::fmt::Write;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::crc::crc16;
use super::tags::{self, Field, VALUE_MAX, beneficiary, napas, root};
use super::{Payload, Service, Transfer};
use crate::vn::{AccountNumber, Dong};

/// Why no code can be made, as a sentence with the next step. Never repeats an account number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The bank's BIN is not six digits.
    #[error("Mã BIN của ngân hàng phải có đúng 6 chữ số. Hãy chọn lại ngân hàng.")]
    Bin,
    /// A card number with letters in it.
    #[error("Số thẻ chỉ được có chữ số. Hãy chép lại số thẻ, hoặc chọn chuyển đến tài khoản.")]
    Card,
    /// Zero, negative, or over 13 digits.
    #[error(
        "Số tiền phải từ 1 đ đến {}. Hãy nhập lại, hoặc bỏ trống để khách tự nhập.",
        Dong::PAYMENT_MAX
    )]
    Amount,
    /// The merchant category code is not four digits.
    #[error("Mã ngành hàng (MCC) phải có đúng 4 chữ số.")]
    Mcc,
    /// A field that is there but says nothing; leave it out instead.
    #[error("{} đang trống. Hãy nhập nội dung hoặc bỏ hẳn mục này.", .0.name_vi())]
    Empty(Field),
    /// A character that is not printable ASCII even without its marks; for a stall code, anything
    /// besides A-Z and 0-9.
    #[error("{} có ký tự không dùng được: «{}». Hãy viết bằng chữ không dấu và chữ số.", .field.name_vi(), .character.escape_debug())]
    Character {
        /// Where.
        field: Field,
        /// The first such character.
        character: char,
    },
    /// A field over its limit.
    #[error("{} dài {length} ký tự, tối đa {}. Hãy bớt {} ký tự.", .field.name_vi(), .field.length_max(), .length - .field.length_max())]
    TooLong {
        /// Where.
        field: Field,
        /// Characters after folding.
        length: usize,
    },
    /// Bill number, three labels and note do not fit together.
    #[error(
        "Số hóa đơn, các mã và nội dung chuyển khoản cộng lại dài {length} ký tự (kể cả phần đầu mục), tối đa {VALUE_MAX}. Hãy bớt {} ký tự.",
        .length - VALUE_MAX
    )]
    AdditionalTooLong {
        /// Characters of template 62, headers of its objects included.
        length: usize,
    },
}

impl BuildError {
    /// A stable word for programs; the words of vietqr FORMAT section 13 where it has one.
    pub const fn code(&self) -> &'static str {
        match self {
            BuildError::Bin => "BIN",
            BuildError::Card => "ACCOUNT",
            BuildError::Amount => "AMOUNT",
            BuildError::Mcc => "MCC",
            BuildError::Empty(_) => "ZERO_LENGTH",
            BuildError::Character { .. } => "CHARACTER",
            BuildError::TooLong { .. } | BuildError::AdditionalTooLong { .. } => "TOO_LONG",
        }
    }
}

/// The payload of a transfer. Vietnamese marks are taken off texts before they are measured; letter case
/// and spaces stay (vietqr FORMAT section 9).
///
/// Deterministic: the objects always stand in ascending order, and absent ones are left out.
pub fn payload(transfer: &Transfer) -> Result<Payload, BuildError> {
    let extras = &transfer.extras;
    let mut out = String::with_capacity(256);
    put(&mut out, root::PAYLOAD_FORMAT, tags::PAYLOAD_FORMAT);
    put(&mut out, root::INITIATION, transfer.initiation.code());
    put(&mut out, root::NAPAS, &napas_template(transfer)?);
    if let Some(mcc) = &extras.mcc {
        if !is_digits(mcc, 4) {
            return Err(BuildError::Mcc);
        }
        put(&mut out, root::MCC, mcc);
    }
    put(&mut out, root::CURRENCY, tags::CURRENCY);
    if let Some(amount) = transfer.amount {
        let amount = Dong::payment(amount.vnd()).map_err(|_| BuildError::Amount)?;
        put(&mut out, root::AMOUNT, &amount.vnd().to_string());
    }
    put(&mut out, root::COUNTRY, tags::COUNTRY);
    put_text(&mut out, Field::MerchantName, extras.merchant_name.as_deref())?;
    put_text(&mut out, Field::City, extras.city.as_deref())?;
    let additional = additional_template(transfer)?;
    if !additional.is_empty() {
        put(&mut out, root::ADDITIONAL, &additional);
    }
    Ok(sealed(out))
}

/// The payload of a stall's printed card: static, to an account, no amount, the stall code as note.
///
/// The code must be 1 to 19 of A-Z and 0-9, which every bank is known to carry unchanged.
pub fn stall_payload(
    bank_bin: &str,
    account: &AccountNumber,
    stall_code: &str,
) -> Result<Payload, BuildError> {
    let field = Field::StallCode;
    let outside = |c: &char| !matches!(c, 'A'..='Z' | '0'..='9');
    if let Some(character) = stall_code.chars().find(outside) {
        return Err(BuildError::Character { field, character });
    }
    let note = measured(field, stall_code.to_owned())?;
    payload(&Transfer {
        purpose: Some(note),
        ..Transfer::to(bank_bin, account.clone())
    })
}

fn napas_template(transfer: &Transfer) -> Result<String, BuildError> {
    let account = transfer.account.reveal();
    if !is_digits(&transfer.bank_bin, 6) {
        return Err(BuildError::Bin);
    }
    if transfer.service == Service::Card && !is_digits(account, account.len()) {
        return Err(BuildError::Card);
    }
    let mut receiver = String::new();
    put(&mut receiver, beneficiary::BANK_BIN, &transfer.bank_bin);
    put(&mut receiver, beneficiary::ACCOUNT, account);
    let mut out = String::new();
    put(&mut out, napas::AID, tags::NAPAS_AID);
    put(&mut out, napas::BENEFICIARY, &receiver);
    put(&mut out, napas::SERVICE, transfer.service.code());
    Ok(out)
}

/// Template 62, or an empty text where none of its objects is there.
fn additional_template(transfer: &Transfer) -> Result<String, BuildError> {
    let extras = &transfer.extras;
    let mut out = String::new();
    put_text(&mut out, Field::BillNumber, extras.bill_number.as_deref())?;
    put_text(&mut out, Field::StoreLabel, extras.store_label.as_deref())?;
    put_text(&mut out, Field::ReferenceLabel, extras.reference_label.as_deref())?;
    put_text(&mut out, Field::TerminalLabel, extras.terminal_label.as_deref())?;
    put_text(&mut out, Field::Purpose, transfer.purpose.as_deref())?;
    match out.len() {
        ..=VALUE_MAX => Ok(out),
        length => Err(BuildError::AdditionalTooLong { length }),
    }
}

fn put_text(out: &mut String, field: Field, text: Option<&str>) -> Result<(), BuildError> {
    if let Some(text) = text {
        put(out, field.tag(), &plain(field, text)?);
    }
    Ok(())
}

/// Writes one object. Every value comes here measured, or is short by its making: the longest template
/// without a measure of its own, 38, has at most 63 characters.
fn put(out: &mut String, tag: u8, value: &str) {
    debug_assert!(tag < 100 && (1..=VALUE_MAX).contains(&value.chars().count()));
    // Writing to a String cannot fail.
    let _ = write!(out, "{tag:02}{:02}{value}", value.chars().count());
}

/// Adds the checksum, which also covers its own ID and length.
fn sealed(mut body: String) -> Payload {
    let _ = write!(body, "{:02}04", root::CRC);
    let crc = crc16(body.as_bytes());
    let _ = write!(body, "{crc:04X}");
    Payload(body)
}

/// A text as the code can carry it: marks dropped, `đ` and `Đ` written as `d` and `D`, the rest as it is.
fn plain(field: Field, text: &str) -> Result<String, BuildError> {
    let folded = text
        .nfd()
        .filter(|&c| !is_combining_mark(c))
        .map(|c| match c {
            'đ' => 'd',
            'Đ' => 'D',
            c => c,
        })
        .collect::<String>();
    match folded.chars().find(|c| !matches!(c, ' '..='~')) {
        Some(character) => Err(BuildError::Character { field, character }),
        None => measured(field, folded),
    }
}

/// Refuses an ASCII text that is empty or over the limit of its field.
fn measured(field: Field, text: String) -> Result<String, BuildError> {
    match text.len() {
        0 => Err(BuildError::Empty(field)),
        length if length > field.length_max() => Err(BuildError::TooLong { field, length }),
        _ => Ok(text),
    }
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit())
}
