//! Order statistics of a few measurements.

/// The smallest measurement that is not below `percent` of them.
///
/// # Panics
/// If nothing was measured.
pub(crate) fn percentile(measured: &[f64], percent: usize) -> f64 {
    let mut sorted = measured.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}
