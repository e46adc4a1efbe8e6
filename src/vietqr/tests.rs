//! Tests of the room as a whole: the shared vectors, what is written reads back, faults in their order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::crc::crc16;
use super::*;
use crate::vn::{AccountNumber, Dong};

pub(super) const STATIC: &str = "00020101021138560010A0000007270126000697041501121133666688880208QRIBFTTA\
    53037045802VN62120808HC07K3M96304C923";
pub(super) const DYNAMIC: &str = "00020101021238560010A0000007270126000697041501121133666688880208QRIBFTTA\
    53037045405790005802VN62220818Ung Ho Quy Vac Xin63043ACF";

fn account(text: &str) -> AccountNumber {
    AccountNumber::parse(text).unwrap()
}

fn plain() -> Code<'static> {
    Code::of(Payee::Napas {
        bank_bin: "970415".into(),
        account: PayeeNumber::new("113366668888"),
        service: Service::Account,
    })
}

/// The same with another account or service.
pub(super) fn to(bank_bin: &str, number: &str, service: Service) -> Code<'static> {
    Code::of(Payee::Napas {
        bank_bin: bank_bin.to_owned().into(),
        account: PayeeNumber::new(number.to_owned()),
        service,
    })
}

fn with_purpose(text: &str) -> Code<'static> {
    plain().with(Field::Purpose, text.to_owned())
}

pub(super) fn built(code: &Code) -> String {
    payload(code).unwrap().to_string()
}

/// Reads objects of one level, counting characters; independent of the writer.
fn objects(text: &str) -> Vec<(u8, String)> {
    let (mut rest, mut out): (Vec<char>, _) = (text.chars().collect(), Vec::new());
    while !rest.is_empty() {
        let head: String = rest.drain(..4).collect();
        let length: usize = head[2..].parse().unwrap();
        let tag = head[..2].parse().unwrap();
        assert!(length > 0 || tag >= 80);
        out.push((tag, rest.drain(..length).collect()));
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
    let till = Code {
        initiation: Initiation::Dynamic,
        amount: Some(Dong::new(79_000)),
        ..with_purpose("Ủng Hộ Quỹ Vắc Xin")
    };
    assert_eq!(built(&till), DYNAMIC);
}

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../../tests/data/vietqr_vectors.json")).unwrap()
}

#[test]
fn every_build_vector_byte_for_byte_and_back() {
    let mut count = 0;
    for vector in vectors().iter().filter(|v| v["mode"] == "build") {
        let wanted = vector["payload"].as_str().unwrap();
        let made = encode_line(&vector["input"].to_string(), Banks::shipped());
        assert_eq!(
            made.json,
            serde_json::json!({ "payload": wanted }).to_string(),
            "{}",
            vector["id"]
        );
        let again: Value = serde_json::from_str(&decode_line(wanted, Banks::shipped()).json).unwrap();
        let folded = folded(&vector["input"]);
        assert_eq!(
            again,
            serde_json::json!({ "valid": true, "input": folded, "warnings": [] }),
            "{}",
            vector["id"]
        );
        count += 1;
    }
    assert_eq!(count, 52);
}

/// Texts without their Vietnamese marks, written without the writer's own folding.
fn folded(input: &Value) -> Value {
    let mut folded = input.clone();
    for (_, value) in folded.as_object_mut().unwrap() {
        if let Some(text) = value.as_str() {
            let bare = text
                .nfd()
                .filter(|c| !matches!(c, '\u{300}'..='\u{36f}'))
                .collect::<String>();
            *value = bare.replace('đ', "d").replace('Đ', "D").into();
        }
    }
    folded
}

