//! Writes the corpus: every shared vector of providers under `corpus/callbacks`, every payload under
//! `corpus/vietqr`, pictures of some of them under `corpus/scan`, and a statement of each make but the old workbook
//! under `corpus/statement`.

use choso_fuzz::VECTORS;
use choso_fuzz::notice::SCHEMES;
use choso_fuzz::vietqr::{Symbol, payload, read};

fn main() -> std::io::Result<()> {
    codes()?;
    statements()?;
    let vectors: Vec<serde_json::Value> = serde_json::from_str(VECTORS)?;
    for vector in &vectors {
        let place = SCHEMES.iter().position(|s| {
            vector["provider"] == s.profile && (vector["scheme"] == s.name || s.profile == "mb")
        });
        let Some(place) = place else { continue };
        let request = &vector["request"];
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let headers = request["headers"].as_object().cloned().unwrap_or_default();
        let lines = headers
            .iter()
            .map(|(n, v)| format!("{n}: {}\n", v.as_str().unwrap_or_default()));
        let head: String = lines.collect();
        let mut input = vec![place as u8];
        input.extend([text("query"), head, text("body")].join("\0").bytes());
        let folder = format!("{}/corpus/callbacks", env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(
            format!("{folder}/{}", vector["id"].as_str().unwrap_or("vector")),
            &input,
        )?;
    }
    Ok(())
}

fn codes() -> std::io::Result<()> {
    let vectors: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../tests/data/vietqr_vectors.json"))?;
    let folder = |name: &str| {
        let folder = format!("{}/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir_all(&folder).map(|()| folder)
    };
    let texts = folder("vietqr")?;
    let pictures = folder("scan")?;
    for (at, vector) in vectors.iter().enumerate() {
        let id = vector["id"].as_str().unwrap_or("vector");
        let text = vector["payload"].as_str().unwrap_or_default();
        std::fs::write(format!("{texts}/{id}"), text)?;
        let written = read(text).ok().and_then(|reading| payload(&reading.code).ok());
        if let (Some(written), 0) = (written, at % 10) {
            std::fs::write(format!("{pictures}/{id}.png"), Symbol::of(&written).png(2))?;
        }
    }
    Ok(())
}

/// The first byte says what the rest is: a file, or the sheet of a workbook, of no known provider.
fn statements() -> std::io::Result<()> {
    let folder = format!("{}/corpus/statement", env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(&folder)?;
    let gateway = "\u{feff}BẢNG KÊ GIAO DỊCH;;;;;;;\n\nMã giao dịch;Thời gian giao dịch;Số tiền;Phí;VAT;Thực nhận;Tài khoản nhận;Nội dung\n\
        GD1;02/03/2026 08:00:01;1.234.000;6.787;679;1.226.534;'0011001;HC7K3M9J \"tien\" rau\n\
        GD2;02/03/2026 08:00:02;(5.000);0;0;(5.000);'0011001;hoan\nGD3;31/02/2026;1.23;;;;;\nTổng cộng;;1.229.000;;;;;\n";
    let bank = "Date,Doc No,Debit,Credit,Balance,Description\n2026-03-02,FT1,,\"20,000\",\"120,000\",tien ca\n2026-03-02,FT2,\"5,000\",,\"115,000\",phi\n";
    let mt940 = ":20:ST1\n:25:0011001\n:28C:1/1\n:60F:C260302VND100000,\n:61:2603020302C20000,NTRFFT1//B1\n:86:HC7K3M9J tien rau\n:62F:C260302VND120000,\n-\n";
    let camt = "<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><Stmt>\
        <Acct><Id><Othr><Id>0011001</Id></Othr></Id></Acct><Ntry><Amt Ccy=\"VND\">20000</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
        <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs>\
        </TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>";
    let cell = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let titles: String = ["Mã giao dịch", "Ngày giao dịch", "Số tiền"].map(cell).concat();
    let sheet = format!(
        "<worksheet><sheetData><row r=\"1\">{titles}</row><row r=\"2\">{}<c s=\"1\"><v>46083.5</v></c><c><v>5000</v></c></row></sheetData></worksheet>",
        cell("GD1")
    );
    for (name, first, text) in [
        ("gateway", 0, gateway),
        ("bank", 0, bank),
        ("mt940", 0, mt940),
        ("camt053", 0, camt),
        ("sheet", 1, &sheet),
    ] {
        std::fs::write(format!("{folder}/{name}"), [&[first], text.as_bytes()].concat())?;
    }
    let utf16: Vec<u8> = gateway.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(format!("{folder}/utf16"), [&[0], &utf16[..]].concat())?;
    std::fs::write(
        format!("{folder}/workbook"),
        [&[0], &choso_fuzz::workbook(sheet.as_bytes())[..]].concat(),
    )
}
