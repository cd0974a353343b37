//! Likeness to the originals: the figures of `barstone probe --quality` beside those of ffmpeg's filters.

use std::path::Path;
use std::process::Command;

use barstone::base::timeline::UnixTime;
use barstone::definition::spec::{StreamRequest, StreamSpec};
use barstone::media::signal::{Painter, Picture};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{figures, probe};

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
    let mut command = Command::new("ffmpeg");
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
