//! Where everything stands on a card, in micrometres from the top left.

use super::font::{Run, Step, Weight, scaled};
use super::{Card, Format};
use crate::vietqr::{QUIET_ZONE, Symbol};

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

    fn round_rect(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), radius: i32, ink: Ink) {
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

/// Lines of a text in the largest size that fits.
pub(super) struct Fitted {
    pub size_um: i32,
    pub lines: Vec<Run>,
}

/// What a text may take: width, height, largest and smallest size of type, lines.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub width_um: i32,
    pub height_um: i32,
    pub sizes_um: (i32, i32),
    pub lines_max: usize,
}

impl Room {
    /// One line of any height.
    pub fn line(width_um: i32, sizes_um: (i32, i32)) -> Room {
        let height_um = i32::MAX;
        let lines_max = 1;
        Room {
            width_um,
            height_um,
            sizes_um,
            lines_max,
        }
    }
}

/// Most letters stand this far above the base line; marks on capitals go higher.
const CAP_UNITS: i32 = 740;
/// And this far below.
const DESCENT_UNITS: i32 = 260;
/// Between the ink of two lines, at least.
const LEADING_UNITS: i32 = 140;

impl Fitted {
    /// Base line of each line, counted from the top of the first.
    fn bases(&self) -> (Vec<i32>, i32) {
        let mut y = 0;
        let mut bases = Vec::new();
        for line in &self.lines {
            y += if bases.is_empty() {
                0
            } else {
                scaled(LEADING_UNITS, self.size_um)
            };
            y += scaled(line.above.max(CAP_UNITS), self.size_um);
            bases.push(y);
            y += scaled(line.below.max(DESCENT_UNITS), self.size_um);
        }
        (bases, y)
    }
}

/// Breaks a text into lines in the largest size that fits into a room. What does not fit even in the
/// smallest ends in `…`, so that the cut is seen.
pub(super) fn fit(text: &str, weight: Weight, room: Room) -> Fitted {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (mut size_um, smallest) = room.sizes_um;
    loop {
        let lines = broken(&words, weight, room.width_um, size_um);
        let is_narrow =
            lines.len() <= room.lines_max && lines.iter().all(|line| line.width_um(size_um) <= room.width_um);
        let fitted = Fitted { size_um, lines };
        if is_narrow && fitted.bases().1 <= room.height_um {
            return fitted;
        }
        if size_um <= smallest {
            let most = (1..=room.lines_max).rev().map(|lines_max| {
                let lines = cut(text, weight, room.width_um, size_um, lines_max);
                Fitted { size_um, lines }
            });
            let mut last =
                most.skip_while(|fitted| fitted.lines.len() > 1 && fitted.bases().1 > room.height_um);
            return last.next().unwrap_or(fitted);
        }
        size_um = (size_um * 19 / 20).max(smallest);
    }
}

/// As few lines of whole words as a width allows, and of these as equal ones as can be.
fn broken(words: &[&str], weight: Weight, width_um: i32, size_um: i32) -> Vec<Run> {
    let mut lines = greedy(words, weight, width_um, size_um);
    let mut narrower = width_um * 24 / 25;
    while lines.len() > 1 && narrower > width_um / 3 {
        let other = greedy(words, weight, narrower, size_um);
        let is_wide = other.iter().any(|line| line.width_um(size_um) > width_um);
        if other.len() > lines.len() || is_wide {
            break;
        }
        lines = other;
        narrower = narrower * 24 / 25;
    }
    lines
}

fn greedy(words: &[&str], weight: Weight, width_um: i32, size_um: i32) -> Vec<Run> {
    let mut lines: Vec<Run> = Vec::new();
    let mut line = String::new();
    for word in words {
        let longer = if line.is_empty() {
            (*word).to_owned()
        } else {
            format!("{line} {word}")
        };
        if !line.is_empty() && Run::of(&longer, weight).width_um(size_um) > width_um {
            lines.push(Run::of(&line, weight));
            line = (*word).to_owned();
        } else {
            line = longer;
        }
    }
    if !line.is_empty() {
        lines.push(Run::of(&line, weight));
    }
    lines
}

