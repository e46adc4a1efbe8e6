//! What matching compares for some days of a provider: receipts, notices and refunds on one side, rows that are
//! kept and rows that are new on the other.

mod quiet;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::{AssertSqlSafe, QueryBuilder};

use super::super::ledger::{REFUND_NOTIFIED, RegisterMemory};
use super::super::packed::{Records, packed};
use super::super::{Result, Store, StoreError, Tx, day_of, dialect, on_tx};
use super::casework::{DecisionView, decisions_of_days, decisions_of_rows};
use super::closes::closed_days;
use super::far::{FarPair, far_pairs, rows_of_receipts};
use super::{INSERT_ROWS_MAX, PLACE_BITS};
use crate::ledger::{AttributionFacts, LedgerNo, Reason, attribute};
use crate::notice::Details;
use crate::reconcile::{
    DayReceipt, Decided, DecisionState, Key128, Kind, NoticeSide, NoticeState, Payee, ReceiptSide,
    RefundSide, RowSide, Sides, bank_ref_key, refund_key, row_keys, txn_key,
};
use crate::statement::{RowKind, RowStatus};
use crate::vn::{Day, TimeMs};
use quiet::{Concern, Met, Resting, restless};

/// Rows read at once.
const PAGE_ROWS: i64 = 20_000;

/// Whom a row names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PayeeName {
    /// Bank of the payee account, or empty.
    pub bank_bin: String,
    /// Payee account, or empty.
    pub account_number: String,
    /// Terminal, or empty.
    pub terminal: String,
    /// The merchant's reference, or empty.
    pub reference: String,
}

/// Rows that are not kept yet, and whom they name. A million of them come at once, so they stand in one list
/// that becomes the side of the comparison.
#[derive(Debug, Default)]
pub struct FreshRows {
    /// What matching needs; whose money it is, is found by the store.
    pub rows: Vec<RowSide>,
    /// For each row whom it names, as a position in `names`, and the stall code in its note, as a position among
    /// all stall codes.
    pub named: Vec<(u32, Option<u32>)>,
    /// Everybody who is named, once each.
    pub names: Vec<PayeeName>,
}

/// Both sides, and what was said of the rows before.
#[derive(Debug, Default)]
pub struct Window {
    pub sides: Sides,
    /// What is kept of each row that is kept, in the order of their numbers.
    pub said: Vec<StoredSaid>,
    /// Fresh rows that another file had: they are not in the sides.
    pub repeated: HashSet<i64>,
    /// What rows of these days have corrected so far, by row, receipt and reason; a row 0 is a person's word about a receipt
    /// without one.
    pub corrected: HashMap<(i64, i64, Kind), Corrected>,
    /// The provider's days that are closed.
    pub closed: HashSet<Day>,
    /// Decisions about these days, whatever became of them.
    pub decisions: Vec<DecisionView>,
}

/// What a row has corrected of a receipt so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrected {
    /// Day of the row, else of the receipt.
    pub row_day: Day,
    /// Day of the receipt.
    pub receipt_day: Day,
    /// By how much, đồng.
    pub amount_vnd: i64,
}

/// What matching said of a kept row the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSaid {
    pub row_no: i64,
    /// The word of its kind, or why it is ignored.
    pub finding: Arc<str>,
    /// The number that belongs to the finding.
    pub detail: i64,
    /// The pass, or empty.
    pub pass: Arc<str>,
    /// Days between row and receipt.
    pub shift_days: i64,
    pub receipt_no: Option<i64>,
}

/// Numbers for texts, given in the order in which they come.
#[derive(Default)]
struct Numbers(HashMap<Arc<str>, u32>);

impl Numbers {
    fn of(&mut self, text: &str) -> u32 {
        if let Some(number) = self.0.get(text) {
            return *number;
        }
        let number = self.0.len() as u32;
        self.0.insert(text.into(), number);
        number
    }
}

