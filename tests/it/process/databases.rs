//! Databases that are not there, or not ours: commands that look never make one, and none is left open to others.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

/// Commands that look into a database or change something in it, and begin none.
const LOOKING: [&[&str]; 18] = [
    &["audit", "verify"],
    &["recount", "--json"],
    &["report", "indicators", "--area", "20242@2025-07-01"],
    &["close-day", "--provider", "p", "--day", "2026-03-01"],
    &["reconcile", "--provider", "p", "--day", "2026-03-01"],
    &[
        "print",
        "--place",
        "Chợ Thử",
        "--host",
        "choso.example.vn",
        "--out",
        "x.pdf",
    ],
    &["provider", "add", "--id", "q", "--profile", "standard"],
    &["provider", "list"],
    &["provider", "rotate-key", "--id", "p"],
    &["provider", "keys", "--id", "p"],
    &["provider", "remove-key", "--id", "p", "--key", "k"],
    &["provider", "disable", "--id", "p"],
    &["provider", "rules", "--id", "p"],
    &["provider", "simulate", "--id", "p", "--count", "1"],
    &["user", "list"],
    &["user", "revoke", "Người thử"],
    &["import", "register", "ho.csv", "--dry-run"],
    &["import", "statement", "ho.csv", "--provider", "p"],
];

/// Runs a command on the database of this name; its exit status and what it told.
fn on(folder: &Database, name: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = choso(folder)
        .args(arguments)
        .env("CHOSO_DATABASE_URL", format!("sqlite://{name}"))
        .output()
        .expect("the program runs");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = names
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_mistyped_database_is_named_and_never_made() {
    let database = Database::sqlite();
    let folder = database.folder.path();
    std::fs::write(folder.join("ho.csv"), HEADER).expect("a file");
    for arguments in LOOKING {
        let (status, told) = on(&database, "typo.db", arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {told}");
        assert!(
            told.contains("typo.db") && told.contains("`choso migrate`"),
            "{arguments:?}: {told}"
        );
        assert_eq!(files(folder), ["ho.csv"], "{arguments:?}");
    }
    // Those with which a new database begins.
    for (name, arguments) in [
        ("a.db", ["migrate"].as_slice()),
        ("b.db", &["user", "add", "Người thử"]),
        ("c.db", &["import", "register", "ho.csv"]),
    ] {
        let (status, told) = on(&database, name, arguments);
        assert_eq!(status, Some(0), "{arguments:?}: {told}");
        assert!(folder.join(name).exists());
    }
    let (status, told) = on(&database, "nowhere/choso.db", &["migrate"]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("nowhere/choso.db"), "{told}");
}

#[test]
fn an_empty_file_a_foreign_database_and_no_database_are_not_ours_and_stay_as_they_are() {
    let database = Database::sqlite();
    let folder = database.folder.path();
    std::fs::write(folder.join("empty.db"), "").expect("a file");
    std::fs::write(
        folder.join("text.db"),
        "no database at all, only some text that somebody wrote",
    )
    .expect("a file");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let foreign = Database {
        url: format!("sqlite://{}?mode=rwc", folder.join("foreign.db").display()),
        folder: tempfile::TempDir::new().expect("a folder"),
    };
    runtime.block_on(foreign.execute("CREATE TABLE song (title TEXT)"));
    let before = files(folder);
    let bytes = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    let foreign_before = bytes("foreign.db");
    for name in ["empty.db", "text.db", "foreign.db"] {
        for arguments in [["audit", "verify"], ["recount", "--json"], ["provider", "list"]] {
            let (status, told) = on(&database, name, &arguments);
            assert_eq!(status, Some(2), "{name} {arguments:?}: {told}");
            assert!(told.contains(name), "{arguments:?}: {told}");
        }
    }
    assert_eq!(files(folder), before, "nothing was made beside them");
    assert_eq!(bytes("foreign.db"), foreign_before);
    assert!(bytes("empty.db").is_empty());
}

#[test]
fn an_empty_postgres_database_is_not_taken_for_ours() {
    let Some(database) = Database::postgres("process::databases::an_empty_postgres_database") else {
        return;
    };
    for arguments in [["audit", "verify"], ["recount", "--json"], ["provider", "list"]] {
        let output = run(&database, &arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("holds nothing of choso"), "{told}");
    }
    done(&database, &["migrate"]);
    done(&database, &["audit", "verify"]);
    // A server that is not there is said to refuse, and not that something of ours timed out.
    let refusing = choso(&database)
        .args(["recount"])
        .env("CHOSO_DATABASE_URL", "postgres://choso@127.0.0.1:1/choso")
        .output()
        .expect("the program runs");
    let told = String::from_utf8_lossy(&refusing.stderr);
    assert_eq!(refusing.status.code(), Some(2), "{told}");
    assert!(told.contains("refused") && !told.contains("timed out"), "{told}");
}

#[test]
fn what_stands_in_the_database_is_for_its_owner_alone() {
    let database = Database::sqlite();
    let folder = database.folder.path();
    let mode = |name: &str| {
        let metadata = std::fs::metadata(folder.join(name)).expect("a file");
        metadata.permissions().mode() & 0o777
    };
    let mut serving = Serving::start(&database);
    assert_eq!(mode("choso.key"), 0o600);
    for name in files(folder).iter().filter(|name| name.starts_with("choso.db")) {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(serving.terminate(), Some(0));
    // A file that an older program made.
    std::fs::set_permissions(folder.join("choso.db"), PermissionsExt::from_mode(0o644)).expect("its mode");
    done(&database, &["recount"]);
    assert_eq!(mode("choso.db"), 0o600);
}

#[test]
fn a_day_without_rows_and_receipts_is_not_closed() {
    let database = Database::sqlite();
    prepare(&database);
    let close = |day: &str| {
        let output = run(&database, &["close-day", "--provider", "p", "--day", day]);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (status, told) = close("2026-03-01");
    assert_eq!(status, Some(1), "{told}");
    assert!(
        told.contains("01/03/2026") && told.contains("neither rows of a statement nor receipts"),
        "{told}"
    );
    std::fs::write(
        database.folder.path().join("st.csv"),
        "STT;Ngày giao dịch;Mã giao dịch;Số tiền;Tài khoản nhận;Nội dung\n1;01/03/2026 09:00:00;T1;20.000;00000011;rau\n",
    )
    .expect("a file");
    done(&database, &["import", "statement", "st.csv", "--provider", "p"]);
    assert_eq!(close("2026-03-02").0, Some(1), "the day after has nothing");
    let output = run(
        &database,
        &[
            "close-day",
            "--provider",
            "p",
            "--day",
            "2026-03-01",
            "--reason",
            "chưa có thông báo",
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_taken_port_is_told_before_anything_is_loaded_or_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let database = Database::sqlite();
    let folder = database.folder.path();
    for arguments in [
        ["demo", "--listen", &address, "--data", "du-lieu"].as_slice(),
        &["serve", "--listen", &address],
    ] {
        let output = run(&database, arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(&address) && told.contains("--listen"), "{told}");
        assert!(!told.contains("loading"), "{told}");
        assert!(!folder.join("choso.db").exists() && !folder.join("du-lieu/choso.db").exists());
    }
}
