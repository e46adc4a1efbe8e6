//! A drawing on paper: shapes, texts and QR symbols, in micrometres from the top left.

use super::font::{Run, Step, Weight};
use crate::vietqr::Symbol;

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
    Symbol {
        x: i32,
        y: i32,
        side_um: i32,
        symbol: Symbol,
    },
    /// A text whose first letter stands here, on its base line.
    Text {
        x: i32,
        y: i32,
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
    /// Text of lesser weight.
    Soft,
    Line,
}

impl Ink {
    pub const fn rgb(self) -> [u8; 3] {
        match self {
            Ink::Black => [0, 0, 0],
            Ink::White => [255, 255, 255],
            Ink::Green => [11, 93, 87],
            Ink::Soft => [64, 80, 78],
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

    pub fn rect(&mut self, x: i32, y: i32, width: i32, height: i32, ink: Ink) {
        let steps = vec![
            Step::Move(x, y),
            Step::Line(x + width, y),
            Step::Line(x + width, y + height),
            Step::Line(x, y + height),
            Step::Close,
        ];
        self.items.push(Item::Shape { steps, ink });
    }

    pub fn round_rect(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), radius: i32, ink: Ink) {
        let right = x + width;
        let bottom = y + height;
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

    pub fn run(&mut self, x: i32, y: i32, size_um: i32, run: Run, ink: Ink) {
        self.items.push(Item::Text {
            x,
            y,
            size_um,
            run,
            ink,
        });
    }

    pub fn text(&mut self, x: i32, y: i32, size_um: i32, (text, weight): (&str, Weight), ink: Ink) {
        self.run(x, y, size_um, Run::of(text, weight), ink);
    }

    /// Everything of another drawing, moved.
    pub fn place(&mut self, other: &Drawing, dx: i32, dy: i32) {
        self.items
            .extend(other.items.iter().map(|item| item.moved(dx, dy)));
    }
}

impl Item {
    fn moved(&self, dx: i32, dy: i32) -> Item {
        let mut item = self.clone();
        match &mut item {
            Item::Symbol { x, y, .. } | Item::Text { x, y, .. } => {
                *x += dx;
                *y += dy;
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
