//! Looks for codes in a picture: as it is first, then smaller, inverted, larger, smoother and by its colours.
//!
//! How much is looked at is bounded by [`Work`], not by a clock: the same picture always gives the same codes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use rxing::Binarizer;
use rxing::Luma8Source;
use rxing::Point;
use rxing::common::cpp_essentials::{
    ConcentricPattern, FixedPattern, IsPattern, LocateConcentricPattern, PatternType, PatternView,
};
use rxing::common::{BitMatrix, DetectorRXingResult, GlobalHistogramBinarizer, HybridBinarizer};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FinderPatternSet, SampleQR};

use super::advice::{Corner, Hindrance, hindrance};
use super::picture::Picture;
use super::plane::Plane;
use super::text::text;

/// Work that a picture may cost in all, in pixels looked at; one takes some ten nanoseconds.
const WORK: usize = 44_000_000;
/// What is always left for the search of a picture that was dear to open.
const WORK_MIN: usize = 18_000_000;
/// Corners of codes taken from one look. A sheet of cards has some dozens.
const CORNERS_MAX: usize = 240;
/// Threes of them that are kept while the likeliest are looked for: more than can be read.
const THREES_MAX: usize = 40_000;
/// Work to find out whether what looks like a corner along a row is one across too.
const CORNER_WORK: usize = 40;
/// Work to read a code, without its modules.
const READ_WORK: usize = 3_000;
/// A picture is made smaller until this side, and larger up to this many pixels.
const SIDE_MIN: usize = 120;
const DOUBLED_PIXELS_MAX: usize = 1_500_000;
/// Rows between those in which corners are looked for: as many as the middle of the smallest has.
const ROWS_APART: u32 = 3;

/// What is left to be spent.
struct Work(usize);

impl Work {
    fn spend(&mut self, work: usize) -> bool {
        let is_enough = self.0 >= work;
        self.0 = self.0.saturating_sub(work);
        is_enough
    }
}

/// A code that was read, at one of the looks.
struct Found {
    text: String,
    /// Middle and side, in pixels of the plane of grey.
    x: i64,
    y: i64,
    side: i64,
}

/// A plane, and how many of its pixels make so many of the plane of grey.
struct Look {
    plane: Plane,
    size: (i64, i64),
}

impl Look {
    /// A length in pixels of the plane of grey.
    fn in_grey(&self, length: i64) -> i64 {
        length * self.size.0 / self.size.1
    }
}

#[derive(Clone, Copy)]
enum Ink {
    Dark,
    Light,
}

/// The codes of a picture, each once, from its top to its bottom and from left to right; if there are none, why.
pub(super) fn codes(picture: &Picture) -> Result<Vec<String>, Hindrance> {
    let mut search = Search {
        work: Work(WORK.saturating_sub(picture.opened).max(WORK_MIN)),
        found: Vec::new(),
        corners: Vec::new(),
        three: None,
    };
    search.run(picture);
    if search.found.is_empty() {
        return Err(hindrance(&picture.grey, &search.corners, search.three));
    }
    Ok(in_order(search.found, picture))
}

struct Search {
    work: Work,
    found: Vec<Found>,
    /// Corners that were seen, and the largest three that may belong together.
    corners: Vec<Corner>,
    three: Option<[Corner; 3]>,
}

