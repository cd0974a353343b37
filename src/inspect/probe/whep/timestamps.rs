//! The timeline of pictures and sound of a WebRTC session. Their RTP timestamps begin anywhere; sender reports state which
//! timestamps are simultaneous (RFC 3550 6.4.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const VIDEO_RATE: i64 = 90_000;
const SOUND_RATE: i64 = 48_000;
const SECOND: i64 = 1_000_000_000;
/// A server may send the pictures since the last IDR picture first, closer together than pictures of any frame rate are. A
/// viewer does not see these pictures.
const LONGEST_CATCH_UP: u64 = 180;
/// Longest wait for sender reports. Then sound and picture that arrive simultaneously are simultaneous.
const REPORT_WITHIN: Duration = Duration::from_secs(7);
/// Most packets of sound that wait for sender reports.
const MOST_WAITING: usize = 1000;

/// A timestamp, and the time of the sender's clock since 1970 at that timestamp.
type Report = (u64, Duration);
/// A timestamp, and when it arrived.
type Arrival = (u64, Instant);

/// Converts RTP timestamps to nanoseconds since the first picture.
#[derive(Debug, Default)]
pub(super) struct Timestamps {
    /// The first and the last picture.
    pictures: Option<(Arrival, u64)>,
    /// Whether pictures are shown.
    is_shown: bool,
    report: Option<Report>,
    /// Sound before it is known when it is heard.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// A timestamp of sound, and its time in nanoseconds since the first picture.
    sound: Option<(u64, i64)>,
}

impl Timestamps {
    /// Time of a picture, and whether a viewer sees it.
    pub(super) fn picture(&mut self, (time, now): Arrival, report: Option<Report>) -> Option<(u64, bool)> {
        self.report = report.or(self.report);
        let ((first, _), last) = *self.pictures.get_or_insert(((time, now), time));
        self.is_shown |= time.saturating_sub(last) > LONGEST_CATCH_UP;
        if let Some((_, last)) = &mut self.pictures {
            *last = time;
        }
        let pts = since(first, time) * SECOND / VIDEO_RATE;
        Some((u64::try_from(pts).ok()?, self.is_shown))
    }

    /// Adds a packet of sound. Returns the packets whose times are known.
    pub(super) fn sound(
        &mut self,
        (time, now): Arrival,
        report: Option<Report>,
        packet: &[u8],
    ) -> impl Iterator<Item = (u64, Vec<u8>)> + use<> {
        self.waiting.push_back((time, packet.to_vec()));
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front();
        }
        self.sound = self.sound.or_else(|| self.place((time, now), report));
        let waiting = self.sound.map(|(origin, offset)| {
            let pts = move |time| u64::try_from(offset + since(origin, time) * SECOND / SOUND_RATE).ok();
            let waiting = std::mem::take(&mut self.waiting);
            waiting.into_iter().filter_map(move |(time, packet)| Some((pts(time)?, packet)))
        });
        waiting.into_iter().flatten()
    }

    /// The timestamp of a packet of sound and its time since the first picture.
    fn place(&self, (time, now): Arrival, report: Option<Report>) -> Option<(u64, i64)> {
        let ((first, began), _) = self.pictures?;
        if let (Some((picture, picture_utc)), Some((sound, sound_utc))) = (self.report, report) {
            let between = sound_utc.as_nanos() as i64 - picture_utc.as_nanos() as i64;
            return Some((sound, since(first, picture) * SECOND / VIDEO_RATE + between));
        }
        let waited = now.saturating_duration_since(began);
        (waited >= REPORT_WITHIN).then_some((time, waited.as_nanos() as i64))
    }
}

/// Ticks from one timestamp to another. Timestamps wrap.
fn since(from: u64, to: u64) -> i64 {
    i64::from((to as u32).wrapping_sub(from as u32).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000_000;

    /// A session that begins with three pictures 1 ms apart. The timestamps of the pictures wrap.
    fn begun(now: Instant, report: Option<Report>) -> Timestamps {
        let (mut timestamps, first) = (Timestamps::default(), (1 << 32) - 90);
        let shown = [0, 90, 180, 180 + 3600].map(|ticks| timestamps.picture((first + ticks, now), report));
        let expected =
            [(0, false), (1, false), (2, false), (42, true)].map(|(ms, shown)| Some((ms * MILLISECOND, shown)));
        assert_eq!(shown, expected);
        timestamps
    }

    #[test]
    fn sender_reports_state_which_sound_is_simultaneous_with_a_picture() {
        let (now, utc) = (Instant::now(), Duration::from_secs(1_795_232_428));
        // The timestamp of the second picture was that of `utc`.
        let mut timestamps = begun(now, Some((0, utc)));
        assert_eq!(timestamps.sound((4800, now), None, &[1]).count(), 0);
        let report = Some((5760, utc + Duration::from_millis(50)));
        let found: Vec<_> = timestamps.sound((5760, now), report, &[2]).collect();
        assert_eq!(found, [(31 * MILLISECOND, vec![1]), (51 * MILLISECOND, vec![2])]);
        // Later reports do not move the timeline.
        let found: Vec<_> = timestamps.sound((6720, now), Some((0, utc)), &[3]).collect();
        assert_eq!(found, [(71 * MILLISECOND, vec![3])]);
    }

    #[test]
    fn without_sender_reports_sound_is_simultaneous_with_the_pictures_that_arrive_with_it() {
        let now = Instant::now();
        let mut timestamps = begun(now, None);
        assert_eq!(timestamps.sound((960, now + Duration::from_secs(6)), None, &[1]).count(), 0);
        let found: Vec<_> = timestamps.sound((1920, now + Duration::from_secs(8)), None, &[2]).collect();
        assert_eq!(found, [(7980 * MILLISECOND, vec![1]), (8000 * MILLISECOND, vec![2])]);
    }
}
