//! `choso qr encode|decode|read|banks`: payloads written, read and found in pictures, a line each.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use choso::bank_directory::BankDirectory;
use choso::vietqr::{
    Answer, Banks, Code, Correction, Field, Initiation, Payee, PayeeNumber, Payload, SCAN_BYTES_MAX,
    SCAN_PIXELS_MAX, Service, Symbol, decode, decode_line, encode_line, payload, scan,
};
use choso::vn::Dong;
use clap::{Args, Subcommand};

use super::common::{Failure, write_out};
use super::lines::{LINE_BYTES_MAX, answer_lines};

#[derive(Debug, Subcommand)]
pub enum Qr {
    /// Make payloads, or one picture
    #[command(
        after_help = "Example:\n  echo '{\"bank_bin\":\"970415\",\"account\":\"113366668888\",\"purpose\":\"HC7K3M9J\"}' | choso qr encode\n  choso qr encode --bank vietinbank --account 113366668888 --purpose HC7K3M9J --terminal\n  choso qr encode --bank 970415 --account 113366668888 --amount 79000 --png code.png\n\nWithout --account: JSON objects, one a line, on standard input, with any of bank_bin, account, kind, amount,\npurpose, bill_number, store_label, reference_label, terminal_label, merchant_name, city, mcc, method, extra.\nEach gives one line: {\"payload\":\"…\"} or {\"error\":{\"code\":\"…\",\"message\":\"…\"}}.\nMarks are taken off texts; nothing is ever cut. Exit status 1 if a line was refused."
    )]
    Encode(Box<Encode>),
    /// Read payloads, one a line, and say what each means or why it is no code
    #[command(
        after_help = "Example:\n  choso qr encode < codes.jsonl | jq -r .payload | choso qr decode\n\nEach line gives one line: {\"valid\":true,\"input\":{…},\"warnings\":[…]} or\n{\"valid\":false,\"code\":\"BAD_CRC\",\"reason\":\"…\"}. A line that begins with \\\" is a JSON string.\nOf several faults the first is named in this order: BAD_CRC, CRC_MISSING, CRC_FORMAT, TRUNCATED,\nLENGTH_OVERRUN, LENGTH_FORMAT, TAG_FORMAT, TRAILING, ORDER, DUPLICATE_TAG, WRONG_AID, CURRENCY, COUNTRY,\nAMOUNT, PFI, POI, MCC, ZERO_LENGTH, ACCOUNT, BIN, SERVICE, MISSING, TOO_LONG.\nExit status 1 if a line was refused."
    )]
    Decode(Directory),
    /// Find the codes in pictures and say what each means
    #[command(
        after_help = "Example:\n  choso qr read photo.jpg\n\nPNG, JPEG and WebP, up to 64 million pixels (a progressive JPEG 12, a WebP or a JPEG in CMYK 16). One line for each code in a picture, as from `choso qr decode`,\nwith file and payload, in the order of the page; a picture without a readable one gives\n{\"file\":…,\"valid\":false,\"code\":\"NO_CODE\",\"reason\":\"…\"} with what is wrong with it, others PICTURE_FORMAT, PICTURE_DAMAGED, PICTURE_TOO_LARGE or, where the file cannot be opened, FILE. Exit status 1 if any was refused."
    )]
    Read(Pictures),
    /// Banks that a code can pay to, found by any of their names
    #[command(
        after_help = "Example:\n  choso qr banks quân đội\n\nOne a line: BIN, short name, full name, other names."
    )]
    Banks(Search),
}

#[derive(Debug, Args)]
pub struct Directory {
    /// Banks that add to the shipped directory or replace its lines (the form of assets/banks.txt)
    #[arg(long = "banks-file", value_name = "FILE", env = "CHOSO_BANKS_FILE")]
    file: Option<PathBuf>,
}

impl Directory {
    fn open(&self) -> Result<Arc<Banks>, Failure> {
        Ok(BankDirectory::open(self.file.clone())?.banks())
    }
}

#[derive(Debug, Args)]
pub struct Pictures {
    /// PNG, JPEG or WebP files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    directory: Directory,
}

#[derive(Debug, Args)]
pub struct Search {
    /// Any part of a name, a code or a BIN; nothing lists all
    words: Vec<String>,
    #[command(flatten)]
    directory: Directory,
}

/// Whole đồng in digits alone: 65.000 is sixty-five thousand here and sixty-five elsewhere, so it is not guessed.
fn whole_dong(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = text
        .parse()
        .ok()
        .filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
    whole.ok_or_else(|| {
        "write a whole number of đồng in digits alone, without separators, for example 65000".to_owned()
    })
}

