use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use gstreamer as gst;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::bus::{Verdict, judge};
use super::flow::{Flow, Stopped};
use super::*;
use crate::base::metrics::Metrics;
use crate::definition::spec::{StreamRequest, StreamSpec};
use crate::media::signal::Layout;
use crate::media::window::{Lookup, Output};

mod live;
mod published;

const SEGMENT: u64 = 935_016_890;

fn output(json: Value) -> Arc<Output> {
    probe().unwrap();
    let spec = StreamSpec::try_from(serde_json::from_value::<StreamRequest>(json).unwrap()).unwrap();
    let revision = spec.revision("");
    Arc::new(Output::new(spec, revision))
}

fn small(name: &str, preset: &str) -> Value {
    json!({"name": name, "title": "t", "video": [{"width": 320, "height": 180, "bitrate": 400_000, "preset": preset}]})
}

async fn render(output: &Arc<Output>, from: u64, until: u64) -> Result<(), PipelineError> {
    let (output, epoch) = (Arc::clone(output), output.epoch(from));
    let job = Job {
        output,
        epoch,
        from,
        until: Some(until),
        clock: None,
        priority: Priority::Normal,
        metrics: Arc::default(),
    };
    run(job, CancellationToken::new()).await
}

fn segment(output: &Output, track: usize, number: u64) -> crate::media::cmaf::Media {
    match output.tracks[track].window.snapshot().lookup(number) {
        Lookup::Ready(media) => media,
        other => panic!("segment {number} is {other:?}"),
    }
}

#[test]
fn the_versions_of_the_encoders_are_found() {
    let encoders = probe().unwrap();
    assert!(encoders.versions().contains("x264 core "), "{}", encoders.versions());
}

#[test]
fn a_missing_element_is_named_and_not_retried() {
    probe().unwrap();
    let error = encoder::make("nosuchenc", "v").unwrap_err();
    assert_eq!(error, PipelineError::MissingElement { element: "nosuchenc".into() });
    assert!(!error.is_transient());
}

#[test]
fn an_error_on_the_bus_names_the_element() {
    probe().unwrap();
    let element = encoder::make("x264enc", "v720").unwrap();
    let message = gst::message::Error::builder(gst::CoreError::Failed, "broken").src(&element).build();
    let expected = PipelineError::Element { element: "x264enc-v720".into(), message: "broken".into() };
    assert!(expected.is_transient());
    assert_eq!(judge(&message), Verdict::Fail(expected));
    assert_eq!(judge(&gst::message::Eos::new()), Verdict::End);
    assert_eq!(judge(&gst::message::Latency::new()), Verdict::Ignore);
}

#[test]
fn due_frames_without_progress_are_a_stall() {
    let flow = Flow::default();
    let stalls_at_check = |checks: u32| (1..checks).all(|_| !flow.has_stalled()) && flow.has_stalled();
    assert!(stalls_at_check(4), "not even the first comes");
    flow.give();
    assert!(!flow.has_stalled(), "it has moved");
    assert!(stalls_at_check(4), "the encoder keeps the thread");
    flow.take();
    assert!(!flow.has_stalled(), "it has moved");
    flow.finish();
    assert!((0..9).all(|_| !flow.has_stalled()), "there is nothing more to do");
    (0..8).for_each(|_| flow.give());
    assert!((0..9).all(|_| !flow.has_stalled()), "as many as an encoder may hold");
    flow.give();
    assert!(!flow.has_stalled(), "it has moved");
    assert!(stalls_at_check(4), "too many are kept");
}

#[test]
fn a_sleeping_flow_has_not_stalled() {
    let flow = Flow::default();
    let sleeper = flow.clone();
    let thread = std::thread::spawn(move || sleeper.sleep(Duration::from_secs(3600)));
    let sleeps = || (0..9).all(|_| !flow.has_stalled());
    while !sleeps() {
        std::thread::yield_now();
    }
    flow.stop();
    assert_eq!(thread.join().unwrap(), Err(Stopped));
}

