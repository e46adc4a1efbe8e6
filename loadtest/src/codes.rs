//! Codes and cards: payloads a second against vietnam-qr-pay, a print pack against qrcode and reportlab.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use choso::print::{self, Card, Format, Pack, PackLine};
use choso::vietqr::stall_payload;
use choso::vn::AccountNumber;
use clap::Args;
use serde_json::{Value, json};

use crate::Result;
use crate::process;
use crate::report::{self, Machine, met, micros, status_kib};
use crate::setup::temporary_folder;

const ENCODE_AIM: f64 = 10.0;
const PACK_AIM: Duration = Duration::from_secs(20);
const PACK_MEMORY_AIM_KIB: u64 = 300 * 1024;
const PACK_RATIO_AIM: f64 = 10.0;
const PNG_AIM: Duration = Duration::from_millis(40);
/// Pictures of one card that are timed; the middle one is told.
const PNGS: usize = 21;

/// Flags of `loadtest codes`.
#[derive(Debug, Args)]
#[command(after_help = "Example: loadtest codes\n\
                  The others are installed into a temporary folder (npm: vietnam-qr-pay 1.5.1; pip: qrcode 8.2, reportlab 4.4.4);\n\
                  what cannot be is skipped by name.")]
pub struct CodesArgs {
    /// Lines that are encoded
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(1_000..=5_000_000))]
    lines: u32,
    /// Cards in the pack; 11.252 households had one district
    #[arg(long, default_value_t = 11_252, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cards: u32,
    /// How often each is measured, in turns; the middle one is told
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    rounds: u32,
    /// Seed of accounts and amounts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program [default: `choso` beside this one]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the raw run is kept [default: loadtest/runs/DATE-codes.json]
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// Measures, prints and keeps the raw run. False if the two sides wrote different payloads.
pub fn run(args: &CodesArgs) -> Result<bool> {
    let machine = Machine::read();
    println!("{}", machine.line());
    let binary = process::binary(args.binary.as_deref())?;
    let folder = temporary_folder()?;
    let mut raw = report::raw_head("codes", &machine);
    raw["lines"] = json!(args.lines);
    raw["cards"] = json!(args.cards);
    let is_same = encode(args, &binary, folder.path(), &mut raw)?;
    pack(args, folder.path(), &mut raw)?;
    one_picture(&mut raw);
    report::write_raw(args.raw.as_deref(), "codes", &raw)?;
    Ok(is_same)
}

/// Lines in, lines out, end to end, start of the program included.
fn encode(args: &CodesArgs, binary: &Path, folder: &Path, raw: &mut Value) -> Result<bool> {
    let input = folder.join("input.jsonl");
    std::fs::write(&input, lines(args))?;
    let modules = installed(
        Command::new("npm")
            .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
            .arg(folder)
            .arg("vietnam-qr-pay@1.5.1"),
    );
    let script = folder.join("encode.js");
    std::fs::write(&script, include_str!("../compare/encode.js"))?;
    let ours_out = folder.join("ours");
    let theirs_out = folder.join("theirs");
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for _ in 0..args.rounds {
        ours.push(timed(
            Command::new(binary).args(["qr", "encode"]),
            &input,
            &ours_out,
        )?);
        if modules {
            theirs.push(timed(Command::new("node").arg(&script), &input, &theirs_out)?);
        }
    }
    let our = middle(&mut ours);
    let rate = f64::from(args.lines) / our.as_secs_f64();
    raw["encode"] = json!({ "choso_us": ours.iter().copied().map(micros).collect::<Vec<_>>(), "vietnam_qr_pay_us": theirs.iter().copied().map(micros).collect::<Vec<_>>() });
    if theirs.is_empty() {
        println!("encode: {rate:.0} lines /s; vietnam-qr-pay could not be installed, skipped");
        return Ok(true);
    }
    let ratio = middle(&mut theirs).as_secs_f64() / our.as_secs_f64();
    let is_same = std::fs::read(&ours_out)? == std::fs::read(&theirs_out)?;
    println!(
        "encode: {ratio:.1} times as fast as vietnam-qr-pay 1.5.1 (aim ≥ {ENCODE_AIM}: {}); {rate:.0} lines /s, payloads {}",
        met(ratio >= ENCODE_AIM),
        if is_same { "equal" } else { "DIFFERENT" }
    );
    Ok(is_same)
}

