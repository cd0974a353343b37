//! Computes figures from pictures and sound. Uses neither a clock nor a player.

use super::beeps::{self, Detector};
use super::distribution::Distribution;
use super::figures::Freeze as FreezeFigure;
use super::figures::{AvOffset, Bitrate, Discontinuities, Figures, Frames, Freezes, Latency, PictureFormat};
use super::loudness::Meter;
use super::player::{Picture, Size, Sound};
use super::sequence::{Freeze, FreezeKind, LEAST_FREEZE, Point, Sequence, rate_of};
use super::sync::Sync;
use crate::base::timeline::{Rate, UnixTime};
use crate::inspect::report::rfc3339;

/// Steps to which latencies are rounded: 1 ms.
const STEP: i64 = 1_000_000;
/// Most changes of the picture that are listed.
const MOST_FORMATS: usize = 1000;

/// The state of the analysis: all pictures and sound so far.
#[derive(Debug)]
pub(super) struct Analysis {
    is_live: bool,
    began: UnixTime,
    first: Option<Picture>,
    last: Option<Picture>,
    /// UTC of the last frame with a strip.
    frame_time: Option<UnixTime>,
    rate: Option<Rate>,
    latencies: Distribution,
    /// The last latency, and the sum and the number of the differences between successive latencies.
    jitter: (Option<i64>, i64, i64),
    sequence: Sequence,
    detector: Detector,
    sync: Sync,
    meter: Meter,
    has_sound: bool,
    gaps: u64,
    formats: Vec<(Option<UnixTime>, Size)>,
}

impl Analysis {
    /// An analysis without pictures. The player started at `began`.
    pub(super) fn new(began: UnixTime, is_live: bool) -> Self {
        Self {
            is_live,
            began,
            first: None,
            last: None,
            frame_time: None,
            rate: None,
            latencies: Distribution::new(STEP),
            jitter: (None, 0, 0),
            sequence: Sequence::default(),
            detector: Detector::default(),
            sync: Sync::new(),
            meter: Meter::new(),
            has_sound: false,
            gaps: 0,
            formats: Vec::new(),
        }
    }

    /// Adds the next picture.
    pub(super) fn show(&mut self, picture: Picture) {
        let before = self.frame_time;
        let strip = picture.strip;
        self.rate = strip.and_then(|strip| rate_of(strip, self.rate)).or(self.rate);
        let time = strip.zip(self.rate).map(|(strip, rate)| rate.frame_start(strip.frame));
        if let Some(time) = time.filter(|time| before != Some(*time)) {
            self.frame_time = Some(time);
            self.sync.show(picture.pts, time.as_nanos() as i64);
            self.add_latency(picture.at.as_nanos() as i64 - time.as_nanos() as i64);
        }
        if self.formats.last().is_none_or(|(_, size)| *size != picture.size) && self.formats.len() < MOST_FORMATS {
            self.formats.push((time, picture.size));
        }
        if let Some(last) = self.last {
            self.find_stall(last, picture.at, picture.pts);
        }
        self.sequence.add(Point { pts: picture.pts, strip });
        self.first.get_or_insert(picture);
        self.last = Some(picture);
    }

    fn add_latency(&mut self, latency: i64) {
        self.latencies.add(latency);
        let (last, sum, count) = self.jitter;
        self.jitter = match last {
            Some(last) => (Some(latency), sum + (latency - last).abs(), count + 1),
            None => (Some(latency), sum, count),
        };
    }

    /// Finds a stall: `last` was shown until `at`, longer than its time on the timeline, which ends at `pts`.
    fn find_stall(&mut self, last: Picture, at: UnixTime, pts: i64) {
        let length = at.as_nanos() as i64 - last.at.as_nanos() as i64 - (pts - last.pts).max(0);
        if self.is_live && length >= LEAST_FREEZE {
            let utc = self.frame_time.unwrap_or(last.at);
            self.sequence.add_freeze(Freeze { utc, length, kind: FreezeKind::Stall });
        }
    }

    /// Adds the next buffer of sound.
    pub(super) fn hear(&mut self, sound: &Sound) {
        self.has_sound = true;
        self.meter.listen(&sound.samples, sound.channels);
        let frames = sound.samples.chunks_exact(sound.channels.max(1));
        let end = sound.pts + beeps::nanos(frames.len());
        let loudest = frames.map(|frame| frame.iter().fold(0.0, |loudest: f32, sample| loudest.max(sample.abs())));
        let heard = self.detector.listen(sound.pts, loudest);
        self.gaps += u64::from(heard.is_after_gap);
        self.sync.hear(sound.pts, end, heard.beeps);
    }

