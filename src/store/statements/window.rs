//! What matching compares for some days of a provider: receipts, notices and refunds on one side, rows that are
//! kept and rows that are new on the other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::ledger::RegisterMemory;
use super::super::{Result, Store, StoreError, Tx, on_tx};
use super::{day_of, row_no};
use crate::ledger::{Known, LedgerNo, Reason, attribute};
use crate::notice::Details;
use crate::reconcile::{
    Key128, NoticeSide, NoticeState, Payee, ReceiptSide, RefundSide, RowKind, RowSide, RowStatus, Sides,
    bank_ref_key, row_keys, txn_key,
};
use crate::vn::{Day, TimeMs};

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

/// A row that is not kept yet.
#[derive(Debug, Clone)]
pub struct FreshRow {
    /// What matching needs; whose money it is, is found here.
    pub side: RowSide,
    /// Whom it names: position in the list that comes with it.
    pub name: u32,
    /// The stall code in its note: position among all stall codes.
    pub stall: Option<u32>,
}

/// Both sides, and what was said of the rows before.
#[derive(Debug, Default)]
pub struct Window {
    /// What matching compares.
    pub sides: Sides,
    /// What is kept of each row that is kept, in the order of their numbers.
    pub said: Vec<StoredSaid>,
    /// Fresh rows that another file had: they are not in the sides.
    pub repeated: HashSet<i64>,
}

/// What matching said of a kept row the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSaid {
    /// The row.
    pub row_no: i64,
    /// The word of its kind, or why it is ignored.
    pub finding: String,
    /// The number that belongs to the finding.
    pub detail: i64,
    /// The pass, or empty.
    pub pass: String,
    /// Days between row and receipt.
    pub shift_days: i64,
    /// Its receipt.
    pub receipt_no: Option<i64>,
    /// Whether the ledger was given it.
    pub is_posted: bool,
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

    /// Both sides for the days from the first to the last, with fresh rows besides. `stalls` is what
    /// [`Store::stall_codes`] gave; fresh rows point into it and into `names`.
    pub async fn statement_window(
        &self,
        provider_id: &str,
        (from, to): (Day, Day),
        fresh: Vec<FreshRow>,
        names: Vec<PayeeName>,
        stalls: &[(String, String)],
    ) -> Result<Window> {
        let mut tx = self.begin_read().await?;
        let mut loading = Loading {
            provider_id: provider_id.into(),
            from,
            to,
            households: Numbers::default(),
            stalls: Numbers::default(),
            window: Window::default(),
        };
        loading.receipts(&mut tx).await?;
        loading.notices(&mut tx).await?;
        loading.refunds(&mut tx).await?;
        let mut rows = Rows {
            numbers: names.iter().cloned().zip(0..).collect(),
            names,
            contents: HashSet::new(),
            rows: Vec::new(),
        };
        loading.kept_rows(&mut tx, &mut rows, stalls).await?;
        for row in fresh {
            match rows.contents.contains(&row.side.content) {
                true => drop(loading.window.repeated.insert(row.side.no)),
                false => rows.rows.push(row),
            }
        }
        let details: Vec<Details> = rows.names.iter().map(|name| details_of(name, None)).collect();
        let named: Vec<_> = details
            .iter()
            .map(|details| (&loading.provider_id, details))
            .collect();
        let mut register = RegisterMemory::default();
        register.learn(&mut tx, &named, true).await?;
        loading.resolve(rows, register.known(), stalls);
        Ok(loading.window)
    }
}

/// Rows whose payees are still to be found.
struct Rows {
    names: Vec<PayeeName>,
    numbers: HashMap<PayeeName, u32>,
    contents: HashSet<Key128>,
    rows: Vec<FreshRow>,
}

struct Loading {
    provider_id: Arc<str>,
    from: Day,
    to: Day,
    households: Numbers,
    stalls: Numbers,
    window: Window,
}

type ReceiptRow = (
    i64,
    String,
    Option<String>,
    String,
    Option<String>,
    i64,
    i64,
    i64,
    Option<i64>,
    i64,
    Option<i64>,
);

impl Loading {
    /// Numbers among which the receipts of these days stand, but for the late ones: posting times are at most an
    /// hour ahead of reception, so a receipt of a day may have been taken the evening before.
    fn entries(&self) -> (i64, i64) {
        (
            LedgerNo::start_of(self.from.plus(-1)).get(),
            LedgerNo::start_of(self.to.plus(2)).get(),
        )
    }

