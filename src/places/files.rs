//! Reads the files of units, streets and markets; each row is kept or refused with its reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::unit::{Edge, Level, PlacedIn, Unit, UnitId};
use super::units::{Units, overlap};
use crate::table::{self, Fault, Row, Shape, Table, TableError};
use crate::vn::{Day, Period, Sentence, fold, name_key, sentence};

/// Rows of one import at most (docs/spec/contract.md, section 4).
const ROWS_MAX: usize = 100_000;

const UNITS: Shape = Shape {
    required: &[
        "official_code",
        "name_vi",
        "level",
        "parent_code",
        "valid_from",
        "valid_to",
        "successor_codes",
        "type_vi",
    ],
    optional: &["name_en", "predecessor_codes", "area", "note", "source"],
    rows_max: ROWS_MAX,
};

const STREETS: Shape = Shape {
    required: &["name_vi", "district", "ward", "ward_code_2024"],
    optional: &[
        "kind",
        "source",
        "quality",
        "district_basis",
        "ward_code_2025",
        "length_m",
        "width_m",
        "naming_resolution",
        "alias",
        "flag",
        "name_key",
    ],
    rows_max: ROWS_MAX,
};

const MARKETS: Shape = Shape {
    required: &["name", "ward_old", "district_old", "ward_new_code"],
    optional: &[
        "alt_name",
        "name_en",
        "kind",
        "address",
        "ward_new",
        "lat",
        "lon",
        "coord_basis",
        "source",
    ],
    rows_max: ROWS_MAX,
};

/// What a file held: every row is kept or refused with a reason, `rows = kept + faults`.
#[derive(Debug, Clone)]
pub struct Read<T> {
    /// What was kept, in the order of the file.
    pub kept: Vec<T>,
    /// Rows below the header that are not blank.
    pub rows: usize,
    /// What was refused, in the order of the file.
    pub faults: Vec<Fault>,
    /// Remarks about rows that were kept.
    pub notes: Vec<Note>,
    /// The names of the columns, for the file of refused rows.
    pub header: Vec<String>,
}

/// A remark about a row that was kept all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The line of the file.
    pub row: u64,
    pub text: Sentence,
}

/// A street as one row of `places/streets.csv` tells of it: a name in one former district. The same
/// name in another row may be the same street; names are unique in a city.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreetRow {
    /// The line of the file.
    pub row: u64,
    pub name: String,
    /// `đường` unless the file says otherwise.
    pub kind: String,
    /// Other spellings and short names.
    pub alias: Vec<String>,
    /// The district as of [`known_on`], if told.
    pub district: Option<UnitId>,
    /// One segment for each ward told, as of [`known_on`]; most rows tell none.
    pub segments: Vec<PlacedIn>,
    /// How sure the file is: `official`, `listing_only`, `suspect` …
    pub quality: String,
}

impl StreetRow {
    /// Each place this row knows of, as the one fact about it: its segments, else the district,
    /// else nothing.
    pub fn places(&self) -> Vec<PlacedIn> {
        let whole = self.district.clone().map(|unit| PlacedIn {
            unit,
            from: known_on(),
        });
        if self.segments.is_empty() {
            whole.into_iter().collect()
        } else {
            self.segments.clone()
        }
    }
}

/// A market of `places/markets.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketRow {
    /// The line of the file.
    pub row: u64,
    /// `Chợ Hàn`.
    pub name: String,
    /// Another name, or empty.
    pub alt_name: String,
    /// The name in English, or empty.
    pub name_en: String,
    /// `market`, `wholesale`, `night_market`.
    pub kind: String,
    /// Street and number, or empty.
    pub address: String,
    /// Where it lay on [`known_on`] and where it lies since 01/07/2025, as far as told.
    pub facts: Vec<PlacedIn>,
}

/// The day for which streets and markets of the files name former wards and districts: 31/12/2024,
/// the last of the units of 2024.
pub fn known_on() -> Day {
    Day::ymd(2024, 12, 31)
}

fn new_units_from() -> Day {
    Day::ymd(2025, 7, 1)
}

