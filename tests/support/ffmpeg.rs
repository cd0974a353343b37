//! Decoding with the ffmpeg of the system.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Output of ffprobe for the streams at a URL.
pub(crate) fn probe(url: &str) -> Vec<Value> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "json", "-show_streams", url])
        .output()
        .expect("ffprobe is installed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "ffprobe {url}: {error}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    answer["streams"].as_array().expect("streams").clone()
}

/// Decodes the video of `file` and calls `look` with the luma of the upper 2/15 of every frame, which contains the
/// strip. Returns its results with the presentation times in ticks of the file.
pub(crate) fn frames<T>(file: &Path, (width, height): (usize, usize), look: impl Fn(&[u8]) -> T) -> Vec<(u64, T)> {
    let (times, top) = (file.with_extension("times"), (height * 2).div_ceil(15).next_multiple_of(2));
    let crop = format!("[0:v]crop=iw:{top}:0:0,extractplanes=y,split[luma][times]");
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-threads", "2", "-copyts", "-i"])
        .arg(file)
        .args(["-filter_complex", &crop])
        .args(["-map", "[times]", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framecrc"])
        .arg(&times)
        .args(["-map", "[luma]", "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut pixels = child.stdout.take().expect("it is piped");
    let mut rows = vec![0; width * top];
    let mut seen = Vec::new();
    while pixels.read_exact(&mut rows).is_ok() {
        seen.push(look(&rows));
    }
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
    let times = std::fs::read_to_string(times).expect("a list of frames");
    let times: Vec<u64> = times
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(',').nth(2).expect("a time").trim().parse().expect("a number"))
        .collect();
    assert_eq!(times.len(), seen.len(), "times and pictures");
    times.into_iter().zip(seen).collect()
}

/// Decodes the audio of `file` to one channel of 16-bit samples.
pub(crate) fn samples(file: &Path) -> Vec<i16> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-copyts", "-i"])
        .arg(file)
        .args(["-map", "0:a", "-af", "pan=mono|c0=c0", "-f", "s16le", "pipe:1"])
        .output()
        .expect("ffmpeg is installed");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}