impl Search {
    fn run(&mut self, picture: &Picture) {
        let mut looks = vec![Look {
            plane: picture.grey.clone(),
            size: (1, 1),
        }];
        while let Some(last) = looks.last()
            && last.plane.width.max(last.plane.height) / 2 >= SIDE_MIN
        {
            looks.push(Look {
                plane: last.plane.reduced(2),
                size: (last.size.0 * 2, 1),
            });
        }
        for look in &looks {
            self.by_blocks(look, &[Ink::Dark]);
        }
        if !self.found.is_empty() {
            return;
        }
        // What is rarer, the cheap looks first.
        looks.reverse();
        for look in &looks {
            self.by_blocks(look, &[Ink::Light]);
        }
        for look in &looks {
            self.by_histogram(look);
        }
        for look in &looks {
            self.by_neighbours(look, 20);
        }
        for look in &looks {
            if look.plane.pixels() <= DOUBLED_PIXELS_MAX {
                let doubled = Look {
                    plane: look.plane.doubled(),
                    size: (look.size.0, 2),
                };
                self.by_blocks(&doubled, &[Ink::Dark, Ink::Light]);
                self.by_neighbours(&doubled, 40);
            }
        }
        let part = |plane: &Plane| (picture.grey.width / plane.width.max(1)).max(1) as i64;
        for plane in &picture.others {
            let look = Look {
                plane: plane.clone(),
                size: (part(plane), 1),
            };
            self.by_blocks(&look, &[Ink::Dark, Ink::Light]);
        }
    }

    /// Each block of pixels by the brightness of the blocks around it.
    fn by_blocks(&mut self, look: &Look, inks: &[Ink]) {
        if !self.work.spend(look.plane.pixels()) {
            return;
        }
        let Some(source) = source(&look.plane) else { return };
        if let Ok(black) = HybridBinarizer::new(source).get_black_matrix() {
            self.read_all(black, look, inks);
        }
    }

    /// All pixels by one brightness, which stands between the two that are most frequent.
    fn by_histogram(&mut self, look: &Look) {
        if !self.work.spend(look.plane.pixels()) {
            return;
        }
        let Some(source) = source(&look.plane) else { return };
        if let Ok(black) = GlobalHistogramBinarizer::new(source).get_black_matrix() {
            self.read_all(black, look, &[Ink::Dark, Ink::Light]);
        }
    }

    fn by_neighbours(&mut self, look: &Look, reach: usize) {
        if !self.work.spend(look.plane.pixels()) {
            return;
        }
        if let Some(black) = look.plane.black_by_neighbours(reach) {
            self.read_all(&black, look, &[Ink::Dark, Ink::Light]);
        }
    }

    fn read_all(&mut self, black: &BitMatrix, look: &Look, inks: &[Ink]) {
        for ink in inks {
            match ink {
                Ink::Dark => self.read(black, look),
                Ink::Light => {
                    let mut inverted = black.clone();
                    inverted.flip_self();
                    self.read(&inverted, look);
                }
            }
        }
    }

    /// Reads the codes in a picture of black and white.
    fn read(&mut self, black: &BitMatrix, look: &Look) {
        let corners = calmly(|| corners(black, &mut self.work)).unwrap_or_default();
        let place = |corner: &ConcentricPattern| Corner {
            x: look.in_grey(corner.p.x as i64),
            y: look.in_grey(corner.p.y as i64),
            size: look.in_grey(i64::from(corner.size)),
        };
        if self.corners.is_empty() {
            self.corners.extend(corners.iter().map(place));
        }
        let mut used: Vec<ConcentricPattern> = Vec::new();
        for three in threes(&corners, &mut self.work) {
            let of_three = [three.tl, three.tr, three.bl];
            if of_three.iter().any(|corner| used.contains(corner)) {
                continue;
            }
            let side = distance(three.tl, three.tr).max(distance(three.tl, three.bl));
            let modules = (side * 7 / i64::from(three.tl.size).max(1)) as usize;
            if !self.work.spend(READ_WORK + 2 * modules * modules) {
                break;
            }
            let Some(sampled) = calmly(|| SampleQR(black, &three).ok()).flatten() else {
                continue;
            };
            let decoded = calmly(|| Decode(sampled.getBits()).ok()).flatten();
            let Some(decoded) = decoded.filter(|decoded| decoded.isValid()) else {
                let places = of_three.each_ref().map(place);
                if self.three.is_none_or(|before| before[0].size < places[0].size) {
                    self.three = Some(places);
                }
                continue;
            };
            used.extend(of_three);
            let middle = three.bl.p + three.tr.p;
            self.found.push(Found {
                text: text(decoded.content()),
                x: look.in_grey(middle.x as i64 / 2),
                y: look.in_grey(middle.y as i64 / 2),
                side: look.in_grey(side),
            });
        }
    }
}

