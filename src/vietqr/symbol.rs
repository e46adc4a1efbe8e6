//! The QR symbol of a payload, as modules, SVG and PNG.

use std::fmt::Write;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

use super::code::Payload;

#[cfg(test)]
mod tests;

/// White modules around a symbol that a scanner needs to find it (ISO/IEC 18004).
pub const QUIET_ZONE: usize = 4;

/// The most pixels along one side of a PNG; holds memory at 16 MiB whatever is asked. Enough for the
/// 90 mm of an A5 stand at 1000 dpi.
pub const PNG_SIDE_MAX: usize = 4096;

const DARK: u8 = 0;
const LIGHT: u8 = 255;

/// How much of a symbol may be dirty or torn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Correction {
    /// About 15 %: cards and labels.
    #[default]
    M,
    /// About 25 %, at the price of smaller modules on the same paper.
    Q,
}

/// The QR symbol of a payload: a square of dark and light modules, drawn without its quiet zone here and
/// with it by [`Symbol::svg`] and [`Symbol::png`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    version: u8,
    dark: Vec<bool>,
}

impl Symbol {
    /// The smallest symbol at level M.
    pub fn of(payload: &Payload) -> Symbol {
        Symbol::with_correction(payload, Correction::M)
    }

    /// The smallest symbol at this level.
    ///
    /// The payload is one segment: alphanumeric if it can be (5.5 bits a character), bytes otherwise (8
    /// bits), so one lower-case letter makes the modules smaller.
    pub fn with_correction(payload: &Payload, correction: Correction) -> Symbol {
        // A payload has at most 512 ASCII characters; version 40 holds 2331 bytes at M and 1663 at Q.
        Symbol::smallest(payload.as_str(), correction).expect("512 bytes fit into version 40")
    }

    /// The smallest symbol of a link, to be opened by a phone's camera; none if it has more than some two thousand
    /// characters.
    pub fn of_link(link: &str) -> Option<Symbol> {
        Symbol::smallest(link, Correction::M)
    }

    fn smallest(text: &str, correction: Correction) -> Option<Symbol> {
        let level = match correction {
            Correction::M => EcLevel::M,
            Correction::Q => EcLevel::Q,
        };
        let fits = |version: u8| encoded(text.as_bytes(), version, level).map(|code| (version, code));
        let (version, code) = (1..=40).find_map(fits)?;
        let dark = code
            .into_colors()
            .into_iter()
            .map(|color| color == Color::Dark)
            .collect();
        Some(Symbol { version, dark })
    }

    /// Modules along one side, without the quiet zone.
    pub fn modules(&self) -> usize {
        17 + 4 * usize::from(self.version)
    }

    /// The version of the symbol, 1 to 40; each step adds 4 modules to a side.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Whether the module in column `x` and row `y`, counted from 0 at the top left, is dark. Everything
    /// outside the symbol is light.
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let side = self.modules();
        x < side && y < side && self.dark[y * side + x]
    }

    /// The symbol as SVG, black on white, with its quiet zone; one unit is one module. It has no size of
    /// its own, so the page decides. `label` is what a screen reader says; any text is safe here.
    pub fn svg(&self, label: &str) -> String {
        let side = self.modules() + 2 * QUIET_ZONE;
        let mut out = String::with_capacity(16 * 1024);
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" shape-rendering="crispEdges">"#
        );
        let _ = write!(out, "<title>{}</title>", escaped(label));
        let _ = write!(
            out,
            r##"<rect width="{side}" height="{side}" fill="#fff"/><path fill="#000" d=""##
        );
        for y in 0..self.modules() {
            for (x, width) in self.runs(y) {
                let _ = write!(out, "M{} {}h{width}v1h-{width}z", x + QUIET_ZONE, y + QUIET_ZONE);
            }
        }
        out.push_str(r#""/></svg>"#);
        out
    }

    /// The symbol as a grey PNG of pure black and white, with its quiet zone; every module is a square of
    /// `pixels_per_module` pixels, at least 1 and at most what [`PNG_SIDE_MAX`] leaves room for.
    pub fn png(&self, pixels_per_module: u32) -> Vec<u8> {
        let side = self.modules() + 2 * QUIET_ZONE;
        let scale = (pixels_per_module as usize).clamp(1, PNG_SIDE_MAX / side);
        let width = side * scale;
        let mut pixels = vec![LIGHT; width * width];
        for y in 0..self.modules() {
            let top = (y + QUIET_ZONE) * scale * width;
            for (x, run) in self.runs(y) {
                let left = top + (x + QUIET_ZONE) * scale;
                pixels[left..left + run * scale].fill(DARK);
            }
            for line in 1..scale {
                pixels.copy_within(top..top + width, top + line * width);
            }
        }
        let mut out = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Default, FilterType::Up);
        // Writing to a Vec cannot fail, and there are as many pixels as the two sides say.
        encoder
            .write_image(&pixels, width as u32, width as u32, ExtendedColorType::L8)
            .expect("a full grey picture in memory");
        out
    }

    /// The symbol for a terminal, with its quiet zone: two rows of modules a line, dark as full blocks.
    /// Coloured, it is black on white whatever the terminal's own colours are.
    pub fn terminal(&self, is_coloured: bool) -> String {
        let side = self.modules() + 2 * QUIET_ZONE;
        let dark = |x: usize, y: usize| {
            x >= QUIET_ZONE && y >= QUIET_ZONE && self.is_dark(x - QUIET_ZONE, y - QUIET_ZONE)
        };
        let mut out = String::new();
        for y in (0..side).step_by(2) {
            out.push_str(if is_coloured { "\u{1b}[30;107m" } else { "" });
            out.extend((0..side).map(|x| match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            }));
            out.push_str(if is_coloured { "\u{1b}[0m\n" } else { "\n" });
        }
        out
    }

    /// The dark stretches of all rows, from top to bottom: first column, row, length.
    pub fn dark_runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.modules()).flat_map(|y| self.runs(y).map(move |(x, width)| (x, y, width)))
    }

    /// The dark stretches of a row, as first column and length.
    fn runs(&self, y: usize) -> impl Iterator<Item = (usize, usize)> {
        let mut x = 0;
        std::iter::from_fn(move || {
            while x < self.modules() && !self.is_dark(x, y) {
                x += 1;
            }
            let first = x;
            while self.is_dark(x, y) {
                x += 1;
            }
            (x > first).then_some((first, x - first))
        })
    }
}

/// The symbol of this version, or none if the text is too long for it.
fn encoded(text: &[u8], version: u8, level: EcLevel) -> Option<QrCode> {
    let mut bits = Bits::new(Version::Normal(version.into()));
    if text.iter().copied().all(is_alphanumeric) {
        bits.push_alphanumeric_data(text).ok()?;
    } else {
        bits.push_byte_data(text).ok()?;
    }
    bits.push_terminator(level).ok()?;
    QrCode::with_bits(bits, level).ok()
}

/// The 45 characters of the alphanumeric mode (ISO/IEC 18004).
fn is_alphanumeric(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b' ' | b'$' | b'%' | b'*' | b'+' | b'-' | b'.' | b'/' | b':')
}

/// A text for inside an XML element. What XML cannot hold at all becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
