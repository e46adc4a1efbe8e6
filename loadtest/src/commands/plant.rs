//! `loadtest plant`: causes planted in a provider's statements, and a key that says where.
//!
//! Three files are written as a provider exports them: of a day, of the next one, and of one a week later; and the
//! ledger is filled with what the provider told of the same days, through the door of genuine callbacks. One
//! payment in eight is planted: it was told of and has no row, its row has another amount, and so on. `key.csv`
//! says of each planted thing where it stands and which kind of finding it must get. Then the files are taken in,
//! one on each morning after, and what is said of every row and receipt is held against the key: each planted
//! cause has its word, and nothing else has one.
//!
//! Each file is written in a dialect of its own, three of eleven by the seed: separators and groups, amounts with a
//! sign, in two columns or beside a column of signs or words, NONREF, one batch number for all, HTML called .xls, a
//! workbook. A fourth file, of the first day and with balances, is handed in with a balance that is wrong on purpose
//! before anything else: it must be refused by the row, and nothing of it may stay.
//!
//! What no id holds together (a row without a notice, a receipt without a row, a lost reference) has an amount that
//! nothing else of its household has: two alike would be ambiguous by right, and then the key could name no cause.

mod cause;
mod check;
mod dialect;
mod files;
mod key;
mod planter;
mod statement;

use std::path::{Path, PathBuf};
use std::time::Instant;

use choso::access::SealingKey;
use choso::clock::now;
use choso::intake::KeyFile;
use choso::notice::scheme;
use choso::store::{Store, WriterMemory};
use choso::vn::TimeMs;
use clap::Args;

use crate::args::{DatabaseArgs, SeedArgs};
use crate::database::temporary_folder;
use crate::error::Result;
use crate::payment_source::{PaymentSource, SourceOptions};
use cause::CAUSES;
use check::Verdict;
use dialect::Dialect;
use files::{FILES, PROFILE, SCHEME, SHARES, day_of};
use planter::Planter;

/// One payment of so many is planted.
const ONE_IN: u64 = 8;

/// Flags of `loadtest plant`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest plant --database both --rows 10000 --seed 1 --dir planted\n\
                  A million rows: cargo run --release -p loadtest -- plant --rows 1000000"
)]
pub struct PlantArgs {
    #[command(flatten)]
    databases: DatabaseArgs,
    /// Payments of the three days together
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2_000..=1_000_000))]
    rows: u64,
    #[command(flatten)]
    chance: SeedArgs,
    /// Where statements, key.csv and exceptions.csv are written, a folder for each database [default: nowhere to stay]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Plants, takes in, compares and prints. False if a planted cause is named wrongly, or anything else is named.
pub fn run(args: &PlantArgs) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut is_right = true;
    for backend in args.databases.backends()? {
        let temporary = temporary_folder()?;
        let files = args
            .dir
            .as_deref()
            .unwrap_or(temporary.path())
            .join(backend.name());
        std::fs::create_dir_all(&files)?;
        let config = backend.config(temporary.path(), None)?;
        let dialects: [Dialect; FILES] = dialect::chosen(args.chance.seed);
        let names: Vec<&str> = dialects.iter().map(|dialect| dialect.name).collect();
        println!("{}: written as {}", backend.name(), names.join(", "));
        let verdict = runtime.block_on(async {
            let store = Store::open(&config.database_url).await?;
            let sealing_key = KeyFile::read(&config.key_file)?.key_in_use(&store, now()).await?;
            let started = Instant::now();
            plant(&store, &sealing_key, (&files, &dialects), args).await?;
            let planted_in = started.elapsed();
            let verdict = check::check(&store, &sealing_key, &files, &dialects).await?;
            println!(
                "{}: {} payments planted in {:.1} s, taken in and checked in {:.1} s",
                backend.name(),
                args.rows,
                planted_in.as_secs_f64(),
                (started.elapsed() - planted_in).as_secs_f64()
            );
            store.close().await;
            Result::<Verdict>::Ok(verdict)
        })?;
        verdict.print();
        is_right &= verdict.is_right();
    }
    Ok(is_right)
}

/// Fills an empty database, and a folder with the statements and their key.
async fn plant(
    store: &Store,
    sealing_key: &SealingKey,
    (folder, dialects): (&Path, &[Dialect; FILES]),
    args: &PlantArgs,
) -> Result<()> {
    let options = SourceOptions {
        scheme: scheme(PROFILE, Some(SCHEME))?,
        // Lumps want households that have no other cause.
        households: usize::try_from(args.rows / 10)?.min(20_000),
        seed: args.chance.seed,
    };
    let source = PaymentSource::register(store, sealing_key, &options).await?;
    let mut planter = Planter::new(&source, folder, dialects, args.chance.seed)?;
    let mut memory = WriterMemory::default();
    for (file, share) in SHARES.iter().enumerate() {
        let payments = args.rows * share / 10;
        let opening_ms = day_of(file).start().0 + 6 * 3_600_000;
        for number in 0..payments {
            // From six in the morning to ten in the evening, in whole seconds as notices and files have them.
            let second = (number * 57_600 / payments) as i64;
            let at = TimeMs(opening_ms + second * 1_000);
            match number % ONE_IN {
                0 => planter.plant(CAUSES[(number / ONE_IN) as usize % CAUSES.len()], file, at)?,
                _ => planter.plain(file, at)?,
            }
            if planter.has_many_notices() {
                planter.post(store, &mut memory, at).await?;
            }
        }
        let closing = TimeMs(opening_ms + 57_600_000);
        planter.post(store, &mut memory, closing).await?;
    }
    planter.write_balances(folder, TimeMs(day_of(0).start().0 + 8 * 3_600_000))?;
    planter.finish()
}