/// Collects what becomes of each row.
struct RowCollector<T> {
    kept: Vec<(Row, T)>,
    rows: usize,
    faults: Vec<Fault>,
    notes: Vec<Note>,
    header: Vec<String>,
}

impl<T> RowCollector<T> {
    fn new(table: Table, mut read: impl FnMut(&Row) -> Result<T, Sentence>) -> RowCollector<T> {
        let rows = table.rows.len() + table.faults.len();
        let kept = Vec::new();
        let notes = Vec::new();
        let mut rows_read = RowCollector {
            kept,
            rows,
            faults: table.faults,
            notes,
            header: table.header,
        };
        for row in table.rows {
            match read(&row) {
                Ok(value) => rows_read.kept.push((row, value)),
                Err(reason) => rows_read.faults.push(row.fault(reason)),
            }
        }
        rows_read
    }

    /// Refuses the kept rows that are no longer right beside the others.
    fn refuse(&mut self, mut reason: impl FnMut(&T) -> Option<Sentence>) {
        for (row, value) in std::mem::take(&mut self.kept) {
            match reason(&value) {
                Some(reason) => self.faults.push(row.fault(reason)),
                None => self.kept.push((row, value)),
            }
        }
    }

    fn finish<U>(mut self, into: impl Fn(T) -> U) -> Read<U> {
        self.faults.sort_by_key(|fault| fault.row);
        self.notes.sort_by_key(|note| note.row);
        let kept = self.kept.into_iter().map(|(_, value)| into(value)).collect();
        Read {
            kept,
            rows: self.rows,
            faults: self.faults,
            notes: self.notes,
            header: self.header,
        }
    }
}

/// A unit of the file with the codes of its neighbours in time.
struct UnitRow {
    row: u64,
    unit: Unit,
    successors: Vec<String>,
    predecessors: Vec<String>,
}

/// Reads units and their lineage (columns: docs/spec/contract.md, section 2).
///
/// What comes back fits together: [`Units::new`] takes it. A successor or predecessor that is not in
/// the file leaves the row in and makes a note; a lineage that the two rows tell differently refuses
/// the row that tells it.
pub fn read_units(bytes: &[u8]) -> Result<(Read<Unit>, Vec<Edge>), TableError> {
    let mut rows_read = RowCollector::new(table::read(bytes, &UNITS)?, unit_row);
    refuse_overlaps(&mut rows_read);
    let contradictions = lineage(&rows_read).wrong;
    rows_read.refuse(|row| contradictions.get(&row.row).cloned());
    // A refused city takes its districts along, and those their wards: one pass for each level.
    for _ in 0..3 {
        refuse_orphans(&mut rows_read);
    }
    let found = lineage(&rows_read);
    let edges = found.edges(&rows_read);
    let notes = found.notes;
    rows_read
        .notes
        .extend(notes.into_iter().map(|(row, text)| Note { row, text }));
    Ok((rows_read.finish(|row| row.unit), edges))
}

