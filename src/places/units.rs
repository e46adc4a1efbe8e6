//! All units of all times: found by code or name and day, with their lineage.

use std::collections::{BTreeSet, HashMap};

use super::unit::{Edge, Unit, UnitId};
use crate::vn::{Day, Lang, Period, Sentence, error_by_sentence, fold, name_key, sentence};

/// All units of all times with their lineage; immutable. In order of code, then of first day.
#[derive(Debug, Clone)]
pub struct Units {
    units: Vec<Unit>,
    edges: Vec<Edge>,
    by_id: HashMap<UnitId, UnitIx>,
    by_code: HashMap<String, Vec<UnitIx>>,
    by_parent: HashMap<String, Vec<UnitIx>>,
    successors: Vec<Vec<UnitIx>>,
    predecessors: Vec<Vec<UnitIx>>,
    /// Folded names by which each unit is found.
    search_names: Vec<[String; 3]>,
}

/// A unit of one [`Units`]; means nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitIx(u32);

impl UnitIx {
    /// The number, from 0 to the number of units.
    pub const fn number(self) -> usize {
        self.0 as usize
    }

    pub(super) fn of(number: usize) -> UnitIx {
        // `Units::new` refuses tables that u32 cannot count.
        UnitIx(number as u32)
    }
}

/// Why units and edges do not make a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitsError {
    /// More versions than can be numbered.
    TooMany,
    /// A version whose last day is before its first.
    Backwards(UnitId),
    /// Two versions of one code on the same day.
    Overlap(UnitId, UnitId),
    /// A parent code without a unit at that time.
    NoParent(UnitId, String),
    /// A parent that does not stand above.
    ParentNotAbove(UnitId, UnitId),
    /// An edge from or to a version that is not there.
    EdgeUnknown {
        /// Start of the edge.
        from: UnitId,
        /// End of the edge.
        to: UnitId,
    },
    /// An edge whose end does not begin the day after its start ended.
    EdgeGap {
        /// Start of the edge.
        from: UnitId,
        /// End of the edge.
        to: UnitId,
    },
}

error_by_sentence!(UnitsError);

impl UnitsError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            UnitsError::TooMany => Sentence::new(
                "Có quá nhiều đơn vị hành chính trong một bảng.",
                "There are too many administrative units in one table.",
            ),
            UnitsError::Backwards(unit) => sentence!(
                "Đơn vị {unit} có ngày kết thúc trước ngày bắt đầu. Hãy sửa ngày hiệu lực.",
                "Unit {unit} ends before it begins. Mend its dates."
            ),
            UnitsError::Overlap(one, other) => sentence!(
                "Một mã có hai đơn vị cùng hiệu lực: {one} và {other}. Hãy sửa ngày hiệu lực.",
                "Two units of one code are valid on the same day: {one} and {other}. Mend their dates."
            ),
            UnitsError::NoParent(unit, code) => sentence!(
                "Đơn vị {unit} thuộc mã {code}, nhưng không có đơn vị nào mang mã đó vào thời gian này.",
                "Unit {unit} belongs to code {code}, which no unit has at that time."
            ),
            UnitsError::ParentNotAbove(unit, parent) => sentence!(
                "Đơn vị {unit} không thể thuộc {parent}, vì {parent} không ở cấp cao hơn.",
                "Unit {unit} cannot belong to {parent}, which stands no higher."
            ),
            UnitsError::EdgeUnknown { from, to } => sentence!(
                "Quan hệ kế thừa {from} → {to} nhắc đến đơn vị không có trong bảng.",
                "The succession {from} → {to} names a unit that is not in the table."
            ),
            UnitsError::EdgeGap { from, to } => sentence!(
                "Quan hệ kế thừa {from} → {to} không liền ngày: đơn vị sau phải bắt đầu ngay hôm sau ngày đơn vị trước kết thúc.",
                "The succession {from} → {to} has a gap: the later unit must begin the day after the earlier one ended."
            ),
        }
    }
}

/// Why a text names no unit, as a sentence with the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoUnit {
    /// A code that no unit ever had.
    CodeUnknown {
        /// The code asked for.
        code: String,
    },
    /// A code in use on other dates only.
    CodeOtherDates {
        /// The code asked for.
        code: String,
        /// The day asked for.
        day: Day,
        /// Its units with names and dates.
        known: String,
    },
    /// What stands after `@` is no day.
    DayUnreadable {
        /// The text asked for.
        text: String,
    },
    /// A name that no unit has or had.
    NameUnknown {
        /// The name asked for.
        name: String,
    },
    /// A name, or a name with this type word, in use on other dates only.
    NameOtherDates {
        /// The name asked for.
        name: String,
        /// The day asked for.
        day: Day,
        /// Units of that name with dates.
        known: String,
    },
    /// A name that fits several units on that day.
    Several {
        /// The name asked for.
        name: String,
        /// The day asked for.
        day: Day,
        /// The units, each as CODE@DATE with its name.
        known: String,
    },
}

