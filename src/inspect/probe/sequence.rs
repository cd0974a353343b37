//! Finds pictures that the chain has dropped, repeated, swapped or made unreadable, and freezes. A conversion of the frame rate
//! counts as none of these: it drops or repeats pictures at regular intervals.

use std::collections::VecDeque;

use crate::base::timeline::{Rate, UnixTime};
use crate::media::signal::Timecode;

/// Shortest freeze: nanoseconds that a picture is shown beyond its duration.
pub(super) const LEAST_FREEZE: i64 = 300_000_000;
/// Number of pictures before and after a picture from which the frame rate around it is computed.
const NEIGHBOURS: usize = 12;
/// Smallest jump: change of the difference between the time in the strips and the presentation time, in nanoseconds.
const LEAST_JUMP: i64 = 250_000_000;
/// Longest jump whose skipped frames count as dropped, in nanoseconds. After a longer jump, the source is another one.
const LONGEST_LOSS: i64 = 60_000_000_000;
/// Longest time, in nanoseconds, by which a picture may come after its successors and count as out of order. A longer time is
/// a jump.
const LONGEST_SWAP: i64 = 1_000_000_000;
/// Largest relative difference between two frame rates that is no conversion. Containers round timestamps to milliseconds.
const ROUNDING: f64 = 0.03;
/// Number of missing frames that are stored, because a late picture may still show one of them.
const MOST_HOLES: usize = 64;
/// Most freezes that are listed. All are counted.
const MOST_FREEZES: usize = 1000;
const SECOND: f64 = 1e9;

/// A picture on the timeline of the player.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    /// Presentation time in nanoseconds.
    pub(super) pts: i64,
    /// The strip, if it can be read.
    pub(super) strip: Option<Timecode>,
}

/// Kinds of freezes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FreezeKind {
    /// The same picture came again and again.
    Repeated,
    /// The timeline contains no pictures for some time.
    Gap,
    /// Pictures came too late.
    Stall,
}

/// A picture that was shown too long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Freeze {
    /// UTC of the picture.
    pub(super) utc: UnixTime,
    /// Nanoseconds that the picture was shown beyond its duration.
    pub(super) length: i64,
    pub(super) kind: FreezeKind,
}

/// Numbers of pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Different frames.
    pub(super) seen: u64,
    /// Missing frames.
    pub(super) dropped: u64,
    /// Missing frames in freezes.
    pub(super) frozen: u64,
    pub(super) repeated: u64,
    pub(super) out_of_order: u64,
    pub(super) unreadable: u64,
    /// Jumps between the time in the strips and the presentation time.
    pub(super) jumps: u64,
    pub(super) freezes: u64,
}

/// Successive pictures that show the same frame.
#[derive(Debug, Clone, Copy)]
struct Run {
    frame: u64,
    utc: i64,
    first: i64,
    last: i64,
    pictures: u64,
}

/// Judges pictures in the order of presentation.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The pictures around the picture that is judged next.
    points: VecDeque<Point>,
    judged: usize,
    rate: Option<Rate>,
    run: Option<Run>,
    /// Missing frames of the last gap.
    holes: VecDeque<u64>,
    /// Pictures without a strip since the last one with a strip.
    unreadable: u64,
    counts: Counts,
    freezes: Vec<Freeze>,
    interval: f64,
}

impl Sequence {
    /// Adds the next picture, which is judged when its successors are there.
    pub(super) fn add(&mut self, point: Point) {
        self.points.push_back(point);
        if self.points.len() > self.judged + NEIGHBOURS {
            self.judge_next();
        }
    }

