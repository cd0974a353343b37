//! The other side of one session as str0m sees it: no socket, no clock and no task. Each call returns what must be sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, MediaKind, MediaTime, Mid, Pt};
use str0m::net::{Protocol, Receive, TcpType, Transmit};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, IceCreds, Input, Output, Rtc, RtcError};

use super::certificate::Certificate;
use super::sdp::{self, Role};
use crate::media::rtp::VideoCodec;

pub(super) mod offer;

pub use offer::AnswerError;

/// Packets of a track that are stored for retransmission, several seconds of 20 Mbit/s.
const STORED_PACKETS: usize = 4096;
/// Packets are stored for this time longer than the longest group of pictures lasts. They contain an IDR picture then, from which a
/// client can go on. A browser without one requests packets for two seconds before it requests an IDR picture.
const STORED_MARGIN: Duration = Duration::from_secs(1);
/// Shortest and longest time in hundredths of a second by which a browser delays pictures, to play them evenly and together with the
/// sound. If the shortest time is 0, Chromium shows each picture as soon as it is decoded, and the sound is late.
const PLAYOUT_DELAY: (u64, u64) = (1, 15);

/// The addresses at which a client reaches this server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) udp: Vec<SocketAddr>,
    pub(super) tcp: Vec<SocketAddr>,
}

/// The tracks that a client may get or send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) role: Role,
    /// Codec of the pictures.
    pub(super) video: Option<VideoCodec>,
    pub(super) audio: bool,
    /// Longest duration of a group of pictures, if packets are sent.
    pub(super) group: Duration,
}

/// Causes why an offer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The text is not an offer of a WebRTC client.
    #[error("not an SDP offer: {0}")]
    Malformed(String),
    /// The client decodes none of the tracks.
    #[error("the client offers to receive no codec of this stream: {0}")]
    NoCommonCodec(String),
    /// The client sends a track that viewers do not decode, several of a kind, or none.
    #[error(
        "the client must offer to send one video track as H.264 with packetization-mode=1 or as VP8, one audio track as \
         Opus, or both; {0}"
    )]
    NotRelayed(String),
}

/// Kind of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Audio,
}

/// The payload of one packet.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) kind: Kind,
    pub(super) timestamp: u32,
    /// When the first byte of the picture or sound is due.
    pub(super) due: Instant,
    /// Whether it is the last of its picture.
    pub(super) is_last: bool,
    pub(super) payload: Arc<[u8]>,
}

/// A packet of a publisher.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) kind: Kind,
    /// Sequence number, which does not wrap.
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    /// Whether it is the last of its picture.
    pub(super) is_last: bool,
    pub(super) payload: Arc<[u8]>,
}

/// Results of a call.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) datagrams: Vec<Transmit>,
    /// Packets of a publisher, in the order of their arrival.
    pub(super) received: Vec<Received>,
    /// Whether the client is connected since this call.
    pub(super) connected: bool,
    /// Whether the client requests an IDR picture.
    pub(super) picture_lost: bool,
    /// Whether the client has closed the session or has vanished.
    pub(super) closed: bool,
    /// Requests for lost packets since the session began, of a viewer or to a publisher, if they were counted. Each names
    /// one packet or many.
    pub(super) nacks: Option<u64>,
    /// Round-trip time in the last report of the client, once for each interval of statistics.
    pub(super) round_trip: Option<Duration>,
    /// Time of the next call of [`Peer::advance`].
    pub(super) next: Option<Instant>,
}

/// The client of one session.
pub(super) struct Peer {
    rtc: Rtc,
    wanted: Wanted,
    video: Option<Section>,
    audio: Option<Section>,
}

/// A media section in which packets are sent or received.
#[derive(Debug, Clone, Copy)]
struct Section {
    mid: Mid,
    payload_type: Pt,
    /// Number of the next packet that is sent.
    sequence: u64,
}

impl Peer {
    /// Answers an offer.
    ///
    /// # Errors
    /// [`OfferError`].
    pub(super) fn accept(
        offer: &str,
        wanted: Wanted,
        addresses: &Addresses,
        certificate: &Certificate,
        now: Instant,
    ) -> Result<(Self, String), OfferError> {
        let mut rtc = sdp::config(certificate, IceCreds::new(), (wanted.role, wanted.video)).build(now);
        for candidate in candidates(addresses) {
            rtc.add_local_candidate(candidate);
        }
        let mut peer = Self { rtc, wanted, video: None, audio: None };
        let answer = peer.negotiate(offer)?;
        Ok((peer, answer))
    }

    /// Answers an offer with which the client restarts ICE. The tracks stay as they are.
    ///
    /// # Errors
    /// [`OfferError`].
    pub(super) fn restart(&mut self, offer: &str) -> Result<String, OfferError> {
        self.negotiate(offer)
    }

