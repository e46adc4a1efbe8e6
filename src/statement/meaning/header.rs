//! Where the header of a table is, which column is what, and whether it is the header of a mapping.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::statement::containers::cells::{Cell, CellKind};
use crate::statement::kind::Source;
use crate::statement::meaning::layouts::{self, LAYOUTS, Layout};
use crate::statement::meaning::mapping::{Column, HEADER_ROWS, Mapping};
use crate::statement::meaning::said::{Role, role_of};
use crate::statement::meaning::values;
use crate::statement::meaning::words;
use crate::statement::movement::RowKind;
use crate::vn::{Sentence, sentence};

/// A row of texts, as a header may be made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextRow {
    pub(crate) number: u64,
    pub(crate) cells: Vec<String>,
}

/// A header that may be the table's, and what it would mean.
pub(crate) struct Candidate {
    pub(crate) header: Header,
    pub(crate) mapping: Mapping,
    /// The meanings recognised; many more if the mapping can be used as it is.
    pub(crate) score: usize,
}

/// Meanings that a header must have at least to be taken for one.
const MEANINGS_MIN: usize = 2;

/// A header found in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its text, column by column.
    pub(crate) texts: Vec<String>,
    /// The same, row by row where it takes several: the second may be the first in another language.
    parts: Vec<Vec<String>>,
    /// The number of its first row.
    pub(crate) first_row: u64,
    /// The number of its last row.
    pub(crate) last_row: u64,
    pub(crate) rows: u8,
    /// Where in the head it stands.
    pub(crate) at: usize,
}

/// A column of the file as a proposal shows it. `Debug` keeps the example to itself.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderCell {
    /// What the header says; both rows of it, if it takes two.
    pub text: String,
    /// What it is proposed to mean.
    pub meaning: Option<Column>,
    /// What stands below it in the first rows, of the first one that has something there; may be an account.
    pub example: String,
}

impl fmt::Debug for HeaderCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderCell({:?} as {:?})", self.text, self.meaning)
    }
}

impl Header {
    /// The header that begins at this row of the head and takes so many rows. Between them may stand one that numbers
    /// the columns or shows how they are computed.
    fn at(head: &[TextRow], at: usize, rows: u8) -> Option<Header> {
        let taken = head.get(at..at + usize::from(rows))?;
        let (first, last) = (taken.first()?, taken.last()?);
        let mut texts = first.cells.clone();
        let mut parts: Vec<Vec<String>> = texts.iter().map(|text| vec![text.clone()]).collect();
        for row in &taken[1..] {
            if is_numbering(row.cells.iter().map(String::as_str)) {
                continue;
            }
            texts = merged_rows(&texts, &row.cells);
            parts.resize(texts.len(), Vec::new());
            for (parts, cell) in parts.iter_mut().zip(&row.cells) {
                parts.push(cell.clone());
            }
        }
        while texts.last().is_some_and(String::is_empty) {
            texts.pop();
        }
        for parts in &mut parts {
            parts.retain(|part| !part.is_empty());
        }
        parts.truncate(texts.len());
        Some(Header {
            texts,
            parts,
            first_row: first.number,
            last_row: last.number,
            rows,
            at,
        })
    }

    /// The columns with what the mapping says of them and what the rows below them hold.
    pub(crate) fn cells(&self, mapping: &Mapping, below: &[Vec<String>]) -> Vec<HeaderCell> {
        let meaning = |at: usize| {
            let mut uses = mapping.columns.iter();
            uses.find(|(_, place)| **place == at).map(|(column, _)| *column)
        };
        let example = |at: usize| {
            let mut cells = below.iter().filter_map(|row| row.get(at));
            cells.find(|cell| !cell.is_empty()).cloned().unwrap_or_default()
        };
        let texts = self.texts.iter().enumerate();
        texts
            .map(|(at, text)| HeaderCell {
                text: text.clone(),
                meaning: meaning(at),
                example: example(at),
            })
            .collect()
    }

    /// Whether a row is this header once more, as at the top of each page.
    pub(crate) fn repeats<'a>(&self, row: impl Iterator<Item = &'a str>) -> bool {
        let mut compared = 0;
        for (cell, text) in row.zip(&self.texts) {
            if cell == text {
                compared += usize::from(!cell.is_empty());
            } else if self.rows == 1 || !(cell.is_empty() || text.contains(cell)) {
                return false;
            } else {
                compared += usize::from(!cell.is_empty());
            }
        }
        compared >= MEANINGS_MIN
    }
}

