//! A notice on its way into the ledger: what was decided about an item of a callback.

use std::sync::Arc;

use crate::ledger::{
    Attributed, EntryRow, Key, LedgerNo, OrderCheck, Reason, ReceiptRow, Standing, State, Trace, business_day,
};
use crate::notice::{ContentDigest, Delivery, Item, NoticeKind, Outcome, content_by_statement};
use crate::reconcile::txn_id_of_row;
use crate::vn::{Day, TimeMs};

/// A verified callback with the time it was received.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What was verified and read.
    pub delivery: Delivery,
    pub received_at: TimeMs,
}

/// One notice to be kept.
pub(super) struct Draft<'a> {
    /// Which callback of the batch it came in.
    pub at: usize,
    pub arrival: &'a Arrival,
    pub item: &'a Item,
    /// Its key if it is the first of its event.
    pub event: Key,
    pub key: Key,
    pub standing: Standing,
    pub state: State,
    pub reason: Option<Reason>,
    pub order: OrderCheck,
    /// Where a payment is posted: whose it is.
    pub receipt: Option<Attributed>,
    /// Its number, once it is known to be new and gets one.
    pub entry_no: LedgerNo,
}

impl<'a> Draft<'a> {
    pub fn provider_id(&self) -> &'a Arc<str> {
        &self.arrival.delivery.provider_id
    }

    pub fn received_day(&self) -> Day {
        Day::of(self.arrival.received_at)
    }

    pub fn business_day(&self) -> Day {
        business_day(self.item, self.arrival.received_at)
    }

    /// The bank's own reference of a payment, by which a statement names it too.
    pub fn bank_ref(&self) -> Option<&'a str> {
        let bank_ref = self.item.details.bank_ref.as_deref();
        bank_ref.filter(|text| !text.is_empty() && *text != self.item.provider_txn_id)
    }

    /// Whether it is of a statement's row.
    pub fn is_from_statement(&self) -> bool {
        self.item.details.from_statement.is_some()
    }

    /// Whether what the ledger knows of the event first came from a statement, and names the same amount. A row says
    /// no more than that, so its amount alone makes it the same.
    pub fn was_in_statement_first(&self, first: &ContentDigest) -> bool {
        *first == content_by_statement(self.item.amount)
    }

    /// The events under which a statement may know a payment whose notice has an id of its own: the provider's id of
    /// the transaction, and the bank's reference, which is the one id in a bank's own statement.
    pub fn statement_event_keys(&self) -> impl Iterator<Item = Key> {
        let is_payment = self.item.kind == NoticeKind::Payment && !self.is_from_statement();
        let txn_id = self.own_event_id().map(|_| &*self.item.provider_txn_id);
        let ids = [txn_id, self.bank_ref()].into_iter().flatten();
        let kind = NoticeKind::Payment.as_str();
        ids.filter(move |_| is_payment)
            .map(move |id| Key::of_event(self.provider_id(), id, kind))
    }

    /// Under which key a bank transfer is known, whoever reports it.
    pub fn transfer_key(&self, reference: &str) -> Option<Key> {
        let account_number = &self.item.details.account_number;
        let is_posting = self.receipt.is_some() && !account_number.is_empty();
        let is_named = is_posting && !reference.is_empty();
        is_named.then(|| Key::of_transfer(reference, account_number, self.item.amount))
    }

    /// The transfer by the bank's reference.
    pub fn bank_transfer_key(&self) -> Option<Key> {
        self.transfer_key(self.item.details.bank_ref.as_deref()?)
    }

    /// The transfer of a row that has only one reference, so that a notice of the same provider with it tells of the
    /// same payment. What the row calls its id may be the bank's reference or the provider's own, so it says nothing
    /// of what other providers tell.
    pub fn row_transfer_key(&self) -> Option<Key> {
        let details = &self.item.details;
        let row = details.from_statement?;
        if self.own_event_id().is_some() {
            // Other payments have its id too.
            return None;
        }
        let txn_id = &*self.item.provider_txn_id;
        match details.bank_ref.as_deref().unwrap_or_default() {
            "" => self.transfer_key(txn_id),
            bank_ref if bank_ref == txn_id || txn_id == txn_id_of_row(row.row_no) => {
                self.transfer_key(bank_ref)
            }
            _ => None,
        }
    }

    pub fn is_first(&self) -> bool {
        matches!(self.standing, Standing::First(_))
    }

    /// The event's id, where it is not the provider's transaction id.
    pub fn own_event_id(&self) -> Option<&'a str> {
        (self.item.event_id != self.item.provider_txn_id).then_some(&*self.item.event_id)
    }

    /// Keeps the item beside the first of its event, which said something else.
    pub fn set_aside_for_other_content(&mut self) {
        self.set_aside(Standing::OtherContent(self.item.kind), Reason::SameIdOtherContent);
    }

    /// Keeps the item beside the first of its event, for review.
    pub fn set_aside(&mut self, standing: Standing, reason: Reason) {
        self.key = self.event.beside(&self.item.content);
        self.standing = standing;
        self.state = State::Quarantined;
        self.reason = Some(reason);
        self.receipt = None;
        self.order = OrderCheck::Fits;
    }

    pub fn outcome(&self) -> Outcome {
        match self.order {
            OrderCheck::Fits => Outcome::Stored,
            OrderCheck::Unknown => Outcome::UnknownOrder,
            OrderCheck::AmountDiffers(expected) => Outcome::AmountDiffers { expected },
        }
    }

    pub fn row(&self) -> EntryRow<'_> {
        EntryRow {
            entry_no: self.entry_no.get(),
            provider_id: self.provider_id(),
            event_id: &self.item.event_id,
            provider_txn_id: &self.item.provider_txn_id,
            kind: self.item.kind.as_str(),
            content: &self.item.content,
            amount_vnd: self.item.amount.vnd(),
            received_at_ms: self.arrival.received_at.0,
            receipt: self.receipt.as_ref().map(|to| ReceiptRow {
                household_id: &to.household_id,
                stall_id: to.stall_id.as_deref(),
                place_id: &to.place_id,
                business_day: self.business_day().number(),
                occurred_at_ms: self.item.details.occurred_at.map(|t| t.0),
            }),
        }
    }

    pub fn trace(&self) -> Trace<'_> {
        Trace {
            key: self.key,
            standing: self.standing,
            provider_id: self.provider_id(),
            id: &self.item.event_id,
            content: self.item.content,
            entry_no: self.entry_no.get(),
        }
    }
}
