//! Citations lead somewhere. Sources, tests and documents name the rule they follow by the path of a document and
//! its section. When a section is renumbered or a document moves, the compiler says nothing, and a reader finds
//! another rule than was meant. So the text of the repository is read here, and every citation is looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Folders whose text is read, beside the files that lie in the root itself.
const FOLDERS: [&str; 8] = [
    "src",
    "tests",
    "loadtest",
    "fuzz",
    "migrations",
    "assets",
    "templates",
    "docs",
];
/// Files of text; the rest is data and pictures.
const ENDINGS: [&str; 8] = ["rs", "md", "toml", "sql", "html", "js", "css", "txt"];
/// This file holds made-up citations that are wrong on purpose.
const THIS_FILE: &str = "tests/it/citations.rs";
/// Names by which documents were once cited, before they had a path. A reader cannot open them.
const BARE_NAMES: [&str; 5] = ["CONTRACT", "PROTOCOLS", "DOMAIN", "FORMAT", "STYLE"];
/// Fewer citations than this mean that they are no longer found, not that they are gone.
const CITATIONS_MIN: usize = 250;

/// What of a document can be cited: its numbered sections, each with its numbered rules.
type Outline = BTreeMap<String, BTreeSet<String>>;
/// The outlines of all documents, by their paths from the root.
type Outlines = BTreeMap<String, Outline>;

/// `docs/a.md, section 1, rule 2` as it was read.
#[derive(Debug, PartialEq)]
struct Citation {
    document: String,
    sections: Vec<String>,
    rules: Vec<String>,
}

#[test]
fn every_citation_leads_somewhere() {
    let texts = texts();
    let outlines = outlines(&texts);
    let found: usize = texts.iter().map(|(_, text)| citations(&flat(text)).len()).sum();
    assert!(
        found >= CITATIONS_MIN,
        "only {found} citations were found; is the text still read?"
    );
    let wrong: Vec<String> = texts
        .iter()
        .flat_map(|(path, text)| wrong_citations(path, text, &outlines))
        .collect();
    assert_eq!(
        wrong, [""; 0],
        "a reader who follows one of these finds no rule, or another one than was meant"
    );
}

