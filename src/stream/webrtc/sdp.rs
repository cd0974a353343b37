//! The answer to an offer, and the offer to a server: which codec the pictures have, and the parts of the text that str0m does not write.

use std::time::Duration;

use str0m::format::{Codec, CodecConfig, PayloadParams};
use str0m::media::{MediaKind, Mid};
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{IceCreds, Rtc, RtcConfig};

use super::certificate::Certificate;
use crate::media::rtp::VideoCodec;

/// Name of the one MediaStream with picture and sound, so that a browser plays them in sync (draft-ietf-wish-whep).
pub(super) const MEDIA_STREAM: &str = "barstone";

/// Interval of statistics of a session, from which metrics are counted.
const STATISTICS: Duration = Duration::from_secs(1);

/// Payload type of pictures, and of packets that are sent again. The offer replaces both.
const VIDEO_PAYLOAD: u8 = 96;

/// What the other side of a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A client that gets pictures and sound.
    Viewer,
    /// A client that sends pictures and sound.
    Publisher,
    /// A server that gets pictures and sound. It answers an offer of barstone.
    Server,
}

impl Role {
    /// Name of the protocol by which the session was opened.
    pub(super) const fn protocol(self) -> &'static str {
        match self {
            Self::Viewer => "whep",
            Self::Publisher | Self::Server => "whip",
        }
    }
}

/// Sets of coding tools that an H.264 profile may use, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tools {
    Baseline,
    Main,
    High,
}

/// Profiles that a client may offer, with a level, in the order of preference. Decoders of a profile decode all streams
/// of those before it in [`Tools`], except that Baseline decoders need not decode Main.
const OFFERS: [(u32, Tools); 6] = [
    (0x42_e01f, Tools::Baseline),
    (0x42_001f, Tools::Baseline),
    (0x4d_001f, Tools::Main),
    (0x64_001f, Tools::High),
    (0x64_0c1f, Tools::High),
    (0xf4_001f, Tools::High),
];

/// The codecs that publishers may send, best first: those that most viewers decode.
pub(super) fn published() -> impl Iterator<Item = VideoCodec> {
    let profiles = OFFERS.map(|(offer, _)| offer.to_be_bytes()).map(|[_, profile @ ..]| VideoCodec::H264(profile));
    profiles.into_iter().chain([VideoCodec::Vp8])
}

/// Whether a client that decodes pictures of one codec decodes those of another.
pub(super) fn decodes(codec: VideoCodec, other: VideoCodec) -> bool {
    match (codec, other) {
        (VideoCodec::H264(profile), VideoCodec::H264(other)) => tools(profile) >= tools(other),
        (VideoCodec::Vp8, VideoCodec::Vp8) => true,
        (VideoCodec::H264(_), VideoCodec::Vp8) | (VideoCodec::Vp8, VideoCodec::H264(_)) => false,
    }
}

const fn tools([idc, ..]: [u8; 3]) -> Tools {
    match idc {
        0x42 => Tools::Baseline,
        0x4d => Tools::Main,
        _ => Tools::High,
    }
}

/// The profiles that may stand for `profile` in an answer, best first: those whose decoders decode it for a viewer, itself for
/// a publisher. In an offer to a server, itself too.
fn profiles(profile: [u8; 3], role: Role) -> Vec<u32> {
    let needed = tools(profile);
    match role {
        Role::Viewer => OFFERS.into_iter().filter(|(_, tools)| *tools >= needed).map(|(offer, _)| offer).collect(),
        Role::Publisher => vec![u32::from_be_bytes([0, profile[0], profile[1], profile[2]])],
        Role::Server => vec![offered(profile)],
    }
}

/// The `profile-level-id` of an offer. Constrained Baseline has several forms (RFC 6184 8.1), and some servers know only that
/// of browsers.
fn offered([idc, constraints, level]: [u8; 3]) -> u32 {
    const CONSTRAINED: u8 = 0x40;
    let constraints = if idc == 0x42 && constraints & CONSTRAINED != 0 { 0xe0 } else { constraints };
    u32::from_be_bytes([0, idc, constraints, level])
}

/// A codec as an offer names it.
pub(super) fn name(codec: VideoCodec) -> String {
    match codec {
        VideoCodec::H264(profile) => format!("H.264 with profile-level-id={:06x}", offered(profile)),
        VideoCodec::Vp8 => "VP8".to_owned(),
    }
}

/// Settings of one session with pictures of `codec`.
pub(super) fn config(
    certificate: &Certificate,
    credentials: IceCreds,
    (role, codec): (Role, Option<VideoCodec>),
) -> RtcConfig {
    let mut config = Rtc::builder()
        .set_ice_lite(role != Role::Server)
        .set_rtp_mode(true)
        .set_dtls_cert(certificate.0.clone())
        .set_local_ice_credentials(credentials)
        .set_stats_interval(Some(STATISTICS))
        .set_extension_map(extensions(role))
        .clear_codecs()
        .enable_opus(true, false);
    match codec {
        Some(VideoCodec::H264(profile)) => add_h264(config.codec_config(), &profiles(profile, role)),
        Some(VideoCodec::Vp8) => config.codec_config().enable_vp8(true),
        None => {}
    }
    config
}

fn add_h264(codecs: &mut CodecConfig, profiles: &[u32]) {
    for (place, profile) in (VIDEO_PAYLOAD..).step_by(2).zip(profiles) {
        codecs.add_h264(place.into(), Some((place + 1).into()), true, *profile);
    }
}

