//! Causes planted in a provider's statements, and a key that says where.
//!
//! Three files are written as a provider exports them: of a day, of the next one, and of one a week later; and the
//! ledger is filled with what the provider told of the same days, through the door of genuine callbacks. One
//! payment in eight is planted: it was told of and has no row, its row has another amount, and so on. `key.csv`
//! says of each planted thing where it stands and which word of docs/spec/contract.md, section 2 it
//! must get. Then the files are
//! taken in, one on each morning after, and what is said of every row and receipt is held against the key: each
//! planted cause has its word, and nothing else has one.
//!
//! What no id holds together (a row without a notice, a receipt without a row, a lost reference) has an amount that
//! nothing else of its household has: two alike would be ambiguous by right, and then the key could name no cause.

mod check;
mod statement;

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use choso::notice::{Outgoing, Received, Sample, SampleKind, scheme};
use choso::simulate::Payee;
use choso::store::{Arrival, Store, WriterMemory};
use choso::vn::{Day, Dong, TimeMs};
use clap::Args;
use serde_json::json;

use crate::Result;
use crate::setup::{Cast, Draw, Which, temporary_folder};
use check::Verdict;
use statement::{Row, Spoilt, Statement, Style, moment};

/// The profile whose notices carry the bank's reference, many in one callback.
const PROFILE: (&str, &str) = ("casso", "secure_token");
/// The days of the files, after the first. A Monday, so that three working days end in the same week.
const DAYS: [i64; 3] = [0, 1, 7];
const STYLES: [Style; 3] = [
    Style {
        separator: ';',
        mark: '.',
    },
    Style {
        separator: ',',
        mark: ',',
    },
    Style {
        separator: '\t',
        mark: '.',
    },
];
/// Payments of each file, of ten.
const SHARES: [u64; 3] = [8, 1, 1];
/// One payment of so many is planted.
const ONE_IN: u64 = 8;
/// Notices in one callback, and callbacks kept in one transaction.
const NOTICES_AT_ONCE: usize = 512;
const CALLBACKS_AT_ONCE: usize = 8;
/// Common prices are so far from each other; what must be like nothing else has none of them.
const PRICE_STEP_VND: i64 = 5_000;
/// Of so many households each file has one group to itself for its lumps: a lump is a household's whole day.
const GROUPS: usize = 10;

/// What key.csv has in its columns. `kinds` holds one word, or several of which one must be said; none where
/// nothing is said, since the row changes nothing.
const KEY_COLUMNS: [&str; 6] = [
    "cause",
    "file",
    "row_number",
    "provider_txn_id",
    "amount_vnd",
    "kinds",
];

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    MissingNotice,
    MissingRow,
    DuplicateNotice,
    DuplicateRow,
    DuplicateRowLater,
    RepeatedRow,
    AmountOff,
    Late,
    Reversed,
    ReversedByReference,
    Lump,
    WrongAccount,
    UnknownAccount,
    WrongDirection,
    WrongDirectionWithoutId,
    DroppedId,
    DroppedReference,
    DroppedReferenceAndNote,
    DroppedReferenceAndTime,
    DroppedReferenceOfTwins,
    DroppedReferenceOfMany,
    SwappedAmount,
    SwappedReference,
    SwappedBothReferences,
    SwappedAccount,
    FeeWithoutVat,
    FeeTwice,
    BadRow(Spoilt),
}

use Cause::*;

const CAUSES: [Cause; 31] = [
    MissingNotice,
    MissingRow,
    DuplicateNotice,
    DuplicateRow,
    DuplicateRowLater,
    RepeatedRow,
    AmountOff,
    Late,
    Reversed,
    ReversedByReference,
    Lump,
    WrongAccount,
    UnknownAccount,
    WrongDirection,
    WrongDirectionWithoutId,
    DroppedId,
    DroppedReference,
    DroppedReferenceAndNote,
    DroppedReferenceAndTime,
    DroppedReferenceOfTwins,
    DroppedReferenceOfMany,
    SwappedAmount,
    SwappedReference,
    SwappedBothReferences,
    SwappedAccount,
    FeeWithoutVat,
    FeeTwice,
    BadRow(Spoilt::Groups),
    BadRow(Spoilt::Scientific),
    BadRow(Spoilt::Day),
    BadRow(Spoilt::Cut),
];

