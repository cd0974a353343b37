//! The rules of low-latency HLS find each single error in a playlist, a part or an answer.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::cmaf::{good as file, init};
use super::{check_finds, check_none};
use barstone::inspect::playlist::Playlist;
use barstone::inspect::reply::Reply;
use barstone::inspect::rules::llhls::{self, Asked, Exchange};
use barstone::inspect::rules::{Level, Violation};

/// A playlist of eight segments of two parts, starting at number `first`. It lists parts of the newer segments and
/// `open` parts of the next.
fn good(first: u64, open: u64) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,PART-HOLD-BACK=2.88\n\
         #EXT-X-PART-INF:PART-TARGET=0.96\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n\
         #EXT-X-MAP:URI=\"r/init.mp4\"\n"
    );
    for number in first..=first + 8 {
        let date = jiff::Timestamp::from_millisecond(number as i64 * 1920).expect("a time");
        let parts = match number - first {
            place if place < 5 + open.min(1) => 0,
            8 => open,
            _ => 2,
        };
        if number < first + 8 || open > 0 {
            text += &format!("#EXT-X-PROGRAM-DATE-TIME:{date:.3}\n");
        }
        for part in 0..parts {
            let independent = if part == 0 { ",INDEPENDENT=YES" } else { "" };
            text += &format!("#EXT-X-PART:DURATION=0.96,URI=\"r/{number}.{part}.m4s\"{independent}\n");
        }
        if number < first + 8 {
            text += &format!("#EXTINF:1.92,\nr/{number}.m4s\n");
        }
    }
    let next = first + 8;
    text + &format!(
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"r/{next}.{open}.m4s\"\n\
         #EXT-X-RENDITION-REPORT:URI=\"../a/llhls.m3u8\",LAST-MSN={next},LAST-PART=0\n"
    )
}

