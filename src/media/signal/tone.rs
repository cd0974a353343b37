//! The beep: short at each UTC second, long and an octave higher at each minute, with silence in between.

use super::sine;
use crate::base::timeline::SAMPLE_RATE;

/// Number of channels, which are equal.
pub const CHANNELS: usize = 2;

const SAMPLES_PER_MINUTE: u64 = SAMPLE_RATE as u64 * 60;
/// Durations of beeps: 100 ms and 500 ms.
const SHORT: u32 = SAMPLE_RATE / 10;
const LONG: u32 = SAMPLE_RATE / 2;
/// Durations of fades: 1 ms and 5 ms, so that nothing clicks.
const ATTACK: u64 = SAMPLE_RATE as u64 / 1000;
const RELEASE: u64 = SAMPLE_RATE as u64 / 200;

/// The beep of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beep {
    /// Its first sample, counted from 1970.
    pub sample: u64,
    /// Pitch in hertz.
    pub hz: u32,
    /// Duration in samples.
    pub samples: u32,
}

impl Beep {
    /// The beep of the second `second` since 1970 in a stream with the pitch `beep_hz`.
    pub const fn at(second: u64, beep_hz: u32) -> Self {
        let sample = second * SAMPLE_RATE as u64;
        match sample.is_multiple_of(SAMPLES_PER_MINUTE) {
            true => Self { sample, hz: 2 * beep_hz, samples: LONG },
            false => Self { sample, hz: beep_hz, samples: SHORT },
        }
    }
}

/// Precomputed beeps of a stream.
#[derive(Debug, Clone)]
pub struct Tone {
    second: Vec<i16>,
    minute: Vec<i16>,
}

impl Tone {
    /// Beeps of `beep_hz`, doubled at the minute and therefore below 12,000, with peaks at `level_dbfs`, at most 0.
    pub fn new(beep_hz: u32, level_dbfs: f64) -> Self {
        // Rounding to whole steps hides the last bit of `powf`, in which machines differ.
        let peak = (f64::from(i16::MAX) * 10_f64.powf(level_dbfs.min(0.0) / 20.0)).round() as i64;
        Self { second: beep(Beep::at(1, beep_hz), peak), minute: beep(Beep::at(0, beep_hz), peak) }
    }

    /// Fills `out` with interleaved stereo at 48 kHz, starting with sample `first_sample` since 1970.
    ///
    /// # Panics
    /// If `out` contains half a sample.
    pub fn fill(&self, first_sample: u64, out: &mut [i16]) {
        assert!(out.len().is_multiple_of(CHANNELS), "samples are stereo");
        let second = u64::from(SAMPLE_RATE);
        let mut at = first_sample % SAMPLES_PER_MINUTE;
        let mut rest = out;
        while !rest.is_empty() {
            let offset = at % second;
            let beep = if at < second { &self.minute } else { &self.second };
            let count = ((second - offset) as usize).min(rest.len() / CHANNELS);
            let (part, after) = rest.split_at_mut(count * CHANNELS);
            copy_stereo(beep.get(offset as usize..).unwrap_or(&[]), part);
            at = (at + count as u64) % SAMPLES_PER_MINUTE;
            rest = after;
        }
    }
}

/// Copies `mono` to both channels and fills the rest with silence.
fn copy_stereo(mono: &[i16], out: &mut [i16]) {
    let sounding = (mono.len() * CHANNELS).min(out.len());
    let (sound, silence) = out.split_at_mut(sounding);
    for (pair, &sample) in sound.chunks_exact_mut(CHANNELS).zip(mono) {
        pair.fill(sample);
    }
    silence.fill(0);
}

/// A sine that starts at phase zero, faded in and out.
fn beep(Beep { hz, samples, .. }: Beep, peak: i64) -> Vec<i16> {
    let (hz, length, second) = (u64::from(hz), u64::from(samples), u64::from(SAMPLE_RATE));
    let sample = |n: u64| {
        let fade = fade(n, ATTACK).min(fade(length - n, RELEASE));
        let wave = sine::sin(n * hz % second, second);
        let scale = 1_i128 << (2 * sine::BITS);
        let product = i128::from(peak) * i128::from(fade) * i128::from(wave);
        ((2 * product + scale).div_euclid(2 * scale)) as i16
    };
    (0..length).map(sample).collect()
}

/// Raised cosine from 0 at `n` = 0 to 1 at `n` = `length`, with [`sine::BITS`] fraction bits.
fn fade(n: u64, length: u64) -> i64 {
    let one = 1 << sine::BITS;
    match n < length {
        true => (one - sine::cos(n, 2 * length)) / 2,
        false => one,
    }
}

#[cfg(test)]
mod tests;
