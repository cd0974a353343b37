//! Finds the starts of beeps in sound that another program has resampled, mixed or encoded again.

use std::collections::VecDeque;

/// Samples per second.
pub(super) const RATE: usize = 48_000;
/// Least level of a beep, -54 dBFS.
const LEAST: f32 = 0.002;
/// A beep is at least so many times louder than the noise before it.
const ABOVE_NOISE: f32 = 4.0;
/// Share of the peak that marks the start of a beep. A beep reaches this level within 0.3 ms, and the noise that codecs add
/// before a beep is softer.
const START: f32 = 1.0 / 6.0;
/// Least mean of the samples of a beep, as a share of its peak: that of a sine, with room for fades.
const SINE_MEAN: f32 = 0.3;
/// Samples of silence before a beep: 100 ms.
const SILENCE: usize = RATE / 10;
/// Samples in which the detector searches the start of a beep, and samples after the start that must sound.
const WINDOW: usize = RATE * 60 / 1000;
const SOUNDING: usize = RATE * 30 / 1000;
/// The noise is the least peak of so many blocks of 10 ms.
const BLOCK: usize = RATE / 100;
const BLOCKS: usize = 100;
/// Nanoseconds between the end of a buffer and the start of the next one that are a gap.
const LEAST_GAP: i64 = 20_000_000;

/// Finds beeps in successive buffers of sound.
#[derive(Debug, Default)]
pub(super) struct Detector {
    /// Presentation time at which the next buffer should start, in nanoseconds.
    due: Option<i64>,
    /// Samples since the last loud one.
    silent: usize,
    block: (f32, usize),
    peaks: VecDeque<f32>,
    /// The time of the first loud sample of a possible beep, and all samples from there on.
    heard: Option<(i64, Vec<f32>)>,
}

/// The content of a buffer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Presentation times of the starts of beeps.
    pub(super) beeps: Vec<i64>,
    /// Whether sound is missing before this buffer.
    pub(super) is_after_gap: bool,
}

impl Detector {
    /// Adds absolute values of samples that start at `pts` nanoseconds.
    pub(super) fn listen(&mut self, pts: i64, samples: impl IntoIterator<Item = f32>) -> Heard {
        let is_after_gap = self.due.is_some_and(|due| (pts - due).abs() > LEAST_GAP);
        if is_after_gap {
            *self = Self::default();
        }
        let mut heard = Heard { beeps: Vec::new(), is_after_gap };
        let mut count = 0;
        let mut threshold = self.threshold();
        for sample in samples {
            let at = pts + nanos(count);
            count += 1;
            self.block = (self.block.0.max(sample), self.block.1 + 1);
            if self.block.1 == BLOCK {
                self.peaks.push_back(std::mem::take(&mut self.block).0);
                if self.peaks.len() > BLOCKS {
                    self.peaks.pop_front();
                }
                threshold = self.threshold();
            }
            if let Some((_, samples)) = &mut self.heard {
                samples.push(sample);
                if samples.len() == WINDOW {
                    heard.beeps.extend(self.judge());
                }
            } else if sample >= threshold {
                if self.silent >= SILENCE {
                    self.heard = Some((at, vec![sample]));
                }
                self.silent = 0;
            } else {
                self.silent += 1;
            }
        }
        self.due = Some(pts + nanos(count));
        heard
    }

    fn threshold(&self) -> f32 {
        let noise = self.peaks.iter().copied().reduce(f32::min).unwrap_or_default();
        LEAST.max(ABOVE_NOISE * noise)
    }

    /// The start of the beep in a full window, if the window contains a beep that is long enough.
    fn judge(&mut self) -> Option<i64> {
        let (at, samples) = self.heard.take()?;
        let peak = samples.iter().copied().fold(0.0, f32::max);
        let start = samples.iter().position(|sample| *sample >= peak * START)?;
        if samples.len() - start < SOUNDING {
            // The sound began late in the window, so its end is in the next window.
            self.heard = Some((at + nanos(start), samples[start..].to_vec()));
            return None;
        }
        let mean = samples[start..start + SOUNDING].iter().sum::<f32>() / SOUNDING as f32;
        (mean >= peak * SINE_MEAN).then(|| at + nanos(start))
    }
}

/// Duration of samples in nanoseconds.
pub(super) const fn nanos(samples: usize) -> i64 {
    (samples as i64) * 1_000_000_000 / RATE as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::signal::Tone;

    /// Starts of beeps in milliseconds, in sound that starts 700 ms before a full second.
    fn beeps(level: f64, change: impl Fn(usize, f32) -> f32) -> Vec<i64> {
        let mut samples = vec![0; 4 * RATE * 2];
        Tone::new(1000, level).fill(1_796_013_228 * RATE as u64 + (RATE as u64 * 3 / 10), &mut samples);
        let mut detector = Detector::default();
        let left: Vec<_> = samples.chunks(2).map(|pair| f32::from(pair[0]) / 32768.0).collect();
        let mut found = Vec::new();
        for (index, buffer) in left.chunks(1024).enumerate() {
            let samples = buffer.iter().enumerate().map(|(n, sample)| change(index * 1024 + n, *sample).abs());
            found.extend(detector.listen(nanos(index * 1024), samples).beeps);
        }
        found.iter().map(|at| (at + 500_000) / 1_000_000).collect()
    }

    #[test]
    fn beeps_start_where_they_start() {
        let expected = [700, 1700, 2700, 3700];
        assert_eq!(beeps(-18.0, |_, sample| sample), expected);
        assert_eq!(beeps(-40.0, |_, sample| sample), expected);
        assert_eq!(beeps(0.0, |_, sample| sample / 2.0), expected);
        let noise = |n: usize| (n as u32).wrapping_mul(2_654_435_761) as f32 / u32::MAX as f32 * 0.01 - 0.005;
        assert_eq!(beeps(-18.0, |n, sample| sample + noise(n)), expected);
    }

    #[test]
    fn clicks_are_no_beeps_and_missing_beeps_are_missing() {
        let click = |n: usize| if n.is_multiple_of(RATE) { 0.5 } else { 0.0 };
        assert_eq!(beeps(-18.0, |n, sample| sample + click(n)), [700, 1700, 2700, 3700]);
        let silent = |n: usize| (RATE..2 * RATE).contains(&n);
        assert_eq!(beeps(-18.0, |n, sample| if silent(n) { 0.0 } else { sample }), [700, 2700, 3700]);
    }

    #[test]
    fn a_gap_is_noticed() {
        let mut detector = Detector::default();
        let silence = [0.0; 480];
        let gaps = [0, 10, 20, 80, 90].map(|ms| detector.listen(ms * 1_000_000, silence).is_after_gap);
        assert_eq!(gaps, [false, false, false, true, false]);
    }
}
