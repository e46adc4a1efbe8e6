//! What only one of the two databases can do, each under a named function.

use super::{Result, Tx};
use crate::vn::Day;

/// Whether a table of this name exists.
pub(super) async fn table_exists(tx: &mut Tx, name: &str) -> Result<bool> {
    let (count,): (i64,) = match tx {
        Tx::Sqlite(c) => {
            sqlx::query_as("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1")
                .bind(name)
                .fetch_one(&mut **c)
                .await?
        }
        Tx::Postgres(c) => {
            sqlx::query_as(
                "SELECT COUNT(*) FROM pg_tables WHERE tablename = $1 AND schemaname = current_schema()",
            )
            .bind(name)
            .fetch_one(&mut **c)
            .await?
        }
    };
    Ok(count > 0)
}

/// Who may pass beside whom when notices are posted on several instances: ordinary batches share the
/// gate; whoever must see all that others commit has it alone: a batch with refunds (a refund and its
/// payment, committed at the same time, would not see each other), a batch near midnight, the closing of
/// a day. SQLite has one writer.
///
/// Everything behind the gate looks up by key. A table without statistics, as a new partition is, makes
/// PostgreSQL read it whole for a list of keys; so that is put out of its reach for this transaction.
pub(super) async fn pass_gate(tx: &mut Tx, alone: bool) -> Result<()> {
    const GATE: i64 = 0x63_68_6f_73_6f; // "choso"
    if let Tx::Postgres(c) = tx {
        let sql = match alone {
            true => "SELECT set_config('enable_seqscan', 'off', true), pg_advisory_xact_lock($1)",
            false => "SELECT set_config('enable_seqscan', 'off', true), pg_advisory_xact_lock_shared($1)",
        };
        sqlx::query(sql).bind(GATE).execute(&mut **c).await?;
    }
    Ok(())
}

/// Makes the partition of a table for the days from `first` to before `end`, named after its month. Rows
/// that already lie in the default partition stop it; they are found there as well. SQLite has none.
pub(super) async fn make_partition(
    tx: &mut Tx,
    table: &'static str,
    month: &str,
    first: Day,
    end: Day,
) -> Result<()> {
    if let Tx::Postgres(c) = tx {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {table}_{month} PARTITION OF {table} FOR VALUES FROM ({}) TO ({})",
            first.number(),
            end.number()
        );
        // Made of constants and numbers.
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut **c).await?;
    }
    Ok(())
}

/// The row number above which the notices lie that SQLite added last. It numbers rows upwards and has one
/// writer, so the last `added` rows are those that this transaction's insert added. Its
/// `RETURNING` gathers every row in a table of its own first and makes a bulk insert twice as dear;
/// PostgreSQL has no such numbers and a cheap `RETURNING`.
pub(super) async fn notice_row_before(tx: &mut Tx, added: usize) -> Result<i64> {
    let Tx::Sqlite(c) = tx else { return Ok(i64::MAX) };
    let (last,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(rowid), 0) FROM notice")
        .fetch_one(&mut **c)
        .await?;
    Ok(last - added as i64)
}
