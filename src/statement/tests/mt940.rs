//! MT940.

use super::support::*;
use super::*;
use crate::vn::Day;

pub(crate) const MT940: &str = "{1:F01BANKVNVXAXXX}{2:O940}{4:\r\n:20:SK1\r\n:25:970422/0011012345678\r\n:28C:1/1\r\n\
    :60F:C260114VND1000000,\r\n\
    :61:2601150115C50000,NTRFDH1//FT26015000001\r\nEXTRA\r\n:86:HC7K3M92 TIEN RA\r\nU CHO\r\n\
    :61:260115RC20000,00NTRFNONREF//FT26015000002\r\n:86:HOAN\r\n\
    :61:260115D10000,NCHGNONREF\r\n\
    :61:260115RD5000,NTRFNONREF//FT26015000004\r\n\
    :61:2512310102CD7000,NTRFX\r\n\
    :62M:C260115VND1032000,\r\n-}\r\n\
    {1:F01BANKVNVXAXXX}{4:\r\n:20:SK1\r\n:25:970422/0011012345678\r\n:28C:1/2\r\n:60M:C260115VND1032000,\r\n\
    :61:260116C1000,5NTRFX\r\n:61:260116C2000,NTRFX//FT6\r\n:62F:C260116VND1034000,\r\n:86:END\r\n-}\r\n";

#[test]
fn mt940_reads_entries_reversals_and_pages() {
    let (events, summary) = read(MT940.as_bytes());
    let rows = movements(&events);
    let what: Vec<_> = rows
        .iter()
        .map(|r| (r.row_number, r.kind, r.amount.vnd()))
        .collect();
    assert_eq!(
        what,
        [
            (1, RowKind::Payment, 50_000),
            (2, RowKind::Refund, 20_000),
            (3, RowKind::Fee, 10_000),
            (5, RowKind::Payment, 7_000),
            (7, RowKind::Payment, 2_000)
        ],
        "{events:?}"
    );
    let first = &rows[0];
    assert_eq!(
        (first.note.as_str(), first.bank_ref.as_str()),
        ("EXTRA HC7K3M92 TIEN RAU CHO", "FT26015000001")
    );
    assert_eq!(
        (first.reference.as_str(), first.bank_bin.as_str()),
        ("DH1", "970422")
    );
    assert_eq!(first.account.as_ref().unwrap().reveal(), "0011012345678");
    assert_eq!(
        (first.business_day, first.settled_on),
        (Day::ymd(2026, 1, 15), Some(Day::ymd(2026, 1, 15)))
    );
    assert_eq!((rows[1].reference.as_str(), rows[4].note.as_str()), ("", ""));
    assert_eq!(rows[3].business_day, Day::ymd(2026, 1, 2));
    assert_eq!(ignored(&events), [(4, IgnoredWhy::ReversedDebit)]);
    let faults = bad(&events);
    assert!(
        faults.len() == 1 && faults[0].0 == 6 && faults[0].1.contains("phần lẻ"),
        "{faults:?}"
    );
    let balance = summary.balance.unwrap();
    assert_eq!(
        (balance.opening.vnd(), balance.closing.vnd(), balance.parts),
        (1_000_000, 1_034_000, 2)
    );
    assert!(balance.agrees(), "{balance:?}");
    let (_, off) = read(MT940.replace("1034000", "1034001").as_bytes());
    assert_eq!(off.balance.unwrap().parts_off, 1);
}

#[test]
fn mt940_takes_the_year_that_brings_both_days_together() {
    let text = ":20:A\n:25:0011012345678\n:28C:1\n:60F:C251231VND0,\n:61:2512310101C5000,NTRFX//FT1\n\
        :61:2601011231C5000,NTRFX//FT2\n:62F:C260101VND10000,\n-\n";
    let rows = movements(&read(text.as_bytes()).0);
    assert_eq!(rows[0].business_day, Day::ymd(2026, 1, 1));
    assert_eq!(rows[1].business_day, Day::ymd(2025, 12, 31));
    let dollars = text.replace("VND", "USD");
    assert_eq!(bad(&read(dollars.as_bytes()).0).len(), 2);
}

#[test]
fn a_message_cut_short_says_how_much_was_read() {
    let cut = &MT940[..MT940.find(":62M:").unwrap()];
    let mapping = proposed(MT940.as_bytes()).mapping;
    let error = read_with(cut.as_bytes(), &mapping).unwrap_err();
    assert!(
        matches!(&error, StatementError::Interrupted { rows: 5, because } if matches!(**because, StatementError::Truncated { .. })),
        "{error:?}"
    );
    assert!(error.sentence().vi.contains("5 dòng"), "{error}");
}
