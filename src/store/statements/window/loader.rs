//! Loads a window: what people decided, rows, receipts, notices and refunds, in that order, since what comes later
//! depends on what is there already.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::super::ledger::{REFUND_NOTIFIED, RegisterMemory};
use super::super::super::packed::Page;
use super::super::super::{Result, Store, StoreError, Tx, day_of, dialect, fetch_in_chunks, on_tx};
use super::super::casework::{DecisionView, decisions_of_days, decisions_of_rows};
use super::super::closes::closed_days;
use super::super::distant::{distant_pairs, rows_of_receipts};
use super::super::row::{PayeeName, file_of};
use super::records::{PAGE_ROWS, ReceiptRecord, RowRecord, fetch_page, fetch_receipts, fetch_rows};
use super::settled::{IS_SETTLED, ReopenTriggers, SettledPairs};
use super::{FreshRows, entries_of};
use crate::ledger::{AttributionFacts, Reason, attribute};
use crate::notice::{Details, NoticeKind};
use crate::reconcile::{
    Corrected, Decided, Decision, DecisionState, DistantPair, FindingKind, Key128, NoticeSide, NoticeState,
    Payee, PreviousFinding, ReceiptSide, RefundSide, RowSide, Window, read_before, receipt_keys, refund_key,
    row_keys, stated_time, valued_days_before,
};
use crate::statement::{RowKind, RowStatus};
use crate::vn::{Day, DayRange, TimeMs};

/// Texts that come again and again: each is kept once, under a number given in the order in which they come.
#[derive(Default)]
struct Interner(HashMap<Arc<str>, u32>);

impl Interner {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.0.get(text) {
            return *number;
        }
        let number = self.0.len() as u32;
        self.0.insert(text.into(), number);
        number
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some((known, _)) = self.0.get_key_value(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.0.insert(new.clone(), self.0.len() as u32);
        new
    }
}

impl Store {
    /// Both sides for the days from the first to the last, with fresh rows besides, in no order: all of the whole
    /// days, which are among them and hold the days of the fresh rows, and of the days around whatever could still
    /// be anybody's partner. `stall_codes` is what [`Store::stall_codes`] gave; fresh rows point into it.
    pub async fn statement_window(
        &self,
        provider_id: &str,
        whole: impl Into<DayRange>,
        days: impl Into<DayRange>,
        fresh: FreshRows,
        stall_codes: &[(String, String)],
    ) -> Result<Window> {
        let mut loader = WindowLoader {
            provider_id: provider_id.into(),
            stall_codes,
            whole: whole.into(),
            days: days.into(),
            distant_rows: Vec::new(),
            pairs: Vec::new(),
            unfinished: HashSet::new(),
            decided_receipts: Vec::new(),
            decided_rows: Vec::new(),
            households: Interner::default(),
            stalls: Interner::default(),
            window: Window::default(),
            shapes: Shapes::new(&fresh.shape),
            name_numbers: fresh.names.iter().cloned().zip(0..).collect(),
            rows: fresh,
            words: Interner::default(),
        };
        let mut tx = self.begin_read().await?;
        dialect::walk_by_index(&mut tx).await?;
        loader.load_decisions(&mut tx).await?;
        loader.load_corrections(&mut tx).await?;
        loader.load_kept_rows(&mut tx).await?;
        loader.load_distant(&mut tx).await?;
        loader.load_receipts(&mut tx, loader.whole, None).await?;
        loader.load_days_around(&mut tx).await?;
        loader.load_notices(&mut tx).await?;
        loader.load_refunds(&mut tx).await?;
        let names = loader.rows.names.iter();
        let details: Vec<Details> = names.map(|name| details_of(name, None)).collect();
        let named = details.iter().map(|details| (&loader.provider_id, details));
        let mut register = RegisterMemory::default();
        register.load(&mut tx, &named.collect::<Vec<_>>(), true).await?;
        Ok(loader.with_payees(register.known()))
    }
}

