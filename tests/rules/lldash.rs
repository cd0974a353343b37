//! The rules of low-latency DASH find each single error in an MPD or a segment.

use bytes::Bytes;
use mp4_atom::{Encode, Prft, ReferenceTime};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::cmaf::{chunk, moof};
use super::{check_finds, check_none};
use barstone::inspect::boxes::Segment;
use barstone::inspect::reply::Reply;
use barstone::inspect::rules::lldash::{self, Growing, Timing};

const GOOD: &str = r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,http://www.dashif.org/guidelines/low-latency-live-v5" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="2026-01-01T00:00:00Z" minimumUpdatePeriod="PT1.92S" minBufferTime="PT0.32S" timeShiftBufferDepth="PT1M"><ServiceDescription id="0"><Latency target="1040"/></ServiceDescription><Period id="0" start="PT0S"><AdaptationSet id="0" contentType="video" segmentAlignment="true" startWithSAP="1"><ProducerReferenceTime id="0" inband="true" presentationTime="90000" type="captured" wallClockTime="1970-01-01T00:00:01Z"><UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="../../time"/></ProducerReferenceTime><Resync type="1" dT="28800" marker="true"/><SegmentTemplate media="$RepresentationID$/r/$Number$.m4s" initialization="$RepresentationID$/r/init.mp4" startNumber="0" duration="172800" timescale="90000" availabilityTimeOffset="1.6" availabilityTimeComplete="false"/><Representation id="v" bandwidth="2000000" codecs="avc1.42c01f"/></AdaptationSet></Period><UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="../../time"/></MPD>"#;
const TIMESCALE: u64 = 90_000;
/// Duration in ticks of one of the two pictures in a chunk.
const PICTURE: u32 = 14_400;

