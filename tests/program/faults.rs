//! Faults that need a connection: bodies that break off, pause or are slow, and resets, in HTTP/1.1 and HTTP/2.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use hyper::Request;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::LONG;
use crate::support::server::Server;
use crate::support::web::Web;

/// Number of clients that faults hold.
const HELD: usize = 1000;

/// Path of a complete segment, and its bytes.
async fn segment(web: &Web) -> (String, Vec<u8>) {
    web.playable("test").await;
    let path = format!("/live/test/v720/{}", web.playlist("test", "v720").await.last().uri);
    let body = web.get(&path).await.body.to_vec();
    (path, body)
}

/// Sends a request over a connection of its own, and reads until its end: the head, the body, and how the connection ends.
async fn over_http1(server: &Server, path: &str) -> (String, Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(server.address()).await.expect("it accepts");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = Vec::new();
    let end = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("in time").err().map(|error| error.kind());
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |place| place + 4);
    let body = answer.split_off(head);
    (String::from_utf8(answer).expect("text"), body, end)
}

#[tokio::test]
async fn in_http1_the_connection_ends() {
    let server = Server::shared();
    let (path, whole) = segment(&Web::of(&server)).await;
    let (head, body, end) = over_http1(&server, &format!("/with/reset:on=segments{path}")).await;
    assert_eq!((head.as_str(), body.len(), end), ("", 0, Some(ErrorKind::ConnectionReset)));
    for part in ["0", "0.3", "0.999999"] {
        let (head, body, end) = over_http1(&server, &format!("/with/cut={part}:on=segments{path}")).await;
        assert!(head.contains(&format!("content-length: {}\r\n", whole.len())), "{head}");
        assert!(head.contains(&format!("barstone-condition: cut={part}:on=segments\r\n")), "{head}");
        let length = (whole.len() as f64 * part.parse::<f64>().expect("a number")) as usize;
        assert_eq!((body.len(), end), (length, None), "{part}");
        assert_eq!(body, whole[..length]);
    }
}

#[tokio::test]
async fn a_body_pauses_or_is_slow() {
    let server = Server::shared();
    let (path, whole) = segment(&Web::of(&server)).await;
    // One second at this rate.
    let rate = whole.len() * 8;
    for fault in ["hang=1s".to_owned(), format!("rate={rate}"), "delay=1s".to_owned()] {
        let began = Instant::now();
        let (_, body, end) = over_http1(&server, &format!("/with/{fault}:on=segments{path}")).await;
        assert!(began.elapsed() >= Duration::from_secs(1), "{fault} {:?}", began.elapsed());
        assert!(body == whole && end.is_none(), "{fault} {}", body.len());
    }
}

#[tokio::test]
async fn held_clients_leave_live_clients_alone() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).expect("it is set");
    let server = Server::fresh();
    let web = Web::of(&server);
    let (path, whole) = segment(&web).await;
    let mut held = Vec::with_capacity(HELD);
    for fault in ["hang=5m", "rate=1000"].into_iter().cycle().take(HELD) {
        let mut stream = TcpStream::connect(server.address()).await.expect("it accepts");
        let request = format!("GET /with/{fault}:on=segments{path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        held.push(stream);
    }
    for stream in &mut held {
        let mut status = [0; 12];
        timeout(LONG, stream.read_exact(&mut status)).await.expect("in time").expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    for _ in 0..3 {
        let next = web.playlist("test", "v720").await.next();
        let blocking = format!("/live/test/v720/llhls.m3u8?_HLS_msn={next}");
        assert_eq!(timeout(LONG, web.get(&blocking)).await.expect("in time").status, 200);
        assert_eq!(timeout(LONG, web.get(&path)).await.expect("in time").body, whole);
    }
    for stream in &held {
        let mut rest = vec![0; whole.len()];
        let received = stream.try_read(&mut rest).unwrap_or_default();
        assert!(received < whole.len(), "{received} bytes of {}", whole.len());
    }
}

#[tokio::test]
async fn in_http2_the_stream_alone_ends() {
    let server = Server::shared();
    let (path, whole) = segment(&Web::of(&server)).await;
    let stream = TcpStream::connect(server.address()).await.expect("it accepts");
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 24).initial_connection_window_size(1 << 24);
    let (mut send, connection) = builder.handshake::<_, Bytes>(stream).await.expect("it speaks HTTP/2");
    let mut driver = JoinSet::new();
    driver.spawn(async move { drop(connection.await) });
    let mut ask = |fault: &str| {
        let request = Request::get(format!("http://{}/with/{fault}:on=segments{path}", server.address()));
        send.send_request(request.body(()).expect("a request"), true).expect("it is sent").0
    };
    let reset = timeout(LONG, ask("reset")).await.expect("in time").expect_err("there is no answer");
    assert_eq!((reset.is_reset(), reset.reason()), (true, Some(Reason::INTERNAL_ERROR)));
    let answer = timeout(LONG, ask("cut=0.3")).await.expect("in time").expect("an answer");
    assert_eq!(answer.headers()["content-length"], whole.len().to_string());
    let mut body = answer.into_body();
    let mut taken = Vec::new();
    let end = loop {
        match timeout(LONG, body.data()).await.expect("in time").expect("no end without an error") {
            Ok(data) => taken.extend_from_slice(&data),
            Err(error) => break error,
        }
    };
    assert!(end.is_reset(), "{end}");
    assert_eq!(taken, whole[..(whole.len() as f64 * 0.3) as usize]);
    let after = timeout(LONG, ask("cut=1")).await.expect("in time").expect("the connection goes on");
    assert_eq!(after.status(), 200);
}
