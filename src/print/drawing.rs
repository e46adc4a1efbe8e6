//! A drawing on paper: shapes, texts and QR symbols, in micrometres from the top left.

use super::font::{Run, Step};
use crate::vietqr::Symbol;

/// A place on the paper, in micrometres; y counts downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub x: i32,
    pub y: i32,
}

/// A rectangle on the paper, in micrometres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

/// What is drawn on paper of a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawing {
    pub width_um: i32,
    pub height_um: i32,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A filled outline, y downwards.
    Shape { steps: Vec<Step>, ink: Ink },
    /// A QR symbol, whose first module has its corner here.
    Symbol { at: Point, side_um: i32, symbol: Symbol },
    /// A text whose first letter stands here, on its base line.
    Text {
        at: Point,
        size_um: i32,
        run: Run,
        ink: Ink,
    },
}

/// Colours that any printer has. The code is [`Ink::Black`] and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ink {
    Black,
    White,
    /// The green of the head; dark enough to be read when printed grey.
    Green,
    /// Text of lesser importance.
    Muted,
    Line,
}

impl Ink {
    pub const fn rgb(self) -> [u8; 3] {
        match self {
            Ink::Black => [0, 0, 0],
            Ink::White => [255, 255, 255],
            Ink::Green => [11, 93, 87],
            Ink::Muted => [64, 80, 78],
            Ink::Line => [176, 190, 188],
        }
    }
}

/// A point of type, 1/72 inch.
pub(super) const fn points(tenths: i32) -> i32 {
    tenths * 25_400 / 720
}

impl Drawing {
    pub fn new(width_um: i32, height_um: i32) -> Drawing {
        Drawing {
            width_um,
            height_um,
            items: Vec::new(),
        }
    }

    pub fn rect(&mut self, area: Area, ink: Ink) {
        let Area { x, y, .. } = area;
        let right = x + area.width;
        let bottom = y + area.height;
        let steps = vec![
            Step::Move(x, y),
            Step::Line(right, y),
            Step::Line(right, bottom),
            Step::Line(x, bottom),
            Step::Close,
        ];
        self.items.push(Item::Shape { steps, ink });
    }

    pub fn round_rect(&mut self, area: Area, radius: i32, ink: Ink) {
        let Area { x, y, .. } = area;
        let right = x + area.width;
        let bottom = y + area.height;
        let r = radius;
        let steps = vec![
            Step::Move(x + r, y),
            Step::Line(right - r, y),
            Step::Quad(right, y, right, y + r),
            Step::Line(right, bottom - r),
            Step::Quad(right, bottom, right - r, bottom),
            Step::Line(x + r, bottom),
            Step::Quad(x, bottom, x, bottom - r),
            Step::Line(x, y + r),
            Step::Quad(x, y, x + r, y),
            Step::Close,
        ];
        self.items.push(Item::Shape { steps, ink });
    }

    /// A text whose first letter stands at this point, on its base line.
    pub fn text(&mut self, at: Point, size_um: i32, run: Run, ink: Ink) {
        self.items.push(Item::Text {
            at,
            size_um,
            run,
            ink,
        });
    }

    /// Everything of another drawing, moved.
    pub fn add_moved(&mut self, other: &Drawing, dx: i32, dy: i32) {
        self.items
            .extend(other.items.iter().map(|item| item.moved(dx, dy)));
    }
}

impl Item {
    fn moved(&self, dx: i32, dy: i32) -> Item {
        let mut item = self.clone();
        match &mut item {
            Item::Symbol { at, .. } | Item::Text { at, .. } => {
                at.x += dx;
                at.y += dy;
            }
            Item::Shape { steps, .. } => {
                for step in steps {
                    *step = match *step {
                        Step::Move(x, y) => Step::Move(x + dx, y + dy),
                        Step::Line(x, y) => Step::Line(x + dx, y + dy),
                        Step::Quad(a, b, x, y) => Step::Quad(a + dx, b + dy, x + dx, y + dy),
                        Step::Close => Step::Close,
                    };
                }
            }
        }
        item
    }
}
