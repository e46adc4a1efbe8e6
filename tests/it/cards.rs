//! Cards as paper: what ZBar and our own reader see of them after printing, turning, fading and blurring.

use std::path::{Path, PathBuf};
use std::process::Command;

use choso::print::{self, Card, Format, Pack, PackLine};
use choso::vietqr::{Payload, SCAN_PIXELS_MAX, scan, stall_payload};
use choso::vn::AccountNumber;
use image::{DynamicImage, GrayImage};

use crate::support::browser::skip;

/// Payloads of the smallest symbol and of a larger one, with names of every length.
fn cards() -> Vec<Card> {
    let card = |number: &str, code: &str, name: &str, holder: &str, bank: &str| {
        let account = AccountNumber::parse(number).expect("an account");
        Card {
            stall_name: name.to_owned(),
            place: "Chợ Hàn · sạp 12".to_owned(),
            holder_name: holder.to_owned(),
            bank_name: bank.to_owned(),
            account_tail: account.tail().to_owned(),
            stall_code: code.to_owned(),
            serial: "7KQ2 M4XD 9TRC".to_owned(),
            check_link: "choso.example.vn/k/7KQ2M4XD9TRC".to_owned(),
            payload: payload(number, code),
        }
    };
    vec![
        card(
            "113366668888",
            "HC7K3M9J",
            "Bún chả cá Bà Phiến",
            "NGUYEN THI MAU",
            "VietinBank",
        ),
        card(
            "ms00t00000123456789",
            "ABCDEFG7",
            "Cửa hàng tạp hóa tổng hợp Nguyễn Thị Bích Phượng",
            "CONG TY TNHH MTV THUONG MAI VA DICH VU MAU",
            "Techcombank",
        ),
    ]
}

fn payload(number: &str, code: &str) -> Payload {
    let account = AccountNumber::parse(number).expect("an account");
    stall_payload("970407", &account, code).expect("a payload")
}

/// A PDF as grey pictures, one a page.
fn printed(pdf: &[u8], dpi: u32) -> Vec<GrayImage> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("card.pdf");
    std::fs::write(&file, pdf).expect("written");
    let status = Command::new("pdftoppm")
        .args(["-r", &dpi.to_string(), "-gray", "-png"])
        .args([&file, &folder.path().join("page")])
        .status()
        .expect("pdftoppm runs");
    assert!(status.success());
    let mut pages: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "png"))
        .collect();
    pages.sort();
    pages
        .iter()
        .map(|page| image::open(page).expect("a picture").into_luma8())
        .collect()
}

/// Turned by an angle with this sine and cosine (times 65.536) on white paper that has room for it; between pixels it is mixed. In whole
/// numbers with 16 bits behind the point, which a build for tests does much faster than fractions.
fn turned(picture: &GrayImage, (sin, cos): (i64, i64)) -> GrayImage {
    let width = i64::from(picture.width());
    let height = i64::from(picture.height());
    let wide = (width * cos + height * sin) >> 16;
    let high = (width * sin + height * cos) >> 16;
    let pixels = picture.as_raw();
    let mut out = Vec::with_capacity((wide * high) as usize);
    for y in 0..high {
        for x in 0..wide {
            let dx = x - wide / 2;
            let dy = y - high / 2;
            let sx = dx * cos + dy * sin + (width << 15);
            let sy = dy * cos - dx * sin + (height << 15);
            let left = sx >> 16;
            let top = sy >> 16;
            if left < 0 || top < 0 || left + 1 >= width || top + 1 >= height {
                out.push(255);
                continue;
            }
            let at = (top * width + left) as usize;
            let fx = sx & 0xffff;
            let fy = sy & 0xffff;
            let mix = |a: u8, b: u8| i64::from(a) * (65_536 - fx) + i64::from(b) * fx;
            let upper = mix(pixels[at], pixels[at + 1]) >> 16;
            let lower = mix(pixels[at + width as usize], pixels[at + width as usize + 1]) >> 16;
            out.push(((upper * (65_536 - fy) + lower * fy) >> 16) as u8);
        }
    }
    GrayImage::from_raw(wide as u32, high as u32, out).expect("all its pixels")
}

/// Faded: black and white come nearer to each other until 60 % of the contrast is left.
fn faded(picture: &GrayImage) -> GrayImage {
    let mut faded = picture.clone();
    for pixel in faded.pixels_mut() {
        pixel.0[0] = (51 + u32::from(pixel.0[0]) * 6 / 10) as u8;
    }
    faded
}

/// What JPEG makes of it at quality 40.
fn packed(picture: &GrayImage) -> GrayImage {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 40);
    picture.write_with_encoder(encoder).expect("a JPEG");
    image::load_from_memory(&bytes).expect("a picture").into_luma8()
}

