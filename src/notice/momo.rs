//! MoMo: the IPN of orders and the older notice of a static QR at the counter, PROTOCOLS section 2.

use serde::Serialize;
use serde_json::{Value, json};

use super::json::{ID_CHARS_MAX, Json, Members, TEXT_CHARS_MAX, read_object};
use super::proof::{Hash, Spelling, check_hmac, hmac};
use super::{
    Answer, Details, Item, Kind, Outcome, Outgoing, Protocol, Read, Refusal, Request, Sample, SampleKind,
    Scheme, Secrets, SecretsError, content_of,
};
use crate::vn::{Dong, Secret, TimeMs};

/// Signed names of the IPN in their order; `accessKey` is not in the body (PROTOCOLS section 2.1).
const IPN_NAMES: [&str; 13] = [
    "accessKey",
    "amount",
    "extraData",
    "message",
    "orderId",
    "orderInfo",
    "orderType",
    "partnerCode",
    "payType",
    "requestId",
    "responseTime",
    "resultCode",
    "transId",
];
/// Members of the IPN that are text and may be empty.
const IPN_TEXTS: [&str; 6] = [
    "extraData",
    "message",
    "orderInfo",
    "orderType",
    "payType",
    "requestId",
];
/// Signed names of the notice of a static QR in their order (PROTOCOLS section 2.2).
const QR_NAMES: [&str; 11] = [
    "accessKey",
    "amount",
    "message",
    "momoTransId",
    "partnerCode",
    "partnerRefId",
    "partnerTransId",
    "responseTime",
    "status",
    "storeId",
    "transType",
];
/// 2000-01-01 and 2100-01-01 UTC in milliseconds: a time outside is no time of payment.
const EPOCH_MS_RANGE: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;
/// A partner's keys, the same for both schemes.
const SECRETS: [&str; 3] = ["partner_code", "access_key", "secret_key"];

/// Orders: the IPN, version 2.
pub(super) const IPN_V2: Scheme = Scheme {
    profile: "momo",
    name: "ipn_v2",
    method: "POST",
    paths: &[""],
    secrets: &SECRETS,
    settings: &[(
        "authorized_is_paid",
        "yes: resultCode 9000 (authorised, capture still to come) counts as paid, for merchants whose \
         payments have one step; no (default): only 0 is paid",
    )],
    build: |secrets| {
        let authorized = match secrets.setting("authorized_is_paid") {
            None | Some("no") => Kind::PaymentAuthorized,
            Some("yes") => Kind::Payment,
            Some(_) => return Err(SecretsError::wrong("authorized_is_paid", "wanted yes or no")),
        };
        let keys = Keys::read(secrets)?;
        Ok(Box::new(Ipn { keys, authorized }))
    },
};

/// The notice of a static QR or cash register (legacy).
pub(super) const QR_NOTIFY_V1: Scheme = Scheme {
    profile: "momo",
    name: "qr_notify_v1",
    method: "POST",
    paths: &[""],
    secrets: &SECRETS,
    settings: &[],
    build: |secrets| Ok(Box::new(QrNotify(Keys::read(secrets)?))),
};

/// A partner's keys.
#[derive(Debug)]
struct Keys {
    partner_code: String,
    access_key: Secret,
    secret_key: Secret,
}

impl Keys {
    fn read(secrets: &Secrets) -> Result<Keys, SecretsError> {
        Ok(Keys {
            partner_code: secrets.text("partner_code")?,
            access_key: secrets.secret("access_key")?,
            secret_key: secrets.secret("secret_key")?,
        })
    }

    /// `accessKey=…` and the members as `name=value`, joined by `&`: values as they are, without any
    /// encoding (PROTOCOLS section 2.1).
    fn signed(&self, names: &[&str], members: Members<'_>) -> Result<Vec<u8>, Refusal> {
        let mut text = [b"accessKey=", self.access_key.reveal()].concat();
        for name in &names[1..] {
            let value = match members.object.get(name) {
                None | Some(Json::Null) => String::new(),
                Some(Json::Integer(n)) => n.to_string(),
                Some(Json::Text(t)) => t.clone(),
                Some(_) => return Err(members.wrong(name, "wanted text or a whole number")),
            };
            text.extend_from_slice(format!("&{name}={value}").as_bytes());
        }
        Ok(text)
    }

    fn sign(&self, names: &[&str], members: Members<'_>) -> Result<String, Refusal> {
        let signed = self.signed(names, members)?;
        Ok(Spelling::LowerHex.write(&hmac(Hash::Sha256, &self.secret_key, &signed)))
    }

