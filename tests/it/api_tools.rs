//! The API as programs of others take it: the document checked by a validator, every call tried by a tester, a generated
//! client at work. The tools come from PyPI (`tests/api/requirements.txt`); `./test` installs them and names their folder.

use std::path::PathBuf;
use std::process::Command;

use choso::access::token_sha256;
use choso::clock::now;

use crate::support::service::TestApp;
use crate::support::{Database, browser, on_both};

on_both! {
    every_call_answers_as_documented
}

const TOKEN: &str = "choso_invented-token-of-a-test";
/// Calls that the tester makes up for each operation, besides those that it derives one by one.
const EXAMPLES: &str = "12";

/// The folder of the tools. Without it the test is reported as skipped.
fn tools(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CHOSO_API_TOOLS").map(PathBuf::from);
    if folder.is_none() {
        browser::skip(
            test,
            "CHOSO_API_TOOLS names no folder with tests/api/requirements.txt; `./test` makes one",
        );
    }
    folder
}

/// A service with the invented register and a token, its document as a file.
fn start(database: Database) -> TestApp {
    let app = TestApp::start(database);
    app.run(
        app.store()
            .add_token("Người thử", &token_sha256(TOKEN), false, now()),
    )
    .expect("a token");
    let document = app.get("/api/v1/openapi.json").body;
    std::fs::write(app.database.folder.path().join("api.json"), document).expect("the document");
    app
}

fn in_tests(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/api")
        .join(name)
}

/// Runs a tool to its end; it must find nothing wrong.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tool runs");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, errors) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{told}\n{errors}");
    told
}

#[test]
fn the_document_is_valid() {
    let Some(tools) = tools("api_tools::the_document_is_valid") else {
        return;
    };
    let app = start(Database::sqlite());
    let file = app.database.folder.path().join("api.json");
    run(Command::new(tools.join("openapi-spec-validator")).arg(&file));
    // It does find what is wrong: a response without a description.
    let mut document = app.get("/api/v1/openapi.json").json();
    let answer = &mut document["paths"]["/api/v1/totals"]["get"]["responses"]["200"];
    answer.as_object_mut().expect("a response").remove("description");
    std::fs::write(&file, document.to_string()).expect("a file");
    let broken = Command::new(tools.join("openapi-spec-validator"))
        .arg(&file)
        .output();
    assert!(!broken.expect("the tool runs").status.success());
}

/// Examples, bounds of every value, made-up calls, and calls that follow the links of answers: no status, content type,
/// header or shape that the document does not have, no error of the server, nothing wrong accepted.
fn every_call_answers_as_documented(database: Database) {
    let test = "api_tools::every_call_answers_as_documented";
    let Some(tools) = tools(test) else { return };
    let app = start(database);
    let url = format!("http://{}", app.address());
    let tester = || {
        let mut command = Command::new(tools.join("schemathesis"));
        command
            .arg("--config-file")
            .arg(in_tests("schemathesis.toml"))
            .args(["run", "api.json", "--url", &url])
            .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
            .args(["--max-examples", EXAMPLES, "--generation-database", "none"])
            .args(["--continue-on-failure", "--no-color"])
            .current_dir(app.database.folder.path());
        command
    };
    let first = tester().output().expect("the tool runs");
    let mut told = String::from_utf8_lossy(&first.stdout).into_owned();
    if told.contains("[503] Service Unavailable") {
        // On a machine that is busy with other tests the database may keep a call waiting for too long; the answer asks
        // to try again. A call that gets it each time is an error.
        told = run(&mut tester());
    } else {
        assert!(first.status.success(), "{told}");
    }
    let calls = app.get("/api/v1/openapi.json").json()["paths"]
        .as_object()
        .map_or(0, |paths| {
            paths
                .values()
                .map(|calls| calls.as_object().map_or(0, serde_json::Map::len))
                .sum()
        });
    assert!(told.contains(&format!("Tested: {calls}")), "all {calls}: {told}");
}

#[test]
fn a_generated_client_registers_a_stall_and_reads_the_indicators() {
    let test = "api_tools::a_generated_client_registers_a_stall_and_reads_the_indicators";
    let Some(tools) = tools(test) else { return };
    let app = start(Database::sqlite());
    let folder = app.database.folder.path();
    run(Command::new(tools.join("openapi-python-client"))
        .args([
            "generate",
            "--path",
            "api.json",
            "--meta",
            "none",
            "--output-path",
            "choso_client",
            "--config",
        ])
        .arg(in_tests("client.yaml"))
        .current_dir(folder));
    let told = run(Command::new(tools.join("python"))
        .arg(in_tests("client.py"))
        .args([&format!("http://{}", app.address()), TOKEN])
        .env("PYTHONPATH", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1"));
    assert!(told.ends_with("done\n"), "{told}");
}
