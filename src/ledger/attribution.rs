//! Which household and stall a payment belongs to.

use std::collections::HashMap;
use std::sync::Arc;

use super::state::Reason;
use crate::notice::Details;
use crate::register::{StallCode, code_in_note};
use crate::vn::{Day, Dong, Period};

/// One stall that an account is linked to, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub stall_id: Arc<str>,
    /// Its code, as it stands in transfer notes.
    pub stall_code: String,
    /// The household of the stall.
    pub household_id: Arc<str>,
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

/// A provider's terminal or virtual account that stands for a stall, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalLink {
    pub stall_id: Arc<str>,
    /// The household of the stall.
    pub household_id: Arc<str>,
    /// When the terminal stands there.
    pub period: Period,
}

/// An order that waits to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The stall it is paid to.
    pub stall_id: Arc<str>,
    /// The household of the stall.
    pub household_id: Arc<str>,
    /// What is asked, if it is fixed.
    pub amount: Option<Dong>,
}

/// What the register says about the accounts, terminals and households of a batch.
#[derive(Debug, Clone, Default)]
pub struct AttributionFacts {
    /// Registered accounts by number.
    pub accounts: HashMap<String, Vec<AccountLinks>>,
    /// Terminals, virtual accounts and stall codes that were used as such, by (provider, its text).
    pub terminals: HashMap<(Arc<str>, String), Vec<TerminalLink>>,
    /// Orders by (provider, reference).
    pub orders: HashMap<(Arc<str>, String), Order>,
    /// Principal places of a household, each from a day on, in order of the day.
    pub places: HashMap<Arc<str>, Vec<(Day, Arc<str>)>>,
}

/// Whose money it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributed {
    pub household_id: Arc<str>,
    /// The stall, where it is known.
    pub stall_id: Option<Arc<str>>,
    /// The household's principal place on the business date.
    pub place_id: Arc<str>,
}

/// Attribution of a payment by the links valid on its business date, in the order of docs/spec/domain.md, section 6:
/// an order, terminal or virtual account that is known (if it agrees with the payee account, where the
/// notice names one); an account of exactly one stall; the stall whose code is in the note; the
/// household; else quarantine.
///
/// The note only chooses among stalls of the account; it never moves money to another account's stall.
/// The merchant's reference is not the payer's: where no account is named, a stall code in it counts as
/// a terminal (docs/spec/providers.md, section 3, one terminal code for a market).
pub fn attribute(
    provider_id: &Arc<str>,
    details: &Details,
    day: Day,
    known: &AttributionFacts,
) -> Result<Attributed, Reason> {
    let account = account_of(details, known);
    let links: Vec<&Link> = match &account {
        Ok(account) => account.links.iter().filter(|l| l.period.holds(day)).collect(),
        Err(_) => Vec::new(),
    };
    let agrees =
        |stall_id: &str| details.account_number.is_empty() || links.iter().any(|l| *l.stall_id == *stall_id);
    if let Some(order) = order_of(provider_id, details, known)
        && agrees(&order.stall_id)
    {
        return placed(&order.household_id, Some(&order.stall_id), day, known);
    }
    for name in stall_aliases(details) {
        let key = (provider_id.clone(), name);
        let links = known.terminals.get(&key).map_or(&[][..], Vec::as_slice);
        if let Some(terminal) = links.iter().find(|t| t.period.holds(day))
            && agrees(&terminal.stall_id)
        {
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
    let note = details.note.as_deref().unwrap_or_default();
    if let Some(code) = code_in_note(note, codes.into_iter())
        && let Some(link) = links.iter().find(|l| l.stall_code == code)
    {
        return placed(&link.household_id, Some(&link.stall_id), day, known);
    }
    if links.iter().all(|l| l.household_id == first.household_id) {
        return placed(&first.household_id, None, day, known);
    }
    Err(Reason::AmbiguousStall)
}

/// The order that a notice pays, if it is known.
pub fn order_of<'a>(
    provider_id: &Arc<str>,
    details: &Details,
    known: &'a AttributionFacts,
) -> Option<&'a Order> {
    if details.reference.is_empty() || known.orders.is_empty() {
        return None;
    }
    known
        .orders
        .get(&(provider_id.clone(), details.reference.clone()))
}