error_by_sentence!(NoUnit);

impl NoUnit {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            NoUnit::CodeUnknown { code } => sentence!(
                "Không có đơn vị hành chính nào mang mã «{code}». Hãy kiểm tra lại mã.",
                "No administrative unit has the code «{code}». Check the code."
            ),
            NoUnit::CodeOtherDates { code, day, known } => {
                let day = day.show();
                sentence!(
                    "Mã «{code}» không có hiệu lực ngày {day}. Mã này từng hoặc sẽ là: {known}. Hãy chọn ngày khác hoặc mã khác.",
                    "Code «{code}» is not in force on {day}. It was or will be: {known}. Choose another day or another code."
                )
            }
            NoUnit::DayUnreadable { text } => sentence!(
                "«{text}» không đúng dạng MÃ@NGÀY. Hãy viết như 20242@2025-07-01.",
                "«{text}» is not of the form CODE@DAY. Write it as 20242@2025-07-01."
            ),
            NoUnit::NameUnknown { name } => sentence!(
                "Không có đơn vị hành chính nào tên «{name}». Hãy kiểm tra lại tên hoặc dùng mã.",
                "No administrative unit is called «{name}». Check the name, or use the code."
            ),
            NoUnit::NameOtherDates { name, day, known } => {
                let day = day.show();
                sentence!(
                    "Ngày {day} không có đơn vị nào gọi là «{name}». Gần nhất là: {known}. Hãy chọn ngày khác hoặc viết mã.",
                    "On {day} no unit is called «{name}». The nearest are: {known}. Choose another day, or write the code."
                )
            }
            NoUnit::Several { name, day, known } => {
                let day = day.show();
                sentence!(
                    "Ngày {day} có nhiều đơn vị tên «{name}»: {known}. Hãy chọn một và viết MÃ@NGÀY.",
                    "On {day} several units are called «{name}»: {known}. Choose one and write CODE@DAY."
                )
            }
        }
    }
}

impl Units {
    /// Builds the history, or says what contradicts itself in it.
    pub fn new(mut units: Vec<Unit>, edges: Vec<Edge>) -> Result<Units, UnitsError> {
        if u32::try_from(units.len()).is_err() {
            return Err(UnitsError::TooMany);
        }
        units.sort_by(|a, b| a.id.cmp(&b.id));
        let mut table = Units {
            by_id: HashMap::with_capacity(units.len()),
            by_code: HashMap::new(),
            by_parent: HashMap::new(),
            successors: vec![Vec::new(); units.len()],
            predecessors: vec![Vec::new(); units.len()],
            search_names: units.iter().map(Unit::called).collect(),
            units,
            edges: Vec::new(),
        };
        table.index();
        table.check_periods()?;
        table.check_parents()?;
        for edge in edges {
            table.link(edge)?;
        }
        for list in table.successors.iter_mut().chain(&mut table.predecessors) {
            list.sort_unstable();
            list.dedup();
        }
        Ok(table)
    }

    fn index(&mut self) {
        for (number, unit) in self.units.iter().enumerate() {
            let ix = UnitIx::of(number);
            self.by_id.insert(unit.id.clone(), ix);
            self.by_code.entry(unit.id.code.clone()).or_default().push(ix);
            if let Some(parent) = &unit.parent_code {
                self.by_parent.entry(parent.clone()).or_default().push(ix);
            }
        }
    }

    /// Versions are sorted by first day, so only neighbours of one code can overlap.
    fn check_periods(&self) -> Result<(), UnitsError> {
        for unit in &self.units {
            if unit.id.from.zip(unit.to).is_some_and(|(from, to)| to < from) {
                return Err(UnitsError::Backwards(unit.id.clone()));
            }
        }
        for pair in self.units.windows(2) {
            let a = &pair[0];
            let b = &pair[1];
            if a.id.code == b.id.code && overlap(a.period(), b.period()) {
                return Err(UnitsError::Overlap(a.id.clone(), b.id.clone()));
            }
        }
        Ok(())
    }