#[test]
fn every_parse_vector_and_its_warnings() {
    let mut count = 0;
    for vector in vectors().iter().filter(|v| v["mode"] == "parse") {
        let answer: Value =
            serde_json::from_str(&decode_line(vector["payload"].as_str().unwrap(), Banks::shipped()).json)
                .unwrap();
        assert_eq!(
            (&answer["valid"], &answer["input"]),
            (&true.into(), &vector["input"]),
            "{}",
            vector["id"]
        );
        let note = vector["note"].as_str().unwrap_or_default();
        let wanted = note
            .split_once("read with a warning: ")
            .map_or("", |(_, warnings)| warnings);
        let warnings: Vec<&str> = answer["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| w.as_str().unwrap())
            .collect();
        assert_eq!(warnings.join(", "), wanted, "{}", vector["id"]);
        count += 1;
    }
    assert_eq!(count, 20);
}

#[test]
fn every_negative_vector_is_refused_with_its_word_or_an_earlier_one() {
    let mut count = 0;
    let mut exact = 0;
    for vector in vectors().iter().filter(|v| v["valid"] == false) {
        let payload = vector["payload"].as_str().unwrap();
        let wanted = vector["reason"].as_str().unwrap().split(':').next().unwrap();
        let Err(refusal) = read(payload) else {
            panic!("{} was read", vector["id"]);
        };
        let rank = |word: &str| {
            FAULTS
                .iter()
                .position(|f| f.code() == word)
                .expect("a word of docs/spec/vietqr.md, section 13")
        };
        assert!(
            rank(refusal.fault.code()) <= rank(wanted),
            "{}: {refusal:?} for {wanted}",
            vector["id"]
        );
        exact += usize::from(refusal.fault.code() == wanted);
        count += 1;
    }
    // One has an earlier fault as well: it is cut inside its checksum.
    assert_eq!((count, exact), (36, 35));
}

/// The order of docs/spec/vietqr.md, section 13.
const FAULTS: [Fault; 23] = [
    Fault::BadCrc,
    Fault::CrcMissing,
    Fault::CrcFormat,
    Fault::Truncated,
    Fault::LengthOverrun,
    Fault::LengthFormat,
    Fault::TagFormat,
    Fault::Trailing,
    Fault::Order,
    Fault::DuplicateTag,
    Fault::WrongAid,
    Fault::Currency,
    Fault::Country,
    Fault::Amount,
    Fault::Pfi,
    Fault::Poi,
    Fault::Mcc,
    Fault::ZeroLength,
    Fault::Account,
    Fault::Bin,
    Fault::Service,
    Fault::Missing,
    Fault::TooLong,
];

/// A text with a right checksum behind it.
fn sealed(body: &str) -> String {
    let body = format!("{body}6304");
    let crc = crc16(body.as_bytes());
    format!("{body}{crc:04X}")
}

#[test]
fn of_two_faults_the_first_in_the_order_is_named() {
    assert!(FAULTS.is_sorted());
    let napas = "38540010A00000072701240006970422011009012345670208QRIBFTTA";
    let named = |body: &str| read(&sealed(body)).unwrap_err().fault;
    for (body, fault) in [
        ("000201010213{}53038405802US", Fault::Currency),
        ("000201010211{}530370454010580 2US", Fault::LengthFormat),
        ("000201010213{}5303704540105802US", Fault::Country),
        ("000201010213{}53037045401052035415802VN", Fault::Amount),
        ("000200010213{}52035415303704 5802VN", Fault::TagFormat),
        ("000200010213{}520354153037045802VN", Fault::Pfi),
        ("000201010213{}520354153037045802VN", Fault::Poi),
        ("000201010211{}5203541530370459005802VN", Fault::Mcc),
        ("000201010211{}53037045900", Fault::ZeroLength),
        ("000201010211{}{}53037045802US", Fault::DuplicateTag),
        ("010211000201{}53037045802US", Fault::Order),
        ("000201010211{}5303704", Fault::Missing),
        ("00020101021153037045802VN", Fault::Missing),
        (
            "00020101021126200010A0000007990102ab53037045802VN",
            Fault::WrongAid,
        ),
        ("000201010211261600069084050102ab53037045802VN", Fault::WrongAid),
    ] {
        assert_eq!(named(&body.replace("{}", napas)), fault, "{body}");
    }
    // The checksum comes first, also where the text cannot be walked to its end.
    let broken = sealed(&format!("000201010213{napas}53038405802US6299")).replace("840", "841");
    assert_eq!(read(&broken).unwrap_err().fault, Fault::BadCrc);
    let trailing = format!("{}5802US", sealed(&format!("000201010213{napas}53038405802US")));
    assert_eq!(read(&trailing).unwrap_err().fault, Fault::Trailing);
    assert_eq!(read("").unwrap_err().fault, Fault::CrcMissing);
    let long = format!(
        "000201010211{napas}53037045802VN{}",
        (80..=84)
            .map(|tag| format!("{tag}99{}", "x".repeat(99)))
            .collect::<String>()
    );
    assert_eq!(named(&long), Fault::TooLong);
    assert_eq!(named(&long.replace("5802VN", "5802US")), Fault::Country);
}

#[test]
fn what_the_field_prints_is_read_with_a_warning() {
    let napas = "38540010A00000072701240006970422011009012345670208QRIBFTTA";
    let warnings = |body: &str| {
        let text = sealed(&body.replace("{}", napas));
        let read = read(&text).unwrap_or_else(|e| panic!("{body}: {e}"));
        read.warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (body, wanted) in [
        ("0002015802VN5303704{}", "tag 01 is missing, read as static"),
        (
            "000201010211{}53037045802VN5914Phở Thìn Bờ Hồ",
            "59 has letters with marks",
        ),
        (
            "000201010211{}53037045802VN5926ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "59 has 26 characters",
        ),
        (
            "000201010211{}53037045802VN620064006500",
            "zero-length tag 62, zero-length tag 64, zero-length tag 65",
        ),
        (
            "000201010211{}530370455025802VN",
            "tags 55 to 57 do not belong together",
        ),
        ("000201010211{}53037045502015802VN", ""),
        ("000201010211{}53037045502025605200005802VN", ""),
        ("000201010211{}530370455020357032.55802VN", ""),
        ("000201010211{}53037045802VN6503abc621150070abcdef", ""),
        (
            "00020101021138540010A000000727012400069704220110090123 5670208QRIBFTTA53037045802VN",
            "38-01-01 has other characters than letters and digits",
        ),
    ] {
        let body = body.replace("55025802", "5502045802");
        assert_eq!(warnings(&body), wanted, "{body}");
    }
}

#[test]
fn any_changed_character_is_noticed() {
    for text in [STATIC, DYNAMIC] {
        for (at, to) in (0..text.len()).flat_map(|at| (b' '..=b'~').map(move |to| (at, to))) {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = to;
            let changed = String::from_utf8(changed).unwrap();
            // Letter case of the checksum says the same number.
            let is_same = changed.eq_ignore_ascii_case(text) && at >= text.len() - 4;
            assert!(is_same || changed == text || read(&changed).is_err(), "{at} {to}");
        }
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
    let field = Field::Purpose;
    let length = 28;
    let max = 25;
    assert_eq!(error, BuildError::TooLong { field, length, max });
    assert_eq!(error.code(), "TOO_LONG");
    assert_eq!(
        error.sentence().vi,
        "Nội dung chuyển khoản dài 28 ký tự, tối đa 25. Hãy bớt 3 ký tự."
    );
    for field in Field::ALL {
        let (char, max) = match field {
            // These have a form of their own, and a test.
            Field::Mcc | Field::TipIndicator | Field::FeeFixed | Field::FeePercent => continue,
            Field::ConsumerDataRequest => ("A", 3),
            Field::City => ("x", 15),
            Field::PostalCode => ("x", 10),
            _ => ("x", 25),
        };
        let with = |length: usize| payload(&plain().with(field, char.repeat(length)));
        let is_form = field == Field::ConsumerDataRequest;
        assert!(is_form || with(max).is_ok(), "{}", field.key());
        let length = max + 1;
        assert_eq!(with(length), Err(BuildError::TooLong { field, length, max }));
        assert_eq!(with(0), Err(BuildError::Empty(field)));
    }
}

#[test]
fn labels_and_note_share_99_characters() {
    let full = |reference: usize| {
        with_purpose(&"d".repeat(25))
            .with(Field::BillNumber, "a".repeat(25))
            .with(Field::StoreLabel, "b".repeat(25))
            .with(Field::ReferenceLabel, "c".repeat(reference))
    };
    assert!(built(&full(8)).contains("6299"));
    let error = payload(&full(9)).unwrap_err();
    assert_eq!(error, BuildError::AdditionalTooLong { length: 100 });
    assert_eq!(error.code(), "TOO_LONG");
    assert!(error.sentence().vi.ends_with("tối đa 99. Hãy bớt 1 ký tự."));
}

#[test]
fn what_no_app_could_pay_is_refused() {
    let refused = |code: Code| payload(&code).unwrap_err().code();
    for bin in ["", "97041", "9704155", "97041x", "９７０４１５", " 70415"] {
        assert_eq!(refused(to(bin, "113366668888", Service::Account)), "BIN", "{bin}");
    }
    for number in ["", "12345678901234567890", "12 34", "12-34", "１２３"] {
        assert_eq!(
            refused(to("970415", number, Service::Account)),
            "ACCOUNT",
            "{number}"
        );
    }
    for vnd in [0, -1, i64::MIN, 10_000_000_000_000, i64::MAX] {
        let amount = Some(Dong::new(vnd));
        assert_eq!(refused(Code { amount, ..plain() }), "AMOUNT", "{vnd}");
    }
    for (field, texts, word) in [
        (Field::Mcc, &["541", "54 1", "abcd"][..], "MCC"),
        (Field::TipIndicator, &["00", "04", "1"], "FORM"),
        (Field::ConsumerDataRequest, &["AA", "B", "AMA"], "FORM"),
    ] {
        for text in texts {
            assert_eq!(refused(plain().with(field, *text)), word, "{text}");
        }
    }
    for (tip, fixed, percent, word) in [
        (None, Some("1000"), None, "TIP"),
        (Some("01"), None, Some("05.00"), "TIP"),
        (Some("02"), None, None, "TIP"),
        (Some("02"), Some("1000"), Some("05.00"), "TIP"),
        (Some("03"), Some("1000"), None, "TIP"),
        (Some("02"), Some("000"), None, "FORM"),
        (Some("02"), Some("1.5"), None, "FORM"),
        (Some("03"), None, Some("00.00"), "FORM"),
        (Some("03"), None, Some("5."), "FORM"),
        (Some("03"), None, Some("5,5"), "FORM"),
    ] {
        let fields = [
            (Field::TipIndicator, tip),
            (Field::FeeFixed, fixed),
            (Field::FeePercent, percent),
        ];
        let code = fields
            .into_iter()
            .fold(plain(), |code, (field, text)| match text {
                Some(text) => code.with(field, text),
                None => code,
            });
        assert_eq!(refused(code), word, "{tip:?} {fixed:?} {percent:?}");
    }
    for tag in [0, 1, 38, 52, 63, 79] {
        let mut code = plain();
        code.other_accounts.insert(tag, "x".into());
        assert_eq!(refused(code), "RAW", "{tag}");
        let mut code = plain();
        code.unreserved.insert(tag, "x".into());
        assert_eq!(refused(code), "RAW", "{tag}");
    }
    let mut code = plain();
    code.unreserved = (80..=84).map(|tag| (tag, "x".repeat(99).into())).collect();
    assert_eq!(refused(code), "TOO_LONG");
    let code = Code {
        alternate: Some(Alternate::default()),
        ..plain()
    };
    assert_eq!(refused(code), "ALT_LANGUAGE");
    for (text, character) in [
        ("Chợ 市场", '市'),
        ("a\nb", '\n'),
        ("a\u{200b}b", '\u{200b}'),
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
    assert!(payload(&to("970418", "V3CAS5000123456", Service::Account)).is_ok());
    let error = payload(&to("970418", "V3CAS5000123456", Service::Card)).unwrap_err();
    assert_eq!(
        (error.code(), error.sentence().vi.contains("V3CAS")),
        ("ACCOUNT", false)
    );
    assert!(built(&to("970418", "9704031101234567", Service::Card)).contains("0208QRIBFTTC"));
    assert!(built(&to("970418", "ATM-0017", Service::Cash)).contains("0206QRCASH"));
}

#[test]
fn a_bill_travels_in_the_note_behind_the_stall_code() {
    let bill = |number: &str| {
        bill_payload(
            "970415",
            &account("113366668888"),
            "HC7K3M9J",
            Dong::new(45_000),
            number,
        )
    };
    let text = bill("B001234567").unwrap();
    let code = read(text.as_str()).unwrap().code;
    assert_eq!(
        (code.initiation, code.amount),
        (Initiation::Dynamic, Some(Dong::new(45_000)))
    );
    assert_eq!(code.texts.get(Field::Purpose), Some("HC7K3M9J B001234567"));
    assert_eq!(code.texts.get(Field::BillNumber), Some("B001234567"));
    assert_eq!(bill("B0012345678").unwrap_err().code(), "TOO_LONG");
    assert_eq!(bill("b1").unwrap_err().code(), "CHARACTER");
    assert_eq!(bill("").unwrap_err().code(), "ZERO_LENGTH");
}

#[test]
fn a_stall_code_stays_within_what_banks_carry() {
    let refused = |code: &str| stall_payload("970415", &account("8"), code).unwrap_err();
    let field = Field::Purpose;
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
        BuildError::TooLong {
            field,
            length: 20,
            max: 19
        }
    );
    assert_eq!(
        stall_payload("9704", &account("8"), "HC7K3M9J"),
        Err(BuildError::Bin)
    );
}

#[test]
fn the_initiation_does_not_follow_from_the_amount() {
    let fixed_price = Code {
        amount: Some(Dong::new(15_000)),
        ..plain()
    };
    assert!(built(&fixed_price).starts_with("000201010211"));
    let open_till = Code {
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
    fn any_code()(
        bank_bin in prop_oneof![6 => "[0-9]{6}", 1 => any::<String>()],
        number in prop_oneof![2 => "[0-9]{1,19}", 2 => "[A-Za-z0-9]{1,19}", 1 => "[ -~]{1,19}"],
        service in prop_oneof![Just(Service::Account), Just(Service::Card), Just(Service::Push), Just(Service::Cash)],
        is_vnpay in proptest::bool::weighted(0.1),
        dynamic in any::<bool>(),
        amount in proptest::option::of(prop_oneof![6 => 1..10_000_000_000_000_i64, 1 => any::<i64>()]),
        texts in proptest::collection::vec((4_usize..15, any_text()), 0..5),
        mcc in proptest::option::of(prop_oneof![6 => "[0-9]{4}", 1 => any::<String>()]),
        tip in prop_oneof![
            4 => Just(vec![]),
            1 => Just(vec![(Field::TipIndicator, "01")]),
            1 => Just(vec![(Field::TipIndicator, "02"), (Field::FeeFixed, "5000")]),
            1 => Just(vec![(Field::TipIndicator, "03"), (Field::FeePercent, "05.50")]),
            1 => Just(vec![(Field::FeePercent, "05.50")]),
        ],
        asked in proptest::option::weighted(0.2, prop_oneof!["[AME]", Just("AME".to_owned())]),
        alternate in proptest::option::weighted(0.2, ("[A-Z]{2}", "[ăâđêôơưẮỆỠỰa-z 市场]{1,25}", proptest::option::of("[ăâđa-z]{1,15}"))),
        others in proptest::collection::btree_map(2_u8..52, "[ -~]{1,30}", 0..2),
        unreserved in proptest::collection::btree_map(80_u8..100, "[ -~]{0,30}", 0..2),
    ) -> Code<'static> {
        let payee = if is_vnpay { Payee::Vnpay { merchant_id: number.into() } } else { Payee::Napas { bank_bin: bank_bin.into(), account: PayeeNumber::new(number), service } };
        let mut code = Code {
            initiation: if dynamic { Initiation::Dynamic } else { Initiation::Static },
            amount: amount.map(Dong::new),
            alternate: alternate.map(|(language, name, city)| Alternate {
                language: Some(language.into()),
                merchant_name: Some(name.into()),
                city: city.map(Into::into),
            }),
            other_accounts: others.into_iter().map(|(tag, text)| (tag, text.into())).collect(),
            unreserved: unreserved.into_iter().map(|(tag, text)| (tag, text.into())).collect(),
            ..Code::of(payee)
        };
        for (at, text) in texts {
            if let Some(text) = text {
                code.texts.set(Field::ALL[at], text);
            }
        }
        for (field, text) in tip {
            code.texts.set(field, text);
        }
        if let Some(mcc) = mcc {
            code.texts.set(Field::Mcc, mcc);
        }
        if let Some(asked) = asked {
            code.texts.set(Field::ConsumerDataRequest, asked);
        }
        code
    }
}

/// What docs/spec/vietqr.md, sections 1 to 6 say about a payload this room writes, without its reader.
fn assert_well_formed(text: &str, code: &Code) {
    assert!(text.chars().count() <= 512);
    assert!(code.alternate.is_some() || text.bytes().all(|b| matches!(b, b' '..=b'~')));
    let root = objects(text);
    // 63 stands last, behind 64 and 80 to 99.
    let (seal, before) = root.split_last().unwrap();
    assert!(seal.0 == 63 && before.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(
        (value(&root, 0), value(&root, 53), value(&root, 58)),
        (Some("01"), Some("704"), Some("VN"))
    );
    assert_eq!(value(&root, 1), Some(code.initiation.code()));
    if let Payee::Napas {
        bank_bin,
        account,
        service,
    } = &code.payee
    {
        let napas = objects(value(&root, 38).unwrap());
        assert_eq!(value(&napas, 0), Some("A000000727"));
        assert_eq!(value(&napas, 2), Some(service.code()));
        let receiver = objects(value(&napas, 1).unwrap());
        assert_eq!(value(&receiver, 0), Some(bank_bin.as_ref()));
        assert_eq!(value(&receiver, 1), Some(account.reveal()));
    }
    assert_eq!(
        value(&root, 54).map(str::to_owned),
        code.amount.map(|a| a.vnd().to_string())
    );
    let labels = value(&root, 62).map(objects).unwrap_or_default();
    for (field, tag) in [
        (Field::BillNumber, 1),
        (Field::TerminalLabel, 7),
        (Field::Purpose, 8),
    ] {
        assert_eq!(value(&labels, tag).is_some(), code.texts.get(field).is_some());
    }
    assert!(labels.iter().all(|(_, text)| text.len() <= 25));
    let (body, sum) = text.split_at(text.len() - 4);
    assert!(body.ends_with("6304"));
    assert_eq!(format!("{:04X}", crc16(body.as_bytes())), sum);
}

/// The code as it comes back: its texts without marks.
fn as_read(code: &Code) -> Code<'static> {
    let mut texts = Texts::default();
    for field in Field::ALL {
        if let Some(text) = code.texts.get(field) {
            let bare: String = text
                .nfd()
                .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
                .collect();
            texts.set(
                field,
                bare.replace('đ', "d").replace('Đ', "D").replace('\u{a0}', " "),
            );
        }
    }
    let owned = |text: &std::borrow::Cow<str>| std::borrow::Cow::Owned(text.to_string());
    let all = |raw: &BTreeMap<u8, std::borrow::Cow<str>>| {
        raw.iter().map(|(tag, text)| (*tag, owned(text))).collect()
    };
    Code {
        payee: match &code.payee {
            Payee::Vnpay { merchant_id } => Payee::Vnpay {
                merchant_id: owned(merchant_id),
            },
            Payee::Napas {
                bank_bin,
                account,
                service,
            } => Payee::Napas {
                bank_bin: owned(bank_bin),
                account: PayeeNumber::new(account.reveal().to_owned()),
                service: *service,
            },
        },
        initiation: code.initiation,
        amount: code.amount,
        texts,
        alternate: code.alternate.as_ref().map(|a| Alternate {
            language: a.language.as_ref().map(owned),
            merchant_name: a.merchant_name.as_ref().map(owned),
            city: a.city.as_ref().map(owned),
        }),
        other_accounts: all(&code.other_accounts),
        unreserved: all(&code.unreserved),
    }
}

proptest! {
    #[test]
    fn any_code_is_written_well_and_read_back_or_refused_with_a_reason(code in any_code()) {
        match payload(&code) {
            Ok(text) => {
                assert_well_formed(text.as_str(), &code);
                let reading = read(text.as_str()).unwrap();
                prop_assert_eq!(&reading.code, &as_read(&code));
                prop_assert_eq!(payload(&reading.code), Ok(text.clone()));
                // The same through the lines of the program.
                let line = decode_line(text.as_str(), Banks::shipped());
                let input: Value = serde_json::from_str::<Value>(&line.json).unwrap()["input"].clone();
                let again: Value = serde_json::from_str(&encode_line(&input.to_string(), Banks::shipped()).json).unwrap();
                prop_assert_eq!(again["payload"].as_str(), Some(text.as_str()));
            }
            Err(error) => {
                prop_assert!(!error.code().is_empty() && error.sentence().vi.ends_with('.'));
            }
        }
    }

    #[test]
    fn any_text_is_read_to_its_end(text in any::<String>(), at in 0_usize..109, to in any::<char>()) {
        let _ = read(&text);
        let _ = decode_line(&text, Banks::shipped());
        let _ = encode_line(&text, Banks::shipped());
        // Near a code, and with a checksum that hides nothing.
        let mut near: Vec<char> = STATIC.chars().collect();
        near[at] = to;
        let near: String = near[..105].iter().collect();
        prop_assert!(read(&near).is_err());
        let _ = read(&sealed(near.trim_end_matches("6304")));
    }

    #[test]
    fn a_sealed_code_with_any_change_says_what_it_says_or_why_not(at in 0_usize..101, to in "[ -~]") {
        let mut body = STATIC[..101].to_owned();
        body.replace_range(at..=at, &to);
        let text = sealed(&body);
        if let Ok(reading) = read(&text)
            && let Ok(again) = payload(&reading.code)
        {
            prop_assert_eq!(read(again.as_str()).unwrap().code, reading.code);
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
