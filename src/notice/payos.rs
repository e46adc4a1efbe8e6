//! payOS: the webhook of payment links, docs/spec/providers.md, section 10.

use serde_json::json;

use super::answer::success_or;
use super::canonical::{RAW, canonical};
use super::json::{Json, Object, read_object};
use super::members::{Members, TEXT_CHARS_MAX};
use super::proof::{Hash, SignedText, Spelling, hmac};
use super::protocol::{Protocol, Read};
use super::times::local_text;
use super::{
    Answer, Details, Item, NoticeKind, Outcome, Outgoing, Refusal, Request, Sample, SampleKind, Scheme,
};
use crate::vn::{Secret, TimeMs};

/// The member that the payer writes.
const NOTE: &str = "description";
/// What payOS sends when an address is registered: order, amount and note (docs/spec/providers.md, section 10).
const ADDRESS_CHECK: (i64, i64, &str) = (123, 3000, "VQRIO123");

/// Payment links, signed with the checksum key.
pub(super) const WEBHOOK_CHECKSUM: Scheme = Scheme {
    profile: "payos",
    name: "webhook_checksum",
    method: "POST",
    paths: &[""],
    headers: &[],
    has_orders: false,
    secrets: &["checksum_key"],
    settings: &[],
    build: |secrets| Ok(Box::new(PayOs(secrets.secret("checksum_key")?))),
};

#[derive(Debug)]
struct PayOs(Secret);

/// How the texts «null» and «undefined» are signed: as empty by the Node library, as they are elsewhere
/// (contested, docs/spec/providers.md, section 10).
#[derive(Clone, Copy, PartialEq)]
enum NullWord {
    Empty,
    AsSent,
}

/// Members of `data` as they are signed: sorted by name, each with its value as text.
fn signed_pairs(data: &Object, null_word: NullWord) -> Result<Vec<(&str, String)>, Refusal> {
    let data = Members::of(data, "data.")?;
    let mut pairs = Vec::new();
    for (name, value) in data.object.members() {
        let text = match value {
            Json::Null => String::new(),
            Json::Text(t) if null_word == NullWord::Empty && matches!(t.as_str(), "null" | "undefined") => {
                String::new()
            }
            Json::Text(t) | Json::OtherNumber(t) => t.clone(),
            Json::Integer(n) => n.to_string(),
            Json::Bool(b) => b.to_string(),
            Json::Array(_) => canonical(value, RAW),
            // The provider's libraries differ here, and none occurs in real notices
            // (docs/spec/providers.md, section 10).
            Json::Object(_) => return Err(data.wrong(name, "is an object; wanted text or a number")),
        };
        pairs.push((name, text));
    }
    pairs.sort();
    Ok(pairs)
}

fn joined(pairs: &[(&str, String)]) -> String {
    let parts: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.join("&")
}

/// Whether the signed text can be cut into these members in one way only, as far as the order, the
/// amount and the ids go (docs/spec/providers.md, section 1, rule 7).
///
/// The payer may write `&orderCode=…` into the note. That notice is genuine and is taken. A forger would
/// end the note earlier and make a member of the rest; the true `&orderCode=` then has to stand inside a
/// name or another value, which no honest notice has.
fn one_cut(pairs: &[(&str, String)]) -> Result<(), Refusal> {
    for (name, value) in pairs {
        let holds_name = |n: &str| value.contains(&format!("&{n}="));
        let is_name_cut = name.contains(['&', '=']);
        if is_name_cut || (*name != NOTE && pairs.iter().any(|(n, _)| holds_name(n))) {
            let because = "holds another member's name between & and =, so the signature fits more than one \
                           message";
            return Err(Refusal::malformed(&format!("data.{name}"), because));
        }
    }
    Ok(())
}

