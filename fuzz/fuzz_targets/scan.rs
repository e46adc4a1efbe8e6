//! Any bytes as a picture: an answer, within memory and time.
#![no_main]

use choso_fuzz::vietqr::{SCAN_BYTES_MAX, SCAN_PIXELS_MAX, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert!(input.len() <= SCAN_BYTES_MAX);
    let _ = scan(input, SCAN_PIXELS_MAX);
});
