//! Codes as people hang them up and photograph them, drawn here.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

use super::{Hindrance, SCAN_PIXELS_MAX, ScanError, scan};

const TEXT: &str = "00020101021138550010A000000727012500069704150111889900112230208QRIBFTTA53037045802VN62120808HC7K3M9J630487FA";

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    written(picture, ImageFormat::Png)
}

fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).expect("a picture");
    bytes.into_inner()
}

/// Dark modules of a code.
fn modules(code: &QrCode) -> impl Fn(u32, u32) -> bool + use<> {
    let side = code.width() as u32;
    let dark: Vec<bool> = code
        .to_colors()
        .iter()
        .map(|color| *color == Color::Dark)
        .collect();
    move |x, y| x < side && y < side && dark[(y * side + x) as usize]
}

/// A code whose modules have so many pixels, with so many white modules around it.
fn drawn(code: &QrCode, pixels: u32, margin: u32) -> GrayImage {
    let is_dark = modules(code);
    let side = (code.width() as u32 + 2 * margin) * pixels;
    GrayImage::from_fn(side, side, |x, y| {
        let module = |at: u32| (at / pixels).wrapping_sub(margin);
        Luma([if is_dark(module(x), module(y)) { 0 } else { 255 }])
    })
}

fn code(text: &str) -> QrCode {
    QrCode::with_error_correction_level(text, EcLevel::M).expect("a code")
}

fn read(picture: impl Into<DynamicImage>) -> Result<Vec<String>, ScanError> {
    scan(&png(picture), SCAN_PIXELS_MAX)
}

/// Another picture, each pixel from the grey of this one.
fn coloured(picture: &GrayImage, colour: impl Fn(u8) -> [u8; 3]) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        Rgb(colour(picture.get_pixel(x, y).0[0]))
    })
}

#[test]
fn a_small_picture_is_read_as_it_is() {
    // The sizes at which people send codes to each other.
    for pixels in [2, 3, 4, 6] {
        assert_eq!(
            read(drawn(&code(TEXT), pixels, 4)),
            Ok(vec![TEXT.to_owned()]),
            "{pixels}"
        );
    }
}

/// A colour for each grey.
type Ink = fn(u8) -> [u8; 3];

#[test]
fn a_code_is_read_in_any_colours_and_on_any_ground() {
    let plain = drawn(&code(TEXT), 5, 4);
    let ways: [(&str, Ink); 5] = [
        ("light on dark", |grey| [255 - grey; 3]),
        ("pink on black", |grey| {
            if grey == 0 { [255, 105, 180] } else { [0, 0, 0] }
        }),
        ("low contrast", |grey| [if grey == 0 { 120 } else { 150 }; 3]),
        // Both have one brightness; only their red and green differ.
        (
            "green on red",
            |grey| if grey == 0 { [0, 120, 0] } else { [234, 0, 0] },
        ),
        ("blue on olive", |grey| {
            if grey == 0 { [60, 60, 250] } else { [90, 77, 0] }
        }),
    ];
    for (name, colour) in ways {
        assert_eq!(
            read(coloured(&plain, colour)),
            Ok(vec![TEXT.to_owned()]),
            "{name}"
        );
    }
    for ink in [0, 255] {
        let see_through = RgbaImage::from_fn(plain.width(), plain.height(), |x, y| {
            let is_dark = plain.get_pixel(x, y).0[0] == 0;
            Rgba([ink, ink, ink, if is_dark { 255 } else { 0 }])
        });
        assert_eq!(read(see_through), Ok(vec![TEXT.to_owned()]), "{ink} on nothing");
    }
}

