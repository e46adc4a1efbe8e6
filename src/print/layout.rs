//! Where everything stands on a card, in micrometres from the top left.

use super::card::{Card, Format};
use super::drawing::{Area, Drawing, Ink, Item, Point, points};
use super::fit::{CAP_UNITS, DESCENT_UNITS, SizeRange, TextBox, fit};
use super::font::{Run, Weight, scaled};
use crate::vietqr::{QUIET_ZONE, Symbol};

/// What differs between formats: lengths in micrometres, type in tenths of a point.
struct Style {
    margin: i32,
    band: i32,
    title: i32,
    note: i32,
    name: SizeRange,
    name_lines: usize,
    place: i32,
    holder: SizeRange,
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

/// From and to this many tenths of a point.
const fn sizes(largest: i32, smallest: i32) -> SizeRange {
    SizeRange {
        largest_um: points(largest),
        smallest_um: points(smallest),
    }
}

const fn style(format: Format) -> Style {
    match format {
        Format::Counter => Style {
            margin: 6_000,
            band: 12_500,
            title: points(175),
            note: points(80),
            name: sizes(170, 80),
            name_lines: 2,
            place: points(95),
            holder: sizes(130, 70),
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
            name: sizes(240, 110),
            name_lines: 2,
            place: points(135),
            holder: sizes(185, 100),
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
            name: sizes(75, 45),
            name_lines: 1,
            place: points(50),
            holder: sizes(78, 45),
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
            name: sizes(300, 150),
            name_lines: 2,
            place: points(160),
            holder: sizes(230, 130),
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
    let paper = Area {
        x: 0,
        y: 0,
        width,
        height,
    };
    drawing.rect(paper, Ink::White);
    let mut pen = Pen {
        inner: width - 2 * style(format).margin,
        drawing: &mut drawing,
        style: style(format),
        width,
    };
    let head_bottom = pen.head();
    let name_bottom = pen.place(&card.place, zone_top);
    let name_box = pen.text_box(name_bottom - head_bottom, pen.style.name, pen.style.name_lines);
    pen.block(&card.stall_name, head_bottom, name_box);
    pen.drawing.items.push(Item::Symbol {
        at: Point {
            x: (width - side) / 2,
            y: middle - side / 2,
        },
        side_um: side,
        symbol,
    });
    let advice_top = pen.advice(height - pen.style.margin);
    let foot_top = pen.foot(card, advice_top);
    let account_top = pen.account(card, foot_top);
    let holder_height = account_top - pen.style.gap / 2 - zone_bottom;
    let holder_box = pen.text_box(holder_height, pen.style.holder, 2);
    pen.block(&card.holder_name, zone_bottom, holder_box);
    drawing
}

/// Draws a card from its edges inwards: each method draws one part and returns the height at which the next
/// part may begin.
struct Pen<'a> {
    drawing: &'a mut Drawing,
    style: Style,
    width: i32,
    inner: i32,
}

impl Pen<'_> {
    fn centred(&mut self, run: Run, size_um: i32, base: i32, ink: Ink) {
        let x = (self.width - run.width_um(size_um)) / 2;
        self.drawing.text(Point { x, y: base }, size_um, run, ink);
    }

    /// A box as wide as the card between its margins.
    fn text_box(&self, height_um: i32, sizes: SizeRange, lines_max: usize) -> TextBox {
        TextBox {
            width_um: self.inner,
            height_um,
            sizes,
            lines_max,
        }
    }

    /// Bold lines in the middle of a box that begins at this height.
    fn block(&mut self, text: &str, top: i32, text_box: TextBox) {
        let fitted = fit(text, Weight::Bold, text_box);
        let (bases, height) = fitted.bases();
        let start = top + (text_box.height_um - height) / 2;
        for (line, base) in fitted.lines.into_iter().zip(bases) {
            self.centred(line, fitted.size_um, start + base, Ink::Black);
        }
    }

    /// What the card is for; returns its lower edge.
    fn head(&mut self) -> i32 {
        let Style {
            margin, band, note, ..
        } = self.style;
        let head = Area {
            x: margin,
            y: margin,
            width: self.inner,
            height: band,
        };
        self.drawing.round_rect(head, band / 5, Ink::Green);
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
        let text_box = TextBox::line(self.inner, self.style.place, self.style.place * 6 / 10);
        let fitted = fit(place, Weight::Regular, text_box);
        let (bases, height) = fitted.bases();
        let top = zone_top - height;
        for (line, base) in fitted.lines.into_iter().zip(bases) {
            self.centred(line, fitted.size_um, top + base, Ink::Muted);
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
        self.centred(english, small, lower, Ink::Muted);
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
            TextBox::line(beside, link_size, link_size / 2),
        );
        let serial = fit(
            &card.serial,
            Weight::Bold,
            TextBox::line(beside, serial_size, serial_size / 2),
        );
        let names = match self.style.note {
            0 => ["Mã sạp · Stall", "Số thẻ · Serial"],
            _ => ["Mã sạp · Stall code", "Số thẻ · Card serial"],
        };
        let code_name = Run::of(names[0], Weight::Regular);
        let serial_name = Run::of(names[1], Weight::Regular);
        let at = |x: i32, y: i32| Point { x, y };
        self.drawing
            .text(at(left, label_base), label, code_name, Ink::Muted);
        self.drawing
            .text(at(left, link_base), code_size, code, Ink::Black);
        let x = right - serial_name.width_um(label);
        self.drawing
            .text(at(x, label_base), label, serial_name, Ink::Muted);
        for (fitted, base) in [(serial, serial_base), (link, link_base)] {
            for line in fitted.lines {
                let x = right - line.width_um(fitted.size_um);
                self.drawing.text(at(x, base), fitted.size_um, line, Ink::Black);
            }
        }
        let rule = label_base - scaled(1000, label) - gap / 2;
        let line = Area {
            x: left,
            y: rule,
            width: self.inner,
            height: 150,
        };
        self.drawing.rect(line, Ink::Line);
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
        let bank_width_max = self.inner - tail_width - dots_width - apart;
        let text_box = TextBox::line(bank_width_max, bank_size, bank_size / 2);
        let bank = fit(&card.bank_name, Weight::Regular, text_box);
        let bank_width = bank.lines.first().map_or(0, |line| line.width_um(bank.size_um));
        let base = bottom - scaled(tail.below.max(60), tail_size);
        let mut x = (self.width - bank_width - apart - dots_width - tail_width) / 2;
        for line in bank.lines {
            self.drawing
                .text(Point { x, y: base }, bank.size_um, line, Ink::Black);
        }
        x += bank_width + apart;
        let above = scaled(tail.above.max(CAP_UNITS), tail_size);
        self.drawing
            .text(Point { x, y: base }, bank_size, dots, Ink::Black);
        x += dots_width;
        self.drawing
            .text(Point { x, y: base }, tail_size, tail, Ink::Black);
        base - above
    }
}
