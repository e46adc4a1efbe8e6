//! What only one of the two databases can do, each under a named function.

use sqlx::{Postgres, Transaction};

use super::{Pool, Result, Store, Tx};
use crate::ledger::LedgerNo;

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

/// Takes the feed's row until the end of the transaction: batches of all instances pass one by one, and
/// each sees what the one before committed. SQLite has one writer.
///
/// Everything behind the gate looks up by key. A table without statistics, as a new partition is, makes
/// PostgreSQL read it whole for a list of keys; so that is put out of its reach for this transaction.
pub(super) async fn pass_gate(tx: &mut Tx) -> Result<()> {
    if let Tx::Postgres(c) = tx {
        sqlx::query("SELECT set_config('enable_seqscan', 'off', true) FROM feed WHERE id = 1 FOR UPDATE")
            .execute(&mut **c)
            .await?;
    }
    Ok(())
}

/// Walks tables by their indexes until the end of the transaction. A big table without statistics, as one that
/// was just filled is, makes PostgreSQL read and sort it whole for each page of it.
pub(super) async fn walk_by_index(tx: &mut Tx) -> Result<()> {
    if let Tx::Postgres(c) = tx {
        sqlx::query(
            "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
                    set_config('enable_sort', 'off', true)",
        )
        .execute(&mut **c)
        .await?;
    }
    Ok(())
}

/// Lets one instance at a time sort runs of traces: held until it is dropped. SQLite's one service needs
/// none.
pub(super) struct RunsClaim(
    #[expect(dead_code, reason = "held for its lock")] Option<Transaction<'static, Postgres>>,
);

impl Store {
    /// The right to sort runs; none if another instance has it.
    pub(super) async fn claim_runs(&self) -> Result<Option<RunsClaim>> {
        const RUNS: i64 = 0x63_68_6f_73_6f; // "choso"
        let Pool::Postgres(pool) = &self.pool else {
            return Ok(Some(RunsClaim(None)));
        };
        let mut tx = pool.begin().await?;
        let (is_free,): (bool,) = sqlx::query_as("SELECT pg_try_advisory_xact_lock($1)")
            .bind(RUNS)
            .fetch_one(&mut *tx)
            .await?;
        Ok(is_free.then_some(RunsClaim(Some(tx))))
    }
}

/// Adds rows by `COPY`, the cheapest way there is; `false` on SQLite, which has none. `columns` are the
/// table with the names of its columns.
pub(super) async fn copy_in(tx: &mut Tx, columns: &str, rows: impl FnOnce() -> CopyText) -> Result<bool> {
    let Tx::Postgres(c) = tx else { return Ok(false) };
    let mut copy = c.copy_in_raw(&format!("COPY {columns} FROM STDIN")).await?;
    copy.send(rows().0).await?;
    copy.finish().await?;
    Ok(true)
}

/// Rows in the text format of `COPY`.
#[derive(Default)]
pub(super) struct CopyText(Vec<u8>);

impl CopyText {
    fn begin(&mut self) {
        if !matches!(self.0.last(), None | Some(b'\n')) {
            self.0.push(b'\t');
        }
    }

    /// A number.
    pub fn number(&mut self, n: i64) -> &mut Self {
        self.begin();
        self.0.extend(n.to_string().as_bytes());
        self
    }

    /// A text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.begin();
        for byte in text.bytes() {
            match byte {
                b'\\' => self.0.extend(b"\\\\"),
                b'\n' => self.0.extend(b"\\n"),
                b'\r' => self.0.extend(b"\\r"),
                b'\t' => self.0.extend(b"\\t"),
                byte => self.0.push(byte),
            }
        }
        self
    }

    /// Bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.begin();
        self.0.extend(b"\\\\x");
        for byte in bytes {
            self.0
                .extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        self
    }

    /// NULL.
    pub fn null(&mut self) -> &mut Self {
        self.begin();
        self.0.extend(b"\\N");
        self
    }

    /// Ends the row.
    pub fn end(&mut self) {
        self.0.push(b'\n');
    }
}

/// Makes the partition of a table for the numbers from `first` to before `end`, named after its month. Rows
/// that already lie in the default partition stop it; they are found there as well. SQLite has none.
pub(super) async fn make_partition(
    tx: &mut Tx,
    table: &'static str,
    month: &str,
    first: LedgerNo,
    end: LedgerNo,
) -> Result<()> {
    if let Tx::Postgres(c) = tx {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {table}_{month} PARTITION OF {table} FOR VALUES FROM ({}) TO ({})",
            first.get(),
            end.get()
        );
        // Made of constants and numbers.
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut **c).await?;
    }
    Ok(())
}