/// Lines broken anywhere, the last one ending in `…`.
fn cut(text: &str, weight: Weight, width_um: i32, size_um: i32, lines_max: usize) -> Vec<Run> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .collect();
    while !rest.is_empty() && lines.len() < lines_max {
        let is_last = lines.len() + 1 == lines_max;
        let shown = |count: usize| {
            let mut line: String = rest[..count].iter().collect();
            if is_last && count < rest.len() {
                line.push('…');
            }
            Run::of(&line, weight)
        };
        let fits = |count: &usize| shown(*count).width_um(size_um) <= width_um;
        // At least one character a line, or a very narrow paper would never end.
        let count = (1..=rest.len().min(200)).rev().find(fits).unwrap_or(1);
        lines.push(shown(count));
        rest.drain(..count);
    }
    lines
}

/// What differs between formats: lengths in micrometres, type in tenths of a point.
struct Style {
    margin: i32,
    band: i32,
    title: i32,
    note: i32,
    name: (i32, i32),
    name_lines: usize,
    place: i32,
    holder: (i32, i32),
    bank: i32,
    tail: i32,
    label: i32,
    code: i32,
    serial: i32,
    link: i32,
    advice: i32,
    gap: i32,
    /// Where the middle of the symbol stands.
    symbol_middle: i32,
}

const fn style(format: Format) -> Style {
    match format {
        Format::Counter => Style {
            margin: 6_000,
            band: 12_500,
            title: points(175),
            note: points(80),
            name: (points(170), points(80)),
            name_lines: 2,
            place: points(95),
            holder: (points(130), points(70)),
            bank: points(115),
            tail: points(180),
            label: points(62),
            code: points(150),
            serial: points(95),
            link: points(75),
            advice: points(78),
            gap: 1_800,
            symbol_middle: 71_500,
        },
        Format::Stand => Style {
            margin: 8_000,
            band: 17_500,
            title: points(255),
            note: points(115),
            name: (points(240), points(110)),
            name_lines: 2,
            place: points(135),
            holder: (points(185), points(100)),
            bank: points(155),
            tail: points(250),
            label: points(86),
            code: points(205),
            serial: points(132),
            link: points(105),
            advice: points(108),
            gap: 2_500,
            symbol_middle: 99_500,
        },
        Format::Label => Style {
            margin: 2_500,
            band: 5_600,
            title: points(90),
            note: 0,
            name: (points(75), points(45)),
            name_lines: 1,
            place: points(50),
            holder: (points(78), points(45)),
            bank: points(72),
            tail: points(140),
            label: points(42),
            code: points(100),
            serial: points(60),
            link: points(50),
            advice: 0,
            gap: 700,
            symbol_middle: 33_600,
        },
        Format::LargeType => Style {
            margin: 8_000,
            band: 17_500,
            title: points(270),
            note: points(115),
            name: (points(300), points(150)),
            name_lines: 2,
            place: points(160),
            holder: (points(230), points(130)),
            bank: points(220),
            tail: points(400),
            label: points(110),
            code: points(300),
            serial: points(160),
            link: points(130),
            advice: points(140),
            gap: 2_500,
            symbol_middle: 92_500,
        },
    }
}

