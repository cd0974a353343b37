//! How much the streams may be made of, as it is configured or measured.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::definition::spec::StreamSpec;
use crate::media::pipeline;
use crate::program::config::MaxPixels;
use crate::stream::{Capacity, cores};

/// The first streams start undisturbed.
const SETTLED: Duration = Duration::from_secs(1);
/// Of four parts of what cores paint and encode at their best, each by itself; sound, answers and each other cost the rest.
const QUARTERS: u64 = 3;

/// What is known without measuring.
pub(super) fn first(max: MaxPixels) -> Capacity {
    match max {
        MaxPixels::Auto => Capacity::Unmeasured { cores: cores() },
        MaxPixels::None => Capacity::Unlimited,
        MaxPixels::PerSecond(pixels) => Capacity::Limited(pixels),
    }
}

/// Measures what the machine can make, and tells.
pub(super) async fn measure(capacity: &watch::Sender<Capacity>) {
    sleep(SETTLED).await;
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
