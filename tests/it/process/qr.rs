//! `choso qr` and `choso print` as scripts and people call them.

use std::process::Output;

use serde_json::{Value, json};

use super::{answers, done, fed, prepare, run};
use crate::support::*;

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("../../data/vietqr_vectors.json")).expect("vectors")
}

/// A command of `choso qr` with these lines on its standard input.
fn qr(what: &str, lines: &[String]) -> Output {
    fed(&Database::sqlite(), &["qr", what], &lines.join("\n"))
}

#[test]
fn codes_go_out_and_come_back_in_their_order() {
    let build: Vec<Value> = vectors().into_iter().filter(|v| v["mode"] == "build").collect();
    // Often enough that several workers take turns.
    let inputs: Vec<String> = build
        .iter()
        .cycle()
        .take(5_000)
        .map(|v| v["input"].to_string())
        .collect();
    let made = qr("encode", &inputs);
    assert!(made.status.success());
    let payloads: Vec<String> = answers(&made)
        .iter()
        .map(|answer| answer["payload"].as_str().expect("a payload").to_owned())
        .collect();
    assert_eq!(payloads.len(), 5_000);
    for (vector, payload) in build.iter().cycle().zip(&payloads) {
        assert_eq!(vector["payload"], *payload.as_str());
    }
    let read = qr("decode", &payloads);
    assert!(read.status.success());
    assert!(answers(&read).iter().all(|answer| answer["valid"] == true));
}

#[test]
fn refused_lines_keep_their_place_and_end_with_one() {
    let lines = [
        "{}",
        "nonsense",
        r#"{"bank_bin":"970415","account":"1","amount":1.0}"#,
        r#"{"bank_bin":"970415","account":"1","extra":{"x":1}}"#,
        "",
    ];
    let made = qr("encode", &lines.map(str::to_owned));
    assert_eq!(made.status.code(), Some(1));
    let codes: Vec<Value> = answers(&made)
        .iter()
        .map(|answer| answer["error"]["code"].clone())
        .collect();
    // The last line is empty and has no end: there is no fifth line.
    assert_eq!(
        codes,
        [json!("MISSING"), json!("INPUT"), json!("AMOUNT"), json!("INPUT")]
    );
    let read = qr(
        "decode",
        &["\"\"", "\"\\u0000\"", "\"open", "00", "\"\\ud800\""].map(str::to_owned),
    );
    assert_eq!(read.status.code(), Some(1));
    let codes: Vec<Value> = answers(&read)
        .iter()
        .map(|answer| answer["code"].clone())
        .collect();
    assert_eq!(
        codes,
        ["CRC_MISSING", "TRUNCATED", "INPUT", "TRUNCATED", "INPUT"].map(|code| json!(code))
    );
}

