//! A server in memory with every fault of the tables. The first segment of a path names the fault.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::memory::{self, Answer, Ask};

/// Number of the newest segment when the server starts.
const FIRST: u64 = 200;
/// Segments of a playlist.
const LISTED: u64 = 5;
/// Parts of a second-long segment.
const PARTS: u64 = 2;

/// Milliseconds after its start in which a server with the fault `stopped` answers nothing.
const STOPPED: std::ops::Range<u64> = 3000..5000;

/// Milliseconds between two bursts of parts.
const BURST: u64 = 2000;

/// Number of the newest whole segment and of its successor's parts, after so many milliseconds.
fn edge(millis: u64) -> (u64, u64) {
    (FIRST + millis / 1000, millis % 1000 * PARTS / 1000)
}

fn media(number: u64, part: Option<u64>) -> Vec<u8> {
    let of = |part: u64| {
        (0..200).map(|index| if index == 0 { 0x47 } else { (number + part + index) as u8 }).collect::<Vec<_>>()
    };
    part.map_or_else(|| (0..PARTS).flat_map(of).collect(), of)
}

fn date(number: u64) -> String {
    format!("{:.3}", jiff::Timestamp::from_millisecond(number as i64 * 1000).expect("valid"))
}

/// A playlist of 1 s segments.
fn playlist(fault: &str, newest: u64) -> String {
    let (first, has_maps, has_ranges) = (newest + 1 - LISTED, fault == "other-map", fault == "no-range");
    let version = if has_maps { 6 } else { 4 };
    let head = format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:1\n");
    let mut text = head + &format!("#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for number in first..=newest {
        if has_maps {
            text += &format!("#EXT-X-MAP:URI=\"{}.mp4\"\n", number % 2);
        }
        let range = if has_ranges { "#EXT-X-BYTERANGE:200@200\n" } else { "" };
        text += &format!("#EXT-X-PROGRAM-DATE-TIME:{}\n#EXTINF:1.0,\n{range}{number}.ts\n", date(number));
    }
    text
}

/// A low-latency playlist of 1 s segments with two parts each.
fn low_latency(fault: &str, (newest, parts): (u64, u64)) -> String {
    let (listed, skip) = if fault == "long" { (130, "") } else { (10, "CAN-SKIP-UNTIL=6.0,") };
    let first = newest + 1 - listed;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,{skip}\
         PART-HOLD-BACK=1.5\n#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for number in first..=newest + 1 {
        let whole = number <= newest;
        if !whole && parts == 0 {
            continue;
        }
        text += &format!("#EXT-X-PROGRAM-DATE-TIME:{}\n", date(number));
        for part in 0..if whole { PARTS } else { parts } {
            if number + 2 > newest || (fault == "old-parts" && number + 6 > newest) {
                text += &format!("#EXT-X-PART:DURATION=0.5,URI=\"{number}.{part}.ts\",INDEPENDENT=YES\n");
            }
        }
        if whole {
            text += &format!("#EXTINF:1.0,\n{number}.ts\n");
        }
    }
    let name = if fault == "wrong-hint" { "other." } else { "" };
    text + &format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{name}{}.{parts}.ts\"\n", newest + 1)
}

/// A delta update of [`low_latency`].
fn shortened(whole: &str, fault: &str) -> String {
    let (head, rest) = whole.split_at(whole.find("#EXT-X-PROGRAM").expect("valid"));
    let marks: Vec<_> = rest.match_indices("#EXT-X-PROGRAM").map(|(place, _)| place).collect();
    let count = if fault == "wrong-delta" { 5 } else { 4 };
    format!("{head}#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n{}", &rest[marks[count]..])
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("valid");
    encoder.finish().expect("valid")
}