fn unit_row(row: &Row) -> Result<UnitRow, Sentence> {
    let code = row.get("official_code");
    if code.is_empty() || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(sentence!(
            "Cột official_code «{code}» không phải mã số. Hãy ghi mã chính thức.",
            "Column official_code «{code}» is no number. Write the official code."
        ));
    }
    let level = row.get("level");
    let level = Level::parse(level).ok_or_else(|| {
        sentence!(
            "Cột level «{level}» không đúng. Hãy ghi city, district, ward, commune hoặc special_zone.",
            "Column level «{level}» is none. Write city, district, ward, commune or special_zone."
        )
    })?;
    let name = row.get("name_vi");
    let type_name = row.get("type_vi");
    if name.is_empty() || type_name.is_empty() {
        return Err(Sentence::new(
            "Thiếu tên hoặc loại đơn vị. Hãy ghi cột name_vi và type_vi.",
            "The unit's name or type is missing. Fill in name_vi and type_vi.",
        ));
    }
    let parent = Some(row.get("parent_code").to_owned()).filter(|code| !code.is_empty());
    if parent.is_none() && level != Level::City {
        return Err(Sentence::new(
            "Thiếu mã đơn vị cấp trên. Hãy ghi cột parent_code.",
            "The code of the unit above is missing. Fill in parent_code.",
        ));
    }
    let from = day(row, "valid_from")?;
    let to = day(row, "valid_to")?;
    let successors = list(row, "successor_codes");
    let predecessors = list(row, "predecessor_codes");
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        return Err(Sentence::new(
            "Cột valid_to sớm hơn valid_from. Hãy sửa ngày hiệu lực.",
            "valid_to is before valid_from. Mend the dates.",
        ));
    }
    if (to.is_none() && !successors.is_empty()) || (from.is_none() && !predecessors.is_empty()) {
        return Err(Sentence::new(
            "Có mã kế tiếp hoặc mã trước nhưng thiếu ngày tương ứng. Hãy ghi valid_to hoặc valid_from.",
            "There are successors or predecessors without their day. Fill in valid_to or valid_from.",
        ));
    }
    let unit = Unit {
        id: UnitId::new(code, from),
        to,
        name: name.to_owned(),
        name_en: row.get("name_en").to_owned(),
        type_name: type_name.to_owned(),
        level,
        parent_code: parent,
        source: row.get("source").to_owned(),
    };
    Ok(UnitRow {
        row: row.number,
        unit,
        successors,
        predecessors,
    })
}

fn day(row: &Row, column: &str) -> Result<Option<Day>, Sentence> {
    match row.get(column) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            sentence!(
                "Cột {column} «{text}» không phải ngày. Hãy ghi dạng NĂM-THÁNG-NGÀY, ví dụ 2025-07-01.",
                "Column {column} «{text}» is no day. Write YEAR-MONTH-DAY, for example 2025-07-01."
            )
        }),
    }
}

/// The parts of a cell that holds a list.
fn list(row: &Row, column: &str) -> Vec<String> {
    row.get(column)
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Of two rows with one code on one day the later in the file is refused.
fn refuse_overlaps(rows_read: &mut RowCollector<UnitRow>) {
    // The kept versions of each code by first day (an open one is the least), with their lines. They
    // never overlap, so a new one can only overlap its two neighbours.
    type Versions = BTreeMap<Option<Day>, (Period, u64)>;
    let mut taken: HashMap<String, Versions> = HashMap::new();
    rows_read.refuse(|row| {
        let period = row.unit.period();
        let versions = taken.entry(row.unit.id.code.clone()).or_default();
        let before = versions.range(..=period.from).next_back();
        let after = versions.range(period.from..).next();
        let clash = before
            .into_iter()
            .chain(after)
            .find(|(_, (other, _))| overlap(period, *other));
        if let Some((_, (_, line))) = clash {
            let code = &row.unit.id.code;
            return Some(sentence!(
                "Mã {code} trùng thời gian hiệu lực với dòng {line}. Hãy sửa ngày.",
                "Code {code} is valid on days on which it is in row {line}. Mend the dates."
            ));
        }
        versions.insert(period.from, (period, row.row));
        None
    });
}

fn refuse_orphans(rows_read: &mut RowCollector<UnitRow>) {
    let mut versions: HashMap<String, Vec<(Period, Level)>> = HashMap::new();
    for (_, row) in &rows_read.kept {
        let version = (row.unit.period(), row.unit.level);
        versions
            .entry(row.unit.id.code.clone())
            .or_default()
            .push(version);
    }
    rows_read.refuse(|row| {
        let period = row.unit.period();
        let level = row.unit.level;
        let parent = row.unit.parent_code.as_ref()?;
        let parents = versions.get(parent).into_iter().flatten();
        let mut above = parents.filter(|(other, _)| overlap(period, *other)).peekable();
        if above.peek().is_none() {
            return Some(sentence!(
                "Không có đơn vị cấp trên mã {parent} vào thời gian này. Hãy kiểm tra cột parent_code.",
                "No unit above has the code {parent} at that time. Check parent_code."
            ));
        }
        let low = above.any(|(_, other)| other.depth() >= level.depth());
        low.then(|| {
            sentence!(
                "Mã {parent} không ở cấp cao hơn đơn vị này. Hãy kiểm tra cột parent_code và level.",
                "Code {parent} does not stand above this unit. Check parent_code and level."
            )
        })
    });
}

/// What the rows tell of each other.
#[derive(Default)]
struct Lineage<'a> {
    /// Older and newer version.
    pairs: BTreeSet<(&'a UnitId, &'a UnitId)>,
    /// Neighbours that are not in the file, by the line of the row that names them.
    notes: Vec<(u64, Sentence)>,
    /// Rows whose neighbour tells it differently, by line.
    wrong: HashMap<u64, Sentence>,
}