#[test]
fn modules_may_be_dots_and_the_margin_narrow() {
    let is_dark = modules(&code(TEXT));
    let side = code(TEXT).width() as u32;
    // Squares of 7 pixels in modules of 10.
    let dots = GrayImage::from_fn((side + 8) * 10, (side + 8) * 10, |x, y| {
        let module = |at: u32| (at / 10).wrapping_sub(4);
        let is_inside = |at: u32| (1..8).contains(&(at % 10));
        let is_corner = |x: u32, y: u32| (x < 7 || x >= side - 7) && y < 7 || x < 7 && y >= side - 7;
        let (column, row) = (module(x), module(y));
        let is_ink = is_dark(column, row) && (is_corner(column, row) || is_inside(x) && is_inside(y));
        Luma([if is_ink { 0 } else { 255 }])
    });
    assert_eq!(read(dots), Ok(vec![TEXT.to_owned()]));
    assert_eq!(read(drawn(&code(TEXT), 5, 1)), Ok(vec![TEXT.to_owned()]));
}

/// A page of white with pictures on it.
fn page(width: u32, height: u32, pictures: &[(&GrayImage, u32, u32)]) -> GrayImage {
    let mut page = GrayImage::from_pixel(width, height, Luma([255]));
    for (picture, x, y) in pictures {
        image::imageops::replace(&mut page, *picture, i64::from(*x), i64::from(*y));
    }
    page
}

#[test]
fn codes_are_told_in_the_order_of_the_page_each_once() {
    let [first, second, third] = ["Z first", "Y second", "X third"].map(|text| drawn(&code(text), 5, 4));
    let sheet = page(
        700,
        600,
        &[
            (&third, 30, 320),
            (&second, 400, 10),
            (&first, 30, 40),
            (&first, 400, 330),
        ],
    );
    let wanted = ["Z first", "Y second", "X third"].map(str::to_owned);
    assert_eq!(read(sheet.clone()), Ok(wanted.to_vec()));
    // A photo taken with the phone on its side says so.
    let lying = image::imageops::rotate270(&sheet);
    let jpeg = written(lying, ImageFormat::Jpeg);
    let mut turned = jpeg[..2].to_vec();
    // One entry: 0x0112, a short, 6: to be turned by 90 degrees.
    turned.extend(
        b"\xFF\xE1\x00\x22Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    );
    turned.extend(&jpeg[2..]);
    assert_eq!(scan(&turned, SCAN_PIXELS_MAX), Ok(wanted.to_vec()));
}

#[test]
fn a_page_that_lies_on_its_head_is_read_from_its_top() {
    let [first, second] = ["one", "two"].map(|text| drawn(&code(text), 4, 4));
    let sheet = image::imageops::rotate90(&page(300, 500, &[(&first, 20, 20), (&second, 20, 300)]));
    assert_eq!(
        read(sheet).map(|mut texts| {
            texts.sort();
            texts
        }),
        Ok(vec!["one".to_owned(), "two".to_owned()])
    );
}

/// A code of bytes as they are, in a character set that it names or not.
fn bytes_code(named: Option<u32>, bytes: &[u8]) -> QrCode {
    let mut bits = Bits::new(Version::Normal(6));
    if let Some(number) = named {
        bits.push_eci_designator(number).expect("a designator");
    }
    bits.push_byte_data(bytes).expect("room");
    bits.push_terminator(EcLevel::M).expect("room");
    QrCode::with_bits(bits, EcLevel::M).expect("a code")
}

#[test]
fn bytes_are_shown_in_the_character_set_that_they_are_in() {
    let cases: [(Option<u32>, &[u8], &str); 10] = [
        (
            None,
            "Trả tiền phở ở chợ Đồng Xuân".as_bytes(),
            "Trả tiền phở ở chợ Đồng Xuân",
        ),
        (Some(26), "Trả tiền phở".as_bytes(), "Trả tiền phở"),
        (Some(3), b"caf\xE9", "café"),
        (Some(20), b"\x93\x8C\x8B\x9E", "東京"),
        (Some(29), b"\xB1\xB1\xBE\xA9", "北京"),
        (None, b"caf\xE9 M\xFCller", "café Müller"),
        (None, b"\x93\x8C\x8B\x9E 1", "東京 1"),
        (None, b"\xB1\xB1\xBE\xA9 1", "北京 1"),
        // Said to be UTF-8, which it is not.
        (Some(26), b"abc caf\xE9 xyz", "abc café xyz"),
        (None, b"\xFF\xFE\x00", "ÿþ\0"),
    ];
    for (named, bytes, text) in cases {
        assert_eq!(
            read(drawn(&bytes_code(named, bytes), 4, 4)),
            Ok(vec![text.to_owned()]),
            "{named:?} {bytes:?}"
        );
    }
    let mut bits = Bits::new(Version::Normal(5));
    bits.push_kanji_data(b"\x93\x8C\x8B\x9E").expect("pairs");
    bits.push_terminator(EcLevel::M).expect("room");
    let kanji = QrCode::with_bits(bits, EcLevel::M).expect("a code");
    assert_eq!(read(drawn(&kanji, 4, 4)), Ok(vec!["東京".to_owned()]));
}

#[test]
fn an_interlaced_picture_is_put_together() {
    let plain = drawn(&code(TEXT), 3, 4);
    let (width, height) = plain.dimensions();
    // Adam7 by hand: the passes one after the other, each row behind its filter, in stored blocks of zlib.
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let mut rows = Vec::new();
    for (left, top, right, down) in passes {
        for y in (top..height).step_by(down) {
            rows.push(0);
            rows.extend((left..width).step_by(right).map(|x| plain.get_pixel(x, y).0[0]));
        }
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(kind);
        file.extend(data);
        file.extend(crc32(&[kind.as_slice(), data].concat()).to_be_bytes());
    };
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 1]);
    chunk(b"IHDR", &header);
    chunk(b"IDAT", &miniz_oxide::deflate::compress_to_vec_zlib(&rows, 6));
    chunk(b"IEND", b"");
    assert_eq!(scan(&file, SCAN_PIXELS_MAX), Ok(vec![TEXT.to_owned()]));
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

