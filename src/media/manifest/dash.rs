//! The MPD (ISO/IEC 23009-1): one Period from 1970, and another where init segments change or a presentation begins. Segments
//! are addressed by number. Numbers and times follow from the clock, so the text changes only with the definition.
//!
//! ffmpeg, and players built on it, take the last Period and compute segment numbers as if the Period began at
//! `availabilityStartTime`. Where that is 1970 and `publishTime` is not, ffmpeg needs a `presentationTimeOffset` too. Therefore
//! the MPD of a stream that has changed ends with a Period without a start, whose template has the numbers from 1970. To clients
//! that follow the standard this is an Early Available Period (5.3.2.1), which is not played.

use std::time::Duration;

use chrono::DateTime;
use dash_mpd_core::{
    AdaptationSet, AudioChannelConfiguration, MPD, Period, PlaybackRate, ProducerReferenceTime, Representation, Resync,
    Role, SegmentTemplate, ServiceDescription, UTCTiming,
};

use super::extent::Extent;
use super::{Latency, Place, View, latency, path};
use crate::base::timeline::{Kind, SAMPLE_RATE, UnixTime};
use crate::definition::condition::{Conditions, Resource, Span, Timing};
use crate::definition::spec::{AudioSpec, VideoSpec};
use crate::media::window::Epoch;

const PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019";
const LOW_LATENCY_PROFILE: &str = "http://www.dashif.org/guidelines/low-latency-live-v5";
/// Range of playback rates with which a player keeps its latency; the difference is inaudible.
const PLAYBACK_RATES: (f64, f64) = (0.96, 1.04);
/// One segment makes dash.js stall, three are enough; a fourth is for loaded clients.
const PRESENTATION_DELAY_SEGMENTS: u32 = 4;

/// The MPD of a stream; `None` if it cannot be serialised.
pub fn mpd(view: &View<'_>, place: Place, latency: Latency) -> Option<String> {
    let timeline = &view.spec.timeline;
    let latency = possible(view, latency);
    let segment = timeline.segment_duration();
    let end = view.last().filter(|_| view.handover().is_none()).map(|last| timeline.segment_start(last + 1));
    let is_vod = view.is_vod();
    let shown = shown(view, view.extent.bounds.map(|bounds| timeline.segment_start(bounds.last + 1)).or(end));
    let longest = |view: &View<'_>| view.spec.tracks().map(|(_, kind)| view.spec.timeline.longest_segment(kind)).max();
    let longest = shown.iter().map(|part| part.view).chain([view]).filter_map(longest).max().unwrap_or_default();
    let published = match is_of_the_moment(view.conditions) {
        true => view.told,
        false => published(view, &shown, end),
    };
    let update_period = match view.conditions.update_period() {
        Some(period) => period.map(Span::duration),
        None => Some(round_up(segment)),
    };
    let mpd = MPD {
        xmlns: Some("urn:mpeg:dash:schema:mpd:2011".into()),
        id: Some(view.spec.name.to_string()),
        profiles: Some(match latency {
            Latency::Normal => PROFILES.into(),
            Latency::Low => format!("{PROFILES},{LOW_LATENCY_PROFILE}"),
        }),
        mpdtype: Some(if is_vod { "static" } else { "dynamic" }.into()),
        availabilityStartTime: date_time(view.zero() + view.extent.shift).filter(|_| !is_vod),
        publishTime: Some(date_time(published)?),
        mediaPresentationDuration: end.map(|end| end.saturating_since(view.zero())),
        // An event becomes a VOD at its end, which is another MPD.
        minimumUpdatePeriod: update_period.filter(|_| !is_vod && (end.is_none() || view.extent.bounds.is_some())),
        minBufferTime: Some(round_up(match latency {
            Latency::Normal => segment,
            Latency::Low => latency::part_target(view.spec),
        })),
        // Segments of an earlier presentation are available for its own window.
        timeShiftBufferDepth: match view.extent.bounds {
            None => shown.iter().map(|part| part.view).chain([view]).map(|view| view.extent.window).min(),
            Some(_) => None,
        },
        // Beside the target of the service description, shaka-player would hold back both.
        suggestedPresentationDelay: match (view.conditions.delay(), latency) {
            _ if is_vod => None,
            (Some(delay), _) => Some(delay.duration()),
            (None, Latency::Normal) => Some(round_up(segment * PRESENTATION_DELAY_SEGMENTS)),
            (None, Latency::Low) => None,
        },
        maxSegmentDuration: Some(round_up(longest)),
        periods: periods(&shown, (place, latency), (published, end)),
        ServiceDescription: (latency == Latency::Low).then(|| service(view)).into_iter().collect(),
        UTCTiming: if is_vod { Vec::new() } else { timings(view, place) },
        ..MPD::default()
    };
    Some(format!("<?xml version=\"1.0\"?>\n{}\n", without_prefixes(mpd.to_string().trim_end())))
}

