//! Rules of the house as a test: which room may know which, and which words may stand
//! where. A rule that is broken says why it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::file_imports::{circles, files_below};
use crate::store_contract::sources;
use crate::support::*;

/// Rooms that decide and touch nothing outside.
const CORE: [&str; 12] = [
    "vn",
    "table",
    "places",
    "vietqr",
    "print",
    "notice",
    "register",
    "ledger",
    "statement",
    "reconcile",
    "indicators",
    "access",
];

/// What each room may use besides itself, from the bottom up.
const MAY_USE: [(&str, &[&str]); 28] = [
    // The core.
    ("vn", &[]),
    ("table", &["vn"]),
    ("vietqr", &["vn"]),
    ("print", &["vn", "vietqr"]),
    ("notice", &["vn"]),
    ("access", &["vn"]),
    ("places", &["vn", "table"]),
    ("register", &["vn", "places", "table", "vietqr"]),
    ("ledger", &["vn", "notice", "register"]),
    ("statement", &["vn"]),
    ("reconcile", &["vn", "notice", "statement"]),
    ("indicators", &["vn", "places", "register", "table"]),
    // What the shell stands on.
    ("clock", &["vn"]),
    ("task", &[]),
    ("turns", &[]),
    ("telemetry", &[]),
    ("bank_directory", &["vietqr"]),
    (
        "store",
        &[
            "access",
            "indicators",
            "ledger",
            "notice",
            "places",
            "reconcile",
            "register",
            "statement",
            "vietqr",
            "vn",
        ],
    ),
    // Callbacks in, statements in, and what is done now and then.
    (
        "intake",
        &[
            "access",
            "clock",
            "ledger",
            "notice",
            "store",
            "task",
            "telemetry",
            "vn",
        ],
    ),
    (
        "settlement",
        &[
            "access",
            "intake",
            "ledger",
            "notice",
            "reconcile",
            "statement",
            "store",
            "table",
            "turns",
            "vn",
        ],
    ),
    ("words", &["intake", "settlement", "statement", "store", "vn"]),
    ("config", &["intake", "telemetry", "vn"]),
    (
        "jobs",
        &[
            "bank_directory",
            "clock",
            "config",
            "intake",
            "settlement",
            "store",
            "task",
            "telemetry",
            "turns",
            "vn",
            "words",
        ],
    ),
    // What people and programs meet.
    (
        "web",
        &[
            "access",
            "bank_directory",
            "clock",
            "indicators",
            "intake",
            "ledger",
            "notice",
            "places",
            "print",
            "reconcile",
            "register",
            "settlement",
            "statement",
            "store",
            "table",
            "telemetry",
            "turns",
            "vietqr",
            "vn",
            "words",
        ],
    ),
    (
        "app",
        &[
            "bank_directory",
            "clock",
            "config",
            "intake",
            "jobs",
            "store",
            "task",
            "telemetry",
            "turns",
            "web",
        ],
    ),
    ("simulate", &["clock", "notice", "register", "store", "vn"]),
    (
        "demo",
        &[
            "access", "app", "clock", "config", "intake", "notice", "places", "register", "simulate",
            "store", "vn",
        ],
    ),
    (
        "commands",
        &[
            "access",
            "app",
            "bank_directory",
            "clock",
            "config",
            "demo",
            "indicators",
            "intake",
            "jobs",
            "ledger",
            "notice",
            "places",
            "print",
            "reconcile",
            "register",
            "settlement",
            "simulate",
            "statement",
            "store",
            "table",
            "telemetry",
            "vietqr",
            "vn",
            "web",
            "words",
        ],
    ),
];

/// Files of `src` as (path below src, lines without whole-line comments and without unit tests, which may
/// read files).
pub fn code() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let prefix = format!("{}/", root.display());
    let files = sources(&root)
        .into_iter()
        .filter(|(path, _)| !path.ends_with("/tests.rs"));
    let files = files.map(|(path, text)| {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text);
        let lines: Vec<&str> = code
            .lines()
            .filter(|l| !l.trim_start().starts_with("//"))
            .collect();
        (path.trim_start_matches(&prefix).to_owned(), lines.join("\n"))
    });
    let files: Vec<_> = files.collect();
    assert!(files.len() > 30, "the source was read");
    files
}

/// The room of a file: `store/register.rs` and `store/mod.rs` are of `store`, `table.rs` of `table`.
fn room(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// Lines outside the permitted files that contain a word standing alone.
fn strays(word: &str, is_permitted: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in code() {
        for line in text
            .lines()
            .filter(|l| stands_in(l, word) && !is_permitted(&path, l))
        {
            found.push(format!("{path}: {}", line.trim()));
        }
    }
    found
}

/// Whether the word is in the line and not a part of a longer name.
fn stands_in(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_none_or(|c| !is_name(c));
        let after = line[at + word.len()..].chars().next().is_none_or(|c| !is_name(c));
        before && after
    })
}

