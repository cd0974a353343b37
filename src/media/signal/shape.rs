//! Rings and rays with smooth edges. Distances are integers with 8 fraction bits.

use super::canvas::{Canvas, blend};
use super::sine;

/// One pixel as a distance.
pub(super) const PIXEL: i64 = 256;

/// A circle around the corner that pixel `x`, `y` shares with its upper left neighbour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ring {
    pub(super) x: usize,
    pub(super) y: usize,
    /// Distance of the middle of the line from the centre.
    pub(super) radius: i64,
    pub(super) width: i64,
}

impl Ring {
    /// A disc, which is a ring as wide as its radius.
    pub(super) const fn disc(x: usize, y: usize, radius: i64) -> Self {
        Self { x, y, radius: radius / 2, width: radius }
    }

    /// Draws the ring, which lies within the picture.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, luma: u8) {
        let reach = ((self.radius + self.width / 2) / PIXEL + 1) as usize;
        for y in self.y - reach..self.y + reach {
            let down = centre_offset(y, self.y);
            let row = canvas.row(y, self.x - reach..self.x + reach);
            for (column, pixel) in row.iter_mut().enumerate() {
                let right = centre_offset(column, reach);
                *pixel = blend(*pixel, luma, self.coverage(right * right + down * down));
            }
        }
    }

    /// Coverage of a pixel, given the square of its distance from the centre.
    fn coverage(&self, square: i64) -> i32 {
        let outer = self.radius + self.width / 2 + PIXEL;
        if square > outer * outer {
            return 0;
        }
        let distance = (square.isqrt() - self.radius).abs();
        (self.width / 2 - distance + PIXEL / 2).clamp(0, PIXEL) as i32
    }
}

/// A section of a line from the centre `x`, `y` (as in [`Ring`]) in one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ray {
    pub(super) x: usize,
    pub(super) y: usize,
    /// Start and end of the section, measured from the centre.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) width: i64,
}

impl Ray {
    /// Draws the ray, which lies within the picture, at `num`/`den` of a turn clockwise from 12 o'clock.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, luma: u8, (num, den): (u64, u64)) {
        let (sin, cos) = (sine::sin(num, den), sine::cos(num, den));
        let columns = self.span(self.x, sin);
        for y in self.span(self.y, -cos) {
            let down = centre_offset(y, self.y);
            for (pixel, x) in canvas.row(y, columns.clone()).iter_mut().zip(columns.clone()) {
                let right = centre_offset(x, self.x);
                let along = (right * sin - down * cos) >> sine::BITS;
                let aside = ((right * cos + down * sin) >> sine::BITS).abs();
                let inside = (self.width / 2 - aside).min(along - self.from).min(self.to - along);
                let coverage = (inside + PIXEL / 2).clamp(0, PIXEL) as i32;
                *pixel = blend(*pixel, luma, coverage);
            }
        }
    }

    /// Rows or columns that the ray can touch, given the component of its direction.
    fn span(&self, centre: usize, direction: i64) -> std::ops::Range<usize> {
        let ends = [self.from, self.to].map(|end| (end * direction) >> sine::BITS);
        let margin = self.width / 2 + PIXEL;
        let first = centre as i64 + (ends[0].min(ends[1]) - margin).div_euclid(PIXEL);
        let last = centre as i64 + (ends[0].max(ends[1]) + margin).div_euclid(PIXEL) + 1;
        first.max(0) as usize..last.max(0) as usize
    }
}

/// Distance of the middle of pixel `at` from the left edge of pixel `centre`.
const fn centre_offset(at: usize, centre: usize) -> i64 {
    (at as i64 - centre as i64) * PIXEL + PIXEL / 2
}
