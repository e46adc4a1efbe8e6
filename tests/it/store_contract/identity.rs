//! A bank that exports the same days in several formats, with and without references, in parts that overlap, to a
//! provider whose notices came or did not: taken in file by file, no more is posted than was paid, and what is not
//! posted waits for a person (docs/reconciliation.md, "Identity of a row").

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;

use choso::settlement::{Imported, StatementFile};
use choso::statement::propose;
use choso::vn::{Day, TimeMs};

use super::statements::with_provider;
use crate::support::*;

/// Whose money, so that an amount tells the account: household `one`, then household `two` with two stalls.
const ACCOUNTS: [(&str, [i64; 2]); 2] = [("00000011", [10_000, 20_000]), ("00000022", [15_000, 25_000])];
const STALLS: [&str; 2] = ["HC7K3M9J", "ABCDEFG7"];

#[derive(Debug, Clone)]
struct Paid {
    account: usize,
    stall: usize,
    amount: i64,
    /// Seconds after the market day began.
    second: i64,
    has_notice: bool,
}

impl Paid {
    fn day(&self) -> Day {
        market_day().plus(self.second / 86_400)
    }

    fn clock(&self) -> String {
        let second = self.second % 86_400;
        format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
    }

    fn note(&self) -> &'static str {
        match self.account {
            0 => "tien rau",
            _ => STALLS[self.stall],
        }
    }
}

fn bank_ref(n: usize) -> String {
    format!("FT26060{:05}", 12_345 + 7 * n)
}

/// How an export is written.
#[derive(Debug, Clone, Copy)]
enum Format {
    TableWithIds,
    TableWithTimes,
    TableOfDays,
    Mt940,
    Mt940WithoutReferences,
    Mt940Counted,
    Camt,
    CamtWithoutDetails,
}

const FORMATS: [Format; 8] = [
    Format::TableWithIds,
    Format::TableWithTimes,
    Format::TableOfDays,
    Format::Mt940,
    Format::Mt940WithoutReferences,
    Format::Mt940Counted,
    Format::Camt,
    Format::CamtWithoutDetails,
];

/// The payments of one account from one place of the list to another, in one format.
fn export(format: Format, account: usize, paid: &[(usize, &Paid)]) -> String {
    let number = ACCOUNTS[account].0;
    let mut text = String::new();
    let line = |text: &mut String, line: String| writeln!(text, "{line}").expect("text");
    match format {
        Format::TableWithIds | Format::TableWithTimes | Format::TableOfDays => {
            let (header, with_id, with_time) = match format {
                Format::TableWithIds => ("Mã giao dịch;", true, false),
                Format::TableWithTimes => ("", false, true),
                _ => ("", false, false),
            };
            line(
                &mut text,
                format!("{header}Ngày giao dịch;Số tiền;Tài khoản nhận;Mã ngân hàng;Nội dung"),
            );
            for (n, paid) in paid {
                let id = if with_id {
                    bank_ref(*n) + ";"
                } else {
                    String::new()
                };
                let clock = if with_time {
                    format!(" {}", paid.clock())
                } else {
                    String::new()
                };
                let day = paid.day().show();
                line(
                    &mut text,
                    format!("{id}{day}{clock};{};{number};970415;{}", paid.amount, paid.note()),
                );
            }
        }
        Format::Mt940 | Format::Mt940WithoutReferences | Format::Mt940Counted => {
            let sum: i64 = paid.iter().map(|(_, paid)| paid.amount).sum();
            let yymmdd = |day: Day| day.to_string().replace('-', "")[2..].to_owned();
            let day = yymmdd(market_day());
            line(
                &mut text,
                format!(
                    ":20:MT{}\n:25:970415/{number}\n:28C:1/1\n:60F:C{day}VND1000000,",
                    paid.len()
                ),
            );
            for ((n, paid), counter) in paid.iter().zip(1..) {
                let day = yymmdd(paid.day());
                let id = match format {
                    Format::Mt940 => bank_ref(*n),
                    Format::Mt940Counted => format!("{counter:06}"),
                    _ => "NONREF".to_owned(),
                };
                line(
                    &mut text,
                    format!(
                        ":61:{day}{}C{},NTRFNONREF//{id}\n:86:{}",
                        &day[2..],
                        paid.amount,
                        paid.note()
                    ),
                );
            }
            line(&mut text, format!(":62F:C{day}VND{},\n-", 1_000_000 + sum));
        }
        Format::Camt | Format::CamtWithoutDetails => {
            text.push_str("<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt><Stmt><Id>S</Id>");
            let owner = "<Svcr><FinInstnId><Othr><Id>970415</Id></Othr></FinInstnId></Svcr>";
            write!(
                text,
                "<Acct><Id><Othr><Id>{number}</Id></Othr></Id><Ccy>VND</Ccy>{owner}</Acct>"
            )
            .expect("text");
            for (n, paid) in paid {
                let (day, amount, note, id) = (paid.day(), paid.amount, paid.note(), bank_ref(*n));
                let about = match format {
                    Format::Camt => format!(
                        "<NtryDtls><TxDtls><Refs><AcctSvcrRef>TX{:08}</AcctSvcrRef><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RmtInf><Ustrd>{note}</Ustrd></RmtInf></TxDtls></NtryDtls>",
                        77_112_233 + n
                    ),
                    _ => format!("<AddtlNtryInf>{note}</AddtlNtryInf>"),
                };
                write!(text, "<Ntry><Amt Ccy=\"VND\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{id}</AcctSvcrRef>{about}</Ntry>").expect("text");
            }
            text.push_str("</Stmt></BkToCstmrStmt></Document>");
        }
    }
    text
}

