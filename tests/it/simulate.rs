//! A provider on trial: what `choso provider simulate` counted of its own run is what the service kept.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use choso::access::{NONCE_BYTES, key_purpose};
use choso::clock::now;
use choso::notice::{Provider, Secrets, scheme};
use choso::simulate::{Mix, Pace, Payee, Share, Simulation, Totals};
use choso::store::NewProvider;
use serde_json::Value;

use crate::support::SECRET;
use crate::support::service::TestApp;

const CALLBACKS: u32 = 200;

fn share(text: &str) -> Share {
    text.parse().expect("a percentage")
}

/// Duplicates, disorder and strangers, for every profile alike.
fn mix() -> Mix {
    Mix {
        count: CALLBACKS,
        duplicates: share("20%"),
        is_shuffled: true,
        wrong_signatures: share("5%"),
        missing: share("1%"),
        unknown_accounts: share("2%"),
        seed: 11,
        ..Mix::default()
    }
}

/// Adds a provider of the profile's first scheme.
fn add(app: &TestApp, profile: &str, secrets: &[(&str, &str)]) {
    let scheme = scheme(profile, None).expect("a profile");
    let secrets = Secrets::from_pairs(secrets.iter().copied());
    let nonce: [u8; NONCE_BYTES] = std::array::from_fn(|_| fastrand::u8(..));
    let sealing_key = app.sealing_key();
    let new = NewProvider {
        provider_id: profile.to_owned(),
        profile: scheme.profile.to_owned(),
        scheme: scheme.name.to_owned(),
        key_id: "k1".to_owned(),
        sealed_secret: sealing_key.seal(&secrets.to_json(), &key_purpose(profile, "k1"), nonce),
    };
    app.run(app.store().add_provider(&new, now()))
        .expect("a new provider");
}

/// Lets an added provider post the mix.
fn simulated(app: &TestApp, profile: &str, secrets: &[(&str, &str)], mix: &Mix) -> Totals {
    let secrets = Secrets::from_pairs(secrets.iter().copied());
    let keys = vec![("k1".to_owned(), secrets.clone())];
    let provider = Provider::new(profile, scheme(profile, None).expect("a profile"), keys).expect("a key");
    let pace = Pace {
        rate_per_s: 400,
        connections: 8,
    };
    let said = AtomicUsize::new(0);
    let payees = app.run(Payee::registered(app.store())).expect("accounts");
    let simulation = Simulation::new(provider, &secrets, &app.app().url(), payees, pace.connections);
    let totals = simulation
        .expect("somebody to pay")
        .run(mix, pace, &AtomicBool::new(false), &|_| {
            said.fetch_add(1, Ordering::Relaxed);
        })
        .expect("a run");
    assert_eq!(said.into_inner() as u64, totals.sent - totals.retries);
    totals
}

/// Every answer was as expected, and the service holds what the provider says it accepted.
fn assert_agrees(app: &TestApp, totals: &Totals, before: [i64; 3]) -> [i64; 3] {
    assert!(totals.is_as_expected(), "{totals:?}");
    assert_eq!((totals.unanswered, totals.retries), (0, 0), "{totals:?}");
    let t = app.recount().totals;
    let after = [t.received.count, t.received.amount_vnd, t.repeats];
    let grown: Vec<i64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    let told = [
        totals.accepted.count as i64,
        totals.accepted.amount_vnd,
        totals.repeats as i64,
    ];
    assert_eq!(grown, told, "{totals:?}");
    after
}

#[test]
fn what_was_posted_is_what_was_kept_for_every_profile() {
    let app = TestApp::sqlite();
    let profiles: [(&str, &[(&str, &str)]); 5] = [
        ("standard", &[("signing_secret", SECRET)]),
        // A login first, and a token that is handed out.
        ("mb", &[("basic_username", "u"), ("basic_password", "mat khau")]),
        (
            "momo",
            &[("partner_code", "M1"), ("access_key", "A1"), ("secret_key", "S1")],
        ),
        // Refusals inside an HTTP 200, and callbacks by GET.
        ("vnpay", &[("tmn_code", "T1"), ("hash_secret", "S1")]),
        ("sepay", &[("webhook_secret", "S1")]),
    ];
    // Before the first callback, since a running service looks for new providers every few seconds only.
    for (profile, secrets) in profiles {
        add(&app, profile, secrets);
    }
    let mut counted = [0; 3];
    for (profile, secrets) in profiles {
        let totals = simulated(&app, profile, secrets, &mix());
        counted = assert_agrees(&app, &totals, counted);
        // 200 events: 10 forged, 2 never sent; a fifth of the other 188 twice.
        assert_eq!(
            (totals.wrong_signatures, totals.missing.count),
            (10, 2),
            "{profile}"
        );
        assert_eq!((totals.accepted.count, totals.repeats), (188, 37), "{profile}");
        assert_eq!(totals.sent, 198 + 37, "{profile}");
        let refused: u64 = totals
            .answers
            .iter()
            .filter(|a| a.meaning == "refused")
            .map(|a| a.count)
            .sum();
        assert_eq!(refused, 10, "{profile}: {:?}", totals.answers);
        assert!(totals.latency.p50_us > 0 && totals.latency.p50_us <= totals.latency.max_us);
    }
}

