//! No bytes, headers or query are accepted by a provider whose secrets the sender does not have.
#![no_main]

use std::sync::LazyLock;

use choso_fuzz::notice::Provider;
use choso_fuzz::{receive, strangers};
use libfuzzer_sys::fuzz_target;

static STRANGERS: LazyLock<Vec<Provider>> = LazyLock::new(strangers);

fuzz_target!(|input: &[u8]| {
    let Some(&choice) = input.first() else { return };
    let Some(provider) = STRANGERS.get(usize::from(choice)) else {
        return;
    };
    // Where the key is a public one it cannot be another: the vectors' own requests fit it.
    let is_public = provider
        .scheme()
        .secrets
        .iter()
        .any(|s| s.contains("public_key") || *s == "signing_secret");
    if let Some(Ok(received)) = receive(&STRANGERS, input) {
        assert!(is_public, "accepted without proof: {received:?}");
    }
});
