//! Servers that try to delay the checker or to fill its memory.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use futures_util::future::join_all;
use reqwest::Url;

use crate::findings;

/// Time in which each check ends: the limit of a request, and some more on a loaded machine.
const WITHIN: Duration = Duration::from_secs(40);

/// Sends the start of an answer and then the same piece, forever.
async fn endless(stream: &mut TcpStream, head: &str, piece: &[u8]) -> Option<()> {
    stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes()).await.ok()?;
    loop {
        stream.write_all(piece).await.ok()?;
    }
}

async fn serve(mut stream: TcpStream) -> Option<()> {
    let mut head = vec![0; 4096];
    let length = stream.read(&mut head).await.ok()?;
    let line = String::from_utf8_lossy(&head[..length]).into_owned();
    let path = line.split(' ').nth(1)?;
    let mut whole = async |headers: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(body).await.ok()
    };
    match path {
        "/bomb" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            let zeros = vec![b'#'; 1 << 20];
            for _ in 0..100 {
                encoder.write_all(&zeros).ok()?;
            }
            whole("content-encoding: gzip", &encoder.finish().ok()?).await
        }
        "/entities" => {
            let mut text = "<!DOCTYPE MPD [<!ENTITY a0 \"aaaaaaaaaa\">".to_owned();
            for index in 1..20 {
                text += &format!("<!ENTITY a{index} \"{}\">", format!("&a{};", index - 1).repeat(10));
            }
            whole("content-type: application/dash+xml", (text + "]><MPD>&a19;</MPD>").as_bytes()).await
        }
        "/deep" => whole("content-type: application/dash+xml", "<MPD>".repeat(1_000_000).as_bytes()).await,
        "/short" => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n#EXTM3U\n").await.ok(),
        "/noise" => stream.write_all(&[0; 5000]).await.ok(),
        "/circle" => stream
            .write_all(b"HTTP/1.1 302 x\r\nlocation: /circle\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .await
            .ok(),
        "/nowhere" => stream.write_all(b"HTTP/1.1 302 x\r\nlocation: http://[\r\ncontent-length: 0\r\n\r\n").await.ok(),
        "/endless" => endless(&mut stream, "content-type: audio/mpegurl", &[b'#'; 1 << 16]).await,
        "/playlist" => endless(&mut stream, "content-type: audio/mpegurl", b"#EXTINF:1,\na.ts\n").await,
        "/headers" => endless(&mut stream, "a: b", b"a: b\r\n").await,
        "/error" => stream.write_all(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n").await.ok(),
        "/page" => whole("content-type: text/html", b"<html><body></body></html>").await,
        _ => {
            // The server keeps the connection open and sends nothing.
            tokio::time::sleep(2 * WITHIN).await;
            Some(())
        }
    }
}

async fn refused(path: &str) -> (String, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it works");
    let url = Url::parse(&format!("http://{}{path}", listener.local_addr().expect("it works"))).expect("it works");
    let tasks = TaskTracker::new();
    let of_connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            of_connections.spawn(serve(stream));
        }
    });
    let began = Instant::now();
    let error = findings(&url, None).await.expect_err("there is nothing to check");
    (error.to_string(), began.elapsed())
}

#[tokio::test]
async fn a_hostile_server_is_refused_in_bounded_time_and_memory() {
    let table = [
        ("/bomb", "the decompressed body is longer than 8388608 bytes"),
        ("/entities", "a DTD"),
        ("/deep", "more than 32 levels"),
        ("/short", "broke off"),
        ("/noise", "broke off"),
        ("/circle", "more than 10 redirects"),
        ("/nowhere", "which is not a URL"),
        ("/endless", "longer than 8388608 bytes"),
        ("/playlist", "longer than 8388608 bytes"),
        ("/error", "status 500"),
        ("/page", "the root element is html"),
        ("/hang", "no complete answer within 20 s"),
    ];
    let all = join_all(table.iter().map(|(path, _)| refused(path))).await;
    for ((path, expected), (error, took)) in table.iter().zip(all) {
        assert!(error.contains(expected), "{path}: {error}");
        assert!(took < WITHIN, "{path} took {took:?}");
    }
}