impl Cause {
    /// The word in key.csv.
    fn word(self) -> &'static str {
        match self {
            MissingNotice => "missing_notice",
            MissingRow => "missing_row",
            DuplicateNotice => "duplicate_notice",
            DuplicateRow => "duplicate_row",
            DuplicateRowLater => "duplicate_row_later",
            RepeatedRow => "repeated_row",
            AmountOff => "amount_off",
            Late => "late",
            Reversed => "reversed",
            ReversedByReference => "reversed_by_reference",
            Lump => "lump",
            WrongAccount => "wrong_account",
            UnknownAccount => "unknown_account",
            WrongDirection => "wrong_direction",
            WrongDirectionWithoutId => "wrong_direction_without_id",
            DroppedId => "dropped_id",
            DroppedReference => "dropped_reference",
            DroppedReferenceAndNote => "dropped_reference_and_note",
            DroppedReferenceAndTime => "dropped_reference_and_time",
            DroppedReferenceOfTwins => "dropped_reference_of_twins",
            DroppedReferenceOfMany => "dropped_reference_of_many",
            SwappedAmount => "swapped_amount",
            SwappedReference => "swapped_reference",
            SwappedBothReferences => "swapped_both_references",
            SwappedAccount => "swapped_account",
            FeeWithoutVat => "fee_without_vat",
            FeeTwice => "fee_twice",
            BadRow(_) => "bad_row",
        }
    }
}

/// Flags of `loadtest plant`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: loadtest plant --database both --rows 10000 --seed 1 --dir planted\n\
                  A million rows: cargo run --release -p loadtest -- plant --rows 1000000"
)]
pub struct PlantArgs {
    /// Which database to take the files in with
    #[arg(long, value_enum, default_value = "both")]
    database: Which,
    /// Payments of the three days together
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2_000..=1_000_000))]
    rows: u64,
    /// Seed of amounts, payees and what is planted where
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where statements, key.csv and exceptions.csv are written, a folder for each database [default: nowhere to stay]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Plants, takes in, compares and prints. False if a planted cause is named wrongly, or anything else is named.
pub fn run(args: &PlantArgs) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut is_right = true;
    for databases in args.database.databases()? {
        let temporary = temporary_folder()?;
        let files = args
            .dir
            .as_deref()
            .unwrap_or(temporary.path())
            .join(databases.kind());
        std::fs::create_dir_all(&files)?;
        let config = databases.config(temporary.path(), None)?;
        let sealing_key = config.sealing_key()?;
        let verdict = runtime.block_on(async {
            let store = Store::open(&config.database_url).await?;
            let started = Instant::now();
            plant(&store, &sealing_key, &files, args).await?;
            let planted_in = started.elapsed();
            let verdict = check::check(&store, &sealing_key, &files).await?;
            println!(
                "{}: {} payments planted in {:.1} s, taken in and checked in {:.1} s",
                databases.kind(),
                args.rows,
                planted_in.as_secs_f64(),
                (started.elapsed() - planted_in).as_secs_f64()
            );
            store.close().await;
            Result::<Verdict>::Ok(verdict)
        })?;
        verdict.print();
        is_right &= verdict.is_right();
    }
    Ok(is_right)
}

/// The day of the file with this number.
fn day_of(file: usize) -> Day {
    Day::ymd(2026, 3, 2).plus(DAYS[file])
}

/// The name of the file with this number.
fn file_name(file: usize) -> String {
    format!("statement-{}.csv", file + 1)
}

