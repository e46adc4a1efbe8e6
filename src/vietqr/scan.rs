use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

/// Pixels of a picture that is still opened: more than any phone's photo, and what bounds the memory.
pub const SCAN_PIXELS_MAX: u64 = 64_000_000;
/// Bytes of a picture.
pub const SCAN_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The longer sides at which a picture is looked at, one after the other: a code that fills a photo is found
/// fastest in a small one, one at the back of a shop only in a large one, and a small picture of small modules
/// when it is made larger. A side that is smooth where another was jagged finds what the other missed.
const SIDES: [u32; 5] = [1000, 1400, 1800, 2600, 3600];

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
        let (width, height) = (part(grey.width()), part(grey.height()));
        let resized = match longer > side {
            true => grey.thumbnail_exact(width, height),
            false => grey.resize_exact(width, height, FilterType::CatmullRom),
        };
        let resized = resized.into_luma8();
        // A library that gives up by panicking on an odd picture has found nothing in it.
        let seen = catch_unwind(AssertUnwindSafe(|| codes(&resized))).unwrap_or_default();
        let before = found.len();
        found.extend(seen);
        found.sort();
        found.dedup();
        if before > 0 && found.len() == before {
            break;
        }
    }
    match found.is_empty() {
        true => Err(ScanError::NoCode),
        false => Ok(found),
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
    let grey = match picture.color().has_alpha() {
        // What is transparent is seen as white paper.
        true => on_white(&picture),
        false => picture.into_luma8(),
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

fn codes(picture: &GrayImage) -> Vec<String> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let pixels = picture.as_raw();
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
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
