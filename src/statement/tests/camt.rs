//! camt.053.

use std::io::Cursor;

use super::support::*;
use super::*;
use crate::vn::{Day, TimeMs};

const CAMT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId></GrpHdr>
<Stmt><Id>S1</Id>
<Acct><Id><Othr><Id>0011012345678</Id></Othr></Id><Svcr><FinInstnId><ClrSysMmbId><MmbId>970422</MmbId></ClrSysMmbId></FinInstnId></Svcr></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="VND">1000000</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="VND">1115000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="VND">50000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>2026-01-15T08:15:00+07:00</DtTm></BookgDt>
<ValDt><Dt>2026-01-16</Dt></ValDt><AcctSvcrRef>FT26015000001</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>DH1</EndToEndId></Refs><RmtInf><Ustrd>HC7K3M92 r&#225;u &amp; </Ustrd><Ustrd>cá</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="VND">20000</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt><AcctSvcrRef>FT2</AcctSvcrRef></Ntry>
<Ntry><Amt Ccy="VND">9000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt></Ntry>
<Ntry><Amt Ccy="VND">70000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt>
<NtryDtls><Btch><MsgId>B1</MsgId><NbOfTxs>2</NbOfTxs></Btch>
<TxDtls><Refs><AcctSvcrRef>FT3</AcctSvcrRef></Refs><Amt Ccy="VND">30000</Amt></TxDtls>
<TxDtls><Refs><AcctSvcrRef>FT4</AcctSvcrRef></Refs><Amt Ccy="VND">40000</Amt></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="VND">15000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt>
<NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch><TxDtls><Refs><TxId>T1</TxId></Refs></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="USD">10</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt></Ntry>
<Ntry><Amt Ccy="VND">10.5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-15</Dt></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>"#;

#[test]
fn entries_batches_and_reversals_read() {
    let (events, summary) = read(CAMT.as_bytes());
    let rows = movements(&events);
    let what: Vec<_> = rows
        .iter()
        .map(|r| (r.row_number, r.kind, r.status, r.amount.vnd(), r.parts))
        .collect();
    let pay = RowKind::Payment;
    let settled = RowStatus::Settled;
    assert_eq!(
        what,
        [
            (1, pay, settled, 50_000, 1),
            (2, RowKind::Refund, settled, 20_000, 1),
            (3, pay, RowStatus::Pending, 9_000, 1),
            (4, pay, settled, 30_000, 1),
            (5, pay, settled, 40_000, 1),
            (6, pay, settled, 15_000, 3)
        ],
        "{events:?}"
    );
    let first = &rows[0];
    assert_eq!(
        (first.reference.as_str(), first.note.as_str()),
        ("DH1", "HC7K3M92 ráu & cá")
    );
    assert_eq!(
        (first.bank_ref.as_str(), first.provider_txn_id.as_str()),
        ("FT26015000001", "FT26015000001")
    );
    assert_eq!(
        first.occurred_at,
        Some(TimeMs::parse("2026-01-15T08:15:00+07:00").unwrap())
    );
    assert_eq!(
        (first.business_day, first.settled_on),
        (Day::ymd(2026, 1, 15), Some(Day::ymd(2026, 1, 16)))
    );
    assert_eq!(
        (first.account.as_ref().unwrap().reveal(), first.bank_bin.as_str()),
        ("0011012345678", "970422")
    );
    assert_eq!(
        (rows[3].bank_ref.as_str(), rows[4].bank_ref.as_str()),
        ("FT3", "FT4")
    );
    assert_eq!(rows[4].batch, "B1");
    let faults = bad(&events);
    assert_eq!(faults.iter().map(|b| b.0).collect::<Vec<_>>(), [7, 8]);
    assert!(
        faults[0].1.contains("VND") && faults[1].1.contains("phần lẻ"),
        "{faults:?}"
    );
    let balance = summary.balance.unwrap();
    assert!(
        balance.agrees() && balance.closing.vnd() == 1_115_000,
        "{balance:?}"
    );
}

