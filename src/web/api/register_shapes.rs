//! The shapes of the register in JSON: what calls take, and what they answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::common::{object, objects};
use crate::register::{Class, CodeEnd, HolderRelation, TradingStatus};
use crate::store::{AccountView, CodeView, HouseholdView, StallView};
use crate::vn::Day;

/// A household to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "household_ref": "HKD-0003", "household_name": "Hộ 0003", "class": "registered", "phone": "0905 000 003",
    "stalls": [{
        "unit_code": "20242", "market": "Chợ Hàn", "stall_number": "A-08", "from": "2025-08-01",
        "account": {
            "bank_bin": "970415", "account_number": "0000000000003", "account_holder": "HO KHONG KHONG KHONG BA",
            "holder_relation": "owner"
        }
    }]
}))]
pub(super) struct HouseholdIn {
    /// The name under which outsiders know it.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    pub(super) household_ref: String,
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    pub(super) household_name: String,
    pub(super) class: Class,
    /// `trading` if absent.
    #[serde(default)]
    pub(super) trading_status: Option<TradingStatus>,
    /// `0905 123 456`
    #[serde(default)]
    #[schema(pattern = r"^[ .-]*(\+[ .-]*8[ .-]*4|0|8[ .-]*4)([ .-]*[0-9]){9,10}[ .-]*$")]
    pub(super) phone: Option<String>,
    /// At least one; the first is the principal place.
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1)]
    pub(super) stalls: Vec<StallIn>,
}

/// A stall.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"unit_code": "20242", "market": "Chợ Hàn", "stall_number": "A-09", "from": "2025-08-01"}))]
pub(super) struct StallIn {
    /// Code of the ward, read at `from`.
    #[schema(min_length = 1)]
    pub(super) unit_code: String,
    /// Street, or `market`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    pub(super) street: Option<String>,
    /// Say true to make a street whose name looks like a known one; otherwise that is refused.
    #[serde(default)]
    pub(super) new_street: bool,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    pub(super) market: Option<String>,
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(super) house_number: Option<String>,
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(super) stall_number: Option<String>,
    /// Eight characters, the last one a check character; assigned if absent.
    #[serde(default)]
    #[schema(example = "HC7K3M9J")]
    pub(super) stall_code: Option<String>,
    /// The account its money goes to.
    #[serde(default, deserialize_with = "object")]
    pub(super) account: Option<AccountIn>,
    /// From which day it is there, `YYYY-MM-DD`.
    #[schema(value_type = String, format = Date)]
    pub(super) from: Day,
}

/// A payee account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "bank_bin": "970415", "account_number": "0000000000003", "account_holder": "HO KHONG KHONG KHONG BA",
    "holder_relation": "owner"
}))]
pub(super) struct AccountIn {
    /// Six digits; absent for a wallet without one.
    #[serde(default)]
    #[schema(pattern = "^([0-9]{6})?$")]
    pub(super) bank_bin: Option<String>,
    /// 1 to 19 letters or digits.
    #[schema(pattern = "^[ .-]*([0-9A-Za-z][ .-]*){1,19}$")]
    pub(super) account_number: String,
    /// As the bank shows it.
    #[schema(max_length = 200)]
    pub(super) account_holder: String,
    pub(super) holder_relation: HolderRelation,
}

/// An account to be linked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "bank_bin": "970415", "account_number": "0000000000004", "account_holder": "HO KHONG KHONG KHONG BON",
    "holder_relation": "owner", "from": "2025-08-01"
}))]
pub(super) struct LinkIn {
    /// Six digits; absent for a wallet without one.
    #[serde(default)]
    #[schema(pattern = "^([0-9]{6})?$")]
    bank_bin: Option<String>,
    /// 1 to 19 letters or digits.
    #[schema(pattern = "^[ .-]*([0-9A-Za-z][ .-]*){1,19}$")]
    account_number: String,
    /// As the bank shows it.
    #[schema(max_length = 200)]
    account_holder: String,
    holder_relation: HolderRelation,
    /// First day of the link, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) from: Option<Day>,
}

impl LinkIn {
    pub(super) fn account(&self) -> AccountIn {
        AccountIn {
            bank_bin: self.bank_bin.clone(),
            account_number: self.account_number.clone(),
            account_holder: self.account_holder.clone(),
            holder_relation: self.holder_relation,
        }
    }
}

/// What changes of a household; absent members stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"trading_status": "paused", "from": "2025-09-01"}))]
pub(super) struct HouseholdChangeIn {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    pub(super) household_name: Option<String>,
    #[serde(default)]
    pub(super) class: Option<Class>,
    #[serde(default)]
    pub(super) trading_status: Option<TradingStatus>,
    #[serde(default)]
    #[schema(pattern = r"^[ .-]*(\+[ .-]*8[ .-]*4|0|8[ .-]*4)([ .-]*[0-9]){9,10}[ .-]*$")]
    pub(super) phone: Option<String>,
    /// From which day, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) from: Option<Day>,
}

/// What changes of a stall.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"trading_status": "closed", "from": "2025-09-01"}))]
pub(super) struct StallChangeIn {
    pub(super) trading_status: TradingStatus,
    /// From which day, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) from: Option<Day>,
}

