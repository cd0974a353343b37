//! Pushes by SRT and UDP as the receiver sees them: the same pictures, and every beep with its picture. RTMP over TLS
//! delivers nothing unless the certificate is trusted.

use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::in_sync::Recorded;
use crate::support::server::Server;
use crate::support::tls::certify;
use crate::support::web::Web;
use crate::support::{LONG, until};

const SIZE: (usize, usize) = (640, 360);
/// Seconds that a receiver stores.
const SECONDS: &str = "7";

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

async fn target(web: &Web) -> Value {
    let stream: Value = serde_json::from_str(&web.text("/api/v1/streams/test").await).expect("JSON");
    stream["targets"][0].clone()
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