/// Two rows as one: a cell merged over several columns stands over each of them.
fn merged_rows(first: &[String], second: &[String]) -> Vec<String> {
    let width = first.len().max(second.len());
    let mut over = "";
    let mut texts = Vec::with_capacity(width);
    for at in 0..width {
        let top = first.get(at).map_or("", String::as_str);
        let below = second.get(at).map_or("", String::as_str);
        if !top.is_empty() {
            // Only a cell with another one below it stands over its neighbours; one with nothing below
            // goes down, not to the right.
            over = if below.is_empty() { "" } else { top };
        }
        texts.push(match (top, below) {
            ("", "") => String::new(),
            (top, "") => top.to_owned(),
            ("", below) if over.is_empty() => below.to_owned(),
            (_, below) => format!("{over} {below}"),
        });
    }
    texts
}

/// The most likely header of a table and what it means.
pub(crate) fn propose(head: &[TextRow], profile: &str) -> Option<Candidate> {
    let mut best: Option<Candidate> = None;
    let known_words: Vec<usize> = head.iter().map(|row| known_words(&row.cells)).collect();
    for at in 0..head.len() {
        for rows in HEADER_ROWS {
            let Some(header) = Header::at(head, at, rows) else {
                continue;
            };
            let words: usize = known_words[at..].iter().take(rows.into()).sum();
            let more = &head[at + 1..at + usize::from(rows)];
            let goes_on = more.iter().enumerate().all(|(place, row)| {
                let is_last = place + 1 == more.len();
                is_second_row(&row.cells) || (!is_last && is_numbering(row.cells.iter().map(String::as_str)))
            });
            // A title above the header is no part of it, not even «TIỀN RA».
            let filled = head[at].cells.iter().filter(|cell| !cell.is_empty()).count();
            let begins =
                rows == 1 || (known_words[at] > 0 && filled > 1 && !has_long_number(&head[at].cells));
            if words < MEANINGS_MIN || !goes_on || !begins {
                continue;
            }
            let mapping = mapping_of(&header, &head[..at], profile);
            let score = mapping.columns.len() + usize::from(mapping.check().is_ok()) * 100;
            // A second row that repeats the first one's meanings is a translation and belongs to it.
            let is_better = match &best {
                None => mapping.columns.len() >= MEANINGS_MIN,
                Some(best) => score > best.score || (score == best.score && rows > 1 && best.header.at == at),
            };
            if is_better {
                best = Some(Candidate {
                    header,
                    mapping,
                    score,
                });
            }
        }
    }
    best
}

/// Whether an id, an account or an amount stands in a row.
fn has_long_number(cells: &[String]) -> bool {
    cells
        .iter()
        .any(|cell| cell.bytes().filter(u8::is_ascii_digit).count() >= 4)
}

/// Cells that some header could be made of. Most rows have none and need no second look.
fn known_words(cells: &[String]) -> usize {
    let short = cells.iter().filter(|c| !c.is_empty() && c.len() < 200);
    short
        .filter(|c| !words::meanings(c).is_empty() || layouts::has_column(&words::plain(c)))
        .count()
}

/// Whether a row can be the second one of a header: words in it, and no day and no amount.
fn is_second_row(cells: &[String]) -> bool {
    let is_value = |text: &str| {
        let cell = Cell {
            text,
            kind: CellKind::Text,
        };
        matches!(values::amount(cell), Ok(Some(_))) || matches!(values::moment(cell), Ok(Some(_)))
    };
    let words = cells.iter().filter(|c| !c.is_empty());
    words.clone().any(|c| !words::meanings(c).is_empty()) && !words.clone().any(|c| is_value(c))
}

/// What the columns of a header mean: by a known layout, else by the general words.
fn mapping_of(header: &Header, above: &[TextRow], profile: &str) -> Mapping {
    let plain: Vec<String> = header.texts.iter().map(|text| words::plain(text)).collect();
    let layout = LAYOUTS
        .iter()
        .filter(|layout| is_layout(layout, header, &plain, above, profile))
        // A file that names its maker is its maker's, whoever is said to have sent it.
        .max_by_key(|layout| usize::from(has_mark(layout, &plain, above)));
    let mut columns = layout.map_or_else(BTreeMap::new, |layout| by_layout(layout, &header.texts));
    by_words(&header.parts, &mut columns);
    fill_missing(&header.texts, &mut columns);
    drop_other_side(&header.texts, &mut columns);
    let has = |column: Column| columns.contains_key(&column);
    let titles = above.iter().flat_map(|row| &row.cells);
    let is_of_account = titles
        .filter_map(|cell| words::announced(cell))
        .any(|(what, _)| what == words::Announced::Account);
    let is_bank = has(Column::Debit)
        || has(Column::Credit)
        || has(Column::Balance)
        || is_of_account
        || (has(Column::BankRef) && !has(Column::TransactionId));
    Mapping {
        source: Source::Table,
        layout: layout.map_or("", |layout| layout.name).to_owned(),
        header: header.texts.clone(),
        header_rows: header.rows,
        columns,
        debit_is: match layout {
            Some(layout) => layout.debit_is,
            None if is_bank => RowKind::Outgoing,
            None => RowKind::Refund,
        },
        bank_bin: layout.map_or("", |layout| layout.bank_bin).to_owned(),
        words: BTreeMap::new(),
        silent: BTreeSet::new(),
        is_partial: false,
        day_order: None,
    }
}

