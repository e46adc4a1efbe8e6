//! Writes the corpus: every shared vector as an input, under `corpus/callbacks`.

use choso_fuzz::VECTORS;
use choso_fuzz::notice::SCHEMES;

fn main() -> std::io::Result<()> {
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
