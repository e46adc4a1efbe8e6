//! MoMo's IPN of orders, version 2 (docs/spec/providers.md, section 2.1).

use serde_json::json;

use super::super::answer::refused;
use super::super::json::read_object;
use super::super::members::{Members, TEXT_CHARS_MAX};
use super::super::protocol::{Protocol, Read};
use super::super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, Request, Sample, SampleKind, Scheme,
    SecretsError,
};
use super::{Keys, SECRETS, composed, not_kept};
use crate::vn::TimeMs;

/// Signed names of the IPN in their order; `accessKey` is not in the body (docs/spec/providers.md, section 2.1).
const NAMES: [&str; 13] = [
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
const TEXTS: [&str; 6] = [
    "extraData",
    "message",
    "orderInfo",
    "orderType",
    "payType",
    "requestId",
];
/// Orders: the IPN, version 2.
pub(in super::super) const IPN_V2: Scheme = Scheme {
    profile: "momo",
    name: "ipn_v2",
    method: "POST",
    paths: &[""],
    headers: &[],
    has_orders: false,
    secrets: &SECRETS,
    settings: &[(
        "authorized_is_paid",
        "yes: resultCode 9000 (authorised, capture still to come) counts as paid, for merchants whose \
         payments have one step; no (default): only 0 is paid",
    )],
    build: |secrets| {
        let authorized = match secrets.setting("authorized_is_paid") {
            None | Some("no") => NoticeKind::PaymentAuthorized,
            Some("yes") => NoticeKind::Payment,
            Some(_) => return Err(SecretsError::wrong("authorized_is_paid", "wanted yes or no")),
        };
        let keys = Keys::read(secrets)?;
        Ok(Box::new(Ipn { keys, authorized }))
    },
};

#[derive(Debug)]
struct Ipn {
    keys: Keys,
    /// What resultCode 9000 is.
    authorized: NoticeKind,
}

impl Ipn {
    /// docs/spec/providers.md, section 2.1; a code it does not list is a failure, since only 0 is paid (inferred).
    fn kind(&self, result_code: i64) -> NoticeKind {
        match result_code {
            0 => NoticeKind::Payment,
            9000 => self.authorized,
            1000 | 7000 | 7002 => NoticeKind::PaymentPending,
            // A refused refund says nothing about the payment.
            1080 | 1081 | 1088 => NoticeKind::Other,
            _ => NoticeKind::PaymentFailed,
        }
    }

    fn read(&self, members: Members<'_>) -> Result<Item, Refusal> {
        self.keys.check_partner(members)?;
        for name in TEXTS {
            members.text(name, TEXT_CHARS_MAX)?;
        }
        let order_id = members.id("orderId")?;
        let trans_id = members.integer("transId")?;
        if trans_id < 0 {
            return Err(members.wrong("transId", "is negative"));
        }
        let kind = self.kind(members.integer("resultCode")?);
        let amount = members.amount_for(kind, "amount")?;
        let details = Details {
            reference: order_id.to_owned(),
            occurred_at: Some(members.epoch_ms("responseTime")?),
            ..Details::default()
        };
        Ok(Item {
            provider_txn_id: trans_id.to_string(),
            ..Item::of(kind, format!("{trans_id}/{order_id}"), amount, details)
        })
    }
}

impl Protocol for Ipn {
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let members = Members::of(&object, "")?;
        self.keys.prove(&NAMES, members)?;
        Ok(Read::one(self.read(members)?, ""))
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        match outcome {
            Outcome::NotKept => not_kept(),
            Outcome::Refused(refusal) => refused(400, refusal),
            // An unknown order and another amount are not MoMo's business
            // (docs/spec/providers.md, section 2.1, inferred).
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
        composed(&self.keys, &NAMES, body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::*;
    use super::super::super::{Provider, RefusalKind};
    use super::super::tests::signed;
    use super::*;
    use crate::vn::Dong;
    use proptest::prelude::*;
    use serde_json::Value;

    fn ipn() -> Provider {
        known("momo", "ipn_v2")
    }

    const IPN: &str = r#"{"partnerCode":"MOMOCHO2026","orderId":"CBT-A1","requestId":"rq-1","amount":21500,"orderInfo":"Tiền rau & cá","orderType":"momo_wallet","transId":2900007919,"resultCode":0,"message":"Successful.","payType":"qr","responseTime":1767582061007,"extraData":""}"#;

    fn read_ipn(body: &str) -> Result<Item, Refusal> {
        receive(&ipn(), &[], signed(&NAMES, body).as_bytes(), None).map(|d| d.items[0].clone())
    }

    #[test]
    fn result_codes_say_what_happened() {
        for (code, kind) in [
            (0, NoticeKind::Payment),
            (9000, NoticeKind::PaymentAuthorized),
            (1000, NoticeKind::PaymentPending),
            (7000, NoticeKind::PaymentPending),
            (7002, NoticeKind::PaymentPending),
            (1001, NoticeKind::PaymentFailed),
            (1080, NoticeKind::Other),
            (4100, NoticeKind::PaymentFailed),
            (-7, NoticeKind::PaymentFailed),
        ] {
            let body = IPN.replace("\"resultCode\":0", &format!("\"resultCode\":{code}"));
            assert_eq!(read_ipn(&body).unwrap().kind, kind, "{code}");
            let unpaid = read_ipn(&body.replace("21500", "0")).map(|i| i.amount);
            let is_free = !matches!(kind, NoticeKind::Payment | NoticeKind::PaymentAuthorized);
            assert_eq!(unpaid.ok(), is_free.then_some(Dong::ZERO), "{code}");
        }
    }

    #[test]
    fn one_step_merchants_are_paid_at_9000() {
        let with = |value: &str| with_settings("momo", "ipn_v2", &[("authorized_is_paid", value)]);
        let body = signed(&NAMES, &IPN.replace("\"resultCode\":0", "\"resultCode\":9000"));
        let kind = |value: &str| receive(&with(value), &[], body.as_bytes(), None).unwrap().items[0].kind;
        assert_eq!(
            (kind("yes"), kind("no")),
            (NoticeKind::Payment, NoticeKind::PaymentAuthorized)
        );
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
            let refusal = if ["21500.5", "2.15e4", "-0"].contains(&to) {
                members_of(&body.replace("\"extraData\"", "\"signature\":\"00\",\"extraData\""))
            } else {
                read_ipn(&body).unwrap_err()
            };
            assert_eq!(what(&refusal), (RefusalKind::Malformed, field), "{body}");
        }
        for body in ["", "{", "7", "[]", "\u{feff}{}"] {
            let refusal = receive(&ipn(), &[], body.as_bytes(), None).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Malformed, "{body}");
        }
        let twice = signed(&NAMES, IPN).replacen("\"amount\":21500", "\"amount\":21500,\"amount\":9", 1);
        let refusal = receive(&ipn(), &[], twice.as_bytes(), None).unwrap_err();
        assert_eq!(what(&refusal), (RefusalKind::Malformed, "amount"));
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
        assert_eq!(what(&refusal), (RefusalKind::Foreign, "partnerCode"));
    }

    #[test]
    fn bytes_are_not_normalised() {
        let decomposed = IPN.replace("Tiền", "Tie\u{302}\u{300}n");
        let good = signed(&NAMES, IPN);
        let moved = good.replace("Tiền", "Tie\u{302}\u{300}n");
        assert_eq!(
            receive(&ipn(), &[], moved.as_bytes(), None).unwrap_err().kind,
            RefusalKind::Signature
        );
        assert!(read_ipn(&decomposed).is_ok());
    }

    #[test]
    fn mistakes_are_named_without_the_secret() {
        let good = signed(&NAMES, IPN);
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
        for hidden in ["hush", &good[at..at + 64]] {
            assert!(!refusal.because.contains(hidden) && !format!("{:?}", ipn()).contains(hidden));
        }
        assert_eq!(
            receive(&ipn(), &[], IPN.as_bytes(), None).unwrap_err().because,
            "is missing"
        );
    }

    #[test]
    fn outcomes_are_answered() {
        check_statuses(&ipn(), "", [204, 204, 204, 204, 503, 400, 400, 400]);
    }

    #[test]
    fn a_name_in_a_value_is_taken_where_nothing_else_can_have_been_signed() {
        for (from, to) in [
            ("\"extraData\":\"\"", "\"extraData\":\"ref=7&orderId=9&amount=5\""),
            ("Tiền rau & cá", "a&resultCode=0&transId=1"),
            ("Successful.", "ok&extraData=x"),
            ("\"qr\"", "\"qr&orderId=1\""),
        ] {
            let item = read_ipn(&IPN.replace(from, to)).unwrap();
            assert_eq!(
                (item.amount.vnd(), item.provider_txn_id.as_str()),
                (21_500, "2900007919"),
                "{to}"
            );
        }
        for (from, to) in [
            ("Tiền rau & cá", "a&orderType=b"),
            (
                "\"rq-1\"",
                "\"a&responseTime=1767582061007&resultCode=0&transId=5&requestId=b\"",
            ),
            ("\"extraData\":\"\"", "\"extraData\":\"a&message=b\""),
        ] {
            let refusal = read_ipn(&IPN.replace(from, to)).unwrap_err();
            assert!(
                refusal.because.contains("more than one message"),
                "{to}: {refusal}"
            );
        }
    }

    proptest! {
        #[test]
        fn one_changed_byte_never_changes_the_meaning(at in 0usize..500, bit in 0u8..8) {
            let body = signed(&NAMES, IPN);
            // A renamed empty member counts as empty and changes nothing; all else is refused.
            if let Some((at, _)) = with_changed_bit(&ipn(), &body, at, bit) {
                prop_assert!(body.as_bytes()[at].is_ascii_alphabetic());
            }
        }

        #[test]
        fn any_signed_text_keeps_its_value(info in "\\PC{0,40}", amount in 1i64..50_000_000) {
            let mut body: Value = serde_json::from_str(IPN).unwrap();
            body["orderInfo"] = info.into();
            body["amount"] = amount.into();
            prop_assert_eq!(read_ipn(&body.to_string()).unwrap().amount.vnd(), amount);
            let raised = signed(&NAMES, &body.to_string())
                .replace(&format!("\"amount\":{amount},"), &format!("\"amount\":{},", amount + 1));
            let refusal = receive(&ipn(), &[], raised.as_bytes(), None).unwrap_err();
            prop_assert_eq!(refusal.kind, RefusalKind::Signature);
        }
    }
}