/// The card: from the top head, name and place; the code where its format has it; from the foot upwards
/// advice, stall code beside serial and link, account; the holder in what is left under the code.
pub(super) fn card(card: &Card, format: Format) -> Drawing {
    let (width, height) = format.size_um();
    let symbol = Symbol::with_correction(&card.payload, format.correction());
    let side = format.symbol_um();
    let quiet = side * QUIET_ZONE as i32 / symbol.modules() as i32 + 1;
    let middle = style(format).symbol_middle;
    let zone_top = middle - side / 2 - quiet;
    let zone_bottom = middle + side / 2 + quiet;
    let mut drawing = Drawing::new(width, height);
    drawing.rect(0, 0, width, height, Ink::White);
    let mut pen = Pen {
        inner: width - 2 * style(format).margin,
        drawing: &mut drawing,
        style: style(format),
        width,
    };
    let head_bottom = pen.head();
    let name_bottom = pen.place(&card.place, zone_top);
    let Style { name, name_lines, .. } = pen.style;
    pen.block(
        (&card.stall_name, Weight::Bold),
        (head_bottom, name_bottom),
        name,
        name_lines,
    );
    pen.drawing.items.push(Item::Symbol {
        x: (width - side) / 2,
        y: middle - side / 2,
        side_um: side,
        symbol,
    });
    let advice_top = pen.advice(height - pen.style.margin);
    let foot_top = pen.foot(card, advice_top);
    let account_top = pen.account(card, foot_top);
    let holder = pen.style.holder;
    pen.block(
        (&card.holder_name, Weight::Bold),
        (zone_bottom, account_top - pen.style.gap / 2),
        holder,
        2,
    );
    drawing
}

/// Writes down a card; what stands beside a height is where the next thing may begin.
struct Pen<'a> {
    drawing: &'a mut Drawing,
    style: Style,
    width: i32,
    inner: i32,
}