/// «Tài khoản» beside the name or the bank of the other side is the other side's.
fn drop_other_side(texts: &[String], columns: &mut BTreeMap<Column, usize>) {
    let Some(&place) = columns.get(&Column::Account) else {
        return;
    };
    let beside = [place.checked_sub(1), Some(place + 1)].into_iter().flatten();
    let mut beside = beside.filter_map(|at| texts.get(at));
    if words::is_bare_account(&texts[place]) && beside.any(|text| words::is_other_side(text)) {
        columns.remove(&Column::Account);
    }
}

fn is_layout(layout: &Layout, header: &Header, plain: &[String], above: &[TextRow], profile: &str) -> bool {
    if !layout.profiles.contains(&profile) && !has_mark(layout, plain, above) {
        return false;
    }
    let mut columns = by_layout(layout, &header.texts);
    by_words(&header.parts, &mut columns);
    layout.required.iter().all(|column| columns.contains_key(column))
}

fn has_mark(layout: &Layout, plain: &[String], above: &[TextRow]) -> bool {
    let in_header = || plain.iter().any(|text| layout.marks.contains(&text.as_str()));
    let in_title = || {
        let titles = above.iter().flat_map(|row| &row.cells);
        let mut titles = titles
            .filter(|text| text.len() < 400)
            .map(|text| words::plain(text));
        titles.any(|title| {
            let title = format!(" {title} ");
            layout
                .marks
                .iter()
                .any(|mark| title.contains(&format!(" {mark} ")))
        })
    };
    in_header() || in_title()
}

/// The columns that a layout names, each at most once.
fn by_layout(layout: &Layout, texts: &[String]) -> BTreeMap<Column, usize> {
    let mut columns = BTreeMap::new();
    let mut taken = vec![false; texts.len()];
    for (column, names) in layout.columns {
        let place = names.iter().find_map(|name| {
            let fits = |text: &String| {
                text.split(['/', '\n', '(', ')'])
                    .any(|part| words::plain(part) == *name)
            };
            texts
                .iter()
                .position(|text| words::plain(text) == *name || fits(text))
                .filter(|&at| !taken[at])
        });
        if let Some(place) = place {
            taken[place] = true;
            columns.insert(*column, place);
        }
    }
    columns
}

/// What the rows of one column's header mean: together, else each by itself.
fn meanings_of(parts: &[String]) -> Vec<(Column, usize)> {
    let whole = words::meanings(&parts.join(" "));
    if !whole.is_empty() {
        return whole;
    }
    parts.iter().flat_map(|part| words::meanings(part)).collect()
}

/// Adds what the general words say of the columns that are left, the surest claims first.
fn by_words(parts: &[Vec<String>], columns: &mut BTreeMap<Column, usize>) {
    let mut claims = Vec::new();
    for (place, parts) in parts.iter().enumerate() {
        let meanings = meanings_of(parts).into_iter();
        claims.extend(meanings.map(|(column, rank)| (rank, place, column)));
    }
    let claims_any = |wanted: Column| claims.iter().any(|(_, _, column)| *column == wanted);
    // Both sides say more than a column of amounts beside them, and «NO» beside «CO» numbers no rows.
    let has_sides =
        claims_any(Column::Debit) && claims_any(Column::Credit) && !columns.contains_key(&Column::Amount);
    let debits: Vec<usize> = claims
        .iter()
        .filter(|(_, _, column)| *column == Column::Debit)
        .map(|(_, place, _)| *place)
        .collect();
    claims.retain(|(_, place, column)| {
        let is_side = has_sides && debits.contains(place) && claims_co(parts);
        match column {
            Column::RowNo => !is_side,
            Column::Amount => !has_sides,
            _ => true,
        }
    });
    claims.sort_unstable();
    for (_, place, column) in claims {
        let is_taken = columns.values().any(|&taken| taken == place);
        let is_amount = column == Column::Amount;
        let is_side = matches!(column, Column::Debit | Column::Credit);
        let has_side = columns.contains_key(&Column::Debit) || columns.contains_key(&Column::Credit);
        let clashes = (is_amount && has_side) || (is_side && columns.contains_key(&Column::Amount));
        if !is_taken && !clashes && !columns.contains_key(&column) {
            columns.insert(column, place);
        }
    }
    // What no exact word names may still say that it tells a direction or a status.
    for (wanted, column) in [(Role::Direction, Column::Kind), (Role::Status, Column::Status)] {
        let free = |place: &usize| !columns.values().any(|taken| taken == place);
        let found = (0..parts.len())
            .filter(free)
            .find(|&place| role_of(&parts[place].join(" ")) == wanted);
        if let Some(place) = found.filter(|_| !columns.contains_key(&column)) {
            columns.insert(column, place);
        }
    }
}

