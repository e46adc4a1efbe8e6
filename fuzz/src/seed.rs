//! Writes the corpus: every shared vector of providers under `corpus/callbacks`, every payload under
//! `corpus/vietqr`, pictures of some of them under `corpus/scan`, and statements of each make
//! under `corpus/statement` and `corpus/statement_MAKE`.

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

/// Writes files into the corpus of one target.
fn corpus(target: &str, files: &[(&str, Vec<u8>)]) -> std::io::Result<()> {
    let folder = format!("{}/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(&folder)?;
    for (name, bytes) in files {
        std::fs::write(format!("{folder}/{name}"), bytes)?;
    }
    Ok(())
}

const GATEWAY: &str = "\u{feff}BẢNG KÊ GIAO DỊCH;;;;;;;\n\nMã giao dịch;Thời gian giao dịch;Số tiền;Phí;VAT;Thực nhận;Tài khoản nhận;Nội dung\n\
    GD1;02/03/2026 08:00:01;1.234.000;6.787;679;1.226.534;'0011001;HC7K3M9J \"tien\" rau\n\
    GD2;02/03/2026 08:00:02;(5.000);0;0;(5.000);'0011001;hoan\nGD3;31/02/2026;1.23;;;;;\nTổng cộng;;1.229.000;;;;;\n";
const BANK: &str = "Date,Doc No,Debit,Credit,Balance,Description\n2026-03-02,FT1,,\"20,000\",\"120,000\",tien ca\n2026-03-02,FT2,\"5,000\",,\"115,000\",phi\n";
const MT940: &str = ":20:ST1\n:25:970415/0011001\n:28C:1/1\n:60F:C260302VND100000,\n:61:2603020302C20000,NTRFFT1//B1\n:86:HC7K3M9J tien rau\n\
    :62M:C260302VND120000,\n-\n:20:ST1\n:25:970415/0011001\n:28C:1/2\n:60M:C260302VND120000,\n:61:260302    RC5000,00NTRFNONREF\n:86:166?00GHI CO?20HOAN H\n?21C7K3M9J?32AN\n\
    :61:2603020302DD1\n000.00NCHGX\n:86:T16\n:26:37 A\n-\nB\n:62F:C260302VND114000,\n-\n";
const CAMT: &str = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><Stmt>\
    <Acct><Id><Othr><Id>0011001</Id></Othr></Id><Ccy>VND</Ccy></Acct>\
    <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt>1000</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>\
    <Ntry><Amt Ccy=\"VND\">20000</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt>\
    <NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><Amt Ccy=\"VND\">25000</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
    <RmtInf><Ustrd>HC7K3M9J</Ustrd><Strd><CdtrRefInf><Ref>R1</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>\
    <TxDtls><Amt Ccy=\"VND\">5000</Amt><CdtDbtInd>DBIT</CdtDbtInd><RtrInf/></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>";
const PAGE: &str = "<head><meta charset=utf-8><style>td { color: red }</style></head><body><p>Số tài khoản: 0011001</p><table border=1>\
    <tr><th rowspan=2>Ngày giao dịch<th rowspan=2>Mã giao dịch<th colspan=2>Phát sinh<tr><th>Nợ<th>Có\
    <tr><td>02/03/2026<td>FT1<td><td><span style='display:none'>5</span>20.000</td></tr>\
    <tr><td>02/03/2026</td><td x:num=\"123456789012\">1.2E+11</td><td>5&#46;000</td><td>&nbsp;</td></tr></table></body></html>";

const OPEN_DOCUMENT: &str = "<office:document-content><table:table table:name=\"GD\"><table:table-row table:number-rows-repeated=\"2\"><table:table-cell/></table:table-row>\
    <table:table-row><table:table-cell><text:p>Date</text:p></table:table-cell><table:table-cell><text:p>Amount</text:p></table:table-cell></table:table-row>\
    <table:table-row table:number-rows-repeated=\"2\"><table:table-cell office:value-type=\"date\" office:date-value=\"2026-03-02T08:00:00\"/>\
    <table:table-cell office:value-type=\"float\" office:value=\"2E4\"><text:p>20.000<text:s/>đ</text:p></table:table-cell></table:table-row></table:table></office:document-content>";
const XML_2003: &str = "<Table><Row Index=\"2\"><Cell><Data Type=\"String\">Date</Data></Cell><Cell MergeAcross=\"1\"><Data Type=\"String\">Amo<B>unt</B></Data></Cell></Row>\
    <Row><Cell><Data Type=\"DateTime\">2026-03-02T00:00:00.000</Data></Cell><Cell Index=\"2\"><Data Type=\"Number\">2E4</Data></Cell></Row></Table></Worksheet></Workbook>";

fn sheet() -> String {
    let cell = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let titles: String = ["Mã giao dịch", "Ngày giao dịch", "Số tiền"].map(cell).concat();
    format!(
        "<worksheet><sheetData><row r=\"1\">{titles}</row><row r=\"3\">{}<c s=\"1\"><v>46083.5</v></c><c><v>5000</v><is><t>5.000</t></is></c></row>\
         <row r=\"2\"><c r=\"C2\"><v>6000</v></c><c r=\"A2\" t=\"str\"><v>GD_x0032_</v></c><c r=\"B2\" s=\"1\"><v>46083</v></c><c r=\"XFD2\" s=\"1\"/></row></sheetData></worksheet>",
        cell("GD1")
    )
}

/// The stream of an old workbook with one sheet, its cells of texts and packed numbers.
fn old_stream() -> Vec<u8> {
    let record = |kind: u16, bytes: &[u8]| {
        let head = [kind.to_le_bytes(), (bytes.len() as u16).to_le_bytes()].concat();
        [&head[..], bytes].concat()
    };
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let label = |row: u8, column: u8, text: &str| {
        let count = (text.encode_utf16().count() as u16).to_le_bytes();
        record(
            0x0204,
            &[&[row, 0, column, 0, 0, 0], &count[..], &[1], &wide(text)].concat(),
        )
    };
    let number = |row: u8, column: u8, whole: u32| {
        record(
            0x027E,
            &[&[row, 0, column, 0, 0, 0], &(whole << 2 | 2).to_le_bytes()[..]].concat(),
        )
    };
    let mut sheet = record(0x0809, &[0, 6, 0x10, 0, 0, 0, 0, 0]);
    for (column, title) in (0..).zip(["Mã giao dịch", "Ngày giao dịch", "Số tiền"]) {
        sheet.extend(label(0, column, title));
    }
    sheet.extend(
        [
            label(1, 0, "GD1"),
            label(1, 1, "02/03/2026"),
            number(1, 2, 20_000),
        ]
        .concat(),
    );
    sheet.extend(record(0x000A, &[]));
    let mut globals = record(0x0809, &[0, 6, 5, 0, 0, 0, 0, 0]);
    globals.extend(record(0x00E0, &[0; 20]));
    let from = (globals.len() + 4 + 9 + 4) as u32;
    globals.extend(record(
        0x0085,
        &[&from.to_le_bytes()[..], &[0, 0, 1, 0], b"S"].concat(),
    ));
    globals.extend(record(0x000A, &[]));
    [globals, sheet].concat()
}

/// The sheet of a workbook of records, whose texts stand in its package.
fn records() -> Vec<u8> {
    let cells = |cells: &[(u8, Vec<u8>)]| -> Vec<u8> {
        let record = |(kind, body): &(u8, Vec<u8>)| [&[*kind, body.len() as u8], &body[..]].concat();
        cells.iter().flat_map(record).collect()
    };
    let cell = |column: u8, value: &[u8]| [&[column, 0, 0, 0, 0, 0, 0, 0], value].concat();
    let amount = 20_000.0_f64.to_bits().to_le_bytes();
    cells(&[
        (0, vec![0; 8]),
        (7, cell(0, &[0, 0, 0, 0])),
        (18, vec![0, 0, 0, 0, 1, 0, 0, 0]),
        (0, vec![1, 0, 0, 0, 0, 0, 0, 0]),
        (7, cell(0, &[2, 0, 0, 0])),
        (5, cell(1, &amount)),
    ])
}

fn statements() -> std::io::Result<()> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let wide: Vec<u8> = GATEWAY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let sheet = sheet();
    let workbook = choso_fuzz::workbook(sheet.as_bytes());
    let archive = format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"b\"\r\n\r\n--b\r\nContent-Location: a.htm\r\n\
         Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/html; charset=\"utf-8\"\r\n\r\n{}\r\n--b--\r\n",
        PAGE.replace('=', "=3D")
    );
    for (name, file) in [
        ("csv", bytes(GATEWAY)),
        ("bank", bytes(BANK)),
        ("xlsx", workbook.clone()),
        ("xls", choso_fuzz::old_workbook(&old_stream())),
        ("xlsb", choso_fuzz::binary_workbook(&records())),
        ("ods", choso_fuzz::open_document(OPEN_DOCUMENT.as_bytes())),
        ("xml2003", choso_fuzz::xml2003(XML_2003.as_bytes())),
        ("html", choso_fuzz::page(PAGE.as_bytes())),
        ("mhtml", bytes(&archive)),
        ("mt940", bytes(MT940)),
        ("camt", bytes(CAMT)),
    ] {
        assert!(choso_fuzz::has_rows(&file), "{name} gives no rows");
    }
    corpus(
        "statement_csv",
        &[
            ("gateway", bytes(GATEWAY)),
            ("bank", bytes(BANK)),
            ("utf16", wide.clone()),
        ],
    )?;
    corpus("statement_xlsx", &[("sheet", bytes(&sheet))])?;
    corpus("statement_xls", &[("stream", old_stream())])?;
    corpus("statement_xlsb", &[("sheet", records())])?;
    corpus("statement_ods", &[("content", bytes(OPEN_DOCUMENT))])?;
    corpus("statement_xml2003", &[("sheet", bytes(XML_2003))])?;
    corpus("statement_html", &[("page", bytes(PAGE))])?;
    corpus("statement_mhtml", &[("archive", bytes(&archive))])?;
    corpus("statement_mt940", &[("pages", bytes(MT940))])?;
    corpus("statement_camt", &[("batch", bytes(CAMT))])?;
    let files = [("a.csv", GATEWAY.as_bytes()), ("b/c.sta", MT940.as_bytes())];
    corpus("statement_archive", &[("two", choso_fuzz::archive(&files))])?;
    // The first byte says what the rest is: a file, or the sheet of a workbook, of no known provider.
    let first = |first: u8, rest: &[u8]| [&[first], rest].concat();
    corpus(
        "statement",
        &[
            ("gateway", first(0, GATEWAY.as_bytes())),
            ("bank", first(0, BANK.as_bytes())),
            ("mt940", first(0, MT940.as_bytes())),
            ("camt053", first(0, CAMT.as_bytes())),
            ("sheet", first(1, sheet.as_bytes())),
            ("utf16", first(0, &wide)),
            ("workbook", first(0, &workbook)),
        ],
    )
}
