//! Why a code that may be in a picture was not read, worked out from the picture, so that the advice fits.

use super::plane::Plane;
use crate::vn::Sentence;

/// What hinders the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Nothing looks like a code.
    Nothing,
    /// Its modules are as small as the pixels.
    TooSmall,
    /// Its edges are wider than its modules.
    Blurred,
    /// It has no light margin that sets it off from a dark or busy ground.
    NoMargin,
    /// A part of it is as bright as a lamp.
    Glare,
    /// It goes on outside the picture.
    CutOff,
    /// Something in the picture is like a code, and none of the others fits it.
    Unclear,
}

impl Hindrance {
    /// What to do about it.
    pub fn sentence(self) -> Sentence {
        Sentence::from(match self {
            Hindrance::Nothing => (
                "Không thấy mã QR nào trong ảnh. Hãy chụp cả mã, cho mã chiếm khoảng nửa khung hình.",
                "No QR code is in the picture. Take the whole code so that it fills about half of the picture.",
            ),
            Hindrance::TooSmall => (
                "Mã trong ảnh quá nhỏ nên không đọc được. Hãy lại gần hơn, hoặc gửi ảnh gốc chứ không gửi ảnh thu nhỏ.",
                "The code in the picture is too small to be read. Go nearer, or send the picture in its full size.",
            ),
            Hindrance::Blurred => (
                "Ảnh bị nhòe nên không đọc được mã. Hãy giữ chắc máy, chạm vào mã trên màn hình để lấy nét rồi chụp lại.",
                "The picture is blurred and the code cannot be read. Hold still, tap the code on the screen to focus, and take it again.",
            ),
            Hindrance::NoMargin => (
                "Mã không có viền trắng xung quanh nên không đọc được. Hãy đặt mã lên nền trắng, hoặc in lại và chừa viền trắng rộng bằng bốn ô của mã.",
                "The code cannot be read without a white margin (quiet zone). Put it on white paper, or print it with a white border as wide as four of its squares.",
            ),
            Hindrance::Glare => (
                "Mã bị lóa sáng nên không đọc được. Hãy nghiêng máy hoặc che bớt đèn để không còn vệt sáng trên mã.",
                "Glare hides a part of the code. Tilt the phone or shade the light until no bright spot lies on the code.",
            ),
            Hindrance::CutOff => (
                "Mã bị cắt mất một phần ở mép ảnh. Hãy lùi ra một chút và chụp trọn mã cùng viền trắng.",
                "The code is cut off at the edge of the picture. Step back and take all of it, with its white margin.",
            ),
            Hindrance::Unclear => (
                "Không đọc được mã QR nào trong ảnh. Nếu trong ảnh có mã thì mã có thể bị rách, bẩn hoặc bị che: hãy lau sạch, chụp thẳng và đủ sáng.",
                "No QR code could be read in the picture. If there is one, it may be torn, dirty or covered: wipe it, hold the phone straight, with enough light.",
            ),
        })
    }
}

/// A corner of a code, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corner {
    pub x: i64,
    pub y: i64,
    /// Across its seven modules.
    pub size: i64,
}

/// Sides of the squares in which it is counted how often light and dark take turns.
const TILE: usize = 8;
/// Between light and dark of a code lie at least so many steps of grey.
const CONTRAST: u8 = 30;
/// A square of a code has light beside dark so often, along and across.
const TURNS_MIN: usize = 6;
/// Where a code goes on outside the picture, light has dark beside it so often along the edge.
const TURNS_AT_EDGE: usize = 8;
/// Squares that hang together and may be a code.
const TILES_MIN: usize = 9;
/// An edge this many pixels wide is soft whatever its size.
const SOFT_EDGE: usize = 4;
/// Sides of a code's module below which it is not read, in tenths of a pixel.
const MODULE_MIN_TENTHS: i64 = 22;
/// What the camera shows where there is too much light.
const DAZZLING: u8 = 245;

