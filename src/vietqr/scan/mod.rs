//! Finds and reads the QR codes in a photo, with bounds on time and memory for pictures made to exhaust it.

mod advice;
mod error;
mod picture;
mod plane;
mod search;
#[cfg(test)]
mod tests;
mod text;

pub use advice::Hindrance;
pub use error::{SCAN_BYTES_MAX, SCAN_PIXELS_MAX, ScanError};

/// The texts of all QR codes in a PNG, JPEG or WebP, each once, in the order in which a page is read.
///
/// What the file says of its size is checked before a pixel is unpacked; `pixels_max` is at most
/// [`SCAN_PIXELS_MAX`].
pub fn scan(file: &[u8], pixels_max: u64) -> Result<Vec<String>, ScanError> {
    let picture = picture::open(file, pixels_max)?;
    let breaks_off = picture.breaks_off;
    search::codes(&picture).map_err(|hindrance| {
        if breaks_off {
            ScanError::Damaged("it breaks off before its end".to_owned())
        } else {
            ScanError::NoCode(hindrance)
        }
    })
}
