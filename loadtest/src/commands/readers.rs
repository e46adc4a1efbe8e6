//! `loadtest codes --readers`: photos of printed cards, made by seed, read by `choso`, zxing-cpp and ZBar.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use choso::print::{self, Format};
use choso::vietqr::{SCAN_PIXELS_MAX, scan};
use fastrand::Rng;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use serde_json::{Value, json};

use crate::comparison::{python_with, timed};
use crate::error::Result;
use crate::invented_card::card;

/// Pictures that lie in the folder at one time.
const BATCH: u32 = 500;
const PHOTO: (u32, u32) = (900, 1200);
/// Readers beside this one, as the script names them.
const OTHERS: [&str; 2] = ["zxing-cpp", "ZBar"];

/// How a card is printed, hung up and photographed.
#[derive(Clone, Copy, Default)]
struct Photo {
    /// Pixels of a module, at least and at most.
    module: (f64, f64),
    /// Degrees by which the card leans away.
    tilt: (f64, f64),
    /// How much a straight line is bent by the lens.
    lens: f64,
    /// Scratches and spots.
    wear: u32,
    /// Darkest and lightest grey.
    greys: Option<(f64, f64)>,
    /// How much darker the shaded part is.
    shadow: f64,
    /// Width of the blur, in modules.
    blur: (f64, f64),
    /// Spread of the noise, in greys.
    noise: (f64, f64),
    jpeg: Option<(u8, u8)>,
}

const PLAIN: Photo = Photo {
    module: (3.0, 5.0),
    tilt: (0.0, 10.0),
    lens: 0.0,
    wear: 0,
    greys: None,
    shadow: 0.0,
    blur: (0.0, 0.0),
    noise: (2.0, 6.0),
    jpeg: None,
};

/// Rows of the table.
const KINDS: [(&str, Photo); 13] = [
    ("near, 3 to 5 pixels a module", PLAIN),
    (
        "further, 2 to 3 pixels",
        Photo {
            module: (2.0, 3.0),
            ..PLAIN
        },
    ),
    (
        "far, 1.4 to 2 pixels",
        Photo {
            module: (1.4, 2.0),
            ..PLAIN
        },
    ),
    (
        "leaning 35 to 60 degrees",
        Photo {
            tilt: (35.0, 60.0),
            ..PLAIN
        },
    ),
    ("bent by the lens", Photo { lens: 0.6, ..PLAIN }),
    ("worn: 6 to 16 scratches and spots", Photo { wear: 16, ..PLAIN }),
    (
        "faded, 30 of 255 greys",
        Photo {
            greys: Some((110.0, 140.0)),
            ..PLAIN
        },
    ),
    ("half in the shade", Photo { shadow: 0.8, ..PLAIN }),
    (
        "blurred by 0.3 to 0.6 modules",
        Photo {
            blur: (0.3, 0.6),
            ..PLAIN
        },
    ),
    (
        "blurred by 0.6 to 0.8 modules",
        Photo {
            blur: (0.6, 0.8),
            ..PLAIN
        },
    ),
    (
        "noise of 30 to 60 greys",
        Photo {
            noise: (30.0, 60.0),
            ..PLAIN
        },
    ),
    (
        "JPEG quality 5 to 20",
        Photo {
            jpeg: Some((5, 20)),
            ..PLAIN
        },
    ),
    (
        "all of it, a little",
        Photo {
            module: (2.5, 5.0),
            tilt: (0.0, 40.0),
            lens: 0.3,
            wear: 6,
            greys: Some((30.0, 180.0)),
            shadow: 0.5,
            blur: (0.2, 0.45),
            noise: (3.0, 12.0),
            jpeg: Some((30, 80)),
        },
    ),
];

/// What became of one kind of picture.
#[derive(Default)]
struct Row {
    pictures: u32,
    ours: u32,
    others: BTreeMap<String, u32>,
    slowest: Duration,
}

