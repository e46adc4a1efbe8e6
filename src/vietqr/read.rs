//! Reads a payload, strictly: the whole format is checked, and the first fault in a fixed order is named.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::code::{Alternate, Code, Initiation, Payee, PayeeNumber, Service, Texts};
use super::crc::crc16;
use super::other::{country, recognise};
use super::tags::{self, ACCOUNT_MAX, AMOUNT_MAX, Field, PAYLOAD_MAX, alternate, beneficiary, napas, root};
use crate::vn::{Dong, Sentence, sentence};

/// What is wrong with a code. The words and their order are those of docs/spec/vietqr.md, section 13: of several
/// faults in one code, the first in this order is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It is something else, such as a link: [`Refusal::instead`] says what.
    NotVietqr,
    /// The checksum does not fit the text.
    BadCrc,
    /// There is no checksum at the end.
    CrcMissing,
    /// The checksum is not four hexadecimal digits.
    CrcFormat,
    /// The text breaks off.
    Truncated,
    /// An object is longer than what it stands in.
    LengthOverrun,
    /// A length is not two digits.
    LengthFormat,
    /// An ID is not two digits.
    TagFormat,
    /// Characters are left over, in a template or after the checksum.
    Trailing,
    /// The first object is not 00.
    Order,
    /// An ID stands twice on one level.
    DuplicateTag,
    /// The account template is of a network that this reader does not know.
    WrongAid,
    /// The currency is not the dong.
    Currency,
    /// The country is not Viet Nam.
    Country,
    /// The amount is no whole number of đồng above zero.
    Amount,
    /// The payload format is not 01.
    Pfi,
    /// The point of initiation is neither static nor dynamic.
    Poi,
    /// The category is not four digits.
    Mcc,
    /// An object that may not be empty is.
    ZeroLength,
    /// The account is empty or too long.
    Account,
    /// The bank's BIN is not six digits.
    Bin,
    /// An unknown service of NAPAS.
    Service,
    /// Something every code has is not there.
    Missing,
    /// Over 512 characters.
    TooLong,
}

impl Fault {
    /// The stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Fault::NotVietqr => "NOT_VIETQR",
            Fault::BadCrc => "BAD_CRC",
            Fault::CrcMissing => "CRC_MISSING",
            Fault::CrcFormat => "CRC_FORMAT",
            Fault::Truncated => "TRUNCATED",
            Fault::LengthOverrun => "LENGTH_OVERRUN",
            Fault::LengthFormat => "LENGTH_FORMAT",
            Fault::TagFormat => "TAG_FORMAT",
            Fault::Trailing => "TRAILING",
            Fault::Order => "ORDER",
            Fault::DuplicateTag => "DUPLICATE_TAG",
            Fault::WrongAid => "WRONG_AID",
            Fault::Currency => "CURRENCY",
            Fault::Country => "COUNTRY",
            Fault::Amount => "AMOUNT",
            Fault::Pfi => "PFI",
            Fault::Poi => "POI",
            Fault::Mcc => "MCC",
            Fault::ZeroLength => "ZERO_LENGTH",
            Fault::Account => "ACCOUNT",
            Fault::Bin => "BIN",
            Fault::Service => "SERVICE",
            Fault::Missing => "MISSING",
            Fault::TooLong => "TOO_LONG",
        }
    }

    /// What it means for somebody who holds the card, and what to do next.
    const fn sentence_vi(self) -> &'static str {
        match self {
            Fault::BadCrc => {
                "Mã bị sai mã kiểm tra: nội dung đã bị sửa hoặc đọc nhầm. Hãy quét lại; nếu vẫn vậy, đừng dùng mã này."
            }
            Fault::CrcMissing | Fault::CrcFormat | Fault::Truncated => {
                "Mã đọc được không trọn vẹn. Hãy quét lại cho thẳng và đủ sáng; nếu vẫn vậy, thẻ đã hỏng."
            }
            Fault::Currency | Fault::Country => "Mã này không nhận tiền đồng Việt Nam. Đừng dùng mã này.",
            Fault::NotVietqr | Fault::WrongAid | Fault::Missing | Fault::Service => {
                "Đây không phải mã VietQR chuyển tiền. Hãy quét mã trên thẻ của sạp."
            }
            Fault::Amount => "Số tiền trong mã không hợp lệ. Hãy làm lại mã.",
            _ => "Mã không đúng chuẩn VietQR. Đừng dùng mã này; hãy in lại thẻ.",
        }
    }
}

