//! The offer to a server that gets pictures and sound (WHIP, RFC 9725 4.4), and its answer.

use std::time::Instant;

use str0m::IceCreds;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind};

use super::{Addresses, Peer, Wanted, candidates, without_address};
use crate::stream::webrtc::certificate::Certificate;
use crate::stream::webrtc::sdp::{self, MEDIA_STREAM};

/// An offer that is not answered yet.
pub(in crate::stream::webrtc) struct Offer {
    /// The SDP for the server.
    pub(in crate::stream::webrtc) text: String,
    pending: SdpPendingOffer,
}

/// Why the answer of a server cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The text does not answer the offer.
    #[error("the answer of the server cannot be used: {0}")]
    Malformed(String),
    /// The server does not take the pictures.
    #[error("the server does not take the pictures of the stream, {0}")]
    NoPictures(String),
    /// The server takes nothing.
    #[error("the server does not take the sound of the stream, Opus")]
    NoSound,
}

impl Peer {
    /// A peer that waits for the answer to an offer. `None` if there is nothing to offer.
    pub(in crate::stream::webrtc) fn offer(
        wanted: Wanted,
        addresses: &Addresses,
        certificate: &Certificate,
        now: Instant,
    ) -> Option<(Self, Offer)> {
        let mut rtc = sdp::config(certificate, IceCreds::new(), (wanted.role, wanted.video)).build(now);
        for candidate in candidates(addresses) {
            rtc.add_local_candidate(candidate);
        }
        let mut change = rtc.sdp_api();
        let kinds = [(MediaKind::Video, wanted.video.is_some()), (MediaKind::Audio, wanted.audio)];
        let kinds = kinds.into_iter().filter(|(_, is_wanted)| *is_wanted);
        let add = |(kind, _)| change.add_media(kind, Direction::SendOnly, Some(MEDIA_STREAM.to_owned()), None, None);
        let mids: Vec<_> = kinds.map(add).collect();
        let (offer, pending) = change.apply()?;
        let text = sdp::finish(&offer.to_sdp_string(), &mids, wanted.role);
        Some((Self { rtc, wanted, video: None, audio: None }, Offer { text, pending }))
    }

    /// Takes the answer to an offer. A server need not take the sound of a stream that has pictures.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub(in crate::stream::webrtc) fn accept_answer(
        &mut self,
        Offer { pending, .. }: Offer,
        text: &str,
    ) -> Result<(), AnswerError> {
        let malformed = |error: &dyn std::fmt::Display| AnswerError::Malformed(without_address(&error.to_string()));
        let answer = SdpAnswer::from_sdp_string(text).map_err(|error| malformed(&error))?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| malformed(&error))?;
        self.choose_sections(text);
        match (self.wanted.video, self.uses()) {
            (Some(codec), (false, _)) => Err(AnswerError::NoPictures(sdp::name(codec))),
            (None, (_, false)) => Err(AnswerError::NoSound),
            (Some(_), (true, _)) | (None, (_, true)) => Ok(()),
        }
    }
}
