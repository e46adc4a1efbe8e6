//! Statements of providers: files, rows with what matching said of them, and the two sides it compares.
//!
//! A file is written in many short transactions, so that callbacks wait behind a few thousand rows at most;
//! until the last one it counts for nothing.

mod books;
mod casework;
mod closes;
mod detail;
mod far;
mod rules;
mod unheard;
mod window;

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::dialect::{self, Cell, Packed};
use super::{Conflict, Missing, Result, Store, Tx, day_of, fetch_in_chunks, on_tx};
use crate::reconcile::{Finding, Key128, Outcome, RowOutcome, RowSide};
use crate::vn::{Day, Dong, TimeMs};

pub use books::BookDay;
pub use casework::{Answer, DecisionView, NewDecision};
pub use closes::DayClose;
pub use detail::{EntryDetail, RowDetail};
use far::note_far;
pub use far::{FAR_DAYS, FarPair};
pub use rules::StatementRules;
pub use window::{Corrected, FreshRows, PayeeName, Window};

/// Rows of a file, as a power of two: [`row_no`] has place for more than a file may have.
const PLACE_BITS: u32 = 21;
/// A file that nobody wrote to for so long was given up.
const GIVEN_UP_AFTER_MS: i64 = 60_000;
/// Rows taken away at once when a file is given up.
const REMOVED_AT_ONCE: i64 = 5_000;
/// Numbers in one list of a query.
const INSERT_ROWS_MAX: usize = 1_000;

/// The number of a row: its file and its place in it.
pub const fn row_no(file_no: i64, place: i64) -> i64 {
    (file_no << PLACE_BITS) | place
}

/// A statement that somebody hands in.
#[derive(Debug, Clone)]
pub struct NewStatement {
    pub provider_id: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// What it is called.
    pub name: String,
    /// The known layout it has, or empty.
    pub layout: String,
    /// How it is read, as JSON.
    pub mapping: String,
}

/// Whether a statement is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementBegun {
    /// It is; its rows are numbered under this file.
    New { file_no: i64 },
    /// The very file was handed in before.
    Known {
        imported_by: String,
        /// When, the last time it was written to.
        imported_at: TimeMs,
    },
}

/// A row as it is kept.
#[derive(Clone)]
pub struct KeptRow {
    /// What matching needs of it; its number names it.
    pub side: RowSide,
    /// Row of the file, as a person counts.
    pub row_number: i64,
    /// Charges as the file states them, đồng: fee, VAT, discount.
    pub charges_vnd: [i64; 3],
    /// What was paid out, đồng, with the file's own sign.
    pub net_vnd: Option<i64>,
    /// The provider's id of the transaction.
    pub provider_txn_id: String,
    pub bank_ref: String,
    /// Of money back the provider's id of the payment, or empty.
    pub refund_of: String,
    pub name: PayeeName,
    /// The stall code in its note, or empty.
    pub stall_code: String,
    /// The day of settlement.
    pub settled_on: Option<Day>,
    pub said: RowSaid,
}

/// Rows on their way into a file, ready for the database ([`Store::pack_statement_rows`]).
#[derive(Default)]
pub struct PackedRows {
    rows: Option<Packed>,
    /// Receipts of rows that have many.
    lumps: Vec<(i64, Vec<i64>)>,
}

/// What matching said of a row, as it is kept and compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSaid {
    /// The word of its kind, or why it is ignored.
    pub finding: &'static str,
    /// The number that belongs to the finding: a difference in đồng, a count, another row.
    pub detail: i64,
    /// The pass that found its receipt, or empty.
    pub pass: &'static str,
    /// How many days lie between row and receipt.
    pub shift_days: i64,
    /// Its receipt, where it has one.
    pub receipt_no: Option<i64>,
    /// Its receipts, where it stands for many.
    pub lump: Vec<i64>,
}

