//! The task that owns one stream: it makes what runs match what is wanted, until the stream is removed.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::registry::Setting;
use super::run::{self, BackOff};
use super::{Phase, Status};
use crate::directory;
use crate::metrics::{RestartLabels, labels};
use crate::pipeline::PipelineError;
use crate::spec::StreamSpec;
use crate::window::Output;

/// What a user wants of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) spec: StreamSpec,
    pub(super) running: bool,
}

/// One stream's task.
pub(super) struct Life {
    pub(super) setting: Arc<Setting>,
    pub(super) wanted: watch::Receiver<Wanted>,
    pub(super) status: watch::Sender<Status>,
    /// The stream is removed, or the program ends.
    pub(super) over: CancellationToken,
}

impl Life {
    /// Resolves when the stream is over and nothing of it runs.
    pub(super) async fn live(mut self) {
        while !self.over.is_cancelled() {
            let wanted = self.wanted.borrow_and_update().clone();
            match wanted.running {
                true => self.run(wanted.spec).await,
                false => self.rest(&wanted.spec).await,
            }
        }
    }

    /// Stays stopped until something else is wanted. What was published remains for as long as a playlist
    /// that listed it may be in use (RFC 8216bis 6.2.2).
    async fn rest(&mut self, spec: &StreamSpec) {
        self.set(Phase::Stopped, None);
        let over = self.over.clone();
        tokio::select! {
            changed = timeout(spec.window * 2, self.wanted.changed()) => if changed.is_ok() { return },
            () = over.cancelled() => return,
        }
        self.status.send_modify(|status| status.output = None);
        tokio::select! {
            _ = self.wanted.changed() => {}
            () = over.cancelled() => {}
        }
    }

    /// Keeps `spec` running until something else is wanted.
    async fn run(&mut self, spec: StreamSpec) {
        let revision = spec.revision(&self.setting.encoders);
        let output = Arc::new(Output::new(spec, revision));
        self.status.send_modify(|status| status.output = Some(Arc::clone(&output)));
        let stop = self.over.child_token();
        let mirrored = directory::mirror(
            self.setting.directory.clone(),
            Arc::clone(&output),
            Arc::clone(&self.setting.metrics),
            stop.clone(),
        );
        let mirror = self.setting.tasks.spawn(mirrored);
        let mut wanted = self.wanted.clone();
        let unwanted = async {
            // The sender lives as long as the stream is known.
            let _ = wanted.wait_for(|wanted| !wanted.running || wanted.spec != output.spec).await;
        };
        let running = pin!(self.keep_running(&output, &stop));
        // A run that has begun is awaited, never dropped: it has threads to join.
        if let Either::Right((_, running)) = select(running, pin!(unwanted)).await {
            stop.cancel();
            running.await;
        }
        // The end of the program is not the end of the presentation: another process may go on with it.
        if *self.wanted.borrow() != (Wanted { running: true, spec: output.spec.clone() }) {
            output.end();
        }
        stop.cancel();
        // A mirror that panicked has nothing more to say.
        let _ = mirror.await;
    }

    async fn keep_running(&self, output: &Arc<Output>, stop: &CancellationToken) {
        let mut back_off = BackOff::default();
        loop {
            self.set(Phase::Starting, None);
            let started = Instant::now();
            let result = run::run(&self.setting, output, stop, || self.set(Phase::Running, None)).await;
            let error = match result {
                Ok(()) => return,
                Err(error) => error,
            };
            tracing::warn!(%error, "the run failed");
            if !error.is_transient() {
                self.set(Phase::Failed, Some(error.to_string()));
                stop.cancelled().await;
                return;
            }
            let stream = output.spec.name.to_string();
            let restart = RestartLabels { stream, reason: reason(&error) };
            self.setting.metrics.restarts.get_or_create(&restart).inc();
            self.set(Phase::Waiting, Some(error.to_string()));
            tokio::select! {
                () = sleep(back_off.after(started.elapsed())) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn set(&self, phase: Phase, error: Option<String>) {
        let since = self.setting.clock.now();
        tracing::info!(?phase, error, "phase");
        let stream = labels(self.wanted.borrow().spec.name.as_str());
        self.setting.metrics.running.get_or_create(&stream).set((phase == Phase::Running).into());
        self.status.send_modify(|status| {
            if status.phase != phase {
                status.since = since;
            }
            status.phase = phase;
            status.error = error;
        });
    }
}

fn reason(error: &PipelineError) -> &'static str {
    match error {
        PipelineError::MissingElement { .. } => "missing_element",
        PipelineError::Element { .. } => "element",
        PipelineError::Stalled { .. } => "stalled",
        PipelineError::Late { .. } => "late",
        PipelineError::Package { .. } => "package",
        PipelineError::Ended => "ended",
    }
}
