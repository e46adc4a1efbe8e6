//! What the tests of this room share: a provider of each scheme, samples, requests, and the tests that
//! every scheme must pass.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::vn::{Dong, TimeMs};

type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A P-256 key in the place of Viettel's, made for these tests.
pub const P256_PUBLIC: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE5SkbursM95COeB/ACFVN7EIZBTTMBHMl1qXjeTEBx4mRmUN5/unI\
    LpEEXqE26adY1U569gHzPd8pTkYbmbUsLQ==";
/// Its other half, PKCS#8.
pub const P256_PRIVATE: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDoSUVfe/YKVjnwLFCPVmLG8ZEk9+Hm4UkaG6P34j\
    8SKhRANCAATlKRu6uwz3kI54H8AIVU3sQhkFNMwEcyXWpeN5MQHHiZGZQ3n+6cgukQReoTbpp1jVTnr2AfM93ylORhuZtSwt";
/// An RSA key in the place of ePay's, made for these tests.
pub const RSA_PUBLIC: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzqhLxA9nA8FPg62wVbjDMfHbI4HQ/kY0XsnexvtU8MX52MOreWiJ\
    W/5Adpa47uEtNrfsLF5Ry5wwtq6tEI3Zpu0nkj2OJcaQfuPK0nPMPyztsaUENKu3+8S2+ckwgHbVjRrh0lKwPfaXEOoRVr8p\
    4I1l5jz4NClzfDKTqQtwIvZpOQsgL9iESlz+5pxsuAWghGnjjsTeBezjNS7eYCWjsjM/qKOWJCbnlUTvGsvLvEL91OKS7fRN\
    Ao5pVGczOsMlXwTxMwRn9YymQi6biP2wjjrE/gzuwf/HAudzrK1TQvvGiE2ZMrLZgICLwdmf/PdJ1krbLiJzABvxPcmkkhF/\
    AQIDAQAB";
/// Its other half, PKCS#8.
pub const RSA_PRIVATE: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDOqEvED2cDwU+DrbBVuMMx8dsjgdD+RjReyd7G+1TwxfnY\
    w6t5aIlb/kB2lrju4S02t+wsXlHLnDC2rq0Qjdmm7SeSPY4lxpB+48rSc8w/LO2xpQQ0q7f7xLb5yTCAdtWNGuHSUrA99pcQ\
    6hFWvyngjWXmPPg0KXN8MpOpC3Ai9mk5CyAv2IRKXP7mnGy4BaCEaeOOxN4F7OM1Lt5gJaOyMz+oo5YkJueVRO8ay8u8Qv3U\
    4pLt9E0CjmlUZzM6wyVfBPEzBGf1jKZCLpuI/bCOOsT+DO7B/8cC53OsrVNC+8aITZkystmAgIvB2Z/890nWStsuInMAG/E9\
    yaSSEX8BAgMBAAECggEANW2GVRSEVhCyzYDor2jasj1soePsk+iznnQDcB9HaQ5OF3ATE4rmxE1Z/i7edgfqaBSp7xidfg4N\
    /BTx8m8x/7mdeu4GI5cQAXZEGB/PBOBJPZ3Dlhh1Mxa7FZ4ht3zBnj7+diFhpktr5/gT7oDywzbbSuilZNr4m/n5egFWhvsF\
    WAjquXn5HHu64ye4KTTUPJUxHde6+YwE+dxCPo8kzE52oUAtJgfFPcrcjbVyqy1iVz4c/wX6B3HttaZNlXE3kfm9KdFT4TXm\
    sR0wBjez9M6lkPpRaTz8NlfihDMPHx80kLAGn/JL7xxLU+eloe2rl3dKyUPJIUSc//bsarAAnwKBgQD+IpebiAb5R4RwWTM1\
    dfPCJJEiiCpMzSnGqtpCMZBsbywMpJVR+yCf77o4lyJl0MUe43xAqPnpKgqy5Ouwhj653OL1+LIriWq+i/HZaXp4+cgUo3fZ\
    /V7X5itgoMiqVk3tjcJZSOEIUEj9VO371/vtZooi/VdOQ5+7E0C+F+4GBwKBgQDQLIOZC/sdPK+Lma2MnDPyrLrpH+nqRxu3\
    1TcEd6EUIGL+xepJHOaXlH9O1cOjBskNnOVBn/FFW13x/JAbs/+/TsW/Aof/oW7RtI/i2cfqT+WQl77YHKurdOEb2KCJMVwe\
    tWGFde84nHJ5mDsdOicSO+Z9AAU9RcUSJSB7yG9QtwKBgQDHtwmr6a+JUWHMJN1wgvyIMtJ378hGSOkuvm/9mxPjk05rtR+/\
    qHoQFoYjGOqoVvPCfYXVDrYvPaHgyrRKKoW67NLT+JiUTE695h6u/AyKa8mIJpr2jf5t7u1h55kq+94L9N6p6fMm5Gkn5QmN\
    ZEQQYgfmzW9CCzTJAK1ddlLRGwKBgBxX4zcETZVmfNQ6AUoivmPtJqm1Aak3M0vtSMdf7luKKVBc7BA2UiMTQd4e9rsMonUr\
    Bn/P4g66aOkYpRpQgKKwe/YMxy2D8k21Et4lHrYFWNE+B+ruxGTczgV3kiv7v3oi4ftE2mRP0LpDgtDw6P7vjus4BH6aMEHP\
    MkQIPzezAoGAPyNw6CzlDYCBHzVqEQXo/oqbbNvM/wi1CyaHKt3J69KKcU0RaA2Z7L6hkhbbKAY2tKJkisv+HEGr2AlboUuL\
    qTADznkcJeMtfbxKh6fQd/yP7lnYnlG34MocksaDmmdEtQXvJhIQWrctv3Yu8s0isebuRe+Dzt2ie+cLHd+xLdM=";