fn lineage(rows_read: &RowCollector<UnitRow>) -> Lineage<'_> {
    let mut begin = HashMap::new();
    let mut end = HashMap::new();
    for (_, row) in &rows_read.kept {
        let code = row.unit.id.code.as_str();
        row.unit.id.from.map(|from| begin.insert((code, from), row));
        row.unit.to.map(|to| end.insert((code, to), row));
    }
    let mut out = Lineage::default();
    for (_, row) in &rows_read.kept {
        // A row names successors only with a last day, and predecessors only with a first one.
        if let Some(day) = row.unit.to.map(|to| to.plus(1)) {
            for code in &row.successors {
                out.successor(row, code, begin.get(&(code.as_str(), day)).copied(), day);
            }
        }
        if let Some(day) = row.unit.id.from.map(|from| from.plus(-1)) {
            for code in &row.predecessors {
                out.predecessor(row, code, end.get(&(code.as_str(), day)).copied(), day);
            }
        }
    }
    out
}

impl<'a> Lineage<'a> {
    fn successor(&mut self, row: &'a UnitRow, code: &str, next: Option<&'a UnitRow>, day: Day) {
        match next {
            None => self
                .notes
                .push((row.row, absent("kế tiếp", "successor", code, day))),
            Some(next) if agrees(&next.predecessors, row) => {
                self.pairs.insert((&row.unit.id, &next.unit.id));
            }
            Some(next) => {
                self.wrong
                    .insert(row.row, disagreement(&row.unit.id.code, code, next.row));
            }
        }
    }

    fn predecessor(&mut self, row: &'a UnitRow, code: &str, last: Option<&'a UnitRow>, day: Day) {
        match last {
            None => self
                .notes
                .push((row.row, absent("trước", "predecessor", code, day))),
            Some(last) if agrees(&last.successors, row) => {
                self.pairs.insert((&last.unit.id, &row.unit.id));
            }
            Some(last) => {
                self.wrong
                    .insert(row.row, disagreement(code, &row.unit.id.code, last.row));
            }
        }
    }

    /// The edges; of a version with several successors, named or found, each got a part.
    fn edges(&self, rows_read: &RowCollector<UnitRow>) -> Vec<Edge> {
        let mut count: HashMap<&UnitId, usize> = HashMap::new();
        self.pairs
            .iter()
            .for_each(|(from, _)| *count.entry(*from).or_default() += 1);
        for (_, row) in &rows_read.kept {
            let named = row.successors.iter().collect::<BTreeSet<_>>().len();
            count.entry(&row.unit.id).and_modify(|n| *n = named.max(*n));
        }
        let pairs = self.pairs.iter();
        pairs
            .map(|&(from, to)| Edge {
                from: from.clone(),
                to: to.clone(),
                part: count[from] > 1,
            })
            .collect()
    }
}

/// Whether the other row's list names this one, or leaves the question to this one.
fn agrees(list: &[String], row: &UnitRow) -> bool {
    list.is_empty() || list.contains(&row.unit.id.code)
}

fn absent(which_vi: &str, which_en: &str, code: &str, day: Day) -> Sentence {
    let day = day.show();
    sentence!(
        "Tệp không có đơn vị {which_vi} mã {code} liền ngày {day}; dòng được giữ, không nối kế thừa.",
        "The file has no {which_en} {code} next to {day}; the row is kept without it."
    )
}

fn disagreement(from: &str, to: &str, row: u64) -> Sentence {
    sentence!(
        "Quan hệ kế thừa {from} → {to} không khớp với dòng {row}. Hãy sửa successor_codes hoặc predecessor_codes.",
        "The succession {from} → {to} does not agree with row {row}. Mend successor_codes or predecessor_codes."
    )
}