/// The same pack twice: here, and by the script.
fn pack(args: &CodesArgs, folder: &Path, raw: &mut Value) -> Result<()> {
    let cards: Vec<Card> = (0..args.cards).map(card).collect();
    let list = folder.join("cards.tsv");
    let mut text = String::new();
    for c in &cards {
        let fields = [
            c.payload.as_str(),
            &c.stall_name,
            &c.place,
            &c.holder_name,
            &c.bank_name,
            &c.account_tail,
            &c.stall_code,
            &c.serial,
            &c.check_link,
        ];
        let _ = writeln!(text, "{}", fields.join("\t"));
    }
    std::fs::write(&list, text)?;
    let python = folder.join("python");
    let pip = python.join("bin/pip");
    let has_python = installed(Command::new("python3").args(["-m", "venv"]).arg(&python))
        && installed(Command::new(pip).args(["install", "-q", "qrcode==8.2", "reportlab==4.4.4"]));
    let script = folder.join("cards.py");
    let font = folder.join("font.ttf");
    let out = folder.join("out.pdf");
    std::fs::write(&script, include_str!("../compare/cards.py"))?;
    std::fs::write(
        &font,
        include_bytes!("../../assets/fonts/BeVietnamPro-Regular.ttf"),
    )?;
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut peak_kib = 0;
    let mut bytes = 0;
    for _ in 0..args.rounds {
        let lines = cards.iter().enumerate().map(|(at, card)| PackLine {
            number: (at + 1).to_string(),
            card: card.clone(),
        });
        let pack = Pack::new(
            "Quận Thử".to_owned(),
            "22/11/2026".to_owned(),
            Format::Counter,
            lines.collect(),
        );
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let started = Instant::now();
        bytes = pack.pdf(&|_| ()).len();
        ours.push(started.elapsed());
        peak_kib = peak_kib.max(status_kib("self", "VmHWM"));
        // It takes minutes: once is enough.
        if has_python && theirs.is_empty() {
            let mut command = Command::new(python.join("bin/python"));
            command.arg(&script).arg(&list).arg(&out).arg(&font);
            theirs.push(timed(
                &mut command,
                Path::new("/dev/null"),
                Path::new("/dev/null"),
            )?);
        }
    }
    let our = middle(&mut ours);
    println!(
        "pack of {} cards on A4: {:.1} s (aim ≤ {} s: {}), {} MiB at its peak with the cards themselves (aim ≤ {}: {}), {} KiB a card",
        args.cards,
        our.as_secs_f64(),
        PACK_AIM.as_secs(),
        met(our <= PACK_AIM),
        peak_kib / 1024,
        PACK_MEMORY_AIM_KIB / 1024,
        met(peak_kib <= PACK_MEMORY_AIM_KIB),
        bytes / 1024 / args.cards as usize
    );
    raw["pack"] = json!({ "choso_us": ours.iter().copied().map(micros).collect::<Vec<_>>(), "python_us": theirs.iter().copied().map(micros).collect::<Vec<_>>(), "peak_kib": peak_kib, "bytes": bytes });
    if theirs.is_empty() {
        println!("pack: qrcode and reportlab could not be installed, skipped")
    } else {
        let ratio = middle(&mut theirs).as_secs_f64() / our.as_secs_f64();
        println!(
            "pack: {ratio:.1} times as fast as qrcode 8.2 with reportlab 4.4.4 (aim ≥ {PACK_RATIO_AIM}: {})",
            met(ratio >= PACK_RATIO_AIM)
        );
    }
    Ok(())
}

fn one_picture(raw: &mut Value) {
    let card = card(0);
    print::png(&card, Format::Counter);
    let mut times: Vec<Duration> = (0..PNGS)
        .map(|_| {
            let started = Instant::now();
            print::png(&card, Format::Counter);
            started.elapsed()
        })
        .collect();
    let time = middle(&mut times);
    println!(
        "one A6 card as PNG: {:.1} ms (aim ≤ {} ms: {})",
        time.as_secs_f64() * 1000.0,
        PNG_AIM.as_millis(),
        met(time <= PNG_AIM)
    );
    raw["png_us"] = json!(times.iter().copied().map(micros).collect::<Vec<_>>());
}

/// An invented card.
fn card(at: u32) -> Card {
    let account = AccountNumber::parse(&format!("{}", 100_000_000_000_u64 + u64::from(at) * 7_919))
        .expect("an account");
    let stall_code = "HC7K3M9J";
    Card {
        stall_name: format!("Hộ Thử Số {at}"),
        place: format!("Chợ Thử · sạp {}", at + 1),
        holder_name: "NGUYEN THI MAU".to_owned(),
        bank_name: "VietinBank".to_owned(),
        account_tail: account.tail().to_owned(),
        stall_code: stall_code.to_owned(),
        serial: format!("7KQ2 M4XD {at:04}"),
        check_link: format!("choso.example.vn/k/7KQ2M4XD{at:04}"),
        payload: stall_payload("970415", &account, stall_code).expect("a payload"),
    }
}

/// Transfers as both sides understand them: half of them static, some with amount and note.
fn lines(args: &CodesArgs) -> String {
    let mut random = args.seed;
    let mut next = |below: u64| {
        // A linear congruence is random enough for digits that only have to differ.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut out = String::new();
    for _ in 0..args.lines {
        let account = 100_000_000_000 + next(1 << 31) * 400;
        let (amount, method) = match next(2) {
            0 => ("null".to_owned(), "static"),
            _ => ((1_000 + next(5_000_000)).to_string(), "dynamic"),
        };
        let purpose = ["null", "\"HC7K3M9J\"", "\"thanh toan don hang\"", "\"Tien rau\""][next(4) as usize];
        let _ = writeln!(
            out,
            r#"{{"bank_bin":"970415","account":"{account}","kind":"account","amount":{amount},"purpose":{purpose},"bill_number":null,"store_label":null,"reference_label":null,"terminal_label":null,"merchant_name":null,"city":null,"mcc":null,"method":"{method}"}}"#
        );
    }
    out
}

/// Whether a command that installs something did.
fn installed(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn timed(command: &mut Command, input: &Path, output: &Path) -> Result<Duration> {
    command
        .stdin(std::fs::File::open(input)?)
        .stdout(std::fs::File::create(output)?);
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(format!("{command:?} ended with {status}").into())
    }
}

fn middle(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
