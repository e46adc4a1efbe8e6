//! Secrets of providers and the file that opens them, as an administrator meets them.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// Writes a secret file; its path.
fn file(database: &Database, name: &str, text: &str) -> String {
    let path = database.folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

/// Exit status, standard output and what was told.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn rotate(database: &Database, more: &[&str]) -> Output {
    run(
        database,
        &[&["provider", "rotate-key", "--id", "p"], more].concat(),
    )
}

/// (name, state) of the keys of `p`, the newest first.
fn keys(database: &Database) -> Vec<(String, String)> {
    let (_, listed, _) = told(&run(database, &["provider", "keys", "--id", "p"]));
    let lines = listed.lines().skip(1);
    let columns = lines.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let state = words
            .iter()
            .find(|word| word.starts_with("live") || word.starts_with("ended"));
        (words[0].to_owned(), (*state.expect("a state")).to_owned())
    });
    columns.collect()
}

/// What a callback signed with this secret is answered.
fn sent(serving: &Serving, secret: &str, id: &str) -> u16 {
    let body = payment_now(id, 2_000).to_string();
    post_to(serving.address, secret, id, body.as_bytes())
        .expect("an answer")
        .status
}

#[test]
fn a_malformed_secret_is_refused_before_it_is_kept_and_silences_nobody() {
    let database = Database::sqlite();
    prepare(&database);
    let mut serving = Serving::start(&database);
    let bad = [
        ("x", "base64"),
        ("", "signing_secret"),
        ("whsec_wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL_5LP0AUBIK0=", "URL-safe"),
        ("whsec_wxAKhALJ0sN9", "24 to 64"),
        (
            "\"whsec_wxAKhALJ0sN9DJZl0KpBP82HLp0CrckL/5LP0AUBIK0=\"",
            "quotation marks",
        ),
        ("{\"signing_secret\": 5}", "JSON"),
    ];
    for (text, named) in bad {
        let path = file(&database, "bad.secret", text);
        for command in [
            ["add", "--id", "new", "--profile", "standard"].as_slice(),
            &["rotate-key", "--id", "p"],
        ] {
            let arguments = [&["provider"], command, &["--secret-file", &path]].concat();
            let (status, out, said) = told(&run(&database, &arguments));
            assert_eq!(
                (status, out.as_str()),
                (Some(1), ""),
                "{text} {command:?}: {said}"
            );
            assert!(
                said.contains(named) && said.contains("bad.secret"),
                "{text}: {said}"
            );
        }
    }
    assert_eq!(keys(&database).len(), 1);
    assert!(!done(&database, &["provider", "list"]).contains("new"));
    assert_eq!(sent(&serving, SECRET, "T1"), 204);
    assert_eq!(serving.terminate(), Some(0));
}

#[test]
fn a_secret_left_out_is_made_and_shown_once() {
    let database = Database::sqlite();
    prepare(&database);
    let (status, out, said) = told(&run(
        &database,
        &[
            "provider",
            "add",
            "--id",
            "q",
            "--profile",
            "sepay",
            "--scheme",
            "api_key",
        ],
    ));
    assert_eq!(status, Some(0), "{said}");
    assert!(
        out.lines().next().is_some_and(|secret| secret.len() == 64),
        "{out}"
    );
    let (status, out, said) = told(&rotate(&database, &["--overlap-hours", "0"]));
    assert_eq!(status, Some(0), "{said}");
    let secret = out
        .lines()
        .find(|line| line.starts_with("whsec_"))
        .expect("a secret");
    let mut serving = Serving::start(&database);
    assert_eq!(
        sent(&serving, secret, "T1"),
        204,
        "what was shown is what is kept"
    );
    assert_eq!(sent(&serving, SECRET, "T2"), 401);
    assert_eq!(serving.terminate(), Some(0));
    // Nothing that is not kept is shown.
    let (status, out, _) = told(&run(
        &database,
        &["provider", "add", "--id", "p", "--profile", "standard"],
    ));
    assert_eq!((status, out.as_str()), (Some(1), ""));
    let missing = run(
        &database,
        &[
            "provider",
            "add",
            "--id",
            "r",
            "--profile",
            "standard",
            "--secret-file",
            "mybank.secret",
        ],
    );
    let (status, _, said) = told(&missing);
    assert_eq!(status, Some(1));
    assert!(
        said.contains("mybank.secret") && said.contains("leave --secret-file out"),
        "{said}"
    );
}