#[test]
fn a_batch_whose_parts_do_not_add_up_stays_one_row() {
    let off = CAMT.replace("<Amt Ccy=\"VND\">40000</Amt>", "<Amt Ccy=\"VND\">40001</Amt>");
    let rows = movements(&read(off.as_bytes()).0);
    assert_eq!((rows[3].amount.vnd(), rows[3].parts), (70_000, 2));
}

#[test]
fn prefixes_and_versions_make_no_difference() {
    let prefixed = CAMT
        .replace("</", "</d:")
        .replace('<', "<d:")
        .replace("<d:/d:", "</d:")
        .replace("<d:?", "<?")
        .replace("xmlns=", "xmlns:d=")
        .replace("camt.053.001.08", "camt.053.001.02");
    assert!(movements(&read(prefixed.as_bytes()).0) == movements(&read(CAMT.as_bytes()).0));
}

#[test]
fn broken_and_dangerous_xml_is_refused() {
    let mapping = proposed(CAMT.as_bytes()).mapping;
    let said = |text: &str| {
        read_with(text.as_bytes(), &mapping)
            .unwrap_err()
            .sentence()
            .vi
            .into_owned()
    };
    let entity = CAMT.replacen("<Document", "<!DOCTYPE a [<!ENTITY x \"y\">]><Document", 1);
    assert!(said(&entity).contains("DOCTYPE"));
    assert!(said(&CAMT.replace("&amp;", "&x;")).contains("camt.053"));
    let half = &CAMT[..CAMT.find("<Amt Ccy=\"VND\">70000").unwrap()];
    let cut = said(half);
    assert!(
        cut.contains("Đọc được 3 dòng") && cut.contains("cắt ngang"),
        "{cut}"
    );
    assert!(said(&CAMT.replace("</Ntry>", "</Ntri>")).contains("camt.053"));
    let deep = CAMT.replace("<GrpHdr>", &"<a>".repeat(100));
    assert!(said(&deep).contains("lồng nhau"));
    let long = CAMT.replace("<Ustrd>cá", &format!("<Ustrd>{}", "x".repeat(2 << 20)));
    assert!(said(&long).contains("quá dài"));
    for (document, said) in [
        ("<Document><Other/></Document>", "không phải camt.053"),
        (
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\"><CstmrCdtTrfInitn/></Document>",
            "pain.001.001.09",
        ),
        ("<Document><BkToCstmrDbtCdtNtfctn/></Document>", "camt.054"),
        ("<Document><BkToCstmrStmt><GrpHdr>", "cắt ngang"),
    ] {
        let other = format!("<?xml version=\"1.0\"?>{document}");
        let said_of_it = match propose(&mut Cursor::new(other.as_bytes()), "") {
            Err(error) => error,
            Ok(proposal) => read_with(other.as_bytes(), &proposal.mapping).unwrap_err(),
        };
        assert!(
            said_of_it.sentence().vi.contains(said),
            "{document}: {said_of_it}"
        );
    }
}

