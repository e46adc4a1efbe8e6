//! Rows that no notice told of, as deliveries for the ledger, and the keys by which a row is known again.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Key128;
use crate::notice::{Delivery, Details, Evidence, FromStatement, Item, NoticeKind, content_by_statement};
use crate::statement::{RowKind, stated_id};
use crate::vn::{Day, Dong, TimeMs};

/// The method under which the evidence of a statement's rows is kept: no request has it.
const METHOD: &str = "STATEMENT";

/// A payment that a statement knows and no notice told of.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnnotifiedRow {
    pub row_no: i64,
    /// The provider's id of the transaction; may be empty.
    pub provider_txn_id: String,
    /// Amount, đồng.
    pub amount_vnd: i64,
    /// Bank of the payee account, or empty.
    pub bank_bin: String,
    /// Payee account, or empty.
    pub account_number: String,
    /// Terminal, or empty.
    pub terminal: String,
    /// The merchant's reference, or empty.
    pub reference: String,
    /// The bank's reference, or empty.
    pub bank_ref: String,
    /// The stall code that stood in the note, or empty.
    pub stall_code: String,
    /// When, if the statement says more than the day; milliseconds UTC.
    pub occurred_at_ms: Option<i64>,
    /// The day under which the provider put it, as [`Day::number`].
    pub business_day: i64,
    /// Other payments have its id too, so that it is no event of that id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_id_shared: bool,
}

/// Why kept rows of a statement cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the kept rows of a statement cannot be read: {0}")]
pub struct UnnotifiedError(String);

impl UnnotifiedRow {
    /// As which transaction the ledger knows it: by the provider's id, else by its row.
    pub fn txn_id(&self) -> String {
        match self.provider_txn_id.as_str() {
            "" => txn_id_of_row(self.row_no),
            id => id.to_owned(),
        }
    }

    fn event_id(&self) -> String {
        if self.is_id_shared {
            txn_id_of_row(self.row_no)
        } else {
            self.txn_id()
        }
    }

    fn item(&self) -> Result<Item, UnnotifiedError> {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        let business_day = Day::from_number(self.business_day)
            .ok_or_else(|| UnnotifiedError(format!("day {} of row {}", self.business_day, self.row_no)))?;
        let amount = Dong::payment(self.amount_vnd)
            .map_err(|error| UnnotifiedError(format!("row {}: {error}", self.row_no)))?;
        Ok(Item {
            kind: NoticeKind::Payment,
            event_id: self.event_id(),
            provider_txn_id: self.txn_id(),
            amount,
            content: content_by_statement(amount),
            details: Details {
                bank_bin: text(&self.bank_bin),
                account_number: self.account_number.clone(),
                terminal: text(&self.terminal),
                reference: self.reference.clone(),
                note: text(&self.stall_code),
                bank_ref: text(&self.bank_ref),
                occurred_at: self.occurred_at_ms.map(TimeMs),
                from_statement: Some(FromStatement {
                    row_no: self.row_no,
                    business_day,
                }),
                ..Details::default()
            },
        })
    }
}

/// Rows of a provider's statements as the ledger takes them: one delivery whose evidence is the rows.
pub fn delivery_from_statement(
    provider_id: &Arc<str>,
    rows: &[UnnotifiedRow],
) -> Result<Delivery, UnnotifiedError> {
    // Texts and numbers always become JSON.
    let lines = rows.iter().map(|row| serde_json::json!(row).to_string() + "\n");
    let body: String = lines.collect();
    Ok(Delivery {
        provider_id: provider_id.clone(),
        delivery_id: None,
        items: rows.iter().map(UnnotifiedRow::item).collect::<Result<_, _>>()?,
        has_orders: false,
        variant: "",
        evidence: Evidence {
            key_id: "statement".into(),
            method: METHOD.to_owned(),
            path: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body: body.into_bytes(),
        },
    })
}

/// As which transaction the ledger knows a row that names none.
pub fn txn_id_of_row(row_no: i64) -> String {
    format!("statement:{row_no}")
}

/// The items of a kept delivery, if it came from a statement.
pub fn items_from_statement(evidence: &Evidence) -> Option<Result<Vec<Item>, UnnotifiedError>> {
    (evidence.method == METHOD).then(|| {
        let lines = evidence
            .body
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let row: UnnotifiedRow =
                    serde_json::from_slice(line).map_err(|error| UnnotifiedError(error.to_string()))?;
                row.item()
            })
            .collect()
    })
}