    /// Proves the members, and that they can be cut out of the signed text in this one way only.
    fn prove(&self, names: &[&str], members: Members<'_>) -> Result<(), Refusal> {
        let sent = members.text("signature", TEXT_CHARS_MAX)?.unwrap_or_default();
        if sent.is_empty() {
            return Err(Refusal::signature("signature", "is missing"));
        }
        let signed = self.signed(names, members)?;
        let recipe = format!(
            "{}, joined as name=value by &, values as they are in UTF-8, without URL encoding, numbers in \
             plain digits; key: secret_key; accessKey from access_key",
            names.join(", ")
        );
        check_hmac(
            sent,
            Spelling::LowerHex,
            Hash::Sha256,
            &self.secret_key,
            &signed,
            &recipe,
        )
        .map_err(|because| Refusal::signature("signature", because))?;
        one_cut(names, &signed)
    }

    fn check_partner(&self, members: Members<'_>) -> Result<(), Refusal> {
        match members.id("partnerCode")? == self.partner_code {
            true => Ok(()),
            false => Err(Refusal::foreign(
                "partnerCode",
                "is not the configured partner_code",
            )),
        }
    }
}

/// Whether each name stands once in the signed text. Values are joined by characters that can be typed,
/// so `&storeId=…` inside a value would let the same signature fit another stall (PROTOCOLS section 1,
/// rule 7; that MoMo is concerned too is inferred). With each name once there is only one cut.
fn one_cut(names: &[&str], signed: &[u8]) -> Result<(), Refusal> {
    let text = String::from_utf8_lossy(signed);
    let twice = |name: &&&str| text.matches(&format!("&{name}=")).count() != 1;
    match names[1..].iter().find(twice) {
        None => Ok(()),
        Some(name) => {
            let because =
                "a value holds this name between & and =, so the signature fits more than one message";
            Err(Refusal::malformed(name, because))
        }
    }
}

/// An amount: positive where money moved; zero too where the provider may send it, since none moved.
pub(super) fn amount_for(kind: Kind, members: Members<'_>, name: &str) -> Result<Dong, Refusal> {
    let is_moneyless = matches!(
        kind,
        Kind::PaymentFailed | Kind::PaymentPending | Kind::Test | Kind::Other
    );
    match is_moneyless && members.integer(name)? == 0 {
        true => Ok(Dong::ZERO),
        false => members.amount(name),
    }
}

/// A time in milliseconds since 1970; seconds and nonsense are refused.
pub(super) fn epoch_ms(members: Members<'_>, name: &str) -> Result<TimeMs, Refusal> {
    let ms = members.integer(name)?;
    match EPOCH_MS_RANGE.contains(&ms) {
        true => Ok(TimeMs(ms)),
        false => Err(members.wrong(
            name,
            "wanted milliseconds since 1970, between the years 2000 and 2100",
        )),
    }
}

/// A refusal for the provider's engineers.
pub(super) fn refused(status: u16, refusal: &Refusal) -> Answer {
    Answer::json(status, json!({"error": refusal.because, "field": refusal.field}))
}

/// The provider's own words for nothing are unknown here, so plain ones (inferred).
fn not_kept() -> Answer {
    Answer::json(503, json!({"error": "not kept, send it again"}))
}

#[derive(Debug)]
struct Ipn {
    keys: Keys,
    /// What resultCode 9000 is.
    authorized: Kind,
}

impl Ipn {
    /// PROTOCOLS section 2.1; a code it does not list is a failure, since only 0 is paid (inferred).
    fn kind(&self, result_code: i64) -> Kind {
        match result_code {
            0 => Kind::Payment,
            9000 => self.authorized,
            1000 | 7000 | 7002 => Kind::PaymentPending,
            // A refused refund says nothing about the payment.
            1080 | 1081 | 1088 => Kind::Other,
            _ => Kind::PaymentFailed,
        }
    }

    fn read(&self, members: Members<'_>) -> Result<Item, Refusal> {
        self.keys.check_partner(members)?;
        for name in IPN_TEXTS {
            members.text(name, TEXT_CHARS_MAX)?;
        }
        let order_id = members.id("orderId")?;
        let trans_id = members.integer("transId")?;
        if trans_id < 0 {
            return Err(members.wrong("transId", "is negative"));
        }
        let kind = self.kind(members.integer("resultCode")?);
        let amount = amount_for(kind, members, "amount")?;
        let details = Details {
            reference: order_id.to_owned(),
            occurred_at: Some(epoch_ms(members, "responseTime")?),
            ..Details::default()
        };
        Ok(Item {
            kind,
            event_id: format!("{trans_id}/{order_id}"),
            provider_txn_id: trans_id.to_string(),
            amount,
            content: content_of(amount, &details),
            details,
        })
    }
}

