//! Measures the offset between sound and picture: compares each beep with the frame of its second on the timeline of the player.

use std::collections::VecDeque;

use super::distribution::Distribution;

const SECOND: i64 = 1_000_000_000;
/// A beep is compared with the pictures in this time before and after the beep.
const AROUND: i64 = SECOND / 2;
/// Time for which pictures wait for their sound, which the player decodes separately.
const REMEMBERED: i64 = 20 * SECOND;
/// Time before and after the start of a second in which sound must exist, so that the beep can be recognised.
const BEFORE: i64 = SECOND * 15 / 100;
const AFTER: i64 = SECOND / 10;
/// Most missing beeps in a row. After more, the source is another one.
const LONGEST_LOSS: i64 = 60;
/// Shortest time that shows a drift.
const LEAST_DRIFT_TIME: f64 = 20.0;
/// Precision of offsets in nanoseconds.
const STEP: i64 = 100_000;

/// Numbers of beeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Beeps {
    /// Beeps that were heard.
    pub heard: u64,
    /// Seconds without a beep.
    pub missing: u64,
    /// Further beeps in a second that already had a beep.
    pub extra: u64,
}

/// Sums for a straight line through points.
#[derive(Debug, Default)]
struct Line {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    longest: f64,
}

impl Line {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
        self.longest = self.longest.max(x);
    }

    fn slope(&self) -> f64 {
        (self.count * self.xy - self.x * self.y) / (self.count * self.xx - self.x * self.x)
    }
}

/// Matches beeps and pictures.
#[derive(Debug)]
pub(super) struct Sync {
    /// Presentation time and UTC of the latest pictures.
    pictures: VecDeque<(i64, i64)>,
    /// Beeps that wait for the pictures after them.
    waiting: VecDeque<i64>,
    offsets: Distribution,
    distances: Distribution,
    line: Line,
    /// Presentation time of the first beep.
    origin: Option<i64>,
    /// The second of the last beep, and the presentation time of its sound minus UTC.
    last: Option<(i64, i64)>,
    last_offset: Option<i64>,
    /// Presentation time of the first picture.
    shown_from: Option<i64>,
    /// Presentation times of the first and last sound.
    sound: Option<(i64, i64)>,
    beeps: Beeps,
}

impl Sync {
    pub(super) fn new() -> Self {
        Self {
            pictures: VecDeque::new(),
            waiting: VecDeque::new(),
            offsets: Distribution::new(STEP),
            distances: Distribution::new(STEP),
            line: Line::default(),
            origin: None,
            last: None,
            last_offset: None,
            shown_from: None,
            sound: None,
            beeps: Beeps::default(),
        }
    }

    /// Adds a picture that shows a new frame.
    pub(super) fn show(&mut self, pts: i64, utc: i64) {
        self.shown_from.get_or_insert(pts);
        self.pictures.push_back((pts, utc));
        while self.pictures.front().is_some_and(|(first, _)| pts - first > REMEMBERED) {
            self.pictures.pop_front();
        }
        while self.waiting.front().is_some_and(|beep| pts - beep > AROUND) {
            let beep = self.waiting.pop_front();
            beep.into_iter().for_each(|beep| self.place(beep));
        }
    }

    /// Adds a buffer of sound with its beeps.
    pub(super) fn hear(&mut self, start: i64, end: i64, beeps: Vec<i64>) {
        self.sound = Some((self.sound.map_or(start, |(first, _)| first), end));
        let shown = self.pictures.back().map_or(i64::MIN, |(pts, _)| *pts);
        for beep in beeps {
            match shown.saturating_sub(beep) > AROUND {
                true => self.place(beep),
                false => self.waiting.push_back(beep),
            }
        }
    }

    /// Compares the last beeps, and counts the beeps that are missing at the end.
    pub(super) fn finish(&mut self) {
        while let Some(beep) = self.waiting.pop_front() {
            self.place(beep);
        }
        let (Some(first), Some((_, end))) = (self.first_audible(), self.sound) else { return };
        match self.last {
            Some((second, shift)) => {
                self.beeps.missing += ((end - AFTER - shift).div_euclid(SECOND) - second).clamp(0, LONGEST_LOSS) as u64;
            }
            None => {
                let shift = self.shift(|_| true).unwrap_or_default();
                let seconds = (end - AFTER - shift).div_euclid(SECOND) - (first - shift).div_euclid(SECOND);
                self.beeps.missing += seconds.max(0) as u64;
            }
        }
    }

    pub(super) const fn beeps(&self) -> Beeps {
        self.beeps
    }

    /// Median of the offsets in nanoseconds, positive where the sound is late, the distance that 95 % do not exceed, and the last
    /// offset.
    pub(super) fn offset(&self) -> Option<[i64; 3]> {
        Some([self.offsets.percentile(50)?, self.distances.percentile(95)?, self.last_offset?])
    }

