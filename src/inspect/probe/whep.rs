//! A viewer over WebRTC (WHEP, draft-ietf-wish-whep): sends the offer, receives pictures and sound, and passes them on to a
//! player without delay.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::BytesMut;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaData, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{sleep_until, timeout};

use super::player::{Coding, Feed};
use super::{ANSWER_WITHIN, ProbeError};
use crate::base::os_error;
use crate::base::problem::reason;
use crate::inspect::fetch::{Access, FetchError};
use timestamps::Timestamps;

mod timestamps;

/// The part of a path by which a URL is one of WHEP.
const SEGMENT: &str = "whep";
const SDP: &str = "application/sdp";
/// Time from the answer of the server to the first packet of media.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Time for the server to end the session.
const END_WITHIN: Duration = Duration::from_secs(2);
/// Shortest time between two requests for an IDR picture.
const IDR_PERIOD: Duration = Duration::from_secs(1);
/// Largest datagram.
const MOST_BYTES: usize = 2048;
/// Largest answer to an offer.
const MOST_ANSWER: usize = 64 << 10;

/// Whether a URL is one of WHEP.
pub(super) fn is_whep(url: &Url) -> bool {
    let mut segments = url.path_segments().into_iter().flatten();
    matches!(url.scheme(), "http" | "https") && segments.any(|segment| segment == SEGMENT)
}

/// A session. Its owner must call [`Viewer::close`].
pub(super) struct Viewer {
    rtc: Rtc,
    socket: UdpSocket,
    /// The address of the socket that the server knows.
    own: SocketAddr,
    client: Client,
    /// The URL of the session.
    session: Option<Url>,
    feed: Feed,
    timestamps: Timestamps,
    /// Until when media must arrive. `None` after the first packet.
    connect_by: Option<Instant>,
    /// Whether a picture is missing that later pictures refer to.
    is_broken: bool,
    /// When an IDR picture was requested last.
    requested: Option<Instant>,
}

impl Viewer {
    /// Opens a session whose pictures and sound go to `feed`.
    ///
    /// # Errors
    /// The server refuses the offer, or is no WHEP endpoint.
    pub(super) async fn open(url: &Url, access: Access, feed: Feed) -> Result<Self, ProbeError> {
        let client = access.client()?;
        let (socket, own) = socket(url).await.map_err(|error| FetchError::Connect(os_error::text(&error)))?;
        let (rtc, offer, pending) = offer(own)?;
        let request = client.post(url.clone()).header(CONTENT_TYPE, SDP).header(ACCEPT, SDP).body(offer);
        let response = request.timeout(ANSWER_WITHIN).send().await.map_err(|error| unanswered(&error))?;
        let location = response.headers().get(LOCATION).and_then(|value| url.join(value.to_str().ok()?).ok());
        // The headers of the client may contain a token.
        let session = location.filter(|location| location.origin() == url.origin());
        let answer = answer(response).await?;
        let (timestamps, connect_by) = (Timestamps::default(), Some(Instant::now() + CONNECT_WITHIN));
        let mut viewer =
            Self { rtc, socket, own, client, session, feed, timestamps, connect_by, is_broken: true, requested: None };
        match viewer.rtc.sdp_api().accept_answer(pending, answer) {
            Ok(()) => Ok(viewer),
            Err(error) => {
                viewer.close().await;
                Err(ProbeError::NoWhep(error.to_string()))
            }
        }
    }

    /// Receives until the session ends or fails.
    pub(super) async fn run(&mut self) -> ProbeError {
        let mut datagram = [0; MOST_BYTES];
        loop {
            let wake = match self.drain().await {
                Ok(wake) => wake,
                Err(error) => return error,
            };
            tokio::select! {
                received = self.socket.recv_from(&mut datagram) => {
                    // An error is that of a datagram which was sent to a closed port.
                    let Ok((length, source)) = received else { continue };
                    let now = Instant::now();
                    let Ok(received) = Receive::new(Protocol::Udp, source, self.own, &datagram[..length]) else { continue };
                    if let Err(error) = self.rtc.handle_input(Input::Receive(now, received)) {
                        return failed(&error);
                    }
                }
                () = sleep_until(wake.into()) => {
                    if let Err(error) = self.rtc.handle_input(Input::Timeout(Instant::now())) {
                        return failed(&error);
                    }
                }
            }
        }
    }

    /// Ends the session.
    pub(super) async fn close(mut self) {
        if self.rtc.close().is_ok() {
            let _ = self.drain().await;
        }
        if let Some(session) = self.session {
            // The server ends the session anyway, when nobody answers.
            let _ = timeout(END_WITHIN, self.client.delete(session).send()).await;
        }
    }

