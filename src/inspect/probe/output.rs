//! The figures as text for a terminal, as JSON and as JUnit XML.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::Outcome;
use super::figures::{Figures, Latency, RenditionQuality, Spread};
use super::limits::Verdict;
use super::sequence::FreezeKind;
use crate::inspect::report::{Case, rfc3339, suite};

/// Most freezes and formats in a table.
const MOST_ROWS: usize = 10;

/// One line while a probe runs.
pub fn line(figures: &Figures) -> String {
    let frames = &figures.frames;
    let mut text = format!("{:>6.1} s", figures.seconds);
    if let Some(latency) = &figures.latency {
        let _ = write!(text, "  latency {:.3} s", latency.median);
    }
    if let Some(offset) = &figures.av_offset {
        let _ = write!(text, "  A/V {:+.1} ms", offset.median_ms);
    }
    if let Some(last) = figures.quality.as_ref().and_then(|quality| quality.renditions.last()) {
        let _ = write!(text, "  SSIM {:.3}  PSNR {:.1} dB", last.ssim.last, last.psnr.last);
        let _ = last.vmaf.map(|vmaf| write!(text, "  VMAF {:.1}", vmaf.last));
    }
    let _ = write!(text, "  seen {}", frames.seen);
    for (name, count) in [
        ("dropped", frames.dropped),
        ("repeated", frames.repeated),
        ("out of order", frames.out_of_order),
        ("unreadable", frames.unreadable),
        ("freezes", figures.freezes.count),
        ("beeps missing", figures.beeps.map_or(0, |beeps| beeps.missing)),
    ] {
        if count > 0 {
            let _ = write!(text, "  {name} {count}");
        }
    }
    text
}

/// The table at the end.
pub fn table(outcome: &Outcome, verdicts: &[Verdict]) -> String {
    let figures = &outcome.figures;
    let mut rows = Rows(format!("{}\n", outcome.url));
    let kind = if figures.live { "live" } else { "recorded" };
    rows.add(
        "played",
        &format!("{:.2} s, {kind}; first picture after {:.2} s", figures.seconds, figures.first_picture),
    );
    if let Some(latency) = &figures.latency {
        let Latency { min, median, p95, max, jitter, .. } = latency;
        let value = format!("median {median:.3} s, min {min:.3}, p95 {p95:.3}, max {max:.3}; jitter {jitter:.3} s");
        rows.add("latency", &value);
    }
    rows.add("frames", &frames(figures));
    freezes(figures, &mut rows);
    sound(figures, &mut rows);
    let rate = figures.shown_rate.unwrap_or_default();
    let source = figures.source_rate.as_deref().unwrap_or("unknown");
    rows.add("frame rate", &format!("{rate} shown, {source} at the source"));
    for format in figures.pictures.iter().take(MOST_ROWS) {
        let rate =
            if format.rate == "0/1" { "no frame rate stated".to_owned() } else { format!("{} fps", format.rate) };
        rows.add("picture", &format!("{}x{}, {rate}, from {}", format.width, format.height, format.frame_time));
    }
    let jumps = &figures.discontinuities;
    rows.add("jumps", &format!("{} of the picture, {} of the sound", jumps.video, jumps.audio));
    let bitrate = &figures.bitrate;
    rows.add("bitrate", &format!("video {} kbit/s, audio {} kbit/s", bitrate.video / 1000, bitrate.audio / 1000));
    quality(figures, &mut rows);
    for verdict in verdicts.iter().filter(|verdict| verdict.failure.is_some()) {
        rows.add("FAILED", &format!("{}: {}", verdict.name, verdict.failure.as_deref().unwrap_or_default()));
    }
    if let Some(error) = &outcome.error {
        rows.add("FAILED", error);
    }
    rows.0
}

fn frames(figures: &Figures) -> String {
    let frames = &figures.frames;
    let mut text = format!("{} of {} seen", frames.seen, frames.expected);
    for (name, count) in [
        ("dropped", frames.dropped),
        ("in freezes", frames.frozen),
        ("repeated", frames.repeated),
        ("out of order", frames.out_of_order),
        ("unreadable", frames.unreadable),
    ] {
        let _ = write!(text, ", {count} {name}");
    }
    text
}