#[test]
fn a_runnable_thread_gets_more_time() {
    let (flow, works) = (Flow::default(), Arc::new(AtomicBool::new(true)));
    let (worker, goes_on) = (flow.clone(), Arc::clone(&works));
    let (tell, told) = channel();
    let thread = std::thread::spawn(move || {
        worker.check().unwrap();
        tell.send(()).unwrap();
        while goes_on.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    told.recv().unwrap();
    assert!((1..32).all(|_| !flow.has_stalled()));
    assert!(flow.has_stalled(), "not for ever");
    works.store(false, Ordering::Relaxed);
    thread.join().unwrap();
}

#[test]
fn a_flow_that_is_stopped_does_not_sleep() {
    let flow = Flow::default();
    assert_eq!(flow.sleep(Duration::ZERO), Ok(()));
    flow.stop();
    assert_eq!(flow.sleep(Duration::from_secs(3600)), Err(Stopped));
    assert_eq!(flow.check(), Err(Stopped));
}

#[test]
fn planes_lie_where_gstreamer_expects_them() {
    probe().unwrap();
    for (width, height) in [(160, 90), (426, 240), (854, 480), (1280, 720), (1366, 768), (1920, 1080)] {
        let layout = Layout::new(width, height);
        let info = gstreamer_video::VideoInfo::builder(gstreamer_video::VideoFormat::I420, width, height);
        let info = info.build().unwrap();
        assert_eq!(info.size(), layout.size(), "{width}x{height}");
        assert_eq!(info.offset(), layout.offsets());
        assert_eq!(info.stride().iter().map(|stride| *stride as usize).collect::<Vec<_>>(), layout.strides());
    }
}

#[tokio::test]
async fn a_run_renders_its_segments_and_no_more() {
    let output = output(small("a", "ultrafast"));
    render(&output, SEGMENT, SEGMENT + 2).await.unwrap();
    for track in 0..2 {
        let snapshot = output.tracks[track].window.snapshot();
        assert_eq!(snapshot.complete().map(|(number, _)| number).collect::<Vec<_>>(), [SEGMENT, SEGMENT + 1]);
        assert_eq!(snapshot.next(), SEGMENT + 2);
        assert!(snapshot.init(&output.epoch(0).revision).is_some());
    }
    assert_eq!(segment(&output, 0, SEGMENT).len(), 96_000);
}

#[test]
fn a_lead_in_has_few_frames_and_as_many_idr_pictures_as_are_needed() {
    for (preset, frames, segment, lead_in) in [
        ("ultrafast", 48, 10, (0, vec![480])),
        ("ultrafast", 48, 11, (1, vec![528])),
        ("veryfast", 48, 10, (0, vec![480])),
        // 528 = 16 * 32 + 16
        ("veryfast", 48, 11, (16, vec![528])),
        // 100 = 3 * 32 + 4
        ("veryfast", 50, 2, (4, vec![97, 100])),
        // 1600 = 50 * 32, but an odd number of IDR pictures is needed, of which 32 frames need no second.
        ("medium", 64, 25, (32, vec![1600])),
    ] {
        let mut definition = small("a", preset);
        definition["segment_frames"] = frames.into();
        let spec = StreamSpec::try_from(serde_json::from_value::<StreamRequest>(definition).unwrap()).unwrap();
        let (length, early_idrs) = lead_in;
        let expected = encoder::LeadIn { start: segment * frames - length, early_idrs };
        assert_eq!(encoder::LeadIn::of_video(&spec.video[0], &spec.timeline, segment), expected, "{preset} {segment}");
    }
}

#[tokio::test]
async fn a_segment_has_the_same_bytes_in_every_run() {
    for preset in ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] {
        check_replica(&small("a", preset)).await;
    }
    for (fps, frames) in [("24", 48), ("25", 50), ("30", 60), ("50", 100), ("60", 96), ("30000/1001", 60)] {
        for preset in ["ultrafast", "veryfast"] {
            let mut definition = small("a", preset);
            definition["fps"] = fps.into();
            definition["segment_frames"] = frames.into();
            definition["chunk_frames"] = (frames / 4).into();
            check_replica(&definition).await;
        }
    }
}

/// Checks that runs that start at each of four segments render the last one alike.
async fn check_replica(definition: &Value) {
    let first = output(definition.clone());
    render(&first, SEGMENT, SEGMENT + 4).await.unwrap();
    for from in SEGMENT + 1..SEGMENT + 4 {
        let other = output(definition.clone());
        render(&other, from, SEGMENT + 4).await.unwrap();
        for track in 0..2 {
            let same = segment(&first, track, SEGMENT + 3) == segment(&other, track, SEGMENT + 3);
            assert!(same, "track {track} of {definition}, begun at {from}");
        }
    }
}

#[tokio::test]
async fn audio_segments_have_the_size_of_their_bitrate() {
    for bitrate in [64_000, 128_000, 192_000] {
        let output = output(json!({"name": "a", "video": [], "audio": {"bitrate": bitrate}}));
        render(&output, SEGMENT, SEGMENT + 3).await.unwrap();
        let wanted = f64::from(bitrate) * 1.92 / 8.0;
        for number in SEGMENT..SEGMENT + 3 {
            let length = segment(&output, 0, number).len() as f64;
            assert!((length / wanted - 1.0).abs() < 0.005, "{bitrate}: {length} for {wanted}");
        }
    }
}

#[tokio::test]
async fn a_stopped_run_ends_immediately_without_an_error() {
    let output = output(small("a", "ultrafast"));
    let stop = CancellationToken::new();
    let clock = crate::base::utc::Clock::from_fn(move || output_time(SEGMENT));
    let epoch = output.epoch(SEGMENT);
    let job = Job {
        output,
        epoch,
        from: SEGMENT - 1,
        until: None,
        clock: Some(clock),
        priority: Priority::Normal,
        metrics: Arc::new(Metrics::new()),
    };
    let (ran, ()) = tokio::join!(run(job, stop.clone()), async { stop.cancel() });
    assert_eq!(ran, Ok(()));
}

fn output_time(segment: u64) -> crate::base::timeline::UnixTime {
    crate::base::timeline::UnixTime::from_millis(segment * 1920)
}
