//! The MPD (ISO/IEC 23009-1): one Period from 1970, and another where init segments change or a presentation begins. Segments
//! are addressed by number. Numbers and times follow from the clock, so the text changes only with the definition, or with each
//! segment if a condition asks for a list of segments.
//!
//! ffmpeg, and players built on it, take the last Period and compute segment numbers as if the Period began at
//! `availabilityStartTime`. Where that is 1970 and `publishTime` is not, ffmpeg needs a `presentationTimeOffset` too. Therefore
//! the MPD of a stream that has changed ends with a Period without a start, whose template has the numbers from 1970. To clients
//! that follow the standard this is an Early Available Period (5.3.2.1), which is not played.

use std::time::Duration;

use chrono::DateTime;
use dash_mpd_core::{MPD, PatchLocation, PlaybackRate, ServiceDescription, UTCTiming};

use super::{Latency, Place, View, latency, path};
use crate::base::timeline::UnixTime;
use crate::definition::condition::{Conditions, Resource, Span, Timing};
use periods::periods;
use shown::{published, shown};

mod periods;
mod sets;
mod shown;
mod timeline;

const PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019";
const LOW_LATENCY_PROFILE: &str = "http://www.dashif.org/guidelines/low-latency-live-v5";
/// Range of playback rates with which a player keeps its latency; the difference is inaudible.
const PLAYBACK_RATES: (f64, f64) = (0.96, 1.04);
/// One segment makes dash.js stall, three are enough; a fourth is for loaded clients.
const PRESENTATION_DELAY_SEGMENTS: u32 = 4;

/// The patch that makes the MPD of `view` from the MPD that was published at `before`, as [`View::as_of`] has it; `None` if no MPD
/// was published then.
pub fn patch(view: &View<'_>, then: &View<'_>, (place, latency): (Place, Latency), before: UnixTime) -> Option<String> {
    let is_that = published_at(then, latency).as_millis() == before.as_millis();
    is_that.then(|| super::patch::patch(&mpd(then, place, latency)?, &mpd(view, place, latency)?)).flatten()
}

/// `publishTime` of the MPD, unless the MPD contains the current time.
pub fn published_at(view: &View<'_>, latency: Latency) -> UnixTime {
    published(view, &shown(view, possible(view, latency), last_end(view)), end(view))
}

/// The end of the presentation, as far as it is known.
fn last_end(view: &View<'_>) -> Option<UnixTime> {
    let bound = view.extent.bounds.map(|bounds| view.spec.timeline.segment_start(bounds.last + 1));
    bound.or_else(|| end(view))
}

/// The end of the presentation, once it is announced and no other follows.
fn end(view: &View<'_>) -> Option<UnixTime> {
    let last = view.last().filter(|_| view.handover().is_none())?;
    Some(view.spec.timeline.segment_start(last + 1))
}

/// The MPD of a stream; `None` if it cannot be serialised.
pub fn mpd(view: &View<'_>, place: Place, latency: Latency) -> Option<String> {
    let timeline = &view.spec.timeline;
    let latency = possible(view, latency);
    let segment = timeline.segment_duration();
    let end = end(view);
    let is_vod = view.is_vod();
    let shown = shown(view, latency, last_end(view));
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
            _ if is_vod => None,
            // All of an event stays available.
            Some(_) => Some(view.extent.length(timeline)),
            None => shown.iter().map(|part| part.view).chain([view]).map(|view| view.extent.window).min(),
        },
        // Beside the target of the service description, shaka-player would hold back both.
        suggestedPresentationDelay: match (view.conditions.delay(), latency) {
            _ if is_vod => None,
            (Some(delay), _) => Some(delay.duration()),
            (None, Latency::Normal) => Some(round_up(segment * PRESENTATION_DELAY_SEGMENTS)),
            (None, Latency::Low) => None,
        },
        maxSegmentDuration: Some(round_up(longest)),
        PatchLocation: patch_location(view, (place, latency), published).into_iter().collect(),
        periods: periods(&shown, (place, latency), (published, end)),
        ServiceDescription: (latency == Latency::Low).then(|| service(view)).into_iter().collect(),
        UTCTiming: if is_vod { Vec::new() } else { timings(view, place) },
        ..MPD::default()
    };
    Some(format!("<?xml version=\"1.0\"?>\n{}\n", without_prefixes(mpd.to_string().trim_end())))
}

/// PatchLocation of an MPD, relative to the MPD.
fn patch_location(view: &View<'_>, (place, latency): (Place, Latency), published: UnixTime) -> Option<PatchLocation> {
    let ttl = view.conditions.patch().filter(|_| !view.is_vod())?;
    let file = match (place, latency) {
        (Place::Short, _) => path::short_patch(&view.spec.name),
        (Place::Stream, Latency::Normal) => path::DASH_PATCH.to_owned(),
        (Place::Stream, Latency::Low) => path::LLDASH_PATCH.to_owned(),
    };
    let content = format!("{file}?{}={}", path::PUBLISHED, super::date_time(published));
    Some(PatchLocation { ttl: Some(ttl.duration().as_secs_f64()), content })
}

/// Whether the MPD contains the current time, so that its text changes at each moment.
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

/// How players learn the time, in the order of preference.
fn timings(view: &View<'_>, place: Place) -> Vec<UTCTiming> {
    let schemes = view.conditions.utc_timing().unwrap_or(&[Timing::HttpXsDate]);
    schemes.iter().map(|scheme| timing(view, place, *scheme)).collect()
}

/// Some players do not resolve a relative URL here, so the URL is absolute if `public_url` is set.
fn timing(view: &View<'_>, place: Place, scheme: Timing) -> UTCTiming {
    let kept = view.conditions.of_resource(Resource::Time, None);
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

fn date_time(time: UnixTime) -> Option<chrono::DateTime<chrono::Utc>> {
    DateTime::from_timestamp_millis(time.as_millis() as i64)
}

/// Rounds up to milliseconds, the precision of an MPD.
fn round_up(duration: Duration) -> Duration {
    Duration::from_millis(duration.as_nanos().div_ceil(1_000_000) as u64)
}