    /// Growth of the offset, in parts of a million.
    pub(super) fn drift(&self) -> Option<f64> {
        (self.line.longest >= LEAST_DRIFT_TIME).then(|| self.line.slope() * 1e6)
    }

    /// Difference between presentation time and UTC of pictures.
    fn shift(&self, wanted: impl Fn(i64) -> bool) -> Option<i64> {
        let pictures = self.pictures.iter().filter(|(pts, _)| wanted(*pts));
        let mut shifts: Vec<_> = pictures.map(|(pts, utc)| pts - utc).collect();
        shifts.sort_unstable();
        shifts.get(shifts.len() / 2).copied()
    }

    /// Presentation time from which on a beep is recognised and there are pictures to compare it with.
    fn first_audible(&self) -> Option<i64> {
        let (start, _) = self.sound?;
        Some(self.shown_from?.max(start + BEFORE))
    }

    /// Compares a beep with the pictures around it. A beep before the first picture does not count.
    fn place(&mut self, beep: i64) {
        if self.shown_from.is_none_or(|first| beep < first) {
            return;
        }
        self.beeps.heard += 1;
        // During a freeze, no pictures surround the beep.
        let nearest = || self.pictures.iter().min_by_key(|(pts, _)| (pts - beep).abs()).map(|(pts, utc)| pts - utc);
        let Some(shift) = self.shift(|pts| (pts - beep).abs() <= AROUND).or_else(nearest) else { return };
        let utc = beep - shift;
        let second = (utc + SECOND / 2).div_euclid(SECOND);
        let offset = utc - second * SECOND;
        if self.last.is_some_and(|(last, _)| last == second) {
            self.beeps.extra += 1;
            return;
        }
        // The first second whose beep is in the sound.
        let first = self.first_audible().map(|start| (start - 1 - shift - offset).div_euclid(SECOND) + 1);
        let due = self.last.map(|(last, _)| last + 1).or(first).unwrap_or(second);
        let missing = second - due;
        if (1..=LONGEST_LOSS).contains(&missing) {
            self.beeps.missing += missing as u64;
        }
        self.last = Some((second, shift + offset));
        self.last_offset = Some(offset);
        self.offsets.add(offset);
        self.distances.add(offset.abs());
        let origin = *self.origin.get_or_insert(beep);
        self.line.add((beep - origin) as f64 / 1e9, offset as f64 / 1e9);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    /// UTC of presentation time 0, 200 ms before a second.
    const START: i64 = 1_796_013_227_800 * MS;

    /// Seconds of pictures, with beeps at these milliseconds of presentation time. The sound comes `ahead` of the pictures.
    fn matched(seconds: i64, beeps: &[i64], ahead: i64) -> Sync {
        let mut sync = Sync::new();
        for ms in (0..seconds * 1000 + ahead).step_by(20) {
            let (pts, sound) = ((ms - ahead) * MS, ms * MS);
            if pts >= 0 && ms % 40 == 0 {
                sync.show(pts, START + pts);
            }
            if ms < seconds * 1000 {
                let now = beeps.iter().map(|beep| beep * MS).filter(|beep| (sound..sound + 20 * MS).contains(beep));
                sync.hear(sound, sound + 20 * MS, now.collect());
            }
        }
        sync.finish();
        sync
    }

    #[track_caller]
    fn check(beeps: &[i64], offset: Option<i64>, expected: (u64, u64, u64)) {
        for ahead in [0, 2000] {
            let sync = matched(6, beeps, ahead);
            let Beeps { heard, missing, extra } = sync.beeps();
            assert_eq!((sync.offset().map(|[median, ..]| median / MS), (heard, missing, extra)), (offset, expected));
        }
    }

    #[test]
    fn each_beep_is_compared_with_its_second() {
        check(&[200, 1200, 2200, 3200, 4200, 5200], Some(0), (6, 0, 0));
        check(&[320, 1320, 2320, 3320, 4320, 5320], Some(120), (6, 0, 0));
        check(&[1140, 2140, 3140, 4140, 5140], Some(-60), (5, 0, 0));
    }

    #[test]
    fn beeps_that_are_missing_or_too_many_are_counted() {
        check(&[200, 1200, 3200, 4200, 5200], Some(0), (5, 1, 0));
        check(&[200, 1200, 1600, 2200, 3200, 4200, 5200], Some(0), (7, 0, 1));
        check(&[3200], Some(0), (1, 5, 0));
        check(&[], None, (0, 6, 0));
    }

    #[test]
    fn drift_is_the_slope_of_the_offset() {
        // Each second the sound is 1 ms later.
        let beeps: Vec<_> = (0..40).map(|second| 200 + second * 1001).collect();
        let drift = matched(40, &beeps, 0).drift().unwrap();
        assert!((drift - 1000.0).abs() < 1.0, "{drift}");
        assert_eq!(matched(6, &beeps[..6], 0).drift(), None);
    }
}