/// What happens to a card between the printer and a phone.
type Wear = (&'static str, fn(&GrayImage) -> GrayImage);
const WEAR: [Wear; 6] = [
    ("as printed", |picture| picture.clone()),
    ("turned 2°", |picture| turned(picture, (2_287, 65_496))),
    ("turned 15°", |picture| turned(picture, (16_962, 63_303))),
    ("60 % contrast", faded),
    ("blurred", |picture| {
        DynamicImage::from(picture.clone()).blur(1.0).into_luma8()
    }),
    ("JPEG quality 40", packed),
];

fn png(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(picture.clone())
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("a PNG");
    bytes.into_inner()
}

/// What ZBar reads, sorted.
fn zbar(file: &Path) -> Vec<String> {
    let output = Command::new("zbarimg")
        .args(["--raw", "-q", "-Sdisable", "-Sqrcode.enable"])
        .arg(file)
        .output()
        .expect("zbarimg runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut codes: Vec<String> = text.lines().map(str::to_owned).collect();
    codes.sort();
    codes.dedup();
    codes
}

/// Both readers after every kind of wear, as a line of the table in docs/scanning.md.
fn line_of(what: &str, page: &GrayImage, wanted: &[String]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut line = format!("| {what} |");
    for (name, wear) in WEAR {
        let worn = png(&wear(page));
        let file = folder.path().join("worn.png");
        std::fs::write(&file, &worn).expect("written");
        let seen = [
            zbar(&file) == wanted,
            scan(&worn, SCAN_PIXELS_MAX).is_ok_and(|codes| codes == wanted),
        ];
        line.push_str(match seen {
            [true, true] => " both |",
            [true, false] => " ZBar |",
            [false, true] => " choso |",
            [false, false] => " none |",
        });
        if !(seen[0] && seen[1]) {
            if let Ok(folder) = std::env::var("CHOSO_LOOK") {
                std::fs::write(Path::new(&folder).join(format!("{what} {name}.png")), &worn)
                    .expect("written");
            }
            println!("{what}, {name}: ZBar {}, choso {}", seen[0], seen[1]);
        }
    }
    line
}

#[test]
fn every_card_and_sheet_is_read_by_two_readers_after_wear() {
    let test = "cards::every_card_and_sheet_is_read_by_two_readers_after_wear";
    for (tool, argument, name) in [("zbarimg", "--version", "ZBar"), ("pdftoppm", "-v", "Poppler")] {
        if Command::new(tool).arg(argument).output().is_err() {
            return skip(test, &format!("{name} ({tool}) is not there"));
        }
    }
    let mut table = format!(
        "| Printed |{}\n|---|{}\n",
        WEAR.map(|(name, _)| format!(" {name} |")).concat(),
        "---|".repeat(WEAR.len())
    );
    let cards = cards();
    if let Ok(folder) = std::env::var("CHOSO_LOOK") {
        for format in Format::ALL {
            let name = |end: &str| Path::new(&folder).join(format!("{}.{end}", format.key()));
            std::fs::write(name("pdf"), print::pdf(&cards[0], format)).expect("written");
            std::fs::write(name("long.pdf"), print::pdf(&cards[1], format)).expect("written");
            std::fs::write(name("png"), print::png(&cards[0], format)).expect("written");
            std::fs::write(name("svg"), print::svg(&cards[0], format)).expect("written");
        }
    }
    for (card, format) in cards
        .iter()
        .flat_map(|card| Format::ALL.map(|format| (card, format)))
    {
        let page = &printed(&print::pdf(card, format), 150)[0];
        let what = format!("{}, {} characters", format.name_en(), card.payload.as_str().len());
        table.push_str(&line_of(&what, page, &[card.payload.as_str().to_owned()]));
        table.push('\n');
    }
    for format in Format::ALL {
        // The last card of a full sheet, cut out as people do.
        let lines = (0..12).map(|n| {
            let number = format!("{}", 100_200_300_400_i64 + n);
            PackLine {
                number: n.to_string(),
                card: Card {
                    payload: payload(&number, "HC7K3M9J"),
                    ..cards[0].clone()
                },
            }
        });
        let pack = Pack::new(
            "Chợ Hàn".to_owned(),
            "22/11/2026".to_owned(),
            format,
            lines.collect(),
        );
        let sheet = &printed(&pack.pdf(&|_| ()), 150)[1];
        let on_sheet = pack.lines().len().div_ceil(pack.pages() - 1);
        let upright = sheet.width() < sheet.height();
        let paper = if upright {
            (210_000, 297_000)
        } else {
            (297_000, 210_000)
        };
        let card = format.size_um();
        let columns = paper.0 / card.0;
        let rows = paper.1 / card.1;
        assert_eq!((columns * rows) as usize, on_sheet, "{}", format.key());
        let left = (paper.0 - columns * card.0) / 2;
        let top = (paper.1 - rows * card.1) / 2;
        let pixels = |um: i32| um as u32 * 150 / 25_400;
        let which = on_sheet - 1;
        let x = pixels(left + (columns - 1) * card.0);
        let y = pixels(top + (rows - 1) * card.1);
        let cut = image::imageops::crop_imm(sheet, x, y, pixels(card.0), pixels(card.1));
        let wanted = pack.lines()[which].card.payload.as_str().to_owned();
        let what = format!("{}, cut out of an A4 sheet of {on_sheet}", format.name_en());
        table.push_str(&line_of(&what, &cut.to_image(), &[wanted]));
        table.push('\n');
    }
    let documented = include_str!("../../docs/scanning.md");
    assert!(
        documented.contains(&table),
        "docs/scanning.md must hold this table:\n{table}"
    );
}
