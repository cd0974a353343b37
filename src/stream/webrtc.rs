//! WebRTC: streams to browsers and from them by RTP over one UDP port and one TCP port, picture by picture. No other module
//! knows str0m. The HTTP side, WHEP and WHIP, is in `http`. As a client of WHIP, barstone pushes streams to other servers.
//!
//! Each session is a task. That of a viewer follows the current group of pictures of its track. Pictures are encoded and
//! divided into packets once for all sessions; a session encrypts them and sends them a few milliseconds apart. That of a
//! publisher passes whole pictures on to the viewers, in the packets in which they arrive.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Setting;
use crate::base::metrics::RefusedSessionLabels;
use crate::definition::spec::StreamName;

mod addresses;
mod assembly;
mod certificate;
mod connection;
mod pace;
mod peer;
mod publish;
mod publisher;
mod push;
mod routes;
mod schedule;
mod sdp;
mod session;
mod sessions;
mod source;
mod tcp;
mod udp;
mod watch;

pub use connection::Permission;
pub use peer::{AnswerError, OfferError};
pub use publish::Publish;
pub use push::{EndpointError, WhipError, deliver};
pub use sessions::{Limits, ReachedLimit};
pub use watch::Watch;

use addresses::Advertised;
use certificate::Certificate;
use connection::{Connection, Control, Negotiation, Restart, Shared};
use peer::Addresses;
use sessions::{Entry, Sessions};
use udp::UdpPort;

/// Targets of the log of libraries that quote SDP and addresses of clients.
pub const LOG_TARGETS: [&str; 3] = ["str0m", "is", "dimpl"];

/// Requests that wait for a session.
const ORDERS: usize = 4;

/// The bound sockets.
#[derive(Debug)]
pub struct Sockets {
    /// The UDP port.
    pub udp: std::net::UdpSocket,
    /// The TCP port.
    pub tcp: TcpListener,
}