fn changed(from: &str, to: &str) -> String {
    let text = good(100, 1);
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn good_playlists_break_no_rule() {
    check_none(&llhls::check(&good(100, 1)));
    check_none(&llhls::check(&good(100, 0)));
    check_none(&llhls::check_reload(&good(100, 0), &good(100, 1)));
    check_none(&llhls::check_reload(&good(100, 1), &good(101, 0)));
    check_none(&llhls::check_report(&good(100, 1), "../a/llhls.m3u8", (108, 0)));
    check_none(&llhls::check_renditions(&[good(100, 1), good(101, 0)], 0));
}

#[test]
fn a_playlist_with_one_error_breaks_the_rule() {
    let dated = |text: &str| text.to_owned() + "#EXT-X-DATERANGE:ID=\"a\"\n";
    for (rule, text) in [
        ("L1", changed("#EXT-X-PART-INF:PART-TARGET=0.96\n", "")),
        ("L2", changed("DURATION=0.96,URI=\"r/106.1", "DURATION=0.97,URI=\"r/106.1")),
        ("L2", changed("DURATION=0.96,URI=\"r/108.0.m4s\",INDEPENDENT=YES", "DURATION=0.5,URI=\"r/108.0.m4s\"")),
        ("L3", changed("CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=11")),
        ("L3", changed(",HOLD-BACK=6", ",HOLD-BACK=5")),
        ("L3", changed("PART-HOLD-BACK=2.88", "PART-HOLD-BACK=2.8")),
        ("L3", changed(",PART-HOLD-BACK=2.88", "")),
        (
            "L5",
            changed(
                "#EXT-X-PART:DURATION=0.96,URI=\"r/106.1",
                "#EXT-X-MAP:URI=\"n\"\n#EXT-X-PART:DURATION=0.96,URI=\"r/106.1",
            ),
        ),
        ("L5", changed("#EXTINF:1.92,\nr/106", "#EXT-X-DISCONTINUITY\n#EXTINF:1.92,\nr/106")),
        ("L5", changed("#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:03:27.360Z\n", "")),
        ("L8", changed("#EXTINF:1.92,\nr/103", "#EXT-X-PART:DURATION=0.96,URI=\"r/103.0.m4s\"\n#EXTINF:1.92,\nr/103")),
        // The part ends 4.8 s before the end of the playlist and begins 6.72 s before it.
        ("L8", changed("#EXTINF:1.92,\nr/105", "#EXT-X-PART:DURATION=0.96,URI=\"r/105.0.m4s\"\n#EXTINF:1.92,\nr/105")),
        ("L16", good(100, 1) + "#EXT-X-ENDLIST\n"),
        ("L16", good(100, 1) + "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"r/108.2.m4s\"\n"),
        ("L16", changed("TYPE=PART,", "TYPE=PART,BYTERANGE-LENGTH=7,")),
        ("L26", good(100, 1).replace("CAN-SKIP-UNTIL=12,", "").replace("#EXTINF:1.92", "#EXTINF:19.2")),
        ("L26", dated(&good(100, 1))),
    ] {
        check_finds(rule, &llhls::check(&text));
    }
    check_none(&llhls::check(&dated(&changed("CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=12,CAN-SKIP-DATERANGES=YES"))));
    // Shorter parts are allowed if they are independent, before a gap, or the last of their segment.
    for (from, to) in [
        ("DURATION=0.96,URI=\"r/106.0", "DURATION=0.5,URI=\"r/106.0"),
        ("DURATION=0.96,URI=\"r/106.1", "DURATION=0.5,URI=\"r/106.1"),
    ] {
        check_none(&llhls::check(&changed(from, to)));
    }
}

#[test]
fn a_reload_with_a_forbidden_change_breaks_the_rule() {
    let next = good(101, 0);
    for (rule, from, to) in [
        ("L1", "PART-TARGET=0.96", "PART-TARGET=0.97"),
        ("L3", "HOLD-BACK=6", "HOLD-BACK=7"),
        ("H5", "DURATION=0.96,URI=\"r/106.1", "DURATION=0.95,URI=\"r/106.1"),
        ("H5", "#EXTINF:1.92,\nr/107", "#EXT-X-PART:DURATION=0.1,URI=\"r/107.2.m4s\"\n#EXTINF:1.92,\nr/107"),
        ("L16", "r/108.1.m4s", "r/108.one.m4s"),
    ] {
        assert!(next.contains(from), "{from}");
        check_finds(rule, &llhls::check_reload(&good(100, 1), &next.replacen(from, to, 1)));
    }
    let vod = good(101, 0)
        .lines()
        .filter(|line| ["CONTROL", "PART", "HINT"].iter().all(|name| !line.contains(name)))
        .collect::<Vec<_>>()
        .join("\n");
    check_finds("L1", &llhls::check_reload(&good(100, 1), &vod));
    check_finds("L3", &llhls::check_reload(&good(100, 1), &vod));
    check_none(&llhls::check_reload(&good(100, 1), &format!("{vod}\n#EXT-X-ENDLIST\n")));
}

#[test]
fn renditions_that_are_not_aligned_break_the_rule() {
    let report = |text: &str, edge| llhls::check_report(text, "../a/llhls.m3u8", edge);
    check_finds("L18", &report(&good(100, 1), (108, 1)));
    check_finds("L18", &report(&changed("../a/llhls", "../b/llhls"), (108, 0)));
    check_none(&report(&changed(",LAST-MSN=108,LAST-PART=0", ""), (108, 0)));
    check_finds("H16", &llhls::check_renditions(&[good(100, 1), changed("HOLD-BACK=6", "HOLD-BACK=7")], 0));
    check_finds("L22", &llhls::check_renditions(&[good(100, 0), good(101, 0)], 0));
    check_none(&llhls::check_renditions(&[good(100, 0), good(101, 0)], 1_000_000));
}

#[test]
fn parts_that_contradict_the_playlist_break_the_rule() {
    let mut part = Playlist::parse(&good(100, 1)).parts.remove(0);
    // Two pictures of 43,200 ticks, the first an IDR picture.
    let media = file(9000, 43_200);
    check_none(&llhls::check_part(&part, &init(true), &media));
    check_none(&llhls::check_parts(&[&part], &[&media, &media], &media.repeat(2)));
    check_finds("L2", &llhls::check_part(&part, &init(true), &file(9000, 43_201)));
    check_finds("L6", &llhls::check_part(&part, &init(true), &media[1..]));
    check_finds("L6", &llhls::check_parts(&[&part], &[&media, &media], &media));
    let mut dependent = media.clone();
    let nal = media.len() - 8;
    dependent[nal] = 0x41;
    check_finds("L4", &llhls::check_part(&part, &init(true), &dependent));
    part.independent = false;
    check_none(&llhls::check_part(&part, &init(true), &dependent));
    check_finds("L4", &llhls::check_part(&part, &init(true), &media));
    check_finds("L22", &llhls::check_parts(&[&part], &[&media], &media));
}

/// The update that skips the first `skipped` segments of `whole`.
fn update(whole: &str, skipped: usize) -> String {
    let first = whole.find("#EXT-X-PROGRAM").expect("a date");
    let (last, uri) = whole.match_indices(".m4s\n").nth(skipped - 1).expect("a segment");
    format!("{}#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n{}", &whole[..first], &whole[last + uri.len()..])
}

#[test]
fn an_update_that_does_not_expand_to_the_playlist_breaks_the_rule() {
    let (previous, whole) = (good(100, 1), good(101, 0));
    // The seventh segment from the end overlaps the boundary of 12 s.
    let right = update(&whole, 1);
    check_none(&llhls::check_update(&right, &previous, &whole));
    for wrong in [
        update(&whole, 2),
        whole.clone(),
        right.replace("SEQUENCE:101", "SEQUENCE:102"),
        right.replace("DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1"),
        right.replace("#EXT-X-SKIP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=0\n#EXT-X-SKIP"),
        right.replace("#EXTINF:1.92,\nr/105", "#EXTINF:1.9,\nr/105"),
        right.replace("#EXT-X-PRELOAD-HINT", "#X"),
    ] {
        check_finds("L15", &llhls::check_update(&wrong, &previous, &whole));
    }
    let over = whole.clone() + "#EXT-X-ENDLIST\n";
    check_none(&llhls::check_update(&over, &previous, &over));
    check_finds("L15", &llhls::check_update(&update(&over, 1), &previous, &over));
    assert_eq!(llhls::reconstruct(&good(50, 0), &right), None);
}

#[test]
fn playlists_that_end_with_other_ranges_of_a_file_do_not_end_alike() {
    let ends_with = |range: &str| format!("#EXTM3U\n#EXT-X-PART:DURATION=1,URI=\"a\",BYTERANGE=\"{range}\"\n");
    assert!(llhls::ends_alike(&ends_with("9@0"), &ends_with("9@0")));
    assert!(!llhls::ends_alike(&ends_with("9@0"), &ends_with("9@9")));
}

#[test]
fn wrong_answers_to_blocking_requests_break_the_rule() {
    let before = good(100, 1);
    let (now, ended) = (good(101, 0), good(100, 1) + "#EXT-X-ENDLIST\n");
    let finds = |rule, wanted: (Option<u64>, Option<u64>), right: (u16, &str, u64), wrong: (u16, &str, u64)| {
        let answer = |before: &str, (status, text, millis): (u16, &str, u64)| {
            let took = Duration::from_millis(millis);
            llhls::check_answer(&Exchange { segment: wanted.0, part: wanted.1, before, status, text, took })
        };
        let before = if right.1 == ended { &ended } else { &before };
        check_none(&answer(before, right));
        check_finds(rule, &answer(before, wrong));
    };
    // The previous playlist ends with part 0 of segment 108. Segments have two parts.
    finds("L9", (Some(108), None), (200, &now, 900), (200, &before, 900));
    finds("L9", (Some(108), Some(1)), (200, &now, 900), (404, "", 5));
    finds("L10", (Some(108), Some(2)), (200, &good(101, 1), 900), (200, &now, 900));
    finds("L11", (None, Some(1)), (400, "", 5), (200, &before, 5));
    finds("L12", (Some(110), None), (400, "", 5), (200, &now, 900));
    finds("L12", (Some(109), Some(2)), (400, "", 5), (400, "", 5000));
    finds("L13", (Some(109), Some(1)), (503, "", 6000), (503, "", 3000));
    finds("L13", (Some(109), Some(1)), (200, &good(102, 0), 5900), (200, &good(102, 0), 9000));
    finds("L14", (Some(107), None), (200, &before, 5), (400, "", 5));
    finds("L14", (Some(3), Some(0)), (200, &before, 5), (200, &before, 3000));
    finds("L14", (Some(107), Some(9)), (200, &now, 5), (200, &good(99, 0), 5));
    finds("L14", (Some(107), Some(0)), (200, &before, 5), (200, &update(&before, 1), 5));
    finds("L14", (Some(999), None), (200, &ended, 5), (200, &before, 5));
    finds("L14", (Some(999), None), (200, &ended, 5), (400, "", 5));
    check_none(&llhls::check_parameters((200, "a"), (200, "a")));
    check_finds("L24", &llhls::check_parameters((200, "a"), (400, "a")));
    check_finds("L24", &llhls::check_parameters((200, "a"), (200, "b")));
    check_none(&llhls::check_parameters((200, "#a"), (200, "#b")));
    // The other rendition got a new part in between.
    let report = |part: u64| format!("a\n#EXT-X-RENDITION-REPORT:URI=\"b\",LAST-MSN=7,LAST-PART={part}\n");
    check_none(&llhls::check_parameters((200, &report(0)), (200, &report(1))));
}

#[test]
fn iframe_playlists_with_parts_or_out_of_date_break_the_rule() {
    let whole: String =
        good(100, 0).lines().filter(|line| !line.contains("PART")).map(|line| format!("{line}\n")).collect();
    check_none(&llhls::check_iframes(&whole, 107));
    check_finds("L15b", &llhls::check_iframes(&whole, 108));
    check_finds("L15b", &llhls::check_iframes(&good(100, 0), 107));
}

#[test]
fn late_parts_break_the_rule() {
    let mut watch = llhls::Watch::default();
    for (at, text) in [(0, good(100, 0)), (900, good(100, 1)), (1900, good(101, 0)), (2800, good(101, 1))] {
        check_none(&watch.see(&text, Duration::from_millis(at)));
    }
    check_none(&watch.check_pace(Duration::from_millis(4700)));
    // One late part is a recommendation, unless it takes three target durations.
    let level = |millis| watch.check_pace(Duration::from_millis(millis)).iter().map(|found| found.level).max();
    assert_eq!((level(4700), level(4800), level(8900)), (None, Some(Level::Recommended), Some(Level::Must)));
    check_finds("L7", &watch.check_pace(Duration::from_millis(4800)));
    check_finds(
        "L1",
        &watch.see(&good(101, 1).replace("PART-TARGET=0.96", "PART-TARGET=0.97"), Duration::from_secs(3)),
    );
    check_none(&llhls::check_removed_part("r/100.0.m4s", 200));
    check_finds("L8", &llhls::check_removed_part("r/100.0.m4s", 404));
    check_none(&llhls::check_protocol("HTTP/2.0", true));
    check_finds("L20", &llhls::check_protocol("HTTP/1.1", true));
    check_finds("L20", &llhls::check_protocol("HTTP/1.1", false));
}

#[test]
fn a_part_that_arrives_slowly_or_late_breaks_the_rule() {
    let ms = Duration::from_millis;
    // The first byte, the time until the last byte, the playlist that lists the part, and the time that the link takes.
    let times = |[first, spread, listed_after, transfer]: [u64; 4]| llhls::Times {
        first: ms(first),
        spread: ms(spread),
        listed_after: ms(listed_after),
        duration: ms(333),
        transfer: ms(transfer),
    };
    let all = |at: [u64; 4]| {
        let checks: [fn(&str, &llhls::Times) -> Vec<Violation>; 3] =
            [llhls::check_hint_pace, llhls::check_part_speed, llhls::check_part_start];
        checks.map(|check| check("u", &times(at))).concat()
    };
    // A part in one piece; a slow link; a part that the server sends a little later than the playlist.
    for prompt in [[300, 0, 300, 0], [300, 1400, 300, 500], [1700, 100, 300, 10]] {
        check_none(&all(prompt));
    }
    for (rule, wrong) in [
        ("L17", [20, 300, 320, 0]),
        ("L17", [300, 500, 300, 0]),
        ("L17", [20, 2300, 320, 0]),
        ("L17", [300, 1600, 300, 500]),
        ("L16", [1900, 0, 300, 0]),
        ("L16", [1600, 0, 0, 0]),
    ] {
        check_finds(rule, &all(wrong));
        assert_eq!(all(wrong).len(), 1, "{wrong:?}");
    }
}

fn reply(status: u16, name: &'static str, value: &'static str) -> Reply {
    let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
    Reply { status, headers, body: Bytes::from_static(b"part") }
}

#[test]
fn wrong_headers_break_the_rule() {
    check_none(&llhls::check_gzip(&reply(200, "content-encoding", "gzip")));
    check_finds("L21", &llhls::check_gzip(&reply(200, "vary", "accept-encoding")));
    check_none(&llhls::check_hinted("u", &reply(200, "content-length", "4")));
    check_finds("L16", &llhls::check_hinted("u", &reply(404, "content-length", "4")));
    check_finds("L17", &llhls::check_hinted("u", &reply(200, "transfer-encoding", "chunked")));
    check_none(&llhls::check_unhinted(404, false));
    check_none(&llhls::check_unhinted(425, true));
    for (status, comes) in [(200, true), (404, true), (425, false)] {
        check_finds("L17", &llhls::check_unhinted(status, comes));
    }
    for (asked, status, right, wrong) in [
        (Asked::Playlist, 200, "public, max-age=1", "public, max-age=2"),
        (Asked::Playlist, 404, "public, max-age=2", "public, max-age=3"),
        (Asked::Blocking, 200, "public, max-age=12", "no-store"),
        (Asked::Blocking, 404, "public, max-age=8", "public, max-age=2"),
        (Asked::Blocking, 400, "no-store", "public, max-age=1"),
        (Asked::Blocking, 503, "no-store", "public, max-age=12"),
        (Asked::Media, 200, "public, max-age=60, immutable", "public, max-age=11"),
        (Asked::Media, 404, "public, max-age=1", ""),
    ] {
        check_none(&llhls::check_caching(asked, 2, &reply(status, "cache-control", right)));
        check_finds("L23", &llhls::check_caching(asked, 2, &reply(status, "cache-control", wrong)));
    }
}
