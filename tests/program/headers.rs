//! The headers of every kind of answer: types, caching, validators, ranges, compression and CORS.

use std::sync::Arc;

use reqwest::Method;

use crate::support::server::Server;
use crate::support::web::{Reply, Web, send};
use crate::support::{LONG, until};

async fn start() -> (Arc<Server>, Web) {
    let server = Server::shared();
    let web = Web::of(&server);
    until("it is ready", LONG, async || (web.get("/readyz").await.status == 200).then_some(())).await;
    (server, web)
}

/// Number of a complete segment, and the path of any number.
async fn numbered(web: &Web) -> (u64, impl Fn(u64) -> String) {
    let playlist = web.playlist("test", "v720").await;
    let (number, uri) = (playlist.last().number, playlist.last().uri.clone());
    (number, move |other| format!("/live/test/v720/{}", uri.replace(&number.to_string(), &other.to_string())))
}

#[tokio::test]
async fn without_the_archive_past_and_future_segments_have_different_statuses() {
    let server = Server::configured("archive_bytes = 0");
    let web = Web::of(&server);
    web.playable("test").await;
    let (number, path) = numbered(&web).await;
    let early = web.get(&path(number + 10)).await;
    assert_eq!((early.status, early.json()["code"].as_str()), (425, Some("too_early")));
    let expired = web.get(&path(number - 200)).await;
    assert_eq!((expired.status, expired.json()["code"].as_str()), (410, Some("expired")));
    assert_eq!(early.header("cache-control"), "public, max-age=1");
    assert!(max_age(&expired) > 1, "it never comes back");
}

#[tokio::test]
async fn segments_under_way_and_of_the_past_have_the_headers_of_media() {
    let (_server, web) = start().await;
    let (number, path) = numbered(&web).await;
    let past = web.get(&path(number - 200)).await;
    assert_eq!((past.status, past.header("cache-control")), (200, "public, max-age=60, immutable"));
    // The segment being made is sent as it is made; a range of it is sent when its bytes are there.
    let now = web.playlist("test", "v720").await.last().number + 1;
    let growing = web.get(&path(now)).await;
    let known = ["content-length", "etag", "accept-ranges"].map(|name| growing.header(name).to_owned());
    assert_eq!((growing.status, known), (200, [const { String::new() }; 3]));
    assert_eq!(
        (growing.header("cache-control"), growing.header("content-type")),
        ("public, max-age=60, immutable", "video/mp4")
    );
    check_open(&growing, "a segment that is being made");
    assert_eq!(growing.header("x-accel-buffering"), "no");
    let part = send(web.request(Method::GET, &path(now + 1)).header("range", "bytes=0-99")).await;
    assert_eq!((part.status, part.body.len()), (206, 100));
    assert_eq!(web.get(&path(now)).await.body, growing.body);
    for path in ["/live/none/hls.m3u8", "/live/test/none/hls.m3u8", "/live/test/v720/00000000/init.mp4", "/live/test/x"]
    {
        let unknown = web.get(path).await;
        assert_eq!((unknown.status, unknown.header("content-type")), (404, "application/problem+json"), "{path}");
        assert!(max_age(&unknown) <= 2, "{path}");
    }
}

fn max_age(reply: &Reply) -> u64 {
    let policy = reply.header("cache-control");
    let age = policy.split(',').find_map(|word| word.trim().strip_prefix("max-age=")?.parse().ok());
    age.unwrap_or_else(|| panic!("max-age in {policy:?}"))
}

#[tokio::test]
async fn every_kind_of_answer_has_the_headers_of_the_matrix() {
    let (_server, web) = start().await;
    let (number, path) = numbered(&web).await;
    let init = path(number).replace(&format!("{number}.m4s"), "init.mp4");
    let (segment, chunk) = (path(number), path(number).replace(".m4s", ".3.m4s"));
    let (year, playlist) = (31_536_000, "application/vnd.apple.mpegurl");
    // Path, media type, minimum and maximum age, and whether it is immutable.
    let matrix = [
        (init.as_str(), "video/mp4", year, year, true),
        (&segment, "video/mp4", 60, 86_400, true),
        (&chunk, "video/mp4", 60, 86_400, true),
        ("/live/test/hls.m3u8", playlist, 1, 2, false),
        ("/hls/test.m3u8", playlist, 1, 2, false),
        ("/live/test/v720/hls.m3u8", playlist, 1, 1, false),
        ("/live/test/v720/iframes.m3u8", playlist, 1, 1, false),
        ("/live/test/a/hls.m3u8", playlist, 1, 1, false),
        ("/live/test/llhls.m3u8", playlist, 1, 2, false),
        ("/live/test/v720/llhls.m3u8", playlist, 1, 1, false),
        ("/live/test/v720/llhls.m3u8?_HLS_msn=1", playlist, 12, 12, false),
        ("/live/test/v720/iframes.m3u8?_HLS_msn=1", playlist, 12, 12, false),
        ("/live/test/dash.mpd", "application/dash+xml", 1, 2, false),
        ("/live/test/lldash.mpd", "application/dash+xml", 1, 2, false),
        ("/dash/test.mpd", "application/dash+xml", 1, 2, false),
    ];
    for (path, kind, least, greatest, immutable) in matrix {
        let reply = web.get(path).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, kind), "{path}");
        assert!((least..=greatest).contains(&max_age(&reply)), "{path}: {}", reply.header("cache-control"));
        assert_eq!(reply.header("cache-control").contains("immutable"), immutable, "{path}");
        assert_eq!(reply.header("content-length"), reply.body.len().to_string(), "{path}");
        assert!(reply.header("etag").starts_with('"'), "{path}: a strong validator");
        assert!(path == init || !reply.header("last-modified").is_empty(), "{path}");
        check_open(&reply, path);
    }
    assert_eq!(web.get(&path(number).replace("v720", "a")).await.header("content-type"), "audio/mp4");
    for path in ["/time", "/api/v1/streams", "/metrics", "/whoami", "/readyz", "/livez"] {
        let reply = web.get(path).await;
        assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{path}");
        check_open(&reply, path);
    }
    let now: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
    let date = httpdate::parse_http_date(web.get("/time").await.header("date")).expect("a Date");
    let date = date.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(date.abs_diff(now.as_second() as u64) <= 2, "Date is right");
}

