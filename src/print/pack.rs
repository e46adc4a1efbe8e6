//! All cards of a street, a market or a selection in one file, with a list to sign.

use super::card::{Card, Format};
use super::drawing::{Area, Drawing, Ink, Point, points};
use super::fit::{SizeRange, TextBox, fit};
use super::font::{Run, Weight, scaled};
use super::{layout, pdf};
use crate::vn::sort_key;

/// A card of a pack, and where its household is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackLine {
    /// Stall number in a market, house number on a street; what the pack is ordered by.
    pub number: String,
    pub card: Card,
}

/// What is printed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Street, market or selection: `Chợ Hàn`.
    pub title: String,
    /// The day it was made, as it is shown.
    pub day: String,
    pub format: Format,
    lines: Vec<PackLine>,
}

/// A4.
const A4_UM: (i32, i32) = (210_000, 297_000);
/// Length of a cut mark, and its distance from the paper's edge where there is room.
const MARK_UM: i32 = 4_000;
const HAIR_UM: i32 = 100;

const LIST_ROWS: usize = 28;
const LIST_ROW_UM: i32 = 8_200;
const LIST_MARGIN_UM: i32 = 14_000;
const LIST_WIDTH_UM: i32 = A4_UM.0 - 2 * LIST_MARGIN_UM;
const LIST_TOP_UM: i32 = 48_000;
/// Names of the columns, and where each begins beside the margin.
const LIST_COLUMNS: [(&str, i32); 7] = [
    ("STT", 0),
    ("Số", 12_000),
    ("Hộ kinh doanh", 36_000),
    ("Mã sạp", 92_000),
    ("Số thẻ", 114_000),
    ("TK", 146_000),
    ("Ký nhận", 159_000),
];

impl Pack {
    /// Puts the lines into the order in which one walks along them: by number, then by name, then by serial.
    pub fn new(title: String, day: String, format: Format, mut lines: Vec<PackLine>) -> Pack {
        lines.sort_by_cached_key(|line| {
            let card = &line.card;
            (
                sort_key(&line.number),
                sort_key(&card.stall_name),
                card.serial.clone(),
            )
        });
        Pack {
            title,
            day,
            format,
            lines,
        }
    }

    /// What it holds, in its order.
    pub fn lines(&self) -> &[PackLine] {
        &self.lines
    }

    /// How many pages it has: the list, then the sheets.
    pub fn pages(&self) -> usize {
        self.list_pages() + self.lines.len().div_ceil(grid(self.format).per_sheet())
    }

    fn list_pages(&self) -> usize {
        self.lines.len().div_ceil(LIST_ROWS).max(1)
    }

    /// The whole pack as one PDF; `on_page` is called after each page with how many are done. An empty pack has a list
    /// that says so.
    pub fn pdf(&self, on_page: &(dyn Fn(usize) + Sync)) -> Vec<u8> {
        let lists = self.list_pages();
        let page = |at: usize| match at.checked_sub(lists) {
            None => self.list(at),
            Some(sheet) => self.sheet(sheet),
        };
        pdf::write(&self.title, self.pages(), &page, on_page)
    }

    /// One page of the list to sign.
    fn list(&self, at: usize) -> Drawing {
        let (width, height) = A4_UM;
        let mut page = Drawing::new(width, height);
        self.list_head(&mut page, at);
        let first = at * LIST_ROWS;
        let rows = self.lines.iter().enumerate().skip(first).take(LIST_ROWS);
        for (row, (number, line)) in rows.enumerate() {
            list_row(&mut page, row as i32, number + 1, line);
        }
        if self.lines.is_empty() {
            let size = points(120);
            let at = Point {
                x: LIST_MARGIN_UM,
                y: LIST_TOP_UM + scaled(2_000, size),
            };
            let text = Run::of("Chưa có thẻ nào để in.", Weight::Regular);
            page.text(at, size, text, Ink::Muted);
        }
        page
    }

    /// What stands above the rows of a list: what it is a list of, and the names of its columns.
    fn list_head(&self, page: &mut Drawing, at: usize) {
        let x = LIST_MARGIN_UM;
        let title_box = TextBox::line(LIST_WIDTH_UM, points(200), points(100));
        let title = fit(&self.title, Weight::Bold, title_box);
        for line in title.lines {
            page.text(Point { x, y: 24_000 }, title.size_um, line, Ink::Black);
        }
        let what = format!(
            "Danh sách nhận thẻ QR · {} · {} thẻ",
            self.format.name_vi(),
            self.lines.len()
        );
        let what = Run::of(&what, Weight::Regular);
        page.text(Point { x, y: 31_500 }, points(110), what, Ink::Black);
        let when = format!("Ngày in {} · trang {}/{}", self.day, at + 1, self.list_pages());
        let when = Run::of(&when, Weight::Regular);
        page.text(Point { x, y: 37_500 }, points(95), when, Ink::Muted);
        for (name, column_x) in LIST_COLUMNS {
            let at = Point {
                x: x + column_x,
                y: LIST_TOP_UM - 2_600,
            };
            page.text(at, points(85), Run::of(name, Weight::Bold), Ink::Black);
        }
        list_rule(page, LIST_TOP_UM, 300, Ink::Black);
    }

