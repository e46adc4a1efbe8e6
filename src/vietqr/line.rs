//! One code as one line of JSON, in the shape of `input` in docs/spec/vietqr.md, section 13.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::{Deserialize as Read, Serialize};
use serde_json::value::RawValue;

use super::banks::Banks;
use super::code::{Alternate, Code, Initiation, Payee, PayeeNumber, Service};
use super::read::{Fault, Reading, read};
use super::tags::Field;
use super::write::payload;
use crate::vn::Dong;

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// One line of JSON.
    pub json: String,
    /// Whether it is what was asked for, and not a refusal.
    pub is_good: bool,
    /// A BIN that is in no directory. Codes to it are made all the same: a bank may be new.
    pub unknown_bin: Option<String>,
}

impl Answer {
    fn refused(json: String) -> Answer {
        Answer {
            json,
            is_good: false,
            unknown_bin: None,
        }
    }
}

/// Makes the payload of a line: an object of the shape of `input`. Whatever is not named is absent;
/// without `kind` it is an account, without `method` static. A name that is not known is refused.
///
/// The answer is `{"payload":"…"}` or `{"error":{"code":"…","message":"…"}}`.
pub fn encode_line(line: &str, banks: &Banks) -> Answer {
    let made = code_of(line).and_then(|code| match payload(&code) {
        Ok(payload) => Ok((payload, unknown_bin(&code, banks))),
        Err(error) => Err((error.code(), error.to_string())),
    });
    match made {
        Ok((payload, unknown_bin)) => {
            let mut json = String::with_capacity(payload.as_str().len() + 16);
            json.push_str(r#"{"payload":"#);
            push_quoted(&mut json, payload.as_str());
            json.push('}');
            Answer {
                json,
                is_good: true,
                unknown_bin,
            }
        }
        Err((code, message)) => {
            let error = serde_json::json!({ "error": { "code": code, "message": message } });
            Answer::refused(error.to_string())
        }
    }
}

/// What a line says: a payload, or a JSON string with one for payloads that no line can hold.
///
/// The answer is `{"valid":true,"input":{…},"warnings":[…]}` or
/// `{"valid":false,"code":"…","reason":"…"}`; the codes are those of [`Fault`], and `INPUT` for a line that
/// is no JSON string.
pub fn decode_line(line: &str, banks: &Banks) -> Answer {
    // A file may begin with a byte order mark.
    let json = line.trim_start_matches('\u{feff}');
    if !json.starts_with('"') {
        return decode(line, banks);
    }
    match serde_json::from_str::<String>(json) {
        Ok(text) => decode(&text, banks),
        Err(error) => Answer::refused(refused("INPUT", &format!("the line is no JSON string: {error}"))),
    }
}

/// As [`decode_line`], of the payload itself.
pub fn decode(payload: &str, banks: &Banks) -> Answer {
    match read(payload) {
        Ok(Reading { code, warnings }) => {
            let unknown_bin = unknown_bin(&code, banks);
            let mut warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
            warnings.extend(
                unknown_bin
                    .iter()
                    .map(|bin| format!("bank {bin} is not in the directory")),
            );
            let decoded = Decoded {
                valid: true,
                input: Input::of(&code),
                warnings,
            };
            Answer {
                json: serde_json::to_string(&decoded).expect("texts and numbers"),
                is_good: true,
                unknown_bin,
            }
        }
        Err(refusal) => Answer::refused(refused(refusal.fault.code(), &refusal.reason)),
    }
}

fn unknown_bin(code: &Code, banks: &Banks) -> Option<String> {
    let (bin, _) = code.account()?;
    banks.get(bin).is_none().then(|| bin.to_owned())
}

fn refused(code: &str, reason: &str) -> String {
    serde_json::json!({ "valid": false, "code": code, "reason": reason }).to_string()
}

#[derive(Serialize)]
struct Decoded<'a> {
    valid: bool,
    input: Input<'a>,
    warnings: Vec<String>,
}

/// The shape of `input`.
#[derive(Read, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Input<'a> {
    #[serde(borrow)]
    bank_bin: Option<Text<'a>>,
    account: Option<Text<'a>>,
    kind: Option<Text<'a>>,
    amount: Option<Amount>,
    purpose: Option<Text<'a>>,
    bill_number: Option<Text<'a>>,
    store_label: Option<Text<'a>>,
    reference_label: Option<Text<'a>>,
    terminal_label: Option<Text<'a>>,
    merchant_name: Option<Text<'a>>,
    city: Option<Text<'a>>,
    mcc: Option<Text<'a>>,
    method: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<Box<Extra<'a>>>,
}

/// What only some codes carry.
#[derive(Read, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Extra<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    scheme: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile_number: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loyalty_number: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_label: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer_data_request: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tip_indicator: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_fixed: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_percent: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alt_language: Option<AltLanguage<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unreserved: BTreeMap<Tag, Text<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    other_accounts: BTreeMap<Tag, Text<'a>>,
}