    async fn receipts(&mut self, tx: &mut Tx) -> Result<()> {
        let (mut after, end) = self.entries();
        loop {
            let rows: Vec<ReceiptRow> = on_tx!(&mut *tx, |c| {
                sqlx::query_as(
                    "SELECT entry_no, provider_txn_id, bank_ref, household_id, stall_id, amount_vnd, refunded_vnd,
                            business_day, occurred_at_ms, posted_at_ms, statement_row_no
                     FROM receipt WHERE entry_no > $1 AND entry_no < $2 AND provider_id = $3
                       AND business_day >= $4 AND business_day <= $5 ORDER BY entry_no LIMIT $6",
                )
                .bind(after)
                .bind(end)
                .bind(&*self.provider_id)
                .bind(self.from.number())
                .bind(self.to.number())
                .bind(PAGE_ROWS)
                .fetch_all(c)
                .await?
            });
            let Some(last) = rows.last().map(|row| row.0) else {
                break;
            };
            after = last;
            self.add_receipts(rows)?;
        }
        let late: Vec<ReceiptRow> = on_tx!(tx, |c| {
            sqlx::query_as(
                "SELECT r.entry_no, r.provider_txn_id, r.bank_ref, r.household_id, r.stall_id, r.amount_vnd,
                        r.refunded_vnd, r.business_day, r.occurred_at_ms, r.posted_at_ms, r.statement_row_no
                 FROM late_receipt l JOIN receipt r ON r.entry_no = l.entry_no
                 WHERE l.provider_id = $1 AND l.business_day >= $2 AND l.business_day <= $3 AND l.entry_no >= $4
                 ORDER BY r.entry_no",
            )
            .bind(&*self.provider_id)
            .bind(self.from.number())
            .bind(self.to.number())
            .bind(end)
            .fetch_all(c)
            .await?
        });
        self.add_receipts(late)
    }

    fn add_receipts(&mut self, rows: Vec<ReceiptRow>) -> Result<()> {
        for (
            no,
            txn,
            bank_ref,
            household,
            stall,
            amount_vnd,
            refunded_vnd,
            day,
            occurred,
            posted,
            from_row,
        ) in rows
        {
            let side = ReceiptSide {
                no,
                txn: txn_key(&txn),
                bank_ref: bank_ref.as_deref().map(bank_ref_key),
                household: self.households.of(&household),
                stall: stall.as_deref().map(|id| self.stalls.of(id)),
                terminal: None,
                amount_vnd,
                refunded_vnd,
                day: day_of(day)?,
                occurred_at: occurred.map(TimeMs),
                posted_at: TimeMs(posted),
                posted_from_row: from_row,
            };
            self.window.sides.receipts.push(side);
        }
        Ok(())
    }

