//! Any text is read to its end, and what the writer makes of what was read is read and written as the same.
#![no_main]

use choso_fuzz::vietqr::{Banks, decode_line, encode_line, payload, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let _ = decode_line(text, Banks::shipped());
    let _ = encode_line(text, Banks::shipped());
    let Ok(reading) = read(text) else { return };
    if let Ok(written) = payload(&reading.code) {
        let again = read(written.as_str()).expect("what was written is read");
        assert_eq!(payload(&again.code), Ok(written.clone()));
    }
});
