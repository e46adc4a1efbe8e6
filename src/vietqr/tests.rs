use proptest::prelude::*;
use serde_json::Value;

use super::crc::crc16;
use super::*;

const STATIC: &str = "00020101021138560010A0000007270126000697041501121133666688880208QRIBFTTA\
    53037045802VN62120808HC07K3M96304C923";
const DYNAMIC: &str = "00020101021238560010A0000007270126000697041501121133666688880208QRIBFTTA\
    53037045405790005802VN62220818Ung Ho Quy Vac Xin63043ACF";

fn account(text: &str) -> AccountNumber {
    AccountNumber::parse(text).unwrap()
}

fn plain() -> Transfer {
    Transfer::to("970415", account("113366668888"))
}

fn with_purpose(text: &str) -> Transfer {
    Transfer {
        purpose: Some(text.to_owned()),
        ..plain()
    }
}

fn built(transfer: &Transfer) -> String {
    payload(transfer).unwrap().to_string()
}

/// Reads objects of one level, counting characters; independent of the writer.
fn objects(text: &str) -> Vec<(u8, String)> {
    let (mut rest, mut out): (Vec<char>, _) = (text.chars().collect(), Vec::new());
    while !rest.is_empty() {
        let head: String = rest.drain(..4).collect();
        let length: usize = head[2..].parse().unwrap();
        assert!(length > 0);
        out.push((head[..2].parse().unwrap(), rest.drain(..length).collect()));
    }
    out
}

fn value(of: &[(u8, String)], tag: u8) -> Option<&str> {
    of.iter()
        .find(|(t, _)| *t == tag)
        .map(|(_, value)| value.as_str())
}

#[test]
fn the_two_vectors_of_the_domain_guide() {
    let card = stall_payload("970415", &account("113366668888"), "HC07K3M9").unwrap();
    assert_eq!(card.as_str(), STATIC);
    assert_eq!(STATIC.len(), 109);
    let till = Transfer {
        initiation: Initiation::Dynamic,
        amount: Some(Dong::new(79_000)),
        ..with_purpose("Ủng Hộ Quỹ Vắc Xin")
    };
    assert_eq!(built(&till), DYNAMIC);
}

#[test]
fn every_build_vector_byte_for_byte() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/data/vietqr_vectors.json")).unwrap();
    let mut count = 0;
    for vector in vectors.iter().filter(|v| v["mode"] == "build") {
        let transfer = transfer_of(&vector["input"]);
        assert_eq!(
            built(&transfer),
            vector["payload"].as_str().unwrap(),
            "{}",
            vector["id"]
        );
        count += 1;
    }
    assert_eq!(count, 52);
}

fn transfer_of(input: &Value) -> Transfer {
    let text = |key: &str| input[key].as_str().map(str::to_owned);
    Transfer {
        bank_bin: text("bank_bin").unwrap(),
        account: account(input["account"].as_str().unwrap()),
        service: match input["kind"].as_str() {
            Some("card") => Service::Card,
            _ => Service::Account,
        },
        initiation: match input["method"].as_str() {
            Some("dynamic") => Initiation::Dynamic,
            _ => Initiation::Static,
        },
        amount: input["amount"].as_i64().map(Dong::new),
        purpose: text("purpose"),
        extras: Extras {
            bill_number: text("bill_number"),
            store_label: text("store_label"),
            reference_label: text("reference_label"),
            terminal_label: text("terminal_label"),
            merchant_name: text("merchant_name"),
            city: text("city"),
            mcc: text("mcc"),
        },
    }
}

#[test]
fn marks_are_dropped_before_measuring_and_nothing_else_changes() {
    let note = |text: &str| {
        let code = built(&with_purpose(text));
        let root = objects(&code);
        objects(value(&root, 62).unwrap())[0].1.clone()
    };
    assert_eq!(note("Đường  số 3, đợt Ẫ"), "Duong  so 3, dot A");
    assert_eq!(note(" ỨNG "), " UNG ");
    assert_eq!(note("Hòa"), note("Ho\u{300}a"));
    // 25 letters, 25 tone marks and 25 circumflexes: 75 code points, 25 after folding.
    assert_eq!(note(&"e\u{302}\u{301}".repeat(25)), "e".repeat(25));
}