#[derive(Read, Serialize, Default)]
#[serde(deny_unknown_fields, default)]
struct AltLanguage<'a> {
    #[serde(borrow)]
    language: Option<Text<'a>>,
    merchant_name: Option<Text<'a>>,
    city: Option<Text<'a>>,
}

/// VNPAY's codes in `scheme`.
const VNPAY: &str = "vnpayqr";

type Refused = (&'static str, String);

/// The code that a line of the shape of `input` asks for.
fn code_of(line: &str) -> Result<Code<'_>, Refused> {
    let line = line.trim_start_matches('\u{feff}');
    let input: Input = serde_json::from_str(line).map_err(|error| match error.to_string() {
        text if text.starts_with(NOT_WHOLE) => ("AMOUNT", NOT_WHOLE.to_owned()),
        text => (
            "INPUT",
            format!("the line is not an object of the expected shape: {text}"),
        ),
    })?;
    input.code()
}

impl<'a> Input<'a> {
    fn of(code: &'a Code<'a>) -> Input<'a> {
        let text = |field: Field| code.texts.get(field).map(Text::borrowed);
        let mut extra = Extra {
            mobile_number: text(Field::MobileNumber),
            loyalty_number: text(Field::LoyaltyNumber),
            customer_label: text(Field::CustomerLabel),
            consumer_data_request: text(Field::ConsumerDataRequest),
            postal_code: text(Field::PostalCode),
            tip_indicator: text(Field::TipIndicator),
            fee_fixed: text(Field::FeeFixed),
            fee_percent: text(Field::FeePercent),
            alt_language: code.alternate.as_ref().map(|alternate| AltLanguage {
                language: alternate.language.as_deref().map(Text::borrowed),
                merchant_name: alternate.merchant_name.as_deref().map(Text::borrowed),
                city: alternate.city.as_deref().map(Text::borrowed),
            }),
            unreserved: raw(&code.unreserved),
            other_accounts: raw(&code.other_accounts),
            ..Extra::default()
        };
        let mut input = Input {
            amount: code.amount.map(|amount| Amount(amount.vnd())),
            purpose: text(Field::Purpose),
            bill_number: text(Field::BillNumber),
            store_label: text(Field::StoreLabel),
            reference_label: text(Field::ReferenceLabel),
            terminal_label: text(Field::TerminalLabel),
            merchant_name: text(Field::MerchantName),
            city: text(Field::City),
            mcc: text(Field::Mcc),
            method: Some(Text::borrowed(match code.initiation {
                Initiation::Static => "static",
                Initiation::Dynamic => "dynamic",
            })),
            ..Input::default()
        };
        match &code.payee {
            Payee::Napas {
                bank_bin,
                account,
                service,
            } => {
                input.bank_bin = Some(Text::borrowed(bank_bin));
                input.account = Some(Text::borrowed(account.reveal()));
                let is_card = *service == Service::Card;
                input.kind = Some(Text::borrowed(if is_card { "card" } else { "account" }));
                if matches!(service, Service::Push | Service::Cash) {
                    extra.service = Some(Text::borrowed(service.code()));
                }
            }
            Payee::Vnpay { merchant_id } => {
                extra.scheme = Some(Text::borrowed(VNPAY));
                extra.merchant_id = Some(Text::borrowed(merchant_id));
            }
        }
        input.extra = Some(Box::new(extra)).filter(|extra| !extra.is_empty());
        input
    }

    fn code(self) -> Result<Code<'a>, Refused> {
        let extra = self.extra.as_deref();
        let scheme = extra.and_then(|extra| extra.scheme.as_ref());
        let payee = match scheme.map(Text::as_str) {
            None => Payee::Napas {
                service: service(&self.kind, extra.and_then(|extra| extra.service.as_ref()))?,
                bank_bin: self.bank_bin.ok_or_else(|| absent("bank_bin"))?.0,
                account: PayeeNumber::new(self.account.ok_or_else(|| absent("account"))?.0),
            },
            Some(VNPAY) if self.bank_bin.is_none() && self.account.is_none() && self.kind.is_none() => {
                let merchant_id = extra.and_then(|extra| extra.merchant_id.as_ref());
                Payee::Vnpay {
                    merchant_id: merchant_id.ok_or_else(|| absent("merchant_id"))?.0.clone(),
                }
            }
            Some(VNPAY) => return Err(("INPUT", "vnpayqr has no bank_bin, account or kind".to_owned())),
            Some(other) => return Err(("INPUT", format!("scheme {other:?} is not known; vnpayqr is"))),
        };
        let mut code = Code::of(payee);
        code.initiation = match self.method.as_ref().map(Text::as_str) {
            None | Some("static") => Initiation::Static,
            Some("dynamic") => Initiation::Dynamic,
            Some(other) => {
                let message = format!("method {other:?} is neither static nor dynamic");
                return Err((Fault::Poi.code(), message));
            }
        };
        code.amount = self.amount.map(|Amount(vnd)| Dong::new(vnd));
        let mut put = |field, text: Option<Text<'a>>| {
            if let Some(Text(text)) = text {
                code.texts.set(field, text);
            }
        };
        put(Field::Purpose, self.purpose);
        put(Field::BillNumber, self.bill_number);
        put(Field::StoreLabel, self.store_label);
        put(Field::ReferenceLabel, self.reference_label);
        put(Field::TerminalLabel, self.terminal_label);
        put(Field::MerchantName, self.merchant_name);
        put(Field::City, self.city);
        put(Field::Mcc, self.mcc);
        if let Some(extra) = self.extra {
            put(Field::MobileNumber, extra.mobile_number);
            put(Field::LoyaltyNumber, extra.loyalty_number);
            put(Field::CustomerLabel, extra.customer_label);
            put(Field::ConsumerDataRequest, extra.consumer_data_request);
            put(Field::PostalCode, extra.postal_code);
            put(Field::TipIndicator, extra.tip_indicator);
            put(Field::FeeFixed, extra.fee_fixed);
            put(Field::FeePercent, extra.fee_percent);
            code.alternate = extra.alt_language.map(|given| Alternate {
                language: given.language.map(|text| text.0),
                merchant_name: given.merchant_name.map(|text| text.0),
                city: given.city.map(|text| text.0),
            });
            let raw = |given: BTreeMap<Tag, Text<'a>>| {
                given.into_iter().map(|(tag, text)| (tag.0, text.0)).collect()
            };
            code.other_accounts = raw(extra.other_accounts);
            code.unreserved = raw(extra.unreserved);
        }
        Ok(code)
    }
}

