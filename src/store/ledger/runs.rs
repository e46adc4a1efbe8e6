//! Runs: traces that were sorted and put away, so that memory holds only a filter of them. A generation
//! becomes a run when it is full, and many small runs become one large one.

use std::sync::Arc;

use sqlx::QueryBuilder;

use super::super::{Result, Store, StoreError, Tx, dialect, on_tx};
use super::seen::RunId;
use crate::ledger::{Class, KeyFilter, Run, TRACE_PARTS, Trace, TraceError, Traces, read_traces};

/// Pages that one transaction adds: it holds SQLite's write lock for some milliseconds.
const PAGES_AT_ONCE: usize = 256;
/// Generations that become one run. The fewer runs, the fewer look-ups by mistake; a filter lets 1 in 256
/// pass.
const MERGED_AT_ONCE: i64 = 32;
/// Generations for which deliveries and transfers are remembered: some three million of them.
const RECENT_GENERATIONS: i64 = 32;

/// A generation of traces that is full: nothing will be added to it.
#[derive(Debug)]
pub struct FullGeneration {
    pub(super) number: i64,
    pub(super) traces: Traces,
}

impl Store {
    /// Sorts a full generation into runs, in steps between which writers go on. Where another instance is
    /// at it, that one is left to do it. It may be done again after it was interrupted, or when it was
    /// done: the same traces make the same pages.
    pub async fn sort_generation(&self, full: &Arc<FullGeneration>) -> Result<()> {
        let number = full.number;
        let Some(_claim) = self.claim_runs().await? else {
            return Ok(());
        };
        // Events last: with their run writers forget the generation.
        for class in [Class::Recent, Class::Event] {
            let id = RunId {
                class,
                first: number,
                last: number,
            };
            let full = full.clone();
            let run = aside(move || full.traces.run(class)).await?;
            self.add_pages(id, &run.pages).await?;
            self.add_run(id, &run.filter, run.traces).await?;
        }
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, |c| {
            sqlx::query("DELETE FROM trace_batch WHERE generation = $1")
                .bind(number)
                .execute(c)
                .await?;
        });
        tx.commit().await?;
        self.forget_before(number - RECENT_GENERATIONS).await
    }

    /// Joins the runs of the oldest generations of events that are single still, if there are enough of
    /// them. False if there is nothing to join.
    pub async fn merge_runs(&self) -> Result<bool> {
        let Some(_claim) = self.claim_runs().await? else {
            return Ok(false);
        };
        let mut tx = self.begin_read().await?;
        let singles: Vec<(i64, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT first_generation, traces FROM trace_run
                 WHERE class = $1 AND first_generation = last_generation ORDER BY first_generation LIMIT $2",
            )
            .bind(Class::Event as i64)
            .bind(MERGED_AT_ONCE)
            .fetch_all(c)
            .await?
        });
        drop(tx);
        let (Some(first), Some(last)) = (singles.first(), singles.last()) else {
            return Ok(false);
        };
        if (singles.len() as i64) < MERGED_AT_ONCE {
            return Ok(false);
        }
        let id = RunId {
            class: Class::Event,
            first: first.0,
            last: last.0,
        };
        let mut filter = KeyFilter::new(TRACE_PARTS);
        let mut traces = 0;
        for part in 0..TRACE_PARTS {
            let pages = self.pages_of(id, part).await?;
            let run = aside(move || {
                let all = pages.iter().flat_map(|page| read_traces(page));
                let all: Vec<Trace<'_>> = all.collect::<std::result::Result<_, _>>()?;
                Run::of_part(part, all)
            })
            .await?;
            self.add_pages(id, &run.pages).await?;
            filter.take_shard(run.filter, part);
            traces += run.traces;
        }
        let wanted: i64 = singles.iter().map(|(_, traces)| traces).sum();
        if traces as i64 != wanted {
            let text = format!(
                "{wanted} traces in the runs of generations {} to {}, {traces} read",
                id.first, id.last
            );
            return Err(StoreError::Corrupt(text));
        }
        self.add_run(id, &filter, traces).await?;
        for generation in id.first..=id.last {
            self.drop_pages(Class::Event, generation).await?;
        }
        Ok(true)
    }

    /// The pages of the single runs of these generations that lie in a part.
    async fn pages_of(&self, id: RunId, part: usize) -> Result<Vec<Vec<u8>>> {
        let (low, high) = KeyFilter::range(part, TRACE_PARTS);
        let mut tx = self.begin_read().await?;
        let mut pages = Vec::new();
        for generation in id.first..=id.last {
            let rows: Vec<(Vec<u8>,)> = on_tx!(&mut tx, |c| {
                sqlx::query_as(
                    "SELECT bytes FROM trace_page WHERE class = $1 AND first_generation = $2 AND last_generation = $2
                       AND first_fingerprint BETWEEN $3 AND $4",
                )
                .bind(id.class as i64)
                .bind(generation)
                .bind(low)
                .bind(high)
                .fetch_all(c)
                .await?
            });
            pages.extend(rows.into_iter().map(|r| r.0));
        }
        Ok(pages)
    }

    async fn add_pages(&self, id: RunId, pages: &[(i64, Vec<u8>)]) -> Result<()> {
        for some in pages.chunks(PAGES_AT_ONCE) {
            let mut tx = self.begin().await?;
            on_tx!(&mut tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new(
                    "INSERT INTO trace_page (class, first_generation, last_generation, first_fingerprint, bytes) ",
                );
                sql.push_values(some, |mut row, (first_fingerprint, bytes)| {
                    row.push_bind(id.class as i64)
                        .push_bind(id.first)
                        .push_bind(id.last)
                        .push_bind(*first_fingerprint)
                        .push_bind(&bytes[..]);
                });
                sql.push(
                    " ON CONFLICT (class, first_generation, last_generation, first_fingerprint) DO NOTHING",
                );
                sql.build().execute(c).await?;
            });
            tx.commit().await?;
        }
        Ok(())
    }

    /// Makes a run known in place of the smaller ones that it holds: writers see the one or the others.
    async fn add_run(&self, id: RunId, filter: &KeyFilter, traces: usize) -> Result<()> {
        let mut tx = self.begin().await?;
        dialect::pass_gate(&mut tx).await?;
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "DELETE FROM trace_run WHERE class = $1 AND first_generation >= $2 AND last_generation <= $3",
            )
            .bind(id.class as i64)
            .bind(id.first)
            .bind(id.last)
            .execute(&mut *c)
            .await?;
            sqlx::query(
                "INSERT INTO trace_run (class, first_generation, last_generation, traces, filter)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(id.class as i64)
            .bind(id.first)
            .bind(id.last)
            .bind(traces as i64)
            .bind(filter.to_bytes())
            .execute(&mut *c)
            .await?;
        });
        move_epoch(&mut tx).await?;
        tx.commit().await
    }

    /// Forgets deliveries and transfers of generations up to this one.
    async fn forget_before(&self, generation: i64) -> Result<()> {
        let mut tx = self.begin_read().await?;
        let old: Vec<(i64,)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT first_generation FROM trace_run WHERE class = $1 AND last_generation <= $2",
            )
            .bind(Class::Recent as i64)
            .bind(generation)
            .fetch_all(c)
            .await?
        });
        drop(tx);
        for (old,) in old {
            let mut tx = self.begin().await?;
            dialect::pass_gate(&mut tx).await?;
            on_tx!(&mut tx, |c| {
                sqlx::query("DELETE FROM trace_run WHERE class = $1 AND first_generation = $2")
                    .bind(Class::Recent as i64)
                    .bind(old)
                    .execute(c)
                    .await?;
            });
            move_epoch(&mut tx).await?;
            tx.commit().await?;
            self.drop_pages(Class::Recent, old).await?;
        }
        Ok(())
    }

    /// Takes away the pages of a single run that nobody looks into any more, part by part.
    async fn drop_pages(&self, class: Class, generation: i64) -> Result<()> {
        for part in 0..TRACE_PARTS {
            let (low, high) = KeyFilter::range(part, TRACE_PARTS);
            let mut tx = self.begin().await?;
            on_tx!(&mut tx, |c| {
                sqlx::query(
                    "DELETE FROM trace_page WHERE class = $1 AND first_generation = $2 AND last_generation = $2
                       AND first_fingerprint BETWEEN $3 AND $4",
                )
                .bind(class as i64)
                .bind(generation)
                .bind(low)
                .bind(high)
                .execute(c)
                .await?;
            });
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Tells every writer to read the filters anew.
async fn move_epoch(tx: &mut Tx) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query("UPDATE feed SET runs_epoch = runs_epoch + 1 WHERE id = 1")
            .execute(c)
            .await?;
    });
    Ok(())
}

/// Sorts beside the runtime: it takes tens of milliseconds.
async fn aside(work: impl FnOnce() -> std::result::Result<Run, TraceError> + Send + 'static) -> Result<Run> {
    let wrong = |e: &dyn std::fmt::Display| StoreError::Corrupt(format!("sorting traces: {e}"));
    let run = tokio::task::spawn_blocking(work).await;
    run.map_err(|e| wrong(&e))?.map_err(|e| wrong(&e))
}