    /// Judges the last pictures and beeps. Must be the last call.
    pub(super) fn finish(&mut self, now: UnixTime) {
        self.sequence.finish();
        self.sync.finish();
        if let Some(last) = self.last {
            self.find_stall(last, now, last.pts);
        }
    }

    /// Whether a strip was read.
    pub(super) const fn has_strip(&self) -> bool {
        self.frame_time.is_some()
    }

    pub(super) const fn is_live(&self) -> bool {
        self.is_live
    }

    /// Whether there was a picture, with or without a strip.
    pub(super) const fn has_picture(&self) -> bool {
        self.first.is_some()
    }

    /// Length of the timeline in nanoseconds.
    pub(super) fn length(&self) -> i64 {
        self.first.zip(self.last).map_or(0, |(first, last)| last.pts - first.pts)
    }

    /// The figures, given the bytes of video and audio that went into the decoders.
    pub(super) fn figures(&self, (video, audio): (u64, u64)) -> Figures {
        let counts = self.sequence.counts();
        let length = seconds(self.length());
        let rate = |bytes: u64| if length > 0.0 { (bytes as f64 * 8.0 / length) as u64 } else { 0 };
        Figures {
            live: self.is_live,
            seconds: length,
            first_picture: self
                .first
                .map_or(0.0, |first| first.at.saturating_since(self.began).as_millis() as f64 / 1e3),
            frame_time: self.frame_time.map(rfc3339).unwrap_or_default(),
            latency: self.latency(),
            frames: Frames {
                expected: counts.seen + counts.dropped + counts.frozen,
                seen: counts.seen,
                dropped: counts.dropped,
                frozen: counts.frozen,
                repeated: counts.repeated,
                out_of_order: counts.out_of_order,
                unreadable: counts.unreadable,
            },
            freezes: Freezes {
                count: counts.freezes,
                longest: self.sequence.freezes().iter().map(|freeze| seconds(freeze.length)).fold(0.0, f64::max),
                list: self.sequence.freezes().iter().map(freeze_figure).collect(),
            },
            av_offset: self.sync.offset().map(|[median, p95, last]| AvOffset {
                median_ms: median as f64 / 1e6,
                p95_ms: p95 as f64 / 1e6,
                last_ms: (last as f64 / 1e4).round() / 1e2,
                drift_ppm: self.sync.drift().map(tenths),
            }),
            beeps: self.has_sound.then(|| self.sync.beeps()),
            loudness: self.meter.integrated().map(tenths),
            pictures: self.formats.iter().map(picture_format).collect(),
            source_rate: self.sequence.rate().or(self.rate).map(|rate| rate.to_string()),
            shown_rate: self.sequence.shown_rate().map(|rate| (rate * 100.0).round() / 100.0),
            discontinuities: Discontinuities { video: counts.jumps, audio: self.gaps },
            bitrate: Bitrate { video: rate(video), audio: rate(audio) },
            quality: None,
        }
    }

    fn latency(&self) -> Option<Latency> {
        let percentile = |percent| self.latencies.percentile(percent).map(seconds);
        let (last, sum, count) = self.jitter;
        Some(Latency {
            min: percentile(0).filter(|_| self.is_live)?,
            median: percentile(50)?,
            p95: percentile(95)?,
            max: percentile(100)?,
            last: seconds(last?),
            jitter: if count > 0 { seconds(sum / count) } else { 0.0 },
        })
    }
}

fn freeze_figure(freeze: &Freeze) -> FreezeFigure {
    FreezeFigure { frame_time: rfc3339(freeze.utc), seconds: seconds(freeze.length), kind: freeze.kind }
}

fn picture_format((time, size): &(Option<UnixTime>, Size)) -> PictureFormat {
    let Size { width, height, rate: (num, den) } = *size;
    let rate = if den == 1 { num.to_string() } else { format!("{num}/{den}") };
    PictureFormat { frame_time: time.map(rfc3339).unwrap_or_default(), width, height, rate }
}

/// Seconds with milliseconds.
fn seconds(nanos: i64) -> f64 {
    (nanos as f64 / 1e6).round() / 1e3
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
