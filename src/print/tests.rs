//! Tests of cards and packs: sizes, bytes, what lies where.

use super::drawing::{Item, points};
use super::fit::{SizeRange, TextBox, fit};
use super::font::{Run, Weight};
use super::*;
use crate::vietqr::{QUIET_ZONE, stall_payload};
use crate::vn::AccountNumber;

fn example() -> Card {
    let account = AccountNumber::parse("113366668888").unwrap();
    Card {
        stall_name: "Bún chả cá Bà Phiến".to_owned(),
        place: "Chợ Hàn · sạp 12".to_owned(),
        holder_name: "NGUYEN THI MAU".to_owned(),
        bank_name: "VietinBank".to_owned(),
        account_tail: account.tail().to_owned(),
        stall_code: "HC7K3M9J".to_owned(),
        serial: "7KQ2 M4XD 9TRC".to_owned(),
        check_link: "choso.example.vn/k/7KQ2M4XD9TRC".to_owned(),
        payload: stall_payload("970415", &account, "HC7K3M9J").unwrap(),
    }
}

/// Every Vietnamese letter with every mark, and what else a card says.
const LETTERS: &str =
    "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ";

#[test]
fn the_font_has_every_letter_and_no_empty_one() {
    for weight in Weight::ALL {
        let face = weight.face();
        for c in LETTERS
            .chars()
            .chain(LETTERS.to_uppercase().chars())
            .chain("fjwzFJWZ0123456789•·…–—«»'\"/.,-&()₫".chars())
        {
            assert!(face.has(c), "{c} is missing");
            let run = Run::of(&c.to_string(), weight);
            assert_eq!(run.glyphs.len(), 1, "{c}");
            assert!(run.width > 0 && !face.outline(run.glyphs[0].id).is_empty(), "{c}");
        }
        // Letter and marks apart are the same letter.
        assert_eq!(Run::of("e\u{302}\u{301}", weight), Run::of("ế", weight));
    }
    // Kerned: closer together than the letters alone.
    let alone = |c: &str| Run::of(c, Weight::Bold).width;
    assert!(Run::of("AV", Weight::Bold).width < alone("A") + alone("V"));
}

/// Where a drawing has ink, as left, top, right, bottom.
fn bounds(item: &Item) -> (i32, i32, i32, i32) {
    match item {
        Item::Symbol { at, side_um, .. } => (at.x, at.y, at.x + side_um, at.y + side_um),
        Item::Text { at, size_um, run, .. } => {
            let mut right = at.x;
            let mut top = at.y;
            let mut bottom = at.y;
            for glyph in &run.glyphs {
                for step in run.weight.face().outline(glyph.id) {
                    if let font::Step::Line(_, up) | font::Step::Quad(_, _, _, up) | font::Step::Move(_, up) =
                        step
                    {
                        top = top.min(at.y - font::scaled(*up, *size_um));
                        bottom = bottom.max(at.y - font::scaled(*up, *size_um));
                    }
                }
                right += font::scaled(glyph.advance, *size_um);
            }
            (at.x, top, right, bottom)
        }
        Item::Shape { steps, .. } => {
            let ends = steps.iter().filter_map(|step| match step {
                font::Step::Move(x, y) | font::Step::Line(x, y) | font::Step::Quad(_, _, x, y) => {
                    Some((*x, *y))
                }
                font::Step::Close => None,
            });
            let (xs, ys): (Vec<i32>, Vec<i32>) = ends.unzip();
            (
                *xs.iter().min().unwrap(),
                *ys.iter().min().unwrap(),
                *xs.iter().max().unwrap(),
                *ys.iter().max().unwrap(),
            )
        }
    }
}

