//! The register by commands: files as spreadsheets leave them, spellings of streets, and what a person is asked.

use std::process::Output;

use super::{done, run};
use crate::support::*;

/// The folder of cases that are modelled on public reports, their content invented.
const FIELD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/field");

/// A household on a street.
fn row(reference: &str, street: &str) -> String {
    format!("{reference},Hộ {reference},registered,trading,20242,{street},1,,,,,,,,,2026-01-01,\n")
}

/// Imports rows of a register file; its output.
fn import(database: &Database, rows: &str, flags: &[&str]) -> Output {
    let path = database.folder.path().join("rows.csv");
    std::fs::write(&path, format!("{HEADER}{rows}")).expect("a file");
    let path = path.to_str().expect("UTF-8");
    run(database, &[&["import", "register", path], flags].concat())
}

/// Exit status, and all that was said.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stderr[..], &output.stdout[..]].concat();
    (output.status.code(), String::from_utf8(text).expect("UTF-8"))
}

/// Names of all streets.
fn streets(database: &Database) -> Vec<String> {
    let text = done(
        database,
        &[
            "report",
            "indicators",
            "--area",
            "20242@2026-02-01",
            "--format",
            "json",
            "--as-of",
            "2026-02-01",
        ],
    );
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let lines = report["streets"].as_array().expect("streets").iter();
    let mut names: Vec<String> = lines
        .map(|s| s["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn files_as_spreadsheets_save_them_are_kept() {
    let database = Database::sqlite();
    for name in [
        "111-register-resaved-dates.csv",
        "113-register-formula-text.csv",
        "115-register.xlsx",
        "116-register-trailing-empty-columns.csv",
    ] {
        let path = format!("{FIELD}/{name}");
        let told = done(&database, &["import", "register", &path]);
        assert!(told.contains("rows read 1, kept 1, refused 0"), "{name}: {told}");
    }
    let (_, again) = said(&run(
        &database,
        &["import", "register", &format!("{FIELD}/115-register.xlsx")],
    ));
    assert!(
        again.contains("households new 0") && again.contains("changed 0; accounts linked 0"),
        "{again}"
    );
}

#[test]
fn the_template_is_a_workbook_that_comes_back_as_it_is() {
    let database = Database::sqlite();
    done(&database, &["import", "register", "--template", "mau.xlsx"]);
    let bytes = std::fs::read(database.folder.path().join("mau.xlsx")).expect("the template");
    let sheets = workbook::sheets(&bytes);
    let names: Vec<&str> = sheets.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Sổ hộ", "Hướng dẫn", "Ngân hàng"]);
    assert_eq!(sheets[1].1.len(), 18, "each column is explained");
    let told = done(&database, &["import", "register", "mau.xlsx"]);
    assert!(told.contains("rows read 3, kept 3, refused 0"), "{told}");
    done(&database, &["import", "register", "--template", "mau.csv"]);
    let (_, again) = said(&run(&database, &["import", "register", "mau.csv"]));
    assert!(
        again.contains("households new 0") && again.contains("changed 0"),
        "the same three: {again}"
    );
}

#[test]
fn a_file_of_which_every_row_is_refused_fails_and_says_so_first() {
    let database = Database::sqlite();
    let output = import(
        &database,
        &row("A", "Trần Phú").replace("2026-01-01", "hôm nay"),
        &[],
    );
    let (status, text) = said(&output);
    assert_eq!(status, Some(1));
    assert!(
        text.starts_with("every row was refused: nothing was kept"),
        "{text}"
    );
    let path = database.folder.path().join("cho.csv");
    std::fs::write(
        &path,
        "name,ward_old,district_old,ward_new_code\nChợ Thử,,Không Có,\n",
    )
    .expect("a file");
    let output = run(&database, &["import", "markets", "cho.csv"]);
    assert_eq!(said(&output).0, Some(1), "{}", said(&output).1);
    // One good row is enough, and a file that brings nothing new is no failure.
    let rows = row("A", "Trần Phú") + &row("B", "Trần Phú").replace("2026-01-01", "hôm nay");
    assert_eq!(said(&import(&database, &rows, &[])).0, Some(0));
    assert_eq!(said(&import(&database, &row("A", "Trần Phú"), &[])).0, Some(0));
}

#[test]
fn refused_rows_mended_are_imported_from_their_own_file() {
    let database = Database::sqlite();
    let rows = row("A", "Trần Phú") + &row("B", "Trần Phú").replace("2026-01-01", "hôm nay");
    assert_eq!(
        said(&import(&database, &rows, &["--rejects", "loi.csv"])).0,
        Some(0)
    );
    let path = database.folder.path().join("loi.csv");
    let mended = std::fs::read_to_string(&path)
        .expect("rejects")
        .replace("hôm nay", "01/01/2026");
    std::fs::write(&path, mended).expect("a file");
    let told = done(&database, &["import", "register", "loi.csv"]);
    assert!(told.contains("rows read 1, kept 1, refused 0"), "{told}");
}

#[test]
fn spellings_of_a_street_are_one_street() {
    let database = Database::sqlite();
    let rows: String = [
        "Tran Phu",
        "Trần Phú",
        "Đường Trần Phú",
        "đ. Trần Phú",
        "duong Tran Phu",
    ]
    .iter()
    .enumerate()
    .map(|(n, street)| row(&format!("H{n}"), street))
    .collect();
    let (status, text) = said(&import(&database, &rows, &[]));
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("kept 5, refused 0") && text.contains("new streets 1: Trần Phú"),
        "{text}"
    );
    assert!(text.contains("«Tran Phu» as «Trần Phú» (1)"), "{text}");
    assert_eq!(streets(&database), ["Trần Phú"]);

    // Another name is asked about, with the street that may be meant.
    let rows = row("X", "Trần Phu") + &row("Y", "Lê Duẩn") + &row("Z", "tran phu");
    let (status, text) = said(&import(&database, &rows, &[]));
    assert_eq!(status, Some(0));
    assert!(
        text.contains("kept 1, refused 2") && text.contains("«Lê Duẩn» (1), «Trần Phu» (1)"),
        "{text}"
    );
    assert!(text.contains("but «Trần Phú» is"), "{text}");
    assert_eq!(streets(&database), ["Trần Phú"]);
    let (status, text) = said(&import(&database, &rows, &["--dry-run", "--new-streets"]));
    assert_eq!(status, Some(0));
    assert!(text.contains("new streets 2: Trần Phu, Lê Duẩn"), "{text}");
    assert_eq!(streets(&database), ["Trần Phú"], "a dry run makes none");
    assert_eq!(said(&import(&database, &rows, &["--new-streets"])).0, Some(0));
    assert_eq!(streets(&database), ["Lê Duẩn", "Trần Phu", "Trần Phú"]);

    // Two that are one after all become one, and the same file again changes nothing.
    let alike = done(&database, &["street", "alike"]);
    assert_eq!(alike.lines().count(), 1, "{alike}");
    done(
        &database,
        &[
            "street",
            "merge",
            "Trần Phu",
            "Trần Phú",
            "--reason",
            "gõ thiếu dấu",
        ],
    );
    assert_eq!(streets(&database), ["Lê Duẩn", "Trần Phú"]);
    let (status, text) = said(&import(&database, &rows, &[]));
    assert_eq!(status, Some(0));
    assert!(
        text.contains("households new 0, in file 3; stalls new 0; changed 0"),
        "{text}"
    );
    assert_eq!(streets(&database), ["Lê Duẩn", "Trần Phú"]);
}

#[test]
fn an_account_that_lost_its_zeros_and_one_that_waits_are_told() {
    let database = Database::sqlite();
    let with_account = |account: &str| {
        row("A", "Trần Phú").replace(",1,,,,,,,,", &format!(",1,,,,970415,{account},HO A,owner,"))
    };
    assert_eq!(
        said(&import(&database, &with_account("00889900112"), &[])).0,
        Some(0)
    );
    let (status, text) = said(&import(&database, &with_account("889900112"), &[]));
    assert_eq!(status, Some(1));
    assert!(
        text.contains("9 digits, while accounts of this bank have 11"),
        "{text}"
    );
    // Right as it is, says the apostrophe; then it takes another one's place and waits.
    let (status, text) = said(&import(&database, &with_account("'889900112"), &[]));
    assert_eq!(status, Some(0));
    assert!(
        text.contains("accounts linked 1")
            && text.contains("accounts that wait 1")
            && text.contains("(rows 2)"),
        "{text}"
    );
}
