//! Order statistics of a few measurements.

/// The percentile `percent`: the smallest measurement that at least so many per cent do not exceed.
///
/// # Panics
/// If `measured` is empty.
pub(crate) fn percentile(measured: &[f64], percent: usize) -> f64 {
    let mut sorted = measured.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}
