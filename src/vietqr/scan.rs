//! Finds and reads the QR codes in a photo, with bounds on time and memory for pictures made to exhaust it.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{
    DynamicImage, GenericImage, GenericImageView, GrayImage, ImageDecoder, ImageError, ImageFormat,
    ImageReader,
};
use rqrr::PreparedImage;

/// Pixels of a picture that is still opened: more than any phone's photo, and what bounds the memory.
pub const SCAN_PIXELS_MAX: u64 = 64_000_000;
/// Bytes of a picture.
pub const SCAN_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The longer sides at which a picture is looked at, one after the other: a code that fills a photo is found
/// fastest in a small one, one at the back of a shop only in a large one, and a small picture of small modules
/// when it is made larger. A side that is smooth where another was jagged finds what the other missed.
const SIDES: [u32; 5] = [1000, 1400, 1800, 2600, 3600];
/// Patterns like those in the corners of a code: a picture with more of them at one size is not searched at
/// it, since the reader compares each with each, and all of these with a third. A photo has some dozens.
const CORNERS_MAX: usize = 800;
/// Bytes that the reader may copy of a picture at one size: it takes a copy for each three corners that may
/// belong together, which a picture made for it would let it do for hours.
const COPIED_BYTES_MAX: usize = 1 << 29;

/// Why a picture gives no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Something else than PNG or JPEG, by its first bytes.
    #[error("the file is {0}, not a PNG or JPEG picture; take a photo or a screenshot of the code")]
    Format(&'static str),
    /// A picture that breaks off or holds nonsense.
    #[error("the picture is damaged or cut off: {0}; take it again")]
    Damaged(String),
    /// More than [`SCAN_PIXELS_MAX`] or [`SCAN_BYTES_MAX`].
    #[error("the picture is too large: {0}; take a smaller one")]
    TooLarge(String),
    /// Nothing in it looks like a QR code that can be read.
    #[error("no readable QR code is in the picture; go nearer, hold the phone straight, more light")]
    NoCode,
}

impl ScanError {
    /// The stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            ScanError::Format(_) => "PICTURE_FORMAT",
            ScanError::Damaged(_) => "PICTURE_DAMAGED",
            ScanError::TooLarge(_) => "PICTURE_TOO_LARGE",
            ScanError::NoCode => "NO_CODE",
        }
    }
}

/// The texts of all QR codes in a PNG or JPEG, each once, in the order of their bytes.
///
/// What the file says of its size is checked before a pixel is unpacked; `pixels_max` is at most
/// [`SCAN_PIXELS_MAX`].
pub fn scan(file: &[u8], pixels_max: u64) -> Result<Vec<String>, ScanError> {
    let grey = opened(file, pixels_max.min(SCAN_PIXELS_MAX))?;
    let longer = grey.width().max(grey.height());
    let mut found: Vec<String> = Vec::new();
    for side in SIDES {
        // Four times its size is as large as a picture is usefully made.
        if side > longer.saturating_mul(4) {
            break;
        }
        let part = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)).max(1) as u32;
        let width = part(grey.width());
        let height = part(grey.height());
        let resized = if longer > side {
            grey.thumbnail_exact(width, height)
        } else {
            grey.resize_exact(width, height, FilterType::CatmullRom)
        };
        let resized = resized.into_luma8();
        // rqrr may panic on an odd picture; then nothing was found in it.
        let seen = catch_unwind(AssertUnwindSafe(|| codes(resized))).unwrap_or_default();
        let before = found.len();
        found.extend(seen);
        found.sort();
        found.dedup();
        if before > 0 && found.len() == before {
            break;
        }
    }
    if found.is_empty() {
        Err(ScanError::NoCode)
    } else {
        Ok(found)
    }
}

/// The picture in grey and upright.
fn opened(file: &[u8], pixels_max: u64) -> Result<DynamicImage, ScanError> {
    if file.len() > SCAN_BYTES_MAX {
        return Err(ScanError::TooLarge(format!(
            "{} bytes, {SCAN_BYTES_MAX} at most",
            file.len()
        )));
    }
    let damaged = |error: ImageError| match error {
        ImageError::Limits(error) => ScanError::TooLarge(error.to_string()),
        error => ScanError::Damaged(error.to_string()),
    };
    let format = image::guess_format(file).ok();
    if !matches!(format, Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(ScanError::Format(kind(file)));
    }
    let mut reader = ImageReader::new(Cursor::new(file));
    reader.set_format(format.expect("looked at above"));
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > pixels_max {
        return Err(ScanError::TooLarge(format!(
            "{width} × {height} pixels, {} million at most",
            pixels_max / 1_000_000
        )));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    let grey = if picture.color().has_alpha() {
        on_white(&picture)
    } else {
        picture.into_luma8()
    };
    Ok(DynamicImage::from(grey))
}

fn on_white(picture: &DynamicImage) -> GrayImage {
    let with_alpha = picture.to_luma_alpha8();
    GrayImage::from_fn(with_alpha.width(), with_alpha.height(), |x, y| {
        let [luma, alpha] = with_alpha.get_pixel(x, y).0.map(u32::from);
        image::Luma([((luma * alpha + 255 * (255 - alpha)) / 255) as u8])
    })
}

/// What a file that is no picture is, by its first bytes.
fn kind(file: &[u8]) -> &'static str {
    match file {
        [] => "empty",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [b'G', b'I', b'F', ..] => "a GIF",
        [b'R', b'I', b'F', b'F', ..] => "WebP or another RIFF file",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "HEIC, AVIF or a film",
        [b'P', b'K', ..] => "a ZIP archive or an office document",
        _ => "of an unknown kind",
    }
}