#[test]
fn the_core_is_pure_and_synchronous() {
    for word in [
        "sqlx",
        "tokio",
        "actix_web",
        "std::fs",
        "std::net",
        "std::env",
        "SystemTime",
        "Instant",
    ] {
        let found = strays(word, |path, _| !CORE.contains(&room(path)));
        assert_eq!(
            found, [""; 0],
            "core takes bytes and the time as arguments, so {word} stays outside"
        );
    }
    for (path, text) in code() {
        let is_core = CORE.contains(&room(&path));
        assert!(
            !is_core || !text.contains("async fn"),
            "{path}: core is synchronous, so that it can be tested alone"
        );
    }
}

#[test]
fn rooms_know_only_the_rooms_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let rooms: BTreeSet<String> = code().iter().map(|(path, _)| room(path).to_owned()).collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, text) in code() {
        let own = room(&path);
        let Some(may_use) = allowed.get(own) else {
            // lib.rs and main.rs name every room; every other file is of a room that has a place in the list.
            if !matches!(own, "lib" | "main") {
                wrong.push(format!("{path}: the room {own} has no place in MAY_USE"));
            }
            continue;
        };
        for used in rooms_used(&text, &rooms) {
            seen += 1;
            if used != own && !may_use.contains(&used.as_str()) {
                wrong.push(format!("{path} uses {used}"));
            }
        }
    }
    assert!(seen > 100, "uses were found at all");
    assert_eq!(
        wrong, [""; 0],
        "a room that knows what is above it cannot be understood or tested alone"
    );
}

#[test]
fn the_list_of_rooms_goes_from_the_bottom_up() {
    let mut below: Vec<&str> = Vec::new();
    for (room, may_use) in MAY_USE {
        for used in may_use {
            assert!(
                below.contains(used),
                "{room} may use {used}, which stands no lower"
            );
        }
        below.push(room);
    }
    let core: Vec<&str> = MAY_USE.iter().take(CORE.len()).map(|(room, _)| *room).collect();
    assert!(
        CORE.iter().all(|room| core.contains(room)),
        "the core stands at the bottom"
    );
}

#[test]
fn no_file_imports_one_that_imports_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "loadtest/src"] {
        let files = files_below(&root.join(folder));
        assert!(files.len() > 10, "{folder} was read");
        assert_eq!(
            circles(&files),
            [[""; 0]; 0],
            "{folder}: files of a circle can only be understood and tested together; what both need goes to a third file"
        );
    }
}

/// Names of rooms behind `crate::` or, in the program, `choso::`, alone or in braces.
fn rooms_used(text: &str, rooms: &BTreeSet<String>) -> Vec<String> {
    let text = text.replace("choso::", "crate::");
    let mut used = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split(';').next().unwrap_or(list);
                list.split(|c: char| !c.is_alphanumeric() && c != '_').collect()
            }
            None => rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .take(1)
                .collect(),
        };
        used.extend(
            names
                .into_iter()
                .filter(|n| rooms.contains(*n))
                .map(str::to_owned),
        );
    }
    used
}

#[test]
fn only_the_store_says_sql() {
    let found = strays("sqlx::", |path, _| room(path) == "store");
    assert_eq!(
        found, [""; 0],
        "two databases behind one text need one room that knows them"
    );
}

#[test]
fn no_money_or_ratio_is_a_float() {
    // telemetry: seconds of a histogram are no money. notice/json: serde hands a fraction over as f64 so
    // that it can be refused; the number itself is never looked at. print: outlines, points and pixels.
    let permitted = |path: &str, line: &str| {
        path == "telemetry.rs"
            || path.starts_with("print/")
            || (path == "notice/json.rs" && line.contains("fn visit_f64"))
    };
    for word in ["f32", "f64"] {
        assert_eq!(
            strays(word, permitted),
            [""; 0],
            "money and ratios are integers; a float would round them"
        );
    }
}

#[test]
fn there_is_one_clock() {
    let found = strays("SystemTime", |path, _| path == "clock.rs");
    assert_eq!(
        found, [""; 0],
        "clock::now is the one clock; everything else is told the time, so tests can choose it"
    );
}

#[test]
fn rows_go_to_postgresql_in_one_message() {
    let found = strays("copy_in", |_, _| false);
    assert_eq!(
        found, [""; 0],
        "COPY sends several small messages, and the driver waits for acknowledgements between them: insert_arrays sends one"
    );
}