/// Header extensions that are used if they are offered: the media section of a packet; for viewers the longest time until a
/// picture is shown; for publishers the numbers with which they estimate their bandwidth. Viewers and servers need no estimate,
/// because what they get does not adapt.
fn extensions(role: Role) -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    map.set(1, Extension::RtpMid);
    match role {
        Role::Viewer => map.set(2, Extension::PlayoutDelay),
        Role::Publisher => map.set(2, Extension::TransportSequenceNumber),
        Role::Server => {}
    }
    map
}

/// The payload type of a media section: that of the best profile or of VP8 for pictures, or of Opus.
pub(super) fn payload(rtc: &Rtc, mid: Mid, (role, codec): (Role, Option<VideoCodec>)) -> Option<PayloadParams> {
    let media = rtc.media(mid)?;
    let offered = |params: &PayloadParams| media.remote_pts().contains(&params.pt());
    let find = |wanted: &dyn Fn(&PayloadParams) -> bool| {
        rtc.codec_config().params().iter().find(|params| offered(params) && wanted(params)).copied()
    };
    match media.kind() {
        MediaKind::Audio => find(&|params| params.spec().codec == Codec::Opus),
        MediaKind::Video => match codec? {
            VideoCodec::Vp8 => find(&|params| params.spec().codec == Codec::Vp8),
            VideoCodec::H264(profile) => profiles(profile, role).into_iter().find_map(|profile| {
                let is_same = |params: &PayloadParams| params.spec().format.profile_level_id == Some(profile);
                find(&|params| params.spec().codec == Codec::H264 && is_same(params))
            }),
        },
    }
}

/// The media sections of a text.
pub(super) fn mids(text: &str) -> impl Iterator<Item = Mid> {
    text.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(Mid::from)
}

/// The offer of a publisher without the encodings of simulcast: one is relayed.
pub(super) fn without_simulcast(offer: &str) -> String {
    let is_kept = |line: &&str| !line.starts_with("a=simulcast:") && !line.starts_with("a=rid:");
    offer.lines().filter(is_kept).map(|line| format!("{line}\r\n")).collect()
}

/// The text of an answer or an offer, changed so that all tracks are in one MediaStream, sections other than `used` are inactive,
/// RTP and RTCP share a port (`rtcp-mux-only`, RFC 8858), the list of candidates has an end, and sound is stereo (RFC 7587
/// 7).
pub(super) fn finish(answer: &str, used: &[Mid], role: Role) -> String {
    let mut sections: Vec<Vec<&str>> = vec![Vec::new()];
    for line in answer.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        sections.last_mut().expect("there is a section").push(line);
    }
    let direction = match role {
        Role::Viewer | Role::Server => "a=sendonly",
        Role::Publisher => "a=recvonly",
    };
    let is_used = |section: &[&str]| {
        let mid = section.iter().find_map(|line| line.strip_prefix("a=mid:"));
        mid.is_some_and(|mid| used.iter().any(|used| **used == *mid))
    };
    let mut text = String::new();
    for section in &sections {
        let direction = if is_used(section) { direction } else { "a=inactive" };
        let last_candidate = section.iter().rposition(|line| line.starts_with("a=candidate:"));
        for (place, line) in section.iter().enumerate() {
            text.push_str(&finished(line, direction));
            text.push_str("\r\n");
            if Some(place) == last_candidate {
                text.push_str("a=end-of-candidates\r\n");
            }
        }
    }
    text
}

fn finished(line: &str, direction: &str) -> String {
    if line.starts_with("a=msid-semantic:") {
        return format!("a=msid-semantic: WMS {MEDIA_STREAM}");
    }
    if let Some((before, msid)) = line.split_once("msid:").filter(|(before, _)| before.starts_with("a=")) {
        let track = msid.split_once(' ').map_or(msid, |(_, track)| track);
        return format!("{before}msid:{MEDIA_STREAM} {track}");
    }
    match line {
        "a=sendonly" | "a=sendrecv" | "a=recvonly" | "a=inactive" => direction.to_owned(),
        "a=rtcp-mux" => "a=rtcp-mux\r\na=rtcp-mux-only".to_owned(),
        // Only Opus has this parameter.
        _ if line.contains("useinbandfec=") => format!("{line};stereo=1;sprop-stereo=1"),
        _ => line.to_owned(),
    }
}

/// The ICE credentials in a text: name and password.
pub(super) fn credentials(text: &str) -> Option<(String, String)> {
    let value = |name: &str| text.lines().find_map(|line| line.trim_end().strip_prefix(name)).map(str::to_owned);
    Some((value("a=ice-ufrag:")?, value("a=ice-pwd:")?))
}

/// An offer with other credentials, and without candidates, which belong to the ones before.
pub(super) fn with_credentials(offer: &str, (name, password): &(String, String)) -> String {
    let kept = offer.lines().filter(|line| !line.starts_with("a=candidate:"));
    let changed = kept.map(|line| match line {
        _ if line.starts_with("a=ice-ufrag:") => format!("a=ice-ufrag:{name}\r\n"),
        _ if line.starts_with("a=ice-pwd:") => format!("a=ice-pwd:{password}\r\n"),
        _ => format!("{line}\r\n"),
    });
    changed.collect()
}

/// The lines of an answer that concern ICE (RFC 8840 9).
pub(super) fn fragment(answer: &str) -> String {
    const PARTS: [&str; 8] =
        ["a=ice-lite", "a=group:", "m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"];
    let of_ice = answer.lines().filter(|line| PARTS.iter().any(|part| line.starts_with(part)));
    of_ice.map(|line| format!("{line}\r\n")).collect()
}
