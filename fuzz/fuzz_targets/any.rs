//! Whatever comes, reading it ends and does not panic; what is accepted has amounts that can be amounts.
#![no_main]

use std::sync::LazyLock;

use choso_fuzz::notice::{Provider, Received};
use choso_fuzz::vn::Dong;
use choso_fuzz::{providers, receive};
use libfuzzer_sys::fuzz_target;

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(providers);

fuzz_target!(|input: &[u8]| {
    if let Some(Ok(Received::Notices(delivery))) = receive(&PROVIDERS, input) {
        for item in &delivery.items {
            assert!(item.amount >= Dong::ZERO && item.amount <= Dong::PAYMENT_MAX);
            assert!(!item.event_id.is_empty());
        }
    }
});
