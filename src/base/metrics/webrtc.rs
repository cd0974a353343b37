//! Metrics of sessions over WebRTC.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::{DirectionLabels, RefusedSessionLabels, TransportLabels};

/// Times from an offer until the client is connected.
const HANDSHAKES: [f64; 9] = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Round-trip times, from a local network to a satellite.
const ROUND_TRIPS: [f64; 11] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0];
/// Times by which packets leave late. Timers are exact to a millisecond.
const LAGS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];

/// Metrics of sessions over WebRTC, all streams together.
#[derive(Debug)]
pub struct WebrtcMetrics {
    /// Connected sessions.
    pub sessions: Family<TransportLabels, Gauge>,
    /// Sessions that were refused because a limit was reached.
    pub refused: Family<RefusedSessionLabels, Counter>,
    /// Seconds from an offer until the client is connected.
    pub handshake: Histogram,
    /// Round-trip times in seconds, from the reports of clients.
    pub round_trip: Family<DirectionLabels, Histogram>,
    /// Packets of pictures and sound.
    pub packets: Counter,
    /// Bytes of all datagrams.
    pub bytes: Counter,
    /// Requests of clients to send packets again. A request names one packet or many.
    pub nacks: Counter,
    /// Requests for an IDR picture.
    pub plis: Counter,
    /// Packets of pictures and sound that publishers have sent.
    pub received_packets: Counter,
    /// Bytes of their payloads.
    pub received_bytes: Counter,
    /// Requests for lost packets that were sent to publishers.
    pub retransmission_requests: Counter,
    /// Requests for an IDR picture that were sent to publishers.
    pub idr_requests: Counter,
    /// Interruptions of the picture because packets of publishers were lost.
    pub interruptions: Counter,
    /// Groups of pictures that were sent from their beginning, to a client that joined or had lost the picture.
    pub replays: Counter,
    /// Seconds by which the last packet of a picture left late.
    pub lag: Histogram,
}

impl Default for WebrtcMetrics {
    fn default() -> Self {
        Self {
            sessions: Family::default(),
            refused: Family::default(),
            handshake: Histogram::new(HANDSHAKES),
            round_trip: Family::new_with_constructor(|| Histogram::new(ROUND_TRIPS)),
            packets: Counter::default(),
            bytes: Counter::default(),
            nacks: Counter::default(),
            plis: Counter::default(),
            received_packets: Counter::default(),
            received_bytes: Counter::default(),
            retransmission_requests: Counter::default(),
            idr_requests: Counter::default(),
            interruptions: Counter::default(),
            replays: Counter::default(),
            lag: Histogram::new(LAGS),
        }
    }
}

impl WebrtcMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("webrtc_sessions", "Connected WebRTC sessions", self.sessions.clone());
        let help = "WebRTC sessions refused because a limit was reached";
        registry.register("webrtc_refused_sessions", help, self.refused.clone());
        let help = "Time from the offer of a WebRTC client until it is connected";
        registry.register_with_unit("webrtc_handshake", help, Unit::Seconds, self.handshake.clone());
        let help = "Round-trip time between the server and a WebRTC client";
        registry.register_with_unit("webrtc_round_trip", help, Unit::Seconds, self.round_trip.clone());
        let help = "Packets of pictures and sound sent to WebRTC clients";
        registry.register("webrtc_packets", help, self.packets.clone());
        registry.register_with_unit("webrtc", "Datagrams sent to WebRTC clients", Unit::Bytes, self.bytes.clone());
        let help = "Requests of WebRTC clients to send lost packets again, each for one packet or many";
        registry.register("webrtc_nacks", help, self.nacks.clone());
        registry.register("webrtc_plis", "Requests of WebRTC clients for an IDR picture", self.plis.clone());
        let help = "Packets of pictures and sound that WebRTC clients published";
        registry.register("webrtc_received_packets", help, self.received_packets.clone());
        let help = "Payloads of pictures and sound that WebRTC clients published";
        registry.register_with_unit("webrtc_received", help, Unit::Bytes, self.received_bytes.clone());
        let help = "Requests for lost packets sent to WebRTC clients that publish";
        registry.register("webrtc_retransmission_requests", help, self.retransmission_requests.clone());
        let help = "Requests for an IDR picture sent to WebRTC clients that publish";
        registry.register("webrtc_idr_requests", help, self.idr_requests.clone());
        let help = "Interruptions of a published picture because packets were lost on their way to the server";
        registry.register("webrtc_interruptions", help, self.interruptions.clone());
        let help = "Groups of pictures sent from their beginning to WebRTC clients that joined or lost the picture";
        registry.register("webrtc_replays", help, self.replays.clone());
        let help = "Time by which the last packet of a picture left late for a WebRTC client";
        registry.register_with_unit("webrtc_lag", help, Unit::Seconds, self.lag.clone());
    }
}
