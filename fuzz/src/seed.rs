//! Writes the corpus: every shared vector of providers under `corpus/callbacks`, every payload under
//! `corpus/vietqr`, and pictures of some of them under `corpus/scan`.

use choso_fuzz::VECTORS;
use choso_fuzz::notice::SCHEMES;
use choso_fuzz::vietqr::{Symbol, payload, read};

fn main() -> std::io::Result<()> {
    codes()?;
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
    let (texts, pictures) = (folder("vietqr")?, folder("scan")?);
    for (at, vector) in vectors.iter().enumerate() {
        let (id, text) = (vector["id"].as_str().unwrap_or("vector"), vector["payload"].as_str().unwrap_or_default());
        std::fs::write(format!("{texts}/{id}"), text)?;
        let written = read(text).ok().and_then(|reading| payload(&reading.code).ok());
        if let (Some(written), 0) = (written, at % 10) {
            std::fs::write(format!("{pictures}/{id}.png"), Symbol::of(&written).png(2))?;
        }
    }
    Ok(())
}
