//! Likeness to the originals: the figures of `barstone probe --quality` beside those of ffmpeg's filters.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use barstone::base::timeline::UnixTime;
use barstone::definition::spec::{StreamRequest, StreamSpec};
use barstone::media::signal::{Painter, Picture};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{figures, probe, probe_on};

const FRAMES: u64 = 50;
const SIZE: &str = "640x360";
/// Start of the first frame.
const START: UnixTime = UnixTime::from_millis(1_796_013_227_520);

/// Paints the pictures of a stream, and returns the path of its definition.
fn paint(file: &Path) -> String {
    let definition = json!({"name": "test", "video": [{"id": "v", "width": 640, "height": 360, "bitrate": 900_000}]});
    let request: StreamRequest = serde_json::from_value(definition.clone()).expect("a request");
    let spec = StreamSpec::try_from(request).expect("it is valid");
    let painter = Painter::new(&Picture::of(&spec, &spec.video[0]));
    let first = spec.timeline.rate().frame_at(START);
    let mut frame = painter.blank();
    let frames = (first..first + FRAMES).flat_map(|index| {
        painter.paint(&mut frame, index);
        frame.clone()
    });
    std::fs::write(file, frames.collect::<Vec<_>>()).expect("there is room");
    let path = file.with_extension("json");
    std::fs::write(&path, definition.to_string()).expect("there is room");
    path.to_str().expect("UTF-8").to_owned()
}

/// Runs ffmpeg with the painted pictures after the other inputs.
fn ffmpeg(inputs: &str, original: &Path, output: &str) {
    run("ffmpeg", inputs, original, output);
}

fn run(program: &str, inputs: &str, original: &Path, output: &str) {
    let mut command = Command::new(program);
    command.args(["-v", "error", "-nostdin", "-y"]).args(inputs.split_whitespace());
    command.args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", SIZE, "-r", "25", "-i"]).arg(original);
    let ended = command.args(output.split_whitespace()).output().expect("ffmpeg is installed");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Values of all pictures in a log of a filter of ffmpeg, the least first.
fn logged(log: &str, name: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(log).expect("a log");
    let values = text.split_whitespace().filter_map(|field| field.strip_prefix(name)?.parse().ok());
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values.len() as u64, FRAMES, "{text}");
    values
}

#[track_caller]
fn check(spread: &Value, expected: &[f64], tolerance: f64) {
    let mean = expected.iter().sum::<f64>() / expected.len() as f64;
    for (name, expected) in [("min", expected[0]), ("p5", expected[expected.len().div_ceil(20) - 1]), ("mean", mean)] {
        let found = spread[name].as_f64().expect("a number");
        assert!((found - expected).abs() <= tolerance, "{name} is {found}; ffmpeg says {expected}: {spread}");
    }
}

#[tokio::test]
async fn likeness_to_the_originals_is_what_ffmpeg_says() {
    let directory = TempDir::new().expect("a temporary directory");
    let in_directory = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let original = directory.path().join("original.yuv");
    let definition = paint(&original);
    let x264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    for (name, size, rate) in [("same", SIZE, "200k"), ("smaller", "320x180", "150k")] {
        let file = in_directory(&format!("{name}.mp4"));
        ffmpeg("", &original, &format!("-vf scale={size} {x264} -b:v {rate} {file}"));
        let [ssim, psnr] = [in_directory("ssim.log"), in_directory("psnr.log")];
        let scaled = format!("[1:v]scale={size}:flags=bicubic,split[a][b];[0:v]split[c][d]");
        let filters = format!("{scaled};[c][a]ssim={ssim};[d][b]psnr={psnr}");
        ffmpeg(&format!("-i {file}"), &original, &format!("-lavfi {filters} -f null -"));
        let figures = figures(&[&file, "--quality", "--definition", &definition]).await;
        let quality = &figures["quality"];
        let rendition = &quality["renditions"][0];
        let seen = (&quality["skipped"], &rendition["rendition"], &rendition["pictures"]);
        assert_eq!(seen, (&json!(0), &json!("v"), &json!(FRAMES)), "{figures}");
        assert_eq!(format!("{}x{}", rendition["width"], rendition["height"]), size);
        check(&rendition["ssim"], &logged(&ssim, "Y:"), 0.01);
        check(&rendition["psnr"], &logged(&psnr, "psnr_y:"), 0.3);
    }

    // Black bars belong to the chain, and are not compared.
    let [smaller, framed] = [in_directory("smaller.mp4"), in_directory("framed.mp4")];
    let small = figures(&[&smaller, "--quality", "--definition", &definition]).await;
    ffmpeg("", &original, &format!("-vf scale=320x180,pad=320:240:0:30 {x264} -b:v 150k {framed}"));
    let arguments = [&*framed, "--quality", "--definition", &definition, "--min-psnr=10", "--min-ssim=0.9999"];
    let (code, report, error) = probe(&arguments).await;
    assert_eq!(
        (code, &report["failed"][0]["limit"], &report["failed"][1]),
        (Some(1), &json!("ssim"), &Value::Null),
        "{error}"
    );
    let mean = |figures: &Value| figures["quality"]["renditions"][0]["ssim"]["mean"].as_f64().expect("a number");
    assert_eq!(report["figures"]["quality"]["renditions"][0]["height"], 180, "{report}");
    assert!((mean(&report["figures"]) - mean(&small)).abs() < 0.03, "{report} and {small}");
}