/// What hindered a picture in which nothing was read: `corners` that were seen in it, and three that belong together.
pub(super) fn hindrance(grey: &Plane, corners: &[Corner], three: Option<[Corner; 3]>) -> Hindrance {
    let busy = busiest(grey);
    if let Some(three) = three {
        let area = Area::around(&three, grey);
        // Three of a few squares that only look like corners say nothing of a code that is larger.
        if busy.is_none_or(|busy| area.pixels() * 2 >= busy.pixels()) {
            let module_tenths = three.iter().map(|corner| corner.size).min().unwrap_or(0) * 10 / 7;
            let seen = busy.filter(|busy| busy.overlaps(&area)).unwrap_or(area);
            return of_code(grey, area, seen, module_tenths, true);
        }
    }
    match busy {
        Some(area) => {
            let has_corner = corners.iter().any(|corner| area.holds(corner));
            of_code(grey, area, area, area.module_tenths(grey), has_corner)
        }
        None if corners.is_empty() => Hindrance::Nothing,
        None => Hindrance::Unclear,
    }
}

/// `seen` is all that looks like the code, also where its corners are missing. Print and fabric are as busy as a
/// code, go on outside the picture and have white places: without a corner neither says anything of a code.
fn of_code(grey: &Plane, area: Area, seen: Area, module_tenths: i64, has_corner: bool) -> Hindrance {
    let (dark, light) = area.dark_and_light(grey);
    let middle = ((u16::from(dark) + u16::from(light)) / 2) as u8;
    let edge_tenths = area.edge_tenths(grey, dark, light);
    if has_corner && seen.goes_on_outside(grey, middle) {
        Hindrance::CutOff
    } else if edge_tenths > SOFT_EDGE as i64 * 10 || edge_tenths > module_tenths.max(20) {
        Hindrance::Blurred
    } else if module_tenths < MODULE_MIN_TENTHS {
        Hindrance::TooSmall
    } else if has_corner && area.has_glare(grey, (module_tenths / 2) as usize) {
        Hindrance::Glare
    } else if area.has_no_margin(grey, middle, (module_tenths / 5) as usize) {
        Hindrance::NoMargin
    } else {
        Hindrance::Unclear
    }
}

