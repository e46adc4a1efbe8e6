//! A drawing as SVG, all text as outlines.

use std::fmt::Write;

use super::drawing::{Drawing, Ink, Item, Point};
use super::font::{Step, UNITS};

/// A drawing as SVG; one unit is a micrometre.
pub(super) fn draw(drawing: &Drawing) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let width = drawing.width_um;
    let height = drawing.height_um;
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{}mm" height="{}mm" viewBox="0 0 {width} {height}">"#,
        millimetres(width),
        millimetres(height)
    );
    for item in &drawing.items {
        match item {
            Item::Shape { steps, ink } => {
                let _ = write!(out, r#"<path fill="{}" d=""#, colour(*ink));
                path(&mut out, steps, 0, 1);
                out.push_str("\"/>");
            }
            Item::Text {
                at,
                size_um,
                run,
                ink,
            } => {
                let Point { x, y } = at;
                let scale = decimal(*size_um, UNITS);
                let _ = write!(
                    out,
                    r#"<path fill="{}" transform="translate({x} {y})scale({scale})" d=""#,
                    colour(*ink)
                );
                let mut right = 0;
                for glyph in &run.glyphs {
                    path(&mut out, run.weight.face().outline(glyph.id), right, -1);
                    right += glyph.advance;
                }
                out.push_str("\"/>");
            }
            Item::Symbol { at, side_um, symbol } => {
                let Point { x, y } = at;
                let scale = decimal(*side_um, symbol.modules() as i32);
                let _ = write!(
                    out,
                    r##"<path fill="#000" shape-rendering="crispEdges" transform="translate({x} {y})scale({scale})" d=""##
                );
                for (x, y, width) in symbol.dark_runs() {
                    let _ = write!(out, "M{x} {y}h{width}v1h-{width}z");
                }
                out.push_str("\"/>");
            }
        }
    }
    out.push_str("</svg>");
    out
}

fn path(out: &mut String, steps: &[Step], right: i32, up: i32) {
    for step in steps {
        let _ = match *step {
            Step::Move(x, y) => write!(out, "M{} {}", x + right, y * up),
            Step::Line(x, y) => write!(out, "L{} {}", x + right, y * up),
            Step::Quad(a, b, x, y) => {
                write!(out, "Q{} {} {} {}", a + right, b * up, x + right, y * up)
            }
            Step::Close => write!(out, "z"),
        };
    }
}

fn colour(ink: Ink) -> String {
    let [red, green, blue] = ink.rgb();
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn millimetres(um: i32) -> String {
    decimal(um, 1000)
}

/// A quotient with six digits behind the point.
fn decimal(number: i32, by: i32) -> String {
    let millionths = i64::from(number) * 1_000_000 / i64::from(by);
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
