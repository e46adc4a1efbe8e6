//! Whatever may go wrong, as a sentence for the person at the terminal.

pub type Error = Box<dyn std::error::Error + Send + Sync>;

pub type Result<T> = std::result::Result<T, Error>;
