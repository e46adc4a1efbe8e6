//! The files taken in as on the mornings after their days, and what is said then held against the key.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use choso::access::SealingKey;
use choso::reconcile::{FindingKind, RunSummary};
use choso::settlement::{
    ImportError, Imported, Reconciler, StatementFile, audit, exceptions_csv, listed_exceptions,
};
use choso::statement::propose;
use choso::store::Store;
use choso::vn::{TimeMs, WorkingCalendar};

use super::dialect::{Dialect, Direction};
use super::files::{BALANCED_ROWS, FILES, PROFILE, RIGHT_BALANCES, WRONG_BALANCES, WRONG_ROW, day_of};
use super::key::{Place, Planted, read_key};
use super::statement::HEADER_LINE;
use crate::error::Result;
use crate::payment_source::PROVIDER;

/// So many days after the last file every deadline is over.
const DAYS_TO_DEADLINE: i64 = 14;
/// Faults that are printed; further ones are counted.
const FAULTS_SHOWN: usize = 20;

/// What became of what was planted.
#[derive(Debug, Default)]
pub struct Verdict {
    /// By cause: how many were planted, and how many of them are named wrongly.
    causes: BTreeMap<String, (u64, u64)>,
    /// Rows that were kept.
    rows: i64,
    /// Sentences: what is wrong, the first of them.
    faults: Vec<String>,
    faults_in_all: u64,
}

impl Verdict {
    /// Whether every planted cause is named rightly and nothing else is named.
    pub fn is_right(&self) -> bool {
        self.faults_in_all == 0 && !self.causes.is_empty()
    }

    /// Prints a line for each cause, and what is wrong.
    pub fn print(&self) {
        println!("{:<28} planted  rightly  wrongly", "cause");
        for (cause, (planted, wrong)) in &self.causes {
            println!("{cause:<28} {planted:>7}  {:>7}  {wrong:>7}", planted - wrong);
        }
        for fault in &self.faults {
            println!("WRONG: {fault}");
        }
        let planted: u64 = self.causes.values().map(|(planted, _)| planted).sum();
        match self.faults_in_all {
            0 => println!(
                "{planted} planted among {} rows, all named rightly, no other one named",
                self.rows
            ),
            faults => println!("{faults} faults"),
        }
    }

    fn fault(&mut self, fault: String) {
        self.faults_in_all += 1;
        if self.faults.len() < FAULTS_SHOWN {
            self.faults.push(fault);
        }
    }

    fn want<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, wanted: T) {
        if found != wanted {
            self.fault(format!("{what}: {found:?}, wanted {wanted:?}"));
        }
    }
}

/// The words of the exceptions, by what the key knows of them.
type Said = HashMap<Place, Vec<String>>;

/// Takes the files of a folder in, and holds what is said against its key. Writes exceptions.csv beside them.
pub async fn check(
    store: &Store,
    sealing_key: &SealingKey,
    folder: &Path,
    dialects: &[Dialect; FILES],
) -> Result<Verdict> {
    let key = read_key(folder)?;
    let mut verdict = Verdict::default();
    let calendar = WorkingCalendar::default();
    let taken = {
        let inbox = Inbox {
            store,
            folder,
            calendar: &calendar,
        };
        inbox.try_balances(&mut verdict).await?;
        inbox.take_in(dialects, &mut verdict).await?
    };
    check_counts(&key, &taken, &mut verdict);
    let last = FILES - 1;
    let days = (day_of(0), day_of(last));
    let overdue = morning(DAYS_TO_DEADLINE, last);
    let reconciler = |now| Reconciler {
        store,
        calendar: &calendar,
        now,
    };
    let view = reconciler(overdue).reconcile_days(PROVIDER, days).await?;
    let listed = listed_exceptions(store, PROVIDER, Some(days), &view.exceptions).await?;
    let text = exceptions_csv(&listed)?;
    std::fs::write(folder.join("exceptions.csv"), &text)?;
    let (said, rows_with_exception) = read_exceptions(&text)?;
    compare(&key, said, &mut verdict);
    let plain_rows = taken.rows - rows_with_exception;
    check_summary(&key, &view.summary, plain_rows, &mut verdict);
    // The day before the deadline a receipt without a row still waits, and is no exception.
    let last_day = (day_of(last), day_of(last));
    let early = reconciler(morning(1, last))
        .compare_days(PROVIDER, last_day)
        .await?;
    let late = reconciler(overdue).compare_days(PROVIDER, last_day).await?;
    verdict.want(
        "receipts that wait for their row",
        early.summary.by_kind.get(&FindingKind::AwaitingStatement),
        late.summary.by_kind.get(&FindingKind::MissingInStatement),
    );
    let recount = store.recount().await?;
    verdict.want("counters that agree", recount.counters_agree, true);
    verdict.want("conservation", recount.conservation_holds, true);
    let audited = audit(store, sealing_key, |_| {}).await?;
    verdict.want("breaks of the chain of evidence", audited.broken, None);
    Ok(verdict)
}

