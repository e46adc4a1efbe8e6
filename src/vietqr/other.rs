//! What people scan that is no VietQR code: named, so that nobody prints a card again because of it.

use crate::vn::{Sentence, sentence};

/// Something that is no code of VietQR's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// An older code of MoMo, which only its own app reads.
    Momo,
    /// A link to a page or an app.
    Link,
    Wifi,
    /// vCard, MECARD, a phone number, an e-mail.
    Contact,
    /// A calendar entry or a place on a map.
    CalendarOrPlace,
    /// The number of a bank card.
    CardNumber,
    /// The bar code of a product.
    ProductNumber,
    /// Other digits alone, perhaps an account number.
    Digits,
    /// The code on a Vietnamese identity card.
    IdentityCard,
    /// What a customer shows to a merchant's scanner.
    CustomerCode,
    /// A transfer code of another format: India, the euro area, Switzerland, Russia, Czechia, Hungary.
    Abroad(&'static str, &'static str),
    /// A crypto currency's address.
    Crypto,
    /// Anything else.
    Text,
}

/// Beginnings that tell what a text is, in small letters.
const BEGINNINGS: [(&str, Other); 33] = [
    ("wifi:", Other::Wifi),
    ("begin:vcard", Other::Contact),
    ("mecard:", Other::Contact),
    ("bizcard:", Other::Contact),
    ("tel:", Other::Contact),
    ("sms:", Other::Contact),
    ("smsto:", Other::Contact),
    ("mailto:", Other::Contact),
    ("matmsg:", Other::Contact),
    ("begin:vcalendar", Other::CalendarOrPlace),
    ("begin:vevent", Other::CalendarOrPlace),
    ("geo:", Other::CalendarOrPlace),
    ("upi:", Other::Abroad("Ấn Độ (UPI)", "India (UPI)")),
    ("bharatqr", Other::Abroad("Ấn Độ", "India")),
    (
        "bcd\n",
        Other::Abroad("khu vực đồng euro (EPC)", "the euro area (EPC)"),
    ),
    (
        "bcd\r\n",
        Other::Abroad("khu vực đồng euro (EPC)", "the euro area (EPC)"),
    ),
    ("spc\n", Other::Abroad("Thụy Sĩ", "Switzerland")),
    ("spc\r\n", Other::Abroad("Thụy Sĩ", "Switzerland")),
    ("st00012|", Other::Abroad("Nga", "Russia")),
    ("st00011|", Other::Abroad("Nga", "Russia")),
    ("spd*", Other::Abroad("Séc", "Czechia")),
    ("spayd*", Other::Abroad("Séc", "Czechia")),
    ("hct\n", Other::Abroad("Hungary", "Hungary")),
    ("hrvhub", Other::Abroad("Croatia", "Croatia")),
    ("upnqr", Other::Abroad("Slovenia", "Slovenia")),
    ("bitcoin:", Other::Crypto),
    ("ethereum:", Other::Crypto),
    ("tron:", Other::Crypto),
    ("litecoin:", Other::Crypto),
    // What EMVCo calls a consumer-presented code, in base64: 85 05 "CPV01".
    ("hqvdufyw", Other::CustomerCode),
    ("www.", Other::Link),
    ("2|99|", Other::Momo),
    ("2|010|", Other::Momo),
];

/// What a text is. None if it may be a code of VietQR's format, whole or damaged: two digits and a length in front.
pub(super) fn recognise(text: &str) -> Option<Other> {
    let head: String = text.chars().take(40).flat_map(char::to_lowercase).collect();
    let is_number = text.len() >= 8
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-'));
    if text.starts_with("00") && !is_number {
        return None;
    }
    if let Some((_, other)) = BEGINNINGS
        .iter()
        .find(|(beginning, _)| head.starts_with(beginning))
    {
        return Some(*other);
    }
    if is_number {
        let digits: Vec<u8> = text
            .bytes()
            .filter(u8::is_ascii_digit)
            .map(|b| b - b'0')
            .collect();
        // 0002 01 is the beginning of a code that was cut early.
        return (!text.starts_with("0002")).then(|| of_digits(&digits));
    }
    if is_identity_card(text) {
        return Some(Other::IdentityCard);
    }
    if is_momo(text) {
        return Some(Other::Momo);
    }
    if is_link(&head) {
        return Some(Other::Link);
    }
    // A code without its first characters still has what every code has.
    let is_part = text.contains("A000000727") || text.contains("5802VN") || text.contains("6304");
    // The second object of a code, where the first one is lost.
    let is_objects = text.starts_with("0102");
    let is_words = text.chars().any(char::is_alphanumeric);
    (is_words && !is_part && !is_objects).then_some(Other::Text)
}

