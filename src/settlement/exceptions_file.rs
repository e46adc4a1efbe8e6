//! Exceptions as a list that people take away.

use super::error::ImportError;
use crate::reconcile::Exception;
use crate::store::Store;
use crate::table::guarded;
use crate::vn::{Day, Lang};

/// An exception, or a row that could not be read, as the list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedException {
    pub kind: &'static str,
    /// The provider's id of the transaction, or nothing.
    pub provider_txn_id: String,
    pub amount_vnd: i64,
    pub business_day: Day,
    /// The row of its file, for one that stands in a file.
    pub row_number: Option<i64>,
    pub sentence: String,
}

/// The columns of the list (docs/spec/contract.md, section 2).
pub const EXCEPTION_COLUMNS: [&str; 6] = [
    "kind",
    "provider_txn_id",
    "amount_vnd",
    "business_date",
    "row_number",
    "sentence",
];

/// Exceptions with their ids; with days, their rows that could not be read stand at the end.
pub async fn listed_exceptions(
    store: &Store,
    provider_id: &str,
    days: Option<(Day, Day)>,
    exceptions: &[Exception],
) -> Result<Vec<ListedException>, ImportError> {
    let rows: Vec<i64> = exceptions.iter().filter_map(|e| e.row_no).collect();
    let alone = exceptions.iter().filter(|e| e.row_no.is_none());
    let entries: Vec<i64> = alone.filter_map(|e| e.entry_no).collect();
    let of_rows = store.statement_row_names(&rows).await?;
    let of_entries = store.entry_txn_ids(&entries).await?;
    let mut listed = Vec::with_capacity(exceptions.len());
    for exception in exceptions {
        let (provider_txn_id, row_number) = match exception.row_no {
            Some(no) => of_rows.get(&no).map_or((String::new(), None), |(txn, number)| {
                (txn.clone(), Some(*number))
            }),
            None => {
                let txn = exception.entry_no.and_then(|no| of_entries.get(&no).cloned());
                (txn.unwrap_or_default(), None)
            }
        };
        listed.push(ListedException {
            kind: exception.kind.as_str(),
            provider_txn_id,
            amount_vnd: exception.amount_vnd,
            business_day: exception.day,
            row_number,
            sentence: exception.kind.sentence(&exception.facts, Lang::Vi),
        });
    }
    if let Some((from, to)) = days {
        let bad = store.bad_statement_rows(provider_id, from, to).await?.into_iter();
        listed.extend(bad.map(|bad| ListedException {
            kind: "bad_row",
            provider_txn_id: String::new(),
            amount_vnd: 0,
            business_day: bad.business_day,
            row_number: Some(bad.row_number),
            sentence: bad.reason,
        }));
    }
    Ok(listed)
}

/// The list as a CSV file, UTF-8 with BOM. A text that a spreadsheet would take for a formula, or for a number of which
/// it keeps fifteen digits, is quoted by an apostrophe.
pub fn exceptions_csv(listed: &[ListedException]) -> Result<Vec<u8>, ImportError> {
    let mut out = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    let wrong = |error: csv::Error| ImportError::File(error.to_string());
    out.write_record(EXCEPTION_COLUMNS).map_err(wrong)?;
    for exception in listed {
        out.write_record([
            exception.kind,
            &guarded(&exception.provider_txn_id),
            &exception.amount_vnd.to_string(),
            &exception.business_day.to_string(),
            &exception
                .row_number
                .map_or(String::new(), |number| number.to_string()),
            &guarded(&exception.sentence),
        ])
        .map_err(wrong)?;
    }
    out.into_inner()
        .map_err(|error| ImportError::File(error.to_string()))
}
