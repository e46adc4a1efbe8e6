//! `loadtest reconcile`: a statement of a million rows against a million receipts. How long it takes to read,
//! match, write and post, in how much memory, beside an analytical database that only joins the same files.
//! Every cause that was planted has to be found.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use choso::clock::now;
use choso::config::Config;
use choso::intake::KeyFile;
use choso::notice::{Delivery, Details, Evidence, Item, NoticeKind, Sample, content_of};
use choso::store::{Arrival, Store, WriterMemory};
use choso::vn::{Day, TimeMs};
use clap::Args;
use serde_json::{Value, json};

use crate::args::{DatabaseArgs, ProgramArgs, RawArgs, SeedArgs};
use crate::benchmark::Benchmark;
use crate::comparison::{python_with, timed};
use crate::database::{Backend, temporary_folder};
use crate::error::Result;
use crate::payment_source::{PROVIDER, PaymentSource, SourceOptions};
use crate::process;
use crate::report::{met, micros};

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
    #[command(flatten)]
    databases: DatabaseArgs,
    /// Receipts, and rows of the statement, of each measurement
    #[arg(long, value_delimiter = ',', default_value = "100000,300000,1000000", value_parser = clap::value_parser!(u64).range(1_000..=990_000_000))]
    rows: Vec<u64>,
    /// Files of so many rows, each of another day, one after the other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    files: u64,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    chance: SeedArgs,
    #[command(flatten)]
    output: RawArgs,
}

/// Measures, prints and keeps the raw run. False if a planted cause was named wrongly.
pub fn run(args: &ReconcileArgs) -> Result<bool> {
    let benchmark = Benchmark::begin("reconcile", &args.output);
    let program = args.program.path()?;
    let folder = temporary_folder()?;
    let python = python_with(&["duckdb==1.3.2"], folder.path());
    if python.is_none() {
        println!("skipped: DuckDB could not be installed");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut runs = Vec::new();
    println!("    rows  file  database   import  a row   again  peak MiB  to DuckDB  causes");
    for backend in args.databases.backends()? {
        for rows in &args.rows {
            let measurement = Measurement {
                program: &program,
                python: python.as_deref(),
                backend: &backend,
                rows: *rows,
            };
            runs.extend(runtime.block_on(measurement.run(args))?);
        }
    }
    benchmark.keep(json!({ "runs": runs.iter().map(Figures::json).collect::<Vec<_>>() }))?;
    Ok(runs.iter().all(|figures| figures.is_right))
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

/// How many there are of each kind of finding.
type Counts = BTreeMap<String, u64>;

/// Files of so many rows, taken in one after the other into one database.
struct Measurement<'a> {
    program: &'a Path,
    /// With DuckDB, where it could be installed.
    python: Option<&'a Path>,
    backend: &'a Backend,
    rows: u64,
}

/// What one file came to.
struct Figures {
    database: &'static str,
    rows: u64,
    /// Which of several, from one.
    file: u64,
    import: Duration,
    /// To reconcile the day once more.
    again: Duration,
    /// For DuckDB to join the same.
    join: Option<Duration>,
    peak_kib: u64,
    planted: Counts,
    found: Counts,
    is_right: bool,
}

impl Measurement<'_> {
    async fn run(&self, args: &ReconcileArgs) -> Result<Vec<Figures>> {
        let folder = temporary_folder()?;
        let config = self.backend.config(folder.path(), None)?;
        let store = Store::open(&config.database_url).await?;
        let options = SourceOptions::standard(args.chance.seed)?;
        let key = KeyFile::read(&config.key_file)?.key_in_use(&store, now()).await?;
        let source = PaymentSource::register(&store, &key, &options).await?;
        store.close().await;
        let mut all = Vec::new();
        for file in 0..args.files {
            let receipts = DayOfReceipts {
                source: &source,
                folder: folder.path(),
                day: Day::of(now()).plus(file as i64 - args.files as i64),
                first_number: file * self.rows,
                rows: self.rows,
            };
            let store = Store::open(&config.database_url).await?;
            let planted = receipts.fill(&store).await?;
            store.close().await;
            all.push(self.take_in(&config, &receipts, planted).await?);
        }
        Ok(all)
    }

    /// Takes one file in, as a person would: by the program, in a process of its own.
    async fn take_in(
        &self,
        config: &Config,
        receipts: &DayOfReceipts<'_>,
        planted: Counts,
    ) -> Result<Figures> {
        let statement = receipts.folder.join("statement.csv");
        let statement = statement.to_str().ok_or("a folder whose name is no text")?;
        let import = ["import", "statement", statement, "--provider", PROVIDER];
        let imported = process::run(self.program, config, &import)?;
        let day = receipts.day.to_string();
        let again = ["reconcile", "--provider", PROVIDER, "--day", &day, "--json"];
        let again = process::run(self.program, config, &again)?;
        let summary: Value = serde_json::from_slice(&again.output)?;
        let found = found(&summary);
        let file = receipts.first_number / self.rows + 1;
        let holds_all = holds(config, file * self.rows).await?;
        let join = self
            .python
            .map(|python| joined(python, receipts.folder))
            .transpose()?;
        let figures = Figures {
            database: self.backend.name(),
            rows: self.rows,
            file,
            import: imported.took,
            again: again.took,
            join,
            peak_kib: imported.peak_kib,
            is_right: found == planted && summary["adds_up"] == true && holds_all,
            planted,
            found,
        };
        figures.print();
        if !figures.is_right {
            println!("{}", String::from_utf8_lossy(&imported.output));
        }
        Ok(figures)
    }
}