    fn negotiate(&mut self, offer: &str) -> Result<String, OfferError> {
        let malformed = |error: &dyn std::fmt::Display| OfferError::Malformed(without_address(&error.to_string()));
        let offer = SdpOffer::from_sdp_string(offer).map_err(|error| malformed(&error))?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| malformed(&error))?;
        // Nothing is sent before the client has answered a check of ICE.
        while !matches!(self.rtc.poll_output().map_err(|error| malformed(&error))?, Output::Timeout(_)) {}
        let answer = answer.to_sdp_string();
        let (video, audio) = self.choose_sections(&answer);
        match self.wanted.role {
            Role::Viewer | Role::Server => self.check_viewer((video > 0, audio > 0))?,
            Role::Publisher => self.check_publisher((video, audio))?,
        }
        let used: Vec<_> = [self.video, self.audio].into_iter().flatten().map(|section| section.mid).collect();
        Ok(sdp::finish(&answer, &used, self.wanted.role))
    }

    /// Chooses the sections of an answer in which packets are sent or received. Returns how many sections of video and of audio
    /// the answer has.
    fn choose_sections(&mut self, answer: &str) -> (usize, usize) {
        let (mut video, mut audio) = (0, 0);
        for mid in sdp::mids(answer) {
            let Some(media) = self.rtc.media(mid) else { continue };
            let (kind, direction) = (media.kind(), media.direction());
            let is_used = match self.wanted.role {
                Role::Viewer | Role::Server => direction.is_sending(),
                Role::Publisher => direction.is_receiving(),
            };
            match kind {
                MediaKind::Video => {
                    video += 1;
                    self.video = self.video.or_else(|| self.section(mid, is_used && self.wanted.video.is_some()));
                }
                MediaKind::Audio => {
                    audio += 1;
                    self.audio = self.audio.or_else(|| self.section(mid, is_used && self.wanted.audio));
                }
            }
        }
        (video, audio)
    }

    /// Checks that every track of a publisher is relayed, at most one of each kind (RFC 9725 4.4.2 and 4.4.3).
    fn check_publisher(&self, (video, audio): (usize, usize)) -> Result<(), OfferError> {
        let used = (usize::from(self.video.is_some()), usize::from(self.audio.is_some()));
        if (video, audio) == used && used != (0, 0) {
            return Ok(());
        }
        let found =
            format!("of {video} video tracks {} can be relayed, and of {audio} audio tracks {}", used.0, used.1);
        Err(OfferError::NotRelayed(found))
    }

    /// Checks that the client gets pictures if it wants them, or else sound.
    fn check_viewer(&self, (video, audio): (bool, bool)) -> Result<(), OfferError> {
        let missing = match (self.wanted.video, self.video, self.audio) {
            (Some(VideoCodec::H264([idc, iop, _])), None, _) if video => {
                format!("H.264, packetization-mode=1, profile-level-id={idc:02x}{iop:02x}..")
            }
            (Some(VideoCodec::Vp8), None, _) if video => "VP8".to_owned(),
            (_, None, None) if audio => "Opus".to_owned(),
            (_, None, None) => "offer a media section that the stream has, with a=recvonly".to_owned(),
            _ => return Ok(()),
        };
        Err(OfferError::NoCommonCodec(missing))
    }

    fn section(&mut self, mid: Mid, is_wanted: bool) -> Option<Section> {
        let Wanted { role, video, group, .. } = self.wanted;
        let payload = sdp::payload(&self.rtc, mid, (role, video)).filter(|_| is_wanted)?;
        if role != Role::Publisher {
            let mut api = self.rtc.direct_api();
            // All requested packets are sent again: a replay costs more.
            api.stream_tx_by_mid(mid, None)?.set_rtx_cache(STORED_PACKETS, group + STORED_MARGIN, None);
        }
        Some(Section { mid, payload_type: payload.pt(), sequence: 1 })
    }

    /// Whether pictures and whether sound are sent or received.
    pub(super) fn uses(&self) -> (bool, bool) {
        (self.video.is_some(), self.audio.is_some())
    }

    pub(super) const fn role(&self) -> Role {
        self.wanted.role
    }

    /// The name of this server in STUN messages of the client.
    pub(super) fn ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Handles a datagram that came from `source` to the candidate `destination`. `None` if it is no packet of WebRTC.
    pub(super) fn receive(
        &mut self,
        (protocol, source): (Protocol, SocketAddr),
        destination: SocketAddr,
        contents: &[u8],
        now: Instant,
    ) -> Option<Outcome> {
        let received = Receive::new(protocol, source, destination, contents).ok()?;
        Some(self.handle(Input::Receive(now, received)))
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, now: Instant) -> Outcome {
        self.handle(Input::Timeout(now))
    }

    /// Sends packets.
    pub(super) fn send(&mut self, packets: &mut dyn Iterator<Item = Packet>, now: Instant) -> Outcome {
        for packet in packets {
            let track = match packet.kind {
                Kind::Video => self.video.as_mut(),
                Kind::Audio => self.audio.as_mut(),
            };
            let Some(Section { mid, payload_type, sequence }) = track else { continue };
            let mut api = self.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(*mid, None) else { continue };
            // The clock of the host may be behind that of the encoder; a future time makes reports wrong.
            let captured = packet.due.min(now);
            let write = RtpWrite::new(*payload_type, (*sequence).into(), packet.timestamp, captured, packet.payload)
                .marker(packet.is_last && packet.kind == Kind::Video)
                .nackable(packet.kind == Kind::Video)
                .ext_vals(playout_delay());
            stream.write_rtp(write);
            *sequence += 1;
        }
        self.advance(now)
    }

    /// Requests an IDR picture from a publisher.
    pub(super) fn request_idr(&mut self, now: Instant) -> Outcome {
        let mut api = self.rtc.direct_api();
        let stream = self.video.and_then(|video| api.stream_rx_by_mid(video.mid, None));
        // Without a stream, nothing has been received. The first picture is an IDR picture.
        if let Some(stream) = stream {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
        self.advance(now)
    }

    /// Tells the client that the session has ended.
    pub(super) fn close(&mut self) -> Outcome {
        let ended = self.rtc.close();
        self.drain(ended)
    }

    fn handle(&mut self, input: Input<'_>) -> Outcome {
        let handled = self.rtc.handle_input(input);
        self.drain(handled)
    }

    fn drain(&mut self, mutated: Result<(), RtcError>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut failed = mutated.err();
        while failed.is_none() {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(next)) => {
                    outcome.next = Some(next);
                    break;
                }
                Ok(Output::Transmit(datagram)) => outcome.datagrams.push(datagram),
                Ok(Output::Event(Event::RtpPacket(packet))) => outcome.received.extend(self.received(packet)),
                Ok(Output::Event(event)) => {
                    outcome.round_trip = self.round_trip(&event).or(outcome.round_trip);
                    outcome.record(&event);
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            tracing::debug!(%error, "a WebRTC session failed");
        }
        // A session that is not alive produces no event.
        outcome.closed |= !self.rtc.is_alive();
        outcome
    }

    /// The round-trip time in statistics of the first track.
    fn round_trip(&self, event: &Event) -> Option<Duration> {
        let (mid, found) = match event {
            Event::MediaEgressStats(stats) => (stats.mid, stats.rtt),
            Event::MediaIngressStats(stats) => (stats.mid, stats.rtt),
            _ => return None,
        };
        found.filter(|_| self.video.or(self.audio).is_some_and(|section| section.mid == mid))
    }

    /// A packet of one of the tracks.
    fn received(&self, packet: RtpPacket) -> Option<Received> {
        let is_of = |section: Option<Section>| {
            section.is_some_and(|section| section.payload_type == packet.header.payload_type)
        };
        let kind = match (is_of(self.video), is_of(self.audio)) {
            (true, _) => Kind::Video,
            (_, true) => Kind::Audio,
            (false, false) => return None,
        };
        let (timestamp, is_last) = (packet.header.timestamp, packet.header.marker);
        Some(Received { kind, sequence: *packet.seq_no, timestamp, is_last, payload: packet.payload })
    }
}