/// Fills an empty database, and a folder with the statements and their key.
async fn plant(
    store: &Store,
    sealing_key: &choso::access::SealingKey,
    folder: &Path,
    args: &PlantArgs,
) -> Result<()> {
    let scheme = scheme(PROFILE.0, Some(PROFILE.1))?;
    // Lumps want households that have no other cause.
    let households = usize::try_from(args.rows / 10)?.min(20_000);
    let cast = Cast::fill(store, sealing_key, scheme, households, args.seed).await?;
    let mut maker = Maker::new(&cast, folder, args.seed)?;
    let mut memory = WriterMemory::default();
    for (file, share) in SHARES.iter().enumerate() {
        let payments = args.rows * share / 10;
        let opening_ms = day_of(file).start().0 + 6 * 3_600_000;
        for number in 0..payments {
            // From six in the morning to ten in the evening, in whole seconds as notices and files have them.
            let second = (number * 57_600 / payments) as i64;
            let at = TimeMs(opening_ms + second * 1_000);
            match number % ONE_IN {
                0 => maker.plant(CAUSES[(number / ONE_IN) as usize % CAUSES.len()], file, at)?,
                _ => maker.payment(file, at)?,
            }
            if maker.notices.len() >= NOTICES_AT_ONCE * CALLBACKS_AT_ONCE {
                maker.post(store, &mut memory, at).await?;
            }
        }
        maker
            .post(store, &mut memory, TimeMs(opening_ms + 57_600_000))
            .await?;
    }
    maker.finish()
}

/// A payment that happened, whoever tells of it.
#[derive(Debug, Clone)]
struct Paid {
    payee: usize,
    amount_vnd: i64,
    at: TimeMs,
    txn: String,
    bank_ref: String,
}

struct Maker<'a> {
    cast: &'a Cast,
    draw: Draw,
    statements: Vec<Statement>,
    key: csv::Writer<File>,
    /// What the provider told and the ledger was not given yet.
    notices: Vec<serde_json::Value>,
    /// Household and amount of what no id holds together.
    alone: HashSet<(usize, i64)>,
    /// Payments so far; ids are made of it.
    count: u64,
    /// Lumps of each file so far.
    lumps: [usize; SHARES.len()],
}

impl<'a> Maker<'a> {
    fn new(cast: &'a Cast, folder: &Path, seed: u64) -> Result<Maker<'a>> {
        let statement = |(file, style): (usize, &Style)| {
            let days = (day_of(file.saturating_sub(1)), day_of(file));
            Statement::create(&folder.join(file_name(file)), *style, days)
        };
        let mut file = File::create(folder.join("key.csv"))?;
        std::io::Write::write_all(&mut file, b"\xef\xbb\xbf")?;
        let mut key = csv::Writer::from_writer(file);
        key.write_record(KEY_COLUMNS)?;
        Ok(Maker {
            cast,
            draw: Draw::new(seed),
            statements: STYLES.iter().enumerate().map(statement).collect::<Result<_>>()?,
            key,
            notices: Vec::new(),
            alone: HashSet::new(),
            count: 0,
            lumps: [0; SHARES.len()],
        })
    }

    fn payees(&self) -> &'a [Payee] {
        self.cast.payees()
    }

    fn finish(mut self) -> Result<()> {
        self.key.flush()?;
        self.statements.into_iter().try_for_each(Statement::finish)
    }

