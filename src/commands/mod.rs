//! The commands: one file each; what they share is in `common`.

mod audit;
mod close_day;
mod common;
mod config;
mod import;
mod lines;
mod notice;
mod print;
mod provider;
mod qr;
mod report;
mod serve;
mod simulate;
mod statement;
mod street;
mod token;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use common::Failure;

/// choso ("chợ số"): market stalls, VietQR codes, signed payment notices, non-cash adoption
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Example:\n  choso demo            a demonstration ward, live, in a temporary folder\n  choso serve           the service on 127.0.0.1:8080 with choso.db"
)]
pub struct Choso {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve(serve::Serve),
    Config(config::ConfigArgs),
    /// Show a demonstration ward with live callbacks
    Demo(serve::Demo),
    /// Bring the database up to date
    Migrate(serve::Migrate),
    /// VietQR codes: make, read, pictures, banks
    #[command(
        subcommand,
        after_help = "Example:\n  choso qr encode --bank vietinbank --account 113366668888 --purpose HC7K3M9J --terminal"
    )]
    Qr(qr::Qr),
    Print(print::Print),
    /// Providers that post callbacks
    #[command(
        subcommand,
        after_help = "Example:\n  choso provider add --id mybank --profile standard"
    )]
    Provider(provider::Provider),
    /// Tools for a provider's engineer
    #[command(
        subcommand,
        after_help = "Example:\n  choso notice verify --template thong-bao.jsonl"
    )]
    Notice(notice::Notice),
    /// Check what is kept
    #[command(subcommand, after_help = "Example:\n  choso audit verify")]
    Audit(audit::AuditCommand),
    /// Read lists into the database
    Import(import::Import),
    Reconcile(statement::Reconcile),
    CloseDay(close_day::CloseDay),
    /// Streets: names that look alike, and two that are one
    #[command(subcommand, after_help = "Example:\n  choso street alike")]
    Street(street::Street),
    /// Indicators of an area
    #[command(
        subcommand,
        after_help = "Example:\n  choso report indicators --area 20242@2025-07-01"
    )]
    Report(report::Report),
    /// Count everything anew and compare with the counters
    Recount(report::RecountArgs),
    /// People who sign in
    #[command(subcommand, after_help = "Example:\n  choso user add \"Cán bộ 01\"")]
    User(user::User),
    /// Programs and their tokens
    #[command(
        subcommand,
        after_help = "Example:\n  choso token add \"Loa chợ Hàn\" --may receipts"
    )]
    Token(token::Token),
}

/// Runs a command to its end.
pub async fn run(choso: Choso) -> Result<ExitCode, Failure> {
    match choso.command {
        Command::Serve(args) => serve::serve(args).await,
        Command::Config(_) => config::run(),
        Command::Demo(args) => serve::demo(args).await,
        Command::Migrate(args) => serve::migrate(args).await,
        Command::Qr(args) => qr::run(args),
        Command::Print(args) => print::run(args).await,
        Command::Provider(args) => provider::run(args).await,
        Command::Notice(args) => notice::run(args),
        Command::Audit(args) => audit::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Reconcile(args) => statement::run(args).await,
        Command::CloseDay(args) => close_day::run(args).await,
        Command::Street(street) => street::run(street).await,
        Command::Report(args) => report::run(args).await,
        Command::Recount(args) => report::recount(args).await,
        Command::User(args) => user::run(args).await,
        Command::Token(args) => token::run(args).await,
    }
}
