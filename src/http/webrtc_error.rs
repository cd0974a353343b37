//! Reasons to refuse a request of WHEP or WHIP.

use crate::definition::spec::StreamName;
use crate::stream::webrtc::{OfferError, OpenError, ReachedLimit};

/// Reasons to refuse a request of WHEP or WHIP.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebrtcError {
    #[error("this server has no WebRTC; set webrtc_listen")]
    Off,
    #[error("the body's Content-Type is {sent:?}; send {wanted}")]
    WrongType { sent: String, wanted: &'static str },
    #[error("{0}")]
    BadSdp(String),
    #[error("{0}")]
    NoCommonCodec(String),
    #[error("stream {0} has no pictures now; start it, or try again")]
    NotRunning(StreamName),
    #[error("nobody publishes to stream {0}; try again when somebody does")]
    NobodyPublishes(StreamName),
    #[error("another client publishes to stream {0}; try again when it has ended")]
    Occupied(StreamName),
    #[error("stream {0} is a test signal; to publish, create a stream with \"source\": \"publish\"")]
    NotPublishable(StreamName),
    #[error(
        "publishing needs a publish token as bearer token or in the path: request one with \
         POST /api/v1/streams/{0}/tokens and {{\"purpose\": \"publish\"}}"
    )]
    PublishTokenNeeded(StreamName),
    #[error("publish token not valid for stream {0}; make a new one")]
    BadPublishToken(StreamName),
    #[error("the publish token has expired; make a new one")]
    PublishTokenExpired,
    #[error("a publisher sends stream {0}, so this server cannot paint its pictures nor compute what they contain")]
    NotPainted(StreamName),
    #[error("{0}; try again later")]
    TooMany(ReachedLimit),
    #[error("the stream has no such session, or it has ended; open one with POST")]
    NoSuchSession,
    #[error("the header If-Match is missing; send the ETag of the session, or * to restart ICE")]
    NoPrecondition,
    #[error("ICE has been restarted, so the ETag of the session is another; restart ICE with If-Match: *")]
    Restarted,
    #[error("WebRTC has no conditions; leave /with/.../ out of the URL")]
    Conditions,
}

impl WebrtcError {
    /// The reason for a failed request to open or restart a session of `stream`.
    pub(super) fn of(error: OpenError, stream: &StreamName) -> Self {
        match error {
            OpenError::Limit(limit) => Self::TooMany(limit),
            OpenError::Offer(OfferError::Malformed(problem)) => Self::BadSdp(problem),
            OpenError::Offer(error @ (OfferError::NoCommonCodec(_) | OfferError::NotRelayed(_))) => {
                Self::NoCommonCodec(error.to_string())
            }
            OpenError::NoPictures => Self::NotRunning(stream.clone()),
            OpenError::NobodyPublishes => Self::NobodyPublishes(stream.clone()),
            OpenError::Occupied => Self::Occupied(stream.clone()),
            OpenError::Ended => Self::NoSuchSession,
        }
    }
}