#[test]
fn refunds_come_before_their_payments_and_all_are_joined() {
    let app = TestApp::sqlite();
    let mix = Mix {
        reversals: share("10%"),
        failed: share("5%"),
        late: Some("5%:1".parse().expect("a share and seconds")),
        count: CALLBACKS,
        ..Mix::default()
    };
    let secrets = [("signing_secret", SECRET)];
    add(&app, "standard", &secrets);
    let totals = simulated(&app, "standard", &secrets, &mix);
    assert_agrees(&app, &totals, [0; 3]);
    assert_eq!((totals.late, totals.accepted_failed.count), (10, 10));
    let kept = app.recount().totals;
    assert_eq!(kept.ignored.count, 10, "failed payments move nothing");
    let waiting = app.run(app.store().waiting_notices(None, 1000)).expect("waiting");
    assert!(waiting.iter().all(|n| n.kind == "payment"), "{waiting:?}");
    assert!(totals.accepted_refunds.count >= 18, "{totals:?}");
}

/// The command with files only; its database settings lead nowhere.
fn command(app: &TestApp, secret: &str, more: &[&str]) -> Output {
    let file = |name: &str, text: &str| {
        let path = app.database.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let secret_file = file("p.secret", secret);
    let accounts = file(
        "accounts.csv",
        "stall_code,bank_bin,account_number\nHC7K3M9J,970415,00000022\nABCDEFG7,970415,00000022\n",
    );
    Command::new(env!("CARGO_BIN_EXE_choso"))
        .args([
            "provider",
            "simulate",
            "--id",
            "p",
            "--profile",
            "standard",
            "--json",
        ])
        .args(["--url", &app.app().url(), "--rate", "200", "--count", "40"])
        .arg("--secret-file")
        .arg(secret_file)
        .arg("--accounts")
        .arg(accounts)
        .args(more)
        .env("CHOSO_DATABASE_URL", "sqlite:///nowhere/choso.db")
        .output()
        .expect("the program runs")
}

#[test]
fn a_provider_runs_it_alone_with_files_only() {
    let app = TestApp::sqlite();
    let output = command(&app, SECRET, &["--duplicates", "50%", "--shuffle"]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Value = serde_json::from_str(&text).expect("one JSON object");
    let kept = app.recount().totals;
    assert_eq!(told["accepted"]["count"], kept.received.count);
    assert_eq!(told["accepted"]["amount_vnd"], kept.received.amount_vnd);
    assert_eq!(told["repeats"], kept.repeats);
    assert_eq!(kept.posted.count, 40, "both stalls are on the register");

    let other = command(&app, crate::support::OTHER_SECRET, &[]);
    assert_eq!(
        other.status.code(),
        Some(1),
        "another key: every good one is refused"
    );
    let told: Value = serde_json::from_slice(&other.stdout).expect("one JSON object");
    assert_eq!(told["unexpected"]["good_ones_refused"], 40);
    assert_eq!(
        command(&app, SECRET, &["--missing", "101%"]).status.code(),
        Some(2)
    );
}

/// One request of a connection that closes after it: its webhook-id, webhook-timestamp and event.
fn read_one(mut stream: &TcpStream) -> [String; 3] {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).expect("a request");
        text += std::str::from_utf8(&buffer[..read]).expect("ASCII");
        let header = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        let Some((_, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        if body.len() == header("content-length:").parse::<usize>().unwrap_or(0) {
            let body: Value = serde_json::from_str(body).expect("JSON");
            return [
                header("webhook-id:"),
                header("webhook-timestamp:"),
                body["data"].to_string(),
            ];
        }
    }
}

#[test]
fn what_was_not_kept_is_sent_again_with_a_fresh_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let service = std::thread::spawn(move || {
        ["503 Service Unavailable", "204 No Content"].map(|status| {
            let (mut stream, _) = listener.accept().expect("a connection");
            let heard = read_one(&stream);
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            .expect("answered");
            heard
        })
    });
    let secrets = Secrets::from_pairs([("signing_secret", SECRET)]);
    let payee = Payee {
        bank_bin: "970415".to_owned(),
        account_number: "00000022".to_owned(),
        stall_code: "HC7K3M9J".to_owned(),
    };
    let simulation = Simulation::new(crate::support::standard("p"), &secrets, &url, vec![payee], 1);
    let pace = Pace {
        rate_per_s: 10,
        connections: 1,
    };
    let mix = Mix {
        count: 1,
        ..Mix::default()
    };
    let totals = simulation
        .expect("an address")
        .run(&mix, pace, &AtomicBool::new(false), &|_| {})
        .expect("a run");
    assert_eq!((totals.sent, totals.retries, totals.accepted.count), (2, 1, 1));
    assert!(totals.is_as_expected(), "{totals:?}");
    let [first, second] = service.join().expect("two requests");
    assert_eq!((&first[0], &first[2]), (&second[0], &second[2]), "the same event");
    assert_ne!(first[1], second[1], "signed anew");
}
