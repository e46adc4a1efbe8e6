//! One administrative unit in one period: its code, names, level and lineage.

use std::fmt;
use std::str::FromStr;

use crate::vn::{Day, DayError, Lang, Period, fold};

/// What kind of unit: a city, a district (until 30/06/2025), or one of the three kinds at commune
/// level (docs/spec/domain.md, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    City,
    District,
    Ward,
    Commune,
    SpecialZone,
}

impl Level {
    const ALL: [Level; 5] = [
        Level::City,
        Level::District,
        Level::Ward,
        Level::Commune,
        Level::SpecialZone,
    ];

    /// The word in a file of units (docs/spec/contract.md, section 2):
    /// `city`, `district`, `ward`, `commune`, `special_zone`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::City => "city",
            Level::District => "district",
            Level::Ward => "ward",
            Level::Commune => "commune",
            Level::SpecialZone => "special_zone",
        }
    }

    /// Reads the word back.
    pub fn parse(word: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// Ward, commune or special zone: the finest units there are.
    pub const fn is_commune_level(self) -> bool {
        matches!(self, Level::Ward | Level::Commune | Level::SpecialZone)
    }

    /// 0 for the city, 1 for districts, 2 at commune level; a parent has a smaller one.
    pub(crate) const fn depth(self) -> u8 {
        match self {
            Level::City => 0,
            Level::District => 1,
            _ => 2,
        }
    }
}

/// One version of a unit: its code and the first day of that version. Codes alone are no identity,
/// they were used again for other units (docs/spec/domain.md, section 5).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitId {
    pub code: String,
    /// First day, or none where it reaches back beyond what is known.
    pub from: Option<Day>,
}

impl UnitId {
    /// The version of this code that begins on this day.
    pub fn new(code: impl Into<String>, from: Option<Day>) -> UnitId {
        UnitId {
            code: code.into(),
            from,
        }
    }
}

impl fmt::Display for UnitId {
    /// `20242@2025-07-01`, or `20233` for a version without a known first day.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(from) => write!(f, "{}@{from}", self.code),
            None => f.write_str(&self.code),
        }
    }
}

impl FromStr for UnitId {
    type Err = DayError;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<UnitId, DayError> {
        match text.split_once('@') {
            Some((code, from)) => Ok(UnitId::new(code, Some(from.parse()?))),
            None => Ok(UnitId::new(text, None)),
        }
    }
}

/// A version of a unit, with the name it had then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Code and first day.
    pub id: UnitId,
    /// Last day, or none while in force.
    pub to: Option<Day>,
    /// Official name without the type word: `Hải Châu`.
    pub name: String,
    /// The name in English: `Hai Chau Ward`.
    pub name_en: String,
    /// `Phường`, `Xã`, `Quận`, `Huyện`, `Thành phố`, `Đặc khu`.
    pub type_name: String,
    pub level: Level,
    /// Code of the unit it belongs to; which version of that code, the day decides.
    pub parent_code: Option<String>,
    /// Where the facts come from.
    pub source: String,
}

impl Unit {
    /// The days on which this version is in force.
    pub fn period(&self) -> Period {
        Period {
            from: self.id.from,
            to: self.to,
        }
    }

    /// `phường Hải Châu`, in English `Hai Chau Ward`.
    pub fn full_name(&self, lang: Lang) -> String {
        if lang == Lang::En && !self.name_en.is_empty() {
            return self.name_en.clone();
        }
        format!("{} {}", self.type_name.to_lowercase(), self.name)
    }

    /// The folded texts by which people call this unit.
    pub(crate) fn called(&self) -> [String; 3] {
        [
            fold(&self.name),
            fold(&format!("{} {}", self.type_name, self.name)),
            fold(&self.name_en),
        ]
    }
}

/// An edge of the lineage: one version came out of another, in whole or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The version that ended.
    pub from: UnitId,
    /// The version that began the day after.
    pub to: UnitId,
    /// Whether only a part of `from` went there.
    pub part: bool,
}

/// A place (a street segment, a market) was known to lie in a unit from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedIn {
    /// The unit: at commune level, or a district where no more is known.
    pub unit: UnitId,
    /// The first day for which this was recorded.
    pub from: Day,
}