/// A picture full of the corners of codes, as somebody would make it to keep the service busy.
fn corners(side: u32, module: u32) -> GrayImage {
    let is_black = |x: u32, y: u32| {
        let x = x / module % 8;
        let y = y / module % 8;
        let is_ring = x.max(y) < 7 && (x == 0 || x == 6 || y == 0 || y == 6);
        is_ring || ((2..5).contains(&x) && (2..5).contains(&y))
    };
    GrayImage::from_fn(side, side, |x, y| Luma([if is_black(x, y) { 0 } else { 255 }]))
}

#[test]
fn a_picture_made_of_corners_is_given_up() {
    // Without the bounds each of these takes minutes.
    for (side, module) in [(300, 1), (600, 5), (400, 12)] {
        assert!(read(corners(side, module)).is_err(), "{side} {module}");
    }
}

#[test]
fn a_progressive_picture_of_many_passes_is_refused_before_it_is_unpacked() {
    // 12.000 × 5.000 pixels, as its header says, in three full components.
    let header = b"\xFF\xD8\xFF\xC2\x00\x11\x08\x13\x88\x2E\xE0\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00";
    assert!(matches!(
        scan(header, SCAN_PIXELS_MAX),
        Err(ScanError::TooLarge(_))
    ));
    let mut small = header.to_vec();
    small[7..11].copy_from_slice(&[0, 64, 0, 64]);
    small.extend(b"\xFF\xDA".repeat(65));
    assert!(matches!(
        scan(&small, SCAN_PIXELS_MAX),
        Err(ScanError::TooLarge(_))
    ));
}