/// Why a text is not a code, for an engineer. Never repeats an account number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The first fault in the order of [`Fault`].
    pub fault: Fault,
    /// Which object, what it holds and what it should.
    pub reason: String,
    /// What it is instead, where that is known: another thing, or a code of another country.
    pub instead: Option<Sentence>,
}

impl Refusal {
    /// What it means for somebody who holds the card, and what to do next.
    pub fn sentence(&self) -> Sentence {
        self.instead.clone().unwrap_or_else(|| {
            Sentence::new(
                self.fault.sentence_vi(),
                format!("This is no VietQR code to pay with: {}.", self.reason),
            )
        })
    }
}

/// What is unusual in a code that is read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Checksum in small letters, as MB and MoMo print it.
    LowerCaseChecksum,
    /// 01 is not there; the code is read as static.
    NoInitiation,
    /// An object without content where the field has them (62, 64 to 99).
    ZeroLength(u8),
    /// A text over the limit of its field.
    LongText { field: Field, length: usize },
    /// Letters with marks where the format has none.
    NonAscii(Field),
    /// Tip indicator and fees that contradict each other.
    Tip,
    /// An account number with other characters than letters and digits.
    OddAccount,
    /// Blanks, line ends or a byte order mark around the code.
    Surrounded,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |field: &Field| {
            if field.is_additional() {
                format!("62-{:02}", field.tag())
            } else {
                format!("{:02}", field.tag())
            }
        };
        match self {
            Warning::LowerCaseChecksum => f.write_str("lower-case checksum"),
            Warning::NoInitiation => f.write_str("tag 01 is missing, read as static"),
            Warning::ZeroLength(tag) => write!(f, "zero-length tag {tag:02}"),
            Warning::LongText { field, length } => write!(f, "{} has {length} characters", path(field)),
            Warning::NonAscii(field) => write!(f, "{} has letters with marks", path(field)),
            Warning::Tip => f.write_str("tags 55 to 57 do not belong together"),
            Warning::Surrounded => {
                f.write_str("blanks or a byte order mark around the code were passed over")
            }
            Warning::OddAccount => f.write_str("38-01-01 has other characters than letters and digits"),
        }
    }
}

/// A code that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<'a> {
    /// What it says; texts stand as they are in the code.
    pub code: Code<'a>,
    /// What is unusual in it.
    pub warnings: Vec<Warning>,
}

/// Reads a payload: VietQR in all its services, VNPAY-QR, and the codes of wallets built on VietQR.
///
/// Holds it against the whole format first; of several faults the first in the order of [`Fault`] is told.
/// Any text ends, in time proportional to its length. Blanks and a byte order mark around a code are no part of it.
/// What is no code at all, or a code of another country, is refused as what it is.
pub fn read(text: &str) -> Result<Reading<'_>, Refusal> {
    let whole = text;
    let text = bare(text);
    if let Some(other) = recognise(text) {
        let instead = other.sentence();
        return Err(Refusal {
            fault: Fault::NotVietqr,
            reason: instead.en.trim_end_matches('.').to_owned(),
            instead: Some(instead),
        });
    }
    let mut reader = Reader::default();
    if text.len() < whole.len() {
        reader.warnings.push(Warning::Surrounded);
    }
    let root = reader.walk(text);
    if let Some(refusal) = reader.of_another_country(&root) {
        return Err(refusal);
    }
    let code = reader.code(&root);
    let length = text.chars().count();
    if length > PAYLOAD_MAX {
        reader.fault(Fault::TooLong, || {
            format!("the payload has {length} characters; {PAYLOAD_MAX} at most")
        });
    }
    reader.finish(code)
}

/// A scanned text without blanks and a byte order mark around it.
pub fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    })
}

/// Values of one level by their ID.
type Objects<'a> = [Option<&'a str>; 100];

/// Why the next object cannot be read.
enum WalkError {
    /// Fewer than the four characters of a header are left.
    Short,
    /// ID or length is not two digits.
    Format { is_tag: bool, is_length: bool },
    /// The value ends after the text.
    Overrun {
        tag: u8,
        length: usize,
        available: usize,
    },
}