impl Outcome {
    fn record(&mut self, event: &Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::KeyframeRequest(_) => self.picture_lost = true,
            Event::Closed | Event::IceConnectionStateChange(IceConnectionState::Disconnected) => self.closed = true,
            Event::MediaEgressStats(stats) => self.count_nacks(stats.nacks),
            Event::MediaIngressStats(stats) => self.count_nacks(stats.nacks),
            _ => {}
        }
    }

    fn count_nacks(&mut self, nacks: u64) {
        self.nacks = Some(self.nacks.unwrap_or_default() + nacks);
    }
}

/// The header extension with [`PLAYOUT_DELAY`].
fn playout_delay() -> ExtensionValues {
    let (shortest, longest) = PLAYOUT_DELAY;
    ExtensionValues {
        play_delay_min: Some(MediaTime::from_hundredths(shortest)),
        play_delay_max: Some(MediaTime::from_hundredths(longest)),
        ..ExtensionValues::default()
    }
}

fn candidates(addresses: &Addresses) -> impl Iterator<Item = Candidate> {
    let udp = addresses.udp.iter().map(|address| Candidate::host(*address, Protocol::Udp));
    let tcp =
        addresses.tcp.iter().map(|address| Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build());
    // An address that is no candidate, such as a multicast address, is left out.
    udp.chain(tcp).flatten()
}

/// An error of the parser of SDP without its first line, which contains an address in memory.
fn without_address(error: &str) -> String {
    let lines: Vec<_> = error.lines().filter(|line| !line.contains("PointerOffset")).collect();
    if lines.is_empty() { "a line of SDP is missing or has a wrong form".into() } else { lines.join("; ") }
}
