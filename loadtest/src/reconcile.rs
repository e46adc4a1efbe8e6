//! A statement of a million rows against a million receipts: how long it takes to read, match, write and post, in
//! how much memory, beside an analytical database that only joins the same files. Every cause that was planted
//! has to be found.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use choso::clock::now;
use choso::config::Config;
use choso::notice::{Delivery, Details, Evidence, Item, NoticeKind, Sample, content_of, scheme};
use choso::store::{Arrival, Store, WriterMemory};
use choso::vn::{Day, TimeMs};
use clap::Args;
use serde_json::{Value, json};

use crate::Result;
use crate::process;
use crate::report::{self, Machine, met, micros};
use crate::setup::{Cast, Databases, HOUSEHOLDS, PROVIDER, Which, temporary_folder};

const SQLITE_AIM: Duration = Duration::from_secs(15);
const POSTGRES_AIM: Duration = Duration::from_secs(30);
const MEMORY_AIM_KIB: u64 = 500 * 1024;
const JOIN_AIM: f64 = 6.0;
/// Receipts posted in one transaction while the ledger is filled.
const BATCH: u64 = 4_096;
/// One of so many is another cause.
const ONE_IN: u64 = 100;

/// Flags of `loadtest reconcile`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest reconcile --database sqlite --rows 100000,1000000\n\
                  DuckDB (pip: duckdb 1.3.2) is installed into a temporary folder; where it cannot be, it is skipped by name."
)]
pub struct ReconcileArgs {
    /// Which database to measure
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
    /// Receipts, and rows of the statement, of each measurement
    #[arg(long, value_delimiter = ',', default_value = "100000,300000,1000000", value_parser = clap::value_parser!(u64).range(1_000..=990_000_000))]
    rows: Vec<u64>,
    /// Files of so many rows, each of another day, one after the other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    files: u64,
    /// The program to measure [default: choso beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Seed of amounts and accounts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the raw run is kept [default: loadtest/runs/DATE-reconcile.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// Measures, prints and keeps the raw run. False if a planted cause was named wrongly.
pub fn run(args: &ReconcileArgs) -> Result<bool> {
    let machine = Machine::read();
    println!("{}", machine.line());
    let binary = process::binary(args.binary.as_deref())?;
    let folder = temporary_folder()?;
    let python = folder.path().join("python");
    let has_duckdb = installed(Command::new("python3").args(["-m", "venv"]).arg(&python))
        && installed(Command::new(python.join("bin/pip")).args(["install", "-q", "duckdb==1.3.2"]));
    if !has_duckdb {
        println!("skipped: DuckDB could not be installed");
    }
    let python = has_duckdb.then_some(python.as_path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut raw = report::raw_head("reconcile", &machine);
    let mut runs = Vec::new();
    let mut is_right = true;
    println!("    rows  file  database   import  a row   again  peak MiB  to DuckDB  causes");
    for databases in args.database.databases()? {
        for rows in &args.rows {
            let measured = runtime.block_on(measure(args, &binary, &databases, *rows, python))?;
            for (figures, right) in measured {
                is_right &= right;
                runs.push(figures);
            }
        }
    }
    raw["runs"] = json!(runs);
    report::write_raw(args.raw.as_deref(), "reconcile", &raw)?;
    Ok(is_right)
}

/// What becomes of a payment, by its number.
fn cause(number: u64) -> &'static str {
    match number % ONE_IN {
        7 => "missing_in_statement",
        13 => "missing_notice",
        29 => "amount_differs",
        41 => "duplicate_row",
        _ => "matched_auto",
    }
}

async fn measure(
    args: &ReconcileArgs,
    binary: &Path,
    databases: &Databases,
    rows: u64,
    python: Option<&Path>,
) -> Result<Vec<(Value, bool)>> {
    let folder = temporary_folder()?;
    let config = databases.config(folder.path(), None)?;
    let store = Store::open(&config.database_url).await?;
    let standard = scheme("standard", None)?;
    let cast = Cast::fill(&store, &config.sealing_key()?, standard, HOUSEHOLDS, args.seed).await?;
    store.close().await;
    let mut measured = Vec::new();
    for file in 0..args.files {
        let day = Day::of(now()).plus(file as i64 - args.files as i64);
        let store = Store::open(&config.database_url).await?;
        let planted = fill(&store, &cast, folder.path(), (file * rows, rows), day).await?;
        store.close().await;
        let of = Of {
            databases,
            rows,
            file: file + 1,
            day,
            planted,
        };
        measured.push(one_file(binary, &config, folder.path(), &of, python).await?);
    }
    Ok(measured)
}

/// What one measurement is of.
struct Of<'a> {
    databases: &'a Databases,
    rows: u64,
    /// Which of several.
    file: u64,
    day: Day,
    planted: BTreeMap<&'static str, u64>,
}

