//! A session with a server: the connection, and the packets that are sent in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use str0m::net::Transmit;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Media, WhipError, receiving};
use crate::media::pipeline::opus::OpusEncoders;
use crate::media::pipeline::{Delivery, PushEnd};
use crate::media::window::sound;
use crate::stream::webrtc::connection::{CHECK, CONNECT};
use crate::stream::webrtc::peer::{Outcome, Peer};
use crate::stream::webrtc::routes::{self, Transport, VIEWER_INBOX};
use crate::stream::webrtc::schedule::Schedule;
use crate::stream::webrtc::sdp;
use crate::stream::webrtc::session::TOGETHER;
use crate::stream::webrtc::source;
use crate::stream::webrtc::udp::{Datagram, UdpPort};

type End = Result<PushEnd, WhipError>;

/// A session whose offer is answered.
pub(super) struct Session<'a> {
    delivery: &'a Delivery,
    encoders: &'a OpusEncoders,
    port: &'a UdpPort,
    /// The addresses of the port in the offer.
    own: Vec<SocketAddr>,
    peer: Peer,
    media: Media,
    schedule: Schedule,
    sound: Option<sound::Follower>,
    begun: Instant,
    is_connected: bool,
    /// When str0m must be called.
    timeout: Instant,
    end: Option<End>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        (delivery, encoders): (&'a Delivery, &'a OpusEncoders),
        (port, own): (&'a UdpPort, Vec<SocketAddr>),
        peer: Peer,
        mut media: Media,
    ) -> Self {
        let (takes_pictures, takes_sound) = peer.uses();
        media.pictures = media.pictures.filter(|_| takes_pictures);
        if media.sound.is_some() && !takes_sound {
            tracing::warn!(target = %delivery.push.url, "the server takes no sound");
            media.sound = None;
        }
        let (now, schedule) = (Instant::now(), Schedule::default());
        let (sound, is_connected, end) = (None, false, None);
        Self {
            delivery,
            encoders,
            port,
            own,
            peer,
            media,
            schedule,
            sound,
            begun: now,
            is_connected,
            timeout: now,
            end,
        }
    }

    /// Sends until `stop` is cancelled or the session ends. Then the server knows that it has ended.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> End {
        let (sender, inbox) = mpsc::channel(VIEWER_INBOX);
        let end = receiving(self.port, sender, self.send_until(stop, inbox)).await;
        let outcome = self.peer.close();
        self.transmit(&outcome.datagrams);
        end
    }

    async fn send_until(&mut self, stop: &CancellationToken, mut inbox: mpsc::Receiver<routes::Packet>) -> End {
        let mut check = interval(CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(end) = self.end.take() {
                return end;
            }
            let wake = self.schedule.next().map_or(self.timeout, |wake| wake.min(self.timeout));
            tokio::select! {
                () = stop.cancelled() => return Ok(PushEnd::Stopped),
                Some(packet) = inbox.recv() => self.receive(&packet),
                () = sleep_until(wake.into()) => self.send_due(),
                _ = check.tick() => self.check(),
                changed = source::next_picture(&mut self.media.pictures), if self.is_connected => match changed {
                    Ok(()) => self.show(),
                    Err(_) => return Ok(PushEnd::Ended),
                },
                packet = source::next_sound(&mut self.sound) => self.send_sound(packet),
            }
        }
    }

    fn receive(&mut self, packet: &routes::Packet) {
        let (protocol, server) = packet.way.origin();
        let Transport::Udp(reached) = &packet.way.transport else { return };
        let is_reached = |own: &&SocketAddr| reached.is_some_and(|reached| reached.to_canonical() == own.ip());
        let of_family = |own: &&SocketAddr| own.is_ipv4() == server.is_ipv4();
        let found = self.own.iter().find(is_reached).or_else(|| self.own.iter().find(of_family));
        let Some(destination) = found.copied() else { return };
        let outcome = self.peer.receive((protocol, server), destination, &packet.contents, Instant::now());
        if let Some(outcome) = outcome {
            self.act(&outcome);
        }
    }

    /// Checks that the server has connected in time, and that the stream goes on.
    fn check(&mut self) {
        let Delivery { output, clock, .. } = self.delivery;
        let now = clock.now();
        if !self.is_connected && self.begun.elapsed() >= CONNECT {
            self.end = Some(Err(WhipError::NoConnection));
        } else if source::is_over(output, now) {
            self.end = Some(Ok(PushEnd::Ended));
        } else if self.media.sound.as_mut().is_some_and(|sound| sound.redefine(output, now)) {
            self.listen();
        }
    }

    /// Schedules the pictures that the server lacks.
    fn show(&mut self) {
        let Delivery { output, clock, .. } = self.delivery;
        let Some((follower, codec)) = &mut self.media.pictures else { return };
        let Some(group) = follower.group() else { return };
        if !sdp::decodes(*codec, group.codec) {
            self.end = Some(Ok(PushEnd::Changed));
            return;
        }
        self.schedule.add(&group, source::times(&group, output, clock));
        if self.schedule.lacks(&group) {
            self.request_idr();
        }
        self.send_due();
    }

    /// Requests an IDR picture of a publisher. An encoder of the test signal sends them at fixed times.
    fn request_idr(&self) {
        if self.delivery.output.spec.is_published() {
            self.delivery.output.relay.request_idr();
        }
    }

    /// Follows the sound of the stream as it is defined now.
    fn listen(&mut self) {
        let Some(sound) = &self.media.sound else { return };
        match sound.follow(&self.delivery.output, self.encoders) {
            Ok(follower) => self.sound = Some(follower),
            Err(error) => tracing::warn!(%error, target = %self.delivery.push.url, "the server gets no sound"),
        }
    }

    fn send_sound(&mut self, packet: Result<Arc<sound::Packet>, sound::Gone>) {
        let Ok(packet) = packet else {
            self.sound = None;
            return;
        };
        let packet = source::sound_packet(&packet, &self.delivery.clock);
        self.sent(1);
        let outcome = self.peer.send(&mut std::iter::once(packet), Instant::now());
        self.act(&outcome);
    }

    /// Sends the packets that are due, and lets time pass.
    fn send_due(&mut self) {
        let (now, mut count) = (Instant::now(), 0);
        let mut due = std::iter::from_fn(|| {
            let (packet, _) = self.schedule.pop(now + TOGETHER)?;
            count += 1;
            Some(packet)
        });
        let outcome = self.peer.send(&mut due, now);
        self.sent(count);
        self.act(&outcome);
    }

    /// Reports that the server gets frames. WebRTC has no acknowledgement of the first one.
    fn sent(&self, packets: usize) {
        if packets > 0 {
            // It is already set after the first packet.
            let _ = self.delivery.receipt.taken.set(());
        }
    }

    /// Handles the results of a call of str0m.
    fn act(&mut self, outcome: &Outcome) {
        let bytes = self.transmit(&outcome.datagrams);
        self.delivery.receipt.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.delivery.receipt.counted.inc_by(bytes);
        if let Some(next) = outcome.next {
            self.timeout = next;
        }
        if outcome.picture_lost {
            self.schedule.lose();
            self.request_idr();
        }
        if outcome.closed {
            self.end = Some(Err(if self.is_connected { WhipError::Closed } else { WhipError::NoConnection }));
        }
        if outcome.connected && !self.is_connected {
            self.is_connected = true;
            self.listen();
            self.show();
        }
    }

    /// Sends datagrams. Returns their number of bytes.
    fn transmit(&self, datagrams: &[Transmit]) -> u64 {
        let sent = datagrams.iter().map(|datagram| Datagram {
            to: datagram.destination,
            from: Some(datagram.source.ip()),
            contents: &datagram.contents,
        });
        self.port.send(&sent.collect::<Vec<_>>());
        datagrams.iter().map(|datagram| datagram.contents.len() as u64).sum()
    }
}