#[derive(Default)]
struct Reader {
    refusal: Option<Refusal>,
    warnings: Vec<Warning>,
}

impl Reader {
    /// Keeps a fault if no earlier one of the order is known.
    fn fault(&mut self, fault: Fault, reason: impl FnOnce() -> String) {
        if self.refusal.as_ref().is_none_or(|known| fault < known.fault) {
            let reason = reason();
            self.refusal = Some(Refusal {
                fault,
                reason,
                instead: None,
            });
        }
    }

    /// The refusal of a whole code that another country's network reads. Its templates have rules of their own, so
    /// nothing in them is called broken.
    fn of_another_country(&self, root: &Objects<'_>) -> Option<Refusal> {
        let at = |tag: u8| root[usize::from(tag)];
        let letters = at(root::COUNTRY).filter(|letters| *letters != tags::COUNTRY)?;
        let ours = at(root::NAPAS).is_some_and(|template| template.contains(tags::NAPAS_AID))
            || at(root::VNPAY).is_some_and(|template| template.contains(tags::VNPAY_AID));
        // A broken text may have lost its country; then the break is what has to be told.
        if self.refusal.is_some() || ours {
            return None;
        }
        let (vi, en) = country(letters);
        let currency = at(root::CURRENCY).unwrap_or("none");
        let instead = sentence!(
            "Đây là mã thanh toán của {vi}, không phải mã VietQR. Mã không hỏng; hãy quét mã VietQR của sạp.",
            "This is a payment code of {en}, not a VietQR code. It is not damaged; scan the stall's VietQR code."
        );
        Some(Refusal {
            fault: Fault::Country,
            reason: format!(
                "object 58 is {letters:?}, object 53 {currency:?}: a payment code of {en}, another country than Viet Nam, and no VietQR code"
            ),
            instead: Some(instead),
        })
    }

