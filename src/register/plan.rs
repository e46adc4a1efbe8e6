//! Compares drafts with the register and says which rows to write.

use std::collections::{BTreeMap, HashMap};

use super::draft::{
    AccountDraft, Class, HolderRelation, HouseholdDraft, PlaceName, StallDraft, TradingStatus,
};
use super::stall_code::StallCode;
use crate::places::{Book, PlaceError};
use crate::vietqr::stall_payload;
use crate::vn::{AccountNumber, Day, Period, Sentence, sentence};

/// What the register holds about the households, codes and accounts that some drafts name.
#[derive(Debug, Default)]
pub struct Existing {
    pub households: HashMap<String, ExistingHousehold>,
    /// Owner (household id) of each stall code that is taken.
    pub stall_owners: HashMap<String, String>,
    /// Account ids by (BIN, number).
    pub accounts: HashMap<(String, String), String>,
}

/// A household on the register.
#[derive(Debug, Default, Clone)]
pub struct ExistingHousehold {
    pub household_id: String,
    /// Its versions, in order of (valid from, recorded at).
    pub versions: Vec<(Day, HouseholdState)>,
    pub stalls: Vec<ExistingStall>,
}

/// A stall on the register.
#[derive(Debug, Clone)]
pub struct ExistingStall {
    pub stall_id: String,
    pub code: String,
    /// Its versions, in order of (valid from, recorded at).
    pub versions: Vec<(Day, StallState)>,
    /// Links of accounts, the latest recorded version of each.
    pub links: Vec<ExistingLink>,
    /// Accounts for which a code is handed out and not ended.
    pub accounts_with_code: Vec<String>,
}

/// A link on the register.
#[derive(Debug, Clone)]
pub struct ExistingLink {
    pub account_id: String,
    pub period: Period,
    /// Whether it was on the register before this file.
    pub is_recorded: bool,
}

/// What a version says of a household.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseholdState {
    pub name: String,
    pub class: Class,
    pub status: TradingStatus,
    pub place_id: String,
    pub house_number: String,
    /// `+84…`
    pub phone: Option<String>,
}

/// What a version says of a stall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StallState {
    pub place_id: String,
    /// House number on the street.
    pub house_number: String,
    /// Number in the market.
    pub stall_number: String,
    /// Its own status; it is counted when its household trades too.
    pub status: TradingStatus,
}

/// The rows to write.
#[derive(Debug, Default)]
pub struct Rows {
    pub households: Vec<HouseholdRow>,
    pub household_versions: Vec<HouseholdVersionRow>,
    pub stalls: Vec<StallRow>,
    pub stall_versions: Vec<StallVersionRow>,
    pub accounts: Vec<AccountRow>,
    pub links: Vec<LinkRow>,
    pub codes: Vec<CodeRow>,
}

#[derive(Debug)]
pub struct HouseholdRow {
    pub household_id: String,
    pub reference: String,
}

#[derive(Debug)]
pub struct StallRow {
    pub stall_id: String,
    pub household_id: String,
    pub code: String,
}

#[derive(Debug)]
pub struct AccountRow {
    pub account_id: String,
    pub bank_bin: String,
    pub number: AccountNumber,
    pub holder_name: String,
}

/// A version of a household.
#[derive(Debug)]
pub struct HouseholdVersionRow {
    pub household_id: String,
    /// From which day it holds.
    pub from: Day,
    pub state: HouseholdState,
}

/// A version of a stall.
#[derive(Debug)]
pub struct StallVersionRow {
    pub stall_id: String,
    /// From which day it holds.
    pub from: Day,
    pub state: StallState,
}

/// A link of an account to a stall.
#[derive(Debug)]
pub struct LinkRow {
    pub link_id: String,
    pub account_id: String,
    pub stall_id: String,
    pub household_id: String,
    pub period: Period,
    /// Who holds the account.
    pub relation: HolderRelation,
}

/// A code handed out.
#[derive(Debug)]
pub struct CodeRow {
    pub serial: String,
    pub stall_id: String,
    /// The account it pays into.
    pub account_id: String,
    pub household_id: String,
    pub payload: String,
    /// The day it was handed out.
    pub issued_on: Day,
}

/// Where new ids come from: ids, stall codes and serials that are not taken.
pub struct NewIds<'a> {
    pub id: &'a mut dyn FnMut() -> String,
    /// A stall code that no stall has.
    pub stall_code: &'a mut dyn FnMut() -> StallCode,
    /// A serial that no code has.
    pub serial: &'a mut dyn FnMut() -> String,
}