/// A part of a picture; `right` and `bottom` lie outside.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Area {
    /// Where a code with these corners lies.
    fn around(three: &[Corner; 3], grey: &Plane) -> Area {
        let reach = three.iter().map(|corner| corner.size / 2).max().unwrap_or(0);
        let [left, right] = [three.iter().map(|c| c.x).min(), three.iter().map(|c| c.x).max()];
        let [top, bottom] = [three.iter().map(|c| c.y).min(), three.iter().map(|c| c.y).max()];
        let within = |at: i64, most: usize| at.clamp(0, most as i64) as usize;
        Area {
            left: within(left.unwrap_or(0) - reach, grey.width),
            top: within(top.unwrap_or(0) - reach, grey.height),
            right: within(right.unwrap_or(0) + reach, grey.width),
            bottom: within(bottom.unwrap_or(0) + reach, grey.height),
        }
    }

    fn holds(&self, corner: &Corner) -> bool {
        let within = |at: i64, from: usize, to: usize| at >= from as i64 && at < to as i64;
        within(corner.x, self.left, self.right) && within(corner.y, self.top, self.bottom)
    }

    fn overlaps(&self, other: &Area) -> bool {
        let across = self.left < other.right && other.left < self.right;
        across && self.top < other.bottom && other.top < self.bottom
    }

    fn pixels(&self) -> usize {
        (self.right - self.left) * (self.bottom - self.top)
    }

    fn rows<'a>(&self, grey: &'a Plane) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let Area { left, right, .. } = *self;
        (self.top..self.bottom).map(move |y| &grey.values[y * grey.width..][left..right])
    }

    /// A tenth of the area is darker than the first, a tenth lighter than the second.
    fn dark_and_light(&self, grey: &Plane) -> (u8, u8) {
        let mut counts = [0_usize; 256];
        self.rows(grey)
            .flatten()
            .for_each(|value| counts[usize::from(*value)] += 1);
        let tenth = counts.iter().sum::<usize>() / 10;
        let nth = |wanted: usize| {
            let mut passed = 0;
            (0..=255).find(|value| {
                passed += counts[usize::from(*value)];
                passed > wanted
            })
        };
        (nth(tenth).unwrap_or(0), nth(tenth * 9).unwrap_or(255))
    }

    /// How many tenths of a pixel it takes from dark to light where that is quick.
    fn edge_tenths(&self, grey: &Plane, dark: u8, light: u8) -> i64 {
        let mut counts = [0_usize; 256];
        for row in self.rows(grey) {
            row.windows(2)
                .for_each(|pair| counts[usize::from(pair[0].abs_diff(pair[1]))] += 1);
        }
        // One step in sixty is an edge even where modules are large.
        let mut left = counts.iter().sum::<usize>() / 60;
        let steep = (1..=255_usize).rev().find(|step| {
            let is_here = counts[*step] > left;
            left = left.saturating_sub(counts[*step]);
            is_here
        });
        i64::from(light.saturating_sub(dark)) * 10 / steep.unwrap_or(1) as i64
    }

    /// A module's side: on average two of one kind stand side by side.
    fn module_tenths(&self, grey: &Plane) -> i64 {
        let (dark, light) = self.dark_and_light(grey);
        let middle = (u16::from(dark) + u16::from(light)) / 2;
        let (mut turns, mut pixels) = (1, 0);
        for row in self.rows(grey) {
            pixels += row.len();
            turns += row
                .windows(2)
                .filter(|pair| (u16::from(pair[0]) > middle) != (u16::from(pair[1]) > middle))
                .count();
        }
        (pixels * 5 / turns) as i64
    }

    /// Whether light and dark take turns along an edge of the picture that the area lies at.
    fn goes_on_outside(&self, grey: &Plane, middle: u8) -> bool {
        let is_dark = |x: usize, y: usize| grey.values[y * grey.width + x] <= middle;
        let turns = |dark: Vec<bool>| dark.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let across = |y: usize| turns((self.left..self.right).map(|x| is_dark(x, y)).collect());
        let down = |x: usize| turns((self.top..self.bottom).map(|y| is_dark(x, y)).collect());
        let near = ((self.right - self.left).min(self.bottom - self.top) / 6).max(TILE);
        self.top < near && across(0) >= TURNS_AT_EDGE
            || self.bottom + near > grey.height && across(grey.height - 1) >= TURNS_AT_EDGE
            || self.left < near && down(0) >= TURNS_AT_EDGE
            || self.right + near > grey.width && down(grey.width - 1) >= TURNS_AT_EDGE
    }

    /// Whether a square of so many pixels is dazzling: no code has so much light in one place.
    fn has_glare(&self, grey: &Plane, side: usize) -> bool {
        let side = side.max(TILE);
        let is_dazzling = |x: usize, y: usize| {
            let square = Area {
                left: x,
                top: y,
                right: x + side,
                bottom: y + side,
            };
            square.rows(grey).flatten().all(|value| *value >= DAZZLING)
        };
        let xs = (self.left + side..(self.right + 1).saturating_sub(2 * side)).step_by(side / 2);
        xs.into_iter().any(|x| {
            let mut ys = (self.top + side..(self.bottom + 1).saturating_sub(2 * side)).step_by(side / 2);
            ys.any(|y| is_dazzling(x, y))
        })
    }

    /// Whether a third of what lies around it is dark.
    fn has_no_margin(&self, grey: &Plane, middle: u8, reach: usize) -> bool {
        let reach = reach.max(2);
        let wide = Area {
            left: self.left.saturating_sub(reach),
            top: self.top.saturating_sub(reach),
            right: (self.right + reach).min(grey.width),
            bottom: (self.bottom + reach).min(grey.height),
        };
        let count = |area: &Area| {
            let all = area.rows(grey).map(<[u8]>::len).sum::<usize>();
            (
                all,
                area.rows(grey)
                    .flatten()
                    .filter(|value| **value <= middle)
                    .count(),
            )
        };
        let (all, dark) = count(&wide);
        let (inner, inner_dark) = count(self);
        (dark - inner_dark) * 3 > all - inner
    }
}

