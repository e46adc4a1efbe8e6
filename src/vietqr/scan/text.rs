//! What the bytes of a code say.

use encoding_rs::{Encoding, GB18030, SHIFT_JIS};
use rxing::common::ECIStringBuilder;

/// The text of a code: by the character set that it names, else as UTF-8, else as what its bytes can be.
pub(super) fn text(content: &ECIStringBuilder) -> String {
    let bytes = content.bytes();
    if content.has_eci {
        let named = content.to_string();
        // The reader leaves away a part that is not what it is called.
        let is_whole =
            named.chars().filter(char::is_ascii).count() >= bytes.iter().filter(|b| b.is_ascii()).count();
        if is_whole && !named.is_empty() {
            return named;
        }
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => guessed(bytes),
    }
}

/// As what bytes that are no UTF-8 are most likely meant: Shift-JIS, GB 18030 or Latin-1.
fn guessed(bytes: &[u8]) -> String {
    let letters = bytes.iter().filter(|byte| !byte.is_ascii());
    let runs = || {
        bytes
            .split(u8::is_ascii)
            .map(<[u8]>::len)
            .filter(|length| *length > 0)
    };
    let encodings: &[&'static Encoding] = if letters.clone().any(|byte| (0x80..=0xA0).contains(byte)) {
        // First bytes of pairs in both; in Latin-1 no letters.
        &[SHIFT_JIS, GB18030]
    } else if letters.clone().all(|byte| *byte <= 0xDF) && is_katakana(bytes, runs()) {
        &[SHIFT_JIS]
    } else if runs().all(|length| length % 2 == 0) {
        &[GB18030]
    } else {
        // Letters with marks rarely stand side by side.
        &[]
    };
    let fits =
        |encoding: &&'static Encoding| encoding.decode_without_bom_handling_and_without_replacement(bytes);
    match encodings.iter().find_map(fits) {
        Some(text) => text.into_owned(),
        None => encoding_rs::mem::decode_latin1(bytes).into_owned(),
    }
}

/// Whether bytes up to 0xDF are katakana, a byte each, and not pairs of GB 18030: words of them may have an odd
/// length, and their marks of sound stand only behind what can bear them.
fn is_katakana(bytes: &[u8], mut runs: impl Iterator<Item = usize> + Clone) -> bool {
    let is_mark = |byte: u8| byte == 0xDE || byte == 0xDF;
    let bears = |byte: u8| matches!(byte, 0xB3 | 0xB6..=0xC4 | 0xCA..=0xCE);
    let mut marks = bytes.windows(2).filter(|pair| is_mark(pair[1])).peekable();
    let has_marks = marks.peek().is_some() && marks.all(|pair| bears(pair[0]));
    runs.clone().all(|length| length > 2) && (has_marks || runs.any(|length| length % 2 == 1))
}
