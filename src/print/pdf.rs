//! Drawings as the pages of a PDF, on pdf-writer. A page is measured in fractions of points; nothing here is money.
//!
//! Ours, and not krilla 0.8, which is built on pdf-writer too: pages hold only text, lines and codes, some
//! 300 lines with the embedding of the font. krilla would write other bytes, set the kerning itself and pin
//! the version of skrifa.
#![allow(clippy::float_arithmetic)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::writers::Resources;
use pdf_writer::{Chunk, Content, Filter, Finish, Name, Pdf, Rect, Ref, Settings, Str, TextStr};

use super::drawing::{Drawing, Ink, Item, Point};
use super::font::{Run, Step, UNITS, Weight};

/// Level 6: twice as fast as the best, a few per cent larger.
const DEFLATE_LEVEL: u8 = 6;
/// Points in a micrometre.
const SCALE: f32 = 72.0 / 25_400.0;
const SETTINGS: Settings = Settings { pretty: false };

/// Objects before the pages.
const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const INFO: Ref = Ref::new(3);
const FONTS: i32 = 4;
const REFS_PER_FONT: i32 = 5;
const FIRST_PAGE: i32 = FONTS + 2 * REFS_PER_FONT;

const SYSTEM: SystemInfo = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};

/// A PDF of so many pages, each drawn when its turn comes, on all cores; `on_page` is called after each
/// page with how many are done. Nothing in it depends on when or where it was made.
pub(super) fn write(
    title: &str,
    pages: usize,
    page: &(dyn Fn(usize) -> Drawing + Sync),
    on_page: &(dyn Fn(usize) + Sync),
) -> Vec<u8> {
    let chunks = page_chunks(pages, page, on_page);
    let size = chunks.iter().map(|chunk| chunk.len() + 64).sum::<usize>() + 128 * 1024;
    let mut pdf = Pdf::with_settings_and_capacity(SETTINGS, size);
    pdf.catalog(CATALOG).pages(PAGES).lang(TextStr("vi"));
    let mut tree = pdf.pages(PAGES);
    tree.kids((0..pages).map(|at| page_ref(at).0)).count(pages as i32);
    let mut resources: Resources = tree.resources();
    let mut fonts = resources.fonts();
    for weight in Weight::ALL {
        fonts.pair(name(weight), font_ref(weight, 0));
    }
    fonts.finish();
    resources.finish();
    tree.finish();
    pdf.document_info(INFO)
        .title(TextStr(title))
        .producer(TextStr("choso"));
    for weight in Weight::ALL {
        font(&mut pdf, weight);
    }
    for chunk in chunks {
        pdf.extend(&chunk);
    }
    pdf.finish()
}

/// All pages as they stand in the file, in their order.
fn page_chunks(
    pages: usize,
    page: &(dyn Fn(usize) -> Drawing + Sync),
    on_page: &(dyn Fn(usize) + Sync),
) -> Vec<Chunk> {
    let workers = thread::available_parallelism()
        .map_or(1, |n| n.get())
        .min(pages.max(1))
        .min(16);
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let mut drawn: Vec<(usize, Chunk)> = thread::scope(|scope| {
        let work = || {
            let mut own_pages = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= pages {
                    return own_pages;
                }
                own_pages.push((at, chunk(at, &page(at))));
                on_page(done.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            all.extend(other.join().expect("drawing does not panic"));
        }
        all
    });
    drawn.sort_unstable_by_key(|(at, _)| *at);
    drawn.into_iter().map(|(_, chunk)| chunk).collect()
}

/// Refs of a page and of what stands on it.
fn page_ref(at: usize) -> (Ref, Ref) {
    let first = FIRST_PAGE + 2 * at as i32;
    (Ref::new(first), Ref::new(first + 1))
}

fn font_ref(weight: Weight, part: i32) -> Ref {
    Ref::new(FONTS + weight as i32 * REFS_PER_FONT + part)
}

fn name(weight: Weight) -> Name<'static> {
    match weight {
        Weight::Regular => Name(b"R"),
        Weight::Bold => Name(b"B"),
    }
}

fn chunk(at: usize, drawing: &Drawing) -> Chunk {
    let (page, contents) = page_ref(at);
    let mut chunk = Chunk::with_settings(SETTINGS);
    let packed = compress_to_vec_zlib(&content(drawing), DEFLATE_LEVEL);
    chunk.stream(contents, &packed).filter(Filter::FlateDecode);
    let width = drawing.width_um as f32 * SCALE;
    let height = drawing.height_um as f32 * SCALE;
    chunk
        .page(page)
        .parent(PAGES)
        .media_box(Rect::new(0.0, 0.0, width, height))
        .contents(contents);
    chunk
}