/// One set of secrets for each scheme. What must never be shown is made of «hush».
const KEYS: [(&str, &str, Pairs<'static>); 16] = [
    (
        "standard",
        "webhooks_v1",
        &[("signing_secret", "whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo")],
    ),
    ("momo", "ipn_v2", &MOMO),
    ("momo", "qr_notify_v1", &MOMO),
    (
        "vnpay",
        "pay_ipn",
        &[("tmn_code", "CHOBT001"), ("hash_secret", HUSH)],
    ),
    (
        "vnpay",
        "qr_mms",
        &[("merchant_code", "0316700012"), ("secret_key", HUSH)],
    ),
    (
        "viettel",
        "checksum_hmac_sha1",
        &[
            ("merchant_code", "CHOBT"),
            ("access_code", "hush0002"),
            ("hash_key", HUSH),
        ],
    ),
    (
        "viettel",
        "ecdsa_p256_sha256",
        &[
            ("merchant_code", "CHOBT"),
            ("viettel_public_key_spki_base64", P256_PUBLIC),
            ("private_key_pkcs8_base64", P256_PRIVATE),
        ],
    ),
    (
        "vnpt",
        "megapay_token",
        &[("mer_id", "EPAYCHO001"), ("encode_key", HUSH)],
    ),
    (
        "vnpt",
        "depositcode_rsa_sha256",
        &[
            ("merchant_code", "VAPCHO"),
            ("epay_public_key_pem", RSA_PUBLIC),
            ("private_key_pkcs8_base64", RSA_PRIVATE),
        ],
    ),
    (
        "mb",
        "vietqr",
        &[
            ("basic_username", "customer-cho-user01"),
            ("basic_password", HUSH),
        ],
    ),
    (
        "zalopay",
        "callback_key2",
        &[("app_id", "910001"), ("key2", HUSH)],
    ),
    ("payos", "webhook_checksum", &[("checksum_key", HUSH)]),
    ("casso", "webhook_v2", &[("checksum_key", HUSH)]),
    ("casso", "secure_token", &[("secure_token", HUSH)]),
    ("sepay", "hmac_sha256", &[("webhook_secret", HUSH)]),
    ("sepay", "api_key", &[("api_key", HUSH)]),
];
/// Both MoMo schemes have the same secrets.
const MOMO: [(&str, &str); 3] = [
    ("partner_code", "MOMOCHO2026"),
    ("access_key", "hush0002"),
    ("secret_key", HUSH),
];
/// The secret of nearly every scheme here.
pub const HUSH: &str = "hush0001hush";
/// When samples are sent.
pub const NOW: TimeMs = TimeMs(1_768_474_800_000);

/// The secrets of a scheme in these tests.
pub fn pairs(profile: &str, name: &str) -> Pairs<'static> {
    KEYS.iter()
        .find(|(p, n, _)| (*p, *n) == (profile, name))
        .unwrap()
        .2
}

/// A provider with the scheme's test secrets and these settings besides.
pub fn with_settings(profile: &str, name: &str, settings: Pairs<'_>) -> Provider {
    provider(profile, name, &[pairs(profile, name), settings].concat())
}

/// A provider with the scheme's test secrets.
pub fn known(profile: &str, name: &str) -> Provider {
    with_settings(profile, name, &[])
}

/// A provider with one key.
pub fn provider(profile: &str, name: &str, pairs: Pairs<'_>) -> Provider {
    let scheme = scheme(profile, Some(name)).unwrap();
    let secrets = Secrets::from_pairs(pairs.iter().copied());
    Provider::new("p", scheme, vec![("k1".to_owned(), secrets)]).unwrap()
}

