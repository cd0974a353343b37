//! `barstone probe` at the end of chains: this server, other people's tools, faults that are put in on purpose, and URLs that
//! lead nowhere.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all, join3};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::files::{self, Files};
use crate::support::server::{Server, run_with};
use crate::support::tls::certify;
use crate::support::web::Web;

mod quality;
mod sound;

/// Exit code, JSON on standard output, and standard error of a probe.
async fn probe(arguments: &[&str]) -> (Option<i32>, Value, String) {
    probe_on(&std::env::var("PATH").expect("a path"), arguments).await
}

/// A probe that finds programs on this path.
async fn probe_on(path: &str, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let arguments: Vec<_> = ["probe", "--json"].iter().chain(arguments).map(|text| (*text).to_owned()).collect();
    let path = path.to_owned();
    let run = move || run_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[("PATH", &path)]);
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(run).await.expect("it does not panic");
    (status.code(), serde_json::from_slice(&stdout).unwrap_or_default(), String::from_utf8_lossy(&stderr).into_owned())
}

/// Figures of a probe that measures and finds nothing wrong.
pub(crate) async fn figures(arguments: &[&str]) -> Value {
    let (code, report, error) = probe(arguments).await;
    assert_eq!((code, &report["error"]), (Some(0), &Value::Null), "{report} {error}");
    report["figures"].clone()
}

/// Checks that nothing was lost or changed, except for what `expected` names by JSON pointers. Stalls are those of the machine.
#[track_caller]
fn check(figures: &Value, expected: &[(&str, Value)]) {
    let zeros = [
        "/frames/dropped",
        "/frames/frozen",
        "/frames/repeated",
        "/frames/out_of_order",
        "/frames/unreadable",
        "/beeps/missing",
        "/beeps/extra",
        "/discontinuities/video",
        "/discontinuities/audio",
    ];
    for pointer in zeros {
        let expected = expected.iter().find(|(name, _)| *name == pointer).map_or(json!(0), |(_, value)| value.clone());
        assert_eq!(figures.pointer(pointer), Some(&expected), "{pointer} of {figures}");
    }
    let freezes = figures["freezes"]["list"].as_array().expect("a list");
    let freezes: Vec<_> = freezes.iter().filter(|freeze| freeze["kind"] != "stall").collect();
    let expected = expected.iter().find(|(name, _)| *name == "/freezes").map_or(json!([]), |(_, value)| value.clone());
    let found: Vec<_> = freezes.iter().map(|freeze| json!([freeze["seconds"], freeze["kind"]])).collect();
    assert_eq!(json!(found), expected, "freezes of {figures}");
}

#[track_caller]
fn check_offset(figures: &Value, expected_ms: f64) {
    let median = figures["av_offset"]["median_ms"].as_f64().expect("an offset");
    assert!((median - expected_ms).abs() <= 5.0, "{median} ms instead of {expected_ms} ms: {figures}");
}

async fn create(web: &Web, name: &str, more: Value) {
    let mut stream = json!({"name": name, "video": [{"id": "v", "width": 320, "height": 180, "bitrate": 400_000}]});
    stream.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let made = web.json(Method::POST, "/api/v1/streams", &stream).await;
    assert_eq!(made.status, 201, "{}", made.text());
    web.playable(name).await;
}

/// A port of UDP that no program uses.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