/// What the files came to when they were taken in.
#[derive(Debug, Default)]
struct Taken {
    /// Rows that were kept.
    rows: i64,
    /// Rows that another file had.
    repeated: i64,
    /// Rows that cannot be read.
    bad: i64,
    /// Receipts posted from rows.
    posted: i64,
}

/// Hands in files as a clerk does.
struct Inbox<'a> {
    store: &'a Store,
    folder: &'a Path,
    calendar: &'a WorkingCalendar,
}

impl Inbox<'_> {
    /// A file, with the mapping that is proposed for it: a person looks at each new shape and agrees.
    fn statement(&self, name: String, is_trial: bool) -> Result<StatementFile> {
        let path = self.folder.join(&name);
        let proposal = propose(&mut File::open(&path)?, PROFILE)?;
        if let Some(lacks) = proposal.lacks {
            return Err(format!("{name}: {lacks}").into());
        }
        Ok(StatementFile {
            provider_id: PROVIDER.to_owned(),
            profile: PROFILE.to_owned(),
            path,
            name,
            mapping: Some(proposal.mapping),
            by: "loadtest".to_owned(),
            is_trial,
        })
    }

    fn reconciler(&self, file: usize) -> Reconciler<'_> {
        Reconciler {
            store: self.store,
            calendar: self.calendar,
            now: morning(1, file),
        }
    }

    /// A file whose balances lead from row to row is read and proved; one whose do not is refused by the row, and
    /// nothing of it stays.
    async fn try_balances(&self, verdict: &mut Verdict) -> Result<()> {
        let right = self.statement(RIGHT_BALANCES.to_owned(), true)?;
        let wrong = self.statement(WRONG_BALANCES.to_owned(), false)?;
        let proved = match self.reconciler(0).import_statement(&right, |_| {}).await? {
            Imported::Kept(taken) => taken.file.proved,
            Imported::Known { .. } => 0,
        };
        verdict.want("rows that their balances prove", proved, BALANCED_ROWS - 1);
        let said = match self.reconciler(0).import_statement(&wrong, |_| {}).await {
            Err(ImportError::Statement(error)) => error.sentence().en.into_owned(),
            Err(error) => error.to_string(),
            Ok(_) => "taken in".to_owned(),
        };
        let names_the_row = said.contains(&format!("Row {}:", HEADER_LINE + WRONG_ROW));
        verdict.want(
            "a row that its balance contradicts is named",
            (names_the_row, said.as_str()),
            (true, said.as_str()),
        );
        Ok(())
    }

    /// Takes each file in on the morning after its day.
    async fn take_in(&self, dialects: &[Dialect; FILES], verdict: &mut Verdict) -> Result<Taken> {
        let mut all = Taken::default();
        for (file, dialect) in dialects.iter().enumerate() {
            let statement = self.statement(dialect.file_name(file + 1), false)?;
            let imported = self.reconciler(file).import_statement(&statement, |_| {}).await?;
            let Imported::Kept(taken) = imported else {
                return Err(format!("{} was known before", statement.name).into());
            };
            verdict.want("days that add up", taken.summary.adds_up(), true);
            let totals = taken.file.totals.iter().filter(|total| total.agrees).count();
            let wanted = 4 + usize::from(dialect.direction == Direction::Sides);
            verdict.want("totals at the foot that agree", totals, wanted);
            all.rows += taken.totals.rows.0;
            all.repeated += taken.totals.repeated.0;
            all.bad += taken.totals.bad;
            all.posted += taken.posted as i64;
        }
        Ok(all)
    }
}

