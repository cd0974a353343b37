//! Loudness of a programme by ITU-R BS.1770-4 and EBU R 128, at 48 kHz.

/// Lowest loudness of a counted block, in LUFS. Blocks last 400 ms, and one starts every 100 ms. They are counted in classes of
/// 0.1 LU.
const ABSOLUTE_GATE: f64 = -70.0;
const CLASSES: usize = 1000;
/// Distance between the loudness of all blocks and the relative gate, in LU.
const RELATIVE_GATE: f64 = 10.0;
/// Samples of 100 ms.
const STEP: usize = 4800;
/// Steps in a block.
const STEPS: usize = 4;
/// Weights of the channels: front, low frequencies, surround.
const SURROUND: f64 = 1.41;

/// Filter of second order: coefficients of the input, then of the output, and its state.
#[derive(Debug, Clone, Copy)]
struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    state: [f64; 2],
}

impl Biquad {
    /// BS.1770-4 table 1, the effect of the head.
    const HEAD: Self = Self {
        b: [1.535_124_859_586_97, -2.691_696_189_406_38, 1.198_392_810_852_85],
        a: [-1.690_659_293_182_41, 0.732_480_774_215_85],
        state: [0.0; 2],
    };
    /// BS.1770-4 table 2, the high-pass filter.
    const HIGH_PASS: Self =
        Self { b: [1.0, -2.0, 1.0], a: [-1.990_047_454_833_98, 0.990_072_250_366_21], state: [0.0; 2] };

    fn filter(&mut self, input: f64) -> f64 {
        let output = self.b[0] * input + self.state[0];
        self.state[0] = self.b[1] * input - self.a[0] * output + self.state[1];
        self.state[1] = self.b[2] * input - self.a[1] * output;
        output
    }
}

/// Measures the integrated loudness of sound of any length in constant memory.
#[derive(Debug)]
pub(super) struct Meter {
    channels: Vec<[Biquad; 2]>,
    /// Weighted energy and samples of the current step.
    step: (f64, usize),
    /// Mean squares of the last steps.
    last: [f64; STEPS],
    steps: usize,
    /// Number and mean squares of blocks in each class.
    classes: Vec<(u64, f64)>,
}

impl Meter {
    pub(super) fn new() -> Self {
        let classes = vec![(0, 0.0); CLASSES];
        Self { channels: Vec::new(), step: (0.0, 0), last: [0.0; STEPS], steps: 0, classes }
    }

    /// Measures interleaved samples.
    pub(super) fn listen(&mut self, samples: &[f32], channels: usize) {
        if self.channels.len() != channels {
            self.channels = vec![[Biquad::HEAD, Biquad::HIGH_PASS]; channels];
        }
        for frame in samples.chunks_exact(channels.max(1)) {
            for (index, (sample, filters)) in frame.iter().zip(&mut self.channels).enumerate() {
                let filtered = filters.iter_mut().fold(f64::from(*sample), |sample, filter| filter.filter(sample));
                self.step.0 += weight(index, channels) * filtered * filtered;
            }
            self.step.1 += 1;
            if self.step.1 == STEP {
                self.end_step();
            }
        }
    }

    fn end_step(&mut self) {
        self.last[self.steps % STEPS] = std::mem::take(&mut self.step).0 / STEP as f64;
        self.steps += 1;
        if self.steps >= STEPS {
            let mean = self.last.iter().sum::<f64>() / STEPS as f64;
            let class = (loudness(mean) - ABSOLUTE_GATE) * 10.0;
            if class >= 0.0 {
                let class = &mut self.classes[(class as usize).min(CLASSES - 1)];
                *class = (class.0 + 1, class.1 + mean);
            }
        }
    }

    /// Integrated loudness in LUFS; `None` for silence.
    pub(super) fn integrated(&self) -> Option<f64> {
        let above = |gate: f64| {
            let from = ((gate - ABSOLUTE_GATE) * 10.0).round().max(0.0) as usize;
            let classes = self.classes.get(from..).unwrap_or_default().iter();
            let (count, sum) = classes.fold((0, 0.0), |(count, sum), class| (count + class.0, sum + class.1));
            (count > 0).then(|| loudness(sum / count as f64))
        };
        above(above(ABSOLUTE_GATE)? - RELATIVE_GATE)
    }
}

/// Weight of a channel in the order left, right, centre, low frequencies, surround.
const fn weight(channel: usize, channels: usize) -> f64 {
    match (channels, channel) {
        (6.., 3) => 0.0,
        (5, 3..) | (6.., 4..) => SURROUND,
        _ => 1.0,
    }
}

fn loudness(mean_square: f64) -> f64 {
    -0.691 + 10.0 * mean_square.log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loudness of sines of 1 kHz, each with its level in dBFS and its seconds.
    fn measured(parts: &[(f64, usize)], channels: usize) -> Option<f64> {
        let mut meter = Meter::new();
        for (level, seconds) in parts {
            let peak = 10_f64.powf(level / 20.0);
            let sample = |n: usize| (peak * (n as f64 * std::f64::consts::TAU / 48.0).sin()) as f32;
            let samples: Vec<_> = (0..seconds * 48_000).flat_map(|n| vec![sample(n); channels]).collect();
            meter.listen(&samples, channels);
        }
        meter.integrated()
    }

    #[track_caller]
    fn check(parts: &[(f64, usize)], expected: f64) {
        let found = measured(parts, 2).unwrap();
        assert!((found - expected).abs() <= 0.1, "{parts:?}: {found}");
    }

    /// EBU Tech 3341, table 1, cases 1 to 5.
    #[test]
    fn test_signals_of_the_ebu_have_their_loudness() {
        check(&[(-23.0, 20)], -23.0);
        check(&[(-33.0, 20)], -33.0);
        check(&[(-36.0, 10), (-23.0, 60), (-36.0, 10)], -23.0);
        check(&[(-72.0, 10), (-36.0, 10), (-23.0, 60), (-36.0, 10), (-72.0, 10)], -23.0);
        check(&[(-26.0, 20), (-20.0, 20), (-26.0, 20)], -23.0);
    }

    #[test]
    fn silence_has_no_loudness() {
        assert_eq!(measured(&[(-120.0, 5)], 2), None);
        assert_eq!(measured(&[], 2), None);
    }
}
