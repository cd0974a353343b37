//! The packets of one session in the order in which they leave, each with its time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pace::Pace;
use super::peer::{Kind, Packet};
use crate::media::rtp;
use crate::media::window::live::{Group, Picture};

/// Longest delay of packets behind earlier packets. If a packet is later, the schedule drops it, and the client gets the
/// newest group of pictures instead.
const MAX_LAG: Duration = Duration::from_millis(500);
/// Shortest time between two replays of a group of pictures.
const REPLAY_INTERVAL: Duration = Duration::from_millis(500);

/// If the next IDR picture comes within this time, the client gets no replay.
const IDR_SOON: Duration = Duration::from_millis(150);

/// The pictures of one session.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    packets: VecDeque<(Instant, Packet)>,
    /// The newest picture that the packets contain.
    newest: Option<Arc<Picture>>,
    /// Timestamp of that picture.
    timestamp: Option<u32>,
    /// Whether the client needs a whole group of pictures.
    is_lost: bool,
    replayed: Option<Instant>,
    /// The client gets groups of pictures that begin after this frame.
    waits_after: Option<u64>,
}

/// The times that matter when pictures are added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) now: Instant,
    /// When the newest picture is due.
    pub(super) due: Instant,
    /// When the next IDR picture is due, if that is known.
    pub(super) idr: Option<Instant>,
}

impl Schedule {
    /// The client has lost the picture. It gets all of the group of pictures with the next picture.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Drops all packets that have not left. The client gets pictures again from the next IDR picture on.
    pub(super) fn skip(&mut self) {
        self.packets.clear();
        self.waits_after = self.newest.as_ref().map(|newest| newest.frame);
    }

    /// Adds the pictures of the group that the client lacks. Returns whether the client gets past pictures again.
    pub(super) fn add(&mut self, group: &Group, times: Times) -> bool {
        if self.waits_after.is_some_and(|frame| group.pictures[0].frame <= frame) {
            return false;
        }
        self.waits_after = None;
        if self.packets.back().is_some_and(|(last, _)| *last > times.now + MAX_LAG) {
            self.packets.clear();
            self.newest = None;
        }
        let may_replay = self.replayed.is_none_or(|replayed| times.now >= replayed + REPLAY_INTERVAL);
        if self.is_lost && may_replay && group.pictures[0].is_idr() {
            (self.is_lost, self.newest) = (false, None);
        }
        let pictures = group.after(self.newest.as_ref());
        let is_next = |newest: &Arc<Picture>| pictures.first().is_some_and(|first| first.frame == newest.frame + 1);
        let is_replay = pictures.len() > 1 && !self.newest.as_ref().is_some_and(is_next);
        if is_replay && times.idr.is_some_and(|idr| idr <= times.now + IDR_SOON) {
            return false;
        }
        if is_replay {
            self.replayed = Some(times.now);
        }
        self.append(pictures, if is_replay { Pace::Replay } else { Pace::Live }, times);
        is_replay
    }

    fn append(&mut self, pictures: &[Arc<Picture>], pace: Pace, times: Times) {
        let Some(newest) = pictures.last() else { return };
        let timestamps: Vec<_> = match pace {
            Pace::Live => pictures.iter().map(|picture| picture.timestamp).collect(),
            Pace::Replay => rtp::catch_up(self.timestamp, newest.timestamp, pictures.len()).collect(),
        };
        let count = pictures.iter().map(|picture| picture.payloads().len()).sum();
        let begin = self.packets.back().map_or(times.now, |(last, _)| times.now.max(*last));
        let mut index = 0;
        for (picture, timestamp) in pictures.iter().zip(timestamps) {
            let payloads = picture.payloads();
            for (place, payload) in payloads.iter().enumerate() {
                let (is_last, payload) = (place + 1 == payloads.len(), Arc::clone(payload));
                let packet = Packet { kind: Kind::Video, timestamp, due: times.due, is_last, payload };
                self.packets.push_back((begin + pace.delay(index, count), packet));
                index += 1;
            }
        }
        (self.timestamp, self.newest) = (Some(newest.timestamp), Some(Arc::clone(newest)));
    }

    /// Whether the client lacks pictures until the next IDR picture.
    pub(super) fn lacks(&self, group: &Group) -> bool {
        !self.newest.as_ref().is_some_and(|newest| Arc::ptr_eq(newest, group.newest()))
    }

    /// Time at which the next packet leaves.
    pub(super) fn next(&self) -> Option<Instant> {
        self.packets.front().map(|(at, _)| *at)
    }

    /// The next packet if it leaves until `now`, and how late it is.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(Packet, Duration)> {
        let (at, _) = self.packets.front().filter(|(at, _)| *at <= now)?;
        let late = now.saturating_duration_since(*at);
        self.packets.pop_front().map(|(_, packet)| (packet, late))
    }
}