/// Short and long names, payloads of the smallest and of large symbols.
fn cards() -> Vec<Card> {
    let plain = example();
    let account = AccountNumber::parse("V3CAS50001234567890").unwrap();
    vec![
        plain.clone(),
        Card {
            stall_name: "Cửa hàng tạp hóa tổng hợp và vật tư nông nghiệp Nguyễn Thị Bích Phượng – Chi nhánh Ẩm Thực Ỷ Lan".to_owned(),
            place: "Đường Nguyễn Hữu Thọ nối dài · số nhà K123/45/67 tổ 89".to_owned(),
            holder_name: "CONG TY TRACH NHIEM HUU HAN MOT THANH VIEN THUONG MAI DICH VU".to_owned(),
            bank_name: "Ngân hàng Thương mại TNHH MTV Ngoại thương Công nghệ số".to_owned(),
            account_tail: account.tail().to_owned(),
            check_link: "chosoquanhaichau.danang.gov.example.vn/k/7KQ2M4XD9TRC".to_owned(),
            payload: stall_payload("970418", &account, "HC7K3M9J").unwrap(),
            ..plain.clone()
        },
        Card {
            stall_name: "Ẳ".repeat(80),
            place: String::new(),
            holder_name: "A".to_owned(),
            bank_name: String::new(),
            ..plain
        },
    ]
}

#[test]
fn nothing_stands_outside_the_paper_on_another_text_or_in_the_quiet_zone() {
    for (card, format) in cards()
        .iter()
        .flat_map(|card| Format::ALL.map(|format| (card, format)))
    {
        let drawing = layout::card(card, format);
        let (width, height) = format.size_um();
        let symbol = drawing.items.iter().find_map(|item| match item {
            Item::Symbol { at, side_um, symbol } => Some((at.x, at.y, *side_um, symbol.modules() as i32)),
            _ => None,
        });
        let (x, y, side, modules) = symbol.expect("a card has a code");
        assert_eq!(side, format.symbol_um());
        let quiet = side * QUIET_ZONE as i32 / modules;
        let zone = (x - quiet, y - quiet, x + side + quiet, y + side + quiet);
        let overlap = |a: (i32, i32, i32, i32), b: (i32, i32, i32, i32)| {
            a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3
        };
        let mut texts: Vec<(i32, i32, i32, i32)> = Vec::new();
        for item in &drawing.items[1..] {
            let ink = bounds(item);
            let what = format!("{} {:?} {ink:?}", format.key(), card.stall_name);
            assert!(
                ink.0 >= 0 && ink.1 >= 0 && ink.2 <= width && ink.3 <= height,
                "{what}"
            );
            if !matches!(item, Item::Symbol { .. }) {
                assert!(!overlap(ink, zone), "in the quiet zone: {what} {zone:?}");
            }
            if matches!(item, Item::Text { .. }) {
                assert!(
                    texts.iter().all(|other| !overlap(*other, ink)),
                    "on another text: {what} {texts:?}"
                );
                texts.push(ink);
            }
        }
        // The last four of the account are at least 14 points high.
        let tail = Run::of(&card.account_tail, Weight::Bold);
        let is_tail = |item: &Item| matches!(item, Item::Text { run, size_um, .. } if *run == tail && *size_um >= points(140));
        assert!(drawing.items.iter().any(is_tail));
    }
}

