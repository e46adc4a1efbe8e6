//! `choso serve`, `choso demo` and `choso migrate`: the service, until somebody ends it, and its database.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use choso::app::App;
use choso::demo::DemoError;
use choso::telemetry::{LogFilterError, LogFormat, start_logging};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::common::{Failure, Settings};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  choso serve --listen 127.0.0.1:8080 --database-url sqlite://choso.db\n\nEvery setting can also be a variable CHOSO_<NAME> or stand in the file given by --config;\n`choso config` prints them all, with their defaults.\nSIGTERM or Ctrl-C: takes no new connections, finishes what it accepted, ends."
)]
pub struct Serve {
    #[command(flatten)]
    settings: Settings,
    /// ADDRESS:PORT; port 0 picks one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  choso demo --rate 5\n\nOpens an embedded database in a temporary folder, loads Hải Châu district as of 15/06/2024, and starts\na simulated provider that posts signed callbacks over HTTP. Ctrl-C ends it."
)]
pub struct Demo {
    /// ADDRESS:PORT; port 0 picks one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Keep the database, as DIR/choso.db
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Callbacks a second; 0 posts none
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000))]
    rate: u32,
    /// Seed of the demonstration's choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  choso migrate --database-url postgres://choso@localhost/choso")]
pub struct Migrate {
    #[command(flatten)]
    settings: Settings,
}

pub async fn serve(args: Serve) -> Result<ExitCode, Failure> {
    let config = args.settings.check(args.listen)?;
    start_logging(&config.log, config.log_format);
    let app = App::start(&config).await?;
    let end = End::listen()?;
    say_listening(&app)?;
    end.wait().await;
    tracing::info!("stopping: finishing what was accepted");
    app.stop().await;
    Ok(ExitCode::SUCCESS)
}

pub async fn migrate(args: Migrate) -> Result<ExitCode, Failure> {
    let (_, store) = args.settings.open_or_make().await?;
    store.close().await;
    eprintln!("the database is up to date ({})", store.kind());
    Ok(ExitCode::SUCCESS)
}

pub async fn demo(args: Demo) -> Result<ExitCode, Failure> {
    let warnings = "warn"
        .parse()
        .map_err(|e: LogFilterError| Failure::Settings(e.to_string()))?;
    start_logging(&warnings, LogFormat::Text);
    let options = choso::demo::Options {
        data: args.data,
        listen: args.listen,
        rate: args.rate,
        seed: args.seed,
    };
    let demo = choso::demo::start(options, |line| eprintln!("{line}")).await?;
    println!("{}", demo.what_to_look_at());
    let end = End::listen()?;
    say_listening(demo.app())?;
    end.wait().await;
    eprintln!("\nstopping …");
    eprintln!("{}", demo.stop().await?);
    Ok(ExitCode::SUCCESS)
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Failure {
        match error {
            DemoError::Start(error) => error.into(),
            DemoError::Config(error) => error.into(),
            DemoError::KeyFile(error) => error.into(),
            DemoError::Store(error) => error.into(),
            error => Failure::Refused(error.to_string()),
        }
    }
}

/// The line that scripts wait for (docs/spec/contract.md, section 2).
fn say_listening(app: &App) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", app.url())
        .and_then(|()| out.flush())
        .map_err(|e| Failure::Refused(format!("standard output: {e}")))
}

/// SIGTERM or Ctrl-C. Listened for before anybody is told that the service answers: whoever reads that may end it at
/// once.
struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    fn listen() -> Result<End, Failure> {
        let cannot = |e: std::io::Error| Failure::Refused(format!("cannot wait for signals: {e}"));
        Ok(End {
            terminate: signal(SignalKind::terminate()).map_err(cannot)?,
            interrupt: signal(SignalKind::interrupt()).map_err(cannot)?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
