//! The figures in the text format of Prometheus.

use std::fmt::Write;

use super::figures::{Figures, RenditionQuality, Spread};

/// Metrics of a probe. Without figures, the text contains only `barstone_probe_up`.
pub fn exposition(figures: Option<&Figures>) -> String {
    let mut text = Text(String::new());
    let up = f64::from(u8::from(figures.is_some()));
    text.family("up", "gauge", "1 while the strip is read", [("", Some(up))]);
    if let Some(figures) = figures {
        picture(figures, &mut text);
        sound(figures, &mut text);
        quality(figures, &mut text);
    }
    text.0
}

fn picture(figures: &Figures, text: &mut Text) {
    let latency = figures.latency;
    let latencies = [
        ("quantile=\"0\"", latency.map(|latency| latency.min)),
        ("quantile=\"0.5\"", latency.map(|latency| latency.median)),
        ("quantile=\"0.95\"", latency.map(|latency| latency.p95)),
        ("quantile=\"1\"", latency.map(|latency| latency.max)),
    ];
    text.family("latency_seconds", "gauge", "Age of a frame when it is shown, since the start", latencies);
    let now = latency.map(|latency| latency.last);
    text.family("latency_now_seconds", "gauge", "Age of the last frame when it was shown", [("", now)]);
    let jitter = latency.map(|latency| latency.jitter);
    text.family("jitter_seconds", "gauge", "Mean difference of the latency from frame to frame", [("", jitter)]);
    let frames = &figures.frames;
    let counts = [
        ("result=\"seen\"", frames.seen),
        ("result=\"dropped\"", frames.dropped),
        ("result=\"frozen\"", frames.frozen),
        ("result=\"repeated\"", frames.repeated),
        ("result=\"out_of_order\"", frames.out_of_order),
        ("result=\"unreadable\"", frames.unreadable),
    ];
    let counts = counts.map(|(label, count)| (label, Some(count as f64)));
    text.family("frames_total", "counter", "Frames by what happened to them", counts);
    text.family("freezes_total", "counter", "Freezes", [("", Some(figures.freezes.count as f64))]);
    let jumps = &figures.discontinuities;
    let jumps = [("kind=\"video\"", Some(jumps.video as f64)), ("kind=\"audio\"", Some(jumps.audio as f64))];
    text.family("jumps_total", "counter", "Discontinuities", jumps);
    text.family("first_picture_seconds", "gauge", "Time to the first picture", [("", Some(figures.first_picture))]);
    let last = figures.pictures.last();
    text.family("picture_width_pixels", "gauge", "Width", [("", last.map(|format| f64::from(format.width)))]);
    text.family("picture_height_pixels", "gauge", "Height", [("", last.map(|format| f64::from(format.height)))]);
    text.family("picture_rate", "gauge", "Frames a second", [("", figures.shown_rate)]);
    let bitrate = &figures.bitrate;
    let bitrates = [("kind=\"video\"", Some(bitrate.video as f64)), ("kind=\"audio\"", Some(bitrate.audio as f64))];
    text.family("bitrate_bits_per_second", "gauge", "Bitrate before decoding, since the start", bitrates);
}

fn sound(figures: &Figures, text: &mut Text) {
    let offset = figures.av_offset;
    let offsets = [
        ("quantile=\"0.5\"", offset.map(|offset| offset.median_ms / 1e3)),
        ("quantile=\"0.95\"", offset.map(|offset| offset.p95_ms / 1e3)),
    ];
    text.family(
        "av_offset_seconds",
        "gauge",
        "Sound against picture since the start, positive where it is late",
        offsets,
    );
    let now = offset.map(|offset| offset.last_ms / 1e3);
    text.family("av_offset_now_seconds", "gauge", "Sound against picture at the last beep", [("", now)]);
    let drift = offset.and_then(|offset| offset.drift_ppm);
    text.family("av_drift_ppm", "gauge", "Growth of the A/V offset in parts of a million", [("", drift)]);
    let beeps = figures.beeps.map_or([None; 3], |beeps| [beeps.heard, beeps.missing, beeps.extra].map(Some));
    let names = ["result=\"heard\"", "result=\"missing\"", "result=\"extra\""];
    let beeps = names.into_iter().zip(beeps).map(|(label, count)| (label, count.map(|count| count as f64)));
    text.family("beeps_total", "counter", "Beeps by what happened to them", beeps);
    text.family("loudness_lufs", "gauge", "Integrated loudness by EBU R 128", [("", figures.loudness)]);
}

