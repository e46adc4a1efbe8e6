//! What every store method promises, on both databases: each case is written once and has one line for
//! each database. The last test reads the store's source and finds methods that no case names.

mod access;
mod apart;
mod cards;
mod casework;
mod change;
mod corrections;
mod damaged;
mod facts;
mod feed;
mod health;
mod identity;
mod orders;
mod own_payment;
mod owner_list;
mod pins;
mod places;
mod posting;
mod refunds;
mod register;
mod review;
mod rules;
mod statements;
mod tokens;
mod traces;
mod undo;

use std::path::Path;

/// A method that nobody tests on both databases is where the two drift apart.
#[test]
fn every_public_store_method_has_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases: String = sources(&root.join("tests/it"))
        .into_iter()
        // A call may stand on a line of its own.
        .map(|(_, text)| text.split_whitespace().collect::<String>())
        .collect();
    let mut methods = Vec::new();
    for (_, text) in sources(&root.join("src/store")) {
        let names = text.split("pub async fn ").skip(1);
        methods.extend(names.filter_map(|rest| rest.split(['(', '<']).next().map(str::to_owned)));
    }
    assert!(methods.len() > 20, "the store's source was read: {methods:?}");
    methods.retain(|name| {
        let calls = ["store.", "Store::", "creation."].map(|on| format!("{on}{name}("));
        !calls.iter().any(|call| cases.contains(call))
    });
    assert_eq!(methods, [""; 0], "public store methods without a contract case");
}

/// Every Rust file below a folder, as path and text.
pub fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            out.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            out.push((path.display().to_string(), text));
        }
    }
    out.sort();
    out
}