    /// Gives the ledger what the provider told up to now, as genuine callbacks.
    async fn post(&mut self, store: &Store, memory: &mut WriterMemory, now: TimeMs) -> Result<()> {
        let sample = Sample {
            kind: SampleKind::Payment,
            number: 0,
            payment_number: 0,
            amount: Dong::new(1),
            bank_bin: String::new(),
            account_number: String::new(),
            stall_code: String::new(),
            occurred_at: now,
        };
        let proven = self.cast.provider().compose(&sample, now)?;
        let mut arrivals = Vec::new();
        for told in std::mem::take(&mut self.notices).chunks(NOTICES_AT_ONCE) {
            let body = json!({ "error": 0, "data": told }).to_string();
            let callback = Outgoing {
                body,
                ..proven.clone()
            };
            let received = callback.with_request(|request| self.cast.provider().receive(request, None));
            match received {
                Ok(Received::Notices(delivery)) => arrivals.push(Arrival {
                    delivery,
                    received_at: now,
                }),
                other => return Err(format!("the provider's own callback is not taken: {other:?}").into()),
            }
        }
        if !arrivals.is_empty() {
            store.post(&arrivals, memory).await?;
        }
        Ok(())
    }

    /// A payment with ids of its own.
    fn paid(&mut self, payee: usize, amount_vnd: i64, at: TimeMs) -> Paid {
        self.count += 1;
        Paid {
            payee,
            amount_vnd,
            at,
            txn: with_check_digits(1_000_000_000 + self.count).to_string(),
            bank_ref: format!("FT{}", with_check_digits(2_000_000_000 + self.count)),
        }
    }

    /// A payment that ids hold together, at a price as they are common.
    fn usual(&mut self, at: TimeMs) -> Paid {
        let payee = self.draw.below(self.payees().len() as u64) as usize;
        let amount_vnd = PRICE_STEP_VND * (4 + self.draw.below(60)) as i64;
        self.paid(payee, amount_vnd, at)
    }

    /// A payment that nothing else is like, in a household without lumps.
    fn alone(&mut self, at: TimeMs) -> Paid {
        loop {
            let payee = self.draw.below(self.payees().len() as u64) as usize;
            let amount_vnd = 1_000 * (20 + self.draw.below(980)) as i64;
            let is_usual = amount_vnd % PRICE_STEP_VND == 0;
            if payee % GROUPS >= SHARES.len() && !is_usual && self.alone.insert((payee, amount_vnd)) {
                return self.paid(payee, amount_vnd, at);
            }
        }
    }

    /// A payment at one of few prices in one of few households: a stall that sells the same all day.
    fn one_of_many(&mut self, at: TimeMs) -> Paid {
        let payee = SHARES.len() + self.draw.below(5) as usize;
        let amount_vnd = PRICE_STEP_VND * (4 + self.draw.below(4)) as i64;
        self.paid(payee, amount_vnd, at)
    }

    fn tell(&mut self, paid: &Paid) {
        let payee = &self.payees()[paid.payee];
        self.tell_other(paid, paid.amount_vnd, &payee.account_number);
    }

    fn tell_other(&mut self, paid: &Paid, amount_vnd: i64, account_number: &str) {
        let payee = &self.payees()[paid.payee];
        self.notices.push(json!({
            "id": paid.txn.parse::<u64>().unwrap_or_default(),
            "tid": paid.bank_ref,
            "description": format!("{} tien hang", payee.stall_code),
            "amount": amount_vnd,
            "when": paid.at.iso()[..19].replace('T', " "),
            "subAccId": account_number,
        }));
    }

    /// The row that belongs to a payment.
    fn row_of(&self, paid: &Paid) -> Row {
        let payee = &self.payees()[paid.payee];
        Row {
            when: moment(paid.at),
            txn: paid.txn.clone(),
            bank_ref: paid.bank_ref.clone(),
            account: payee.account_number.clone(),
            note: format!("{} tien hang", payee.stall_code),
            ..Row::new(paid.amount_vnd)
        }
    }

    /// Writes a row and notes in the key what must be said of it.
    fn planted_row(&mut self, cause: Cause, file: usize, row: &Row, kinds: &str) -> Result<()> {
        let line = self.statements[file].row(row)?;
        self.note(cause, Some((file, line)), &row.txn, row.amount_vnd.abs(), kinds)
    }