impl Pen<'_> {
    fn centred(&mut self, run: Run, size_um: i32, base: i32, ink: Ink) {
        let x = (self.width - run.width_um(size_um)) / 2;
        self.drawing.run(x, base, size_um, run, ink);
    }

    /// Lines in the middle between two heights.
    fn block(
        &mut self,
        (text, weight): (&str, Weight),
        (top, bottom): (i32, i32),
        sizes_um: (i32, i32),
        lines_max: usize,
    ) {
        let room = Room {
            width_um: self.inner,
            height_um: bottom - top,
            sizes_um,
            lines_max,
        };
        let fitted = fit(text, weight, room);
        let (bases, height) = fitted.bases();
        let start = top + (bottom - top - height) / 2;
        for (line, base) in fitted.lines.into_iter().zip(bases) {
            self.centred(line, fitted.size_um, start + base, Ink::Black);
        }
    }

    /// What the card is for; returns its lower edge.
    fn head(&mut self) -> i32 {
        let Style {
            margin, band, note, ..
        } = self.style;
        self.drawing
            .round_rect((margin, margin), (self.inner, band), band / 5, Ink::Green);
        let title = Run::of("Quét mã để trả tiền", Weight::Bold);
        let size = self
            .style
            .title
            .min(self.inner * 9 / 10 * 1000 / title.width.max(1));
        // Marks stand above the letters: in the middle is what is seen.
        let cap = scaled(title.above * 9 / 10, size);
        match note {
            0 => self.centred(title, size, margin + (band + cap) / 2, Ink::White),
            note => {
                let small = Run::of("Scan to pay · VietQR · NAPAS 247", Weight::Regular);
                let apart = scaled(900, note);
                let top = margin + (band - cap - apart - scaled(CAP_UNITS, note)) / 2;
                self.centred(title, size, top + cap, Ink::White);
                self.centred(
                    small,
                    note,
                    top + cap + apart + scaled(CAP_UNITS, note),
                    Ink::White,
                );
            }
        }
        margin + band + self.style.gap
    }

    /// Where the stall is, above the code; returns where the name must end.
    fn place(&mut self, place: &str, zone_top: i32) -> i32 {
        if place.is_empty() {
            return zone_top;
        }
        let room = Room::line(self.inner, (self.style.place, self.style.place * 6 / 10));
        let fitted = fit(place, Weight::Regular, room);
        let (bases, height) = fitted.bases();
        let top = zone_top - height;
        for (line, base) in fitted.lines.into_iter().zip(bases) {
            self.centred(line, fitted.size_um, top + base, Ink::Soft);
        }
        top - self.style.gap / 3
    }

    /// The line that protects the buyer, at the foot; returns its upper edge.
    fn advice(&mut self, bottom: i32) -> i32 {
        let size = self.style.advice;
        if size == 0 {
            return bottom;
        }
        let advice = Run::of("Kiểm tra tên người nhận trước khi chuyển", Weight::Bold);
        let english = Run::of("Check the receiver's name before you pay", Weight::Regular);
        let small = size * 4 / 5;
        let lower = bottom - scaled(DESCENT_UNITS, small);
        let upper = lower - scaled(CAP_UNITS + 120, small) - scaled(DESCENT_UNITS, size);
        let top = upper - scaled(advice.above, size);
        self.centred(english, small, lower, Ink::Soft);
        self.centred(advice, size, upper, Ink::Black);
        top - self.style.gap
    }

    /// Stall code on the left, serial above the link on the right; returns the upper edge.
    fn foot(&mut self, card: &Card, bottom: i32) -> i32 {
        let Style {
            margin,
            label,
            serial: serial_size,
            link: link_size,
            code: code_size,
            gap,
            ..
        } = self.style;
        let left = margin;
        let right = self.width - margin;
        let code = Run::of(&card.stall_code, Weight::Bold);
        let beside = self.inner - code.width_um(code_size) - 2 * gap;
        let link_base = bottom - scaled(DESCENT_UNITS, link_size);
        let serial_base = link_base - scaled(1250, link_size);
        let label_base = serial_base - scaled(1050, serial_size);
        let link = fit(
            &card.check_link,
            Weight::Regular,
            Room::line(beside, (link_size, link_size / 2)),
        );
        let serial = fit(
            &card.serial,
            Weight::Bold,
            Room::line(beside, (serial_size, serial_size / 2)),
        );
        let names = match self.style.note {
            0 => ["Mã sạp · Stall", "Số thẻ · Serial"],
            _ => ["Mã sạp · Stall code", "Số thẻ · Card serial"],
        };
        self.drawing
            .text(left, label_base, label, (names[0], Weight::Regular), Ink::Soft);
        self.drawing.run(left, link_base, code_size, code, Ink::Black);
        let name = Run::of(names[1], Weight::Regular);
        let x = right - name.width_um(label);
        self.drawing.run(x, label_base, label, name, Ink::Soft);
        for (fitted, base) in [(serial, serial_base), (link, link_base)] {
            for line in fitted.lines {
                let x = right - line.width_um(fitted.size_um);
                self.drawing.run(x, base, fitted.size_um, line, Ink::Black);
            }
        }
        let rule = label_base - scaled(1000, label) - gap / 2;
        self.drawing.rect(left, rule, self.inner, 150, Ink::Line);
        rule - gap
    }

    /// Bank and masked account, the last four characters large; returns the upper edge.
    fn account(&mut self, card: &Card, bottom: i32) -> i32 {
        let Style {
            bank: bank_size,
            tail: tail_size,
            gap,
            ..
        } = self.style;
        let tail = Run::of(&card.account_tail, Weight::Bold);
        let dots = Run::of("•••• ", Weight::Regular);
        let tail_width = tail.width_um(tail_size);
        let dots_width = dots.width_um(bank_size);
        let apart = if card.bank_name.is_empty() { 0 } else { 2 * gap };
        let room = Room::line(
            self.inner - tail_width - dots_width - apart,
            (bank_size, bank_size / 2),
        );
        let bank = fit(&card.bank_name, Weight::Regular, room);
        let bank_width = bank.lines.first().map_or(0, |line| line.width_um(bank.size_um));
        let base = bottom - scaled(tail.below.max(60), tail_size);
        let mut x = (self.width - bank_width - apart - dots_width - tail_width) / 2;
        for line in bank.lines {
            self.drawing.run(x, base, bank.size_um, line, Ink::Black);
        }
        x += bank_width + apart;
        let above = scaled(tail.above.max(CAP_UNITS), tail_size);
        self.drawing.run(x, base, bank_size, dots, Ink::Black);
        self.drawing
            .run(x + dots_width, base, tail_size, tail, Ink::Black);
        base - above
    }
}
