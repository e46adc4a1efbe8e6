//! Any bytes as the sheet of a workbook of records whose other parts are right.
#![no_main]

use choso_fuzz::{binary_workbook, read_whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_whole(&binary_workbook(input), ""));
