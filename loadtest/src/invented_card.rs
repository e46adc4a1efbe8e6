//! Cards of invented stalls.

use choso::print::Card;
use choso::vietqr::stall_payload;
use choso::vn::AccountNumber;

/// An invented card.
pub fn card(at: u32) -> Card {
    let account = AccountNumber::parse(&format!("{}", 100_000_000_000_u64 + u64::from(at) * 7_919))
        .expect("an account");
    let stall_code = "HC7K3M9J";
    Card {
        stall_name: format!("Hộ Thử Số {at}"),
        place: format!("Chợ Thử · sạp {}", at + 1),
        holder_name: "NGUYEN THI MAU".to_owned(),
        bank_name: "VietinBank".to_owned(),
        account_tail: account.tail().to_owned(),
        stall_code: stall_code.to_owned(),
        serial: format!("7KQ2 M4XD {at:04}"),
        check_link: format!("choso.example.vn/k/7KQ2M4XD{at:04}"),
        payload: stall_payload("970415", &account, stall_code).expect("a payload"),
    }
}
