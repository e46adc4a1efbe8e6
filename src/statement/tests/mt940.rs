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

/// A statement of these lines between its balances.
fn statement(lines: &str, closing: i64) -> String {
    format!(
        ":20:A\n:25:970415/88990011223\n:28C:1/1\n:60F:C260615VND1000000,\n{lines}:62F:C260615VND{closing},\n-\n"
    )
}

#[test]
fn pages_that_go_on_elsewhere_are_read_and_a_missing_page_is_told() {
    let page = |tag: &str, opening: i64, amount: i64, close: &str| {
        format!(
            ":20:A\n:25:970415/88990011223\n:28C:1/1\n:{tag}:C260615VND{opening},\n\
             :61:2606150615C{amount},NTRFX//FT1\n:86:HC7K3M9J\n:{close}:C260615VND{},  \n-\n",
            opening + amount
        )
    };
    let alone = page("60F", 1_000, 500, "62M");
    let (events, summary) = read(alone.as_bytes());
    let balance = summary.balance.unwrap();
    assert_eq!(movements(&events).len(), 1);
    assert!(balance.agrees() && balance.closing.vnd() == 1_500, "{balance:?}");
    let last = page("60M", 1_500, 700, "62F");
    let both = read((alone.clone() + &last).as_bytes()).1.balance.unwrap();
    assert_eq!(
        (both.opening.vnd(), both.closing.vnd(), both.parts_off),
        (1_000, 2_200, 0)
    );
    let only_last = read(last.as_bytes()).1.balance.unwrap();
    assert!(only_last.agrees() && only_last.opening.vnd() == 1_500);
    let gap = page("60M", 9_500, 700, "62F");
    assert_eq!(read((alone + &gap).as_bytes()).1.balance.unwrap().parts_off, 1);
}

#[test]
fn text_goes_on_where_a_line_only_looks_like_a_field() {
    for (details, wanted) in [
        (
            ":86:LUC 2026-06-15T16\n:26:37 HC7K3M9J\n",
            "LUC 2026-06-15T16:26:37 HC7K3M9J",
        ),
        // The minute may be one that is a field elsewhere.
        (":86:LUC T16\n:20:37 HC7K3M9J\n", "LUC T16:20:37 HC7K3M9J"),
        (":86:LUC T16\n:25:59\n HC7K3M9J\n", "LUC T16:25:59 HC7K3M9J"),
        (":86:RAU\n- HC7K3M9J\n", "RAU- HC7K3M9J"),
        (":86:RAU\n-\nHC7K3M9J\n", "RAU-HC7K3M9J"),
        (":86:HC7K3M9J\n:86:RAU\n", "HC7K3M9J RAU"),
        (":NS:22X\n:86:HC7K3M9J\n", "HC7K3M9J"),
        ("DONG PHU\n:86:HC7K3M9J\n", "DONG PHU HC7K3M9J"),
        (":86:HC7K\t3M9J\u{1}\n", "HC7K 3M9J"),
        (":86:166?00GHI CO?20TIEN H\n?21C7K3M9J?32AN\n", "TIEN HC7K3M9J AN"),
    ] {
        let text = statement(&format!(":61:2606150615C65000,NTRFX//FT1\n{details}"), 1_065_000);
        let (events, summary) = read(text.as_bytes());
        let rows = movements(&events);
        assert_eq!((rows.len(), events.len()), (1, 1), "{details}: {events:?}");
        assert_eq!(rows[0].note, wanted, "{details}");
        assert!(summary.balance.unwrap().agrees(), "{details}");
    }
}

#[test]
fn a_message_that_was_not_ended_before_the_next_begins_is_told() {
    let first = ":20:A\n:25:970415/88990011223\n:28C:1/1\n:60F:C260615VND0,\n:61:2606150615C5000,NTRFX//FT1\n:86:RAU\n";
    let second = statement(":61:2606150615C65000,NTRFX//FT2\n", 1_065_000);
    let (events, summary) = read(format!("{first}{second}").as_bytes());
    assert_eq!(movements(&events).len(), 2);
    assert_eq!(summary.balance.unwrap().parts_off, 1);
}