fn check_counts(key: &[Planted], taken: &Taken, verdict: &mut Verdict) {
    let repeated = key.iter().filter(|planted| planted.kinds.is_empty()).count();
    let count = |kind| key.iter().filter(|planted| planted.is(kind)).count() as i64;
    verdict.rows = taken.rows;
    verdict.want("rows that another file had", taken.repeated, repeated as i64);
    verdict.want("rows that cannot be read", taken.bad, count(FindingKind::BadRow));
    verdict.want(
        "receipts posted from rows",
        taken.posted,
        count(FindingKind::MissingNotice),
    );
}

/// Nine in the morning, so many days after the day of this file.
fn morning(after: i64, file: usize) -> TimeMs {
    TimeMs(day_of(file).plus(after).start().0 + 9 * 3_600_000)
}

/// The exceptions by what the key knows of them, and how many of them are readable rows.
fn read_exceptions(text: &[u8]) -> Result<(Said, i64)> {
    let mut said = Said::new();
    let mut of_rows = 0;
    for record in csv::Reader::from_reader(text).records() {
        let record = record?;
        let cell = |at: usize| record.get(at).unwrap_or_default().to_owned();
        let kind = cell(0);
        let row_number = cell(4);
        of_rows += i64::from(!row_number.is_empty() && kind != FindingKind::BadRow.as_str());
        let place = Place {
            row_number,
            // An id that a spreadsheet would change has an apostrophe in front.
            txn: cell(1).trim_start_matches('\'').to_owned(),
            amount_vnd: cell(2).parse()?,
        };
        said.entry(place).or_default().push(kind);
    }
    Ok((said, of_rows))
}

/// Each planted exception has its word, and no word is left over.
fn compare(key: &[Planted], mut said: Said, verdict: &mut Verdict) {
    let mut wrong = Vec::new();
    for planted in key.iter().filter(|planted| planted.is_exception()) {
        let at = planted.place();
        let words = said.entry(at).or_default();
        match words.iter().position(|word| planted.kinds.contains(word)) {
            Some(place) => drop(words.swap_remove(place)),
            None => wrong.push(planted),
        }
    }
    // A word that is left over may be the wrong word of something planted; otherwise it is one too many.
    let others = key.iter().filter(|planted| !planted.is_exception());
    let mut named_wrongly: Vec<(&Planted, String)> = Vec::new();
    for (planted, is_exception) in wrong
        .into_iter()
        .map(|p| (p, true))
        .chain(others.map(|p| (p, false)))
    {
        let at = planted.place();
        match said.get_mut(&at).and_then(Vec::pop) {
            Some(word) if planted.kinds.contains(&word) => {}
            Some(word) => named_wrongly.push((planted, word)),
            None if is_exception => named_wrongly.push((planted, "nothing".to_owned())),
            None => {}
        }
    }
    for planted in key {
        verdict.causes.entry(planted.cause.clone()).or_default().0 += 1;
    }
    for (planted, word) in named_wrongly {
        verdict.causes.entry(planted.cause.clone()).or_default().1 += 1;
        let wanted = planted.kinds.join(" or ");
        verdict.fault(format!(
            "{} (row {}, id {}): {word} is said, wanted {wanted}",
            planted.cause, planted.row_number, planted.txn
        ));
    }
    let mut left: Vec<_> = said.into_iter().filter(|(_, words)| !words.is_empty()).collect();
    left.sort();
    for (place, words) in left {
        let Place {
            row_number,
            txn,
            amount_vnd,
        } = place;
        verdict.fault(format!(
            "row {row_number}, id {txn}, {amount_vnd} đồng: {words:?} is said, nothing was planted there"
        ));
    }
}

