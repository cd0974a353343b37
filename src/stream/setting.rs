//! Dependencies and limits that all streams of a process share.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::capacity::Capacity;
use super::catch_up_permits::CatchUpPermits;
use super::{Deliver, Events, Render};
use crate::base::memory::Trimmer;
use crate::base::metrics::Metrics;
use crate::base::utc::Clock;
use crate::definition::spec::{BaseUrl, Limits};
use crate::media::pipeline;
use crate::media::pipeline::opus::OpusEncoders;

/// Dependencies and limits that all streams share.
pub struct Setting {
    /// Source of the time.
    pub clock: Clock,
    /// Renders a job; tests replace it.
    pub render: Render,
    /// Pushes to a target; tests replace it, and [`super::webrtc::deliver`] does so for targets of WHIP.
    pub deliver: Deliver,
    /// Encoders of sound over WebRTC.
    pub opus_encoders: OpusEncoders,
    /// Whether this process pushes streams.
    pub pushes: bool,
    /// URL of this server for its clients, if it differs from the address to listen on.
    pub public_url: Option<BaseUrl>,
    /// Versions of the encoder libraries, which are part of each revision.
    pub encoders: String,
    /// Media directory, if segments are written to disk.
    pub directory: Option<PathBuf>,
    /// Metrics of the process.
    pub metrics: Arc<Metrics>,
    /// Returns the memory of streams that ended.
    pub trimmer: Trimmer,
    /// Events of all streams.
    pub events: Arc<Events>,
    /// Tracks every task of every stream.
    pub tasks: TaskTracker,
    /// Permits to catch up with UTC and to render the past.
    pub catch_up_permits: CatchUpPermits,
    /// Encoding capacity of the machine.
    pub capacity: watch::Sender<Capacity>,
    /// Most bytes of past segments in memory or in `archive_dir`; 0 if past segments are not rendered again.
    pub archive_bytes: u64,
    /// Directory of past segments that were rendered again, if they are not in memory.
    pub archive_dir: Option<PathBuf>,
    /// Viewer limits of all streams together.
    pub limits: watch::Sender<Limits>,
}

impl Setting {
    /// Defaults: no media directory, no archive, no limits.
    pub fn new(clock: Clock, render: Render, encoders: &str) -> Self {
        Self {
            opus_encoders: OpusEncoders::new(clock.clone()),
            clock,
            render,
            deliver: Arc::new(|delivery, stop| Box::pin(async move { Ok(pipeline::push(delivery, stop).await?) })),
            pushes: true,
            public_url: None,
            encoders: encoders.to_owned(),
            directory: None,
            metrics: Arc::default(),
            trimmer: Trimmer::default(),
            events: Arc::default(),
            tasks: TaskTracker::new(),
            catch_up_permits: CatchUpPermits::default(),
            capacity: watch::Sender::default(),
            archive_bytes: 0,
            archive_dir: None,
            limits: watch::Sender::default(),
        }
    }
}
