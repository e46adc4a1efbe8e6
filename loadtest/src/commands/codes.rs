//! `loadtest codes`: payloads a second against vietnam-qr-pay, a print pack against qrcode and reportlab.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use choso::print::{self, Card, Format, Pack, PackLine};
use clap::Args;
use serde_json::json;

use super::readers;
use crate::args::{ProgramArgs, RawArgs, SeedArgs};
use crate::benchmark::Benchmark;
use crate::comparison::{is_installed_by, python_with, timed};
use crate::database::temporary_folder;
use crate::error::Result;
use crate::invented_card::card;
use crate::machine::{restart_peak, status_kib};
use crate::report::{met, micros};

const ENCODE_AIM: f64 = 10.0;
const PACK_AIM: Duration = Duration::from_secs(20);
const PACK_MEMORY_AIM_KIB: u64 = 300 * 1024;
const PACK_RATIO_AIM: f64 = 10.0;
const PNG_AIM: Duration = Duration::from_millis(40);
/// Pictures of one card that are timed; the middle one is told.
const PNGS: usize = 21;

/// Notes of transfers, as JSON.
const PURPOSES: [&str; 4] = ["null", "\"HC7K3M9J\"", "\"thanh toan don hang\"", "\"Tien rau\""];

/// Flags of `loadtest codes`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest codes\n         loadtest codes --readers --photos 10000\n\
                  The others are installed into a temporary folder (npm: vietnam-qr-pay 1.5.1; pip: qrcode 8.2, reportlab 4.4.4; for --readers zxing-cpp 3.1.1, pyzbar 0.1.9);\n\
                  what cannot be is skipped by name."
)]
pub struct CodesArgs {
    /// Lines that are encoded
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(1_000..=5_000_000))]
    lines: u32,
    /// Cards in the pack; 11.252 households had one district
    #[arg(long, default_value_t = 11_252, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cards: u32,
    /// Only read photos of cards, beside zxing-cpp and ZBar
    #[arg(long)]
    readers: bool,
    /// Photos that are read
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(13..=1_000_000), requires = "readers")]
    photos: u32,
    /// How often each is measured, in turns; the middle one is told
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=9))]
    rounds: u32,
    #[command(flatten)]
    chance: SeedArgs,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    output: RawArgs,
}

/// Measures, prints and keeps the raw run. False if the two sides wrote different payloads.
pub fn run(args: &CodesArgs) -> Result<bool> {
    let benchmark = Benchmark::begin("codes", &args.output);
    let folder = temporary_folder()?;
    if args.readers {
        let rows = readers::run(args.photos, args.chance.seed, folder.path())?;
        benchmark.keep(json!({ "photos": args.photos, "readers": rows }))?;
        return Ok(true);
    }
    let program = args.program.path()?;
    let encoded = encode(args, &program, folder.path())?;
    encoded.print(args.lines);
    let packed = pack(args, folder.path())?;
    packed.print(args.cards);
    let pictures = one_picture();
    benchmark.keep(json!({
        "lines": args.lines,
        "cards": args.cards,
        "encode": {
            "choso_us": micros_of(&encoded.ours),
            "vietnam_qr_pay_us": micros_of(&encoded.theirs),
        },
        "pack": {
            "choso_us": micros_of(&packed.ours),
            "python_us": micros_of(&packed.theirs),
            "peak_kib": packed.peak_kib,
            "bytes": packed.bytes,
        },
        "png_us": micros_of(&pictures),
    }))?;
    Ok(encoded.is_same)
}

/// Lines encoded by both sides.
struct Encoded {
    ours: Vec<Duration>,
    /// Empty where the other program could not be installed.
    theirs: Vec<Duration>,
    is_same: bool,
}

/// Lines in, lines out, end to end, start of the program included.
fn encode(args: &CodesArgs, program: &Path, folder: &Path) -> Result<Encoded> {
    let input = folder.join("input.jsonl");
    std::fs::write(&input, lines(args))?;
    let has_modules = is_installed_by(
        Command::new("npm")
            .args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"])
            .arg(folder)
            .arg("vietnam-qr-pay@1.5.1"),
    );
    let script = folder.join("encode.js");
    std::fs::write(&script, include_str!("../../compare/encode.js"))?;
    let ours_out = folder.join("ours");
    let theirs_out = folder.join("theirs");
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for _ in 0..args.rounds {
        ours.push(timed(
            Command::new(program).args(["qr", "encode"]),
            &input,
            &ours_out,
        )?);
        if has_modules {
            theirs.push(timed(Command::new("node").arg(&script), &input, &theirs_out)?);
        }
    }
    let is_same = !has_modules || std::fs::read(&ours_out)? == std::fs::read(&theirs_out)?;
    Ok(Encoded {
        ours,
        theirs,
        is_same,
    })
}

impl Encoded {
    fn print(&self, lines: u32) {
        let rate = f64::from(lines) / median(&self.ours).as_secs_f64();
        if self.theirs.is_empty() {
            println!("encode: {rate:.0} lines /s; vietnam-qr-pay could not be installed, skipped");
            return;
        }
        let ratio = ratio(&self.theirs, &self.ours);
        println!(
            "encode: {ratio:.1} times as fast as vietnam-qr-pay 1.5.1 (aim ≥ {ENCODE_AIM}: {}); {rate:.0} lines /s, payloads {}",
            met(ratio >= ENCODE_AIM),
            if self.is_same { "equal" } else { "DIFFERENT" }
        );
    }
}

/// A pack of cards made by both sides.
struct Packed {
    ours: Vec<Duration>,
    /// Empty where the other programs could not be installed.
    theirs: Vec<Duration>,
    /// Memory of this process, the cards themselves included.
    peak_kib: u64,
    /// Size of the PDF.
    bytes: usize,
}

