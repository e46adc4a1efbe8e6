//! Indicators 1 to 5 of docs/spec/domain.md, section 4 for an area, as of a day, under the boundaries of a day.
//!
//! Pure: the store gathers dated facts, this room counts. Sums are of numerators and denominators;
//! percentages are truncated and never averaged.

mod compute;
mod output;
mod rules;
mod withheld;

use crate::places::{PlacedIn, UnitIx};
use crate::register::TradingStatus;
use crate::vn::{Day, Ratio, Sentence, TimeMs, sentence};

pub use compute::{ReportError, report};
pub use output::{ReportJson, csv, json};
pub use rules::rule_sentence;
pub use withheld::{Withheld, WithheldLines};

/// The windows of indicator 5 in days, the default first.
pub const WINDOWS_DAYS: [i64; 3] = [30, 7, 90];

/// What the register and the ledger say as of a day, as known at a time.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Every household that had a version by then.
    pub households: Vec<HouseholdFact>,
    /// Every stall in a market.
    pub market_stalls: Vec<StallFact>,
    /// Every place, in any order; the facts above point into it.
    pub places: Vec<PlaceFact>,
}

/// A household on the day.
#[derive(Debug, Clone)]
pub struct HouseholdFact {
    /// Whether it trades; only trading ones are counted.
    pub status: TradingStatus,
    /// Its principal place: position in `places`.
    pub place: usize,
    /// Whether an account link of it is valid on the day.
    pub has_account: bool,
    /// Whether a code of it is active on the day.
    pub has_code: bool,
    /// Qualifying receipts in the windows that end on the day, in the order of [`WINDOWS_DAYS`].
    pub receipts: [i64; 3],
}

/// A stall of a market on the day.
#[derive(Debug, Clone)]
pub struct StallFact {
    /// The market: position in `places`.
    pub place: usize,
    /// Its household: position in `households`.
    pub household: usize,
    /// Its own status; it counts when its household trades too.
    pub status: TradingStatus,
    /// Whether a code of this stall is active on the day.
    pub has_code: bool,
}

/// A street segment or a market.
#[derive(Debug, Clone)]
pub struct PlaceFact {
    pub place_id: String,
    pub kind: PlaceKind,
    /// Where it lies, known from which day.
    pub facts: Vec<PlacedIn>,
}

/// What a place is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceKind {
    /// A part of a street.
    Segment {
        street_id: String,
        street_name: String,
    },
    Market {
        name: String,
    },
}

/// What is asked: an area, a day, boundaries, a time of knowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    pub area: UnitIx,
    /// D, the as-of day.
    pub as_of: Day,
    /// B, the boundary day.
    pub boundaries: Day,
    /// K: only what was recorded by then counts.
    pub known_at: TimeMs,
}

/// Why there are no figures of a day: it has not come yet.
pub fn not_come_yet(as_of: Day, today: Day) -> Option<Sentence> {
    let (day, last) = (as_of.show(), today.show());
    (as_of > today).then(|| {
        sentence!(
            "Ngày {day} chưa đến nên chưa có số liệu. Hãy chọn ngày {last} hoặc trước đó.",
            "{day} has not come yet, so there are no figures. Choose {last} or an earlier day."
        )
    })
}

/// A counted figure with the name of its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Stable name, e.g. `street_attainment`.
    pub id: &'static str,
    pub name_vi: &'static str,
    pub name_en: &'static str,
    /// Rule and version, e.g. `STREET-ANY`.
    pub rule: &'static str,
    pub ratio: Ratio,
}

/// Counts of the households of some place or area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub households: i64,
    /// Of them, with an account.
    pub with_account: i64,
    /// Of them, with an active code.
    pub with_code: i64,
    /// Of them, with a qualifying receipt in each window.
    pub active: [i64; 3],
    /// Paused households, shown beside and not counted.
    pub paused: i64,
}

/// A street inside the area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreetLine {
    pub street_id: String,
    pub name: String,
    /// Its households inside the area.
    pub tally: Tally,
}

/// A market inside the area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketLine {
    pub place_id: String,
    pub name: String,
    /// Trading stalls with an active code / trading stalls.
    pub stalls: Ratio,
    /// Households whose principal place it is.
    pub tally: Tally,
}

impl MarketLine {
    /// A market is "đạt" only when all of its stalls have a code, and it has stalls.
    pub fn is_met(&self) -> bool {
        self.stalls.is_whole()
    }
}

/// A commune-level unit inside the area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitLine {
    pub unit: UnitIx,
    pub tally: Tally,
    /// Streets that meet STREET-ANY / streets with households.
    pub streets: Ratio,
}

/// The answer to a [`Question`].
#[derive(Debug, Clone)]
pub struct Report {
    pub question: Question,
    /// The figures, in the order of docs/spec/domain.md, section 4.
    pub figures: Vec<Figure>,
    /// All households of the area.
    pub tally: Tally,
    /// Households whose ward cannot be told under these boundaries ("chưa rõ phường"); they count for
    /// the area, in no ward of it.
    pub unknown_ward: Tally,
    /// Streets with households: most households without an account first, then by name.
    pub streets: Vec<StreetLine>,
    /// Names of streets that have no household, in alphabet order.
    pub streets_without_households: Vec<String>,
    /// Markets: most households without an account first, then by name.
    pub markets: Vec<MarketLine>,
    /// The units inside, where the area is larger than one.
    pub units: Vec<UnitLine>,
}

impl Report {
    /// The figure of this name.
    pub fn figure(&self, id: &str) -> Option<&Figure> {
        self.figures.iter().find(|f| f.id == id)
    }
}