#[test]
fn no_document_is_cited_by_a_bare_name() {
    let wrong: Vec<String> = texts()
        .iter()
        .flat_map(|(path, text)| bare_names(path, text))
        .collect();
    assert_eq!(
        wrong, [""; 0],
        "a name in capitals is no path; write `docs/spec/domain.md, section 4`"
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for (path, text) in texts().iter().filter(|(path, _)| path.ends_with(".md")) {
        for target in links(text) {
            seen += 1;
            let folder = root().join(path).parent().map(Path::to_owned).unwrap_or_default();
            if !folder.join(&target).exists() {
                wrong.push(format!("{path} links to {target}"));
            }
        }
    }
    assert!(seen >= 10, "only {seen} links were found");
    assert_eq!(wrong, [""; 0], "these links lead nowhere");
}

#[test]
fn made_up_bad_citations_are_refused() {
    let document = "# A\n\n## 1. One\n\n1. First\n2. Second\n\n### 1.1 Part\n\n1. Third\n\n## 2. Two\n";
    let outlines = Outlines::from([("docs/a.md".to_owned(), outline(document))]);
    let wrong = |text: &str| wrong_citations("src/x.rs", text, &outlines).len();
    let good = [
        "// as docs/a.md says",
        "/// (docs/a.md, section 1, rule 2).",
        "//! of docs/a.md, sections 1 and 1.1, and docs/a.md,\n//! section 1.1, rule 1.",
        "`docs/a.md`, sections 1 to 2",
        "// (RFC 9110 section 11.1), [MS-XLS] section 2.3",
    ];
    for text in good {
        assert_eq!(wrong(text), 0, "{text}");
    }
    let bad = [
        "// as docs/b.md says",
        "/// (docs/a.md, section 3).",
        "/// (docs/a.md, section 1, rule 3).",
        "/// (docs/a.md, section 1.1, rules 1 and 2).",
        "// docs/a.md,\n// section 4",
        "// docs/a.md, sections 1 to 3",
        "// (section 1): of which document?",
    ];
    for text in bad {
        assert_eq!(wrong(text), 1, "{text}");
    }
    let own = |text: &str| wrong_citations("docs/a.md", text, &outlines).len();
    assert_eq!((own("see section 2"), own("see section 3")), (0, 1));
    assert_eq!((own("section 1, rule 2"), own("section 1, rule 3")), (0, 1));

    assert_eq!(bare_names("src/x.rs", "/// as DOMAIN section 4 says").len(), 1);
    assert_eq!(bare_names("a.md", "in the order of FORMAT section 13").len(), 1);
    let code = "const FORMAT: &str = STYLE;\n// see `FORMAT` and FORMATTER";
    assert_eq!(bare_names("src/x.rs", code), [""; 0]);
    let text = "[a](b.md#c), [d](https://example.vn), [e](#f)";
    assert_eq!(links(text), ["b.md"]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text files of the repository, as path from the root and text.
fn texts() -> Vec<(String, String)> {
    let mut paths = files(root(), false);
    for folder in FOLDERS {
        paths.extend(files(&root().join(folder), true));
    }
    let mut out = Vec::new();
    for path in paths {
        let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if name != THIS_FILE && (name == "test" || ENDINGS.contains(&ending)) {
            out.push((name, std::fs::read_to_string(&path).expect("a text file")));
        }
    }
    assert!(out.len() > 150, "the repository was read");
    out
}

/// Files of a folder, with those of the folders in it if `is_deep`. What was built is left out.
fn files(folder: &Path, is_deep: bool) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if !path.is_dir() {
            out.push(path);
        } else if is_deep && entry.file_name() != "target" {
            out.extend(files(&path, true));
        }
    }
    out.sort();
    out
}

fn outlines(texts: &[(String, String)]) -> Outlines {
    let documents = texts
        .iter()
        .filter(|(path, _)| path.starts_with("docs/") && path.ends_with(".md"));
    documents
        .map(|(path, text)| (path.clone(), outline(text)))
        .collect()
}

/// Sections are headings that begin with a number (`## 7. Title`, `### 6.1 Title`); rules are the lines of a
/// numbered list in them.
fn outline(text: &str) -> Outline {
    let mut outline = Outline::new();
    let mut section = None;
    for line in text.lines() {
        let word = line.split(' ').nth(1).unwrap_or_default();
        if line.starts_with("##") {
            section = number_at(word).map(str::to_owned);
            outline.extend(section.clone().map(|s| (s, BTreeSet::new())));
        } else if let (Some(section), Some((rule, _))) = (&section, line.split_once(". "))
            && number_at(rule) == Some(rule)
        {
            outline
                .entry(section.clone())
                .or_default()
                .insert(rule.to_owned());
        }
    }
    outline
}

/// The number at the beginning of a text, such as `7` or `15.1`; a dot that ends a sentence is not part of it.
fn number_at(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    number.starts_with(|c: char| c.is_ascii_digit()).then_some(number)
}

/// A text on one line, without marks of comments and of code, so that a citation may go on over the end of a line.
fn flat(text: &str) -> String {
    let bare = |line: &str| {
        let line = line.trim();
        let mark = ["///", "//!", "//", "--", "#"]
            .into_iter()
            .find(|m| line.starts_with(m));
        line[mark.map_or(0, str::len)..].trim().replace('`', "")
    };
    text.lines().map(bare).collect::<Vec<_>>().join(" ")
}

/// Every `docs/….md` with the sections and rules that are named behind it.
fn citations(flat: &str) -> Vec<Citation> {
    let mut out = Vec::new();
    for (at, _) in flat.match_indices("docs/") {
        let is_inside_a_path = flat[..at].ends_with(|c: char| c.is_alphanumeric() || "/.-_".contains(c));
        let end = flat[at..].find(|c: char| !c.is_ascii_alphanumeric() && !"/.-_".contains(c));
        let path = &flat[at..at + end.unwrap_or(flat.len() - at)];
        let Some(length) = path.find(".md").map(|i| i + 3) else {
            continue;
        };
        if is_inside_a_path {
            continue;
        }
        let (sections, rest) = numbers(&flat[at + length..], ", section");
        let (rules, _) = numbers(rest, ", rule");
        out.push(Citation {
            document: path[..length].to_owned(),
            sections,
            rules,
        });
    }
    out
}

/// The numbers behind a word, one or several (`section 1`, `sections 1, 2 and 4`, `sections 10 to 12`), and what
/// follows them. None if the text does not begin so.
fn numbers<'a>(text: &'a str, word: &str) -> (Vec<String>, &'a str) {
    let mut out: Vec<String> = Vec::new();
    let Some(rest) = text.strip_prefix(word) else {
        return (out, text);
    };
    let mut rest = rest.strip_prefix('s').unwrap_or(rest);
    let mut joints = &[" "][..];
    let behind_a_joint = |rest: &'a str, joints: &[&'static str]| {
        joints.iter().find_map(|joint| {
            let behind = rest.strip_prefix(joint)?;
            Some((*joint, behind, number_at(behind)?))
        })
    };
    while let Some((joint, behind, number)) = behind_a_joint(rest, joints) {
        if joint == " to " {
            out.extend(between(out.last().map_or("", String::as_str), number));
        }
        out.push(number.to_owned());
        rest = &behind[number.len()..];
        joints = &[", ", " and ", " to "];
    }
    (out, rest)
}