/// An event of the kind.
pub fn sample(kind: SampleKind) -> Sample {
    Sample {
        kind,
        number: 12,
        payment_number: 11,
        amount: Dong::new(26_000),
        bank_bin: "970422".to_owned(),
        account_number: "0938123456".to_owned(),
        stall_code: "CBTA2C34".to_owned(),
        occurred_at: TimeMs::parse("2026-01-15T17:58:59+07:00").unwrap(),
    }
}

/// Hands bytes over as a `POST`.
fn with_post<T>(headers: Pairs<'_>, body: &[u8], then: impl FnOnce(&Request<'_>) -> T) -> T {
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

fn notices(received: Result<Received, Refusal>) -> Result<Delivery, Refusal> {
    match received? {
        Received::Notices(delivery) => Ok(delivery),
        Received::Token(_) => panic!("a login, not a notice"),
    }
}

/// Receives what would be sent.
pub fn send(p: &Provider, out: &Outgoing, now: Option<TimeMs>) -> Result<Delivery, Refusal> {
    out.with_request(|request| notices(p.receive(request, now)))
}

/// Receives a `POST` of these bytes.
pub fn receive(
    p: &Provider,
    headers: Pairs<'_>,
    body: &[u8],
    now: Option<TimeMs>,
) -> Result<Delivery, Refusal> {
    with_post(headers, body, |request| notices(p.receive(request, now)))
}

/// The answers to a genuine callback of the kind: stored, repeat, unknown order, other amount, not kept;
/// then refused for its signature, its content, another merchant.
pub fn answers(p: &Provider, kind: SampleKind) -> Vec<Answer> {
    let out = p.compose(&sample(kind), NOW).unwrap();
    let delivery = send(p, &out, Some(NOW)).unwrap();
    let expected = Dong::new(99_000);
    let refused = |kind| Outcome::Refused(Refusal::new(kind, "f", "b"));
    let outcomes = [
        Outcome::Stored,
        Outcome::Repeat,
        Outcome::UnknownOrder,
        Outcome::AmountDiffers { expected },
        Outcome::NotKept,
        refused(RefusalKind::Signature),
        refused(RefusalKind::Malformed),
        refused(RefusalKind::Foreign),
    ];
    let answers = outcomes.iter().map(|outcome| {
        let read = Some(&delivery).filter(|_| !matches!(outcome, Outcome::Refused(_)));
        out.with_request(|request| p.answer(request, read, outcome))
    });
    answers.collect()
}

/// Checks the code in each of the [`answers`].
pub fn check_codes(p: &Provider, member: &str, codes: [&str; 8]) {
    let got = answers(p, SampleKind::Payment);
    let got = got.iter().map(|answer| {
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        body[member]
            .as_str()
            .map_or_else(|| body[member].to_string(), str::to_owned)
    });
    assert_eq!(got.collect::<Vec<_>>(), codes);
}

/// Checks the status of each of the [`answers`], and the words for whatever was kept.
pub fn check_statuses(p: &Provider, kept: &str, statuses: [u16; 8]) {
    let got = answers(p, SampleKind::Payment);
    assert_eq!(got.iter().map(|a| a.status).collect::<Vec<_>>(), statuses);
    assert!(got[..4].iter().all(|a| a.body == kept), "{got:?}");
}

/// Changes one bit of a genuine body. Where that is received nevertheless it must say the same; then the
/// changed body is returned.
pub fn with_changed_bit(p: &Provider, body: &str, at: usize, bit: u8) -> Option<(usize, Vec<u8>)> {
    let mut bytes = body.as_bytes().to_vec();
    let at = at % bytes.len();
    bytes[at] ^= 1 << bit;
    let changed = receive(p, &[], &bytes, None).ok()?;
    let genuine = receive(p, &[], body.as_bytes(), None).unwrap();
    assert_eq!(changed.items, genuine.items);
    Some((at, bytes))
}

/// The class and the field of a refusal, to be compared.
pub fn what(refusal: &Refusal) -> (RefusalKind, &str) {
    (refusal.kind, &refusal.field)
}

/// A provider of each scheme with a genuine callback of it.
static ALL: LazyLock<Vec<(Provider, Outgoing)>> = LazyLock::new(|| {
    let all = SCHEMES.iter().map(|scheme| {
        let p = known(scheme.profile, scheme.name);
        let out = p.compose(&sample(SampleKind::Payment), NOW).unwrap();
        (p, out)
    });
    all.collect()
});

/// One scheme's callback of one kind comes back as it was meant, now and on a retry, and so does its
/// evidence.
fn check_round_trip(p: &Provider, sample: &Sample, kind: NoticeKind) {
    let scheme = p.scheme();
    let out = p.compose(sample, NOW).unwrap();
    let delivery = send(p, &out, Some(NOW)).unwrap();
    let [item] = delivery.items.as_slice() else {
        panic!("{scheme:?}: {delivery:?}")
    };
    assert_eq!((item.kind, item.amount), (kind, sample.amount), "{scheme:?}");
    // Viettel's older gateway tells no time (docs/spec/providers.md, section 5.1).
    let has_time = scheme.name != "checksum_hmac_sha1";
    let details = &item.details;
    assert_eq!(
        details.occurred_at,
        has_time.then_some(sample.occurred_at),
        "{scheme:?}"
    );
    assert_eq!(item.content, content_of(item.amount, details), "{scheme:?}");
    let names = [
        details.note.clone(),
        details.terminal.clone(),
        Some(details.reference.clone()),
    ];
    let holds_stall = |name: &Option<String>| name.as_ref().is_some_and(|n| n.contains(&sample.stall_code));
    assert!(names.iter().any(holds_stall), "{scheme:?}: {details:?}");

    let later = TimeMs(NOW.0 + 3_600_000);
    let again = send(p, &p.compose(sample, later).unwrap(), Some(later)).unwrap();
    assert_eq!(again.items, delivery.items, "{scheme:?}");

    let kept = delivery
        .evidence
        .with_request(|request| notices(p.receive(request, None)));
    assert_eq!(kept.as_ref(), Ok(&delivery), "{scheme:?}");
    assert!(
        !format!("{:?}", delivery.evidence.headers).contains("hush"),
        "{scheme:?}"
    );
}

#[test]
fn every_scheme_reads_back_what_it_composes() {
    for (p, _) in ALL.iter() {
        check_round_trip(p, &sample(SampleKind::Payment), NoticeKind::Payment);
        for (kind, wanted) in [
            (SampleKind::Failed, NoticeKind::PaymentFailed),
            (SampleKind::Refund, NoticeKind::Refund),
        ] {
            match p.compose(&sample(kind), NOW) {
                Ok(_) => check_round_trip(p, &sample(kind), wanted),
                Err(because) => assert!(because.contains(" no "), "{:?}: {because}", p.scheme()),
            }
        }
    }
}

#[test]
fn no_scheme_is_built_without_its_secrets_or_shows_them() {
    for (p, _) in ALL.iter() {
        let scheme = p.scheme();
        assert!(!format!("{p:?}").contains("hush"), "{scheme:?}");
        for left_out in scheme.secrets {
            let rest = pairs(scheme.profile, scheme.name)
                .iter()
                .filter(|(n, _)| n != left_out);
            let built = scheme.protocol(&Secrets::from_pairs(rest.copied()));
            assert_eq!(
                built.err(),
                Some(SecretsError::Missing((*left_out).to_owned())),
                "{scheme:?}"
            );
        }
        for (name, _) in scheme.settings {
            let wrong = [pairs(scheme.profile, scheme.name), &[(name, "*maybe*")]].concat();
            let built = scheme.protocol(&Secrets::from_pairs(
                wrong.into_iter().filter(|(n, v)| n != name || *v == "*maybe*"),
            ));
            assert!(
                matches!(built, Err(SecretsError::Value { .. })),
                "{scheme:?} {name}"
            );
        }
    }
}

/// A genuine body with another text wherever its proof stands.
fn with_other_proof(body: &str, proof: &str) -> String {
    let Ok(mut body) = serde_json::from_str::<Value>(body) else {
        return format!("{body}x{proof}");
    };
    for name in ["signature", "checksum", "merchantToken", "Signature", "mac"] {
        if body.get(name).is_some() {
            body[name] = proof.into();
        }
    }
    body.to_string()
}

proptest! {
    #[test]
    fn nothing_is_accepted_without_proof(
        bytes: Vec<u8>,
        text in "\\PC{0,80}",
        proof in "(\\PC{0,60}|[0-9a-f]{0,128}|(Bearer|Basic|Apikey|v1,|sha256=|t=1,v1=) ?[A-Za-z0-9=]{0,80})",
    ) {
        for (p, genuine) in ALL.iter() {
            let headers: Vec<_> = p.headers().iter().map(|name| (*name, proof.as_bytes())).collect();
            let forged = with_other_proof(&genuine.body, &proof);
            for (path, query, body) in [
                ("", "", bytes.as_slice()),
                ("/api/token_generate", &text, text.as_bytes()),
                (genuine.path, &format!("{}x{proof}", genuine.query), forged.as_bytes()),
            ] {
                let method = genuine.method;
                let request = Request { method, path, query, headers: &headers, body, is_evidence: false };
                let refusal = match p.receive(&request, None) {
                    Err(refusal) => refusal,
                    Ok(got) => return Err(TestCaseError::fail(format!("{:?}: {got:?}", p.scheme()))),
                };
                prop_assert!(!refusal.to_string().contains("hush"), "{:?}: {refusal}", p.scheme());
                p.answer(&request, None, &Outcome::Refused(refusal));
            }
        }
    }
}