impl Figures {
    fn to_join(&self) -> Option<f64> {
        let join = self.join?;
        Some(self.import.as_secs_f64() / join.as_secs_f64())
    }

    fn print(&self) {
        let ratio = self.to_join();
        println!(
            "{:>8}  {:>4}  {:<8} {:>6.2} s {:>4.1} µs {:>5.2} s {:>9} {:>10}  {}",
            self.rows,
            self.file,
            self.database,
            self.import.as_secs_f64(),
            self.import.as_secs_f64() * 1e6 / self.rows as f64,
            self.again.as_secs_f64(),
            self.peak_kib / 1024,
            ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1}")),
            if self.is_right {
                "all named rightly"
            } else {
                "WRONG"
            }
        );
        if !self.is_right {
            println!("planted {:?}, found {:?}", self.planted, self.found);
        }
        if self.rows == 1_000_000 {
            let aim = if self.database == "sqlite" {
                SQLITE_AIM
            } else {
                POSTGRES_AIM
            };
            println!(
                "aims of a million rows: {} s {}, {} MiB {}, {JOIN_AIM} times DuckDB {}",
                aim.as_secs(),
                met(self.import <= aim),
                MEMORY_AIM_KIB / 1024,
                met(self.peak_kib <= MEMORY_AIM_KIB),
                ratio.map_or("not measured", |ratio| met(ratio <= JOIN_AIM))
            );
        }
    }

    fn json(&self) -> Value {
        json!({
            "database": self.database,
            "rows": self.rows,
            "file": self.file,
            "import_us": micros(self.import),
            "again_us": micros(self.again),
            "duckdb_us": self.join.map(micros),
            "peak_kib": self.peak_kib,
            "found": self.found,
            "is_right": self.is_right,
        })
    }
}

/// The findings of a reconciled day, by kind.
fn found(summary: &Value) -> Counts {
    let mut found = Counts::new();
    for (kind, tally) in summary["by_kind"].as_object().into_iter().flatten() {
        // A receipt of yesterday still waits for its row.
        let kind = match kind.as_str() {
            "awaiting_statement" => "missing_in_statement",
            kind => kind,
        };
        *found.entry(kind.to_owned()).or_default() += tally["count"].as_u64().unwrap_or_default();
    }
    found
}

/// Whether the ledger holds so many receipts, and its counters agree.
async fn holds(config: &Config, receipts: u64) -> Result<bool> {
    let store = Store::open(&config.database_url).await?;
    let recount = store.recount().await?;
    store.close().await;
    Ok(recount.receipts as u64 == receipts && recount.counters_agree && recount.conservation_holds)
}

/// A day of receipts, and where its statement is written.
struct DayOfReceipts<'a> {
    source: &'a PaymentSource,
    folder: &'a Path,
    day: Day,
    first_number: u64,
    rows: u64,
}

