//! Streams as things with a life: what phase each is in, who restarts it, which streams there are, and what
//! has happened to them.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::pipeline::{Job, PipelineError};

mod capacity;
mod desired;
mod events;
mod life;
mod mirrored;
mod phase;
mod registry;
mod run;

pub use capacity::{Capacity, NoRoom};
pub use events::{Event, Events, Followed, Follower, News};
pub use phase::{Moment, Phase, Status};
pub use registry::{Newcomer, Refusal, Registry, Setting, StreamView, Unknown, Unplayable, Visit};
pub use run::{Turns, cores};

/// Renders a job until it is done or the token is cancelled: the seam to [`crate::pipeline`], which tests replace.
pub type Render = Arc<dyn Fn(Job, CancellationToken) -> BoxFuture<'static, Result<(), PipelineError>> + Send + Sync>;

#[cfg(test)]
mod tests;
