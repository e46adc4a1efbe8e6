//! What came of a bill.

use std::cmp::Ordering;

use crate::vn::Dong;

/// Money that comes after the code of a bill expired counts like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillState {
    /// Nothing came yet, and the code is still shown.
    Waiting,
    /// Nothing came in time.
    Expired,
    Underpaid,
    Paid,
    Overpaid,
}

impl BillState {
    pub fn of(asked: Dong, paid: Dong, is_expired: bool) -> BillState {
        match paid.cmp(&asked) {
            Ordering::Equal => BillState::Paid,
            Ordering::Greater => BillState::Overpaid,
            Ordering::Less if paid > Dong::ZERO => BillState::Underpaid,
            Ordering::Less if is_expired => BillState::Expired,
            Ordering::Less => BillState::Waiting,
        }
    }

    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            BillState::Waiting => "waiting",
            BillState::Expired => "expired",
            BillState::Underpaid => "underpaid",
            BillState::Paid => "paid",
            BillState::Overpaid => "overpaid",
        }
    }
}
