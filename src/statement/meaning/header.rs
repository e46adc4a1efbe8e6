//! Where the header of a table is, which column is what, and whether it is the header of a mapping.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::statement::containers::cells::{Cell, CellKind};
use crate::statement::kind::Source;
use crate::statement::meaning::layouts::{self, LAYOUTS, Layout};
use crate::statement::meaning::mapping::{Column, Mapping};
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
    /// The header that begins at this row of the head and takes one row or two.
    fn at(head: &[TextRow], at: usize, rows: u8) -> Option<Header> {
        let first = head.get(at)?;
        let (last_row, mut texts) = match rows {
            1 => (first.number, first.cells.clone()),
            _ => {
                let second = head.get(at + 1)?;
                (second.number, merged_rows(&first.cells, &second.cells))
            }
        };
        while texts.last().is_some_and(String::is_empty) {
            texts.pop();
        }
        Some(Header {
            texts,
            first_row: first.number,
            last_row,
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
        for rows in [1, 2] {
            let Some(header) = Header::at(head, at, rows) else {
                continue;
            };
            let words: usize = known_words[at..].iter().take(rows.into()).sum();
            if words < MEANINGS_MIN || (rows == 2 && !is_second_row(&head[at + 1].cells)) {
                continue;
            }
            let mapping = mapping_of(&header, &head[..at], profile);
            let score = mapping.columns.len() + usize::from(mapping.check().is_ok()) * 100;
            // A second row that repeats the first one's meanings is a translation and belongs to it.
            let is_better = match &best {
                None => mapping.columns.len() >= MEANINGS_MIN,
                Some(best) => {
                    score > best.score || (score == best.score && rows == 2 && best.header.at == at)
                }
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
    by_words(&header.texts, &mut columns);
    fill_missing(&header.texts, &mut columns);
    let is_bank = columns.contains_key(&Column::Debit)
        || columns.contains_key(&Column::Credit)
        || columns.contains_key(&Column::Balance);
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
    }
}

fn is_layout(layout: &Layout, header: &Header, plain: &[String], above: &[TextRow], profile: &str) -> bool {
    if !layout.profiles.contains(&profile) && !has_mark(layout, plain, above) {
        return false;
    }
    let mut columns = by_layout(layout, &header.texts);
    by_words(&header.texts, &mut columns);
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

/// Adds what the general words say of the columns that are left, the surest claims first.
fn by_words(texts: &[String], columns: &mut BTreeMap<Column, usize>) {
    let mut claims = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let meanings = words::meanings(text).into_iter();
        claims.extend(meanings.map(|(column, rank)| (rank, place, column)));
    }
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

/// The header of a mapping in this table, with the place of each meaning there. Otherwise what is
/// different about the row that comes nearest.
pub(crate) fn locate(head: &[TextRow], mapping: &Mapping) -> Result<(Header, Mapping), Option<Sentence>> {
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
    Err(nearest.map(|(_, header)| difference(&mapping.header, &header.texts)))
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
    Mapping {
        columns: columns
            .filter_map(|(&column, &place)| Some((column, place_of(place)?)))
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