    fn check_parents(&self) -> Result<(), UnitsError> {
        for unit in &self.units {
            let Some(code) = &unit.parent_code else { continue };
            let mut parents = self
                .versions(code)
                .filter(|p| overlap(unit.period(), p.period()))
                .peekable();
            if parents.peek().is_none() {
                return Err(UnitsError::NoParent(unit.id.clone(), code.clone()));
            }
            if let Some(low) = parents.find(|p| p.level.depth() >= unit.level.depth()) {
                return Err(UnitsError::ParentNotAbove(unit.id.clone(), low.id.clone()));
            }
        }
        Ok(())
    }

    fn link(&mut self, edge: Edge) -> Result<(), UnitsError> {
        let (Some(from), Some(to)) = (self.ix(&edge.from), self.ix(&edge.to)) else {
            return Err(UnitsError::EdgeUnknown {
                from: edge.from,
                to: edge.to,
            });
        };
        if self.get(from).to.map(|day| day.plus(1)) != edge.to.from || edge.to.from.is_none() {
            return Err(UnitsError::EdgeGap {
                from: edge.from,
                to: edge.to,
            });
        }
        self.successors[from.number()].push(to);
        self.predecessors[to.number()].push(from);
        self.edges.push(edge);
        Ok(())
    }

    /// The unit behind an index of this table.
    pub fn get(&self, ix: UnitIx) -> &Unit {
        &self.units[ix.number()]
    }

    /// How many versions there are.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// The index of exactly this version.
    pub fn ix(&self, id: &UnitId) -> Option<UnitIx> {
        self.by_id.get(id).copied()
    }

    /// All versions in order of code, then of first day.
    pub fn all(&self) -> impl Iterator<Item = (UnitIx, &Unit)> {
        self.units
            .iter()
            .enumerate()
            .map(|(number, unit)| (UnitIx::of(number), unit))
    }

    /// The lineage, in the order it was given.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Versions that came directly out of this one, the day after its last.
    pub fn successors(&self, ix: UnitIx) -> &[UnitIx] {
        &self.successors[ix.number()]
    }

    /// Versions of which this one was directly made; only those that are known.
    pub fn predecessors(&self, ix: UnitIx) -> &[UnitIx] {
        &self.predecessors[ix.number()]
    }

    /// The unit that this code names on this day.
    pub fn at(&self, code: &str, day: Day) -> Result<UnitIx, NoUnit> {
        if let Some(ix) = self.valid(code, day) {
            return Ok(ix);
        }
        let known: Vec<&Unit> = self.versions(code).collect();
        let code = code.to_owned();
        if known.is_empty() {
            return Err(NoUnit::CodeUnknown { code });
        }
        Err(NoUnit::CodeOtherDates {
            code,
            day,
            known: listed(&known, day),
        })
    }

