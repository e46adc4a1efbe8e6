//! The type of the cards: outlines, widths and kerning, in units of a thousandth of the size.

use std::sync::LazyLock;

use harfrust::{Buffer, ShapeOptions, ShaperFont};
use skrifa::font::glyph::outline::PathSink;
use skrifa::{DrawMemory, Font, GlyphId, ScalerFont};
use unicode_normalization::UnicodeNormalization;

/// Be Vietnam Pro, cut down to Latin and Vietnamese (assets/fonts/OFL.txt).
static REGULAR: &[u8] = include_bytes!("../../assets/fonts/BeVietnamPro-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/fonts/BeVietnamPro-Bold.ttf");

/// Units of the font in the size of its type.
pub(super) const UNITS: i32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    pub const ALL: [Weight; 2] = [Weight::Regular, Weight::Bold];

    pub const fn file(self) -> &'static [u8] {
        match self {
            Weight::Regular => REGULAR,
            Weight::Bold => BOLD,
        }
    }

    pub fn face(self) -> &'static Face {
        static FACES: LazyLock<[Face; 2]> = LazyLock::new(|| Weight::ALL.map(|w| Face::read(w.file())));
        &FACES[self as usize]
    }
}

/// One step of an outline; ends and control points. Quadratic curves, as TrueType has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Move(i32, i32),
    Line(i32, i32),
    Quad(i32, i32, i32, i32),
    Close,
}

pub(super) struct Face {
    font: Font,
    /// Outline of each glyph, y upwards.
    outlines: Vec<Vec<Step>>,
    /// Lowest and highest of each glyph's ink, 0 among them.
    heights: Vec<(i32, i32)>,
    /// Width of each glyph.
    pub advances: Vec<u16>,
    /// Each glyph that stands for a character, and that character.
    pub characters: Vec<(u16, char)>,
}

/// A glyph of a text: which, and how far the next one stands from it, kerning included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyph {
    pub id: u16,
    pub advance: i32,
}

/// A text in one face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub weight: Weight,
    pub glyphs: Vec<Glyph>,
    /// Sum of the advances.
    pub width: i32,
    /// How far its ink stands above and below the base line; capitals with two marks go far.
    pub above: i32,
    pub below: i32,
}

impl Run {
    /// Sets a text; composed letters first, since the font has those only.
    pub fn of(text: &str, weight: Weight) -> Run {
        let face = weight.face();
        let mut buffer = Buffer::new();
        buffer.push_str(&text.nfc().collect::<String>());
        buffer.guess_segment_properties();
        harfrust::shape(&ShaperFont::new(&face.font), &mut buffer, ShapeOptions::default())
            .expect("a font that a test reads");
        let glyphs: Vec<Glyph> = buffer
            .glyph_infos()
            .iter()
            .zip(buffer.glyph_positions())
            .map(|(info, position)| Glyph {
                id: info.glyph_id as u16,
                advance: position.x_advance,
            })
            .collect();
        let heights = || glyphs.iter().map(|glyph| face.heights[usize::from(glyph.id)]);
        Run {
            weight,
            above: heights().map(|(_, top)| top).max().unwrap_or_default(),
            below: -heights().map(|(bottom, _)| bottom).min().unwrap_or_default(),
            width: glyphs.iter().map(|glyph| glyph.advance).sum(),
            glyphs,
        }
    }

    /// Its width in micrometres at a size.
    pub fn width_um(&self, size_um: i32) -> i32 {
        scaled(self.width, size_um)
    }
}

/// Font units at a size in micrometres.
pub(super) fn scaled(units: i32, size_um: i32) -> i32 {
    (i64::from(units) * i64::from(size_um) / i64::from(UNITS)) as i32
}

impl Face {
    fn read(file: &'static [u8]) -> Face {
        let font = Font::new(file, 0).expect("a font that a test reads");
        let scaler = ScalerFont::unhinted(font.clone(), None);
        let metrics = font.glyph_metrics();
        let count = font.num_glyphs();
        let mut outlines = Vec::with_capacity(count as usize);
        let mut advances = Vec::with_capacity(count as usize);
        for id in (0..count).map(GlyphId::new) {
            let mut pen = Pen::default();
            if let Some(outline) = scaler.outline(id) {
                outline
                    .draw(DrawMemory::Scratch, &mut pen)
                    .expect("an outline that a test draws");
            }
            outlines.push(pen.0);
            advances.push(metrics.h_advance(id) as u16);
        }
        let mut characters: Vec<(u16, char)> = (' '..='\u{ffff}')
            .filter_map(|c| Some((font.charmap().map_unicode(c)?.to_u32() as u16, c)))
            .filter(|(id, _)| *id != 0)
            .collect();
        characters.sort_unstable();
        characters.dedup_by_key(|(id, _)| *id);
        Face {
            font,
            heights: outlines.iter().map(|outline| heights(outline)).collect(),
            outlines,
            advances,
            characters,
        }
    }

    /// The outline of a glyph.
    pub fn outline(&self, id: u16) -> &[Step] {
        self.outlines.get(usize::from(id)).map_or(&[], Vec::as_slice)
    }

    /// Whether the font has a letter.
    #[cfg(test)]
    pub fn has(&self, c: char) -> bool {
        self.font.charmap().map_unicode(c).is_some()
    }
}

/// Control points included, which only ever lie outside.
fn heights(outline: &[Step]) -> (i32, i32) {
    outline.iter().fold((0, 0), |(bottom, top), step| match *step {
        Step::Move(_, y) | Step::Line(_, y) => (bottom.min(y), top.max(y)),
        Step::Quad(_, by, _, y) => (bottom.min(y).min(by), top.max(y).max(by)),
        Step::Close => (bottom, top),
    })
}

#[derive(Default)]
struct Pen(Vec<Step>);

/// Outlines stand on whole units; nothing is rounded away here.
impl PathSink for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.push(Step::Move(x as i32, y as i32));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.push(Step::Line(x as i32, y as i32));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.push(Step::Quad(x1 as i32, y1 as i32, x as i32, y as i32));
    }

    fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, _: f32) {
        unreachable!("TrueType outlines have quadratic curves");
    }

    fn close(&mut self) {
        self.0.push(Step::Close);
    }
}
