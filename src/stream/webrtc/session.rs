//! The session of a viewer: the task that sends the tracks of a stream to a client. No other task waits for a session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Connection, Event, Permission};
use super::peer::Outcome;
use super::routes::Way;
use super::schedule::Schedule;
use super::sdp;
use super::source::{self, Pictures, Sound};
use crate::media::window::{live, sound};
use crate::stream::ActiveOutput;
use crate::stream::audience::Watching;

/// Packets leave together if their times differ by no more than this, which is less than the resolution of timers.
pub(super) const TOGETHER: Duration = Duration::from_micros(500);

/// The tracks of a session.
pub(super) struct Tracks {
    /// The stream, which runs as long as the session exists.
    pub(super) output: ActiveOutput,
    /// Counts the viewer.
    pub(super) _watching: Watching,
    /// The pictures, and the codec that the client decodes.
    pub(super) pictures: Option<Pictures>,
    pub(super) sound: Option<Sound>,
    pub(super) may_watch: Permission,
}

/// One session.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) tracks: Tracks,
}

/// The state of a running session.
struct Running {
    connection: Connection,
    tracks: Tracks,
    schedule: Schedule,
    sound: Option<sound::Follower>,
    nacks: u64,
    is_over: bool,
}

impl Session {
    /// Runs until the client leaves or must leave.
    pub(super) async fn run(self) {
        let Self { connection, tracks } = self;
        let (schedule, sound) = (Schedule::default(), None);
        let mut running = Running { connection, tracks, schedule, sound, nacks: 0, is_over: false };
        running.run().await;
        running.connection.close();
    }
}

impl Running {
    async fn run(&mut self) {
        while !self.is_over {
            let (wake, is_connected) = (self.schedule.next(), self.connection.is_connected());
            tokio::select! {
                event = self.connection.next(wake) => match event {
                    Event::Outcome(outcome, way) => self.act(&outcome, way.as_ref()),
                    Event::Timeout => self.send_due(),
                    Event::Check => self.is_over |= !self.may_go_on(),
                    Event::End => return,
                },
                changed = source::next_picture(&mut self.tracks.pictures), if is_connected => match changed {
                    Ok(()) => self.show(),
                    Err(live::Gone) => return,
                },
                packet = source::next_sound(&mut self.sound) => self.send_sound(packet),
            }
        }
    }

    /// Schedules the pictures that the client lacks.
    fn show(&mut self) {
        let Tracks { pictures, output, .. } = &mut self.tracks;
        let Some((follower, codec)) = pictures else { return };
        let Some(group) = follower.group() else { return };
        if !sdp::decodes(*codec, group.codec) {
            // The client has to negotiate again.
            self.is_over = true;
            return;
        }
        let times = source::times(&group, output, &self.connection.shared.clock);
        if self.schedule.add(&group, times) {
            self.connection.shared.metrics.webrtc.replays.inc();
        }
        if self.schedule.lacks(&group) {
            self.request_idr();
        }
        self.send_due();
    }

    /// Requests an IDR picture of a publisher. An encoder of the test signal sends them at fixed times.
    fn request_idr(&self) {
        if self.tracks.output.spec.is_published() {
            self.tracks.output.relay.request_idr();
        }
    }

    fn send_sound(&mut self, packet: Result<Arc<sound::Packet>, sound::Gone>) {
        let Ok(packet) = packet else {
            self.sound = None;
            return;
        };
        let packet = source::sound_packet(&packet, &self.connection.shared.clock);
        self.connection.shared.metrics.webrtc.packets.inc();
        let outcome = self.connection.peer().send(&mut std::iter::once(packet), Instant::now());
        self.act(&outcome, None);
    }

    /// Sends the packets that are due, and lets time pass.
    fn send_due(&mut self) {
        let now = Instant::now();
        let Connection { negotiation, shared, .. } = &mut self.connection;
        let (metrics, schedule) = (&shared.metrics.webrtc, &mut self.schedule);
        let mut due = std::iter::from_fn(|| {
            let (packet, late) = schedule.pop(now + TOGETHER)?;
            metrics.packets.inc();
            if packet.is_last {
                metrics.lag.observe(late.as_secs_f64());
            }
            Some(packet)
        });
        let outcome = negotiation.peer.send(&mut due, now);
        self.act(&outcome, None);
    }

    /// Handles the results of a call of str0m. `way` is the route of the packet that the call handled.
    fn act(&mut self, outcome: &Outcome, way: Option<&Way>) {
        let effects = self.connection.act(outcome, way);
        self.tracks.output.audience.count_bytes(effects.bytes);
        if effects.is_full {
            self.schedule.skip();
        }
        let metrics = &self.connection.shared.metrics.webrtc;
        if let Some(nacks) = outcome.nacks {
            metrics.nacks.inc_by(nacks.saturating_sub(self.nacks));
            self.nacks = nacks;
        }
        if outcome.picture_lost {
            metrics.plis.inc();
            self.schedule.lose();
            self.request_idr();
        }
        self.is_over |= outcome.closed;
        if effects.has_connected {
            self.listen();
            self.show();
        }
    }

    /// Follows the sound of the stream as it is defined now.
    fn listen(&mut self) {
        let Some(sound) = &self.tracks.sound else { return };
        let followed = sound.follow(&self.tracks.output, &self.connection.shared.opus_encoders);
        match followed {
            Ok(follower) => self.sound = Some(follower),
            Err(error) => tracing::warn!(%error, "a viewer over WebRTC gets no sound"),
        }
    }

    /// Whether the stream goes on, the viewer may still watch, and the client has connected in time.
    fn may_go_on(&mut self) -> bool {
        let Tracks { output, may_watch, sound, .. } = &mut self.tracks;
        let now = self.connection.shared.clock.now();
        if !self.connection.is_in_time() || source::is_over(output, now) || !may_watch() {
            return false;
        }
        if sound.as_mut().is_some_and(|sound| sound.redefine(output, now)) {
            self.listen();
        }
        true
    }
}
