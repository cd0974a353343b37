//! Measures the encoding capacity of one core.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gstreamer as gst;
use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

use super::PipelineError;
use super::engine::Running;
use super::job::{Job, Priority};
use crate::definition::spec::StreamSpec;
use crate::media::window::Output;

/// Number of segments to render. The second and the third are measured, because the first includes one-time work.
const SEGMENTS: u64 = 3;
/// First segment: within this century, and a boundary at which a run of every preset may start.
const FROM: u64 = 900_000_000;

/// Pixels of the default stream that one core draws, encodes and packages in a second. The best measurement counts,
/// because other load only makes a measurement smaller. Takes a fraction of a second of one core.
///
/// # Errors
/// [`PipelineError`].
pub async fn measure() -> Result<u64, PipelineError> {
    let spec = StreamSpec { audio: None, ..StreamSpec::test() };
    let (frames, pixels) = (spec.timeline.segment_frames(), spec.pixels_per_second());
    let seconds = spec.timeline.segment_duration().as_secs_f64();
    let revision = spec.revision("");
    let output = Arc::new(Output::new(spec, revision));
    let epoch = output.epoch(FROM);
    let job = Job {
        output,
        epoch,
        from: FROM,
        until: Some(FROM + SEGMENTS),
        clock: None,
        priority: Priority::Normal,
        metrics: Arc::default(),
    };
    let running = Running::assemble(&job)?;
    let times = watch(&running.encoders()[0], frames);
    running.until_over(&job, &CancellationToken::new()).await?;
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    let best = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).min().filter(|best| !best.is_zero());
    let best = best.ok_or(PipelineError::Ended)?;
    Ok((pixels as f64 * seconds / best.as_secs_f64()) as u64)
}

/// CPU time of the encoder's thread at the end of each segment.
fn watch(encoder: &gst::Element, frames: u32) -> Arc<Mutex<Vec<Duration>>> {
    let times = Arc::new(Mutex::new(Vec::new()));
    let (taken, mut made) = (Arc::clone(&times), 0);
    let made_one = Mutex::new(move || {
        made += 1;
        if made % frames == 0 {
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(thread_time());
        }
    });
    if let Some(pad) = encoder.static_pad("src") {
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            made_one.lock().unwrap_or_else(PoisonError::into_inner)();
            gst::PadProbeReturn::Ok
        });
    }
    times
}

fn thread_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_measured_capacity_is_enough_for_a_few_streams() {
        super::super::probe().unwrap();
        let measured = measure().await.unwrap();
        assert!(measured > 3 * StreamSpec::test().pixels_per_second(), "{measured} pixels a second");
    }
}