impl Protocol for Ipn {
    fn headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_orders(&self) -> bool {
        false
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        self.keys.prove(&IPN_NAMES, members)?;
        Ok(one(self.read(members)?))
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        match outcome {
            Outcome::NotKept => not_kept(),
            Outcome::Refused(refusal) => refused(400, refusal),
            // An unknown order and another amount are not MoMo's business (section 2.1, inferred).
            _ => Answer::empty(204),
        }
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let result_code = match sample.kind {
            SampleKind::Payment => 0,
            SampleKind::Failed => 1006,
            SampleKind::Refund => return Err("momo ipn_v2 has no refund notice".to_owned()),
        };
        let body = json!({
            "partnerCode": self.keys.partner_code,
            "orderId": format!("{}-{}", sample.stall_code, sample.number),
            "requestId": format!("rq-{}", sample.number),
            "amount": sample.amount.vnd(),
            "orderInfo": format!("Thanh toán {}", sample.stall_code),
            "orderType": "momo_wallet",
            "transId": sample.number,
            "resultCode": result_code,
            "message": if result_code == 0 { "Successful." } else { "Giao dịch bị từ chối bởi người dùng." },
            "payType": "qr",
            "responseTime": sample.occurred_at.0,
            "extraData": "",
        });
        composed(&self.keys, &IPN_NAMES, body)
    }
}

#[derive(Debug)]
struct QrNotify(Keys);

/// The signed answer, in the order the provider's PHP library prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QrAnswer<'a> {
    status: i64,
    message: &'a str,
    partner_ref_id: &'a str,
    momo_trans_id: &'a str,
    amount: i64,
    signature: String,
}

impl QrNotify {
    fn read(&self, members: Members<'_>) -> Result<Item, Refusal> {
        self.0.check_partner(members)?;
        if members.id("accessKey")?.as_bytes() != self.0.access_key.reveal() {
            return Err(Refusal::foreign("accessKey", "is not the configured access_key"));
        }
        for name in ["message", "partnerTransId", "transType"] {
            members.text(name, TEXT_CHARS_MAX)?;
        }
        // 0 is paid (section 2.2); that any other status is a failure is inferred.
        let kind = match members.integer("status")? {
            0 => Kind::Payment,
            _ => Kind::PaymentFailed,
        };
        let store_id = members.text("storeId", ID_CHARS_MAX)?.unwrap_or_default();
        let typed = members.text("partnerRefId", ID_CHARS_MAX)?.unwrap_or_default();
        let trans_id = members.id("momoTransId")?;
        let amount = amount_for(kind, members, "amount")?;
        let details = Details {
            terminal: Some(store_id.to_owned()).filter(|s| !s.is_empty()),
            reference: format!("{store_id}/{typed}"),
            occurred_at: Some(epoch_ms(members, "responseTime")?),
            ..Details::default()
        };
        Ok(Item {
            kind,
            event_id: trans_id.to_owned(),
            provider_txn_id: trans_id.to_owned(),
            amount,
            content: content_of(amount, &details),
            details,
        })
    }

    /// Echoes the notice's status and message, as the provider's PHP library does.
    fn echo(&self, request: &Request<'_>) -> Result<Answer, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        let mut answer = QrAnswer {
            status: members.integer("status")?,
            message: members.text("message", TEXT_CHARS_MAX)?.unwrap_or_default(),
            partner_ref_id: members.text("partnerRefId", ID_CHARS_MAX)?.unwrap_or_default(),
            momo_trans_id: members.id("momoTransId")?,
            amount: members.integer("amount")?,
            signature: String::new(),
        };
        let signed = format!(
            "amount={}&message={}&momoTransId={}&partnerRefId={}&status={}",
            answer.amount, answer.message, answer.momo_trans_id, answer.partner_ref_id, answer.status
        );
        let mac = hmac(Hash::Sha256, &self.0.secret_key, signed.as_bytes());
        answer.signature = Spelling::LowerHex.write(&mac);
        match serde_json::to_string(&answer) {
            Ok(body) => Ok(Answer::text(200, body)),
            Err(e) => Err(Refusal::malformed("body", e.to_string())),
        }
    }
}

impl Protocol for QrNotify {
    fn headers(&self) -> &'static [&'static str] {
        &[]
    }

    fn has_orders(&self) -> bool {
        false
    }

    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        self.0.prove(&QR_NAMES, members)?;
        Ok(one(self.read(members)?))
    }

    fn answer(&self, request: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        match outcome {
            Outcome::NotKept => not_kept(),
            Outcome::Refused(refusal) => refused(400, refusal),
            _ => self
                .echo(request)
                .unwrap_or_else(|refusal| refused(400, &refusal)),
        }
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let (status, message) = match sample.kind {
            SampleKind::Payment => (0, "Thành Công"),
            SampleKind::Failed => (1006, "Giao dịch bị từ chối"),
            SampleKind::Refund => return Err("momo qr_notify_v1 has no refund notice".to_owned()),
        };
        let body = json!({
            "partnerCode": self.0.partner_code,
            "accessKey": String::from_utf8_lossy(self.0.access_key.reveal()),
            "amount": sample.amount.vnd(),
            "partnerRefId": format!("R{}", sample.number),
            "partnerTransId": "",
            "transType": "momo_wallet",
            "momoTransId": sample.number.to_string(),
            "status": status,
            "message": message,
            "responseTime": sample.occurred_at.0,
            "storeId": sample.stall_code,
        });
        composed(&self.0, &QR_NAMES, body)
    }
}