/// What is no exception: lumps as they were planted, and all other rows agree; nothing is ignored or waits.
fn check_summary(key: &[Planted], summary: &RunSummary, plain_rows: i64, verdict: &mut Verdict) {
    let tally = |kind: FindingKind| summary.by_kind.get(&kind).copied().unwrap_or_default();
    let lumps = key.iter().filter(|planted| planted.is(FindingKind::Lump));
    let (count, amount_vnd) = lumps.fold((0, 0), |(count, sum), lump| {
        (count + 1, sum + i128::from(lump.amount_vnd))
    });
    verdict.want("days that add up", summary.adds_up(), true);
    let found = tally(FindingKind::Lump);
    verdict.want(
        "lumps",
        (found.count as i64, found.amount_vnd),
        (count, amount_vnd),
    );
    verdict.want(
        "rows that agree",
        tally(FindingKind::MatchedAuto).count as i64,
        plain_rows - count,
    );
    verdict.want("rows that are ignored", summary.ignored.count, 0);
    verdict.want(
        "receipts that still wait",
        tally(FindingKind::AwaitingStatement).count,
        0,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(cause: &str, row_number: &str, txn: &str, kinds: &[&str]) -> Planted {
        Planted {
            cause: cause.to_owned(),
            row_number: row_number.to_owned(),
            txn: txn.to_owned(),
            amount_vnd: 20_000,
            kinds: kinds.iter().map(|&kind| kind.to_owned()).collect(),
        }
    }

    /// What a key makes of these exceptions: the causes named wrongly, and how many faults there are.
    fn verdict(key: &[Planted], exceptions: &[(&str, &str, &str)]) -> (Vec<String>, u64) {
        let mut text = "kind,provider_txn_id,amount_vnd,business_date,row_number,sentence\n".to_owned();
        for (kind, txn, row_number) in exceptions {
            text.push_str(&format!(
                "{kind},{txn},20000,2026-03-02,{row_number},\"Một câu, có dấu.\"\n"
            ));
        }
        let (said, _) = read_exceptions(text.as_bytes()).unwrap();
        let mut verdict = Verdict::default();
        compare(key, said, &mut verdict);
        let wrong = verdict.causes.iter().filter(|(_, (_, wrong))| *wrong > 0);
        (
            wrong.map(|(cause, _)| cause.clone()).collect(),
            verdict.faults_in_all,
        )
    }

    #[test]
    fn only_the_words_of_the_key_are_right() {
        let key = [
            planted("amount_off", "6", "1", &["amount_differs"]),
            planted("missing_row", "", "2", &["missing_in_statement"]),
            planted("dropped", "8", "", &["matched_auto", "ambiguous"]),
            planted("late", "9", "3", &["matched_auto"]),
            planted("repeated", "10", "4", &[]),
        ];
        let right = [("amount_differs", "1", "6"), ("missing_in_statement", "2", "")];
        let with = |more: &[(&'static str, &'static str, &'static str)]| [&right[..], more].concat();
        let wrong =
            |causes: &[&str], faults| (causes.iter().map(|&c| c.to_owned()).collect::<Vec<_>>(), faults);
        assert_eq!(verdict(&key, &right), wrong(&[], 0));
        assert_eq!(verdict(&key, &with(&[("ambiguous", "", "8")])), wrong(&[], 0));
        assert_eq!(
            verdict(&key, &right[1..]),
            wrong(&["amount_off"], 1),
            "said nothing"
        );
        assert_eq!(verdict(&key, &with(&[("lump", "", "8")])), wrong(&["dropped"], 1));
        assert_eq!(
            verdict(&key, &with(&[("date_differs", "3", "9")])),
            wrong(&["late"], 1)
        );
        assert_eq!(
            verdict(&key, &with(&[("duplicate_row", "4", "10")])),
            wrong(&["repeated"], 1)
        );
        let other = [("date_differs", "1", "6"), right[1]];
        assert_eq!(verdict(&key, &other), wrong(&["amount_off"], 1), "another word");
        assert_eq!(
            verdict(&key, &with(&[("missing_notice", "5", "7")])),
            wrong(&[], 1),
            "a false one"
        );
        assert_eq!(verdict(&key, &with(&right[..1])), wrong(&[], 1), "said twice");
    }

    #[test]
    fn what_is_no_exception_has_to_add_up() {
        let key = [planted("lump", "7", "", &["lump"])];
        let tally = |count| choso::reconcile::Tally {
            count,
            amount_vnd: 20_000 * i128::from(count),
        };
        let faults = |lumps, matched, ignored| {
            let mut summary = RunSummary {
                rows: tally(lumps + matched + ignored),
                matched: tally(lumps + matched),
                ignored: tally(ignored),
                ..RunSummary::default()
            };
            summary.by_kind.insert(FindingKind::Lump, tally(lumps));
            summary.by_kind.insert(FindingKind::MatchedAuto, tally(matched));
            let mut verdict = Verdict::default();
            check_summary(&key, &summary, 10, &mut verdict);
            verdict.faults_in_all
        };
        assert_eq!(faults(1, 9, 0), 0);
        assert_eq!(faults(0, 10, 0), 2, "a lump was matched as one payment");
        assert_eq!(faults(2, 8, 0), 2, "a payment was taken for a lump");
        assert_eq!(faults(1, 8, 1), 2, "a payment was ignored");
    }
}
