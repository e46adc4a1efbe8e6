use std::collections::HashMap;

use super::Reason;
use crate::notice::Details;
use crate::register::code_in_note;
use crate::vn::{Day, Period};

/// One stall that an account is linked to, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The stall.
    pub stall_id: String,
    /// Its code, as it stands in transfer notes.
    pub stall_code: String,
    /// The household of the stall.
    pub household_id: String,
    /// When the link holds.
    pub period: Period,
}

/// A registered account with all its links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLinks {
    /// Six digits, or empty for a wallet without one.
    pub bank_bin: String,
    /// Its links, of any time.
    pub links: Vec<Link>,
}

/// A provider's terminal that stands at a stall, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalLink {
    /// The stall.
    pub stall_id: String,
    /// The household of the stall.
    pub household_id: String,
    /// When the terminal stands there.
    pub period: Period,
}

/// What the register says about the accounts, terminals and households of a batch.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Registered accounts by number.
    pub accounts: HashMap<String, Vec<AccountLinks>>,
    /// Terminals by (provider, terminal).
    pub terminals: HashMap<(String, String), Vec<TerminalLink>>,
    /// Principal places of a household, each from a day on, in order of the day.
    pub places: HashMap<String, Vec<(Day, String)>>,
}

/// Whose money it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributed {
    /// The household.
    pub household_id: String,
    /// The stall, where it is known.
    pub stall_id: Option<String>,
    /// The household's principal place on the business date.
    pub place_id: String,
}

/// Attribution of a payment by the links valid on its business date, in the order of DOMAIN section 6:
/// a known terminal (if it agrees with the payee account, where the notice names one); an account of
/// exactly one stall; the stall whose code is in the note; the household; else quarantine.
///
/// The note only chooses among stalls of the account; it never moves money to another account's stall.
pub fn attribute(
    provider_id: &str,
    details: &Details,
    day: Day,
    known: &Known,
) -> Result<Attributed, Reason> {
    let account = account_of(details, known);
    let links: Vec<&Link> = match &account {
        Ok(account) => account.links.iter().filter(|l| l.period.holds(day)).collect(),
        Err(_) => Vec::new(),
    };
    if let Some(terminal) = terminal_of(provider_id, details, day, known) {
        let agrees =
            details.account_number.is_empty() || links.iter().any(|l| l.stall_id == terminal.stall_id);
        if agrees {
            return placed(&terminal.household_id, Some(&terminal.stall_id), day, known);
        }
    }
    account?;
    let Some(first) = links.first() else {
        return Err(Reason::NoValidLink);
    };
    if links.iter().all(|l| l.stall_id == first.stall_id) {
        return placed(&first.household_id, Some(&first.stall_id), day, known);
    }
    let mut codes: Vec<&str> = links.iter().map(|l| l.stall_code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    if let Some(code) = code_in_note(&details.note, codes.into_iter())
        && let Some(link) = links.iter().find(|l| l.stall_code == code)
    {
        return placed(&link.household_id, Some(&link.stall_id), day, known);
    }
    if links.iter().all(|l| l.household_id == first.household_id) {
        return placed(&first.household_id, None, day, known);
    }
    Err(Reason::AmbiguousStall)
}

/// An account is (bank BIN, number); without a BIN the number must fit exactly one registered account.
fn account_of<'a>(details: &Details, known: &'a Known) -> Result<&'a AccountLinks, Reason> {
    let same_number = known
        .accounts
        .get(&details.account_number)
        .map_or(&[][..], Vec::as_slice);
    let mut fitting = same_number
        .iter()
        .filter(|a| details.bank_bin.as_ref().is_none_or(|bin| *bin == a.bank_bin));
    match (fitting.next(), fitting.next()) {
        (None, _) => Err(Reason::UnknownAccount),
        (Some(account), None) => Ok(account),
        (Some(_), Some(_)) => Err(Reason::AmbiguousAccount),
    }
}

fn terminal_of<'a>(
    provider_id: &str,
    details: &Details,
    day: Day,
    known: &'a Known,
) -> Option<&'a TerminalLink> {
    let key = (provider_id.to_owned(), details.terminal.clone()?);
    known.terminals.get(&key)?.iter().find(|t| t.period.holds(day))
}

