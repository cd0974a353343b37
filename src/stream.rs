//! Running streams: the registry that reconciles them with their definitions, the supervisor of each stream, phases,
//! past segments, viewers, events, webhooks, push targets and WebRTC.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::media::pipeline::{Delivery, Job, PipelineError, PushEnd, PushError};

pub mod audience;
pub mod hooks;
pub mod webrtc;

mod archive;
mod back_off;
mod capacity;
mod catch_up_permits;
mod desired;
mod events;
mod instruction;
mod mirrored;
mod phase;
mod push;
mod registry;
mod run;
mod setting;
mod superseded;
mod supervisor;

pub use archive::{Archive, ArchiveError};
pub use capacity::{Capacity, NoRoom};
pub use catch_up_permits::{CatchUpPermits, cores};
pub use events::{Delivered, Event, EventKind, Events, Follower};
pub use phase::{Moment, Phase, Status};
pub use push::targets::{PushPhase, TargetView};
pub use registry::{ActiveOutput, Admission, Refusal, Registry, StreamView, Unknown, Unplayable};
pub use setting::Setting;

/// Renders a job until it is complete or the token is cancelled. This is the interface to [`crate::media::pipeline`]
/// and is replaced in tests.
pub type Render = Arc<dyn Fn(Job, CancellationToken) -> BoxFuture<'static, Result<(), PipelineError>> + Send + Sync>;

/// Pushes to one target until the token is cancelled. The second interface to [`crate::media::pipeline`], and that to
/// [`webrtc`].
pub type Deliver =
    Arc<dyn Fn(Delivery, CancellationToken) -> BoxFuture<'static, Result<PushEnd, DeliveryError>> + Send + Sync>;

/// Why a push failed. Every error is worth another attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// By RTMP, SRT or UDP.
    #[error(transparent)]
    Container(#[from] PushError),
    /// By WHIP.
    #[error(transparent)]
    Whip(#[from] webrtc::WhipError),
}

#[cfg(test)]
mod tests;