#[derive(Debug, Args)]
pub struct Encode {
    /// Bank: BIN or a name that only one bank has
    #[arg(long, requires = "account")]
    bank: Option<String>,
    /// Account or card number
    #[arg(long, requires = "bank")]
    account: Option<String>,
    /// The number is a card's
    #[arg(long, requires = "account")]
    card: bool,
    /// Amount in đồng, without separators
    #[arg(long, value_name = "DONG", requires = "account", value_parser = whole_dong)]
    amount: Option<i64>,
    /// Note that the app fills in (62-08)
    #[arg(long, requires = "account")]
    purpose: Option<String>,
    /// Bill number (62-01)
    #[arg(long, requires = "account")]
    bill_number: Option<String>,
    /// Store label (62-03)
    #[arg(long, requires = "account")]
    store_label: Option<String>,
    /// Reference label (62-05)
    #[arg(long, requires = "account")]
    reference_label: Option<String>,
    /// Terminal label (62-07)
    #[arg(long, requires = "account")]
    terminal_label: Option<String>,
    /// Merchant name (59)
    #[arg(long, requires = "account")]
    merchant_name: Option<String>,
    /// Merchant city (60)
    #[arg(long, requires = "account")]
    city: Option<String>,
    /// Merchant category code (52)
    #[arg(long, requires = "account")]
    mcc: Option<String>,
    /// The code is for one payment
    #[arg(long, requires = "account")]
    dynamic: bool,
    /// Error correction of a picture: m for cards, q for labels outdoors
    #[arg(long, value_name = "LEVEL", default_value = "m", value_parser = ["m", "q"])]
    level: String,
    /// Write a picture as SVG
    #[arg(long, value_name = "FILE", requires = "account")]
    svg: Option<PathBuf>,
    /// Write a picture as PNG
    #[arg(long, value_name = "FILE", requires = "account")]
    png: Option<PathBuf>,
    /// Draw on the terminal
    #[arg(long, requires = "account")]
    terminal: bool,
    #[command(flatten)]
    directory: Directory,
}

pub fn run(command: Qr) -> Result<ExitCode, Failure> {
    match command {
        Qr::Encode(args) if args.account.is_some() => one(*args),
        Qr::Encode(args) => lines(&args.directory, "JSON object", encode_line),
        Qr::Decode(directory) => lines(&directory, "payload", decode_line),
        Qr::Read(pictures) => pictures.read(),
        Qr::Banks(search) => banks(&search),
    }
}

impl Pictures {
    fn read(&self) -> Result<ExitCode, Failure> {
        let banks = self.directory.open()?;
        let mut status = ExitCode::SUCCESS;
        for path in &self.files {
            let codes = picture(path)
                .map_err(|error| ("FILE", error.to_string()))
                .and_then(|bytes| {
                    scan(&bytes, SCAN_PIXELS_MAX).map_err(|error| (error.code(), error.to_string()))
                });
            let answers: Vec<(Option<String>, Answer)> = match codes {
                Ok(codes) => codes
                    .into_iter()
                    .map(|payload| {
                        let answer = decode(&payload, &banks);
                        (Some(payload), answer)
                    })
                    .collect(),
                Err((code, reason)) => {
                    let json = serde_json::json!({ "valid": false, "code": code, "reason": reason });
                    let json = json.to_string();
                    let unknown_bin = None;
                    vec![(
                        None,
                        Answer {
                            json,
                            is_good: false,
                            unknown_bin,
                        },
                    )]
                }
            };
            for (payload, answer) in answers {
                if !answer.is_good {
                    status = ExitCode::FAILURE;
                }
                // The answer is an object; what names the code goes in front of its members.
                let file = serde_json::json!(path.display().to_string());
                let payload = payload.map_or(String::new(), |text| {
                    format!("\"payload\":{},", serde_json::json!(text))
                });
                let line = format!("{{\"file\":{file},{payload}{}\n", &answer.json[1..]);
                write_out(None, line.as_bytes())?;
            }
        }
        Ok(status)
    }
}