/// Whether one of the headers is «CO» and nothing else, the credit of one who writes no accents.
fn claims_co(parts: &[Vec<String>]) -> bool {
    parts.iter().flatten().any(|part| words::plain(part) == "co")
}

/// Where a meaning that a file cannot do without is missing, its nearest relation takes its place.
fn fill_missing(texts: &[String], columns: &mut BTreeMap<Column, usize>) {
    let has_amount = [Column::Amount, Column::Debit, Column::Credit]
        .iter()
        .any(|column| columns.contains_key(column));
    let mut moves = Vec::new();
    if !has_amount {
        moves.push((Column::Net, Column::Amount));
    }
    if !columns.contains_key(&Column::When) {
        // «Thời gian» alone is a day with its time.
        let from = [Column::Time, Column::SettledOn]
            .into_iter()
            .find(|c| columns.contains_key(c));
        moves.extend(from.map(|from| (from, Column::When)));
    }
    for (from, to) in moves {
        if let Some(place) = columns.remove(&from).filter(|&place| place < texts.len()) {
            columns.insert(to, place);
        }
    }
}

/// Whether a row only numbers the columns or shows how they are computed: `(1) (2) (3)`, `1 2 3`, `(4)=(1)-(3)`.
pub(crate) fn is_numbering<'a>(cells: impl Iterator<Item = &'a str>) -> bool {
    let mut last = 0_u32;
    let mut count = 0;
    let mut is_bare = true;
    for cell in cells.filter(|cell| !cell.is_empty()) {
        if cell.len() > 60 {
            return false;
        }
        let compact: String = cell.chars().filter(|c| !c.is_whitespace()).collect();
        let inside = compact
            .strip_prefix(['(', '['])
            .and_then(|rest| rest.strip_suffix([')', ']']))
            .filter(|inside| !inside.contains(['(', '[']));
        is_bare &= inside.is_none();
        let text = inside.unwrap_or(&compact);
        let letter = |c: char| {
            c.is_ascii_alphabetic()
                .then(|| c.to_ascii_uppercase() as u32 - 'A' as u32 + 1)
        };
        let mut chars = text.chars();
        let number = match (chars.next(), chars.next()) {
            (Some(c), None) if c.is_ascii_alphabetic() => letter(c),
            _ if text.len() <= 2 => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if number > last && (count == 0 || number == last + 1 || inside.is_some()) => {
                last = number
            }
            Some(_) => return false,
            // A formula names other columns by their numbers.
            None if compact.contains(['(', '['])
                && compact.contains(['=', '+', '-', '*', 'x', '/'])
                && compact.bytes().any(|b| b.is_ascii_digit()) =>
            {
                is_bare = false;
            }
            None => return false,
        }
        count += 1;
    }
    // A row of bare numbers begins at 1 and has several.
    if is_bare {
        count >= 3 && last == count
    } else {
        count >= 2
    }
}

/// What a row in the middle is to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsHeader {
    /// No header.
    None,
    /// The table's own, perhaps in other words or another language.
    Same,
    /// Another table's.
    Other,
}