impl RowSaid {
    /// What an outcome says of one of its rows.
    pub fn of(outcome: &Outcome, row: &RowOutcome) -> RowSaid {
        let (ignored, detail) = match row.finding {
            Finding::Ignored(why) => (why.as_str(), 0),
            Finding::MatchedAuto { less_refund_vnd } => ("", less_refund_vnd),
            Finding::Lump { less_vnd } => ("", less_vnd),
            Finding::AmountDiffers { difference_vnd } => ("", difference_vnd),
            Finding::DuplicateRow { of, .. } => ("", of),
            Finding::Ambiguous { candidates } => ("", i64::from(candidates)),
            Finding::Reversed { payment_row } => ("", payment_row.unwrap_or_default()),
            Finding::FeeDiffers { gap_vnd } => ("", gap_vnd),
            Finding::StatusDiffers { is_final } => ("", i64::from(is_final)),
            _ => ("", 0),
        };
        let tied = outcome.receipts_of(row);
        RowSaid {
            finding: row.finding.kind().map_or(ignored, |kind| kind.as_str()),
            detail,
            pass: row.by.map_or("", |pass| pass.as_str()),
            shift_days: i64::from(row.shift_days),
            receipt_no: match tied {
                [only] => Some(*only),
                _ => None,
            },
            lump: if tied.len() > 1 { tied.to_vec() } else { Vec::new() },
        }
    }
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadStatementRow {
    /// Row of the file, as a person counts.
    pub row_number: i64,
    /// The day it counts for.
    pub business_day: Day,
    pub reason: String,
}

/// What a file came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatementTotals {
    /// First and last day of its rows.
    pub days: Option<(Day, Day)>,
    /// Rows that were kept, and what they come to.
    pub rows: (i64, Dong),
    /// Rows that another file had, and what they come to.
    pub repeated: (i64, Dong),
    /// Rows that are no movement: totals, balances, titles.
    pub ignored: i64,
    /// Rows that could not be read.
    pub bad: i64,
}

/// A file that was taken in.
#[derive(Debug, Clone)]
pub struct StatementFileView {
    pub provider_id: String,
    /// What it is called.
    pub name: String,
    /// Who handed it in.
    pub imported_by: String,
    pub imported_at: TimeMs,
    /// What it came to; ignored rows and the amount of repeated ones are not told.
    pub totals: StatementTotals,
}

impl Store {
    /// Begins to keep a statement. The very file again is known; one whose writing was given up is taken away
    /// first, whole. While another file of the provider is being written this is a conflict.
    pub async fn begin_statement(&self, new: &NewStatement, by: &str, now: TimeMs) -> Result<StatementBegun> {
        loop {
            let mut tx = self.begin().await?;
            refuse_unknown_provider(&mut tx, &new.provider_id).await?;
            if let Some(begun) = known_file(&mut tx, new).await? {
                return Ok(begun);
            }
            let unfinished: Option<(i64, i64)> = on_tx!(&mut tx, |c| {
                sqlx::query_as(
                    "SELECT file_no, touched_at_ms FROM statement_file
                     WHERE provider_id = $1 AND state = 'reading' ORDER BY file_no LIMIT 1",
                )
                .bind(&new.provider_id)
                .fetch_optional(c)
                .await?
            });
            match unfinished {
                Some((_, touched)) if now.0 - touched < GIVEN_UP_AFTER_MS => {
                    return Err(Conflict::ImportUnderWay.into());
                }
                Some((file_no, _)) => {
                    drop(tx);
                    self.remove_statement(file_no).await?;
                }
                None => {
                    let file_no = insert_file(&mut tx, new, by, now).await?;
                    tx.commit().await?;
                    return Ok(StatementBegun::New { file_no });
                }
            }
        }
    }