struct WindowLoader<'a> {
    provider_id: Arc<str>,
    /// Every stall's code and id, by code.
    stall_codes: &'a [(String, String)],
    /// The days of which everything is wanted.
    whole: DayRange,
    days: DayRange,
    /// Rows of other days that are here because of a receipt.
    distant_rows: Vec<i64>,
    pairs: Vec<DistantPair>,
    /// Files that are being written: they count for nothing.
    unfinished: HashSet<i64>,
    /// Receipts and rows that people decided about, whatever became of that.
    decided_receipts: Vec<i64>,
    decided_rows: Vec<i64>,
    households: Interner,
    stalls: Interner,
    window: Window,
    /// Rows whose payees are still to be found, the fresh ones first.
    rows: FreshRows,
    /// Who is named, by the place among the names of `rows`.
    name_numbers: HashMap<PayeeName, u32>,
    /// Words of findings and passes.
    words: Interner,
    shapes: Shapes,
}

/// How files are read, as numbers.
#[derive(Default)]
struct Shapes {
    numbers: HashMap<String, u16>,
    of_file: HashMap<i64, u16>,
}

impl Shapes {
    /// The fresh file's is 0.
    fn new(fresh: &str) -> Shapes {
        Shapes {
            numbers: HashMap::from([(fresh.to_owned(), 0)]),
            of_file: HashMap::new(),
        }
    }

    fn add(&mut self, file_no: i64, mapping: String) {
        // More ways than there are numbers count as one: then more is left to people.
        let next = u16::try_from(self.numbers.len()).unwrap_or(u16::MAX);
        let number = *self.numbers.entry(mapping).or_insert(next);
        self.of_file.insert(file_no, number);
    }

    fn of_row(&self, row_no: i64) -> u16 {
        self.of_file.get(&file_of(row_no)).copied().unwrap_or_default()
    }
}