/// The keys of a row: of its id, and of another one that it names beside it. In a bank's own statement the bank's
/// reference is the one id there is, and where that is missing too, an id may stand in the place of the customer's.
pub fn row_keys(txn_id: &str, bank_ref: &str, reference: &str) -> (Option<Key128>, Option<Key128>) {
    let key = |id: &str| Some(stated_id(id)).filter(|id| !id.is_empty()).map(Key128::of_id);
    let own = key(txn_id);
    let other = [bank_ref, reference]
        .into_iter()
        .find_map(|id| key(id).filter(|key| Some(*key) != own));
    (own, other)
}

/// The keys of a receipt: of the provider's id of its transaction, and of the bank's reference where its notice named
/// one.
pub fn receipt_keys(txn_id: &str, bank_ref: &str) -> (Key128, Option<Key128>) {
    let own = Key128::of_id(txn_id);
    let bank_ref = Some(stated_id(bank_ref)).filter(|id| !id.is_empty());
    (own, bank_ref.map(Key128::of_id).filter(|other| *other != own))
}

/// When a row was paid, if its file says more than the day: midnight itself is how programs write a day.
pub fn stated_time(occurred_at: Option<TimeMs>) -> Option<TimeMs> {
    occurred_at.filter(|time| Day::of(*time).start() != *time)
}

/// The key of the payment that a row takes back. Some files repeat the payment's own id beside it.
pub fn refund_key(kind: RowKind, refund_of: &str) -> Option<Key128> {
    let id = stated_id(refund_of);
    (kind != RowKind::Payment && !id.is_empty()).then(|| Key128::of_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(row_no: i64, provider_txn_id: &str) -> UnnotifiedRow {
        UnnotifiedRow {
            row_no,
            provider_txn_id: provider_txn_id.to_owned(),
            amount_vnd: 20_000,
            bank_bin: "970415".to_owned(),
            account_number: "00000022".to_owned(),
            terminal: String::new(),
            reference: String::new(),
            bank_ref: "FT1".to_owned(),
            stall_code: "HC7K3M9J".to_owned(),
            occurred_at_ms: None,
            business_day: Day::ymd(2026, 3, 1).number(),
            is_id_shared: false,
        }
    }

    #[test]
    fn a_row_whose_id_others_have_is_an_event_of_its_own_and_keeps_the_id() {
        let shared = UnnotifiedRow {
            is_id_shared: true,
            ..row(7, "BATCH")
        };
        let items = delivery_from_statement(&"p".into(), &[row(6, "T1"), shared])
            .unwrap()
            .items;
        let ids: Vec<_> = items
            .iter()
            .map(|item| (&*item.event_id, &*item.provider_txn_id))
            .collect();
        assert_eq!(ids, [("T1", "T1"), ("statement:7", "BATCH")]);
    }

    #[test]
    fn an_id_is_one_id_wherever_it_stands() {
        let key = |id: &str| Some(Key128::of_id(id));
        assert_eq!(row_keys("FT1", "FT1", "ORDER"), (key("FT1"), key("ORDER")));
        assert_eq!(row_keys("T1", "FT1", "ORDER"), (key("T1"), key("FT1")));
        assert_eq!(row_keys("", "", "FT1"), (None, key("FT1")));
        assert_eq!(row_keys("NONREF", " FT1 ", ""), (None, key("FT1")));
        assert_eq!(row_keys("0000", "-", "NOTPROVIDED"), (None, None));
        assert_eq!(receipt_keys("FT1", "FT1"), (Key128::of_id("FT1"), None));
    }

    #[test]
    fn what_is_kept_of_rows_reads_back_as_what_was_posted() {
        let rows = [row(7, "T1"), row(8, "")];
        let delivery = delivery_from_statement(&"p".into(), &rows).unwrap();
        let read = items_from_statement(&delivery.evidence).unwrap().unwrap();
        assert_eq!(read, delivery.items);
        assert_eq!(
            (read[0].event_id.as_str(), read[1].event_id.as_str()),
            ("T1", "statement:8")
        );
        let mut changed = delivery.evidence.clone();
        let text = String::from_utf8(changed.body).unwrap().replace("20000", "90000");
        changed.body = text.into_bytes();
        assert_ne!(items_from_statement(&changed).unwrap().unwrap(), delivery.items);
        changed.body = b"{}".to_vec();
        assert!(items_from_statement(&changed).unwrap().is_err());
        changed.method = "POST".to_owned();
        assert!(
            items_from_statement(&changed).is_none(),
            "a callback is no statement"
        );
    }
}