/// Reads streets (columns of `places/streets.csv`) against these units.
///
/// A row without a ward is kept with its former district; a row without either is kept without a
/// place. Ward names and codes are those of [`known_on`] and must agree with each other and with the
/// district. Two rows with one name in one district are both kept, with a note.
pub fn read_streets(bytes: &[u8], units: &Units) -> Result<Read<StreetRow>, TableError> {
    let former = FormerUnits::new(units);
    let mut rows_read = RowCollector::new(table::read(bytes, &STREETS)?, |row| street_row(row, &former));
    let mut seen: HashMap<(String, Option<UnitId>), u64> = HashMap::new();
    for (_, street) in &rows_read.kept {
        let key = (name_key(&street.name), street.district.clone());
        let first = *seen.entry(key).or_insert(street.row);
        if first != street.row {
            let text = sentence!(
                "Cùng tên và quận, huyện với dòng {first}; coi là một tuyến đường.",
                "The name and district of row {first}; taken for the same street."
            );
            rows_read.notes.push(Note {
                row: street.row,
                text,
            });
        }
    }
    Ok(rows_read.finish(|street| street))
}

fn street_row(row: &Row, former: &FormerUnits<'_>) -> Result<StreetRow, Sentence> {
    let name = row.get("name_vi");
    if name.is_empty() {
        return Err(Sentence::new(
            "Thiếu tên đường. Hãy ghi cột name_vi.",
            "The street's name is missing. Fill in name_vi.",
        ));
    }
    let district = former.district(row.get("district"))?;
    let wards = list(row, "ward");
    let codes = list(row, "ward_code_2024");
    if !wards.is_empty() && !codes.is_empty() && wards.len() != codes.len() {
        return Err(Sentence::new(
            "Số phường ở cột ward và ward_code_2024 khác nhau. Hãy ghi mỗi phường một mã.",
            "ward and ward_code_2024 name different numbers of wards. Write one code for each ward.",
        ));
    }
    let mut segments: Vec<PlacedIn> = Vec::new();
    for at in 0..wards.len().max(codes.len()) {
        let ward = wards.get(at).map_or("", String::as_str);
        let code = codes.get(at).map_or("", String::as_str);
        let unit = former.ward(ward, code, district.as_ref())?;
        if segments.iter().all(|segment| segment.unit != unit) {
            segments.push(PlacedIn {
                unit,
                from: known_on(),
            });
        }
    }
    let or = |text: &str, other: &str| {
        if text.is_empty() {
            other.to_owned()
        } else {
            text.to_owned()
        }
    };
    Ok(StreetRow {
        row: row.number,
        name: name.to_owned(),
        kind: or(row.get("kind"), "đường"),
        alias: list(row, "alias"),
        district,
        segments,
        quality: row.get("quality").to_owned(),
    })
}

/// Reads markets (columns of `places/markets.csv`) against these units. A market without ward and
/// district is kept without a place.
pub fn read_markets(bytes: &[u8], units: &Units) -> Result<Read<MarketRow>, TableError> {
    let former = FormerUnits::new(units);
    let rows_read = RowCollector::new(table::read(bytes, &MARKETS)?, |row| market_row(row, &former));
    Ok(rows_read.finish(|market| market))
}

fn market_row(row: &Row, former: &FormerUnits<'_>) -> Result<MarketRow, Sentence> {
    let name = row.get("name");
    if name.is_empty() {
        return Err(Sentence::new(
            "Thiếu tên chợ. Hãy ghi cột name.",
            "The market's name is missing. Fill in name.",
        ));
    }
    let district = former.district(row.get("district_old"))?;
    let old = match row.get("ward_old") {
        "" => district,
        ward => Some(former.ward(ward, "", district.as_ref())?),
    };
    let new = match row.get("ward_new_code") {
        "" => None,
        code => Some(current_ward(code, row.get("ward_new"), former.units)?),
    };
    let fact = |unit: Option<UnitId>, from| unit.map(|unit| PlacedIn { unit, from });
    Ok(MarketRow {
        row: row.number,
        name: name.to_owned(),
        alt_name: row.get("alt_name").to_owned(),
        name_en: row.get("name_en").to_owned(),
        kind: row.get("kind").to_owned(),
        address: row.get("address").to_owned(),
        facts: [fact(old, known_on()), fact(new, new_units_from())]
            .into_iter()
            .flatten()
            .collect(),
    })
}