fn quality(figures: &Figures, text: &mut Text) {
    let Some(quality) = &figures.quality else { return };
    let of = |one: &RenditionQuality| format!("rendition=\"{}\",size=\"{}x{}\"", one.rendition, one.width, one.height);
    let ssim: fn(&RenditionQuality) -> Option<&Spread> = |one| Some(&one.ssim);
    let psnr: fn(&RenditionQuality) -> Option<&Spread> = |one| Some(&one.psnr);
    let vmaf: fn(&RenditionQuality) -> Option<&Spread> = |one| one.vmaf.as_ref();
    for (name, help, value) in [
        ("ssim", "Structural similarity to the original", ssim),
        ("psnr_decibels", "Peak signal-to-noise ratio to the original", psnr),
        ("vmaf", "VMAF against the original", vmaf),
    ] {
        let spreads: Vec<_> = quality.renditions.iter().filter_map(|one| Some((of(one), value(one)?))).collect();
        let samples = spreads.iter().flat_map(|(label, Spread { min, p5, .. })| {
            [("0", min), ("0.05", p5)].map(|(quantile, value)| (format!("{label},quantile=\"{quantile}\""), *value))
        });
        let samples: Vec<_> = samples.collect();
        text.gauges(name, help, &samples);
        let means: Vec<_> = spreads.iter().map(|(label, spread)| (label.clone(), spread.mean)).collect();
        text.gauges(&format!("{name}_mean"), &format!("{help}, mean"), &means);
        let last = quality.renditions.last().and_then(value).map(|spread| spread.last);
        text.family(&format!("{name}_now"), "gauge", &format!("{help}, last picture"), [("", last)]);
    }
    let compared = quality.renditions.iter().map(|one| one.pictures).sum::<u64>();
    let counts = [("result=\"compared\"", Some(compared as f64)), ("result=\"skipped\"", Some(quality.skipped as f64))];
    text.family("quality_pictures_total", "counter", "Pictures by whether they were compared", counts);
}

struct Text(String);

impl Text {
    /// Gauges that have values, with labels that are computed.
    fn gauges(&mut self, name: &str, help: &str, samples: &[(String, f64)]) {
        self.family(name, "gauge", help, samples.iter().map(|(label, value)| (label.as_str(), Some(*value))));
    }

    /// Samples with their labels. A family without values is left out.
    fn family<'a>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (&'a str, Option<f64>)>,
    ) {
        let samples = samples.into_iter().filter_map(|(label, value)| Some((label, value?)));
        let mut samples = samples.peekable();
        if samples.peek().is_some() {
            let name = format!("barstone_probe_{name}");
            let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (label, value) in samples {
                let label = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
                let _ = writeln!(self.0, "{name}{label} {value}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::probe::figures::*;
    use crate::inspect::probe::sync::Beeps;

    fn figures() -> Figures {
        Figures {
            live: true,
            seconds: 5.0,
            first_picture: 0.3,
            frame_time: String::new(),
            latency: Some(Latency { min: 1.0, median: 2.0, p95: 3.0, max: 4.0, last: 2.5, jitter: 0.1 }),
            frames: Frames {
                expected: 125,
                seen: 124,
                dropped: 1,
                frozen: 0,
                repeated: 0,
                out_of_order: 0,
                unreadable: 0,
            },
            freezes: Freezes { count: 0, longest: 0.0, list: Vec::new() },
            av_offset: Some(AvOffset { median_ms: 20.0, p95_ms: 30.0, last_ms: 25.0, drift_ppm: Some(1.5) }),
            beeps: Some(Beeps { heard: 5, missing: 0, extra: 0 }),
            loudness: Some(-24.0),
            pictures: vec![PictureFormat { frame_time: String::new(), width: 640, height: 360, rate: "25".to_owned() }],
            source_rate: Some("25".to_owned()),
            shown_rate: Some(25.0),
            discontinuities: Discontinuities { video: 0, audio: 0 },
            bitrate: Bitrate { video: 300_000, audio: 64_000 },
            quality: Some(Quality {
                skipped: 2,
                renditions: vec![RenditionQuality {
                    rendition: "v".to_owned(),
                    width: 640,
                    height: 360,
                    pictures: 120,
                    ssim: Spread { min: 0.9, p5: 0.92, mean: 0.95, last: 0.96 },
                    psnr: Spread { min: 30.0, p5: 31.0, mean: 32.0, last: 33.0 },
                    vmaf_pictures: 100,
                    vmaf: Some(Spread { min: 90.0, p5: 91.0, mean: 92.0, last: 93.0 }),
                }],
                vmaf_error: None,
            }),
        }
    }

    #[test]
    fn every_figure_is_a_sample() {
        let text = exposition(Some(&figures()));
        for line in [
            "barstone_probe_up 1",
            "barstone_probe_latency_seconds{quantile=\"0.95\"} 3",
            "barstone_probe_frames_total{result=\"dropped\"} 1",
            "barstone_probe_av_offset_now_seconds 0.025",
            "barstone_probe_picture_width_pixels 640",
            "# TYPE barstone_probe_beeps_total counter",
            "barstone_probe_ssim{rendition=\"v\",size=\"640x360\",quantile=\"0.05\"} 0.92",
            "barstone_probe_psnr_decibels_mean{rendition=\"v\",size=\"640x360\"} 32",
            "barstone_probe_ssim_now 0.96",
            "barstone_probe_vmaf{rendition=\"v\",size=\"640x360\",quantile=\"0\"} 90",
            "barstone_probe_quality_pictures_total{result=\"skipped\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        let silent = exposition(Some(&Figures { av_offset: None, beeps: None, ..figures() }));
        assert!(!silent.contains("beeps") && !silent.contains("av_"), "{silent}");
        let down =
            "# HELP barstone_probe_up 1 while the strip is read\n# TYPE barstone_probe_up gauge\nbarstone_probe_up 0\n";
        assert_eq!(exposition(None), down);
    }

    #[test]
    fn the_dashboard_shows_metrics_that_exist() {
        let text = exposition(Some(&figures()));
        let dashboard = include_str!("../../../docker/grafana/probe.json");
        let names = dashboard.split("barstone_probe_").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
            format!("barstone_probe_{}", &rest[..end])
        });
        let names: Vec<_> = names.collect();
        assert!(names.len() > 10 && names.iter().all(|name| text.contains(&format!("# TYPE {name} "))), "{names:?}");
    }
}
