//! Streams as things with a life: what phase each is in, who restarts it, which streams there are, and what
//! has happened to them.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::pipeline::{Delivery, Job, Over, PipelineError, PushError};

mod capacity;
mod desired;
mod events;
mod life;
mod mirrored;
mod phase;
mod push;
mod registry;
mod run;

pub use capacity::{Capacity, NoRoom};
pub use events::{Event, Events, Followed, Follower, News};
pub use phase::{Moment, Phase, Status};
pub use push::targets::{PushPhase, TargetView};
pub use registry::{Newcomer, Refusal, Registry, Setting, StreamView, Unknown, Unplayable, Visit};
pub use run::{Turns, cores};

/// Renders a job until it is done or the token is cancelled: the seam to [`crate::pipeline`], which tests replace.
pub type Render = Arc<dyn Fn(Job, CancellationToken) -> BoxFuture<'static, Result<(), PipelineError>> + Send + Sync>;

/// Pushes to one target until the token is cancelled: the other seam to [`crate::pipeline`].
pub type Deliver =
    Arc<dyn Fn(Delivery, CancellationToken) -> BoxFuture<'static, Result<Over, PushError>> + Send + Sync>;

#[cfg(test)]
mod tests;