/// Directory of an ffmpeg with the filter libvmaf, which `make vmaf` installs.
const VMAF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vmaf/venv/bin");

/// The path with `directory` before all others.
fn path(directory: &str) -> String {
    format!("{directory}:{}", std::env::var("PATH").expect("a path"))
}

/// VMAF of all pictures in a log of ffmpeg, the least first.
fn logged_vmaf(log: &str) -> Vec<f64> {
    let log: Value = serde_json::from_str(&std::fs::read_to_string(log).expect("a log")).expect("JSON");
    let frames = log["frames"].as_array().expect("a list");
    let mut values: Vec<_> = frames.iter().map(|frame| frame["metrics"]["vmaf"].as_f64().expect("a number")).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values.len() as u64, FRAMES);
    values
}

#[tokio::test]
async fn vmaf_is_what_ffmpeg_says() {
    let directory = TempDir::new().expect("a temporary directory");
    let in_directory = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let original = directory.path().join("original.yuv");
    let definition = paint(&original);
    let mut means = Vec::new();
    for (name, settings) in [("same", "-qp 1"), ("transcoded", "-b:v 300k"), ("coarse", "-b:v 60k")] {
        let [file, log] = [in_directory(&format!("{name}.mp4")), in_directory(&format!("{name}.json"))];
        ffmpeg("", &original, &format!("-c:v libx264 -preset ultrafast -pix_fmt yuv420p {settings} {file}"));
        let filter = format!("-lavfi [0:v][1:v]libvmaf=log_fmt=json:log_path={log} -f null -");
        run(&format!("{VMAF}/ffmpeg"), &format!("-i {file}"), &original, &filter);
        let arguments = [&*file, "--quality", "--definition", &definition, "--min-vmaf=99.99"];
        let (_, report, error) = probe_on(&path(VMAF), &arguments).await;
        let quality = &report["figures"]["quality"];
        assert_eq!((&quality["vmaf_error"], &quality["skipped"]), (&Value::Null, &json!(0)), "{report} {error}");
        let rendition = &quality["renditions"][0];
        assert_eq!(rendition["vmaf_pictures"], FRAMES, "{report}");
        let expected = logged_vmaf(&log);
        check(&rendition["vmaf"], &expected, 0.05);
        let is_failed = report["failed"][0]["limit"] == "vmaf";
        assert_eq!(is_failed, expected[expected.len().div_ceil(20) - 1] < 99.99, "{report}");
        means.push(rendition["vmaf"]["mean"].as_f64().expect("a number"));
    }
    assert!(means[0] > 95.0 && means[0] > means[1] + 1.0 && means[1] > means[2], "{means:?}");
}

#[tokio::test]
async fn without_vmaf_everything_else_is_measured() {
    let directory = TempDir::new().expect("a temporary directory");
    let original = directory.path().join("original.yuv");
    let definition = paint(&original);
    let file = directory.path().join("same.mp4").to_str().expect("UTF-8").to_owned();
    ffmpeg("", &original, &format!("-c:v libx264 -preset ultrafast -pix_fmt yuv420p {file}"));
    let filters = "case $* in *-filters*) echo '.. libvmaf VV->V'; exit;; esac";
    let cases = [
        (None, "there is no ffmpeg on the PATH"),
        (Some("echo '.. ssim VV->V'".to_owned()), "the ffmpeg on the PATH has no filter libvmaf"),
        (Some(format!("{filters}; echo Broken >&2; exit 1")), "ffmpeg: Broken"),
        (Some(format!("{filters}; cat >/dev/null; echo {{}}")), "the log of libvmaf"),
        (Some(format!("{filters}; sleep 60")), "ffmpeg accepts no picture for 15 s"),
    ];
    let probes = cases.into_iter().enumerate().map(|(number, (script, cause))| {
        let programs = directory.path().join(number.to_string());
        std::fs::create_dir(&programs).expect("there is room");
        let programs = programs.to_str().expect("UTF-8").to_owned();
        let path = match script {
            None => programs,
            Some(script) => {
                let program = format!("{programs}/ffmpeg");
                std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("there is room");
                std::fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it exists");
                path(&programs)
            }
        };
        let arguments = [file.clone(), "--quality".to_owned(), "--definition".to_owned(), definition.clone()];
        async move {
            let arguments = arguments.each_ref().map(String::as_str);
            let (code, report, error) = probe_on(&path, &[&arguments[..], &["--min-vmaf=1"]].concat()).await;
            let quality = &report["figures"]["quality"];
            let found = quality["vmaf_error"].as_str().expect("a cause");
            assert!(found.starts_with(cause), "{found} instead of {cause}: {error}");
            let rendition = &quality["renditions"][0];
            let seen = (code, &report["failed"][0]["found"], &rendition["vmaf"], &rendition["pictures"]);
            assert_eq!(seen, (Some(1), &json!("not measured"), &Value::Null, &json!(FRAMES)), "{report}");
            assert!(rendition["ssim"]["mean"].as_f64() > Some(0.9), "{report}");
        }
    });
    join_all(probes).await;
}
