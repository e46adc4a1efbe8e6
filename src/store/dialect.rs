//! What only one of the two databases can do, each under a named function.

use std::sync::Arc;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Postgres, Transaction};

use super::connection::{Pool, Store};
use super::error::{Result, StoreError};
use super::tx::Tx;
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
pub(super) async fn lock_feed(tx: &mut Tx) -> Result<()> {
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

/// Lets one instance at a time sort runs of traces. SQLite's one service needs none.
pub(super) struct RunsClaim(Option<Transaction<'static, Postgres>>);

impl RunsClaim {
    /// Gives it back at once. A claim that is only dropped goes some time later: the rollback is sent by whoever uses
    /// the connection next.
    pub(super) async fn release(self) -> Result<()> {
        if let Some(tx) = self.0 {
            tx.rollback().await?;
        }
        Ok(())
    }
}

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

/// A value of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Null,
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Number(number)
    }
}

impl From<&i64> for Cell<'_> {
    fn from(number: &i64) -> Self {
        Cell::Number(*number)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(text)
    }
}

impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Cell::Text(text)
    }
}

impl From<Option<i64>> for Cell<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Cell::Null, Cell::Number)
    }
}

/// Rows per insert on SQLite: fewer keep its program and their values near the processor.
const VALUES_AT_ONCE: usize = 250;

/// Rows in the form in which a database takes them. That takes a good part of the time of keeping them, so it is done
/// while the database keeps those before.
pub(super) enum Packed {
    Inserts(Vec<(String, SqliteArguments)>),
    Arrays(Arrays),
}

impl Store {
    /// Packs rows, of which `cells` tells the columns: as arrays, on SQLite for inserts. Handing a value to SQLite
    /// costs as much as keeping it, so what all rows of an insert have in common is handed over once. The first
    /// column is told for each; `columns` are constants of the program.
    pub(super) fn pack<'r, R, const N: usize>(
        &self,
        columns: &str,
        rows: &'r [R],
        cells: impl Fn(&'r R) -> [Cell<'r>; N],
    ) -> Result<Packed> {
        if let Pool::Postgres(_) = &self.pool {
            return Ok(Packed::Arrays(Arrays::of(rows.iter().map(cells))?));
        }
        let inserts = rows.chunks(VALUES_AT_ONCE).map(|chunk| {
            let chunk: Vec<[Cell<'_>; N]> = chunk.iter().map(&cells).collect();
            values(columns, &chunk)
        });
        Ok(Packed::Inserts(inserts.collect::<Result<_>>()?))
    }
}

/// Adds rows that were packed for these columns.
pub(super) async fn add_packed(tx: &mut Tx, columns: &str, packed: Packed) -> Result<()> {
    match packed {
        Packed::Arrays(arrays) => insert_arrays(tx, columns, arrays).await,
        Packed::Inserts(inserts) => {
            let Tx::Sqlite(c) = tx else {
                return Err(not_taken("PostgreSQL takes rows as arrays"));
            };
            for (sql, arguments) in inserts {
                // Made of constants and marks.
                sqlx::query_with(AssertSqlSafe(sql), arguments)
                    .execute(&mut **c)
                    .await?;
            }
            Ok(())
        }
    }
}

/// Rows that this program packed wrongly: nothing of their transaction is kept.
fn not_taken(why: &'static str) -> StoreError {
    StoreError::Database(sqlx::Error::Encode(why.into()))
}

/// The insert of rows on SQLite, with its arguments in the order of its marks.
fn values<const N: usize>(columns: &str, rows: &[[Cell<'_>; N]]) -> Result<(String, SqliteArguments)> {
    let varies: [bool; N] =
        std::array::from_fn(|at| at == 0 || rows.iter().any(|row| row[at] != rows[0][at]));
    let width = varies.iter().filter(|varies| **varies).count();
    let mut arguments = SqliteArguments::default();
    arguments.reserve(N + rows.len() * width, 0);
    let mut names = (1..).map(|n: usize| format!("column{n}"));
    let mut list = Vec::with_capacity(N);
    for (at, varies) in varies.iter().enumerate() {
        if *varies {
            list.extend(names.next());
        } else {
            list.push("?".to_owned());
            add(&mut arguments, rows[0][at])?;
        }
    }
    for row in rows {
        for (cell, _) in row.iter().zip(&varies).filter(|(_, varies)| **varies) {
            add(&mut arguments, *cell)?;
        }
    }
    let row = format!("({})", vec!["?"; width].join(", "));
    let sql = format!(
        "INSERT INTO {columns} SELECT {} FROM (VALUES {})",
        list.join(", "),
        vec![row; rows.len()].join(", ")
    );
    Ok((sql, arguments))
}

fn add(arguments: &mut SqliteArguments, cell: Cell<'_>) -> Result<()> {
    let added = match cell {
        Cell::Null => arguments.add(None::<i64>),
        Cell::Number(n) => arguments.add(n),
        Cell::Text(text) => arguments.add(Arc::<str>::from(text)),
        Cell::Bytes(bytes) => arguments.add(bytes.to_vec()),
    };
    added.map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))
}

