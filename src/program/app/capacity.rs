//! The encoding capacity: configured, or measured.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::definition::spec::StreamSpec;
use crate::media::pipeline;
use crate::program::config::MaxPixels;
use crate::stream::{Capacity, cores};

/// Delay of the measurement, so that it does not slow the first streams down.
const MEASUREMENT_DELAY: Duration = Duration::from_secs(1);
/// Quarters of the measured capacity that streams may use. The rest is for audio, HTTP and interference between
/// encoders.
const QUARTERS: u64 = 3;

/// The capacity before a measurement.
pub(super) fn initial(max: MaxPixels) -> Capacity {
    match max {
        MaxPixels::Auto => Capacity::Unmeasured { cores: cores() },
        MaxPixels::None => Capacity::Unlimited,
        MaxPixels::PerSecond(pixels) => Capacity::Limited(pixels),
    }
}

/// Measures the encoding capacity and publishes it.
pub(super) async fn measure(capacity: &watch::Sender<Capacity>) {
    sleep(MEASUREMENT_DELAY).await;
    let measured = match pipeline::measure().await {
        Ok(each) => {
            let pixels = each.saturating_mul(cores() as u64) / 4 * QUARTERS;
            let streams = pixels / StreamSpec::test().pixels_per_second();
            let megapixels = pixels / 1_000_000;
            tracing::info!(
                pixels_per_second = pixels,
                "encoding capacity: about {streams} streams of 720p25 ({megapixels} Mpixel/s, {} cores)",
                cores()
            );
            Capacity::Limited(pixels)
        }
        Err(error) => {
            tracing::warn!(%error, "cannot measure the encoding capacity: streams start without a limit; set --max-pixels-per-second to have one");
            Capacity::Unlimited
        }
    };
    capacity.send_replace(measured);
}