#[test]
fn files_stay_readable_in_one_sitting() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests", "loadtest/src"] {
        for (path, text) in sources(&root.join(folder)) {
            let lines = text.lines().count();
            assert!(
                lines <= 800,
                "{path} has {lines} lines: look for a second subject in it"
            );
        }
    }
}

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut silent = Vec::new();
    for folder in ["src", "tests/it", "loadtest/src"] {
        let files = sources(&root.join(folder)).into_iter();
        silent.extend(
            files
                .filter(|(_, text)| !text.starts_with("//! "))
                .map(|(path, _)| path),
        );
    }
    assert_eq!(
        silent, [""; 0],
        "a stranger opens a file and reads its first lines"
    );
}

fn names_in(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("migrations").flatten();
    let mut names: Vec<String> = entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = names_in("migrations/sqlite");
    assert!(!names.is_empty());
    assert_eq!(names, names_in("migrations/postgres"));
}

/// Every column as `table.column type null|not-null`, and every primary key as `table (columns)`.
fn schema(database: Database) -> (Vec<String>, Vec<String>) {
    let is_sqlite = database.url.starts_with("sqlite:");
    let books = Books::open(database);
    let (columns, keys) = if is_sqlite {
        (
        "SELECT m.name || '.' || c.name || ' ' || LOWER(c.type) || CASE c.\"notnull\" WHEN 0 THEN ' null' ELSE ' not-null' END
         FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name NOT LIKE '!_sqlx%' ESCAPE '!'",
        "SELECT m.name || ' (' || (SELECT GROUP_CONCAT(k.name, ', ') FROM
           (SELECT name FROM pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk) k) || ')'
         FROM sqlite_master m
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name NOT LIKE '!_sqlx%' ESCAPE '!'",
    )
    } else {
        (
        "SELECT table_name || '.' || column_name || ' ' || data_type
           || CASE is_nullable WHEN 'YES' THEN ' null' ELSE ' not-null' END
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '!_sqlx%' ESCAPE '!'
           AND table_name NOT LIKE '%!_default' ESCAPE '!'",
        "SELECT t.table_name || ' (' || STRING_AGG(k.column_name, ', ' ORDER BY k.ordinal_position) || ')'
         FROM information_schema.table_constraints t
         JOIN information_schema.key_column_usage k ON k.constraint_name = t.constraint_name
           AND k.table_name = t.table_name AND k.table_schema = t.table_schema
         WHERE t.constraint_type = 'PRIMARY KEY' AND t.table_schema = 'public'
           AND t.table_name NOT LIKE '!_sqlx%' ESCAPE '!' AND t.table_name NOT LIKE '%!_default' ESCAPE '!' GROUP BY t.table_name",
    )
    };
    let columns = books
        .rows(columns)
        .into_iter()
        // A key of SQLite that is the row's own number has to be called so.
        .map(|c| c.replace(" bytea ", " blob ").replace(" integer ", " bigint "))
        .collect();
    (columns, books.rows(keys))
}

#[test]
fn both_databases_have_the_same_tables_columns_and_keys() {
    let name = "architecture::both_databases_have_the_same_tables_columns_and_keys";
    let Some(postgres) = Database::postgres(name) else {
        return;
    };
    let sqlite = schema(Database::sqlite());
    let postgres = schema(postgres);
    assert!(
        sqlite.0.len() > 60 && sqlite.1.len() > 15,
        "the schema was read: {sqlite:?}"
    );
    assert_eq!(sqlite, postgres);
}

/// A list of more than two words is a table that SQLite makes and searches for every row that is added; a statement adds
/// a million (docs/performance.md).
#[test]
fn rows_of_statements_are_checked_without_lists() {
    let books = Books::open(Database::sqlite());
    let table = books.rows("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'statement_row'");
    assert_eq!(table.len(), 1);
    assert!(table[0].contains("CHECK (kind = 'payment' OR"), "{}", table[0]);
    assert!(!table[0].contains(" IN ('"), "{}", table[0]);
}

#[test]
fn no_source_file_is_left_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests/it"] {
        let files = sources(&root.join(folder));
        let all: String = files.iter().map(|(_, text)| text.as_str()).collect();
        for (path, _) in &files {
            let path = Path::new(path);
            let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
            let name = match stem {
                "main" | "lib" => continue,
                "mod" => path
                    .parent()
                    .and_then(|p| p.file_name())
                    .and_then(|s| s.to_str())
                    .unwrap_or_default(),
                name => name,
            };
            let declared = format!("mod {name};");
            assert!(
                all.contains(&declared),
                "{} is compiled by nobody: no `{declared}`",
                path.display()
            );
        }
    }
}

/// [`MAY_USE`] by room.
pub fn may_use() -> BTreeMap<&'static str, &'static [&'static str]> {
    MAY_USE.into_iter().collect()
}
