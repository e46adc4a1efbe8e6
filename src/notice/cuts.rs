//! In how many ways a signed text can be cut into its values: schemes that join `name=value` by `&` do not say where a
//! value ends, so one signature may fit two messages (docs/spec/providers.md, section 1, rule 7).

/// What stands between a name and the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Anything, also nothing.
    Text,
    /// A whole number in plain digits.
    Integer,
    /// This and nothing else: what the receiver compares with its own.
    Own(&'a str),
}

impl Value<'_> {
    fn fits(self, value: &str) -> bool {
        match self {
            Value::Text => true,
            Value::Integer => {
                let digits = value.strip_prefix('-').unwrap_or(value);
                !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
            }
            Value::Own(own) => value == own,
        }
    }

    /// Where such a value ends that begins here, if only one place is possible.
    fn end(self, text: &str, start: usize) -> Option<usize> {
        match self {
            Value::Text => None,
            Value::Integer => {
                let rest = &text[start..];
                let length = rest
                    .bytes()
                    .take_while(|b| b.is_ascii_digit() || *b == b'-')
                    .count();
                Some(start + length)
            }
            Value::Own(own) => Some(start + own.len()),
        }
    }
}

/// Whether `&name=value&name=value…` with these names in this order can be read in more ways than one. The time taken
/// grows with the length of the text, whatever somebody typed into a value.
pub(super) fn has_second_reading(text: &str, names: &[(&str, Value<'_>)]) -> bool {
    // Where the value of the current name may begin, in order, and in how many ways each is reached (two at most: more
    // are not told apart).
    let mut starts: Vec<(usize, u8)> = Vec::new();
    for (at, (name, _)) in names.iter().enumerate() {
        let mark = format!("&{name}=");
        let cuts = text.match_indices(&mark).map(|(cut, _)| cut);
        let Some(before) = at.checked_sub(1).map(|before| names[before].1) else {
            // The first name stands at the beginning.
            starts = cuts
                .filter(|cut| *cut == 0)
                .map(|cut| (cut + mark.len(), 1))
                .collect();
            continue;
        };
        let mut reached: Vec<(usize, u8)> = Vec::new();
        let mut earlier = starts.iter().peekable();
        let mut ways_before = 0;
        for cut in cuts {
            let ways = match before {
                // Any earlier beginning will do.
                Value::Text => {
                    while let Some((_, ways)) = earlier.next_if(|(start, _)| *start <= cut) {
                        ways_before = two(ways_before, *ways);
                    }
                    ways_before
                }
                // Few can end here: those that begin as far in front as the value is long.
                _ => {
                    let until = starts.partition_point(|(start, _)| *start <= cut);
                    let here = starts[..until].iter().rev();
                    let here = here.take_while(|(start, _)| cut - *start <= VALUE_BYTES_MAX);
                    here.filter(|(start, _)| {
                        before.end(text, *start) == Some(cut) && before.fits(&text[*start..cut])
                    })
                    .fold(0, |sum, (_, ways)| two(sum, *ways))
                }
            };
            if ways > 0 {
                reached.push((cut + mark.len(), ways));
            }
        }
        starts = reached;
    }
    let last = names.last().map_or(Value::Text, |(_, value)| *value);
    let ends = starts.iter().filter(|(start, _)| last.fits(&text[*start..]));
    ends.fold(0, |sum, (_, ways)| two(sum, *ways)) > 1
}

/// Numbers and own codes are shorter.
const VALUE_BYTES_MAX: usize = 128;

fn two(a: u8, b: u8) -> u8 {
    (a + b).min(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [(&str, Value<'_>); 5] = [
        ("amount", Value::Integer),
        ("info", Value::Text),
        ("order", Value::Text),
        ("partner", Value::Own("P1")),
        ("type", Value::Text),
    ];

    fn text(info: &str, order: &str, kind: &str) -> String {
        format!("&amount=5&info={info}&order={order}&partner=P1&type={kind}")
    }

    /// The same by trying every cut.
    fn readings(text: &str, names: &[(&str, Value<'_>)]) -> usize {
        let Some(((name, value), others)) = names.split_first() else {
            return usize::from(text.is_empty());
        };
        let Some(rest) = text.strip_prefix(&format!("&{name}=")) else {
            return 0;
        };
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        let fitting = ends.filter(|at| value.fits(&rest[..*at]));
        fitting.map(|at| readings(&rest[at..], others)).sum()
    }

    #[test]
    fn a_name_in_a_value_is_a_second_reading_only_where_it_can_be_cut_there() {
        for (info, order, kind, second) in [
            ("rau", "A1", "qr", false),
            ("x&order=A2", "A1", "qr", true),
            ("x&order=A2&partner=P1&type=y", "A1", "qr", true),
            ("x&order=A2&partner=P2&type=y", "A1", "qr", true),
            ("x", "A1&partner=P1", "qr", false),
            ("x", "A1&partner=P1&type=y", "qr", true),
            ("x", "A1&partner=P2&type=y", "qr", false),
            ("x", "A1", "qr&order=A2", false),
            ("x&amount=7", "A1", "qr&info=y", false),
            ("x&partner=P1&type=y", "A1", "qr", false),
            ("x", "A1", "y&partner=P1&type=qr", true),
        ] {
            let text = text(info, order, kind);
            assert_eq!(has_second_reading(&text, &NAMES), second, "{text}");
            assert_eq!(readings(&text, &NAMES) > 1, second, "{text}");
        }
    }

    #[test]
    fn a_text_made_to_be_slow_is_not() {
        let many = "&order=&partner=P1&type=".repeat(20_000);
        assert!(has_second_reading(&text(&many, &many, &many), &NAMES));
        let digits = format!("&amount={}", "1".repeat(200_000));
        assert!(!has_second_reading(&digits, &NAMES));
    }

    proptest! {
        #[test]
        fn every_cut_is_tried(pieces in proptest::collection::vec(prop_oneof![
            Just("&amount="), Just("&info="), Just("&order="), Just("&partner="), Just("&partner=P1"), Just("&type="),
            Just("P1"), Just("7"), Just("-"), Just("é"), Just("&"), Just("="),
        ], 0..8), at in 0usize..9, and in 0usize..9) {
            let (at, and) = (at.min(pieces.len()), and.min(pieces.len()));
            let (first, rest) = pieces.split_at(at.min(and));
            let (second, third) = rest.split_at(at.max(and) - at.min(and));
            let text = text(&first.concat(), &second.concat(), &third.concat());
            prop_assert_eq!(has_second_reading(&text, &NAMES), readings(&text, &NAMES) > 1, "{}", text);
        }
    }
}
