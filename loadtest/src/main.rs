//! Benchmarks of choso. Each prints its figures as ratios of one run on one machine, because bare rates
//! say more about the machine than about the program.
//!
//! `intake` posts signed callbacks over HTTP to the service in this process and holds the ledger against
//! what it sent. `start` measures how soon the finished program answers, and what it needs when idle.
//! All traffic stays on the loopback interface, is bounded in number and in time, and ends by itself.

mod client;
#[path = "../../tests/support/cluster.rs"]
mod cluster;
mod intake;
mod report;
mod setup;
mod start;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Whatever went wrong, as a sentence for the person at the terminal.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Benchmarks of choso
#[derive(Parser)]
#[command(
    about,
    after_help = "Example: cargo run -p loadtest --release -- intake --database sqlite\n\
                  Exit status: 0 measured and everything posted is in the ledger; 1 an answer other than \
                  204 or a ledger that does not agree; 2 wrong usage."
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
    /// How soon `choso serve` answers on an empty database, and its memory when idle
    #[command(visible_alias = "memory")]
    Start(start::StartArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Intake(args) => intake::run(&args),
        Command::Start(args) => start::run(&args),
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
