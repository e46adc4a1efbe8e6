//! Long lists of values: databases bound how many parameters a statement may have, so a list is asked for, and rows
//! are inserted, some hundred at a time.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use super::dialect::Cell;
use super::error::Result;
use super::tx::{Tx, on_tx};

/// Values of one `IN (…)`. SQLite takes 32,766 parameters in a statement.
const IN_MAX: usize = 1_000;
/// Rows of one bulk insert: the widest row has 14 columns, each of them a parameter.
const INSERT_ROWS_MAX: usize = 512;
/// Where the list goes.
const LIST: &str = "(…)";

/// The rows of a query that asks for a list of values. `(…)` in `sql` stands for the list, `$1` and so on for the
/// values of `bound`; `sql` itself is made of constants of the program. A long list is several queries, so what `sql`
/// says of order or groups holds only among rows of the same value of the list.
pub(super) async fn fetch_in_chunks<'v, R, V>(
    tx: &mut Tx,
    sql: &str,
    bound: &[Cell<'_>],
    values: impl IntoIterator<Item = V>,
) -> Result<Vec<R>>
where
    R: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    V: Into<Cell<'v>>,
{
    let values: Vec<Cell<'v>> = values.into_iter().map(Into::into).collect();
    let mut rows = Vec::with_capacity(values.len());
    for chunk in values.chunks(IN_MAX) {
        let marks: Vec<String> = (1..=chunk.len())
            .map(|n| format!("${}", bound.len() + n))
            .collect();
        let sql = sql.replacen(LIST, &format!("({})", marks.join(", ")), 1);
        rows.append(&mut on_tx!(&mut *tx, |c| {
            // Made of constants and marks.
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for value in bound.iter().chain(chunk) {
                query = match *value {
                    Cell::Null => query.bind(None::<i64>),
                    Cell::Number(number) => query.bind(number),
                    Cell::Text(text) => query.bind(text),
                    Cell::Bytes(bytes) => query.bind(bytes),
                };
            }
            query.fetch_all(c).await?
        }));
    }
    Ok(rows)
}

/// Cuts rows to be inserted into as few pieces as may be, of as few sizes as may be: one of a multiple of 32, and the
/// rest. Few statements then serve every batch and stay prepared, and a batch costs few round trips.
pub(super) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = match rows.len() {
            0 => return None,
            n if n < 32 => n,
            n => (n - n % 32).min(INSERT_ROWS_MAX),
        };
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}
