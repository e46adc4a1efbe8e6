//! MoMo's notice of a static QR or cash register, legacy (docs/spec/providers.md, section 2.2).

use serde::Serialize;
use serde_json::json;
use subtle::ConstantTimeEq;

use super::super::answer::refused;
use super::super::json::read_object;
use super::super::members::{ID_CHARS_MAX, Members, TEXT_CHARS_MAX};
use super::super::proof::{Hash, Spelling, hmac};
use super::super::protocol::{Protocol, Read};
use super::super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, Request, Sample, SampleKind, Scheme,
};
use super::{Keys, SECRETS, composed, not_kept};
use crate::vn::TimeMs;

/// Signed names of the notice of a static QR in their order (docs/spec/providers.md, section 2.2).
const NAMES: [&str; 11] = [
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
/// The notice of a static QR or cash register (legacy).
pub(in super::super) const QR_NOTIFY_V1: Scheme = Scheme {
    profile: "momo",
    name: "qr_notify_v1",
    method: "POST",
    paths: &[""],
    headers: &[],
    has_orders: false,
    secrets: &SECRETS,
    settings: &[],
    build: |secrets| Ok(Box::new(QrNotify(Keys::read(secrets)?))),
};

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
        let access_key = members.id("accessKey")?.as_bytes();
        if access_key.ct_ne(self.0.access_key.reveal()).into() {
            return Err(Refusal::foreign("accessKey", "is not the configured access_key"));
        }
        for name in ["message", "partnerTransId", "transType"] {
            members.text(name, TEXT_CHARS_MAX)?;
        }
        // 0 is paid (docs/spec/providers.md, section 2.2); that any other status is a failure is inferred.
        let kind = match members.integer("status")? {
            0 => NoticeKind::Payment,
            _ => NoticeKind::PaymentFailed,
        };
        let store_id = members.text("storeId", ID_CHARS_MAX)?.unwrap_or_default();
        let typed = members.text("partnerRefId", ID_CHARS_MAX)?.unwrap_or_default();
        let trans_id = members.id("momoTransId")?;
        let amount = members.amount_for(kind, "amount")?;
        let details = Details {
            terminal: Some(store_id.to_owned()).filter(|s| !s.is_empty()),
            reference: format!("{store_id}/{typed}"),
            occurred_at: Some(members.epoch_ms("responseTime")?),
            ..Details::default()
        };
        Ok(Item::of(kind, trans_id, amount, details))
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
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        self.0.prove(&NAMES, members)?;
        Ok(Read::one(self.read(members)?, ""))
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
        composed(&self.0, &NAMES, body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::*;
    use super::super::super::{Provider, RefusalKind};
    use super::super::tests::signed;
    use super::*;
    use proptest::prelude::*;

    fn qr() -> Provider {
        known("momo", "qr_notify_v1")
    }

    const QR: &str = r#"{"partnerCode":"MOMOCHO2026","accessKey":"hush0002","amount":36000,"partnerRefId":"A012-0001","partnerTransId":"","transType":"momo_wallet","momoTransId":"43900001","status":0,"message":"Thành Công","responseTime":1767582001000,"storeId":"CBT-A012"}"#;

    fn read_qr(body: &str) -> Result<Item, Refusal> {
        receive(&qr(), &[], signed(&NAMES, body).as_bytes(), None).map(|d| d.items[0].clone())
    }

    #[test]
    fn another_partner_or_key_is_foreign() {
        for (from, to, field) in [
            ("MOMOCHO2026", "MOMOCHO2027", "partnerCode"),
            ("hush0002", "hush0003", "accessKey"),
        ] {
            let refusal = read_qr(&QR.replace(from, to)).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Foreign, field));
        }
    }

    #[test]
    fn a_message_that_can_be_cut_twice_is_refused() {
        // The payer typed the rest of a notice; the same signature fits the notice of another stall.
        let typed = "x&partnerTransId=&responseTime=1767582001000&status=0&storeId=CBT-B001&transType=y";
        let honest = signed(&NAMES, &QR.replace("A012-0001", typed));
        let forged = QR
            .replace("A012-0001", "x")
            .replace("CBT-A012", "CBT-B001")
            .replace("\"momo_wallet\"", "\"y&partnerTransId=&responseTime=1767582001000&status=0&storeId=CBT-A012&transType=momo_wallet\"");
        let forged = signed(&NAMES, &forged);
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
    fn the_stall_is_the_terminal() {
        let item = read_qr(QR).unwrap();
        assert_eq!(item.details.terminal.as_deref(), Some("CBT-A012"));
        assert_eq!(item.details.reference, "CBT-A012/A012-0001");
    }

    #[test]
    fn outcomes_are_answered() {
        let all = answers(&qr(), SampleKind::Failed);
        let statuses: Vec<_> = all.iter().map(|a| a.status).collect();
        assert_eq!(statuses, [200, 200, 200, 200, 503, 400, 400, 400]);
        // The notice's own status is echoed, not our opinion of it.
        let echoes = |a: &Answer| a.body.starts_with("{\"status\":1006,\"message\":");
        assert!(all[..4].iter().all(echoes), "{all:?}");
    }

    proptest! {
        #[test]
        fn one_changed_byte_never_changes_the_meaning(at in 0usize..500, bit in 0u8..8) {
            let body = signed(&NAMES, QR);
            // A renamed empty member counts as empty and changes nothing; all else is refused.
            if let Some((at, _)) = with_changed_bit(&qr(), &body, at, bit) {
                prop_assert!(body.as_bytes()[at].is_ascii_alphabetic());
            }
        }
    }
}