/// What becomes of some drafts.
#[derive(Debug, Default)]
pub struct RegisterPlan {
    pub rows: Rows,
    /// Refused stalls: line of the file and reason.
    pub faults: Vec<(u64, Sentence)>,
    /// Ids of the households that were kept, with their stalls, in the order of the drafts.
    pub kept: Vec<(String, Vec<String>)>,
    /// Names of streets about which a person has to be asked: in how many rows.
    pub asked_streets: BTreeMap<String, usize>,
    /// Rows whose account takes the place of another one on the register, which a second person has to approve.
    pub waiting_accounts: Vec<u64>,
}

/// Compares drafts with the register. The same draft again gives no rows. A stall that cannot be kept
/// is refused with its reason; if it is a household's first, the whole household is.
pub fn plan(
    drafts: &[HouseholdDraft],
    existing: &mut Existing,
    book: &mut Book<'_>,
    new_ids: &mut NewIds<'_>,
) -> RegisterPlan {
    let mut planner = Planner {
        existing,
        book,
        new_ids,
        plan: RegisterPlan::default(),
    };
    for draft in drafts {
        planner.household(draft);
    }
    planner.plan
}

/// What planning a draft reads and adds to. A household is planned on a copy, which replaces the one in
/// `existing` when it is done.
struct Planner<'p, 'units, 'ids> {
    existing: &'p mut Existing,
    book: &'p mut Book<'units>,
    new_ids: &'p mut NewIds<'ids>,
    plan: RegisterPlan,
}

