//! Pushes as the receiver sees them: by SRT and UDP the same pictures, and every beep with its picture; by WHIP pictures and
//! sound. RTMP over TLS delivers nothing unless the certificate is trusted.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::in_sync::Recorded;
use crate::probe::figures;
use crate::support::files::{self, Files};
use crate::support::server::Server;
use crate::support::tls::certify;
use crate::support::web::Web;
use crate::support::{LONG, until};

const SIZE: (usize, usize) = (640, 360);
/// Seconds that a receiver stores.
const SECONDS: &str = "7";
/// The API token of the server that receives.
const TOKEN: &str = "only-for-receivers";

/// A program that receives a push and stores it.
struct Receiver {
    child: Child,
    file: PathBuf,
}

impl Receiver {
    fn listen(url: &str, file: PathBuf) -> Self {
        let child = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y", "-i", url, "-t", SECONDS, "-c", "copy"])
            .args(["-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .expect("ffmpeg is installed");
        Self { child, file }
    }

    /// The stored file, when it is complete.
    async fn received(mut self) -> PathBuf {
        until("enough has come", LONG, async || self.child.try_wait().expect("it is ours")).await;
        self.file.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Fails if the program has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that no program uses.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

/// Checks a file in MPEG-TS.
async fn check(file: PathBuf) {
    Recorded { file, size: SIZE, audio_ticks: 90_000 }.check().await;
}

fn configured(url: &str) -> Server {
    Server::configured(&format!(
        "[[streams]]\nname = 'test'\npush = [{{url = '{url}'}}]\n\
         [[streams.video]]\nwidth = {}\nheight = {}\nbitrate = 800000\n",
        SIZE.0, SIZE.1
    ))
}

async fn targets(web: &Web) -> Value {
    let stream: Value = serde_json::from_str(&web.text("/api/v1/streams/test").await).expect("JSON");
    stream["targets"].clone()
}

async fn target(web: &Web) -> Value {
    targets(web).await[0].clone()
}

/// A server to which clients with [`TOKEN`] publish the stream `guest`.
fn whip_server(listen: &str, directory: &Path) -> Server {
    let config = directory.join("barstone.toml");
    let streams = "[[streams]]\nname = 'guest'\nsource = 'publish'\nvideo = [{width = 320, height = 180}]\n\
                   [[streams]]\nname = 'bars'\nenabled = false\n";
    std::fs::write(&config, streams).expect("the file is written");
    let arguments = ["--config", config.to_str().expect("UTF-8")];
    Server::listening(listen, &directory.join("media"), &arguments, &[("BARSTONE_API_TOKEN", TOKEN)])
}

/// A server that redirects every request to the same path of `address`.
fn redirecting_to(address: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let own = listener.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that leaves gets no answer.
            let _ = redirect(stream, &address);
        }
    });
    own
}

fn redirect(mut stream: TcpStream, address: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{address}{path}\r\ncontent-length: 0\r\n");
    stream.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
    // The rest of the request is read, so that the connection is not reset before the client has the answer.
    stream.shutdown(std::net::Shutdown::Write)?;
    for line in lines {
        line?;
    }
    Ok(())
}

#[tokio::test]
async fn srt_carries_pictures_and_beeps_together_also_after_a_reconnect() {
    let directory = TempDir::new().expect("a temporary directory");
    let port = free_port();
    let listen = |file: &str| {
        let url = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=only-for-receivers");
        Receiver::listen(&url, directory.path().join(file))
    };
    let receiver = listen("first.ts");
    let server = configured(&format!("srt://127.0.0.1:{port}?passphrase=only-for-receivers&latency=200"));
    let web = Web::of(&server);
    check(receiver.received().await).await;
    let failed = until("that it has gone is noticed", LONG, async || {
        let target = target(&web).await;
        target["error"].is_string().then_some(target)
    });
    let failed = failed.await;
    assert!(failed["bytes"].as_u64() > Some(500_000), "{failed}");
    assert_eq!(failed["url"], format!("srt://127.0.0.1:{port}?***"));
    check(listen("second.ts").received().await).await;
    assert!(!server.log().iter().any(|line| line.contains("only-for-receivers")), "{:?}", server.log());
}

#[tokio::test]
async fn udp_carries_pictures_and_beeps_together() {
    let directory = TempDir::new().expect("a temporary directory");
    let port = free_port();
    let receiver = Receiver::listen(&format!("udp://127.0.0.1:{port}"), directory.path().join("all.ts"));
    let server = configured(&format!("udp://127.0.0.1:{port}"));
    let file = receiver.received().await;
    let target = target(&Web::of(&server)).await;
    assert_eq!((&target["phase"], &target["restarts"]), (&"running".into(), &0.into()), "{target}");
    check(file).await;
}

#[tokio::test]
async fn rtmps_needs_a_certificate_that_the_system_trusts() {
    let directory = TempDir::new().expect("a temporary directory");
    let [cert, key] = certify(directory.path());
    let probe = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = probe.local_addr().expect("an address").to_string();
    drop(probe);
    let child = Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", &listen, "-cert", &cert, "-key", &key])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed");
    let _receiver = Receiver { child, file: PathBuf::new() };
    let server = configured(&format!("rtmps://{listen}/live/only-for-receivers"));
    let web = Web::of(&server);
    let failed = until("the certificate is refused", LONG, async || {
        let target = target(&web).await;
        target["error"].as_str().is_some_and(|error| error.contains("TLS certificate")).then_some(target)
    });
    assert_eq!(failed.await["url"], format!("rtmps://{listen}/live/***"));
}