impl PayOs {
    /// Proves `data`; tells which contested form fitted. Everything outside it is unsigned.
    fn prove(&self, outer: Members<'_>, data: &Object) -> Result<&'static str, Refusal> {
        let sent = outer.text("signature", TEXT_CHARS_MAX)?.unwrap_or_default();
        if sent.is_empty() {
            return Err(Refusal::signature("signature", "is missing"));
        }
        let pairs = signed_pairs(data, NullWord::Empty)?;
        let signed = joined(&pairs);
        let as_sent = joined(&signed_pairs(data, NullWord::AsSent)?);
        if as_sent != signed && Spelling::LowerHex.fits(sent, &self.mac(&as_sent)) {
            one_cut(&pairs)?;
            return Ok("null_word_as_sent");
        }
        let recipe = "the members of data sorted by name, joined as name=value by &, raw UTF-8, null as \
                      empty; nothing outside data; key: checksum_key";
        SignedText {
            hash: Hash::Sha256,
            spelling: Spelling::LowerHex,
            secret: &self.0,
            text: signed.as_bytes(),
            recipe,
        }
        .check(sent)
        .map_err(|because| Refusal::signature("signature", because))?;
        one_cut(&pairs)?;
        Ok("")
    }

    fn mac(&self, signed: &str) -> Vec<u8> {
        hmac(Hash::Sha256, &self.0, signed.as_bytes())
    }
}

fn read_item(data: Members<'_>) -> Result<Item, Refusal> {
    let reference = data.id("reference")?;
    let link = data.id("paymentLinkId")?;
    // Text here would open the cut of `one_cut` again.
    let order_code = data.integer("orderCode")?;
    // The provider's own sample has 0 (docs/spec/providers.md, section 10).
    if order_code < 0 {
        return Err(data.wrong("orderCode", "wanted a whole number from 0 on"));
    }
    if data.text("currency", 8)? != Some("VND") {
        return Err(data.wrong("currency", "wanted \"VND\""));
    }
    let note = data.text(NOTE, TEXT_CHARS_MAX)?;
    let stated = (order_code, data.integer("amount")?, note.unwrap_or_default());
    let kind = match data.id("code")? {
        "00" if stated == ADDRESS_CHECK => NoticeKind::Test,
        "00" => NoticeKind::Payment,
        _ => NoticeKind::PaymentFailed,
    };
    let amount = data.amount_for(kind, "amount")?;
    let details = Details {
        account_number: data.account("accountNumber")?,
        virtual_account: data.account("virtualAccountNumber")?,
        reference: order_code.to_string(),
        note: note.map(str::to_owned),
        // The same FT… number that the bank's other channels report (docs/spec/providers.md, section 1).
        bank_ref: Some(reference.to_owned()),
        occurred_at: data.local_time("transactionDateTime")?,
        ..Details::default()
    };
    Ok(Item {
        provider_txn_id: reference.to_owned(),
        ..Item::of(kind, format!("{reference}/{link}"), amount, details)
    })
}

impl Protocol for PayOs {
    fn receive(&self, request: &Request<'_>, _: Option<TimeMs>) -> Result<Read, Refusal> {
        let object = read_object(request.text()?)?;
        let outer = Members::of(&object, "")?;
        let data = outer.object("data", "data.")?;
        let variant = self.prove(outer, data.object)?;
        Ok(Read::one(read_item(data)?, variant))
    }

    fn answer(&self, _: &Request<'_>, _: &[Item], outcome: &Outcome) -> Answer {
        success_or(|_| 400, outcome)
    }