impl Store {
    /// Every stall's code and id, by code.
    pub async fn stall_codes(&self) -> Result<Vec<(String, String)>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT stall_code, stall_id FROM stall ORDER BY stall_code")
                .fetch_all(c)
                .await?
        }))
    }

    /// The receipts of a provider's day as the provider knows them, in no order.
    pub async fn day_receipts(&self, provider_id: &str, day: Day) -> Result<Vec<DayReceipt>> {
        let mut tx = self.begin_read().await?;
        let (first, end) = entries_of(day, day);
        let rows: Vec<(String, i64, Option<i64>)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_txn_id, amount_vnd, occurred_at_ms FROM receipt
                 WHERE entry_no > $1 AND entry_no < $2 AND provider_id = $3 AND business_day = $4
                 UNION ALL
                 SELECT r.provider_txn_id, r.amount_vnd, r.occurred_at_ms
                 FROM late_receipt l JOIN receipt r ON r.entry_no = l.entry_no
                 WHERE l.provider_id = $3 AND l.business_day = $4 AND l.entry_no >= $2",
            )
            .bind(first)
            .bind(end)
            .bind(provider_id)
            .bind(day.number())
            .fetch_all(c)
            .await?
        });
        let receipt = |(provider_txn_id, amount_vnd, occurred_at): (String, i64, Option<i64>)| DayReceipt {
            provider_txn_id,
            amount_vnd,
            occurred_at: occurred_at.map(TimeMs),
        };
        Ok(rows.into_iter().map(receipt).collect())
    }

    /// Both sides for the days from the first to the last, with fresh rows besides, in no order: all of the whole
    /// days, which are among them and hold the days of the fresh rows, and of the days around whatever could still
    /// be anybody's partner. `stalls` is what [`Store::stall_codes`] gave; fresh rows point into it.
    pub async fn statement_window(
        &self,
        provider_id: &str,
        whole: (Day, Day),
        (from, to): (Day, Day),
        fresh: FreshRows,
        stalls: &[(String, String)],
    ) -> Result<Window> {
        let mut tx = self.begin_read().await?;
        dialect::walk_by_index(&mut tx).await?;
        let mut loading = Loading {
            provider_id: provider_id.into(),
            far_rows: Vec::new(),
            pairs: Vec::new(),
            unfinished: HashSet::new(),
            whole,
            from,
            to,
            households: Numbers::default(),
            stalls: Numbers::default(),
            window: Window::default(),
            numbers: fresh.names.iter().cloned().zip(0..).collect(),
            rows: fresh,
        };
        loading.people(&mut tx).await?;
        loading.kept_rows(&mut tx, stalls).await?;
        loading.far(&mut tx, stalls).await?;
        loading.receipts(&mut tx, whole, None).await?;
        loading.around(&mut tx, stalls).await?;
        loading.notices(&mut tx).await?;
        loading.refunds(&mut tx).await?;
        let details: Vec<Details> = loading
            .rows
            .names
            .iter()
            .map(|name| details_of(name, None))
            .collect();
        let named: Vec<_> = details
            .iter()
            .map(|details| (&loading.provider_id, details))
            .collect();
        let mut register = RegisterMemory::default();
        register.load(&mut tx, &named, true).await?;
        loading.resolve(register.known(), stalls);
        Ok(loading.window)
    }
}

struct Loading {
    provider_id: Arc<str>,
    /// Rows of other days that are here because of a receipt.
    far_rows: Vec<i64>,
    /// Pairs that lie far from each other.
    pairs: Vec<FarPair>,
    /// Files that are being written: they count for nothing.
    unfinished: HashSet<i64>,
    /// The days of which everything is wanted.
    whole: (Day, Day),
    from: Day,
    to: Day,
    households: Numbers,
    stalls: Numbers,
    window: Window,
    /// Rows whose payees are still to be found, the fresh ones first.
    rows: FreshRows,
    numbers: HashMap<PayeeName, u32>,
}

/// Numbers among which the receipts of some days stand, but for the late ones: posting times are at most an hour
/// ahead of reception, so a receipt of a day may have been taken the evening before.
fn entries_of(from: Day, to: Day) -> (i64, i64) {
    (
        LedgerNo::start_of(from.plus(-1)).get(),
        LedgerNo::start_of(to.plus(2)).get(),
    )
}

/// Columns of a receipt as they are packed.
const RECEIPT_NUMBERS: [&str; 7] = [
    "r.entry_no",
    "r.amount_vnd",
    "r.refunded_vnd",
    "r.business_day",
    "COALESCE(CAST(r.occurred_at_ms AS TEXT), '')",
    "r.posted_at_ms",
    "COALESCE(CAST(r.statement_row_no AS TEXT), '')",
];
const RECEIPT_TEXTS: [&str; 4] = [
    "r.provider_txn_id",
    "COALESCE(r.bank_ref, '')",
    "r.household_id",
    "COALESCE(r.stall_id, '')",
];

