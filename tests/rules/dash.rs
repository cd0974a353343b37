//! The rules of DASH find each single error in an MPD.

use std::collections::HashMap;

use bytes::Bytes;
use mp4_atom::{Emsg, EmsgTimestamp};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::cmaf::segment;
use super::{check_finds, check_none};
use barstone::inspect::mpd::{Mpd, Nominal, Place};
use barstone::inspect::reply::Reply;
use barstone::inspect::rules::dash;

const GOOD: &str = r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="2026-01-01T00:00:00Z" minimumUpdatePeriod="PT1.92S" minBufferTime="PT1.92S" timeShiftBufferDepth="PT1M" suggestedPresentationDelay="PT7.68S"><Period id="0" start="PT0S"><AdaptationSet id="0" contentType="video" segmentAlignment="true" startWithSAP="1"><SegmentTemplate media="$RepresentationID$/r/$Number$.m4s" initialization="$RepresentationID$/r/init.mp4" startNumber="0" duration="172800" timescale="90000"/><Representation id="v" bandwidth="2000000" codecs="avc1.42c01f"/></AdaptationSet></Period><UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="../../time"/></MPD>"#;

fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1)
}

#[test]
fn a_good_mpd_breaks_no_rule() {
    check_none(&dash::check(GOOD));
    check_none(&dash::check_reload(GOOD, GOOD));
    let over = changed(r#" minimumUpdatePeriod="PT1.92S""#, r#" mediaPresentationDuration="PT9S""#)
        .replace(r#"start="PT0S""#, r#"start="PT0S" duration="PT9S""#)
        .replace("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
    check_none(&dash::check(&over));
    check_none(&dash::check_reload(GOOD, &over));
    check_none(&dash::check(&event()));
    check_none(&dash::check(&vod()));
    check_none(&dash::check_reload(&event(), &vod()));
}

#[test]
fn periods_come_and_go() {
    let with = |ids: std::ops::Range<u64>| {
        let (begin, end) = (GOOD.find("<Period").expect("a Period"), GOOD.find("<UTCTiming").expect("a UTCTiming"));
        let period = |id| GOOD[begin..end].replace(r#"id="0" start="PT0S""#, &format!(r#"id="p{id}" start="PT{id}S""#));
        let periods: String = ids.clone().map(period).collect();
        let text = format!("{}{periods}{}", &GOOD[..begin], &GOOD[end..]);
        text.replace("2026-01-01T00:00:00Z", &format!("2026-01-01T00:00:{:02}Z", ids.end))
    };
    check_none(&dash::check_reload(&with(1..4), &with(1..5)));
    check_none(&dash::check_reload(&with(1..4), &with(2..5)));
    check_finds("D3", &dash::check_reload(&with(1..4), &with(4..6)));
    check_finds("D3", &dash::check_reload(&with(2..4), &with(1..5)));
    check_finds("D3", &dash::check_reload(&with(1..5), &with(1..4).replace("00:00:04Z", "00:00:06Z")));
    let announced = with(1..4).replace("<UTCTiming", r#"<Period id="early-p3"/><UTCTiming"#);
    check_none(&dash::check_reload(&announced, &with(1..5)));
    let early = GOOD.replace(r#" start="PT0S""#, "");
    check_none(&dash::check_reload(&early, &early));
}

/// An event whose end is announced.
fn event() -> String {
    let template = r#"startNumber="100" presentationTimeOffset="17280000""#;
    changed("1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
        .replace(r#" timeShiftBufferDepth="PT1M""#, r#" mediaPresentationDuration="PT9S" timeShiftBufferDepth="PT9S""#)
        .replace(r#"start="PT0S""#, r#"start="PT0S" duration="PT9S""#)
        .replace(r#"startNumber="0""#, template)
}

/// The event once it is over.
fn vod() -> String {
    let (head, timing) = (" suggestedPresentationDelay=\"PT7.68S\"", event().find("<UTCTiming").expect("a UTCTiming"));
    let text = format!("{}</MPD>", &event()[..timing]);
    text.replace("dynamic", "static")
        .replace(r#" availabilityStartTime="2026-01-01T00:00:00Z""#, "")
        .replace(r#" publishTime="2026-01-01T00:00:00Z""#, r#" publishTime="2026-01-01T00:00:09Z""#)
        .replace(r#" minimumUpdatePeriod="PT1.92S""#, "")
        .replace(r#" timeShiftBufferDepth="PT9S""#, "")
        .replace(head, "")
}

#[test]
fn an_end_with_one_error_breaks_the_rule() {
    for (rule, from, to) in [
        ("D1", r#" mediaPresentationDuration="PT9S""#, ""),
        ("D14", r#" type="static""#, r#" type="static" minimumUpdatePeriod="PT2S""#),
        ("D14", r#" type="static""#, r#" type="static" timeShiftBufferDepth="PT2S""#),
        ("D14", r#"start="PT0S""#, r#"start="PT1S""#),
        ("D14", r#"start="PT0S" duration="PT9S""#, r#"start="PT0S" duration="PT8S""#),
    ] {
        assert!(vod().contains(from), "{from}");
        check_finds(rule, &dash::check(&vod().replacen(from, to, 1)));
    }
    check_finds("D14", &dash::check(&event().replace(r#" duration="PT9S""#, "")));
}

#[test]
fn an_mpd_with_one_error_breaks_the_rule() {
    for (rule, from, to) in [
        ("D0", r#"xmlns="urn:mpeg:dash:schema:mpd:2011""#, r#"xmlns="urn:mpeg:dash:schema:mpd:2012""#),
        ("D0", r#" type="dynamic""#, r#" type="dynamic" surprise="1""#),
        ("D0", r#" type="dynamic""#, r#" type="live""#),
        ("D0", r#" profiles="urn:mpeg:dash:profile:isoff-live:2011""#, ""),
        ("D0", "PT1M", "1M"),
        ("D0", "PT1M", "PT"),
        ("D0", "PT1M", "PT1.5M"),
        ("D0", "PT1M", "PT1S1M"),
        ("D0", "2026-01-01T00:00:00Z", "2026-01-01"),
        ("D0", r#"AdaptationSet id="0""#, r#"AdaptationSet id="video""#),
        ("D0", r#"contentType="video""#, r#"contentType="video" frameRate="29.97""#),
        ("D0", r#"contentType="video""#, r#"contentType="video" frameRate="25/0""#),
        ("D0", r#"contentType="video""#, r#"contentType="video" sar="1/1""#),
        ("D0", r#"contentType="video""#, r#"contentType="video" lang="not a language""#),
        ("D0", r#"segmentAlignment="true""#, r#"segmentAlignment="yes""#),
        ("D0", r#"startWithSAP="1""#, r#"startWithSAP="7""#),
        ("D0", r#"startNumber="0""#, r#"startNumber="4294967296""#),
        ("D0", r#"duration="172800""#, r#"duration="172800.5""#),
        ("D0", r#"Representation id="v""#, r#"Representation id="v 1""#),
        ("D0", r#" bandwidth="2000000""#, ""),
        ("D0", "</AdaptationSet>", r#"<Role schemeIdUri="urn:mpeg:dash:role:2011"/></AdaptationSet>"#),
        ("D0", "<SegmentTemplate", "<SegmentTemplate/><SegmentTemplate"),
        ("D0", "</MPD>", r#"<Period id="1"/></MPD>"#),
        ("D0", "</MPD>", "<Surprise/></MPD>"),
        ("D0", "</MPD>", "text</MPD>"),
        ("D1", r#" type="dynamic""#, ""),
        ("D1", r#" type="dynamic""#, r#" type="static""#),
        ("D1", r#" availabilityStartTime="1970-01-01T00:00:00Z""#, ""),
        ("D1", r#" publishTime="2026-01-01T00:00:00Z""#, ""),
        ("D1", r#" minimumUpdatePeriod="PT1.92S""#, ""),
        ("D1", r#" minBufferTime="PT1.92S""#, ""),
        ("D1", r#" timeShiftBufferDepth="PT1M""#, ""),
        ("D1", "</MPD>", ""),
        ("D2", "http-xsdate:2014", "sundial:2014"),
        ("D10", r#" timescale="90000""#, ""),
        ("D11", r#" segmentAlignment="true""#, ""),
        ("D11", r#"startWithSAP="1""#, r#"startWithSAP="3""#),
        ("D12", "PT7.68S", "PT1M"),
        ("D13", r#"startNumber="0""#, r#"startNumber="0" availabilityTimeOffset="1.6""#),
        ("D14", r#" type="dynamic""#, r#" type="dynamic" mediaPresentationDuration="PT9S""#),
        ("D16", r#"minBufferTime="PT1.92S""#, r#"minBufferTime="P1MT2S""#),
        ("D16", r#"publishTime="2026-01-01T00:00:00Z""#, r#"publishTime="2026-01-01T00:00:00+01:00""#),
    ] {
        check_finds(rule, &dash::check(&changed(from, to)));
    }
}

#[test]
fn an_update_with_a_forbidden_change_breaks_the_rule() {
    let later = |text: &str| text.replace("publishTime=\"2026-01-01T00:00:00Z", "publishTime=\"2026-01-01T00:00:01Z");
    for (from, to) in [
        (r#"<Period id="0""#, r#"<Period id="1""#),
        (r#"start="PT0S""#, r#"start="PT1S""#),
        (r#"<AdaptationSet id="0""#, r#"<AdaptationSet id="3""#),
        (r#"<Representation id="v""#, r#"<Representation id="w""#),
        ("r/init.mp4", "s/init.mp4"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:01Z"),
    ] {
        check_finds("D3", &dash::check_reload(GOOD, &later(&changed(from, to))));
    }
    check_finds("D4", &dash::check_reload(GOOD, &changed("2000000", "2000001")));
    check_finds("D4", &dash::check_reload(GOOD, &changed("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z")));
    check_none(&dash::check_reload(GOOD, &later(&changed("2000000", "2000001"))));
}

#[test]
fn segments_at_a_wrong_time_break_the_rule() {
    check_none(&dash::check_available(7, 200));
    check_finds("D8", &dash::check_available(7, 404));
    for (early, right, wrong) in [(true, 425, 410), (true, 404, 200), (false, 410, 425), (false, 404, 200)] {
        check_none(&dash::check_unavailable(right, early));
        check_finds("D8", &dash::check_unavailable(wrong, early));
    }
    let template = Nominal { timescale: 90_000, duration: 172_800, start_number: 0, offset: 0 };
    // Two frames of 86,400 ticks each.
    let at = |number: u64, start: u64| (number, segment(start, 86_400));
    check_none(&dash::check_addressing(&template, 90_000, &[at(5, 864_000), at(6, 1_036_800)]));
    check_finds("D9", &dash::check_addressing(&template, 90_000, &[at(5, 864_000), at(6, 1_036_900)]));
    check_finds("D9", &dash::check_addressing(&template, 90_000, &[at(5, 960_000)]));
    let event = Nominal { start_number: 100, offset: 17_280_000, ..template };
    check_none(&dash::check_addressing(&event, 90_000, &[at(105, 105 * 172_800)]));
    check_finds("D9", &dash::check_addressing(&Nominal { offset: 7, ..event }, 90_000, &[at(105, 105 * 172_800)]));
    let listed = Nominal { duration: 0, ..template };
    let place = Place { number: 5, time: 864_000, start_micros: 0, end_micros: 0 };
    check_none(&dash::check_time(&listed, &place, (864_000, 90_000)));
    check_finds("D10", &dash::check_time(&listed, &place, (909_001, 90_000)));
}

fn reply(changed: (&'static str, &'static str)) -> Reply {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/dash+xml"),
        ("content-encoding", "gzip"),
        ("etag", "\"x\""),
        ("date", "Thu, 01 Jan 2026 00:00:06 GMT"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "date,content-length"),
        changed,
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Reply { status: 200, headers, body: Bytes::from_static(GOOD.as_bytes()) }
}

#[test]
fn wrong_headers_break_the_rule() {
    check_none(&dash::check_headers(&reply(("x", "y"))));
    for (rule, name, value) in [
        ("D15", "content-encoding", ""),
        ("D15", "etag", ""),
        ("D21", "content-type", "text/xml"),
        ("D21", "date", "yesterday"),
        ("D21", "access-control-allow-origin", "http://elsewhere"),
        ("D21", "access-control-expose-headers", "date"),
    ] {
        check_finds(rule, &dash::check_headers(&reply((name, value))));
    }
}

/// An MPD with a timeline of `count` segments of 2 s from `first` on.
fn with_timeline(first: u64, lengths: &[u64]) -> Mpd {
    let mut entries = format!(r#"<S t="{first}" d="{}"/>"#, lengths[0]);
    entries.extend(lengths[1..].iter().map(|length| format!(r#"<S d="{length}"/>"#)));
    let text = changed(
        r#" duration="172800" timescale="90000"/>"#,
        &format!(r#" timescale="90000"><SegmentTimeline>{entries}</SegmentTimeline></SegmentTemplate>"#),
    );
    Mpd::parse(&text, &Url::parse("http://host/m.mpd").expect("a URL")).expect("an MPD")
}

#[test]
fn a_timeline_that_changes_breaks_the_rule() {
    let old = with_timeline(0, &[2, 2, 2]);
    check_none(&dash::check_timelines(&old, &old));
    check_none(&dash::check_timelines(&old, &with_timeline(2, &[2, 2, 2])));
    for new in [with_timeline(0, &[2, 2]), with_timeline(0, &[2, 3, 2]), with_timeline(3, &[2, 2])] {
        check_finds("D5", &dash::check_timelines(&old, &new));
    }
    check_finds("D5", &dash::check_timelines(&with_timeline(2, &[2, 2]), &old));
    check_finds("D9", &dash::check_timelines(&old, &gap()));
}

#[test]
fn a_timeline_without_available_segments_breaks_the_rule() {
    // Segments of two seconds in ticks, and a time shift buffer of a minute.
    let listing = |first: u64, count: usize| with_timeline(first * 180_000, &vec![180_000; count]);
    let at = |second: i128| second * 1_000_000;
    let old = listing(100, 40);
    check_none(&dash::check_listed(&old, at(280)));
    check_none(&dash::check_listed(&old, at(285)));
    check_finds("D6", &dash::check_listed(&old, at(286)));
    check_none(&dash::check_removed(&old, &listing(101, 40), at(262)));
    check_finds("D7", &dash::check_removed(&old, &listing(101, 40), at(261)));
    check_none(&dash::check_removed(&old, &old, at(200)));
}

#[test]
fn a_patch_with_an_error_breaks_the_rule() {
    let old = changed("<MPD ", r#"<MPD id="m" "#);
    let new = old.replace("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z").replace("2000000", "2000001");
    let patch = r#"<Patch mpdId="m" originalPublishTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:00:02Z"><replace sel="/MPD/@publishTime">2026-01-01T00:00:02Z</replace><replace sel="/MPD/Period[1]/AdaptationSet[@id='0']/Representation[1]/@bandwidth">2000001</replace></Patch>"#;
    check_none(&dash::check_patch(&old, &new, (200, patch)));
    // The patch leads to a later MPD than the one that was received.
    check_none(&dash::check_patch(&old, &old, (200, patch)));
    check_finds("D18", &dash::check_patch(&old, &new, (404, "")));
    for (from, to) in [
        ("2000001", "2000002"),
        ("Patch", "Batch"),
        ("\"m\"", "\"n\""),
        ("originalPublishTime=\"2026", "originalPublishTime=\"2025"),
        (" publishTime=\"2026", " publishTime=\"2025"),
        ("Representation[1]", "Representation[2]"),
    ] {
        let wrong = patch.replace(from, to);
        check_finds("D18", &dash::check_patch(&old, &new, (200, &wrong)));
    }
}

#[test]
fn an_event_with_an_error_breaks_the_rule() {
    let event = |value: &str, message: &[u8]| Emsg {
        timescale: 1,
        presentation_time: EmsgTimestamp::Relative(0),
        event_duration: 1,
        id: 7,
        scheme_id_uri: "urn:example".into(),
        value: value.into(),
        message_data: message.to_vec(),
    };
    let known = HashMap::from([(dash::key(&event("1", b"a")), event("1", b"a"))]);
    let declared = |value: Option<&str>| vec![("urn:example".to_owned(), value.map(str::to_owned))];
    check_none(&dash::check_events(&[event("1", b"a"), event("2", b"b")], &declared(None), &known));
    check_none(&dash::check_events(&[event("1", b"a")], &declared(Some("1")), &known));
    check_finds("D19", &dash::check_events(&[event("1", b"a")], &declared(Some("2")), &known));
    check_finds("D19", &dash::check_events(&[event("1", b"a")], &[], &known));
    check_finds("D19", &dash::check_events(&[event("1", b"b")], &declared(None), &known));
}

/// A timeline with a hole after its second segment.
fn gap() -> Mpd {
    let mut mpd = with_timeline(0, &[2, 2, 2, 2]);
    mpd.periods[0].tracks[0].timeline.as_mut().expect("a timeline").remove(2);
    mpd
}

#[test]
fn a_period_whose_start_nobody_knows_is_not_played() {
    let text = r#"<MPD type="dynamic"><Period start="PT5S"/><Period id="early"/><Period start="PT9S" duration="PT2S"/><Period/></MPD>"#;
    let mpd = Mpd::parse(text, &Url::parse("http://host/m.mpd").expect("a URL")).expect("an MPD");
    assert_eq!(mpd.periods.iter().map(|period| period.start.as_secs()).collect::<Vec<_>>(), [5, 9, 11]);
}
