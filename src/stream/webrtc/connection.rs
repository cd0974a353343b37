//! The connection of a session with its client: str0m, and the verified ways to the client. It does not know who sends
//! pictures to whom.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use str0m::net::{Protocol, Transmit};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::peer::{Addresses, OfferError, Outcome, Peer};
use super::routes::{self, Inbox, Origin, Routes, Transport, Way};
use super::sdp;
use super::udp::{Datagram, UdpPort};
use crate::base::metrics::{DirectionLabels, Metrics, TransportLabels};
use crate::base::utc::Clock;
use crate::media::pipeline::opus::OpusEncoders;

/// Time in which a client has to connect.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// Interval in which a session checks that it may go on.
pub(super) const CHECK: Duration = Duration::from_secs(1);
/// Addresses of a client from which checks were verified. A client has one for each of its networks.
const MAX_WAYS: usize = 16;

/// A check whether the client of a session may still watch or publish.
pub type Permission = Box<dyn Fn() -> bool + Send + Sync>;

/// A request to restart ICE.
#[derive(Debug)]
pub(super) struct Restart {
    /// New credentials of the client: name and password.
    pub(super) credentials: (String, String),
    /// Gets the SDP fragment for the client, and the new name of the session.
    pub(super) reply: oneshot::Sender<Result<(String, String), OfferError>>,
}

/// What all sessions share.
pub(super) struct Shared {
    pub(super) udp: UdpPort,
    pub(super) routes: Arc<Routes>,
    pub(super) opus_encoders: OpusEncoders,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
}

/// What reaches a session from outside.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) inbox: mpsc::Receiver<routes::Packet>,
    pub(super) orders: mpsc::Receiver<Restart>,
    pub(super) end: CancellationToken,
}

/// The negotiated part of a connection.
pub(super) struct Negotiation {
    pub(super) peer: Peer,
    /// The first offer of the client.
    pub(super) offer: String,
    /// The addresses of this server in the answer.
    pub(super) addresses: Addresses,
}

/// The connection with a client.
pub(super) struct Connection {
    pub(super) shared: Arc<Shared>,
    pub(super) negotiation: Negotiation,
    control: Control,
    check: Interval,
    own: Inbox,
    is_connected: Arc<AtomicBool>,
    begun: Instant,
    /// Verified routes to the client.
    ways: HashMap<Origin, Way>,
    /// When str0m must be called.
    timeout: Instant,
    transport: Option<TransportLabels>,
}

/// What a session has to handle next.
pub(super) enum Event {
    /// The results of a call of str0m, and the route of the packet that the call handled.
    Outcome(Outcome, Option<Way>),
    /// A time has come: that of the session, or that at which str0m must be called.
    Timeout,
    /// The session has to check that it may go on.
    Check,
    /// The session must end.
    End,
}

/// What became of the datagrams of an outcome, and of the connection.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Bytes that were sent.
    pub(super) bytes: u64,
    /// Whether datagrams were lost because the client does not read.
    pub(super) is_full: bool,
    /// Whether the client is connected for the first time.
    pub(super) has_connected: bool,
}

impl Connection {
    pub(super) fn new(
        shared: Arc<Shared>,
        negotiation: Negotiation,
        (own, is_connected): (Inbox, Arc<AtomicBool>),
        control: Control,
    ) -> Self {
        let (now, ways, mut check) = (Instant::now(), HashMap::new(), interval(CHECK));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { shared, negotiation, control, check, own, is_connected, begun: now, ways, timeout: now, transport: None }
    }