    /// Takes away a file that was not written to its end, with all its rows.
    pub async fn remove_statement(&self, file_no: i64) -> Result<()> {
        let first = row_no(file_no, 0);
        let end = row_no(file_no + 1, 0);
        loop {
            let mut tx = self.begin().await?;
            let gone = on_tx!(&mut tx, |c| {
                sqlx::query("DELETE FROM statement_lump WHERE row_no >= $1 AND row_no < $2")
                    .bind(first)
                    .bind(end)
                    .execute(&mut *c)
                    .await?;
                sqlx::query("DELETE FROM statement_far WHERE row_no >= $1 AND row_no < $2")
                    .bind(first)
                    .bind(end)
                    .execute(&mut *c)
                    .await?;
                sqlx::query(
                    "DELETE FROM statement_row WHERE row_no IN (SELECT row_no FROM statement_row
                     WHERE row_no >= $1 AND row_no < $2 ORDER BY row_no LIMIT $3)",
                )
                .bind(first)
                .bind(end)
                .bind(REMOVED_AT_ONCE)
                .execute(&mut *c)
                .await?
                .rows_affected()
            });
            if gone == 0 {
                on_tx!(&mut tx, |c| {
                    sqlx::query("DELETE FROM statement_bad WHERE file_no = $1")
                        .bind(file_no)
                        .execute(&mut *c)
                        .await?;
                    sqlx::query("DELETE FROM statement_file WHERE file_no = $1 AND state = 'reading'")
                        .bind(file_no)
                        .execute(&mut *c)
                        .await?;
                });
                return tx.commit().await;
            }
            tx.commit().await?;
        }
    }

    /// Makes rows ready for [`Store::add_statement_rows`]. It asks the database nothing, so it can be done on any
    /// thread while those before are written.
    pub fn pack_statement_rows(&self, provider_id: &str, rows: &[KeptRow]) -> Result<PackedRows> {
        let lumps = rows.iter().filter(|row| !row.said.lump.is_empty());
        let lumps = lumps.map(|row| (row.side.no, row.said.lump.clone())).collect();
        let packed = match rows {
            [] => None,
            rows => Some(self.pack(COLUMNS, rows, |row| cells(provider_id, row))?),
        };
        Ok(PackedRows { rows: packed, lumps })
    }

    /// Adds rows to a file that is being written, in one transaction; some thousands at a time.
    pub async fn add_statement_rows(
        &self,
        file_no: i64,
        provider_id: &str,
        rows: PackedRows,
        bad: &[BadStatementRow],
        now: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        let touched = on_tx!(&mut tx, |c| {
            sqlx::query(
                "UPDATE statement_file SET touched_at_ms = $2 WHERE file_no = $1 AND state = 'reading'",
            )
            .bind(file_no)
            .bind(now.0)
            .execute(c)
            .await?
            .rows_affected()
        });
        if touched != 1 {
            return Err(Conflict::ImportAbandoned.into());
        }
        if let Some(packed) = rows.rows {
            dialect::add_packed(&mut tx, COLUMNS, packed).await?;
        }
        for (row_no, receipts) in &rows.lumps {
            insert_lump(&mut tx, *row_no, receipts).await?;
        }
        for row in bad {
            on_tx!(&mut tx, |c| {
                sqlx::query(
                    "INSERT INTO statement_bad (file_no, row_number, provider_id, business_day, reason)
                     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (file_no, row_number) DO NOTHING",
                )
                .bind(file_no)
                .bind(row.row_number)
                .bind(provider_id)
                .bind(row.business_day.number())
                .bind(&row.reason)
                .execute(c)
                .await?;
            });
        }
        tx.commit().await
    }

    /// Writes down what matching says of rows now, where it is something else than before.
    pub async fn change_findings(&self, changed: &[(i64, RowSaid)]) -> Result<()> {
        for chunk in changed.chunks(2_000) {
            let mut tx = self.begin().await?;
            for (row_no, said) in chunk {
                // The row first: whoever else writes of it waits here.
                on_tx!(&mut tx, |c| {
                    sqlx::query(
                        "UPDATE statement_row SET finding = $2, detail = $3, pass = $4, shift_days = $5,
                           receipt_no = $6 WHERE row_no = $1",
                    )
                    .bind(row_no)
                    .bind(said.finding)
                    .bind(said.detail)
                    .bind(said.pass)
                    .bind(said.shift_days)
                    .bind(said.receipt_no)
                    .execute(&mut *c)
                    .await?;
                    sqlx::query("DELETE FROM statement_lump WHERE row_no = $1")
                        .bind(row_no)
                        .execute(&mut *c)
                        .await?;
                });
                insert_lump(&mut tx, *row_no, &said.lump).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Ends the writing of a file: from now on its rows count.
    pub async fn finish_statement(&self, file_no: i64, totals: &StatementTotals, now: TimeMs) -> Result<()> {
        let mut tx = self.begin().await?;
        let (first, last) = totals.days.unzip();
        let kept = on_tx!(&mut tx, |c| {
            sqlx::query(
                "UPDATE statement_file SET state = 'kept', touched_at_ms = $2, first_day = $3, last_day = $4,
                   row_count = $5, row_vnd = $6, repeated_count = $7, repeated_vnd = $8, ignored_count = $9,
                   bad_count = $10
                 WHERE file_no = $1 AND state = 'reading'",
            )
            .bind(file_no)
            .bind(now.0)
            .bind(first.map(Day::number))
            .bind(last.map(Day::number))
            .bind(totals.rows.0)
            .bind(totals.rows.1.vnd())
            .bind(totals.repeated.0)
            .bind(totals.repeated.1.vnd())
            .bind(totals.ignored)
            .bind(totals.bad)
            .execute(c)
            .await?
            .rows_affected()
        });
        if kept != 1 {
            return Err(Conflict::ImportAbandoned.into());
        }
        tx.commit().await
    }

    /// The files that were taken in last, newest first.
    pub async fn statement_files(&self, at_most: i64) -> Result<Vec<StatementFileView>> {
        type Row = (
            String,
            String,
            String,
            i64,
            Option<i64>,
            Option<i64>,
            i64,
            i64,
            i64,
            i64,
        );
        let mut tx = self.begin_read().await?;
        let rows: Vec<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_id, name, imported_by, touched_at_ms, first_day, last_day, row_count, row_vnd,
                        repeated_count, bad_count
                 FROM statement_file WHERE state = 'kept' ORDER BY file_no DESC LIMIT $1",
            )
            .bind(at_most)
            .fetch_all(c)
            .await?
        });
        rows.into_iter()
            .map(
                |(provider_id, name, imported_by, at, first, last, rows, vnd, repeated, bad)| {
                    Ok(StatementFileView {
                        provider_id,
                        name,
                        imported_by,
                        imported_at: TimeMs(at),
                        totals: StatementTotals {
                            days: first.map(day_of).transpose()?.zip(last.map(day_of).transpose()?),
                            rows: (rows, Dong::new(vnd)),
                            repeated: (repeated, Dong::ZERO),
                            ignored: 0,
                            bad,
                        },
                    })
                },
            )
            .collect()
    }

    /// The mapping that was agreed on for a provider's files, as JSON.
    pub async fn statement_mapping(&self, provider_id: &str) -> Result<Option<String>> {
        let mut tx = self.begin_read().await?;
        let row: Option<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT mapping FROM statement_mapping WHERE provider_id = $1")
                .bind(provider_id)
                .fetch_optional(c)
                .await?
        });
        Ok(row.map(|(mapping,)| mapping))
    }

    /// Agrees on how a provider's files are read from now on.
    pub async fn agree_statement_mapping(
        &self,
        provider_id: &str,
        mapping: &str,
        by: &str,
        now: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO statement_mapping (provider_id, mapping, agreed_by, agreed_at_ms) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (provider_id) DO UPDATE SET mapping = excluded.mapping,
                   agreed_by = excluded.agreed_by, agreed_at_ms = excluded.agreed_at_ms",
            )
            .bind(provider_id)
            .bind(mapping)
            .bind(by)
            .bind(now.0)
            .execute(c)
            .await?;
        });
        tx.commit().await
    }

    /// The provider's transaction id and the row of the file, of rows by their numbers.
    pub async fn statement_row_names(&self, row_nos: &[i64]) -> Result<HashMap<i64, (String, i64)>> {
        let mut tx = self.begin_read().await?;
        let sql = "SELECT row_no, provider_txn_id, row_number FROM statement_row WHERE row_no IN (…)";
        let rows: Vec<(i64, String, i64)> = fetch_in_chunks(&mut tx, sql, &[], row_nos).await?;
        let names = rows.into_iter().map(|(no, txn, number)| (no, (txn, number)));
        Ok(names.collect())
    }

    /// The provider's transaction ids of receipts and notices by their numbers.
    pub async fn entry_txn_ids(&self, entry_nos: &[i64]) -> Result<HashMap<i64, String>> {
        let mut ids = HashMap::with_capacity(entry_nos.len());
        let mut tx = self.begin_read().await?;
        for sql in [
            "SELECT entry_no, provider_txn_id FROM receipt WHERE entry_no IN (…)",
            "SELECT entry_no, provider_txn_id FROM notice WHERE entry_no IN (…)",
        ] {
            let rows: Vec<(i64, String)> = fetch_in_chunks(&mut tx, sql, &[], entry_nos).await?;
            ids.extend(rows);
        }
        Ok(ids)
    }

    /// The rows of a provider's days that could not be read, with their reasons.
    pub async fn bad_statement_rows(
        &self,
        provider_id: &str,
        from: Day,
        to: Day,
    ) -> Result<Vec<BadStatementRow>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(i64, i64, String)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT b.row_number, b.business_day, b.reason FROM statement_bad b
                 JOIN statement_file f ON f.file_no = b.file_no AND f.state = 'kept'
                 WHERE b.provider_id = $1 AND b.business_day >= $2 AND b.business_day <= $3
                 ORDER BY b.file_no, b.row_number",
            )
            .bind(provider_id)
            .bind(from.number())
            .bind(to.number())
            .fetch_all(c)
            .await?
        });
        rows.into_iter()
            .map(|(row_number, day, reason)| {
                Ok(BadStatementRow {
                    row_number,
                    business_day: day_of(day)?,
                    reason,
                })
            })
            .collect()
    }
}

