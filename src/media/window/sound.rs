//! Sound packet by packet, for viewers that cannot wait for a chunk.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::base::timeline::UnixTime;

/// Packets that a follower may be behind. It skips older ones.
const BACKLOG: usize = 32;

/// A packet of Opus.
#[derive(Debug)]
pub struct Packet {
    /// RTP timestamp.
    pub timestamp: u32,
    /// Time of its first sample, or of its arrival.
    pub due: UnixTime,
    /// RTP payload (RFC 7587 4.2).
    pub payload: Arc<[u8]>,
}

/// Sends packets to all followers. Clones share them.
#[derive(Debug, Clone)]
pub struct Sender(broadcast::Sender<Arc<Packet>>);

/// Follows sound until it is dropped.
#[derive(Debug)]
pub struct Follower(broadcast::Receiver<Arc<Packet>>);

/// Nobody sends sound any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sound has ended")]
pub struct Gone;

impl Sender {
    /// Sends a packet to all who follow now.
    pub fn send(&self, packet: Packet) {
        // Without a follower the packet is dropped.
        let _ = self.0.send(Arc::new(packet));
    }

    /// Follows the sound from now on.
    pub fn follow(&self) -> Follower {
        Follower(self.0.subscribe())
    }

    /// Whether somebody follows.
    pub fn followed(&self) -> bool {
        self.0.receiver_count() > 0
    }
}

impl Default for Sender {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Follower {
    /// Resolves with the next packet. Packets are skipped if the follower is far behind. Nothing is lost if the future is
    /// dropped.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn next(&mut self) -> Result<Arc<Packet>, Gone> {
        loop {
            match self.0.recv().await {
                Ok(packet) => return Ok(packet),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Err(Gone),
            }
        }
    }
}
