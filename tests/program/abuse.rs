//! Hostile clients: streams continue, other clients are answered, and memory does not grow.

use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::server::Server;
use crate::support::web::Web;
use crate::support::{LONG, until};

/// Tolerated growth of memory while streams run.
const SLACK_KB: u64 = 32 * 1024;
/// A stream that any machine encodes in real time.
const SMALL: &str =
    "[[streams]]\nname = 'test'\nvideo = [{ id = 'v720', width = 320, height = 180, bitrate = 200000 }]\n";

const DRIPS: usize = 200;
const DEAF: usize = 100;
const FLOOD: Duration = Duration::from_secs(10);
const FLOODERS: usize = 4;
/// Requests sent before their answers are read.
const BATCH: usize = 50;

struct Target {
    server: Server,
    web: Web,
    _home: TempDir,
}

impl Target {
    async fn start(arguments: &[&str]) -> Self {
        let home = TempDir::new().expect("a temporary directory");
        let file = home.path().join("barstone.toml");
        std::fs::write(&file, SMALL).expect("it is written");
        let config = ["--config", file.to_str().expect("UTF-8")];
        let server = Server::at(&home.path().join("media"), &[&config[..], arguments].concat());
        let web = Web::of(&server);
        web.playable("test").await;
        // Afterwards the window is full.
        for segment in &web.playlist("test", "v720").await.segments {
            web.media("test", "v720", &segment.uri).await;
        }
        Self { server, web, _home: home }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address()).await.expect("it accepts")
    }

    /// Resident memory in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.pid())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    #[track_caller]
    fn check_memory(&self, before: u64) {
        let now = self.memory();
        assert!(now <= before + SLACK_KB, "{before} kB before, {now} kB now");
    }

    /// Requests what a player requests.
    async fn play(&self) {
        let playlist = self.web.playlist("test", "v720").await;
        assert!(!self.web.media("test", "v720", &playlist.last().uri).await.is_empty());
    }

    /// Checks that the stream continues without a gap.
    async fn check_streams(&self) {
        let newest = self.web.playlist("test", "v720").await.last().number;
        let later = until("the stream goes on", LONG, async || {
            Some(self.web.playlist("test", "v720").await).filter(|playlist| playlist.last().number > newest)
        });
        assert!(later.await.segments.iter().all(|segment| !segment.gap));
        assert_eq!(self.web.counter("barstone_skipped_segments_total", "test").await, 0);
        assert!(!self.web.text("/metrics").await.contains("barstone_restarts_total{"));
    }

    /// Resolves when this connection is the only one.
    async fn alone(&self) {
        let alone = async || (self.web.metric("barstone_connections").await <= 2).then_some(());
        until("the others are gone", LONG, alone).await;
    }
}

#[tokio::test]
async fn endless_request_heads_time_out() {
    let target = Target::start(&["--header-seconds", "1"]).await;
    let before = target.memory();
    let mut drips = JoinSet::new();
    for number in 0..DRIPS {
        let mut stream = target.connect().await;
        let begin = ["GET /livez HTTP/1.1\r\nX: ", "PRI * HT", "", "P"][number % 4];
        drips.spawn(async move {
            let mut byte = [0];
            let mut sent = stream.write_all(begin.as_bytes()).await;
            while sent.is_ok() && timeout(Duration::from_millis(300), stream.read(&mut byte)).await.is_err() {
                // A client that sent nothing stays silent.
                sent = if begin.is_empty() { Ok(()) } else { stream.write_all(b"x").await };
            }
        });
    }
    let all_end = async { while drips.join_next().await.is_some() {} };
    let player = async {
        loop {
            target.play().await;
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        ended = timeout(LONG, all_end) => ended.expect("all are ended"),
        () = player => {}
    }
    target.alone().await;
    target.check_memory(before);
    target.check_streams().await;
}

#[tokio::test]
async fn endless_request_bodies_time_out() {
    let target = Target::start(&["--body-seconds", "1"]).await;
    let before = target.memory();
    let mut drips = JoinSet::new();
    for number in 0..DRIPS {
        let (mut reader, mut writer) = target.connect().await.into_split();
        let length = ["Content-Length: 60000", "Transfer-Encoding: chunked"][number % 2];
        let head = format!(
            "POST /api/v1/streams HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
                Content-Type: application/json\r\n{length}\r\n\r\n",
            target.server.token()
        );
        drips.spawn(async move {
            let drip = async {
                let mut sent = writer.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = writer.write_all([&b" "[..], b"1\r\n \r\n"][number % 2]).await;
                    sleep(Duration::from_millis(300)).await;
                }
            };
            let mut answer = Vec::new();
            let read = async { timeout(LONG, reader.read_to_end(&mut answer)).await.expect("it is closed").is_ok() };
            tokio::join!(drip, read);
            String::from_utf8_lossy(&answer).into_owned()
        });
    }
    let mut refusals = 0;
    while let Some(answer) = drips.join_next().await {
        let answer = answer.expect("it is read");
        // A connection that is closed while the client sends may be reset before the client reads the answer.
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"too_slow\""),
            "{answer}"
        );
        refusals += usize::from(!answer.is_empty());
    }
    assert!(refusals > 0, "no request was refused");
    target.alone().await;
    target.check_memory(before);
    target.check_streams().await;
}