async fn refuse_unknown_provider(tx: &mut Tx, provider_id: &str) -> Result<()> {
    let known: Option<(String,)> = on_tx!(tx, |c| {
        sqlx::query_as("SELECT provider_id FROM provider WHERE provider_id = $1")
            .bind(provider_id)
            .fetch_optional(c)
            .await?
    });
    let provider_id = provider_id.to_owned();
    known
        .map(drop)
        .ok_or_else(|| Missing::Provider { provider_id }.into())
}

async fn known_file(tx: &mut Tx, new: &NewStatement) -> Result<Option<StatementBegun>> {
    let row: Option<(String, i64)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT imported_by, touched_at_ms FROM statement_file
             WHERE provider_id = $1 AND sha256 = $2 AND state = 'kept'",
        )
        .bind(&new.provider_id)
        .bind(&new.sha256)
        .fetch_optional(c)
        .await?
    });
    Ok(row.map(|(imported_by, at)| StatementBegun::Known {
        imported_by,
        imported_at: TimeMs(at),
    }))
}

async fn insert_file(tx: &mut Tx, new: &NewStatement, by: &str, now: TimeMs) -> Result<i64> {
    let (file_no,): (i64,) = on_tx!(tx, |c| {
        sqlx::query_as(
            "INSERT INTO statement_file (file_no, provider_id, sha256, name, layout, mapping, state, imported_by,
               touched_at_ms)
             SELECT COALESCE(MAX(file_no), 0) + 1, $1, $2, $3, $4, $5, 'reading', $6, $7 FROM statement_file
             RETURNING file_no",
        )
        .bind(&new.provider_id)
        .bind(&new.sha256)
        .bind(&new.name)
        .bind(&new.layout)
        .bind(&new.mapping)
        .bind(by)
        .bind(now.0)
        .fetch_one(c)
        .await?
    });
    Ok(file_no)
}

