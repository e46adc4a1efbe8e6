//! Runs: traces that were sorted and put away, so that memory holds only a filter of them. A generation
//! becomes a run when it is full, and many small runs become one large one.

use std::sync::Arc;

use sqlx::QueryBuilder;

use super::super::{Result, Store, StoreError, Tx, dialect, on_tx};
use crate::ledger::{
    Class, KeyFilter, PASSES_OF_LARGE, Run, TRACE_PARTS, Trace, TraceError, Traces, read_traces,
};

/// Pages that one transaction adds: it holds SQLite's write lock for some milliseconds.
const PAGES_AT_ONCE: usize = 256;
/// Runs of events that become one. Every run is a filter to ask for each callback, and every time that runs
/// are joined each trace in them is written again: of 500 generations there are some twenty runs, and a
/// trace was written again once or twice.
const MERGED_AT_ONCE: usize = 16;
/// Generations for which deliveries are remembered: some million of them.
const RECENT_GENERATIONS: i64 = 8;
/// Steps in which the pages of a run are taken away.
const DROP_STEPS: usize = 16;

/// A generation of traces that is full: nothing will be added to it.
#[derive(Debug)]
pub struct FullGeneration {
    pub(super) number: i64,
    pub(super) traces: Traces,
}

/// Which run: its class, and the generations it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct RunId {
    pub class: Class,
    pub first: i64,
    pub last: i64,
}

impl RunId {
    /// Whether the run has the traces of a generation.
    pub fn holds(&self, generation: i64) -> bool {
        (self.first..=self.last).contains(&generation)
    }
}

impl Store {
    /// Sorts a full generation into runs, in steps between which writers go on. Where another instance is
    /// at it, that one is left to do it. It may be done again after it was interrupted: the same traces make
    /// the same pages.
    pub async fn sort_generation(&self, full: &Arc<FullGeneration>) -> Result<()> {
        let Some(claim) = self.claim_runs().await? else {
            return Ok(());
        };
        let sorted = self.sort_claimed(full).await;
        claim.release().await?;
        sorted
    }

