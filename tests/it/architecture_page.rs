//! ARCHITECTURE.md and what it leads to are true: the paths they name exist, their links lead to a heading, and the
//! diagram of rooms agrees with the table of imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::architecture::may_use;

/// Documents that lead into the source by paths.
const PAGES: [&str; 4] = [
    "ARCHITECTURE.md",
    "docs/ledger.md",
    "docs/reconciliation.md",
    "docs/cards.md",
];
/// What a path in them begins with.
const FOLDERS: [&str; 7] = [
    "src/",
    "docs/",
    "tests/",
    "migrations/",
    "loadtest/",
    "templates/",
    "assets/",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn paths_that_the_pages_name_exist() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for page in PAGES {
        let text = text_of(&root().join(page));
        for path in text.split('`').skip(1).step_by(2) {
            if FOLDERS.iter().any(|folder| path.starts_with(folder)) {
                seen += 1;
                if !root().join(path).exists() {
                    wrong.push(format!("{page} names {path}"));
                }
            }
        }
    }
    assert!(seen > 60, "only {seen} paths were found");
    assert_eq!(wrong, [""; 0], "a reader looks there and finds nothing");
}

#[test]
fn links_of_the_pages_lead_to_a_heading() {
    let mut seen = 0;
    for page in PAGES {
        let page = root().join(page);
        for link in text_of(&page).split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            let Some((file, anchor)) = link.split_once('#') else {
                continue;
            };
            seen += 1;
            let target = page.with_file_name(file);
            let target = if file.is_empty() { &page } else { &target };
            let anchors: Vec<String> = text_of(target).lines().filter_map(anchor_of).collect();
            assert!(
                anchors.iter().any(|a| a == anchor),
                "{link} in {}",
                page.display()
            );
        }
    }
    assert!(seen > 3, "only {seen} links to headings were found");
}

/// As code hosts name a heading: small letters and digits, hyphens for spaces.
fn anchor_of(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -".contains(*c));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

/// The arrows of the diagram, each as (who imports, what).
fn arrows() -> BTreeSet<(String, String)> {
    let text = text_of(&root().join("ARCHITECTURE.md"));
    let diagram = text.split("```mermaid").nth(1).expect("a diagram");
    let diagram = diagram.split("```").next().unwrap_or_default();
    let names = |side: &str| -> Vec<String> { side.split('&').map(|name| name.trim().to_owned()).collect() };
    let mut arrows = BTreeSet::new();
    for (from, to) in diagram.lines().filter_map(|line| line.split_once("-->")) {
        for from in names(from) {
            arrows.extend(names(to).into_iter().map(|to| (from.clone(), to)));
        }
    }
    arrows
}

#[test]
fn every_room_is_in_the_diagram() {
    let drawn: BTreeSet<String> = arrows().into_iter().flat_map(|(from, to)| [from, to]).collect();
    for entry in std::fs::read_dir(root().join("src")).expect("src").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let room = name.trim_end_matches(".rs");
        let is_drawn = ["main", "lib"].contains(&room) || drawn.contains(room);
        assert!(is_drawn, "the diagram of ARCHITECTURE.md lacks {room}");
    }
}

#[test]
fn the_diagram_agrees_with_the_table_of_imports() {
    let arrows = arrows();
    let table: BTreeMap<&str, &[&str]> = may_use();
    for (from, to) in &arrows {
        // A room that the table does not list may use what it likes.
        let may = table
            .get(from.as_str())
            .filter(|_| table.contains_key(to.as_str()));
        let is_permitted = may.is_none_or(|may| may.contains(&to.as_str()));
        assert!(is_permitted, "{from} is drawn above {to} and may not use it");
    }
    for (room, may) in table {
        let reached = reached(room, &arrows);
        for other in may {
            assert!(
                reached.contains(other),
                "{room} may use {other}, and no arrow leads there"
            );
        }
    }
}

/// What a room's arrows lead to, directly or through others.
fn reached<'a>(room: &'a str, arrows: &'a BTreeSet<(String, String)>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![room];
    while let Some(room) = next.pop() {
        for (_, to) in arrows.iter().filter(|(from, _)| from == room) {
            if reached.insert(to.as_str()) {
                next.push(to);
            }
        }
    }
    reached
}
