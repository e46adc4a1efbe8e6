//! Commands about providers, notices and evidence: what they print, what they keep, and how they end.

use std::process::Output;

use choso::clock::now;
use choso::notice::{Outgoing, Provider, SCHEMES, Sample, SampleKind, Secrets, scheme};
use choso::vn::Dong;
use serde_json::{Value, json};

use super::{Serving, answers, done, fed, prepare, run};
use crate::support::http;
use crate::support::service::{payment_now, post_to, until};
use crate::support::*;

/// `choso notice verify` with these lines on its standard input.
fn verify(database: &Database, lines: &str) -> Output {
    fed(database, &["notice", "verify"], lines)
}

/// Whether the body is what the vector asks for (docs/spec/providers.md, section 14).
fn fits(reply: &Value, body: &str) -> bool {
    let Some(wanted) = reply["match"].as_object() else {
        return reply["body"].as_str().is_none_or(|whole| whole == body);
    };
    let body: Value = serde_json::from_str(body).expect("JSON");
    wanted.iter().all(|(name, wanted)| {
        let got = &body[name];
        match wanted {
            Value::Object(rule) if rule.contains_key("any_of") => {
                rule["any_of"].as_array().expect("a list").contains(got)
            }
            Value::Object(rule) if rule.contains_key("non_empty") => {
                got.as_str().is_some_and(|t| !t.is_empty())
            }
            Value::Object(rule) => {
                got.as_i64().expect("a number") >= rule["min"].as_i64().expect("a least one")
            }
            exact => got == exact,
        }
    })
}