impl Extra<'_> {
    fn is_empty(&self) -> bool {
        let texts = [
            &self.scheme,
            &self.service,
            &self.mobile_number,
            &self.loyalty_number,
            &self.customer_label,
            &self.consumer_data_request,
            &self.postal_code,
            &self.tip_indicator,
            &self.fee_fixed,
            &self.fee_percent,
        ];
        texts.iter().all(|text| text.is_none())
            && self.alt_language.is_none()
            && self.unreserved.is_empty()
            && self.other_accounts.is_empty()
    }
}

fn raw<'a>(templates: &'a BTreeMap<u8, Cow<'a, str>>) -> BTreeMap<Tag, Text<'a>> {
    templates
        .iter()
        .map(|(tag, value)| (Tag(*tag), Text::borrowed(value)))
        .collect()
}

fn absent(name: &str) -> Refused {
    (Fault::Missing.code(), format!("{name} is missing"))
}

fn service(kind: &Option<Text>, service: Option<&Text>) -> Result<Service, Refused> {
    let unknown = |name: &str, text: &str| (Fault::Service.code(), format!("{name} {text:?} is not known"));
    let by_kind = match kind.as_ref().map(Text::as_str) {
        None | Some("account") => Service::Account,
        Some("card") => Service::Card,
        Some(other) => return Err(unknown("kind", other)),
    };
    let Some(code) = service.map(Text::as_str) else {
        return Ok(by_kind);
    };
    match (
        by_kind,
        Service::of(code).ok_or_else(|| unknown("service", code))?,
    ) {
        (kind, service) if kind == service => Ok(service),
        (Service::Account, service @ (Service::Push | Service::Cash)) => Ok(service),
        _ => Err((
            Fault::Service.code(),
            format!("service {code} does not go with this kind"),
        )),
    }
}

/// Writes a JSON string. Payloads are nearly always plain ASCII, which needs no look at each character.
fn push_quoted(out: &mut String, text: &str) {
    if text
        .bytes()
        .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'))
    {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// A text that borrows from the line where it can: serde itself copies one inside an `Option`.
struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    fn borrowed(text: &'a str) -> Text<'a> {
        Text(Cow::Borrowed(text))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text in quotes")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
            fn visit_string<E>(self, text: String) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Owned(text))
            }
        }
        from.deserialize_str(Any).map(Text)
    }
}

/// How an error about an amount begins.
const NOT_WHOLE: &str = "the amount is not a whole number: write đồng in digits alone, without separators, decimals or quotation marks, for example 79000";

/// Whole đồng, written as a JSON integer and nothing else: 79000.0, 7.9e4 and "79000" are refused.
struct Amount(i64);

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(from)?.get();
        let digits = text.strip_prefix('-').unwrap_or(text);
        match text.parse() {
            Ok(vnd) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Amount(vnd)),
            _ => Err(D::Error::custom(NOT_WHOLE)),
        }
    }
}

/// The ID of a template: two digits as the name of a member.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Tag(u8);

impl Serialize for Tag {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:02}", self.0))
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(from)?;
        match text.as_str().parse() {
            Ok(tag) if text.as_str().len() == 2 && tag < 100 => Ok(Tag(tag)),
            _ => Err(D::Error::custom("an ID is two digits")),
        }
    }
}
