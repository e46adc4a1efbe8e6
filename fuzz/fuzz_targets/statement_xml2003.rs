//! Any bytes as the sheets of a workbook in the XML of Excel 2003.
#![no_main]

use choso_fuzz::{read_whole, xml2003};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_whole(&xml2003(input), ""));
