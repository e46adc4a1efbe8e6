//! Whatever file is handed in, it is refused or read to its end. Memory is bounded by the flags of the run.
#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use choso_fuzz::notice::SCHEMES;
use choso_fuzz::{read_whole, workbook};
use libfuzzer_sys::fuzz_target;

/// What layouts are recognised by; the first is that of a provider without one.
static PROFILES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| SCHEMES.iter().map(|scheme| scheme.profile).chain([""]).collect());

fuzz_target!(|input: &[u8]| {
    // The first byte says whether the rest is a file or the sheet of a workbook, and whose it is said to be.
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let profile = PROFILES.iter().nth(usize::from(first >> 1) % PROFILES.len());
    let profile = profile.expect("there are some");
    if first & 1 == 1 {
        read_whole(&workbook(rest), profile);
    } else {
        read_whole(rest, profile);
    }
});
