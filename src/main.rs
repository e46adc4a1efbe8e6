//! The commands of choso. Data goes to standard output, talk to standard error.
//! Exit status: 0 done, 1 the input was refused or a check failed, 2 wrong usage or settings.

mod commands;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let command = commands::Choso::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("choso: cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(commands::run(command)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("choso: {failure}");
            ExitCode::from(failure.status())
        }
    }
}
