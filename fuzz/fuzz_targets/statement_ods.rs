//! Any bytes as the content of an OpenDocument workbook.
#![no_main]

use choso_fuzz::{open_document, read_whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_whole(&open_document(input), ""));