/// The same pack twice: here, and by the script.
fn pack(args: &CodesArgs, folder: &Path) -> Result<Packed> {
    let cards: Vec<Card> = (0..args.cards).map(card).collect();
    let script = PackScript::write(&cards, folder)?;
    let mut packed = Packed {
        ours: Vec::new(),
        theirs: Vec::new(),
        peak_kib: 0,
        bytes: 0,
    };
    for _ in 0..args.rounds {
        packed.add_ours(&cards);
        // It takes minutes: once is enough.
        if packed.theirs.is_empty() {
            packed.theirs.extend(script.run()?);
        }
    }
    Ok(packed)
}

impl Packed {
    /// Makes the pack here once more.
    fn add_ours(&mut self, cards: &[Card]) {
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
        restart_peak();
        let started = Instant::now();
        self.bytes = pack.pdf(&|_| ()).len();
        self.ours.push(started.elapsed());
        self.peak_kib = self.peak_kib.max(status_kib("self", "VmHWM"));
    }

    fn print(&self, cards: u32) {
        let ours = median(&self.ours);
        println!(
            "pack of {cards} cards on A4: {:.1} s (aim ≤ {} s: {}), {} MiB at its peak with the cards themselves (aim ≤ {}: {}), {} KiB a card",
            ours.as_secs_f64(),
            PACK_AIM.as_secs(),
            met(ours <= PACK_AIM),
            self.peak_kib / 1024,
            PACK_MEMORY_AIM_KIB / 1024,
            met(self.peak_kib <= PACK_MEMORY_AIM_KIB),
            self.bytes / 1024 / cards as usize
        );
        if self.theirs.is_empty() {
            println!("pack: qrcode and reportlab could not be installed, skipped");
            return;
        }
        let ratio = ratio(&self.theirs, &self.ours);
        println!(
            "pack: {ratio:.1} times as fast as qrcode 8.2 with reportlab 4.4.4 (aim ≥ {PACK_RATIO_AIM}: {})",
            met(ratio >= PACK_RATIO_AIM)
        );
    }
}

/// The script that makes the same pack with other programs, and what it reads.
struct PackScript {
    /// None where they could not be installed.
    python: Option<PathBuf>,
    script: PathBuf,
    list: PathBuf,
    font: PathBuf,
    out: PathBuf,
}

impl PackScript {
    fn write(cards: &[Card], folder: &Path) -> Result<PackScript> {
        let files = PackScript {
            python: python_with(&["qrcode==8.2", "reportlab==4.4.4"], folder),
            script: folder.join("cards.py"),
            list: folder.join("cards.tsv"),
            font: folder.join("font.ttf"),
            out: folder.join("out.pdf"),
        };
        std::fs::write(&files.script, include_str!("../../compare/cards.py"))?;
        std::fs::write(&files.list, list(cards))?;
        std::fs::write(
            &files.font,
            include_bytes!("../../../assets/fonts/BeVietnamPro-Regular.ttf"),
        )?;
        Ok(files)
    }

    fn run(&self) -> Result<Option<Duration>> {
        let Some(python) = &self.python else {
            return Ok(None);
        };
        let nothing = Path::new("/dev/null");
        let mut command = Command::new(python);
        command.args([&self.script, &self.list, &self.out, &self.font]);
        timed(&mut command, nothing, nothing).map(Some)
    }
}

/// The cards as the script reads them: a line each, fields between tabs.
fn list(cards: &[Card]) -> String {
    let mut text = String::new();
    for card in cards {
        let fields = [
            card.payload.as_str(),
            &card.stall_name,
            &card.place,
            &card.holder_name,
            &card.bank_name,
            &card.account_tail,
            &card.stall_code,
            &card.serial,
            &card.check_link,
        ];
        let _ = writeln!(text, "{}", fields.join("\t"));
    }
    text
}

fn one_picture() -> Vec<Duration> {
    let card = card(0);
    print::png(&card, Format::Counter);
    let times: Vec<Duration> = (0..PNGS)
        .map(|_| {
            let started = Instant::now();
            print::png(&card, Format::Counter);
            started.elapsed()
        })
        .collect();
    let time = median(&times);
    println!(
        "one A6 card as PNG: {:.1} ms (aim ≤ {} ms: {})",
        time.as_secs_f64() * 1000.0,
        PNG_AIM.as_millis(),
        met(time <= PNG_AIM)
    );
    times
}

/// Transfers as both sides understand them: half of them static, some with amount and note.
fn lines(args: &CodesArgs) -> String {
    let mut random = fastrand::Rng::with_seed(args.chance.seed);
    let mut out = String::new();
    for _ in 0..args.lines {
        let account = 100_000_000_000 + random.u64(0..1 << 31) * 400;
        let (amount, method) = if random.bool() {
            ("null".to_owned(), "static")
        } else {
            (random.u32(1_000..5_001_000).to_string(), "dynamic")
        };
        let purpose = PURPOSES[random.usize(0..PURPOSES.len())];
        let _ = writeln!(
            out,
            r#"{{"bank_bin":"970415","account":"{account}","kind":"account","amount":{amount},"purpose":{purpose},"bill_number":null,"store_label":null,"reference_label":null,"terminal_label":null,"merchant_name":null,"city":null,"mcc":null,"method":"{method}"}}"#
        );
    }
    out
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// How many times as long one side took as the other.
fn ratio(theirs: &[Duration], ours: &[Duration]) -> f64 {
    median(theirs).as_secs_f64() / median(ours).as_secs_f64()
}

fn micros_of(times: &[Duration]) -> Vec<u64> {
    times.iter().copied().map(micros).collect()
}