#[test]
fn an_mpd_with_one_error_breaks_the_rule() {
    check_none(&lldash::check(GOOD));
    let reference = &GOOD[GOOD.find("<Producer").expect("it is there")..GOOD.find("<Resync").expect("it is there")];
    for (rule, from, to) in [
        ("D1", r#" minBufferTime="PT0.32S""#, ""),
        ("D0", r#"ProducerReferenceTime id="0""#, r#"ProducerReferenceTime id="video""#),
        ("D0", r#"presentationTime="90000""#, r#"presentationTime="-1""#),
        ("D0", r#"dT="28800""#, r#"dT="28800.5""#),
        ("D0", r#"target="1040""#, r#"target="1040.5""#),
        ("D0", r#"availabilityTimeOffset="1.6""#, r#"availabilityTimeOffset="soon""#),
        ("E1", "low-latency-live-v5", "low-latency-live-v4"),
        ("E2", r#"<Latency target="1040"/>"#, ""),
        ("E2", r#"target="1040""#, r#"target="320""#),
        (
            "E3",
            "</Period><UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-xsdate",
            "</Period><UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-head",
        ),
        ("E4", reference, ""),
        ("E4", r#"type="captured""#, r#"type="application""#),
        ("E4", r#"value="../../time"/></Producer"#, r#"value="elsewhere"/></Producer"#),
        ("E4", "1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"),
        ("E4", r#"start="PT0S""#, r#"start="PT1S""#),
        ("E4", r#"startNumber="0""#, r#"startNumber="0" presentationTimeOffset="90000""#),
        ("E4", r#"ProducerReferenceTime id="0" "#, "ProducerReferenceTime "),
        ("E6", r#" availabilityTimeOffset="1.6""#, ""),
        ("E6", r#"availabilityTimeOffset="1.6""#, r#"availabilityTimeOffset="1.92""#),
        ("E6", r#" availabilityTimeComplete="false""#, ""),
        (
            "E6",
            r#"codecs="avc1.42c01f"/>"#,
            r#"codecs="avc1.42c01f"><SegmentTemplate availabilityTimeOffset="1.5"/></Representation>"#,
        ),
        ("E7", r#"<Resync type="1" dT="28800" marker="true"/>"#, ""),
        ("E7", r#"Resync type="1""#, r#"Resync type="3""#),
        ("E7", r#"dT="28800""#, r#"dT="172800""#),
        ("E7", r#" marker="true""#, ""),
        ("E9", "$Number$", "$Time$"),
        ("E9", r#" duration="172800""#, ""),
    ] {
        assert!(GOOD.contains(from), "{from}");
        check_finds(rule, &lldash::check(&GOOD.replacen(from, to, 1)));
    }
    check_finds("E4", &lldash::check(&GOOD.replacen(reference, &reference.repeat(2), 1)));
}

#[test]
fn a_template_and_a_resync_may_be_those_of_a_representation() {
    let (begin, end) = (GOOD.find("<Resync").expect("a Resync"), GOOD.find("<Representation").expect("one"));
    let own = format!(r#"codecs="avc1.42c01f">{}</Representation>"#, &GOOD[begin..end]);
    let moved = format!("{}{}", &GOOD[..begin], &GOOD[end..]).replace(r#"codecs="avc1.42c01f"/>"#, &own);
    check_none(&lldash::check(&moved));
    check_finds("E9", &lldash::check(&moved.replace("$Number$", "$Time$")));
    check_finds("E6", &lldash::check(&moved.replace(" availabilityTimeOffset=\"1.6\"", "")));
}

#[test]
fn only_the_live_period_needs_low_latency() {
    let (begin, end) = (GOOD.find("<Period").expect("a Period"), GOOD.find("</Period>").expect("a Period") + 9);
    let plain = r#"<Period id="p" start="PT0S"><AdaptationSet id="0" contentType="video" segmentAlignment="true" startWithSAP="1"><SegmentTemplate media="$RepresentationID$/r/$Number$.m4s" initialization="$RepresentationID$/r/init.mp4" startNumber="0" duration="172800" timescale="90000"/><Representation id="v" bandwidth="2000000" codecs="avc1.42c01f"/></AdaptationSet></Period>"#;
    let later =
        GOOD[begin..end].replace("PT0S", "PT1S").replace(r#"presentationTime="90000""#, r#"presentationTime="0""#);
    let early = plain.replace(r#"id="p" start="PT0S""#, r#"id="early""#);
    let with = |periods: &str| format!("{}{periods}{}", &GOOD[..begin], &GOOD[end..]);
    check_none(&lldash::check(&with(&format!("{plain}{later}{early}"))));
    check_finds("E6", &lldash::check(&with(&format!("{later}{}", plain.replace("PT0S", "PT9S")))));
}

/// A chunk that starts at `start` ticks, after a `prft` with this NTP time in seconds since 1970.
fn piece(start: u64, prft: Option<u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(seconds) = prft {
        let prft = Prft {
            reference_track_id: 1,
            ntp_timestamp: (seconds + 2_208_988_800) << 32,
            media_time: start,
            utc_time_semantics: ReferenceTime::RealTime,
        };
        prft.encode(&mut bytes).expect("a prft");
    }
    bytes.extend(chunk(&moof(start, PICTURE), 0));
    bytes
}

#[test]
fn segments_without_consecutive_chunks_break_the_rule() {
    let mpd = dash_mpd_core::parse(GOOD).expect("an MPD");
    let time = &mpd.periods[0].adaptations[0].ProducerReferenceTime[0];
    let check = |pieces: &[Vec<u8>]| {
        lldash::check_segment(time, TIMESCALE, &Segment::parse(&pieces.concat()).expect("a segment"))
    };
    let (first, second) = (90_000 * 7, 90_000 * 7 + u64::from(2 * PICTURE));
    check_none(&check(&[piece(first, Some(7)), piece(second, None)]));
    check_finds("E5", &check(&[piece(first, Some(7))]));
    check_finds("E5", &check(&[piece(first, Some(7)), piece(second + 1, None)]));
    check_finds("E5", &check(&[piece(first, Some(7)), piece(first, None)]));
    check_finds("E4", &check(&[piece(first, None), piece(second, None)]));
    check_finds("E4", &check(&[piece(first, Some(8)), piece(second, None)]));
}

/// An answer of two pieces, each as late as it may be.
fn growing() -> Growing {
    let end = |ticks: u64| u128::from(ticks * 1_000_000 / TIMESCALE);
    let chunk = u64::from(2 * PICTURE);
    Growing {
        head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
        pieces: vec![
            (piece(900_000, Some(10)), end(900_000 + chunk) + 1_000_000),
            (piece(900_000 + chunk, None), end(900_000 + 2 * chunk) + 1_000_000),
        ],
    }
}

#[test]
fn segments_that_are_not_sent_while_they_are_made_break_the_rule() {
    check_none(&lldash::check_early(425, true));
    check_none(&lldash::check_early(200, false));
    check_finds("E9", &lldash::check_early(200, true));
    check_finds("E9", &lldash::check_early(425, false));
    check_none(&lldash::check_growing(&growing(), TIMESCALE));
    assert_eq!(growing().status(), 200);
    let finds = |change: fn(&mut Growing)| {
        let mut growing = growing();
        change(&mut growing);
        check_finds("E11", &lldash::check_growing(&growing, TIMESCALE));
    };
    finds(|growing| growing.head = growing.head.replace("Transfer-Encoding: chunked", "Content-Length: 99"));
    finds(|growing| growing.head += "Content-Length: 99\r\n");
    finds(|growing| growing.pieces[1].1 += 1);
    finds(|growing| growing.pieces.truncate(1));
    finds(|growing| {
        let byte = growing.pieces[0].0.pop().expect("a byte");
        growing.pieces[1].0.insert(0, byte);
    });
}

fn reply(status: u16, body: Vec<u8>, changed: (&'static str, &'static str)) -> Reply {
    let length = HeaderValue::from(body.len());
    let mut headers = HeaderMap::from_iter([(HeaderName::from_static("content-length"), length)]);
    for (name, value) in [("etag", "\"x\""), ("accept-ranges", "bytes"), changed] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Reply { status, headers, body: Bytes::from(body) }
}

#[test]
fn a_complete_segment_with_other_bytes_breaks_the_rule() {
    let growing = growing();
    let whole = growing.body();
    check_none(&lldash::check_complete(&growing, &reply(200, whole.clone(), ("x", "y"))));
    for changed in [("content-length", "7"), ("etag", ""), ("accept-ranges", "none")] {
        check_finds("E11", &lldash::check_complete(&growing, &reply(200, whole.clone(), changed)));
    }
    check_finds("E11", &lldash::check_complete(&growing, &reply(200, whole[1..].to_vec(), ("x", "y"))));
    check_none(&lldash::check_range(&whole, 10, &reply(206, whole[10..].to_vec(), ("x", "y"))));
    check_finds("E11", &lldash::check_range(&whole, 10, &reply(200, whole[10..].to_vec(), ("x", "y"))));
    check_finds("E11", &lldash::check_range(&whole, 10, &reply(206, whole[9..].to_vec(), ("x", "y"))));
}

#[test]
fn chunks_that_come_late_break_the_rule() {
    let growing = growing();
    let body = growing.body();
    let half = growing.pieces[0].0.len();
    let ms = std::time::Duration::from_millis;
    // The request is sent when the segment begins; a chunk lasts 320 ms.
    let timing = Timing { origin: 0, sent: 10_000_000, answered: 10_010_000, error: 0, timescale: TIMESCALE };
    let check = |timing: Timing, arrivals: &[(usize, std::time::Duration)]| {
        lldash::check_pace(&body, arrivals, &timing).expect("the segment grew")
    };
    check_none(&check(timing, &[(half, ms(330)), (body.len(), ms(650))]));
    check_finds("E11", &check(timing, &[(half, ms(1400)), (body.len(), ms(1500))]));
    check_finds("E11", &check(timing, &[(body.len(), ms(650))]));
    // The clock of the server is known to 300 ms only, because it told the time late.
    let unsure = Timing { error: 300_000, ..timing };
    check_none(&check(unsure, &[(half, ms(1400)), (body.len(), ms(1500))]));
    check_finds("E11", &check(unsure, &[(half, ms(2000)), (body.len(), ms(2100))]));
    // The server was busy, and answered when it had the last chunk.
    check_none(&check(Timing { answered: 10_650_000, ..timing }, &[(body.len(), ms(650))]));
    let complete = Timing { sent: 10_700_000, ..timing };
    assert_eq!(lldash::check_pace(&body, &[(body.len(), ms(3000))], &complete), None);
}
