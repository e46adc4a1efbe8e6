//! What is refused as a whole, and what keeps the reader within its bounds.

use std::io::Cursor;
use std::ops::ControlFlow;

use super::support::*;
use super::tables::{BANK, GATEWAY};
use super::*;
use crate::vn::Dong;

#[test]
fn what_is_no_statement_is_named() {
    for (bytes, said) in [
        (&b""[..], "rỗng"),
        (b"\xEF\xBB\xBF \r\n\n", "rỗng"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xFF\xD8\xFF\xE0", "JPEG"),
        (b"  <html><table><tr><td>1</td></tr></table></html>", "trang web"),
        (b"<table border=1><tr>", "trang web"),
        (
            b"<!DOCTYPE html><html><form>\xC4\x90\xC4\x83ng nh\xE1\xBA\xADp</form></html>",
            "trang web",
        ),
        (b"OFXHEADER:100\nDATA:OFXSGML\n", "OFX"),
        (b"!Type:Bank\nD15/06/2026\n", "QIF"),
        (b"{\"transactions\": []}", "JSON"),
        (b"<a><b/></a>", "XML"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"PK\x03\x04rest", "cắt ngang"),
        (b"N\0g\0a\0y\0,\0A\0m\0o\0u\0n\0t\0", "UTF-16"),
        (b"xin ch\xC3\xA0o\nkh\xC3\xB4ng c\xC3\xB3 g\xC3\xAC\n", "tiêu đề"),
    ] {
        let text = refusal(bytes);
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn records_that_do_not_end_are_refused_where_they_begin() {
    let header = "Ngày,Mã giao dịch,Số tiền\n15/01/2026,A1,5000\n";
    let mapping = proposed(header.as_bytes()).mapping;
    let said = |text: String| {
        read_with(text.as_bytes(), &mapping)
            .unwrap_err()
            .sentence()
            .vi
            .into_owned()
    };
    let open = said(format!("{header}15/01/2026,\"A2,5000\n15/01/2026,A3,5000\n"));
    assert!(
        open.contains("dòng 3") && open.contains("nháy kép") && open.contains("Đọc được 1 dòng"),
        "{open}"
    );
    let endless = said(format!("{header}15/01/2026,\"A2,{}", "x\n".repeat(1 << 20)));
    assert!(
        endless.contains("dòng 3") && endless.contains("nháy kép"),
        "{endless}"
    );
    let line = said(format!("{header}15/01/2026,{}", "x".repeat(2 << 20)));
    assert!(line.contains("Dòng 3") && line.contains("1024 KiB"), "{line}");
    let wide = said(format!("{header}{}", ",".repeat(600)));
    assert!(wide.contains("500 cột"), "{wide}");
    let cell = format!("{header}15/01/2026,{},5000\n", "x".repeat(40_000));
    let (events, _) = read_with(cell.as_bytes(), &mapping).unwrap();
    assert!(bad(&events)[0].1.contains("Ô thứ 2 dài"), "{events:?}");
}

#[test]
fn quoted_cells_hold_separators_marks_and_lines() {
    let text = "Ngày,Mã giao dịch,Số tiền,Nội dung\n15/01/2026,A1,5000,\"rau, \"\"sạch\"\"\ncá\"\n16/01/2026, \"A2\" ,6000,5\" ống\n";
    let rows = movements(&read(text.as_bytes()).0);
    assert_eq!(rows[0].note, "rau, \"sạch\" cá");
    assert_eq!((rows[1].row_number, rows[1].provider_txn_id.as_str()), (4, "A2"));
    assert_eq!(rows[1].note, "5\" ống");
}

#[test]
fn limits_are_named() {
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
    impl Seek for Endless {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            Ok(if let std::io::SeekFrom::End(_) = to {
                self.0
            } else {
                0
            })
        }
    }
    let error = propose(&mut Endless((256 << 20) + 1), "").unwrap_err();
    assert!(error.sentence().vi.contains("256 MiB"), "{error}");

    let mut take_all = |_: Event| ControlFlow::Continue(());
    let mut sink = row::EventSink::new(&mut take_all);
    let blank = || {
        Event::Ignored(IgnoredRow {
            row_number: 1,
            why: IgnoredWhy::Title,
            amount: Dong::ZERO,
        })
    };
    for _ in 0..1_000_000 {
        sink.push(blank()).unwrap();
    }
    let error = sink.push(blank()).unwrap_err();
    assert!(error.sentence().vi.contains("1000000 dòng"), "{error}");
}

#[test]
fn a_sink_that_breaks_ends_the_reading() {
    let mapping = proposed(GATEWAY.as_bytes()).mapping;
    let mut seen = 0;
    let outcome = read_statement(&mut Cursor::new(GATEWAY.as_bytes()), &mapping, &mut |_| {
        seen += 1;
        if seen == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert!(matches!(outcome, Err(StatementError::Stopped)) && seen == 2);
}

#[test]
fn nothing_personal_is_printed() {
    let events = read(BANK.as_bytes()).0;
    let printed = format!("{events:?}");
    assert!(
        !printed.contains("0011012345678") && !printed.contains("HC7K3M92"),
        "{printed}"
    );
}
