//! The ledger: callbacks are posted in batches, one transaction each, from "did it come before" to the counters.
//!
//! Batches pass one after the other, over all instances: each begins by locking the row of the feed, and so
//! sees all that was kept before it. Whether something came before is then known from memory (the traces
//! of the last batches) and from runs of older traces; nothing is asked of the big tables.

mod bills;
mod corrections;
mod draft;
mod evidence;
mod feed;
mod head;
mod orders;
mod partitions;
mod post;
mod recount;
mod refunds;
mod register_memory;
mod repeats;
mod review;
mod rows;
mod runs;
mod trace_memory;
mod writer_memory;

pub use bills::{BillView, NewBill};
pub(super) use corrections::REFUND_NOTIFIED;
pub use draft::Arrival;
pub use evidence::{AuditEntry, AuditReceipt, AuditRow};
pub use feed::{FeedReceipt, FeedStep};
pub use orders::NewOrder;
pub use post::Posted;
pub use recount::{IntakeTotals, Recount, StateTotal, WaitingNotice};
pub(super) use register_memory::RegisterMemory;
pub use review::{EventBeside, NewPosting, Posting, WaitingPayee, WaitingWhole};
pub use runs::FullGeneration;
pub use writer_memory::WriterMemory;
pub(super) use writer_memory::entries_of_payments;
