//! A track that a client plays: the model of its buffer, and what it adds to the figures.

use std::cell::Cell;
use std::time::Duration;

use super::buffer::Buffer;
use super::client::{Client, micros};
use crate::inspect::fetch::Exchange;

/// Longest media that a client buffers, as players do.
const MOST_AHEAD: Duration = Duration::from_secs(30);

/// A piece of media that a track has received.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    /// Its start in microseconds since 1970, if it is known.
    pub(super) utc: Option<i128>,
    /// Its duration in microseconds.
    pub(super) micros: u64,
    /// Whether the client requested the media at the live edge, before or just after they became available.
    pub(super) is_live: bool,
}

/// A track of a client. Its figures are complete when it is dropped.
pub(super) struct Track<'a> {
    client: &'a Client<'a>,
    buffer: Buffer,
    counted: Cell<usize>,
    /// Start of the media that is played, in microseconds since 1970.
    start: Option<i128>,
    /// Microseconds of media before the point at which the client begins to play.
    skip: u64,
    /// If the client has requested media that the server is still encoding: the time of the request, and the time at which the
    /// media should be complete.
    growing: Option<(Duration, Duration)>,
}

impl<'a> Track<'a> {
    /// A track that begins to play `skip` microseconds after the start of the first media.
    pub(super) fn new(client: &'a Client<'a>, skip: u64) -> Self {
        Self { client, buffer: Buffer::new(Duration::ZERO), counted: Cell::new(0), start: None, skip, growing: None }
    }

    /// Adds media. If media arrive piece by piece, the track can play each piece when it arrives.
    pub(super) fn receive(&mut self, answer: &Exchange, media: Received) {
        self.growing = None;
        let now = self.client.elapsed();
        let asked = self.client.since_began(answer.moment);
        let total = answer.arrivals.last().map_or(0, |(bytes, _)| *bytes).max(1) as u64;
        let was_started = self.buffer.started.is_some();
        let mut added = 0;
        for (bytes, after) in &answer.arrivals {
            let until = media.micros * *bytes as u64 / total;
            let (piece, skipped) = (until - added, self.skip.min(until - added));
            added = until;
            self.skip -= skipped;
            self.start = self.start.or(media.utc.map(|utc| utc + i128::from(until - piece + skipped)));
            self.buffer.append(Duration::from_micros(piece - skipped), asked + *after);
        }
        let mut figures = self.client.figures.borrow_mut();
        if let (false, Some(started)) = (was_started, self.buffer.started) {
            figures.started += 1;
            figures.startup.count(started);
        }
        let after = |utc: i128, now: i128| Duration::from_micros(u64::try_from(now - utc).unwrap_or_default());
        if let Some(utc) = media.utc.filter(|_| media.is_live) {
            figures.late.count(after(utc + i128::from(media.micros), micros(answer.moment + answer.took)));
        }
        if let Some(start) = self.start {
            let played = start + self.buffer.position(now).as_micros() as i128;
            figures.latency.count(after(played, self.client.micros()));
        }
        drop(figures);
        self.count_stalls();
    }

    /// Records that the client has requested media of this duration that the server is still encoding. The track knows their
    /// arrival times only when the media are complete.
    pub(super) fn expect(&mut self, media: Duration) {
        let now = self.client.elapsed();
        self.growing = Some((now, now + 2 * media));
    }

    /// Resolves when the track has room for more media.
    pub(super) async fn room(&self) {
        let ahead = self.buffer.ahead(self.client.elapsed());
        tokio::time::sleep(ahead.saturating_sub(MOST_AHEAD)).await;
    }

    fn count_stalls(&self) {
        let new = &self.buffer.stalls[self.counted.get()..];
        let mut figures = self.client.figures.borrow_mut();
        figures.stalls += new.len() as u64;
        figures.stalled += new.iter().sum::<Duration>();
        self.counted.set(self.buffer.stalls.len());
    }

    /// Ends a track whose presentation has ended, so that the time afterwards is no stall.
    pub(super) fn ended(mut self) {
        self.buffer = Buffer::new(Duration::ZERO);
        self.counted.set(0);
    }
}

impl Drop for Track<'_> {
    fn drop(&mut self) {
        let now = self.client.elapsed();
        let known = self.growing.filter(|(_, whole)| now < *whole).map_or(now, |(asked, _)| asked);
        self.buffer.end(known);
        self.count_stalls();
    }
}
