//! The UDP port of all sessions. An answer leaves from the address of this host that the client has sent to, because a
//! client ignores answers from other addresses. The packets of a picture go to the system in few calls.

use std::convert::Infallible;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::routes::{Packet, Transport, Way};
use crate::base::os_error;

/// Longest datagram that is read.
const MAX_DATAGRAM: usize = 2048;
/// Bytes in one call of the system, which UDP limits to 64 KiB.
const MAX_BATCH: usize = 60_000;
/// Buffer of the system in each direction: a picture for each of a hundred sessions.
const BUFFER: usize = 4 * 1024 * 1024;

/// Pause after an error, which may be persistent.
const RETRY_DELAY: Duration = Duration::from_millis(10);

/// A UDP socket.
#[derive(Debug)]
pub(super) struct UdpPort {
    socket: UdpSocket,
    state: UdpSocketState,
    address: SocketAddr,
}

/// A datagram to be sent.
#[derive(Debug)]
pub(super) struct Datagram<'a> {
    pub(super) to: SocketAddr,
    /// Address of this host to send from, as it was received.
    pub(super) from: Option<IpAddr>,
    pub(super) contents: &'a [u8],
}

impl UdpPort {
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let state = UdpSocketState::new((&socket).into())?;
        // The system grants less if it is configured so.
        let _ = state.set_send_buffer_size((&socket).into(), BUFFER);
        let _ = state.set_recv_buffer_size((&socket).into(), BUFFER);
        Ok(Self { address: socket.local_addr()?, socket, state })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives all datagrams to `deliver`.
    pub(super) async fn receive(&self, deliver: impl Fn(Packet)) -> Infallible {
        let stride = MAX_DATAGRAM * self.state.gro_segments();
        let mut memory = vec![0; stride * BATCH_SIZE];
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        loop {
            let mut slices: Vec<_> = memory.chunks_mut(stride).map(IoSliceMut::new).collect();
            let received = self
                .socket
                .async_io(Interest::READABLE, || self.state.recv((&self.socket).into(), &mut slices, &mut metas));
            let count = match received.await {
                Ok(count) => count,
                Err(error) => {
                    tracing::debug!(error = os_error::text(&error), "cannot receive a datagram");
                    tokio::time::sleep(RETRY_DELAY).await;
                    continue;
                }
            };
            for (buffer, meta) in memory.chunks(stride).zip(&metas[..count]) {
                let client = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
                for contents in buffer[..meta.len].chunks(meta.stride.max(1)) {
                    let way = Way { client, transport: Transport::Udp(meta.dst_ip) };
                    deliver(Packet { way, contents: Bytes::copy_from_slice(contents) });
                }
            }
        }
    }

    /// Sends datagrams. If the buffer of the system is full, the rest is lost, as if the network had lost it.
    pub(super) fn send(&self, datagrams: &[Datagram<'_>]) {
        let mut rest = datagrams;
        while let Some(first) = rest.first() {
            let (batch, after) = rest.split_at(self.batch(rest));
            let contents = batch.iter().map(|datagram| datagram.contents).collect::<Vec<_>>().concat();
            let transmit = Transmit {
                destination: self.mapped(first.to),
                ecn: None,
                contents: &contents,
                segment_size: (batch.len() > 1).then_some(first.contents.len()),
                src_ip: first.from,
            };
            let send = || self.state.try_send((&self.socket).into(), &transmit);
            if let Err(error) = self.socket.try_io(Interest::WRITABLE, send) {
                tracing::debug!(error = os_error::text(&error), "cannot send a datagram");
            }
            rest = after;
        }
    }

    /// Number of datagrams at the start that go out in one call: to the same client, of the same length except for the
    /// last, which may be shorter.
    fn batch(&self, datagrams: &[Datagram<'_>]) -> usize {
        let first = &datagrams[0];
        let length = first.contents.len();
        let most = self.state.max_gso_segments().min(MAX_BATCH / length.max(1)).max(1);
        let mut count = 1;
        while count < datagrams.len().min(most) {
            let (before, next) = (&datagrams[count - 1], &datagrams[count]);
            let same_way = next.to == first.to && next.from == first.from;
            if !same_way || before.contents.len() != length || next.contents.len() > length {
                break;
            }
            count += 1;
        }
        count
    }

    /// The form of an IPv4 address for an IPv6 socket.
    fn mapped(&self, to: SocketAddr) -> SocketAddr {
        match (self.address, to.ip()) {
            (SocketAddr::V6(_), IpAddr::V4(ip)) => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            _ => to,
        }
    }
}
