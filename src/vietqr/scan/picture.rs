//! Opens a PNG, JPEG or WebP into planes of grey, with bounds on memory and time for files made to exhaust them.

use std::io::Cursor;

use image::metadata::Orientation;
use image_webp::WebPDecoder;
use png::{ColorType, Decoder, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::error::{SCAN_BYTES_MAX, SCAN_PIXELS_MAX, ScanError};
use super::plane::{Plane, Reducer};

/// Up to this many pixels a picture is searched as it is; a larger one is reduced while it is opened.
const FULL_PIXELS_MAX: usize = 16_000_000;
/// Pixels of each colour plane: a code that only its colour shows is looked for at this size.
const COLOUR_PIXELS_MAX: usize = 1_500_000;
/// Samples of a progressive JPEG, whose coefficients must all be in memory before the first pixel is known.
const PROGRESSIVE_SAMPLES_MAX: usize = 36_000_000;
/// Passes over the picture that a progressive JPEG may ask for; cameras and programs write ten.
const PROGRESSIVE_SCANS_MAX: usize = 64;

/// Pixels of a WebP, which is in memory whole before a row of it is known.
const WEBP_PIXELS_MAX: u64 = 16_000_000;
/// Bytes that its decoder may take besides the pixels.
const WEBP_BYTES_MAX: usize = 80 << 20;

/// An opened picture.
pub(super) struct Picture {
    /// How bright it is, on white where it is transparent.
    pub grey: Plane,
    /// The colours by themselves, and what it is on black, where these say something that grey does not.
    pub others: Vec<Plane>,
    /// How the camera was held.
    pub orientation: Orientation,
    /// Pixels of the file: what opening it has cost.
    pub opened: usize,
    /// Its end is missing, and what was there is opened nevertheless: a code above it can be read.
    pub breaks_off: bool,
}

/// Opens a picture of at most `pixels_max`. What the file says of its size is checked before a pixel is unpacked.
pub(super) fn open(file: &[u8], pixels_max: u64) -> Result<Picture, ScanError> {
    if file.len() > SCAN_BYTES_MAX {
        return Err(ScanError::TooLarge(format!(
            "{} bytes, {SCAN_BYTES_MAX} at most",
            file.len()
        )));
    }
    let pixels_max = pixels_max.min(SCAN_PIXELS_MAX);
    match image::guess_format(file) {
        Ok(image::ImageFormat::Png) => open_png(file, pixels_max),
        Ok(image::ImageFormat::Jpeg) => open_jpeg(file, pixels_max),
        Ok(image::ImageFormat::WebP) => open_webp(file, pixels_max),
        _ => Err(ScanError::Format(kind(file))),
    }
}

/// What a file that is no picture is, by its first bytes.
fn kind(file: &[u8]) -> &'static str {
    match file {
        [] => "empty",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [b'G', b'I', b'F', ..] => "a GIF",
        [b'R', b'I', b'F', b'F', ..] => "a film, a sound or another RIFF file",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "HEIC, AVIF or a film",
        [b'P', b'K', ..] => "a ZIP archive or an office document",
        _ => "of an unknown kind",
    }
}

fn damaged(error: impl ToString) -> ScanError {
    ScanError::Damaged(error.to_string())
}

fn measured(width: usize, height: usize, pixels_max: u64) -> Result<usize, ScanError> {
    let pixels = width as u64 * height as u64;
    if pixels > pixels_max {
        return Err(ScanError::TooLarge(format!(
            "{width} × {height} pixels, {} million at most",
            pixels_max / 1_000_000
        )));
    }
    Ok(pixels as usize)
}

/// What becomes of a picture while its rows come in.
struct Canvas {
    grey: Reducer,
    /// Red, green, blue, and what it is on black.
    others: Vec<Reducer>,
    /// Samples of a pixel: grey, grey with opacity, colours, colours with opacity.
    each: usize,
}

/// A row of a file, or every `apart`-th pixel of one from `first` on, as an interlaced file tells it.
#[derive(Clone, Copy)]
struct Row<'a> {
    y: usize,
    first: usize,
    apart: usize,
    samples: &'a [u8],
}

impl Canvas {
    fn new(width: usize, height: usize, each: usize) -> Canvas {
        let pixels = width * height;
        let reduced = |pixels_max| Reducer::new(width, height, step(pixels, pixels_max));
        let count = if each == 1 { 0 } else { 4 };
        Canvas {
            grey: reduced(FULL_PIXELS_MAX),
            others: (0..count).map(|_| reduced(COLOUR_PIXELS_MAX)).collect(),
            each,
        }
    }