    async fn sort_claimed(&self, full: &Arc<FullGeneration>) -> Result<()> {
        let number = full.number;
        let is_done = |run: &RunId| run.class == Class::Event && run.holds(number);
        if self.runs().await?.iter().any(|(run, _)| is_done(run)) {
            // Another instance was here first.
            return Ok(());
        }
        // Events last: with their run writers forget the generation.
        for class in [Class::Recent, Class::Event] {
            let id = RunId {
                class,
                first: number,
                last: number,
            };
            let full = full.clone();
            let run = sort_on_thread(move || full.traces.run(class)).await?;
            self.add_pages(id, &run.pages).await?;
            self.add_run(id, &run.filter, run.traces).await?;
        }
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, |c| {
            // With those of earlier ones, should a stop have come between a run and this.
            sqlx::query("DELETE FROM trace_batch WHERE generation <= $1")
                .bind(number)
                .execute(c)
                .await?;
        });
        tx.commit().await?;
        self.forget_until(number - RECENT_GENERATIONS).await
    }

    /// Joins sixteen runs of events of one size into one, the oldest ones of the smallest size of which
    /// there are so many. False if there are nowhere so many.
    pub async fn merge_runs(&self) -> Result<bool> {
        let Some(claim) = self.claim_runs().await? else {
            return Ok(false);
        };
        let merged = self.merge_claimed().await;
        claim.release().await?;
        merged
    }

    async fn merge_claimed(&self) -> Result<bool> {
        let Some(parts) = runs_to_merge(&self.runs().await?) else {
            return Ok(false);
        };
        let id = RunId {
            first: parts[0].0.first,
            ..parts[MERGED_AT_ONCE - 1].0
        };
        let mut filter = KeyFilter::new(TRACE_PARTS, PASSES_OF_LARGE);
        let mut traces = 0;
        for part in 0..TRACE_PARTS {
            let pages = self.pages_of(&parts, part).await?;
            let run = sort_on_thread(move || {
                let all = pages.iter().flat_map(|page| read_traces(page));
                let all: Vec<Trace<'_>> = all.collect::<std::result::Result<_, _>>()?;
                Run::of_part(part, all, PASSES_OF_LARGE)
            })
            .await?;
            self.add_pages(id, &run.pages).await?;
            filter.take_shard(run.filter, part);
            traces += run.traces;
        }
        let wanted: i64 = parts.iter().map(|(_, traces)| traces).sum();
        if traces as i64 != wanted {
            let text = format!("{wanted} traces are in the runs that make up {id:?}, {traces} were read");
            return Err(StoreError::Corrupt(text));
        }
        self.add_run(id, &filter, traces).await?;
        for (part, _) in parts {
            self.drop_pages(part).await?;
        }
        Ok(true)
    }

    /// Every run with the number of its traces, by class and generation.
    async fn runs(&self) -> Result<Vec<(RunId, i64)>> {
        let mut tx = self.begin_read().await?;
        let rows: Vec<(Class, i64, i64, i64)> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT class, first_generation, last_generation, traces FROM trace_run
                 ORDER BY class, first_generation",
            )
            .fetch_all(c)
            .await?
        });
        let run = |(class, first, last, traces)| (RunId { class, first, last }, traces);
        Ok(rows.into_iter().map(run).collect())
    }

    /// The pages of these runs that lie in a part.
    async fn pages_of(&self, runs: &[(RunId, i64)], part: usize) -> Result<Vec<Vec<u8>>> {
        let (low, high) = KeyFilter::range(part, TRACE_PARTS);
        let mut tx = self.begin_read().await?;
        let mut pages = Vec::new();
        for (run, _) in runs {
            let rows: Vec<(Vec<u8>,)> = on_tx!(&mut tx, |c| {
                sqlx::query_as(
                    "SELECT bytes FROM trace_page WHERE class = $1 AND first_generation = $2 AND last_generation = $3
                       AND first_fingerprint BETWEEN $4 AND $5",
                )
                .bind(run.class as i64)
                .bind(run.first)
                .bind(run.last)
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
        for chunk in pages.chunks(PAGES_AT_ONCE) {
            let mut tx = self.begin().await?;
            on_tx!(&mut tx, |c, Db| {
                let mut sql = QueryBuilder::<Db>::new(
                    "INSERT INTO trace_page (class, first_generation, last_generation, first_fingerprint, bytes) ",
                );
                sql.push_values(chunk, |mut row, (first_fingerprint, bytes)| {
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
        dialect::lock_feed(&mut tx).await?;
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
        raise_runs_epoch(&mut tx).await?;
        tx.commit().await
    }

    /// Forgets deliveries of generations up to this one.
    async fn forget_until(&self, generation: i64) -> Result<()> {
        let old = self.runs().await?.into_iter().map(|(run, _)| run);
        for run in old.filter(|run| run.class == Class::Recent && run.last <= generation) {
            let mut tx = self.begin().await?;
            dialect::lock_feed(&mut tx).await?;
            on_tx!(&mut tx, |c| {
                sqlx::query(
                    "DELETE FROM trace_run WHERE class = $1 AND first_generation = $2 AND last_generation = $3",
                )
                .bind(run.class as i64)
                .bind(run.first)
                .bind(run.last)
                .execute(c)
                .await?;
            });
            raise_runs_epoch(&mut tx).await?;
            tx.commit().await?;
            self.drop_pages(run).await?;
        }
        Ok(())
    }

    /// Takes away the pages of a run that nobody looks into any more, step by step.
    async fn drop_pages(&self, run: RunId) -> Result<()> {
        for step in 0..DROP_STEPS {
            let (low, high) = KeyFilter::range(step, DROP_STEPS);
            let mut tx = self.begin().await?;
            on_tx!(&mut tx, |c| {
                sqlx::query(
                    "DELETE FROM trace_page WHERE class = $1 AND first_generation = $2 AND last_generation = $3
                       AND first_fingerprint BETWEEN $4 AND $5",
                )
                .bind(run.class as i64)
                .bind(run.first)
                .bind(run.last)
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

/// The runs to be joined next: adjacent ones of events, of one size. Runs come by class and generation.
/// Those of deliveries go before it would be worth it.
fn runs_to_merge(runs: &[(RunId, i64)]) -> Option<Vec<(RunId, i64)>> {
    let size = |run: &RunId| run.last - run.first + 1;
    let fits = |group: &&[(RunId, i64)]| {
        let first = group[0].0;
        let mut next = first.first;
        group.iter().all(|(run, _)| {
            let fits = run.class == Class::Event && run.first == next && size(run) == size(&first);
            next = run.last + 1;
            fits
        })
    };
    let all = runs.windows(MERGED_AT_ONCE).filter(fits);
    all.min_by_key(|group| size(&group[0].0)).map(<[_]>::to_vec)
}

/// Tells every writer to read the filters again.
async fn raise_runs_epoch(tx: &mut Tx) -> Result<()> {
    on_tx!(tx, |c| {
        sqlx::query("UPDATE feed SET runs_epoch = runs_epoch + 1 WHERE id = 1")
            .execute(c)
            .await?;
    });
    Ok(())
}

/// Sorts on a thread of its own: it takes tens of milliseconds.
async fn sort_on_thread(
    work: impl FnOnce() -> std::result::Result<Run, TraceError> + Send + 'static,
) -> Result<Run> {
    let wrong = |e: &dyn std::fmt::Display| StoreError::Corrupt(format!("sorting traces: {e}"));
    let run = tokio::task::spawn_blocking(work).await;
    run.map_err(|e| wrong(&e))?.map_err(|e| wrong(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(class: Class, sizes: &[i64]) -> Vec<(RunId, i64)> {
        let mut next = 1;
        let run = |size: &i64| {
            let first = next;
            let last = next + size - 1;
            next += size;
            (RunId { class, first, last }, 7)
        };
        sizes.iter().map(run).collect()
    }

    #[test]
    fn neighbours_of_one_size_are_joined_the_smallest_first() {
        let joined = |runs: &[(RunId, i64)]| {
            let some = runs_to_merge(runs)?;
            Some((some[0].0.first, some[MERGED_AT_ONCE - 1].0.last, some.len()))
        };
        let many = |size: i64| [size; MERGED_AT_ONCE];
        assert_eq!(joined(&[]), None);
        assert_eq!(joined(&runs(Class::Event, &many(1)[1..])), None);
        assert_eq!(joined(&runs(Class::Event, &many(1))), Some((1, 16, 16)));
        let large_and_small = [many(16), many(1)].concat();
        assert_eq!(
            joined(&runs(Class::Event, &large_and_small)),
            Some((257, 272, 16))
        );
        assert_eq!(joined(&runs(Class::Event, &many(16))), Some((1, 256, 16)));
        // Others between, or of the other class, do not count.
        assert_eq!(
            joined(&runs(
                Class::Event,
                &[&many(1)[..9], &[16], &many(1)[..9]].concat()
            )),
            None
        );
        assert_eq!(joined(&runs(Class::Recent, &many(1))), None);
    }
}