/// Reads so many pictures and prints the table of `docs/scanning.md`; the raw run.
pub fn run(pictures: u32, seed: u64, folder: &Path) -> Result<Value> {
    let script = ReadersScript::write(folder)?;
    let mut rows: Vec<Row> = KINDS.iter().map(|_| Row::default()).collect();
    let mut random = Rng::with_seed(seed);
    let photos = folder.join("photos");
    let mut made = 0;
    while made < pictures {
        let count = BATCH.min(pictures - made);
        std::fs::create_dir_all(&photos)?;
        let mut payloads = BTreeMap::new();
        for number in made..made + count {
            let kind = number as usize % KINDS.len();
            let card = card(number);
            let printed = image::load_from_memory(&print::png(&card, Format::Counter))?.into_luma8();
            let (bytes, ending) = photographed(&printed, &KINDS[kind].1, &mut random)?;
            let started = Instant::now();
            let read = scan(&bytes, SCAN_PIXELS_MAX).is_ok_and(|texts| texts == [card.payload.as_str()]);
            let row = &mut rows[kind];
            row.slowest = row.slowest.max(started.elapsed());
            row.pictures += 1;
            row.ours += u32::from(read);
            let name = format!("{number:06}.{ending}");
            std::fs::write(photos.join(&name), bytes)?;
            payloads.insert(name, (kind, card.payload));
        }
        for line in script.run(&photos)? {
            let Some((kind, payload)) = line["file"].as_str().and_then(|name| payloads.get(name)) else {
                continue;
            };
            for reader in OTHERS {
                if let Some(texts) = line[reader].as_array() {
                    let read = texts.len() == 1 && texts[0] == payload.as_str();
                    *rows[*kind].others.entry(reader.to_owned()).or_default() += u32::from(read);
                }
            }
        }
        std::fs::remove_dir_all(&photos)?;
        made += count;
    }
    print!("{}", table(&rows));
    Ok(rows
        .iter()
        .zip(KINDS)
        .map(|(row, (kind, _))| {
            json!({ "kind": kind, "pictures": row.pictures, "choso": row.ours, "others": row.others,
                "slowest_ms": row.slowest.as_millis() as u64 })
        })
        .collect())
}

fn table(rows: &[Row]) -> String {
    let mut text =
        "| Photo of an A6 card | pictures | choso | zxing-cpp | ZBar |\n|---|---|---|---|---|\n".to_owned();
    let mut all = Row::default();
    let line = |name: &str, row: &Row, text: &mut String| {
        let cell = |reader: &str| row.others.get(reader).map_or("–".to_owned(), u32::to_string);
        let [zxing, zbar] = OTHERS.map(cell);
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {zxing} | {zbar} |",
            row.pictures, row.ours
        );
    };
    for (row, (name, _)) in rows.iter().zip(KINDS) {
        line(name, row, &mut text);
        all.pictures += row.pictures;
        all.ours += row.ours;
        for (reader, count) in &row.others {
            *all.others.entry(reader.clone()).or_default() += count;
        }
    }
    line("all", &all, &mut text);
    text
}

/// The script by which the others read.
struct ReadersScript {
    /// None where they could not be installed.
    python: Option<PathBuf>,
    script: PathBuf,
    out: PathBuf,
}

impl ReadersScript {
    fn write(folder: &Path) -> Result<ReadersScript> {
        let script = ReadersScript {
            python: python_with(&["zxing-cpp==3.1.1", "pyzbar==0.1.9", "pillow==13.0.0"], folder),
            script: folder.join("readers.py"),
            out: folder.join("readers.jsonl"),
        };
        std::fs::write(&script.script, include_str!("../../compare/readers.py"))?;
        if script.python.is_none() {
            println!("readers: zxing-cpp and pyzbar could not be installed, skipped");
        }
        Ok(script)
    }

    fn run(&self, photos: &Path) -> Result<Vec<Value>> {
        let Some(python) = &self.python else {
            return Ok(Vec::new());
        };
        timed(
            Command::new(python).arg(&self.script).arg(photos),
            Path::new("/dev/null"),
            &self.out,
        )?;
        let lines = std::fs::read_to_string(&self.out)?;
        Ok(lines
            .lines()
            .map(serde_json::from_str)
            .collect::<std::result::Result<_, _>>()?)
    }
}

fn between(random: &mut Rng, (least, most): (f64, f64)) -> f64 {
    least + random.f64() * (most - least)
}

/// The card as a photo, and the ending of its file.
fn photographed(printed: &GrayImage, how: &Photo, random: &mut Rng) -> Result<(Vec<u8>, &'static str)> {
    let mut card = printed.clone();
    wear(&mut card, how.wear, random);
    let module = between(random, how.module);
    let mut photo = taken(&card, how, module, random);
    let blur = between(random, how.blur) * module;
    if blur > 0.1 {
        photo = image::imageops::blur(&photo, blur as f32);
    }
    let noise = between(random, how.noise);
    for value in photo.iter_mut() {
        // Three throws are near enough to a bell.
        let throw = (random.f64() + random.f64() + random.f64() - 1.5) * 2.0;
        *value = (f64::from(*value) + throw * noise).clamp(0.0, 255.0) as u8;
    }
    let mut bytes = Cursor::new(Vec::new());
    let photo = DynamicImage::from(photo);
    let Some((least, most)) = how.jpeg else {
        photo.write_to(&mut bytes, ImageFormat::Png)?;
        return Ok((bytes.into_inner(), "png"));
    };
    photo.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, random.u8(least..=most)))?;
    Ok((bytes.into_inner(), "jpg"))
}