    /// Judges the last pictures.
    pub(super) fn finish(&mut self) {
        while self.judged < self.points.len() {
            self.judge_next();
        }
        if let Some(run) = self.run.take() {
            self.close(run, run.last + self.interval as i64, 0);
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn freezes(&self) -> &[Freeze] {
        &self.freezes
    }

    /// Adds a freeze that another module has found.
    pub(super) fn add_freeze(&mut self, freeze: Freeze) {
        self.counts.freezes += 1;
        if self.freezes.len() < MOST_FREEZES {
            self.freezes.push(freeze);
        }
    }

    /// Frame rate of the source, derived from the strips.
    pub(super) const fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// Frames per second on the timeline.
    pub(super) fn shown_rate(&self) -> Option<f64> {
        (self.interval > 0.0).then(|| SECOND / self.interval)
    }

    fn judge_next(&mut self) {
        self.interval = interval(&self.points).unwrap_or(self.interval);
        let point = self.points[self.judged];
        self.judged += 1;
        self.judge(point);
        if self.judged > NEIGHBOURS {
            self.points.pop_front();
            self.judged -= 1;
        }
    }

    fn judge(&mut self, Point { pts, strip }: Point) {
        let Some((timecode, rate)) = strip.and_then(|strip| Some((strip, rate_of(strip, self.rate)?))) else {
            self.counts.unreadable += 1;
            self.unreadable += 1;
            return;
        };
        let utc = rate.frame_start(timecode.frame).as_nanos() as i64;
        let next = Run { frame: timecode.frame, utc, first: pts, last: pts, pictures: 1 };
        let run = self.run.filter(|_| self.rate == Some(rate));
        self.rate = Some(rate);
        match run {
            Some(run) if next.frame == run.frame => {
                self.run = Some(Run { last: pts, pictures: run.pictures + 1, ..run });
            }
            Some(run) if next.frame < run.frame => self.step_back(run, next),
            Some(run) => self.step(run, next),
            None => self.begin(next),
        }
        self.unreadable = 0;
    }

    fn begin(&mut self, run: Run) {
        self.counts.seen += 1;
        self.holes.clear();
        self.run = Some(run);
    }

    /// Handles `next`, which shows a later frame than `run`.
    fn step(&mut self, run: Run, next: Run) {
        let step = next.frame - run.frame;
        let advance = next.utc - run.utc;
        let agrees = |from: i64| (advance - (next.first - from)).abs() < LEAST_JUMP;
        let is_jump = !agrees(run.first) && !agrees(run.last);
        self.counts.jumps += u64::from(is_jump);
        let (period, interval) = self.periods();
        // If the conversion drops frames: largest step from one shown frame to the next.
        let down = (period_ratio(interval, period) as u64).max(1);
        let missing = match (down, step > down) {
            (1, _) => step - 1,
            (_, true) => ((step as f64 * period / interval).round() as u64).saturating_sub(1),
            (_, false) => 0,
        };
        let missing = if is_jump && advance > LONGEST_LOSS { 0 } else { missing.saturating_sub(self.unreadable) };
        let dropped = self.close(run, next.first, missing);
        self.begin(next);
        if dropped && down == 1 {
            self.holes.extend((run.frame + 1..next.frame).take(MOST_HOLES));
        }
    }

    /// Handles `next`, which shows an earlier frame than `run`.
    fn step_back(&mut self, run: Run, next: Run) {
        if let Some(hole) = self.holes.iter().position(|frame| *frame == next.frame) {
            self.holes.remove(hole);
            self.counts.dropped = self.counts.dropped.saturating_sub(1);
            self.counts.seen += 1;
            self.counts.out_of_order += 1;
        } else if run.utc - next.utc <= LONGEST_SWAP {
            self.counts.out_of_order += 1;
        } else {
            self.counts.jumps += 1;
            self.close(run, next.first, 0);
            self.begin(next);
        }
    }

    /// Counts repeated, frozen and dropped frames from the first picture of `run` until `end`, where a later picture follows
    /// after `missing` frames. Returns whether these frames were dropped, in contrast to a freeze.
    fn close(&mut self, run: Run, end: i64, missing: u64) -> bool {
        let (period, interval) = self.periods();
        // If the conversion repeats frames: most pictures of one frame.
        let up = (period_ratio(period, interval) as u64).max(1);
        let excess = run.pictures.saturating_sub(up);
        let length = end - run.first - period.max(interval) as i64;
        if length < LEAST_FREEZE {
            self.counts.repeated += excess;
            self.counts.dropped += missing;
            return true;
        }
        let is_repeated = 2.0 * excess as f64 * interval >= length as f64;
        let kind = if is_repeated { FreezeKind::Repeated } else { FreezeKind::Gap };
        self.add_freeze(Freeze { utc: UnixTime::from_nanos(run.utc as u64), length, kind });
        match is_repeated {
            true => self.counts.frozen += missing,
            false => self.counts.dropped += missing,
        }
        !is_repeated
    }

    /// Nanoseconds from frame to frame in the source, and from picture to picture on the timeline.
    fn periods(&self) -> (f64, f64) {
        let period = self.rate.map_or(0.0, |rate| f64::from(rate.den()) * SECOND / f64::from(rate.num()));
        (period, if self.interval > 0.0 { self.interval } else { period })
    }
}

/// `a`/`b`, rounded up unless it is a little more than a whole number.
fn period_ratio(a: f64, b: f64) -> f64 {
    (a / b - ROUNDING).ceil()
}

/// Usual distance between pictures in nanoseconds.
fn interval(points: &VecDeque<Point>) -> Option<f64> {
    let pairs = points.iter().zip(points.iter().skip(1));
    let mut steps: Vec<i64> = pairs.map(|(a, b)| b.pts - a.pts).filter(|step| *step > 0).collect();
    steps.sort_unstable();
    let median = *steps.get(steps.len() / 2)?;
    let usual: Vec<_> = steps.iter().filter(|step| (**step - median).abs() * 4 <= median).collect();
    Some(usual.iter().map(|step| **step as f64).sum::<f64>() / usual.len() as f64)
}

/// The frame rate at which the frame of a strip starts at the time of the strip. Tries `known` first.
pub(super) fn rate_of(timecode: Timecode, known: Option<Rate>) -> Option<Rate> {
    let Timecode { time_ms, frame } = timecode;
    let fits = |rate: &Rate| rate.frame_millis(frame) == time_ms;
    known.filter(fits).or_else(|| {
        (1..=1001_u32).find_map(|den| {
            let product = u128::from(frame) * u128::from(den) * 1000;
            let num = (product + u128::from(time_ms) / 2).checked_div(u128::from(time_ms))?;
            Rate::new(u32::try_from(num).ok()?, den).filter(fits)
        })
    })
}

#[cfg(test)]
mod tests;