/// What it gives; nothing if the reader panics, as it may on an odd picture.
fn calmly<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

fn source(plane: &Plane) -> Option<Luma8Source<'_>> {
    Luma8Source::new_with_slice(&plane.values, plane.width as u32, plane.height as u32).ok()
}

/// The longer way between two corners, along or across.
fn distance(one: ConcentricPattern, two: ConcentricPattern) -> i64 {
    let across = (one.p.x as i64).abs_diff(two.p.x as i64);
    let down = (one.p.y as i64).abs_diff(two.p.y as i64);
    across.max(down) as i64
}

const CORNER: FixedPattern<5, 7> = FixedPattern::new([1, 1, 3, 1, 1]);

/// What looks like the corner of a code from all sides.
fn corners(black: &BitMatrix, work: &mut Work) -> Vec<ConcentricPattern> {
    let mut corners: Vec<ConcentricPattern> = Vec::new();
    for y in (ROWS_APART - 1..black.height()).step_by(ROWS_APART as usize) {
        let row = black.getRow(y);
        let width = black.width() as usize;
        let mut runs: [PatternType; 5] = [0; 5];
        let mut at = row.getNextSet(0);
        while at < width {
            let white = row.getNextUnset(at);
            let next = row.getNextSet(white);
            // The row of runs ends with a black one.
            runs.rotate_left(1);
            runs[4] = (white - at) as PatternType;
            if is_corner(runs) {
                let middle = white - usize::from(runs[4]) - usize::from(runs[3]);
                let middle = middle * 2 - usize::from(runs[2]);
                let point = Point {
                    x: middle as _,
                    y: (y * 2 + 1) as _,
                } / 2.0;
                let is_known = corners.iter().any(|known| {
                    let reach = i64::from(known.size / 2);
                    (known.p.x as i64).abs_diff(point.x as i64) < reach as u64
                        && (known.p.y as i64).abs_diff(point.y as i64) < reach as u64
                });
                if !is_known {
                    let range = runs.iter().map(|run| i32::from(*run)).sum::<i32>() * 3;
                    if !work.spend(CORNER_WORK) || corners.len() == CORNERS_MAX {
                        return corners;
                    }
                    if let Some(corner) =
                        LocateConcentricPattern::<true, 5, 7>(black, &CORNER.into(), point, range)
                    {
                        work.spend(corner.size.unsigned_abs() as usize * 10);
                        corners.push(corner);
                    }
                }
            }
            runs.rotate_left(1);
            runs[4] = (next - white) as PatternType;
            at = next;
        }
    }
    corners
}

/// Whether runs of black and white are about as 1:1:3:1:1.
fn is_corner(runs: [PatternType; 5]) -> bool {
    let [a, b, centre, d, e] = runs;
    a > 0
        && centre >= 3
        && centre >= 2 * a.max(e)
        && centre >= b.max(d)
        && IsPattern::<true, 5, 7, false>(&PatternView::from_slice(&runs), &CORNER, None, 0.0, 0.0, 0.0)
            != 0.0
}

/// Corners that may belong to one code, the likeliest first.
fn threes(corners: &[ConcentricPattern], work: &mut Work) -> Vec<FinderPatternSet> {
    let mut threes: Vec<(i64, FinderPatternSet)> = Vec::new();
    for (at, one) in corners.iter().enumerate() {
        for (next, two) in corners.iter().enumerate().skip(at + 1) {
            if !work.spend(corners.len() - next) {
                break;
            }
            if are_alike(one, two) {
                threes.extend(corners[next + 1..].iter().filter_map(|three| {
                    let fits = are_alike(one, three) && are_alike(two, three);
                    fits.then(|| three_of([*one, *two, *three])).flatten()
                }));
                if threes.len() > THREES_MAX {
                    threes.sort_by_key(|(unlikely, _)| *unlikely);
                    threes.truncate(THREES_MAX / 2);
                }
            }
        }
    }
    threes.sort_by_key(|(unlikely, _)| *unlikely);
    threes.into_iter().map(|(_, three)| three).collect()
}