fn import(books: &Books, name: &str, text: &str) {
    let path = books.database.folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    let proposal = propose(&mut File::open(&path).expect("the file"), "standard").expect("readable");
    let file = StatementFile {
        provider_id: "p".to_owned(),
        profile: "standard".to_owned(),
        path,
        name: name.to_owned(),
        mapping: Some(proposal.mapping),
        by: "thu".to_owned(),
        is_trial: false,
    };
    let later = TimeMs(noon().0 + 3 * 86_400_000);
    let taken = books.run(books.reconciler(later).import_statement(&file, |_| {}));
    if let Imported::Kept(taken) = taken.unwrap_or_else(|error| panic!("{name}: {error}\n{text}")) {
        assert_eq!(taken.totals.bad, 0, "{name}: {text}");
    }
}

/// How often each amount was found.
fn counts(amounts: impl IntoIterator<Item = i64>) -> BTreeMap<i64, i64> {
    let mut counts = BTreeMap::new();
    for amount in amounts {
        *counts.entry(amount).or_default() += 1;
    }
    counts
}

fn try_bank(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let is_heard = random.bool();
    let mut paid: Vec<Paid> = (0..random.usize(1..9))
        .map(|_| {
            let account = random.usize(..2);
            Paid {
                account,
                stall: random.usize(..2),
                amount: ACCOUNTS[account].1[random.usize(..2)],
                second: random.i64(0..2) * 86_400 + random.i64(6 * 3600..11 * 3600),
                has_notice: is_heard,
            }
        })
        .collect();
    paid.sort_by_key(|paid| paid.second);
    paid.dedup_by_key(|paid| paid.second);
    let books = with_provider(Database::sqlite());
    for (n, paid) in paid.iter().enumerate().filter(|(_, paid)| paid.has_notice) {
        let mut notice = to_account(payment(&bank_ref(n), paid.amount), ACCOUNTS[paid.account].0);
        notice = with(notice, "note", paid.note().into());
        notice = with(
            notice,
            "occurred_at",
            format!("{}T{}+07:00", paid.day(), paid.clock()).into(),
        );
        let at = TimeMs(market_day().start().0 + paid.second * 1000 + 3_000);
        books.post_at(&[delivery(&format!("m{n}"), &notice)], at);
    }
    let mut known: Vec<bool> = paid.iter().map(|paid| paid.has_notice).collect();
    let mut files = Vec::new();
    for file in 0..random.usize(1..5) {
        let format = FORMATS[random.usize(..FORMATS.len())];
        let account = random.usize(..2);
        let from = random.usize(..paid.len());
        let to = random.usize(from..paid.len()) + 1;
        let part: Vec<(usize, &Paid)> = paid
            .iter()
            .enumerate()
            .take(to)
            .skip(from)
            .filter(|(_, paid)| paid.account == account)
            .collect();
        if part.is_empty() {
            continue;
        }
        part.iter().for_each(|(n, _)| known[*n] = true);
        let text = export(format, account, &part);
        import(&books, &format!("{file}-{format:?}"), &text);
        files.push(format!("{format:?} {from}..{to} of {account}"));
    }
    let amounts = |sql: &str| {
        counts(
            books
                .rows(sql)
                .iter()
                .map(|amount| amount.parse().expect("an amount")),
        )
    };
    let posted = amounts("SELECT CAST(amount_vnd AS TEXT) FROM receipt");
    let listed = amounts("SELECT CAST(amount_vnd AS TEXT) FROM statement_row WHERE finding = 'ambiguous'");
    let true_counts = counts(
        paid.iter()
            .zip(&known)
            .filter(|(_, known)| **known)
            .map(|(paid, _)| paid.amount),
    );
    for (amount, of) in &true_counts {
        let posted = posted.get(amount).copied().unwrap_or_default();
        let listed = listed.get(amount).copied().unwrap_or_default();
        assert!(
            posted <= *of && of - posted <= listed,
            "bank {seed}: {amount} đ was paid {of} times, posted {posted}, {listed} wait\n{files:?}\n{paid:#?}"
        );
    }
    assert!(
        posted.keys().all(|amount| true_counts.contains_key(amount)),
        "bank {seed}: {posted:?}"
    );
    assert_eq!(
        books.rows("SELECT CAST(COUNT(*) AS TEXT) FROM correction"),
        ["0"],
        "bank {seed}"
    );
    assert_sound(&books.recount());
}

