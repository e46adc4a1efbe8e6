//! A table looked through as a whole before any of its rows is handed over: how its columns write numbers and days,
//! and which columns say by words what happened to the money. No single row shows that.

use std::collections::HashMap;

use crate::statement::containers::cells::RowBuf;
use crate::statement::error::StatementError;
use crate::statement::meaning::amounts::{NumberEvidence, NumberStyle};
use crate::statement::meaning::answers::WordMeaning;
use crate::statement::meaning::days::{self, DayDoubt, DayEvidence, DayStyle};
use crate::statement::meaning::header::{Header, is_numbering};
use crate::statement::meaning::mapping::{Column, Mapping};
use crate::statement::meaning::questions::{AskedWord, Question};
use crate::statement::meaning::said::{Role, is_yes_or_no, role_of, understood, word_key};
use crate::statement::meaning::units;
use crate::statement::meaning::vocabulary::{SaidKind, Says};
use crate::statement::meaning::words;
use crate::statement::movement::{RowKind, RowStatus};

/// Columns of amounts; those of which one row may have a total at the foot stand first.
pub(crate) const MONEY: [Column; 9] = [
    Column::Amount,
    Column::Debit,
    Column::Credit,
    Column::Fee,
    Column::Vat,
    Column::Discount,
    Column::Net,
    Column::Refunded,
    Column::Balance,
];
/// Columns of days.
pub(crate) const DAYS: [Column; 2] = [Column::When, Column::SettledOn];
/// Different words that a column of directions or statuses has at most.
const WORDS_MAX: usize = 32;
/// Rows behind the header among which one may number the columns.
const NUMBERING_ROWS: u64 = 5;
/// Bytes of such a word.
const WORD_BYTES_MAX: usize = 60;
/// What could be directions under a header that says nothing: so many different texts, of so many letters.
const CODES_MAX: usize = 4;
const CODE_CHARS_MAX: usize = 3;
const PLAIN_WORDS_MAX: usize = 3;
const PLAIN_CHARS_MAX: usize = 20;

/// What the whole table shows of its columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    /// How numbers are written, in the order of [`MONEY`].
    pub(crate) numbers: [NumberStyle; MONEY.len()],
    /// How days are written, in the order of [`DAYS`].
    pub(crate) days: [DayStyle; DAYS.len()],
    pub(crate) words: Vec<WordColumn>,
    /// Columns that say, by an amount, a day or a reason, what went back of the row's payment.
    pub(crate) refunds: Vec<usize>,
    /// What a person has to say before the table can be read.
    pub(crate) questions: Vec<Question>,
    /// Some word says only that money went out, not what that was.
    pub(crate) has_bare_out: bool,
}

/// A column that says by words what happened to the money.
#[derive(Debug, Clone)]
pub(crate) struct WordColumn {
    pub(crate) place: usize,
    /// What each text that stands in it says.
    pub(crate) says: HashMap<String, Says>,
}

/// What the cells of a column show of its words.
#[derive(Debug, Default)]
struct WordEvidence {
    texts: Vec<String>,
    /// Too many different ones, or longer than words are.
    is_free: bool,
    blanks: u64,
    filled: u64,
}

