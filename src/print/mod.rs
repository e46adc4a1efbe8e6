//! What is printed or taken away: cards, stands, labels and sheets of them, one layout drawn as SVG, PNG and PDF;
//! and workbooks of figures.
//!
//! The layout counts in micrometres and is made once for each card; three small drawers turn it into a
//! file. The code is pure black on white with four white modules around it and nothing inside; in a PDF it
//! stays vectors, and its text stays text, in an embedded font with every Vietnamese letter. The same
//! inputs give the same bytes.

mod card;
mod drawing;
mod fit;
mod font;
mod form;
mod layout;
mod pack;
mod pdf;
mod png;
mod sheet;
mod svg;
#[cfg(test)]
mod tests;

pub use card::{Card, Format};
pub use form::{FormCell, FormColumn, FormList, form};
pub use pack::{Pack, PackLine};
pub use png::DPI;
pub use sheet::{Cell, Column, Sheet, SheetError, xlsx};

/// The card as SVG, in its true size; all text as outlines, so that it looks the same everywhere.
pub fn svg(card: &Card, format: Format) -> String {
    svg::draw(&layout::card(card, format))
}

/// The card as PNG of 300 dots per inch.
pub fn png(card: &Card, format: Format) -> Vec<u8> {
    png::draw(&layout::card(card, format))
}

/// The card as a PDF of one page in the size of the card.
pub fn pdf(card: &Card, format: Format) -> Vec<u8> {
    let drawing = layout::card(card, format);
    let title = format!("{} · {}", card.stall_code, card.stall_name);
    pdf::write(&title, 1, &|_| drawing.clone(), &|_| ())
}
