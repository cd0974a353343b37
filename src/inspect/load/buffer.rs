//! The buffer of one track in a player that plays at normal speed. The player starts with the first media, and waits whenever
//! the buffer is empty. Pure; times count from any fixed moment.

use std::time::Duration;

/// Shortest wait that counts as a stall. In a shorter wait, two or three frames are late.
const LEAST_STALL: Duration = Duration::from_millis(100);

/// The buffer of a track.
#[derive(Debug)]
pub(super) struct Buffer {
    state: State,
    /// Duration of all received media.
    filled: Duration,
    /// Durations of the waits after the start.
    pub(super) stalls: Vec<Duration>,
    /// When the first media could be played.
    pub(super) started: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Waiting { since: Duration },
    Playing { since: Duration, from: Duration },
}

impl Buffer {
    /// An empty buffer of a client that begins at `began`.
    pub(super) const fn new(began: Duration) -> Self {
        let state = State::Waiting { since: began };
        Self { state, filled: Duration::ZERO, stalls: Vec::new(), started: None }
    }

    /// Adds media that arrived at `at`. Times never decrease.
    pub(super) fn append(&mut self, media: Duration, at: Duration) {
        if media.is_zero() {
            return;
        }
        self.advance(at);
        if let State::Waiting { since } = self.state {
            self.resume(at.saturating_sub(since));
            self.started = self.started.or(Some(at));
            self.state = State::Playing { since: at, from: self.filled };
        }
        self.filled += media;
    }

    /// Media played at `at`.
    pub(super) fn position(&self, at: Duration) -> Duration {
        match self.state {
            State::Waiting { .. } => self.filled,
            State::Playing { since, from } => (from + at.saturating_sub(since)).min(self.filled),
        }
    }

    /// Media that is received and not yet played at `at`.
    pub(super) fn ahead(&self, at: Duration) -> Duration {
        self.filled.saturating_sub(self.position(at))
    }

    /// Counts a wait that lasts until `at`, the end of the client.
    pub(super) fn end(&mut self, at: Duration) {
        self.advance(at);
        if let State::Waiting { since } = self.state {
            self.resume(at.saturating_sub(since));
            self.state = State::Waiting { since: at };
        }
    }

    fn advance(&mut self, at: Duration) {
        if let State::Playing { since, from } = self.state {
            let empty = since + self.filled.saturating_sub(from);
            if at > empty {
                self.state = State::Waiting { since: empty };
            }
        }
    }

    fn resume(&mut self, waited: Duration) {
        if self.started.is_some() && waited >= LEAST_STALL {
            self.stalls.push(waited);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_client_starts_with_the_first_media_and_stalls_when_nothing_is_left() {
        let mut buffer = Buffer::new(ms(100));
        buffer.append(ms(2000), ms(400));
        assert_eq!((buffer.started, buffer.position(ms(900))), (Some(ms(400)), ms(500)));
        buffer.append(ms(2000), ms(2350));
        assert_eq!((buffer.ahead(ms(2350)), buffer.stalls.len()), (ms(2050), 0));
        // Empty at 4400 ms.
        assert_eq!(buffer.position(ms(5000)), ms(4000));
        buffer.append(ms(1000), ms(5000));
        assert_eq!((buffer.stalls.clone(), buffer.position(ms(5100))), (vec![ms(600)], ms(4100)));
        // A wait of 50 ms is none.
        buffer.append(ms(1000), ms(6050));
        buffer.end(ms(7000));
        assert_eq!(buffer.stalls.len(), 1);
        buffer.end(ms(8050));
        assert_eq!(buffer.stalls, [ms(600), ms(1000)]);
    }

    #[test]
    fn a_client_without_media_has_not_started_and_has_no_stall() {
        let mut buffer = Buffer::new(ms(0));
        buffer.append(ms(0), ms(5));
        buffer.end(ms(60_000));
        assert_eq!((buffer.started, buffer.stalls.len()), (None, 0));
    }
}