impl WindowLoader<'_> {
    /// The receipts of some days, but for those that `settled` leaves out.
    async fn load_receipts(
        &mut self,
        tx: &mut Tx,
        days: DayRange,
        mut settled: Option<(&mut SettledPairs, &ReopenTriggers)>,
    ) -> Result<()> {
        let (first, end) = entries_of(days);
        if settled.is_none() {
            let (expected,): (i64,) = on_tx!(&mut *tx, |c| {
                sqlx::query_as(
                    "SELECT CAST(COALESCE(SUM(posted_count), 0) AS BIGINT) FROM intake_day
                     WHERE provider_id = $1 AND day >= $2 AND day <= $3",
                )
                .bind(&*self.provider_id)
                .bind(days.first.number())
                .bind(days.last.number())
                .fetch_one(c)
                .await?
            });
            // Grown by doubling, the list would stand in memory twice for a moment; a quarter more is for the days
            // around, and costs nothing while nobody writes there.
            let receipts = &mut self.window.sides.receipts;
            receipts.reserve(usize::try_from(expected + expected / 4).unwrap_or(0));
        }
        let record = ReceiptRecord::sql();
        let sql = format!(
            "SELECT string_agg(record, ''), MAX(no) FROM (
               SELECT {record} AS record, r.entry_no AS no FROM receipt r
               WHERE r.provider_id = $1 AND r.entry_no > $2 AND r.entry_no < $3 AND r.business_day >= $4
                 AND r.business_day <= $5
               ORDER BY r.entry_no LIMIT $6) page"
        );
        let provider_id = self.provider_id.clone();
        let mut text = String::new();
        let mut after = Some(first);
        while let Some(no) = after {
            let numbers = [no, end, days.first.number(), days.last.number(), PAGE_ROWS];
            // One page is taken apart while the next is packed.
            let next = fetch_page(&mut *tx, &sql, &provider_id, &numbers);
            let (next, added) = tokio::join!(next, async { self.add_receipts(&text, &mut settled) });
            added?;
            (text, after) = next?;
        }
        let sql = format!(
            "SELECT string_agg({record}, '') FROM late_receipt l JOIN receipt r ON r.entry_no = l.entry_no
             WHERE l.provider_id = $1 AND l.business_day >= $2 AND l.business_day <= $3 AND l.entry_no >= $4"
        );
        let (late,): (Option<String>,) = on_tx!(tx, |c| {
            // Made of constants.
            sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(&*provider_id)
                .bind(days.first.number())
                .bind(days.last.number())
                .bind(end)
                .fetch_one(c)
                .await?
        });
        self.add_receipts(&late.unwrap_or_default(), &mut settled)
    }

    fn add_receipts(
        &mut self,
        page: &str,
        settled: &mut Option<(&mut SettledPairs, &ReopenTriggers)>,
    ) -> Result<()> {
        let mut page = Page(page);
        while let Some(receipt) = ReceiptRecord::unpack(&mut page)? {
            let wrong_day = |_| receipt.corrupt("business_day", receipt.business_day);
            let (txn, bank_ref) = receipt_keys(receipt.provider_txn_id, receipt.bank_ref);
            let side = ReceiptSide {
                no: receipt.entry_no,
                txn,
                bank_ref,
                household: self.households.number(receipt.household_id),
                stall: (!receipt.stall_id.is_empty()).then(|| self.stalls.number(receipt.stall_id)),
                amount_vnd: receipt.amount_vnd,
                refunded_vnd: receipt.refunded_vnd,
                day: day_of(receipt.business_day).map_err(wrong_day)?,
                occurred_at: receipt.occurred_at_ms.map(TimeMs),
                posted_at: TimeMs(receipt.posted_at_ms),
                posted_from_row: receipt.statement_row_no,
            };
            let is_left_out = settled
                .as_mut()
                .is_some_and(|(settled, triggers)| settled.leaves_out(&side, triggers));
            if !is_left_out {
                self.window.sides.receipts.push(side);
            }
        }
        Ok(())
    }

    /// Adds the rows and receipts that lie far from their partners, where the partner is of these days, and whatever
    /// else has those receipts.
    async fn load_distant(&mut self, tx: &mut Tx) -> Result<()> {
        let pairs = distant_pairs(&mut *tx, &self.provider_id, self.days).await?;
        if pairs.is_empty() {
            return Ok(());
        }
        let away = pairs.iter().filter(|pair| !self.days.contains(pair.receipt_day));
        let away: Vec<(i64, Day)> = away.map(|pair| (pair.receipt_no, pair.receipt_day)).collect();
        let mut receipts: Vec<i64> = away.iter().map(|(no, _)| *no).collect();
        let mut rows: Vec<i64> = pairs.iter().map(|pair| pair.row_no).collect();
        rows.extend(rows_of_receipts(&mut *tx, &self.provider_id, &away).await?);
        for nos in [&mut rows, &mut receipts] {
            nos.sort_unstable();
            nos.dedup();
        }
        let kept: HashSet<i64> = self.rows.rows.iter().map(|row| row.no).collect();
        rows.retain(|no| !kept.contains(no));
        self.load_rows(&mut *tx, &rows).await?;
        for page in fetch_receipts(&mut *tx, &receipts).await? {
            self.add_receipts(&page.0.unwrap_or_default(), &mut None)?;
        }
        let decisions = decisions_of_rows(&mut *tx, &rows).await?;
        self.add_decisions(decisions);
        self.pairs = pairs;
        self.distant_rows = rows;
        Ok(())
    }

    /// Adds kept rows by their numbers.
    async fn load_rows(&mut self, tx: &mut Tx, nos: &[i64]) -> Result<()> {
        for chunk in nos.chunks(PAGE_ROWS as usize) {
            for page in fetch_rows(&mut *tx, chunk).await? {
                let text = page.0.unwrap_or_default();
                let mut page = Page(&text);
                while let Some(row) = RowRecord::unpack(&mut page)? {
                    self.add_row(&row)?;
                }
            }
        }
        Ok(())
    }

    /// Whatever is not settled of the days around those that are wanted whole.
    async fn load_days_around(&mut self, tx: &mut Tx) -> Result<()> {
        let before = DayRange::from((self.days.first, self.whole.first.plus(-1)));
        let after = DayRange::from((self.whole.last.plus(1), self.days.last));
        if before.is_empty() && after.is_empty() {
            return Ok(());
        }
        let triggers = self.reopen_triggers();
        for days in [before, after].into_iter().filter(|days| !days.is_empty()) {
            let mut settled =
                SettledPairs::read(&mut *tx, &self.provider_id, days, &self.unfinished, &triggers).await?;
            self.load_receipts(&mut *tx, days, Some((&mut settled, &triggers)))
                .await?;
            let mut reopened = settled.reopened();
            reopened.retain(|no| self.distant_rows.binary_search(no).is_err());
            self.load_rows(&mut *tx, &reopened).await?;
        }
        Ok(())
    }

    /// What reopens settled pairs, once all other rows and the receipts of the whole days are here.
    fn reopen_triggers(&self) -> ReopenTriggers {
        let mut triggers = ReopenTriggers::new();
        for row in &self.rows.rows {
            triggers.add_keys([row.txn, row.bank_ref, row.refund_of, Some(row.content)]);
            if row.kind != RowKind::Payment {
                triggers.out_vnd.insert(row.amount_vnd);
            } else if !self.whole.contains(row.day) {
                triggers.add_payment(row.day, row.amount_vnd, file_of(row.no));
            }
        }
        // An id may be several receipts', and then it tells of none of them.
        for receipt in &self.window.sides.receipts {
            triggers.add_keys([Some(receipt.txn), receipt.bank_ref]);
        }
        for previous in &self.window.previous {
            let is_by_id = &*previous.pass == "transaction_id";
            triggers
                .receipts
                .extend(previous.receipt_no.filter(|_| !is_by_id));
        }
        for (row_no, receipt_no, _) in self.window.corrected.keys() {
            triggers.receipts.insert(*receipt_no);
            triggers.rows.insert(*row_no);
        }
        triggers.receipts.extend(&self.decided_receipts);
        triggers.rows.extend(&self.decided_rows);
        for pair in &self.pairs {
            triggers.receipts.insert(pair.receipt_no);
            triggers.rows.insert(pair.row_no);
        }
        triggers
    }

    fn add_decisions(&mut self, decisions: Vec<DecisionView>) {
        let standing = decisions.iter().filter(|d| d.state == DecisionState::Standing);
        self.window.sides.decided.extend(standing.map(|d| Decided {
            row_no: d.row_no,
            decision: d.decision,
            receipt_nos: d.receipt_nos.clone(),
        }));
        let stands = |row_no| {
            decisions
                .iter()
                .any(|d| d.state == DecisionState::Standing && d.row_no == row_no)
        };
        let withdrawn = decisions
            .iter()
            .filter(|d| d.decision == Decision::Own && d.state == DecisionState::Undone && !stands(d.row_no));
        self.window
            .sides
            .withdrawn
            .extend(withdrawn.filter_map(|d| d.row_no));
        for decision in decisions {
            self.decided_receipts.extend(decision.receipt_nos);
            self.decided_rows.extend(decision.row_no);
        }
    }

    /// What people decided and closed.
    async fn load_decisions(&mut self, tx: &mut Tx) -> Result<()> {
        self.window.closed = closed_days(&mut *tx, &self.provider_id).await?;
        let decisions = decisions_of_days(tx, &self.provider_id, self.days).await?;
        self.add_decisions(decisions);
        Ok(())
    }

    async fn load_corrections(&mut self, tx: &mut Tx) -> Result<()> {
        #[derive(sqlx::FromRow)]
        struct Row {
            row_no: i64,
            receipt_no: i64,
            row_day: Day,
            receipt_day: Day,
            because: String,
            amount_vnd: i64,
        }
        let rows: Vec<Row> = on_tx!(tx, |c| {
            sqlx::query_as(
                "SELECT x.row_no, x.receipt_no, x.business_day AS row_day, r.business_day AS receipt_day, x.because,
                        CAST(SUM(x.amount_vnd) AS BIGINT) AS amount_vnd
                 FROM correction x JOIN receipt r ON r.entry_no = x.receipt_no
                 WHERE x.provider_id = $1 AND x.business_day >= $2 AND x.business_day <= $3
                 GROUP BY x.row_no, x.receipt_no, x.business_day, r.business_day, x.because",
            )
            .bind(&*self.provider_id)
            .bind(self.days.first.number())
            .bind(self.days.last.number())
            .fetch_all(c)
            .await?
        });
        for row in rows {
            // Money back that a notice reported later is the same reason with the other sign.
            let because = match row.because.as_str() {
                REFUND_NOTIFIED => FindingKind::Reversed,
                word => FindingKind::parse(word).ok_or_else(|| {
                    StoreError::Corrupt(format!("reason {word} of a correction by row {}", row.row_no))
                })?,
            };
            let of = (row.row_no, row.receipt_no, because);
            let corrected = self.window.corrected.entry(of).or_insert(Corrected {
                row_day: row.row_day,
                receipt_day: row.receipt_day,
                amount_vnd: 0,
            });
            corrected.amount_vnd += row.amount_vnd;
        }
        Ok(())
    }

    async fn load_notices(&mut self, tx: &mut Tx) -> Result<()> {
        #[derive(sqlx::FromRow)]
        struct Notice {
            entry_no: i64,
            kind: NoticeKind,
            provider_txn_id: String,
            amount_vnd: i64,
            received_at_ms: TimeMs,
            reason: Option<Reason>,
        }
        let (first, end) = entries_of(self.days);
        let notices: Vec<Notice> = on_tx!(tx, |c| {
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
        for notice in notices {
            let day = Day::of(notice.received_at_ms);
            if self.days.contains(day) {
                self.window.sides.notices.push(NoticeSide {
                    no: notice.entry_no,
                    txn: Key128::of_id(&notice.provider_txn_id),
                    amount_vnd: notice.amount_vnd,
                    day,
                    state: notice_state(notice.kind, notice.reason),
                });
            }
        }
        Ok(())
    }

    async fn load_refunds(&mut self, tx: &mut Tx) -> Result<()> {
        let refunded = self.window.sides.receipts.iter().filter(|c| c.refunded_vnd > 0);
        let mut nos: Vec<i64> = refunded.map(|c| c.no).collect();
        nos.sort_unstable();
        let refunds: Vec<(i64, String, i64, TimeMs)> = fetch_in_chunks(
            tx,
            "SELECT receipt_no, event_id, amount_vnd, posted_at_ms FROM refund WHERE receipt_no IN (…)
             ORDER BY receipt_no, event_id, amount_vnd, posted_at_ms",
            &[],
            &nos,
        )
        .await?;
        let numbered = refunds.into_iter().zip(1..);
        self.window.sides.refunds = numbered
            .map(|((receipt_no, event_id, amount_vnd, at), no)| RefundSide {
                no,
                receipt_no,
                txn: Some(Key128::of_id(&event_id)),
                amount_vnd,
                day: Day::of(at),
                posted_from_row: None,
            })
            .collect();
        Ok(())
    }

    /// Adds the rows that are kept, and takes those out of the fresh ones that say the same.
    async fn load_kept_rows(&mut self, tx: &mut Tx) -> Result<()> {
        let files: Vec<(i64, String, bool)> = on_tx!(&mut *tx, |c| {
            sqlx::query_as(
                "SELECT file_no, mapping, state = 'reading' FROM statement_file WHERE provider_id = $1
                 ORDER BY file_no",
            )
            .bind(&*self.provider_id)
            .fetch_all(c)
            .await?
        });
        for (file_no, mapping, is_unfinished) in files {
            if is_unfinished {
                self.unfinished.insert(file_no);
            }
            self.shapes.add(file_no, mapping);
        }
        let fresh = self.rows.rows.len();
        let provider_id = self.provider_id.clone();
        for day in self.days.days() {
            let wanted = if self.whole.contains(day) {
                "1 = 1".to_owned()
            } else {
                format!("NOT ({IS_SETTLED})")
            };
            let sql = format!(
                "SELECT string_agg(record, ''), MAX(no) FROM (
                   SELECT {} AS record, r.row_no AS no FROM statement_row r
                   WHERE r.provider_id = $1 AND r.business_day = $2 AND r.row_no > $3 AND {wanted}
                   ORDER BY r.row_no LIMIT $4) page",
                RowRecord::sql(),
            );
            let mut text = String::new();
            let mut after = Some(0);
            while let Some(no) = after {
                let numbers = [day.number(), no, PAGE_ROWS];
                let next = fetch_page(&mut *tx, &sql, &provider_id, &numbers);
                let (next, added) = tokio::join!(next, async {
                    let mut page = Page(&text);
                    while let Some(row) = RowRecord::unpack(&mut page)? {
                        if !self.unfinished.contains(&file_of(row.row_no)) {
                            self.add_row(&row)?;
                        }
                    }
                    Ok::<(), StoreError>(())
                });
                added?;
                (text, after) = next?;
            }
        }
        let mut repeated: Vec<usize> = read_before(&self.rows.rows, fresh).into_iter().collect();
        repeated.sort_unstable_by(|a, b| b.cmp(a));
        for at in repeated {
            self.window.repeated.insert(self.rows.rows[at].no);
            self.rows.rows.swap_remove(at);
            self.rows.named.swap_remove(at);
        }
        Ok(())
    }

    /// Adds a kept row.
    fn add_row(&mut self, row: &RowRecord<'_>) -> Result<()> {
        let content = Key128::from_bits([row.content_high as u64, row.content_low as u64]);
        let name = PayeeName {
            bank_bin: row.bank_bin.to_owned(),
            account_number: row.account_number.to_owned(),
            terminal: row.terminal.to_owned(),
            reference: row.reference.to_owned(),
        };
        let next = self.rows.names.len() as u32;
        let names = &mut self.rows.names;
        let name = *self.name_numbers.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            next
        });
        let (txn, bank_ref) = row_keys(row.provider_txn_id, row.bank_ref, row.reference);
        let kind = RowKind::parse(row.kind).ok_or_else(|| row.corrupt("kind", row.kind))?;
        let status = RowStatus::parse(row.status).ok_or_else(|| row.corrupt("status", row.status))?;
        let day = day_of(row.business_day).map_err(|_| row.corrupt("business_day", row.business_day))?;
        let value_day = match row.settled_day {
            Some(number) => Some(day_of(number).map_err(|_| row.corrupt("settled_day", number))?),
            None => None,
        };
        self.rows.rows.push(RowSide {
            no: row.row_no,
            shape: self.shapes.of_row(row.row_no),
            content,
            kind,
            status,
            txn,
            refund_of: refund_key(kind, row.refund_of),
            bank_ref,
            payee: Payee::NotNamed,
            stall_in_note: None,
            amount_vnd: row.amount_vnd,
            fee_gap_vnd: row.fee_gap_vnd,
            day,
            occurred_at: stated_time(row.occurred_at_ms.map(TimeMs)),
            parts: u32::try_from(row.parts).map_err(|_| row.corrupt("parts", row.parts))?,
            valued_days_before: valued_days_before(day, value_day),
        });
        let stall = self
            .stall_codes
            .binary_search_by(|(code, _)| code.as_str().cmp(row.stall_code));
        self.rows.named.push((name, stall.ok().map(|at| at as u32)));
        self.window.previous.push(PreviousFinding {
            row_no: row.row_no,
            word: self.words.text(row.finding),
            detail: row.detail,
            pass: self.words.text(row.pass),
            shift_days: row.shift_days,
            receipt_no: row.receipt_no,
        });
        Ok(())
    }

    /// Finds whose money each row is, by the links of its day. Rows that name the same on the same day have the
    /// same answer.
    fn with_payees(mut self, known: &AttributionFacts) -> Window {
        let mut found: HashMap<(u32, Option<u32>, Day), Payee> = HashMap::new();
        let mut rows = std::mem::take(&mut self.rows.rows);
        let named = std::mem::take(&mut self.rows.named);
        for (row, (name, stall)) in rows.iter_mut().zip(named) {
            let code_and_id = stall.map(|at| &self.stall_codes[at as usize]);
            let payee = found.entry((name, stall, row.day));
            row.payee = *payee.or_insert_with(|| {
                let code = code_and_id.map(|(code, _)| code.as_str());
                let details = details_of(&self.rows.names[name as usize], code);
                match attribute(&self.provider_id, &details, row.day, known) {
                    Ok(whose) => Payee::Household {
                        household: self.households.number(&whose.household_id),
                        stall: whose.stall_id.as_deref().map(|id| self.stalls.number(id)),
                    },
                    // It serves several households: nobody in particular.
                    Err(Reason::AmbiguousStall) => Payee::NotNamed,
                    Err(_) if details.account_number.is_empty() && details.terminal.is_none() => {
                        Payee::NotNamed
                    }
                    Err(_) => Payee::Unknown,
                }
            });
            row.stall_in_note = code_and_id.map(|(_, id)| self.stalls.number(id));
        }
        self.window.sides.rows = rows;
        self.window
            .previous
            .sort_unstable_by_key(|previous| previous.row_no);
        self.window
    }
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

fn notice_state(kind: NoticeKind, reason: Option<Reason>) -> NoticeState {
    match (kind, reason) {
        (_, Some(Reason::SameIdOtherContent)) => NoticeState::SameIdOtherContent,
        (NoticeKind::Refund | NoticeKind::Void, _) => NoticeState::RefundWaiting,
        (NoticeKind::PaymentFailed | NoticeKind::PaymentPending | NoticeKind::PaymentAuthorized, _) => {
            NoticeState::NotPaid
        }
        (
            _,
            Some(
                Reason::UnknownAccount
                | Reason::AmbiguousAccount
                | Reason::NoValidLink
                | Reason::UnknownOrder,
            ),
        ) => NoticeState::UnknownAccount,
        (_, Some(Reason::PaymentSuspect)) => NoticeState::PaymentSuspect,
        _ => NoticeState::Other,
    }
}