    /// Resolves with the next event, not later than at `wake`. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self, wake: Option<Instant>) -> Event {
        let wake = wake.map_or(self.timeout, |wake| wake.min(self.timeout));
        loop {
            tokio::select! {
                () = self.control.end.cancelled() => return Event::End,
                Some(packet) = self.control.inbox.recv() => {
                    if let Some(outcome) = self.receive(&packet) {
                        return Event::Outcome(outcome, Some(packet.way));
                    }
                }
                Some(order) = self.control.orders.recv() => return Event::Outcome(self.restart(order), None),
                () = sleep_until(wake.into()) => return Event::Timeout,
                _ = self.check.tick() => return Event::Check,
            }
        }
    }

    pub(super) fn peer(&mut self) -> &mut Peer {
        &mut self.negotiation.peer
    }

    pub(super) const fn is_connected(&self) -> bool {
        self.transport.is_some()
    }

    /// Whether the client is connected, or may take more time.
    pub(super) fn is_in_time(&self) -> bool {
        self.is_connected() || self.begun.elapsed() < CONNECT
    }

    /// Handles a packet. `None` if it is no packet of WebRTC.
    fn receive(&mut self, packet: &routes::Packet) -> Option<Outcome> {
        let (now, (protocol, client)) = (Instant::now(), packet.way.origin());
        let Negotiation { peer, addresses, .. } = &mut self.negotiation;
        let addresses = match protocol {
            Protocol::Udp => &addresses.udp,
            _ => &addresses.tcp,
        };
        // The address that the packet was sent to may be one of a network that this host does not know.
        let destination = *addresses.iter().find(|address| address.is_ipv4() == client.is_ipv4())?;
        let outcome = peer.receive((protocol, client), destination, &packet.contents, now)?;
        let answers = |datagram: &Transmit| datagram.destination == client && routes::is_success(&datagram.contents);
        if outcome.datagrams.iter().any(answers) {
            self.verified(&packet.way);
        }
        Some(outcome)
    }

    /// Stores a route to the client. Packets from there belong to this session from now on.
    fn verified(&mut self, way: &Way) {
        if self.ways.insert(way.origin(), way.clone()).is_none() {
            let routes = &self.shared.routes;
            if self.ways.len() > MAX_WAYS {
                self.ways.drain().for_each(|(origin, _)| routes.unbind(&origin, &self.own));
                self.ways.insert(way.origin(), way.clone());
            }
            routes.bind(way.origin(), self.own.clone());
        }
    }

    /// Restarts ICE.
    fn restart(&mut self, Restart { credentials, reply }: Restart) -> Outcome {
        let Negotiation { peer, offer, .. } = &mut self.negotiation;
        let answer = peer.restart(&sdp::with_credentials(offer, &credentials)).map(|answer| {
            let name = peer.ufrag();
            self.shared.routes.name(name.clone(), self.own.clone());
            (sdp::fragment(&answer), name)
        });
        // The client may have left.
        let _ = reply.send(answer);
        peer.advance(Instant::now())
    }

    /// Sends the datagrams of an outcome. `way` is that of the packet that was handled.
    pub(super) fn act(&mut self, outcome: &Outcome, way: Option<&Way>) -> Effects {
        let mut effects = self.transmit(&outcome.datagrams, way);
        if let Some(next) = outcome.next {
            self.timeout = next;
        }
        let metrics = &self.shared.metrics.webrtc;
        if let Some(round_trip) = outcome.round_trip {
            let labels = DirectionLabels { direction: self.negotiation.peer.role().protocol() };
            metrics.round_trip.get_or_create(&labels).observe(round_trip.as_secs_f64());
        }
        if outcome.connected && self.transport.is_none() {
            metrics.handshake.observe(self.begun.elapsed().as_secs_f64());
            let labels = TransportLabels::of(way.is_some_and(|way| matches!(way.transport, Transport::Tcp(_))));
            metrics.sessions.get_or_create(&labels).inc();
            self.transport = Some(labels);
            self.is_connected.store(true, Ordering::Relaxed);
            effects.has_connected = true;
        }
        effects
    }

    fn transmit(&self, datagrams: &[Transmit], way: Option<&Way>) -> Effects {
        let mut udp = Vec::with_capacity(datagrams.len());
        let mut effects = Effects::default();
        for datagram in datagrams {
            let origin = (datagram.proto, datagram.destination);
            let known = self.ways.get(&origin).or(way.filter(|way| way.origin() == origin));
            let Some(way) = known else { continue };
            effects.bytes += datagram.contents.len() as u64;
            match &way.transport {
                Transport::Udp(from) => {
                    udp.push(Datagram { to: datagram.destination, from: *from, contents: &datagram.contents });
                }
                Transport::Tcp(connection) => {
                    let contents = Bytes::copy_from_slice(&datagram.contents);
                    let sent = connection.try_send(contents);
                    effects.is_full |= matches!(sent, Err(mpsc::error::TrySendError::Full(_)));
                }
            }
        }
        self.shared.udp.send(&udp);
        self.shared.metrics.webrtc.bytes.inc_by(effects.bytes);
        effects
    }

    /// Tells the client that the session has ended, and removes the session from all tables.
    pub(super) fn close(mut self) {
        let outcome = self.negotiation.peer.close();
        self.transmit(&outcome.datagrams, None);
        self.shared.routes.forget(&self.own);
        if let Some(labels) = &self.transport {
            self.shared.metrics.webrtc.sessions.get_or_create(labels).dec();
        }
    }
}
