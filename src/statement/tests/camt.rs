//! camt.053.

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
    for (name, said) in [
        ("BkToCstmrDbtCdtNtfctn", "camt.054"),
        ("Other", "không phải camt.053"),
    ] {
        let other = format!("<?xml version=\"1.0\"?><Document><{name}/></Document>");
        assert!(refusal(other.as_bytes()).contains(said), "{name}");
    }
}