/// All sessions, and the ports that they share. Clones share them.
#[derive(Clone)]
pub struct Webrtc(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    tcp: SocketAddr,
    sessions: Sessions,
    advertised: Advertised,
    certificate: Certificate,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A session, new or after a restart of ICE.
#[derive(Debug)]
pub struct Negotiated {
    /// Id of the session, 32 hexadecimal digits.
    pub id: String,
    /// Name of the current ICE credentials.
    pub tag: String,
    /// The SDP answer.
    pub answer: String,
}

/// A session in the list.
struct Added {
    id: String,
    tag: String,
}

/// Causes why a session is not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A limit of sessions is reached.
    #[error("{0}")]
    Limit(#[from] ReachedLimit),
    /// The offer cannot be answered.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The stream has no pictures now.
    #[error("the stream has no pictures yet")]
    NoPictures,
    /// Nobody sends the picture and the sound of the stream.
    #[error("nobody publishes to the stream")]
    NobodyPublishes,
    /// Another client publishes to the stream.
    #[error("another client publishes to the stream")]
    Occupied,
    /// The session has ended.
    #[error("the session has ended")]
    Ended,
}

impl Webrtc {
    /// Serves sessions on `sockets` until `stop` is cancelled. `addresses` are the addresses and names by which clients reach
    /// this host. If the list is empty, barstone finds addresses.
    ///
    /// # Errors
    /// A socket cannot be used, or the system has no random numbers.
    pub fn start(
        sockets: Sockets,
        (addresses, limits): (Vec<String>, Limits),
        setting: &Setting,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let certificate = Certificate::new().ok_or_else(|| io::Error::other("no certificate can be made"))?;
        let tcp = sockets.tcp.local_addr()?;
        let shared = Arc::new(Shared {
            udp: UdpPort::new(sockets.udp)?,
            routes: Arc::default(),
            opus_encoders: setting.opus_encoders.clone(),
            metrics: Arc::clone(&setting.metrics),
            clock: setting.clock.clone(),
        });
        let (routes, tasks) = (Arc::clone(&shared.routes), setting.tasks.clone());
        tasks.spawn(tcp::serve(sockets.tcp, Arc::clone(&routes), tasks.clone(), stop.clone()));
        let (port, over) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            over.run_until_cancelled(port.udp.receive(|packet| _ = routes.deliver(packet))).await;
        });
        let (sessions, advertised) = (Sessions::new(limits), Advertised::new(addresses));
        Ok(Self(Arc::new(Inner { shared, tcp, sessions, advertised, certificate, tasks, stop })))
    }

    /// Counts a refusal because a limit is reached.
    fn counted<T>(&self, opened: Result<T, OpenError>) -> Result<T, OpenError> {
        if let Err(OpenError::Limit(limit)) = &opened {
            let labels = RefusedSessionLabels { reason: limit.as_str() };
            self.0.shared.metrics.webrtc.refused.get_or_create(&labels).inc();
        }
        opened
    }

    /// Adds a session to the list, with room for `packets` packets from its client. Returns its id and the name of its ICE
    /// credentials too.
    fn add(
        &self,
        (stream, client): (&StreamName, IpAddr),
        mut negotiation: Negotiation,
        packets: usize,
    ) -> Result<(Added, Connection), OpenError> {
        let Inner { shared, sessions, stop, .. } = &*self.0;
        let (id, tag) = (new_id(), negotiation.peer.ufrag());
        let (own, inbox) = mpsc::channel(packets);
        let (sender, orders) = mpsc::channel(ORDERS);
        let (is_connected, end) = (Arc::new(AtomicBool::new(false)), stop.child_token());
        let entry = Entry {
            stream: stream.clone(),
            address: client,
            name: tag.clone(),
            is_connected: Arc::clone(&is_connected),
            orders: sender,
            end: end.clone(),
        };
        sessions.add(id.clone(), entry)?;
        shared.routes.name(tag.clone(), own.clone());
        let control = Control { inbox, orders, end };
        let connection = Connection::new(Arc::clone(shared), negotiation, (own, is_connected), control);
        Ok((Added { id, tag }, connection))
    }

    /// Runs a session, and removes it from the list when it has ended.
    fn run(
        &self,
        Added { id, tag }: Added,
        answer: String,
        session: impl Future<Output = ()> + Send + 'static,
    ) -> Negotiated {
        let (all, own_id) = (self.clone(), id.clone());
        self.0.tasks.spawn(async move {
            session.await;
            all.0.sessions.remove(&own_id);
        });
        Negotiated { id, tag, answer }
    }

    /// Name of the current ICE credentials of a session of a stream. `None` if there is no such session.
    pub fn tag(&self, stream: &StreamName, id: &str) -> Option<String> {
        self.0.sessions.find(stream, id).map(|entry| entry.name)
    }

    /// Restarts ICE with the credentials in an SDP fragment (RFC 8840). The answer is a fragment too.
    ///
    /// # Errors
    /// [`OpenError::Offer`], or [`OpenError::Ended`].
    pub async fn restart(&self, stream: &StreamName, id: &str, fragment: &str) -> Result<Negotiated, OpenError> {
        let entry = self.0.sessions.find(stream, id).ok_or(OpenError::Ended)?;
        let credentials = sdp::credentials(fragment)
            .ok_or_else(|| OfferError::Malformed("the lines a=ice-ufrag and a=ice-pwd are missing".into()))?;
        let (reply, answered) = oneshot::channel();
        let order = Restart { credentials, reply };
        entry.orders.send(order).await.map_err(|_| OpenError::Ended)?;
        let (answer, tag) = answered.await.map_err(|_| OpenError::Ended)??;
        self.0.sessions.rename(id, &tag);
        Ok(Negotiated { id: id.to_owned(), tag, answer })
    }

    /// Ends a session. Returns whether there was one.
    pub fn close(&self, stream: &StreamName, id: &str) -> bool {
        let found = self.0.sessions.find(stream, id);
        if let Some(entry) = &found {
            entry.end.cancel();
            self.0.sessions.remove(id);
        }
        found.is_some()
    }

    async fn addresses(&self, reached: &[IpAddr]) -> Addresses {
        let Inner { shared, tcp, advertised, .. } = &*self.0;
        let udp = shared.udp.address();
        let all = advertised.all(udp.ip(), reached).await;
        let at = |bound: SocketAddr| {
            // An IPv6 socket that is bound to all addresses accepts IPv4, too.
            let is_found = move |address: &&IpAddr| bound.is_ipv6() || address.is_ipv4();
            all.iter().filter(is_found).map(|address| SocketAddr::new(*address, bound.port())).collect()
        };
        Addresses { udp: at(udp), tcp: at(*tcp) }
    }
}

/// 128 random bits, so that clients cannot guess the id of another client's session.
fn new_id() -> String {
    let mut bytes = [0_u8; 16];
    // The system also had random numbers for the certificate.
    let _ = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Webrtc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webrtc").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
