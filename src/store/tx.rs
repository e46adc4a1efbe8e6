//! One transaction on either database, and the macro that runs one text on both.

use sqlx::{Postgres, Sqlite, Transaction};

use super::error::Result;

/// A transaction. Dropped without `commit`, it changes nothing.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await?,
            Tx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Runs one body on the connection of a transaction, for whichever driver it is. `$conn` is the
/// connection, `$Db` names its driver for `QueryBuilder`.
macro_rules! on_tx {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match $tx {
            $crate::store::tx::Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::store::tx::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
    ($tx:expr, |$conn:ident, $Db:ident| $body:expr) => {
        match $tx {
            $crate::store::tx::Tx::Sqlite(tx) => {
                type $Db = sqlx::Sqlite;
                let $conn = &mut **tx;
                $body
            }
            $crate::store::tx::Tx::Postgres(tx) => {
                type $Db = sqlx::Postgres;
                let $conn = &mut **tx;
                $body
            }
        }
    };
}
pub(super) use on_tx;