fn freezes(figures: &Figures, rows: &mut Rows) {
    let freezes = &figures.freezes;
    rows.add("freezes", &format!("{}, the longest {:.3} s", freezes.count, freezes.longest));
    for freeze in freezes.list.iter().take(MOST_ROWS) {
        let kind = match freeze.kind {
            FreezeKind::Repeated => "the same picture again and again",
            FreezeKind::Gap => "no pictures on the timeline",
            FreezeKind::Stall => "pictures came late",
        };
        rows.add("", &format!("{:.3} s at {}: {kind}", freeze.seconds, freeze.frame_time));
    }
}

fn sound(figures: &Figures, rows: &mut Rows) {
    let Some(beeps) = &figures.beeps else {
        rows.add("sound", "none");
        return;
    };
    if let Some(offset) = &figures.av_offset {
        let drift = offset.drift_ppm.map(|drift| format!("; drift {drift:+} ppm")).unwrap_or_default();
        rows.add("A/V offset", &format!("median {:+.1} ms, p95 {:.1} ms{drift}", offset.median_ms, offset.p95_ms));
    }
    rows.add("beeps", &format!("{} heard, {} missing, {} extra", beeps.heard, beeps.missing, beeps.extra));
    let loudness = figures.loudness.map_or_else(|| "silent".to_owned(), |loudness| format!("{loudness:.1} LUFS"));
    rows.add("loudness", &loudness);
}

fn quality(figures: &Figures, rows: &mut Rows) {
    let Some(quality) = &figures.quality else { return };
    for one in quality.renditions.iter().take(MOST_ROWS) {
        let RenditionQuality { rendition, width, height, pictures, ssim, psnr, vmaf_pictures, vmaf } = one;
        rows.add("quality", &format!("{rendition} as {width}x{height}, {pictures} pictures"));
        let Spread { min, p5, mean, .. } = ssim;
        rows.add("", &format!("SSIM mean {mean:.4}, p5 {p5:.4}, min {min:.4}"));
        let Spread { min, p5, mean, .. } = psnr;
        rows.add("", &format!("PSNR mean {mean:.2} dB, p5 {p5:.2}, min {min:.2}"));
        if let Some(Spread { min, p5, mean, .. }) = vmaf {
            rows.add("", &format!("VMAF mean {mean:.2}, p5 {p5:.2}, min {min:.2}; {vmaf_pictures} pictures"));
        }
    }
    if let Some(cause) = &quality.vmaf_error {
        rows.add("VMAF", &format!("not available: {cause}"));
    }
    if quality.skipped > 0 || quality.renditions.is_empty() {
        rows.add("quality", &format!("{} pictures were not compared", quality.skipped));
    }
}

struct Rows(String);

impl Rows {
    fn add(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.0, "  {name:<11} {value}");
    }
}

/// The result as one object.
pub fn json(outcome: &Outcome, verdicts: &[Verdict]) -> Value {
    let failed = verdicts.iter().filter_map(|verdict| Some((verdict.name, verdict.failure.as_ref()?)));
    json!({
        "url": outcome.url.as_str(),
        "moment": rfc3339(outcome.moment),
        "error": outcome.error,
        "figures": outcome.figures,
        "failed": failed.map(|(name, failure)| json!({"limit": name, "found": failure})).collect::<Vec<_>>(),
    })
}

/// The result as a test suite with a case for each limit, and one for the end of the player.
pub fn junit(outcome: &Outcome, verdicts: &[Verdict]) -> String {
    let failure = |text: &String| ["limit".to_owned(), text.clone(), String::new()];
    let mut cases = vec![Case { name: "plays".to_owned(), failure: outcome.error.as_ref().map(failure) }];
    cases.extend(verdicts.iter().map(|verdict| Case {
        name: format!("{}-{}", verdict.bound.prefix(), verdict.name),
        failure: verdict.failure.as_ref().map(failure),
    }));
    let took = Duration::from_secs_f64(outcome.figures.seconds.max(0.0));
    suite(("probe", outcome.url.as_str()), (outcome.moment, took), &cases)
}