#[test]
fn notices_are_verified_line_by_line_without_a_database() {
    let database = Database::sqlite();
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../data/provider_vectors.json")).expect("the vectors");
    let lines: String = vectors.iter().map(|v| format!("{v}\n")).collect();
    let output = verify(&database, &lines);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answers = answers(&output);
    assert_eq!(answers.len(), vectors.len(), "one line each");
    for (vector, got) in vectors.iter().zip(&answers) {
        let id = &vector["id"];
        let expect = &vector["expect"];
        let reply = &vector["reply"];
        assert_eq!(&got["id"], id, "in the order they came");
        let is_any =
            |any: &str, name: &str| expect[any].as_array().is_some_and(|all| all.contains(&got[name]));
        assert!(
            got["verdict"] == expect["verdict"] || is_any("verdict_any", "verdict"),
            "{id}: {got}"
        );
        assert!(
            got["kind"] == expect["kind"] || is_any("kind_any", "kind"),
            "{id}: {got}"
        );
        assert_eq!(got["amount_vnd"], expect["amount_vnd"], "{id}: {got}");
        let status = got["reply"]["status"].as_i64().expect("a status");
        if reply["any_2xx"] == true {
            assert!((200..300).contains(&status), "{id}: {got}");
        } else {
            assert_eq!(got["reply"]["status"], reply["status"], "{id}: {got}");
            let body = got["reply"]["body"].as_str().expect("a body");
            assert!(fits(reply, body), "{id}: wanted {reply}, got {body}");
        }
        assert_eq!(
            got["because"].is_string(),
            got["verdict"] != "accept",
            "{id}: {got}"
        );
    }
    for file in ["choso.db", "choso.key"] {
        assert!(!database.folder.path().join(file).exists(), "{file} was made");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_told_and_the_others_go_on() {
    let database = Database::sqlite();
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../data/provider_vectors.json")).expect("the vectors");
    let first = &vectors[0];
    let second = &vectors[1];
    let mut nobody = first.clone();
    nobody["provider"] = "nobody".into();
    let output = verify(&database, &format!("{first}\n{{\n\n{nobody}\n{second}"));
    assert_eq!(output.status.code(), Some(1));
    let answers = answers(&output);
    assert_eq!(answers.len(), 4, "an empty line is no line: {answers:?}");
    assert_eq!(
        (&answers[0]["id"], &answers[3]["id"]),
        (&first["id"], &second["id"])
    );
    for broken in &answers[1..3] {
        let members: Vec<&String> = broken.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["error"], "{broken}");
    }
    assert!(
        answers[2]["error"].as_str().is_some_and(|e| e.contains("nobody")),
        "{answers:?}"
    );
    assert_eq!(verify(&database, "").status.code(), Some(0));
}

const MOMO: [(&str, &str); 3] = [
    ("partner_code", "MOMOCHO2026"),
    ("access_key", "hush-access-1"),
    ("secret_key", "hush-secret-1"),
];

/// Writes secrets to a file; its path.
fn secret_file(database: &Database, name: &str, secrets: &Value) -> String {
    let path = database.folder.path().join(name);
    std::fs::write(&path, secrets.to_string()).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

fn momo_file(database: &Database, secret_key: &str) -> String {
    let mut secrets = json!({});
    for (name, value) in MOMO {
        secrets[name] = value.into();
    }
    secrets["secret_key"] = secret_key.into();
    secret_file(database, &format!("{secret_key}.json"), &secrets)
}

/// The line of a provider in the list, its columns.
fn listed(database: &Database, id: &str) -> Vec<String> {
    let list = done(database, &["provider", "list"]);
    let line = list.lines().find(|l| l.split_whitespace().next() == Some(id));
    let columns = line
        .unwrap_or_else(|| panic!("{id} is listed: {list}"))
        .split_whitespace();
    columns.map(str::to_owned).collect()
}

#[test]
fn schemes_are_listed_with_their_secrets() {
    let told = done(&Database::sqlite(), &["provider", "schemes"]);
    for scheme in &SCHEMES {
        let head = format!("{}/{}", scheme.profile, scheme.name);
        assert!(told.lines().any(|l| l == head), "{head}: {told}");
        for secret in scheme.secrets {
            assert!(told.contains(secret), "{secret}: {told}");
        }
    }
    assert!(told.contains("amount_unit"), "settings are named: {told}");
}

#[test]
fn a_provider_of_another_profile_is_added_and_tended() {
    let database = Database::sqlite();
    done(&database, &["migrate"]);
    let file = momo_file(&database, "hush-secret-1");
    let add = [
        "provider",
        "add",
        "--id",
        "momo-cho",
        "--profile",
        "momo",
        "--secret-file",
        &file,
    ];
    let output = run(&database, &add);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("POST /callbacks/momo-cho\n"), "{said}");
    let line = listed(&database, "momo-cho");
    assert_eq!((&*line[1], &*line[2]), ("momo/ipn_v2", "1"), "{line:?}");
    assert!(line.contains(&"live".to_owned()), "{line:?}");

    let next = momo_file(&database, "hush-secret-2");
    done(
        &database,
        &[
            "provider",
            "rotate-key",
            "--id",
            "momo-cho",
            "--secret-file",
            &next,
        ],
    );
    assert_eq!(listed(&database, "momo-cho")[2], "2", "both fit for a while");
    let third = momo_file(&database, "hush-secret-3");
    done(
        &database,
        &[
            "provider",
            "rotate-key",
            "--id",
            "momo-cho",
            "--secret-file",
            &third,
            "--overlap-hours",
            "0",
        ],
    );
    assert_eq!(
        listed(&database, "momo-cho")[2],
        "1",
        "the older ones end at once"
    );

    done(&database, &["provider", "disable", "--id", "momo-cho"]);
    assert!(listed(&database, "momo-cho").contains(&"disabled".to_owned()));
    done(&database, &["provider", "enable", "--id", "momo-cho"]);
    assert!(listed(&database, "momo-cho").contains(&"live".to_owned()));
    let all = done(&database, &["provider", "list"]);
    assert!(
        !said.contains("hush") && !all.contains("hush"),
        "no secret is shown: {said} {all}"
    );

    // A scheme of a profile by its name; a bank style login has two addresses.
    let qr = [
        "provider",
        "add",
        "--id",
        "momo-qr",
        "--profile",
        "momo",
        "--scheme",
        "qr_notify_v1",
        "--secret-file",
        &file,
    ];
    done(&database, &qr);
    assert_eq!(listed(&database, "momo-qr")[1], "momo/qr_notify_v1");
    let told = done(&database, &["provider", "add", "--id", "mb", "--profile", "mb"]);
    for path in scheme("mb", None).expect("a scheme").paths {
        assert!(told.contains(&format!("/callbacks/mb{path}")), "{told}");
    }
    assert!(
        told.contains("basic_password"),
        "what is ours to invent is shown once: {told}"
    );
}

#[test]
fn what_cannot_be_a_provider_is_refused_and_nothing_is_kept() {
    let database = Database::sqlite();
    done(&database, &["migrate"]);
    let file = momo_file(&database, "hush-secret-1");
    let poor = secret_file(
        &database,
        "poor.json",
        &json!({"partner_code": "M", "access_key": "hush-a"}),
    );
    let strange = secret_file(
        &database,
        "strange.json",
        &json!({"checksum_key": "hush-a", "other": "hush-b"}),
    );
    let cases: [(&[&str], &str); 8] = [
        (
            &["--id", "m", "--profile", "nobody", "--secret-file", &file],
            "nobody",
        ),
        (
            &[
                "--id",
                "m",
                "--profile",
                "momo",
                "--scheme",
                "v9",
                "--secret-file",
                &file,
            ],
            "v9",
        ),
        (
            &["--id", "M o", "--profile", "momo", "--secret-file", &file],
            "--id",
        ),
        (
            &["--id", "m", "--profile", "momo", "--secret-file", &poor],
            "secret_key",
        ),
        (
            &["--id", "m", "--profile", "payos", "--secret-file", &strange],
            "other",
        ),
        (
            &["--id", "m", "--profile", "momo", "--secret-file", "nowhere.json"],
            "nowhere.json",
        ),
        // A provider's own secret cannot be invented.
        (&["--id", "m", "--profile", "momo"], "secret_key"),
        (&["--id", "m", "--profile", "vnpay"], "hash_secret"),
    ];
    for (arguments, named) in cases {
        let output = run(&database, &[&["provider", "add"], arguments].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(
            told.contains(named) && !told.contains("hush"),
            "{arguments:?}: {told}"
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    let add = [
        "provider",
        "add",
        "--id",
        "m",
        "--profile",
        "momo",
        "--secret-file",
        &file,
    ];
    assert!(!done(&database, &["provider", "list"]).contains("momo"));
    done(&database, &add);
    assert_eq!(run(&database, &add).status.code(), Some(1), "an id that is taken");
    for command in ["rotate-key", "disable", "enable"] {
        let output = run(&database, &["provider", command, "--id", "nobody"]);
        assert_eq!(output.status.code(), Some(1), "{command}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("nobody"),
            "{command}"
        );
    }
    let rotated = run(
        &database,
        &["provider", "rotate-key", "--id", "m", "--secret-file", &poor],
    );
    assert_eq!(rotated.status.code(), Some(1));
    assert_eq!(listed(&database, "m")[2], "1");
}

#[test]
fn a_running_service_follows_what_is_done_to_its_providers() {
    let database = Database::sqlite();
    prepare(&database);
    let file = momo_file(&database, "hush-secret-1");
    done(
        &database,
        &[
            "provider",
            "add",
            "--id",
            "momo",
            "--profile",
            "momo",
            "--secret-file",
            &file,
        ],
    );
    let mut serving = Serving::start(&database);
    let momo = |secret_key: &str| {
        let pairs = [MOMO[0], MOMO[1], ("secret_key", secret_key)];
        let keys = vec![("k".to_owned(), Secrets::from_pairs(pairs))];
        Provider::new("momo", scheme("momo", None).expect("a scheme"), keys).expect("a provider")
    };
    let sample = |number: u64| Sample {
        kind: SampleKind::Payment,
        number,
        payment_number: 0,
        amount: Dong::new(5_000),
        bank_bin: "970415".to_owned(),
        account_number: "00000022".to_owned(),
        stall_code: "HC7K3M9J".to_owned(),
        occurred_at: now(),
    };
    let send = |out: &Outgoing| {
        let headers: Vec<(&str, &str)> = out.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        http::send(
            serving.address,
            out.method,
            "/callbacks/momo",
            &headers,
            out.body.as_bytes(),
        )
        .status
    };
    let old = momo("hush-secret-1");
    let new = momo("hush-secret-2");
    let out = old.compose(&sample(1), now()).expect("a callback");
    assert_eq!(send(&out), 204);
    done(&database, &["provider", "disable", "--id", "momo"]);
    until("a disabled provider is unknown", || send(&out) == 404);
    done(&database, &["provider", "enable", "--id", "momo"]);
    until("it is taken again", || send(&out) == 204);
    let next = momo_file(&database, "hush-secret-2");
    done(
        &database,
        &[
            "provider",
            "rotate-key",
            "--id",
            "momo",
            "--secret-file",
            &next,
            "--overlap-hours",
            "0",
        ],
    );
    let second = new.compose(&sample(2), now()).expect("a callback");
    until("the new key fits", || send(&second) == 204);
    until("the old key fits no more", || send(&out) == 400);
    assert_eq!(serving.terminate(), Some(0));
    assert_eq!(super::recount(&database)["receipts"], 2);
    // What was kept under the old key is proven with it.
    let audit: Value = serde_json::from_str(&done(&database, &["audit", "verify", "--json"])).expect("JSON");
    assert_eq!(
        (&audit["callbacks"], &audit["receipts"], &audit["broken"]),
        (&json!(2), &json!(2), &Value::Null)
    );
}

#[test]
fn an_audit_ends_with_0_and_after_tampering_with_1() {
    let database = Database::sqlite();
    prepare(&database);
    assert_eq!(
        run(&database, &["audit", "verify"]).status.code(),
        Some(0),
        "nothing is there to break"
    );
    let mut serving = Serving::start(&database);
    for id in ["T1", "T2"] {
        let body = payment_now(id, 26_000).to_string();
        let answer = post_to(serving.address, SECRET, id, body.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    assert_eq!(serving.terminate(), Some(0));
    let told = done(&database, &["audit", "verify"]);
    assert!(
        told.contains("2 callbacks proven") && told.contains("2 receipts"),
        "{told}"
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(
        database.execute("UPDATE receipt SET amount_vnd = amount_vnd + 1 WHERE provider_txn_id = 'T2'"),
    );
    let output = run(&database, &["audit", "verify", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let audit: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(
        audit["broken"].as_str().is_some_and(|b| b.contains("receipt")),
        "{audit}"
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("broken at position"));
    // Without the key file no proof can be made: that is no break of the chain, and it is said what to restore.
    std::fs::remove_file(database.folder.path().join("choso.key")).expect("the key file");
    let output = run(&database, &["audit", "verify"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("choso.key"));
}
