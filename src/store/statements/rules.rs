//! What counts as agreement with a provider.

use super::super::{Conflict, Missing, Result, Store, StoreError, Tx, on_tx};
use crate::reconcile::{ProviderRules, RuleTexts};
use crate::vn::TimeMs;

/// The rules of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRules {
    pub rules: ProviderRules,
    /// Who said so, and when; none for the usual rules.
    pub set: Option<(String, TimeMs)>,
}

impl Store {
    /// What holds for a provider: the usual rules until somebody says otherwise. What is kept and cannot be read is
    /// an error, so that nothing is compared by rules that nobody set.
    pub async fn statement_rules(&self, provider_id: &str) -> Result<StatementRules> {
        read(&mut self.begin_read().await?, provider_id).await
    }

    /// Changes what is written, and leaves the rest as it is. A conflict if that can be no rule; missing if there is
    /// no such provider.
    pub async fn change_statement_rules(
        &self,
        provider_id: &str,
        change: &RuleTexts,
        by: &str,
        now: TimeMs,
    ) -> Result<StatementRules> {
        let mut tx = self.begin().await?;
        // Two who change different rules at once both have their way: the second waits for this row.
        let known = on_tx!(&mut tx, |c| {
            sqlx::query("UPDATE provider SET provider_id = provider_id WHERE provider_id = $1")
                .bind(provider_id)
                .execute(c)
                .await?
                .rows_affected()
        });
        if known == 0 {
            let provider_id = provider_id.to_owned();
            return Err(Missing::Provider { provider_id }.into());
        }
        let before = read(&mut tx, provider_id).await?.rules;
        let rules = before.changed(change).map_err(Conflict::ProviderRules)?;
        // Words and numbers always become JSON.
        let json = serde_json::json!(rules).to_string();
        on_tx!(&mut tx, |c| {
            sqlx::query(
                "INSERT INTO statement_rules (provider_id, rules, set_by, set_at_ms) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (provider_id) DO UPDATE SET rules = excluded.rules, set_by = excluded.set_by,
                   set_at_ms = excluded.set_at_ms",
            )
            .bind(provider_id)
            .bind(json)
            .bind(by)
            .bind(now.0)
            .execute(c)
            .await?;
        });
        tx.commit().await?;
        Ok(StatementRules {
            rules,
            set: Some((by.to_owned(), now)),
        })
    }
}

async fn read(tx: &mut Tx, provider_id: &str) -> Result<StatementRules> {
    let row: Option<(String, String, TimeMs)> = on_tx!(&mut *tx, |c| {
        sqlx::query_as("SELECT rules, set_by, set_at_ms FROM statement_rules WHERE provider_id = $1")
            .bind(provider_id)
            .fetch_optional(c)
            .await?
    });
    let Some((rules, set_by, set_at)) = row else {
        return Ok(StatementRules {
            rules: ProviderRules::default(),
            set: None,
        });
    };
    let wrong = |error| StoreError::Corrupt(format!("statement rules of {provider_id}: {error}"));
    Ok(StatementRules {
        rules: serde_json::from_str(&rules).map_err(wrong)?,
        set: Some((set_by, set_at)),
    })
}
