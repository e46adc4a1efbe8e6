//! A plane of grey values, made smaller, larger, smoother, and black and white.

use rxing::common::BitMatrix;

/// Grey values row by row.
#[derive(Clone)]
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<u8>,
}

/// Planes differ if some value in so many is further away than [`FAR`].
const FAR_ONE_IN: usize = 2000;
const FAR: u8 = 40;

impl Plane {
    pub(super) fn pixels(&self) -> usize {
        self.width * self.height
    }

    fn row(&self, y: usize) -> &[u8] {
        &self.values[y * self.width..(y + 1) * self.width]
    }

    /// Whether the two show different things.
    pub(super) fn differs_from(&self, other: &Plane) -> bool {
        let far = self.values.iter().zip(&other.values);
        let far = far.filter(|(one, two)| one.abs_diff(**two) > FAR).count();
        far * FAR_ONE_IN > self.values.len()
    }

    /// Squares of `step` pixels on a side, each as one.
    pub(super) fn reduced(&self, step: usize) -> Plane {
        let mut reducer = Reducer::new(self.width, self.height, step);
        for y in 0..self.height {
            reducer.add(y, 0, 1, self.row(y).iter().copied());
        }
        reducer.finish()
    }

    /// Twice as wide and as high, smooth between the pixels.
    pub(super) fn doubled(&self) -> Plane {
        let mut values = Vec::with_capacity(self.pixels() * 4);
        // A pixel's four quarters lie nearer to it than to its neighbours.
        let between = |near: u32, far: u32| near * 3 + far;
        for y in 0..self.height * 2 {
            let near = self.row(y / 2);
            let other = if y % 2 == 0 {
                (y / 2).saturating_sub(1)
            } else {
                (y / 2 + 1).min(self.height - 1)
            };
            let far = self.row(other);
            let at = |x: usize| between(u32::from(near[x]), u32::from(far[x]));
            for x in 0..self.width {
                let here = at(x);
                let left = at(x.saturating_sub(1));
                let right = at((x + 1).min(self.width - 1));
                values.push(((between(here, left) + 8) / 16) as u8);
                values.push(((between(here, right) + 8) / 16) as u8);
            }
        }
        Plane {
            width: self.width * 2,
            height: self.height * 2,
            values,
        }
    }

    /// Black where a value is darker than those around it, up to `reach` pixels away, by more than one part in
    /// thirty-two.
    pub(super) fn black_by_neighbours(&self, reach: usize) -> Option<BitMatrix> {
        let (width, height) = (self.width, self.height);
        let mut black = BitMatrix::new(width as u32, height as u32).ok()?;
        // Sums of the columns of the window, which moves down with the rows.
        let mut columns: Vec<u32> = vec![0; width];
        for y in 0..reach.min(height) {
            for (sum, value) in columns.iter_mut().zip(self.row(y)) {
                *sum += u32::from(*value);
            }
        }
        for y in 0..height {
            if y + reach < height {
                for (sum, value) in columns.iter_mut().zip(self.row(y + reach)) {
                    *sum += u32::from(*value);
                }
            }
            if y > reach {
                for (sum, value) in columns.iter_mut().zip(self.row(y - reach - 1)) {
                    *sum -= u32::from(*value);
                }
            }
            let rows = (y + reach).min(height - 1) + 1 - y.saturating_sub(reach);
            let mut window: u32 = columns[..reach.min(width)].iter().sum();
            for (x, value) in self.row(y).iter().enumerate() {
                if x + reach < width {
                    window += columns[x + reach];
                }
                if x > reach {
                    window -= columns[x - reach - 1];
                }
                let around = (x + reach).min(width - 1) + 1 - x.saturating_sub(reach);
                if u64::from(*value) * (rows * around * 32) as u64 <= u64::from(window) * 31 {
                    black.set(x as u32, y as u32);
                }
            }
        }
        Some(black)
    }
}

/// A plane that is made smaller while its pixels come in, in any order.
pub(super) struct Reducer {
    step: usize,
    plane: Plane,
    /// Sums of squares of more than one pixel; squares that stick out are left away.
    sums: Vec<u16>,
}

/// Sums of this many pixels on a side still fit.
const STEP_MAX: usize = 16;

impl Reducer {
    pub(super) fn new(width: usize, height: usize, step: usize) -> Reducer {
        let step = step.min(STEP_MAX);
        let (width, height) = (width / step, height / step);
        let pixels = width * height;
        Reducer {
            step,
            plane: Plane {
                width,
                height,
                values: vec![0; if step == 1 { pixels } else { 0 }],
            },
            sums: vec![0; if step == 1 { 0 } else { pixels }],
        }
    }

    /// Values of a row: every `apart`-th from `first` on.
    pub(super) fn add(&mut self, y: usize, first: usize, apart: usize, values: impl Iterator<Item = u8>) {
        let Plane { width, height, .. } = self.plane;
        if y / self.step >= height {
            return;
        }
        let begin = y / self.step * width;
        if self.step == 1 {
            let row = self.plane.values[begin..begin + width].iter_mut();
            for (place, value) in row.skip(first).step_by(apart).zip(values) {
                *place = value;
            }
            return;
        }
        let row = &mut self.sums[begin..begin + width];
        if apart == 1 && first == 0 {
            let (mut at, mut count) = (0, 0);
            for value in values {
                let Some(sum) = row.get_mut(at) else {
                    break;
                };
                *sum += u16::from(value);
                count += 1;
                if count == self.step {
                    (at, count) = (at + 1, 0);
                }
            }
            return;
        }
        for (x, value) in (first..).step_by(apart).zip(values) {
            if let Some(sum) = row.get_mut(x / self.step) {
                *sum += u16::from(value);
            }
        }
    }

    pub(super) fn finish(mut self) -> Plane {
        if self.step > 1 {
            let parts = (self.step * self.step) as u16;
            self.plane.values = self.sums.iter().map(|sum| (sum / parts) as u8).collect();
        }
        self.plane
    }
}