    fn add(&mut self, row: Row<'_>) {
        let each = self.each;
        match each {
            1 => self
                .grey
                .add(row.y, row.first, row.apart, row.samples.iter().copied()),
            2 => tell(&mut self.grey, row, each, |p| over(p[0], p[1], 255)),
            3 => tell(&mut self.grey, row, each, luma),
            _ => tell(&mut self.grey, row, each, |p| over(luma(p), p[3], 255)),
        }
        let [red, green, blue, on_black] = &mut self.others[..] else {
            return;
        };
        match each {
            2 => tell(on_black, row, each, |p| over(p[0], p[1], 0)),
            3 => {
                tell(red, row, each, |p| p[0]);
                tell(green, row, each, |p| p[1]);
                tell(blue, row, each, |p| p[2]);
            }
            _ => {
                tell(red, row, each, |p| over(p[0], p[3], 255));
                tell(green, row, each, |p| over(p[1], p[3], 255));
                tell(blue, row, each, |p| over(p[2], p[3], 255));
                tell(on_black, row, each, |p| over(luma(p), p[3], 0));
            }
        }
    }

    fn finish(self, orientation: Orientation, opened: usize) -> Picture {
        let mut others: Vec<Plane> = self.others.into_iter().map(Reducer::finish).collect();
        if self.each % 2 == 1 {
            others.truncate(3);
        }
        if let [red, green, blue, ..] = &others[..]
            && (self.each < 3 || !red.differs_from(green) && !green.differs_from(blue))
        {
            others.drain(..3);
        }
        Picture {
            grey: self.grey.finish(),
            others,
            orientation,
            opened,
            breaks_off: false,
        }
    }
}

fn tell(plane: &mut Reducer, row: Row<'_>, each: usize, value: impl Fn(&[u8]) -> u8) {
    let values = row.samples.chunks_exact(each).map(value);
    plane.add(row.y, row.first, row.apart, values);
}

/// Pixels on a side that are taken together.
fn step(pixels: usize, pixels_max: usize) -> usize {
    (1..)
        .find(|step| pixels / (step * step) <= pixels_max)
        .unwrap_or(1)
}

fn luma(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
    ((red * 77 + green * 150 + blue * 29) >> 8) as u8
}

/// What is seen of a value on a ground.
fn over(value: u8, opacity: u8, ground: u32) -> u8 {
    let opacity = u32::from(opacity);
    ((u32::from(value) * opacity + ground * (255 - opacity)) / 255) as u8
}

fn open_png(file: &[u8], pixels_max: u64) -> Result<Picture, ScanError> {
    let mut decoder = Decoder::new(Cursor::new(file));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let opened = measured(width, height, pixels_max)?;
    let each = match reader.output_color_type().0 {
        ColorType::Grayscale | ColorType::Indexed => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
    };
    let is_interlaced = reader.info().interlaced;
    let mut canvas = Canvas::new(width, height, each);
    for pass in if is_interlaced { &ADAM7[..] } else { &WHOLE[..] } {
        if pass.left >= width {
            continue;
        }
        for y in (pass.top..height).step_by(pass.down) {
            let row = reader.next_interlaced_row().map_err(damaged)?;
            let row = row.ok_or_else(|| damaged("rows are missing"))?;
            canvas.add(Row {
                y,
                first: pass.left,
                apart: pass.right,
                samples: row.data(),
            });
        }
    }
    Ok(canvas.finish(Orientation::NoTransforms, opened))
}

/// Which pixels a pass over a PNG tells: where it begins, and how far apart they are.
struct Pass {
    left: usize,
    top: usize,
    right: usize,
    down: usize,
}

const fn pass(left: usize, top: usize, right: usize, down: usize) -> Pass {
    Pass {
        left,
        top,
        right,
        down,
    }
}

const WHOLE: [Pass; 1] = [pass(0, 0, 1, 1)];
const ADAM7: [Pass; 7] = [
    pass(0, 0, 8, 8),
    pass(4, 0, 8, 8),
    pass(0, 4, 4, 8),
    pass(2, 0, 4, 4),
    pass(0, 2, 2, 4),
    pass(1, 0, 2, 2),
    pass(0, 1, 1, 2),
];

