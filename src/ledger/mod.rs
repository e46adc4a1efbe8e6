//! What becomes of a notice: whose money it is, in which state it is kept, and what the counters gain.
//!
//! Pure: the store reads what is known, asks here, and writes the answer in the same transaction.
//! Conservation (docs/spec/domain.md, section 7): every kept item is exactly one of posted, quarantined, ignored.

mod attribution;
mod bill;
mod counters;
mod decide;
mod evidence;
mod filter;
mod key;
mod number;
mod received;
mod state;
mod trace;

pub use attribution::{
    AccountLinks, Attributed, AttributionFacts, Link, Order, TerminalLink, attribute, order_of, stall_aliases,
};
pub use bill::BillState;
pub use counters::{Counted, Counters, DayDelta, IntakeDelta, QUALIFYING_FLOOR, qualifies};
pub use decide::{Decision, OrderCheck, Verdict, business_day, can_refund, decide};
pub use evidence::{
    EntryRow, EvidenceError, EvidenceLink, KeptCallback, ReceiptRow, bytes_digest, read_callbacks,
    rows_digest, write_callback,
};
pub use filter::{FilterError, KeyFilter};
pub use key::{Key, items_digest};
pub use number::LedgerNo;
pub use received::{Grain, Received};
pub use state::{Reason, State};
pub use trace::{Class, PASSES_OF_LARGE, Run, Standing, TRACE_PARTS, Trace, TraceError, Traces, read_traces};
