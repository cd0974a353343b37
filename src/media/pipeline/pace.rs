//! The pace of a run against UTC, frame by frame. Pure: the time is an argument.

use std::time::Duration;

use crate::base::timeline::UnixTime;

/// Time between two readings of the clock that no work explains: the clock was set, or the process was suspended.
const JUMP: Duration = Duration::from_secs(2);

/// What to do with a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is due after this time.
    Wait(Duration),
    /// It is due.
    Go,
    /// It is due after a jump of the clock by this time; the missing frames are rendered as fast as possible.
    Jumped(Duration),
    /// The run is this far behind UTC: a new run nearer to the current time should replace it.
    Late(Duration),
}

/// The pace of one track of one run.
#[derive(Debug)]
pub(super) struct Pace {
    segment: Duration,
    window: Duration,
    /// The largest delay that is not late: one segment, or for a run that catches up its delay at the start.
    allowed: Option<Duration>,
    last: Option<UnixTime>,
}

impl Pace {
    /// A run that has yet to catch up; frames that have left the `window` are not worth rendering.
    pub(super) fn new(segment: Duration, window: Duration) -> Self {
        Self { segment, window, allowed: None, last: None }
    }

    /// Judges the frame that is due at `due`.
    pub(super) fn judge(&mut self, due: UnixTime, now: UnixTime) -> Verdict {
        let unexplained = self.last.is_some_and(|last| now.saturating_since(last) > self.segment.max(JUMP));
        self.last = Some(now);
        let wait = due.saturating_since(now);
        if !wait.is_zero() {
            self.allowed = Some(self.segment);
            return Verdict::Wait(wait);
        }
        let behind = now.saturating_since(due);
        let allowed = *self.allowed.get_or_insert(behind + self.segment);
        match behind > allowed {
            true if unexplained && behind <= self.window => {
                self.allowed = Some(behind + self.segment);
                Verdict::Jumped(behind)
            }
            true => Verdict::Late(behind),
            false => Verdict::Go,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_795_232_428_800;

    fn at(millis: u64) -> UnixTime {
        UnixTime::from_millis(START + millis)
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// On time at 0.
    fn pace() -> Pace {
        let mut pace = Pace::new(ms(1920), ms(60_000));
        assert_eq!(pace.judge(at(40), at(0)), Verdict::Wait(ms(40)));
        pace
    }

    #[test]
    fn a_run_may_begin_far_behind_and_has_to_catch_up() {
        let mut pace = Pace::new(ms(1920), ms(60_000));
        assert_eq!(pace.judge(at(0), at(20_000)), Verdict::Go);
        assert_eq!(pace.judge(at(40), at(20_001)), Verdict::Go);
        assert_eq!(pace.judge(at(80), at(21_500)), Verdict::Go);
        assert_eq!(pace.judge(at(120), at(22_500)), Verdict::Late(ms(22_380)));
    }

    #[test]
    fn a_run_slower_than_real_time_is_late_after_a_segment() {
        let mut pace = pace();
        let verdicts: Vec<_> = (1..60).map(|frame| pace.judge(at(frame * 40), at(frame * 80))).collect();
        assert!(verdicts[..48].iter().all(|verdict| *verdict == Verdict::Go));
        assert_eq!(verdicts[48], Verdict::Late(ms(1960)));
    }

    #[test]
    fn a_short_suspension_is_caught_up() {
        let mut pace = pace();
        assert_eq!(pace.judge(at(40), at(30_040)), Verdict::Jumped(ms(30_000)));
        assert_eq!(pace.judge(at(80), at(30_050)), Verdict::Go);
        assert_eq!(pace.judge(at(30_120), at(30_100)), Verdict::Wait(ms(20)));
        assert_eq!(pace.judge(at(30_120), at(30_120)), Verdict::Go);
    }

    #[test]
    fn a_suspension_longer_than_the_window_is_late() {
        assert_eq!(pace().judge(at(40), at(70_040)), Verdict::Late(ms(70_000)));
    }

    #[test]
    fn a_step_back_waits() {
        let mut pace = pace();
        assert_eq!(pace.judge(at(5040), at(40)), Verdict::Wait(ms(5000)));
        assert_eq!(pace.judge(at(5040), at(5040)), Verdict::Go);
    }
}
