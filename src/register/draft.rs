//! What someone states of a household, its stalls and accounts, every value valid by itself.

use serde::{Deserialize, Serialize};

use super::stall_code::StallCode;
use crate::places::UnitIx;
use crate::vn::{AccountNumber, Day, Phone, fold};

/// Whether a household has a business code (docs/spec/domain.md, section 3). Reports say which classes they count.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Registered, with a business code.
    Registered,
    /// Not registered: a street vendor.
    StreetVendor,
}

/// Whether a household or stall trades. Only trading households are counted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TradingStatus {
    /// Đang kinh doanh
    Trading,
    /// Tạm nghỉ; shown beside, not counted
    Paused,
    /// Đã chuyển đi
    Moved,
    /// Đã ngừng
    Closed,
}

/// Who holds the account that a stall's money goes to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HolderRelation {
    /// The owner of the household.
    Owner,
    /// A relative.
    Relative,
    /// Someone else ("mượn mã").
    Other,
}

impl Class {
    /// The word in files, API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Registered => "registered",
            Class::StreetVendor => "street_vendor",
        }
    }

    /// Reads the word, or the Vietnamese one that people write.
    pub fn parse(text: &str) -> Option<Class> {
        match fold(text).as_str() {
            "registered" | "co dang ky" | "da dang ky" | "ho kinh doanh" => Some(Class::Registered),
            "street_vendor" | "street vendor" | "unregistered" | "not_registered" | "not registered"
            | "chua dang ky" | "khong dang ky" | "ban hang rong" | "hang rong" => Some(Class::StreetVendor),
            _ => None,
        }
    }
}

impl TradingStatus {
    /// The word in files, API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            TradingStatus::Trading => "trading",
            TradingStatus::Paused => "paused",
            TradingStatus::Moved => "moved",
            TradingStatus::Closed => "closed",
        }
    }

    /// Reads the word, or the Vietnamese one that people write.
    pub fn parse(text: &str) -> Option<TradingStatus> {
        match fold(text).as_str() {
            "trading" | "dang kinh doanh" | "dang ban" => Some(TradingStatus::Trading),
            "paused" | "tam nghi" | "tam ngung" => Some(TradingStatus::Paused),
            "moved" | "chuyen di" | "da chuyen" | "da chuyen di" => Some(TradingStatus::Moved),
            "closed" | "ngung" | "da ngung" | "dong cua" => Some(TradingStatus::Closed),
            _ => None,
        }
    }
}

impl HolderRelation {
    /// The word in files, API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            HolderRelation::Owner => "owner",
            HolderRelation::Relative => "relative",
            HolderRelation::Other => "other",
        }
    }

    /// Reads the word, or the Vietnamese one that people write.
    pub fn parse(text: &str) -> Option<HolderRelation> {
        match fold(text).as_str() {
            "owner" | "chu ho" | "chu sap" | "chinh chu" => Some(HolderRelation::Owner),
            "relative" | "nguoi nha" | "nguoi than" => Some(HolderRelation::Relative),
            "other" | "khac" | "muon ma" | "nguoi khac" => Some(HolderRelation::Other),
            _ => None,
        }
    }
}

/// A household as someone states it, every value valid by itself.
#[derive(Debug, Clone)]
pub struct HouseholdDraft {
    /// The name under which outsiders know it; identity across imports.
    pub reference: String,
    /// What is stated of the household itself. None where only stalls are added to a household on the register:
    /// its name, status and principal place stay as they are.
    pub details: Option<HouseholdDetails>,
    /// Its stalls; where details are stated, the first one is its principal place.
    pub stalls: Vec<StallDraft>,
}

/// What a draft states of a household besides its stalls.
#[derive(Debug, Clone)]
pub struct HouseholdDetails {
    pub name: String,
    /// Registered or not.
    pub class: Class,
    /// Whether it trades.
    pub status: TradingStatus,
    /// Owner's phone.
    pub phone: Option<Phone>,
    /// From which day all this holds.
    pub from: Day,
}

/// A stall as someone states it.
#[derive(Debug, Clone)]
pub struct StallDraft {
    /// Line of the file, or 0.
    pub row: u64,
    /// Where it is.
    pub place: PlaceDraft,
    /// House number on the street.
    pub house_number: String,
    /// Number in the market.
    pub stall_number: String,
    /// Its code, or none to find it by its place or give it a new one.
    pub code: Option<StallCode>,
    /// From which day it is there.
    pub from: Day,
    /// The account its money goes to.
    pub account: Option<AccountDraft>,
    /// The day its printed code was handed out.
    pub code_from: Option<Day>,
}

/// A place by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceDraft {
    /// The unit, read at the stall's `from`.
    pub unit: UnitIx,
    /// Street or market.
    pub name: PlaceName,
}

/// What a place is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceName {
    /// A street; the place is its segment in the unit.
    Street(String),
    /// A market.
    Market(String),
}

/// An account as someone states it, linked from the stall's `from`.
#[derive(Debug, Clone)]
pub struct AccountDraft {
    /// Six digits, or empty for a wallet without one.
    pub bank_bin: String,
    /// The number.
    pub number: AccountNumber,
    /// The holder as the bank shows it.
    pub holder_name: String,
    /// Who that is.
    pub relation: HolderRelation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_vietnamese_ones_too() {
        for class in [Class::Registered, Class::StreetVendor] {
            assert_eq!(Class::parse(class.as_str()), Some(class));
        }
        for status in [
            TradingStatus::Trading,
            TradingStatus::Paused,
            TradingStatus::Moved,
            TradingStatus::Closed,
        ] {
            assert_eq!(TradingStatus::parse(status.as_str()), Some(status));
        }
        for relation in [
            HolderRelation::Owner,
            HolderRelation::Relative,
            HolderRelation::Other,
        ] {
            assert_eq!(HolderRelation::parse(relation.as_str()), Some(relation));
        }
        assert_eq!(TradingStatus::parse("Tạm nghỉ"), Some(TradingStatus::Paused));
        assert_eq!(Class::parse("hàng rong"), Some(Class::StreetVendor));
        assert_eq!(HolderRelation::parse("Mượn mã"), Some(HolderRelation::Other));
        assert_eq!(Class::parse(""), None);
    }
}