    /// Notes what must be said of a row, or of a receipt or notice that has none.
    fn note(
        &mut self,
        cause: Cause,
        row: Option<(usize, u64)>,
        txn: &str,
        amount_vnd: i64,
        kinds: &str,
    ) -> Result<()> {
        let (file, line) = row.unzip();
        let file = file.map_or(String::new(), |file| (file + 1).to_string());
        let line = line.map_or(String::new(), |line| line.to_string());
        let amount = amount_vnd.to_string();
        Ok(self
            .key
            .write_record([cause.word(), &file, &line, txn, &amount, kinds])?)
    }

    /// A payment as nearly all are: told of, and listed.
    fn payment(&mut self, file: usize, at: TimeMs) -> Result<()> {
        let paid = self.usual(at);
        self.tell(&paid);
        let row = self.row_of(&paid);
        self.statements[file].row(&row).map(drop)
    }

    fn plant(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let later = file + 1;
        let needs_later = matches!(cause, Late | DuplicateRowLater | RepeatedRow);
        if needs_later && later == SHARES.len() {
            return self.payment(file, at);
        }
        match cause {
            Lump => self.plant_lump(file, at),
            DroppedReferenceOfTwins => self.plant_twins(file, at),
            MissingNotice | MissingRow | BadRow(_) | Late => self.plant_half(cause, file, at),
            DuplicateNotice | DuplicateRow | DuplicateRowLater | RepeatedRow => {
                self.plant_again(cause, file, at)
            }
            Reversed | ReversedByReference | WrongDirection | WrongDirectionWithoutId => {
                self.plant_out(cause, file, at)
            }
            UnknownAccount => {
                let paid = self.usual(at);
                let account = format!("99{:08}", self.count);
                self.tell_other(&paid, paid.amount_vnd, &account);
                let row = Row {
                    account,
                    ..self.row_of(&paid)
                };
                self.planted_row(cause, file, &row, "unknown_account")
            }
            _ => self.plant_changed(cause, file, at),
        }
    }

    /// Only one of notice and row, or the row somewhere else.
    fn plant_half(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let paid = self.alone(at);
        let row = self.row_of(&paid);
        let without_row = |maker: &mut Self| {
            maker.tell(&paid);
            maker.note(cause, None, &paid.txn, paid.amount_vnd, "missing_in_statement")
        };
        match cause {
            MissingNotice => self.planted_row(cause, file, &row, "missing_notice"),
            BadRow(how) => {
                let line = self.statements[file].spoilt(&row, how)?;
                self.note(cause, Some((file, line)), "", 0, "bad_row")?;
                without_row(self)
            }
            Late => {
                self.tell(&paid);
                self.planted_row(cause, file + 1, &row, "matched_auto")
            }
            _ => without_row(self),
        }
    }

    /// The same once more, with other content or the same.
    fn plant_again(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let paid = self.usual(at);
        let row = self.row_of(&paid);
        self.tell(&paid);
        self.statements[file].row(&row)?;
        match cause {
            DuplicateNotice => {
                let payee = &self.payees()[paid.payee];
                let other_vnd = paid.amount_vnd + 10_000;
                self.tell_other(&paid, other_vnd, &payee.account_number);
                self.note(cause, None, &paid.txn, other_vnd, "duplicate_notice")
            }
            DuplicateRow => self.planted_row(cause, file, &row, "duplicate_row"),
            DuplicateRowLater => {
                let row = Row {
                    note: format!("{} lan 2", row.note),
                    ..row
                };
                self.planted_row(cause, file + 1, &row, "duplicate_row")
            }
            // Word for word what another file said: it is not kept twice.
            _ => self.planted_row(cause, file + 1, &row, ""),
        }
    }

