//! The rules of HLS find each single error in a playlist.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{check_finds, check_none};
use barstone::inspect::playlist::Playlist;
use barstone::inspect::reply::Reply;
use barstone::inspect::rules::hls;

const MULTIVARIANT: &str = "#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"tone\",URI=\"a/hls.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=2128000,AVERAGE-BANDWIDTH=2128000,CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000,AUDIO=\"audio\"
v720/hls.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=2000000,CODECS=\"avc1.42c01f\",URI=\"v720/iframes.m3u8\"
";

/// A playlist of eight segments, starting at number `first`.
fn good(first: u64) -> String {
    let head = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n";
    let mut text = format!(
        "{head}#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-MAP:URI=\"r/init.mp4\"\n"
    );
    for number in first..first + 8 {
        let date = jiff::Timestamp::from_millisecond(number as i64 * 1920).expect("a time");
        text += &format!("#EXT-X-PROGRAM-DATE-TIME:{date:.3}\n#EXTINF:1.92,\nr/{number}.m4s\n");
    }
    text
}

#[track_caller]
fn check_text(rule: &str, from: &str, to: &str) {
    let text = good(100);
    assert!(text.contains(from), "{from}");
    check_finds(rule, &hls::check(&text.replacen(from, to, 1)));
}

#[test]
fn a_good_playlist_breaks_no_rule() {
    check_none(&hls::check(&good(100)));
    check_none(&hls::check_reload(&good(100), &good(100)));
    check_none(&hls::check_reload(&good(100), &good(102)));
    check_none(&hls::check_reload(&good(100), &good(120)));
    check_none(&hls::check_reload(&good(100), &(good(101) + "#EXT-X-ENDLIST\n")));
    check_none(&hls::check_renditions(&[good(100), good(101)]));
    check_none(&hls::check_multivariant(MULTIVARIANT));
}

/// The playlist of an event or a VOD.
fn typed(kind: &str) -> String {
    good(100).replace("#EXT-X-TARGETDURATION:2\n", &format!("#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:{kind}\n"))
}

