//! The shapes of the register in JSON: what calls take, and what they answer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::register::{Class, HolderRelation, TradingStatus};
use crate::store::{AccountView, CodeView, HouseholdView, StallView};
use crate::vn::Day;

/// A household to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HouseholdIn {
    /// The name under which outsiders know it.
    pub(super) household_ref: String,
    pub(super) household_name: String,
    pub(super) class: Class,
    /// `trading` if absent.
    #[serde(default)]
    pub(super) trading_status: Option<TradingStatus>,
    /// `0905 123 456`
    #[serde(default)]
    pub(super) phone: Option<String>,
    /// At least one; the first is the principal place.
    pub(super) stalls: Vec<StallIn>,
}

/// A stall.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StallIn {
    /// Code of the ward, read at `from`.
    pub(super) unit_code: String,
    /// Street, or `market`.
    #[serde(default)]
    pub(super) street: Option<String>,
    #[serde(default)]
    pub(super) market: Option<String>,
    #[serde(default)]
    pub(super) house_number: Option<String>,
    #[serde(default)]
    pub(super) stall_number: Option<String>,
    /// Assigned if absent.
    #[serde(default)]
    pub(super) stall_code: Option<String>,
    /// The account its money goes to.
    #[serde(default)]
    pub(super) account: Option<AccountIn>,
    /// From which day it is there, `YYYY-MM-DD`.
    #[schema(value_type = String, format = Date)]
    pub(super) from: Day,
}

/// A payee account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountIn {
    /// Six digits; absent for a wallet without one.
    #[serde(default)]
    pub(super) bank_bin: Option<String>,
    /// 1 to 19 letters or digits.
    pub(super) account_number: String,
    /// As the bank shows it.
    pub(super) account_holder: String,
    pub(super) holder_relation: HolderRelation,
}

/// An account to be linked.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct LinkIn {
    #[serde(flatten)]
    pub(super) account: AccountIn,
    /// First day of the link, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) from: Option<Day>,
}

/// What changes of a household; absent members stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HouseholdChangeIn {
    #[serde(default)]
    pub(super) household_name: Option<String>,
    #[serde(default)]
    pub(super) class: Option<Class>,
    #[serde(default)]
    pub(super) trading_status: Option<TradingStatus>,
    #[serde(default)]
    pub(super) phone: Option<String>,
    /// From which day, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) from: Option<Day>,
}

/// What changes of a stall.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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
pub(super) struct TerminalIn {
    pub(super) provider_id: String,
    pub(super) terminal: String,
    /// From which day, `YYYY-MM-DD`; today if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) from: Option<Day>,
}

/// Which code to hand out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueIn {
    /// The account; may be absent if the stall has one.
    #[serde(default)]
    pub(super) account_id: Option<String>,
    /// The day it is handed out, `YYYY-MM-DD`; today if absent, never later.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) issued_on: Option<Day>,
}

/// How a code or link ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EndIn {
    /// For a code: `replaced`, `revoked` or `destroyed`.
    #[serde(default)]
    pub(super) state: Option<String>,
    /// The day, `YYYY-MM-DD`; today if absent. A link holds through this day, a code no longer on it.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) on: Option<Day>,
    /// Why, for a code: `lost`, `pasted over`.
    #[serde(default)]
    pub(super) reason: Option<String>,
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