    /// Money that went back, or has the wrong sign.
    fn plant_out(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let paid = match cause {
            WrongDirectionWithoutId => self.alone(at),
            _ => self.usual(at),
        };
        let row = self.row_of(&paid);
        self.tell(&paid);
        match cause {
            Reversed => {
                self.statements[file].row(&row)?;
                self.planted_row(cause, file, &row.out("Hoàn tiền", paid.amount_vnd), "reversed")
            }
            ReversedByReference => {
                self.statements[file].row(&row)?;
                let own = self.paid(paid.payee, paid.amount_vnd, at);
                let back = Row {
                    txn: own.txn,
                    ..row.out("Hoàn tiền", paid.amount_vnd / 2)
                };
                self.planted_row(cause, file, &back, "reversed")
            }
            WrongDirection => self.planted_row(
                cause,
                file,
                &row.out("Ghi nợ", paid.amount_vnd),
                "wrong_direction",
            ),
            _ => {
                let debit = Row {
                    txn: String::new(),
                    bank_ref: String::new(),
                    ..row.out("Ghi nợ", paid.amount_vnd)
                };
                self.planted_row(cause, file, &debit, "wrong_direction")
            }
        }
    }

    /// Told of and listed, but something is different.
    fn plant_changed(&mut self, cause: Cause, file: usize, at: TimeMs) -> Result<()> {
        let is_tied = !matches!(
            cause,
            DroppedId
                | DroppedReference
                | DroppedReferenceAndNote
                | DroppedReferenceAndTime
                | SwappedReference
                | SwappedBothReferences
        );
        let paid = match cause {
            DroppedReferenceOfMany => self.one_of_many(at),
            _ if is_tied => self.usual(at),
            _ => self.alone(at),
        };
        self.tell(&paid);
        let row = self.row_of(&paid);
        let none = String::new;
        let (row, kinds) = match cause {
            AmountOff => {
                let off_vnd = 1_000 * (1 + self.draw.below(9)) as i64;
                let amount_vnd = match self.draw.below(2) {
                    0 => paid.amount_vnd + off_vnd,
                    _ => paid.amount_vnd - off_vnd,
                };
                (with_amount(row, amount_vnd), "amount_differs")
            }
            // 40.000 has no two digits that can change places; then it is a payment as any other.
            SwappedAmount | SwappedReference | SwappedBothReferences | SwappedAccount => {
                match with_swapped(cause, &row) {
                    Some(changed) => changed,
                    None => return self.statements[file].row(&row).map(drop),
                }
            }
            WrongAccount => {
                let other = (paid.payee + 1) % self.payees().len();
                let account = self.payees()[other].account_number.clone();
                (Row { account, ..row }, "unknown_account")
            }
            DroppedId => (Row { txn: none(), ..row }, "matched_auto"),
            DroppedReference => (nameless(row), "matched_auto"),
            DroppedReferenceAndNote => (
                Row {
                    note: "tien hang".to_owned(),
                    ..nameless(row)
                },
                "matched_auto",
            ),
            DroppedReferenceAndTime => (
                Row {
                    when: Day::of(at).show(),
                    ..nameless(row)
                },
                "matched_auto",
            ),
            // Its likes are told apart by their times, if at all; a person may have to.
            DroppedReferenceOfMany => {
                let mut row = nameless(row);
                if self.draw.below(2) == 0 {
                    row.when = Day::of(at).show();
                }
                if self.draw.below(2) == 0 {
                    "tien hang".clone_into(&mut row.note);
                }
                (row, "matched_auto|ambiguous")
            }
            FeeTwice => {
                let net_vnd = row.net_vnd - row.fee_vnd;
                (Row { net_vnd, ..row }, "fee_differs")
            }
            _ => {
                let net_vnd = row.net_vnd + row.vat_vnd;
                (Row { net_vnd, ..row }, "fee_differs")
            }
        };
        self.planted_row(cause, file, &row, kinds)
    }

    /// Two payments alike in everything but their ids, and one row that names neither.
    fn plant_twins(&mut self, file: usize, at: TimeMs) -> Result<()> {
        let first = self.alone(at);
        let second = self.paid(first.payee, first.amount_vnd, TimeMs(at.0 + 60_000));
        self.tell(&first);
        self.tell(&second);
        let row = nameless(self.row_of(&first));
        self.planted_row(DroppedReferenceOfTwins, file, &row, "ambiguous")
    }

