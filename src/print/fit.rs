//! Breaking a text into lines, in the largest size of type that fits.

use super::font::{Run, Weight, scaled};

/// Lines of a text in the largest size that fits.
pub(super) struct Fitted {
    pub size_um: i32,
    pub lines: Vec<Run>,
}

/// What a text may take: width, height, largest and smallest size of type, lines.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub width_um: i32,
    pub height_um: i32,
    pub sizes_um: (i32, i32),
    pub lines_max: usize,
}

impl Room {
    /// One line of any height.
    pub fn line(width_um: i32, sizes_um: (i32, i32)) -> Room {
        let height_um = i32::MAX;
        let lines_max = 1;
        Room {
            width_um,
            height_um,
            sizes_um,
            lines_max,
        }
    }
}

/// Most letters stand this far above the base line; marks on capitals go higher.
pub(super) const CAP_UNITS: i32 = 740;
/// And this far below.
pub(super) const DESCENT_UNITS: i32 = 260;
/// Between the ink of two lines, at least.
const LEADING_UNITS: i32 = 140;

impl Fitted {
    /// Base line of each line, counted from the top of the first.
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

/// Breaks a text into lines in the largest size that fits into a room. What does not fit even in the
/// smallest ends in `…`, so that the cut is seen.
pub(super) fn fit(text: &str, weight: Weight, room: Room) -> Fitted {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (mut size_um, smallest) = room.sizes_um;
    loop {
        let lines = broken(&words, weight, room.width_um, size_um);
        let is_narrow =
            lines.len() <= room.lines_max && lines.iter().all(|line| line.width_um(size_um) <= room.width_um);
        let fitted = Fitted { size_um, lines };
        if is_narrow && fitted.bases().1 <= room.height_um {
            return fitted;
        }
        if size_um <= smallest {
            let most = (1..=room.lines_max).rev().map(|lines_max| {
                let lines = cut(text, weight, room.width_um, size_um, lines_max);
                Fitted { size_um, lines }
            });
            let mut last =
                most.skip_while(|fitted| fitted.lines.len() > 1 && fitted.bases().1 > room.height_um);
            return last.next().unwrap_or(fitted);
        }
        size_um = (size_um * 19 / 20).max(smallest);
    }
}

/// As few lines of whole words as a width allows, and of these as equal ones as can be.
fn broken(words: &[&str], weight: Weight, width_um: i32, size_um: i32) -> Vec<Run> {
    let mut lines = greedy(words, weight, width_um, size_um);
    let mut narrower = width_um * 24 / 25;
    while lines.len() > 1 && narrower > width_um / 3 {
        let other = greedy(words, weight, narrower, size_um);
        let is_wide = other.iter().any(|line| line.width_um(size_um) > width_um);
        if other.len() > lines.len() || is_wide {
            break;
        }
        lines = other;
        narrower = narrower * 24 / 25;
    }
    lines
}

fn greedy(words: &[&str], weight: Weight, width_um: i32, size_um: i32) -> Vec<Run> {
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

/// Lines broken anywhere, the last one ending in `…`.
fn cut(text: &str, weight: Weight, width_um: i32, size_um: i32, lines_max: usize) -> Vec<Run> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .collect();
    while !rest.is_empty() && lines.len() < lines_max {
        let is_last = lines.len() + 1 == lines_max;
        let shown = |count: usize| {
            let mut line: String = rest[..count].iter().collect();
            if is_last && count < rest.len() {
                line.push('…');
            }
            Run::of(&line, weight)
        };
        let fits = |count: &usize| shown(*count).width_um(size_um) <= width_um;
        // At least one character a line, or a very narrow paper would never end.
        let count = (1..=rest.len().min(200)).rev().find(fits).unwrap_or(1);
        lines.push(shown(count));
        rest.drain(..count);
    }
    lines
}
