//! A stream as one file without end: every picture and beep is there, the response ends when the stream stops, and a client
//! that reads too slowly costs nothing.

use std::path::Path;

use reqwest::Method;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::in_sync::{Contents, Recorded};
use crate::support::server::Server;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

const SIZE: (usize, usize) = (320, 180);
const SEGMENT_FRAMES: usize = 48;
/// Bytes of five seconds.
const ENOUGH: usize = 5 * (400_000 + 128_000) / 8;
const SMALL: &str = "[[streams]]\nname = 'test'\n[[streams.video]]\nwidth = 320\nheight = 180\nbitrate = 400000\n";

/// Receives a response without end for five seconds, then stops the stream and receives the rest.
async fn record(web: &Web, path: &str, media_type: &str, file: &Path) {
    let mut response = web.request(Method::GET, path).send().await.expect("it answers");
    assert_eq!(response.status(), 200, "{path}");
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned());
    assert_eq!(header("content-type").as_deref(), Some(media_type));
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(header("content-length"), None);
    let mut bytes = Vec::new();
    while bytes.len() < ENOUGH {
        bytes.extend_from_slice(&response.chunk().await.expect("it goes on").expect("it does not end"));
    }
    let stopped = web.json(Method::POST, "/api/v1/streams/test/stop", &().into()).await;
    assert_eq!(stopped.status, 200, "{}", stopped.text());
    while let Some(piece) = response.chunk().await.expect("it ends cleanly") {
        bytes.extend_from_slice(&piece);
    }
    std::fs::write(file, bytes).expect("there is room");
}

#[tokio::test]
async fn an_mp4_file_has_every_picture_and_beep_and_ends_with_the_stream() {
    let (server, directory) = (Server::configured(SMALL), TempDir::new().expect("a temporary directory"));
    let (web, file) = (Web::of(&server), directory.path().join("stream.mp4"));
    web.playable("test").await;
    let head = send(web.request(Method::HEAD, "/live/test/stream.mp4")).await;
    assert_eq!((head.status, head.header("content-type"), head.body.len()), (200, "video/mp4", 0));
    record(&web, "/live/test/stream.mp4", "video/mp4", &file).await;
    let difference = Recorded { file, size: SIZE, audio_ticks: 48_000 }.check().await.difference;
    assert_eq!(difference, 0, "presentation times are UTC");
    assert_eq!(web.get("/live/test/stream.mp4?video=a").await.status, 404, "there is no such rendition");
}

#[tokio::test]
async fn a_transport_stream_has_every_picture_and_beep_and_ends_with_the_stream() {
    let (server, directory) = (Server::configured(SMALL), TempDir::new().expect("a temporary directory"));
    let (web, file) = (Web::of(&server), directory.path().join("stream.ts"));
    web.playable("test").await;
    record(&web, "/live/test/stream.ts?video=v720", "video/mp2t", &file).await;
    let difference = Recorded { file, size: SIZE, audio_ticks: 90_000 }.check().await.difference;
    assert_eq!(difference % (1 << 33), 0, "presentation times are UTC modulo 2^33");
}

/// Requests a minute of an hour ago, which is redirected to absolute moments. Returns the path of the file.
async fn minute(web: &Web, file: &str) -> String {
    let path = format!("/with/from=-1h,until=-59m/live/test/{file}");
    let redirect = web.get(&path).await;
    assert_eq!(redirect.status, 302, "{}", redirect.text());
    web.resolve(&path, redirect.header("location"))
}

/// Number of pictures of all segments that an interval in a path overlaps.
fn pictures(path: &str) -> usize {
    let moment = |name: &str| -> jiff::Timestamp {
        let (_, rest) = path.split_once(name).expect("a moment");
        rest.split([',', '/']).next().and_then(|text| text.parse().ok()).expect("an absolute one")
    };
    let frames = |name| moment(name).as_second() as usize * 25;
    (frames("until=").div_ceil(SEGMENT_FRAMES) - frames("from=") / SEGMENT_FRAMES) * SEGMENT_FRAMES
}

