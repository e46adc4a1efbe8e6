//! Any bytes as a ZIP archive of statements, and each statement in it.
#![no_main]

use choso_fuzz::read_archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| read_archive(input));
