//! The task that owns one stream: it makes what runs match what is wanted, until the stream is removed.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::back_off::BackOff;
use super::instruction::{Instruction, Order, epochs};
use super::push::{self, targets::Targets};
use super::run;
use super::setting::Setting;
use super::{EventKind, NoRoom, Phase, Status, mirrored};
use crate::base::metrics::{RestartLabels, labels};
use crate::definition::spec::StreamSpec;
use crate::definition::store::Record;
use crate::media::pipeline::PipelineError;
use crate::media::window::Output;

/// One stream's task.
pub(super) struct Supervisor {
    pub(super) setting: Arc<Setting>,
    pub(super) targets: Arc<Targets>,
    pub(super) instruction: watch::Receiver<Instruction>,
    pub(super) status: watch::Sender<Status>,
    /// The stream is removed, or the program ends.
    pub(super) over: CancellationToken,
    /// Told of every change of phase.
    pub(super) news: Arc<Notify>,
}

impl Supervisor {
    /// Resolves when the stream is over and nothing of it runs.
    pub(super) async fn supervise(mut self) {
        while !self.over.is_cancelled() {
            let wanted = self.instruction.borrow_and_update().clone();
            if wanted.record.spec.audience.is_private() {
                mirrored::clear(&self.setting, &wanted.record.spec).await;
            }
            match wanted.order {
                Order::Run => self.run(&wanted.record).await,
                Order::RunAfter(first) => {
                    self.set(Phase::Waiting, Some(format!("stream {first}, which it requires, does not run yet")));
                    self.rest(&wanted.record.spec).await;
                }
                Order::RunInRoom(NoRoom { wanted: pixels, capacity, .. }) => {
                    let why = format!("there is no room for {pixels} pixels a second; {capacity} are the most of all");
                    self.set(Phase::Waiting, Some(why));
                    self.rest(&wanted.record.spec).await;
                }
                Order::Stop => {
                    self.set(Phase::Stopped, None);
                    self.rest(&wanted.record.spec).await;
                }
            }
        }
    }

    /// Does nothing until something else is wanted. What was published remains for as long as a playlist
    /// that listed it may be in use (RFC 8216bis 6.2.2).
    async fn rest(&mut self, spec: &StreamSpec) {
        let over = self.over.clone();
        tokio::select! {
            changed = timeout(spec.window * 2, self.instruction.changed()) => if changed.is_ok() { return },
            () = over.cancelled() => return,
        }
        self.status.send_modify(|status| status.output = None);
        tokio::select! {
            _ = self.instruction.changed() => {}
            () = over.cancelled() => {}
        }
    }

    /// Keeps a definition running, and those that it goes over to, until something else is wanted.
    async fn run(&mut self, record: &Record) {
        let Some(output) = Output::of(epochs(record, &self.setting.encoders)) else { return };
        let output = Arc::new(output);
        self.status.send_modify(|status| status.output = Some(Arc::clone(&output)));
        let stop = self.over.child_token();
        let mirrored =
            mirrored::mirror(Arc::clone(&self.setting), Arc::clone(&output), self.instruction.clone(), stop.clone());
        let mirror = self.setting.tasks.spawn(mirrored.in_current_span());
        let (setting, targets) = (Arc::clone(&self.setting), Arc::clone(&self.targets));
        let pushed = push::push(setting, Arc::clone(&output), targets, self.instruction.clone(), stop.clone());
        let pushes = self.setting.tasks.spawn(pushed.in_current_span());
        let mut wanted = self.instruction.clone();
        let unwanted = async {
            // The sender lives as long as the stream is known.
            let _ = wanted.wait_for(|wanted| !wanted.apply_to(&output, &self.setting.encoders)).await;
        };
        let running = pin!(self.keep_running(&output, &stop));
        // A run that has begun is awaited, never dropped: it has threads to join.
        if let Either::Right((_, running)) = select(running, pin!(unwanted)).await {
            // Nobody waits for what would still come, also where the stream is wanted again meanwhile.
            output.end();
            stop.cancel();
            running.await;
        }
        // The end of the program is not the end of the presentation: another process may go on with it.
        if !self.instruction.borrow().apply_to(&output, &self.setting.encoders) {
            output.end();
        }
        stop.cancel();
        // Whoever panicked has nothing more to say.
        let _ = tokio::join!(mirror, pushes);
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
        let name = self.instruction.borrow().record.spec.name.clone();
        self.setting.metrics.running.get_or_create(&labels(name.as_str())).set((phase == Phase::Running).into());
        let changed = self.status.send_if_modified(|status| status.set(phase, since, error.clone()));
        if changed {
            self.setting.events.tell(since, &name, EventKind::Phase { phase, error });
        }
        self.news.notify_one();
    }
}

fn reason(error: &PipelineError) -> &'static str {
    let [missing_element, element, stalled, late, package, ended] = RestartLabels::REASONS;
    match error {
        PipelineError::MissingElement { .. } => missing_element,
        PipelineError::Element { .. } => element,
        PipelineError::Stalled { .. } => stalled,
        PipelineError::Late { .. } => late,
        PipelineError::Package { .. } => package,
        PipelineError::Ended => ended,
    }
}
