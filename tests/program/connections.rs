//! HTTP/1.1 and HTTP/2, with and without TLS, and clients that are slow or vanish.

use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::server::{Server, run, run_with};
use crate::support::tls::certify;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};

const IDLERS: usize = 100;

/// Status and HTTP version of an answer; empty without an answer.
fn curl(arguments: &[&str]) -> String {
    let asked = Command::new("curl")
        .args(["--silent", "--output", "/dev/null", "--max-time", "20", "--write-out", "%{http_code} %{http_version}"])
        .args(arguments)
        .output()
        .expect("curl runs");
    if asked.status.success() { String::from_utf8_lossy(&asked.stdout).into_owned() } else { String::new() }
}

#[tokio::test]
async fn one_port_speaks_both_versions_of_http() {
    let server = Server::fresh();
    Web::of(&server).playable("test").await;
    let url = format!("http://{}/live/test/v720/llhls.m3u8", server.address());
    assert_eq!(curl(&["--http1.1", &url]), "200 1.1");
    assert_eq!(curl(&["--http2-prior-knowledge", &url]), "200 2");
    let long = format!("X: {}", "x".repeat(40_000));
    assert_eq!(curl(&["--http1.1", "--header", &long, &url]), "431 1.1");
    let refused = send(Web::of(&server).request(Method::GET, "/livez").header("x", "x".repeat(40_000))).await;
    assert_eq!((refused.status, &refused.json()["code"]), (431, &"head_too_long".into()));
}

/// Lists of IPv4 networks apply to IPv4 clients of an IPv6 socket.
#[tokio::test]
async fn all_addresses_include_ipv6_and_ipv4() {
    let home = TempDir::new().expect("a temporary directory");
    let media = home.path().join("media");
    let server = Server::listening("[::]:0", &media, &["--deny", "127.0.0.1"], &[]);
    let port = server.address().rsplit_once(':').expect("an address and a port").1;
    let [of_ipv4, of_ipv6] = ["127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}"));
    assert_eq!(curl(&[&format!("{of_ipv4}/livez")]), "200 1.1");
    assert_eq!(curl(&[&format!("{of_ipv4}/live/test/hls.m3u8")]), "403 1.1");
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    if has_ipv6 {
        assert_eq!(curl(&["--globoff", &format!("{of_ipv6}/livez")]), "200 1.1");
        let path = format!("{of_ipv6}/live/test/hls.m3u8");
        until(&path, LONG, async || (curl(&["--globoff", &path]) == "200 1.1").then_some(())).await;
    }
    let health = run_with(&["health"], &[("BARSTONE_LISTEN", server.address())]);
    assert_ne!(health.status.code(), Some(2), "{}", String::from_utf8_lossy(&health.stderr));
}

#[tokio::test]
async fn tls_speaks_http_2_and_reloads_certificates() {
    let home = TempDir::new().expect("a temporary directory");
    let [cert, key] = certify(home.path());
    let server = Server::at(&home.path().join("media"), &["--tls-cert", &cert, "--tls-key", &key]);
    let url = format!("https://{}/livez", server.address());
    assert_eq!(curl(&["--cacert", &cert, &url]), "200 2");
    assert_eq!(curl(&["--cacert", &cert, "--http1.1", &url]), "200 1.1");
    assert_eq!(curl(&[&url]), "", "the certificate is nobody's");
    assert_eq!(curl(&[&url.replace("https", "http")]), "", "there is TLS only");
    let health = ["health", "--listen", server.address(), "--tls-cert", &cert, "--tls-key", &key];
    until("it is ready", LONG, async || run(&health).status.success().then_some(())).await;

    // Invalid files change nothing; a new pair is loaded without a restart.
    let old = home.path().join("old.pem");
    std::fs::copy(&cert, &old).expect("it is copied");
    let old = old.to_str().expect("UTF-8");
    std::fs::write(&cert, "rubbish").expect("it is written");
    let reported = async || server.log().iter().any(|line| line.contains("the old ones stay")).then_some(());
    until("it says that they do not work", LONG, reported).await;
    assert_eq!(curl(&["--cacert", old, &url]), "200 2");
    certify(home.path());
    until("the new certificate is in use", LONG, async || (curl(&["--cacert", &cert, &url]) == "200 2").then_some(()))
        .await;
    assert_eq!(curl(&["--cacert", old, &url]), "");
}