#[test]
fn an_event_grows_and_becomes_a_vod() {
    let vod = typed("VOD") + "#EXT-X-ENDLIST\n";
    check_none(&hls::check(&typed("EVENT")));
    check_none(&hls::check(&vod));
    check_none(&hls::check_reload(&typed("EVENT"), &vod));
    check_finds("H12", &hls::check(&typed("VOD")));
    check_finds("H12", &hls::check(&(typed("EVENT") + "#EXT-X-ENDLIST\n")));
    check_finds("H8", &hls::check(&typed("LIVE")));
    check_finds("H5", &hls::check_reload(&good(100), &typed("EVENT")));
    check_finds(
        "H8",
        &hls::check_reload(
            &typed("EVENT"),
            &good(102).replace("#EXT-X-MEDIA", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MEDIA"),
        ),
    );
}

#[test]
fn a_playlist_with_one_error_breaks_the_rule() {
    check_text("H1", "#EXTM3U", "\u{feff}#EXTM3U");
    check_text("H2", "VERSION:6", "VERSION:3");
    check_text("H2", "VERSION:6", "VERSION:9");
    check_text("H3", "#EXT-X-TARGETDURATION:2\n", "");
    check_text("H3", "#EXT-X-TARGETDURATION:2\n", "#EXT-X-TARGETDURATION:2\n#EXT-X-TARGETDURATION:2\n");
    check_text("H3", "DURATION:2", "DURATION:1");
    check_text("H4", "#EXT-X-MEDIA-SEQUENCE:100\n", "");
    check_text("H7", "DURATION:2", "DURATION:6");
    check_text("H13", "r/102.m4s", "r/102.m4s\n#EXT-X-MAP:URI=\"other.mp4\"");
    check_text("H14", "#EXT-X-MAP:URI=\"r/init.mp4\"\n", "");
    check_text("H15", ".000Z", "Z");
    check_text("H15", ".920Z", ".820Z");
    check_text("H15", ".000Z", ".000");
    check_text("H21", "#EXTINF:1.92,\nr/103", "#EXTINF:2.6,\nr/103");
    check_text("H25", "#EXT-X-DISCONTINUITY-SEQUENCE:0\n", "");
    let undated: String =
        good(100).lines().filter(|line| !line.contains("DATE")).map(|line| format!("{line}\n")).collect();
    check_finds("H25", &hls::check(&undated));
}

#[test]
fn a_reload_with_a_forbidden_change_breaks_the_rule() {
    let finds = |rule, next: &str| check_finds(rule, &hls::check_reload(&good(100), next));
    finds("H3", &good(101).replace("DURATION:2", "DURATION:3"));
    finds("H4", &good(99));
    finds("H4", &good(101).replace("SEQUENCE:101", "SEQUENCE:102"));
    finds("H4", &good(100).replace("SEQUENCE:100", "SEQUENCE:101"));
    finds("H5", &good(100).replace("r/103.m4s", "r/new.m4s"));
    finds("H5", &good(100).replace("#EXTINF:1.92,\nr/103", "#EXTINF:1.9,\nr/103"));
    finds("H5", &good(100).replace("#EXTINF:1.92,\nr/103", "#EXTINF:1.92,\nr/extra.m4s\n#EXTINF:1.92,\nr/103"));
    let broken = good(100).replacen("#EXT-X-PROGRAM", "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM", 1);
    check_finds("H6", &hls::check_reload(&broken, &good(101)));
    check_none(&hls::check_reload(&broken, &good(101).replace("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1")));
    check_finds("H12", &hls::check_reload(&(good(100) + "#EXT-X-ENDLIST\n"), &good(101)));
    assert_eq!(hls::removed(&good(100), &good(102)), ["r/100.m4s", "r/101.m4s"]);
    check_finds("H9", &hls::check_removed("r/100.m4s", 404));
    check_none(&hls::check_removed("r/100.m4s", 200));
}

#[test]
fn renditions_and_variants_that_differ_break_the_rule() {
    for (from, to) in [
        ("DURATION:2", "DURATION:3"),
        ("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1"),
        ("#EXT-X-PROGRAM-DATE-TIME", "#X"),
        (".920Z", ".420Z"),
    ] {
        check_finds("H16", &hls::check_renditions(&[good(100), good(100).replace(from, to)]));
    }
    for (from, to) in [
        ("#EXT-X-INDEPENDENT-SEGMENTS\n", ""),
        (",FRAME-RATE=25.000", ""),
        (",AVERAGE-BANDWIDTH=2128000", ""),
        ("CODECS", "CODEX"),
        (",RESOLUTION=1280x720", ""),
        ("I-FRAME-STREAM-INF", "OTHER"),
        ("#EXT-X-STREAM-INF", "#EXT-X-OTHER"),
    ] {
        assert!(MULTIVARIANT.contains(from));
        check_finds("H24", &hls::check_multivariant(&MULTIVARIANT.replace(from, to)));
    }
}

#[test]
fn durations_and_rates_other_than_declared_break_the_rule() {
    check_none(&hls::check_durations(&good(100), &[1_920_000; 8]));
    check_finds("H21", &hls::check_durations(&good(100), &[1_880_000; 8]));
    check_finds("H23", &hls::check_durations(&good(100).replace("1.92", "2.04"), &[2_040_000; 8]));
    check_none(&hls::check_rates(MULTIVARIANT, 0, &[(510_720, 1_920_000); 3]));
    check_finds("H22", &hls::check_rates(MULTIVARIANT, 0, &[(570_000, 1_920_000); 3]));
    check_finds("H22", &hls::check_rates(MULTIVARIANT, 0, &[(400_000, 1_920_000), (650_000, 1_920_000)]));
}

#[test]
fn late_or_slow_segments_break_the_rule() {
    let mut watch = hls::Watch::default();
    for second in 0..3 {
        check_none(&watch.see(&good(100 + second), Duration::from_secs(2 * second)));
    }
    check_none(&watch.check_pace(Duration::from_secs(6)));
    check_finds("H10", &watch.check_pace(Duration::from_secs(9)));
    check_finds("H4", &watch.see(&good(90), Duration::from_secs(7)));

    let segment = Playlist::parse(&good(100)).segments.remove(0);
    let download = |status, length| hls::Download { status, length };
    check_none(&hls::check_download(&segment, &download(200, "9"), 9));
    for answer in [download(404, "9"), download(200, ""), download(200, "8")] {
        check_finds("H11", &hls::check_download(&segment, &answer, 9));
    }
    check_none(&hls::check_speed(&segment, Duration::from_millis(1900)));
    check_finds("H11", &hls::check_speed(&segment, Duration::from_millis(1950)));
}

#[test]
fn late_answers_do_not_make_segments_late() {
    let second = Duration::from_secs;
    let seen = |last: hls::Span, next: u64| {
        let mut watch = hls::Watch::default();
        check_none(&watch.see(&good(100), second(0)));
        check_none(&watch.see(&good(100), last));
        check_none(&watch.see(&good(101), second(next)));
        watch.check_pace(second(next))
    };
    // The playlist without the next segment was sent by 3 s, although it arrived later.
    check_none(&seen(hls::Span { sent: second(3), received: second(6) }, 6));
    check_finds("H10", &seen(hls::Span { sent: second(5), received: second(5) }, 6));
}

fn reply(changed: (&'static str, &'static str)) -> Reply {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/vnd.apple.mpegurl"),
        ("content-encoding", "gzip"),
        ("date", "Thu, 01 Jan 2026 00:00:06 GMT"),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        changed,
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Reply { status: 200, headers, body: Bytes::from(good(100)) }
}

#[test]
fn wrong_headers_break_the_rule() {
    check_none(&hls::check_headers(&reply(("x", "y"))));
    check_finds("H1", &hls::check_headers(&reply(("content-type", ""))));
    check_finds("H27", &hls::check_headers(&reply(("content-type", "application/x-mpegURL"))));
    check_finds("H20", &hls::check_headers(&reply(("content-encoding", "br"))));
    check_finds("H26", &hls::check_headers(&reply(("last-modified", "Wed, 31 Dec 2025 23:59:00 GMT"))));
    check_finds("H26", &hls::check_headers(&Reply { status: 302, ..reply(("x", "y")) }));
}
