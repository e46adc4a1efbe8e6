//! Benchmarks of choso. Each prints its figures as ratios of one run on one machine, because bare rates
//! say more about the machine than about the program.
//!
//! `intake` posts signed callbacks over HTTP to the service in this process and holds the ledger against
//! what it sent. `start` measures how soon the finished program answers, and what it needs when idle.
//! `growth` does the same to ledgers of millions of receipts. `torture` breaks things on purpose while callbacks come, and looks whether any was lost or doubled.
//! `plant` measures nothing: it writes statements with known faults, and looks whether each is found.
//! All traffic stays on the loopback interface, is bounded in number and in time, and ends by itself.

mod client;
#[path = "../../tests/support/cluster.rs"]
mod cluster;
mod codes;
mod crowd;
mod growth;
mod intake;
mod open_loop;
mod plant;
mod process;
mod profiles;
mod proxy;
mod reconcile;
mod report;
mod rig;
mod setup;
mod start;
mod torture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The service that is built into this process runs on the allocator of the real one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever went wrong, as a sentence for the person at the terminal.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// Result of whatever may go wrong.
pub type Result<T> = std::result::Result<T, Error>;

/// Benchmarks of choso
#[derive(Parser)]
#[command(
    about,
    after_help = "Example: cargo run -p loadtest --release -- intake --database sqlite\n\
                  Exit status: 0 measured and everything posted is in the ledger; 1 a wrong answer or a ledger \
                  that does not agree; 2 wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// How many callbacks a second become durable, as a ratio of what the same service answers when it
    /// keeps nothing, and of one commit for each callback
    Intake(intake::IntakeArgs),
    /// Payloads and print packs, as ratios of what other programs need for the same
    Codes(codes::CodesArgs),
    /// The rate among thousands of connections and listeners that wait, as a ratio of the rate without them
    Idle(crowd::IdleArgs),
    /// Several instances on one PostgreSQL, each with a listener who has to hear every receipt once
    Instances(crowd::InstancesArgs),
    /// Latencies at a rate that does not wait for answers, from the moment each callback was due
    OpenLoop(open_loop::OpenLoopArgs),
    /// More than the service can take: what it sends away, and that it loses nothing it accepted
    Overload(open_loop::OverloadArgs),
    /// Statements against receipts, as a ratio of what an analytical database needs to join them
    Reconcile(reconcile::ReconcileArgs),
    /// Twelve causes planted in statement files: each named rightly, and nothing else named
    Plant(plant::PlantArgs),
    /// How soon `choso serve` answers on an empty database, and its memory when idle
    #[command(visible_alias = "memory")]
    Start(start::StartArgs),
    /// The durable rate of a ledger of millions of receipts, as a ratio of the rate of the empty one
    Growth(growth::GrowthArgs),
    /// Faults under load: nothing acknowledged is lost, nothing is kept twice
    Torture(torture::TortureArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Intake(args) => intake::run(&args),
        Command::Codes(args) => codes::run(&args),
        Command::Idle(args) => crowd::run_idle(&args),
        Command::Instances(args) => crowd::run_instances(&args),
        Command::OpenLoop(args) => open_loop::run(&args),
        Command::Overload(args) => open_loop::run_overload(&args),
        Command::Reconcile(args) => reconcile::run(&args),
        Command::Plant(args) => plant::run(&args),
        Command::Start(args) => start::run(&args),
        Command::Growth(args) => growth::run(&args),
        Command::Torture(args) => torture::run(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("loadtest: {error}");
            ExitCode::FAILURE
        }
    }
}
