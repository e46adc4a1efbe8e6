//! What the store refuses, as facts: a wish that contradicts what is there, or something that is not there.
//! [`crate::words`] says them in the reader's language.

use crate::places::UnitsError;
use crate::reconcile::{DecisionError, RulesError};
use crate::vietqr::BuildError;
use crate::vn::{Day, TimeMs};

/// A wish that contradicts what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    // Set-up and access.
    SchemaDiffers {
        found: Option<i64>,
        known: i64,
    },
    UnitsContradict(UnitsError),
    ProviderExists {
        provider_id: String,
    },
    ProviderRules(RulesError),
    LastKey {
        provider_id: String,
    },
    TokenExists {
        name: String,
    },
    /// Somebody else signs in with this phone.
    PhoneOfAnother,
    // Streets.
    StreetIntoItself,
    StreetMerged {
        id: String,
    },
    StreetsApart,
    // Stalls, their accounts and codes.
    NoFreeStallCode,
    CodeEnded {
        serial: String,
    },
    AccountWithoutCode(BuildError),
    NoAccount {
        on: Day,
    },
    SeveralAccounts,
    FirstAccount,
    ApproverRecordedAccount,
    AccountApproved,
    AccountNotApproved,
    AccountWaits {
        until: TimeMs,
    },
    // Bills, orders and the owner's list.
    BillWithoutCode(BuildError),
    BillNumberTaken {
        bill_number: String,
    },
    OrderReferenceTaken {
        reference: String,
    },
    TooManyDays {
        max: i64,
    },
    // Notices that wait for a person.
    NoticeNotWaiting,
    NoticeNotPostable,
    AccountNotOfStall,
    // Statements and decisions about their rows.
    ImportUnderWay,
    ImportAbandoned,
    Decision(DecisionError),
    DecisionOver,
    DecisionNotWaiting,
    SecondPersonNeeded,
    RowDecided,
    ReceiptDecided,
    // Closing of days.
    DayNotOver,
    DayEmpty {
        provider_id: String,
        day: Day,
    },
    DayClosed,
    DayNotClosed,
    DayChangedMeanwhile,
    DayHasOpenItems {
        open: usize,
    },
    RestatementWithoutReason,
    FiguresUnchanged,
}

/// Something that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    City,
    /// Nobody of this name may sign in.
    Person {
        name: String,
    },
    Street {
        id: String,
    },
    Provider {
        provider_id: String,
    },
    LiveKey {
        provider_id: String,
        key_id: String,
    },
    ProviderOrStall {
        provider_id: String,
        stall_id: String,
    },
    Household,
    HouseholdOn {
        household_id: String,
        day: Day,
    },
    Stall {
        stall_id: String,
    },
    StallOn {
        stall_id: String,
        day: Day,
    },
    Link {
        link_id: String,
    },
    /// No such link, or it ended before the day that was named.
    LinkOrEnded {
        link_id: String,
    },
    Code {
        serial: String,
    },
    OwnerMessage {
        message_id: String,
    },
    PageOfCursor,
    Decision,
    StatementRow,
    /// Not with this provider, or one was chosen twice.
    Receipts,
}
