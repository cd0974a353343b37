//! Opens the session of a publisher.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::assembly::Assembly;
use super::certificate::Certificate;
use super::connection::{Negotiation, Permission};
use super::peer::{Addresses, OfferError, Peer, Wanted};
use super::publisher::Publisher;
use super::sdp::{self, Role};
use super::{Negotiated, OpenError, Webrtc, routes};
use crate::media::rtp::VideoCodec;
use crate::stream::ActiveOutput;

/// A request for a session.
pub struct Publish {
    /// The SDP offer.
    pub offer: String,
    /// The stream.
    pub output: ActiveOutput,
    /// Address of the client.
    pub client: IpAddr,
    /// Addresses by which the client has reached this host.
    pub reached: Vec<IpAddr>,
    /// Whether the client may still publish.
    pub may_publish: Permission,
}

impl Webrtc {
    /// Opens the session of a publisher.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn publish(&self, request: Publish) -> Result<Negotiated, OpenError> {
        let opened = self.admit_publisher(request).await;
        self.counted(opened)
    }

    async fn admit_publisher(&self, request: Publish) -> Result<Negotiated, OpenError> {
        let Publish { offer, output, client, reached, may_publish } = request;
        let stream = output.spec.name.clone();
        self.0.sessions.check(&stream, client)?;
        let mut publication = output.relay.publish().ok_or(OpenError::Occupied)?;
        let (offer, addresses) = (sdp::without_simulcast(&offer), self.addresses(&reached).await);
        let (peer, answer, codec) = accept(&offer, &addresses, &self.0.certificate, Instant::now())?;
        if let Some(codec) = codec {
            publication.set_codec(codec);
        }
        let negotiation = Negotiation { peer, offer, addresses };
        let (added, connection) = self.add((&stream, client), negotiation, routes::PUBLISHER_INBOX)?;
        let assembly = codec.map(Assembly::new);
        let session = Publisher { connection, output, publication, assembly, may_publish };
        Ok(self.run(added, answer, session.run()))
    }
}

/// Answers an offer with one codec, so that the client sends no other. Returns the codec of the pictures, if the client sends any.
pub(super) fn accept(
    offer: &str,
    addresses: &Addresses,
    certificate: &Certificate,
    now: Instant,
) -> Result<(Peer, String, Option<VideoCodec>), OfferError> {
    let mut refusal = None;
    for codec in sdp::published() {
        let wanted = Wanted { role: Role::Publisher, video: Some(codec), audio: true, group: Duration::ZERO };
        match Peer::accept(offer, wanted, addresses, certificate, now) {
            Ok((peer, answer)) => {
                let (sends_pictures, _) = peer.uses();
                return Ok((peer, answer, Some(codec).filter(|_| sends_pictures)));
            }
            Err(error @ OfferError::NotRelayed(_)) => _ = refusal.get_or_insert(error),
            Err(error) => return Err(error),
        }
    }
    Err(refusal.expect("there are codecs"))
}