async fn insert_lump(tx: &mut Tx, row_no: i64, receipts: &[i64]) -> Result<()> {
    for chunk in receipts.chunks(INSERT_ROWS_MAX) {
        on_tx!(&mut *tx, |c, Db| {
            let mut sql = QueryBuilder::<Db>::new("INSERT INTO statement_lump (row_no, receipt_no) ");
            sql.push_values(chunk, |mut row, receipt_no| {
                row.push_bind(row_no).push_bind(*receipt_no);
            });
            sql.build().execute(c).await?;
        });
    }
    Ok(())
}

const COLUMNS: &str =
    "statement_row (row_no, provider_id, business_day, row_number, kind, status, amount_vnd,
    fee_vnd, vat_vnd, discount_vnd, net_vnd, provider_txn_id, reference, bank_ref, refund_of, terminal, bank_bin,
    account_number, stall_code, occurred_at_ms, settled_day, parts, fee_gap_vnd, content_high,
    content_low, finding, detail, pass, shift_days, receipt_no)";

/// The halves of a key as columns hold them.
fn halves(key: Key128) -> [i64; 2] {
    key.bits().map(|half| half as i64)
}

/// A row in the order of its columns.
fn cells<'r>(provider_id: &'r str, row: &'r KeptRow) -> [Cell<'r>; 30] {
    use Cell::{Number, Text};
    let side = &row.side;
    let [fee, vat, discount] = row.charges_vnd;
    let [high, low] = halves(side.content);
    [
        Number(side.no),
        Text(provider_id),
        Number(side.day.number()),
        Number(row.row_number),
        Text(side.kind.as_str()),
        Text(side.status.as_str()),
        Number(side.amount_vnd),
        Number(fee),
        Number(vat),
        Number(discount),
        row.net_vnd.into(),
        Text(&row.provider_txn_id),
        Text(&row.name.reference),
        Text(&row.bank_ref),
        Text(&row.refund_of),
        Text(&row.name.terminal),
        Text(&row.name.bank_bin),
        Text(&row.name.account_number),
        Text(&row.stall_code),
        side.occurred_at.map(|t| t.0).into(),
        row.settled_on.map(Day::number).into(),
        Number(i64::from(side.parts)),
        Number(side.fee_gap_vnd),
        Number(high),
        Number(low),
        Text(row.said.finding),
        Number(row.said.detail),
        Text(row.said.pass),
        Number(row.said.shift_days),
        row.said.receipt_no.into(),
    ]
}
