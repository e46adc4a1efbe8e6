//! `loadtest torture`: faults under load, by chance but repeatable. Whatever breaks, each acknowledged callback
//! is kept exactly once and nothing else is.
//!
//! Each round makes a fresh database, starts `choso serve` as a process of its own, posts signed callbacks
//! as a stubborn provider does, and lets one fault happen meanwhile. When everything was acknowledged, the
//! service is told to stop, and the database has to hold exactly what was sent.

mod fault;
mod round;
mod traffic;

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use crate::args::{DatabaseArgs, ProgramArgs, RawArgs, SeedArgs};
use crate::benchmark::Benchmark;
use crate::database::Backend;
use crate::error::Result;
use crate::machine::CpuTime;
use fault::Fault;
use round::{Round, RoundSetup};

/// Flags of `loadtest torture`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest torture --rounds 200\n         loadtest torture --seed 7 --round 31 --database both    repeats one round\n\
                  With --database both the databases take turns by chance; the seed decides the faults, their moments and the callbacks.\n\
                  Exit status: 0 every round was right; 1 at the first that was not."
)]
pub struct TortureArgs {
    /// How many rounds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    #[command(flatten)]
    databases: DatabaseArgs,
    #[command(flatten)]
    chance: SeedArgs,
    /// Only faults whose name holds this, e.g. "disk full"
    #[arg(long, value_name = "PART", default_value = "")]
    fault: String,
    /// Only this round of the seed
    #[arg(long, value_name = "NUMBER")]
    round: Option<u32>,
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    output: RawArgs,
}

/// Goes through the rounds, prints the table and keeps the raw run. False at the first wrong round.
pub fn run(args: &TortureArgs) -> Result<bool> {
    let benchmark = Benchmark::begin("torture", &args.output);
    let program = args.program.path()?;
    let backends = args.databases.backends()?;
    let possible = possible(&backends, &args.fault);
    if possible.is_empty() {
        return Err(format!("there is no fault «{}» to make here", args.fault).into());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let seed = args.chance.seed;
    let numbers = args.round.map_or(1..=args.rounds, |only| only..=only);
    let mut rounds = Vec::new();
    let before = CpuTime::now(&[]);
    let mut small_postgres = None;
    for number in numbers {
        let case = case_of_round(&possible, seed, number);
        let mut random = fastrand::Rng::with_seed(seed ^ u64::from(number) << 32);
        let setup = RoundSetup {
            number,
            fault: case.fault,
            backend: &backends[case.backend],
            small_postgres: &mut small_postgres,
            program: &program,
        };
        let round = runtime
            .block_on(setup.run(&mut random))
            .map_err(|e| format!("round {number} of seed {seed}, {}: {e}", case.fault.name()))?;
        let is_wrong = !round.faults.is_empty();
        round.print_line();
        rounds.push(round);
        if is_wrong {
            break;
        }
    }
    print_table(&rounds);
    print_faults(&rounds, args);
    println!(
        "seed {seed}; each acknowledged callback is kept exactly once and nothing else is; {}",
        CpuTime::now(&[]).since(&before).line()
    );
    benchmark.keep(json!({
        "seed": seed,
        "rounds": rounds.iter().map(Round::json).collect::<Vec<_>>(),
    }))?;
    Ok(rounds.iter().all(|round| round.faults.is_empty()))
}

/// A fault on a database.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// Which of the databases.
    backend: usize,
    fault: Fault,
}

/// Every fault that can be made on each database. Says by name what cannot.
fn possible(backends: &[Backend], part: &str) -> Vec<Case> {
    let mut faults = Vec::new();
    for fault in Fault::ALL.into_iter().filter(|fault| fault.name().contains(part)) {
        match fault.missing() {
            None => faults.push(fault),
            Some(why) => println!("skipped: {} ({why})", fault.name()),
        }
    }
    let mut cases = Vec::new();
    for (at, backend) in backends.iter().enumerate() {
        let here = faults.iter().filter(|fault| fault.is_possible_on(backend.name()));
        cases.extend(here.map(|fault| Case {
            backend: at,
            fault: *fault,
        }));
    }
    cases
}

/// Which comes in this round: all in turn, in another order each time, so that few rounds see many faults.
fn case_of_round(possible: &[Case], seed: u64, round: u32) -> Case {
    let turn = (round as usize - 1) / possible.len();
    let at = (round as usize - 1) % possible.len();
    let mut order = possible.to_vec();
    fastrand::Rng::with_seed(seed.wrapping_add(turn as u64)).shuffle(&mut order);
    order[at]
}

fn print_table(rounds: &[Round]) {
    let mut kinds: BTreeMap<(&str, Fault), Vec<&Round>> = BTreeMap::new();
    for round in rounds {
        kinds
            .entry((round.database, round.fault))
            .or_default()
            .push(round);
    }
    println!(
        "{:<10}{:<26}{:>7}{:>11}{:>11}{:>12}{:>10}  verdict",
        "database", "fault", "rounds", "callbacks", "try again", "broken off", "longest"
    );
    for ((database, fault), rounds) in kinds {
        let sum = |of: fn(&Round) -> usize| rounds.iter().map(|round| of(round)).sum::<usize>();
        let longest = rounds.iter().map(|round| round.posting).max().unwrap_or_default();
        let is_right = rounds.iter().all(|round| round.faults.is_empty());
        println!(
            "{database:<10}{:<26}{:>7}{:>11}{:>11}{:>12}{:>8.1} s  {}",
            fault.name(),
            rounds.len(),
            sum(|round| round.callbacks),
            sum(Round::try_again),
            sum(|round| round.answers.broken),
            longest.as_secs_f64(),
            if is_right { "right" } else { "WRONG" }
        );
    }
}

/// What was wrong, and how to repeat it.
fn print_faults(rounds: &[Round], args: &TortureArgs) {
    for round in rounds.iter().filter(|round| !round.faults.is_empty()) {
        for fault in &round.faults {
            println!("FAULT in round {}: {fault}", round.number);
        }
        println!(
            "repeat it: loadtest torture --seed {} --round {} --database {} --fault '{}'",
            args.chance.seed,
            round.number,
            args.databases.database.as_str(),
            args.fault
        );
    }
}