/// Whether the MPD tells the time itself, so that its text is another at each moment.
pub fn is_of_the_moment(conditions: &Conditions) -> bool {
    conditions.utc_timing().is_some_and(|schemes| schemes.contains(&Timing::Direct))
}

/// A segment of one chunk cannot be fetched before it is complete, and a VOD has no live edge.
fn possible(view: &View<'_>, latency: Latency) -> Latency {
    if view.spec.timeline.chunks_per_segment() == 1 || view.is_vod() { Latency::Normal } else { latency }
}

/// Takes the prefixes of namespaces out of the root element: dash-mpd-core declares six in every MPD, and nothing here uses
/// one. GStreamer 1.22 recognises an MPD over HTTP only if the root element's start tag ends within the first 512 bytes.
fn without_prefixes(xml: &str) -> String {
    // `>` and `"` are escaped in values, so the first `>` ends the tag and the second `"` ends a declaration.
    let (root, rest) = xml.split_at(xml.find('>').unwrap_or_default());
    let (first, declarations) = root.split_once(" xmlns:").unwrap_or((root, ""));
    let behind = declarations.split(" xmlns:").filter_map(|declaration| declaration.splitn(3, '"').nth(2));
    std::iter::once(first).chain(behind).chain([rest]).collect()
}

/// A Period that the MPD lists: its newest epoch, which describes it, and its presentation.
#[derive(Clone, Copy)]
struct Shown<'a> {
    view: &'a View<'a>,
    epoch: &'a Epoch,
}

impl Shown<'_> {
    /// Number of the first segment.
    fn first(&self) -> u64 {
        self.view.first_of(self.epoch)
    }

    fn start(&self) -> UnixTime {
        self.view.spec.timeline.segment_start(self.first())
    }
}

/// The Periods that have segments in the window, including Periods of earlier presentations, and announced Periods.
fn shown<'a>(view: &'a View<'a>, end: Option<UnixTime>) -> Vec<Shown<'a>> {
    let oldest = view.first().map(|first| view.spec.timeline.segment_start(first));
    let earlier = view.earlier.iter().filter(|earlier| earlier.handover() > oldest);
    let earlier = earlier.flat_map(|earlier| shown_of(earlier, earlier.handover()));
    earlier.chain(shown_of(view, end)).collect()
}

/// The Periods of one presentation that begin before `end`.
fn shown_of<'a>(view: &'a View<'a>, end: Option<UnixTime>) -> Vec<Shown<'a>> {
    let first = view.first();
    let has_inits = |epoch: &Epoch| view.snapshots.iter().all(|snapshot| snapshot.init(&epoch.revision).is_some());
    let begins = |epoch: &Epoch| end.is_none_or(|end| Shown { view, epoch }.start() < end);
    let is_shown =
        |epoch: &&Epoch| epoch.until().is_none_or(|until| Some(until) > first) && begins(epoch) && has_inits(epoch);
    let mut newest: Vec<Shown<'_>> = Vec::new();
    for epoch in view.epochs.iter().map(|epoch| &**epoch).filter(is_shown) {
        newest.pop_if(|last| last.epoch.period.number == epoch.period.number);
        newest.push(Shown { view, epoch });
    }
    newest
}