    fn finish(self, code: Option<Code<'_>>) -> Result<Reading<'_>, Refusal> {
        match (self.refusal, code) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(code)) => Ok(Reading {
                code,
                warnings: self.warnings,
            }),
            (None, None) => unreachable!("a code is missing only where a fault was found"),
        }
    }

    /// The outermost level, and its checksum.
    fn walk<'a>(&mut self, text: &'a str) -> Objects<'a> {
        let mut objects = [None; 100];
        let mut rest = text;
        if !rest.starts_with("00") {
            self.fault(Fault::Order, || "the first object is not 00".to_owned());
        }
        while !rest.is_empty() {
            match next(rest) {
                Ok((tag, value, after)) => {
                    self.keep(&mut objects, tag, value, "");
                    rest = after;
                    if tag == root::CRC {
                        self.checksum(&text[..text.len() - after.len() - value.len()], value);
                        if !after.is_empty() {
                            let left = after.chars().count();
                            self.fault(Fault::Trailing, || {
                                format!("{left} characters after the checksum")
                            });
                        }
                        return objects;
                    }
                }
                Err(error) => {
                    self.walk_failed(text, rest, error);
                    return objects;
                }
            }
        }
        self.fault(Fault::CrcMissing, || {
            "there is no checksum (63) at the end".to_owned()
        });
        objects
    }

    /// The outermost level cannot be walked to its end; but the end of the text may still be a checksum.
    fn walk_failed(&mut self, text: &str, rest: &str, error: WalkError) {
        let tail = text.len().checked_sub(4).filter(|&at| text.is_char_boundary(at));
        let sealed = tail.filter(|&at| text[..at].ends_with("6304"));
        match (sealed, error) {
            (
                _,
                WalkError::Overrun {
                    tag: root::CRC,
                    available,
                    ..
                },
            ) => {
                self.fault(Fault::CrcFormat, || format!("the checksum has {available} characters instead of 4: it was cut, or lost its leading zero"));
            }
            (Some(at), error) => {
                self.checksum(&text[..at], &text[at..]);
                self.fault_of_form("", error);
            }
            (None, WalkError::Short | WalkError::Overrun { .. }) => {
                let left = rest.chars().count();
                self.fault(Fault::Truncated, || {
                    format!("the text breaks off: its last {left} characters are the beginning of an object; scan the whole code again")
                });
            }
            (None, error) => {
                self.fault(Fault::CrcMissing, || {
                    "there is no checksum (63) at the end".to_owned()
                });
                self.fault_of_form("", error);
            }
        }
    }

    fn checksum(&mut self, before: &str, value: &str) {
        if value.len() != 4 || !value.bytes().all(|b| b.is_ascii_hexdigit()) {
            self.fault(Fault::CrcFormat, || {
                "the checksum is not four hexadecimal digits".to_owned()
            });
            return;
        }
        let stated = u16::from_str_radix(value, 16).expect("four hexadecimal digits");
        let right = crc16(before.as_bytes());
        if stated != right {
            self.fault(Fault::BadCrc, || {
                format!("the checksum is {value}, the text before it gives {right:04X}")
            });
        } else if value.bytes().any(|b| b.is_ascii_lowercase()) {
            self.warnings.push(Warning::LowerCaseChecksum);
        }
    }

    /// A fault of form, in the template at `path`.
    fn fault_of_form(&mut self, path: &str, error: WalkError) {
        let inside = || match path {
            "" => "the payload".to_owned(),
            path => format!("template {path}"),
        };
        match error {
            WalkError::Short => self.fault(Fault::Trailing, || {
                format!("characters are left over in {}", inside())
            }),
            WalkError::Overrun {
                tag,
                length,
                available,
            } => self.fault(Fault::LengthOverrun, || {
                format!(
                    "object {tag:02} in {} announces {length} characters, {available} are there",
                    inside()
                )
            }),
            WalkError::Format { is_tag, is_length } => {
                if !is_length {
                    self.fault(Fault::LengthFormat, || {
                        format!("a length in {} is not two digits", inside())
                    });
                }
                if !is_tag {
                    self.fault(Fault::TagFormat, || {
                        format!("an ID in {} is not two digits", inside())
                    });
                }
            }
        }
    }

    /// The objects of a template.
    fn open<'a>(&mut self, path: &str, mut rest: &'a str) -> Objects<'a> {
        let mut objects = [None; 100];
        while !rest.is_empty() {
            match next(rest) {
                Ok((tag, value, after)) => {
                    self.keep(&mut objects, tag, value, path);
                    rest = after;
                }
                Err(error) => {
                    self.fault_of_form(path, error);
                    break;
                }
            }
        }
        objects
    }

    fn keep<'a>(&mut self, objects: &mut Objects<'a>, tag: u8, value: &'a str, path: &str) {
        let dash = if path.is_empty() { "" } else { "-" };
        if value.is_empty() {
            if path.is_empty() && matches!(tag, root::ADDITIONAL | 64..) {
                self.warnings.push(Warning::ZeroLength(tag))
            } else {
                self.fault(Fault::ZeroLength, || {
                    format!("object {path}{dash}{tag:02} is empty")
                })
            }
        }
        let place = &mut objects[usize::from(tag)];
        match place {
            Some(_) => self.fault(Fault::DuplicateTag, || {
                format!("object {path}{dash}{tag:02} stands twice")
            }),
            None => *place = Some(value),
        }
    }

    /// What the objects say; none only if there is a fault.
    fn code<'a>(&mut self, root: &Objects<'a>) -> Option<Code<'a>> {
        let at = |tag: u8| root[usize::from(tag)];
        self.check_constant(at(root::PAYLOAD_FORMAT), Fault::Pfi, "00", tags::PAYLOAD_FORMAT);
        self.check_constant(at(root::CURRENCY), Fault::Currency, "53", tags::CURRENCY);
        self.check_constant(at(root::COUNTRY), Fault::Country, "58", tags::COUNTRY);
        let initiation = self.initiation(at(root::INITIATION));
        let amount = at(root::AMOUNT).and_then(|text| self.amount(text));
        let payee = self.payee(root);
        let mut texts = Texts::default();
        let additional = at(root::ADDITIONAL).map(|text| self.open("62", text));
        for field in Field::ALL {
            let level = if field.is_additional() {
                additional.as_ref()
            } else {
                Some(root)
            };
            if let Some(text) = level.and_then(|level| level[usize::from(field.tag())]) {
                self.text(field, text);
                texts.set(field, text);
            }
        }
        self.tip(&texts);
        let alternate = at(root::ALTERNATE_LANGUAGE)
            .filter(|text| !text.is_empty())
            .map(|text| {
                let objects = self.open("64", text);
                let at = |tag: u8| objects[usize::from(tag)].map(Cow::Borrowed);
                Alternate {
                    language: at(alternate::LANGUAGE),
                    merchant_name: at(alternate::MERCHANT_NAME),
                    city: at(alternate::CITY),
                }
            });
        let payee = payee?;
        let own = match payee {
            Payee::Napas { .. } => root::NAPAS,
            Payee::Vnpay { .. } => root::VNPAY,
        };
        let raw = |tags: std::ops::RangeInclusive<u8>| -> BTreeMap<u8, Cow<'a, str>> {
            let others = tags.filter(|tag| *tag != own);
            others
                .filter_map(|tag| Some((tag, Cow::Borrowed(at(tag)?))))
                .collect()
        };
        Some(Code {
            payee,
            initiation,
            amount,
            texts,
            alternate,
            other_accounts: raw(2..=51),
            unreserved: raw(80..=99),
        })
    }

    /// A required object with only one possible value.
    fn check_constant(&mut self, value: Option<&str>, fault: Fault, path: &str, wanted: &str) {
        match value {
            Some(value) if value == wanted => {}
            Some(value) => self.fault(fault, || {
                format!("object {path} is {value:?}; it must be {wanted}")
            }),
            None => self.missing(path),
        }
    }

    fn missing(&mut self, path: &str) {
        self.fault(Fault::Missing, || format!("object {path} is missing"));
    }

    fn initiation(&mut self, value: Option<&str>) -> Initiation {
        match value {
            Some("11") => Initiation::Static,
            Some("12") => Initiation::Dynamic,
            Some(value) => {
                self.fault(Fault::Poi, || {
                    format!("object 01 is {value:?}; 11 is static, 12 dynamic")
                });
                Initiation::Static
            }
            None => {
                self.warnings.push(Warning::NoInitiation);
                Initiation::Static
            }
        }
    }

    /// Digits, and perhaps a dot behind them (docs/spec/vietqr.md, section 6).
    fn amount(&mut self, text: &str) -> Option<Dong> {
        let digits = text.strip_suffix('.').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let vnd = digits
            .parse::<i64>()
            .ok()
            .filter(|_| is_number && text.len() <= AMOUNT_MAX);
        let amount = vnd.and_then(|vnd| Dong::payment(vnd).ok());
        if amount.is_none() {
            self.fault(Fault::Amount, || format!("object 54 is {text:?}; it must be a whole number of đồng above 0, at most {AMOUNT_MAX} characters"));
        }
        amount
    }

    fn payee<'a>(&mut self, root: &Objects<'a>) -> Option<Payee<'a>> {
        let vnpay = root[usize::from(root::VNPAY)];
        match (root[usize::from(root::NAPAS)], vnpay) {
            (Some(napas), _) => self.napas(napas),
            (None, Some(vnpay)) => self.vnpay(vnpay),
            (None, None) => {
                self.fault(Fault::Missing, || {
                    "there is neither VietQR's account template (38) nor VNPAY's (26)".to_owned()
                });
                None
            }
        }
    }

    fn napas<'a>(&mut self, template: &'a str) -> Option<Payee<'a>> {
        // The template of another network has its own rules: only its first object is looked at.
        if let Ok((0, aid, _)) = next(template)
            && aid != tags::NAPAS_AID
        {
            self.fault(Fault::WrongAid, || {
                format!("object 38-00 is {aid:?}; NAPAS's is {}", tags::NAPAS_AID)
            });
            return None;
        }
        let objects = self.open("38", template);
        let at = |tag: u8| objects[usize::from(tag)];
        match at(napas::AID) {
            Some(tags::NAPAS_AID) => {}
            Some(aid) => self.fault(Fault::WrongAid, || {
                format!("object 38-00 is {aid:?}; NAPAS's is {}", tags::NAPAS_AID)
            }),
            None => self.fault(Fault::WrongAid, || {
                "object 38-00, the network's identifier, is missing".to_owned()
            }),
        }
        let service = match at(napas::SERVICE) {
            None => Some(Service::Push),
            Some(code) => {
                let service = Service::of(code);
                if service.is_none() {
                    self.fault(Fault::Service, || {
                        format!("object 38-02 is {code:?}, a service that is not known")
                    });
                }
                service
            }
        };
        let Some(receiver) = at(napas::BENEFICIARY) else {
            self.missing("38-01");
            return None;
        };
        let receiver = self.open("38-01", receiver);
        let bin = receiver[usize::from(beneficiary::BANK_BIN)];
        let account = receiver[usize::from(beneficiary::ACCOUNT)];
        match bin {
            Some(bin) if bin.len() == 6 && bin.bytes().all(|b| b.is_ascii_digit()) => {}
            Some(bin) => self.fault(Fault::Bin, || {
                format!("object 38-01-00 is {bin:?}; a BIN has six digits")
            }),
            None => self.missing("38-01-00"),
        }
        match account.map(|account| account.chars().count()) {
            Some(1..=ACCOUNT_MAX) => {}
            Some(length) => self.fault(Fault::Account, || {
                format!("object 38-01-01 has {length} characters; 1 to {ACCOUNT_MAX}")
            }),
            None => self.missing("38-01-01"),
        }
        if account.is_some_and(|account| !account.bytes().all(|b| b.is_ascii_alphanumeric())) {
            self.warnings.push(Warning::OddAccount);
        }
        Some(Payee::Napas {
            bank_bin: Cow::Borrowed(bin?),
            account: PayeeNumber::new(account?),
            service: service?,
        })
    }

    fn vnpay<'a>(&mut self, template: &'a str) -> Option<Payee<'a>> {
        let is_vnpay = template
            .strip_prefix("0010")
            .is_some_and(|rest| rest.starts_with(tags::VNPAY_AID));
        if !is_vnpay {
            // Its value need not be objects at all (docs/spec/vietqr.md, section 10).
            self.fault(Fault::WrongAid, || {
                "template 26 is not VNPAY's, and there is no VietQR template (38)".to_owned()
            });
            return None;
        }
        let objects = self.open("26", template);
        let merchant_id = objects[usize::from(napas::BENEFICIARY)];
        if merchant_id.is_none() {
            self.missing("26-01");
        }
        Some(Payee::Vnpay {
            merchant_id: Cow::Borrowed(merchant_id?),
        })
    }

    fn text(&mut self, field: Field, text: &str) {
        if field == Field::Mcc {
            if text.len() != 4 || !text.bytes().all(|b| b.is_ascii_digit()) {
                self.fault(Fault::Mcc, || {
                    format!("object 52 is {text:?}; a category has four digits")
                });
            }
            return;
        }
        let length = text.chars().count();
        if length > field.length_max() {
            self.warnings.push(Warning::LongText { field, length });
        }
        if !text.is_ascii() {
            self.warnings.push(Warning::NonAscii(field));
        }
    }

    fn tip(&mut self, texts: &Texts) {
        let has = |field| texts.get(field).is_some();
        let fits = match texts.get(Field::TipIndicator) {
            None | Some("01") => !has(Field::FeeFixed) && !has(Field::FeePercent),
            Some("02") => has(Field::FeeFixed) && !has(Field::FeePercent),
            Some("03") => has(Field::FeePercent) && !has(Field::FeeFixed),
            Some(_) => false,
        };
        if !fits {
            self.warnings.push(Warning::Tip);
        }
    }
}