#[test]
fn invalid_certificates_are_reported_by_name() {
    let home = TempDir::new().expect("a temporary directory");
    let [cert, key] = certify(home.path());
    let listen = ["serve", "--listen", "127.0.0.1:0", "--media-dir", "none"];
    for (cert, key, words) in [
        (cert.as_str(), None, ["tls_key", "tls_cert"]),
        ("/nowhere/cert.pem", Some(key.as_str()), ["/nowhere/cert.pem", "No such file"]),
        (&key, Some(&key), [&key, "no certificate"]),
        (&cert, Some(&cert), [&cert, ""]),
    ] {
        let mut arguments = listen.to_vec();
        arguments.extend(["--tls-cert", cert]);
        arguments.extend(key.iter().flat_map(|key| ["--tls-key", key]));
        let ended = run(&arguments);
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[tokio::test]
async fn stalled_and_vanished_clients_delay_no_other() {
    let server = Server::fresh();
    let web = Web::of(&server);
    web.playable("test").await;
    let playlist = web.playlist("test", "v720").await;
    let segment = format!("/live/test/v720/{}", playlist.last().uri);
    let growing = segment.replace(&playlist.last().number.to_string(), &(playlist.last().number + 1).to_string());
    let mut idle = Vec::new();
    for number in 0..IDLERS {
        let mut stream = TcpStream::connect(server.address()).await.expect("it accepts");
        let path = if number % 2 == 0 { &segment } else { &growing };
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        stream.write_all(request.repeat(4).as_bytes()).await.expect("it is sent");
        // Some clients read a little and stop, some disconnect.
        match number % 4 {
            0 | 1 => idle.push(stream),
            2 => drop(stream),
            _ => {
                let mut some = [0; 100];
                let _ = stream.read(&mut some).await;
                idle.push(stream);
            }
        }
    }
    let before = web.counter("barstone_chunks_published_total", "test").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let newest = web.playlist("test", "v720").await.last().number;
    assert!(newest > playlist.last().number, "the stream goes on");
    assert!(web.counter("barstone_chunks_published_total", "test").await >= before + 12);
    assert_eq!(web.get(&segment).await.status, 200);
    drop(idle);
    assert_eq!(web.get(&segment).await.status, 200);
}

#[tokio::test]
async fn connections_are_limited() {
    let home = TempDir::new().expect("a temporary directory");
    let server =
        Server::at(&home.path().join("media"), &["--max-connections", "9", "--max-connections-per-address", "4"]);
    let mut inside = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(server.address()).await.expect("it accepts");
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n").await.expect("it is sent");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("it answers");
        assert_eq!(&answer, b"HTTP/1.1 200");
        inside.push(stream);
    }
    let mut refused = TcpStream::connect(server.address()).await.expect("it accepts");
    refused.write_all(b"GET /live/test/hls.m3u8 HTTP/1.1\r\nHost: test\r\n\r\n").await.expect("it is sent");
    let mut answer = String::new();
    refused.read_to_string(&mut answer).await.expect("it is closed");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    for line in ["\r\nretry-after: 1", "\r\nconnection: close", "\r\ncontent-type: application/problem+json"] {
        assert!(head.contains(line), "{answer}");
    }
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{answer}");
    let problem: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&problem["status"], &problem["code"]), (&503.into(), &"too_many_connections".into()));
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains("max_connections_per_address") && detail.contains('4'), "{detail}");
    let web = Web::of(&server);
    until("the refusal is counted", LONG, async || {
        let metrics = web.get("/metrics").await;
        assert_eq!(metrics.header("connection"), "close", "the next request needs a connection of its own");
        metrics.text().contains("barstone_connections_refused_total{reason=\"address\"} 1\n").then_some(())
    })
    .await;
    drop(inside);
    let url = format!("http://{}/time", server.address());
    until("there is room again", LONG, async || (curl(&[&url]) == "200 1.1").then_some(())).await;
    assert_eq!(web.metric("barstone_connections").await, 1, "it asks itself");
}

/// The answer to a request for `path` on a new connection, and how long it took.
async fn ask_once(server: &Server, path: &str) -> (String, Duration) {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(server.address()).await.expect("it accepts");
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    // A connection that is closed with an unread request may be reset.
    let _ = stream.read_to_string(&mut answer).await;
    (answer.split("\r\n").next().unwrap_or_default().to_owned(), begun.elapsed())
}

#[tokio::test]
async fn probes_and_metrics_are_answered_over_the_connection_limit() {
    let home = TempDir::new().expect("a temporary directory");
    let [cert, key] = certify(home.path());
    let limit = ["--max-connections-per-address", "4"];
    let plain = Server::at(&home.path().join("media"), &limit);
    let tls = Server::at(
        &home.path().join("other"),
        &[&limit[..], &["--tls-cert", &cert, "--tls-key", &key, "--max-connections", "4"]].concat(),
    );
    let mut inside = Vec::new();
    for server in [&plain, &tls].repeat(4) {
        inside.push(TcpStream::connect(server.address()).await.expect("it accepts"));
    }
    until("all connections are taken", LONG, async || {
        let (status, _) = ask_once(&plain, "/time").await;
        status.starts_with("HTTP/1.1 503 ").then_some(())
    })
    .await;
    for path in ["/livez", "/startupz", "/metrics"] {
        assert_eq!(ask_once(&plain, path).await.0, "HTTP/1.1 200 OK", "{path}");
        let url = format!("https://{}{path}", tls.address());
        assert_eq!(curl(&["--cacert", &cert, &url]), "200 2", "{path}");
        let url = format!("http://{}{path}", plain.address());
        assert_eq!(curl(&["--http2-prior-knowledge", &url]), "200 2", "{path}");
    }
    let url = format!("https://{}/time", tls.address());
    assert_eq!(curl(&["--cacert", &cert, &url]), "503 2");

    // More silent clients, and clients with endless requests, than the server keeps beyond the limit.
    let mut silent = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(plain.address()).await.expect("it accepts");
        stream.write_all([&b""[..], b"GET /livez HTTP/1.1\r\nX: "][number % 2]).await.expect("it is sent");
        silent.push(stream);
        if number % 20 == 0 {
            let (status, took) = ask_once(&plain, "/livez").await;
            assert!(status == "HTTP/1.1 200 OK" && took < Duration::from_secs(2), "{status:?} after {took:?}");
        }
    }
    drop(inside);
}
