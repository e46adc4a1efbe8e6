//! Messages whose fields have fixed meanings: SWIFT MT940 and ISO 20022 camt. No mapping is needed.
//!
//! Both are read here and not by a library: the crate mt940 1.1 wants the whole file in memory and refuses it whole
//! when one line breaks its grammar, and the camt crates are types generated from the schema, which hold a whole file
//! too. A statement here may have a million rows, and one bad row must not lose the others.

pub(crate) mod camt;
pub(crate) mod camt_entry;
pub(crate) mod mt940;
pub(crate) mod mt940_entry;

/// A reference, or nothing where the field says that there is none.
pub(crate) fn reference(text: &str) -> &str {
    let text = text.trim();
    let letters: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let says_none = matches!(
        letters.to_ascii_uppercase().as_str(),
        "NONREF" | "NOREF" | "NOTPROVIDED" | "NOTAPPLICABLE" | "NONE" | "NULL" | "NA"
    );
    if says_none || letters.chars().all(|c| c == '0') {
        ""
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn what_stands_for_no_reference_is_none() {
        for text in [
            "",
            "NONREF",
            " nonref ",
            "NOTPROVIDED",
            "Not Provided",
            "---",
            "000000",
            "0-0",
            "N/A",
        ] {
            assert_eq!(reference(text), "", "{text}");
        }
        for text in ["FT26166000101", "0001", "NONREF1", "A"] {
            assert_eq!(reference(text), text);
        }
    }
}
