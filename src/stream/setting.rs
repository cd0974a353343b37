//! What all streams of a process share.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::capacity::Capacity;
use super::permits::CatchUpPermits;
use super::{Deliver, Events, Render};
use crate::base::metrics::Metrics;
use crate::base::utc::Clock;
use crate::definition::spec::Limits;
use crate::media::pipeline;

/// What all streams share.
pub struct Setting {
    /// UTC.
    pub clock: Clock,
    /// Renders a job.
    pub render: Render,
    /// Pushes to a target.
    pub deliver: Deliver,
    /// Whether streams are pushed from here.
    pub pushes: bool,
    /// Versions of the encoder libraries, for revisions.
    pub encoders: String,
    /// Where windows are mirrored to, if anywhere.
    pub directory: Option<PathBuf>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Told of what happens.
    pub events: Arc<Events>,
    /// Every task of every stream.
    pub tasks: TaskTracker,
    /// Who may catch up with UTC, and who may fill in the past.
    pub catch_up_permits: CatchUpPermits,
    /// The most that runs at once.
    pub capacity: watch::Sender<Capacity>,
    /// The most that all streams together may be watched.
    pub limits: watch::Sender<Limits>,
}

impl Setting {
    /// With nothing mirrored and no limit to what is made, and everything else as it is when a program begins.
    pub fn new(clock: Clock, render: Render, encoders: &str) -> Self {
        Self {
            clock,
            render,
            deliver: Arc::new(|delivery, stop| Box::pin(pipeline::push(delivery, stop))),
            pushes: true,
            encoders: encoders.to_owned(),
            directory: None,
            metrics: Arc::default(),
            events: Arc::default(),
            tasks: TaskTracker::new(),
            catch_up_permits: CatchUpPermits::default(),
            capacity: watch::Sender::default(),
            limits: watch::Sender::default(),
        }
    }
}
