//! Loudness beside that of ffmpeg's filter `ebur128`, and the drift of sound that chains play too fast or too slowly.

use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::{check, encode, figures, recording};

/// Largest difference of loudness in LU. Both values are rounded to 0.1.
const MOST_LU: f64 = 0.2;
/// Largest difference of a drift in parts of a million.
const MOST_PPM: f64 = 50.0;

/// Integrated loudness of a file in LUFS, as ffmpeg says.
///
/// Where blocks begin decides how many contain a part of a beep, which changes the loudness by 1 LU. GStreamer's AAC decoder `faad`
/// returns nothing for the first frame, so ffmpeg begins with the second.
fn ebur128(file: &str) -> f64 {
    let filters = "atrim=start_sample=1024,ebur128";
    let arguments = ["-nostdin", "-hide_banner", "-i", file, "-vn", "-af", filters, "-f", "null", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().expect("ffmpeg is installed");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = log.rsplit_once("Integrated loudness:").expect("a summary").1;
    let words: Vec<_> = summary.split_whitespace().collect();
    assert_eq!((words[0], words[2]), ("I:", "LUFS"), "{log}");
    words[1].parse().expect("a number")
}

#[tokio::test]
async fn loudness_and_drift_have_their_size() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = recording(directory.path(), "sounding", "from=-60s,until=-30s").await;
    let cases = [
        ("plain.mp4", "-b:a 128k", 0.0),
        ("quiet.mp4", "-af volume=-9dB", 0.0),
        ("resampled.mp4", "-ar 44100", 0.0),
        ("fast.mp4", "-af asetrate=48048,aresample=48000", -1000.0),
        ("slow.mp4", "-af asetrate=47976,aresample=48000", 500.0),
    ];
    let mut loudness = Vec::new();
    for (name, arguments, drift) in cases {
        let changed = encode(&file, name, arguments);
        let figures = figures(&[&changed]).await;
        let found = figures["loudness"].as_f64().expect("a loudness");
        let expected = ebur128(&changed);
        // Where the beeps move against the blocks of the measurement, the gates decide by where the first block begins.
        let is_near = drift != 0.0 || (found - expected).abs() <= MOST_LU;
        assert!(is_near, "{name}: {found} LUFS; ffmpeg says {expected}");
        let ppm = figures["av_offset"]["drift_ppm"].as_f64().expect("a drift");
        assert!((ppm - drift).abs() <= MOST_PPM, "{name}: {ppm} ppm instead of {drift}");
        // Sound that is too fast ends early.
        assert!(drift < 0.0 || figures["beeps"]["missing"] == 0, "{name}: {figures}");
        loudness.push(found);
    }
    assert!((loudness[0] - loudness[1] - 9.0).abs() <= MOST_LU, "{loudness:?}");
}

#[tokio::test]
async fn signals_between_bars_and_under_a_logo_are_read() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = recording(directory.path(), "framed", "from=-40s,until=-34s").await;
    let cases = [
        ("letterbox.ts", "-vf scale=640:360,pad=640:480:0:60 -b:v 300k", (json!(640), json!(480))),
        ("pillarbox.ts", "-vf scale=480:360,pad=640:360:80:0 -b:v 300k", (json!(640), json!(360))),
        ("window.ts", "-vf scale=480:270,pad=640:360:80:45 -b:v 300k", (json!(640), json!(360))),
        ("logo.ts", "-vf scale=640:360,drawbox=540:8:80:60:gray:fill -b:v 300k", (json!(640), json!(360))),
        ("left.ts", "-vf scale=640:360,drawbox=20:8:80:60:white:fill -b:v 300k", (json!(640), json!(360))),
        ("halved.ts", "-vf fps=12.5 -b:v 300k", (json!(320), json!(180))),
        ("faster.ts", "-vf fps=30 -b:v 300k -ac 1 -ar 32000", (json!(320), json!(180))),
    ];
    for (name, arguments, (width, height)) in cases {
        let figures = figures(&[&encode(&file, name, arguments)]).await;
        check(&figures, &[]);
        let size = &figures["pictures"][0];
        assert_eq!((&size["width"], &size["height"]), (&width, &height), "{name}: {figures}");
    }
}
