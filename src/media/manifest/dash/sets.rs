//! AdaptationSets: one for the renditions, one for the audio. Within a set all have the same segments.

use dash_mpd_core::{
    AdaptationSet, AudioChannelConfiguration, ProducerReferenceTime, Representation, Resync, Role, SegmentTemplate,
};

use super::shown::{Numbers, Shown};
use super::timeline::segment_timeline;
use super::{date_time, timings};
use crate::base::timeline::{Kind, SAMPLE_RATE};
use crate::definition::condition::{Addressing, Resource, Track};
use crate::definition::spec::{AudioSpec, TrackId, VideoSpec};
use crate::media::manifest::{Latency, Place, View, latency, path};
use crate::media::window::Epoch;

/// The AdaptationSets of a Period.
pub(super) fn adaptation_sets(
    part: &Shown<'_>,
    (place, latency): (Place, Latency),
    numbers: Numbers,
) -> Vec<AdaptationSet> {
    let (view, epoch) = (part.view, part.epoch);
    let spec = &epoch.spec;
    let low = latency == Latency::Low;
    let video = (!spec.video.is_empty()).then(|| AdaptationSet {
        // Only the first picture of a segment is an IDR picture.
        Resync: low.then(|| resync(view, (Kind::Video, "0"))).into_iter().collect(),
        ProducerReferenceTime: low.then(|| reference_time(part, (Kind::Video, place))).flatten().into_iter().collect(),
        contentType: Some("video".into()),
        mimeType: Some("video/mp4".into()),
        frameRate: Some(spec.timeline.rate().to_string()),
        representations: spec
            .video
            .iter()
            .map(|video| Representation {
                SegmentTemplate: of_representation(part, (&video.id, Kind::Video), place),
                ..video_representation(view, epoch, video)
            })
            .collect(),
        ..adaptation_set(part, Kind::Video, (place, latency), numbers)
    });
    let audio = spec.audio.as_ref().map(|audio| AdaptationSet {
        Resync: low.then(|| resync(view, (Kind::Audio, "1"))).into_iter().collect(),
        ProducerReferenceTime: low.then(|| reference_time(part, (Kind::Audio, place))).flatten().into_iter().collect(),
        contentType: Some("audio".into()),
        mimeType: Some("audio/mp4".into()),
        lang: Some("und".into()),
        representations: vec![audio_representation(view, epoch, audio)],
        ..adaptation_set(part, Kind::Audio, (place, latency), numbers)
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

/// Media time counts from 1970 or the origin, and is later by `shift` and by the jumps before (ISO/IEC 23009-1 5.12).
fn reference_time(part: &Shown<'_>, (kind, place): (Kind, Place)) -> Option<ProducerReferenceTime> {
    // An unsignedInt, unique within the MPD: cuts have the upper half of its numbers.
    let period = part.cut.map_or(part.epoch.index, |cut| (1 << 30) + cut % (1 << 30));
    let id = 2 * period + u64::from(kind == Kind::Audio);
    let extent = &part.view.extent;
    let timeline = &part.view.spec.timeline;
    let timescale = match part.view.conditions.addressing() {
        Addressing::Number => timeline.timescale(Kind::Video),
        Addressing::NumberTimeline | Addressing::TimeTimeline => timeline.timescale(kind),
    };
    Some(ProducerReferenceTime {
        id: Some(id.to_string()),
        inband: Some(kind == Kind::Video),
        presentationTime: Some(part.view.jump(part.from, timescale)),
        prtType: Some("captured".into()),
        wallClockTime: Some(date_time(timeline.segment_start(extent.origin) + extent.shift)?),
        // The clock is that of the MPD.
        UTCTiming: timings(part.view, place).into_iter().next(),
    })
}

fn adaptation_set(part: &Shown<'_>, kind: Kind, (place, latency): (Place, Latency), numbers: Numbers) -> AdaptationSet {
    let spec = &part.epoch.spec;
    let early = spec.timeline.segment_duration().saturating_sub(latency::part_target(spec));
    // In whole microseconds, so that few decimals are written.
    let early = early.as_micros() as f64 / 1e6;
    let addressing = part.view.conditions.addressing();
    let links = spec.tracks().find(|(_, of)| *of == kind).map(|(id, _)| links(part, (id, kind), place));
    AdaptationSet {
        segmentAlignment: Some(true),
        startWithSAP: Some(1),
        Role: vec![Role {
            schemeIdUri: "urn:mpeg:dash:role:2011".into(),
            value: Some("main".into()),
            ..Role::default()
        }],
        SegmentTemplate: Some(SegmentTemplate {
            availabilityTimeOffset: (latency == Latency::Low).then_some(early),
            availabilityTimeComplete: (latency == Latency::Low).then_some(false),
            media: links.as_ref().map(|links| links.media.clone()),
            initialization: links.map(|links| links.init),
            ..match addressing {
                Addressing::Number => numbered(part, numbers),
                Addressing::NumberTimeline | Addressing::TimeTimeline => listed(part, kind, addressing),
            }
        }),
        ..AdaptationSet::default()
    }
}

/// The templates of a track.
#[derive(PartialEq, Eq)]
struct Links {
    media: String,
    init: String,
}

fn links(part: &Shown<'_>, (id, kind): (&TrackId, Kind), place: Place) -> Links {
    let (spec, revision, conditions) = (&part.epoch.spec, &part.epoch.period.path, part.view.conditions);
    let to = |resource| {
        let kept = conditions.of_resource(resource, Some(Track { id: id.as_str(), kind }));
        place.to_stream(&spec.name, conditions, &kept)
    };
    Links {
        media: format!("{}{}", to(Resource::Segment), path::segment_template(revision, conditions.addressing())),
        init: format!("{}{}", to(Resource::Init), path::init_template(revision)),
    }
}

/// The template of a Representation whose URLs are not those of the first in its set, because a fault is on one of them. What it
/// does not say is inherited (ISO/IEC 23009-1 5.3.9.1).
fn of_representation(part: &Shown<'_>, (id, kind): (&TrackId, Kind), place: Place) -> Option<SegmentTemplate> {
    let (first, _) = part.epoch.spec.tracks().find(|(_, of)| *of == kind)?;
    let own = links(part, (id, kind), place);
    (own != links(part, (first, kind), place)).then(|| SegmentTemplate {
        media: Some(own.media),
        initialization: Some(own.init),
        ..SegmentTemplate::default()
    })
}

/// Segments of one nominal duration, in ticks of the video.
fn numbered(part: &Shown<'_>, numbers: Numbers) -> SegmentTemplate {
    let timeline = &part.epoch.spec.timeline;
    let (first, offset) = match numbers {
        Numbers::OfPeriod => {
            let first = part.view.number(part.from);
            let jump = part.view.jump(part.from, timeline.timescale(Kind::Video));
            (first, Some(first * timeline.segment_ticks() + jump).filter(|offset| *offset > 0))
        }
        // From 1970 with the smallest possible offset: 11 µs at 90 kHz. Where the `availabilityStartTime` is an origin, there is
        // no need of an offset.
        Numbers::Early => (0, Some(1).filter(|_| part.view.extent.origin == 0)),
    };
    SegmentTemplate {
        timescale: Some(timeline.timescale(Kind::Video).into()),
        duration: Some(timeline.segment_ticks() as f64),
        startNumber: Some(first),
        presentationTimeOffset: offset,
        ..SegmentTemplate::default()
    }
}

/// A list of segments with their exact durations, in ticks of the track.
fn listed(part: &Shown<'_>, kind: Kind, addressing: Addressing) -> SegmentTemplate {
    let timeline = &part.epoch.spec.timeline;
    let segments = part.listed();
    let newest = part.view.last_complete();
    let by_number = addressing == Addressing::NumberTimeline;
    // Numbers count the listed segments, so none may be left out.
    let is_there = |number: u64| {
        let mut tracks = part.view.tracks().filter(|(_, of, _)| *of == kind);
        by_number || Some(number) > newest || tracks.all(|(.., snapshot)| snapshot.is_available(number))
    };
    let origin = part.view.extent.origin;
    let jump = part.view.jump(part.from, timeline.timescale(kind));
    let offset = timeline.ticks_until(kind, part.from);
    // Audio begins with the first frame that starts with the video or after it.
    let begin = timeline.segment(kind, part.from).start * u64::from(timeline.frame_ticks(kind));
    SegmentTemplate {
        timescale: Some(timeline.timescale(kind).into()),
        startNumber: by_number.then_some(part.view.number(segments.start)),
        presentationTimeOffset: Some(offset - timeline.ticks_until(kind, origin) + jump).filter(|offset| *offset > 0),
        eptDelta: Some((begin - offset) as i64).filter(|delta| *delta > 0),
        SegmentTimeline: Some(segment_timeline((timeline, kind), (segments, origin, jump), is_there)),
        ..SegmentTemplate::default()
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