/// What may stand for a stall beside its account, in the order in which it is asked: terminal, virtual
/// account, and where no account is named a stall code in the merchant's reference.
pub fn stall_aliases(details: &Details) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(terminal) = &details.terminal
        && !details.terminal_is_unsigned
    {
        names.push(terminal.clone());
    }
    if !details.virtual_account.is_empty() {
        names.push(details.virtual_account.clone());
    }
    if details.account_number.is_empty() {
        names.extend(code_in_reference(&details.reference));
    }
    names
}

/// The first word of a reference that is a stall code, or begins with one.
fn code_in_reference(reference: &str) -> Option<String> {
    reference
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find_map(|word| {
            let code = word.get(..8)?;
            StallCode::parse(code).ok().map(|code| code.to_string())
        })
}

/// An account is (bank BIN, number); without a BIN the number must fit exactly one registered account.
fn account_of<'a>(details: &Details, known: &'a AttributionFacts) -> Result<&'a AccountLinks, Reason> {
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

fn placed(
    household_id: &Arc<str>,
    stall_id: Option<&Arc<str>>,
    day: Day,
    known: &AttributionFacts,
) -> Result<Attributed, Reason> {
    let places = known.places.get(household_id).map_or(&[][..], Vec::as_slice);
    // Before its first version a household has no place; the first one is the best that is known.
    let place = places
        .iter()
        .rev()
        .find(|(from, _)| *from <= day)
        .or(places.first());
    let (_, place_id) = place.ok_or(Reason::NoValidLink)?;
    Ok(Attributed {
        household_id: household_id.clone(),
        stall_id: stall_id.cloned(),
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

    fn known(accounts: &[(&str, &str, Vec<Link>)]) -> AttributionFacts {
        let mut known = AttributionFacts::default();
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
                vec![(Day::ymd(2020, 1, 1), format!("place-{household}").into())],
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
            note: Some(note.into()),
            terminal: terminal.map(str::to_owned),
            ..Details::default()
        }
    }

    fn stall(known: &AttributionFacts, d: &Details) -> Result<(String, Option<String>), Reason> {
        attribute(&"p".into(), d, Day::ymd(DAY, 3, 1), known)
            .map(|a| (a.household_id.to_string(), a.stall_id.map(|s| s.to_string())))
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
    fn orders_virtual_accounts_and_codes_in_references_stand_for_stalls() {
        let mut k = known(&[("970415", "1", vec![link("s1", "HC7K3M9J", "h1")])]);
        let order = Order {
            stall_id: "s1".into(),
            household_id: "h1".into(),
            amount: None,
        };
        k.orders.insert(("p".into(), "O1".into()), order);
        let code = k.terminals[&("p".into(), "T2".into())].clone();
        k.terminals.insert(("p".into(), "ABCDEFG7".into()), code);
        let with = |change: fn(&mut Details)| {
            let mut d = details(None, "", "", None);
            change(&mut d);
            stall(&k, &d).ok().and_then(|(_, s)| s)
        };
        assert_eq!(with(|d| d.reference = "O1".into()).as_deref(), Some("s1"));
        assert_eq!(
            with(|d| d.reference = "x-ABCDEFG7001".into()).as_deref(),
            Some("s2")
        );
        assert_eq!(with(|d| d.reference = "x-ABCDEFG8001".into()), None);
        assert_eq!(with(|d| d.virtual_account = "T2".into()).as_deref(), Some("s2"));
        assert_eq!(with(|d| d.terminal = Some("T2".into())).as_deref(), Some("s2"));
        // What is not signed moves no money.
        let unsigned = |d: &mut Details| {
            d.terminal = Some("T2".into());
            d.terminal_is_unsigned = true;
        };
        assert_eq!(with(unsigned), None);
        // An order that contradicts the payee account does not win.
        let other = with(|d| {
            d.reference = "O1".into();
            d.account_number = "9".into();
        });
        assert_eq!(other, None);
    }

    #[test]
    fn links_hold_on_both_end_days_and_no_other() {
        let k = known(&[("970415", "1", vec![link("s1", "HC7K3M9J", "h1")])]);
        let on = |day| attribute(&"p".into(), &details(None, "1", "", None), day, &k).is_ok();
        assert!(on(Day::ymd(DAY, 1, 1)) && on(Day::ymd(DAY, 6, 30)));
        assert!(!on(Day::ymd(DAY - 1, 12, 31)) && !on(Day::ymd(DAY, 7, 1)));
    }
}