impl Planner<'_, '_, '_> {
    fn household(&mut self, draft: &HouseholdDraft) {
        let known = self.existing.households.get(&draft.reference).cloned();
        let is_new = known.is_none();
        let mut household = known.unwrap_or_else(|| ExistingHousehold {
            household_id: (self.new_ids.id)(),
            ..Default::default()
        });
        let mut stall_ids = Vec::new();
        for (position, stall) in draft.stalls.iter().enumerate() {
            let placed = self.place_of(stall).and_then(|place_id| {
                let at = self.find_or_make_stall(stall, &place_id, &mut household)?;
                Ok((place_id, at))
            });
            let (place_id, at) = match placed {
                Ok(found) => found,
                Err(reason) if position == 0 => {
                    let others = draft.stalls[1..].iter().map(|s| {
                        let reason = Sentence::new(
                            "nơi chính của hộ bị từ chối",
                            "the household's principal place is refused",
                        );
                        (s.row, reason)
                    });
                    self.plan.faults.push((stall.row, reason));
                    self.plan.faults.extend(others);
                    return;
                }
                Err(reason) => {
                    self.plan.faults.push((stall.row, reason));
                    continue;
                }
            };
            if position == 0 {
                if is_new {
                    self.plan.rows.households.push(HouseholdRow {
                        household_id: household.household_id.clone(),
                        reference: draft.reference.clone(),
                    });
                }
                if let Some(details) = &draft.details {
                    let state = HouseholdState {
                        name: details.name.clone(),
                        class: details.class,
                        status: details.status,
                        place_id,
                        house_number: stall.house_number.clone(),
                        phone: details.phone.as_ref().map(|p| p.reveal().to_owned()),
                    };
                    self.version(&mut household, details.from, state);
                }
            }
            if let Some(account) = &stall.account {
                self.account(stall, account, &mut household, at);
            }
            stall_ids.push(household.stalls[at].stall_id.clone());
        }
        self.plan.kept.push((household.household_id.clone(), stall_ids));
        self.existing
            .households
            .insert(draft.reference.clone(), household);
    }

    fn place_of(&mut self, stall: &StallDraft) -> Result<String, Sentence> {
        let new_id = &mut self.new_ids.id;
        match &stall.place.name {
            PlaceName::Street(name) => self
                .book
                .segment(name, stall.place.unit, stall.from, new_id)
                .map_err(|e| {
                    if let PlaceError::NewStreet { name, .. } = &e {
                        *self.plan.asked_streets.entry(name.clone()).or_default() += 1;
                    }
                    e.sentence()
                }),
            PlaceName::Market(name) => self
                .book
                .market(name, stall.place.unit, stall.from, new_id)
                .map_err(|e| e.sentence()),
        }
    }

    /// The stall of the draft's code, else the one at the same place with the same numbers, else a new one.
    /// Gives back its position among the household's stalls.
    fn find_or_make_stall(
        &mut self,
        draft: &StallDraft,
        place_id: &str,
        household: &mut ExistingHousehold,
    ) -> Result<usize, Sentence> {
        let wanted = |status| StallState {
            place_id: place_id.to_owned(),
            house_number: draft.house_number.clone(),
            stall_number: draft.stall_number.clone(),
            status,
        };
        let found = match &draft.code {
            Some(code) => household.stalls.iter().position(|s| s.code == code.as_str()),
            None => household.stalls.iter().position(|s| {
                s.versions
                    .last()
                    .is_some_and(|(_, state)| *state == wanted(state.status))
            }),
        };
        if let Some(at) = found {
            let stall = &mut household.stalls[at];
            let status = state_on(&stall.versions, draft.from).map_or(TradingStatus::Trading, |s| s.status);
            if state_on(&stall.versions, draft.from) != Some(&wanted(status)) {
                let stall_id = stall.stall_id.clone();
                let state = wanted(status);
                stall.versions.push((draft.from, state.clone()));
                self.plan.rows.stall_versions.push(StallVersionRow {
                    stall_id,
                    from: draft.from,
                    state,
                });
            }
            return Ok(at);
        }
        if let Some(code) = &draft.code
            && self.existing.stall_owners.contains_key(code.as_str())
        {
            return Err(sentence!(
                "stall_code: mã {code} đã thuộc hộ khác; hãy kiểm tra thẻ hoặc để trống để được cấp mã mới",
                "stall_code: {code} belongs to another household; check the card, or leave it empty to be given a new one"
            ));
        }
        let code = draft
            .code
            .clone()
            .unwrap_or_else(|| (self.new_ids.stall_code)())
            .to_string();
        let stall_id = (self.new_ids.id)();
        self.existing
            .stall_owners
            .insert(code.clone(), household.household_id.clone());
        self.plan.rows.stalls.push(StallRow {
            stall_id: stall_id.clone(),
            household_id: household.household_id.clone(),
            code: code.clone(),
        });
        let state = wanted(TradingStatus::Trading);
        self.plan.rows.stall_versions.push(StallVersionRow {
            stall_id: stall_id.clone(),
            from: draft.from,
            state: state.clone(),
        });
        household.stalls.push(ExistingStall {
            stall_id,
            code,
            versions: vec![(draft.from, state)],
            links: Vec::new(),
            accounts_with_code: Vec::new(),
        });
        Ok(household.stalls.len() - 1)
    }

    fn version(&mut self, household: &mut ExistingHousehold, from: Day, state: HouseholdState) {
        if state_on(&household.versions, from) != Some(&state) {
            household.versions.push((from, state.clone()));
            let household_id = household.household_id.clone();
            self.plan.rows.household_versions.push(HouseholdVersionRow {
                household_id,
                from,
                state,
            });
        }
    }

    /// Links the stated account to the stall at this position, and hands a code out where the draft says so.
    fn account(
        &mut self,
        draft: &StallDraft,
        account: &AccountDraft,
        household: &mut ExistingHousehold,
        at: usize,
    ) {
        let key = (account.bank_bin.clone(), account.number.reveal().to_owned());
        let account_id = self.existing.accounts.entry(key).or_insert_with(|| {
            let id = (self.new_ids.id)();
            self.plan.rows.accounts.push(AccountRow {
                account_id: id.clone(),
                bank_bin: account.bank_bin.clone(),
                number: account.number.clone(),
                holder_name: account.holder_name.clone(),
            });
            id
        });
        let stall = &mut household.stalls[at];
        // A file is one person's word; another account than the one on record needs a second one
        // (docs/spec/domain.md, section 11).
        let is_change = |link: &ExistingLink| link.is_recorded && link.account_id != *account_id;
        let is_change = stall.links.iter().any(is_change);
        let is_linked = stall
            .links
            .iter()
            .any(|l| l.account_id == *account_id && l.period.holds(draft.from));
        if !is_linked {
            if is_change {
                self.plan.waiting_accounts.push(draft.row);
            }
            let period = Period {
                from: Some(draft.from),
                to: None,
            };
            stall.links.push(ExistingLink {
                account_id: account_id.clone(),
                period,
                is_recorded: false,
            });
            self.plan.rows.links.push(LinkRow {
                link_id: (self.new_ids.id)(),
                account_id: account_id.clone(),
                stall_id: stall.stall_id.clone(),
                household_id: household.household_id.clone(),
                period,
                relation: account.relation,
            });
        }
        let Some(issued_on) = draft.code_from else { return };
        if stall.accounts_with_code.contains(account_id) {
            return;
        }
        if is_change {
            let reason = Sentence::new(
                "code_from: sạp đã có tài khoản khác trong sổ. Tài khoản mới đã ghi, nhưng mã chưa phát: cần một người thứ hai duyệt trên trang của sạp rồi mới phát mã",
                "code_from: the register has another account for the stall. The new one is kept, but no code was handed out: a second person has to approve it on the stall's page first",
            );
            self.plan.faults.push((draft.row, reason));
            return;
        }
        match stall_payload(&account.bank_bin, &account.number, &stall.code) {
            Ok(payload) => {
                stall.accounts_with_code.push(account_id.clone());
                self.plan.rows.codes.push(CodeRow {
                    serial: (self.new_ids.serial)(),
                    stall_id: stall.stall_id.clone(),
                    account_id: account_id.clone(),
                    household_id: household.household_id.clone(),
                    payload: payload.to_string(),
                    issued_on,
                });
            }
            Err(error) => {
                let Sentence { vi, en } = error.sentence();
                let reason = sentence!(
                    "code_from: không tạo được mã QR: {vi}",
                    "code_from: no QR code can be made: {en}"
                );
                self.plan.faults.push((draft.row, reason));
            }
        }
    }
}

