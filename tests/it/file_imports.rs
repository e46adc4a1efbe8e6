//! Which source file names something of which other one, read from `use` lines and from paths in the code, and the
//! circles that come of it. Files of a circle can only be understood and tested together.

use std::collections::{BTreeMap, BTreeSet};

use crate::store_contract::sources;

/// Files by their module: `["web", "pages"]` is `web/pages.rs` or `web/pages/mod.rs`.
type Modules = BTreeMap<Vec<String>, SourceFile>;

struct SourceFile {
    path: String,
    /// Without comments and unit tests.
    text: String,
    /// What `use` lines name, and whether they hand it on by `pub use`.
    uses: Vec<(bool, Vec<String>)>,
}

/// The files below a folder of sources, as (path below it, text).
pub fn files_below(folder: &std::path::Path) -> Vec<(String, String)> {
    let prefix = format!("{}/", folder.display());
    let files = sources(folder).into_iter();
    files
        .map(|(path, text)| (path.trim_start_matches(&prefix).to_owned(), text))
        .collect()
}

/// The circles among these files, each as its sorted paths. Tests beside the code may use what they test.
pub fn circles(files: &[(String, String)]) -> Vec<Vec<String>> {
    let modules: Modules = files
        .iter()
        .filter(|(path, _)| !path.ends_with("tests.rs") && !path.contains("/tests/"))
        .map(|(path, text)| (module_of(path), source_file(path, text)))
        .collect();
    let imports: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> = modules
        .iter()
        .map(|(module, file)| (module, imports_of(module, file, &modules)))
        .collect();
    // A file is in a circle if it is reached from itself; two files of one circle reach each other.
    let reached: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> = imports
        .keys()
        .map(|module| (*module, reached_from(module, &imports)))
        .collect();
    let mut found = BTreeSet::new();
    for (module, reach) in &reached {
        if reach.contains(*module) {
            let circle = reach.iter().filter(|other| reached[other].contains(*module));
            let mut paths: Vec<String> = circle.map(|other| modules[other].path.clone()).collect();
            paths.sort();
            found.insert(paths);
        }
    }
    found.into_iter().collect()
}

fn module_of(path: &str) -> Vec<String> {
    let mut names: Vec<String> = path
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(names.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        names.pop();
    }
    names
}

fn source_file(path: &str, text: &str) -> SourceFile {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or(line));
    let text = without_visibility(&lines.collect::<Vec<_>>().join("\n"));
    let mut uses = Vec::new();
    let mut rest = String::new();
    for statement in text.split_inclusive(';') {
        let begin = statement.rfind("\nuse ").or(statement.rfind("\npub use "));
        match begin {
            Some(at) if statement.ends_with(';') => {
                rest.push_str(&statement[..at]);
                let line = statement[at..].trim().trim_end_matches(';');
                let tree = line.trim_start_matches("pub ").trim_start_matches("use ");
                let handed_on = line.starts_with("pub ");
                uses.extend(names_of_tree(tree).into_iter().map(|name| (handed_on, name)));
            }
            _ => rest.push_str(statement),
        }
    }
    SourceFile {
        path: path.to_owned(),
        text: rest,
        uses,
    }
}

/// `pub(in crate::web) fn f` as `pub fn f`: who may see a thing is no import.
fn without_visibility(text: &str) -> String {
    let mut parts = text.split("pub(");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.split_once(')').map_or(part, |(_, rest)| rest);
        text + "pub" + rest
    })
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn names_of_tree(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((before, inside)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree);
        return vec![name.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let inside = inside.trim_end().strip_suffix('}').unwrap_or(inside);
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for letter in inside.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        match letter {
            ',' if depth == 0 => parts.push(String::new()),
            letter => parts.last_mut().expect("there is one").push(letter),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts
        .flat_map(|part| names_of_tree(&format!("{before}{}", part.trim())))
        .collect()
}

/// The modules of other files that a file names. What it only hands on by `pub use` is no import of its own.
fn imports_of(module: &[String], file: &SourceFile, modules: &Modules) -> BTreeSet<Vec<String>> {
    let used = file.uses.iter().filter(|(handed_on, _)| !handed_on);
    let used = used.map(|(_, name)| name.clone());
    let in_code = file
        .text
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
        .filter(|word| word.contains("::"))
        .map(|word| word.split("::").map(str::to_owned).collect());
    let named = used
        .chain(in_code)
        .filter_map(|name| defined_in(module, &name, modules));
    named.filter(|other| other != module).collect()
}

/// The file that defines what a path names, followed through `pub use`.
fn defined_in(module: &[String], name: &[String], modules: &Modules) -> Option<Vec<String>> {
    let mut parts = name;
    let mut at = module.to_vec();
    match parts.first().map(String::as_str)? {
        "crate" => {
            at.clear();
            parts = &parts[1..];
        }
        "self" | "super" => {
            while let Some("self" | "super") = parts.first().map(String::as_str) {
                if parts[0] == "super" {
                    at.pop();
                }
                parts = &parts[1..];
            }
        }
        child => {
            let mut below = at.clone();
            below.push(child.to_owned());
            modules.get(&below)?;
        }
    }
    while let Some(next) = parts.first() {
        at.push(next.clone());
        if !modules.contains_key(&at) {
            at.pop();
            break;
        }
        parts = &parts[1..];
    }
    let file = modules.get(&at)?;
    let handed_on = parts.first().and_then(|wanted| {
        let by_name =
            |(is_handed_on, name): &&(bool, Vec<String>)| *is_handed_on && name.last() == Some(wanted);
        file.uses.iter().find(by_name)
    });
    match handed_on {
        Some((_, name)) if *name != parts => defined_in(&at, name, modules).or(Some(at)),
        _ => Some(at),
    }
}

fn reached_from(
    module: &[String],
    imports: &BTreeMap<&Vec<String>, BTreeSet<Vec<String>>>,
) -> BTreeSet<Vec<String>> {
    let mut reached = BTreeSet::new();
    let mut open = vec![module.to_vec()];
    while let Some(next) = open.pop() {
        for other in &imports[&next] {
            if reached.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
    reached
}

#[test]
fn a_circle_is_found_through_uses_paths_and_what_is_handed_on() {
    let file = |path: &str, text: &str| (path.to_owned(), format!("\n{text}\n"));
    let straight = [
        file("lib.rs", "pub mod a;\npub mod b;"),
        file("a/mod.rs", "mod inner;\npub use inner::Thing;\n"),
        file("a/inner.rs", "pub struct Thing;"),
        file("b.rs", "use crate::a::Thing;\nfn f() { crate::a::inner::g() }"),
    ];
    assert_eq!(circles(&straight), [[""; 0]; 0]);
    let mut by_use = straight.to_vec();
    by_use[2].1.push_str("use crate::b::f;\n");
    assert_eq!(circles(&by_use), [["a/inner.rs", "b.rs"]]);
    let mut by_path = straight.to_vec();
    by_path[2].1.push_str("fn g() { super::super::b::f() }\n");
    assert_eq!(circles(&by_path), [["a/inner.rs", "b.rs"]]);
    let mut parent_and_child = straight.to_vec();
    parent_and_child[1]
        .1
        .push_str("fn h() { inner::g(Kind) }\npub struct Kind;\n");
    parent_and_child[2].1.push_str("use super::Kind;\n");
    assert_eq!(circles(&parent_and_child), [["a/inner.rs", "a/mod.rs"]]);
}