/// Columns of a kept row as they are packed.
const ROW_NUMBERS: [&str; 11] = [
    "r.row_no",
    "r.amount_vnd",
    "COALESCE(CAST(r.occurred_at_ms AS TEXT), '')",
    "r.parts",
    "r.fee_gap_vnd",
    "r.content_high",
    "r.content_low",
    "r.detail",
    "r.shift_days",
    "COALESCE(CAST(r.receipt_no AS TEXT), '')",
    "r.business_day",
];
const ROW_TEXTS: [&str; 12] = [
    "r.kind",
    "r.status",
    "r.provider_txn_id",
    "r.reference",
    "r.bank_ref",
    "r.refund_of",
    "r.terminal",
    "r.bank_bin",
    "r.account_number",
    "r.stall_code",
    "r.finding",
    "r.pass",
];

impl Loading {
    /// The receipts of some days, but for pairs at rest.
    async fn receipts(
        &mut self,
        tx: &mut Tx,
        (from, to): (Day, Day),
        mut resting: Option<(&mut Resting, &Concern)>,
    ) -> Result<()> {
        let (first, end) = entries_of(from, to);
        let (expected,): (i64,) = on_tx!(&mut *tx, |c| {
            sqlx::query_as(
                "SELECT CAST(COALESCE(SUM(posted_count), 0) AS BIGINT) FROM intake_day
                 WHERE provider_id = $1 AND day >= $2 AND day <= $3",
            )
            .bind(&*self.provider_id)
            .bind(from.number())
            .bind(to.number())
            .fetch_one(c)
            .await?
        });
        if resting.is_none() {
            // Grown by doubling, the list would stand in memory twice for a moment; a quarter more is for the days
            // around, and costs nothing while nobody writes there.
            let receipts = &mut self.window.sides.receipts;
            receipts.reserve(usize::try_from(expected + expected / 4).unwrap_or(0));
        }
        let expression = packed(&RECEIPT_NUMBERS, &RECEIPT_TEXTS);
        let sql = format!(
            "SELECT string_agg(record, ''), MAX(no) FROM (
               SELECT {expression} AS record, r.entry_no AS no FROM receipt r
               WHERE r.provider_id = $1 AND r.entry_no > $2 AND r.entry_no < $3 AND r.business_day >= $4
                 AND r.business_day <= $5
               ORDER BY r.entry_no LIMIT $6) page"
        );
        let provider_id = self.provider_id.clone();
        let mut text = String::new();
        let mut after = Some(first);
        while let Some(no) = after {
            let numbers = [no, end, from.number(), to.number(), PAGE_ROWS];
            // One page is taken apart while the next is packed.
            let next = page(&mut *tx, &sql, &provider_id, &numbers);
            let (next, added) = tokio::join!(next, async { self.add_receipts(&text, &mut resting) });
            added?;
            (text, after) = next?;
        }
        let late: Option<String> = on_tx!(tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new(format!(
                "SELECT string_agg({expression}, '') FROM late_receipt l JOIN receipt r ON r.entry_no = l.entry_no
                 WHERE l.provider_id = "
            ));
            sql.push_bind(&*self.provider_id)
                .push(" AND l.business_day >= ")
                .push_bind(from.number())
                .push(" AND l.business_day <= ")
                .push_bind(to.number())
                .push(" AND l.entry_no >= ")
                .push_bind(end);
            sql.build_query_scalar().fetch_one(c).await?
        });
        self.add_receipts(&late.unwrap_or_default(), &mut resting)
    }

    /// Adds a page of receipts.
    fn add_receipts(&mut self, page: &str, resting: &mut Option<(&mut Resting, &Concern)>) -> Result<()> {
        let mut records = Records(page);
        while let Some((numbers, [txn, bank_ref, household, stall])) = records.next()? {
            let [
                no,
                amount_vnd,
                refunded_vnd,
                day,
                occurred,
                posted,
                posted_from_row,
            ] = numbers;
            let side = ReceiptSide {
                no: there(no)?,
                txn: txn_key(txn),
                bank_ref: (!bank_ref.is_empty()).then(|| bank_ref_key(bank_ref)),
                household: self.households.of(household),
                stall: (!stall.is_empty()).then(|| self.stalls.of(stall)),
                amount_vnd: there(amount_vnd)?,
                refunded_vnd: there(refunded_vnd)?,
                day: day_of(there(day)?)?,
                occurred_at: occurred.map(TimeMs),
                posted_at: TimeMs(there(posted)?),
                posted_from_row,
            };
            let is_left = resting.as_mut().is_some_and(|(resting, concern)| {
                let met = Met {
                    no: side.no,
                    txn: side.txn,
                    bank_ref: side.bank_ref,
                    amount_vnd: side.amount_vnd,
                    is_moved: side.refunded_vnd != 0 || side.posted_from_row.is_some(),
                };
                resting.leaves(&met, concern)
            });
            if !is_left {
                self.window.sides.receipts.push(side);
            }
        }
        Ok(())
    }

    /// Adds the rows and receipts that lie far from their partners, where the partner is of these days, and whatever
    /// else has those receipts.
    async fn far(&mut self, tx: &mut Tx, stalls: &[(String, String)]) -> Result<()> {
        let pairs = far_pairs(&mut *tx, &self.provider_id, (self.from, self.to)).await?;
        if pairs.is_empty() {
            return Ok(());
        }
        let is_here = |day: Day| (self.from..=self.to).contains(&day);
        let away = pairs.iter().filter(|p| !is_here(p.receipt_day));
        let away: Vec<(i64, Day)> = away.map(|p| (p.receipt_no, p.receipt_day)).collect();
        let mut receipts: Vec<i64> = away.iter().map(|(no, _)| *no).collect();
        let mut rows: Vec<i64> = pairs.iter().map(|p| p.row_no).collect();
        rows.extend(rows_of_receipts(&mut *tx, &self.provider_id, &away).await?);
        for nos in [&mut rows, &mut receipts] {
            nos.sort_unstable();
            nos.dedup();
        }
        let kept: HashSet<i64> = self.rows.rows.iter().map(|row| row.no).collect();
        rows.retain(|no| !kept.contains(no));
        self.rows_by_number(&mut *tx, &rows, stalls).await?;
        for chunk in receipts.chunks(INSERT_ROWS_MAX) {
            let expression = packed(&RECEIPT_NUMBERS, &RECEIPT_TEXTS);
            let page = by_number(&mut *tx, &expression, "receipt", "entry_no", chunk).await?;
            self.add_receipts(&page, &mut None)?;
        }
        let decisions = decisions_of_rows(&mut *tx, &rows).await?;
        self.decided(decisions);
        (self.pairs, self.far_rows) = (pairs, rows);
        Ok(())
    }

    /// Adds kept rows.
    async fn rows_by_number(&mut self, tx: &mut Tx, nos: &[i64], stalls: &[(String, String)]) -> Result<()> {
        let expression = packed(&ROW_NUMBERS, &ROW_TEXTS);
        let mut words = Words::default();
        for chunk in nos.chunks(INSERT_ROWS_MAX) {
            let page = by_number(&mut *tx, &expression, "statement_row", "row_no", chunk).await?;
            let mut records = Records(&page);
            while let Some((numbers, texts)) = records.next()? {
                let row_no = there(numbers[0])?;
                self.add_row(row_no, numbers, texts, stalls, &mut words)?;
            }
        }
        Ok(())
    }

    fn decided(&mut self, decisions: Vec<DecisionView>) {
        let standing = decisions.iter().filter(|d| d.state == DecisionState::Standing);
        self.window.sides.decided.extend(standing.map(|d| Decided {
            row_no: d.row_no,
            decision: d.decision,
            receipt_nos: d.receipt_nos.clone(),
        }));
        self.window.decisions.extend(decisions);
    }

    /// What people decided and closed, and what was corrected.
    async fn people(&mut self, tx: &mut Tx) -> Result<()> {
        self.window.closed = closed_days(&mut *tx, &self.provider_id).await?;
        let decisions = decisions_of_days(&mut *tx, &self.provider_id, (self.from, self.to)).await?;
        self.decided(decisions);
        let rows: Vec<(i64, i64, i64, i64, String, i64)> = on_tx!(tx, |c| {
            sqlx::query_as(
                "SELECT x.row_no, x.receipt_no, x.business_day, r.business_day, x.because,
                        CAST(SUM(x.amount_vnd) AS BIGINT)
                 FROM correction x JOIN receipt r ON r.entry_no = x.receipt_no
                 WHERE x.provider_id = $1 AND x.business_day >= $2 AND x.business_day <= $3
                 GROUP BY x.row_no, x.receipt_no, x.business_day, r.business_day, x.because",
            )
            .bind(&*self.provider_id)
            .bind(self.from.number())
            .bind(self.to.number())
            .fetch_all(c)
            .await?
        });
        for (row_no, receipt_no, row_day, receipt_day, because, amount_vnd) in rows {
            // Money back that a notice told of later is the same reason with the other sign.
            let because = match because.as_str() {
                REFUND_NOTIFIED => Kind::Reversed,
                text => word(Kind::parse(text), text)?,
            };
            let of = (row_no, receipt_no, because);
            let corrected = self.window.corrected.entry(of).or_insert(Corrected {
                row_day: day_of(row_day)?,
                receipt_day: day_of(receipt_day)?,
                amount_vnd: 0,
            });
            corrected.amount_vnd += amount_vnd;
        }
        Ok(())
    }

    async fn notices(&mut self, tx: &mut Tx) -> Result<()> {
        let (first, end) = entries_of(self.from, self.to);
        let rows: Vec<(i64, String, String, i64, i64, Option<String>)> = on_tx!(tx, |c| {
            sqlx::query_as(
                "SELECT entry_no, kind, provider_txn_id, amount_vnd, received_at_ms, reason FROM notice
                 WHERE entry_no >= $1 AND entry_no < $2 AND provider_id = $3 AND state <> 'posted'
                   AND kind NOT IN ('debit', 'test', 'other', 'unreadable') ORDER BY entry_no",
            )
            .bind(first)
            .bind(end)
            .bind(&*self.provider_id)
            .fetch_all(c)
            .await?
        });
        let notice =
            |(no, kind, txn, amount_vnd, at, reason): (i64, String, String, i64, i64, Option<String>)| {
                let day = Day::of(TimeMs(at));
                let is_here = (self.from..=self.to).contains(&day);
                is_here.then(|| NoticeSide {
                    no,
                    txn: txn_key(&txn),
                    amount_vnd,
                    day,
                    state: notice_state(&kind, reason.as_deref().unwrap_or_default()),
                })
            };
        let notices: Vec<NoticeSide> = rows.into_iter().filter_map(notice).collect();
        self.window.sides.notices = notices;
        Ok(())
    }

    async fn refunds(&mut self, tx: &mut Tx) -> Result<()> {
        let refunded = self.window.sides.receipts.iter().filter(|c| c.refunded_vnd > 0);
        let mut nos: Vec<i64> = refunded.map(|c| c.no).collect();
        nos.sort_unstable();
        let mut refunds: Vec<(i64, String, i64, i64)> = Vec::new();
        for chunk in nos.chunks(INSERT_ROWS_MAX) {
            let some: Vec<(i64, String, i64, i64)> = on_tx!(&mut *tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new(
                    "SELECT receipt_no, event_id, amount_vnd, posted_at_ms FROM refund WHERE receipt_no IN ",
                );
                sql.push_tuples(chunk, |mut row, no| {
                    row.push_bind(*no);
                });
                sql.push(" ORDER BY receipt_no, event_id, amount_vnd, posted_at_ms");
                sql.build_query_as().fetch_all(c).await?
            });
            refunds.extend(some);
        }
        let numbered = refunds.into_iter().zip(1..);
        self.window.sides.refunds = numbered
            .map(|((receipt_no, event_id, amount_vnd, at), no)| RefundSide {
                no,
                receipt_no,
                txn: Some(txn_key(&event_id)),
                amount_vnd,
                day: Day::of(TimeMs(at)),
                posted_from_row: None,
            })
            .collect();
        Ok(())
    }

    /// Adds the rows that are kept, and takes those out of the fresh ones that say the same.
    async fn kept_rows(&mut self, tx: &mut Tx, stalls: &[(String, String)]) -> Result<()> {
        let unfinished: Vec<(i64,)> = on_tx!(&mut *tx, |c| {
            sqlx::query_as("SELECT file_no FROM statement_file WHERE provider_id = $1 AND state = 'reading'")
                .bind(&*self.provider_id)
                .fetch_all(c)
                .await?
        });
        let unfinished: HashSet<i64> = unfinished.into_iter().map(|(file_no,)| file_no).collect();
        self.unfinished.clone_from(&unfinished);
        let fresh = self.rows.rows.len();
        let mut contents: HashSet<Key128> = HashSet::new();
        let mut words = Words::default();
        let expression = packed(&ROW_NUMBERS, &ROW_TEXTS);
        let sql = |is_whole: bool| {
            format!(
                "SELECT string_agg(record, ''), MAX(no) FROM (
                   SELECT {expression} AS record, r.row_no AS no FROM statement_row r
                   WHERE r.provider_id = $1 AND r.business_day = $2 AND r.row_no > $3 AND {}
                   ORDER BY r.row_no LIMIT $4) page",
                restless(is_whole)
            )
        };
        let provider_id = self.provider_id.clone();
        let mut day = self.from;
        while day <= self.to {
            let sql = sql((self.whole.0..=self.whole.1).contains(&day));
            let mut text = String::new();
            let mut after = Some(0);
            while let Some(no) = after {
                let numbers = [day.number(), no, PAGE_ROWS];
                let next = page(&mut *tx, &sql, &provider_id, &numbers);
                let (next, added) = tokio::join!(next, async {
                    let mut records = Records(&text);
                    while let Some((numbers, texts)) = records.next()? {
                        let row_no = there(numbers[0])?;
                        if !unfinished.contains(&(row_no >> PLACE_BITS)) {
                            contents.insert(self.add_row(row_no, numbers, texts, stalls, &mut words)?);
                        }
                    }
                    Ok::<(), StoreError>(())
                });
                added?;
                (text, after) = next?;
            }
            day = day.plus(1);
        }
        if contents.is_empty() {
            return Ok(());
        }
        for at in (0..fresh).rev() {
            if contents.contains(&self.rows.rows[at].content) {
                self.window.repeated.insert(self.rows.rows[at].no);
                self.rows.rows.swap_remove(at);
                self.rows.named.swap_remove(at);
            }
        }
        Ok(())
    }

    fn add_row(
        &mut self,
        row_no: i64,
        numbers: [Option<i64>; 11],
        texts: [&str; 12],
        stalls: &[(String, String)],
        words: &mut Words,
    ) -> Result<Key128> {
        let [
            _,
            amount,
            occurred,
            parts,
            fee_gap,
            high,
            low,
            detail,
            shift,
            receipt_no,
            day,
        ] = numbers;
        let [
            kind,
            status,
            txn,
            reference,
            bank_ref,
            refund_of,
            terminal,
            bank_bin,
            account,
            stall_code,
            finding,
            pass,
        ] = texts;
        let content = Key128::from_bits([there(high)? as u64, there(low)? as u64]);
        let name = PayeeName {
            bank_bin: bank_bin.to_owned(),
            account_number: account.to_owned(),
            terminal: terminal.to_owned(),
            reference: reference.to_owned(),
        };
        let next = self.rows.names.len() as u32;
        let names = &mut self.rows.names;
        let name = *self.numbers.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            next
        });
        let (txn, bank_ref) = row_keys(txn, bank_ref);
        let kind = word(RowKind::parse(kind), kind)?;
        self.rows.rows.push(RowSide {
            no: row_no,
            content,
            kind,
            status: word(RowStatus::parse(status), status)?,
            txn,
            refund_of: refund_key(kind, refund_of),
            bank_ref,
            payee: Payee::NotNamed,
            stall_in_note: None,
            amount_vnd: there(amount)?,
            fee_gap_vnd: there(fee_gap)?,
            day: day_of(there(day)?)?,
            occurred_at: occurred.map(TimeMs),
            parts: u32::try_from(there(parts)?).unwrap_or(1),
        });
        let at = stalls.binary_search_by(|(code, _)| code.as_str().cmp(stall_code));
        self.rows.named.push((name, at.ok().map(|at| at as u32)));
        self.window.said.push(StoredSaid {
            row_no,
            finding: words.of(finding),
            detail: there(detail)?,
            pass: words.of(pass),
            shift_days: there(shift)?,
            receipt_no,
        });
        Ok(content)
    }

    /// Finds whose money each row is, by the links of its day. Rows that name the same on the same day have the
    /// same answer.
    fn resolve(&mut self, known: &AttributionFacts, stalls: &[(String, String)]) {
        let mut found: HashMap<(u32, Option<u32>, Day), Payee> = HashMap::new();
        let mut rows = std::mem::take(&mut self.rows.rows);
        for (row, (name, stall)) in rows.iter_mut().zip(&self.rows.named) {
            row.payee = *found.entry((*name, *stall, row.day)).or_insert_with(|| {
                let name = &self.rows.names[*name as usize];
                let code = stall.map(|at| stalls[at as usize].0.as_str());
                let households = &mut self.households;
                let stalls = &mut self.stalls;
                payee(&self.provider_id, name, code, row.day, known, households, stalls)
            });
            row.stall_in_note = stall.map(|at| self.stalls.of(&stalls[at as usize].1));
        }
        self.window.sides.rows = rows;
        self.window.said.sort_unstable_by_key(|said| said.row_no);
    }
}

