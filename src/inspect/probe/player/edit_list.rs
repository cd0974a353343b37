//! Applies the edit lists of segments (ISO/IEC 14496-12 8.6.6), which packagers write because encoders send pictures and sound late.
//! GStreamer applies the edit lists of files, and ignores the edit lists in the init segments of HLS and DASH.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gst::prelude::*;
use gstreamer as gst;
use mp4_atom::{FourCC, Moov, Trak};

use crate::inspect::boxes::Init;

/// The demuxer of segments.
const DEMUXER: &str = "qtdemux";

/// Type of the first box of an init segment. Media are not parsed.
const FIRST_BOX: &[u8] = b"ftyp";

/// Nanoseconds by which edit lists move video and audio.
#[derive(Debug, Default)]
struct Shifts {
    video: AtomicI64,
    audio: AtomicI64,
}

/// Moves what the demuxers of a pipeline read, by the edit list of the init segment before it.
pub(super) fn apply(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        if element.factory().is_some_and(|factory| factory.name() == DEMUXER) {
            watch(element);
        }
    });
}

fn watch(demuxer: &gst::Element) {
    let shifts = Arc::new(Shifts::default());
    let read = Arc::clone(&shifts);
    let Some(sink) = demuxer.static_pad("sink") else { return };
    sink.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let is_of_segments = segment.is_some_and(|event| event.segment().format() == gst::Format::Time);
        if let Some(bytes) = info.buffer().filter(|_| is_of_segments).and_then(|buffer| buffer.map_readable().ok())
            && bytes.get(4..8) == Some(FIRST_BOX)
            && let Ok(init) = Init::parse(&bytes)
        {
            read.read(&init.moov);
        }
        gst::PadProbeReturn::Ok
    });
    demuxer.connect_pad_added(move |_, pad| {
        let (shifts, is_video) = (Arc::clone(&shifts), pad.name().starts_with("video"));
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let shift = if is_video { &shifts.video } else { &shifts.audio }.load(Ordering::Relaxed);
            if let Some(buffer) = info.buffer_mut().filter(|_| shift != 0) {
                let (pts, dts) = (buffer.pts(), buffer.dts());
                let buffer = buffer.make_mut();
                buffer.set_pts(pts.map(|time| moved(time, shift)));
                buffer.set_dts(dts.map(|time| moved(time, shift)));
            }
            gst::PadProbeReturn::Ok
        });
    });
}

impl Shifts {
    fn read(&self, moov: &Moov) {
        for trak in &moov.trak {
            let is_video = trak.mdia.hdlr.handler == FourCC::new(b"vide");
            let kind = if is_video { &self.video } else { &self.audio };
            kind.store(shift(trak, moov.mvhd.timescale), Ordering::Relaxed);
        }
    }
}

/// Nanoseconds by which the edit list moves a track: later by the empty edits, and earlier by the media before its first edit.
fn shift(trak: &Trak, movie_timescale: u32) -> i64 {
    let edits = trak.edts.iter().flat_map(|edts| &edts.elst).flat_map(|list| &list.entries);
    let mut shift = 0;
    for edit in edits {
        match edit.media_time {
            None => shift += nanoseconds(edit.segment_duration, movie_timescale),
            Some(start) => return shift - nanoseconds(start, trak.mdia.mdhd.timescale),
        }
    }
    shift
}

fn nanoseconds(ticks: u64, timescale: u32) -> i64 {
    i64::try_from(u128::from(ticks) * 1_000_000_000 / u128::from(timescale.max(1))).unwrap_or_default()
}

fn moved(time: gst::ClockTime, shift: i64) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(time.nseconds().saturating_add_signed(shift))
}