#[test]
fn webp_is_read_and_kept_within_bounds() {
    let webp = |samples: &[u8], (width, height): (u32, u32), kind: image_webp::ColorType| {
        let mut file = Vec::new();
        let encoder = image_webp::WebPEncoder::new(&mut file);
        encoder.encode(samples, width, height, kind).expect("a picture");
        file
    };
    let picture = drawn(&code(TEXT), 6, 4);
    let size = picture.dimensions();
    let opaque = webp(picture.as_raw(), size, image_webp::ColorType::L8);
    assert_eq!(scan(&opaque, SCAN_PIXELS_MAX).unwrap(), [TEXT]);
    // Black on nothing.
    let black = |value: &u8| [0, 0, 0, 255 - value];
    let clear: Vec<u8> = picture.as_raw().iter().flat_map(black).collect();
    let clear = webp(&clear, size, image_webp::ColorType::Rgba8);
    assert_eq!(scan(&clear, SCAN_PIXELS_MAX).unwrap(), [TEXT]);
    let half = &opaque[..opaque.len() / 2];
    assert!(matches!(scan(half, SCAN_PIXELS_MAX), Err(ScanError::Damaged(_))));
    let refused = scan(&opaque, u64::from(size.0) * u64::from(size.1) - 1);
    assert!(matches!(refused, Err(ScanError::TooLarge(_))), "{refused:?}");
}

#[test]
fn a_jpeg_that_breaks_off_is_not_called_a_torn_code() {
    let wide = drawn(&code(TEXT), 8, 4);
    let mut whole = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut whole, 90)
        .encode_image(&wide)
        .expect("a picture");
    assert_eq!(scan(&whole, SCAN_PIXELS_MAX).unwrap(), [TEXT]);
    for tenths in [3, 5, 7] {
        let part = &whole[..whole.len() * tenths / 10];
        let refused = scan(part, SCAN_PIXELS_MAX);
        assert!(
            matches!(&refused, Err(ScanError::Damaged(_))),
            "{tenths}: {refused:?}"
        );
    }
    // What a phone loses at the very end costs nothing.
    assert_eq!(scan(&whole[..whole.len() - 2], SCAN_PIXELS_MAX).unwrap(), [TEXT]);
}

#[test]
fn busy_ground_without_a_corner_is_not_called_cut_off_or_dazzled() {
    for side in [3, 5, 8] {
        // Cloth in squares, with white places, over the whole picture.
        let cloth = GrayImage::from_fn(640, 480, |x, y| {
            let is_white = (x / 100 + y / 100) % 3 == 0;
            let is_dark = (x / side * 7 + y / side * 13 + (x / side) * (y / side)) % 5 < 2;
            Luma([if is_dark && !is_white { 20 } else { 255 }])
        });
        let said = hindrance(&cloth);
        assert!(
            !matches!(said, Hindrance::CutOff | Hindrance::Glare),
            "{side}: {said:?}"
        );
    }
}

/// A photo of 800 × 600 of a wall, with a picture on it.
fn wall(ground: u8, picture: &GrayImage, x: i64, y: i64) -> GrayImage {
    let mut wall = GrayImage::from_fn(800, 600, |x, y| Luma([ground + (x / 40 + y / 60) as u8 % 5 * 4]));
    image::imageops::replace(&mut wall, picture, x, y);
    wall
}

fn blurred(picture: &GrayImage, by: u32) -> GrayImage {
    // The library takes the width of a blur as a fraction.
    DynamicImage::from(picture.clone())
        .blur(u16::try_from(by).expect("small").into())
        .into_luma8()
}

