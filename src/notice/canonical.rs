//! Writing JSON again in the forms that schemes sign (docs/spec/providers.md, sections 10 and 11).

use super::json::Json;

/// What a JSON writer escapes beyond what JSON demands; the provider's samples differ (contested,
/// docs/spec/providers.md, section 11).
#[derive(Debug, Clone, Copy)]
pub(super) struct Escapes {
    /// The name of the form, where it is not the plain one.
    pub variant: &'static str,
    non_ascii: bool,
    delete: bool,
    slash: bool,
    html: bool,
}

/// Raw UTF-8 with only the escapes that JSON demands: the JavaScript, C# and Java samples.
pub(super) const RAW: Escapes = Escapes {
    variant: "",
    non_ascii: false,
    delete: false,
    slash: false,
    html: false,
};
/// In the order they are tried. Where a body holds none of the characters, all write the same text.
pub(super) const WRITERS: [Escapes; 4] = [
    RAW,
    Escapes {
        variant: "php",
        non_ascii: true,
        slash: true,
        ..RAW
    },
    Escapes {
        variant: "python",
        non_ascii: true,
        delete: true,
        ..RAW
    },
    Escapes {
        variant: "go",
        html: true,
        ..RAW
    },
];

impl Escapes {
    /// Whether it writes a character as `\uXXXX` that JSON would let pass.
    fn must_escape(self, c: char) -> bool {
        match c {
            '<' | '>' | '&' => self.html,
            // Go escapes these two line ends along with the characters of HTML.
            '\u{2028}' | '\u{2029}' if self.html => true,
            '\u{7f}' => self.delete,
            c => self.non_ascii && !c.is_ascii(),
        }
    }

    fn write_text(self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '/' if self.slash => out.push_str("\\/"),
                c if c < ' ' || self.must_escape(c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// JSON with the members of each object sorted by name and without blanks.
pub(super) fn canonical(value: &Json, escapes: Escapes) -> String {
    let mut out = String::new();
    write(value, escapes, &mut out);
    out
}

fn write(value: &Json, escapes: Escapes, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(b) => out.push_str(&b.to_string()),
        Json::Integer(n) => out.push_str(&n.to_string()),
        Json::OtherNumber(digits) => out.push_str(digits),
        Json::Text(text) => escapes.write_text(text, out),
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                out.push(if i == 0 { '[' } else { ',' });
                write(item, escapes, out);
            }
            out.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Json::Object(object) => {
            let mut members: Vec<_> = object.members().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (i, (name, value)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                escapes.write_text(name, out);
                out.push(':');
                write(value, escapes, out);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::read;
    use super::*;

    #[test]
    fn each_writer_escapes_what_its_language_does() {
        let json = read(r#""ề 1/2 <cá> & 😀 \u007f \" \\ \n""#).unwrap();
        for (writer, wanted) in WRITERS.iter().zip([
            "\"ề 1/2 <cá> & 😀 \u{7f} \\\" \\\\ \\n\"",
            "\"\\u1ec1 1\\/2 <c\\u00e1> & \\ud83d\\ude00 \u{7f} \\\" \\\\ \\n\"",
            "\"\\u1ec1 1/2 <c\\u00e1> & \\ud83d\\ude00 \\u007f \\\" \\\\ \\n\"",
            "\"ề 1/2 \\u003ccá\\u003e \\u0026 😀 \u{7f} \\\" \\\\ \\n\"",
        ]) {
            assert_eq!(canonical(&json, *writer), wanted);
        }
    }

    #[test]
    fn members_are_sorted_and_blanks_go() {
        let json = read(r#"{"b":{ },"data":{"x":true,"y":null,"n":-1.50},"a":[ 1, 2 ],"c":[ ]}"#).unwrap();
        let wanted = r#"{"a":[1,2],"b":{},"c":[],"data":{"n":-1.5,"x":true,"y":null}}"#;
        assert_eq!(canonical(&json, RAW), wanted);
    }
}