#[track_caller]
fn check_open(reply: &Reply, path: &str) {
    assert_eq!(reply.header("access-control-allow-origin"), "*", "{path}");
    assert_eq!(reply.header("timing-allow-origin"), "*", "{path}");
    assert!(httpdate::parse_http_date(reply.header("date")).is_ok(), "{path}");
    for name in ["date", "age", "etag", "content-length", "server-timing"] {
        assert!(reply.header("access-control-expose-headers").contains(name), "{path}: {name}");
    }
}

#[tokio::test]
async fn conditional_requests_ranges_and_heads_follow_rfc_9110() {
    let (_server, web) = start().await;
    let (number, path) = numbered(&web).await;
    let segment = path(number);
    let get = |name: &'static str, value: String| send(web.request(Method::GET, &segment).header(name, value));
    let whole = web.get(&segment).await;
    for path in [segment.as_str(), "/live/test/hls.m3u8", "/live/test/dash.mpd"] {
        let full = web.get(path).await;
        let head = send(web.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control", "accept-ranges", "vary"] {
            assert_eq!(head.header(name), full.header(name), "{path}: {name}");
        }
        let etag = full.header("etag");
        let known = send(web.request(Method::GET, path).header("if-none-match", format!("\"x\", {etag}"))).await;
        // The playlist may have changed meanwhile.
        if known.header("etag") == etag {
            assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
            assert!(!known.header("cache-control").is_empty(), "{path}");
        }
        let other = send(web.request(Method::GET, path).header("if-none-match", "\"other\"")).await;
        assert_eq!(other.status, 200, "{path}");
    }
    let unchanged = get("if-modified-since", whole.header("last-modified").to_owned()).await;
    assert_eq!(unchanged.status, 304);

    assert_eq!(whole.header("accept-ranges"), "bytes");
    let len = whole.body.len();
    for (range, from, to) in
        [("bytes=0-99", 0, 100), ("bytes=1000-", 1000, len), ("bytes=-7", len - 7, len), ("bytes=0-9999999", 0, len)]
    {
        let part = get("range", range.into()).await;
        assert_eq!((part.status, &part.body), (206, &whole.body.slice(from..to)), "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{len}", to - 1), "{range}");
    }
    let outside = get("range", "bytes=9999999-".into()).await;
    assert_eq!((outside.status, outside.header("content-range")), (416, format!("bytes */{len}").as_str()));
    assert_eq!(get("range", "lines=1-2".into()).await.status, 200);
    let changed =
        send(web.request(Method::GET, &segment).header("range", "bytes=0-9").header("if-range", "\"old\"")).await;
    assert_eq!((changed.status, changed.body.len()), (200, len));
}

#[tokio::test]
async fn manifests_are_compressed_on_request_and_preflights_answered() {
    let (_server, web) = start().await;
    for path in ["/live/test/hls.m3u8", "/live/test/v720/hls.m3u8", "/live/test/dash.mpd"] {
        let plain = web.get(path).await;
        assert_eq!((plain.header("vary"), plain.header("content-encoding")), ("accept-encoding", ""), "{path}");
        let packed = send(web.request(Method::GET, path).header("accept-encoding", "br, gzip;q=0.5")).await;
        assert_eq!(&packed.body[..2], [0x1f, 0x8b], "{path}");
        assert_eq!((packed.header("vary"), packed.header("content-encoding")), ("accept-encoding", "gzip"), "{path}");
        assert_ne!(plain.header("etag"), packed.header("etag"), "{path}");
        let refused = send(web.request(Method::GET, path).header("accept-encoding", "gzip;q=0, identity")).await;
        assert_eq!(refused.header("content-encoding"), "", "{path}");
    }
    let (number, path) = numbered(&web).await;
    let preflight = web
        .request(Method::OPTIONS, &path(number))
        .header("origin", "http://localhost")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "range,cmcd-request");
    let reply = send(preflight).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, "*"));
    assert!(reply.header("access-control-allow-methods").contains("GET"));
    assert_eq!(reply.header("access-control-allow-headers"), "*");
}