/// The latest of the times at which the text of the MPD changed: the announcement of a definition that the MPD describes
/// otherwise, the moment when the Period before had left the window, the start of the stream, the announcement of its end.
fn published(view: &View<'_>, shown: &[Shown<'_>], end: Option<UnixTime>) -> UnixTime {
    let extent = &view.extent;
    let begins_after_another = |part: &&Shown<'_>| part.first() > 0 && part.view.first() >= Some(part.first());
    let left = shown.first().filter(|_| extent.bounds.is_none()).filter(begins_after_another).map(|part| {
        let timeline = &part.view.spec.timeline;
        timeline.segment_start(part.first() + timeline.segments_in(extent.window)) + extent.shift
    });
    let described = shown.last().map(|part| part.epoch.described);
    let ended = match (view.ending.filter(|_| end.is_some()), end) {
        (Some(ending), Some(_)) if !view.is_vod() => Some(ending.announced),
        (_, end) => end.map(|end| end + extent.shift),
    };
    let begun = match extent.bounds {
        Some(_) => view.zero() + extent.shift,
        None => view.begun,
    };
    left.into_iter().chain(described).chain(ended).chain([begun]).max().unwrap_or_default()
}

/// The Periods, of which only the last one may have an end of its own, and the Early Available Period for ffmpeg.
fn periods(
    shown: &[Shown<'_>],
    (place, latency): (Place, Latency),
    (published, end): (UnixTime, Option<UnixTime>),
) -> Vec<Period> {
    let last = shown.last().map(|part| part.epoch.period.number);
    let sets = |part: &Shown<'_>, latency: Latency, numbers: Numbers| {
        adaptation_sets(part.view, part.epoch, (place, possible(part.view, latency)), numbers)
    };
    let period = |part: &Shown<'_>| Period {
        id: Some(part.epoch.period.number.to_string()),
        start: Some(part.start().saturating_since(part.view.zero())),
        duration: end.filter(|_| last == Some(part.epoch.period.number)).map(|end| end.saturating_since(part.start())),
        adaptations: sets(part, latency, Numbers::of_period(part)),
        ..Period::default()
    };
    let is_shifted = |extent: &Extent| extent.bounds.is_none() && !extent.shift.is_zero();
    let is_plain =
        |part: &Shown<'_>| end.is_some() || published == UnixTime::default() || is_shifted(&part.view.extent);
    let early = shown.last().filter(|part| !is_plain(part)).map(|part| Period {
        id: Some(format!("early-{}", part.epoch.period.number)),
        adaptations: sets(part, Latency::Normal, Numbers::early(&part.view.extent)),
        ..Period::default()
    });
    shown.iter().map(period).chain(early).collect()
}

/// First number and time offset of a segment template.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    first: u64,
    presentation_time_offset: Option<u64>,
}

impl Numbers {
    /// With the smallest possible offset: 11 µs at 90 kHz.
    const SINCE_1970: Self = Self { first: 0, presentation_time_offset: Some(1) };

    fn of_period(part: &Shown<'_>) -> Self {
        let first = part.first();
        let offset = (first > 0).then(|| first * part.epoch.spec.timeline.segment_ticks());
        Self { first, presentation_time_offset: offset }
    }

    /// From 1970 on, or from the beginning of an event. The `availabilityStartTime` of an event is not 1970, so it needs no offset.
    fn early(extent: &Extent) -> Self {
        extent.bounds.map_or(Self::SINCE_1970, |bounds| Self { first: bounds.first, presentation_time_offset: None })
    }
}

