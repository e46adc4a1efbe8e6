//! Web forms and queries (`application/x-www-form-urlencoded`), read strictly.

use super::refusal::Refusal;

/// More parameters than this are refused.
const PARAMETERS_MAX: usize = 200;

/// Decoded parameters in the order they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `name=value&…`: `+` is a space, `%XX` a byte. A parameter that came twice, a broken escape
    /// and bytes that are not UTF-8 are refused (docs/spec/providers.md, section 1, rules 2 and 6).
    pub fn read(raw: &str) -> Result<Form, Refusal> {
        let mut all: Vec<(String, String)> = Vec::new();
        for part in raw.split('&').filter(|p| !p.is_empty()) {
            if all.len() == PARAMETERS_MAX {
                let because = format!("holds more than {PARAMETERS_MAX} parameters");
                return Err(Refusal::malformed("parameters", because));
            }
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decoded(name)?;
            let value = decoded(value)?;
            if all.iter().any(|(n, _)| *n == name) {
                return Err(Refusal::malformed(&name, "came twice"));
            }
            all.push((name, value));
        }
        Ok(Form(all))
    }

    /// A parameter, if it came.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// A parameter that must be there: 1 to `chars_max` characters, none of them control.
    pub fn required(&self, name: &str, chars_max: usize) -> Result<&str, Refusal> {
        let value = self.get(name).unwrap_or_default();
        let is_long = value.chars().count() > chars_max;
        if !(value.is_empty() || is_long || value.chars().any(char::is_control)) {
            Ok(value)
        } else {
            Err(Refusal::malformed(
                name,
                format!("wanted 1 to {chars_max} characters of text"),
            ))
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let wrong = |because: &str| {
        let shown: String = text.chars().take(40).collect();
        Refusal::malformed(&shown, because)
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |i: usize| after.get(i).and_then(|b| char::from(*b).to_digit(16));
                let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                    return Err(wrong("holds a % that is not followed by two hex digits"));
                };
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            b => bytes.push(*b),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong("is not UTF-8 once decoded"))
}

/// What a web form leaves as it is besides letters and digits.
pub(super) const PLAIN: &str = "*-._";

/// Writes a value as a web form does: space `+`, UTF-8 bytes as upper-case `%XX`, letters, digits and
/// the characters of `keep` as they are.
pub(super) fn encoded(value: &str, keep: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for b in value.bytes() {
        match b {
            b' ' => out.push('+'),
            b if b.is_ascii_alphanumeric() || keep.as_bytes().contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_are_read_strictly() {
        let form = Form::read("a=1&b=x+y%20z%C3%A9&c=&d").unwrap();
        let all: Vec<_> = form.iter().collect();
        assert_eq!(all, [("a", "1"), ("b", "x y zé"), ("c", ""), ("d", "")]);
        for wrong in ["a=1&a=2", "a=%", "a=%4", "a=%zz", "a=%ff", "a=1&%61=2"] {
            assert!(Form::read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in "\\PC{0,20}") {
            let form = Form::read(&format!("v={}", encoded(&value, PLAIN))).unwrap();
            prop_assert_eq!(form.get("v"), Some(value.as_str()));
        }

        #[test]
        fn any_text_is_read_or_refused(raw in "\\PC{0,60}") {
            let _ = Form::read(&raw);
        }
    }
}
