//! Every reader gets sentences in the own language: none in Vietnamese inside the store, none in Vietnamese where English
//! is meant.

use std::path::Path;

use crate::architecture::code;
use crate::store_contract::sources;

/// The text between the quotation mark with which this begins and the one that ends it, and what follows.
fn literal_at(code: &str) -> Option<(&str, &str)> {
    let text = code.strip_prefix('"')?;
    let mut is_escaped = false;
    let (end, _) = text.char_indices().find(|(_, c)| {
        let is_end = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    })?;
    Some((&text[..end], &text[end + 1..]))
}

fn has_vietnamese(text: &str) -> bool {
    text.chars().any(|c| c.is_alphabetic() && !c.is_ascii())
}

/// Text literals of some code, comments left out: between quotation marks, or raw.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '\'', '/', 'r']) {
        let before = rest[..at].chars().next_back();
        let from = &rest[at..];
        let end = if from.starts_with("//") {
            from.find('\n').unwrap_or(from.len())
        } else if from.starts_with("r#\"") && before.is_none_or(|c| !c.is_alphanumeric() && c != '_') {
            let end = from[3..].find("\"#").map_or(from.len(), |end| end + 5);
            found.push(from[..end].to_owned());
            end
        } else if let Some((literal, _)) = literal_at(from) {
            found.push(literal.to_owned());
            literal.len() + 2
        } else if from.starts_with("'\"'") || from.starts_with("'\\\"'") {
            from[1..].find('\'').unwrap_or(0) + 2
        } else {
            1
        };
        rest = &rest[(at + end).min(rest.len())..];
    }
    found
}

#[test]
fn store_and_intake_return_facts_and_say_nothing_in_vietnamese() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    let mut wrong = Vec::new();
    for room in ["store", "intake", "settlement"] {
        let room = root.join(room);
        if !room.exists() {
            continue;
        }
        for (path, text) in sources(&room) {
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text);
            for literal in literals(code) {
                seen += 1;
                if has_vietnamese(&literal) {
                    wrong.push(format!("{path}: {literal}"));
                }
            }
        }
    }
    assert!(seen > 500, "literals were read: {seen}");
    assert_eq!(
        wrong, [""; 0],
        "sentences stand in src/words.rs in both languages, so that every reader gets his own"
    );
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Wherever a text stands in both languages side by side, the second is English.
#[test]
fn english_sentences_hold_no_vietnamese() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let templates = files_in(&templates).into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).expect("a template");
        (path.display().to_string(), text)
    });
    let code = code().into_iter().filter(|(path, _)| !path.contains("/tests/"));
    for (path, text) in code.chain(templates) {
        for marker in ["sentence!(", "Sentence::new(", "pick(", " ("] {
            for rest in text.split(marker).skip(1) {
                let Some((vi, rest)) = literal_at(rest.trim_start()) else {
                    continue;
                };
                let Some(rest) = rest.strip_prefix(',') else {
                    continue;
                };
                let Some((en, rest)) = literal_at(rest.trim_start()) else {
                    continue;
                };
                // A pair, not one of several.
                let is_pair = rest.trim_start_matches(',').trim_start().starts_with(')');
                if has_vietnamese(vi) && is_pair {
                    seen += 1;
                    if has_vietnamese(en) {
                        wrong.push(format!("{path}: {en}"));
                    }
                }
            }
        }
    }
    assert!(seen > 300, "pairs were read: {seen}");
    assert_eq!(wrong, [""; 0], "an English reader understands no Vietnamese");
}

#[test]
fn literals_are_told_from_comments() {
    let code = "let a = \"x \\\" é\"; // \"no\"\nlet b = '\"'; let c = r#\"ê\"#;";
    assert_eq!(literals(code), ["x \\\" é", "r#\"ê\"#"]);
}
