//! Compares the findings of the checker with the expected rules: for barstone behind a proxy that changes one text or box, and
//! for barstone under its own faults.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use mp4_atom::{Edts, Emsg, EmsgTimestamp, Encode, Moov};
use reqwest::Url;

use barstone::inspect::boxes::Init;
use barstone::inspect::check::Outcome;

use crate::faults::Row;
use crate::faulty::gzip;
use crate::memory::{self, Answer, Ask, Source};
use crate::support::server::Server;
use crate::support::web::Web;
use crate::support::{LONG, until};
use crate::{WATCHED_LONG, findings_within};

/// Checks that run simultaneously.
const AT_ONCE: usize = 16;

/// A stream that costs little, so that the server is on time beside many checkers.
const STREAM: &str = r#"
[[streams]]
name = "test"
video = [
    {id = "v", width = 320, height = 180, bitrate = 400000},
    {id = "w", width = 160, height = 90, bitrate = 100000},
]
"#;

/// A change of a resource.
struct Change {
    name: &'static str,
    /// Path of the manifest that is checked.
    manifest: &'static str,
    /// How the path of the changed resources ends.
    of: &'static str,
    how: How,
    rules: &'static [&'static str],
}

/// How the body of a resource changes.
enum How {
    /// Every occurrence of the first bytes becomes the second ones.
    Replaced(&'static [u8], &'static [u8]),
    /// The function makes another body.
    Made(fn(&[u8]) -> Vec<u8>),
}

const fn change(
    name: &'static str,
    (manifest, of): (&'static str, &'static str),
    (from, to): (&'static str, &'static str),
    rules: &'static [&'static str],
) -> Change {
    Change { name, manifest, of, how: How::Replaced(from.as_bytes(), to.as_bytes()), rules }
}