    /// The unit that a person means: `CODE@DATE` (any date on which the version is valid), `CODE`
    /// on `day`, or a name on `day`. Accents and letter case do not count and the type word may be
    /// left out; one that is written must be right, as `phường Hải Châu` is never the district.
    pub fn find(&self, text: &str, day: Day) -> Result<UnitIx, NoUnit> {
        let text = text.trim();
        if let Some((code, date)) = text.split_once('@') {
            let date = date.trim().parse().map_err(|_| NoUnit::DayUnreadable {
                text: text.to_owned(),
            })?;
            return self.at(code.trim(), date);
        }
        if self.by_code.contains_key(text) || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())) {
            return self.at(text, day);
        }
        self.named(text, day)
    }

    fn named(&self, name: &str, day: Day) -> Result<UnitIx, NoUnit> {
        let key = fold(name);
        let named = || {
            self.all()
                .filter(|(ix, _)| self.search_names[ix.number()].contains(&key))
        };
        let mut fits: Vec<(UnitIx, &Unit)> = named().filter(|(_, u)| u.period().holds(day)).collect();
        let exact = |unit: &Unit| name_key(&unit.name) == name_key(name);
        if fits.len() > 1 && fits.iter().any(|(_, u)| exact(u)) {
            fits.retain(|(_, u)| exact(u));
        }
        let name = name.to_owned();
        let listing = |list: &[&Unit]| listed(list, day);
        match fits.as_slice() {
            [(ix, _)] => Ok(*ix),
            [] => {
                let bare = without_type_word(&key);
                let near = |ix: UnitIx| self.search_names[ix.number()][0] == bare;
                let mut known: Vec<&Unit> = named().map(|(_, u)| u).collect();
                if known.is_empty() {
                    known = self.all().filter(|(ix, _)| near(*ix)).map(|(_, u)| u).collect();
                }
                if known.is_empty() {
                    return Err(NoUnit::NameUnknown { name });
                }
                Err(NoUnit::NameOtherDates {
                    name,
                    day,
                    known: listing(&known),
                })
            }
            several => {
                let list: Vec<&Unit> = several.iter().map(|(_, u)| *u).collect();
                Err(NoUnit::Several {
                    name,
                    day,
                    known: listing(&list),
                })
            }
        }
    }

    /// The city as the oldest known versions of this unit knew it; street names are unique in it.
    ///
    /// Wards of the former Da Nang lead to `48@1997-01-01`, wards of the former Quảng Nam, whose
    /// predecessors are not known, to `48@2025-07-01`. Where the oldest versions disagree, the
    /// first of their cities by code and day.
    pub fn scope(&self, ix: UnitIx) -> UnitIx {
        let mut todo = vec![ix];
        let mut seen = BTreeSet::new();
        let mut tops = BTreeSet::new();
        while let Some(ix) = todo.pop() {
            if !seen.insert(ix) {
                continue;
            }
            match self.predecessors(ix) {
                [] => {
                    tops.insert(self.top(ix));
                }
                older => todo.extend(older),
            }
        }
        // The walk ends, since predecessors are always earlier.
        tops.first().copied().unwrap_or(ix)
    }

    /// The highest unit above this version, in its own time.
    fn top(&self, ix: UnitIx) -> UnitIx {
        let unit = self.get(ix);
        let days = [unit.id.from, unit.to, Day::from_number(0)];
        let parent = days.into_iter().flatten().find_map(|day| self.parent_on(ix, day));
        parent.map_or(ix, |parent| self.top(parent))
    }

    /// The version that this code names on this day.
    pub(super) fn valid(&self, code: &str, day: Day) -> Option<UnitIx> {
        let versions = self.by_code.get(code)?;
        versions
            .iter()
            .copied()
            .find(|&ix| self.get(ix).period().holds(day))
    }

    /// The version of the parent's code in force on this day.
    pub(super) fn parent_on(&self, ix: UnitIx, day: Day) -> Option<UnitIx> {
        self.valid(self.get(ix).parent_code.as_deref()?, day)
    }

    /// The units directly inside, on a day on which the area itself is valid.
    pub(super) fn children_on(&self, area: UnitIx, day: Day) -> Vec<UnitIx> {
        let inside = self
            .by_parent
            .get(&self.get(area).id.code)
            .map_or(&[][..], Vec::as_slice);
        inside
            .iter()
            .copied()
            .filter(|&ix| self.get(ix).period().holds(day))
            .collect()
    }

    fn versions(&self, code: &str) -> impl Iterator<Item = &Unit> {
        self.by_code
            .get(code)
            .into_iter()
            .flatten()
            .map(|&ix| self.get(ix))
    }
}

/// Whether two periods share a day.
pub(super) fn overlap(a: Period, b: Period) -> bool {
    let ends_first = |a: Period, b: Period| a.to.zip(b.from).is_some_and(|(to, from)| to < from);
    !ends_first(a, b) && !ends_first(b, a)
}

/// A folded name without its first type word.
fn without_type_word(key: &str) -> &str {
    const WORDS: [&str; 8] = [
        "phuong ",
        "xa ",
        "dac khu ",
        "quan ",
        "huyen ",
        "thanh pho ",
        "tp ",
        "tp. ",
    ];
    WORDS
        .into_iter()
        .find_map(|word| key.strip_prefix(word))
        .unwrap_or(key)
}

/// `phường Hải Châu (20242@2025-07-01, từ 01/07/2025)`, several by semicolons, ten at most.
fn listed(units: &[&Unit], day: Day) -> String {
    let mut out: Vec<String> = units
        .iter()
        .take(10)
        .map(|unit| {
            let date = if unit.period().holds(day) {
                Some(day)
            } else {
                unit.to
            };
            // A version whose beginning is unknown is called by a day on which it is valid.
            let shown = UnitId::new(unit.id.code.clone(), unit.id.from.or(date));
            format!("{} ({shown}, {})", unit.full_name(Lang::Vi), span(unit))
        })
        .collect();
    if units.len() > 10 {
        out.push(format!("và {} đơn vị khác", units.len() - 10));
    }
    out.join("; ")
}

fn span(unit: &Unit) -> String {
    match (unit.id.from, unit.to) {
        (Some(from), Some(to)) => format!("từ {} đến {}", from.show(), to.show()),
        (Some(from), None) => format!("từ {}", from.show()),
        (None, Some(to)) => format!("đến {}", to.show()),
        (None, None) => "không rõ thời gian".to_owned(),
    }
}
