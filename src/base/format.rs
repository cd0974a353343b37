//! Manifest formats: what viewers play, and to what conditions apply.

/// A manifest format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// HLS with whole segments.
    Hls,
    /// Low-latency HLS.
    LlHls,
    /// DASH with whole segments.
    Dash,
    /// Low-latency DASH.
    LlDash,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Hls, Self::LlHls, Self::Dash, Self::LlDash];

    /// Name in JSON and metrics, as in `urls` of a stream.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hls => "hls",
            Self::LlHls => "llhls",
            Self::Dash => "dash",
            Self::LlDash => "lldash",
        }
    }

    /// Name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Hls => "HLS",
            Self::LlHls => "LL-HLS",
            Self::Dash => "DASH",
            Self::LlDash => "LL-DASH",
        }
    }

    /// Names of several, for people.
    pub fn titles(formats: &[Self]) -> String {
        formats.iter().map(|format| format.title()).collect::<Vec<_>>().join(", ")
    }
}