#[tokio::test]
async fn unknown_paths_do_not_use_up_memory() {
    let target = Target::start(&[]).await;
    let mut floods = JoinSet::new();
    for flooder in 0..FLOODERS {
        let stream = target.connect().await;
        floods.spawn(flood(stream, flooder));
    }
    sleep(FLOOD / 2).await;
    let middle = target.memory();
    let mut answered = 0;
    while let Some(count) = floods.join_next().await {
        answered += count.expect("all are answered");
    }
    target.check_memory(middle);
    target.check_streams().await;
    let text = target.web.text("/metrics").await;
    let unknown: Vec<_> = text.lines().filter(|line| line.contains("kind=\"unknown\"")).collect();
    assert_eq!(unknown, [format!("barstone_http_requests_total{{kind=\"unknown\",status=\"404\"}} {answered}")]);
    assert!(!text.contains("nowhere") && answered > 1000, "{answered}");
    println!("{:.0} unknown paths a second", answered as f64 / FLOOD.as_secs_f64());
}

/// Requests what does not exist, and counts the refusals.
async fn flood(mut stream: TcpStream, flooder: usize) -> usize {
    let began = Instant::now();
    let (mut answered, mut buffer) = (0, Vec::new());
    while began.elapsed() < FLOOD {
        let paths = (answered..answered + BATCH).map(|number| format!("/nowhere-{flooder}/{number}"));
        let batch: String = paths.map(|path| format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).collect();
        stream.write_all(batch.as_bytes()).await.expect("it is sent");
        let mut left = BATCH;
        while left > 0 {
            let length = stream.read_buf(&mut buffer).await.expect("it answers");
            assert!(length > 0, "it stays open");
            // Each answer ends with the closing brace of its problem document.
            while let Some(end) = buffer.iter().position(|byte| *byte == b'}') {
                assert!(buffer.starts_with(b"HTTP/1.1 404 "), "{}", String::from_utf8_lossy(&buffer));
                buffer.drain(..=end);
                left -= 1;
            }
        }
        answered += BATCH;
    }
    answered
}

#[tokio::test]
async fn requests_that_are_too_large_are_refused() {
    let target = Target::start(&[]).await;
    let before = target.memory();
    let end = "Host: localhost\r\n\r\n";
    let url = format!("GET /{} HTTP/1.1\r\n{end}", "x".repeat(100_000));
    check_refused(&target, &url, "", &["414", "431"]).await;
    let header = format!("GET / HTTP/1.1\r\nX: {}\r\n{end}", "x".repeat(1 << 20));
    check_refused(&target, &header, "", &["431"]).await;
    let headers: String = (0..10_000).map(|number| format!("X-{number}: x\r\n")).collect();
    check_refused(&target, &format!("GET / HTTP/1.1\r\n{headers}{end}"), "", &["431"]).await;
    let token = target.server.token();
    let post =
        format!("POST /api/v1/streams HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let piece = " ".repeat(0x10000);
    check_refused(&target, &format!("{post}Content-Length: 100000000\r\n{end}"), &piece, &["413"]).await;
    let chunk = format!("10000\r\n{piece}\r\n");
    check_refused(&target, &format!("{post}Transfer-Encoding: chunked\r\n{end}"), &chunk, &["413"]).await;
    check_refused(&target, &format!("GET /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{end}"), &chunk, &["200"])
        .await;
    target.alone().await;
    target.check_memory(before);
    target.check_streams().await;
}

/// Sends `head` and then `body` repeatedly until the server closes the connection, possibly before its answer is read.
#[track_caller]
fn check_refused(target: &Target, head: &str, body: &str, allowed: &[&str]) -> impl Future<Output = ()> {
    let head = head.to_owned();
    async move {
        let (mut reader, mut writer) = target.connect().await.into_split();
        let send = async {
            let mut sent = writer.write_all(head.as_bytes()).await;
            while sent.is_ok() && !body.is_empty() {
                sent = writer.write_all(body.as_bytes()).await;
            }
        };
        let mut answer = Vec::new();
        let ended = async { tokio::join!(send, reader.read_to_end(&mut answer)).1.is_ok() };
        timeout(LONG, ended).await.expect("it is closed");
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(answer.is_empty() || allowed.contains(&status), "{answer}");
    }
}

#[tokio::test]
async fn clients_that_never_read_are_disconnected() {
    let target = Target::start(&["--send-seconds", "2"]).await;
    let playlist = target.web.playlist("test", "v720").await;
    let (last, uri) = (playlist.last().number, &playlist.last().uri);
    let next = uri.replace(&last.to_string(), &(last + 1).to_string());
    let before = target.memory();
    let mut deaf = Vec::new();
    for number in 0..DEAF {
        let path = [uri.as_str(), &next, "llhls.m3u8", "hls.m3u8"][number % 4];
        let request = format!("GET /live/test/v720/{path} HTTP/1.1\r\nHost: test\r\n\r\n");
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("it is small");
        let address = target.server.address().parse().expect("an address");
        let mut stream = socket.connect(address).await.expect("it accepts");
        // The server stops reading requests when nobody reads its answers.
        let _ = timeout(Duration::from_millis(10), stream.write_all(request.repeat(1000).as_bytes())).await;
        deaf.push(stream);
    }
    target.check_streams().await;
    target.alone().await;
    target.check_memory(before);
    target.check_streams().await;
    drop(deaf);
}
