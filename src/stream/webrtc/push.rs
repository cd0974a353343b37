//! Pushes a stream to a server with WHIP (RFC 9725). The server is one more follower of the track: it gets the packets that
//! viewers over WebRTC get, from a UDP port of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use socket2::{Domain, Socket, Type};
use tokio::net::lookup_host;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::addresses::{Advertised, source_towards};
use super::certificate::Certificate;
use super::peer::{Addresses, AnswerError, Peer, Wanted};
use super::routes;
use super::sdp::Role;
use super::source::{Pictures, Sound, first_picture};
use super::udp::UdpPort;
use crate::base::os_error;
use crate::base::timeline::Kind;
use crate::definition::spec::{Protocol, PushUrl};
use crate::media::pipeline::opus::OpusEncoders;
use crate::media::pipeline::{self, Delivery, PushEnd};
use crate::media::window::Output;
use crate::stream::{Deliver, DeliveryError, Setting};

mod endpoint;
mod session;

pub use endpoint::EndpointError;

use endpoint::Endpoint;
use session::Session;

/// Why a push with WHIP failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhipError {
    /// The request failed, or the server refused it.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The answer of the server cannot be used.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The system has no UDP port or no random numbers.
    #[error("cannot open a session of WebRTC: {0}")]
    System(String),
    /// The stream has neither pictures nor sound.
    #[error("the stream has neither pictures nor sound")]
    NoMedia,
    /// No packets reach the server, or its packets do not reach this host.
    #[error("the server has answered, but there is no connection to it over UDP: a firewall may be in between")]
    NoConnection,
    /// The session has ended.
    #[error("the server has ended the session, or does not respond any more")]
    Closed,
}

/// Pushes to targets of all protocols, with the clock and the encoders of `setting`.
pub fn deliver(setting: &Setting) -> Deliver {
    let encoders = setting.opus_encoders.clone();
    Arc::new(move |delivery, stop| match delivery.push.url.protocol() {
        Protocol::Rtmp | Protocol::Rtmps | Protocol::Srt | Protocol::Udp => {
            Box::pin(async move { Ok(pipeline::push(delivery, stop).await?) })
        }
        Protocol::Whip | Protocol::Whips => {
            let encoders = encoders.clone();
            Box::pin(async move { push(&delivery, &encoders, &stop).await.map_err(DeliveryError::from) })
        }
    })
}

/// Pushes from the newest picture on until `stop` is cancelled, or the stream ends or changes its codec. When this resolves,
/// the session has ended.
async fn push(delivery: &Delivery, encoders: &OpusEncoders, stop: &CancellationToken) -> Result<PushEnd, WhipError> {
    let Some(media) = stop.run_until_cancelled(Media::of(delivery)).await else { return Ok(PushEnd::Stopped) };
    let Some(media) = media else { return Ok(PushEnd::Ended) };
    let url = &delivery.push.url;
    let port = open_port().map_err(|error| WhipError::System(os_error::text(&error)))?;
    let addresses = own_addresses(url, &port).await;
    let certificate = Certificate::new().ok_or_else(|| WhipError::System("no certificate can be made".to_owned()))?;
    let wanted = Wanted {
        role: Role::Server,
        video: media.pictures.as_ref().map(|(_, codec)| *codec),
        audio: media.sound.is_some(),
        group: delivery.output.spec.timeline.longest_segment(Kind::Video),
    };
    let (mut peer, offer) = Peer::offer(wanted, &addresses, &certificate, Instant::now()).ok_or(WhipError::NoMedia)?;
    let opened = stop.run_until_cancelled(Endpoint::of(url)?.open(offer.text.clone())).await;
    let Some(opened) = opened else { return Ok(PushEnd::Stopped) };
    let (answer, resource) = opened?;
    let pushed = match peer.accept_answer(offer, &answer) {
        Ok(()) => Session::new((delivery, encoders), (&port, addresses.udp), peer, media).run(stop).await,
        Err(error) => Err(error.into()),
    };
    if let Some(resource) = resource {
        resource.end().await;
    }
    pushed
}

/// What a server gets.
struct Media {
    pictures: Option<Pictures>,
    sound: Option<Sound>,
}

impl Media {
    /// Waits until the stream has pictures. `None` if it has ended.
    async fn of(Delivery { output, push, clock, .. }: &Delivery) -> Option<Self> {
        if output.spec.is_published() {
            return Self::published(output).await;
        }
        let is_wanted = |id: &str| push.video.as_ref().is_none_or(|wanted| wanted.as_str() == id);
        let track = output.tracks.iter().find(|track| track.kind == Kind::Video && is_wanted(track.id.as_str()));
        let pictures = match track {
            Some(track) => Some(first_picture(track.live.follow()).await?),
            None => None,
        };
        let segment = output.spec.timeline.segment_at(clock.now());
        let sound = output.epoch(segment).spec.audio.clone().map(Sound::Signal);
        Some(Self { pictures, sound })
    }

    /// Picture and sound of a publisher, when there is one.
    async fn published(output: &Output) -> Option<Self> {
        let mut is_live = output.relay.is_live();
        is_live.wait_for(|is_live| *is_live).await.ok()?;
        let codec = output.relay.codec().flatten();
        let pictures = codec.map(|codec| (output.relay.pictures(), codec));
        Some(Self { pictures, sound: Some(Sound::Published) })
    }
}

/// A UDP port for both families of addresses if the host has both.
fn open_port() -> std::io::Result<UdpPort> {
    let both = || {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
        socket.set_only_v6(false)?;
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
        Ok::<UdpSocket, std::io::Error>(socket.into())
    };
    UdpPort::new(both().or_else(|_| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))?)
}

/// The addresses of `port` from which packets leave for the server and for other networks.
async fn own_addresses(url: &PushUrl, port: &UdpPort) -> Addresses {
    let server = lookup_host((url.host(), url.port())).await;
    let towards: Vec<IpAddr> = server.into_iter().flatten().filter_map(source_towards).collect();
    let bound = port.address();
    let all = Advertised::new(Vec::new()).all(bound.ip(), &towards).await;
    let usable = all.into_iter().filter(|address| bound.is_ipv6() || address.is_ipv4());
    Addresses { udp: usable.map(|address| SocketAddr::new(address, bound.port())).collect(), tcp: Vec::new() }
}

/// Receives packets for a session while `session` runs.
async fn receiving<T>(port: &UdpPort, inbox: mpsc::Sender<routes::Packet>, session: impl Future<Output = T>) -> T {
    // A packet that has no room is lost, as if the network had lost it.
    let received = port.receive(|packet| _ = inbox.try_send(packet));
    tokio::select! {
        result = session => result,
        never = received => match never {},
    }
}