/// A table on its way through.
pub(crate) struct Survey<'a> {
    mapping: &'a Mapping,
    header: &'a Header,
    places: [Option<usize>; Column::ALL.len()],
    money: [NumberEvidence; MONEY.len()],
    days: [DayEvidence; DAYS.len()],
    /// Columns that may say something, by their places.
    words: Vec<(usize, WordEvidence)>,
    rows: u64,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(mapping: &'a Mapping, header: &'a Header) -> Survey<'a> {
        let mut places = [None; Column::ALL.len()];
        for (&column, &place) in &mapping.columns {
            places[column as usize] = Some(place);
        }
        let is_told = |place: &usize| {
            let mut columns = mapping.columns.iter();
            let column = columns.find(|(_, at)| *at == place).map(|(column, _)| *column);
            matches!(column, None | Some(Column::Kind | Column::Status)) && !mapping.silent.contains(place)
        };
        let words = (0..header.texts.len()).filter(is_told);
        Survey {
            mapping,
            header,
            places,
            money: Default::default(),
            days: Default::default(),
            words: words.map(|place| (place, WordEvidence::default())).collect(),
            rows: 0,
        }
    }

    fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    /// Takes what a row below the header shows.
    pub(crate) fn add(&mut self, row: &RowBuf) {
        if row.number <= self.header.last_row + NUMBERING_ROWS && is_numbering(row.texts()) {
            return;
        }
        let cell = |column: Column| self.place(column).map(|place| row.cell(place));
        let has_digit = |column: Column| {
            let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '０'..='９');
            cell(column).is_some_and(|cell| cell.text.contains(is_digit))
        };
        let gross = [Column::Amount, Column::Debit, Column::Credit];
        // A row that has too few or too many cells is shifted: its cells are of other columns.
        let width = self.header.texts.len();
        let is_shifted = row.is_delimited
            && (row.len() < width || (width..row.len()).any(|at| !row.cell(at).text.is_empty()));
        let is_movement = !is_shifted
            && row.fault.is_none()
            && gross.into_iter().any(has_digit)
            && cell(Column::When).is_some_and(days::looks_like_a_day);
        for (at, column) in MONEY.into_iter().enumerate() {
            if let Some(place) = self.places[column as usize] {
                self.money[at].add(row.cell(place), row.number, is_movement);
            }
        }
        if !is_movement {
            return;
        }
        self.rows += 1;
        for (at, column) in DAYS.into_iter().enumerate() {
            if let Some(place) = self.places[column as usize] {
                self.days[at].add(row.cell(place), row.number);
            }
        }
        for (place, words) in &mut self.words {
            let text = row.cell(*place).text;
            if text.is_empty() {
                words.blanks += 1;
                continue;
            }
            words.filled += 1;
            if words.is_free || words.texts.iter().any(|known| known == text) {
                continue;
            }
            // Digits are ids and amounts, or an account that slipped into this column.
            let is_mapped = self.mapping.columns.values().any(|at| at == place);
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            // Results are numbered with up to four digits.
            let is_word = text.len() <= WORD_BYTES_MAX && (digits < 4 || (is_mapped && text.len() == 4));
            if is_word && words.texts.len() < WORDS_MAX {
                words.texts.push(text.to_owned());
            } else if !is_mapped {
                words.is_free = true;
                words.texts = Vec::new();
            }
        }
    }

    /// What the table shows, now that it has been looked through.
    pub(crate) fn finish(self) -> Result<Columns, StatementError> {
        let mut columns = Columns::default();
        // A column of nothing but codes of currencies says which one each amount is in, whatever its header.
        let foreign = self.words.iter().find_map(|(_, words)| {
            let codes = || words.texts.iter().map(|text| units::currency_code(text));
            let is_of_codes = !words.texts.is_empty() && !words.is_free && codes().all(|code| code.is_some());
            let at = codes()
                .position(|code| code == Some(false))
                .filter(|_| is_of_codes)?;
            words.texts.get(at).cloned()
        });
        if let Some(unit) = foreign {
            let text = unit.clone();
            return Err(StatementError::OtherUnit { text, unit });
        }
        let headers = MONEY
            .iter()
            .filter_map(|column| self.header.texts.get(self.place(*column)?));
        if let Some((text, unit)) = headers
            .filter_map(|text| Some((text, units::in_header(text)?)))
            .next()
        {
            let text = text.clone();
            return Err(StatementError::OtherUnit { text, unit });
        }
        if let Some(row) = NumberEvidence::eaten(self.totals().iter().map(|at| &self.money[*at])) {
            return Err(StatementError::GroupsEaten { row });
        }
        for at in 0..MONEY.len() {
            let others = (0..MONEY.len())
                .filter(move |other| *other != at)
                .map(|other| &self.money[other]);
            columns.numbers[at] = self.money[at].style(others);
        }
        self.read_days(&mut columns)?;
        self.ask_for_sides(&mut columns);
        self.read_words(&mut columns);
        Ok(columns)
    }

    /// The places in [`MONEY`] of what cannot be small by itself.
    fn totals(&self) -> [usize; 5] {
        [0, 1, 2, 6, 8]
    }

    fn read_days(&self, columns: &mut Columns) -> Result<(), StatementError> {
        let text = |column: Column| {
            let place = self.place(column);
            place
                .and_then(|place| self.header.texts.get(place))
                .cloned()
                .unwrap_or_default()
        };
        let is_vietnamese = !self.mapping.layout.is_empty()
            || self.header.texts.iter().any(|text| {
                let plain = words::plain(text);
                !text.is_ascii()
                    || ["ngay", "so tien", "noi dung", "dien giai", "so du", "thoi gian"]
                        .iter()
                        .any(|word| plain.contains(word))
            });
        for (at, column) in DAYS.into_iter().enumerate() {
            let (style, doubt) = self.days[at].style(self.mapping.day_order, is_vietnamese);
            columns.days[at] = style;
            let header = text(column);
            match doubt {
                Some(DayDoubt::Swapped { row }) if column == Column::When => {
                    return Err(StatementError::DaysSwapped { header, row });
                }
                Some(DayDoubt::Order) if column == Column::When => {
                    columns.questions.push(Question::Days { header })
                }
                _ => {}
            }
        }
        // The day of settlement is written as the day of the payment is, if nothing speaks against it.
        if self.days[1].style(None, false).1 == Some(DayDoubt::Order) {
            columns.days[1] = columns.days[0];
        }
        Ok(())
    }

    /// A statement of which one side is known only leaves open what became of the other.
    fn ask_for_sides(&self, columns: &mut Columns) {
        if self.mapping.is_partial {
            return;
        }
        let debit = self.place(Column::Debit);
        let credit = self.place(Column::Credit);
        let is_used = |place: usize| self.mapping.columns.values().any(|at| *at == place);
        let side = |place: usize| {
            let found = words::meanings(&self.header.texts[place]);
            let is = |wanted: Column| found.iter().any(|(column, _)| *column == wanted);
            // «No» numbers rows as well.
            (is(Column::Debit) && !is(Column::RowNo), is(Column::Credit))
        };
        let one = match (debit, credit) {
            (Some(place), None) => Some((place, false)),
            (None, Some(place)) => Some((place, true)),
            (Some(_), Some(_)) => None,
            // A column of amounts, and one beside it that says it is a side.
            (None, None) => (0..self.header.texts.len())
                .filter(|place| !is_used(*place) && !self.mapping.silent.contains(place))
                .filter(|place| role_of(&self.header.texts[*place]) != Role::Direction)
                .find_map(|place| match side(place) {
                    (true, false) => Some((place, false)),
                    (false, true) => Some((place, true)),
                    _ => None,
                }),
        };
        columns
            .questions
            .extend(one.map(|(place, is_credit)| Question::OneSide {
                header: self.header.texts[place].clone(),
                is_credit,
            }));
    }

    fn read_words(&self, columns: &mut Columns) {
        let has = |column: Column| self.place(column).is_some();
        let is_sided = has(Column::Debit) && has(Column::Credit);
        let amount = &self.money[0];
        let is_signed = has(Column::Amount) && (amount.has_negative() || columns.numbers[0].is_marked);
        // Balances that every row must lead to say the direction themselves.
        let is_proved = (is_sided || is_signed) && has(Column::Balance) && !self.mapping.is_partial;
        for (place, evidence) in &self.words {
            let header = self.header.texts[*place].as_str();
            let said = self.mapping.words.get(place);
            if evidence.is_free && said.is_none() && role_of(header) == Role::Reversal {
                columns.refunds.push(*place);
            }
            if evidence.filled == 0 || (evidence.is_free && said.is_none()) {
                continue;
            }
            let mapped = [Column::Kind, Column::Status]
                .into_iter()
                .find(|c| self.place(*c) == Some(*place));
            let role = match (mapped, role_of(header)) {
                (Some(_), role @ (Role::Flag(_) | Role::Reversal)) => role,
                (Some(Column::Status), _) => Role::Status,
                (Some(_), Role::Status) => Role::Status,
                (Some(_), _) => Role::Direction,
                (None, role) => role,
            };
            let mut keys: Vec<(String, String)> = Vec::new();
            for text in &evidence.texts {
                let key = word_key(text);
                if keys.iter().all(|(known, _)| *known != key) {
                    keys.push((key, text.clone()));
                }
            }
            if evidence.blanks > 0 && keys.iter().all(|(key, _)| !key.is_empty()) {
                keys.push((String::new(), String::new()));
            }
            let only_keys: Vec<String> = keys.iter().map(|(key, _)| key.clone()).collect();
            let mut says = understood(header, role, &only_keys);
            let says_in = says.iter().flatten().any(|says| says.kind == Some(SaidKind::In));
            if says_in && !is_sided && !is_signed {
                // «Payment» beside «Deposit» is what came in here, and what went out there.
                for says in &mut says {
                    *says = says.filter(|says| says.kind != Some(SaidKind::Payment));
                }
            }
            let is_second_status = role == Role::Status && mapped.is_none() && has(Column::Status);
            for (at, (key, _)) in keys.iter().enumerate() {
                let is_done = says[at]
                    .is_some_and(|says| says.status == Some(RowStatus::Settled) && says.kind.is_none());
                if is_second_status && !is_done {
                    // That a payment still is to be settled is no word on the payment itself.
                    says[at] = None;
                }
                if key.is_empty() && role == Role::Direction && (is_sided || is_signed) {
                    says[at] = Some(Says::default());
                }
                if let Some(explained) = said.and_then(|said| said.get(key)) {
                    says[at] = explained.map(Says::explained);
                }
            }
            let is_explicit = says.iter().flatten().any(|says| {
                says.status.is_some() || matches!(says.kind, Some(kind) if kind != SaidKind::Payment)
            });
            let may_tell = match role {
                _ if mapped.is_some() || said.is_some() => true,
                Role::Direction | Role::Status | Role::Flag(_) | Role::Reversal => true,
                Role::Other => is_explicit,
                Role::Unknown => is_explicit || (!is_proved && self.is_odd(evidence, &only_keys)),
            };
            if !may_tell {
                continue;
            }
            if role == Role::Direction && is_proved {
                for says in &mut says {
                    says.get_or_insert_default();
                }
            }
            // A shop called «Failed» asks nothing of the others.
            if says.iter().all(Option::is_some) {
                let of_key: HashMap<&str, Says> = only_keys
                    .iter()
                    .map(String::as_str)
                    .zip(says.iter().map(|says| says.unwrap_or_default()))
                    .collect();
                let mut of_text: HashMap<String, Says> = evidence
                    .texts
                    .iter()
                    .filter_map(|text| Some((text.clone(), *of_key.get(word_key(text).as_str())?)))
                    .collect();
                of_text.insert(String::new(), of_key.get("").copied().unwrap_or_default());
                columns.has_bare_out |= says.iter().flatten().any(|says| says.kind == Some(SaidKind::Out));
                columns.words.push(WordColumn {
                    place: *place,
                    says: of_text,
                });
                continue;
            }
            let asked = keys.into_iter().zip(says).map(|((key, text), says)| AskedWord {
                key,
                text,
                meaning: says.map(meaning_of),
            });
            columns.questions.push(Question::Words {
                place: *place,
                header: header.to_owned(),
                words: asked.collect(),
            });
        }
    }

    /// Whether a column whose header says nothing has the look of directions: few short codes, or the same few words
    /// again and again.
    fn is_odd(&self, evidence: &WordEvidence, keys: &[String]) -> bool {
        let filled: Vec<&String> = keys.iter().filter(|key| !key.is_empty()).collect();
        let has_digits = filled.iter().any(|key| key.bytes().any(|b| b.is_ascii_digit()));
        let longest = filled.iter().map(|key| key.chars().count()).max().unwrap_or(0);
        let is_flag = filled.len() == 2 && filled.iter().all(|key| is_yes_or_no(key));
        let varies = keys.len() >= 2;
        let are_codes = varies && filled.len() <= CODES_MAX && longest <= CODE_CHARS_MAX && !has_digits;
        let are_words = filled.len() >= 2
            && filled.len() <= PLAIN_WORDS_MAX
            && longest <= PLAIN_CHARS_MAX
            && !has_digits
            && evidence.filled >= 3 * filled.len() as u64;
        is_flag || are_codes || are_words
    }
}

/// The answer that would say the same.
fn meaning_of(says: Says) -> WordMeaning {
    match (says.kind, says.status) {
        (Some(SaidKind::In | SaidKind::Payment), _) | (Some(SaidKind::Is(RowKind::Payment)), _) => {
            WordMeaning::In
        }
        (Some(SaidKind::Out), _) | (Some(SaidKind::Is(RowKind::Outgoing)), _) => WordMeaning::Out,
        (Some(SaidKind::Is(RowKind::Refund)), _) => WordMeaning::Refund,
        (Some(SaidKind::Is(RowKind::Fee)), _) => WordMeaning::Fee,
        (None, Some(RowStatus::Settled)) => WordMeaning::Settled,
        (None, Some(RowStatus::Pending)) => WordMeaning::Pending,
        (None, Some(RowStatus::Failed)) => WordMeaning::Failed,
        (None, None) => WordMeaning::Nothing,
    }
}