/// The whole numbers between two.
fn between(first: &str, last: &str) -> Vec<String> {
    match (first.parse::<u32>(), last.parse::<u32>()) {
        (Ok(first), Ok(last)) => (first + 1..last).map(|n| n.to_string()).collect(),
        _ => Vec::new(),
    }
}

/// What is wrong with the citations of a file, one line each.
fn wrong_citations(path: &str, text: &str, outlines: &Outlines) -> Vec<String> {
    let flat = flat(text);
    let mut wrong = Vec::new();
    for citation in citations(&flat) {
        let document = &citation.document;
        match outlines.get(document) {
            None => wrong.push(format!("{path}: {document} does not exist")),
            Some(outline) => {
                let lacks = missing(&citation, outline);
                wrong.extend(lacks.map(|what| format!("{path}: {document} has no {what}")));
            }
        }
    }
    for citation in lone_sections(path, &flat) {
        let lacks = match outlines.get(path) {
            None => Some(format!("section {} of which document?", citation.sections[0])),
            Some(own) => missing(&citation, own).map(|what| format!("there is no {what} here")),
        };
        wrong.extend(lacks.map(|what| format!("{path}: {what}")));
    }
    wrong
}

/// The first section or rule of a citation that its document does not have.
fn missing(citation: &Citation, outline: &Outline) -> Option<String> {
    if let Some(section) = citation.sections.iter().find(|s| !outline.contains_key(*s)) {
        return Some(format!("section {section}"));
    }
    let section = citation.sections.last()?;
    let rule = citation.rules.iter().find(|r| !outline[section].contains(*r))?;
    Some(format!("rule {rule} in section {section}"))
}

/// Sections that are named without a document: in a document they are its own, elsewhere nobody knows whose.
/// Those of public standards (RFC 9110 section 11.1, [MS-XLS] section 2.3) are left out.
fn lone_sections(path: &str, flat: &str) -> Vec<Citation> {
    let mut out = Vec::new();
    for (at, _) in flat.match_indices("section") {
        let before = flat[..at].trim_end();
        let word_before_last = before.rsplit(' ').nth(1).unwrap_or_default();
        let is_of_a_standard = before.ends_with(']') || word_before_last.ends_with("RFC");
        let (sections, rest) = numbers(&flat[at..], "section");
        if !sections.is_empty() && !before.ends_with(".md,") && !is_of_a_standard {
            out.push(Citation {
                document: path.to_owned(),
                sections,
                rules: numbers(rest, ", rule").0,
            });
        }
    }
    out
}

/// Comments, or lines of a document, in which a name in capitals stands for a document. Constants of the program may
/// have the same names, so code and what is marked as code do not count.
fn bare_names(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let said = said(path, line);
        let outside: String = said.split('`').step_by(2).collect();
        let mut words = outside.split(|c: char| !c.is_alphanumeric() && c != '_');
        if words.any(|word| BARE_NAMES.contains(&word)) {
            wrong.push(format!("{path}:{}: {}", at + 1, line.trim()));
        }
    }
    wrong
}

/// What a line says to people: all of it in a document, else the comment.
fn said<'a>(path: &str, line: &'a str) -> &'a str {
    let mark = match path.rsplit('.').next().unwrap_or_default() {
        "md" => return line,
        "rs" | "js" => "//",
        "sql" => "--",
        _ => "#",
    };
    let line = line.trim();
    if line.starts_with(mark) {
        return line;
    }
    line.split_once(&format!(" {mark} "))
        .map_or("", |(_, comment)| comment)
}

/// Targets of a document's links to other files, without the place in them.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files
        .filter(|file| !file.is_empty() && !file.contains(':'))
        .map(str::to_owned)
        .collect()
}