/// Takes one file in, as a person would: by the program, in a process of its own.
async fn one_file(
    binary: &Path,
    config: &Config,
    folder: &Path,
    of: &Of<'_>,
    python: Option<&Path>,
) -> Result<(Value, bool)> {
    let rows = of.rows;
    let statement = folder.join("statement.csv");
    let statement = statement.to_str().ok_or("a folder whose name is no text")?;
    let import = ["import", "statement", statement, "--provider", PROVIDER];
    let imported = process::run(binary, config, &import)?;
    let took = imported.took;
    let peak_kib = imported.peak_kib;
    let day = of.day.to_string();
    let again = ["reconcile", "--provider", PROVIDER, "--day", &day, "--json"];
    let again = process::run(binary, config, &again)?;
    let again_took = again.took;
    let again: Value = serde_json::from_slice(&again.output)?;
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, tally) in again["by_kind"].as_object().into_iter().flatten() {
        // A receipt of yesterday still waits for its row.
        let kind = match kind.as_str() {
            "awaiting_statement" => "missing_in_statement",
            kind => kind,
        };
        *found.entry(kind).or_default() += tally["count"].as_u64().unwrap_or_default();
    }
    let store = Store::open(&config.database_url).await?;
    let recount = store.recount().await?;
    store.close().await;
    let wanted: BTreeMap<&str, u64> = of.planted.clone();
    let is_right = found == wanted
        && again["adds_up"] == true
        && recount.receipts as u64 == of.file * rows
        && recount.counters_agree
        && recount.conservation_holds;
    let join = python.map(|python| joined(python, folder)).transpose()?;
    let ratio = join.map(|join| took.as_secs_f64() / join.as_secs_f64());
    let aim = match of.databases {
        Databases::Sqlite => SQLITE_AIM,
        Databases::Postgres(_) => POSTGRES_AIM,
    };
    println!(
        "{rows:>8}  {:>4}  {:<8} {:>6.2} s {:>4.1} µs {:>5.2} s {:>9} {:>10}  {}",
        of.file,
        of.databases.kind(),
        took.as_secs_f64(),
        took.as_secs_f64() * 1e6 / rows as f64,
        again_took.as_secs_f64(),
        peak_kib / 1024,
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1}")),
        if is_right { "all named rightly" } else { "WRONG" }
    );
    if !is_right {
        println!("planted {wanted:?}, found {found:?}");
        println!("{}", String::from_utf8_lossy(&imported.output));
    }
    if rows == 1_000_000 {
        println!(
            "aims of a million rows: {} s {}, {} MiB {}, {JOIN_AIM} times DuckDB {}",
            aim.as_secs(),
            met(took <= aim),
            MEMORY_AIM_KIB / 1024,
            met(peak_kib <= MEMORY_AIM_KIB),
            ratio.map_or("not measured", |ratio| met(ratio <= JOIN_AIM))
        );
    }
    let figures = json!({
        "database": of.databases.kind(),
        "rows": rows,
        "file": of.file,
        "import_us": micros(took),
        "again_us": micros(again_took),
        "duckdb_us": join.map(micros),
        "peak_kib": peak_kib,
        "found": found,
        "is_right": is_right,
    });
    Ok((figures, is_right))
}