/// Where light and dark take turns along and across, as in a code: the largest such part of the picture at any size.
fn busiest(grey: &Plane) -> Option<Area> {
    let mut best: Option<(usize, Area)> = None;
    let mut part = 1;
    let mut smaller;
    let mut plane = grey;
    while plane.width.min(plane.height) >= 3 * TILE {
        // What is left at the edge is no whole square.
        let to_edge = |at: usize, end: usize, edge: usize| if at + TILE > end { edge } else { at * part };
        if let Some((tiles, area)) = largest_busy(plane) {
            let pixels = tiles * TILE * TILE * part * part;
            if best.as_ref().is_none_or(|(before, _)| *before < pixels) {
                let area = Area {
                    left: area.left * part,
                    top: area.top * part,
                    right: to_edge(area.right, plane.width, grey.width),
                    bottom: to_edge(area.bottom, plane.height, grey.height),
                };
                best = Some((pixels, area));
            }
        }
        smaller = plane.reduced(2);
        plane = &smaller;
        part *= 2;
    }
    best.map(|(_, area)| area)
}

/// The largest part of busy squares that hang together, nearly fill their frame and are not too long for a code.
fn largest_busy(plane: &Plane) -> Option<(usize, Area)> {
    let (across, down) = (plane.width / TILE, plane.height / TILE);
    let mut is_busy: Vec<bool> = Vec::with_capacity(across * down);
    for y in 0..down {
        for x in 0..across {
            is_busy.push(is_busy_tile(plane, x * TILE, y * TILE));
        }
    }
    let mut best: Option<(usize, Area)> = None;
    let mut waiting = Vec::new();
    for begin in 0..is_busy.len() {
        if !is_busy[begin] {
            continue;
        }
        is_busy[begin] = false;
        waiting.push(begin);
        let mut tiles = 0;
        let (mut left, mut top, mut right, mut bottom) = (across, down, 0, 0);
        while let Some(at) = waiting.pop() {
            let (x, y) = (at % across, at / across);
            tiles += 1;
            (left, top) = (left.min(x), top.min(y));
            (right, bottom) = (right.max(x + 1), bottom.max(y + 1));
            for near_y in y.saturating_sub(1)..(y + 2).min(down) {
                for near_x in x.saturating_sub(1)..(x + 2).min(across) {
                    let near = near_y * across + near_x;
                    if std::mem::take(&mut is_busy[near]) {
                        waiting.push(near);
                    }
                }
            }
        }
        let (wide, high) = (right - left, bottom - top);
        let is_like_a_code =
            tiles >= TILES_MIN && tiles * 2 >= wide * high && wide <= high * 3 && high <= wide * 3;
        if is_like_a_code && best.as_ref().is_none_or(|(before, _)| *before < tiles) {
            let [left, top, right, bottom] = [left, top, right, bottom].map(|at| at * TILE);
            best = Some((
                tiles,
                Area {
                    left,
                    top,
                    right,
                    bottom,
                },
            ));
        }
    }
    best
}

fn is_busy_tile(plane: &Plane, left: usize, top: usize) -> bool {
    let rows: [&[u8]; TILE] =
        std::array::from_fn(|y| &plane.values[(top + y) * plane.width + left..][..TILE]);
    let lightest = rows.iter().copied().flatten().max().copied().unwrap_or(0);
    let darkest = rows.iter().copied().flatten().min().copied().unwrap_or(0);
    if lightest - darkest < CONTRAST {
        return false;
    }
    let middle = darkest + (lightest - darkest) / 2;
    let (mut along, mut across) = (0, 0);
    for y in 0..TILE {
        for x in 0..TILE {
            let here = rows[y][x] > middle;
            along += usize::from(x > 0 && here != (rows[y][x - 1] > middle));
            across += usize::from(y > 0 && here != (rows[y - 1][x] > middle));
        }
    }
    along >= TURNS_MIN && across >= TURNS_MIN && along <= across * 3 && across <= along * 3
}