    /// Handles all outputs of str0m. Returns the time at which str0m must be called again.
    async fn drain(&mut self) -> Result<Instant, ProbeError> {
        loop {
            match self.rtc.poll_output().map_err(|error| failed(&error))? {
                Output::Timeout(wake) => {
                    let limit = self.connect_by.unwrap_or(wake);
                    if limit <= Instant::now() && self.connect_by.is_some() {
                        return Err(ProbeError::NoConnection);
                    }
                    return Ok(wake.min(limit));
                }
                // ICE finds out which addresses can be reached.
                Output::Transmit(datagram) => {
                    let _ = self.socket.send_to(&datagram.contents, datagram.destination).await;
                }
                Output::Event(Event::MediaData(media)) => self.receive(&media),
                Output::Event(Event::Closed | Event::IceConnectionStateChange(IceConnectionState::Disconnected)) => {
                    return Err(ProbeError::Failed("the WebRTC session has ended".to_owned()));
                }
                Output::Event(_) => {}
            }
        }
    }

    fn receive(&mut self, media: &MediaData) {
        self.connect_by = None;
        let (time, now) = (media.time.numer(), media.network_time);
        let report = media
            .last_sender_info
            .and_then(|info| Some((info.rtp_time.numer(), info.ntp_time.duration_since(UNIX_EPOCH).ok()?)));
        match media.params.spec().codec {
            Codec::Opus => {
                for (pts, packet) in self.timestamps.sound((time, now), report, &media.data) {
                    self.feed.sound(pts, &packet);
                }
            }
            codec => {
                self.is_broken = (self.is_broken || !media.contiguous) && !media.is_keyframe();
                if self.is_broken {
                    self.request_idr(media);
                } else if let Some(time) = self.timestamps.picture((time, now), report) {
                    let coding = if codec == Codec::Vp8 { Coding::Vp8 } else { Coding::H264 };
                    self.feed.picture(coding, time, &media.data);
                }
            }
        }
    }

    fn request_idr(&mut self, media: &MediaData) {
        if self.requested.is_none_or(|last| last.elapsed() >= IDR_PERIOD) {
            self.requested = Some(Instant::now());
            // Without a stream nothing can be requested; the next picture tries again.
            if let Some(mut writer) = self.rtc.writer(media.mid) {
                let _ = writer.request_keyframe(media.rid, KeyframeRequestKind::Pli);
            }
        }
    }
}

/// A socket, and the address from which it reaches the server.
async fn socket(url: &Url) -> std::io::Result<(UdpSocket, SocketAddr)> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or_default();
    let server = lookup_host((host, port)).await?.next().ok_or(std::io::ErrorKind::NotFound)?;
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let route = UdpSocket::bind((any, 0)).await?;
    route.connect(server).await?;
    let socket = UdpSocket::bind((any, 0)).await?;
    let own = SocketAddr::new(route.local_addr()?.ip(), socket.local_addr()?.port());
    Ok((socket, own))
}

/// An offer to receive pictures and sound.
fn offer(own: SocketAddr) -> Result<(Rtc, String, SdpPendingOffer), ProbeError> {
    let config = Rtc::builder().clear_codecs().enable_h264(true).enable_vp8(true).enable_opus(true, false);
    let mut rtc = config.build(Instant::now());
    rtc.add_local_candidate(Candidate::host(own, Protocol::Udp).map_err(|error| failed(&error))?);
    let mut change = rtc.sdp_api();
    for kind in [MediaKind::Video, MediaKind::Audio] {
        change.add_media(kind, Direction::RecvOnly, None, None, None);
    }
    let (offer, pending) = change.apply().expect("two media sections are a change");
    Ok((rtc, offer.to_sdp_string(), pending))
}

/// The answer of a WHEP endpoint.
async fn answer(mut response: Response) -> Result<SdpAnswer, ProbeError> {
    let (status, headers) = (response.status(), response.headers());
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unanswered(&error))? {
        body.extend_from_slice(&piece);
        if body.len() > MOST_ANSWER {
            return Err(FetchError::TooLong(MOST_ANSWER).into());
        }
    }
    let text = String::from_utf8_lossy(&body);
    match status {
        StatusCode::CREATED if content_type.starts_with(SDP) => {
            SdpAnswer::from_sdp_string(&text).map_err(|error| ProbeError::NoWhep(error.to_string()))
        }
        _ if status.is_client_error() || status.is_server_error() => Err(match reason(&text) {
            reason if reason.is_empty() => ProbeError::Status(status.as_u16()),
            reason => ProbeError::Refused(status.as_u16(), reason),
        }),
        _ => Err(ProbeError::NoWhep(format!("status {} with content type {content_type}", status.as_u16()))),
    }
}

fn unanswered(error: &reqwest::Error) -> ProbeError {
    match error.is_timeout() {
        true => FetchError::Timeout(ANSWER_WITHIN).into(),
        false => FetchError::of(error).into(),
    }
}

fn failed(error: &dyn Display) -> ProbeError {
    ProbeError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_states_whether_a_url_is_one_of_whep() {
        let check = |url: &str, expected| assert_eq!(is_whep(&Url::parse(url).unwrap()), expected, "{url}");
        check("http://localhost:8080/live/test/whep?video=v720", true);
        check("https://server.example/t/x/whep/room", true);
        check("https://server.example/live/whep.m3u8", false);
        check("srt://server.example/whep", false);
    }
}