/// A statement with these entries; each is an amount, a direction and what else stands in it.
fn statement(entries: &[(i64, &str, &str)]) -> String {
    let entries: String = entries
        .iter()
        .map(|(vnd, direction, rest)| {
            format!(
                "<Ntry><Amt Ccy=\"VND\">{vnd}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>BOOK</Sts>\
                 <BookgDt><Dt>2026-06-15</Dt></BookgDt>{rest}</Ntry>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?><Document><BkToCstmrStmt><Stmt><Acct><Id><Othr><Id>0011012345678</Id></Othr></Id>\
         <Ccy>VND</Ccy></Acct>{entries}</Stmt></BkToCstmrStmt></Document>"
    )
}

/// A transaction of an amount and a direction.
fn detail(vnd: i64, direction: &str) -> String {
    format!("<TxDtls><Amt Ccy=\"VND\">{vnd}</Amt><CdtDbtInd>{direction}</CdtDbtInd></TxDtls>")
}

#[test]
fn the_direction_of_the_entry_decides_and_a_contradiction_is_never_money_in() {
    let one = |entry: &str, inside: &str| {
        let rest = format!("<NtryDtls>{}</NtryDtls>", detail(65_000, inside));
        read(statement(&[(65_000, entry, &rest)]).as_bytes()).0
    };
    assert_eq!(movements(&one("CRDT", "CRDT"))[0].kind, RowKind::Payment);
    assert_eq!(movements(&one("DBIT", "DBIT"))[0].kind, RowKind::Outgoing);
    assert_eq!(movements(&one("DBIT", "CRDT"))[0].kind, RowKind::Outgoing);
    let contradicted = one("CRDT", "DBIT");
    assert!(bad(&contradicted)[0].1.contains("DBIT"), "{contradicted:?}");
    // The same without an amount of its own, and in a batch that does not come out either way.
    for inside in [
        "<TxDtls><CdtDbtInd>DBIT</CdtDbtInd></TxDtls>".to_owned(),
        detail(40_000, "DBIT") + &detail(25_000, "DBIT"),
        detail(40_000, "CRDT") + &detail(25_000, "DBIT"),
        detail(40_000, "CRDT") + "<TxDtls><CdtDbtInd>DBIT</CdtDbtInd></TxDtls>",
    ] {
        let rest = format!("<NtryDtls>{inside}</NtryDtls>");
        let (events, summary) = read(statement(&[(65_000, "CRDT", &rest)]).as_bytes());
        assert_eq!(summary.payments.count, 0, "{inside}: {events:?}");
        let (events, summary) =
            read(statement(&[(65_000, "DBIT", &rest.replace("DBIT", "CRDT"))]).as_bytes());
        assert_eq!(
            (summary.payments.count, summary.bad),
            (0, 0),
            "{inside}: {events:?}"
        );
    }
}

#[test]
fn a_direction_that_the_balances_contradict_stops_the_reading() {
    let balance = |code: &str, vnd: i64| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"VND\">{vnd}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>"
        )
    };
    let with = |direction: &str, closing: i64| {
        let balances = balance("OPBD", 1_000_000) + &balance("CLBD", closing);
        let text = statement(&[
            (5_000, "CRDT", ""),
            (
                65_000,
                direction,
                &format!("<NtryDtls>{}</NtryDtls>", detail(65_000, "CRDT")),
            ),
        ]);
        text.replace("</Acct>", &format!("</Acct>{balances}"))
    };
    assert!(read(with("DBIT", 940_000).as_bytes()).1.balance.unwrap().agrees());
    assert!(
        read(with("CRDT", 1_070_000).as_bytes())
            .1
            .balance
            .unwrap()
            .agrees()
    );
    let mapping = proposed(CAMT.as_bytes()).mapping;
    for (direction, closing, words) in [
        ("DBIT", 1_070_000, "ghi là tiền ra"),
        ("CRDT", 940_000, "ghi là tiền vào"),
    ] {
        let said = read_with(with(direction, closing).as_bytes(), &mapping)
            .unwrap_err()
            .sentence();
        assert!(
            said.vi.contains(words) && said.vi.contains("65.000"),
            "{}",
            said.vi
        );
    }
}

