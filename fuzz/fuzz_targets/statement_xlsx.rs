//! Any bytes as the sheet of a workbook whose other parts are right.
#![no_main]

use choso_fuzz::{read_whole, workbook};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_whole(&workbook(input), ""));
