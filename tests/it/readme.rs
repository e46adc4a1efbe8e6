//! The commands of README.md, as printed and in their order, in an empty folder.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::cluster::Cluster;
use crate::support::{Database, browser};

/// Commands that no test of a built program can run: they build it, or are the tests.
const NOT_RUN: [&str; 3] = ["cargo run", "cargo install", "./test"];

/// The lines of the shell blocks, without what stands behind `#`.
fn commands() -> Vec<String> {
    let text = include_str!("../../README.md");
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = blocks
        .filter_map(|block| block.strip_prefix("sh\n"))
        .flat_map(str::lines);
    let bare = lines.map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    bare.filter(|line| !line.is_empty()).collect()
}

/// Services that were started; killed when dropped.
struct Running(Vec<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        for process in &mut self.0 {
            // One that has ended by itself is no longer there to be killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A shell in the folder that finds the program, with no settings but a port that is free.
fn shell(folder: &Path, port: u16, line: &str) -> Command {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_choso"));
    let mut folders = vec![program.parent().expect("a folder").to_owned()];
    folders.extend(std::env::split_paths(&path));
    path = std::env::join_paths(folders).expect("a path");
    let mut command = Command::new("sh");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHOSO_") {
            command.env_remove(name);
        }
    }
    command
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path)
        .env("CHOSO_LISTEN", format!("127.0.0.1:{port}"))
        .env("CHOSO_LOG", "off")
        .stdin(Stdio::null());
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Starts `choso serve` and waits until it answers.
fn serve(mut command: Command) -> Child {
    let mut process = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let line = lines.next().expect("a line").expect("UTF-8");
    assert!(line.starts_with("listening on http://"), "{line}");
    process
}

#[test]
fn each_command_of_the_readme_does_its_work_in_an_empty_folder() {
    let test = "readme::each_command_of_the_readme_does_its_work_in_an_empty_folder";
    let folder = TempDir::new().expect("a temporary folder");
    let port = free_port();
    let mut running = Running(Vec::new());
    let mut outputs: Vec<(String, Output)> = Vec::new();
    let commands = commands();
    assert!(commands.len() > 20, "the blocks are found: {commands:?}");
    for line in commands {
        if NOT_RUN.iter().any(|start| line.starts_with(start)) {
            continue;
        }
        if let Some(url) = line.strip_prefix("choso serve --database-url ") {
            assert!(url.starts_with("postgres://"), "{line}");
            match Cluster::shared() {
                Ok(cluster) => {
                    let database = Database::on(cluster, "readme");
                    let line = line.replace(url, &format!("'{}'", database.url));
                    running
                        .0
                        .push(serve(shell(folder.path(), free_port(), &format!("exec {line}"))));
                }
                Err(why) => browser::skip(test, why),
            }
        } else if line.starts_with("choso serve") {
            running
                .0
                .push(serve(shell(folder.path(), port, &format!("exec {line}"))));
        } else {
            assert!(line.starts_with("choso "), "{line}");
            let output = shell(folder.path(), port, &line).output().expect("a shell");
            assert!(output.status.success(), "{line}: {output:?}");
            outputs.push((line, output));
        }
    }
    let told = |start: &str| {
        let found: Vec<String> = outputs
            .iter()
            .filter(|(line, _)| line.starts_with(start))
            .map(|(_, output)| {
                String::from_utf8_lossy(&output.stdout).into_owned()
                    + &String::from_utf8_lossy(&output.stderr)
            })
            .collect();
        assert!(!found.is_empty(), "«{start}» stands in the README");
        found
    };
    // What the text beside them promises.
    assert!(told("choso user add")[0].contains("choso_"));
    assert!(told("choso import register ho")[0].contains("rows read 3, kept 3, refused 0"));
    assert!(told("choso provider add")[0].contains("whsec_"));
    assert!(told("choso provider add")[0].contains(&format!("127.0.0.1:{port}/callbacks/mybank")));
    assert!(told("choso print")[0].contains("1 card on 2 pages"));
    assert!(told("choso qr read")[0].contains("113366668888"));
    let verdicts = told("choso notice verify <")[0].clone();
    assert_eq!(verdicts.matches("\"accept\"").count(), 2, "{verdicts}");
    assert_eq!(verdicts.matches("\"because\"").count(), 2, "{verdicts}");
    let imports = told("choso import statement sao-ke.csv");
    assert!(
        imports[1].contains("3 receipts posted from the statement"),
        "{imports:?}"
    );
    assert!(told("choso reconcile")[0].contains("adds up"));
    assert!(told("choso recount")[0].contains("every counter agrees"));
    for file in ["cho-han.pdf", "hai-chau.html", "le.csv", "choso.db", "choso.key"] {
        let bytes = std::fs::metadata(folder.path().join(file)).map(|found| found.len());
        assert!(bytes.is_ok_and(|bytes| bytes > 0), "{file}");
    }
}

/// What is shipped to be tried is what the commands write.
#[test]
fn samples_are_what_the_commands_write() {
    let folder = TempDir::new().expect("a temporary folder");
    for (command, file) in [
        ("choso import register --template", "assets/register_template.csv"),
        (
            "choso import statement --template",
            "assets/samples/statement.csv",
        ),
        ("choso notice verify --template", "assets/samples/callbacks.jsonl"),
    ] {
        let output = shell(folder.path(), 1, &format!("{command} out.csv"))
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{command}: {output:?}");
        let shipped = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
        let written = std::fs::read(folder.path().join("out.csv")).expect("the file");
        assert!(written == shipped, "{command} writes {file}");
    }
}

/// Every command, and every group of commands, says how it is called, with an example.
#[test]
fn every_help_has_an_example() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut waiting = vec![Vec::<String>::new()];
    let mut seen = 0;
    while let Some(words) = waiting.pop() {
        let line = format!("choso {} --help", words.join(" "));
        let output = shell(folder.path(), 1, &line).output().expect("a shell");
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && help.contains("Example"),
            "{line}: {help}"
        );
        seen += 1;
        let block = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
        let names = block.split("\n\n").next().unwrap_or_default().lines();
        let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        for name in names
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
        {
            waiting.push([words.clone(), vec![name.to_owned()]].concat());
        }
    }
    assert!(seen > 30, "all commands are found: {seen}");
}