#[test]
fn a_return_inside_a_batch_goes_the_other_way() {
    let inside = detail(65_000, "CRDT") + &detail(35_000, "CRDT") + &detail(20_000, "DBIT");
    let rest = format!("<NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch>{inside}</NtryDtls>");
    let (_, summary) = read(statement(&[(80_000, "CRDT", &rest)]).as_bytes());
    assert_eq!(
        (summary.payments.count, summary.payments.amount.vnd()),
        (2, 100_000)
    );
    assert_eq!((summary.outgoing.count, summary.bad), (1, 0));
    // The other way round it is for a person: nothing comes in by an entry that says that money went out.
    let inside = detail(30_000, "DBIT") + &detail(20_000, "CRDT");
    let (events, summary) =
        read(statement(&[(10_000, "DBIT", &format!("<NtryDtls>{inside}</NtryDtls>"))]).as_bytes());
    assert_eq!(
        (summary.payments.count, summary.outgoing.amount.vnd()),
        (0, 30_000)
    );
    assert!(bad(&events)[0].1.contains("DBIT"), "{events:?}");
    let given_back = rest.replace(
        "<CdtDbtInd>DBIT</CdtDbtInd>",
        "<CdtDbtInd>DBIT</CdtDbtInd><RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>",
    );
    let (_, summary) = read(statement(&[(80_000, "CRDT", &given_back)]).as_bytes());
    assert_eq!((summary.refunds.count, summary.refunds.amount.vnd()), (1, 20_000));
}

#[test]
fn amounts_of_a_batch_stand_where_each_version_has_them() {
    for amount in [
        "<Amt Ccy=\"VND\">{}</Amt>",
        "<AmtDtls><TxAmt><Amt Ccy=\"VND\">{}</Amt></TxAmt></AmtDtls>",
        "<AmtDtls><InstdAmt><Amt Ccy=\"VND\">{}</Amt></InstdAmt></AmtDtls>",
        "<Amt>{}</Amt><AmtDtls><InstdAmt><Amt Ccy=\"USD\">1</Amt></InstdAmt><TxAmt><Amt Ccy=\"USD\">1</Amt></TxAmt></AmtDtls>",
    ] {
        let inside: String = ["30000", "35000"]
            .iter()
            .map(|vnd| format!("<TxDtls>{}</TxDtls>", amount.replace("{}", vnd)))
            .collect();
        let rest = format!("<NtryDtls>{inside}</NtryDtls>");
        let rows = movements(&read(statement(&[(65_000, "CRDT", &rest)]).as_bytes()).0);
        assert_eq!(
            rows.iter().map(|row| row.amount.vnd()).collect::<Vec<_>>(),
            [30_000, 35_000],
            "{amount}"
        );
    }
}

#[test]
fn the_note_is_found_wherever_the_schema_lets_it_stand() {
    let cut = "x".repeat(135) + "HC7K3";
    for (rest, wanted) in [
        ("<AddtlNtryInf>HC7K3M9J</AddtlNtryInf>", "HC7K3M9J"),
        (
            "<NtryDtls><TxDtls><AddtlTxInf>HC7K3M9J</AddtlTxInf></TxDtls></NtryDtls>",
            "HC7K3M9J",
        ),
        (
            "<NtryDtls><TxDtls><RmtInf><Ustrd>tien rau</Ustrd><Strd><CdtrRefInf><Ref>HC7K3M9J</Ref></CdtrRefInf>\
             <AddtlRmtInf>cho</AddtlRmtInf></Strd></RmtInf></TxDtls></NtryDtls><AddtlNtryInf>GHI CO</AddtlNtryInf>",
            "tien rau HC7K3M9J cho GHI CO",
        ),
        (
            &format!(
                "<NtryDtls><TxDtls><RmtInf><Ustrd>{cut}</Ustrd><Ustrd>M9J rau</Ustrd></RmtInf></TxDtls></NtryDtls>"
            ),
            &format!("{cut}M9J rau"),
        ),
    ] {
        let rows = movements(&read(statement(&[(65_000, "CRDT", rest)]).as_bytes()).0);
        assert_eq!(rows[0].note, wanted, "{rest}");
    }
    let long = format!("<AddtlTxInf>{}</AddtlTxInf>", "x".repeat(30_000)).repeat(2);
    let rest = format!("<NtryDtls><TxDtls>{long}</TxDtls></NtryDtls>");
    assert_eq!(
        bad(&read(statement(&[(65_000, "CRDT", &rest)]).as_bytes()).0).len(),
        1
    );
}

