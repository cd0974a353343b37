//! Presentations under the conditions of time. The stream has segments from [`SEGMENT`] on, which begins at 03:40:28.800.

use insta::assert_snapshot;
use serde_json::json;

use super::*;

/// The manifests under `conditions` at `millis` after the start of [`SEGMENT`].
struct Asked<'a> {
    output: &'a Output,
    conditions: Conditions,
    now: UnixTime,
}

impl Asked<'_> {
    fn view(&self) -> View<'_> {
        View::of(self.output).under(&self.conditions, self.now)
    }

    fn hls(&self) -> String {
        self.hls_with(hls::Skip::No)
    }

    fn hls_with(&self, skip: hls::Skip) -> String {
        hls::media(&self.view(), &track(self.output, "v720"), skip).unwrap()
    }

    fn llhls(&self, skip: hls::Skip) -> String {
        hls::low_latency(&self.view(), &track(self.output, "v720"), skip).unwrap()
    }

    fn mpd(&self, latency: Latency) -> String {
        dash::mpd(&self.view(), Place::Stream, latency).unwrap()
    }

    #[track_caller]
    fn check_mpd(&self, latency: Latency, present: &[&str], absent: &[&str]) {
        let mpd = self.mpd(latency);
        present.iter().for_each(|part| assert!(mpd.contains(part), "{part} in {mpd}"));
        absent.iter().for_each(|part| assert!(!mpd.contains(part), "{part} not in {mpd}"));
    }
}

fn asked<'a>(output: &'a Output, conditions: &str, millis: u64) -> Asked<'a> {
    let now = UnixTime::from_millis(SEGMENT * 1920 + millis);
    Asked { output, conditions: Conditions::parse(conditions).unwrap(), now }
}

/// A stream with `segments` whole segments and three chunks of the next.
fn stream(segments: u64) -> Output {
    let output = output(json!({"name": "test"}));
    publish_up_to(&output, SEGMENT..SEGMENT + segments, 3);
    output
}