fn open_jpeg(file: &[u8], pixels_max: u64) -> Result<Picture, ScanError> {
    let frame = frame(file).ok_or_else(|| damaged("it has no header"))?;
    let pixels = measured(frame.width, frame.height, pixels_max)?;
    if frame.is_progressive {
        let samples = pixels * frame.samples_of_four / 4;
        let scans = file.windows(2).filter(|pair| *pair == [0xFF, 0xDA]).count();
        if samples > PROGRESSIVE_SAMPLES_MAX || scans > PROGRESSIVE_SCANS_MAX {
            return Err(ScanError::TooLarge(format!(
                "{} × {} pixels as a progressive JPEG in {scans} passes, {} million with colour at most; save it as a plain JPEG",
                frame.width,
                frame.height,
                PROGRESSIVE_SAMPLES_MAX / 3_000_000
            )));
        }
    }
    // Its four inks cannot be opened as grey.
    if frame.components == 4 && pixels > FULL_PIXELS_MAX {
        return Err(ScanError::TooLarge(format!(
            "{} × {} pixels as a JPEG in CMYK, {} million at most; save it as a plain JPEG",
            frame.width,
            frame.height,
            FULL_PIXELS_MAX / 1_000_000
        )));
    }
    let is_grey = frame.components == 1 || pixels > FULL_PIXELS_MAX;
    let (each, colours) = if is_grey {
        (1, ColorSpace::Luma)
    } else {
        (3, ColorSpace::RGB)
    };
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(colours)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    let samples = decoder.decode().map_err(damaged)?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let mut canvas = Canvas::new(frame.width, frame.height, each);
    for (y, row) in samples.chunks_exact(frame.width * each).enumerate() {
        canvas.add(Row {
            y,
            first: 0,
            apart: 1,
            samples: row,
        });
    }
    // Only of a JPEG: the others are refused where they break off. What stands before the frame may be a small
    // picture with an end of its own.
    let breaks_off = !file[frame.at..].windows(2).any(|pair| pair == JPEG_END);
    Ok(Picture {
        breaks_off,
        ..canvas.finish(orientation.unwrap_or(Orientation::NoTransforms), pixels)
    })
}

/// Of a film the first picture.
fn open_webp(file: &[u8], pixels_max: u64) -> Result<Picture, ScanError> {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(damaged)?;
    decoder.set_memory_limit(WEBP_BYTES_MAX);
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let pixels = measured(width, height, pixels_max.min(WEBP_PIXELS_MAX))?;
    let each = if decoder.has_alpha() { 4 } else { 3 };
    let mut samples = vec![0; pixels * each];
    if decoder.is_animated() {
        decoder.read_frame(&mut samples).map_err(damaged)?;
    } else {
        decoder.read_image(&mut samples).map_err(damaged)?;
    }
    let exif = decoder.exif_metadata().ok().flatten();
    let orientation = exif.and_then(|exif| Orientation::from_exif_chunk(&exif));
    let mut canvas = Canvas::new(width, height, each);
    for (y, row) in samples.chunks_exact(width * each).enumerate() {
        canvas.add(Row {
            y,
            first: 0,
            apart: 1,
            samples: row,
        });
    }
    Ok(canvas.finish(orientation.unwrap_or(Orientation::NoTransforms), pixels))
}

/// The marker that ends a JPEG.
const JPEG_END: [u8; 2] = [0xFF, 0xD9];

/// What the header of a JPEG says.
struct JpegFrame {
    /// Where in the file it stands.
    at: usize,
    width: usize,
    height: usize,
    components: usize,
    is_progressive: bool,
    /// Samples of four pixels, all components together.
    samples_of_four: usize,
}

/// Follows the segments of a JPEG to the one that tells its size.
fn frame(file: &[u8]) -> Option<JpegFrame> {
    let mut at = 2;
    loop {
        let kind = match file.get(at..at + 2)? {
            // Fill bytes may stand before a marker.
            [0xFF, 0xFF] => {
                at += 1;
                continue;
            }
            [0xFF, kind] => *kind,
            _ => return None,
        };
        let length = usize::from(u16::from_be_bytes(file.get(at + 2..at + 4)?.try_into().ok()?));
        let segment = file.get(at + 4..(at + 2 + length).min(file.len()))?;
        let is_frame = (0xC0..=0xCF).contains(&kind) && ![0xC4, 0xC8, 0xCC].contains(&kind);
        if is_frame {
            let [_, high, low, wide, narrow, components, rest @ ..] = segment else {
                return None;
            };
            let side = |a: &u8, b: &u8| usize::from(u16::from_be_bytes([*a, *b]));
            let factors: Vec<(usize, usize)> = rest
                .chunks_exact(3)
                .map(|component| (usize::from(component[1] >> 4), usize::from(component[1] & 15)))
                .collect();
            let across = factors.iter().map(|f| f.0).max()?.max(1);
            let down = factors.iter().map(|f| f.1).max()?.max(1);
            return Some(JpegFrame {
                at,
                width: side(wide, narrow),
                height: side(high, low),
                components: usize::from(*components),
                is_progressive: kind & 3 == 2,
                samples_of_four: factors.iter().map(|f| f.0 * f.1 * 4).sum::<usize>() / (across * down),
            });
        }
        if length < 2 {
            return None;
        }
        at += 2 + length;
    }
}
