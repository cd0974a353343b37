//! How alike two pictures are, in luma: SSIM and PSNR.

use super::super::strip::Luma;

/// Largest luma.
const PEAK: f64 = 255.0;
/// Width and height in pixels of a block. A window of SSIM is two by two blocks.
const BLOCK: usize = 4;
/// Pixels of a window.
const WINDOW: f64 = 64.0;
/// PSNR of equal pictures, which is infinite by definition.
const MOST_PSNR: f64 = 100.0;

/// Sums over a block or a window of two pictures.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    a: u32,
    b: u32,
    squares: u32,
    products: u32,
}

/// Structural similarity, 1 for equal pictures (Wang, Bovik, Sheikh, Simoncelli: *Image quality assessment: from error
/// visibility to structural similarity*, 2004, equation 13, with K1 = 0.01 and K2 = 0.03). It is the mean over square
/// windows of 8x8 pixels with equal weights, each window 4 pixels from the next one, as in ffmpeg's filter `ssim`. Both
/// pictures have the same size, at least 8x8.
pub(super) fn ssim(a: Luma<'_>, b: Luma<'_>) -> f64 {
    let (across, down) = (a.width / BLOCK, a.height / BLOCK);
    let blocks = |row| (0..across).map(|column| block((a, b), (column, row))).collect::<Vec<_>>();
    let (mut above, mut sum) = (blocks(0), 0.0);
    for row in 1..down {
        let below = blocks(row);
        let pairs = above.windows(2).zip(below.windows(2));
        sum += pairs.map(|(above, below)| similarity(above.iter().chain(below))).sum::<f64>();
        above = below;
    }
    sum / ((across - 1) * (down - 1)) as f64
}

fn block((a, b): (Luma<'_>, Luma<'_>), (column, row): (usize, usize)) -> Sums {
    let mut sums = Sums::default();
    for y in row * BLOCK..(row + 1) * BLOCK {
        let four = |picture: Luma<'_>| picture.row(y)[column * BLOCK..][..BLOCK].try_into();
        let (a, b): ([u8; BLOCK], [u8; BLOCK]) =
            (four(a).expect("a block is as wide"), four(b).expect("a block is as wide"));
        for (a, b) in a.into_iter().zip(b) {
            let (a, b) = (u32::from(a), u32::from(b));
            sums.a += a;
            sums.b += b;
            sums.squares += a * a + b * b;
            sums.products += a * b;
        }
    }
    sums
}

/// SSIM of a window.
fn similarity<'a>(blocks: impl Iterator<Item = &'a Sums>) -> f64 {
    let add = |sum: Sums, block: &Sums| Sums {
        a: sum.a + block.a,
        b: sum.b + block.b,
        squares: sum.squares + block.squares,
        products: sum.products + block.products,
    };
    let Sums { a, b, squares, products } = blocks.fold(Sums::default(), add);
    let (a, b) = (f64::from(a) / WINDOW, f64::from(b) / WINDOW);
    let variances = (f64::from(squares) - WINDOW * (a * a + b * b)) / (WINDOW - 1.0);
    let covariance = (f64::from(products) - WINDOW * a * b) / (WINDOW - 1.0);
    let (c1, c2) = ((0.01 * PEAK).powi(2), (0.03 * PEAK).powi(2));
    (2.0 * a * b + c1) * (2.0 * covariance + c2) / ((a * a + b * b + c1) * (variances + c2))
}

/// Peak signal-to-noise ratio in dB, at most [`MOST_PSNR`].
pub(super) fn psnr(a: Luma<'_>, b: Luma<'_>) -> f64 {
    let squares = |(a, b): (&u8, &u8)| u32::from(a.abs_diff(*b)).pow(2);
    let error: u64 = (0..a.height).map(|y| u64::from(a.row(y).iter().zip(b.row(y)).map(squares).sum::<u32>())).sum();
    let mean = error as f64 / (a.width * a.height) as f64;
    (10.0 * (PEAK * PEAK / mean).log10()).min(MOST_PSNR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn luma(pixels: &[u8]) -> Luma<'_> {
        Luma { pixels, stride: 20, width: 17, height: 16 }
    }

    /// A picture with columns of two luma values.
    fn columns(dark: u8, light: u8) -> Vec<u8> {
        (0..320).map(|at| if at % 2 == 0 { dark } else { light }).collect()
    }

    #[test]
    fn equal_pictures_have_the_highest_values() {
        let picture = columns(16, 235);
        assert_eq!(ssim(luma(&picture), luma(&picture)), 1.0);
        assert_eq!(psnr(luma(&picture), luma(&picture)), MOST_PSNR);
    }

    #[test]
    fn values_are_those_of_the_formulas() {
        // The error of each pixel is 10.
        let (a, b) = (columns(100, 140), columns(110, 150));
        assert!((psnr(luma(&a), luma(&b)) - 28.1308).abs() < 1e-4);
        // Means 120 and 130, both variances and the covariance 400 * 64 / 63.
        let expected = (2.0 * 120.0 * 130.0 + 6.5025) / (120.0_f64.powi(2) + 130.0_f64.powi(2) + 6.5025);
        assert!((ssim(luma(&a), luma(&b)) - expected).abs() < 1e-9);
        // The negative has a negative covariance.
        assert!(ssim(luma(&a), luma(&columns(140, 100))) < -0.8);
    }
}
