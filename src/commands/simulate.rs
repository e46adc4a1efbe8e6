//! `choso provider simulate`: signed callbacks of any profile to a running service, and what they should come to.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use choso::clock::now;
use choso::intake::{KeyFile, open_secrets};
use choso::notice::{Provider, Secrets, scheme};
use choso::simulate::{
    CONNECTIONS_MAX, COUNT_MAX, Counted, Late, Mix, Pace, Payee, Share, SimulateError, Simulation, Totals,
};
use choso::vn::{Dong, Lang};
use clap::Args;

use super::common::{Failure, Settings, progress_bar, read_file};

/// Most rows of an accounts file, as of an import.
const ACCOUNTS_MAX: usize = 100_000;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  choso provider simulate --id mybank --rate 50 --count 1000 --duplicates 20% --shuffle --wrong-signatures 1%\n  choso recount --json      # received = accepted, repeats = repeats, if nobody else posted\n\nA provider's engineer needs no database, only the secret and accounts to pay:\n  choso provider simulate --id mybank --url http://127.0.0.1:8080 --rate 5 --count 100 \\\n    --profile standard --secret-file mybank.secret --accounts accounts.csv\n\nRequests begin on schedule, whatever the answers do. What is not kept is tried again, three tries in all.\nPercentages are of --count; of --duplicates and --late, of what is sent. Exit status 1 when an answer was\nnot what the provider expects. Ctrl-C ends it with the totals so far."
)]
pub struct Simulate {
    #[command(flatten)]
    settings: Settings,
    /// Name of the provider in its callback address
    #[arg(long)]
    id: String,
    /// Where the service listens [default: http:// and the setting listen]
    #[arg(long)]
    url: Option<String>,
    /// Requests begun in a second
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// Events, each sent once; duplicates come on top
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(COUNT_MAX)))]
    count: u32,
    /// Delivered a second time
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    duplicates: Share,
    /// In any order
    #[arg(long)]
    shuffle: bool,
    /// Sent this much later than due, e.g. 5%:60
    #[arg(long, value_name = "PERCENT:SECONDS")]
    late: Option<Late>,
    /// Happened, but are never sent
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    missing: Share,
    /// Signed wrongly; success for one of these is a failure of the service
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    wrong_signatures: Share,
    /// Refunds, each sent before its payment
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    reversals: Share,
    /// Payments that did not happen
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    failed: Share,
    /// Payments to accounts that nobody registered
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    unknown_accounts: Share,
    /// Decides which events are which
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests that may be under way together
    #[arg(long, default_value_t = 32, value_parser = parse_connections)]
    connections: usize,
    /// File with the secret, instead of the newest key in the database
    #[arg(long, value_name = "FILE", requires_all = ["profile", "accounts"])]
    secret_file: Option<PathBuf>,
    /// The provider's profile, with --secret-file
    #[arg(long, requires = "secret_file")]
    profile: Option<String>,
    /// How it signs, where the profile has several ways
    #[arg(long, requires = "secret_file")]
    scheme: Option<String>,
    /// CSV file with bank_bin,account_number,stall_code, instead of the accounts on the register
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// The totals as one JSON object
    #[arg(long)]
    json: bool,
}

fn parse_connections(text: &str) -> Result<usize, String> {
    let wanted = || format!("wanted 1 to {CONNECTIONS_MAX}");
    let number = text.parse().map_err(|_| wanted())?;
    if (1..=CONNECTIONS_MAX).contains(&number) {
        Ok(number)
    } else {
        Err(wanted())
    }
}

