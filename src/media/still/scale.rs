//! Scales a plane by area average: a pixel of the result is the mean of the area that it covers. Integer arithmetic, the same
//! on every machine.

use std::ops::Range;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// A plane of samples whose rows are `stride` bytes apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<'a> {
    pub(super) samples: &'a [u8],
    pub(super) stride: usize,
    pub(super) size: Size,
}

impl Plane<'_> {
    /// The samples of this plane scaled to `size`, row by row. A larger size repeats samples.
    pub(super) fn scaled(self, size: Size) -> Vec<u8> {
        let columns: Vec<_> = (0..size.width).map(|x| Span::of(x, self.size.width, size.width)).collect();
        let area = (self.size.width * self.size.height) as u64;
        let mut scaled = Vec::with_capacity(size.width * size.height);
        let mut sums = vec![0_u64; size.width];
        for y in 0..size.height {
            sums.fill(0);
            let rows = Span::of(y, self.size.height, size.height);
            for row in rows.covered.clone() {
                let samples = &self.samples[row * self.stride..][..self.size.width];
                let weight = rows.weight(row);
                for (sum, column) in sums.iter_mut().zip(&columns) {
                    *sum += column.sum(samples) * weight;
                }
            }
            scaled.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
        }
        scaled
    }
}

/// The samples under one sample of the result, in one direction. A sample of the plane is `to` units long, one of the result
/// `from` units.
struct Span {
    covered: Range<usize>,
    /// Units of the first sample, of each in the middle, and of the last.
    first: u64,
    middle: u64,
    last: u64,
}

impl Span {
    /// The samples under sample `place` of `to`, of `from` samples.
    fn of(place: usize, from: usize, to: usize) -> Self {
        let (start, end) = (place * from, (place + 1) * from);
        let covered = start / to..end.div_ceil(to);
        let first = (covered.start + 1) * to;
        let last = (covered.end - 1) * to;
        Self {
            first: (first.min(end) - start) as u64,
            middle: to as u64,
            last: (end - last.max(start)) as u64,
            covered,
        }
    }

    fn weight(&self, place: usize) -> u64 {
        match place {
            place if place == self.covered.start => self.first,
            place if place + 1 == self.covered.end => self.last,
            _ => self.middle,
        }
    }

    fn sum(&self, samples: &[u8]) -> u64 {
        let samples = &samples[self.covered.clone()];
        let [first, middle @ .., last] = samples else {
            // One sample covers it all.
            return samples.first().map_or(0, |only| u64::from(*only) * self.first);
        };
        let middle: u32 = middle.iter().copied().map(u32::from).sum();
        u64::from(*first) * self.first + u64::from(middle) * self.middle + u64::from(*last) * self.last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(samples: &[u8], from: (usize, usize), to: (usize, usize), expected: &[u8]) {
        let [source, target] = [from, to].map(|(width, height)| Size { width, height });
        let plane = Plane { samples, stride: from.0, size: source };
        assert_eq!(plane.scaled(target), expected);
    }

    #[test]
    fn a_sample_is_the_mean_of_the_area_that_it_covers() {
        check(&[0, 100, 50, 250], (2, 2), (1, 1), &[100]);
        check(&[0, 90, 240], (3, 1), (2, 1), &[30, 190]);
        check(&[10, 20, 30, 40], (4, 1), (4, 1), &[10, 20, 30, 40]);
        check(&[10, 20], (2, 1), (4, 2), &[10, 10, 20, 20, 10, 10, 20, 20]);
        check(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 100], (10, 1), (1, 1), &[15]);
    }

    #[test]
    fn bytes_between_rows_are_no_samples() {
        let plane = Plane { samples: &[10, 20, 255, 30, 40, 255], stride: 3, size: Size { width: 2, height: 2 } };
        assert_eq!(plane.scaled(Size { width: 1, height: 1 }), [25]);
    }

    proptest! {
        #[test]
        fn an_even_plane_stays_even(level: u8, from in (1_usize..70, 1_usize..70), to in (1_usize..70, 1_usize..70)) {
            let [source, target] = [from, to].map(|(width, height)| Size { width, height });
            let samples = vec![level; from.0 * from.1];
            let scaled = Plane { samples: &samples, stride: from.0, size: source }.scaled(target);
            prop_assert_eq!(scaled, vec![level; to.0 * to.1]);
        }
    }
}
