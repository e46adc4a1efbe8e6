//! Months as partitions, where the database has them: made ahead, so that old ones can be taken away whole.

use super::super::{Result, Store, dialect};
use crate::ledger::LedgerNo;
use crate::vn::{Day, TimeMs};

/// Months for which partitions are made ahead, the present one included.
const MONTHS_AHEAD: usize = 4;
/// Tables that are partitioned on PostgreSQL.
const PARTITIONED: [&str; 3] = ["notice", "receipt", "evidence"];

impl Store {
    /// Makes the partitions of this month and the next ones, where the database has partitions.
    pub async fn make_partitions(&self, now: TimeMs) -> Result<()> {
        let mut month = Day::of(now).first_of_month();
        for _ in 0..MONTHS_AHEAD {
            let next = month.first_of_next_month();
            let first = LedgerNo::start_of(month);
            let end = LedgerNo::start_of(next);
            let name = format!(
                "y{}",
                month.to_string().replace('-', "m").get(..7).unwrap_or_default()
            );
            for table in PARTITIONED {
                let mut tx = self.begin().await?;
                match dialect::make_partition(&mut tx, table, &name, first, end).await {
                    // Rows of the month lie in the default partition already; they stay there.
                    Err(e) if e.is_about_content() => tracing::debug!(table, name, "no partition"),
                    made => {
                        made?;
                        tx.commit().await?;
                    }
                }
            }
            month = next;
        }
        Ok(())
    }
}