impl DayOfReceipts<'_> {
    /// Fills the ledger with them, and writes the day's statement and, for the other program, the receipts.
    /// Gives back how many there are of each cause.
    async fn fill(&self, store: &Store) -> Result<Counts> {
        let mut files = DayFiles::create(self.folder)?;
        let mut planted: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut memory = WriterMemory::default();
        for first in (0..self.rows).step_by(BATCH as usize) {
            let mut items = Vec::with_capacity(BATCH as usize);
            for place in first..(first + BATCH).min(self.rows) {
                let at = TimeMs(self.day.start().0 + 6 * 3_600_000 + (place * 57_600_000 / self.rows) as i64);
                let number = self.first_number + place;
                let sample = self.source.payment(number, at);
                let cause = cause(number);
                *planted.entry(cause).or_default() += 1;
                if cause != "missing_notice" {
                    items.push(item(number, &sample));
                    files.receipt(number, &sample)?;
                }
                files.rows(number, cause, &sample)?;
            }
            let arrival = Arrival {
                delivery: delivery(items),
                received_at: TimeMs(self.day.start().0 + 23 * 3_600_000),
            };
            store.post(&[arrival], &mut memory).await?;
        }
        files.finish()?;
        // The first row of a pair agrees; the second is the duplicate.
        let pairs = planted.get("duplicate_row").copied().unwrap_or_default();
        *planted.entry("matched_auto").or_default() += pairs;
        Ok(planted
            .into_iter()
            .map(|(cause, count)| (cause.to_owned(), count))
            .collect())
    }
}

/// The statement of a day, and the receipts that another program joins with it.
struct DayFiles {
    statement: BufWriter<File>,
    receipts: BufWriter<File>,
    /// Rows of the statement so far.
    rows: u64,
}

impl DayFiles {
    fn create(folder: &Path) -> Result<DayFiles> {
        let mut files = DayFiles {
            statement: BufWriter::new(File::create(folder.join("statement.csv"))?),
            receipts: BufWriter::new(File::create(folder.join("receipts.csv"))?),
            rows: 0,
        };
        writeln!(
            files.statement,
            "STT;Ngày giao dịch;Mã giao dịch;Số tiền;Mã ngân hàng;Tài khoản nhận;Nội dung"
        )?;
        writeln!(files.receipts, "receipt_no,txn,amount_vnd")?;
        Ok(files)
    }

    fn receipt(&mut self, number: u64, sample: &Sample) -> Result<()> {
        let amount = sample.amount.vnd();
        Ok(writeln!(self.receipts, "{number},TX{number:012},{amount}")?)
    }

    /// The rows of a payment: one, none or two, as its cause wants it.
    fn rows(&mut self, number: u64, cause: &str, sample: &Sample) -> Result<()> {
        let copies = match cause {
            "missing_in_statement" => 0,
            "duplicate_row" => 2,
            _ => 1,
        };
        let amount = sample.amount.vnd() + i64::from(cause == "amount_differs") * 1_000;
        let day = Day::of(sample.occurred_at);
        let second = (sample.occurred_at.0 - day.start().0) / 1_000;
        let time = format!(
            "{} {:02}:{:02}:{:02}",
            day.show(),
            second / 3_600,
            second / 60 % 60,
            second % 60
        );
        let bin = &sample.bank_bin;
        let account = &sample.account_number;
        let note = &sample.stall_code;
        for _ in 0..copies {
            self.rows += 1;
            let line = self.rows;
            writeln!(
                self.statement,
                "{line};{time};TX{number:012};{amount};{bin};{account};{note} tien hang"
            )?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.statement.flush()?;
        self.receipts.flush()?;
        Ok(())
    }
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
    std::fs::write(&script, include_str!("../../compare/join.py"))?;
    // Each file's outcome is written anew.
    let outcome = folder.join("outcome.db");
    if outcome.exists() {
        std::fs::remove_file(&outcome)?;
    }
    let nothing = Path::new("/dev/null");
    let mut command = Command::new(python);
    command
        .arg(&script)
        .args(["statement.csv", "receipts.csv", "outcome.db"].map(|name| folder.join(name)));
    timed(&mut command, nothing, nothing)
}
