//! Conversion of outlines to coverage with integers. The rasteriser of the font library selects floating-point
//! instructions by the machine, and pictures must not differ between machines.

use ab_glyph::{OutlineCurve, Point};

/// Units of a pixel.
pub(super) const PIXEL: i64 = 256;
/// Scan lines in a row of pixels.
const SCANS: i64 = 16;
/// Straight pieces of a curve, enough for the sizes that are drawn.
const PIECES: i64 = 12;
/// Fraction of a font unit. Implied points of TrueType are at half units, so 64ths are exact.
const UNIT: i64 = 64;

/// Position of an outline: font units become pixels by `pixels`/`units`, and the origin is at `left`, `baseline`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placement {
    pub(super) pixels: usize,
    pub(super) units: i64,
    pub(super) left: i64,
    pub(super) baseline: i64,
}

type Line = [(i64, i64); 2];

/// Coverage of each pixel by the curves (nonzero winding rule), 0 to 256, row by row with `width` pixels in a row.
pub(super) fn coverage(curves: &[OutlineCurve], placement: Placement, (width, height): (usize, usize)) -> Vec<u16> {
    let mut rows = vec![Vec::new(); height];
    for line in curves.iter().flat_map(|curve| flatten(curve, placement)) {
        let row = |y: i64| y.div_euclid(PIXEL).clamp(0, height as i64 - 1) as usize;
        let [(_, y0), (_, y1)] = line;
        rows[row(y0.min(y1))..=row(y0.max(y1))].iter_mut().for_each(|row| row.push(line));
    }
    let mut pixels = Vec::with_capacity(width * height);
    let (mut sums, mut crossings) = (vec![0; width], Vec::new());
    for (y, lines) in rows.iter().enumerate() {
        sums.fill(0);
        for scan in 0..SCANS {
            let at = y as i64 * PIXEL + (2 * scan + 1) * PIXEL / (2 * SCANS);
            crossings.clear();
            crossings.extend(lines.iter().filter_map(|line| crossing(line, at)));
            crossings.sort_unstable();
            add_interior(&crossings, &mut sums);
        }
        pixels.extend(sums.iter().map(|sum| (sum / SCANS) as u16));
    }
    pixels
}

/// The straight pieces of a curve, in units of a pixel.
fn flatten(curve: &OutlineCurve, placement: Placement) -> Vec<Line> {
    let place = |point: &Point| {
        let scale = |value: f32| {
            let units = (value * UNIT as f32).round() as i64;
            (units * placement.pixels as i64 * PIXEL).div_euclid(placement.units * UNIT)
        };
        (placement.left + scale(point.x), placement.baseline - scale(point.y))
    };
    let (start, middle, end) = match curve {
        OutlineCurve::Line(a, b) => return vec![[place(a), place(b)]],
        OutlineCurve::Quad(a, b, c) => (place(a), place(b), place(c)),
        // TrueType outlines have no cubic curves.
        OutlineCurve::Cubic(a, _, _, d) => return vec![[place(a), place(d)]],
    };
    let at = |t: i64| {
        let back = PIECES - t;
        let mix = |a: i64, b: i64, c: i64| (back * back * a + 2 * back * t * b + t * t * c).div_euclid(PIECES * PIECES);
        (mix(start.0, middle.0, end.0), mix(start.1, middle.1, end.1))
    };
    (0..PIECES).map(|t| [at(t), at(t + 1)]).collect()
}

/// Adds the interior on a horizontal line, whose sorted crossings are given, to the sums of the pixels.
fn add_interior(crossings: &[(i64, i64)], sums: &mut [i64]) {
    let mut winding = 0;
    for pair in crossings.windows(2) {
        winding += pair[0].1;
        if winding != 0 {
            add_span(sums, pair[0].0, pair[1].0);
        }
    }
}

/// Position at which a line crosses `at`, and its direction: downwards (1) or upwards (-1).
fn crossing(&[(x0, y0), (x1, y1)]: &Line, at: i64) -> Option<(i64, i64)> {
    let direction = match (y0 <= at, y1 <= at) {
        (true, false) => 1,
        (false, true) => -1,
        (true, true) | (false, false) => return None,
    };
    Some((x0 + ((x1 - x0) * (at - y0)).div_euclid(y1 - y0), direction))
}

fn add_span(sums: &mut [i64], from: i64, to: i64) {
    let (from, to) = (from.max(0), to.min(sums.len() as i64 * PIXEL));
    let mut x = from;
    while x < to {
        let next = ((x / PIXEL + 1) * PIXEL).min(to);
        sums[(x / PIXEL) as usize] += next - x;
        x = next;
    }
}

#[cfg(test)]
mod tests {
    use ab_glyph::point;

    use super::*;

    fn square(from: f32, to: f32) -> Vec<OutlineCurve> {
        let corners = [point(from, from), point(to, from), point(to, to), point(from, to), point(from, from)];
        corners.windows(2).map(|pair| OutlineCurve::Line(pair[0], pair[1])).collect()
    }

    const PLACEMENT: Placement = Placement { pixels: 4, units: 4, left: 0, baseline: 4 * PIXEL };

    #[test]
    fn a_square_fills_its_pixels() {
        let pixels = coverage(&square(1.0, 3.0), PLACEMENT, (4, 4));
        assert_eq!(pixels, [0, 0, 0, 0, 0, 256, 256, 0, 0, 256, 256, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_half_pixel_is_half_covered() {
        let pixels = coverage(&square(1.5, 3.0), PLACEMENT, (4, 4));
        assert_eq!(pixels[4..12], [0, 128, 256, 0, 0, 64, 128, 0]);
    }

    #[test]
    fn overlapping_outlines_are_covered_once() {
        let mut curves = square(1.0, 3.0);
        curves.extend(square(1.0, 3.0));
        assert_eq!(coverage(&curves, PLACEMENT, (4, 4))[5], 256);
    }

    #[test]
    fn outlines_are_clipped() {
        assert!(coverage(&square(-9.0, 9.0), PLACEMENT, (4, 4)).iter().all(|&pixel| pixel == 256));
    }
}
