//! The only room that says SQL: one text for SQLite and PostgreSQL.
//!
//! [`Store`] has a method for each thing the product does, in one file per subject. Each method opens
//! a transaction, reads, asks the core, writes, commits; what [`Creation`] does is committed by its caller. The macro `on_tx!` is the one place where both
//! drivers stand together: it expands an ordinary body for each.

mod access;
mod actor;
mod columns;
mod connection;
mod creation;
mod days;
mod dialect;
mod error;
mod health;
mod ids;
mod in_chunks;
mod indicators;
mod ledger;
mod owner_keys;
mod owner_list;
mod packed;
mod pins;
mod places;
mod refusal;
mod register;
mod sessions;
mod statements;
mod streets;
mod tokens;
mod tx;

pub use access::{EverKey, KeyEnded, NewKey, NewProvider, ProviderRow};
pub use actor::Actor;
use connection::IfAbsent;
pub(in crate::store) use connection::Pool;
pub use connection::Store;
pub use creation::{Creation, IdempotentAnswer, IdempotentCall};
pub(in crate::store) use days::{OPEN_START_DAY, day_of, period_of};
pub use error::{Result, StoreError};
pub use health::{ProviderHour, ProviderTally};
pub use ids::fresh_id;
pub(in crate::store) use in_chunks::{fetch_in_chunks, pieces};
pub use ledger::{
    Arrival, AuditEntry, AuditReceipt, AuditRow, BillView, EventBeside, FeedReceipt, FeedStep,
    FullGeneration, IntakeTotals, NewBill, NewOrder, NewPosting, Posted, Posting, Recount, StateTotal,
    WaitingNotice, WaitingPayee, WaitingWhole, WriterMemory,
};
pub use owner_keys::OwnerKey;
pub use owner_list::{ListPosition, OwnerList, OwnerReceipt};
pub use pins::{FirstPin, KnownPin, PinAttempt};
pub use places::PlacesKept;
pub use refusal::{Conflict, Missing};
pub use register::{
    AccountView, Approval, CardView, ChangedAccount, CheckWay, Checked, CodeEnding, CodeView,
    HouseholdChange, HouseholdFilter, HouseholdView, Import, Inspection, IssuedCode, NamedStall, NewCode,
    NewInspection, NewTerminal, OfflineCheck, OfflineChecksKept, OwnerMessage, PlaceCode, PlaceStall,
    PrintableCard, RegisterKept, StallView, WhichCards,
};
pub use sessions::{LivingSession, SessionRow, session_id};
pub use statements::{
    Answer, BadStatementRow, DayClose, DecisionView, EntryDetail, FreshRows, KeptRow, NewDayClose,
    NewDecision, NewStatement, PackedRows, PayeeName, RowDetail, StatementBegun, StatementFileView,
    StatementRules, StatementTotals, row_no,
};
pub use streets::StreetView;
pub use tokens::{NewSession, TokenRow};
pub(in crate::store) use tx::{Tx, on_tx};

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

impl Store {
    /// Opens the database and brings its schema up to date. What is absent is made: a SQLite file, the tables.
    pub async fn open(url: &str) -> Result<Store> {
        Store::set_up(connection::connect(url, IfAbsent::Make).await?).await
    }

    /// As [`Store::open`], where the database must hold something already: to look into one that a typing error has
    /// made would only tell that all is well.
    pub async fn open_existing(url: &str) -> Result<Store> {
        let pool = connection::connect(url, IfAbsent::Refuse).await?;
        let store = Store { pool };
        if store.schema_version().await?.is_none() {
            let database = connection::without_password(url);
            return Err(StoreError::NoSchema { database });
        }
        Store::set_up(store.pool).await
    }

    async fn set_up(pool: Pool) -> Result<Store> {
        let store = Store { pool };
        store.migrate().await?;
        store.keep_shipped_units().await?;
        Ok(store)
    }

    /// Brings the schema up to date; refuses one that a newer program made.
    async fn migrate(&self) -> Result<()> {
        let migrator = match &self.pool {
            Pool::Sqlite { .. } => &SQLITE_MIGRATIONS,
            Pool::Postgres(_) => &POSTGRES_MIGRATIONS,
        };
        let known = migrator.iter().map(|m| m.version).max().unwrap_or(0);
        if let Some(found) = self.schema_version().await?
            && found > known
        {
            return Err(StoreError::NewerSchema { found, known });
        }
        match &self.pool {
            Pool::Sqlite { write, .. } => migrator.run(write).await?,
            Pool::Postgres(pool) => migrator.run(pool).await?,
        }
        Ok(())
    }

    /// The newest migration in the database, or none before the first.
    async fn schema_version(&self) -> Result<Option<i64>> {
        let mut tx = self.begin_read().await?;
        if !dialect::table_exists(&mut tx, "_sqlx_migrations").await? {
            return Ok(None);
        }
        let version: (Option<i64>,) = on_tx!(&mut tx, |c| {
            sqlx::query_as("SELECT CAST(MAX(version) AS BIGINT) FROM _sqlx_migrations")
                .fetch_one(c)
                .await?
        });
        Ok(version.0)
    }

    /// Whether the database answers and its schema is the one this program knows.
    pub async fn ready(&self) -> Result<()> {
        let known = SQLITE_MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
        match self.schema_version().await? {
            Some(found) if found == known => Ok(()),
            found => Err(Conflict::SchemaDiffers { found, known }.into()),
        }
    }
}
