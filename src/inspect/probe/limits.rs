//! Limits that make a probe a test.

use std::time::Duration;

use super::figures::{Figures, RenditionQuality};

/// Allowed figures; `None` without a limit.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Latency of 95 % of the frames.
    pub latency: Option<Duration>,
    /// Distance of 95 % of the beeps from their frames.
    pub av_offset: Option<Duration>,
    /// Dropped frames.
    pub dropped: Option<u64>,
    /// Repeated frames.
    pub repeated: Option<u64>,
    /// Pictures without a strip.
    pub unreadable: Option<u64>,
    /// The longest freeze.
    pub freeze: Option<Duration>,
    /// Seconds without a beep.
    pub missing_beeps: Option<u64>,
    /// Least SSIM of 95 % of the pictures of each rendition and size.
    pub ssim: Option<f64>,
    /// Least PSNR of 95 % of the pictures of each rendition and size, in dB.
    pub psnr: Option<f64>,
    /// Least VMAF of 95 % of the pictures of each rendition and size.
    pub vmaf: Option<f64>,
}

/// The result for one limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Name of the option without `--max-` or `--min-`.
    pub name: &'static str,
    /// Whether the limit is the least or the most that is allowed.
    pub bound: Bound,
    /// Limit, found value and unit, if the limit is exceeded or nothing was measured.
    pub failure: Option<String>,
}

/// Kind of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The value is at most the limit.
    Most,
    /// The value is at least the limit.
    Least,
}

impl Bound {
    /// Beginning of the option.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Most => "max",
            Self::Least => "min",
        }
    }

    fn is_kept(self, found: f64, limit: f64) -> bool {
        match self {
            Self::Most => found <= limit,
            Self::Least => found >= limit,
        }
    }

    fn describe(self, limit: f64) -> String {
        match self {
            Self::Most => format!("at most {limit} allowed"),
            Self::Least => format!("at least {limit} required"),
        }
    }
}

impl Limits {
    /// A verdict for each limit that is set.
    pub fn judge(&self, figures: &Figures) -> Vec<Verdict> {
        let seconds = |limit: Option<Duration>| limit.map(|limit| limit.as_secs_f64());
        let number = |limit: Option<u64>| limit.map(|limit| limit as f64);
        let frames = &figures.frames;
        let beeps = figures.beeps.map(|beeps| beeps.missing as f64);
        let worst = |value: fn(&RenditionQuality) -> Option<f64>| {
            let renditions = figures.quality.iter().flat_map(|quality| &quality.renditions);
            renditions.filter_map(value).min_by(f64::total_cmp)
        };
        let [ssim, psnr] = [worst(|one| Some(one.ssim.p5)), worst(|one| Some(one.psnr.p5))];
        let vmaf = worst(|one| one.vmaf.map(|vmaf| vmaf.p5));
        let most = [
            ("latency", seconds(self.latency), figures.latency.map(|latency| latency.p95), "s"),
            ("av-offset", seconds(self.av_offset), figures.av_offset.map(|offset| offset.p95_ms / 1e3), "s"),
            ("dropped", number(self.dropped), Some(frames.dropped as f64), "frames"),
            ("repeated", number(self.repeated), Some(frames.repeated as f64), "frames"),
            ("unreadable", number(self.unreadable), Some(frames.unreadable as f64), "pictures"),
            ("freeze", seconds(self.freeze), Some(figures.freezes.longest), "s"),
            ("missing-beeps", number(self.missing_beeps), beeps, "beeps"),
        ];
        let least =
            [("ssim", self.ssim, ssim, "SSIM"), ("psnr", self.psnr, psnr, "dB"), ("vmaf", self.vmaf, vmaf, "VMAF")];
        let verdict = |bound: Bound, (name, limit, found, unit): (_, Option<f64>, Option<f64>, &str)| {
            let limit = limit?;
            let failure = match found {
                Some(found) if bound.is_kept(found, limit) => None,
                Some(found) => {
                    let found = (found * 1e4).round() / 1e4;
                    Some(format!("{found} {unit}, {}", bound.describe(limit)))
                }
                None => Some("not measured".to_owned()),
            };
            Some(Verdict { name, bound, failure })
        };
        let most = most.into_iter().filter_map(|limit| verdict(Bound::Most, limit));
        most.chain(least.into_iter().filter_map(|limit| verdict(Bound::Least, limit))).collect()
    }
}
