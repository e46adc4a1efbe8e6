//! The register: households, stalls, payee accounts with dated links, and the codes of stalls.
//!
//! A register file or a call of the API becomes [`HouseholdDraft`]s; `plan` compares them with
//! the register and says which rows to write. Facts are only added: a change is a new version that says from
//! which day it holds.

mod account_zeros;
mod card;
mod draft;
mod file;
mod guide;
mod plan;
mod spreadsheet;
mod stall_code;
mod written_day;

pub use account_zeros::AccountLengths;
pub use card::{CodeEnd, CodeVerdict};
pub use draft::{
    AccountDraft, Class, HolderRelation, HouseholdDetails, HouseholdDraft, PlaceDraft, PlaceName, StallDraft,
    TradingStatus,
};
pub use file::{DAYS_AHEAD_MAX, Mended, Reading, RegisterFile, SHAPE, TEMPLATE, read_register};
pub use guide::{COLUMNS, ColumnGuide, Takes};
pub use plan::{
    AccountRow, CodeRow, Existing, ExistingHousehold, ExistingLink, ExistingStall, HouseholdRow,
    HouseholdState, HouseholdVersionRow, LinkRow, NewIds, RegisterPlan, Rows, StallRow, StallState,
    StallVersionRow, plan, state_on,
};
pub use stall_code::{StallCode, StallCodeError, code_in_note};