fn of_digits(digits: &[u8]) -> Other {
    match digits.len() {
        15 | 16 | 19 if luhn(digits) => Other::CardNumber,
        8 | 12 | 13 if product_check(digits) => Other::ProductNumber,
        _ => Other::Digits,
    }
}

/// The check digit of card numbers.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, &digit)| match (at % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit) => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The check digit of EAN-8, UPC-A and EAN-13.
fn product_check(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, &digit)| u32::from(digit) * if at % 2 == 0 { 1 } else { 3 })
        .sum();
    sum.is_multiple_of(10)
}

/// Twelve digits, nine or none, a name, eight digits of a birthday …
fn is_identity_card(text: &str) -> bool {
    let mut parts = text.split('|');
    let mut digits = |of: &[usize]| {
        let part = parts.next().unwrap_or("-");
        of.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    digits(&[12]) && digits(&[0, 9]) && text.matches('|').count() >= 5
}

/// A kind, a number, a phone, a name, and `transfer_myqr` at the end of most.
fn is_momo(text: &str) -> bool {
    let parts: Vec<&str> = text.split('|').collect();
    let is_phone =
        |part: &&str| part.len() == 10 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() >= 6
        && parts
            .iter()
            .take(2)
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        && (parts.get(2).is_some_and(is_phone) || text.contains("transfer_"))
}

/// `scheme://…`, or the name of a host with a path.
fn is_link(head: &str) -> bool {
    if let Some((scheme, _)) = head.split_once("://") {
        let is_scheme = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        return !scheme.is_empty() && scheme.bytes().all(is_scheme);
    }
    let host = head.split(['/', '?']).next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let is_label =
        |label: &&str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let top = labels.last().copied().unwrap_or_default();
    labels.len() >= 2
        && labels.iter().all(is_label)
        && (2..=6).contains(&top.len())
        && top.bytes().all(|b| b.is_ascii_lowercase())
}

impl Other {
    /// What it is, and what to do.
    pub fn sentence(self) -> Sentence {
        let what = match self {
            Other::Momo => (
                "mã MoMo kiểu cũ (2|99|…), chỉ ứng dụng MoMo đọc được".to_owned(),
                "an older MoMo code (2|99|…), which only MoMo's app reads".to_owned(),
            ),
            Other::Link => (
                "một liên kết (trang web hoặc ứng dụng)".to_owned(),
                "a link (a web page or an app)".to_owned(),
            ),
            Other::Wifi => ("mã Wi-Fi".to_owned(), "a Wi-Fi code".to_owned()),
            Other::Contact => (
                "danh thiếp, số điện thoại hoặc thư".to_owned(),
                "a contact, a phone number or an e-mail".to_owned(),
            ),
            Other::CalendarOrPlace => (
                "lịch hẹn hoặc vị trí trên bản đồ".to_owned(),
                "a calendar entry or a place on a map".to_owned(),
            ),
            Other::CardNumber => (
                "một số thẻ ngân hàng".to_owned(),
                "the number of a bank card".to_owned(),
            ),
            Other::ProductNumber => (
                "mã vạch của hàng hóa".to_owned(),
                "a product's bar code".to_owned(),
            ),
            Other::Digits => (
                "một dãy chữ số, có thể là số tài khoản".to_owned(),
                "digits alone, perhaps an account number".to_owned(),
            ),
            Other::IdentityCard => (
                "mã trên thẻ căn cước".to_owned(),
                "the code of an identity card".to_owned(),
            ),
            Other::CustomerCode => (
                "mã mà khách đưa cho máy quét".to_owned(),
                "the code that a customer shows to a scanner".to_owned(),
            ),
            Other::Abroad(vi, en) => (
                format!("mã chuyển tiền của nước khác: {vi}"),
                format!("a transfer code of another country: {en}"),
            ),
            Other::Crypto => (
                "địa chỉ tiền mã hóa".to_owned(),
                "a crypto currency's address".to_owned(),
            ),
            Other::Text => ("một đoạn chữ thường".to_owned(), "plain text".to_owned()),
        };
        let (vi, en) = what;
        sentence!(
            "Đây là {vi}, không phải mã VietQR. Hãy quét mã VietQR của sạp.",
            "This is {en}, not a VietQR code. Scan the stall's VietQR code."
        )
    }
}

/// Countries whose codes have the same format, by their two letters.
const COUNTRIES: [(&str, &str, &str); 22] = [
    ("AU", "Úc", "Australia"),
    ("BN", "Brunei", "Brunei"),
    ("BR", "Brazil", "Brazil"),
    ("CN", "Trung Quốc", "China"),
    ("GB", "Anh", "the United Kingdom"),
    ("HK", "Hồng Kông", "Hong Kong"),
    ("ID", "Indonesia", "Indonesia"),
    ("IN", "Ấn Độ", "India"),
    ("JP", "Nhật Bản", "Japan"),
    ("KH", "Campuchia", "Cambodia"),
    ("KR", "Hàn Quốc", "South Korea"),
    ("LA", "Lào", "Laos"),
    ("LK", "Sri Lanka", "Sri Lanka"),
    ("MM", "Myanmar", "Myanmar"),
    ("MO", "Ma Cao", "Macao"),
    ("MY", "Malaysia", "Malaysia"),
    ("NP", "Nepal", "Nepal"),
    ("PH", "Philippines", "the Philippines"),
    ("SG", "Singapore", "Singapore"),
    ("TH", "Thái Lan", "Thailand"),
    ("TW", "Đài Loan", "Taiwan"),
    ("US", "Hoa Kỳ", "the United States"),
];

/// A country by its two letters, in Vietnamese and English.
pub(super) fn country(letters: &str) -> (String, String) {
    let known = COUNTRIES.iter().find(|(of, _, _)| *of == letters);
    match known {
        Some((_, vi, en)) => (format!("{vi} ({letters})"), format!("{en} ({letters})")),
        None => (
            format!("nước khác ({letters:?})"),
            format!("another country ({letters:?})"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::{Warning, read};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_scan_is_named() {
        for (text, other) in [
            (
                "2|99|0900000000|HO KINH DOANH VI DU||0|0|0|HC7K3M9J|transfer_myqr",
                Other::Momo,
            ),
            ("2|99|0900000000|||0|0|65000||transfer_p2p", Other::Momo),
            ("1|12|0900000000|VI DU|x|0", Other::Momo),
            ("https://me.momo.vn/vidusap", Other::Link),
            ("HTTP://VIDU.VN/Q?A=1", Other::Link),
            ("momo://?action=payWithApp", Other::Link),
            ("me.momo.vn/vidusap", Other::Link),
            ("www.vidu.vn", Other::Link),
            ("WIFI:S:Cho Vi Du;T:WPA;P:matkhau;;", Other::Wifi),
            ("BEGIN:VCARD\nVERSION:3.0\nFN:Vi Du", Other::Contact),
            ("tel:+84900000000", Other::Contact),
            ("geo:16.06,108.22", Other::CalendarOrPlace),
            ("4111 1111 1111 1111", Other::CardNumber),
            ("9704 0000 0000 0018", Other::CardNumber),
            ("8930000000019", Other::ProductNumber),
            ("88990011223", Other::Digits),
            ("00889900112", Other::Digits),
            (
                "079000000001|200000001|Ho Vi Du|01011990|Nam|Cho Vi Du|01012022",
                Other::IdentityCard,
            ),
            (
                "079000000001||Ho Vi Du|01011990|Nam|Cho Vi Du|01012022",
                Other::IdentityCard,
            ),
            (
                "upi://pay?pa=vidu@bank",
                Other::Abroad("Ấn Độ (UPI)", "India (UPI)"),
            ),
            (
                "BCD\n002\n1\nSCT",
                Other::Abroad("khu vực đồng euro (EPC)", "the euro area (EPC)"),
            ),
            ("bitcoin:1ViDu", Other::Crypto),
            ("hQVDUFYwMWETTwegAAAAVVVVUAhJbnQ", Other::CustomerCode),
            ("Chợ Ví Dụ, sạp 12", Other::Text),
            ("HC7K3M9J", Other::Text),
            ("{\"a\":1}", Other::Text),
        ] {
            assert_eq!(recognise(text), Some(other), "{text}");
            let said = other.sentence();
            assert!(said.vi.contains("không phải mã VietQR") && said.en.contains("not a VietQR code"));
        }
        // A code of the format, whole, cut at either end, or with a wrong letter, is no other thing.
        let code = "00020101021138550010A000000727012500069704150111889900112230208QRIBFTTA53037045802VN62120808HC7K3M9J630487FA";
        for damaged in [
            code,
            &code[..60],
            &code[2..],
            &code[10..],
            &code.replace("0002", "0O02"),
            "000201010211",
            "",
            "00",
        ] {
            assert_eq!(recognise(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn a_code_is_read_with_blanks_around_it_and_refused_for_what_it_is() {
        let code = "00020101021138550010A000000727012500069704150111889900112230208QRIBFTTA53037045802VN62120808HC7K3M9J630487FA";
        for (front, back) in [
            ("  ", ""),
            ("\u{feff}", "\r\n"),
            ("\n\t", "\u{a0} "),
            ("\u{200b}", ""),
        ] {
            let text = format!("{front}{code}{back}");
            let reading = read(&text).unwrap();
            assert_eq!(reading.warnings, [Warning::Surrounded]);
            assert_eq!(reading.code.account().unwrap().1.reveal(), "88990011223");
        }
        assert_eq!(read(code).unwrap().warnings, []);
        let other = read(" https://me.momo.vn/vidusap ").unwrap_err();
        assert_eq!(other.fault.code(), "NOT_VIETQR");
        assert!(
            other.reason.contains("a link") && other.sentence().vi.contains("một liên kết"),
            "{other:?}"
        );
        // Another network's template has its own rules, and is not called broken.
        let lao = "00020101021115312000000100000446VIDU0000000000138470016A00526628466257701081090000102030030304vidu5204458153034185802LA5904VIDU6009Vientiane6304352A";
        let refusal = read(lao).unwrap_err();
        assert_eq!(refusal.fault.code(), "COUNTRY");
        assert!(
            refusal.reason.contains("Laos (LA)") && refusal.sentence().vi.contains("Lào (LA)"),
            "{refusal:?}"
        );
        // A code of ours with a wrong country is a fault of ours.
        let ours = read(&lao.replace("LA", "VN")).unwrap_err();
        assert_eq!(ours.fault.code(), "BAD_CRC");
    }

    #[test]
    fn texts_that_begin_with_digits_are_no_broken_codes() {
        for text in [
            "0905.123.456",
            "0905123456 - Bun bo",
            "113366668888 NGUYEN VAN THU",
            "970415|113366668888|THU MOT",
            "0401234567;1C26TAA;00000123",
            "010893456313816521ABC123",
            "25000 VND",
            "2026-06-15T09:10:00+07:00",
        ] {
            assert!(recognise(text).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_recognised_or_not(text in "\\PC{0,60}") {
            let _ = recognise(&text);
        }

        #[test]
        fn a_text_of_the_format_is_never_called_another_thing(tail in "[ -~]{0,80}") {
            let text = format!("000201{}", tail);
            prop_assert_eq!(recognise(&text), None);
        }
    }
}