/// What stands on a page; one unit is a micrometre, and y goes down as in the drawing.
fn content(drawing: &Drawing) -> Vec<u8> {
    let mut out = Content::with_settings(SETTINGS);
    out.transform([SCALE, 0.0, 0.0, -SCALE, 0.0, drawing.height_um as f32 * SCALE]);
    let mut ink = Ink::Black;
    for item in &drawing.items {
        let wanted = match item {
            Item::Shape { ink, .. } | Item::Text { ink, .. } => *ink,
            Item::Symbol { .. } => Ink::Black,
        };
        if wanted != ink {
            colour(&mut out, wanted);
            ink = wanted;
        }
        match item {
            Item::Shape { steps, .. } => {
                shape(&mut out, steps);
                out.fill_nonzero();
            }
            Item::Symbol { at, side_um, symbol } => {
                let module = *side_um as f32 / symbol.modules() as f32;
                out.save_state();
                out.transform([module, 0.0, 0.0, module, at.x as f32, at.y as f32]);
                for (x, y, width) in symbol.dark_runs() {
                    out.rect(x as f32, y as f32, width as f32, 1.0);
                }
                out.fill_nonzero();
                out.restore_state();
            }
            Item::Text { at, size_um, run, .. } => text(&mut out, *at, *size_um, run),
        }
    }
    out.finish().to_vec()
}

/// Black is one number in grey, so that a printer uses its black and no mixture.
fn colour(out: &mut Content, ink: Ink) {
    let [red, green, blue] = ink.rgb();
    match ink {
        Ink::Black => out.set_fill_gray(0.0),
        Ink::White => out.set_fill_gray(1.0),
        _ => out.set_fill_rgb(thousandths(red), thousandths(green), thousandths(blue)),
    };
}

fn thousandths(part: u8) -> f32 {
    (i32::from(part) * 1000 / 255) as f32 / 1000.0
}

fn text(out: &mut Content, at: Point, size_um: i32, run: &Run) {
    let face = run.weight.face();
    out.begin_text();
    out.set_font(name(run.weight), size_um as f32);
    out.set_text_matrix([1.0, 0.0, 0.0, -1.0, at.x as f32, at.y as f32]);
    let mut positioned = out.show_positioned();
    let mut items = positioned.items();
    let mut bytes = Vec::new();
    for glyph in &run.glyphs {
        bytes.extend(glyph.id.to_be_bytes());
        let kern = glyph.advance - i32::from(face.advances[usize::from(glyph.id)]);
        if kern != 0 {
            items.show(Str(&bytes));
            bytes.clear();
            items.adjust((-kern * 1000 / UNITS) as f32);
        }
    }
    if !bytes.is_empty() {
        items.show(Str(&bytes));
    }
    items.finish();
    positioned.finish();
    out.end_text();
}

/// PDF has cubic curves only; a quadratic one is the cubic with both controls two thirds of the way to its own.
fn shape(out: &mut Content, steps: &[Step]) {
    let mut x0 = 0;
    let mut y0 = 0;
    for step in steps {
        match *step {
            Step::Move(x, y) => {
                out.move_to(x as f32, y as f32);
                (x0, y0) = (x, y);
            }
            Step::Line(x, y) => {
                out.line_to(x as f32, y as f32);
                (x0, y0) = (x, y);
            }
            Step::Quad(a, b, x, y) => {
                let near = |end: i32, control: i32| ((end + 2 * control) / 3) as f32;
                out.cubic_to(
                    near(x0, a),
                    near(y0, b),
                    near(x, a),
                    near(y, b),
                    x as f32,
                    y as f32,
                );
                (x0, y0) = (x, y);
            }
            Step::Close => {
                out.close_path();
            }
        }
    }
}

/// The whole font, which is already a subset: glyph ids are character ids, and a table says which letters
/// they are, so that text can be searched and read aloud.
fn font(pdf: &mut Pdf, weight: Weight) {
    let face = weight.face();
    let base: &[u8] = match weight {
        Weight::Regular => b"CHOSOA+BeVietnamPro-Regular",
        Weight::Bold => b"CHOSOB+BeVietnamPro-Bold",
    };
    let [font, cid, descriptor, file, unicode] = [0, 1, 2, 3, 4].map(|part| font_ref(weight, part));
    pdf.type0_font(font)
        .base_font(Name(base))
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid)
        .to_unicode(unicode);
    let mut cid_font = pdf.cid_font(cid);
    cid_font
        .subtype(CidFontType::Type2)
        .base_font(Name(base))
        .system_info(SYSTEM)
        .font_descriptor(descriptor)
        .default_width(0.0)
        .cid_to_gid_map_predefined(Name(b"Identity"));
    cid_font
        .widths()
        .consecutive(0, face.advances.iter().map(|advance| f32::from(*advance)));
    cid_font.finish();
    pdf.font_descriptor(descriptor)
        .name(Name(base))
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(-300.0, -400.0, 1500.0, 1300.0))
        .italic_angle(0.0)
        .ascent(1000.0)
        .descent(-265.0)
        .cap_height(740.0)
        .stem_v(if weight == Weight::Bold { 140.0 } else { 80.0 })
        .font_file2(file);
    let packed = compress_to_vec_zlib(weight.file(), DEFLATE_LEVEL);
    let mut stream = pdf.stream(file, &packed);
    stream.filter(Filter::FlateDecode);
    stream.pair(Name(b"Length1"), weight.file().len() as i32);
    stream.finish();
    let mut letters = UnicodeCmap::<u16>::new(Name(b"Vietnamese"), SYSTEM);
    for (glyph, letter) in &face.characters {
        letters.pair(*glyph, *letter);
    }
    let packed = compress_to_vec_zlib(&letters.finish(), DEFLATE_LEVEL);
    pdf.cmap(unicode, &packed).filter(Filter::FlateDecode);
}