/// Rows as PostgreSQL takes them with one statement: an array for each column, handed over in one message. `COPY` needs
/// three, and the driver waits for an acknowledgement between small ones (sqlx 0.9.0 leaves Nagle's algorithm on), which
/// over TCP costs some 40 ms each time.
pub(super) struct Arrays(Vec<Array>);

/// The values of one column.
enum Array {
    /// So many values that are all missing.
    Nulls(usize),
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Arrays {
    pub(super) fn of<'r, const N: usize>(rows: impl Iterator<Item = [Cell<'r>; N]>) -> Result<Arrays> {
        let mut columns: Vec<Array> = (0..N).map(|_| Array::Nulls(0)).collect();
        for row in rows {
            for (column, cell) in columns.iter_mut().zip(row) {
                column.push(cell)?;
            }
        }
        Ok(Arrays(columns))
    }
}

impl Array {
    fn push(&mut self, cell: Cell<'_>) -> Result<()> {
        // What the first value is, all are.
        if let Array::Nulls(count) = *self {
            *self = match cell {
                Cell::Null => Array::Nulls(count),
                Cell::Number(_) => Array::Numbers(vec![None; count]),
                Cell::Text(_) => Array::Texts(vec![None; count]),
                Cell::Bytes(_) => Array::Bytes(vec![None; count]),
            };
        }
        match (self, cell) {
            (Array::Nulls(count), _) => *count += 1,
            (Array::Numbers(values), Cell::Number(n)) => values.push(Some(n)),
            (Array::Texts(values), Cell::Text(text)) => values.push(Some(text.to_owned())),
            (Array::Bytes(values), Cell::Bytes(bytes)) => values.push(Some(bytes.to_vec())),
            (Array::Numbers(values), Cell::Null) => values.push(None),
            (Array::Texts(values), Cell::Null) => values.push(None),
            (Array::Bytes(values), Cell::Null) => values.push(None),
            _ => return Err(not_taken("a column holds values of two kinds")),
        }
        Ok(())
    }

    const fn type_name(&self) -> &'static str {
        match self {
            // A missing number is a missing text as well.
            Array::Nulls(_) | Array::Numbers(_) => "bigint[]",
            Array::Texts(_) => "text[]",
            Array::Bytes(_) => "bytea[]",
        }
    }
}

/// Inserts rows on PostgreSQL; SQLite takes no arrays. `columns` are the table with the names of its columns.
pub(super) async fn insert_arrays(tx: &mut Tx, columns: &str, arrays: Arrays) -> Result<()> {
    let Tx::Postgres(c) = tx else {
        return Err(not_taken("SQLite takes rows as inserts"));
    };
    let types = arrays.0.iter().enumerate();
    let marks: Vec<String> = types
        .map(|(at, array)| format!("${}::{}", at + 1, array.type_name()))
        .collect();
    let sql = format!("INSERT INTO {columns} SELECT * FROM UNNEST({})", marks.join(", "));
    let mut arguments = PgArguments::default();
    for array in arrays.0 {
        let added = match array {
            Array::Nulls(count) => arguments.add(vec![None::<i64>; count]),
            Array::Numbers(values) => arguments.add(values),
            Array::Texts(values) => arguments.add(values),
            Array::Bytes(values) => arguments.add(values),
        };
        added.map_err(|error| StoreError::Database(sqlx::Error::Encode(error)))?;
    }
    // Made of constants and marks.
    sqlx::query_with(AssertSqlSafe(sql), arguments)
        .execute(&mut **c)
        .await?;
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rows_have_in_common_is_handed_over_once() {
        let row = |no: i64, word| [Cell::Number(no), Cell::Text("p"), Cell::Null, Cell::Text(word)];
        let (sql, arguments) = values("t (a, b, c, d)", &[row(1, "x"), row(2, "y")]).unwrap();
        assert_eq!(
            sql,
            "INSERT INTO t (a, b, c, d) SELECT column1, ?, ?, column2 FROM (VALUES (?, ?), (?, ?))"
        );
        assert_eq!(arguments.len(), 6);
        let (sql, arguments) = values("t (a, b, c, d)", &[row(1, "x")]).unwrap();
        assert_eq!(
            sql,
            "INSERT INTO t (a, b, c, d) SELECT column1, ?, ?, ? FROM (VALUES (?))"
        );
        assert_eq!(arguments.len(), 4);
    }

    #[test]
    fn a_column_of_two_kinds_is_refused_and_not_left_empty() {
        let number_or_missing = [[Cell::Null], [Cell::Number(1)], [Cell::Null]];
        let arrays = Arrays::of(number_or_missing.into_iter()).unwrap();
        assert!(matches!(&arrays.0[..], [Array::Numbers(values)] if *values == [None, Some(1), None]));
        for other in [Cell::Text("1"), Cell::Bytes(b"1")] {
            assert!(Arrays::of([[Cell::Number(1)], [other]].into_iter()).is_err());
        }
    }
}