/// The first object of a text: ID, value, and what follows.
fn next(text: &str) -> Result<(u8, &str, &str), WalkError> {
    let (header, rest) = split(text, 4).map_err(|_| WalkError::Short)?;
    let mut digits = header.chars().map(|c| c.to_digit(10).map(|digit| digit as u8));
    let mut two = || {
        let tens = digits.next().flatten();
        let ones = digits.next().flatten();
        Some(tens? * 10 + ones?)
    };
    match (two(), two()) {
        (Some(tag), Some(length)) => {
            let length = usize::from(length);
            let (value, after) = split(rest, length).map_err(|available| WalkError::Overrun {
                tag,
                length,
                available,
            })?;
            Ok((tag, value, after))
        }
        (tag, length) => Err(WalkError::Format {
            is_tag: tag.is_some(),
            is_length: length.is_some(),
        }),
    }
}

/// Splits off so many characters, or says how many there are.
fn split(text: &str, characters: usize) -> Result<(&str, &str), usize> {
    match text.as_bytes().get(..characters) {
        Some(bytes) if bytes.is_ascii() => Ok(text.split_at(characters)),
        _ => {
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            match ends.nth(characters) {
                Some(at) => Ok(text.split_at(at)),
                None => Err(text.chars().count()),
            }
        }
    }
}
