//! Checks a file with video of 25 frames a second and audio: every picture, and every beep with its picture.

use std::path::{Path, PathBuf};

use barstone::media::signal::timecode;

use crate::support::ffmpeg;

/// Timescale of the video.
const TICKS: i64 = 90_000;
const TICKS_PER_FRAME: i64 = TICKS / 25;
const SAMPLE_RATE: i64 = 48_000;

/// A file to check.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) file: PathBuf,
    pub(crate) size: (usize, usize),
    /// Timescale of the audio.
    pub(crate) audio_ticks: i64,
}

/// What a checked file contains.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contents {
    /// Difference between the presentation times of the video and UTC, in ticks.
    pub(crate) difference: i64,
    /// Number of pictures.
    pub(crate) pictures: usize,
}

impl Recorded {
    /// Checks pictures and beeps.
    pub(crate) async fn check(self) -> Contents {
        let checked = tokio::task::spawn_blocking(move || {
            let contents = check_pictures(&self.file, self.size);
            check_beeps(&self, contents.difference);
            contents
        });
        checked.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

/// Checks that no picture is missing and that presentation times differ from the times in the strip by a constant.
fn check_pictures(file: &Path, size: (usize, usize)) -> Contents {
    let frames = ffmpeg::frames(file, size, |luma| timecode::read(luma, size.0, size.0, size.1));
    assert!(frames.len() >= 100, "{} pictures", frames.len());
    let mut differences: Vec<_> = Vec::new();
    for (count, (time, strip)) in frames.iter().enumerate() {
        let strip = strip.as_ref().unwrap_or_else(|error| panic!("picture {count}: {error}"));
        differences.push(*time as i64 - strip.frame as i64 * TICKS_PER_FRAME);
    }
    differences.dedup();
    assert_eq!(differences.len(), 1, "{differences:?}");
    let indices: Vec<_> = frames.iter().filter_map(|(_, strip)| Some(strip.as_ref().ok()?.frame)).collect();
    assert!(indices.windows(2).all(|pair| pair[1] == pair[0] + 1), "{indices:?}");
    Contents { difference: differences[0], pictures: frames.len() }
}

/// Checks that every second has its beep together with the picture of that second.
fn check_beeps(recorded: &Recorded, difference: i64) {
    let file = &recorded.file;
    let streams = ffmpeg::probe(file.to_str().expect("UTF-8"));
    let audio = streams.iter().find(|stream| stream["codec_type"] == "audio").expect("a track of sound");
    let start = audio["start_pts"].as_i64().expect("a time");
    let samples = ffmpeg::samples(file);
    let in_samples =
        |ticks: i64, timescale: i64| (i128::from(ticks) * i128::from(SAMPLE_RATE) / i128::from(timescale)) as i64;
    let zero = in_samples(start, recorded.audio_ticks) - in_samples(difference, TICKS);
    let at = |second: i64| second * SAMPLE_RATE - zero;
    let first = zero / SAMPLE_RATE + 1;
    // The check of a beep starts before it, and the decoder needs a frame to start.
    let seconds = (first..).skip_while(|second| at(*second) < 4096);
    let seconds: Vec<_> = seconds.take_while(|second| at(*second) + 4800 < samples.len() as i64).collect();
    assert!(seconds.len() >= 3, "{} beeps", seconds.len());
    for second in seconds {
        let zero = at(second) as usize;
        let around = &samples[zero - 2048..zero + 4800];
        let peak = around.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
        assert!((3000..6000).contains(&peak), "second {second}: peak {peak}, where -18 dBFS is 4125");
        let begins = around.iter().position(|sample| sample.unsigned_abs() > peak / 10).expect("there is a peak");
        assert!(begins.abs_diff(2048) <= 96, "second {second}: {} samples late", begins as i64 - 2048);
    }
}