/// Scratches and spots anywhere on the card.
fn wear(card: &mut GrayImage, most: u32, random: &mut Rng) {
    let (width, height) = card.dimensions();
    for _ in 0..random.u32(most / 3..=most) {
        let grey = if random.bool() {
            random.u8(200..=255)
        } else {
            random.u8(0..60)
        };
        let (mut x, mut y) = (random.f64() * f64::from(width), random.f64() * f64::from(height));
        let angle = random.f64() * std::f64::consts::TAU;
        let thick = random.i64(2..9);
        for _ in 0..random.u32(5..height / 4) {
            (x, y) = (x + angle.cos(), y + angle.sin());
            for (across, down) in (-thick..=thick).flat_map(|a| (-thick..=thick).map(move |d| (a, d))) {
                let (x, y) = (x as i64 + across, y as i64 + down);
                if x >= 0 && y >= 0 && x < i64::from(width) && y < i64::from(height) {
                    card.put_pixel(x as u32, y as u32, Luma([grey]));
                }
            }
        }
    }
}

/// Modules along a side of the symbol on a card, and the part of the card's width that they take: 50 of 105 mm.
const MODULES_ACROSS_CARD: f64 = 90.0;

/// The card before a wall, seen by a camera that stands anywhere before it.
fn taken(card: &GrayImage, how: &Photo, module: f64, random: &mut Rng) -> GrayImage {
    let (width, height) = (f64::from(PHOTO.0), f64::from(PHOTO.1));
    let turn = random.f64() * std::f64::consts::TAU;
    let lean = between(random, how.tilt).to_radians();
    let axis = random.f64() * std::f64::consts::TAU;
    // The card's own axes in space: leaned about an axis in its plane, then turned.
    let leaned = |x: f64, y: f64| {
        let along = x * axis.cos() + y * axis.sin();
        let across = y * axis.cos() - x * axis.sin();
        let (deep, across) = (across * lean.sin(), across * lean.cos());
        let (x, y) = (
            along * axis.cos() - across * axis.sin(),
            along * axis.sin() + across * axis.cos(),
        );
        [
            x * turn.cos() - y * turn.sin(),
            x * turn.sin() + y * turn.cos(),
            deep,
        ]
    };
    let (right, down) = (leaned(1.0, 0.0), leaned(0.0, 1.0));
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let normal = [
        right[1] * down[2] - right[2] * down[1],
        right[2] * down[0] - right[0] * down[2],
        right[0] * down[1] - right[1] * down[0],
    ];
    let distance = width * 1.6;
    let centre = [0.0, 0.0, distance];
    // Pixels of the card for each of the photo.
    let scale = f64::from(card.width()) / (module * MODULES_ACROSS_CARD);
    let (low, high) = how.greys.unwrap_or((0.0, 255.0));
    let wall = random.u8(40..200);
    let (shade_x, shade_y) = (turn.sin(), turn.cos());
    let soft = between(random, (4.0, 60.0));
    GrayImage::from_fn(PHOTO.0, PHOTO.1, |x, y| {
        let mut sum = 0.0;
        for part in 0..9 {
            let x = f64::from(x) + f64::from(part % 3) / 3.0 - width / 2.0;
            let y = f64::from(y) + f64::from(part / 3) / 3.0 - height / 2.0;
            let bend = 1.0 + how.lens * (x * x + y * y) / (width * width);
            let ray = [x * bend, y * bend, distance];
            let far = dot(centre, normal) / dot(ray, normal);
            let at = [ray[0] * far, ray[1] * far, ray[2] * far - distance];
            let across = dot(at, right) * scale + f64::from(card.width()) / 2.0;
            let along = dot(at, down) * scale + f64::from(card.height()) / 2.0;
            let is_card = across >= 0.0
                && along >= 0.0
                && across < f64::from(card.width())
                && along < f64::from(card.height())
                && far > 0.0;
            sum += if is_card {
                f64::from(card.get_pixel(across as u32, along as u32).0[0])
            } else {
                f64::from(wall) + (x / 90.0).sin() * 20.0 + (y / 70.0).cos() * 20.0
            };
        }
        let value = low + sum / 9.0 * (high - low) / 255.0;
        let away = (f64::from(x) - width / 2.0) * shade_x + (f64::from(y) - height / 2.0) * shade_y;
        let shade = 1.0 - how.shadow / (1.0 + (-away / soft).exp());
        Luma([(value * shade).clamp(0.0, 255.0) as u8])
    })
}