/// A page of packed records and the last of their numbers, if there are any.
async fn page(tx: &mut Tx, sql: &str, provider_id: &str, numbers: &[i64]) -> Result<(String, Option<i64>)> {
    let (text, last): (Option<String>, Option<i64>) = on_tx!(tx, |c| {
        // Made of constants.
        let mut query = sqlx::query_as(AssertSqlSafe(sql.to_owned())).bind(provider_id);
        for number in numbers {
            query = query.bind(*number);
        }
        query.fetch_one(c).await?
    });
    Ok((text.unwrap_or_default(), last))
}

/// Packed records of these numbers.
async fn by_number(tx: &mut Tx, expression: &str, table: &str, key: &str, nos: &[i64]) -> Result<String> {
    let page: Option<String> = on_tx!(tx, |c, Db| {
        let mut sql = QueryBuilder::<Db>::new(format!(
            "SELECT string_agg({expression}, '') FROM {table} r WHERE r.{key} IN "
        ));
        sql.push_tuples(nos, |mut row, no| {
            row.push_bind(*no);
        });
        sql.build_query_scalar().fetch_one(c).await?
    });
    Ok(page.unwrap_or_default())
}

/// Words that come again and again, each kept once.
#[derive(Default)]
struct Words(HashMap<String, Arc<str>>);