/// What holds on a day: the version with the latest start, of those the last recorded.
pub fn state_on<T>(versions: &[(Day, T)], day: Day) -> Option<&T> {
    versions
        .iter()
        .filter(|(from, _)| *from <= day)
        .max_by_key(|(from, _)| *from)
        .map(|(_, state)| state)
}

#[cfg(test)]
mod tests {
    use super::super::{AccountLengths, Reading, SHAPE, read_register};
    use super::*;
    use crate::places::{NewStreets, Units, shipped};

    const HEADER: &str = "household_ref,household_name,class,trading_status,unit_code,street,house_number,market,stall_number,stall_code,bank_bin,account_number,account_holder,holder_relation,phone,from,code_from\n";

    /// Plans one file after another against the same register, as imports do.
    fn plan_files(files: &[&str]) -> Vec<RegisterPlan> {
        let (units, edges) = shipped();
        let units = Units::new(units, edges).unwrap();
        let mut existing = Existing::default();
        let mut book = Book::new(&units, NewStreets::Made);
        let mut n = 0;
        let mut next = || {
            n += 1;
            n
        };
        let next = std::cell::RefCell::new(&mut next);
        let mut id = || format!("id{}", next.borrow_mut()());
        let mut stall_code = || StallCode::from_number(next.borrow_mut()());
        let mut serial = || format!("S{}", next.borrow_mut()());
        let mut new_ids = NewIds {
            id: &mut id,
            stall_code: &mut stall_code,
            serial: &mut serial,
        };
        files
            .iter()
            .map(|rows| {
                let table = crate::table::read(format!("{HEADER}{rows}").as_bytes(), &SHAPE).unwrap();
                let reading = Reading {
                    units: &units,
                    account_lengths: &AccountLengths::default(),
                    today: Day::ymd(2026, 6, 15),
                };
                let file = read_register(table, reading);
                assert_eq!(file.faults.len(), 0);
                plan(&file.households, &mut existing, &mut book, &mut new_ids)
            })
            .collect()
    }

    const ONE: &str =
        "A,Hộ 1,registered,trading,20233,Bạch Đằng,1,,,,970415,0011,HO MOT,owner,,2024-01-01,2024-02-01\n";

    #[test]
    fn the_same_file_again_changes_nothing() {
        let outcomes = plan_files(&[ONE, ONE]);
        let first = &outcomes[0].rows;
        assert_eq!(
            (
                first.households.len(),
                first.stalls.len(),
                first.links.len(),
                first.codes.len()
            ),
            (1, 1, 1, 1)
        );
        assert!(first.codes[0].payload.contains(&first.stalls[0].code));
        let again = &outcomes[1].rows;
        assert_eq!(
            (
                again.households.len(),
                again.household_versions.len(),
                again.stalls.len(),
                again.stall_versions.len()
            ),
            (0, 0, 0, 0)
        );
        assert_eq!(
            (again.accounts.len(), again.links.len(), again.codes.len()),
            (0, 0, 0)
        );
        assert_eq!(outcomes[0].kept, outcomes[1].kept);
    }

    #[test]
    fn a_change_is_a_new_version() {
        let closed = ONE
            .replace("trading", "closed")
            .replace("2024-01-01", "2024-06-01");
        let outcomes = plan_files(&[ONE, &closed]);
        let rows = &outcomes[1].rows;
        assert_eq!(rows.household_versions.len(), 1);
        assert_eq!(rows.household_versions[0].from, Day::ymd(2024, 6, 1));
        assert_eq!(rows.household_versions[0].state.status, TradingStatus::Closed);
        assert_eq!((rows.stalls.len(), rows.links.len()), (0, 0));
    }

    #[test]
    fn a_stall_code_has_one_household() {
        let coded = ONE.replace(",1,,,,", ",1,,,HC7K3M9J,");
        let other = coded.replace("A,Hộ 1", "B,Hộ 2");
        let outcomes = plan_files(&[&coded, &other]);
        assert_eq!(outcomes[0].rows.stalls[0].code, "HC7K3M9J");
        assert_eq!(outcomes[1].faults.len(), 1);
        assert_eq!(outcomes[1].rows.households.len(), 0);
    }
}