#[test]
fn an_unknown_bank_is_a_warning_and_never_invented() {
    let made = qr("encode", &[r#"{"bank_bin":"999123","account":"1"}"#.to_owned()]);
    assert!(made.status.success());
    assert!(String::from_utf8_lossy(&made.stderr).contains("bank 999123 is not in the directory"));
    let payload = answers(&made)[0]["payload"]
        .as_str()
        .expect("a payload")
        .to_owned();
    let read = qr("decode", &[payload]);
    assert_eq!(
        answers(&read)[0]["warnings"],
        json!(["bank 999123 is not in the directory"])
    );
}

#[test]
fn one_code_from_flags_becomes_pictures_that_are_read_back() {
    let database = Database::sqlite();
    let flags = [
        "qr",
        "encode",
        "--bank",
        "vietinbank",
        "--account",
        "113366668888",
        "--purpose",
        "HC7K3M9J",
    ];
    let line: Value = serde_json::from_str(&done(&database, &flags)).expect("JSON");
    let files = ["--png", "code.png", "--svg", "code.svg", "--terminal"];
    let drawn = done(&database, &[&flags[..], &files].concat());
    // 37 modules and 4 white ones around, two rows a line.
    assert_eq!(drawn.lines().count(), 23);
    assert!(drawn.lines().all(|line| line.chars().count() == 45));
    let folder = database.folder.path();
    assert!(
        std::fs::read_to_string(folder.join("code.svg"))
            .expect("written")
            .starts_with("<svg")
    );
    let read: Value = serde_json::from_str(&done(&database, &["qr", "read", "code.png"])).expect("JSON");
    assert_eq!(
        (&read["payload"], &read["valid"], &read["file"]),
        (&line["payload"], &json!(true), &json!("code.png"))
    );
    assert_eq!(read["input"]["purpose"], "HC7K3M9J");
    for (bank, said) in [("bvb", "give the BIN"), ("zzz", "no bank is called")] {
        let refused = run(&database, &["qr", "encode", "--bank", bank, "--account", "1"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains(said), "{bank}");
    }
    assert!(done(&database, &["qr", "banks", "quân", "đội"]).starts_with("970422  MBBank"));
}

#[test]
fn a_picture_without_a_code_is_told_apart_from_a_broken_one() {
    let database = Database::sqlite();
    let folder = database.folder.path();
    let png = |width: u32, height: u32| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::GrayImage::from_pixel(width, height, image::Luma([200]))
            .write_to(&mut bytes, image::ImageFormat::Png)
            .expect("a PNG");
        bytes.into_inner()
    };
    let blank = png(300, 200);
    // A header that says 60.000 × 60.000 and nothing behind it: nothing may be made of that size.
    let mut bomb = blank.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let sum = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&sum.to_be_bytes());
    for (name, bytes, code) in [
        ("blank.png", blank.clone(), "NO_CODE"),
        ("cut.png", blank[..blank.len() / 2].to_vec(), "PICTURE_DAMAGED"),
        ("bomb.png", bomb, "PICTURE_TOO_LARGE"),
        ("pdf.png", b"%PDF-1.7 no picture".to_vec(), "PICTURE_FORMAT"),
        ("empty.png", Vec::new(), "PICTURE_FORMAT"),
        ("text.jpg", b"hello".to_vec(), "PICTURE_FORMAT"),
    ] {
        std::fs::write(folder.join(name), bytes).expect("written");
        let output = run(&database, &["qr", "read", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            (&answer["valid"], &answer["code"]),
            (&json!(false), &json!(code)),
            "{name}"
        );
    }
    // Two codes in one picture are two lines.
    let flags = |account: &'static str, file: &'static str| {
        [
            "qr",
            "encode",
            "--bank",
            "970415",
            "--account",
            account,
            "--png",
            file,
        ]
    };
    done(&database, &flags("11", "a.png"));
    done(&database, &flags("22", "b.png"));
    let open = |name: &str| image::open(folder.join(name)).expect("a picture").into_luma8();
    let a = open("a.png");
    let b = open("b.png");
    let mut both = image::GrayImage::from_pixel(a.width() + b.width(), a.height(), image::Luma([255]));
    image::imageops::replace(&mut both, &a, 0, 0);
    image::imageops::replace(&mut both, &b, i64::from(a.width()), 0);
    both.save(folder.join("both.png")).expect("written");
    let text = done(&database, &["qr", "read", "both.png"]);
    let accounts: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).expect("JSON")["input"]["account"].clone())
        .collect();
    assert_eq!(accounts, [json!("11"), json!("22")]);
}

/// The checksum of PNG (ISO/IEC 15948, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn a_market_is_printed_in_the_order_of_its_stalls() {
    let database = Database::sqlite();
    prepare(&database);
    let print = [
        "print",
        "--place",
        "đường thử",
        "--host",
        "choso.example.vn",
        "--out",
        "street.pdf",
    ];
    done(&database, &print);
    let folder = database.folder.path();
    let first = std::fs::read(folder.join("street.pdf")).expect("written");
    assert!(first.starts_with(b"%PDF"));
    done(&database, &print);
    assert_eq!(
        first,
        std::fs::read(folder.join("street.pdf")).expect("written"),
        "same inputs, same bytes"
    );
    let nothing = run(
        &database,
        &["print", "--place", "chợ thử", "--host", "h", "--out", "x.pdf"],
    );
    assert_eq!(nothing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no card to print"));
    let unknown = run(
        &database,
        &["print", "--place", "nowhere", "--host", "h", "--out", "x.pdf"],
    );
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no street or market"));
}
