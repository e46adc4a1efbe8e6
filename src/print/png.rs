//! A drawing as PNG. A picture is made of fractions of pixels; nothing here is money.
#![allow(clippy::float_arithmetic)]

use png::{BitDepth, ColorType, Compression, Encoder, Filter, PixelDimensions, Unit};
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Transform};

use super::drawing::{Drawing, Ink, Item, Point};
use super::font::{Step, UNITS};
use crate::vietqr::Symbol;

/// Dots per inch of a card's picture: what a print shop asks for.
pub const DPI: u32 = 300;
const UM_PER_INCH: i64 = 25_400;

/// A drawing as PNG.
pub(super) fn draw(drawing: &Drawing) -> Vec<u8> {
    let width = pixels(drawing.width_um);
    let height = pixels(drawing.height_um);
    let mut picture = Pixmap::new(width, height).expect("paper has an area");
    picture.fill(Color::WHITE);
    let to_pixels = DPI as f32 / UM_PER_INCH as f32;
    for item in &drawing.items {
        match item {
            Item::Shape { steps, ink } => {
                let mut path = PathBuilder::new();
                add(&mut path, steps, 0, 1);
                fill(
                    &mut picture,
                    path,
                    *ink,
                    Transform::from_scale(to_pixels, to_pixels),
                );
            }
            Item::Text {
                at,
                size_um,
                run,
                ink,
            } => {
                let mut path = PathBuilder::new();
                let mut right = 0;
                for glyph in &run.glyphs {
                    add(&mut path, run.weight.face().outline(glyph.id), right, -1);
                    right += glyph.advance;
                }
                let scale = *size_um as f32 / UNITS as f32 * to_pixels;
                let x = at.x as f32 * to_pixels;
                let y = at.y as f32 * to_pixels;
                fill(
                    &mut picture,
                    path,
                    *ink,
                    Transform::from_row(scale, 0.0, 0.0, scale, x, y),
                );
            }
            Item::Symbol { at, side_um, symbol } => modules(&mut picture, *at, *side_um, symbol),
        }
    }
    encoded(&picture)
}

/// Modules end at whole pixels: some are a pixel wider, none is grey.
fn modules(picture: &mut Pixmap, at: Point, side_um: i32, symbol: &Symbol) {
    let width = picture.width() as usize;
    let edge = |start: i32, module: usize| {
        let um = i64::from(start) + i64::from(side_um) * module as i64 / symbol.modules() as i64;
        ((um * i64::from(DPI) + UM_PER_INCH / 2) / UM_PER_INCH) as usize
    };
    let black = Ink::Black.rgb()[0];
    let data = picture.data_mut();
    for (x, y, run) in symbol.dark_runs() {
        for line in edge(at.y, y)..edge(at.y, y + 1) {
            let row = line * width;
            for pixel in data[(row + edge(at.x, x)) * 4..(row + edge(at.x, x + run)) * 4].chunks_exact_mut(4)
            {
                pixel.copy_from_slice(&[black, black, black, 255]);
            }
        }
    }
}

fn fill(picture: &mut Pixmap, path: PathBuilder, ink: Ink, transform: Transform) {
    let [red, green, blue] = ink.rgb();
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, 255);
    // A text of spaces has no outline.
    if let Some(path) = path.finish() {
        picture.fill_path(&path, &paint, FillRule::Winding, transform, None);
    }
}

fn add(path: &mut PathBuilder, steps: &[Step], right: i32, up: i32) {
    let at = |x: i32, y: i32| ((x + right) as f32, (y * up) as f32);
    for step in steps {
        match *step {
            Step::Move(x, y) => {
                let (x, y) = at(x, y);
                path.move_to(x, y);
            }
            Step::Line(x, y) => {
                let (x, y) = at(x, y);
                path.line_to(x, y);
            }
            Step::Quad(a, b, x, y) => {
                let (a, b) = at(a, b);
                let (x, y) = at(x, y);
                path.quad_to(a, b, x, y);
            }
            Step::Close => path.close(),
        }
    }
}

fn encoded(picture: &Pixmap) -> Vec<u8> {
    // Every drawing begins with white paper, so nothing is transparent.
    let pixels: Vec<u8> = picture
        .data()
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    let mut out = Vec::with_capacity(128 * 1024);
    let mut encoder = Encoder::new(&mut out, picture.width(), picture.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Up);
    let per_metre = (i64::from(DPI) * 1_000_000 / UM_PER_INCH) as u32;
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: Unit::Meter,
    }));
    // Writing to a Vec cannot fail, and there are as many pixels as the two sides say.
    let mut writer = encoder.write_header().expect("a header in memory");
    writer
        .write_image_data(&pixels)
        .expect("a full picture in memory");
    writer.finish().expect("an end in memory");
    out
}

fn pixels(um: i32) -> u32 {
    ((i64::from(um) * i64::from(DPI) + UM_PER_INCH / 2) / UM_PER_INCH) as u32
}
