//! Files of statements: begun, written in many short transactions, and finished. Until then a file counts for nothing.

use super::super::{Conflict, Missing, Result, Store, Tx, dialect, on_tx};
use super::row::{PackedRows, ROW_COLUMNS, insert_lump, row_no};
use crate::vn::{Day, Dong, TimeMs};

/// A file that nobody wrote to for so long was given up.
const GIVEN_UP_AFTER_MS: i64 = 60_000;
/// Shapes of files of one provider whose mapping is looked up: of more, those that were agreed on last.
const SHAPES_MAX: i64 = 50;
/// Rows taken away at once when a file is given up.
const REMOVED_AT_ONCE: i64 = 5_000;

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

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
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
    /// What it came to; ignored rows and the amount of repeated ones are not kept.
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
            dialect::add_packed(&mut tx, ROW_COLUMNS, packed).await?;
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
        #[derive(sqlx::FromRow)]
        struct Row {
            provider_id: String,
            name: String,
            imported_by: String,
            imported_at: TimeMs,
            first_day: Option<Day>,
            last_day: Option<Day>,
            row_count: i64,
            row_vnd: Dong,
            repeated_count: i64,
            bad_count: i64,
        }
        let mut tx = self.begin_read().await?;
        let rows: Vec<Row> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT provider_id, name, imported_by, touched_at_ms AS imported_at, first_day, last_day, row_count, row_vnd,
                        repeated_count, bad_count
                 FROM statement_file WHERE state = 'kept' ORDER BY file_no DESC LIMIT $1",
            )
            .bind(at_most)
            .fetch_all(c)
            .await?
        });
        let view = |row: Row| StatementFileView {
            provider_id: row.provider_id,
            name: row.name,
            imported_by: row.imported_by,
            imported_at: row.imported_at,
            totals: StatementTotals {
                days: row.first_day.zip(row.last_day),
                rows: (row.row_count, row.row_vnd),
                repeated: (row.repeated_count, Dong::ZERO),
                ignored: 0,
                bad: row.bad_count,
            },
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// The mappings that were agreed on for a provider's files, one for each shape, as JSON; the last one first.
    pub async fn statement_mappings(&self, provider_id: &str) -> Result<Vec<String>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(String,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT mapping FROM statement_shape WHERE provider_id = $1
                 ORDER BY agreed_at_ms DESC, shape LIMIT $2",
            )
            .bind(provider_id)
            .bind(SHAPES_MAX)
            .fetch_all(c)
            .await?
        });
        Ok(rows.into_iter().map(|(mapping,)| mapping).collect())
    }

    /// Agrees on how a provider's files of this shape are read from now on.
    pub async fn agree_statement_mapping(
        &self,
        provider_id: &str,
        shape: &str,
        mapping: &str,
        by: &str,
        now: TimeMs,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO statement_shape (provider_id, shape, mapping, agreed_by, agreed_at_ms)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (provider_id, shape) DO UPDATE SET mapping = excluded.mapping,
                   agreed_by = excluded.agreed_by, agreed_at_ms = excluded.agreed_at_ms",
            )
            .bind(provider_id)
            .bind(shape)
            .bind(mapping)
            .bind(by)
            .bind(now.0)
            .execute(c)
            .await?;
        });
        tx.commit().await
    }

    /// The rows of a provider's days that could not be read, with their reasons.
    pub async fn bad_statement_rows(
        &self,
        provider_id: &str,
        from: Day,
        to: Day,
    ) -> Result<Vec<BadStatementRow>> {
        let mut tx = self.begin_read().await?;
        Ok(on_tx!(&mut tx, |c| {
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
        }))
    }
}

pub(super) async fn refuse_unknown_provider(tx: &mut Tx, provider_id: &str) -> Result<()> {
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
    let row: Option<(String, TimeMs)> = on_tx!(tx, |c| {
        sqlx::query_as(
            "SELECT imported_by, touched_at_ms FROM statement_file
             WHERE provider_id = $1 AND sha256 = $2 AND state = 'kept'",
        )
        .bind(&new.provider_id)
        .bind(&new.sha256)
        .fetch_optional(c)
        .await?
    });
    Ok(row.map(|(imported_by, imported_at)| StatementBegun::Known {
        imported_by,
        imported_at,
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
