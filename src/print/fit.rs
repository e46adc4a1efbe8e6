//! Breaking a text into lines, in the largest size of type that fits.

use super::font::{Run, Weight, scaled};

/// Lines of a text in the largest size that fits.
pub(super) struct Fitted {
    pub size_um: i32,
    pub lines: Vec<Run>,
}

/// The sizes of type that a text may have.
#[derive(Clone, Copy)]
pub(super) struct SizeRange {
    pub largest_um: i32,
    pub smallest_um: i32,
}

/// What a text may take up.
#[derive(Clone, Copy)]
pub(super) struct TextBox {
    pub width_um: i32,
    pub height_um: i32,
    pub sizes: SizeRange,
    pub lines_max: usize,
}

impl TextBox {
    /// One line of any height.
    pub fn line(width_um: i32, largest_um: i32, smallest_um: i32) -> TextBox {
        TextBox {
            width_um,
            height_um: i32::MAX,
            sizes: SizeRange {
                largest_um,
                smallest_um,
            },
            lines_max: 1,
        }
    }
}

/// Most letters stand this far above the base line; marks on capitals go higher.
pub(super) const CAP_UNITS: i32 = 740;
/// Most letters reach this far below the base line.
pub(super) const DESCENT_UNITS: i32 = 260;
/// The least gap between the ink of two lines.
const LEADING_UNITS: i32 = 140;

impl Fitted {
    /// Base line of each line, counted from the top of the first; and the height of all.
    pub fn bases(&self) -> (Vec<i32>, i32) {
        let mut y = 0;
        let mut bases = Vec::new();
        for line in &self.lines {
            y += if bases.is_empty() {
                0
            } else {
                scaled(LEADING_UNITS, self.size_um)
            };
            y += scaled(line.above.max(CAP_UNITS), self.size_um);
            bases.push(y);
            y += scaled(line.below.max(DESCENT_UNITS), self.size_um);
        }
        (bases, y)
    }
}

/// Breaks a text into lines between its words, in the largest size that fits into a box. What does not fit even in the
/// smallest is left out word by word behind `…`, so that the cut is seen.
pub(super) fn fit(text: &str, weight: Weight, text_box: TextBox) -> Fitted {
    let words: Vec<&str> = text.split_whitespace().collect();
    let smallest = text_box.sizes.smallest_um;
    let mut size_um = text_box.sizes.largest_um;
    loop {
        let lines = balanced_lines(&words, weight, text_box.width_um, size_um);
        let is_narrow = lines.len() <= text_box.lines_max
            && lines
                .iter()
                .all(|line| line.width_um(size_um) <= text_box.width_um);
        let fitted = Fitted { size_um, lines };
        if is_narrow && fitted.bases().1 <= text_box.height_um {
            return fitted;
        }
        if size_um <= smallest {
            let most = (1..=text_box.lines_max).rev().map(|lines_max| {
                let lines = cut_lines(&words, weight, text_box.width_um, size_um, lines_max);
                Fitted { size_um, lines }
            });
            let mut last =
                most.skip_while(|fitted| fitted.lines.len() > 1 && fitted.bases().1 > text_box.height_um);
            return last.next().unwrap_or(fitted);
        }
        size_um = (size_um * 19 / 20).max(smallest);
    }
}

/// As few lines of whole words as a width allows, and of these as equal ones as can be.
fn balanced_lines(words: &[&str], weight: Weight, width_um: i32, size_um: i32) -> Vec<Run> {
    let mut lines = filled_lines(words, weight, width_um, size_um);
    let mut narrower = width_um * 24 / 25;
    while lines.len() > 1 && narrower > width_um / 3 {
        let other = filled_lines(words, weight, narrower, size_um);
        let is_wide = other.iter().any(|line| line.width_um(size_um) > width_um);
        if other.len() > lines.len() || is_wide {
            break;
        }
        lines = other;
        narrower = narrower * 24 / 25;
    }
    lines
}

fn filled_lines(words: &[&str], weight: Weight, width_um: i32, size_um: i32) -> Vec<Run> {
    let mut lines: Vec<Run> = Vec::new();
    let mut line = String::new();
    for word in words {
        let longer = if line.is_empty() {
            (*word).to_owned()
        } else {
            format!("{line} {word}")
        };
        if !line.is_empty() && Run::of(&longer, weight).width_um(size_um) > width_um {
            lines.push(Run::of(&line, weight));
            line = (*word).to_owned();
        } else {
            line = longer;
        }
    }
    if !line.is_empty() {
        lines.push(Run::of(&line, weight));
    }
    lines
}

/// Lines of whole words. What does not fit is left out behind `…`; only a word that is wider than a line is cut itself,
/// and says so the same way.
fn cut_lines(words: &[&str], weight: Weight, width_um: i32, size_um: i32, lines_max: usize) -> Vec<Run> {
    let mut lines = Vec::new();
    let mut rest = words;
    let fits = |text: &str| Run::of(text, weight).width_um(size_um) <= width_um;
    while let Some(first) = rest.first()
        && lines.len() < lines_max
    {
        let is_last = lines.len() + 1 == lines_max;
        let shown = |count: usize| {
            let more = if is_last && count < rest.len() { "…" } else { "" };
            rest[..count].join(" ") + more
        };
        let count = (1..=rest.len().min(100)).rev().find(|count| fits(&shown(*count)));
        let (line, taken) = match count {
            Some(count) => (shown(count), count),
            None => (cut_word(first, fits), 1),
        };
        lines.push(Run::of(&line, weight));
        rest = &rest[taken..];
    }
    lines
}

/// As many letters of a word as fit, and `…`.
fn cut_word(word: &str, fits: impl Fn(&str) -> bool) -> String {
    let letters: Vec<char> = word.chars().take(200).collect();
    let cut = |count: usize| letters[..count].iter().collect::<String>() + "…";
    // At least one letter a line, or a very narrow paper would show none.
    let count = (1..letters.len()).rev().find(|count| fits(&cut(*count)));
    cut(count.unwrap_or(1))
}