/// A terminal at a stall.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"provider_id": "mybank", "terminal": "POS-0001", "from": "2025-08-01"}))]
pub(super) struct TerminalIn {
    #[schema(min_length = 1, max_length = 40, pattern = r"\S")]
    pub(super) provider_id: String,
    #[schema(min_length = 1, max_length = 128, pattern = r"\S")]
    pub(super) terminal: String,
    /// From which day, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) from: Option<Day>,
}

/// Which code to hand out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"issued_on": "2025-08-15"}))]
pub(super) struct IssueIn {
    /// The account; may be absent if the stall has one.
    #[serde(default)]
    pub(super) account_id: Option<String>,
    /// The day it is handed out, `YYYY-MM-DD`; today if absent, never later.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) issued_on: Option<Day>,
}

/// When a link ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"on": "2025-12-31"}))]
pub(super) struct EndLinkIn {
    /// The last day on which it holds, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) on: Option<Day>,
}

/// How a code ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"state": "revoked", "reason": "pasted over", "on": "2025-12-31"}))]
pub(super) struct EndCodeIn {
    /// `revoked` if absent.
    #[serde(default)]
    pub(super) state: Option<EndState>,
    /// The first day on which it is no longer active, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) on: Option<Day>,
    /// `lost`, `pasted over`
    #[serde(default)]
    #[schema(max_length = 200, pattern = r"\S")]
    pub(super) reason: Option<String>,
}

/// What became of the card.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum EndState {
    Replaced,
    Revoked,
    Destroyed,
}

impl From<EndState> for CodeEnd {
    fn from(state: EndState) -> CodeEnd {
        match state {
            EndState::Replaced => CodeEnd::Replaced,
            EndState::Revoked => CodeEnd::Revoked,
            EndState::Destroyed => CodeEnd::Destroyed,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HouseholdOut {
    pub(super) household_id: String,
    pub(super) household_ref: String,
    pub(super) household_name: String,
    pub(super) class: Class,
    pub(super) trading_status: TradingStatus,
    /// Street or market.
    pub(super) place: String,
    pub(super) house_number: String,
    pub(super) has_account: bool,
    pub(super) has_code: bool,
    /// Only when one household is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stalls: Option<Vec<StallOut>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StallOut {
    pub(super) stall_id: String,
    pub(super) household_id: String,
    pub(super) stall_code: String,
    /// Street or market.
    pub(super) place: String,
    pub(super) house_number: String,
    pub(super) stall_number: String,
    pub(super) trading_status: TradingStatus,
    pub(super) accounts: Vec<AccountOut>,
    pub(super) codes: Vec<CodeOut>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountOut {
    pub(super) link_id: String,
    pub(super) account_id: String,
    pub(super) bank_bin: String,
    /// Masked: `•••• 8888`
    pub(super) account: String,
    pub(super) account_holder: String,
    pub(super) holder_relation: HolderRelation,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CodeOut {
    pub(super) serial: String,
    pub(super) account_id: String,
    pub(super) payload: String,
    pub(super) issued_on: String,
    /// `issued`, `replaced`, `revoked` or `destroyed`.
    pub(super) state: &'static str,
    pub(super) ended_on: Option<String>,
    /// Pictures of the code.
    pub(super) svg: String,
    pub(super) png: String,
}

pub(super) fn household_out(view: HouseholdView, stalls: Option<Vec<StallView>>) -> HouseholdOut {
    HouseholdOut {
        household_id: view.household_id,
        household_ref: view.reference,
        household_name: view.name,
        class: view.class,
        trading_status: view.trading_status,
        place: view.place_name,
        house_number: view.house_number,
        has_account: view.has_account,
        has_code: view.has_code,
        stalls: stalls.map(|s| s.into_iter().map(stall_out).collect()),
    }
}

pub(super) fn stall_out(view: StallView) -> StallOut {
    StallOut {
        stall_id: view.stall_id,
        household_id: view.household_id,
        stall_code: view.stall_code,
        place: view.place_name,
        house_number: view.house_number,
        stall_number: view.stall_number,
        trading_status: view.trading_status,
        accounts: view.accounts.into_iter().map(account_out).collect(),
        codes: view.codes.into_iter().map(code_out).collect(),
    }
}

pub(super) fn account_out(view: AccountView) -> AccountOut {
    AccountOut {
        link_id: view.link_id,
        account_id: view.account_id,
        bank_bin: view.bank_bin,
        account: view.number.to_string(),
        account_holder: view.holder_name,
        holder_relation: view.holder_relation,
        from: view.period.from.map(|d| d.to_string()),
        to: view.period.to.map(|d| d.to_string()),
    }
}

pub(super) fn code_out(view: CodeView) -> CodeOut {
    let (state, ended_on) = match view.ended {
        Some((end, day)) => (end.as_str(), Some(day.to_string())),
        None => ("issued", None),
    };
    CodeOut {
        svg: format!("/codes/{}.svg", view.serial),
        png: format!("/codes/{}.png", view.serial),
        serial: view.serial,
        account_id: view.account_id,
        payload: view.payload,
        issued_on: view.issued_on.to_string(),
        state,
        ended_on,
    }
}