/// What the reader says of a picture in which it finds nothing.
fn hindrance(picture: &GrayImage) -> Hindrance {
    match read(picture.clone()) {
        Err(ScanError::NoCode(hindrance)) => hindrance,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wall_without_a_code_has_none() {
    assert_eq!(
        hindrance(&wall(120, &GrayImage::new(1, 1), 0, 0)),
        Hindrance::Nothing
    );
    let sign = GrayImage::from_fn(300, 80, |x, _| Luma([if x / 12 % 2 == 0 { 20 } else { 230 }]));
    assert_eq!(hindrance(&wall(150, &sign, 200, 200)), Hindrance::Nothing);
}

#[test]
fn a_code_that_is_too_small_is_called_so() {
    let whole = drawn(&code(TEXT), 10, 4);
    for side in [38, 44, 50] {
        let small = image::imageops::thumbnail(&whole, side, side);
        assert_eq!(
            hindrance(&wall(150, &small, 300, 200)),
            Hindrance::TooSmall,
            "{side} on a wall"
        );
        let margin = page(side + 40, side + 40, &[(&small, 20, 20)]);
        assert_eq!(hindrance(&margin), Hindrance::TooSmall, "{side} alone");
    }
}

#[test]
fn a_blurred_code_is_called_so() {
    for (pixels, by) in [(5, 6), (8, 9), (4, 5)] {
        let code = drawn(&code(TEXT), pixels, 4);
        assert_eq!(
            hindrance(&blurred(&wall(150, &code, 150, 50), by)),
            Hindrance::Blurred,
            "{pixels} {by} on a wall"
        );
        assert_eq!(
            hindrance(&blurred(&code, by)),
            Hindrance::Blurred,
            "{pixels} {by} alone"
        );
    }
}

#[test]
fn a_code_without_its_margin_is_called_so() {
    for pixels in [4, 6, 9] {
        let mut bare = drawn(&code(TEXT), pixels, 0);
        // What makes it unreadable as well: the ink runs into the ground.
        let side = bare.width();
        for at in 0..side {
            for (x, y) in [(at, 0), (at, side - 1), (0, at), (side - 1, at)] {
                bare.put_pixel(x, y, Luma([0]));
            }
        }
        assert_eq!(
            hindrance(&wall(5, &bare, 130, 90)),
            Hindrance::NoMargin,
            "{pixels}"
        );
    }
}

#[test]
fn glare_on_a_code_is_called_so() {
    for pixels in [5, 8] {
        let mut code = drawn(&code(TEXT), pixels, 4);
        let side = i64::from(code.width());
        code.iter_mut().for_each(|value| *value = *value / 4 * 3 + 10);
        for (x, y) in [(side / 2, side / 2), (side / 3, side / 2)] {
            let mut code = code.clone();
            let reach = side / 5;
            for (at_x, at_y, value) in code.enumerate_pixels_mut() {
                let away = (i64::from(at_x) - x).pow(2) + (i64::from(at_y) - y).pow(2);
                let light = (255 * 2 * reach * reach / (away + 1) - 255).clamp(0, 255);
                value.0[0] = value.0[0].saturating_add(light as u8);
            }
            assert_eq!(
                hindrance(&wall(120, &code, 100, 50)),
                Hindrance::Glare,
                "{pixels} {x} {y}"
            );
        }
    }
}

#[test]
fn a_code_that_is_cut_off_is_called_so() {
    for pixels in [4, 7] {
        let code = drawn(&code(TEXT), pixels, 4);
        let side = i64::from(code.width());
        for (x, y) in [
            (-side * 2 / 5, 100),
            (800 - side * 3 / 5, 100),
            (200, -side / 3),
            (200, 600 - side * 3 / 5),
        ] {
            assert_eq!(
                hindrance(&wall(150, &code, x, y)),
                Hindrance::CutOff,
                "{pixels} {x} {y}"
            );
        }
    }
}

#[test]
fn a_torn_code_is_not_called_something_else() {
    let mut torn = drawn(&code(TEXT), 6, 4);
    for y in 0..torn.height() {
        for x in 0..torn.width() {
            // Scribbled over, light and dark, between the corners.
            if (100..200).contains(&x) && (100..200).contains(&y) && (x / 9 + y / 7) % 2 == 0 {
                torn.put_pixel(x, y, Luma([if (x / 18) % 2 == 0 { 0 } else { 255 }]));
            }
        }
    }
    assert_eq!(hindrance(&wall(150, &torn, 150, 50)), Hindrance::Unclear);
}
