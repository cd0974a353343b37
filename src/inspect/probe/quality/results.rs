//! Collects the comparisons of many pictures, in bounded memory.

use super::super::distribution::Distribution;
use super::super::figures::{Quality, RenditionQuality, Spread};
use super::originals::Compared;

/// Values are stored as whole parts of 1/UNIT.
const UNIT: f64 = 1e6;
/// Steps to which SSIM and PSNR are rounded: 0.0001, and 0.01 dB.
const STEPS: [i64; 2] = [100, 10_000];
/// Most sizes and renditions that are told apart. Pictures of others are skipped.
const MOST_RENDITIONS: usize = 100;

/// All comparisons so far.
#[derive(Debug, Default)]
pub(super) struct Results {
    renditions: Vec<Rendition>,
    skipped: u64,
}

/// Pictures of a rendition in a size.
#[derive(Debug)]
struct Rendition {
    last: Compared,
    ssim: Values,
    psnr: Values,
}

#[derive(Debug)]
struct Values {
    distribution: Distribution,
    sum: f64,
    count: u64,
}

impl Results {
    /// A picture that was not compared.
    pub(super) const fn skip(&mut self) {
        self.skipped += 1;
    }

    /// The next picture; `None` if the definition has no such picture.
    pub(super) fn add(&mut self, compared: Option<Compared>) {
        let Some(compared) = compared else { return self.skip() };
        let is_same =
            |known: &Rendition| known.last.rendition == compared.rendition && known.last.size == compared.size;
        let index = self.renditions.iter().position(is_same).unwrap_or(self.renditions.len());
        if index == MOST_RENDITIONS {
            return self.skip();
        }
        if index == self.renditions.len() {
            let [ssim, psnr] = STEPS.map(Values::new);
            self.renditions.push(Rendition { last: compared.clone(), ssim, psnr });
        }
        let rendition = &mut self.renditions[index];
        rendition.ssim.add(compared.ssim);
        rendition.psnr.add(compared.psnr);
        rendition.last = compared;
    }

    /// The figures so far.
    pub(super) fn figures(&self) -> Quality {
        let of = |rendition: &Rendition| {
            let Compared { rendition: id, size: (width, height), ssim, psnr } = &rendition.last;
            Some(RenditionQuality {
                rendition: id.clone(),
                width: *width,
                height: *height,
                pictures: rendition.ssim.count,
                ssim: rendition.ssim.spread(*ssim)?,
                psnr: rendition.psnr.spread(*psnr)?,
            })
        };
        Quality { skipped: self.skipped, renditions: self.renditions.iter().filter_map(of).collect() }
    }
}

impl Values {
    const fn new(step: i64) -> Self {
        Self { distribution: Distribution::new(step), sum: 0.0, count: 0 }
    }

    fn add(&mut self, value: f64) {
        self.distribution.add((value * UNIT) as i64);
        self.sum += value;
        self.count += 1;
    }

    fn spread(&self, last: f64) -> Option<Spread> {
        let percentile = |percent| self.distribution.percentile(percent).map(|value| value as f64 / UNIT);
        let rounded = |value: f64| (value * 1e4).round() / 1e4;
        Some(Spread {
            min: percentile(0)?,
            p5: percentile(5)?,
            mean: rounded(self.sum / self.count as f64),
            last: rounded(last),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_renditions_are_told_apart() {
        let mut results = Results::default();
        let compared = |rendition: &str, width, ssim| {
            Some(Compared { rendition: rendition.to_owned(), size: (width, 90), ssim, psnr: 40.0 })
        };
        (0..99).for_each(|_| results.add(compared("v", 160, 0.9)));
        results.add(compared("v", 160, 0.5));
        results.add(compared("v", 320, 0.8));
        results.add(compared("w", 320, 0.7));
        results.add(None);
        let figures = results.figures();
        let found: Vec<_> = figures.renditions.iter().map(|one| (&*one.rendition, one.width, one.pictures)).collect();
        assert_eq!((found, figures.skipped), (vec![("v", 160, 100), ("v", 320, 1), ("w", 320, 1)], 1));
        assert_eq!(figures.renditions[0].ssim, Spread { min: 0.5, p5: 0.9, mean: 0.896, last: 0.5 });
        assert_eq!(figures.renditions[0].psnr.p5, 40.0);
    }
}
