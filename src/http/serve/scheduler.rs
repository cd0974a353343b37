//! Order of sending among the responses of one HTTP/2 connection. Urgent responses go first (RFC 9218 10), as long as
//! they have data to send and the client reads it.

use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::priority::Priority;

/// How long a response keeps its precedence after it sent a piece. Only time shows that a client does not read a
/// response; at 1 Mbit/s the next piece is requested well before.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// Factor of the time limit for one response while others make progress.
const STALL_FACTOR: u32 = 10;

/// The responses of a connection that have started and not ended.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    scheduler: Vec<Response>,
    next: u64,
}

#[derive(Debug)]
struct Response {
    id: u64,
    priority: Priority,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It has no data to send yet.
    Waiting,
    /// It sent its last piece at this moment.
    Sending(Instant),
    /// It has data, and lets others go first until this moment.
    Held(Instant, Waker),
}

impl Scheduler {
    /// Adds a response that has no data yet. Returns its id.
    pub(super) fn join(&mut self, priority: Priority) -> u64 {
        self.next += 1;
        self.scheduler.push(Response { id: self.next, priority, state: State::Waiting });
        self.next
    }

    /// Asks to send the next piece of response `id`: `None` if it may send now. Otherwise it asks again at the
    /// returned moment, or when `waker` is woken.
    pub(super) fn hold(&mut self, id: u64, now: Instant, waker: &Waker) -> Option<Instant> {
        let own = self.scheduler.iter().position(|lane| lane.id == id)?;
        let before = self.scheduler.iter().filter(|lane| lane.is_before(&self.scheduler[own]));
        let until = before.filter_map(Response::ahead_until).filter(|until| *until > now).max();
        self.scheduler[own].state = match until {
            Some(until) => State::Held(until, waker.clone()),
            None => State::Sending(now),
        };
        until
    }

    /// Response `id` has no data for the moment.
    pub(super) fn wait(&mut self, id: u64) {
        if let Some(lane) = self.scheduler.iter_mut().find(|lane| lane.id == id) {
            lane.state = State::Waiting;
        }
        self.wake();
    }

    /// Response `id` is complete or aborted.
    pub(super) fn leave(&mut self, id: u64) {
        self.scheduler.retain(|lane| lane.id != id);
        self.wake();
    }

    /// Whether the client has read nothing for `limit`, or nothing of one response for [`STALL_FACTOR`] times as long, since
    /// other responses may precede it.
    pub(super) fn is_stuck(&self, now: Instant, limit: Duration) -> bool {
        let sent = self.scheduler.iter().filter_map(|lane| match lane.state {
            State::Sending(at) => Some(at),
            State::Waiting | State::Held(..) => None,
        });
        let has_passed = |at: Option<Instant>, time| at.is_some_and(|at| at + time <= now);
        has_passed(sent.clone().max(), limit) || has_passed(sent.min(), limit * STALL_FACTOR)
    }

    fn wake(&self) {
        for lane in &self.scheduler {
            if let State::Held(_, waker) = &lane.state {
                waker.wake_by_ref();
            }
        }
    }
}

impl Response {
    /// Whether this response goes before `other`: by urgency; responses of the same urgency that are useful only as a
    /// whole go one after another, in the order of their requests.
    fn is_before(&self, other: &Self) -> bool {
        let (one, two) = (self.priority, other.priority);
        let in_turn = !one.incremental && !two.incremental && self.id < other.id;
        one.urgency < two.urgency || (one.urgency == two.urgency && in_turn)
    }