/// Seen from the side, a corner of a code is smaller the further away it is.
fn are_alike(one: &ConcentricPattern, two: &ConcentricPattern) -> bool {
    one.size.max(two.size) * 2 <= one.size.min(two.size) * 5
}

/// Three corners as those of one code, and how unlikely that is: the nearer and the more alike their distances, the
/// likelier.
fn three_of(corners: [ConcentricPattern; 3]) -> Option<(i64, FinderPatternSet)> {
    let between = |one: ConcentricPattern, two: ConcentricPattern| {
        let across = two.p.x as i64 - one.p.x as i64;
        let down = two.p.y as i64 - one.p.y as i64;
        (across, down)
    };
    // Squares of the distances; what is further away looks shorter.
    let apart = |one: ConcentricPattern, two: ConcentricPattern| {
        let (across, down) = between(one, two);
        let (small, large) = (one.size.min(two.size), one.size.max(two.size));
        (across * across + down * down) * i64::from(large) / i64::from(small.max(1))
    };
    // The corner at the top left lies opposite to the longest side.
    let [a, b, c] = corners;
    let sides = [
        (apart(b, c), a, [b, c]),
        (apart(a, c), b, [a, c]),
        (apart(a, b), c, [a, b]),
    ];
    let (longest, tl, [mut bl, mut tr]) = sides.into_iter().max_by_key(|(side, ..)| *side)?;
    let (left, top) = (apart(tl, bl), apart(tl, tr));
    // Opposite to it are 45 to 135 degrees.
    let bent = left + top - longest;
    if left > top * 4 || top > left * 4 || bent * bent > left * top * 2 {
        return None;
    }
    let (left, top) = (left.isqrt(), top.isqrt());
    let size = i64::from(a.size + b.size + c.size);
    let modules = (left + top) * 21 / (2 * size.max(1)) + 7;
    if !(19..=265).contains(&modules) {
        return None;
    }
    let (x1, y1) = between(tl, tr);
    let (x2, y2) = between(tl, bl);
    if x1 * y2 - y1 * x2 < 0 {
        std::mem::swap(&mut bl, &mut tr);
    }
    Some((left + top + (left - top).abs(), FinderPatternSet { bl, tl, tr }))
}

/// Line by line, as a page is read; what stands there twice counts where it stands first.
fn in_order(mut found: Vec<Found>, picture: &Picture) -> Vec<String> {
    let (width, height) = (picture.grey.width as i64, picture.grey.height as i64);
    for code in &mut found {
        let (x, y) = (code.x, code.y);
        (code.x, code.y) = match picture.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::Rotate90 => (height - y, x),
            Orientation::Rotate180 => (width - x, height - y),
            Orientation::Rotate270 => (y, width - x),
            Orientation::FlipHorizontal => (width - x, y),
            Orientation::FlipVertical => (x, height - y),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate270FlipH => (height - y, width - x),
        };
    }
    found.sort_by_key(|code| code.y);
    let mut texts: Vec<String> = Vec::new();
    while let Some(first) = found.first() {
        let end = first.y + first.side / 2;
        let mut line: Vec<Found> = Vec::new();
        while found.first().is_some_and(|code| code.y < end) {
            line.push(found.remove(0));
        }
        if line.is_empty() {
            line.push(found.remove(0));
        }
        line.sort_by_key(|code| code.x);
        for code in line {
            if !texts.contains(&code.text) {
                texts.push(code.text);
            }
        }
    }
    texts
}