#[test]
fn a_text_is_broken_then_made_smaller_then_visibly_cut() {
    let sizes = SizeRange {
        largest_um: points(160),
        smallest_um: points(80),
    };
    let width = 60_000;
    let fit = |text: &str| {
        let height_um = 15_000;
        let lines_max = 2;
        fit(
            text,
            Weight::Bold,
            TextBox {
                width_um: width,
                height_um,
                sizes,
                lines_max,
            },
        )
    };
    let one = fit("Bà Hai");
    assert_eq!((one.size_um, one.lines.len()), (sizes.largest_um, 1));
    let two = fit("Bún chả cá Bà Phiến và các con");
    assert_eq!((two.size_um, two.lines.len()), (sizes.largest_um, 2));
    let long = "Cửa hàng tạp hóa tổng hợp Nguyễn Thị Bích Phượng phường Hải Châu";
    let smaller = fit(long);
    assert!(smaller.size_um < sizes.largest_um && smaller.lines.len() == 2);
    // What does not fit is left out word by word: each line is what whole words look like.
    let cut = fit(&"Phượng Quảng ".repeat(20));
    let dots = Run::of("…", Weight::Bold).glyphs[0].id;
    assert_eq!((cut.size_um, cut.lines.len()), (sizes.smallest_um, 2));
    assert_eq!(cut.lines[1].glyphs.last().unwrap().id, dots);
    let is_whole = |line: &Run, more: &str| {
        let texts = (1..40).flat_map(|words| {
            ["Phượng", "Quảng"].map(|first| {
                let second = if first == "Quảng" {
                    "Phượng"
                } else {
                    "Quảng"
                };
                let words = (0..words).map(|n| if n % 2 == 0 { first } else { second });
                words.collect::<Vec<_>>().join(" ") + more
            })
        });
        texts
            .map(|text| Run::of(&text, Weight::Bold))
            .any(|run| run.width == line.width && run.glyphs.len() == line.glyphs.len())
    };
    assert!(is_whole(&cut.lines[0], "") && is_whole(&cut.lines[1], "…"));
    // Only a word that is wider than a line is cut itself.
    let word = fit(&"W".repeat(200));
    assert_eq!((word.size_um, word.lines.len()), (sizes.smallest_um, 1));
    assert_eq!(word.lines[0].glyphs.last().unwrap().id, dots);
    assert!(word.lines[0].width_um(word.size_um) <= width);
    for fitted in [one, two, smaller, cut] {
        assert!(
            fitted
                .lines
                .iter()
                .all(|line| line.width_um(fitted.size_um) <= width)
        );
    }
}

#[test]
fn the_same_card_gives_the_same_bytes() {
    for format in Format::ALL {
        let card = example();
        assert_eq!(svg(&card, format), svg(&card, format));
        assert_eq!(png(&card, format), png(&card, format));
        assert_eq!(pdf(&card, format), pdf(&card, format));
    }
}

#[test]
fn a_picture_has_the_true_size_and_a_code_of_pure_black_and_white() {
    for format in Format::ALL {
        let bytes = png(&example(), format);
        let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
        let (width, height) = format.size_um();
        let pixels = |um: i32| (um * 3 + 127) / 254;
        assert_eq!(
            (picture.width() as i32, picture.height() as i32),
            (pixels(width), pixels(height))
        );
        let drawing = layout::card(&example(), format);
        let Some(Item::Symbol { at, side_um, .. }) =
            drawing.items.iter().find(|i| matches!(i, Item::Symbol { .. }))
        else {
            panic!("no code");
        };
        let left = pixels(at.x);
        let top = pixels(at.y);
        let side = pixels(*side_um);
        for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
            let pixel = picture.get_pixel((left + x) as u32, (top + y) as u32).0;
            assert!(pixel == [0; 3] || pixel == [255; 3], "{x} {y} {pixel:?}");
        }
    }
}

#[test]
fn a_pack_is_ordered_as_one_walks_and_the_same_whatever_order_it_came_in() {
    let line = |number: &str| PackLine {
        number: number.to_owned(),
        card: Card {
            serial: format!("S{number}"),
            ..example()
        },
    };
    let numbers = ["12", "9", "10A", "10", "2", "K5/3"];
    let pack = |numbers: &[&str]| {
        let lines = numbers.iter().map(|number| line(number)).collect();
        Pack::new(
            "Chợ Hàn".to_owned(),
            "22/11/2026".to_owned(),
            Format::Counter,
            lines,
        )
    };
    let one = pack(&numbers);
    let order: Vec<&str> = one.lines().iter().map(|line| line.number.as_str()).collect();
    assert_eq!(order, ["2", "9", "10", "10A", "12", "K5/3"]);
    let other = pack(&["10", "K5/3", "2", "10A", "9", "12"]);
    // Six cards, four on a sheet, and one list.
    assert_eq!((one.pages(), one.pdf(&|_| ())), (3, other.pdf(&|_| ())));
    let pages_done = std::sync::Mutex::new(Vec::new());
    one.pdf(&|done| pages_done.lock().unwrap().push(done));
    let mut pages_done = pages_done.into_inner().unwrap();
    pages_done.sort_unstable();
    assert_eq!(pages_done, [1, 2, 3]);
    assert_eq!(pack(&[]).pages(), 1);
    assert!(pack(&[]).pdf(&|_| ()).starts_with(b"%PDF"));
}