#[tokio::test]
async fn a_minute_of_the_past_is_a_file_with_a_length_and_ranges() {
    let (server, directory) = (Server::configured(SMALL), TempDir::new().expect("a temporary directory"));
    let web = Web::of(&server);
    web.playable("test").await;
    for (file, audio_ticks, wrap) in [("stream.mp4", 48_000, 0), ("stream.ts", 90_000, 1_i64 << 33)] {
        let path = minute(&web, file).await;
        let head = send(web.request(Method::HEAD, &path)).await;
        let whole = send(web.request(Method::GET, &path).timeout(LONG * 5)).await;
        assert_eq!((head.status, whole.status), (200, 200), "{}", whole.text());
        assert_eq!(whole.header("content-length"), whole.body.len().to_string());
        assert_eq!(whole.header("accept-ranges"), "bytes");
        for name in ["content-length", "content-type", "etag", "last-modified"] {
            assert_eq!(head.header(name), whole.header(name), "{name}");
        }
        let (from, to) = (whole.body.len() / 3, whole.body.len() / 2);
        let part = send(web.request(Method::GET, &path).header("range", format!("bytes={from}-{}", to - 1))).await;
        assert_eq!((part.status, part.0.body), (206, whole.body.slice(from..to)));
        let file = directory.path().join(file);
        std::fs::write(&file, &whole.body).expect("there is room");
        let Contents { difference, pictures } = Recorded { file, size: SIZE, audio_ticks }.check().await;
        assert_eq!(if wrap == 0 { difference } else { difference % wrap }, 0);
        assert_eq!(pictures, self::pictures(&path));
    }
    for (conditions, field) in [("from=-1h", "until"), ("until=-1h,delay=9s", "delay")] {
        let path = format!("/with/{conditions}/live/test/stream.mp4");
        let redirect = web.get(&path).await;
        let refused = web.get(&web.resolve(&path, redirect.header("location"))).await;
        assert_eq!((refused.status, &refused.json()["field"]), (400, &field.into()), "{}", refused.text());
    }
    let coming = web.get("/with/until=2100-01-01T00:00:00Z/live/test/stream.ts").await;
    assert_eq!(coming.status, 425, "{}", coming.text());
}

/// A rendition so large that the buffers of the kernel are full within seconds.
const LARGE: &str = "[[streams]]\nname = 'test'\n[[streams.video]]\nwidth = 320\nheight = 180\nbitrate = 20000000\n";
const STALLED: usize = 40;
/// Chunks of both tracks in 15 s: more than a client may fall behind, and what the buffers hold.
const CHUNKS: u64 = 2 * 15 * 25 / 6;
/// Memory that all stalled clients may take together. 15 s for each would be 1.5 GB.
const MOST_MEMORY: u64 = 64 << 20;

#[tokio::test]
async fn clients_that_stop_reading_cost_nothing_and_skip_media() {
    let server = Server::configured(LARGE);
    let web = Web::of(&server);
    web.playable("test").await;
    let memory = web.metric("process_resident_memory_bytes").await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let mut stream = TcpStream::connect(server.address()).await.expect("it accepts");
        stream.write_all(b"GET /live/test/stream.mp4 HTTP/1.1\r\nHost: test\r\n\r\n").await.expect("it is sent");
        stalled.push(stream);
    }
    let chunks = async || web.counter("barstone_chunks_published_total", "test").await;
    let due = chunks().await + CHUNKS;
    until("the clients are far behind", LONG, async || (chunks().await >= due).then_some(())).await;
    assert!(web.metric("process_resident_memory_bytes").await < memory + MOST_MEMORY);
    let newest = web.playlist("test", "v720").await.last().number;
    let mut bytes = vec![0; 1 << 20];
    until("a client that reads on skips media", LONG, async || {
        stalled[0].read_exact(&mut bytes).await.expect("it goes on");
        (web.counter("barstone_reader_skips_total", "test").await > 0).then_some(())
    })
    .await;
    assert!(web.playlist("test", "v720").await.last().number >= newest, "the stream goes on");
}
