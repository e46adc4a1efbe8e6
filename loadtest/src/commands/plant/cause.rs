//! The causes that are planted.

use super::statement::Spoilt;

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    MissingNotice,
    MissingRow,
    DuplicateNotice,
    DuplicateRow,
    DuplicateRowLater,
    RepeatedRow,
    AmountOff,
    Late,
    Reversed,
    ReversedByReference,
    Lump,
    WrongAccount,
    UnknownAccount,
    WrongDirection,
    WrongDirectionWithoutId,
    DroppedId,
    DroppedReference,
    DroppedReferenceAndNote,
    DroppedReferenceAndTime,
    DroppedReferenceOfTwins,
    DroppedReferenceOfMany,
    SwappedAmount,
    SwappedReference,
    SwappedBothReferences,
    SwappedAccount,
    FeeWithoutVat,
    FeeTwice,
    BadRow(Spoilt),
}

use Cause::*;

/// All of them, in the order in which they take turns.
pub const CAUSES: [Cause; 31] = [
    MissingNotice,
    MissingRow,
    DuplicateNotice,
    DuplicateRow,
    DuplicateRowLater,
    RepeatedRow,
    AmountOff,
    Late,
    Reversed,
    ReversedByReference,
    Lump,
    WrongAccount,
    UnknownAccount,
    WrongDirection,
    WrongDirectionWithoutId,
    DroppedId,
    DroppedReference,
    DroppedReferenceAndNote,
    DroppedReferenceAndTime,
    DroppedReferenceOfTwins,
    DroppedReferenceOfMany,
    SwappedAmount,
    SwappedReference,
    SwappedBothReferences,
    SwappedAccount,
    FeeWithoutVat,
    FeeTwice,
    BadRow(Spoilt::Groups),
    BadRow(Spoilt::Scientific),
    BadRow(Spoilt::Day),
    BadRow(Spoilt::Cut),
];

impl Cause {
    /// The word in key.csv.
    pub fn word(self) -> &'static str {
        match self {
            MissingNotice => "missing_notice",
            MissingRow => "missing_row",
            DuplicateNotice => "duplicate_notice",
            DuplicateRow => "duplicate_row",
            DuplicateRowLater => "duplicate_row_later",
            RepeatedRow => "repeated_row",
            AmountOff => "amount_off",
            Late => "late",
            Reversed => "reversed",
            ReversedByReference => "reversed_by_reference",
            Lump => "lump",
            WrongAccount => "wrong_account",
            UnknownAccount => "unknown_account",
            WrongDirection => "wrong_direction",
            WrongDirectionWithoutId => "wrong_direction_without_id",
            DroppedId => "dropped_id",
            DroppedReference => "dropped_reference",
            DroppedReferenceAndNote => "dropped_reference_and_note",
            DroppedReferenceAndTime => "dropped_reference_and_time",
            DroppedReferenceOfTwins => "dropped_reference_of_twins",
            DroppedReferenceOfMany => "dropped_reference_of_many",
            SwappedAmount => "swapped_amount",
            SwappedReference => "swapped_reference",
            SwappedBothReferences => "swapped_both_references",
            SwappedAccount => "swapped_account",
            FeeWithoutVat => "fee_without_vat",
            FeeTwice => "fee_twice",
            BadRow(_) => "bad_row",
        }
    }
}