#[test]
fn a_vod_is_complete_and_begins_at_zero() {
    let output = stream(4);
    let vod = asked(&output, "from=2026-11-21T03:40:29Z,until=2026-11-21T03:40:32Z", 8448);
    assert_snapshot!(vod.hls(), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-TARGETDURATION:2
    #EXT-X-PLAYLIST-TYPE:VOD
    #EXT-X-MEDIA-SEQUENCE:935016890
    #EXT-X-DISCONTINUITY-SEQUENCE:0
    #EXT-X-MAP:URI="../../../../../live/test/v720/58fe8eec/init.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:28.800Z
    #EXTINF:1.92,
    ../../../../../live/test/v720/58fe8eec/935016890.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:30.720Z
    #EXTINF:1.92,
    ../../../../../live/test/v720/58fe8eec/935016891.m4s
    #EXT-X-ENDLIST
    "#);
    assert_eq!(vod.llhls(hls::Skip::Segments), vod.hls(), "without parts");
    assert!(!hls::multivariant(&vod.view(), Place::Stream, Latency::Low).contains("I-FRAME"));
    assert_eq!(
        vod.mpd(Latency::Low).replace(",http://www.dashif.org/guidelines/low-latency-live-v5", ""),
        vod.mpd(Latency::Normal)
    );
    assert_snapshot!(vod.mpd(Latency::Normal).replace("><", ">\n<"), @r#"
    <?xml version="1.0"?>
    <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="test" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="static" publishTime="2026-11-21T03:40:32.640Z" mediaPresentationDuration="PT3.84S" minBufferTime="PT1.92S" maxSegmentDuration="PT1.92S">
    <Period id="0" start="PT0S" duration="PT3.84S">
    <AdaptationSet id="0" contentType="video" segmentAlignment="true" mimeType="video/mp4" frameRate="25" startWithSAP="1">
    <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
    <SegmentTemplate media="../../../../live/test/$RepresentationID$/58fe8eec/t$Time$.m4s" initialization="../../../../live/test/$RepresentationID$/58fe8eec/init.mp4" timescale="90000" presentationTimeOffset="161570918592000">
    <SegmentTimeline>
    <S t="161570918592000" d="172800" r="1"/>
    </SegmentTimeline>
    </SegmentTemplate>
    <Representation id="v720" bandwidth="2000000" width="1280" height="720" sar="1:1" codecs="avc1.42c01f"/>
    </AdaptationSet>
    <AdaptationSet id="1" contentType="audio" lang="und" segmentAlignment="true" mimeType="audio/mp4" startWithSAP="1">
    <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
    <SegmentTemplate media="../../../../live/test/$RepresentationID$/58fe8eec/t$Time$.m4s" initialization="../../../../live/test/$RepresentationID$/58fe8eec/init.mp4" timescale="48000" presentationTimeOffset="86171156582400">
    <SegmentTimeline>
    <S t="86171156582400" d="92160" r="1"/>
    </SegmentTimeline>
    </SegmentTemplate>
    <Representation id="a" bandwidth="128000" audioSamplingRate="48000" codecs="mp4a.40.2">
    <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
    </Representation>
    </AdaptationSet>
    </Period>
    </MPD>
    "#);
}

#[test]
fn a_vod_lists_what_is_not_in_memory() {
    let output = stream(4);
    let vod = asked(&output, "from=2026-11-20T03:40:00Z,until=2026-11-20T04:40:00Z", 8448);
    let playlist = vod.hls();
    assert_eq!(playlist.matches("#EXTINF:1.92,").count(), 1875);
    assert!(!playlist.contains("EXT-X-GAP"), "all of it is encoded again on request");
    assert!(playlist.contains("#EXT-X-PROGRAM-DATE-TIME:2026-11-20T03:40:00.000Z"), "{}", &playlist[..500]);
}

#[test]
fn an_event_grows_from_its_beginning_and_ends_at_its_end() {
    let output = stream(4);
    let event = |millis| asked(&output, "from=2026-11-21T03:40:29Z,until=2026-11-21T03:41:00Z", millis);
    let growing = event(8448);
    let start = "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MEDIA-SEQUENCE:935016890\n";
    assert!(growing.hls().contains(start) && !growing.hls().contains("ENDLIST"), "{}", growing.hls());
    let low = growing.llhls(hls::Skip::No);
    assert!(
        low.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && low.contains("935016894.2.m4s\"\n#EXT-X-PRELOAD-HINT"),
        "{low}"
    );
    let live = [
        "type=\"dynamic\" availabilityStartTime=\"2026-11-21T03:40:28.800Z\" publishTime=\"2026-11-21T03:40:36.480Z\"",
        "minimumUpdatePeriod=\"PT1.92S\"",
        "timeShiftBufferDepth=\"PT32.64S\"",
        "<Period id=\"0\" start=\"PT0S\"><",
        "presentationTimeOffset=\"161570918592000\"",
        "<S t=\"161570918592000\" d=\"172800\" r=\"3\"/>",
    ];
    growing.check_mpd(Latency::Normal, &live, &["mediaPresentationDuration", "early"]);
    let numbered = "addressing=number,from=2026-11-21T03:40:29Z,until=2026-11-21T03:41:00Z";
    let start = "startNumber=\"935016890\"";
    asked(&output, numbered, 8448).check_mpd(Latency::Normal, &[start], &["SegmentTimeline", "early"]);

    // The last segment is 935016906, of which the first chunk begins at 30.72 s.
    publish(&output, SEGMENT + 4..SEGMENT + 13);
    let announced = [
        "type=\"dynamic\" availabilityStartTime=\"2026-11-21T03:40:28.800Z\" publishTime=\"2026-11-21T03:40:53.760Z\"",
        "mediaPresentationDuration=\"PT32.64S\"",
        "minimumUpdatePeriod=\"PT1.92S\"",
        "timeShiftBufferDepth=\"PT32.64S\"",
        "<Period id=\"0\" start=\"PT0S\" duration=\"PT32.64S\">",
    ];
    event(25_000).check_mpd(Latency::Normal, &announced, &["early"]);
    assert!(!event(25_000).hls().contains("ENDLIST"));

    publish(&output, SEGMENT + 13..SEGMENT + 20);
    let over = event(38_400);
    assert!(over.hls().contains("#EXT-X-PLAYLIST-TYPE:VOD\n"));
    assert!(over.hls().ends_with("/935016906.m4s\n#EXT-X-ENDLIST\n"), "{}", over.hls());
    let ended = ["type=\"static\" publishTime=\"2026-11-21T03:41:01.440Z\"", "mediaPresentationDuration=\"PT32.64S\""];
    over.check_mpd(
        Latency::Normal,
        &ended,
        &["minimumUpdatePeriod", "UTCTiming", "availabilityStartTime", "early", "timeShift"],
    );
}

#[test]
fn until_alone_begins_a_window_before() {
    let output = stream(4);
    let playlist = asked(&output, "until=2026-11-21T03:40:32Z", 8448).hls();
    // 03:39:32 is in segment 935016860.
    assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:935016860\n"), "{playlist}");
    let playlist = asked(&output, "until=2026-11-21T03:40:32Z,window=2h", 8448).hls();
    assert!(playlist.contains("#EXT-X-MEDIA-SEQUENCE:935013141\n"), "{}", &playlist[..300]);
}

#[test]
fn a_shifted_stream_is_live_as_it_was() {
    let output = stream(4);
    // 7.5 s later than SEGMENT is a second and 740 ms into SEGMENT + 3: seven chunks of 240 ms have ended.
    let shifted = asked(&output, "shift=1h", 3_600_000 + 7500);
    let low = shifted.llhls(hls::Skip::No);
    assert!(low.contains("935016893.6.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"../../../../../live/test/v720/58fe8eec/935016893.7.m4s\"\n"), "{low}");
    assert!(low.contains("URI=\"../a/llhls.m3u8\",LAST-MSN=935016893,LAST-PART=6\n"), "{low}");
    assert!(low.contains("#EXT-X-PROGRAM-DATE-TIME:2026-11-21T03:40:34.560Z\n"), "the dates are those of then");
    let playlist = shifted.hls();
    assert!(
        playlist.contains("#EXT-X-MEDIA-SEQUENCE:935016861\n") && playlist.ends_with("/935016892.m4s\n"),
        "{playlist}"
    );
    let present = [
        "availabilityStartTime=\"1970-01-01T01:00:00Z\"",
        "wallClockTime=\"1970-01-01T01:00:00Z\"",
        "timeShiftBufferDepth=\"PT1M\"",
        "<Period id=\"0\" start=\"PT0S\"><",
        "startNumber=\"0\"",
    ];
    shifted.check_mpd(Latency::Low, &present, &["presentationTimeOffset", "early"]);
}

#[test]
fn an_event_is_replayed_as_if_live() {
    let output = stream(4);
    let event = "from=2026-11-21T03:40:29Z,shift=1h,until=2026-11-21T03:41:00Z";
    let replay = asked(&output, event, 3_600_000 + 7500);
    assert!(replay.hls().contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
    assert!(replay.hls().ends_with("/935016892.m4s\n"), "{}", replay.hls());
    let start = "availabilityStartTime=\"2026-11-21T04:40:28.800Z\"";
    replay.check_mpd(Latency::Low, &[start, "wallClockTime=\"1970-01-01T01:00:00Z\""], &["mediaPresentationDuration"]);
    let over = asked(&output, event, 3_600_000 + 32_640);
    assert!(over.hls().ends_with("/935016906.m4s\n#EXT-X-ENDLIST\n"));
}

#[test]
fn a_window_is_longer_or_shorter_than_that_of_the_stream() {
    let output = stream(4);
    let day = asked(&output, "window=1d", 8448);
    assert!(day.hls().contains("#EXT-X-MEDIA-SEQUENCE:934971894\n") && !day.hls().contains("PLAYLIST-TYPE"));
    assert!(day.llhls(hls::Skip::Segments).contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=44993\n"));
    day.check_mpd(Latency::Normal, &["timeShiftBufferDepth=\"PT24H\"", "startNumber=\"0\""], &["Offset"]);
    let delta = day.hls_with(hls::Skip::Segments);
    assert!(delta.contains("#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=12\n") && delta.contains("#EXT-X-VERSION:9\n"));
    assert!(delta.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=44993\n"), "{delta}");
    let short = asked(&output, "window=6s", 8448).hls();
    assert_eq!(short.matches("#EXTINF").count(), 4);
}

#[test]
fn a_stream_that_stops_ends_the_event() {
    let output = stream(4);
    output.end();
    let event = asked(&output, "from=2026-11-21T03:40:29Z,until=2026-11-21T03:41:00Z", 60_000);
    assert!(event.hls().contains("#EXT-X-PLAYLIST-TYPE:VOD\n"));
    assert!(event.hls().ends_with("/935016893.m4s\n#EXT-X-ENDLIST\n"), "{}", event.hls());
    event.check_mpd(Latency::Normal, &["type=\"static\"", "mediaPresentationDuration=\"PT7.68S\""], &["dynamic"]);
}
