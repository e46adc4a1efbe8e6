//! Households that nobody has, for the demonstration and for load tests.

use crate::register::{
    AccountDraft, Class, HouseholdDetails, HouseholdDraft, PlaceDraft, StallDraft, TradingStatus,
};
use crate::vn::Day;

/// A stall with a household of its own.
#[derive(Debug, Clone)]
pub struct InventedStall {
    /// Counted from one; the row of an import that it stands for.
    pub number: usize,
    /// How outsiders know the household.
    pub reference: String,
    pub name: String,
    pub class: Class,
    pub status: TradingStatus,
    pub place: PlaceDraft,
    pub house_number: String,
    pub stall_number: String,
    /// Household, stall and account are there from this day.
    pub from: Day,
    pub account: Option<AccountDraft>,
}

impl InventedStall {
    /// The household.
    pub fn household(self) -> HouseholdDraft {
        HouseholdDraft {
            reference: self.reference,
            details: Some(HouseholdDetails {
                name: self.name,
                class: self.class,
                status: self.status,
                phone: None,
                from: self.from,
            }),
            stalls: vec![StallDraft {
                row: self.number as u64,
                place: self.place,
                house_number: self.house_number,
                stall_number: self.stall_number,
                code: None,
                from: self.from,
                account: self.account,
                code_from: None,
            }],
        }
    }
}
