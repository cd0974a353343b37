//! Labels of metrics and their values.

use prometheus_client::encoding::EncodeLabelSet;

/// Labels of metrics of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StreamLabels {
    /// Name of the stream.
    pub stream: String,
}

/// Labels for `stream`.
pub fn labels(stream: &str) -> StreamLabels {
    StreamLabels { stream: stream.to_owned() }
}

/// Labels of requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Kind of the route, such as `segment`; never a path.
    pub kind: &'static str,
    /// HTTP status code of the answer.
    pub status: u16,
}

/// Labels of answers that a condition changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ConditionLabels {
    /// Name of the condition, without its value.
    pub condition: &'static str,
}

/// Labels of restarts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RestartLabels {
    /// Name of the stream.
    pub stream: String,
    /// Kind of the error.
    pub reason: &'static str,
}

impl RestartLabels {
    /// All values of `reason`.
    pub const REASONS: [&'static str; 6] = ["missing_element", "element", "stalled", "late", "package", "ended"];
}

/// Labels of the number of streams.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PhaseLabels {
    /// Name of the phase.
    pub phase: &'static str,
}

/// Labels of viewers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ViewerLabels {
    /// Name of the stream.
    pub stream: String,
    /// `hls`, `llhls`, `dash`, `lldash` or `webrtc`.
    pub format: &'static str,
}

impl ViewerLabels {
    /// Value of `format` of viewers over WebRTC, who request no manifest.
    pub const WEBRTC: &'static str = "webrtc";
}

/// Labels of refused viewers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusedViewerLabels {
    /// Name of the stream.
    pub stream: String,
    /// `viewers` or `bandwidth`.
    pub reason: &'static str,
}

impl RefusedViewerLabels {
    /// All values of `reason`.
    pub const REASONS: [&'static str; 2] = ["viewers", "bandwidth"];
}

/// Labels of events for hooks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HookLabels {
    /// `delivered`, `failed` or `dropped`.
    pub outcome: &'static str,
}

/// Labels of refused connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusedConnectionLabels {
    /// The limit that was reached: `all` or `address`.
    pub reason: &'static str,
}

/// Labels of sessions over WebRTC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TransportLabels {
    /// `udp` or `tcp`.
    pub transport: &'static str,
}

impl TransportLabels {
    /// Labels of sessions over TCP, or over UDP.
    pub const fn of(is_tcp: bool) -> Self {
        Self { transport: if is_tcp { "tcp" } else { "udp" } }
    }
}

/// Labels of the direction of sessions over WebRTC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DirectionLabels {
    /// `whep` for viewers, `whip` for publishers.
    pub direction: &'static str,
}

/// Labels of refused sessions over WebRTC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusedSessionLabels {
    /// The limit that was reached: `all`, `stream`, `address` or `unconnected`.
    pub reason: &'static str,
}
