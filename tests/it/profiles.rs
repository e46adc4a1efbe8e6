//! Every provider's scheme over HTTP: what it sends is kept and answered in its own words, and what was
//! kept proves itself afterwards.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use choso::clock::now;
use choso::ledger::Reason;
use choso::notice::{Outgoing, Provider, SCHEMES, Sample, SampleKind, Scheme, Secrets, scheme};
use choso::settlement::audit;
use choso::store::NewOrder;
use choso::vn::{Dong, TimeMs};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::Value;

use crate::support::http::{self, Answer};
use crate::support::service::TestApp;
use crate::support::*;

on_both! {
    every_scheme_is_kept_and_answered_in_its_own_words
    one_bank_transfer_told_by_every_bank_provider_is_one_receipt
}

/// The stall to which every sample is paid, one of two with one account, and its payee account.
const CODE: &str = "ABCDEFG7";
const ACCOUNT: &str = "00000022";
/// A code and an account that nobody registered.
const STRANGE_CODE: &str = "CBTA2C34";
const STRANGE_ACCOUNT: &str = "00000099";

/// What a provider is told: status, and a part of the body; an empty part stands for an empty body.
type Words = (u16, &'static str);

/// A scheme on trial.
struct Trial {
    profile: &'static str,
    name: &'static str,
    secrets: Vec<(&'static str, String)>,
    /// The secret that a forger does not know, and what he takes for it.
    guess: (&'static str, String),
    stored: Words,
    again: Words,
    forged: Words,
    /// Where nothing that is known is named, and why it waits then.
    strange: Words,
    parked: Reason,
    /// Where the order asks for another amount, if the scheme has orders.
    differs: Option<Words>,
}

/// A scheme whose words do not depend on what is known, except for a forgery.
fn plain(
    profile: &'static str,
    name: &'static str,
    secrets: &[(&'static str, &str)],
    secret: &'static str,
    stored: Words,
    forged: Words,
) -> Trial {
    Trial {
        profile,
        name,
        secrets: secrets.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(),
        guess: (secret, "another-secret-0001-abcdefghijklmnop".to_owned()),
        stored,
        again: stored,
        forged,
        strange: stored,
        parked: Reason::UnknownAccount,
        differs: None,
    }
}

/// A scheme with orders: codes for stored, repeated, unknown, another amount, forged.
fn with_orders(
    profile: &'static str,
    name: &'static str,
    secrets: &[(&'static str, &str)],
    secret: &'static str,
    [stored, again, strange, differs, forged]: [&'static str; 5],
) -> Trial {
    Trial {
        again: (200, again),
        strange: (200, strange),
        parked: Reason::UnknownOrder,
        differs: Some((200, differs)),
        ..plain(profile, name, secrets, secret, (200, stored), (200, forged))
    }
}

/// A fresh pair of P-256 keys: the public one as SPKI, the private one as PKCS#8, in base64.
fn p256() -> (String, String) {
    let random = SystemRandom::new();
    let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, private.as_ref(), &random);
    // SubjectPublicKeyInfo of id-ecPublicKey on prime256v1, up to the point itself (RFC 5480).
    let mut spki = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00".to_vec();
    spki.extend(pair.expect("a key").public_key().as_ref());
    (BASE64.encode(spki), BASE64.encode(private))
}

/// Every scheme that can be composed with a secret at hand.
fn trials() -> Vec<Trial> {
    let success = (200, r#"{"success":true}"#);
    let momo = [
        ("partner_code", "MOMOCHO2026"),
        ("access_key", "AK7f3chostall01"),
        ("secret_key", "sk-cho-0001-test"),
    ];
    let viettel = [
        ("merchant_code", "CHOBT"),
        ("access_code", "d41d8cd98f00b204e980"),
        ("hash_key", "d41d8cd98f00b204"),
    ];
    let (public, private) = p256();
    let newer = [
        ("merchant_code", "CHOBT"),
        ("viettel_public_key_spki_base64", public.as_str()),
        ("private_key_pkcs8_base64", private.as_str()),
    ];
    let vietqr = [
        ("basic_username", "customer-cho-user01"),
        ("basic_password", "Y2hvLWJpbmgtdGF5"),
    ];
    vec![
        Trial {
            guess: ("signing_secret", OTHER_SECRET.to_owned()),
            ..plain(
                "standard",
                "webhooks_v1",
                &[("signing_secret", SECRET)],
                "",
                (204, ""),
                (401, "urn:choso:problem:bad-signature"),
            )
        },
        plain(
            "momo",
            "ipn_v2",
            &momo,
            "secret_key",
            (204, ""),
            (400, r#""field":"signature""#),
        ),
        plain(
            "momo",
            "qr_notify_v1",
            &momo,
            "secret_key",
            (200, r#""signature":""#),
            (400, r#""field":"signature""#),
        ),
        with_orders(
            "vnpay",
            "pay_ipn",
            &[("tmn_code", "CHOBT001"), ("hash_secret", "VNPCHOTESTSECRET0001")],
            "hash_secret",
            [
                r#""RspCode":"00""#,
                r#""RspCode":"02""#,
                r#""RspCode":"01""#,
                r#""RspCode":"04""#,
                r#""RspCode":"97""#,
            ],
        ),
        with_orders(
            "vnpay",
            "qr_mms",
            &[
                ("merchant_code", "0316700012"),
                ("secret_key", "qrmms-cho-test-1"),
            ],
            "secret_key",
            [
                r#""code":"00""#,
                r#""code":"03""#,
                r#""code":"04""#,
                r#""code":"07""#,
                r#""code":"06""#,
            ],
        ),
        with_orders(
            "viettel",
            "checksum_hmac_sha1",
            &viettel,
            "hash_key",
            [
                r#""error_code":"00""#,
                r#""error_code":"00""#,
                r#""error_code":"01""#,
                r#""error_code":"03""#,
                r#""error_code":"02""#,
            ],
        ),
        Trial {
            guess: ("private_key_pkcs8_base64", p256().1),
            ..with_orders(
                "viettel",
                "ecdsa_p256_sha256",
                &newer,
                "",
                [
                    r#""code":"00""#,
                    r#""code":"00""#,
                    r#""code":"02""#,
                    r#""code":"03""#,
                    r#""code":"01""#,
                ],
            )
        },
        with_orders(
            "vnpt",
            "megapay_token",
            &[("mer_id", "EPAYCHO001"), ("encode_key", "cho-encode-key-0001==")],
            "encode_key",
            ["00_000", "DC_103", "OR_140", "OR_134", "DC_101"],
        ),
        plain(
            "mb",
            "vietqr",
            &vietqr,
            "basic_password",
            (200, r#""error":false"#),
            (401, "UNAUTHORIZED"),
        ),
        Trial {
            again: (200, r#""return_code":2"#),
            ..plain(
                "zalopay",
                "callback_key2",
                &[("app_id", "910001"), ("key2", "key2-cho-binh-tay-test")],
                "key2",
                (200, r#""return_code":1"#),
                (200, r#""return_code":-1"#),
            )
        },
        plain(
            "payos",
            "webhook_checksum",
            &[("checksum_key", "cho-checksum-key-0001-test")],
            "checksum_key",
            success,
            (400, r#""success":false"#),
        ),
        plain(
            "casso",
            "webhook_v2",
            &[("checksum_key", "casso-cho-key-0001-test")],
            "checksum_key",
            success,
            (401, r#""success":false"#),
        ),
        plain(
            "casso",
            "secure_token",
            &[("secure_token", "secure-token-cho-1")],
            "secure_token",
            success,
            (401, r#""success":false"#),
        ),
        plain(
            "sepay",
            "hmac_sha256",
            &[("webhook_secret", "sepay-cho-secret-0001")],
            "webhook_secret",
            success,
            (401, r#""success":false"#),
        ),
        plain(
            "sepay",
            "api_key",
            &[("api_key", "SEPAYCHOAPIKEY0001")],
            "api_key",
            success,
            (401, r#""success":false"#),
        ),
    ]
}

impl Trial {
    fn scheme(&self) -> &'static Scheme {
        scheme(self.profile, Some(self.name)).expect("a scheme")
    }

    /// Its name in the callback address.
    fn id(&self) -> String {
        format!("{}-{}", self.profile, self.name)
    }

    fn secrets(&self) -> Secrets {
        Secrets::from_pairs(self.secrets.iter().map(|(n, v)| (*n, v.as_str())))
    }

    fn provider(&self) -> Provider {
        Provider::new(&self.id(), self.scheme(), vec![("k1".to_owned(), self.secrets())]).expect("a provider")
    }

    /// Who knows everything but the secret.
    fn forger(&self) -> Provider {
        let (secret, guess) = &self.guess;
        let pairs = self
            .secrets
            .iter()
            .map(|(n, v)| (*n, if n == secret { guess.as_str() } else { v.as_str() }));
        let keys = vec![("k1".to_owned(), Secrets::from_pairs(pairs))];
        Provider::new(&self.id(), self.scheme(), keys).expect("a provider")
    }
}

fn send(app: &TestApp, id: &str, out: &Outgoing) -> Answer {
    let mark = if out.query.is_empty() { "" } else { "?" };
    let path = format!("/callbacks/{id}{}{mark}{}", out.path, out.query);
    let headers: Vec<(&str, &str)> = out.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    http::send(app.address(), out.method, &path, &headers, out.body.as_bytes())
}

/// The answer is in these words, as JSON where it has a body.
fn assert_says(answer: &Answer, (status, part): Words, when: &str) {
    assert_eq!(answer.status, status, "{when}: {answer:?}");
    if part.is_empty() {
        assert_eq!(answer.body, "", "{when}")
    } else {
        assert!(answer.body.contains(part), "{when}: wanted {part}: {answer:?}");
        assert!(answer.json().is_object(), "{when}: {answer:?}");
        assert!(
            answer.header("content-type").is_some_and(|t| t.contains("json")),
            "{when}: {answer:?}"
        );
    }
}

/// What a provider's books say: (received, posted, quarantined, ignored, repeats).
fn counts_of(app: &TestApp, id: &str) -> [i64; 5] {
    let sql = format!(
        "SELECT received_count || ' ' || posted_count || ' ' || quarantined_count || ' ' || ignored_count || ' ' || repeat_count
         FROM intake_day WHERE provider_id = '{id}'"
    );
    let mut sum = [0; 5];
    // Two rows where midnight passes during the test.
    for row in app.run(app.database.texts(&sql)) {
        for (total, count) in sum.iter_mut().zip(row.split(' ')) {
            *total += count.parse::<i64>().expect("a count");
        }
    }
    sum
}

/// A payment of a minute ago to the stall of all samples.
fn sample(number: u64) -> Sample {
    Sample {
        kind: SampleKind::Payment,
        number,
        payment_number: 0,
        amount: Dong::new(26_000),
        bank_bin: "970415".to_owned(),
        account_number: ACCOUNT.to_owned(),
        stall_code: CODE.to_owned(),
        // The very same in a retry; schemes that say no milliseconds say none.
        occurred_at: TimeMs((now().0 / 1000 - 60) * 1000),
    }
}

fn every_scheme_is_kept_and_answered_in_its_own_words(database: Database) {
    let app = TestApp::start(database);
    let trials = trials();
    for trial in &trials {
        app.add_provider_of(&trial.id(), trial.scheme(), &trial.secrets());
    }
    let deposits = Deposits::of_vectors();
    deposits.add_to(&app);
    for (at, trial) in trials.iter().enumerate() {
        // A bank's reference is made of the number: each its own, so that no two report one transfer.
        try_scheme(&app, trial, 1000 * (at as u64 + 1));
    }
    let deposits = deposits.try_with(&app);
    // All that was kept proves itself again, with secrets that are kept as digests only.
    let key = app.sealing_key();
    let audit = app.run(audit(app.store(), &key, |_| {})).expect("an audit");
    assert_eq!(audit.broken, None, "{audit:?}");
    let counts: Vec<[i64; 5]> = trials.iter().map(|t| counts_of(&app, &t.id())).collect();
    let received: i64 = counts.iter().map(|c| c[0]).sum();
    assert_eq!(
        (audit.callbacks, audit.notices),
        (received + deposits, received + deposits)
    );
    // No secret that is sent as such lies in the evidence.
    for evidence in app.evidence() {
        let kept = format!(
            "{:?} {}",
            evidence.headers,
            String::from_utf8_lossy(&evidence.body)
        );
        assert!(
            !kept.contains("secure-token-cho-1") && !kept.contains("SEPAYCHOAPIKEY0001"),
            "{kept}"
        );
    }
}

fn try_scheme(app: &TestApp, trial: &Trial, number: u64) {
    let id = trial.id();
    let provider = trial.provider();
    let says =
        |answer: &Answer, words: Words, when: &str| assert_says(answer, words, &format!("{id}, {when}"));
    let compose = |sample: &Sample| provider.compose(sample, now()).expect("a callback");
    let post = |sample: &Sample| send(app, &id, &compose(sample));
    let unproven = 1 + log_in(app, trial);

    let paid = sample(number);
    let links = app.evidence().len();
    says(
        &send(
            app,
            &id,
            &trial.forger().compose(&paid, now()).expect("a forgery"),
        ),
        trial.forged,
        "forged",
    );
    assert_eq!(
        (counts_of(app, &id), app.evidence().len()),
        ([0; 5], links),
        "{id}: nothing of it is kept"
    );

    says(&post(&paid), trial.stored, "paid");
    assert_eq!(counts_of(app, &id), [1, 1, 0, 0, 0], "{id}");
    let receipts = app.run(app.database.texts(&format!(
        "SELECT s.stall_code || ' ' || r.amount_vnd || ' ' || COALESCE(r.occurred_at_ms, 0) FROM receipt r
         JOIN stall s ON s.stall_id = r.stall_id WHERE r.provider_id = '{id}'"
    )));
    // Viettel's older gateway tells no time.
    let ms = if trial.name == "checksum_hmac_sha1" {
        0
    } else {
        paid.occurred_at.0
    };
    assert_eq!(receipts, [format!("{CODE} 26000 {ms}")], "{id}");
    says(&post(&paid), trial.again, "the retry");
    assert_eq!(counts_of(app, &id), [1, 1, 0, 0, 1], "{id}");

    let strange = Sample {
        stall_code: STRANGE_CODE.to_owned(),
        account_number: STRANGE_ACCOUNT.to_owned(),
        ..sample(number + 1)
    };
    says(&post(&strange), trial.strange, "nobody's");
    assert_eq!(counts_of(app, &id), [2, 1, 1, 0, 1], "{id}");
    let reasons = app.run(app.database.texts(&format!(
        "SELECT reason FROM notice WHERE provider_id = '{id}' AND state = 'quarantined'"
    )));
    assert_eq!(reasons, [trial.parked.as_str()], "{id}");
    says(
        &post(&strange),
        if trial.differs.is_some() {
            trial.strange
        } else {
            trial.again
        },
        "nobody's again",
    );
    assert_eq!(counts_of(app, &id), [2, 1, 1, 0, 2], "{id}");

    let mut expected = [2, 1, 1, 0, 2];
    if let Some(differs) = trial.differs {
        keep_order(app, &id, number + 2, 26_001);
        let too_little = sample(number + 2);
        says(&post(&too_little), differs, "another amount");
        says(&post(&too_little), differs, "another amount again");
        keep_order(app, &id, number + 3, 26_000);
        says(&post(&sample(number + 3)), trial.stored, "an order");
        expected = [4, 2, 2, 0, 3];
    }
    let failed = Sample {
        kind: SampleKind::Failed,
        ..sample(number + 4)
    };
    if let Ok(out) = provider.compose(&failed, now()) {
        assert_eq!(send(app, &id, &out).status, trial.stored.0, "{id}, failed");
        expected = [expected[0] + 1, expected[1], expected[2], 1, expected[4]];
    }
    let back = Sample {
        kind: SampleKind::Refund,
        payment_number: number,
        ..sample(number + 5)
    };
    if let Ok(out) = provider.compose(&back, now()) {
        says(&send(app, &id, &out), trial.stored, "refunded");
        expected = [
            expected[0] + 1,
            expected[1] + 1,
            expected[2],
            expected[3],
            expected[4],
        ];
        let refunded = format!(
            "SELECT CAST(refunded_vnd AS TEXT) FROM receipt WHERE provider_id = '{id}' AND refunded_vnd > 0"
        );
        assert_eq!(app.run(app.database.texts(&refunded)), ["26000"], "{id}");
    }
    assert_eq!(counts_of(app, &id), expected, "{id}");
    let metrics = app.get("/metrics").body;
    assert!(
        metrics.contains(&format!(r#"provider="{id}",outcome="unproven"}} {unproven}"#)),
        "{id}: {metrics}"
    );
}

/// The order of this number, which the scheme's samples call CODE-NUMBER.
fn keep_order(app: &TestApp, provider_id: &str, number: u64, vnd: i64) {
    let stall = app.run(
        app.database
            .texts(&format!("SELECT stall_id FROM stall WHERE stall_code = '{CODE}'")),
    );
    let order = NewOrder {
        provider_id: provider_id.to_owned(),
        reference: format!("{CODE}-{number}"),
        stall_id: stall[0].clone(),
        amount: Some(Dong::new(vnd)),
    };
    app.run(
        app.store()
            .create(async |creation| creation.keep_order(&order, actor("thu", now())).await),
    )
    .expect("an order");
}

/// Where the provider logs in first: with its password it gets a token, with another it does not. Gives
/// back how many calls were not proven.
fn log_in(app: &TestApp, trial: &Trial) -> i64 {
    let Some(path) = trial
        .scheme()
        .paths
        .iter()
        .find(|p| p.ends_with("token_generate"))
    else {
        return 0;
    };
    let path = format!("/callbacks/{}{path}", trial.id());
    let log_in = |password: &str| {
        let basic = format!(
            "Basic {}",
            BASE64.encode(format!("{}:{password}", trial.secrets[0].1))
        );
        http::send(app.address(), "POST", &path, &[("authorization", &basic)], b"")
    };
    let answer = log_in(&trial.secrets[1].1);
    assert_says(&answer, (200, "access_token"), "a login");
    assert!(
        answer.json()["expires_in"].as_i64().is_some_and(|s| s > 0),
        "{answer:?}"
    );
    assert_eq!(log_in(&trial.guess.1).status, 401);
    // What was handed out opens the other call, and no other token does.
    let mut out = trial.provider().compose(&sample(1), now()).expect("a callback");
    let mut with_token = |token: &str| {
        out.headers.retain(|(n, _)| *n != "authorization");
        out.headers.push(("authorization", format!("Bearer {token}")));
        // Not JSON: the token is looked at first, the content then.
        out.body = "{".to_owned();
        send(app, &trial.id(), &out).status
    };
    let token = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!((with_token(&token), with_token(&format!("{token}A"))), (400, 401));
    2
}

/// The scheme that signs with RSA: its private key is not at hand, so signed requests of the shared
/// vectors are sent.
struct Deposits {
    signed: Value,
    forged: Value,
}

impl Deposits {
    fn of_vectors() -> Deposits {
        let vectors: Vec<Value> =
            serde_json::from_str(include_str!("../data/provider_vectors.json")).expect("the vectors");
        let vector = |id: &str| vectors.iter().find(|v| v["id"] == id).expect("a vector").clone();
        Deposits {
            signed: vector("vnpt-s08"),
            forged: vector("vnpt-s09"),
        }
    }

    /// One provider whose virtual account stands for a stall, and one where it stands for nothing.
    fn add_to(&self, app: &TestApp) {
        let scheme = scheme("vnpt", Some("depositcode_rsa_sha256")).expect("a scheme");
        let secrets = Secrets::from_json(&self.signed["secrets"].to_string()).expect("secrets");
        for id in ["va-known", "va-strange"] {
            app.add_provider_of(id, scheme, &secrets);
        }
        let sql = format!("SELECT stall_id FROM stall WHERE stall_code = '{CODE}'");
        let stall = app.run(app.database.texts(&sql)).remove(0);
        let from = market_day().plus(-90);
        let now = registered_at();
        app.run(app.store().keep_terminal(
            terminal("va-known", "902000225341", &stall, from),
            actor("thu", now),
        ))
        .expect("a virtual account");
    }

    /// Gives back how many callbacks were kept.
    fn try_with(&self, app: &TestApp) -> i64 {
        let body = |vector: &Value| vector["request"]["body"].as_str().expect("a body").to_owned();
        let signed = body(&self.signed);
        let forged = body(&self.forged);
        let headers = [("content-type", "application/json")];
        for (id, counts) in [("va-known", [1, 1, 0, 0, 1]), ("va-strange", [1, 0, 1, 0, 1])] {
            let path = format!("/callbacks/{id}");
            let send = |body: &str| http::send(app.address(), "POST", &path, &headers, body.as_bytes());
            assert_says(&send(&forged), (200, "DC_101"), "forged");
            assert_says(
                &send(&signed.replace("61000", "61001")),
                (200, "DC_101"),
                "altered",
            );
            assert_eq!(counts_of(app, id), [0; 5], "{id}: nothing of it is kept");
            assert_says(&send(&signed), (200, "00_000"), "paid");
            assert_says(&send(&signed), (200, "00_000"), "the retry");
            assert_eq!(counts_of(app, id), counts, "{id}");
        }
        2
    }
}

fn one_bank_transfer_told_by_every_bank_provider_is_one_receipt(database: Database) {
    let app = TestApp::start(database);
    let tells_transfers = ["mb", "payos", "casso", "sepay"];
    let trials: Vec<Trial> = trials()
        .into_iter()
        .filter(|t| tells_transfers.contains(&t.profile))
        .collect();
    assert_eq!(trials.len(), 6);
    for trial in &trials {
        app.add_provider_of(&trial.id(), trial.scheme(), &trial.secrets());
    }
    // The same number is the same reference of the bank.
    let paid = sample(7);
    for _ in 0..2 {
        for trial in &trials {
            let out = trial.provider().compose(&paid, now()).expect("a callback");
            assert_says(&send(&app, &trial.id(), &out), trial.stored, &trial.id());
        }
    }
    let first = trials[0].id();
    assert_eq!(
        app.run(app.database.texts("SELECT provider_id FROM receipt")),
        [first.as_str()]
    );
    for trial in &trials {
        let id = trial.id();
        let wanted = if id == first {
            [1, 1, 0, 0, 1]
        } else {
            [1, 0, 0, 1, 1]
        };
        assert_eq!(counts_of(&app, &id), wanted, "{id}");
    }
    let reasons = app.run(
        app.database
            .texts("SELECT DISTINCT reason FROM notice WHERE state = 'ignored'"),
    );
    assert_eq!(reasons, [Reason::SameTransfer.as_str()]);
    let key = app.sealing_key();
    let audit = app.run(audit(app.store(), &key, |_| {})).expect("an audit");
    assert_eq!((audit.callbacks, audit.receipts, audit.broken), (6, 1, None));
}

#[test]
fn what_is_kept_of_a_secret_header_does_not_open_the_door() {
    let app = TestApp::sqlite();
    let trials: Vec<Trial> = trials()
        .into_iter()
        .filter(|t| ["secure_token", "api_key"].contains(&t.name))
        .collect();
    for trial in &trials {
        app.add_provider_of(&trial.id(), trial.scheme(), &trial.secrets());
    }
    assert_eq!(trials.len(), 2);
    for (trial, number) in trials.iter().zip([10, 20]) {
        let out = trial
            .provider()
            .compose(&sample(number), now())
            .expect("a callback");
        assert_says(&send(&app, &trial.id(), &out), trial.stored, &trial.id());
        // Who reads the database sends what he found there.
        let found = app.evidence().pop().and_then(|e| {
            e.headers
                .into_iter()
                .find(|(_, value)| value.starts_with("sha256:"))
        });
        let (header, digest) = found.expect("a digest in place of the secret");
        let mut stolen = trial
            .provider()
            .compose(&sample(number + 1), now())
            .expect("a callback");
        for (name, value) in &mut stolen.headers {
            if name.eq_ignore_ascii_case(&header) {
                value.clone_from(&digest);
            }
        }
        assert!(stolen.headers.iter().any(|(_, value)| *value == digest));
        assert_says(&send(&app, &trial.id(), &stolen), trial.forged, &trial.id());
        assert_eq!(counts_of(&app, &trial.id()), [1, 1, 0, 0, 0]);
    }
}

#[test]
fn no_scheme_is_left_out() {
    let mut tried: Vec<(&str, &str)> = trials().iter().map(|t| (t.profile, t.name)).collect();
    tried.push(("vnpt", "depositcode_rsa_sha256"));
    tried.sort_unstable();
    let mut all: Vec<(&str, &str)> = SCHEMES.iter().map(|s| (s.profile, s.name)).collect();
    all.sort_unstable();
    assert_eq!(tried, all);
}
