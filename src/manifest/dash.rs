//! The MPD (ISO/IEC 23009-1): one period from 1970, segments addressed by number. As numbers and times follow
//! from the clock, the text does not change while the stream runs.

use std::time::Duration;

use chrono::DateTime;
use dash_mpd_core::{
    AdaptationSet, AudioChannelConfiguration, MPD, Period, Representation, Role, SegmentTemplate, UTCTiming,
};

use super::{Place, View, path};
use crate::spec::{AudioSpec, VideoSpec};
use crate::timeline::{Kind, SAMPLE_RATE, UnixTime};

const PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019";
/// One segment makes dash.js stall, three are enough; a fourth is for loaded clients.
const PRESENTATION_DELAY_SEGMENTS: u32 = 4;

/// The MPD of a stream; `None` if it cannot be serialised.
pub fn mpd(view: &View<'_>, place: Place) -> Option<String> {
    let timeline = &view.spec.timeline;
    let segment = timeline.segment_duration();
    let longest = view.spec.tracks().map(|(_, kind)| timeline.longest_segment(kind)).max().unwrap_or_default();
    let end = match view.ended() {
        true => view.last_complete().map(|last| timeline.segment_start(last + 1)),
        false => None,
    };
    let mpd = MPD {
        xmlns: Some("urn:mpeg:dash:schema:mpd:2011".into()),
        id: Some(view.revision.to_string()),
        profiles: Some(PROFILES.into()),
        mpdtype: Some("dynamic".into()),
        availabilityStartTime: Some(date_time(UnixTime::default())?),
        publishTime: Some(date_time(end.unwrap_or_default())?),
        mediaPresentationDuration: end.map(since_1970),
        minimumUpdatePeriod: end.is_none().then_some(round_up(segment)),
        minBufferTime: Some(round_up(segment)),
        timeShiftBufferDepth: Some(view.spec.window),
        suggestedPresentationDelay: Some(round_up(segment * PRESENTATION_DELAY_SEGMENTS)),
        maxSegmentDuration: Some(round_up(longest)),
        periods: vec![Period {
            id: Some("0".into()),
            start: Some(Duration::ZERO),
            duration: end.map(since_1970),
            adaptations: adaptation_sets(view, place),
            ..Period::default()
        }],
        UTCTiming: vec![UTCTiming {
            schemeIdUri: "urn:mpeg:dash:utc:http-xsdate:2014".into(),
            value: Some(format!("{}time", place.to_root())),
            ..UTCTiming::default()
        }],
        ..MPD::default()
    };
    Some(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", mpd.to_string().trim_end()))
}

fn adaptation_sets(view: &View<'_>, place: Place) -> Vec<AdaptationSet> {
    let spec = view.spec;
    let video = (!spec.video.is_empty()).then(|| AdaptationSet {
        contentType: Some("video".into()),
        mimeType: Some("video/mp4".into()),
        frameRate: Some(spec.timeline.rate().to_string()),
        representations: spec.video.iter().map(|video| video_representation(view, video)).collect(),
        ..adaptation_set(view, place)
    });
    let audio = spec.audio.as_ref().map(|audio| AdaptationSet {
        contentType: Some("audio".into()),
        mimeType: Some("audio/mp4".into()),
        lang: Some("und".into()),
        representations: vec![audio_representation(view, audio)],
        ..adaptation_set(view, place)
    });
    let sets = video.into_iter().chain(audio).enumerate();
    sets.map(|(id, set)| AdaptationSet { id: Some(id.to_string()), ..set }).collect()
}

fn adaptation_set(view: &View<'_>, place: Place) -> AdaptationSet {
    let timeline = &view.spec.timeline;
    let base = place.to_stream(&view.spec.name);
    AdaptationSet {
        segmentAlignment: Some(true),
        startWithSAP: Some(1),
        Role: vec![Role {
            schemeIdUri: "urn:mpeg:dash:role:2011".into(),
            value: Some("main".into()),
            ..Role::default()
        }],
        SegmentTemplate: Some(SegmentTemplate {
            media: Some(format!("{base}{}", path::segment_template(view.revision))),
            initialization: Some(format!("{base}{}", path::init_template(view.revision))),
            timescale: Some(timeline.timescale(Kind::Video).into()),
            duration: Some(timeline.segment_ticks() as f64),
            startNumber: Some(0),
            ..SegmentTemplate::default()
        }),
        ..AdaptationSet::default()
    }
}

fn video_representation(view: &View<'_>, video: &VideoSpec) -> Representation {
    Representation {
        id: Some(video.id.to_string()),
        codecs: Some(view.codec(&video.id).to_owned()),
        bandwidth: Some(video.bitrate.into()),
        width: Some(video.width.into()),
        height: Some(video.height.into()),
        sar: Some("1:1".into()),
        ..Representation::default()
    }
}

fn audio_representation(view: &View<'_>, audio: &AudioSpec) -> Representation {
    Representation {
        id: Some(audio.id.to_string()),
        codecs: Some(view.codec(&audio.id).to_owned()),
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

fn since_1970(time: UnixTime) -> Duration {
    time.saturating_since(UnixTime::default())
}

/// Up to a millisecond, as fine as an MPD needs.
fn round_up(duration: Duration) -> Duration {
    Duration::from_millis(duration.as_nanos().div_ceil(1_000_000) as u64)
}