#[tokio::test]
async fn nothing_is_lost_on_the_way_from_this_server() {
    let server = Server::shared();
    let web = Web::of(&server);
    let [udp, srt] = [format!("udp://127.0.0.1:{}", free_port()), format!("srt://127.0.0.1:{}", free_port())];
    create(&web, "probed", json!({"push": [{"url": udp}, {"url": srt}]})).await;
    let manifests = ["hls.m3u8", "llhls.m3u8", "dash.mpd", "lldash.mpd"];
    let pushed = [udp, format!("{srt}?mode=listener")];
    let urls = manifests.map(|manifest| web.url(&format!("/live/probed/{manifest}"))).into_iter().chain(pushed);
    let probes = urls.map(|url| async move {
        let figures = figures(&[&url, "--duration", "5s"]).await;
        check(&figures, &[]);
        check_offset(&figures, 0.0);
        assert!(figures["live"] == true && latency(&figures) < 30.0, "{figures}");
        let size = &figures["pictures"][0];
        assert_eq!(
            (&size["width"], &size["height"], &figures["source_rate"]),
            (&json!(320), &json!(180), &json!("25"))
        );
    });
    // Sender reports of sound are up to 5 s apart.
    let whep = web.url("/live/probed/whep");
    let whep = async move {
        let figures = figures(&[&whep, "--duration", "10s"]).await;
        check(&figures, &[]);
        check_offset(&figures, 0.0);
    };
    let late = web.url("/with/offset=120ms:track=audio/live/probed/hls.m3u8");
    let late = async move { check_offset(&figures(&[&late, "--duration", "5s"]).await, 120.0) };
    join3(join_all(probes), whep, late).await;
}

#[tokio::test]
async fn faults_of_this_server_are_reported_with_their_size() {
    let server = Server::shared();
    let web = Web::of(&server);
    create(&web, "faulty", json!({})).await;
    let url = |conditions: &str| web.url(&format!("{conditions}/live/faulty/hls.m3u8"));
    let [plain, early, shifted, drifting] =
        ["", "/with/offset=-80ms:track=audio", "/with/shift=1m", "/with/drift=2000:track=audio"].map(url);
    let plain = async move { figures(&[&plain, "--duration", "5s"]).await };
    let early = async move { figures(&[&early, "--duration", "5s"]).await };
    let shifted = async move { figures(&[&shifted, "--duration", "5s"]).await };
    let drifting = async move { figures(&[&drifting, "--duration", "25s"]).await };
    let ((plain, early), (shifted, drifting)) = join(join(plain, early), join(shifted, drifting)).await;
    [&plain, &early, &shifted, &drifting].into_iter().for_each(|figures| check(figures, &[]));
    check_offset(&plain, 0.0);
    check_offset(&early, -80.0);
    check_offset(&shifted, 0.0);
    // The distance from the live edge is a whole number of segments.
    let added = latency(&shifted) - latency(&plain);
    assert!((added - 60.0).abs() < 5.0, "{added} s instead of 60 s");
    let drift = drifting["av_offset"]["drift_ppm"].as_f64().expect("a drift");
    assert!((drift - 2000.0).abs() <= 100.0, "{drift} ppm: {drifting}");
}

/// Median latency in seconds.
fn latency(figures: &Value) -> f64 {
    figures["latency"]["median"].as_f64().expect("it is live")
}

/// Receives datagrams, and sends each to one port immediately and to another after 3 s.
fn relay(socket: UdpSocket, [direct, late]: [u16; 2]) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    let to_late = socket.try_clone().expect("a socket");
    std::thread::spawn(move || {
        for (arrived, datagram) in receiver {
            std::thread::sleep((arrived + ADDED).saturating_duration_since(Instant::now()));
            let _ = to_late.send_to(&datagram, ("127.0.0.1", late));
        }
    });
    std::thread::spawn(move || {
        let mut datagram = [0; 2000];
        while let Ok(length) = socket.recv(&mut datagram) {
            let _ = socket.send_to(&datagram[..length], ("127.0.0.1", direct));
            let _ = sender.send((Instant::now(), datagram[..length].to_vec()));
        }
    });
}

/// Latency that a chain adds.
const ADDED: Duration = Duration::from_secs(3);

