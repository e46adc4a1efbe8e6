//! Many rows in one: what a driver hands over value by value costs ten times what the database needs to find it, so
//! a page of rows is packed into one text by the database and taken apart here.
//!
//! A record is its numbers and the lengths of its texts, with commas between them and a colon behind, and then the
//! texts one after the other. A missing number is empty. A column that is NULL all the same makes the record one field
//! too short, which is seen when it is taken apart.

use super::{Result, StoreError};

/// The SQL expression that packs a row: these columns as numbers, those as texts. Columns are constants of the
/// program. Where one may be NULL, its expression makes it an empty text.
pub(super) fn packed(numbers: &[&str], texts: &[&str]) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(numbers.iter().map(|number| (*number).to_owned()));
    parts.extend(texts.iter().map(|text| format!("length({text})")));
    // One call for all of them: each || would copy what stands before it.
    let head = parts.join(", ");
    let tail = texts.join(", ");
    format!("concat_ws(',', {head}) || concat(':', {tail})")
}

/// Takes packed records apart, one by one.
pub(super) struct Records<'a>(pub &'a str);

impl<'a> Records<'a> {
    /// The next record: its numbers and its texts; none at the end.
    pub fn next<const N: usize, const T: usize>(
        &mut self,
    ) -> Result<Option<([Option<i64>; N], [&'a str; T])>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let wrong = || StoreError::Corrupt("a packed record cannot be taken apart".to_owned());
        let (head, mut rest) = self.0.split_once(':').ok_or_else(wrong)?;
        let mut fields = head.split(',');
        let mut numbers = [None; N];
        for number in &mut numbers {
            *number = match fields.next().ok_or_else(wrong)? {
                "" => None,
                text => Some(text.parse().map_err(|_| wrong())?),
            };
        }
        let mut texts = [""; T];
        for text in &mut texts {
            let chars: usize = fields.next().and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
            let bytes = match rest.as_bytes().get(..chars) {
                Some(start) if start.is_ascii() => chars,
                _ => rest
                    .char_indices()
                    .map(|(at, _)| at)
                    .chain([rest.len()])
                    .nth(chars)
                    .ok_or_else(wrong)?,
            };
            (*text, rest) = rest.split_at(bytes);
        }
        self.0 = rest;
        match fields.next() {
            None => Ok(Some((numbers, texts))),
            Some(_) => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_taken_apart_whatever_stands_in_their_texts() {
        let mut records = Records("7,,3,2:a:b\u{110}\u{1ed7}-5,1,0,0:");
        let first = records.next::<2, 2>().unwrap().unwrap();
        assert_eq!(first, ([Some(7), None], ["a:b", "\u{110}\u{1ed7}"]));
        assert_eq!(
            records.next::<2, 2>().unwrap().unwrap(),
            ([Some(-5), Some(1)], ["", ""])
        );
        assert_eq!(records.next::<2, 2>().unwrap(), None);
        for text in ["7", "7,x:", "7,9:ab", "7,1,1:a", "x,1:a"] {
            assert!(Records(text).next::<1, 1>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_expression_names_every_column() {
        assert_eq!(
            packed(&["a"], &["t"]),
            "concat_ws(',', a, length(t)) || concat(':', t)"
        );
    }
}
