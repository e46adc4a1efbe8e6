//! What only one of the two databases can do, each under a named function.

use super::{Result, Tx};

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

/// Who may pass beside whom when notices are posted on several instances: batches without refunds
/// share the gate, a batch with refunds has it alone. Otherwise a refund and its payment, committed at
/// the same time by two instances, would not see each other and never meet. SQLite has one writer.
pub(super) async fn pass_refund_gate(tx: &mut Tx, alone: bool) -> Result<()> {
    const GATE: i64 = 0x63_68_6f_73_6f; // "choso"
    if let Tx::Postgres(c) = tx {
        let sql = match alone {
            true => "SELECT pg_advisory_xact_lock($1)",
            false => "SELECT pg_advisory_xact_lock_shared($1)",
        };
        sqlx::query(sql).bind(GATE).execute(&mut **c).await?;
    }
    Ok(())
}