/// How players learn the time, in the order of preference.
fn timings(view: &View<'_>, place: Place) -> Vec<UTCTiming> {
    let schemes = view.conditions.utc_timing().unwrap_or(&[Timing::HttpXsDate]);
    schemes.iter().map(|scheme| timing(view, place, *scheme)).collect()
}

/// Some players do not resolve a relative URL here, so the URL is absolute if `public_url` is set.
fn timing(view: &View<'_>, place: Place, scheme: Timing) -> UTCTiming {
    let kept = view.conditions.of_resource(Resource::Time);
    let url = || match view.public_url {
        Some(url) => url.with(&path::under_conditions(&kept, "/time")),
        None => format!("{}time", place.to_root(view.conditions, &kept)),
    };
    UTCTiming {
        schemeIdUri: format!("urn:mpeg:dash:utc:{}:2014", scheme.word()),
        value: Some(match scheme {
            Timing::HttpXsDate | Timing::HttpIso | Timing::HttpHead => url(),
            Timing::Direct => super::date_time(view.told),
        }),
        ..UTCTiming::default()
    }
}

/// The target latency (ISO/IEC 23009-1 K.3.2), in milliseconds.
fn service(view: &View<'_>) -> ServiceDescription {
    let target = view.conditions.delay().map_or_else(|| latency::target(view.spec), Span::duration);
    let target = target.as_millis() as f64;
    ServiceDescription {
        id: Some("0".into()),
        Latency: vec![dash_mpd_core::Latency {
            min: Some((latency::part_target(view.spec).as_millis() as f64 * 2.0).min(target)),
            max: Some(target * 3.0),
            target: Some(target),
            ..dash_mpd_core::Latency::default()
        }],
        PlaybackRate: vec![PlaybackRate { min: Some(PLAYBACK_RATES.0), max: Some(PLAYBACK_RATES.1) }],
        ..ServiceDescription::default()
    }
}

fn adaptation_sets(
    view: &View<'_>,
    epoch: &Epoch,
    (place, latency): (Place, Latency),
    numbers: Numbers,
) -> Vec<AdaptationSet> {
    let spec = &epoch.spec;
    let low = latency == Latency::Low;
    let video = (!spec.video.is_empty()).then(|| AdaptationSet {
        // Only the first picture of a segment is an IDR picture.
        Resync: low.then(|| resync(view, (Kind::Video, "0"))).into_iter().collect(),
        ProducerReferenceTime: low
            .then(|| reference_time(view, epoch, (Kind::Video, place)))
            .flatten()
            .into_iter()
            .collect(),
        contentType: Some("video".into()),
        mimeType: Some("video/mp4".into()),
        frameRate: Some(spec.timeline.rate().to_string()),
        representations: spec.video.iter().map(|video| video_representation(view, epoch, video)).collect(),
        ..adaptation_set(view, epoch, (place, latency), numbers)
    });
    let audio = spec.audio.as_ref().map(|audio| AdaptationSet {
        Resync: low.then(|| resync(view, (Kind::Audio, "1"))).into_iter().collect(),
        ProducerReferenceTime: low
            .then(|| reference_time(view, epoch, (Kind::Audio, place)))
            .flatten()
            .into_iter()
            .collect(),
        contentType: Some("audio".into()),
        mimeType: Some("audio/mp4".into()),
        lang: Some("und".into()),
        representations: vec![audio_representation(view, epoch, audio)],
        ..adaptation_set(view, epoch, (place, latency), numbers)
    });
    let sets = video.into_iter().chain(audio).enumerate();
    sets.map(|(id, set)| AdaptationSet { id: Some(id.to_string()), ..set }).collect()
}

/// Every chunk is a resynchronisation point with this type of stream access point (ISO/IEC 23009-1 5.3.13).
fn resync(view: &View<'_>, (kind, sap): (Kind, &str)) -> Resync {
    let timeline = &view.spec.timeline;
    let longest = timeline.longest_chunk(kind).as_secs_f64() * f64::from(timeline.timescale(Kind::Video));
    Resync { rtype: Some(sap.into()), dT: Some(longest.round() as u64), marker: Some(true), ..Resync::default() }
}