fn codes(picture: GrayImage) -> Vec<String> {
    let copies_left = COPIED_BYTES_MAX / picture.len().max(1);
    let mut prepared = PreparedImage::prepare(Bounded {
        pixels: picture,
        copies_left: Arc::new(AtomicUsize::new(copies_left)),
    });
    if has_too_many_corners(&prepared) {
        return Vec::new();
    }
    prepared
        .detect_grids()
        .into_iter()
        .filter_map(|grid| {
            let mut bytes = Vec::new();
            grid.decode_to(&mut bytes).ok()?;
            String::from_utf8(bytes).ok()
        })
        .collect()
}

/// Whether more of 1:1:3:1:1 stands in the rows than a photo holds. What the rows below say of the same corner
/// is not counted again, so this is never less than what the reader will find.
fn has_too_many_corners(prepared: &PreparedImage<Bounded>) -> bool {
    let mut corners = 0;
    // Middles of what the row before showed.
    let mut above: Vec<usize> = Vec::new();
    let mut here: Vec<usize> = Vec::new();
    for y in 0..prepared.height() {
        let is_black = |x: usize| u8::from(prepared.get_pixel_at(x, y)) != 0;
        let mut runs = [0; 5];
        let mut begin = 0;
        for x in 1..=prepared.width() {
            if x < prepared.width() && is_black(x) == is_black(x - 1) {
                continue;
            }
            runs.rotate_left(1);
            runs[4] = x - begin;
            begin = x;
            if is_black(x - 1) && is_corner(runs) {
                let middle = x - runs[4] - runs[3] - runs[2] / 2;
                let reach = runs[2];
                if !above.iter().any(|before| before.abs_diff(middle) <= reach) {
                    corners += 1;
                }
                here.push(middle);
            }
        }
        if corners > CORNERS_MAX {
            return true;
        }
        std::mem::swap(&mut above, &mut here);
        here.clear();
    }
    false
}

/// Whether runs of black and white are as 1:1:3:1:1, as generously as the reader takes it.
fn is_corner(runs: [usize; 5]) -> bool {
    let [a, b, centre, d, e] = runs;
    let module = (a + b + d + e) / 4;
    let slack = module * 3 / 4;
    let fits = |run: usize, modules: usize| run.abs_diff(modules * module) <= slack;
    a > 0 && fits(a, 1) && fits(b, 1) && fits(centre, 3) && fits(d, 1) && fits(e, 1)
}

/// A picture that can be copied only so often. The reader has no such bound of its own; past it the copy panics,
/// and the picture counts as one in which nothing was found.
struct Bounded {
    pixels: GrayImage,
    copies_left: Arc<AtomicUsize>,
}

impl Clone for Bounded {
    fn clone(&self) -> Bounded {
        let left = self.copies_left.fetch_sub(1, Ordering::Relaxed);
        assert!(left > 1, "the picture was copied too often");
        Bounded {
            pixels: self.pixels.clone(),
            copies_left: self.copies_left.clone(),
        }
    }
}

impl GenericImageView for Bounded {
    type Pixel = image::Luma<u8>;

    fn dimensions(&self) -> (u32, u32) {
        self.pixels.dimensions()
    }

    fn get_pixel(&self, x: u32, y: u32) -> image::Luma<u8> {
        *self.pixels.get_pixel(x, y)
    }
}

impl GenericImage for Bounded {
    fn get_pixel_mut(&mut self, x: u32, y: u32) -> &mut image::Luma<u8> {
        self.pixels.get_pixel_mut(x, y)
    }

    fn put_pixel(&mut self, x: u32, y: u32, pixel: image::Luma<u8>) {
        self.pixels.put_pixel(x, y, pixel);
    }

    fn blend_pixel(&mut self, x: u32, y: u32, pixel: image::Luma<u8>) {
        self.pixels.put_pixel(x, y, pixel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture full of the corners of codes, as somebody would make it to keep the service busy.
    fn corners(side: u32, module: u32) -> Vec<u8> {
        let is_black = |x: u32, y: u32| {
            let x = x / module % 8;
            let y = y / module % 8;
            let is_ring = x.max(y) < 7 && (x == 0 || x == 6 || y == 0 || y == 6);
            is_ring || ((2..5).contains(&x) && (2..5).contains(&y))
        };
        let picture = GrayImage::from_fn(side, side, |x, y| {
            image::Luma([if is_black(x, y) { 0 } else { 255 }])
        });
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_made_of_corners_is_given_up() {
        // Without the bounds each of these takes minutes.
        for (side, module) in [(1000, 5), (900, 12)] {
            assert_eq!(
                scan(&corners(side, module), SCAN_PIXELS_MAX),
                Err(ScanError::NoCode),
                "{side} {module}"
            );
        }
    }

    #[test]
    fn a_copy_too_many_ends_the_search() {
        let picture = Bounded {
            pixels: GrayImage::new(2, 2),
            copies_left: Arc::new(AtomicUsize::new(3)),
        };
        let first = picture.clone();
        let second = picture.clone();
        drop((first, second));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(picture.clone()))).is_err());
    }
}
