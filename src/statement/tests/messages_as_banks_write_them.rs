//! Whatever dialect a bank writes, a message comes to the money that its entries say, or to a bad row.

use proptest::prelude::*;

use super::support::*;

/// One movement of an account.
#[derive(Debug, Clone)]
struct Movement {
    vnd: i64,
    /// `C`, `D`, `RC` or `RD`.
    mark: &'static str,
    /// How the bank spells this entry.
    dialect: [usize; 5],
}

impl Movement {
    fn signed(&self) -> i64 {
        match self.mark {
            "C" | "RD" => self.vnd,
            _ => -self.vnd,
        }
    }

    fn line(&self, number: usize) -> String {
        let [day, funds, amount, kind, details] = self.dialect;
        let day = ["0615", "    ", "", "0000", "260615"][day % 5];
        let funds = ["", "D", "R"][funds % 3];
        let vnd = self.vnd;
        let amount = match amount % 6 {
            0 => format!("{vnd},"),
            1 => format!("{vnd},00"),
            2 => format!("{vnd}"),
            3 => format!("{vnd}.00"),
            4 => format!("00000{vnd},0"),
            _ => format!("{},00", crate::vn::grouped(vnd, '.')),
        };
        let kind = ["NTRF", " NMSC", "S051"][kind % 3];
        let code = "HC7K3M9J";
        let details = match details % 6 {
            0 => format!(":86:TIEN RAU {code}\n"),
            1 => ":86:TIEN RAU HC7K\n3M9J\n".to_owned(),
            2 => ":86:166?00GHI CO?20TIEN HC7K?213M9J?32AN\n".to_owned(),
            3 => format!(":86:LUC T16\n:26:37 {code}\n"),
            4 => format!(":86:TIEN\n- {code}\n"),
            _ => format!(":86:TIEN\t{code}\u{2}\n"),
        };
        format!(
            ":61:260615{day}{}{funds}{amount}{kind}REF{number}//FT{number}\n{details}",
            self.mark
        )
    }
}

fn movements_of_a_day() -> impl Strategy<Value = Vec<Movement>> {
    let mark = prop::sample::select(vec!["C", "C", "C", "D", "RC", "RD"]);
    let one = (1_i64..=9_999_999_999, mark, prop::array::uniform5(any::<usize>()));
    let one = one.prop_map(|(vnd, mark, dialect)| Movement { vnd, mark, dialect });
    proptest::collection::vec(one, 0..10)
}

/// The statement in pages of so many entries.
fn mt940(movements: &[Movement], page: usize, line_end: usize) -> Vec<u8> {
    let mut balance = 100_000_000_000_i64;
    let mut text = String::new();
    let pages: Vec<&[Movement]> = match movements.chunks(page).collect::<Vec<_>>() {
        none if none.is_empty() => vec![&[]],
        pages => pages,
    };
    for (at, entries) in pages.iter().enumerate() {
        let open = if at == 0 { "60F" } else { "60M" };
        let close = if at + 1 == pages.len() { "62F" } else { "62M" };
        text.push_str(&format!(
            ":20:A\n:25:970415/88990011223\n:28C:1/{}\n:{open}:C260615VND{balance},\n",
            at + 1
        ));
        for (number, entry) in entries.iter().enumerate() {
            text.push_str(&entry.line(at * page + number));
            balance += entry.signed();
        }
        text.push_str(&format!(":{close}:C260615VND{balance},00 \n-\n"));
    }
    let end = ["\n", "\r\n", "\r"][line_end % 3];
    text.replace('\n', end).into_bytes()
}

/// An entry of camt with transactions inside, each with its direction, if it says one.
#[derive(Debug, Clone)]
struct Batch {
    is_credit: bool,
    parts: Vec<(i64, Option<bool>)>,
    /// What the entry says it comes to, beside the sum of its parts.
    off: i64,
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let part = (1_i64..1_000_000, proptest::option::of(any::<bool>()));
    let off = prop_oneof![4 => Just(0_i64), 1 => -500_i64..500];
    let one = (any::<bool>(), proptest::collection::vec(part, 0..5), off);
    let one = one.prop_map(|(is_credit, parts, off)| Batch {
        is_credit,
        parts,
        off,
    });
    proptest::collection::vec(one, 1..6)
}

fn direction(is_credit: bool) -> &'static str {
    if is_credit { "CRDT" } else { "DBIT" }
}

impl Batch {
    fn vnd(&self) -> i64 {
        let sum: i64 = self.parts.iter().map(|(vnd, _)| vnd).sum();
        (sum + self.off).max(1)
    }

    fn xml(&self) -> String {
        let part = |(vnd, said): &(i64, Option<bool>)| {
            let said = said.map_or(String::new(), |said| {
                format!("<CdtDbtInd>{}</CdtDbtInd>", direction(said))
            });
            format!("<TxDtls><Amt Ccy=\"VND\">{vnd}</Amt>{said}</TxDtls>")
        };
        let parts: String = self.parts.iter().map(part).collect();
        format!(
            "<Ntry><Amt Ccy=\"VND\">{}</Amt><CdtDbtInd>{}</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-06-15</Dt></BookgDt>\
             <NtryDtls>{parts}</NtryDtls></Ntry>",
            self.vnd(),
            direction(self.is_credit)
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn mt940_comes_to_its_entries_in_every_dialect(day in movements_of_a_day(), page in 1_usize..5, line_end in 0_usize..3) {
        let (events, summary) = read(&mt940(&day, page, line_end));
        prop_assert_eq!(summary.bad, 0, "{:?}", events);
        let sum = |mark: &str| day.iter().filter(|entry| entry.mark == mark).map(|entry| entry.vnd).sum::<i64>();
        prop_assert_eq!(summary.payments.amount.vnd(), sum("C"));
        prop_assert_eq!(summary.outgoing.amount.vnd(), sum("D"));
        prop_assert_eq!(summary.refunds.amount.vnd(), sum("RC"));
        prop_assert_eq!(summary.ignored.amount.vnd(), sum("RD"));
        prop_assert!(summary.balance.unwrap().agrees());
        for row in movements(&events) {
            let letters: String = row.note.chars().filter(char::is_ascii_alphanumeric).collect();
            prop_assert!(letters.contains("HC7K3M9J"), "{}", row.note);
        }
    }

    #[test]
    fn camt_never_takes_in_what_its_entry_says_went_out(batches in batches()) {
        let entries: String = batches.iter().map(Batch::xml).collect();
        let text = format!(
            "<?xml version=\"1.0\"?><Document><BkToCstmrStmt><Stmt>{entries}</Stmt></BkToCstmrStmt></Document>"
        );
        let (events, summary) = read(text.as_bytes());
        let credited: i64 = batches.iter().filter(|batch| batch.is_credit).map(Batch::vnd).sum();
        let debited: i64 = batches.iter().filter(|batch| !batch.is_credit).map(Batch::vnd).sum();
        let came = summary.payments.amount.vnd();
        let went = summary.outgoing.amount.vnd() + summary.refunds.amount.vnd();
        if summary.bad == 0 {
            // A part that goes the other way is on both sides, so only the difference is that of the entries.
            prop_assert_eq!(came - went, credited - debited, "{:?}", events);
        } else {
            prop_assert!(came - went <= credited - debited, "{:?}", events);
        }
    }
}