/// A delivery of one item.
fn one(item: Item) -> Read {
    Read::Notices {
        delivery_id: None,
        items: vec![item],
        variant: "",
    }
}

fn composed(keys: &Keys, names: &[&str], mut body: Value) -> Result<Outgoing, String> {
    let object = read_object(&body.to_string()).map_err(|r| r.to_string())?;
    let signature = Members::of(&object, "").and_then(|members| keys.sign(names, members));
    body["signature"] = signature.map_err(|r| r.to_string())?.into();
    Ok(Outgoing {
        method: "POST",
        path: "",
        query: String::new(),
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string(),
    })
}

/// What the tests of the order and transfer schemes share.
#[cfg(test)]
pub(super) mod testing {
    use super::super::{Delivery, Provider, Received, RefusalKind, scheme};
    use super::*;

    /// A provider with one key.
    pub fn provider(profile: &str, name: &str, secrets: &[(&str, &str)]) -> Provider {
        let scheme = scheme(profile, Some(name)).unwrap();
        let secrets = Secrets::from_pairs(secrets.iter().copied());
        Provider::new("p", scheme, vec![("k1".to_owned(), secrets)]).unwrap()
    }

    /// Of a vector's secrets.
    fn provider_of(profile: &str, name: &str, secrets: &Value) -> Provider {
        let texts = secrets.as_object().unwrap().iter().map(|(n, v)| match v {
            Value::String(t) => (n.clone(), t.clone()),
            other => (n.clone(), other.to_string()),
        });
        let text = serde_json::to_string(&texts.collect::<std::collections::BTreeMap<_, _>>()).unwrap();
        let scheme = scheme(profile, Some(name)).unwrap();
        let secrets = Secrets::read(&text, scheme).unwrap();
        Provider::new("p", scheme, vec![("k1".to_owned(), secrets)]).unwrap()
    }

    pub fn with_request<T>(headers: &[(&str, &str)], body: &[u8], then: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        then(&Request {
            method: "POST",
            path: "",
            query: "",
            headers: &headers,
            body,
            is_evidence: false,
        })
    }

    pub fn notices(received: Result<Received, Refusal>) -> Result<Delivery, Refusal> {
        match received? {
            Received::Notices(delivery) => Ok(delivery),
            Received::Token(_) => panic!("no token"),
        }
    }

    pub fn receive(
        p: &Provider,
        headers: &[(&str, &str)],
        body: &[u8],
        now: Option<TimeMs>,
    ) -> Result<Delivery, Refusal> {
        with_request(headers, body, |request| notices(p.receive(request, now)))
    }

    /// All vectors of a scheme hold: verdict, fields and reply; and kept evidence proves itself again.
    pub fn check_vectors(profile: &str, name: &str) {
        let all: Value =
            serde_json::from_str(include_str!("../../tests/data/provider_vectors.json")).unwrap();
        let all = all.as_array().unwrap().iter();
        let own: Vec<_> = all
            .filter(|v| v["provider"] == profile && v["scheme"] == name)
            .collect();
        assert!(!own.is_empty(), "no vector of {profile}/{name}");
        for vector in own {
            check_vector(&provider_of(profile, name, &vector["secrets"]), vector);
        }
    }

