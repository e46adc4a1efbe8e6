//! What a code says: the payee, the amount, the texts; and the payload that carries it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::tags::Field;
use crate::vn::{AccountNumber, Dong};

/// What a code says: whom to pay and how, before it is written or after it was read.
///
/// Begin with [`Code::to_account`] and name only what differs. Texts may borrow from the payload or the
/// line they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code<'a> {
    /// Who receives the money.
    pub payee: Payee<'a>,
    /// Whether the code serves many payments (01). Never derived from the amount: a stall with one fixed
    /// price has a static code with an amount, and a till may show a dynamic one without.
    pub initiation: Initiation,
    /// Amount the app fills in, 1 to 9.999.999.999.999 đồng (54). Above 499.999.999 the code is well
    /// formed, but NAPAS247 does not carry it in one transfer.
    pub amount: Option<Dong>,
    /// Note, labels, name, category, fees.
    pub texts: Texts<'a>,
    /// The merchant in another language (64).
    pub alternate: Option<Alternate<'a>>,
    /// Account templates of other networks, by ID (02-51), as they stand in the code.
    pub other_accounts: BTreeMap<u8, Cow<'a, str>>,
    /// Templates of anybody's own, by ID (80-99), as they stand in the code.
    pub unreserved: BTreeMap<u8, Cow<'a, str>>,
}

impl<'a> Code<'a> {
    /// A static code to an account, without amount or note.
    pub fn to_account(bank_bin: &'a str, account: &'a AccountNumber) -> Code<'a> {
        Code::of(Payee::Napas {
            bank_bin: bank_bin.into(),
            account: PayeeNumber(account.reveal().into()),
            service: Service::Account,
        })
    }

    /// A static code to this payee, without amount or text.
    pub fn of(payee: Payee<'a>) -> Code<'a> {
        Code {
            payee,
            initiation: Initiation::Static,
            amount: None,
            texts: Texts::default(),
            alternate: None,
            other_accounts: BTreeMap::new(),
            unreserved: BTreeMap::new(),
        }
    }

    /// The same with this text.
    pub fn with(mut self, field: Field, text: impl Into<Cow<'a, str>>) -> Code<'a> {
        self.texts.set(field, text);
        self
    }

    /// Bank BIN and account number, for a code that NAPAS moves the money of.
    pub fn account(&self) -> Option<(&str, &PayeeNumber<'a>)> {
        match &self.payee {
            Payee::Napas {
                bank_bin, account, ..
            } => Some((bank_bin, account)),
            Payee::Vnpay { .. } => None,
        }
    }
}

/// Who receives the money of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payee<'a> {
    /// Somebody at a bank, reached by NAPAS (38).
    Napas {
        /// BIN of the receiving bank or wallet, six digits (38-01-00).
        bank_bin: Cow<'a, str>,
        /// Account, card or merchant number, as `service` says (38-01-01).
        account: PayeeNumber<'a>,
        /// What the number is (38-02).
        service: Service,
    },
    /// A merchant of VNPAY-QR, who is paid through VNPAY and not to a bank account (26).
    Vnpay {
        /// VNPAY's number of the merchant (26-01).
        merchant_id: Cow<'a, str>,
    },
}

/// The number that a code pays to, as it stands in the code; shows itself masked. A code in the field may
/// hold there what no bank calls an account number, so this is wider than [`AccountNumber`].
#[derive(Clone, PartialEq, Eq)]
pub struct PayeeNumber<'a>(Cow<'a, str>);

impl<'a> PayeeNumber<'a> {
    /// Takes any text; the writer checks it.
    pub fn new(text: impl Into<Cow<'a, str>>) -> PayeeNumber<'a> {
        PayeeNumber(text.into())
    }

    /// The whole number, unmasked.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four characters, which may be shown.
    pub fn tail(&self) -> &str {
        let start = self.0.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        &self.0[start..]
    }
}

impl fmt::Debug for PayeeNumber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "•••• {}", self.tail())
    }
}

/// The texts of a code by their field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts<'a>([Option<Cow<'a, str>>; Field::ALL.len()]);

impl<'a> Texts<'a> {
    /// The text of a field.
    pub fn get(&self, field: Field) -> Option<&str> {
        self.0[field as usize].as_deref()
    }

    pub fn set(&mut self, field: Field, text: impl Into<Cow<'a, str>>) {
        self.0[field as usize] = Some(text.into());
    }
}

/// The merchant in another language (64), the only place of a code for letters with marks. A code in the
/// field may lack any of the three; one that is written needs language and name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alternate<'a> {
    /// Two letters of ISO 639 (64-00).
    pub language: Option<Cow<'a, str>>,
    /// At most 25 characters (64-01).
    pub merchant_name: Option<Cow<'a, str>>,
    /// At most 15 characters (64-02).
    pub city: Option<Cow<'a, str>>,
}

/// Which NAPAS247 service moves the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Service {
    /// To an account number.
    #[default]
    Account,
    /// To a card number.
    Card,
    /// A purchase at a merchant of an acquiring bank; the number is that bank's merchant id. Issuing such a
    /// code needs a contract with the bank.
    Push,
    /// Cash at a machine; the number is the machine's.
    Cash,
}

impl Service {
    /// The service code (38-02).
    pub const fn code(self) -> &'static str {
        match self {
            Service::Account => "QRIBFTTA",
            Service::Card => "QRIBFTTC",
            Service::Push => "QRPUSH",
            Service::Cash => "QRCASH",
        }
    }

    /// The service of a code.
    pub fn of(code: &str) -> Option<Service> {
        [Service::Account, Service::Card, Service::Push, Service::Cash]
            .into_iter()
            .find(|service| service.code() == code)
    }
}

/// Point of initiation: how many payments a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Initiation {
    /// Many payments: a printed card.
    #[default]
    Static,
    /// One payment: a code on a till's screen.
    Dynamic,
}

impl Initiation {
    /// The value of 01.
    pub const fn code(self) -> &'static str {
        match self {
            Initiation::Static => "11",
            Initiation::Dynamic => "12",
        }
    }
}

/// The text inside a code, at most 512 characters, with its checksum: printable ASCII but for a merchant's
/// name in another language.
///
/// `Display` and [`Payload::as_str`] give it whole, account number included, since that is what a payer's
/// app must read. `Debug` does not, so that it stays out of logs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(pub(super) String);

impl Payload {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} characters)", self.0.chars().count())
    }
}
