//! Streets as a list: which of them look alike, and the merging of two that are one.

use std::collections::BTreeMap;

use super::places::raise_epoch;
use super::{Actor, Conflict, Missing, Result, Store, on_tx};
use crate::places::street_likeness;

/// A street of the register.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StreetView {
    pub street_id: String,
    /// Code of the city in which its name is unique.
    pub scope_code: String,
    pub name: String,
    /// Households that are or were there.
    pub households: i64,
}

impl Store {
    /// Streets that nobody merged into another, by name.
    pub async fn streets(&self) -> Result<Vec<StreetView>> {
        let mut tx = self.begin_read().await?;
        let mut streets: Vec<StreetView> = on_tx!(&mut tx, |c| {
            sqlx::query_as(
                "SELECT st.street_id, st.scope_code, st.name, COUNT(DISTINCT v.household_id) AS households
                 FROM street st
                 LEFT JOIN place p ON p.street_id = st.street_id
                 LEFT JOIN household_version v ON v.place_id = p.place_id
                 WHERE NOT EXISTS (SELECT 1 FROM street_merge m WHERE m.street_id = st.street_id)
                 GROUP BY st.street_id, st.scope_code, st.name",
            )
            .fetch_all(c)
            .await?
        });
        // Not by the database, whose order of letters is its own.
        streets.sort_by(|a, b| (&a.name, &a.street_id).cmp(&(&b.name, &b.street_id)));
        Ok(streets)
    }

    /// Streets of one city whose names look alike, group by group.
    pub async fn streets_alike(&self) -> Result<Vec<Vec<StreetView>>> {
        let mut groups: BTreeMap<(String, String), Vec<StreetView>> = BTreeMap::new();
        for street in self.streets().await? {
            let key = (street.scope_code.clone(), street_likeness(&street.name));
            groups.entry(key).or_default().push(street);
        }
        Ok(groups.into_values().filter(|of| of.len() > 1).collect())
    }

    /// Makes two streets one: households, stalls and counts of the first are of the second from now on, and its name
    /// leads there. As known at a time before, they stay two. Gives back how many segments moved.
    pub async fn merge_streets(
        &self,
        street_id: &str,
        into_street_id: &str,
        reason: &str,
        actor: Actor<'_>,
    ) -> Result<u64> {
        if street_id == into_street_id {
            return Err(Conflict::StreetIntoItself.into());
        }
        let mut tx = self.begin().await?;
        let mut scopes = Vec::new();
        for id in [street_id, into_street_id] {
            let found: Option<(String, i64, i64)> = on_tx!(&mut tx, |c| {
                sqlx::query_as(
                    "SELECT scope_code, scope_valid_from_day,
                            CAST((SELECT COUNT(*) FROM street_merge m WHERE m.street_id = street.street_id) AS BIGINT)
                     FROM street WHERE street_id = $1",
                )
                .bind(id)
                .fetch_optional(c)
                .await?
            });
            let (code, from, merged) = found.ok_or_else(|| Missing::Street { id: id.to_owned() })?;
            if merged > 0 {
                return Err(Conflict::StreetMerged { id: id.to_owned() }.into());
            }
            scopes.push((code, from));
        }
        if scopes.first() != scopes.last() {
            return Err(Conflict::StreetsApart.into());
        }
        let moved = on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO segment_until (place_id, until_ms, street_id)
                 SELECT place_id, $2, street_id FROM place WHERE street_id = $1",
            )
            .bind(street_id)
            .bind(actor.now.0)
            .execute(&mut *c)
            .await?;
            sqlx::query(
                "INSERT INTO street_merge (street_id, into_street_id, merged_at_ms, merged_by, reason)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(street_id)
            .bind(into_street_id)
            .bind(actor.now.0)
            .bind(actor.by)
            .bind(reason)
            .execute(&mut *c)
            .await?;
            sqlx::query("UPDATE place SET street_id = $2 WHERE street_id = $1")
                .bind(street_id)
                .bind(into_street_id)
                .execute(&mut *c)
                .await?
                .rows_affected()
        });
        raise_epoch(&mut tx).await?;
        tx.commit().await?;
        Ok(moved)
    }

    /// The street that this one was merged into, if it was.
    pub async fn street_now(&self, street_id: &str) -> Result<Option<String>> {
        let mut tx = self.begin_read().await?;
        let mut now = None;
        let mut id = street_id.to_owned();
        // A merged street is merged once, and never into one that is merged already: a chain has an end.
        loop {
            let next: Option<(String,)> = on_tx!(&mut tx, |c| {
                sqlx::query_as("SELECT into_street_id FROM street_merge WHERE street_id = $1")
                    .bind(&id)
                    .fetch_optional(c)
                    .await?
            });
            let Some((next,)) = next else { return Ok(now) };
            id.clone_from(&next);
            now = Some(next);
        }
    }
}