/// Media time is Unix time, or later by `shift`: it counts from 1970 (ISO/IEC 23009-1 5.12).
fn reference_time(view: &View<'_>, epoch: &Epoch, (kind, place): (Kind, Place)) -> Option<ProducerReferenceTime> {
    // An unsignedInt, unique within the MPD.
    let id = 2 * epoch.index + u64::from(kind == Kind::Audio);
    Some(ProducerReferenceTime {
        id: Some(id.to_string()),
        inband: Some(kind == Kind::Video),
        presentationTime: Some(0),
        prtType: Some("captured".into()),
        wallClockTime: Some(date_time(UnixTime::default() + view.extent.shift)?),
        // The clock is that of the MPD.
        UTCTiming: timings(view, place).into_iter().next(),
    })
}

fn adaptation_set(
    view: &View<'_>,
    epoch: &Epoch,
    (place, latency): (Place, Latency),
    numbers: Numbers,
) -> AdaptationSet {
    let (spec, revision) = (&epoch.spec, &epoch.period.path);
    let timeline = &spec.timeline;
    let base = place.to_stream(&spec.name, view.conditions, Conditions::NONE);
    let early = timeline.segment_duration().saturating_sub(latency::part_target(spec));
    // In whole microseconds, so that few decimals are written.
    let early = early.as_micros() as f64 / 1e6;
    AdaptationSet {
        segmentAlignment: Some(true),
        startWithSAP: Some(1),
        Role: vec![Role {
            schemeIdUri: "urn:mpeg:dash:role:2011".into(),
            value: Some("main".into()),
            ..Role::default()
        }],
        SegmentTemplate: Some(SegmentTemplate {
            media: Some(format!("{base}{}", path::segment_template(revision))),
            initialization: Some(format!("{base}{}", path::init_template(revision))),
            timescale: Some(timeline.timescale(Kind::Video).into()),
            duration: Some(timeline.segment_ticks() as f64),
            startNumber: Some(numbers.first),
            presentationTimeOffset: numbers.presentation_time_offset,
            availabilityTimeOffset: (latency == Latency::Low).then_some(early),
            availabilityTimeComplete: (latency == Latency::Low).then_some(false),
            ..SegmentTemplate::default()
        }),
        ..AdaptationSet::default()
    }
}

fn video_representation(view: &View<'_>, epoch: &Epoch, video: &VideoSpec) -> Representation {
    Representation {
        id: Some(video.id.to_string()),
        codecs: Some(view.codec(epoch, &video.id).to_owned()),
        bandwidth: Some(video.bitrate.into()),
        width: Some(video.width.into()),
        height: Some(video.height.into()),
        sar: Some("1:1".into()),
        ..Representation::default()
    }
}

fn audio_representation(view: &View<'_>, epoch: &Epoch, audio: &AudioSpec) -> Representation {
    Representation {
        id: Some(audio.id.to_string()),
        codecs: Some(view.codec(epoch, &audio.id).to_owned()),
        bandwidth: Some(audio.bitrate.into()),
        audioSamplingRate: Some(SAMPLE_RATE.to_string()),
        AudioChannelConfiguration: vec![AudioChannelConfiguration {
            schemeIdUri: "urn:mpeg:dash:23003:3:audio_channel_configuration:2011".into(),
            value: Some("2".into()),
            ..AudioChannelConfiguration::default()
        }],
        ..Representation::default()
    }
}

fn date_time(time: UnixTime) -> Option<chrono::DateTime<chrono::Utc>> {
    DateTime::from_timestamp_millis(time.as_millis() as i64)
}

/// Rounds up to milliseconds, the precision of an MPD.
fn round_up(duration: Duration) -> Duration {
    Duration::from_millis(duration.as_nanos().div_ceil(1_000_000) as u64)
}