fn current_ward(code: &str, name: &str, units: &Units) -> Result<UnitId, Sentence> {
    let ix = units.at(code, new_units_from()).map_err(|e| e.sentence())?;
    let unit = units.get(ix);
    if !name.is_empty() && fold(name) != fold(&unit.name) {
        let is = &unit.name;
        return Err(sentence!(
            "Mã {code} là {is}, không phải «{name}». Hãy sửa ward_new hoặc ward_new_code.",
            "Code {code} is {is}, not «{name}». Mend ward_new or ward_new_code."
        ));
    }
    Ok(unit.id.clone())
}

/// The units in force on [`known_on`], by their names.
struct FormerUnits<'a> {
    units: &'a Units,
    named: HashMap<String, Vec<&'a Unit>>,
}

impl<'a> FormerUnits<'a> {
    fn new(units: &'a Units) -> FormerUnits<'a> {
        let mut named: HashMap<String, Vec<&Unit>> = HashMap::new();
        for (_, unit) in units.all().filter(|(_, unit)| unit.period().holds(known_on())) {
            named.entry(fold(&unit.name)).or_default().push(unit);
        }
        FormerUnits { units, named }
    }

    fn district(&self, name: &str) -> Result<Option<UnitId>, Sentence> {
        if name.is_empty() {
            return Ok(None);
        }
        let mut fits = self.called(name).filter(|unit| unit.level == Level::District);
        match (fits.next(), fits.next()) {
            (Some(unit), None) => Ok(Some(unit.id.clone())),
            _ => {
                let day = known_on().show();
                Err(sentence!(
                    "Ngày {day} không có quận, huyện nào tên «{name}». Hãy kiểm tra lại tên.",
                    "On {day} no district is called «{name}». Check the name."
                ))
            }
        }
    }

    /// The ward of this name, code or both, inside the district if one is told.
    fn ward(&self, name: &str, code: &str, district: Option<&UnitId>) -> Result<UnitId, Sentence> {
        let inside = |unit: &Unit| district.is_none_or(|d| unit.parent_code.as_deref() == Some(&d.code));
        let unit = if code.is_empty() {
            let mut fits = self
                .called(name)
                .filter(|unit| unit.level.is_commune_level() && inside(unit));
            match (fits.next(), fits.next()) {
                (Some(unit), None) => unit,
                _ => return Err(no_ward(name)),
            }
        } else {
            self.units
                .get(self.units.at(code, known_on()).map_err(|e| e.sentence())?)
        };
        if !name.is_empty() && fold(name) != fold(&unit.name) {
            let day = known_on().show();
            let is = &unit.name;
            return Err(sentence!(
                "Ngày {day} mã {code} là {is}, không phải «{name}». Hãy sửa tên hoặc mã.",
                "On {day} code {code} is {is}, not «{name}». Mend the name or the code."
            ));
        }
        if !unit.level.is_commune_level() || !inside(unit) {
            let is = &unit.name;
            return Err(sentence!(
                "{is} không phải phường, xã của quận, huyện đã ghi. Hãy sửa một trong hai.",
                "{is} is no ward or commune of the district that is written. Mend one of the two."
            ));
        }
        Ok(unit.id.clone())
    }

    fn called(&self, name: &str) -> impl Iterator<Item = &'a Unit> {
        self.named.get(&fold(name)).into_iter().flatten().copied()
    }
}

fn no_ward(name: &str) -> Sentence {
    let day = known_on().show();
    sentence!(
        "Ngày {day} không có đúng một phường, xã tên «{name}» ở nơi này. Hãy kiểm tra lại tên hoặc ghi mã.",
        "On {day} not exactly one ward or commune here is called «{name}». Check the name, or write the code."
    )
}
