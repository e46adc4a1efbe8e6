//! Whatever file is handed in, it is refused or read to its end: each of its rows is handed over once, as a movement
//! that can be one, as a bad row with its reason, or as none of the table's. Memory is bounded by the flags of the run.
#![no_main]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use choso_fuzz::notice::SCHEMES;
use choso_fuzz::statement::{Event, Mapping, propose, read_statement};
use choso_fuzz::vn::Dong;
use choso_fuzz::workbook;
use libfuzzer_sys::fuzz_target;

/// What layouts are recognised by; the first is that of a provider without one.
static PROFILES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| SCHEMES.iter().map(|scheme| scheme.profile).chain([""]).collect());

fuzz_target!(|input: &[u8]| {
    // The first byte says whether the rest is a file or the sheet of a workbook, and whose it is said to be.
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let bytes = match first & 1 {
        1 => workbook(rest),
        _ => rest.to_vec(),
    };
    let profile = PROFILES.iter().nth(usize::from(first >> 1) % PROFILES.len());
    if let Ok(proposal) = propose(&mut Cursor::new(&bytes), profile.expect("there are some")) {
        read_whole(&bytes, &proposal.mapping);
    }
});

fn read_whole(bytes: &[u8], mapping: &Mapping) {
    let mut rows = 0;
    let mut bad = 0;
    let mut ignored = 0;
    let mut last = 0;
    let read = read_statement(&mut Cursor::new(bytes), mapping, &mut |event| {
        let number = match &event {
            Event::Row(row) => {
                rows += 1;
                assert!(row.amount > Dong::ZERO && row.amount <= Dong::PAYMENT_MAX);
                row.row_number
            }
            Event::Bad(row) => {
                bad += 1;
                assert!(!row.reason.is_empty());
                row.row_number
            }
            Event::Ignored(row) => {
                ignored += 1;
                row.row_number
            }
        };
        assert!(number >= last, "rows come in the order of the file");
        last = number;
        ControlFlow::Continue(())
    });
    if let Ok(summary) = read {
        assert_eq!(
            (rows, bad, ignored),
            (summary.rows.count, summary.bad, summary.ignored.count),
            "every row is counted once"
        );
    }
}
