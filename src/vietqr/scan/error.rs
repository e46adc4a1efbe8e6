//! Why a picture gives no code, and how large it may be.

use super::advice::Hindrance;

/// Pixels of a picture that is still opened: more than any phone's photo, and what bounds the memory.
pub const SCAN_PIXELS_MAX: u64 = 64_000_000;
/// Bytes of a picture.
pub const SCAN_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Why a picture gives no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Something else than PNG, JPEG or WebP, by its first bytes.
    #[error("the file is {0}, not a PNG, JPEG or WebP picture; take a photo or a screenshot of the code")]
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