#[test]
fn what_files_of_any_kind_and_order_post_is_what_was_paid_or_waits_for_a_person() {
    for seed in 0..60 {
        try_bank(seed);
    }
}

/// A counter that begins anew each day says nothing of another day, nor of a day long past.
#[test]
fn a_counter_that_begins_anew_loses_no_payment() {
    let books = with_provider(Database::sqlite());
    let statement = |day: &str, amounts: [i64; 3]| {
        let mut text = format!(":20:X{day}\n:25:970415/00000011\n:28C:1/1\n:60F:C{day}VND0,\n");
        for (amount, n) in amounts.iter().zip(1..) {
            writeln!(
                text,
                ":61:{day}{}C{amount},NTRFNONREF//{n}\n:86:tien rau",
                &day[2..]
            )
            .expect("text");
        }
        let sum: i64 = amounts.iter().sum();
        text + &format!(":62F:C{day}VND{sum},\n-\n")
    };
    import(&books, "a", &statement("260110", [10_000, 20_000, 30_000]));
    import(&books, "b", &statement("260228", [10_000, 25_000, 30_000]));
    import(&books, "c", &statement("260301", [10_000, 25_000, 35_000]));
    let posted = books.rows("SELECT CAST(COUNT(*) AS TEXT) || ' ' || SUM(amount_vnd) FROM receipt");
    assert_eq!(posted, ["9 195000"]);
    let waiting = books.rows("SELECT finding FROM statement_row WHERE finding <> 'missing_notice'");
    assert!(waiting.is_empty(), "{waiting:?}");
    assert_sound(&books.recount());
}

/// Late notices of payments that a statement posted under one reference are their repeats, one by one.
#[test]
fn late_notices_of_a_batch_are_repeats_of_its_rows() {
    let books = with_provider(Database::sqlite());
    let header = "Mã giao dịch;Ngày giao dịch;Số tiền;Tài khoản nhận;Mã ngân hàng;Nội dung\n";
    let rows = "LO2603010007;01/03/2026;20000;00000011;970415;rau\nLO2603010007;01/03/2026;10000;00000011;970415;ca\n";
    import(&books, "a.csv", &format!("{header}{rows}"));
    assert_eq!(books.receipts().len(), 2);
    for amount in [20_000, 10_000] {
        books.post(&[delivery(&format!("m{amount}"), &payment("LO2603010007", amount))]);
    }
    let posted = books.rows("SELECT CAST(COUNT(*) AS TEXT) FROM receipt");
    let is_known = books.rows("SELECT CAST(SUM(repeat_count) AS TEXT) FROM intake_day");
    assert_eq!((posted, is_known), (vec!["2".to_owned()], vec!["2".to_owned()]));
}