    async fn notices(&mut self, tx: &mut Tx) -> Result<()> {
        let (first, end) = self.entries();
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
        let (first, end) = self.entries();
        let rows: Vec<(i64, String, i64, i64)> = on_tx!(tx, |c| {
            sqlx::query_as(
                "SELECT f.receipt_no, f.event_id, f.amount_vnd, f.posted_at_ms FROM refund f
                 JOIN receipt r ON r.entry_no = f.receipt_no
                 WHERE f.receipt_no >= $1 AND f.receipt_no < $2 AND r.provider_id = $3
                   AND r.business_day >= $4 AND r.business_day <= $5
                 ORDER BY f.receipt_no, f.event_id, f.amount_vnd, f.posted_at_ms",
            )
            .bind(first)
            .bind(end)
            .bind(&*self.provider_id)
            .bind(self.from.number())
            .bind(self.to.number())
            .fetch_all(c)
            .await?
        });
        let refunds = rows.into_iter().zip(1..);
        self.window.sides.refunds = refunds
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

    async fn kept_rows(&mut self, tx: &mut Tx, rows: &mut Rows, stalls: &[(String, String)]) -> Result<()> {
        let mut after = 0;
        loop {
            let page: Vec<KeptTuple> = on_tx!(&mut *tx, |c| sqlx::query_as(KEPT)
                .bind(after)
                .bind(&*self.provider_id)
                .bind(self.from.number())
                .bind(self.to.number())
                .bind(PAGE_ROWS)
                .fetch_all(c)
                .await?);
            let Some(last) = page.last().map(|row| row.row_no) else {
                break;
            };
            after = last;
            for row in page {
                let content = key_of(&row.content, row.row_no)?;
                rows.contents.insert(content);
                let name = PayeeName {
                    bank_bin: row.bank_bin,
                    account_number: row.account_number,
                    terminal: row.terminal,
                    reference: row.reference,
                };
                let next = rows.names.len() as u32;
                let number = *rows.numbers.entry(name).or_insert_with_key(|name| {
                    rows.names.push(name.clone());
                    next
                });
                let at = stalls.binary_search_by(|(code, _)| code.as_str().cmp(&row.stall_code));
                let (txn, bank_ref) = row_keys(&row.provider_txn_id, &row.bank_ref);
                rows.rows.push(FreshRow {
                    side: RowSide {
                        no: row.row_no,
                        content,
                        kind: word(RowKind::parse(&row.kind), &row.kind)?,
                        status: word(RowStatus::parse(&row.status), &row.status)?,
                        txn,
                        refund_of: None,
                        bank_ref,
                        payee: Payee::NotNamed,
                        stall_in_note: None,
                        terminal: None,
                        amount_vnd: row.amount_vnd,
                        fee_gap_vnd: row.fee_gap_vnd,
                        day: day_of(row.business_day)?,
                        occurred_at: row.occurred_at_ms.map(TimeMs),
                        parts: u32::try_from(row.parts).unwrap_or(1),
                    },
                    name: number,
                    stall: at.ok().map(|at| at as u32),
                });
                self.window.said.push(StoredSaid {
                    row_no: row.row_no,
                    finding: row.finding,
                    detail: row.detail,
                    pass: row.pass,
                    shift_days: row.shift_days,
                    receipt_no: row.receipt_no,
                    is_posted: row.is_posted != 0,
                });
            }
        }
        Ok(())
    }

    /// Finds whose money each row is, by the links of its day. Rows that name the same on the same day have the
    /// same answer.
    fn resolve(&mut self, rows: Rows, known: &Known, stalls: &[(String, String)]) {
        let mut found: HashMap<(u32, Option<u32>, Day), Payee> = HashMap::new();
        let sides = &mut self.window.sides.rows;
        sides.reserve(rows.rows.len());
        for mut row in rows.rows {
            let day = row.side.day;
            row.side.payee = *found.entry((row.name, row.stall, day)).or_insert_with(|| {
                let name = &rows.names[row.name as usize];
                let code = row.stall.map(|at| stalls[at as usize].0.as_str());
                payee(
                    &self.provider_id,
                    name,
                    code,
                    day,
                    known,
                    &mut self.households,
                    &mut self.stalls,
                )
            });
            row.side.stall_in_note = row.stall.map(|at| self.stalls.of(&stalls[at as usize].1));
            sides.push(row.side);
        }
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

fn payee(
    provider_id: &Arc<str>,
    name: &PayeeName,
    code: Option<&str>,
    day: Day,
    known: &Known,
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

#[derive(sqlx::FromRow)]
struct KeptTuple {
    row_no: i64,
    business_day: i64,
    kind: String,
    status: String,
    amount_vnd: i64,
    provider_txn_id: String,
    reference: String,
    bank_ref: String,
    terminal: String,
    bank_bin: String,
    account_number: String,
    stall_code: String,
    occurred_at_ms: Option<i64>,
    parts: i64,
    fee_gap_vnd: i64,
    content: Vec<u8>,
    finding: String,
    detail: i64,
    pass: String,
    shift_days: i64,
    receipt_no: Option<i64>,
    is_posted: i64,
}

/// Rows of files that were written to their end.
const KEPT: &str =
    "SELECT r.row_no, r.business_day, r.kind, r.status, r.amount_vnd, r.provider_txn_id, r.reference,
        r.bank_ref, r.terminal, r.bank_bin, r.account_number, r.stall_code, r.occurred_at_ms, r.parts,
        r.fee_gap_vnd, r.content, r.finding, r.detail, r.pass, r.shift_days, r.receipt_no, r.is_posted
 FROM statement_row r
 WHERE r.row_no > $1 AND r.provider_id = $2 AND r.business_day >= $3 AND r.business_day <= $4
   AND EXISTS (SELECT 1 FROM statement_file f WHERE f.file_no = r.row_no / 2097152 AND f.state = 'kept')
 ORDER BY r.row_no LIMIT $5";
const _: () = assert!(row_no(1, 0) == 2_097_152);

fn key_of(bytes: &[u8], row_no: i64) -> Result<Key128> {
    let whole: [u8; 16] = bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt(format!("content of statement row {row_no}")))?;
    let bits = u128::from_be_bytes(whole);
    Ok(Key128::from_bits([(bits >> 64) as u64, bits as u64]))
}

fn word<T>(value: Option<T>, word: &str) -> Result<T> {
    value.ok_or_else(|| StoreError::Corrupt(format!("word {word} of a statement row")))
}