    fn compose(&self, sample: &Sample, _: TimeMs) -> Result<Outgoing, String> {
        let (code, desc) = match sample.kind {
            SampleKind::Payment => ("00", "success"),
            SampleKind::Failed => ("01", "failed"),
            SampleKind::Refund => return Err("payos has no refund notice".to_owned()),
        };
        let data = json!({
            "accountNumber": sample.account_number,
            "amount": sample.amount.vnd(),
            "description": sample.stall_code,
            "reference": format!("FT{:014}", sample.number),
            "transactionDateTime": local_text(sample.occurred_at),
            "virtualAccountNumber": "",
            "virtualAccountName": "",
            "counterAccountBankId": "",
            "counterAccountBankName": "",
            "counterAccountName": "",
            "counterAccountNumber": "",
            "currency": "VND",
            "orderCode": sample.number.saturating_add(1),
            "paymentLinkId": format!("{:032x}", sample.number),
            "code": code,
            "desc": desc,
        });
        let object = read_object(&data.to_string()).map_err(|r| r.to_string())?;
        let pairs = signed_pairs(&object, NullWord::Empty).map_err(|r| r.to_string())?;
        let signature = Spelling::LowerHex.write(&self.mac(&joined(&pairs)));
        let success = code == "00";
        let body =
            json!({"code": code, "desc": desc, "success": success, "data": data, "signature": signature});
        Ok(Outgoing::json(body.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Delivery, Provider, RefusalKind};
    use super::*;
    use crate::vn::Dong;
    use proptest::prelude::*;
    use serde_json::Value;

    const DATA: &str = r#"{"accountNumber":"0938 123456","amount":41000,"description":"CBTA2C34 001","reference":"FT26012000000037","transactionDateTime":"2026-01-11 08:11:17","virtualAccountNumber":"V01","counterAccountBankId":"970436","counterAccountName":null,"currency":"VND","orderCode":260001,"paymentLinkId":"s001","code":"00","desc":"success"}"#;

    fn payos() -> Provider {
        known("payos", "webhook_checksum")
    }

    fn signature_of(text: &str) -> String {
        Spelling::LowerHex.write(&hmac(Hash::Sha256, &Secret::new(HUSH.into()), text.as_bytes()))
    }

    fn body_of(data: &str, signature: &str) -> String {
        format!(r#"{{"code":"00","desc":"success","success":true,"data":{data},"signature":"{signature}"}}"#)
    }

    /// Signs data as it stands, whatever it holds.
    fn signed(data: &str) -> String {
        let Json::Object(object) = super::super::json::read(data).unwrap() else {
            panic!("{data}")
        };
        let pairs = signed_pairs(&object, NullWord::Empty).unwrap();
        body_of(data, &signature_of(&joined(&pairs)))
    }

    fn received(body: &str) -> Result<Delivery, Refusal> {
        receive(&payos(), &[], body.as_bytes(), None)
    }

    fn read_signed(data: &str) -> Result<Item, Refusal> {
        received(&signed(data)).map(|d| d.items[0].clone())
    }

    #[test]
    fn details_lead_to_the_stall() {
        let item = read_signed(DATA).unwrap();
        assert_eq!(item.event_id, "FT26012000000037/s001");
        let details = item.details;
        assert_eq!(
            (details.account_number.as_str(), details.virtual_account.as_str()),
            ("0938123456", "V01")
        );
        // The bank that is named is the payer's.
        assert_eq!(
            (details.bank_bin, details.note.as_deref()),
            (None, Some("CBTA2C34 001"))
        );
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (from, to, field) in [
            ("41000", "\"41000\"", "data.amount"),
            ("41000", "0", "data.amount"),
            ("41000", "-1", "data.amount"),
            ("41000", "41000.5", "data.amount"),
            ("41000", "4.1e4", "data.amount"),
            ("41000", "-0", "data.amount"),
            ("41000", "[1]", "data.amount"),
            ("260001", "\"260001\"", "data.orderCode"),
            ("260001", "-1", "data.orderCode"),
            ("\"VND\"", "\"USD\"", "data.currency"),
            ("\"00\"", "null", "data.code"),
            ("\"s001\"", "null", "data.paymentLinkId"),
            ("\"FT26012000000037\"", "7", "data.reference"),
            ("\"CBTA2C34 001\"", "7", "data.description"),
            ("\"CBTA2C34 001\"", "\"a\\u0000\"", "data.description"),
            ("2026-01-11 08:11:17", "hom nay", "data.transactionDateTime"),
        ] {
            let refusal = read_signed(&DATA.replacen(from, to, 1)).unwrap_err();
            assert_eq!(what(&refusal), (RefusalKind::Malformed, field), "{to}");
        }
        let twice = signed(DATA).replacen("\"amount\":41000", "\"amount\":41000,\"amount\":9", 1);
        assert_eq!(received(&twice).unwrap_err().field, "data.amount");
        let nested = signed(DATA).replacen("null", "{\"a\":1}", 1);
        assert_eq!(received(&nested).unwrap_err().field, "data.counterAccountName");
        for body in ["", "{", "7", "[]", "\u{feff}{}", "{\"data\":[]}"] {
            assert_eq!(received(body).unwrap_err().kind, RefusalKind::Malformed, "{body}");
        }
        let empty_note = read_signed(&DATA.replace("CBTA2C34 001", "")).unwrap();
        assert_eq!(empty_note.details.note.as_deref(), Some(""));
    }

    #[test]
    fn only_the_signed_code_decides() {
        let failed = signed(&DATA.replace("\"00\"", "\"01\""));
        let item = &received(&failed).unwrap().items[0];
        assert_eq!(item.kind, NoticeKind::PaymentFailed);
        let outer = signed(DATA).replacen(
            "\"code\":\"00\",\"desc\":\"success\",\"success\":true",
            "\"code\":\"99\"",
            1,
        );
        assert_eq!(received(&outer).unwrap().items[0].kind, NoticeKind::Payment);
        let free = read_signed(&DATA.replace("\"00\"", "\"01\"").replace("41000", "0")).unwrap();
        assert_eq!(free.amount, Dong::ZERO);
    }

    #[test]
    fn a_note_with_an_order_in_it_is_genuine_and_its_other_cuts_are_not() {
        let honest = DATA.replace("CBTA2C34 001", "X&orderCode=1&paymentLinkId=p");
        assert_eq!(read_signed(&honest).unwrap().details.reference, "260001");
        let cut = |order: &str, link: &str| {
            let note = DATA.replace("CBTA2C34 001", "X").replace("260001", order);
            note.replace("\"paymentLinkId\":\"s001\"", link)
        };
        let all = [
            cut(
                "\"1&paymentLinkId=p&orderCode=260001\"",
                "\"paymentLinkId\":\"s001\"",
            ),
            cut("1", "\"paymentLinkId\":\"p&orderCode=260001&paymentLinkId=s001\""),
        ];
        for forged in all {
            // The very signature of the honest notice fits.
            assert_eq!(
                signed(&forged).split("signature").last(),
                signed(&honest).split("signature").last()
            );
            let refusal = read_signed(&forged).unwrap_err();
            assert!(refusal.because.contains("more than one message"), "{refusal}");
        }
        let named = cut(
            "1",
            "\"orderCode=260001&paymentLinkId\":\"s001\",\"paymentLinkId\":\"p\"",
        );
        assert!(read_signed(&named).is_err());
    }

    #[test]
    fn null_words_are_signed_either_way() {
        let data = DATA.replace("\"V01\"", "\"null\"");
        assert_eq!(received(&signed(&data)).unwrap().variant, "");
        let Json::Object(object) = super::super::json::read(&data).unwrap() else {
            panic!()
        };
        let text = joined(&signed_pairs(&object, NullWord::AsSent).unwrap());
        let got = received(&body_of(&data, &signature_of(&text))).unwrap();
        assert_eq!(got.variant, "null_word_as_sent");
    }

    #[test]
    fn lists_and_new_members_are_signed() {
        let data = DATA.replace(
            "\"desc\":",
            "\"list\":[{\"b\":1,\"a\":\"é\"},null],\"new\":true,\"desc\":",
        );
        let Json::Object(object) = super::super::json::read(&data).unwrap() else {
            panic!()
        };
        let text = joined(&signed_pairs(&object, NullWord::Empty).unwrap());
        assert!(
            text.contains("&list=[{\"a\":\"é\",\"b\":1},null]&new=true&orderCode="),
            "{text}"
        );
        assert!(read_signed(&data).is_ok());
        assert!(received(&signed(&data).replace("true,\"desc\"", "false,\"desc\"")).is_err());
        let twice = signed(&data).replace("{\"b\":1,", "{\"b\":1,\"b\":1,");
        assert_eq!(received(&twice).unwrap_err().field, "data.list.b");
    }

    #[test]
    fn an_order_of_number_0_is_taken() {
        let item = read_signed(&DATA.replace("260001", "0")).unwrap();
        assert_eq!(
            (item.kind, item.details.reference.as_str()),
            (NoticeKind::Payment, "0")
        );
    }

    #[test]
    fn the_address_check_is_no_money() {
        let check = DATA
            .replace("CBTA2C34 001", "VQRIO123")
            .replace("41000", "3000")
            .replace("260001", "123");
        assert_eq!(read_signed(&check).unwrap().kind, NoticeKind::Test);
        for honest in [
            check.replace("3000", "3001"),
            check.replace(":123", ":124"),
            check.replace("VQRIO", ""),
        ] {
            assert_eq!(read_signed(&honest).unwrap().kind, NoticeKind::Payment);
        }
    }

    #[test]
    fn mistakes_are_named_without_the_secret() {
        let good = signed(DATA);
        let refusal = received(&good.replace("41000", "41001")).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Signature);
        assert!(refusal.because.contains("sorted by name"), "{}", refusal.because);
        assert!(!format!("{refusal:?}{:?}", payos()).contains(HUSH));
        let missing = received(&body_of(DATA, "")).unwrap_err();
        assert_eq!(what(&missing), (RefusalKind::Signature, "signature"));
    }

    #[test]
    fn outcomes_are_answered() {
        let statuses = [200, 200, 200, 200, 503, 400, 400, 400];
        check_statuses(&payos(), r#"{"success":true}"#, statuses);
    }

    proptest! {
        #[test]
        fn any_note_keeps_order_and_amount(note in "(\\PC|&orderCode=|&amount=|=|&){0,12}") {
            let mut data: Value = serde_json::from_str(DATA).unwrap();
            data["description"] = note.clone().into();
            let item = read_signed(&data.to_string()).unwrap();
            prop_assert_eq!((item.amount.vnd(), item.details.reference.as_str()), (41_000, "260001"));
            prop_assert_eq!(item.details.note, Some(note));
        }

        #[test]
        fn one_changed_byte_never_changes_the_meaning(at in 0usize..600, bit in 0u8..8) {
            // Only what is outside data may differ.
            if let Some((_, bytes)) = with_changed_bit(&payos(), &signed(DATA), at, bit) {
                let text = String::from_utf8(bytes).unwrap();
                prop_assert!(text.contains(DATA));
            }
        }
    }
}
