//! Details of one stream as lines of text.

use std::iter;

use super::answer::{Detail, Stream, Target, Urls, ViewerToken, Viewers, one_line, to_the_second};
use crate::definition::spec::{Access, AudioRequest, Source, StreamRequest, VideoRequest};

/// Key and value. A line without a value is left out.
type Line = (&'static str, Option<String>);

/// Definition, state and tag of a stream, and its URLs on the server at `base`.
pub(super) fn card(detail: &Detail, tag: &str, base: &str) -> String {
    let Detail { stream, definition, changed, declared, urls, targets } = detail;
    let Stream { name, phase, since, revision, error, viewers } = stream;
    let whose = if *declared { ", declared by the server's configuration" } else { "" };
    let state = [
        ("phase", Some(format!("{phase} since {}", to_the_second(since)))),
        ("error", error.clone()),
        ("viewers", viewers.as_ref().map(watched)),
    ];
    let version = [
        ("changed", Some(format!("{}{whose}", to_the_second(changed)))),
        ("revision", Some(revision.clone())),
        ("tag", Some(tag.to_owned())),
    ];
    let targets = targets.iter().map(|target| ("push", Some(pushed(target))));
    let lines = state.into_iter().chain(targets).chain(describe(definition)).chain(version);
    format!("{}\n{}", one_line(name), text(lines.chain(addresses(urls, base))))
}

/// URLs of a private stream for holders of `token`.
pub(super) fn links(token: &ViewerToken, base: &str) -> String {
    let ViewerToken { expires, urls } = token;
    text(iter::once(("expires", Some(to_the_second(expires)))).chain(addresses(urls, base)))
}

fn addresses(urls: &Urls, base: &str) -> [Line; 4] {
    let Urls { hls, llhls, dash, lldash } = urls;
    [("HLS", hls), ("LL-HLS", llhls), ("DASH", dash), ("LL-DASH", lldash)]
        // A server with a `public_url` answers absolute URLs.
        .map(|(kind, url)| (kind, Some(if url.starts_with('/') { format!("{base}{url}") } else { url.clone() })))
}

fn text(lines: impl Iterator<Item = Line>) -> String {
    let line = |(key, value): Line| Some(format!("  {key:8}  {}\n", one_line(&value?)));
    lines.filter_map(line).collect()
}

fn describe(definition: &StreamRequest) -> impl Iterator<Item = Line> {
    let StreamRequest { requires, access, allow, deny, title, pattern, fps, video, audio, .. } = definition;
    let StreamRequest { segment_frames, chunk_frames, window_seconds, source, publish_clock, .. } = definition;
    let lengths =
        format!("segments of {segment_frames} frames, chunks of {chunk_frames}, a window of {window_seconds} s");
    let clock = if *publish_clock { ", with the clock" } else { "" };
    let general = [
        ("runs", Some(runs(definition))),
        ("requires", list(requires, ", ")),
        ("access", Some(access.clone()).filter(|access| access != Access::Public.as_str())),
        ("allow", list(allow, ", ")),
        ("deny", list(deny, ", ")),
        ("limits", limits(definition)),
        ("source", Some(format!("{source}{clock}")).filter(|_| source != Source::Signal.as_str())),
        ("title", Some(title.clone()).filter(|title| !title.is_empty())),
        ("picture", Some(format!("{pattern}, {fps} fps"))),
        ("lengths", Some(lengths)),
    ];
    let video = video.iter().map(|VideoRequest { id, width, height, bitrate, codec, preset }| {
        ("video", Some(format!("{id}: {codec} {preset}, {width}×{height}, {bitrate} bit/s")))
    });
    let audio = audio.iter().map(|AudioRequest { id, codec, bitrate, beep_hz, beep_dbfs }| {
        ("audio", Some(format!("{id}: {codec}, {bitrate} bit/s, {beep_hz} Hz at {beep_dbfs} dBFS")))
    });
    general.into_iter().chain(video).chain(audio)
}

/// `words` with separators; `None` if there are no words.
fn list(words: &[String], separator: &str) -> Option<String> {
    (!words.is_empty()).then(|| words.join(separator))
}

fn watched(viewers: &Viewers) -> String {
    let Viewers { current, peak, peak_at } = viewers;
    match peak_at {
        Some(at) => format!("{current}; at most {peak}, at {}", to_the_second(at)),
        None => current.to_string(),
    }
}

fn pushed(Target { url, phase, error }: &Target) -> String {
    match error {
        Some(error) => format!("{url}: {phase}, {error}"),
        None => format!("{url}: {phase}"),
    }
}

/// Limits on viewers and bandwidth.
fn limits(definition: &StreamRequest) -> Option<String> {
    let StreamRequest { max_viewers, max_bandwidth, overflow_url, .. } = definition;
    let viewers = max_viewers.map(|most| format!("{most} viewers"));
    let bandwidth = max_bandwidth.map(|most| format!("{most} bit/s"));
    let elsewhere = overflow_url.as_ref().map(|url| format!("others to {url}"));
    let words: Vec<_> = [viewers, bandwidth, elsewhere].into_iter().flatten().collect();
    list(&words, "; ")
}

fn runs(definition: &StreamRequest) -> String {
    let StreamRequest { enabled, schedule, on_demand, idle_seconds, .. } = definition;
    let mut words = vec![if *enabled { "enabled".to_owned() } else { "not enabled".to_owned() }];
    if schedule.is_some() {
        words.push("by the calendar".into());
    }
    if *on_demand {
        words.push(format!("on demand, and {idle_seconds} s after"));
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(more: &Value) -> String {
        let mut answer = json!({
            "name": "test", "phase": "running", "since": "2026-11-21T13:55:17.250Z", "error": null, "wanted": true,
            "changed": "2026-11-21T13:00:00.000Z", "declared": false, "revision": "0123abcd", "said_by_newer_servers": 1,
            "urls": {"hls": "/live/test/hls.m3u8", "llhls": "/live/test/llhls.m3u8", "dash": "/live/test/dash.mpd",
                     "lldash": "/live/test/lldash.mpd"},
        });
        for (key, value) in more.as_object().unwrap() {
            answer[key] = value.clone();
        }
        card(&serde_json::from_value(answer).unwrap(), "\"89ab\"", "http://127.0.0.1:8080")
    }

    #[test]
    fn a_stream_of_defaults_is_shown() {
        insta::assert_snapshot!(shown(&json!({})), @r#"
        test
          phase     running since 2026-11-21T13:55:17Z
          runs      enabled
          picture   smpte, 25 fps
          lengths   segments of 48 frames, chunks of 6, a window of 60 s
          video     v720: h264 ultrafast, 1280×720, 2000000 bit/s
          audio     a: aac, 128000 bit/s, 1000 Hz at -18 dBFS
          changed   2026-11-21T13:00:00Z
          revision  0123abcd
          tag       "89ab"
          HLS       http://127.0.0.1:8080/live/test/hls.m3u8
          LL-HLS    http://127.0.0.1:8080/live/test/llhls.m3u8
          DASH      http://127.0.0.1:8080/live/test/dash.mpd
          LL-DASH   http://127.0.0.1:8080/live/test/lldash.mpd
        "#);
    }

    #[test]
    fn every_value_other_than_the_default_is_shown() {
        let windows = json!({"windows": [{"from": "2026-12-24T10:00:00Z", "until": "2026-12-24T12:00:00Z"}]});
        insta::assert_snapshot!(shown(&json!({
            "enabled": false, "schedule": windows, "on_demand": true, "requires": ["one", "two"], "declared": true,
            "access": "private", "allow": ["192.0.2.0/24"], "deny": ["192.0.2.1", "192.0.2.2"],
            "title": "Two\nlines", "max_viewers": 30, "max_bandwidth": 5000000, "overflow_url": "http://a.example",
            "viewers": {"current": 12, "peak": 20, "peak_at": "2026-11-21T13:56:00.500Z", "average": 3.5, "bytes": 7,
                        "by_format": {"hls": 12, "llhls": 0, "dash": 0, "lldash": 0}},
            "targets": [{"url": "udp://a:1", "phase": "stopped", "error": null, "bytes": 7},
                        {"url": "rtmp://a/b/***", "phase": "waiting", "error": "no\nroute"}],
            "video": [], "audio": null, "error": "stalled", "phase": "waiting", "source": "publish", "publish_clock": true,
        })), @r#"
        test
          phase     waiting since 2026-11-21T13:55:17Z
          error     stalled
          viewers   12; at most 20, at 2026-11-21T13:56:00Z
          push      udp://a:1: stopped
          push      rtmp://a/b/***: waiting, no route
          runs      not enabled; by the calendar; on demand, and 30 s after
          requires  one, two
          access    private
          allow     192.0.2.0/24
          deny      192.0.2.1, 192.0.2.2
          limits    30 viewers; 5000000 bit/s; others to http://a.example
          source    publish, with the clock
          title     Two lines
          picture   smpte, 25 fps
          lengths   segments of 48 frames, chunks of 6, a window of 60 s
          changed   2026-11-21T13:00:00Z, declared by the server's configuration
          revision  0123abcd
          tag       "89ab"
          HLS       http://127.0.0.1:8080/live/test/hls.m3u8
          LL-HLS    http://127.0.0.1:8080/live/test/llhls.m3u8
          DASH      http://127.0.0.1:8080/live/test/dash.mpd
          LL-DASH   http://127.0.0.1:8080/live/test/lldash.mpd
        "#);
    }
}
