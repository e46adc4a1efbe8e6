//! Benchmarks of choso. Each prints its figures as ratios of one run on one machine, because bare rates
//! say more about the machine than about the program.
//!
//! Rates: `intake` (signed callbacks over HTTP that become durable), `idle` (the same among thousands of
//! connections that wait), `instances` (several services on one PostgreSQL), `growth` (ledgers of millions
//! of receipts), `codes` (QR payloads and print packs), `reconcile` (statements against receipts).
//! Latencies: `open-loop` (a rate that does not wait for answers), `overload` (more than the service can
//! take), `start` (how soon the program answers, and its memory when idle).
//! Rightness: `plant` (statements with known faults, each of which has to be found) and `torture` (faults
//! under load, after which nothing may be lost or doubled). The others check it too: what was posted is held
//! against the ledger.
//!
//! All traffic stays on the loopback interface, is bounded in number and in time, and ends by itself.

mod args;
mod benchmark;
mod client;
mod closed_loop;
mod commands;
mod comparison;
mod database;
mod deployment;
mod error;
mod invented_card;
mod ledger_check;
mod listener;
mod machine;
mod payment_source;
mod process;
mod proxy;
mod report;
mod schedule;
mod secrets;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{
    codes, growth, idle, instances, intake, open_loop, overload, plant, reconcile, start, torture,
};

/// The service that is built into this process runs on the allocator of the real one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    Idle(idle::IdleArgs),
    /// Several instances on one PostgreSQL, each with a listener who has to hear every receipt once
    Instances(instances::InstancesArgs),
    /// Latencies at a rate that does not wait for answers, from the moment each callback was due
    OpenLoop(open_loop::OpenLoopArgs),
    /// More than the service can take: what it sends away, and that it loses nothing it accepted
    Overload(overload::OverloadArgs),
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
        Command::Idle(args) => idle::run(&args),
        Command::Instances(args) => instances::run(&args),
        Command::OpenLoop(args) => open_loop::run(&args),
        Command::Overload(args) => overload::run(&args),
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
