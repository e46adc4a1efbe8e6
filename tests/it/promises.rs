//! What the program promises to people (docs/promises.md): each sentence stands where the page says, and its tests are there.

use std::path::Path;

use crate::store_contract::sources;

/// The lines of the page's tables: sentence, file, tests.
fn promises() -> Vec<[String; 3]> {
    let text = include_str!("../../docs/promises.md");
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let cells = rows.map(|row| {
        row.trim_matches('|')
            .split(" | ")
            .map(|c| c.trim().to_owned())
            .collect::<Vec<_>>()
    });
    let promises: Vec<[String; 3]> = cells
        .map(|cells| <[String; 3]>::try_from(cells).expect("three columns"))
        .filter(|cells| cells[0] != "Sentence")
        .collect();
    assert!(promises.len() > 40, "the tables are read");
    promises
}

#[test]
fn each_promise_stands_where_the_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for [sentence, file, _] in promises() {
        let text = std::fs::read_to_string(root.join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        // Behind a Vietnamese sentence its meaning stands in parentheses.
        let bare = match sentence.rfind(" (") {
            Some(at) if !sentence.is_ascii() && !text.contains(&sentence) => &sentence[..at],
            _ => &sentence,
        };
        assert!(text.contains(bare), "«{bare}» no longer stands in {file}");
    }
}

#[test]
fn each_promise_has_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<(String, String)> = ["src", "tests/it"]
        .iter()
        .flat_map(|folder| sources(&root.join(folder)))
        .collect();
    for [sentence, _, tests] in promises() {
        for test in tests.split(", ") {
            let (module, name) = test
                .rsplit_once("::")
                .unwrap_or_else(|| panic!("{test}: module::test"));
            let module = module.rsplit("::").next().unwrap_or(module);
            let is_there = files.iter().any(|(file, text)| {
                file.ends_with(&format!("{module}.rs")) && text.contains(&format!("fn {name}("))
            });
            assert!(is_there, "«{sentence}»: there is no test {test}");
        }
    }
}