#[tokio::test]
async fn added_latency_is_reported_with_its_size() {
    let server = Server::shared();
    let web = Web::of(&server);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let pushed_to = format!("udp://{}", socket.local_addr().expect("an address"));
    let ports = [free_port(), free_port()];
    relay(socket, ports);
    create(&web, "delayed", json!({"push": [{"url": pushed_to}]})).await;
    let probes = ports.map(|port| async move {
        let figures = figures(&[&format!("udp://127.0.0.1:{port}"), "--duration", "5s"]).await;
        check(&figures, &[]);
        latency(&figures)
    });
    let [direct, late] = join_all(probes).await[..] else { panic!("two probes") };
    assert!((late - direct - ADDED.as_secs_f64()).abs() < 1.0, "{direct} s, and {late} s behind 3 s");
}

/// A recording of a new stream under conditions, which choose its interval.
async fn recording(directory: &Path, stream: &str, conditions: &str) -> PathBuf {
    let server = Server::shared();
    let web = Web::of(&server);
    create(&web, stream, json!({})).await;
    // A time relative to now is redirected to one that is not.
    let path = format!("/with/{conditions}/live/{stream}/stream.mp4");
    let redirect = web.get(&path).await;
    let bytes = web.fetch(&web.resolve(&path, redirect.header("location"))).await;
    let file = directory.join("recording.mp4");
    std::fs::write(&file, bytes).expect("there is room");
    file
}

/// Encodes `file` again with these arguments of ffmpeg.
fn encode(file: &Path, name: &str, arguments: &str) -> String {
    let output = file.with_file_name(name);
    let encoded = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(file)
        .args("-c:v libx264 -preset ultrafast -c:a aac".split(' '))
        .args(arguments.split(' '))
        .arg(&output)
        .output()
        .expect("ffmpeg is installed");
    assert!(encoded.status.success(), "{}", String::from_utf8_lossy(&encoded.stderr));
    output.to_str().expect("UTF-8").to_owned()
}

