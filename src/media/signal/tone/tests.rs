use proptest::prelude::*;

use super::*;

/// 2026-11-21T03:00:00Z in samples: a minute begins.
const MINUTE: u64 = 1_795_230_000 * SAMPLE_RATE as u64;
const SECOND: u64 = SAMPLE_RATE as u64;

/// The left channel of `count` samples.
fn samples(tone: &Tone, first: u64, count: usize) -> Vec<i16> {
    let mut out = vec![1; count * CHANNELS];
    tone.fill(first, &mut out);
    assert!(out.chunks(2).all(|pair| pair[0] == pair[1]));
    out.into_iter().step_by(2).collect()
}

#[test]
fn a_beep_begins_on_the_second_and_lasts_100_ms() {
    let tone = Tone::new(1000, -20.0);
    for second in 1..60 {
        let start = MINUTE + second * SECOND;
        assert!(samples(&tone, start - 24_000, 24_000).iter().all(|&sample| sample == 0));
        let beep = samples(&tone, start, 48_000);
        assert_eq!(beep[0], 0);
        assert!(beep[..48].iter().any(|sample| sample.unsigned_abs() > 1000));
        assert!(beep[4700..4800].iter().any(|&sample| sample != 0));
        assert!(beep[4800..].iter().all(|&sample| sample == 0));
    }
}

#[test]
fn the_minute_has_a_long_beep_an_octave_higher() {
    let tone = Tone::new(1000, -20.0);
    let rises = |samples: &[i16]| samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    assert_eq!(rises(&samples(&tone, MINUTE + 4800, 3840)), 159);
    assert_eq!(rises(&samples(&tone, MINUTE + SECOND + 480, 3840)), 79);
    assert!(samples(&tone, MINUTE + 24_000, 24_000).iter().all(|&sample| sample == 0));
    assert!(samples(&tone, MINUTE + 23_900, 100).iter().any(|&sample| sample != 0));
}

#[test]
fn peaks_are_at_the_level() {
    let peak = |level| samples(&Tone::new(1000, level), MINUTE + SECOND, 4800).into_iter().max();
    assert_eq!(peak(0.0), Some(32_767));
    assert_eq!(peak(-6.0), Some(16_422));
    assert_eq!(peak(-20.0), Some(3277));
    assert_eq!(peak(6.0), Some(32_767));
    assert_eq!(peak(f64::NEG_INFINITY), Some(0));
}

#[test]
fn nothing_clicks() {
    // A sine of 2 kHz at this level steps by at most 3277 * 2 pi * 2000 / 48000 = 858.
    let sound = samples(&Tone::new(1000, -20.0), MINUTE - SECOND, 3 * 48_000);
    assert!(sound.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 858));
}

#[test]
#[should_panic(expected = "stereo")]
fn half_a_sample_is_refused() {
    Tone::new(1000, -20.0).fill(0, &mut [0; 3]);
}

/// Guards the samples; see [`crate::media::signal::VERSION`].
#[test]
fn samples_are_the_same_on_every_machine() {
    let sound = samples(&Tone::new(1000, -20.0), MINUTE, 96_000);
    let bytes: Vec<u8> = sound.into_iter().flat_map(i16::to_le_bytes).collect();
    assert_eq!(crc32fast::hash(&bytes), 3_880_145_921);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn blocks_of_any_size_give_the_same_samples(
        offset in 0_u64..60 * SECOND, hz in 1_u32..12_000, cuts in prop::collection::vec(0_usize..60_000, 0..5),
    ) {
        let tone = Tone::new(hz, -12.0);
        let whole = samples(&tone, MINUTE + offset, 60_000);
        let mut cuts = cuts;
        cuts.extend([0, 60_000]);
        cuts.sort_unstable();
        let parts = cuts.windows(2).flat_map(|cut| samples(&tone, MINUTE + offset + cut[0] as u64, cut[1] - cut[0]));
        prop_assert!(parts.eq(whole));
    }
}