    fn check_vector(p: &Provider, vector: &Value) {
        let id = &vector["id"];
        let sent = vector["request"]["headers"].as_object().unwrap();
        let headers: Vec<_> = sent
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str().unwrap()))
            .collect();
        let body = vector["request"]["body"].as_str().unwrap().as_bytes();
        let now = vector["now"].as_i64().map(|s| TimeMs(s * 1000));
        let received = receive(p, &headers, body, now);
        let any = vector["expect"]["verdict_any"].as_array().cloned();
        let any = any.unwrap_or_else(|| vec![vector["expect"]["verdict"].clone()]);
        let verdict = received.as_ref().map_or_else(Refusal::verdict, |_| "accept");
        assert!(any.contains(&verdict.into()), "{id}: {received:?}");
        if let Ok(delivery) = &received {
            assert_eq!(delivery.items.len(), 1, "{id}");
            check_item(id, &delivery.items[0], &vector["expect"]);
            check_evidence(p, delivery);
        }
        let outcome = match (&received, vector["context"]["ledger"].as_str()) {
            (Err(refusal), _) => Outcome::Refused(refusal.clone()),
            (_, Some("already_confirmed")) => Outcome::Repeat,
            (_, Some("unknown_order")) => Outcome::UnknownOrder,
            (_, None) => Outcome::Stored,
            (_, Some(other)) => panic!("{id}: {other}"),
        };
        let answer = with_request(&headers, body, |request| {
            p.answer(request, received.as_ref().ok(), &outcome)
        });
        check_reply(id, &answer, &vector["reply"]);
    }

    fn check_item(id: &Value, item: &Item, expect: &Value) {
        let details = &item.details;
        let any = expect["kind_any"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![expect["kind"].clone()]);
        assert!(any.contains(&item.kind.as_str().into()), "{id}: {:?}", item.kind);
        assert_eq!(expect["amount_vnd"], item.amount.vnd(), "{id}");
        assert_eq!(expect["provider_txn_id"], item.provider_txn_id, "{id}");
        assert_eq!(expect["reference"], details.reference, "{id}");
        let at = expect["occurred_at"].as_str().map(|t| TimeMs::parse(t).unwrap());
        assert_eq!(details.occurred_at, at, "{id}");
        for (name, got) in [
            ("bank_ref", &details.bank_ref),
            ("terminal", &details.terminal),
            ("transfer_note", &details.note),
        ] {
            if let Some(want) = expect.get(name) {
                assert_eq!(want, &json!(got), "{id} {name}");
            }
        }
        assert_eq!(item.content, content_of(item.amount, details), "{id}");
    }

    fn check_evidence(p: &Provider, delivery: &Delivery) {
        let kept = &delivery.evidence;
        let headers: Vec<_> = kept
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_bytes()))
            .collect();
        let request = Request {
            method: &kept.method,
            path: &kept.path,
            query: &kept.query,
            headers: &headers,
            body: &kept.body,
            is_evidence: true,
        };
        assert_eq!(notices(p.receive(&request, None)).as_ref(), Ok(delivery));
    }

    fn check_reply(id: &Value, answer: &Answer, reply: &Value) {
        assert_eq!(reply["status"], answer.status, "{id}");
        if let Some(wanted) = reply["match"].as_object() {
            let got: Value = serde_json::from_str(&answer.body).unwrap();
            for (name, value) in wanted {
                assert_eq!(&got[name], value, "{id} {name}");
            }
        }
        // Ours are the very words of the vectors, where those print some.
        if let Some(body) = reply["body"].as_str() {
            assert_eq!(answer.body, body, "{id}");
        }
    }

    /// A sample of the kind.
    pub fn sample(kind: SampleKind) -> Sample {
        Sample {
            kind,
            number: 77_001,
            payment_number: 77_000,
            amount: Dong::payment(52_000).unwrap(),
            bank_bin: "970422".to_owned(),
            account_number: "0938123456".to_owned(),
            stall_code: "CBTA2C34".to_owned(),
            occurred_at: TimeMs::parse("2026-01-15T17:58:59+07:00").unwrap(),
        }
    }

    /// When samples are sent.
    pub const NOW: TimeMs = TimeMs(1_768_474_800_000);

    /// The callback of a sample, received.
    pub fn receive_composed(p: &Provider, sample: &Sample) -> Result<Item, String> {
        let out = p.compose(sample, NOW)?;
        let headers: Vec<_> = out.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let delivery = receive(p, &headers, out.body.as_bytes(), Some(NOW)).map_err(|r| r.to_string())?;
        assert_eq!(delivery.items.len(), 1);
        Ok(delivery.items.into_iter().next().unwrap())
    }

    /// A composed payment reads back; its item.
    pub fn check_composed(p: &Provider) -> Item {
        let sample = sample(SampleKind::Payment);
        let item = receive_composed(p, &sample).unwrap();
        assert_eq!((item.kind, item.amount), (Kind::Payment, sample.amount));
        assert_eq!(item.details.occurred_at, Some(sample.occurred_at));
        assert_eq!(p.compose(&sample, NOW), p.compose(&sample, NOW));
        item
    }

    /// What each outcome but a refusal is answered with.
    pub fn answers(p: &Provider, headers: &[(&str, &str)], body: &[u8]) -> Vec<(u16, String)> {
        let delivery = receive(p, headers, body, None).unwrap();
        let expected = Dong::new(1);
        let outcomes = [
            Outcome::Stored,
            Outcome::Repeat,
            Outcome::UnknownOrder,
            Outcome::AmountDiffers { expected },
            Outcome::NotKept,
        ];
        let answer = |o: &Outcome| with_request(headers, body, |r| p.answer(r, Some(&delivery), o));
        outcomes.iter().map(answer).map(|a| (a.status, a.body)).collect()
    }

    /// How a refusal of the class is answered.
    pub fn refused_with(p: &Provider, kind: RefusalKind) -> Answer {
        let outcome = Outcome::Refused(Refusal::new(kind, "f", "b"));
        with_request(&[], b"", |request| p.answer(request, None, &outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Provider, RefusalKind, scheme};
    use super::testing::*;
    use super::*;
    use proptest::prelude::*;

    const PAIRS: [(&str, &str); 3] = [
        ("partner_code", "MOMOCHO2026"),
        ("access_key", "AK7f"),
        ("secret_key", "sk-cho"),
    ];

    fn keys() -> Keys {
        Keys::read(&Secrets::from_pairs(PAIRS)).unwrap()
    }

    fn ipn() -> Provider {
        provider("momo", "ipn_v2", &PAIRS)
    }

    fn qr() -> Provider {
        provider("momo", "qr_notify_v1", &PAIRS)
    }

    /// Signs a body as it stands, whatever it holds.
    fn signed(names: &[&str], body: &str) -> String {
        let object = match super::super::json::read(body).unwrap() {
            Json::Object(object) => object,
            other => panic!("{other:?}"),
        };
        let members = Members {
            object: &object,
            prefix: "",
        };
        let signature = keys().sign(names, members).unwrap();
        format!(
            "{},\"signature\":\"{signature}\"}}",
            body.strip_suffix('}').unwrap()
        )
    }

    const IPN: &str = r#"{"partnerCode":"MOMOCHO2026","orderId":"CBT-A1","requestId":"rq-1","amount":21500,"orderInfo":"Tiền rau & cá","orderType":"momo_wallet","transId":2900007919,"resultCode":0,"message":"Successful.","payType":"qr","responseTime":1767582061007,"extraData":""}"#;
    const QR: &str = r#"{"partnerCode":"MOMOCHO2026","accessKey":"AK7f","amount":36000,"partnerRefId":"A012-0001","partnerTransId":"","transType":"momo_wallet","momoTransId":"43900001","status":0,"message":"Thành Công","responseTime":1767582001000,"storeId":"CBT-A012"}"#;

    fn read_ipn(body: &str) -> Result<Item, Refusal> {
        receive(&ipn(), &[], signed(&IPN_NAMES, body).as_bytes(), None).map(|d| d.items[0].clone())
    }

    fn read_qr(body: &str) -> Result<Item, Refusal> {
        receive(&qr(), &[], signed(&QR_NAMES, body).as_bytes(), None).map(|d| d.items[0].clone())
    }

    #[test]
    fn vectors_hold() {
        check_vectors("momo", "ipn_v2");
        check_vectors("momo", "qr_notify_v1");
    }

    #[test]
    fn result_codes_say_what_happened() {
        for (code, kind) in [
            (0, Kind::Payment),
            (9000, Kind::PaymentAuthorized),
            (1000, Kind::PaymentPending),
            (7000, Kind::PaymentPending),
            (7002, Kind::PaymentPending),
            (1001, Kind::PaymentFailed),
            (1080, Kind::Other),
            (4100, Kind::PaymentFailed),
            (-7, Kind::PaymentFailed),
        ] {
            let body = IPN.replace("\"resultCode\":0", &format!("\"resultCode\":{code}"));
            assert_eq!(read_ipn(&body).unwrap().kind, kind, "{code}");
            let unpaid = read_ipn(&body.replace("21500", "0")).map(|i| i.amount);
            let is_free = !matches!(kind, Kind::Payment | Kind::PaymentAuthorized);
            assert_eq!(unpaid.ok(), is_free.then_some(Dong::ZERO), "{code}");
        }
    }

    #[test]
    fn one_step_merchants_are_paid_at_9000() {
        let with = |value: &str| {
            let pairs = PAIRS.into_iter().chain([("authorized_is_paid", value)]);
            let secrets = Secrets::from_pairs(pairs);
            Provider::new(
                "p",
                scheme("momo", None).unwrap(),
                vec![("k1".to_owned(), secrets)],
            )
        };
        let body = signed(
            &IPN_NAMES,
            &IPN.replace("\"resultCode\":0", "\"resultCode\":9000"),
        );
        let kind = |value: &str| {
            receive(&with(value).unwrap(), &[], body.as_bytes(), None)
                .unwrap()
                .items[0]
                .kind
        };
        assert_eq!(
            (kind("yes"), kind("no")),
            (Kind::Payment, Kind::PaymentAuthorized)
        );
        assert!(matches!(with("maybe"), Err(SecretsError::Value { .. })));
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (from, to, field) in [
            ("21500", "\"21500\"", "amount"),
            ("21500", "-1", "amount"),
            ("21500", "0", "amount"),
            ("21500", "10000000000000", "amount"),
            ("21500", "21500.5", "amount"),
            ("21500", "2.15e4", "amount"),
            ("21500", "-0", "amount"),
            ("\"resultCode\":0", "\"resultCode\":\"0\"", "resultCode"),
            ("2900007919", "\"2900007919\"", "transId"),
            ("2900007919", "-5", "transId"),
            ("1767582061007", "1767582061", "responseTime"),
            ("1767582061007", "\"1767582061007\"", "responseTime"),
            ("\"CBT-A1\"", "7", "orderId"),
            ("\"CBT-A1\"", "\"\"", "orderId"),
            ("\"CBT-A1\"", "\"a\\u0000\"", "orderId"),
            ("\"extraData\":\"\"", "\"extraData\":7", "extraData"),
            ("\"rq-1\"", "\"rq\\u0000\"", "requestId"),
        ] {
            let body = IPN.replacen(from, to, 1);
            // Fractions cannot be signed at all; everything else is signed and then refused.
            let members_of = |b: &str| receive(&ipn(), &[], b.as_bytes(), None).unwrap_err();
            let refusal = match ["21500.5", "2.15e4", "-0"].contains(&to) {
                true => members_of(&body.replace("\"extraData\"", "\"signature\":\"00\",\"extraData\"")),
                false => read_ipn(&body).unwrap_err(),
            };
            assert_eq!(
                (refusal.kind, refusal.field.as_str()),
                (RefusalKind::Malformed, field),
                "{body}"
            );
        }
        for body in ["", "{", "7", "[]", "\u{feff}{}"] {
            let refusal = receive(&ipn(), &[], body.as_bytes(), None).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Malformed, "{body}");
        }
        let twice = signed(&IPN_NAMES, IPN).replacen("\"amount\":21500", "\"amount\":21500,\"amount\":9", 1);
        let refusal = receive(&ipn(), &[], twice.as_bytes(), None).unwrap_err();
        assert_eq!(
            (refusal.kind, refusal.field.as_str()),
            (RefusalKind::Malformed, "amount")
        );
    }

    #[test]
    fn large_numbers_stay_exact() {
        let item = read_ipn(&IPN.replace("2900007919", "9007199254740993")).unwrap();
        assert_eq!(item.provider_txn_id, "9007199254740993");
        assert_eq!(item.event_id, "9007199254740993/CBT-A1");
    }

    #[test]
    fn another_partner_is_foreign() {
        let refusal = read_ipn(&IPN.replace("MOMOCHO2026", "MOMOCHO2027")).unwrap_err();
        assert_eq!(
            (refusal.kind, refusal.field.as_str()),
            (RefusalKind::Foreign, "partnerCode")
        );
        let refusal = read_qr(&QR.replace("AK7f", "AK8f")).unwrap_err();
        assert_eq!(
            (refusal.kind, refusal.field.as_str()),
            (RefusalKind::Foreign, "accessKey")
        );
    }

    #[test]
    fn a_message_that_can_be_cut_twice_is_refused() {
        // The payer typed the rest of a notice; the same signature fits the notice of another stall.
        let typed = "x&partnerTransId=&responseTime=1767582001000&status=0&storeId=CBT-B001&transType=y";
        let honest = signed(&QR_NAMES, &QR.replace("A012-0001", typed));
        let forged = QR
            .replace("A012-0001", "x")
            .replace("CBT-A012", "CBT-B001")
            .replace("\"momo_wallet\"", "\"y&partnerTransId=&responseTime=1767582001000&status=0&storeId=CBT-A012&transType=momo_wallet\"");
        let forged = signed(&QR_NAMES, &forged);
        let end = |body: &str| body[body.find("\"signature\"").unwrap()..].to_owned();
        assert_eq!(end(&honest), end(&forged));
        for body in [honest, forged] {
            let refusal = receive(&qr(), &[], body.as_bytes(), None).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Malformed);
            assert!(
                refusal.because.contains("more than one message"),
                "{}",
                refusal.because
            );
        }
    }

    #[test]
    fn bytes_are_not_normalised() {
        let decomposed = IPN.replace("Tiền", "Tie\u{302}\u{300}n");
        let good = signed(&IPN_NAMES, IPN);
        let moved = good.replace("Tiền", "Tie\u{302}\u{300}n");
        assert_eq!(
            receive(&ipn(), &[], moved.as_bytes(), None).unwrap_err().kind,
            RefusalKind::Signature
        );
        assert!(read_ipn(&decomposed).is_ok());
    }

    #[test]
    fn mistakes_are_named_without_the_secret() {
        let good = signed(&IPN_NAMES, IPN);
        let at = good.find("\"signature\":\"").unwrap() + 13;
        let upper = format!("{}{}", &good[..at], good[at..].to_uppercase());
        let refusal = receive(&ipn(), &[], upper.as_bytes(), None).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Signature);
        for part in [
            "upper-case",
            "accessKey, amount, extraData, message, orderId",
            "joined as name=value by &",
        ] {
            assert!(refusal.because.contains(part), "{}", refusal.because);
        }
        for hidden in ["sk-cho", "AK7f", &good[at..at + 64]] {
            assert!(!refusal.because.contains(hidden) && !format!("{:?}", ipn()).contains(hidden));
        }
        assert_eq!(
            receive(&ipn(), &[], IPN.as_bytes(), None).unwrap_err().because,
            "is missing"
        );
    }

    #[test]
    fn outcomes_are_answered() {
        let body = signed(&IPN_NAMES, IPN);
        let answers_ipn = answers(&ipn(), &[], body.as_bytes());
        assert!(
            answers_ipn[..4].iter().all(|a| *a == (204, String::new())),
            "{answers_ipn:?}"
        );
        assert_eq!(answers_ipn[4].0, 503);
        let failed = QR.replace("\"status\":0", "\"status\":7");
        let answers_qr = answers(&qr(), &[], signed(&QR_NAMES, &failed).as_bytes());
        assert!(
            answers_qr[..4]
                .iter()
                .all(|a| a.0 == 200 && a.1.starts_with("{\"status\":7,\"message\":"))
        );
        assert_eq!(answers_qr[4].0, 503);
        for kind in [
            RefusalKind::Signature,
            RefusalKind::Malformed,
            RefusalKind::Foreign,
        ] {
            assert_eq!(
                (
                    refused_with(&ipn(), kind).status,
                    refused_with(&qr(), kind).status
                ),
                (400, 400)
            );
        }
    }

    #[test]
    fn composed_notices_read_back() {
        let item = check_composed(&ipn());
        assert!(item.details.reference.starts_with("CBTA2C34-"));
        assert_eq!(
            check_composed(&qr()).details.terminal.as_deref(),
            Some("CBTA2C34")
        );
        for p in [ipn(), qr()] {
            let failed = receive_composed(&p, &sample(SampleKind::Failed)).unwrap();
            assert_eq!(failed.kind, Kind::PaymentFailed);
            assert!(
                receive_composed(&p, &sample(SampleKind::Refund))
                    .unwrap_err()
                    .contains("no refund notice")
            );
        }
    }

    #[test]
    fn it_is_not_built_without_its_secrets() {
        for name in SECRETS {
            let pairs = PAIRS.into_iter().filter(|(n, _)| *n != name);
            let secrets = Secrets::from_pairs(pairs);
            for scheme in [&IPN_V2, &QR_NOTIFY_V1] {
                assert_eq!(
                    scheme.protocol(&secrets).err(),
                    Some(SecretsError::Missing(name.to_owned()))
                );
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_accepted_without_proof(body: Vec<u8>, signature in "\\PC{0,70}", id in "\\PC{0,9}") {
            for p in [ipn(), qr()] {
                prop_assert!(receive(&p, &[("signature", &signature)], &body, None).is_err());
                let body = json!({"signature": signature, "orderId": id, "amount": 5}).to_string();
                prop_assert!(receive(&p, &[], body.as_bytes(), None).is_err());
            }
        }

        #[test]
        fn one_changed_byte_never_changes_the_meaning(at in 0usize..400, bit in 0u8..8) {
            for (p, names, body) in [(ipn(), &IPN_NAMES[..], IPN), (qr(), &QR_NAMES[..], QR)] {
                let body = signed(names, body);
                let mut bytes = body.clone().into_bytes();
                let at = at % bytes.len();
                bytes[at] ^= 1 << bit;
                // A renamed empty member counts as empty and changes nothing; all else is refused.
                if let Ok(changed) = receive(&p, &[], &bytes, None) {
                    prop_assert_eq!(changed.items, receive(&p, &[], body.as_bytes(), None).unwrap().items);
                    prop_assert!(body.as_bytes()[at].is_ascii_alphabetic());
                }
            }
        }

        #[test]
        fn any_signed_text_keeps_its_value(info in "\\PC{0,40}", amount in 1i64..50_000_000) {
            let mut body: Value = serde_json::from_str(IPN).unwrap();
            body["orderInfo"] = info.into();
            body["amount"] = amount.into();
            prop_assert_eq!(read_ipn(&body.to_string()).unwrap().amount.vnd(), amount);
            let raised = signed(&IPN_NAMES, &body.to_string())
                .replace(&format!("\"amount\":{amount},"), &format!("\"amount\":{},", amount + 1));
            let refusal = receive(&ipn(), &[], raised.as_bytes(), None).unwrap_err();
            prop_assert_eq!(refusal.kind, RefusalKind::Signature);
        }
    }
}