/// Runs the simulation to its end, or to Ctrl-C.
pub async fn run(args: Simulate) -> Result<ExitCode, Failure> {
    let mix = Mix {
        count: args.count,
        duplicates: args.duplicates,
        is_shuffled: args.shuffle,
        late: args.late,
        missing: args.missing,
        wrong_signatures: args.wrong_signatures,
        reversals: args.reversals,
        failed: args.failed,
        unknown_accounts: args.unknown_accounts,
        seed: args.seed,
    };
    let pace = Pace {
        rate_per_s: args.rate,
        connections: args.connections,
    };
    let url = match &args.url {
        Some(url) => url.clone(),
        None => format!("http://{}", args.settings.clone().check(None)?.listen),
    };
    let json = args.json;
    let (provider, secrets, payees) = cast(args).await?;
    eprintln!("«{}» posts to {url}, {:?}", provider.id(), provider.scheme());
    let simulation = Simulation::new(provider, &secrets, &url, payees, pace.connections).map_err(failed)?;
    let totals = post(simulation, mix, pace).await?;
    if json {
        let text = serde_json::to_string(&totals).map_err(|e| Failure::Refused(e.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", in_words(&totals))
    }
    Ok(if totals.is_as_expected() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn failed(error: SimulateError) -> Failure {
    match error {
        SimulateError::Url(_) | SimulateError::Shares => Failure::Settings(error.to_string()),
        _ => Failure::Refused(error.to_string()),
    }
}

/// Posts on threads of its own, so that Ctrl-C is heard meanwhile.
async fn post(simulation: Simulation, mix: Mix, pace: Pace) -> Result<Totals, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    let mut posting = tokio::task::spawn_blocking(move || {
        let bar = progress_bar(mix.count as usize, "callbacks");
        let totals = simulation.run(&mix, pace, &told, &|planned| {
            bar.set_length(planned as u64);
            bar.inc(1);
        });
        bar.finish_and_clear();
        totals
    });
    let totals = tokio::select! {
        totals = &mut posting => totals,
        _ = tokio::signal::ctrl_c() => {
            stop.store(true, Ordering::Relaxed);
            posting.await
        }
    };
    let totals = totals.map_err(|e| Failure::Refused(format!("a worker ended: {e}")))?;
    totals.map_err(failed)
}

/// Who signs, with what, and who is paid: from files alone, or from the database.
async fn cast(args: Simulate) -> Result<(Provider, Secrets, Vec<Payee>), Failure> {
    let named = match &args.accounts {
        Some(path) => Some(accounts(path)?),
        None => None,
    };
    if let (Some(path), Some(profile), Some(payees)) = (&args.secret_file, &args.profile, &named) {
        let wrong = |cause: String| Failure::Refused(format!("{}: {cause}", path.display()));
        let scheme = scheme(profile, args.scheme.as_deref()).map_err(|e| Failure::Refused(e.to_string()))?;
        let text = String::from_utf8(read_file(path)?).map_err(|_| wrong("is not text".to_owned()))?;
        let secrets = scheme.read_secrets(&text).map_err(|e| wrong(e.to_string()))?;
        let keys = vec![("file".to_owned(), secrets.clone())];
        let provider = Provider::new(&args.id, scheme, keys).map_err(|e| wrong(e.to_string()))?;
        return Ok((provider, secrets, payees.clone()));
    }
    let refused = |cause: String| Failure::Refused(format!("provider «{}»: {cause}", args.id));
    let (config, store) = args.settings.clone().open().await?;
    let row = store.providers(now()).await?;
    let row = row.into_iter().find(|p| p.provider_id == args.id);
    let row =
        row.ok_or_else(|| refused("is not there; `choso provider list` names those that are".to_owned()))?;
    let (key_id, sealed) = row
        .keys
        .first()
        .ok_or_else(|| refused("has no key that is live".to_owned()))?;
    let key = KeyFile::read(&config.key_file)?.key_in_use(&store, now()).await?;
    let secrets = open_secrets(&key, &args.id, key_id, sealed).map_err(refused)?;
    let scheme = scheme(&row.profile, Some(&row.scheme)).map_err(|e| refused(e.to_string()))?;
    let provider = Provider::new(&args.id, scheme, vec![(key_id.clone(), secrets.clone())])
        .map_err(|e| refused(e.to_string()))?;
    let payees = match named {
        Some(payees) => payees,
        None => Payee::registered(&store).await?,
    };
    store.close().await;
    Ok((provider, secrets, payees))
}

fn accounts(path: &Path) -> Result<Vec<Payee>, Failure> {
    let wrong = |cause: String| Failure::Refused(format!("{}: {cause}", path.display()));
    let bytes = read_file(path)?;
    let mut rows = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes.as_slice());
    let wanted = ["bank_bin", "account_number", "stall_code"];
    let head = rows.headers().map_err(|e| wrong(e.to_string()))?;
    let columns = wanted.map(|name| head.iter().position(|h| h.trim_start_matches('\u{feff}') == name));
    let [Some(bank_bin), Some(account_number), Some(stall_code)] = columns else {
        return Err(wrong(format!("wanted the columns {}", wanted.join(","))));
    };
    let mut payees = Vec::new();
    for row in rows.records().take(ACCOUNTS_MAX + 1) {
        let row = row.map_err(|e| wrong(e.to_string()))?;
        let text = |at: usize| row.get(at).unwrap_or_default().to_owned();
        payees.push(Payee {
            bank_bin: text(bank_bin),
            account_number: text(account_number),
            stall_code: text(stall_code),
        });
    }
    if payees.len() > ACCOUNTS_MAX {
        Err(wrong(format!("has more than {ACCOUNTS_MAX} rows")))
    } else {
        Ok(payees)
    }
}

fn in_words(t: &Totals) -> String {
    let money = |c: Counted| format!("{}, {}", c.count, Dong::new(c.amount_vnd).show(Lang::En));
    let ms = |us: u32| format!("{}.{:03} ms", us / 1000, us % 1000);
    let l = &t.latency;
    let mut out = format!(
        "sent           {}: payments {}, refunds {}, failed {}, wrong signatures {}\n\
         of these       duplicates {}, late {}, retries {}\n\
         not sent       {} of the plan; lost on purpose: {}\n\
         accepted       {}\n\
         \x20 payments     {}\n\
         \x20 refunds      {}\n\
         \x20 failed       {}\n\
         repeats        {}\n\
         answers\n",
        t.sent,
        t.payments,
        t.refunds,
        t.failed,
        t.wrong_signatures,
        t.duplicates,
        t.late,
        t.retries,
        t.unsent,
        money(t.missing),
        money(t.accepted),
        money(t.accepted_payments),
        money(t.accepted_refunds),
        money(t.accepted_failed),
        t.repeats,
    );
    for a in &t.answers {
        out += &format!("  {} {:<18} {:>8}  {}\n", a.status, a.meaning, a.count, a.example);
    }
    out += &format!(
        "  no answer              {:>8}\n\
         latency        p50 {}, p99 {}, p99.9 {}, max {}, from the scheduled moment\n\
         behind         at most {} ms; {} ms in all\n",
        t.unanswered,
        ms(l.p50_us),
        ms(l.p99_us),
        ms(l.p99_9_us),
        ms(l.max_us),
        t.behind_ms_max,
        t.elapsed_ms
    );
    let u = &t.unexpected;
    if t.is_as_expected() {
        out += "verdict        every answer was what the provider expects\n";
    } else {
        out += &format!(
            "verdict        NOT as expected: wrong signatures accepted {}, good ones refused {}, given up {}, not in time {}\n",
            u.wrong_signatures_accepted, u.good_ones_refused, u.given_up, u.not_in_time
        );
        for example in &u.examples {
            out += &format!("  {example}\n");
        }
    }
    out
}
