//! Exceptions as the CSV file that people take away.

use super::error::ImportError;
use crate::reconcile::Exception;
use crate::store::Store;
use crate::table::neutral;
use crate::vn::{Day, Lang};

/// Columns of docs/spec/contract.md, section 2, UTF-8 with BOM; with days, their rows that could not be read stand at
/// the end. A text that a spreadsheet would take for a formula is quoted by
/// an apostrophe.
pub async fn exceptions_csv(
    store: &Store,
    provider_id: &str,
    days: Option<(Day, Day)>,
    exceptions: &[Exception],
) -> Result<Vec<u8>, ImportError> {
    let rows: Vec<i64> = exceptions.iter().filter_map(|e| e.row_no).collect();
    let alone = exceptions.iter().filter(|e| e.row_no.is_none());
    let entries: Vec<i64> = alone.filter_map(|e| e.entry_no).collect();
    let of_rows = store.statement_row_names(&rows).await?;
    let of_entries = store.entry_txn_ids(&entries).await?;
    let mut out = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    let wrong = |error: csv::Error| ImportError::File(error.to_string());
    out.write_record([
        "kind",
        "provider_txn_id",
        "amount_vnd",
        "business_date",
        "row_number",
        "sentence",
    ])
    .map_err(wrong)?;
    for exception in exceptions {
        let (txn, row_number) = match exception.row_no {
            Some(no) => of_rows
                .get(&no)
                .map_or((String::new(), String::new()), |(txn, number)| {
                    (txn.clone(), number.to_string())
                }),
            None => {
                let txn = exception.entry_no.and_then(|no| of_entries.get(&no).cloned());
                (txn.unwrap_or_default(), String::new())
            }
        };
        out.write_record([
            exception.kind.as_str(),
            &neutral(&txn),
            &exception.amount_vnd.to_string(),
            &exception.day.to_string(),
            &row_number,
            &exception.kind.sentence(&exception.facts, Lang::Vi),
        ])
        .map_err(wrong)?;
    }
    let bad = match days {
        Some((from, to)) => store.bad_statement_rows(provider_id, from, to).await?,
        None => Vec::new(),
    };
    for bad in bad {
        let day = bad.business_day.to_string();
        let number = bad.row_number.to_string();
        out.write_record(["bad_row", "", "0", &day, &number, &neutral(&bad.reason)])
            .map_err(wrong)?;
    }
    out.into_inner()
        .map_err(|error| ImportError::File(error.to_string()))
}
