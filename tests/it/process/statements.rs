//! `choso import statement` and `choso reconcile` as people call them.

use std::path::Path;
use std::time::SystemTime;

use serde_json::json;

use super::*;
use crate::support::{http, workbook};

const HEADER: &str =
    "Ngân hàng thử;;;;;\n;;;;;\nSTT;Ngày giao dịch;Mã giao dịch;Số tiền;Tài khoản nhận;Nội dung\n";

fn write(database: &Database, name: &str, rows: &str) {
    let text = format!("{HEADER}{rows}Tổng cộng;;;81.000;;\n");
    std::fs::write(database.folder.path().join(name), text).expect("a file");
}

#[test]
fn a_statement_is_looked_at_tried_taken_in_and_reconciled() {
    let database = Database::sqlite();
    prepare(&database);
    write(
        &database,
        "st.csv",
        "1;01/03/2026 09:00:00;T1;20.000;00000011;tien rau\n\
         2;01/03/2026 09:01:00;T2;30.000;00000022;HC7K3M9J ca\n\
         3;01/03/2026 09:02:00;T3;x;00000022;\n\
         4;01/03/2026 09:03:00;=T4;31.000;99999999;\n",
    );
    let import = |more: &[&str]| {
        let mut arguments = vec!["import", "statement", "st.csv", "--provider", "p"];
        arguments.extend(more);
        run(&database, &arguments)
    };
    let text = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    // What it is and how it would be read; nothing is kept.
    let looked = import(&["--look"]);
    assert_eq!(looked.status.code(), Some(0), "{looked:?}");
    let said = String::from_utf8_lossy(&looked.stderr).into_owned();
    assert!(
        said.contains("CSV, UTF-8, separated by «;», header in row 3, not a known layout"),
        "{said}"
    );
    assert!(said.contains("payment 20,000 VND, settled"), "{said}");
    for of_the_source in ["Some(", "None", "StatementRow", "FileFacts", " { "] {
        assert!(!said.contains(of_the_source), "{of_the_source}: {said}");
    }
    let mapping: Value = serde_json::from_slice(&looked.stdout).expect("a mapping");
    assert_eq!(
        (
            &mapping["columns"]["transaction_id"],
            &mapping["columns"]["amount"]
        ),
        (&json!(2), &json!(3))
    );
    let tried = import(&["--dry-run"]);
    assert!(
        text(&tried).starts_with("rows read 5, kept 3, refused 1\n"),
        "{}",
        text(&tried)
    );
    assert!(text(&tried).contains("adds up"));
    // Taken in, with what could not be read handed back; the very file again changes nothing.
    std::fs::write(database.folder.path().join("how.json"), &looked.stdout).expect("a file");
    let taken = import(&["--mapping", "how.json", "--rejects", "bad.csv"]);
    assert_eq!(taken.status.code(), Some(0), "{taken:?}");
    assert!(text(&taken).starts_with("rows read 5, kept 3, refused 1\n"));
    assert!(String::from_utf8_lossy(&taken.stderr).contains("2 receipts posted from the statement"));
    let rejects = std::fs::read_to_string(database.folder.path().join("bad.csv")).expect("rejects");
    assert!(rejects.contains("is no amount"), "{rejects}");
    let again = import(&[]);
    assert!(text(&again).starts_with("rows read 0, kept 0, refused 0\n"));
    assert!(String::from_utf8_lossy(&again.stderr).contains("taken in before"));
    // What the day came to, for people and for programs.
    let arguments = [
        "reconcile",
        "--provider",
        "p",
        "--day",
        "2026-03-01",
        "--json",
        "--exceptions",
        "ex.csv",
    ];
    let outcome: Value = serde_json::from_str(&done(&database, &arguments)).expect("one object");
    assert_eq!(outcome["adds_up"], true);
    assert_eq!(
        outcome["rows"]["exceptions"],
        json!({ "count": 3, "amount_vnd": 81_000 })
    );
    assert_eq!(outcome["rows"]["bad"]["count"], 1);
    assert_eq!(
        outcome["by_kind"]["missing_notice"],
        json!({ "count": 2, "amount_vnd": 50_000 })
    );
    assert_eq!(outcome["by_kind"]["unknown_account"]["count"], 1);
    let exceptions = std::fs::read_to_string(database.folder.path().join("ex.csv")).expect("exceptions");
    let lines: Vec<&str> = exceptions.lines().collect();
    assert_eq!(
        lines[0],
        "\u{feff}kind,provider_txn_id,amount_vnd,business_date,row_number,sentence"
    );
    assert!(
        lines[1].starts_with("missing_notice,T1,20000,2026-03-01,4,"),
        "{}",
        lines[1]
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("unknown_account,'=T4,31000,")),
        "no formula: {exceptions}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("bad_row,,0,2026-03-01,6,")),
        "{exceptions}"
    );
    let told = done(
        &database,
        &[
            "reconcile",
            "--provider",
            "p",
            "--from",
            "2026-03-01",
            "--to",
            "2026-03-02",
        ],
    );
    assert!(told.contains("= matched") && told.contains("adds up"), "{told}");
    assert_eq!(recount(&database)["counters_agree"], true);
    done(&database, &["audit", "verify"]);
}