/// Waits until the stream `test` is pushed, and checks what viewers of `guest` see.
async fn check_relayed(web: &Web, address: &str) {
    let running = until("the target accepts frames", LONG, async || {
        let target = target(web).await;
        (target["phase"] == "running").then_some(target)
    });
    assert_eq!(running.await["error"], Value::Null);
    let guest = format!("http://{address}/api/v1/streams/guest");
    until("somebody publishes", LONG, async || {
        let stream: Value = reqwest::get(&guest).await.ok()?.json().await.ok()?;
        (stream["phase"] == "running").then_some(())
    })
    .await;
    let figures = figures(&[&format!("http://{address}/live/guest/whep"), "--duration", "10s"]).await;
    let size = &figures["pictures"][0];
    assert_eq!((size["width"].as_u64(), size["height"].as_u64()), (Some(640), Some(360)), "{figures}");
    assert_eq!(figures["frames"]["unreadable"], 0, "{figures}");
    assert!(figures["beeps"]["heard"].as_u64() > Some(0), "{figures}");
}

#[tokio::test]
async fn whip_carries_pictures_and_sound_also_after_the_receiver_restarts() {
    let directory = TempDir::new().expect("a temporary directory");
    let receiver = whip_server("127.0.0.1:0", directory.path());
    let address = receiver.address().to_owned();
    let redirects = redirecting_to(address.clone());
    let server = configured(&format!("whip://{TOKEN}@{redirects}/live/guest/whip"));
    let web = Web::of(&server);
    check_relayed(&web, &address).await;
    receiver.kill();
    let failed = until("that it has gone is noticed", LONG, async || {
        let target = target(&web).await;
        target["error"].is_string().then_some(target)
    });
    let failed = failed.await;
    assert!(failed["bytes"].as_u64() > Some(500_000), "{failed}");
    assert_eq!(failed["url"], format!("whip://***@{redirects}/live/guest/whip"));
    let receiver = whip_server(&address, directory.path());
    check_relayed(&web, &address).await;
    // The session is ended when the stream stops.
    let stopped = web.request(reqwest::Method::POST, "/api/v1/streams/test/stop").send().await.expect("an answer");
    assert!(stopped.status().is_success(), "{stopped:?}");
    until("nobody publishes", LONG, async || {
        let stream: Value = serde_json::from_str(&Web::of(&receiver).text("/api/v1/streams/guest").await).ok()?;
        (stream["phase"] == "waiting").then_some(())
    })
    .await;
    assert!(!server.log().iter().any(|line| line.contains(TOKEN)), "{:?}", server.log());
}

#[tokio::test]
async fn a_whip_server_that_refuses_is_reported_with_its_status() {
    let directory = TempDir::new().expect("a temporary directory");
    let receiver = whip_server("127.0.0.1:0", directory.path());
    let address = receiver.address();
    let page = files::serve(Files::from([("/whip".to_owned(), Some("<html>".into()))]));
    let page = page.trim_start_matches("http://");
    let cases = [
        (format!("whip://guess@{address}/live/guest/whip"), "the server has answered 401 Unauthorized: "),
        (format!("whip://{TOKEN}@{address}/live/nobody/whip"), "the server has answered 404 Not Found: "),
        (format!("whip://{TOKEN}@{address}/live/bars/whip"), "the server has answered 409 Conflict: "),
        (format!("whip://{page}/missing"), "the server has answered 404 Not Found"),
        (
            format!("whip://{page}/whip"),
            "the server is no WHIP endpoint: it has answered 200 OK with content type none",
        ),
        ("whip://127.0.0.1:1/whip".to_owned(), "cannot connect to the server: Connection refused"),
    ];
    let push: Vec<_> = cases.iter().map(|(url, _)| format!("{{url = '{url}'}}")).collect();
    let server = Server::configured(&format!(
        "[[streams]]\nname = 'test'\npush = [{}]\nvideo = [{{width = 320, height = 180}}]\n",
        push.join(", ")
    ));
    let web = Web::of(&server);
    let failed = until("all have failed", LONG, async || {
        let targets = targets(&web).await;
        let has_failed = |target: &Value| target["error"].is_string();
        targets.as_array().is_some_and(|all| all.iter().all(has_failed)).then_some(targets)
    });
    let failed = failed.await;
    for (place, (url, expected)) in cases.iter().enumerate() {
        let error = failed[place]["error"].as_str().unwrap_or_default();
        assert!(error.contains(expected), "{url}: {error}");
        assert!(
            !error.contains(TOKEN) && !failed[place]["url"].as_str().unwrap_or_default().contains(TOKEN),
            "{failed}"
        );
    }
}
