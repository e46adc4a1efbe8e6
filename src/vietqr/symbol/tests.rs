//! Tests of symbols: they are read back by an independent reader.

use super::*;
use crate::vietqr::tests::{DYNAMIC, STATIC, built, to};
use crate::vietqr::{Code, Field, Service};
use crate::vn::Dong;

fn symbol(text: &str) -> Symbol {
    Symbol::of(&Payload(text.to_owned()))
}

#[test]
fn an_upper_case_payload_has_the_larger_modules() {
    let upper = symbol(STATIC);
    assert_eq!((upper.version(), upper.modules()), (5, 37));
    let lower = symbol(&STATIC.replace("HC07K3M9", "HC07K3m9"));
    assert_eq!((lower.version(), lower.modules()), (7, 45));
    let stronger = Symbol::with_correction(&Payload(STATIC.to_owned()), Correction::Q);
    assert_eq!(stronger.version(), 7);
}

#[test]
fn the_longest_payload_has_a_symbol() {
    for correction in [Correction::M, Correction::Q] {
        let symbol = Symbol::with_correction(&Payload("x".repeat(512)), correction);
        assert!(symbol.version() <= 22);
    }
    let fullest = Code {
        amount: Some(Dong::PAYMENT_MAX),
        ..to("970407", "ms00t00000123456789", Service::Account)
    };
    let fullest = fullest
        .with(Field::Purpose, "d".repeat(25))
        .with(Field::BillNumber, "a".repeat(25))
        .with(Field::StoreLabel, "b".repeat(25))
        .with(Field::ReferenceLabel, "c".repeat(8))
        .with(Field::MerchantName, "e".repeat(25))
        .with(Field::City, "f".repeat(15))
        .with(Field::Mcc, "5411");
    let code = built(&fullest);
    assert!(
        code.len() < 300 && symbol(&code).version() <= 14,
        "{}",
        code.len()
    );
}

/// Three finders with their light border, and the timing lines between them.
#[test]
fn finders_and_timing_stand_where_a_scanner_looks() {
    for text in [STATIC, DYNAMIC] {
        let symbol = symbol(text);
        let far = symbol.modules() - 7;
        for (left, top) in [(0, 0), (far, 0), (0, far)] {
            for (x, y) in (0..7).flat_map(|y| (0..7).map(move |x| (x, y))) {
                let ring = x.min(6 - x).min(y.min(6 - y));
                assert_eq!(symbol.is_dark(left + x, top + y), ring != 1, "{x} {y}");
            }
        }
        assert!((0..8).all(|i| !symbol.is_dark(7, i) && !symbol.is_dark(i, 7)));
        assert!((8..far).all(|i| symbol.is_dark(i, 6) == (i % 2 == 0)));
        assert!((8..far).all(|i| symbol.is_dark(6, i) == (i % 2 == 0)));
        assert!(!symbol.is_dark(symbol.modules(), 0) && !symbol.is_dark(0, usize::MAX));
    }
}

/// Squares painted by the path of an SVG, quiet zone included; each at most once.
fn painted(svg: &str, side: usize) -> Vec<bool> {
    let path = svg.split(" d=\"M").nth(1).unwrap().split('"').next().unwrap();
    let mut dark = vec![false; side * side];
    for run in path.trim_end_matches('z').split("zM") {
        let (x, rest) = run.split_once(' ').unwrap();
        let (y, rest) = rest.split_once('h').unwrap();
        let (width, back) = rest.split_once("v1h-").unwrap();
        assert_eq!(width, back);
        let [x, y, width] = [x, y, width].map(|n| n.parse::<usize>().unwrap());
        let row = y * side;
        for module in &mut dark[row + x..row + x + width] {
            assert!(!std::mem::replace(module, true));
        }
    }
    dark
}

#[test]
fn svg_and_png_show_the_same_modules() {
    for text in [STATIC, DYNAMIC] {
        let symbol = symbol(text);
        let side = symbol.modules() + 2 * QUIET_ZONE;
        let svg = painted(&symbol.svg(""), side);
        for scale in [1, 3, 8] {
            let picture = image::load_from_memory(&symbol.png(scale)).unwrap();
            let grey = picture.as_luma8().expect("grey, 8 bits");
            assert_eq!(grey.dimensions(), (side as u32 * scale, side as u32 * scale));
            for (px, py, pixel) in grey.enumerate_pixels() {
                let x = (px / scale) as usize;
                let y = (py / scale) as usize;
                let inside = (x.wrapping_sub(QUIET_ZONE), y.wrapping_sub(QUIET_ZONE));
                let dark = symbol.is_dark(inside.0, inside.1);
                assert_eq!(
                    (pixel.0[0], svg[y * side + x]),
                    (if dark { 0 } else { 255 }, dark),
                    "{x} {y}"
                );
                let quiet = x.min(y) < QUIET_ZONE || x.max(y) >= side - QUIET_ZONE;
                assert!(!(quiet && dark));
            }
        }
    }
}

#[test]
fn the_same_payload_gives_the_same_bytes() {
    let a = symbol(STATIC);
    let b = symbol(STATIC);
    assert_eq!(a.svg("Sạp 12"), b.svg("Sạp 12"));
    assert_eq!(a.png(8), b.png(8));
}

#[test]
fn a_png_has_bounds() {
    let symbol = symbol(STATIC);
    let side = |scale| image::load_from_memory(&symbol.png(scale)).unwrap().width();
    assert_eq!((side(0), side(1)), (45, 45));
    assert_eq!(side(u32::MAX), 45 * (4096 / 45));
}

#[test]
fn an_svg_is_marked_up_for_screens_and_readers() {
    let svg = symbol(STATIC).svg("Sạp <b>\"Bà Hai\" & 'con'\u{0}</b>");
    assert!(svg.starts_with(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 45 45" role="img""#));
    assert!(
        svg.contains("<title>Sạp &lt;b&gt;&quot;Bà Hai&quot; &amp; &#39;con&#39;\u{fffd}&lt;/b&gt;</title>")
    );
    assert!(svg.contains(r##"<rect width="45" height="45" fill="#fff"/><path fill="#000""##));
    assert_eq!((svg.matches("<path").count(), svg.matches('\0').count()), (1, 0));
    assert!(svg.contains(r#"shape-rendering="crispEdges""#) && svg.len() < 16 * 1024);
}
