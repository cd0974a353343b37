//! Scales luma to another size by bicubic interpolation, as ffmpeg's filter `scale` does by default: the kernel is that of Keys
//! with a = -0.6, and is widened where the picture becomes smaller.

use super::super::strip::Luma;

/// Parameter of the kernel.
const A: f64 = -0.6;
/// Pixels from the middle of the kernel to its end.
const REACH: f64 = 2.0;

/// Scales pictures of one size to another.
#[derive(Debug)]
pub(super) struct Scaler {
    columns: Vec<Taps>,
    rows: Vec<Taps>,
}

/// Weights of successive pixels of the source, of which a pixel of the result is the sum.
#[derive(Debug)]
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Scaler {
    /// A scaler between sizes, as width and height.
    pub(super) fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self { columns: taps(from.0, to.0), rows: taps(from.1, to.1) }
    }

    /// The scaled picture, without space between its rows.
    pub(super) fn scale(&self, picture: Luma<'_>) -> Vec<u8> {
        let width = self.columns.len();
        let mut narrow = Vec::with_capacity(width * picture.height);
        for row in (0..picture.height).map(|y| picture.row(y)) {
            narrow.extend(self.columns.iter().map(|taps| {
                let pixels = row[taps.first..].iter().zip(&taps.weights);
                pixels.map(|(luma, weight)| f32::from(*luma) * weight).sum::<f32>()
            }));
        }
        let mut scaled = Vec::with_capacity(width * self.rows.len());
        let mut sums = vec![0.0_f32; width];
        for taps in &self.rows {
            sums.fill(0.0);
            for (row, weight) in narrow[taps.first * width..].chunks_exact(width).zip(&taps.weights) {
                sums.iter_mut().zip(row).for_each(|(sum, luma)| *sum += luma * weight);
            }
            scaled.extend(sums.iter().map(|sum| sum.round() as u8));
        }
        scaled
    }
}

/// Taps of each of `to` pixels between `from` pixels.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let step = from as f64 / to as f64;
    let widening = step.max(1.0);
    let last = from as i64 - 1;
    let of = |pixel: usize| {
        let middle = (pixel as f64 + 0.5) * step - 0.5;
        let reach = REACH * widening;
        let (start, end) = ((middle - reach).ceil() as i64, (middle + reach).floor() as i64);
        let first = start.clamp(0, last);
        let mut weights = vec![0.0; (end.clamp(0, last) - first) as usize + 1];
        // Beyond an edge, the picture continues with the pixels of the edge.
        for at in start..=end {
            weights[(at.clamp(0, last) - first) as usize] += kernel((at as f64 - middle) / widening);
        }
        let sum: f64 = weights.iter().sum();
        Taps { first: first as usize, weights: weights.iter().map(|weight| (weight / sum) as f32).collect() }
    };
    (0..to).map(of).collect()
}

fn kernel(distance: f64) -> f64 {
    let x = distance.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < REACH {
        ((x - 5.0) * x + 8.0) * x * A - 4.0 * A
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled((width, height): (usize, usize), pixels: &[u8], to: (usize, usize)) -> Vec<u8> {
        Scaler::new((width, height), to).scale(Luma { pixels, stride: width, width, height })
    }

    #[test]
    fn the_same_size_and_flat_pictures_stay_as_they_are() {
        let pixels: Vec<u8> = (0..48).map(|at| at * 5).collect();
        assert_eq!(scaled((8, 6), &pixels, (8, 6)), pixels);
        for to in [(3, 2), (8, 13), (30, 6)] {
            assert_eq!(scaled((8, 6), &[77; 48], to), vec![77; to.0 * to.1], "{to:?}");
        }
    }

    #[test]
    fn an_edge_stays_where_it_is() {
        let row = |width: usize| (0..width).map(|x| if x < width / 2 { 60 } else { 190 }).collect::<Vec<u8>>();
        for width in [10, 20, 60] {
            let found = scaled((20, 1), &row(20), (width, 1));
            // Beside the edge, the kernel rings.
            let is_near = |(found, expected): (&u8, &u8)| found.abs_diff(*expected) < 60;
            assert!(found.iter().zip(&row(width)).all(is_near), "{found:?}");
            let mirrored: Vec<_> = found.iter().rev().map(|luma| 250 - luma).collect();
            assert_eq!(found, mirrored);
        }
    }
}