impl Words {
    fn of(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.0.get(word) {
            return known.clone();
        }
        let new: Arc<str> = word.into();
        self.0.insert(word.to_owned(), new.clone());
        new
    }
}

/// A number that no row is without.
fn there(number: Option<i64>) -> Result<i64> {
    number.ok_or_else(|| StoreError::Corrupt("a number of a packed row is missing".to_owned()))
}

/// Whom a row names, as a notice would.
fn details_of(name: &PayeeName, code: Option<&str>) -> Details {
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    Details {
        bank_bin: text(&name.bank_bin),
        account_number: name.account_number.clone(),
        terminal: text(&name.terminal),
        reference: name.reference.clone(),
        note: code.map(str::to_owned),
        ..Details::default()
    }
}

fn payee(
    provider_id: &Arc<str>,
    name: &PayeeName,
    code: Option<&str>,
    day: Day,
    known: &AttributionFacts,
    households: &mut Numbers,
    stalls: &mut Numbers,
) -> Payee {
    match attribute(provider_id, &details_of(name, code), day, known) {
        Ok(whose) => Payee::Household {
            household: households.of(&whose.household_id),
            stall: whose.stall_id.as_deref().map(|id| stalls.of(id)),
        },
        // It serves several households: nobody in particular.
        Err(Reason::AmbiguousStall) => Payee::NotNamed,
        Err(_) if name.account_number.is_empty() && name.terminal.is_empty() => Payee::NotNamed,
        Err(_) => Payee::Unknown,
    }
}

fn notice_state(kind: &str, reason: &str) -> NoticeState {
    match (kind, reason) {
        (_, "same_id_other_content") => NoticeState::SameIdOtherContent,
        ("refund" | "void", _) => NoticeState::RefundWaiting,
        ("payment_failed" | "payment_pending" | "payment_authorized", _) => NoticeState::NotPaid,
        (_, "unknown_account" | "ambiguous_account" | "no_valid_link" | "unknown_order") => {
            NoticeState::UnknownAccount
        }
        (_, "payment_suspect") => NoticeState::PaymentSuspect,
        _ => NoticeState::Other,
    }
}

fn word<T>(value: Option<T>, word: &str) -> Result<T> {
    value.ok_or_else(|| StoreError::Corrupt(format!("word {word} of a statement row")))
}