/// A picture, or its beginning where it is larger than any that is opened.
fn picture(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(SCAN_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Every line of standard input, answered.
fn lines(directory: &Directory, what: &str, answer: fn(&str, &Banks) -> Answer) -> Result<ExitCode, Failure> {
    let banks = directory.open()?;
    let unknown: Mutex<BTreeMap<String, u64>> = Mutex::default();
    if std::io::stdin().is_terminal() {
        eprintln!("One {what} a line; Ctrl-D ends.");
    }
    let (_, bad) = answer_lines(
        std::io::stdin().lock(),
        std::io::stdout(),
        |line: Option<&str>, out: &mut String| {
            let answer = match line {
                Some(line) if line.len() <= LINE_BYTES_MAX => answer(line, &banks),
                Some(_) => refused(what, &format!("the line is longer than {LINE_BYTES_MAX} bytes")),
                None => refused(what, "the line is not UTF-8"),
            };
            if let Some(bin) = answer.unknown_bin {
                let mut unknown = unknown.lock().expect("nobody panics holding it");
                // Bounded: whoever has more unknown banks than this has another problem.
                if unknown.len() < 100 || unknown.contains_key(&bin) {
                    *unknown.entry(bin).or_default() += 1;
                }
            }
            out.push_str(&answer.json);
            out.push('\n');
            answer.is_good
        },
    )?;
    for (bin, count) in unknown.into_inner().expect("nobody panicked") {
        eprintln!("warning: bank {bin} is not in the directory ({count} lines); check it before you print");
    }
    Ok(if bad == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn refused(what: &str, reason: &str) -> Answer {
    let json = match what {
        "payload" => serde_json::json!({ "valid": false, "code": "INPUT", "reason": reason }),
        _ => serde_json::json!({ "error": { "code": "INPUT", "message": reason } }),
    };
    Answer {
        json: json.to_string(),
        is_good: false,
        unknown_bin: None,
    }
}

/// One code from flags: its payload, or pictures of it.
fn one(args: Encode) -> Result<ExitCode, Failure> {
    let banks = args.directory.open()?;
    let bank = args.bank.unwrap_or_default();
    let account = args.account.unwrap_or_default();
    let bank_bin = bin_of(&banks, &bank)?;
    if banks.get(&bank_bin).is_none() {
        eprintln!("warning: bank {bank_bin} is not in the directory; check it before you print");
    }
    let payee = Payee::Napas {
        bank_bin: bank_bin.into(),
        account: PayeeNumber::new(account),
        service: if args.card {
            Service::Card
        } else {
            Service::Account
        },
    };
    let mut code = Code {
        initiation: if args.dynamic {
            Initiation::Dynamic
        } else {
            Initiation::Static
        },
        amount: args.amount.map(Dong::new),
        ..Code::of(payee)
    };
    for (field, text) in [
        (Field::Purpose, args.purpose),
        (Field::BillNumber, args.bill_number),
        (Field::StoreLabel, args.store_label),
        (Field::ReferenceLabel, args.reference_label),
        (Field::TerminalLabel, args.terminal_label),
        (Field::MerchantName, args.merchant_name),
        (Field::City, args.city),
        (Field::Mcc, args.mcc),
    ] {
        if let Some(text) = text {
            code.texts.set(field, text);
        }
    }
    let payload = payload(&code).map_err(|error| Failure::Refused(error.to_string()))?;
    let correction = if args.level == "q" {
        Correction::Q
    } else {
        Correction::M
    };
    let symbol = |payload: &Payload| Symbol::with_correction(payload, correction);
    if let Some(path) = &args.svg {
        write_out(Some(path), symbol(&payload).svg("VietQR").as_bytes())?;
    }
    if let Some(path) = &args.png {
        write_out(Some(path), &symbol(&payload).png(PNG_PIXELS_PER_MODULE))?;
    }
    if args.terminal {
        let is_coloured = std::io::stdout().is_terminal();
        write_out(None, symbol(&payload).terminal(is_coloured).as_bytes())?;
    }
    if args.svg.is_none() && args.png.is_none() && !args.terminal {
        let line = serde_json::json!({ "payload": payload.as_str() });
        write_out(None, format!("{line}\n").as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A version 5 symbol becomes 540 pixels wide.
const PNG_PIXELS_PER_MODULE: u32 = 12;

/// Six digits as they are; anything else must be a name that one bank has alone or better than all others.
fn bin_of(banks: &Banks, bank: &str) -> Result<String, Failure> {
    if bank.len() == 6 && bank.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(bank.to_owned());
    }
    match banks.search(bank)[..] {
        [only] => Ok(only.bin.clone()),
        [] => Err(Failure::Refused(format!(
            "no bank is called «{bank}»; `choso qr banks` lists all, or give the BIN"
        ))),
        [first, second, ..] => match [first, second].map(|found| found.is_called(bank)) {
            [true, false] => Ok(first.bin.clone()),
            _ => Err(Failure::Refused(format!(
                "«{bank}» may be {} ({}) or {} ({}), among others; give the BIN",
                first.short_name, first.bin, second.short_name, second.bin
            ))),
        },
    }
}

fn banks(search: &Search) -> Result<ExitCode, Failure> {
    let banks = search.directory.open()?;
    let found = banks.search(&search.words.join(" "));
    let mut out = String::new();
    for bank in &found {
        let others = bank.other_names.join(", ");
        let line = format!("{}  {:<18} {}", bank.bin, bank.short_name, bank.full_name);
        out.push_str(&if others.is_empty() {
            format!("{line}\n")
        } else {
            format!("{line} ({others})\n")
        });
    }
    write_out(None, out.as_bytes())?;
    if found.is_empty() {
        Err(Failure::Refused("no bank has such a name".to_owned()))
    } else {
        Ok(ExitCode::SUCCESS)
    }
}