/// An MPD of 1 s segments that begin in 1970.
fn mpd(millis: u64, fault: &str) -> String {
    let change = if fault == "unpublished" { millis / 1000 } else { 0 };
    let id = if fault == "renamed" { millis / 1000 } else { 0 };
    let published = date(if ["renamed", "rewritten"].contains(&fault) { FIRST + millis / 1000 } else { FIRST });
    let mut set = r#"segmentAlignment="true" startWithSAP="1"><SegmentTemplate media="$Number$.ts" startNumber="0" duration="1" timescale="1"/>"#.to_owned();
    if fault == "unaligned" {
        set = set.replace(r#"segmentAlignment="true" "#, "") + r#"<Representation id="w" bandwidth="2000"/>"#;
    }
    if fault == "rewritten" {
        // The newest ten segments, and in every second MPD three removed ones, too.
        let (now, more) = (FIRST + millis / 1000, millis / 1000 % 2 * 3);
        let (first, repeats) = (now - 10 - more, 9 + more);
        let timeline =
            format!(r#"<SegmentTimeline><S t="{first}" d="1" r="{repeats}"/></SegmentTimeline></SegmentTemplate>"#);
        set = set
            .replace(r#" duration="1" timescale="1"/>"#, &format!(r#" timescale="1">{timeline}"#))
            .replace("$Number$", "$Time$");
    }
    format!(
        r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z" publishTime="{published}" minimumUpdatePeriod="PT1S" minBufferTime="PT1S" timeShiftBufferDepth="PT10S"><Period id="{id}" start="PT0S"><AdaptationSet id="0" contentType="video" {set}<Representation id="v" bandwidth="{}"/></AdaptationSet></Period><UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="time"/></MPD>"#,
        1000 + change
    )
}

/// The server with all faults: the first segment of the path is the name of one.
pub(crate) fn answer(ask: &Ask) -> Answer {
    let (fault, file) = ask.path.trim_start_matches('/').split_once('/').unwrap_or_default();
    // Parts are listed in bursts.
    let clock = if fault == "late-parts" { ask.millis / BURST * BURST } else { ask.millis };
    let now = edge(clock);
    if fault == "stopped" && STOPPED.contains(&ask.millis) {
        return Answer::again(Duration::from_millis(STOPPED.end - ask.millis));
    }
    if file.ends_with(".m3u8") || file.ends_with(".mpd") {
        return manifest(ask, (fault, file), now);
    }
    if file == "time" {
        return Answer::ok(
            "text/plain",
            jiff::Timestamp::from_millisecond((FIRST * 1000 + ask.millis) as i64 + 1000)
                .expect("valid")
                .to_string()
                .into(),
        );
    }
    let mut numbers =
        file.rsplit('/').next().into_iter().flat_map(|name| name.split('.')).map(|word| word.parse::<u64>().ok());
    let Some(number) = numbers.next().flatten() else { return Answer::status(404) };
    let part = numbers.next().flatten();
    // A part that is hinted comes when it is complete.
    let due = (number.saturating_sub(FIRST) * 1000).saturating_sub(part.map_or(0, |part| 1000 - (part + 1) * 500));
    let mut answer = Answer::ok("video/mp2t", media(number, part)).with("cache-control", "max-age=60");
    if due > ask.millis {
        match part {
            Some(_) if fault == "early-hint" => answer.trickle = Duration::from_millis(due - ask.millis),
            Some(_) => answer.wait = Duration::from_millis(due - ask.millis),
            None if fault == "too-early" => {}
            None => return Answer::status(404),
        }
    }
    match (part, fault) {
        (Some(_), "slow-parts") => answer.trickle = Duration::from_millis(1500),
        (Some(_), "delayed-parts") => answer.wait += Duration::from_millis(1800),
        _ => {}
    }
    let removed = number + LISTED <= now.0;
    match fault {
        "removed" if removed => Answer::status(404),
        "lost" | "gone" if !removed && number % 3 == 0 => Answer::status(404),
        "lost-hint" if part == Some(1) && number >= now.0 => Answer::status(404),
        "other" => Answer { body: media(number + 1, part), ..answer },
        "slow" => Answer { trickle: Duration::from_millis(2000), ..answer },
        "moved" if !file.contains('/') => Answer::status(302).with("location", &format!("new/{file}")),
        "wrong-type" => Answer { headers: Answer::ok("text/plain", Vec::new()).headers, ..answer },
        "cut" if part.is_none() => Answer { cut: true, ..answer },
        "other-parts" if part == Some(1) => Answer { body: vec![0x47; 200], ..answer },
        "no-range" => Answer { range: memory::Range::Ignored, ..answer },
        "wrong-range" => Answer { range: memory::Range::Wrong, ..answer },
        _ => answer,
    }
}

/// What a low-latency playlist answers instead of its text: it refuses, or waits for a part.
fn instead(ask: &Ask, fault: &str, now: (u64, u64)) -> Option<Answer> {
    let (segment, part) = (number(ask, "_HLS_msn"), number(ask, "_HLS_part"));
    let wanted = segment.map(|segment| (segment, part.unwrap_or(PARTS - 1)));
    let far = wanted.is_some_and(|(segment, _)| segment > now.0 + 3);
    if (part.is_some() && segment.is_none() && fault != "part-alone") || (far && fault != "far") {
        return Some(Answer::status(400).with("cache-control", "no-store"));
    }
    if let Some((segment, part)) = wanted.filter(|_| !far) {
        let place = |(segment, part): (u64, u64)| segment * PARTS + part;
        let due = (place((segment, part)) + 1).saturating_sub(FIRST * PARTS + PARTS) * 1000 / PARTS;
        let due = if fault == "late-parts" { due.next_multiple_of(BURST) } else { due };
        let wait = due.saturating_sub(ask.millis);
        if wait > 0 && fault == "impatient" {
            return Some(Answer::status(503).with("cache-control", "no-store"));
        }
        if segment <= now.0 && fault == "old-refused" && segment + 10 < now.0 {
            return Some(Answer::status(400));
        }
        if wait > 0 && fault != "unblocked" {
            return Some(Answer::again(Duration::from_millis(wait)));
        }
    }
    let is_strange = fault == "strict" && ask.query.iter().any(|(key, _)| key == "a");
    is_strange.then(|| Answer::status(400))
}

/// A number in the query of a request.
fn number(ask: &Ask, name: &str) -> Option<u64> {
    ask.query.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok())
}

fn manifest(ask: &Ask, (fault, file): (&str, &str), now: (u64, u64)) -> Answer {
    let is_dash = file.ends_with(".mpd");
    let kind = if is_dash { "application/dash+xml" } else { "application/vnd.apple.mpegurl" };
    let shown = match fault {
        "stale" => (now.0.min(FIRST + 1), 0),
        "rewind" if ask.millis > 4000 => (now.0 - 3, now.1),
        _ => now,
    };
    let text = match file {
        "live.m3u8" if fault == "ahead" => {
            playlist(fault, shown.0).replace("00.000Z", "00.500Z").replace("0.000Z", "0.100Z")
        }
        "live.m3u8" => playlist(fault, shown.0),
        "ll.m3u8" => low_latency(fault, shown),
        _ => mpd(ask.millis, fault),
    };
    let is_blocking = number(ask, "_HLS_msn").is_some() && file == "ll.m3u8";
    let text = if ask.query.iter().any(|(key, _)| key == "_HLS_skip") { shortened(&text, fault) } else { text };
    let max_age = match (fault, is_blocking) {
        ("kept", _) => 60,
        ("uncached", true) => 0,
        (_, true) => 6,
        (_, false) => 1,
    };
    // The same tag at any time, so that no request falls between two versions.
    let tag = if fault == "no-validator" { 0 } else { crc32fast::hash(text.as_bytes()) };
    let mut answer = Answer::ok(kind, gzip(text.as_bytes()))
        .with("content-encoding", "gzip")
        .with("cache-control", &format!("max-age={max_age}"))
        .with("etag", &format!("\"{tag}\""))
        .with("last-modified", &httpdate::fmt_http_date(ask.time));
    if let Some(other) = (file == "ll.m3u8").then(|| instead(ask, fault, now)).flatten() {
        return other;
    }
    match fault {
        "no-head" if ask.method == "HEAD" => Answer::status(405),
        "no-validator" => Answer { conditional: false, ..answer },
        "no-cors" => {
            answer.headers.retain(|(name, _)| !name.starts_with("access"));
            answer
        }
        "busy" if ask.millis > 3000 && ask.millis < 5500 => Answer::status(503),
        "late" if ask.method == "GET" => Answer { wait: Duration::from_millis(3300), ..answer },
        "plain" => {
            answer.headers.retain(|(name, _)| name != "content-encoding" && (!is_dash || name != "etag"));
            Answer { body: text.into(), ..answer }
        }
        "starting" if ask.millis < 1000 => Answer::status(503).with("retry-after", "1"),
        _ => answer,
    }
}