#[test]
fn what_cannot_be_reconciled_is_refused_with_a_reason() {
    let database = Database::sqlite();
    prepare(&database);
    std::fs::write(database.folder.path().join("st.pdf"), b"%PDF-1.7 nothing").expect("a file");
    let code = |arguments: &[&str]| run(&database, arguments).status.code();
    assert_eq!(
        code(&["import", "statement", "st.pdf", "--provider", "p"]),
        Some(1)
    );
    assert_eq!(
        code(&["import", "statement", "st.pdf", "--provider", "nobody"]),
        Some(1)
    );
    assert_eq!(code(&["import", "statement", "st.pdf"]), Some(2), "whose it is");
    assert_eq!(
        code(&["reconcile", "--provider", "nobody", "--day", "2026-03-01"]),
        Some(1)
    );
    assert_eq!(code(&["reconcile", "--provider", "p"]), Some(2));
    assert_eq!(
        code(&[
            "reconcile",
            "--provider",
            "p",
            "--from",
            "2026-03-02",
            "--to",
            "2026-03-01"
        ]),
        Some(2)
    );
    assert_eq!(
        code(&["reconcile", "--provider", "p", "--day", "2026-02-30"]),
        Some(2)
    );
}

/// Puts a statement there that was written long ago.
#[test]
fn what_nobody_understands_is_asked_once_and_the_answer_is_remembered() {
    let database = Database::sqlite();
    prepare(&database);
    let file = |name: &str, text: &str| {
        std::fs::write(database.folder.path().join(name), text).expect("a file");
    };
    let import = |name: &str, more: &[&str]| {
        let mut arguments = vec!["import", "statement", name, "--provider", "p"];
        arguments.extend(more);
        let output = run(&database, &arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let header = "Ngày giao dịch;Mã giao dịch;Số tiền;Tài khoản nhận;Phân loại\n";
    let rows = "01/03/2026;T1;20.000;00000011;nhóm A\n01/03/2026;T2;5.000;00000011;nhóm B\n";
    file("one.csv", &format!("{header}{rows}"));
    let (code, _, said) = import("one.csv", &[]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("«Phân loại»") && said.contains("«nhóm A», «nhóm B»"),
        "{said}"
    );
    assert_eq!(recount(&database)["posted"]["count"], 0);
    // What --look proposes has a place for each answer, and is asked about as long as one is missing.
    let (code, json, said) = import("one.csv", &["--look"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("\"words\"") && !said.contains("FileFacts"),
        "{said}"
    );
    let mut mapping: Value = serde_json::from_str(&json).expect("a mapping");
    file("how.json", &mapping.to_string());
    assert_eq!(import("one.csv", &["--mapping", "how.json"]).0, Some(1));
    mapping["words"]["4"] = json!({ "nhom a": "in", "nhom b": "out" });
    file("how.json", &mapping.to_string());
    let (code, said, _) = import("one.csv", &["--mapping", "how.json"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        recount(&database)["posted"],
        json!({ "count": 1, "amount_vnd": 20_000 })
    );
    // The next file is read the same way. The bank's own table is another shape, and neither takes the place of the
    // other.
    file(
        "bank.csv",
        "Ngày giao dịch;Số tham chiếu;Nợ;Có;Số dư\n02/03/2026;FT1;;7.000;107.000\n03/03/2026;FT2;2.000;;105.000\n",
    );
    let (code, _, said) = import("bank.csv", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 rows lead from the balance"), "{said}");
    file(
        "two.csv",
        &format!(
            "{header}{}",
            rows.replace("T1", "T3")
                .replace("T2", "T4")
                .replace("20.000", "30.000")
        ),
    );
    let (code, _, said) = import("two.csv", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(recount(&database)["posted"]["amount_vnd"], 50_000);
    // A file of which no row can be read says so first, and is not kept: it can be handed in again.
    for _ in 0..2 {
        file(
            "bad.csv",
            "Thời gian;Mã GD;Giá trị\n01/03/2026;T8;65k\n01/03/2026;T9;x\n",
        );
        let (code, said, why) = import("bad.csv", &["--rejects", "rejects.csv"]);
        assert_eq!(
            (code, said.as_str()),
            (Some(1), "rows read 2, kept 0, refused 2\n")
        );
        assert!(why.starts_with("every row of the file was refused"), "{why}");
        let rejects = std::fs::read_to_string(database.folder.path().join("rejects.csv")).expect("rejects");
        assert_eq!(rejects.lines().count(), 3, "{rejects}");
    }
    assert_eq!(recount(&database)["counters_agree"], true);
}

fn put(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
    let file = std::fs::File::options()
        .append(true)
        .open(path)
        .expect("the file");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("its time");
}

#[test]
fn what_lies_in_the_inbox_is_picked_up_by_every_process_that_starts() {
    let database = Database::sqlite();
    prepare(&database);
    let inbox = database.folder.path().join("sao-ke");
    std::fs::create_dir_all(inbox.join("p")).expect("a folder");
    let start = || {
        let mut program = choso(&database);
        program.env("CHOSO_STATEMENT_INBOX", &inbox);
        Serving::of(program)
    };
    let counted = |serving: &Serving, outcome: &str| {
        let metrics = http::send(serving.address, "GET", "/metrics", &[], b"").body;
        let line = format!(r#"choso_statements_picked_up_total{{provider="p",outcome="{outcome}"}} 1"#);
        metrics.lines().any(|found| found == line)
    };
    put(
        &inbox.join("p/a.csv"),
        &format!("{HEADER}1;01/03/2026 09:00:00;T1;20.000;00000011;tien rau\n"),
    );
    put(&inbox.join("p/b.csv"), "%PDF-1.7 nothing");
    let mut serving = start();
    until("both files are dealt with", || {
        counted(&serving, "taken") && counted(&serving, "refused")
    });
    assert!(inbox.join("p/da-nhap/a.csv").exists() && inbox.join("p/tu-choi/b.csv").exists());
    assert_eq!(serving.terminate(), Some(0));
    assert_eq!(recount(&database)["receipts"], 1);
    // It came while nothing ran, and no set time passes while this test runs.
    put(
        &inbox.join("p/c.csv"),
        &format!("{HEADER}1;02/03/2026 09:00:00;T2;30.000;00000022;ca\n"),
    );
    let mut serving = start();
    until("the file of the pause is taken in", || counted(&serving, "taken"));
    assert_eq!(serving.terminate(), Some(0));
    assert_eq!(recount(&database)["receipts"], 2);
    done(&database, &["audit", "verify"]);
}

#[test]
fn the_rules_of_a_provider_are_shown_changed_and_checked() {
    let database = Database::sqlite();
    prepare(&database);
    let rules = |more: &[&str]| {
        let mut arguments = vec!["provider", "rules", "--id", "p"];
        arguments.extend(more);
        let output = run(&database, &arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let values = said.lines().filter_map(|line| line.split_whitespace().nth(1));
        (output.status.code(), values.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(rules(&[]), (Some(0), "midnight unknown 0% no 3 1".to_owned()));
    let set = [
        "--cutoff",
        "17:00",
        "--fee",
        "0,55%",
        "--fee-vat",
        "8%",
        "--in-sums",
        "yes",
    ];
    assert_eq!(rules(&set), (Some(0), "17:00 0.55% 8% yes 3 1".to_owned()));
    assert_eq!(rules(&["--deadline-days", "5"]).0, Some(0));
    assert_eq!(
        rules(&["--fee", "0.55"]),
        (Some(1), String::new()),
        "percent or not?"
    );
    assert_eq!(rules(&["--slack-days", "many"]).0, Some(2));
    assert_eq!(rules(&[]), (Some(0), "17:00 0.55% 8% yes 5 1".to_owned()));
    let nobody = run(&database, &["provider", "rules", "--id", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
    let wrong = choso(&database)
        .args(["reconcile", "--provider", "p", "--day", "2026-03-01"])
        .env("CHOSO_HOLIDAYS", "2026-02-30")
        .output()
        .expect("the program runs");
    assert_eq!(wrong.status.code(), Some(2));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("holidays") && said.contains("2026-02-30"), "{said}");
}

#[test]
fn an_archive_is_taken_in_file_by_file_and_ids_leave_as_texts() {
    let database = Database::sqlite();
    prepare(&database);
    let text = |rows: &str| format!("{HEADER}{rows}");
    let first = text("1;01/03/2026 09:00:00;2603010000001234567;20.000;99999999;la\n");
    let second = text("1;02/03/2026 09:00:00;T2;30.000;00000022;HC7K3M9J ca\n");
    let archive = workbook::zipped(&[
        ("ngay 1.csv", first.as_bytes()),
        ("anh.png", b"\x89PNG\r\n"),
        ("ngay 2.csv", second.as_bytes()),
    ]);
    std::fs::write(database.folder.path().join("thang.zip"), archive).expect("an archive");
    let taken = run(
        &database,
        &["import", "statement", "thang.zip", "--provider", "p"],
    );
    let said = String::from_utf8_lossy(&taken.stderr);
    let printed = String::from_utf8_lossy(&taken.stdout);
    assert_eq!(taken.status.code(), Some(1), "one of them is refused: {said}");
    assert!(
        said.contains("anh.png:") && said.contains("PNG") && said.contains("1 of 3 files"),
        "{said}"
    );
    assert_eq!(
        printed.matches("rows read 1, kept 1, refused 0").count(),
        2,
        "{printed}"
    );
    for name in ["ex.xlsx", "ex.csv"] {
        let days = [
            "reconcile",
            "--provider",
            "p",
            "--from",
            "2026-03-01",
            "--to",
            "2026-03-02",
        ];
        let arguments = [&days[..], &["--exceptions", name]].concat();
        done(&database, &arguments);
    }
    let book = std::fs::read(database.folder.path().join("ex.xlsx")).expect("a workbook");
    let (_, rows) = workbook::sheets(&book).remove(0);
    let id = workbook::Shown::Text("2603010000001234567".to_owned());
    assert!(rows.iter().any(|row| row.get("B") == Some(&id)), "{rows:?}");
    let list = std::fs::read_to_string(database.folder.path().join("ex.csv")).expect("a list");
    assert!(
        list.contains("unknown_account,'2603010000001234567,20000,"),
        "{list}"
    );
}