/// A change of the `moov` of an init segment.
const fn of_init(name: &'static str, made: fn(&[u8]) -> Vec<u8>, rules: &'static [&'static str]) -> Change {
    Change { name, manifest: INIT.0, of: INIT.1, how: How::Made(made), rules }
}

const HLS: &str = "live/test/hls.m3u8";
const LLHLS: &str = "live/test/llhls.m3u8";
const DASH: &str = "live/test/dash.mpd";
const MEDIA_PLAYLIST: (&str, &str) = (HLS, "/v/hls.m3u8");
const MEDIA_PLAYLISTS: (&str, &str) = (HLS, "/hls.m3u8");
const LOW_LATENCY: (&str, &str) = (LLHLS, "/llhls.m3u8");
const MPD: (&str, &str) = (DASH, "dash.mpd");
const LOW_LATENCY_MPD: (&str, &str) = ("live/test/lldash.mpd", "lldash.mpd");
const TIMELINE: (&str, &str) = ("with/addressing=time-timeline/live/test/dash.mpd", "dash.mpd");
const PATCH: (&str, &str) = ("with/patch=1m,addressing=time-timeline/live/test/dash.mpd", "dash.mpp");
const INIT: (&str, &str) = (DASH, "init.mp4");
const SEGMENT: (&str, &str) = (DASH, ".m4s");

const CHANGES: &[Change] = &[
    change("bom", MEDIA_PLAYLIST, ("#EXTM3U", "\u{feff}#EXTM3U"), &["H1"]),
    change("old-version", MEDIA_PLAYLIST, ("VERSION:6", "VERSION:3"), &["H2"]),
    change("two-targets", MEDIA_PLAYLIST, ("DURATION:2\n", "DURATION:2\n#EXT-X-TARGETDURATION:2\n"), &["H3"]),
    change("short-window", MEDIA_PLAYLISTS, ("DURATION:2\n", "DURATION:30\n"), &["H7"]),
    change("event", MEDIA_PLAYLIST, ("#EXT-X-MEDIA", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MEDIA"), &["H8"]),
    change("endless-vod", MEDIA_PLAYLIST, ("#EXT-X-MEDIA", "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA"), &["H12", "H8"]),
    change("no-map", MEDIA_PLAYLIST, ("#EXT-X-MAP", "#X"), &["H14"]),
    change("no-zone", MEDIA_PLAYLISTS, ("Z\n#EXTINF", "\n#EXTINF"), &["H15"]),
    change("other-target", MEDIA_PLAYLIST, ("DURATION:2\n", "DURATION:3\n"), &["H16"]),
    change("wrong-duration", MEDIA_PLAYLISTS, ("EXTINF:1.92", "EXTINF:1.5"), &["H15", "H21"]),
    change("low-bandwidth", (HLS, "test/hls.m3u8"), ("BANDWIDTH=528000", "BANDWIDTH=52800"), &["H22"]),
    change("no-codecs", (HLS, "test/hls.m3u8"), ("CODECS", "CODEX"), &["H24"]),
    change("no-dates", MEDIA_PLAYLISTS, ("#EXT-X-PROGRAM-DATE-TIME", "#X"), &["H25"]),
    change(
        "uncounted-discontinuity",
        ("with/discontinuity:by=10s:every=2/live/test/hls.m3u8", "/hls.m3u8"),
        ("#EXT-X-DISCONTINUITY-SEQUENCE:", "#EXT-X-DISCONTINUITY-SEQUENCE:7\n#X"),
        &["H6"],
    ),
    change("no-independent", LOW_LATENCY, (",INDEPENDENT=YES", ""), &["L22", "L4"]),
    change("all-independent", LOW_LATENCY, ("DURATION=0.24,URI", "DURATION=0.24,INDEPENDENT=YES,URI"), &["L4"]),
    change("short-target", LOW_LATENCY, ("PART-TARGET=0.256", "PART-TARGET=0.2"), &["L2"]),
    change("short-skip", LOW_LATENCY, ("CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=9"), &["L15", "L3"]),
    change("no-part-target", LOW_LATENCY, ("#EXT-X-PART-INF", "#X"), &["L1"]),
    change("late-key", LOW_LATENCY, ("#EXTINF", "#EXT-X-KEY:METHOD=NONE\n#EXTINF"), &["L5"]),
    change(
        "iframe-parts",
        (LLHLS, "/iframes.m3u8"),
        ("#EXTINF", "#EXT-X-PART:DURATION=1,URI=\"x\"\n#EXTINF"),
        &["L15b"],
    ),
    change("no-report", LOW_LATENCY, ("#EXT-X-RENDITION-REPORT", "#X"), &["L18"]),
    change("unknown-attribute", MPD, (" type=\"dynamic\"", " type=\"dynamic\" surprise=\"1\""), &["D0"]),
    change("no-publish-time", MPD, (" publishTime=\"1970-01-01T00:00:00Z\"", ""), &["D1"]),
    change("no-utc-timing", MPD, ("urn:mpeg:dash:utc:http-xsdate:2014", "urn:x"), &["D2"]),
    change("wrong-offset", MPD, ("startNumber=", "presentationTimeOffset=\"172800\" startNumber="), &["D9"]),
    change("no-timescale", MPD, (" timescale=\"90000\"", ""), &["D10", "D8", "D9"]),
    change("no-room", MPD, ("suggestedPresentationDelay=\"PT", "suggestedPresentationDelay=\"PT9"), &["D12"]),
    change(
        "incomplete-segments",
        MPD,
        ("startNumber=", "availabilityTimeComplete=\"false\" startNumber="),
        &["E1", "E2", "E4", "E6", "E7"],
    ),
    change(
        "end-known",
        MPD,
        (" type=\"dynamic\"", " type=\"dynamic\" mediaPresentationDuration=\"PT2000000000S\""),
        &["D14"],
    ),
    // More time than the timeline lists.
    change("long-buffer", TIMELINE, ("timeShiftBufferDepth=\"PT1M\"", "timeShiftBufferDepth=\"PT1H\""), &["D7"]),
    change("other-patch", PATCH, ("</Patch>", "<remove sel=\"/MPD/@minBufferTime\"/></Patch>"), &["D18"]),
    change("other-track", MPD, ("Representation id=\"w\"", "Representation id=\"a\""), &["C1", "C4"]),
    change("presentation-duration", MPD, ("startNumber=", "presentationDuration=\"1\" startNumber="), &["D13"]),
    change("months", MPD, ("minBufferTime=\"P", "minBufferTime=\"P0M"), &["D16"]),
    // The proxy sends a segment when it is whole.
    change("whole-segments", LOW_LATENCY_MPD, ("", ""), &["E11"]),
    change("coarse-clock", LOW_LATENCY_MPD, ("utc:http-xsdate", "utc:http-head"), &["E3", "E11"]),
    change("no-number", LOW_LATENCY_MPD, ("$Number$", "none"), &["D8", "E9"]),
    change("no-mvex", INIT, ("mvex", "xvex"), &["H14"]),
    Change {
        name: "no-idr",
        manifest: SEGMENT.0,
        of: SEGMENT.1,
        how: How::Replaced(b"\x65\x88", b"\x41\x88"),
        rules: &["C3", "H23"],
    },
    change("no-mdat", SEGMENT, ("mdat", "mdax"), &["C2"]),
    change("no-tfdt", SEGMENT, ("tfdt", "xfdt"), &["C1", "D9", "H14"]),
    change("no-sync-sample", (DASH, ".m4s"), ("traf", "trax"), &["C2"]),
    Change {
        name: "six-channels",
        manifest: INIT.0,
        of: INIT.1,
        how: How::Replaced(b"\0\x02\0\x10\0\0\0\0\xbb\x80", b"\0\x06\0\x10\0\0\0\0\xbb\x80"),
        rules: &["C8"],
    },
    of_init("edit-list", |body| with_moov(body, |moov| moov.trak[0].edts = Some(Edts::default())), &["C7"]),
    Change {
        name: "unannounced-event",
        manifest: SEGMENT.0,
        of: SEGMENT.1,
        how: How::Made(with_event),
        rules: &["D19"],
    },
    of_init("two-tracks", |body| with_moov(body, |moov| moov.trak.push(moov.trak[0].clone())), &["C9"]),
];

/// Faults by URL and the rules that each breaks.
pub(crate) const BY_URL: &[Row] = &[
    ("with/corrupt=50/live/test/hls.m3u8", &[]),
    ("with/cut=0.5:on=segments/live/test/hls.m3u8", &["T1"]),
    ("with/cut=0.5:on=segments/live/test/dash.mpd", &["T1"]),
    ("with/cut=0.5:on=segments/live/test/lldash.mpd", &["T1"]),
    ("with/delay=3s:on=manifests/live/test/hls.m3u8", &["T8"]),
    ("with/delay=3s:on=manifests/live/test/dash.mpd", &["T8"]),
    ("with/delay=3s:on=segments/live/test/hls.m3u8", &["H11"]),
    ("with/delay=2s:on=parts/live/test/llhls.m3u8", &["L16"]),
    ("with/discontinuity:by=10s:every=3/live/test/hls.m3u8", &[]),
    ("with/discontinuity:by=10s:every=3/live/test/dash.mpd", &[]),
    ("with/drift=50000:since=0/live/test/hls.m3u8", &["C1", "C6"]),
    ("with/drift=50000:since=0/live/test/dash.mpd", &["C1", "D9"]),
    ("with/drift=50000:since=0/live/test/lldash.mpd", &["C1", "D9", "E5"]),
    ("with/early-hint/live/test/llhls.m3u8", &["L17"]),
    ("with/gap:every=3/live/test/hls.m3u8", &[]),
    ("with/gap:every=3/live/test/llhls.m3u8", &[]),
    ("with/gap:every=3/live/test/dash.mpd", &["D8"]),
    ("with/hang=3s:on=segments/live/test/hls.m3u8", &["H11"]),
    ("with/hang=3s:on=segments/live/test/llhls.m3u8", &["H11"]),
    ("with/hang=3s:on=segments/live/test/dash.mpd", &[]),
    ("with/hang=1s:on=parts/live/test/llhls.m3u8", &["L17"]),
    ("with/hang=1s:on=parts:track=video/live/test/llhls.m3u8", &["L17", "L18"]),
    ("with/lost-hint/live/test/llhls.m3u8", &["L16"]),
    ("with/missing:every=3/live/test/hls.m3u8", &["H11", "H9"]),
    ("with/missing:every=3/live/test/dash.mpd", &["D8"]),
    ("with/missing:on=init/live/test/hls.m3u8", &["H14"]),
    ("with/no-cors/live/test/hls.m3u8", &["T5"]),
    ("with/no-cors/live/test/dash.mpd", &["D21"]),
    ("with/no-validator/live/test/hls.m3u8", &["T3"]),
    ("with/no-validator/live/test/dash.mpd", &["D15", "T3"]),
    ("with/offset=120ms:track=audio/live/test/hls.m3u8", &["C6"]),
    // Playlists of tracks without the fault are plain, and report the plain playlist of the track with the fault.
    ("with/offset=120ms:track=audio/live/test/llhls.m3u8", &["C6", "L18"]),
    ("with/offset=1200ms:track=video/live/test/dash.mpd", &["D9"]),
    ("with/offset=1200ms:track=video/live/test/lldash.mpd", &["D9", "E4"]),
    ("with/rate=300000:on=segments/live/test/hls.m3u8", &["H11"]),
    ("with/rate=20000:on=parts/live/test/llhls.m3u8", &["L17"]),
    ("with/offset=120ms:track=w/live/test/dash.mpd", &["C1"]),
    ("with/reset:on=segments/live/test/hls.m3u8", &["T1"]),
    ("with/rewind=2:each=5s:for=2s/live/test/hls.m3u8", &["H4", "H5"]),
    ("with/rewind=3:each=4s:for=2s,addressing=time-timeline/live/test/dash.mpd", &["D4", "D5", "D6"]),
    ("with/stale=30s/live/test/hls.m3u8", &["H10", "H26"]),
    ("with/stale=30s,addressing=time-timeline/live/test/dash.mpd", &["D6"]),
    ("with/stale=5s/live/test/llhls.m3u8", &["L7"]),
    ("with/unblocked/live/test/llhls.m3u8", &["L10", "L12", "L23", "L9"]),
    ("with/status=503:on=segments:every=3/live/test/hls.m3u8", &["H11", "H9"]),
    ("with/status=503:on=playlists:track=audio/live/test/hls.m3u8", &["T7"]),
    ("with/wrong-max-age/live/test/hls.m3u8", &["T6"]),
    ("with/wrong-max-age/live/test/llhls.m3u8", &["L23", "T6"]),
    ("with/wrong-report/live/test/llhls.m3u8", &["L18"]),
    ("with/wrong-type/live/test/hls.m3u8", &["H27"]),
    ("with/wrong-type/live/test/dash.mpd", &["D21"]),
];

/// Names of the changes and the rules that each breaks.
pub(crate) fn by_change() -> impl Iterator<Item = Row> {
    CHANGES.iter().map(|change| (change.name, change.rules))
}

/// A proxy. The first segment of a path names the change.
struct Proxy(Web);

impl Source for Proxy {
    async fn answer(&self, ask: &Ask) -> Answer {
        let (name, path) = ask.path.trim_start_matches('/').split_once('/').unwrap_or_default();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&ask.query).finish();
        let reply = self.0.get(&format!("{path}?{query}")).await.0;
        let mut body = reply.body.to_vec();
        for change in CHANGES.iter().filter(|change| change.name == name && path.ends_with(change.of)) {
            body = match change.how {
                How::Replaced(from, to) => replaced(&body, (from, to)),
                How::Made(made) => made(&body),
            };
        }
        let mut answer = Answer { body, ..Answer::status(reply.status) };
        answer.headers.clear();
        for (name, value) in &reply.headers {
            // The proxy sends its own.
            if !["content-length", "transfer-encoding", "date"].contains(&name.as_str()) {
                answer = answer.with(name.as_str(), value.to_str().unwrap_or_default());
            }
        }
        let is_manifest = [".m3u8", ".mpd"].iter().any(|ending| path.ends_with(ending));
        match is_manifest {
            true => Answer { body: gzip(&answer.body), ..answer }.with("content-encoding", "gzip"),
            false => answer,
        }
    }
}

/// An init segment with another `moov`; other files are unchanged.
fn with_moov(body: &[u8], change: impl FnOnce(&mut Moov)) -> Vec<u8> {
    let Ok(Init { ftyp, mut moov }) = Init::parse(body) else { return body.to_vec() };
    change(&mut moov);
    let mut changed = Vec::new();
    ftyp.encode(&mut changed).expect("an ftyp");
    moov.encode(&mut changed).expect("a moov");
    changed
}

/// A segment that begins with an event.
fn with_event(segment: &[u8]) -> Vec<u8> {
    let event = Emsg {
        timescale: 1,
        presentation_time: EmsgTimestamp::Relative(0),
        event_duration: 1,
        id: 7,
        scheme_id_uri: "urn:example:event".into(),
        value: "1".into(),
        message_data: Vec::new(),
    };
    let mut changed = Vec::new();
    event.encode(&mut changed).expect("an emsg");
    [changed, segment.to_vec()].concat()
}

fn replaced(body: &[u8], (from, to): (&[u8], &[u8])) -> Vec<u8> {
    if from.is_empty() {
        return body.to_vec();
    }
    let mut changed = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(place) = rest.windows(from.len()).position(|bytes| bytes == from) {
        changed.extend_from_slice(&rest[..place]);
        changed.extend_from_slice(to);
        rest = &rest[place + from.len()..];
    }
    changed.extend_from_slice(rest);
    changed
}

/// Describes the findings, if they differ from the expected rules.
fn difference(name: &str, expected: &[&str], outcome: &Outcome) -> Option<String> {
    let found: BTreeSet<_> = outcome.findings.iter().map(|finding| finding.rule.id).collect();
    let seen: Vec<_> =
        outcome.findings.iter().map(|finding| format!("{}: {}", finding.rule.id, finding.seen)).collect();
    (found != expected.iter().copied().collect()).then(|| format!("{name}: {found:?}, not {expected:?}: {seen:?}"))
}

/// Checks, for a duration, that each URL breaks the rules beside it, and no other.
pub(crate) async fn check_all(rows: Vec<(Url, &'static [&'static str])>, duration: Duration) {
    let check = async |(url, rules): (Url, &'static [&'static str])| match findings_within(&url, None, duration).await {
        Ok(outcome) => difference(url.path(), rules, &outcome),
        Err(error) => Some(format!("{url}: {error}")),
    };
    let wrong: Vec<_> = stream::iter(rows.into_iter().map(check)).buffered(AT_ONCE).filter_map(ready).collect().await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A server whose window is complete.
pub(crate) async fn server() -> Server {
    let server = Server::configured(STREAM);
    let web = Web::of(&server);
    web.playable("test").await;
    // Segments that are not rendered yet are listed, too, but not as ranges.
    let is_whole = async || {
        let [video, audio] = ["v", "a"].map(|track| format!("/with/byte-ranges/live/test/{track}/hls.m3u8"));
        let (video, audio) = (web.get(&video).await, web.get(&audio).await);
        let ranges = |body: &[u8]| String::from_utf8_lossy(body).matches("#EXT-X-BYTERANGE").count();
        (ranges(&video.body).min(ranges(&audio.body)) > 30).then_some(())
    };
    until("the window", LONG, is_whole).await;
    server
}

#[tokio::test]
async fn each_fault_of_this_server_breaks_its_rules_and_no_other() {
    let server = server().await;
    let web = Web::of(&server);
    let proxy = memory::Server::start(Proxy(web.clone())).await;
    let plain = |path: &str| web.url(path).parse().expect("a URL");
    let faults = BY_URL.iter().map(|(path, rules)| (plain(path), *rules));
    let unchanged = [DASH, HLS, LLHLS].map(|manifest| (proxy.url(&format!("none/{manifest}")), &[][..]));
    let change = |change: &Change| (proxy.url(&format!("{}/{}", change.name, change.manifest)), change.rules);
    check_all(faults.chain(unchanged).chain(CHANGES.iter().map(change)).collect(), WATCHED_LONG).await;
}