    /// One sheet of cards with its cut marks.
    fn sheet(&self, at: usize) -> Drawing {
        let grid = grid(self.format);
        let mut page = Drawing::new(grid.paper.0, grid.paper.1);
        let cards = self
            .lines
            .iter()
            .skip(at * grid.per_sheet())
            .take(grid.per_sheet());
        for (place, line) in cards.enumerate() {
            let column = place as i32 % grid.columns;
            let row = place as i32 / grid.columns;
            let drawing = layout::card(&line.card, self.format);
            page.add_moved(
                &drawing,
                grid.left + column * grid.card.0,
                grid.top + row * grid.card.1,
            );
        }
        grid.marks(&mut page);
        page
    }
}

/// One row of a list: its number from 1, then what the columns say; the last one is for the signature.
fn list_row(page: &mut Drawing, row: i32, number: usize, line: &PackLine) {
    let card = &line.card;
    let number = number.to_string();
    let cells = [
        (number.as_str(), Weight::Regular),
        (&line.number, Weight::Bold),
        (&card.stall_name, Weight::Regular),
        (&card.stall_code, Weight::Bold),
        (&card.serial, Weight::Regular),
        (&card.account_tail, Weight::Regular),
    ];
    let y = LIST_TOP_UM + LIST_ROW_UM * row + LIST_ROW_UM * 2 / 3;
    for (columns, (text, weight)) in LIST_COLUMNS.windows(2).zip(cells) {
        let width = columns[1].1 - columns[0].1 - 2_000;
        let x = LIST_MARGIN_UM + columns[0].1;
        // A long name stands on two lines rather than in letters nobody can read.
        let text_box = TextBox {
            width_um: width,
            height_um: LIST_ROW_UM - 800,
            sizes: SizeRange {
                largest_um: points(95),
                smallest_um: points(70),
            },
            lines_max: 2,
        };
        let fitted = fit(text, weight, text_box);
        let (bases, height) = fitted.bases();
        let is_one = fitted.lines.len() == 1;
        let top = LIST_TOP_UM + LIST_ROW_UM * row + (LIST_ROW_UM - height) / 2;
        for (run, base) in fitted.lines.into_iter().zip(bases) {
            let y = if is_one { y } else { top + base };
            page.text(Point { x, y }, fitted.size_um, run, Ink::Black);
        }
    }
    list_rule(page, LIST_TOP_UM + LIST_ROW_UM * (row + 1), HAIR_UM, Ink::Line);
}

/// A line across a list.
fn list_rule(page: &mut Drawing, y: i32, height: i32, ink: Ink) {
    let area = Area {
        x: LIST_MARGIN_UM,
        y,
        width: LIST_WIDTH_UM,
        height,
    };
    page.rect(area, ink);
}

/// How cards stand on a sheet.
struct Grid {
    paper: (i32, i32),
    card: (i32, i32),
    columns: i32,
    rows: i32,
    left: i32,
    top: i32,
}

/// As many cards as A4 holds, upright or on its side, in the middle.
fn grid(format: Format) -> Grid {
    let card = format.size_um();
    let fitting = |paper: (i32, i32)| (paper.0 / card.0, paper.1 / card.1);
    let portrait = A4_UM;
    let landscape = (A4_UM.1, A4_UM.0);
    let count = |(columns, rows): (i32, i32)| columns * rows;
    let paper = if count(fitting(landscape)) > count(fitting(portrait)) {
        landscape
    } else {
        portrait
    };
    let (columns, rows) = fitting(paper);
    Grid {
        paper,
        card,
        columns,
        rows,
        left: (paper.0 - columns * card.0) / 2,
        top: (paper.1 - rows * card.1) / 2,
    }
}

impl Grid {
    fn per_sheet(&self) -> usize {
        (self.columns * self.rows) as usize
    }

    /// Short lines where to cut: in the margin where there is one, else at the paper's edge, and a small cross
    /// where four cards meet.
    fn marks(&self, page: &mut Drawing) {
        let (width, height) = self.paper;
        let columns: Vec<i32> = (0..=self.columns).map(|n| self.left + n * self.card.0).collect();
        let rows: Vec<i32> = (0..=self.rows).map(|n| self.top + n * self.card.1).collect();
        let inside = |at: i32, size: i32| at > MARK_UM && at < size - MARK_UM;
        let mut mark = |x: i32, y: i32, width: i32, height: i32| {
            let area = Area { x, y, width, height };
            page.rect(area, Ink::Black);
        };
        for x in columns.iter().copied().filter(|x| inside(*x, width)) {
            mark(x - HAIR_UM / 2, 0, HAIR_UM, MARK_UM);
            mark(x - HAIR_UM / 2, height - MARK_UM, HAIR_UM, MARK_UM);
            for y in rows.iter().copied().filter(|y| inside(*y, height)) {
                mark(x - HAIR_UM / 2, y - MARK_UM / 2, HAIR_UM, MARK_UM);
                mark(x - MARK_UM / 2, y - HAIR_UM / 2, MARK_UM, HAIR_UM);
            }
        }
        for y in rows.iter().copied().filter(|y| inside(*y, height)) {
            mark(0, y - HAIR_UM / 2, MARK_UM, HAIR_UM);
            mark(width - MARK_UM, y - HAIR_UM / 2, MARK_UM, HAIR_UM);
        }
    }
}