#[tokio::test]
async fn faults_of_a_chain_are_reported_with_their_size_and_nothing_else_is() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = recording(directory.path(), "recorded", "from=-40s,until=-28s").await;
    let plain = figures(&[file.to_str().expect("UTF-8")]).await;
    check(&plain, &[]);
    check_offset(&plain, 0.0);
    assert_eq!((&plain["live"], &plain["latency"]), (&json!(false), &Value::Null));
    let seen = plain["frames"]["seen"].as_u64().expect("a number");
    assert_eq!(seen, (plain["seconds"].as_f64().expect("a number") * 25.0).round() as u64 + 1);

    let small = "-vf fps=30,scale=640:360 -b:v 300k -maxrate 300k -bufsize 600k -ac 1 -ar 44100";
    let converted = figures(&[&encode(&file, "converted.mp4", small)]).await;
    check(&converted, &[]);
    check_offset(&converted, 0.0);
    assert_eq!(converted["shown_rate"], 30.0);
    assert!(converted["bitrate"]["video"].as_u64().expect("a number") < 330_000, "{converted}");

    // The same packaged as HLS and DASH.
    let manifests = ["packaged.m3u8", "packaged.mpd"];
    encode(&file, manifests[0], &format!("{small} -hls_list_size 0"));
    encode(&file, manifests[1], small);
    let base = served(directory.path());
    let probes = manifests.map(|name| format!("{base}/{name}")).map(|url| async move { figures(&[&url]).await });
    // ffmpeg states the delay of its AAC encoder in an edit list, which the DASH player of GStreamer does not apply.
    let offsets = [0.0, 1024.0 / 44.1];
    for (packaged, offset) in join_all(probes).await.iter().zip(offsets) {
        check(packaged, &[]);
        check_offset(packaged, offset);
        let (live, width) = (&packaged["live"], &packaged["pictures"][0]["width"]);
        assert_eq!((live, width, &packaged["shown_rate"]), (&json!(false), &json!(640), &json!(30.0)), "{packaged}");
    }

    // Black bars above and below, a logo over the end of the strip, and every second picture.
    let framed = "-vf scale=640:360,pad=640:480:0:60,drawbox=560:66:60:60:gray:fill,fps=12.5";
    check(&figures(&[&encode(&file, "framed.ts", framed)]).await, &[]);

    let late = figures(&[&encode(&file, "late.mp4", "-af adelay=120|120")]).await;
    check(&late, &[]);
    check_offset(&late, 120.0);

    let dropped = encode(&file, "dropped.mp4", "-vf select=mod(n+25\\,50) -fps_mode vfr");
    let lost = seen / 50 + u64::from(seen % 50 > 25);
    check(&figures(&[&dropped]).await, &[("/frames/dropped", json!(lost))]);

    // The picture of second 4 stands for the two seconds after it.
    let frozen = encode(&file, "frozen.mp4", "-vf select=not(between(n\\,101\\,150)),fps=25");
    let expected = [("/frames/frozen", json!(50)), ("/freezes", json!([[2.0, "repeated"]]))];
    check(&figures(&[&frozen]).await, &expected);

    // Between the beep of a second and that after the next one.
    let start: jiff::Timestamp = plain["pictures"][0]["frame_time"].as_str().expect("a time").parse().expect("a time");
    let from = 4.5 - f64::from(start.subsec_millisecond()) / 1e3;
    let silent = encode(&file, "silent.mp4", &format!("-af volume=0:enable=between(t\\,{from}\\,{})", from + 1.0));
    check(&figures(&[&silent]).await, &[("/beeps/missing", json!(1))]);

    // As a player does that switches to another rendition.
    let parts = [("small.h264", "-an -t 6 -vf scale=320:-2"), ("large.h264", "-an -ss 6 -vf scale=640:-2")];
    let parts = parts.map(|(name, arguments)| std::fs::read(encode(&file, name, arguments)).expect("it is written"));
    let pictures = directory.path().join("both.h264");
    std::fs::write(&pictures, parts.concat()).expect("there is room");
    let switched = directory.path().join("switched.ts");
    let mut muxer = Command::new("ffmpeg");
    muxer.args(["-v", "error", "-nostdin", "-r", "25", "-i"]).arg(&pictures).arg("-i").arg(&file);
    let muxed = muxer.args("-map 0:v -map 1:a -c copy".split(' ')).arg(&switched).status();
    assert!(muxed.expect("ffmpeg is installed").success());
    let switched = figures(&[switched.to_str().expect("UTF-8")]).await;
    check(&switched, &[]);
    check_offset(&switched, 0.0);
    let sizes = switched["pictures"].as_array().expect("a list").iter().map(|picture| picture["width"].clone());
    assert_eq!(sizes.collect::<Vec<_>>(), [json!(320), json!(640)]);

    let swapped = encode(&file, "swapped.mp4", "-vf shuffleframes=0|1|3|2|4|5|6|7");
    let (code, report, error) = probe(&[&swapped, "--max-dropped=0", "--max-latency=1s"]).await;
    assert_eq!(
        (code, &report["failed"]),
        (Some(1), &json!([{"limit": "latency", "found": "not measured"}])),
        "{error}"
    );
    check(&report["figures"], &[("/frames/out_of_order", json!(seen / 8))]);
    let junit = directory.path().join("probe.xml");
    let (code, _, _) = probe(&[&dropped, "--max-dropped=1", "--junit", junit.to_str().expect("UTF-8")]).await;
    let junit = std::fs::read_to_string(junit).expect("it is written");
    assert!(code == Some(1) && junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
}