#[test]
fn too_long_is_refused_and_says_by_how_much() {
    let error = payload(&with_purpose(&"x".repeat(28))).unwrap_err();
    let length = 28;
    assert_eq!(
        error,
        BuildError::TooLong {
            field: Field::Purpose,
            length
        }
    );
    assert_eq!(error.code(), "TOO_LONG");
    assert_eq!(
        error.to_string(),
        "Nội dung chuyển khoản dài 28 ký tự, tối đa 25. Hãy bớt 3 ký tự."
    );
    type Change = fn(&mut Extras, Option<String>);
    let with = |change: Change, length: usize| {
        let mut transfer = plain();
        change(&mut transfer.extras, Some("x".repeat(length)));
        payload(&transfer)
    };
    let changes: [(Change, Field, usize); 6] = [
        (|e, t| e.merchant_name = t, Field::MerchantName, 25),
        (|e, t| e.city = t, Field::City, 15),
        (|e, t| e.bill_number = t, Field::BillNumber, 25),
        (|e, t| e.store_label = t, Field::StoreLabel, 25),
        (|e, t| e.reference_label = t, Field::ReferenceLabel, 25),
        (|e, t| e.terminal_label = t, Field::TerminalLabel, 25),
    ];
    for (change, field, limit) in changes {
        assert!(with(change, limit).is_ok(), "{}", field.key());
        let length = limit + 1;
        assert_eq!(with(change, length), Err(BuildError::TooLong { field, length }));
        assert_eq!(with(change, 0), Err(BuildError::Empty(field)));
    }
}

#[test]
fn labels_and_note_share_99_characters() {
    let mut transfer = with_purpose(&"d".repeat(25));
    transfer.extras.bill_number = Some("a".repeat(25));
    transfer.extras.store_label = Some("b".repeat(25));
    transfer.extras.reference_label = Some("c".repeat(8));
    assert!(built(&transfer).contains("6299"));
    transfer.extras.reference_label = Some("c".repeat(9));
    let error = payload(&transfer).unwrap_err();
    assert_eq!(error, BuildError::AdditionalTooLong { length: 100 });
    assert_eq!(error.code(), "TOO_LONG");
    assert!(error.to_string().ends_with("tối đa 99. Hãy bớt 1 ký tự."));
}

#[test]
fn what_no_app_could_pay_is_refused() {
    let refused = |transfer: Transfer| payload(&transfer).unwrap_err().code();
    for bin in ["", "97041", "9704155", "97041x", "９７０４１５", " 70415"] {
        assert_eq!(
            refused(Transfer {
                bank_bin: bin.to_owned(),
                ..plain()
            }),
            "BIN",
            "{bin}"
        );
    }
    for vnd in [0, -1, i64::MIN, 10_000_000_000_000, i64::MAX] {
        assert_eq!(
            refused(Transfer {
                amount: Some(Dong::new(vnd)),
                ..plain()
            }),
            "AMOUNT",
            "{vnd}"
        );
    }
    for mcc in ["", "541", "54111", "54 1"] {
        let extras = Extras {
            mcc: Some(mcc.to_owned()),
            ..Extras::default()
        };
        assert_eq!(refused(Transfer { extras, ..plain() }), "MCC", "{mcc}");
    }
    for (text, character) in [
        ("Chợ 市场", '市'),
        ("a\nb", '\n'),
        ("a\u{a0}b", '\u{a0}'),
        ("x🙂", '🙂'),
    ] {
        let field = Field::Purpose;
        assert_eq!(
            payload(&with_purpose(text)),
            Err(BuildError::Character { field, character })
        );
    }
    for empty in ["", "\u{301}"] {
        assert_eq!(refused(with_purpose(empty)), "ZERO_LENGTH");
    }
}

#[test]
fn a_card_number_is_digits_and_an_account_need_not_be() {
    let mut transfer = Transfer::to("970418", account("V3CAS5000123456"));
    assert!(payload(&transfer).is_ok());
    transfer.service = Service::Card;
    let error = payload(&transfer).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().contains("V3CAS")),
        ("ACCOUNT", false)
    );
    transfer.account = account("9704031101234567");
    assert!(built(&transfer).contains("0208QRIBFTTC"));
}

