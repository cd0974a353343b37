//! The session of a publisher: the task that passes what a client sends to the viewers of a stream, unchanged.

use std::time::{Duration, Instant};

use super::assembly::Assembly;
use super::connection::{Connection, Event, Permission};
use super::peer::{Kind, Outcome, Received};
use super::routes::Way;
use crate::base::timeline::{SAMPLE_RATE, UnixTime};
use crate::media::rtp::{self, VIDEO_CLOCK_RATE};
use crate::media::window::live::Relayed;
use crate::media::window::relay::Publication;
use crate::media::window::sound;
use crate::stream::ActiveOutput;

/// Shortest time between two requests for an IDR picture, which is many times larger than others.
const IDR_INTERVAL: Duration = Duration::from_secs(1);

/// One session.
pub(super) struct Publisher {
    pub(super) connection: Connection,
    /// The stream, which runs as long as the session exists.
    pub(super) output: ActiveOutput,
    pub(super) publication: Publication,
    /// Assembles the pictures, if the client sends any.
    pub(super) assembly: Option<Assembly>,
    pub(super) may_publish: Permission,
}

/// The state of a running session.
struct Running {
    connection: Connection,
    output: ActiveOutput,
    publication: Publication,
    assembly: Option<Assembly>,
    may_publish: Permission,
    video: Shift,
    audio: Shift,
    /// Newest packet of sound. Older ones are too late.
    heard: Option<u64>,
    idr: IdrRequests,
    losses: u64,
    nacks: u64,
    is_over: bool,
}

/// Makes timestamps of a publisher, which begin with an arbitrary one, those of UTC at the first packet.
#[derive(Debug, Clone, Copy)]
struct Shift {
    clock_rate: u32,
    ticks: Option<u32>,
}

/// Requests for IDR pictures, at a limited rate.
#[derive(Debug, Default)]
struct IdrRequests {
    is_wanted: bool,
    last: Option<Instant>,
}

impl Publisher {
    /// Runs until the client leaves or must leave.
    pub(super) async fn run(self) {
        let Self { connection, output, publication, assembly, may_publish } = self;
        let mut running = Running {
            connection,
            output,
            publication,
            assembly,
            may_publish,
            video: Shift { clock_rate: VIDEO_CLOCK_RATE, ticks: None },
            audio: Shift { clock_rate: SAMPLE_RATE, ticks: None },
            heard: None,
            idr: IdrRequests::default(),
            losses: 0,
            nacks: 0,
            is_over: false,
        };
        running.run().await;
        running.connection.close();
    }
}

impl Running {
    async fn run(&mut self) {
        while !self.is_over {
            let pending = self.assembly.as_ref().and_then(Assembly::deadline);
            let wake = [pending, self.idr.due()].into_iter().flatten().min();
            tokio::select! {
                event = self.connection.next(wake) => match event {
                    Event::Outcome(outcome, way) => self.act(outcome, way.as_ref()),
                    Event::Timeout => {
                        let outcome = self.connection.peer().advance(Instant::now());
                        self.act(outcome, None);
                    }
                    Event::Check => self.is_over |= !self.may_go_on(),
                    Event::End => return,
                },
                () = self.publication.idr_wanted() => self.idr.is_wanted = true,
            }
            self.show();
            self.request_idr();
        }
    }

    /// Handles the results of a call of str0m. `way` is the route of the packet that the call handled.
    fn act(&mut self, outcome: Outcome, way: Option<&Way>) {
        self.connection.act(&outcome, way);
        self.is_over |= outcome.closed;
        if let Some(nacks) = outcome.nacks {
            let metrics = &self.connection.shared.metrics.webrtc;
            metrics.retransmission_requests.inc_by(nacks.saturating_sub(self.nacks));
            self.nacks = nacks;
        }
        let (now, utc) = (Instant::now(), self.connection.shared.clock.now());
        for packet in outcome.received {
            let metrics = &self.connection.shared.metrics.webrtc;
            metrics.received_packets.inc();
            metrics.received_bytes.inc_by(packet.payload.len() as u64);
            match packet.kind {
                Kind::Video => {
                    if let Some(assembly) = &mut self.assembly {
                        assembly.add(packet, now);
                    }
                }
                Kind::Audio => self.send_sound(packet, utc),
            }
        }
    }