    /// One row for several payments of a household that has no other cause on that day; where all such have
    /// theirs, a payment as any other.
    fn plant_lump(&mut self, file: usize, at: TimeMs) -> Result<()> {
        let payee = self.lumps[file] * GROUPS + file;
        if payee >= self.payees().len() {
            return self.payment(file, at);
        }
        self.lumps[file] += 1;
        let count = 2 + self.draw.below(7);
        let mut sum_vnd = 0;
        let mut last = None;
        for _ in 0..count {
            let amount_vnd = 1_000 * (20 + self.draw.below(980)) as i64;
            let paid = self.paid(payee, amount_vnd, at);
            self.tell(&paid);
            sum_vnd += amount_vnd;
            last = Some(paid);
        }
        let Some(last) = last else { return Ok(()) };
        let row = nameless(self.row_of(&last));
        let row = Row {
            when: format!("{} 22:30:00", Day::of(at).show()),
            bank_ref: format!("LO{}", last.txn),
            note: "Ket chuyen".to_owned(),
            ..with_amount(row, sum_vnd)
        };
        self.planted_row(Lump, file, &row, "lump")
    }
}

/// The number with two digits behind it that make it leave 1 when it is divided by 97, as in numbers of accounts:
/// with one digit wrong, or two neighbours in each other's place, it is no other number of this kind.
fn with_check_digits(number: u64) -> u64 {
    number * 100 + 98 - number * 100 % 97
}

/// The row without what names its payment.
fn nameless(row: Row) -> Row {
    Row {
        txn: String::new(),
        bank_ref: String::new(),
        ..row
    }
}

/// The row with another amount, and the fee of that amount.
fn with_amount(row: Row, amount_vnd: i64) -> Row {
    let Row {
        amount_vnd,
        fee_vnd,
        vat_vnd,
        net_vnd,
        ..
    } = Row::new(amount_vnd);
    Row {
        amount_vnd,
        fee_vnd,
        vat_vnd,
        net_vnd,
        ..row
    }
}

/// The row with two digits in each other's place, and what must be said of it; none if no two can change.
fn with_swapped(cause: Cause, row: &Row) -> Option<(Row, &'static str)> {
    let mut changed = row.clone();
    match cause {
        SwappedAmount => {
            let amount_vnd = swapped(&row.amount_vnd.to_string())?.parse().ok()?;
            return Some((with_amount(changed, amount_vnd), "amount_differs"));
        }
        SwappedAccount => {
            changed.account = swapped(&row.account)?;
            return Some((changed, "unknown_account"));
        }
        SwappedBothReferences => changed.bank_ref = swapped(&row.bank_ref)?,
        _ => {}
    }
    changed.txn = swapped(&row.txn)?;
    Some((changed, "matched_auto"))
}

/// The text with its first two different neighbouring digits in each other's place, none of them 0.
fn swapped(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let is_fit = |pair: &[u8]| pair[0] != pair[1] && pair.iter().all(|b| matches!(b, b'1'..=b'9'));
    let at = bytes.windows(2).position(is_fit)?;
    bytes.swap(at, at + 1);
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_digits_make_another_text_that_is_nobodys_id() {
        assert_eq!(swapped("240000").as_deref(), Some("420000"));
        assert_eq!(swapped("FT2000012").as_deref(), Some("FT2000021"));
        assert_eq!(swapped("1000000300"), None, "a number keeps its length");
        for count in 0..20_000 {
            let id = with_check_digits(1_000_000_000 + count);
            assert_eq!(id % 97, 1);
            let other: Option<u64> = swapped(&id.to_string()).and_then(|text| text.parse().ok());
            assert!(other.is_none_or(|other| other != id && other % 97 != 1), "{id}");
        }
    }
}