#[test]
fn an_amount_without_a_currency_is_in_that_of_the_account() {
    let text = statement(&[(65_000, "CRDT", "")]).replace(" Ccy=\"VND\"", "");
    assert_eq!(movements(&read(text.as_bytes()).0)[0].amount.vnd(), 65_000);
    let dollars = text.replace("<Ccy>VND</Ccy>", "<Ccy>USD</Ccy>");
    assert!(bad(&read(dollars.as_bytes()).0)[0].1.contains("không phải VND"));
    let none = text.replace("<Ccy>VND</Ccy>", "");
    let said = bad(&read(none.as_bytes()).0);
    assert!(
        said[0].1.contains("Ccy") && !said[0].1.contains("không phải VND"),
        "{said:?}"
    );
}

#[test]
fn reports_of_the_day_and_notices_read_as_statements_do() {
    let wanted = movements(&read(CAMT.as_bytes()).0);
    for (message, part, kind) in [
        ("BkToCstmrAcctRpt", "Rpt", FileKind::Camt052),
        ("BkToCstmrDbtCdtNtfctn", "Ntfctn", FileKind::Camt054),
        ("BkToCstmrAcctRptV01", "Rpt", FileKind::Camt052),
    ] {
        let text = CAMT
            .replace("BkToCstmrStmt", message)
            .replace("<Stmt>", &format!("<{part}>"))
            .replace("</Stmt>", &format!("</{part}>"));
        assert_eq!(proposed(text.as_bytes()).file.kind, kind);
        assert!(movements(&read(text.as_bytes()).0) == wanted, "{message}");
    }
}

#[test]
fn a_document_is_what_its_root_says_however_it_is_written() {
    let wanted = movements(&read(CAMT.as_bytes()).0);
    let bare = CAMT.split_once("?>").unwrap().1;
    let latin = |text: &str| {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect::<Vec<u8>>()
    };
    let declared = |name: &str| format!("<?xml version='1.0' encoding='{name}' ?>{bare}");
    let comment = format!("<!-- {} -->", "ghi chú của phần mềm ".repeat(20_000));
    let header = "<Fr><Id>1</Id></Fr>".repeat(200);
    let around = format!("{comment}<Envelope><AppHdr>{header}</AppHdr>{bare}</Envelope>");
    // The mark stands alone where the text says UTF-8.
    let without_mark = |text: &str| utf16(text, true)[2..].to_vec();
    for bytes in [
        latin(&declared("ISO-8859-1")),
        latin(&declared("windows-1252")),
        declared("utf-8").into_bytes(),
        // Programs of some makers declare what their memory had.
        declared("utf-16").into_bytes(),
        bare.as_bytes().to_vec(),
        [b"\xEF\xBB\xBF", bare.as_bytes()].concat(),
        utf16(&declared("UTF-16"), true),
        utf16(&declared("UTF-16"), false),
        without_mark(&declared("UTF-16")),
        around.into_bytes(),
    ] {
        let proposal = proposed(&bytes);
        assert_eq!(proposal.file.kind, FileKind::Camt053);
        let rows = movements(&read_with(&bytes, &proposal.mapping).unwrap().0);
        assert!(rows == wanted, "{}", String::from_utf8_lossy(&bytes[..60]));
    }
    let mapping = proposed(CAMT.as_bytes()).mapping;
    for (bytes, said) in [
        (latin(&declared("UTF-8")), "UTF-8"),
        (declared("x-la-tinh").into_bytes(), "x-la-tinh"),
    ] {
        let error = read_with(&bytes, &mapping).unwrap_err().sentence();
        assert!(error.vi.contains(said), "{}", error.vi);
    }
}
