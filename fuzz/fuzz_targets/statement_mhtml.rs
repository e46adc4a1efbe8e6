//! Any bytes as a web archive.
#![no_main]

use choso_fuzz::read_whole;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_whole(input, ""));