#[test]
fn a_stall_code_stays_within_what_banks_carry() {
    let refused = |code: &str| stall_payload("970415", &account("8"), code).unwrap_err();
    let field = Field::StallCode;
    assert_eq!(refused(""), BuildError::Empty(field));
    assert_eq!(
        refused("hc7k3m9j"),
        BuildError::Character {
            field,
            character: 'h'
        }
    );
    assert_eq!(
        refused("HC7K Đ"),
        BuildError::Character {
            field,
            character: ' '
        }
    );
    assert_eq!(
        refused(&"A".repeat(20)),
        BuildError::TooLong { field, length: 20 }
    );
    assert_eq!(
        stall_payload("9704", &account("8"), "HC7K3M9J"),
        Err(BuildError::Bin)
    );
}

#[test]
fn the_initiation_does_not_follow_from_the_amount() {
    let fixed_price = Transfer {
        amount: Some(Dong::new(15_000)),
        ..plain()
    };
    assert!(built(&fixed_price).starts_with("000201010211"));
    let open_till = Transfer {
        initiation: Initiation::Dynamic,
        ..plain()
    };
    let code = built(&open_till);
    assert!(code.starts_with("000201010212") && value(&objects(&code), 54).is_none());
}

#[test]
fn debug_keeps_the_account_to_itself() {
    let code = payload(&plain()).unwrap();
    assert_eq!(
        format!("{code:?}"),
        format!("Payload({} characters)", code.as_str().len())
    );
    assert!(!format!("{:?}", plain()).contains("113366668888"));
}

/// Text of any kind; half of it is short and simple, so that many payloads come out.
fn any_text() -> impl Strategy<Value = Option<String>> {
    let text = prop_oneof![
        2 => "[A-Za-z0-9 ./-]{1,14}",
        2 => "[ăâđêôơưáàảãạẮỆỠỰĐa-zA-Z ]{1,14}",
        1 => any::<String>(),
    ];
    proptest::option::of(text)
}

prop_compose! {
    fn any_transfer()(
        bank_bin in prop_oneof![4 => "[0-9]{6}", 1 => any::<String>()],
        number in prop_oneof!["[0-9]{1,19}", "[A-Za-z0-9]{1,19}"],
        card in any::<bool>(),
        dynamic in any::<bool>(),
        amount in proptest::option::of(prop_oneof![4 => 1..10_000_000_000_000_i64, 1 => any::<i64>()]),
        texts in proptest::array::uniform7(any_text()),
        mcc in proptest::option::of(prop_oneof![4 => "[0-9]{4}", 1 => any::<String>()]),
    ) -> Transfer {
        let [purpose, bill_number, store_label, reference_label, terminal_label, merchant_name, city] = texts;
        Transfer {
            bank_bin,
            account: account(&number),
            service: if card { Service::Card } else { Service::Account },
            initiation: if dynamic { Initiation::Dynamic } else { Initiation::Static },
            amount: amount.map(Dong::new),
            purpose,
            extras: Extras { bill_number, store_label, reference_label, terminal_label, merchant_name, city, mcc },
        }
    }
}

