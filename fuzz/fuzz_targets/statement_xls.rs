//! Any bytes as the stream of an old workbook whose container is right.
#![no_main]

use choso_fuzz::{old_workbook, read_whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_whole(&old_workbook(input), ""));
