//! What stands on a card, and the formats that are printed.

use crate::vietqr::{Correction, Payload};

/// What stands on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// What the stall is called.
    pub stall_name: String,
    /// Market or street, and the number there: `Chợ Hàn · sạp 12`. May be empty.
    pub place: String,
    /// The holder exactly as the bank shows it.
    pub holder_name: String,
    /// What the bank is called.
    pub bank_name: String,
    /// The last four characters of the account; no more of it is printed.
    pub account_tail: String,
    pub stall_code: String,
    /// The card's serial, in groups.
    pub serial: String,
    /// Where a buyer checks the card, without `https://`.
    pub check_link: String,
    /// The payload of the code.
    pub payload: Payload,
}

/// What is printed (docs/spec/domain.md, section 6: sides of the symbol without its quiet zone).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A6, for the counter; symbol of 60 mm.
    Counter,
    /// A5, to stand; symbol of 90 mm.
    Stand,
    /// 50 × 80 mm, to stick on, also outdoors: level Q; symbol of 35 mm.
    Label,
    /// A5 in very large type, for eyes that see little; symbol of 75 mm.
    LargeType,
}

impl Format {
    pub const ALL: [Format; 4] = [Format::Counter, Format::Stand, Format::Label, Format::LargeType];

    /// The word in addresses and flags.
    pub const fn key(self) -> &'static str {
        match self {
            Format::Counter => "a6",
            Format::Stand => "a5",
            Format::Label => "label",
            Format::LargeType => "large",
        }
    }

    /// The format with this word.
    pub fn of(key: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.key() == key)
    }

    /// What people call it.
    pub const fn name_vi(self) -> &'static str {
        match self {
            Format::Counter => "Thẻ để quầy A6",
            Format::Stand => "Thẻ đứng A5",
            Format::Label => "Nhãn dán 50 × 80 mm",
            Format::LargeType => "Thẻ chữ lớn A5",
        }
    }

    /// The same in English.
    pub const fn name_en(self) -> &'static str {
        match self {
            Format::Counter => "A6 counter card",
            Format::Stand => "A5 stand",
            Format::Label => "50 × 80 mm label",
            Format::LargeType => "A5 large-type card",
        }
    }

    /// Width and height of the paper, in micrometres.
    pub const fn size_um(self) -> (i32, i32) {
        match self {
            Format::Counter => (105_000, 148_000),
            Format::Stand | Format::LargeType => (148_000, 210_000),
            Format::Label => (50_000, 80_000),
        }
    }

    /// Side of the symbol without its quiet zone, in micrometres.
    pub const fn symbol_um(self) -> i32 {
        match self {
            Format::Counter => 60_000,
            Format::Stand => 90_000,
            Format::Label => 35_000,
            Format::LargeType => 75_000,
        }
    }

    /// How much of the symbol may be dirty or torn.
    pub const fn correction(self) -> Correction {
        match self {
            Format::Label => Correction::Q,
            _ => Correction::M,
        }
    }
}