/// Everything that FORMAT sections 1 to 6 say about a payload this room writes.
fn assert_well_formed(code: &str, transfer: &Transfer) {
    assert!(code.len() <= 512 && code.bytes().all(|b| matches!(b, b' '..=b'~')));
    let root = objects(code);
    assert!(
        root.windows(2)
            .all(|pair| pair[0].0 < pair[1].0 || pair[1].0 == 63)
    );
    assert_eq!(
        (value(&root, 0), value(&root, 53), value(&root, 58)),
        (Some("01"), Some("704"), Some("VN"))
    );
    assert_eq!(value(&root, 1), Some(transfer.initiation.code()));
    let napas = objects(value(&root, 38).unwrap());
    assert_eq!(value(&napas, 0), Some("A000000727"));
    assert_eq!(value(&napas, 2), Some(transfer.service.code()));
    let receiver = objects(value(&napas, 1).unwrap());
    assert_eq!(value(&receiver, 0), Some(transfer.bank_bin.as_str()));
    assert_eq!(value(&receiver, 1), Some(transfer.account.reveal()));
    assert_eq!(
        value(&root, 54).map(str::to_owned),
        transfer.amount.map(|a| a.vnd().to_string())
    );
    let extras = &transfer.extras;
    let labels = value(&root, 62).map(objects).unwrap_or_default();
    for (tag, given) in [
        (1, &extras.bill_number),
        (3, &extras.store_label),
        (5, &extras.reference_label),
        (7, &extras.terminal_label),
        (8, &transfer.purpose),
    ] {
        assert_eq!(value(&labels, tag).is_some(), given.is_some());
    }
    assert!(labels.iter().all(|(_, text)| text.len() <= 25));
    let (body, sum) = code.split_at(code.len() - 4);
    assert!(body.ends_with("6304"));
    assert_eq!(format!("{:04X}", crc16(body.as_bytes())), sum);
}

proptest! {
    #[test]
    fn any_input_gives_a_well_formed_payload_or_a_reason(transfer in any_transfer()) {
        match payload(&transfer) {
            Ok(code) => {
                assert_well_formed(code.as_str(), &transfer);
                prop_assert_eq!(payload(&transfer), Ok(code));
            }
            Err(error) => {
                prop_assert!(!error.code().is_empty() && error.to_string().ends_with('.'));
            }
        }
    }

    #[test]
    fn any_stall_code_is_carried_whole_or_refused(code in prop_oneof!["[A-Z0-9]{1,19}", any::<String>()]) {
        if let Ok(card) = stall_payload("970415", &account("113366668888"), &code) {
            let root = objects(card.as_str());
            let additional = objects(value(&root, 62).unwrap());
            prop_assert_eq!(value(&additional, 8), Some(code.as_str()));
        }
    }
}

#[test]
fn the_checksum_changes_with_any_character() {
    let body = &STATIC.as_bytes()[..105];
    for (at, to) in (0..105).flat_map(|at| (b' '..=b'~').map(move |to| (at, to))) {
        let mut changed = body.to_vec();
        changed[at] = to;
        assert_eq!(crc16(&changed) == 0xc923, changed == body, "{at} {to}");
    }
}

