//! `choso notice verify` answers any line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &str| {
    let _ = choso_fuzz::notice::verify_line(line);
});
