//! Finds and reads the QR codes in a photo, with bounds on time and memory for pictures made to exhaust it.

mod advice;
mod picture;
mod plane;
mod search;
#[cfg(test)]
mod tests;
mod text;

pub use advice::Hindrance;

/// Pixels of a picture that is still opened: more than any phone's photo, and what bounds the memory.
pub const SCAN_PIXELS_MAX: u64 = 64_000_000;
/// Bytes of a picture.
pub const SCAN_BYTES_MAX: usize = 32 * 1024 * 1024;

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
    /// No code in it can be read.
    #[error("{}", .0.sentence().en)]
    NoCode(Hindrance),
}

impl ScanError {
    /// The stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            ScanError::Format(_) => "PICTURE_FORMAT",
            ScanError::Damaged(_) => "PICTURE_DAMAGED",
            ScanError::TooLarge(_) => "PICTURE_TOO_LARGE",
            ScanError::NoCode(_) => "NO_CODE",
        }
    }
}

/// The texts of all QR codes in a PNG or JPEG, each once, in the order in which a page is read.
///
/// What the file says of its size is checked before a pixel is unpacked; `pixels_max` is at most
/// [`SCAN_PIXELS_MAX`].
pub fn scan(file: &[u8], pixels_max: u64) -> Result<Vec<String>, ScanError> {
    let picture = picture::open(file, pixels_max)?;
    search::codes(&picture).map_err(ScanError::NoCode)
}
