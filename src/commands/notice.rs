//! `choso notice verify`: why a signature does not fit, one callback a line, without a database.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use choso::notice::verify_line;
use clap::Subcommand;

use super::common::{Failure, write_out};

/// Invented callbacks: two that fit, one that was changed after signing, one without its signature.
const SAMPLES: &str = include_str!("../../assets/samples/callbacks.jsonl");

/// A line with more than a body of the largest size, coded, is no item.
const LINE_BYTES_MAX: usize = 2 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub enum Notice {
    /// Say what a callback is and why it is refused: JSON, one a line, on standard input
    #[command(
        after_help = "Examples:\n  choso notice verify --template thong-bao.jsonl    writes four invented callbacks\n  choso notice verify <thong-bao.jsonl\n  echo '{\"provider\":\"sepay\",\"scheme\":\"api_key\",\"secrets\":{\"api_key\":\"k\"},\"request\":{\"method\":\"POST\",\"headers\":{\"authorization\":\"Apikey k\"},\"body\":\"{}\"}}' | choso notice verify\n\nEach line: provider, scheme, secrets, request (method, path, query, headers, body or body_base64), and\noptionally now (unix seconds; without it no replay window is applied), context, setup. Each answer:\nverdict, kind, amount_vnd, provider_txn_id, reference, occurred_at, reply; a refusal also says because.\nNo database is needed. Exit status 1 if a line could not be read."
    )]
    Verify {
        /// Write invented callbacks of the profile standard to this file, and end
        #[arg(long, value_name = "FILE")]
        template: Option<PathBuf>,
    },
}

pub fn run(command: Notice) -> Result<ExitCode, Failure> {
    let Notice::Verify { template } = command;
    if let Some(path) = template {
        write_out(Some(&path), SAMPLES.as_bytes())?;
        eprintln!(
            "wrote {}; two of its lines are refused, and say why",
            path.display()
        );
        return Ok(ExitCode::SUCCESS);
    }
    let broken = |e: std::io::Error| Failure::Refused(e.to_string());
    let mut input = std::io::stdin().lock();
    let mut out = std::io::stdout().lock();
    let mut line = Vec::new();
    let mut status = ExitCode::SUCCESS;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).map_err(broken)? == 0 {
            return Ok(status);
        }
        let answer = match std::str::from_utf8(&line) {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) if text.len() <= LINE_BYTES_MAX => verify_line(text).map_err(|e| e.to_string()),
            Ok(_) => Err(format!("the line is longer than {LINE_BYTES_MAX} bytes")),
            Err(_) => Err("the line is not UTF-8".to_owned()),
        };
        let answer = answer.unwrap_or_else(|error| {
            status = ExitCode::FAILURE;
            serde_json::json!({ "error": error }).to_string()
        });
        writeln!(out, "{answer}").map_err(broken)?;
    }
}