#[tokio::test]
async fn a_recording_of_gst_launch_has_everything() {
    let directory = TempDir::new().expect("a temporary directory");
    let server = Server::shared();
    let web = Web::of(&server);
    create(&web, "launched", json!({})).await;
    let path = "/with/from=-30s,until=-24s/live/launched/stream.mp4";
    let url = web.url(web.resolve(path, web.get(path).await.header("location")).as_str());
    let file = directory.path().join("recording.mkv");
    let pipeline = format!(
        "souphttpsrc location={url} ! qtdemux name=all all. ! queue ! h264parse ! mux. all. ! queue ! aacparse ! mux. \
         matroskamux name=mux ! filesink location={}",
        file.display()
    );
    let mut command = Command::new("gst-launch-1.0");
    command.arg("-q").args(pipeline.split_whitespace());
    let recorded = tokio::task::spawn_blocking(move || command.output()).await.expect("it does not panic");
    let recorded = recorded.expect("gst-launch-1.0 is installed");
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
    let figures = figures(&[file.to_str().expect("UTF-8")]).await;
    check(&figures, &[]);
    check_offset(&figures, 0.0);
    assert!(figures["frames"]["seen"].as_u64() >= Some(140), "{figures}");
}

/// Time for an error, which docs/probe.md states.
const ERROR_WITHIN: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_url_without_the_signal_is_an_error_that_names_the_cause() {
    let directory = TempDir::new().expect("a temporary directory");
    let other = directory.path().join("other.mp4");
    let source = "-v error -nostdin -f lavfi -i testsrc2=s=160x90:r=25 -t 1 -c:v libx264 -preset ultrafast";
    let made = Command::new("ffmpeg").args(source.split(' ')).arg(&other).output().expect("ffmpeg is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = "<html>This is no video.</html>";
    let page = |path: &str| (path.to_owned(), Some(text.into()));
    let hangs = |path: &str| (path.to_owned(), None);
    let base = files::serve(Files::from([page("/page"), page("/whep"), hangs("/hangs"), hangs("/hangs/whep")]));
    let [cert, key] = certify(directory.path());
    let server = Server::at_with(&directory.path().join("media"), &["--tls-cert", &cert, "--tls-key", &key], &[]);
    let secure = format!("https://{}/live/test/hls.m3u8", server.address());
    let trusted = secure.clone();
    let circle = circle();
    let other = other.to_str().expect("UTF-8").to_owned();
    let nowhere = directory.path().join("nowhere.mp4").to_str().expect("UTF-8").to_owned();
    let silent = format!("udp://127.0.0.1:{}", free_port());
    let cases = [
        (other, "no strip"),
        (silent, "no picture within 20 s"),
        (nowhere, "No such file"),
        (format!("{base}/page"), "cannot be played"),
        (format!("{base}/missing"), "status 404"),
        (format!("{base}/hangs"), "no complete answer within 10 s"),
        (format!("{base}/missing/whep"), "status 404"),
        (format!("{base}/whep"), "it is no WHEP endpoint: status 200"),
        (format!("{base}/hangs/whep"), "no complete answer within 10 s"),
        ("http://127.0.0.1:1/live.m3u8".to_owned(), "cannot connect"),
        (secure, "certificate"),
        (circle, "more than 10 redirects"),
    ];
    let probes = cases.map(|(url, cause)| async move {
        let began = Instant::now();
        let (code, _, error) = probe(&[&url]).await;
        assert!(code == Some(2) && error.contains(cause), "{url}: {code:?} {error}");
        assert!(began.elapsed() <= ERROR_WITHIN, "{url}: after {:?}", began.elapsed());
    });
    let trusted = async move {
        let figures = figures(&[&trusted, "--cacert", &cert, "--duration", "2s"]).await;
        assert_eq!(figures["pictures"][0]["width"], 1280, "{figures}");
    };
    join(join_all(probes), trusted).await;
}

/// Serves the files of a directory. Returns the URL of the root, without a slash at its end.
fn served(directory: &Path) -> String {
    let paths = std::fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path());
    let file = |path: PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        (format!("/{name}"), Some(std::fs::read(&path).expect("a file").into()))
    };
    files::serve(paths.map(file).collect())
}

/// A server that redirects each request to itself.
fn circle() -> String {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(answer));
        }
    });
    url
}