fn placed(household_id: &str, stall_id: Option<&str>, day: Day, known: &Known) -> Result<Attributed, Reason> {
    let places = known.places.get(household_id).map_or(&[][..], Vec::as_slice);
    // Before its first version a household has no place; the first one is the best that is known.
    let place = places
        .iter()
        .rev()
        .find(|(from, _)| *from <= day)
        .or(places.first());
    let (_, place_id) = place.ok_or(Reason::NoValidLink)?;
    Ok(Attributed {
        household_id: household_id.to_owned(),
        stall_id: stall_id.map(str::to_owned),
        place_id: place_id.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i16 = 2026;

    fn link(stall: &str, code: &str, household: &str) -> Link {
        let period = Period {
            from: Some(Day::ymd(DAY, 1, 1)),
            to: Some(Day::ymd(DAY, 6, 30)),
        };
        Link {
            stall_id: stall.into(),
            stall_code: code.into(),
            household_id: household.into(),
            period,
        }
    }

    fn known(accounts: &[(&str, &str, Vec<Link>)]) -> Known {
        let mut known = Known::default();
        for (bin, number, links) in accounts {
            let account = AccountLinks {
                bank_bin: (*bin).into(),
                links: links.clone(),
            };
            known.accounts.entry((*number).into()).or_default().push(account);
        }
        for household in ["h1", "h2"] {
            known.places.insert(
                household.into(),
                vec![(Day::ymd(2020, 1, 1), format!("place-{household}"))],
            );
        }
        let at_s2 = TerminalLink {
            stall_id: "s2".into(),
            household_id: "h1".into(),
            period: Period::default(),
        };
        known.terminals.insert(("p".into(), "T2".into()), vec![at_s2]);
        known
    }

    fn details(bin: Option<&str>, number: &str, note: &str, terminal: Option<&str>) -> Details {
        Details {
            bank_bin: bin.map(str::to_owned),
            account_number: number.into(),
            note: note.into(),
            terminal: terminal.map(str::to_owned),
            ..Details::default()
        }
    }

    fn stall(known: &Known, d: &Details) -> Result<(String, Option<String>), Reason> {
        attribute("p", d, Day::ymd(DAY, 3, 1), known).map(|a| (a.household_id, a.stall_id))
    }

    #[test]
    fn the_order_of_the_domain_guide() {
        let one = link("s1", "HC7K3M9J", "h1");
        let two = link("s2", "ABCDEFG7", "h1");
        let other = link("s3", "23456789", "h2");
        let k = known(&[
            ("970415", "1", vec![one.clone()]),
            ("970415", "2", vec![one.clone(), two.clone()]),
            ("970415", "3", vec![one.clone(), other.clone()]),
            ("970415", "4", vec![one.clone()]),
            ("970422", "4", vec![other.clone()]),
        ]);
        let h1 = |s: Option<&str>| Ok(("h1".to_owned(), s.map(str::to_owned)));
        // one stall
        assert_eq!(stall(&k, &details(None, "1", "", None)), h1(Some("s1")));
        // the note of another account's stall never moves money away
        assert_eq!(stall(&k, &details(None, "1", "ABCDEFG7", None)), h1(Some("s1")));
        // among several, the code in the note; without one, the household
        assert_eq!(stall(&k, &details(None, "2", "x ABCDEFG7", None)), h1(Some("s2")));
        assert_eq!(stall(&k, &details(None, "2", "", None)), h1(None));
        // several households: the note decides, else review
        assert_eq!(stall(&k, &details(None, "3", "hc7k3m9j", None)), h1(Some("s1")));
        assert_eq!(
            stall(&k, &details(None, "3", "", None)),
            Err(Reason::AmbiguousStall)
        );
        // a number at two banks wants the BIN
        assert_eq!(
            stall(&k, &details(None, "4", "", None)),
            Err(Reason::AmbiguousAccount)
        );
        assert_eq!(stall(&k, &details(Some("970415"), "4", "", None)), h1(Some("s1")));
        assert_eq!(
            stall(&k, &details(Some("970436"), "1", "", None)),
            Err(Reason::UnknownAccount)
        );
        // an unknown account is never helped by the note
        assert_eq!(
            stall(&k, &details(None, "9", "HC7K3M9J", None)),
            Err(Reason::UnknownAccount)
        );
    }

    #[test]
    fn a_terminal_counts_only_if_it_agrees_with_the_account() {
        let k = known(&[
            ("970415", "1", vec![link("s1", "HC7K3M9J", "h1")]),
            (
                "970415",
                "2",
                vec![link("s1", "HC7K3M9J", "h1"), link("s2", "ABCDEFG7", "h1")],
            ),
        ]);
        assert_eq!(
            stall(&k, &details(None, "2", "HC7K3M9J", Some("T2")))
                .unwrap()
                .1
                .as_deref(),
            Some("s2")
        );
        assert_eq!(
            stall(&k, &details(None, "1", "", Some("T2")))
                .unwrap()
                .1
                .as_deref(),
            Some("s1")
        );
        assert_eq!(
            stall(&k, &details(None, "", "", Some("T2")))
                .unwrap()
                .1
                .as_deref(),
            Some("s2")
        );
        assert_eq!(
            stall(&k, &details(None, "", "", Some("T9"))),
            Err(Reason::UnknownAccount)
        );
    }

    #[test]
    fn links_hold_on_both_end_days_and_no_other() {
        let k = known(&[("970415", "1", vec![link("s1", "HC7K3M9J", "h1")])]);
        let on = |day| attribute("p", &details(None, "1", "", None), day, &k).is_ok();
        assert!(on(Day::ymd(DAY, 1, 1)) && on(Day::ymd(DAY, 6, 30)));
        assert!(!on(Day::ymd(DAY - 1, 12, 31)) && !on(Day::ymd(DAY, 7, 1)));
    }
}