mod pictures {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        Symbol::of(&Payload(text.to_owned()))
    }

    #[test]
    fn an_upper_case_payload_has_the_larger_modules() {
        let upper = symbol(STATIC);
        assert_eq!((upper.version(), upper.modules()), (5, 37));
        let lower = symbol(&STATIC.replace("HC07K3M9", "HC07K3m9"));
        assert_eq!((lower.version(), lower.modules()), (7, 45));
        let stronger = Symbol::with_correction(&Payload(STATIC.to_owned()), Correction::Q);
        assert_eq!(stronger.version(), 7);
    }

    #[test]
    fn the_longest_payload_has_a_symbol() {
        for correction in [Correction::M, Correction::Q] {
            let symbol = Symbol::with_correction(&Payload("x".repeat(512)), correction);
            assert!(symbol.version() <= 22);
        }
        let mut fullest = Transfer::to("970407", account("ms00t00000123456789"));
        fullest.amount = Some(Dong::PAYMENT_MAX);
        fullest.purpose = Some("d".repeat(25));
        fullest.extras = Extras {
            bill_number: Some("a".repeat(25)),
            store_label: Some("b".repeat(25)),
            reference_label: Some("c".repeat(8)),
            terminal_label: None,
            merchant_name: Some("e".repeat(25)),
            city: Some("f".repeat(15)),
            mcc: Some("5411".to_owned()),
        };
        let code = built(&fullest);
        assert!(
            code.len() < 300 && symbol(&code).version() <= 14,
            "{}",
            code.len()
        );
    }

    /// Three finders with their light border, and the timing lines between them.
    #[test]
    fn finders_and_timing_stand_where_a_scanner_looks() {
        for text in [STATIC, DYNAMIC] {
            let symbol = symbol(text);
            let far = symbol.modules() - 7;
            for (left, top) in [(0, 0), (far, 0), (0, far)] {
                for (x, y) in (0..7).flat_map(|y| (0..7).map(move |x| (x, y))) {
                    let ring = x.min(6 - x).min(y.min(6 - y));
                    assert_eq!(symbol.is_dark(left + x, top + y), ring != 1, "{x} {y}");
                }
            }
            assert!((0..8).all(|i| !symbol.is_dark(7, i) && !symbol.is_dark(i, 7)));
            assert!((8..far).all(|i| symbol.is_dark(i, 6) == (i % 2 == 0)));
            assert!((8..far).all(|i| symbol.is_dark(6, i) == (i % 2 == 0)));
            assert!(!symbol.is_dark(symbol.modules(), 0) && !symbol.is_dark(0, usize::MAX));
        }
    }

    /// Squares painted by the path of an SVG, quiet zone included; each at most once.
    fn painted(svg: &str, side: usize) -> Vec<bool> {
        let path = svg.split(" d=\"M").nth(1).unwrap().split('"').next().unwrap();
        let mut dark = vec![false; side * side];
        for run in path.trim_end_matches('z').split("zM") {
            let (x, rest) = run.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (width, back) = rest.split_once("v1h-").unwrap();
            assert_eq!(width, back);
            let [x, y, width] = [x, y, width].map(|n| n.parse::<usize>().unwrap());
            let row = y * side;
            for module in &mut dark[row + x..row + x + width] {
                assert!(!std::mem::replace(module, true));
            }
        }
        dark
    }

    #[test]
    fn svg_and_png_show_the_same_modules() {
        for text in [STATIC, DYNAMIC] {
            let symbol = symbol(text);
            let side = symbol.modules() + 2 * QUIET_ZONE;
            let svg = painted(&symbol.svg(""), side);
            for scale in [1, 3, 8] {
                let picture = image::load_from_memory(&symbol.png(scale)).unwrap();
                let grey = picture.as_luma8().expect("grey, 8 bits");
                assert_eq!(grey.dimensions(), (side as u32 * scale, side as u32 * scale));
                for (px, py, pixel) in grey.enumerate_pixels() {
                    let (x, y) = ((px / scale) as usize, (py / scale) as usize);
                    let inside = (x.wrapping_sub(QUIET_ZONE), y.wrapping_sub(QUIET_ZONE));
                    let dark = symbol.is_dark(inside.0, inside.1);
                    assert_eq!(
                        (pixel.0[0], svg[y * side + x]),
                        (if dark { 0 } else { 255 }, dark),
                        "{x} {y}"
                    );
                    let quiet = x.min(y) < QUIET_ZONE || x.max(y) >= side - QUIET_ZONE;
                    assert!(!(quiet && dark));
                }
            }
        }
    }

    #[test]
    fn the_same_payload_gives_the_same_bytes() {
        let (a, b) = (symbol(STATIC), symbol(STATIC));
        assert_eq!(a.svg("Sạp 12"), b.svg("Sạp 12"));
        assert_eq!(a.png(8), b.png(8));
    }

    #[test]
    fn a_png_has_bounds() {
        let symbol = symbol(STATIC);
        let side = |scale| image::load_from_memory(&symbol.png(scale)).unwrap().width();
        assert_eq!((side(0), side(1)), (45, 45));
        assert_eq!(side(u32::MAX), 45 * (4096 / 45));
    }

    #[test]
    fn an_svg_is_marked_up_for_screens_and_readers() {
        let svg = symbol(STATIC).svg("Sạp <b>\"Bà Hai\" & 'con'\u{0}</b>");
        assert!(svg.starts_with(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 45 45" role="img""#));
        assert!(svg.contains(
            "<title>Sạp &lt;b&gt;&quot;Bà Hai&quot; &amp; &#39;con&#39;\u{fffd}&lt;/b&gt;</title>"
        ));
        assert!(svg.contains(r##"<rect width="45" height="45" fill="#fff"/><path fill="#000""##));
        assert_eq!((svg.matches("<path").count(), svg.matches('\0').count()), (1, 0));
        assert!(svg.contains(r#"shape-rendering="crispEdges""#) && svg.len() < 16 * 1024);
    }
}