    /// Until when this response precedes less urgent ones. A held response gives way at the same moment as the
    /// responses that it waits for.
    fn ahead_until(&self) -> Option<Instant> {
        match self.state {
            State::Waiting => None,
            State::Sending(at) => Some(at + GRACE),
            State::Held(until, _) => Some(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn with(priorities: &[(u8, bool)]) -> (Scheduler, Vec<u64>) {
        let mut scheduler = Scheduler::default();
        let join = |&(urgency, incremental): &_| scheduler.join(Priority { urgency, incremental });
        let ids = priorities.iter().map(join).collect();
        (scheduler, ids)
    }

    fn may(scheduler: &mut Scheduler, id: u64, now: Instant) -> bool {
        scheduler.hold(id, now, Waker::noop()).is_none()
    }

    #[test]
    fn urgent_responses_go_first_while_they_send() {
        let (mut scheduler, ids) = with(&[(4, false), (1, false)]);
        let now = Instant::now();
        assert!(may(&mut scheduler, ids[0], now), "the urgent one has nothing yet");
        assert!(may(&mut scheduler, ids[1], now));
        assert!(!may(&mut scheduler, ids[0], now));
        assert!(may(&mut scheduler, ids[1], now + GRACE / 2));
        assert!(!may(&mut scheduler, ids[0], now + GRACE), "the urgent one has gone on");
        scheduler.leave(ids[1]);
        assert!(may(&mut scheduler, ids[0], now + GRACE));
    }

    #[test]
    fn a_response_that_waits_for_media_delays_no_other() {
        let (mut scheduler, ids) = with(&[(0, false), (7, false)]);
        let now = Instant::now();
        assert!(may(&mut scheduler, ids[0], now));
        let bell = Arc::new(Bell::default());
        assert_eq!(scheduler.hold(ids[1], now, &Waker::from(Arc::clone(&bell))), Some(now + GRACE));
        scheduler.wait(ids[0]);
        assert_eq!(bell.0.load(Ordering::Relaxed), 1, "it is told");
        assert!(may(&mut scheduler, ids[1], now));
        assert!(may(&mut scheduler, ids[0], now), "nobody waits for the less urgent");
    }

    #[test]
    fn a_response_that_the_client_does_not_read_loses_precedence() {
        let (mut scheduler, ids) = with(&[(0, false), (3, false), (7, false)]);
        let now = Instant::now();
        assert!(may(&mut scheduler, ids[0], now));
        assert!(!may(&mut scheduler, ids[1], now) && !may(&mut scheduler, ids[2], now));
        let later = now + GRACE;
        assert!(may(&mut scheduler, ids[2], later), "one that is held does not hold for longer");
        assert!(may(&mut scheduler, ids[1], later));
        assert!(!may(&mut scheduler, ids[2], later), "the order is kept among the others");
    }

    #[test]
    fn only_incremental_responses_of_one_urgency_share_bandwidth() {
        let (mut scheduler, ids) = with(&[(3, false), (3, false), (3, true), (3, true)]);
        let now = Instant::now();
        assert!(may(&mut scheduler, ids[0], now));
        assert!(!may(&mut scheduler, ids[1], now));
        assert!(may(&mut scheduler, ids[2], now) && may(&mut scheduler, ids[3], now));
        scheduler.leave(ids[0]);
        assert!(may(&mut scheduler, ids[1], now));
    }

    #[test]
    fn one_response_may_stall_longer_while_others_progress() {
        let (mut scheduler, ids) = with(&[(0, true), (0, true)]);
        let now = Instant::now();
        assert!(may(&mut scheduler, ids[0], now) && may(&mut scheduler, ids[1], now + GRACE));
        assert!(!scheduler.is_stuck(now + GRACE, GRACE));
        assert!(may(&mut scheduler, ids[1], now + GRACE * STALL_FACTOR));
        assert!(scheduler.is_stuck(now + GRACE * STALL_FACTOR, GRACE));
    }

    #[test]
    fn only_a_response_with_data_can_stall() {
        let (mut scheduler, ids) = with(&[(0, false), (1, false)]);
        let now = Instant::now();
        assert!(!scheduler.is_stuck(now, Duration::ZERO));
        assert!(may(&mut scheduler, ids[0], now) && !may(&mut scheduler, ids[1], now));
        assert!(scheduler.is_stuck(now + GRACE, GRACE) && !scheduler.is_stuck(now, GRACE));
        scheduler.wait(ids[0]);
        assert!(!scheduler.is_stuck(now + GRACE, GRACE), "one waits, one is held");
    }
}
