//! Sine in fixed point, the same on every machine: libraries differ in the last bit of `sin`, but not in `+`, `*` and `/`.

use std::f64::consts::FRAC_PI_2;

/// Fraction bits of the results.
pub(super) const BITS: u32 = 30;

/// Sine of `num`/`den` of a turn, with [`BITS`] fraction bits. `den` is not zero.
pub(super) fn sin(num: u64, den: u64) -> i64 {
    let quarters = u128::from(num % den) * 4;
    let (quarter, rest) = (quarters / u128::from(den), (quarters % u128::from(den)) as u64);
    match quarter {
        0 => first_quarter(rest, den),
        1 => first_quarter(den - rest, den),
        2 => -first_quarter(rest, den),
        _ => -first_quarter(den - rest, den),
    }
}

/// Cosine of `num`/`den` of a turn, with [`BITS`] fraction bits. `den` is not zero.
pub(super) fn cos(num: u64, den: u64) -> i64 {
    sin(num % den * 4 + den, den * 4)
}

/// Taylor series; its error up to 90 degrees is far below a bit of the result.
fn first_quarter(num: u64, den: u64) -> i64 {
    let angle = FRAC_PI_2 * (num as f64) / (den as f64);
    let (mut term, mut sum) = (angle, angle);
    for k in 1..=10 {
        let k = f64::from(2 * k);
        term = -term * angle * angle / (k * (k + 1.0));
        sum += term;
    }
    (sum * (1_i64 << BITS) as f64).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_agrees_with_the_library() {
        for num in 0..3000_u64 {
            let angle = num as f64 / 1001.0 * std::f64::consts::TAU;
            let exact = (1_i64 << BITS) as f64;
            assert!((sin(num, 1001) as f64 - angle.sin() * exact).abs() <= 1.0, "{num}");
            assert!((cos(num, 1001) as f64 - angle.cos() * exact).abs() <= 1.0, "{num}");
        }
    }

    #[test]
    fn the_quarters_are_exact() {
        let one = 1 << BITS;
        assert_eq!([0, 1, 2, 3, 4].map(|quarter| sin(quarter, 4)), [0, one, 0, -one, 0]);
        assert_eq!([0, 1, 2, 3, 4].map(|quarter| cos(quarter, 4)), [one, 0, -one, 0, one]);
    }
}