/// Whether a row is a header, and whether it is this table's.
pub(crate) fn as_header(cells: &[&str], mapping: &Mapping) -> AsHeader {
    let filled = cells.iter().filter(|cell| !cell.is_empty());
    let is_short = |cell: &&&str| cell.len() < 100 && !cell.bytes().any(|b| b.is_ascii_digit());
    if filled.clone().count() < 3 || !filled.clone().all(|cell| is_short(&cell)) {
        return AsHeader::None;
    }
    let meanings: Vec<Vec<(Column, usize)>> = cells.iter().map(|cell| words::meanings(cell)).collect();
    let known = meanings.iter().filter(|found| !found.is_empty()).count();
    let means = |place: usize, column: Column| {
        meanings
            .get(place)
            .is_some_and(|found| found.iter().any(|(c, _)| *c == column))
    };
    let has = |column: Column| (0..cells.len()).any(|place| means(place, column));
    let gross = [Column::Amount, Column::Debit, Column::Credit];
    if known < 3 || known * 2 < filled.count() || !has(Column::When) || !gross.into_iter().any(has) {
        return AsHeader::None;
    }
    let is_same = gross.into_iter().chain([Column::When]).all(|column| {
        let Some(&place) = mapping.columns.get(&column) else {
            return true;
        };
        let cell_means = meanings.get(place).is_some_and(|found| !found.is_empty());
        !cell_means || means(place, column)
    });
    if is_same { AsHeader::Same } else { AsHeader::Other }
}

/// The header of a mapping in this table, with the place of each meaning there. Otherwise what is
/// different about the row that comes nearest, and whether it is near enough to be the same header, changed.
pub(crate) fn locate(head: &[TextRow], mapping: &Mapping) -> Result<(Header, Mapping), Option<Difference>> {
    let mut nearest: Option<(usize, Header)> = None;
    for at in 0..head.len() {
        let Some(header) = Header::at(head, at, mapping.header_rows) else {
            continue;
        };
        let wanted = text_counts(&mapping.header);
        let found = text_counts(&header.texts);
        if wanted == found {
            let places = with_places(mapping, &header);
            return Ok((header, places));
        }
        let shared: usize = wanted
            .iter()
            .map(|(text, count)| (*count).min(found.get(text).copied().unwrap_or(0)))
            .sum();
        if shared >= MEANINGS_MIN && nearest.as_ref().is_none_or(|(most, _)| shared > *most) {
            nearest = Some((shared, header));
        }
    }
    Err(nearest.map(|(shared, header)| Difference {
        change: difference(&mapping.header, &header.texts),
        is_near: shared * 2 > mapping.header.iter().filter(|text| !text.is_empty()).count(),
    }))
}

/// How a header differs from that of a mapping.
pub(crate) struct Difference {
    pub(crate) change: Sentence,
    /// Most columns of the mapping are there: it is the same make of file, changed, and not another one.
    pub(crate) is_near: bool,
}

/// How often each text of a header stands in it, decoration aside.
fn text_counts(texts: &[String]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        *counts.entry(words::plain(text)).or_insert(0) += 1;
    }
    counts
}

/// The mapping with its columns at their places in this header. Columns of one text keep their order.
fn with_places(mapping: &Mapping, header: &Header) -> Mapping {
    let place_of = |place: usize| {
        let text = words::plain(mapping.header.get(place)?);
        let before = mapping.header[..place]
            .iter()
            .filter(|t| words::plain(t) == text)
            .count();
        let mut same = header
            .texts
            .iter()
            .enumerate()
            .filter(|(_, t)| words::plain(t) == text);
        same.nth(before).map(|(at, _)| at)
    };
    let columns = mapping.columns.iter();
    let words = mapping.words.iter();
    Mapping {
        columns: columns
            .filter_map(|(&column, &place)| Some((column, place_of(place)?)))
            .collect(),
        words: words
            .filter_map(|(&place, words)| Some((place_of(place)?, words.clone())))
            .collect(),
        silent: mapping
            .silent
            .iter()
            .filter_map(|&place| place_of(place))
            .collect(),
        header: header.texts.clone(),
        ..mapping.clone()
    }
}

fn difference(wanted: &[String], found: &[String]) -> Sentence {
    let want = text_counts(wanted);
    let have = text_counts(found);
    let lacking = |texts: &[String], other: &HashMap<String, usize>, own: &HashMap<String, usize>| {
        let mut names: Vec<String> = texts
            .iter()
            .filter(|t| !t.is_empty())
            .filter(|t| {
                let key = words::plain(t);
                other.get(&key).copied().unwrap_or(0) < own.get(&key).copied().unwrap_or(0)
            })
            .map(|t| format!("«{}»", t.chars().take(60).collect::<String>()))
            .collect();
        names.dedup();
        names.truncate(10);
        names.join(", ")
    };
    let missing = lacking(wanted, &have, &want);
    let new = lacking(found, &want, &have);
    match (missing.as_str(), new.as_str()) {
        (_, "") => sentence!("thiếu cột {missing}", "column {missing} is missing"),
        ("", _) => sentence!("có thêm cột {new}", "column {new} is new"),
        _ => sentence!(
            "thiếu cột {missing}; có thêm cột {new}",
            "column {missing} is missing; column {new} is new"
        ),
    }
}