#[test]
fn an_entry_cut_by_the_bank_is_one_amount() {
    for lines in [
        ":61:2606150615CR\n65000,N062NONREF//FT1\n:86:RAU\n",
        // Read without its second line, these were 65 đ.
        ":61:2606150615C65\n000,N062NONREF//FT1\n:86:RAU\n",
        ":61:2606150615C65000\n,00NTRFNONREF//FT1\nTHEM\n:86:RAU\n",
    ] {
        let (events, summary) = read(statement(lines, 1_065_000).as_bytes());
        assert_eq!(movements(&events)[0].amount.vnd(), 65_000, "{lines}: {events:?}");
        assert!(summary.balance.unwrap().agrees());
    }
}

#[test]
fn the_same_statement_in_every_encoding_and_with_every_line_end() {
    let text = statement(
        ":61:2606150615C65000,NTRFX//FT1\n:86:HC7K3M9J tiền rau\n:61:260615    D20000,NTRFNONREF//NONREF\n",
        1_045_000,
    );
    let wanted = movements(&read(text.as_bytes()).0);
    assert_eq!((wanted.len(), wanted[0].note.as_str()), (2, "HC7K3M9J tiền rau"));
    assert_eq!(
        (wanted[1].bank_ref.as_str(), wanted[1].reference.as_str()),
        ("", "")
    );
    for bytes in [
        text.replace('\n', "\r\n").into_bytes(),
        text.replace('\n', "\r").into_bytes(),
        text.replace('\n', "\r\r\n").into_bytes(),
        format!("\n  {}", text.replace("\n:", "\n  :")).into_bytes(),
        [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        utf16(&text, true),
        utf16(&text.replace('\n', "\r"), false),
        windows_1258(&text).unwrap(),
        format!(
            "\u{1}{{1:F01VIDUVNVXAXXX0000}}{{2:O940}}{{4:\n{}}}\u{3}",
            text.trim_end()
        )
        .into_bytes(),
        format!(
            "{{1:F01VIDUVNVXAXXX0000}}{{2:O940}}{{4:{}}}{{5:{{CHK:1}}}}\n",
            text.trim_end()
        )
        .into_bytes(),
    ] {
        let (events, summary) = read(&bytes);
        assert!(
            movements(&events) == wanted,
            "{}",
            String::from_utf8_lossy(&bytes)
        );
        assert!(summary.balance.unwrap().agrees());
    }
    let latin = statement(
        ":61:2606150615C65000,NTRFX//FT1\n:86:HC7K3M9J M\u{fc}ller\n",
        1_065_000,
    );
    let latin: Vec<u8> = latin
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    assert_eq!(movements(&read(&latin).0)[0].note, "HC7K3M9J Müller");
}

#[test]
fn balances_are_read_as_banks_write_them_and_refused_by_what_is_wrong() {
    let said = |opening: &str| {
        let text = format!(":20:A\n:25:1\n:60F:{opening}\n:62F:C260615VND0,\n");
        let mapping = proposed(MT940.as_bytes()).mapping;
        read_with(text.as_bytes(), &mapping).map(|(_, summary)| summary.balance.unwrap().opening.vnd())
    };
    for (opening, vnd) in [
        ("C260615VND1000000,", 1_000_000),
        ("C000000VND1000000,", 1_000_000),
        ("C260615VND1000000  ", 1_000_000),
        ("C260615VND1000000.00", 1_000_000),
        ("C260615 VND 1.000.000,00", 1_000_000),
        ("D260615VND5,", -5),
    ] {
        assert_eq!(said(opening).unwrap(), vnd, "{opening}");
    }
    for (opening, words) in [
        ("260615VND1000000,", "C hoặc D"),
        ("C2606VND1000000,", "ngày"),
        ("C260615", "loại tiền"),
        ("C260615VND", "số tiền"),
        ("C260615VND65.000", "dấu chấm"),
        ("C260615VND1000000,50", "phần lẻ"),
    ] {
        let error = said(opening).unwrap_err().sentence();
        assert!(
            error.vi.contains(words) && error.vi.contains("đầu kỳ"),
            "{opening}: {}",
            error.vi
        );
    }
}

#[test]
fn a_direction_that_the_balances_contradict_stops_the_reading_and_is_named() {
    let entries = |first: &str, second: &str| {
        format!(":61:2606150615{first}65000,NTRFX//FT1\n:86:RAU\n:61:2606150615{second}20000,NTRFX//FT2\n")
    };
    let mapping = proposed(MT940.as_bytes()).mapping;
    for (first, second, closing, line, words) in [
        ("C", "C", 1_045_000, 7, "ghi là tiền vào"),
        ("D", "D", 1_045_000, 5, "ghi là tiền ra"),
        ("C", "RD", 1_045_000, 7, "ghi là tiền vào"),
    ] {
        let text = statement(&entries(first, second), closing);
        let said = read_with(text.as_bytes(), &mapping).unwrap_err().sentence();
        assert!(
            said.vi.contains(words) && said.vi.contains(&format!("dòng {line}")),
            "{}",
            said.vi
        );
    }
    // A missing entry turns nothing round, and what could not be read may be what is missing.
    let missing = statement(&entries("C", "C"), 1_095_000);
    assert_eq!(read(missing.as_bytes()).1.balance.unwrap().parts_off, 1);
    let unread = statement(&entries("C", "C"), 1_045_000).replace("C20000,", "C20000,5");
    assert_eq!(read(unread.as_bytes()).1.bad, 1);
}

#[test]
fn a_closing_balance_without_a_currency_is_in_that_of_the_opening_one() {
    let text =
        statement(":61:2606150615C65000,NTRFX//FT1\n", 1_065_000).replace(":62F:C260615VND", ":62F:C260615");
    let balance = read(text.as_bytes()).1.balance.unwrap();
    assert!(balance.agrees() && balance.closing.vnd() == 1_065_000);
}

#[test]
fn entries_of_no_known_currency_are_not_taken() {
    let text = ":20:A\n:25:1\n:28C:1\n:61:2606150615C65000,NTRFX//FT1\n:62F:C260615EUR65000,\n";
    let faults = bad(&read(text.as_bytes()).0);
    assert!(faults.len() == 1 && faults[0].1.contains(":60F:"), "{faults:?}");
    let mixed = ":20:A\n:25:1\n:60F:C260615VND0,\n:61:2606150615C65000,NTRFX//FT1\n:62F:C260615EUR65000,\n";
    let mapping = proposed(MT940.as_bytes()).mapping;
    let error = read_with(mixed.as_bytes(), &mapping).unwrap_err();
    assert!(error.sentence().vi.contains("khác loại tiền"), "{error}");
}

#[test]
fn an_interim_report_is_refused_by_name_also_behind_a_statement() {
    let interim = ":20:B\n:25:970415/88990011223\n:28C:166/1\n:34F:VND0,\n:13D:2606151200+0700\n\
        :61:2606150615C65000,NTRFNONREF//FT1\n:86:HC7K3M9J\n:90D:0VND0,\n:90C:1VND65000,\n-\n";
    for text in [
        interim.to_owned(),
        format!("{{1:F01}}{{2:I942}}{{4:\n{interim}"),
        interim.replace(":34F:VND0,\n", ""),
    ] {
        let said = refusal(text.as_bytes());
        assert!(said.contains("MT942") && said.contains("MT940"), "{said}");
    }
    let behind = statement("", 1_000_000) + interim;
    let mapping = proposed(MT940.as_bytes()).mapping;
    let error = read_with(behind.as_bytes(), &mapping).unwrap_err();
    assert!(error.sentence().vi.contains("MT942"), "{error}");
}

#[test]
fn details_that_do_not_end_are_a_bad_row_and_the_next_is_read() {
    let long = "x".repeat(4_000) + "\n";
    let lines = format!(
        ":61:2606150615C65000,NTRFX//FT1\n:86:{}:61:2606150615C5000,NTRFX//FT2\n",
        long.repeat(9)
    );
    let (events, _) = read(statement(&lines, 1_070_000).as_bytes());
    assert_eq!((bad(&events).len(), movements(&events).len()), (1, 1));
}

#[test]
fn entries_cut_out_of_a_message_are_called_so_and_no_table_without_a_header() {
    for text in [
        ":61:2606150615C65000,NTRFX//FT1\n:86:CHO-7K3Q9X\n",
        "\r\n:20:STARTUMS\r\n:61:2606150615C65000,NTRFX//FT1\r\n-\r\n",
    ] {
        let said = refusal(text.as_bytes());
        assert!(
            said.contains("đoạn của sao kê MT940") && !said.contains("tiêu đề"),
            "{said}"
        );
    }
}
