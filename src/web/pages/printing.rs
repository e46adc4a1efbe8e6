//! What stands on a printed card, and what is asked about before cards leave the house: they hang for years.

use std::net::IpAddr;

use super::words;
use crate::print::Card;
use crate::store::PrintableCard;
use crate::vietqr::Banks;
use crate::vn::{Sentence, sentence};

/// Cards that are named in a question; the others are counted.
const NAMED_MAX: usize = 5;

/// The host that cards name, if it leads to the service from everywhere.
pub(super) fn card_host(public_host: Option<&str>) -> Option<&str> {
    public_host.filter(|host| is_reachable(host))
}

/// Whether a phone at a stall can reach this host: no name or address of the machine itself.
fn is_reachable(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        // An IPv6 address without brackets has no port.
        None if host.matches(':').count() > 1 => host,
        None => host.split(':').next().unwrap_or(host),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    match name.parse::<IpAddr>() {
        Ok(ip) => !ip.to_canonical().is_loopback() && !ip.is_unspecified(),
        Err(_) => !name.is_empty() && name != "localhost" && !name.ends_with(".localhost"),
    }
}

/// What stands on the card of a code. Without a host it names no check page.
pub fn card_of(found: PrintableCard, banks: &Banks, host: Option<&str>) -> Card {
    let place = match (found.is_in_market, found.number.is_empty()) {
        (true, false) => format!("{} · sạp {}", found.place_name, found.number),
        _ => format!(
            "{} {}",
            if found.is_in_market { "" } else { &found.number },
            found.place_name
        )
        .trim()
        .to_owned(),
    };
    let host = card_host(host);
    Card {
        stall_name: found.household_name,
        place,
        holder_name: found.holder_name,
        bank_name: banks.name(&found.bank_bin).to_owned(),
        account_tail: found.account.tail().to_owned(),
        stall_code: found.stall_code,
        check_link: host.map_or(String::new(), |host| format!("{host}/k/{}", found.serial)),
        serial: words::serial(&found.serial),
        payload: found.payload,
    }
}

/// What is to be asked before these cards are printed: a sentence each; nothing where all is well.
pub fn concerns(cards: &[PrintableCard], banks: &Banks, host: Option<&str>) -> Vec<Sentence> {
    let mut found = Vec::new();
    if card_host(host).is_none() {
        found.push(
            match host {
                None => sentence!(
                    "Chưa đặt public_host: thẻ sẽ không ghi địa chỉ trang kiểm tra. Nên nhờ quản trị viên đặt trước, vì thẻ dùng nhiều năm.",
                    "public_host is not set: the cards would name no check page. Better ask the administrator to set it first, since cards hang for years."
                ),
                Some(host) => sentence!(
                    "Điện thoại ở sạp không mở được «{host}»: thẻ sẽ không ghi địa chỉ trang kiểm tra. Nên nhờ quản trị viên đặt đúng public_host trước.",
                    "No phone at a stall reaches «{host}»: the cards would name no check page. Better ask the administrator for the right public_host first."
                ),
            },
        );
    }
    let (nameless, names) = named(cards, |card| card.holder_name.trim().is_empty());
    if nameless > 0 {
        found.push(sentence!(
            "{nameless} thẻ không có tên người nhận, dù thẻ nhắc khách kiểm tra tên: {names}. Hãy bổ sung chủ tài khoản rồi in.",
            "{nameless} without a receiver's name, though the card tells customers to check it: {names}. Add the account's holder, then print."
        ));
    }
    let (unknown, names) = named(cards, |card| banks.get(&card.bank_bin).is_none());
    if unknown > 0 {
        let mut bins: Vec<&str> = cards
            .iter()
            .filter(|card| banks.get(&card.bank_bin).is_none())
            .map(|card| card.bank_bin.as_str())
            .collect();
        bins.sort_unstable();
        bins.dedup();
        bins.truncate(NAMED_MAX);
        let bins = bins.join(", ");
        found.push(sentence!(
            "{unknown} thẻ của ngân hàng không có trong danh mục ({bins}): {names}. Hãy kiểm tra lại mã ngân hàng của tài khoản.",
            "{unknown} of a bank that is not in the directory ({bins}): {names}. Check the bank of the account again."
        ));
    }
    found
}

/// How many cards are so, and some of them by name.
fn named(cards: &[PrintableCard], is_so: impl Fn(&PrintableCard) -> bool) -> (usize, String) {
    let so: Vec<&PrintableCard> = cards.iter().filter(|card| is_so(card)).collect();
    let names = so
        .iter()
        .take(NAMED_MAX)
        .map(|card| format!("{} ({})", card.household_name, card.stall_code));
    let mut names = names.collect::<Vec<_>>().join(", ");
    if so.len() > NAMED_MAX {
        names.push_str(", …");
    }
    (so.len(), names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_the_machine_itself_stands_on_no_card() {
        for near in [
            "127.0.0.1:8080",
            "127.9.9.9",
            "localhost",
            "LOCALHOST:80",
            "a.localhost",
            "localhost.",
            "[::1]:8080",
            "::1",
            "0.0.0.0:8080",
            "[::]",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(card_host(Some(near)), None, "{near}");
        }
        for far in [
            "choso.example.vn",
            "192.168.1.5:8080",
            "[2001:db8::1]:80",
            "localhost.example.vn",
        ] {
            assert_eq!(card_host(Some(far)), Some(far));
        }
        assert_eq!(card_host(None), None);
    }
}
