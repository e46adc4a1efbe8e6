//! `choso print`: the cards of a place, or single ones, as a PDF.

use std::path::PathBuf;
use std::process::ExitCode;

use choso::bank_directory::BankDirectory;
use choso::clock::now;
use choso::print::{Format, Pack, PackLine};
use choso::store::WhichCards;
use choso::vn::{Day, fold};
use choso::web::{card_of, concerns};
use clap::Args;

use super::common::{Failure, Settings, progress_bar, write_out};

/// Print all cards of a street or a market, or some by their serials, as one PDF on A4
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  choso print --place \"Chợ Hàn\" --host choso.example.vn --out cho-han.pdf\n  choso print --serial 7KQ2M4XD9TRC --format label --host choso.example.vn --out nhan.pdf\n\nThe first pages are a list to sign; cards stand in the order of their stall or house numbers. Print at 100 %.\nExit status 1 if there is nothing to print, if something is missing on a card and --anyway is not given, or if a serial was left out because it is not in use; it is named."
)]
pub struct Print {
    /// Name or id of a street or market
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "serial",
        required_unless_present = "serial"
    )]
    place: Option<String>,
    /// Serial of a card; may be given several times
    #[arg(long, value_name = "SERIAL")]
    serial: Vec<String>,
    /// a6, a5, label or large
    #[arg(long, default_value = "a6", value_parser = ["a6", "a5", "label", "large"])]
    format: String,
    /// The host of this service, for the check link on each card; the setting public_host if not given
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Print also cards without check link, without a receiver's name, or of a bank that is not in the directory
    #[arg(long)]
    anyway: bool,
    /// The PDF
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

pub async fn run(args: Print) -> Result<ExitCode, Failure> {
    let (config, store) = args.settings.open().await?;
    let banks = BankDirectory::open(config.banks_file)?.banks();
    let host = args.host.or(config.public_host);
    if host.is_none() && !args.anyway {
        let wanted = "--host or the setting public_host says where a card's check link leads; --anyway prints cards without it";
        return Err(Failure::Settings(wanted.to_owned()));
    }
    let (which, title) = match &args.place {
        Some(name) => {
            let (id, name) = place(store.streets_and_markets().await?, name)?;
            (WhichCards::At(id), name)
        }
        None => {
            let serials = args
                .serial
                .iter()
                .map(|s| s.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
            let serials = serials.map(|s| s.to_uppercase()).collect();
            (WhichCards::Serials(serials), "Thẻ QR".to_owned())
        }
    };
    let today = Day::of(now());
    let found = store.printable_cards(&which, today).await?;
    if found.is_empty() {
        return Err(Failure::Refused(
            "there is no card to print: no code is active there; hand out codes first".to_owned(),
        ));
    }
    let mut left_out: Vec<String> = match &which {
        WhichCards::Serials(serials) => serials.clone(),
        WhichCards::At(_) => Vec::new(),
    };
    left_out.retain(|serial| found.iter().all(|card| card.serial != *serial));
    let asked = concerns(&found, &banks, host.as_deref());
    if !asked.is_empty() {
        let said: Vec<&str> = asked.iter().map(|line| &*line.en).collect();
        let said = said.join("\n");
        if !args.anyway {
            return Err(Failure::Refused(format!(
                "{said}\nNothing was printed; --anyway prints all the same"
            )));
        }
        eprintln!("{said}");
    }
    let drawn: Vec<String> = found.iter().map(|card| card.serial.clone()).collect();
    store.note_drawn(&drawn, now()).await?;
    let lines = found.into_iter().map(|card| PackLine {
        number: card.number.clone(),
        card: card_of(card, &banks, host.as_deref()),
    });
    // The words of --format are those of the formats.
    let format = Format::of(&args.format).unwrap_or(Format::Counter);
    let pack = Pack::new(title, today.show(), format, lines.collect());
    let bar = progress_bar(pack.pages(), "pages");
    let bytes = pack.pdf(&|done| bar.set_position(done as u64));
    bar.finish_and_clear();
    write_out(Some(&args.out), &bytes)?;
    eprintln!(
        "{}: {} on {}",
        args.out.display(),
        counted(pack.lines().len(), "card"),
        counted(pack.pages(), "page")
    );
    if left_out.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "not printed, since unknown, ended or no longer linked to an account: {}",
        left_out.join(", ")
    );
    Ok(ExitCode::FAILURE)
}

/// The one street or market with this id or name; accents and letter case do not count.
fn place(all: Vec<(String, String)>, wanted: &str) -> Result<(String, String), Failure> {
    if let Some(found) = all.iter().find(|(id, _)| id == wanted) {
        return Ok(found.clone());
    }
    let wanted_folded = fold(wanted);
    let mut found: Vec<(String, String)> = all
        .into_iter()
        .filter(|(_, name)| fold(name) == wanted_folded)
        .collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::Refused(format!(
            "no street or market is called «{wanted}»"
        ))),
        _ => {
            let ids: Vec<String> = found
                .into_iter()
                .map(|(id, name)| format!("{id} ({name})"))
                .collect();
            Err(Failure::Refused(format!(
                "«{wanted}» is the name of several; give one id: {}",
                ids.join(", ")
            )))
        }
    }
}

/// `1 card`, `240 cards`.
fn counted(number: usize, what: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {what}{end}")
}
