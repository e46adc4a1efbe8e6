//! The commands of choso. Data goes to standard output, talk to standard error.
//! Exit status: 0 done, 1 the input was refused or a check failed, 2 wrong usage or settings.

mod commands;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// A batch of callbacks makes thousands of small values on one thread that another one frees, which this allocator
/// does in half the time of the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the process stays for what nobody waits for.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let command = commands::Choso::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("choso: cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    let ended = runtime.block_on(commands::run(command));
    // All work was waited for; what is left can only be a look into a folder on another machine that does not
    // answer.
    runtime.shutdown_timeout(SHUTDOWN_GRACE);
    match ended {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("choso: {failure}");
            ExitCode::from(failure.status())
        }
    }
}
