//! Any bytes as a page of tables.
#![no_main]

use choso_fuzz::{page, read_whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_whole(&page(input), ""));