#[test]
fn a_bad_key_that_is_kept_already_silences_no_good_one_and_can_be_removed() {
    let database = Database::sqlite();
    prepare(&database);
    let before = keys(&database);
    let (status, _, _) = told(&rotate(&database, &[]));
    assert_eq!(status, Some(0));
    // As an older program kept it: sealed under another key file.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bad = keys(&database)[0].0.clone();
    runtime.block_on(database.execute(&format!(
        "UPDATE provider_key SET sealed_secret = 's1:AAAA' WHERE key_id = '{bad}'"
    )));
    let mut serving = Serving::start(&database);
    assert_eq!(sent(&serving, SECRET, "T1"), 204, "the good key fits");
    let (status, listed, _) = told(&run(&database, &["provider", "keys", "--id", "p"]));
    assert_eq!(status, Some(1), "{listed}");
    assert!(listed.contains("CANNOT BE USED"), "{listed}");
    // The good one cannot be taken away, the bad one can; then the good one does not expire.
    let remove = |key: &str| {
        told(&run(
            &database,
            &["provider", "remove-key", "--id", "p", "--key", key],
        ))
    };
    assert_eq!(remove(&before[0].0).0, Some(1));
    let (status, _, said) = remove(&bad);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("does not expire any more"), "{said}");
    let states: Vec<String> = keys(&database).into_iter().map(|(_, state)| state).collect();
    assert!(
        states[0].starts_with("ended") && states[1] == "live",
        "{states:?}"
    );
    assert_eq!(remove(&bad).0, Some(1), "it has ended");
    assert_eq!(remove("nothing").0, Some(1));
    let (status, _, said) = remove(&before[0].0);
    assert_eq!(status, Some(1));
    assert!(said.contains("only live key"), "{said}");
    assert_eq!(sent(&serving, SECRET, "T2"), 204);
    assert_eq!(serving.terminate(), Some(0));
    done(&database, &["audit", "verify"]);
}

/// Every command that seals or opens, and the service.
const OPENING: [&[&str]; 5] = [
    &["serve"],
    &["provider", "add", "--id", "q", "--profile", "standard"],
    &["provider", "rotate-key", "--id", "p"],
    &["provider", "simulate", "--id", "p", "--count", "1"],
    &["audit", "verify"],
];

#[test]
fn without_the_right_key_file_nothing_starts_and_none_is_made() {
    let database = Database::sqlite();
    prepare(&database);
    let folder = database.folder.path();
    let key_file = folder.join("choso.key");
    std::fs::rename(&key_file, folder.join("copy.key")).expect("moved");
    // Of another installation.
    let other = Database::sqlite();
    prepare(&other);
    let foreign = other.folder.path().join("choso.key");
    for arguments in OPENING {
        let (status, out, said) = told(&run(&database, arguments));
        assert_eq!((status, out.as_str()), (Some(2), ""), "{arguments:?}: {said}");
        assert!(
            said.contains("choso.key") && said.contains("«p»") && said.contains("copy"),
            "{arguments:?}: {said}"
        );
        assert!(!key_file.exists(), "{arguments:?}");
        let wrong = choso(&database)
            .args(arguments)
            .env("CHOSO_KEY_FILE", &foreign)
            .output();
        let (status, _, said) = told(&wrong.expect("the program runs"));
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(
            said.contains("does not open") && said.contains("«p»"),
            "{arguments:?}: {said}"
        );
    }
    std::fs::rename(folder.join("copy.key"), &key_file).expect("moved back");
    for mode in [0o644, 0o640] {
        std::fs::set_permissions(&key_file, PermissionsExt::from_mode(mode)).expect("its mode");
        for arguments in OPENING {
            let (status, _, said) = told(&run(&database, arguments));
            assert_eq!(status, Some(2), "{arguments:?}: {said}");
            assert!(said.contains("chmod 600"), "{arguments:?}: {said}");
        }
    }
    std::fs::set_permissions(&key_file, PermissionsExt::from_mode(0o600)).expect("its mode");
    let mut serving = Serving::start(&database);
    assert_eq!(sent(&serving, SECRET, "T1"), 204);
    assert_eq!(serving.terminate(), Some(0));
    done(&database, &["audit", "verify"]);
}

#[test]
fn a_key_file_that_is_lost_for_good_is_replaced_on_purpose_only() {
    let database = Database::sqlite();
    prepare(&database);
    std::fs::remove_file(database.folder.path().join("choso.key")).expect("it was there");
    done(&database, &["provider", "disable", "--id", "p"]);
    let new = done(
        &database,
        &["provider", "rotate-key", "--id", "p", "--overlap-hours", "0"],
    );
    done(&database, &["provider", "enable", "--id", "p"]);
    let mut serving = Serving::start(&database);
    assert_eq!(sent(&serving, new.trim(), "T1"), 204);
    assert_eq!(serving.terminate(), Some(0));
    // Enabled without a key that opens, it would be answered 503 for ever.
    done(&database, &["provider", "disable", "--id", "p"]);
    std::fs::remove_file(database.folder.path().join("choso.key")).expect("it was there");
    let (status, _, said) = told(&run(&database, &["provider", "enable", "--id", "p"]));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("rotate-key"), "{said}");
}
