//! Collects the comparisons of many pictures, in bounded memory.

use super::super::distribution::Distribution;
use super::super::figures::{Quality, RenditionQuality, Spread};
use super::originals::Compared;

/// Values are stored as whole parts of 1/UNIT.
const UNIT: f64 = 1e6;
/// Steps to which SSIM, PSNR and VMAF are rounded: 0.0001, 0.01 dB and 0.01.
const STEPS: [i64; 3] = [100, 10_000, 10_000];
/// Most sizes and renditions that are told apart. Pictures of others are skipped.
const MOST_RENDITIONS: usize = 100;

/// All comparisons so far.
#[derive(Debug, Default)]
pub(super) struct Results {
    renditions: Vec<Rendition>,
    skipped: u64,
    vmaf_error: Option<String>,
}

/// Pictures of a rendition in a size.
#[derive(Debug)]
struct Rendition {
    id: String,
    size: (usize, usize),
    ssim: Values,
    psnr: Values,
    vmaf: Values,
}

#[derive(Debug)]
struct Values {
    distribution: Distribution,
    sum: f64,
    count: u64,
    last: f64,
}

impl Results {
    /// A picture that was not compared.
    pub(super) const fn skip(&mut self) {
        self.skipped += 1;
    }

    /// The next picture; `None` if the definition has no such picture.
    pub(super) fn add(&mut self, compared: Option<&Compared>) {
        let Some(Compared { rendition, size, ssim, psnr }) = compared else { return self.skip() };
        let index = self.position(rendition, *size).unwrap_or(self.renditions.len());
        if index == MOST_RENDITIONS {
            return self.skip();
        }
        if index == self.renditions.len() {
            let [ssim, psnr, vmaf] = STEPS.map(Values::new);
            self.renditions.push(Rendition { id: rendition.clone(), size: *size, ssim, psnr, vmaf });
        }
        self.renditions[index].ssim.add(*ssim);
        self.renditions[index].psnr.add(*psnr);
    }

    /// VMAF of some pictures that were added.
    pub(super) fn add_vmaf(&mut self, rendition: &str, size: (usize, usize), values: &[f64]) {
        if let Some(index) = self.position(rendition, size) {
            values.iter().for_each(|value| self.renditions[index].vmaf.add(*value));
        }
    }

    /// There is no VMAF from now on. The first cause counts.
    pub(super) fn end_vmaf(&mut self, cause: String) {
        self.vmaf_error.get_or_insert(cause);
    }

    fn position(&self, rendition: &str, size: (usize, usize)) -> Option<usize> {
        self.renditions.iter().position(|known| known.id == rendition && known.size == size)
    }

    /// The figures so far.
    pub(super) fn figures(&self) -> Quality {
        let of = |rendition: &Rendition| {
            Some(RenditionQuality {
                rendition: rendition.id.clone(),
                width: rendition.size.0,
                height: rendition.size.1,
                pictures: rendition.ssim.count,
                ssim: rendition.ssim.spread()?,
                psnr: rendition.psnr.spread()?,
                vmaf_pictures: rendition.vmaf.count,
                vmaf: rendition.vmaf.spread(),
            })
        };
        let renditions = self.renditions.iter().filter_map(of).collect();
        Quality { skipped: self.skipped, renditions, vmaf_error: self.vmaf_error.clone() }
    }
}

impl Values {
    const fn new(step: i64) -> Self {
        Self { distribution: Distribution::new(step), sum: 0.0, count: 0, last: 0.0 }
    }

    fn add(&mut self, value: f64) {
        self.distribution.add((value * UNIT) as i64);
        self.sum += value;
        self.count += 1;
        self.last = value;
    }

    /// `None` without values.
    fn spread(&self) -> Option<Spread> {
        let percentile = |percent| self.distribution.percentile(percent).map(|value| value as f64 / UNIT);
        let rounded = |value: f64| (value * 1e4).round() / 1e4;
        Some(Spread {
            min: percentile(0)?,
            p5: percentile(5)?,
            mean: rounded(self.sum / self.count as f64),
            last: rounded(self.last),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_renditions_are_told_apart() {
        let mut results = Results::default();
        let compared = |rendition: &str, width, ssim| Compared {
            rendition: rendition.to_owned(),
            size: (width, 90),
            ssim,
            psnr: 40.0,
        };
        (0..99).for_each(|_| results.add(Some(&compared("v", 160, 0.9))));
        results.add(Some(&compared("v", 160, 0.5)));
        results.add(Some(&compared("v", 320, 0.8)));
        results.add(Some(&compared("w", 320, 0.7)));
        results.add(None);
        results.add_vmaf("w", (320, 90), &[96.0, 91.0]);
        results.add_vmaf("x", (320, 90), &[1.0]);
        ["first", "second"].into_iter().for_each(|cause| results.end_vmaf(cause.to_owned()));
        let figures = results.figures();
        let found: Vec<_> = figures.renditions.iter().map(|one| (&*one.rendition, one.width, one.pictures)).collect();
        assert_eq!((found, figures.skipped), (vec![("v", 160, 100), ("v", 320, 1), ("w", 320, 1)], 1));
        assert_eq!(figures.renditions[0].ssim, Spread { min: 0.5, p5: 0.9, mean: 0.896, last: 0.5 });
        assert_eq!(figures.renditions[0].psnr.p5, 40.0);
        let vmaf: Vec<_> = figures.renditions.iter().map(|one| (one.vmaf_pictures, one.vmaf)).collect();
        let spread = Spread { min: 91.0, p5: 91.0, mean: 93.5, last: 91.0 };
        assert_eq!(vmaf, [(0, None), (0, None), (2, Some(spread))]);
        assert_eq!(figures.vmaf_error.as_deref(), Some("first"));
    }
}
