//! Which session a packet belongs to. A client names the session in STUN messages; all other packets are recognised by
//! the address that the client sends from, once a STUN message from there has been verified.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use str0m::ice::StunMessage;
use str0m::net::Protocol;
use tokio::sync::mpsc;

/// Capacity of the queue of received packets of a viewer's session. Viewers send a few packets per second.
pub(super) const VIEWER_INBOX: usize = 64;
/// Capacity of the queue of received packets of a publisher's session: one large picture.
pub(super) const PUBLISHER_INBOX: usize = 1024;

/// A packet from a client.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) way: Way,
    pub(super) contents: Bytes,
}

/// How packets travel between a client and this server.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// The address that the client sends from.
    pub(super) client: SocketAddr,
    pub(super) transport: Transport,
}

/// The transport by which packets reach the client.
#[derive(Debug, Clone)]
pub(super) enum Transport {
    /// The address of this host that the client sends to, if the system tells it.
    Udp(Option<IpAddr>),
    /// The connection of the client.
    Tcp(mpsc::Sender<Bytes>),
}

/// Protocol and address of a client.
pub(super) type Origin = (Protocol, SocketAddr);
/// Sends packets to a session.
pub(super) type Inbox = mpsc::Sender<Packet>;

/// The sessions by name and by address.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    names: HashMap<String, Inbox>,
    origins: HashMap<Origin, Inbox>,
}

impl Way {
    pub(super) fn origin(&self) -> Origin {
        let protocol = match self.transport {
            Transport::Udp(_) => Protocol::Udp,
            Transport::Tcp(_) => Protocol::Tcp,
        };
        (protocol, self.client)
    }
}

impl Routes {
    /// Gives a packet to its session. Returns whether there is one. A session that is too far behind loses the packet, as
    /// if the network had lost it.
    pub(super) fn deliver(&self, packet: Packet) -> bool {
        let inbox = match named(&packet.contents) {
            Some(name) => self.tables().names.get(name).cloned(),
            None => self.tables().origins.get(&packet.way.origin()).cloned(),
        };
        inbox.is_some_and(|inbox| !matches!(inbox.try_send(packet), Err(mpsc::error::TrySendError::Closed(_))))
    }

    /// Names a session, in place of the name that it has.
    pub(super) fn name(&self, name: String, inbox: Inbox) {
        let mut tables = self.tables();
        tables.names.retain(|_, other| !other.same_channel(&inbox));
        tables.names.insert(name, inbox);
    }

    /// Packets from `origin` belong to this session from now on.
    pub(super) fn bind(&self, origin: Origin, inbox: Inbox) {
        self.tables().origins.insert(origin, inbox);
    }

    /// Removes the names and addresses of a session.
    pub(super) fn forget(&self, inbox: &Inbox) {
        let mut tables = self.tables();
        tables.names.retain(|_, other| !other.same_channel(inbox));
        tables.origins.retain(|_, other| !other.same_channel(inbox));
    }

    /// Removes one address of a session.
    pub(super) fn unbind(&self, origin: &Origin, inbox: &Inbox) {
        let mut tables = self.tables();
        if tables.origins.get(origin).is_some_and(|other| other.same_channel(inbox)) {
            tables.origins.remove(origin);
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session that a STUN message names, in the first part of its user name (RFC 8445 7.2.2).
fn named(contents: &[u8]) -> Option<&str> {
    // Other packets have a first byte from 20 on (RFC 7983).
    let is_stun = contents.first().is_some_and(|first| *first < 4);
    let message = is_stun.then(|| StunMessage::parse(contents).ok()).flatten()?;
    message.username()?.split_once(':').map(|(session, _)| session)
}

/// Whether a packet is the answer to a verified check (RFC 8489 5).
pub(super) fn is_success(contents: &[u8]) -> bool {
    contents.starts_with(&[1, 1])
}