/// Fills the ledger with a day of receipts, and writes that day's statement and, for the other program, the
/// receipts. Gives back how many there are of each cause.
async fn fill(
    store: &Store,
    cast: &Cast,
    folder: &Path,
    (offset, rows): (u64, u64),
    day: Day,
) -> Result<BTreeMap<&'static str, u64>> {
    let mut statement = BufWriter::new(std::fs::File::create(folder.join("statement.csv"))?);
    let mut receipts = BufWriter::new(std::fs::File::create(folder.join("receipts.csv"))?);
    writeln!(
        statement,
        "STT;Ngày giao dịch;Mã giao dịch;Số tiền;Mã ngân hàng;Tài khoản nhận;Nội dung"
    )?;
    writeln!(receipts, "receipt_no,txn,amount_vnd")?;
    let mut planted: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut memory = WriterMemory::default();
    let mut line = 0_u64;
    for first in (0..rows).step_by(BATCH as usize) {
        let mut items = Vec::with_capacity(BATCH as usize);
        for place in first..(first + BATCH).min(rows) {
            let at = TimeMs(day.start().0 + 6 * 3_600_000 + (place * 57_600_000 / rows) as i64);
            let number = offset + place;
            let sample = cast.payment(number, at);
            let cause = cause(number);
            *planted.entry(cause).or_default() += 1;
            if cause != "missing_notice" {
                items.push(item(number, &sample));
                writeln!(receipts, "{number},TX{number:012},{}", sample.amount.vnd())?;
            }
            let amount = sample.amount.vnd() + i64::from(cause == "amount_differs") * 1_000;
            let copies = match cause {
                "missing_in_statement" => 0,
                "duplicate_row" => 2,
                _ => 1,
            };
            let second = (at.0 - day.start().0) / 1_000;
            let time = format!(
                "{} {:02}:{:02}:{:02}",
                day.show(),
                second / 3_600,
                second / 60 % 60,
                second % 60
            );
            for _ in 0..copies {
                line += 1;
                let bin = &sample.bank_bin;
                let account = &sample.account_number;
                let note = sample.stall_code.as_str();
                writeln!(
                    statement,
                    "{line};{time};TX{number:012};{amount};{bin};{account};{note} tien hang"
                )?;
            }
        }
        let arrival = Arrival {
            delivery: delivery(items),
            received_at: TimeMs(day.start().0 + 23 * 3_600_000),
        };
        store.post(&[arrival], &mut memory).await?;
    }
    // The first row of a pair agrees; the second is the duplicate.
    let pairs = planted.get("duplicate_row").copied().unwrap_or_default();
    *planted.entry("matched_auto").or_default() += pairs;
    statement.flush()?;
    receipts.flush()?;
    Ok(planted)
}

fn item(number: u64, sample: &Sample) -> Item {
    let details = Details {
        bank_bin: Some(sample.bank_bin.clone()),
        account_number: sample.account_number.clone(),
        note: Some(format!("{} tien hang", sample.stall_code)),
        occurred_at: Some(sample.occurred_at),
        ..Details::default()
    };
    let id = format!("TX{number:012}");
    Item {
        kind: NoticeKind::Payment,
        event_id: id.clone(),
        provider_txn_id: id,
        amount: sample.amount,
        content: content_of(sample.amount, &details),
        details,
    }
}

/// A delivery as if it had been proven: the ledger is filled past the door.
fn delivery(items: Vec<Item>) -> Delivery {
    Delivery {
        provider_id: PROVIDER.into(),
        delivery_id: None,
        items,
        has_orders: false,
        variant: "",
        evidence: Evidence {
            key_id: "k1".into(),
            method: "POST".to_owned(),
            path: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        },
    }
}

/// How long the other program takes for its part, start included.
fn joined(python: &Path, folder: &Path) -> Result<Duration> {
    let script = folder.join("join.py");
    std::fs::write(&script, include_str!("../compare/join.py"))?;
    // Each file's outcome is written anew.
    let outcome = folder.join("outcome.db");
    if outcome.exists() {
        std::fs::remove_file(&outcome)?;
    }
    let started = Instant::now();
    let done = Command::new(python.join("bin/python"))
        .arg(&script)
        .args(["statement.csv", "receipts.csv", "outcome.db"].map(|name| folder.join(name)))
        .stdout(Stdio::null())
        .status()?;
    let took = started.elapsed();
    if done.success() {
        Ok(took)
    } else {
        Err("the join by DuckDB failed".into())
    }
}

fn installed(command: &mut Command) -> bool {
    let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}
