//! The TCP port of all sessions, for clients whose network has no UDP. A packet has a length of two bytes before it
//! (RFC 4571).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::routes::{Packet, Routes, Transport, Way};
use crate::base::os_error;

/// Longest packet that is read. Clients send checks, reports and a handshake only.
const MAX_PACKET: usize = 2048;
/// Packets that wait until the client reads, half a second of 4 Mbit/s. A session whose packets do not fit skips to the
/// next IDR picture.
const BACKLOG: usize = 256;
/// Unsent bytes that the system buffers. More of them would only be late.
const MAX_UNSENT: u32 = 64 * 1024;
/// Time without a packet after which a connection is closed. A client sends checks every few seconds.
const IDLE: Duration = Duration::from_secs(30);
/// Time until the first packet that belongs to a session.
const FIRST: Duration = Duration::from_secs(10);
/// Open connections. A session has one or two.
const MAX_CONNECTIONS: usize = 2048;
/// Pause after a failed accept, which is usually due to missing file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Accepts connections until `stop` is cancelled.
pub(super) async fn serve(listener: TcpListener, routes: Arc<Routes>, tasks: TaskTracker, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            // Over the limit the connection is closed.
            Ok((stream, address)) => {
                if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
                    let (routes, stop) = (Arc::clone(&routes), stop.clone());
                    tasks.spawn(async move {
                        stop.run_until_cancelled(connection(stream, address, &routes)).await;
                        drop(permit);
                    });
                }
            }
            Err(error) => {
                tracing::debug!(error = os_error::text(&error), "cannot accept a connection of WebRTC");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, address: SocketAddr, routes: &Routes) {
    // Without these a packet may wait for the acknowledgement of another. Errors are ignored.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(MAX_UNSENT);
    let (reader, writer) = stream.into_split();
    let (sender, packets) = mpsc::channel(BACKLOG);
    let client = SocketAddr::new(address.ip().to_canonical(), address.port());
    let way = Way { client, transport: Transport::Tcp(sender) };
    tokio::select! {
        () = read(BufReader::new(reader), &way, routes) => {}
        () = write(BufWriter::new(writer), packets) => {}
    }
}

/// Gives packets to their session until the client closes the connection, is idle, or sends something else.
async fn read(mut reader: BufReader<OwnedReadHalf>, way: &Way, routes: &Routes) {
    let mut limit = FIRST;
    while let Ok(Some(contents)) = timeout(limit, packet(&mut reader)).await {
        if !routes.deliver(Packet { way: way.clone(), contents }) {
            return;
        }
        limit = IDLE;
    }
}

async fn packet(reader: &mut BufReader<OwnedReadHalf>) -> Option<Bytes> {
    let length = reader.read_u16().await.ok()?.into();
    let mut contents = vec![0; Some(length).filter(|length| *length <= MAX_PACKET)?];
    reader.read_exact(&mut contents).await.ok()?;
    Some(contents.into())
}

async fn write(mut writer: BufWriter<OwnedWriteHalf>, mut packets: mpsc::Receiver<Bytes>) {
    while let Some(packet) = packets.recv().await {
        let written = async {
            writer.write_u16(packet.len() as u16).await?;
            writer.write_all(&packet).await?;
            match packets.is_empty() {
                true => writer.flush().await,
                false => Ok(()),
            }
        };
        if written.await.is_err() {
            return;
        }
    }
}
