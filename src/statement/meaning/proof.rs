//! What the balances of a statement say of its rows: running balances beside them, and the opening and closing balance.
//! A contradiction means that a row is read wrongly or is missing, so nothing of the file is taken in.

use std::collections::HashMap;

use crate::statement::meaning::balances::{Chain, Verdict};
use crate::statement::summary::{Balance, saturating_sum};
use crate::vn::{Day, Dong, TimeMs};

/// Accounts of one file whose balances are followed each by itself.
const ACCOUNTS_MAX: usize = 64;

/// The balances of a table so far.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    /// Whether rows have a balance beside them that proves something.
    has_running: bool,
    chain: Option<Chain>,
    /// The same by the account of the row, for files of several; none once there are too many.
    by_account: Option<HashMap<String, Chain>>,
    has_accounts: bool,
    opening: Option<i64>,
    closing: Option<i64>,
    credits: Dong,
    debits: Dong,
}

/// What the rows of one account came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) verdict: Verdict,
    /// Opening and closing balance, if both are stated.
    pub(crate) balance: Option<Balance>,
}

impl Proof {
    pub(crate) fn new(has_running: bool, has_accounts: bool) -> Proof {
        Proof {
            has_running,
            has_accounts,
            by_account: (has_running && has_accounts).then(HashMap::new),
            ..Proof::default()
        }
    }

    /// The opening balance; the first that is stated counts.
    pub(crate) fn opens(&mut self, amount: Option<i64>) {
        self.opening = self.opening.or(amount);
    }

    /// The closing balance; the last that is stated counts.
    pub(crate) fn closes(&mut self, amount: Option<i64>) {
        self.closing = amount.or(self.closing);
    }

    /// Takes a row that moved this much and left this balance.
    pub(crate) fn add(
        &mut self,
        row: u64,
        when: (Day, Option<TimeMs>),
        moved: i64,
        balance: Option<i64>,
        account: &str,
    ) {
        if moved > 0 {
            self.credits = saturating_sum(self.credits, Dong::new(moved));
        } else {
            self.debits = saturating_sum(self.debits, Dong::new(moved.saturating_neg()));
        }
        if !self.has_running {
            return;
        }
        let opening = self.opening;
        let chain = self.chain.get_or_insert_with(|| Chain::new(opening));
        chain.add(row, when, moved, balance);
        let Some(accounts) = &mut self.by_account else {
            return;
        };
        if let Some(chain) = accounts.get_mut(account) {
            chain.add(row, when, moved, balance);
        } else if accounts.len() < ACCOUNTS_MAX {
            let mut chain = Chain::new(None);
            chain.add(row, when, moved, balance);
            accounts.insert(account.to_owned(), chain);
        } else {
            self.by_account = None;
        }
    }

    /// A row of unknown amount.
    pub(crate) fn gap(&mut self) {
        let accounts = self
            .by_account
            .iter_mut()
            .flat_map(|accounts| accounts.values_mut());
        for chain in self.chain.iter_mut().chain(accounts) {
            chain.gap();
        }
    }

    /// The rows of one account have ended; what follows is another's.
    pub(crate) fn end_section(&mut self) -> Ended {
        let ended = std::mem::replace(self, Proof::new(self.has_running, self.has_accounts));
        let one = ended
            .chain
            .map_or(Verdict::Nothing, |chain| chain.end(ended.opening, ended.closing));
        let verdict = match (one, ended.by_account) {
            (Verdict::Breaks(broken), Some(accounts)) if accounts.len() > 1 => {
                let mut links = 0;
                let verdicts = accounts.into_values().map(|chain| chain.end(None, None));
                let all_hold = verdicts.fold(true, |holds, verdict| match verdict {
                    Verdict::Nothing => holds,
                    Verdict::Holds(more) => {
                        links += more;
                        holds
                    }
                    Verdict::Breaks(_) => false,
                });
                if all_hold && links > 0 {
                    Verdict::Holds(links)
                } else {
                    Verdict::Breaks(broken)
                }
            }
            (one, _) => one,
        };
        let balance = ended.opening.zip(ended.closing).map(|(opening, closing)| {
            let expected = opening
                .saturating_add(ended.credits.vnd())
                .saturating_sub(ended.debits.vnd());
            Balance {
                opening: Dong::new(opening),
                credits: ended.credits,
                debits: ended.debits,
                closing: Dong::new(closing),
                parts: 1,
                parts_off: u64::from(expected != closing),
            }
        });
        Ended { verdict, balance }
    }
}