    /// Sends sound to the viewers when it arrives.
    fn send_sound(&mut self, packet: Received, now: UnixTime) {
        if self.heard.is_none_or(|heard| packet.sequence > heard) && !packet.payload.is_empty() {
            self.heard = Some(packet.sequence);
            let timestamp = self.audio.shifted(packet.timestamp, now);
            self.publication.add_sound(sound::Packet { timestamp, due: now, payload: packet.payload });
        }
    }

    /// Sends the pictures that are whole to the viewers.
    fn show(&mut self) {
        let Some(assembly) = &mut self.assembly else { return };
        let (now, utc) = (Instant::now(), self.connection.shared.clock.now());
        while let Some(picture) = assembly.pop(now) {
            let arrived = utc.saturating_sub(now.saturating_duration_since(picture.arrived));
            let timestamp = self.video.shifted(picture.timestamp, arrived);
            let (is_idr, payloads) = (picture.is_idr, picture.payloads);
            if is_idr {
                self.idr.is_wanted = false;
            }
            self.publication.add_picture(Relayed { is_idr, timestamp, arrived, payloads });
        }
        self.idr.is_wanted |= assembly.needs_idr();
        let metrics = &self.connection.shared.metrics.webrtc;
        metrics.interruptions.inc_by(assembly.losses - self.losses);
        self.losses = assembly.losses;
    }

    fn request_idr(&mut self) {
        let now = Instant::now();
        if self.connection.is_connected() && self.idr.take(now) {
            self.connection.shared.metrics.webrtc.idr_requests.inc();
            let outcome = self.connection.peer().request_idr(now);
            self.act(outcome, None);
        }
    }

    /// Whether the stream goes on, the client may still publish, and it has connected in time.
    fn may_go_on(&self) -> bool {
        self.connection.is_in_time() && !self.output.is_to_end() && (self.may_publish)()
    }
}

impl Shift {
    /// The timestamp of the viewers for one of the publisher that arrives at `now`.
    fn shifted(&mut self, timestamp: u32, now: UnixTime) -> u32 {
        let ticks = *self.ticks.get_or_insert_with(|| rtp::timestamp(now, self.clock_rate).wrapping_sub(timestamp));
        timestamp.wrapping_add(ticks)
    }
}

impl IdrRequests {
    /// When the next request may be sent, if one is wanted.
    fn due(&self) -> Option<Instant> {
        self.last.filter(|_| self.is_wanted).map(|last| last + IDR_INTERVAL)
    }

    /// Whether a request is to be sent now.
    fn take(&mut self, now: Instant) -> bool {
        let is_due = self.is_wanted && self.due().is_none_or(|due| due <= now);
        if is_due {
            (self.is_wanted, self.last) = (false, Some(now));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_continue_from_utc() {
        let mut shift = Shift { clock_rate: 48_000, ticks: None };
        let now = UnixTime::from_millis(1_795_232_428_800);
        let first = shift.shifted(u32::MAX - 100, now);
        assert_eq!(first, rtp::timestamp(now, 48_000));
        assert_eq!(shift.shifted(859, now + Duration::from_secs(3)).wrapping_sub(first), 960);
    }

    #[test]
    fn requests_for_idr_pictures_are_a_second_apart() {
        let (mut requests, now) = (IdrRequests::default(), Instant::now());
        assert!(!requests.take(now) && requests.due().is_none());
        requests.is_wanted = true;
        assert!(requests.take(now) && !requests.take(now));
        requests.is_wanted = true;
        let second = now + Duration::from_secs(1);
        assert!(!requests.take(second - Duration::from_millis(1)) && requests.due() == Some(second));
        assert!(requests.take(second));
    }
}
