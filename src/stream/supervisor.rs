//! The task that owns one stream: it makes what runs match what is wanted, until the stream is removed.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
use super::{EventKind, Phase, Status, mirrored};
use crate::base::metrics::{RestartLabels, labels};
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamSpec;
use crate::definition::store::{NOTICE, Record};
use crate::media::pipeline::PipelineError;
use crate::media::window::Output;

/// A stop that was said longer ago than this has another reason, such as a stream that required this one.
const RECENT: Duration = Duration::from_secs(10);
/// How much longer than its segments last a run may take to end.
const TEARDOWN: Duration = Duration::from_secs(5);

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
    /// Ends the wait after a run that failed: somebody started the stream, or its definition changed.
    pub(super) retry: Arc<Notify>,
    /// When the last presentation ended, or 1970.
    pub(super) ended: UnixTime,
}

impl Supervisor {
    /// Resolves when the stream is over and nothing of it runs.
    pub(super) async fn supervise(mut self) {
        while !self.over.is_cancelled() {
            let wanted = self.instruction.borrow_and_update().clone();
            if wanted.record.spec.audience.is_private() {
                mirrored::clear(&self.setting, &wanted.record.spec).await;
            }
            match wanted.order.pause() {
                None => self.ended = self.run(&wanted.record).await.unwrap_or(self.ended),
                Some((phase, why)) => {
                    self.set(phase, why);
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

    /// Keeps a definition running, and those that it goes over to, until something else is wanted. Says when its presentation
    /// ended, if it did.
    async fn run(&self, record: &Record) -> Option<UnixTime> {
        let output = Output::of(epochs(record, &self.setting.encoders))?;
        let output = Arc::new(output.served_at(self.setting.public_url.clone()));
        if self.ended > UnixTime::default() {
            output.began(self.ended + Duration::from_millis(1));
        }
        self.set(Phase::Starting, None);
        self.status.send_modify(|status| status.output = Some(Arc::clone(&output)));
        let stop = self.over.child_token();
        // Cancelled when the end of the presentation can be written.
        let written = CancellationToken::new().drop_guard();
        let until = written.token().clone();
        let mirrored =
            mirrored::mirror(Arc::clone(&self.setting), Arc::clone(&output), self.instruction.clone(), until);
        let mirror = self.setting.tasks.spawn(mirrored.in_current_span());
        let (setting, targets) = (Arc::clone(&self.setting), Arc::clone(&self.targets));
        let pushed_until = stop.child_token();
        let pushed = push::push(setting, Arc::clone(&output), targets, self.instruction.clone(), pushed_until.clone());
        let pushes = self.setting.tasks.spawn(pushed.in_current_span());
        let mut wanted = self.instruction.clone();
        let unwanted = async {
            // The sender lives as long as the stream is known.
            let _ = wanted.wait_for(|wanted| !wanted.apply_to(&output, &self.setting.encoders)).await;
        };
        let ending = AtomicBool::new(false);
        let running = pin!(self.keep_running(&output, &stop, &ending));
        // A run that has begun is awaited, never dropped: it has threads to join.
        if let Either::Right((_, mut running)) = select(running, pin!(unwanted)).await {
            pushed_until.cancel();
            let is_over = match self.order_to_pause() {
                Some((phase, why)) => {
                    ending.store(true, Ordering::Relaxed);
                    self.set(phase, why);
                    self.keep_promises(&output, running.as_mut()).await
                }
                None => false,
            };
            // Nobody waits for what would still come, also where the stream is wanted again meanwhile.
            output.end();
            stop.cancel();
            if !is_over {
                running.await;
            }
        }
        // The end of the program is not the end of the presentation: another process may go on with it.
        if !self.instruction.borrow().apply_to(&output, &self.setting.encoders) {
            output.end();
        }
        stop.cancel();
        drop(written);
        // Whoever panicked has nothing more to say.
        let _ = tokio::join!(mirror, pushes);
        let announced = output.ending().map(|ending| ending.announced);
        output.ended().then(|| announced.unwrap_or(self.setting.clock.now()))
    }

    /// The phase to go over to, and why, if a stream that is played is to stop and to stay.
    fn order_to_pause(&self) -> Option<(Phase, Option<String>)> {
        let is_played = self.status.borrow().phase == Phase::Running && !self.over.is_cancelled();
        self.instruction.borrow().order.pause().filter(|_| is_played)
    }

    /// Ends a presentation as players were told that it would: the segment that is being made is finished, the end is announced
    /// before it comes, and what comes after it is made for those that have not read of it. Resolves earlier if the stream is to
    /// run again. Whether the run is over.
    async fn keep_promises(&self, output: &Output, running: impl Future<Output = ()>) -> bool {
        let (said, now) = (self.instruction.borrow().said, self.setting.clock.now());
        // Every replica ends with the same segment.
        let announced = said.filter(|said| now.saturating_since(*said) < RECENT).unwrap_or(now);
        let timeline = &output.spec.timeline;
        let last = output.end_after(timeline.segment_at(announced + NOTICE), announced);
        let until = output.epoch(last).overlap().map_or(last + 1, |overlap| overlap.end);
        let patience = timeline.segment_start(until).saturating_since(now) + TEARDOWN;
        let mut wanted = self.instruction.clone();
        tokio::select! {
            ended = timeout(patience, running) => ended.is_ok(),
            _ = wanted.wait_for(|wanted| wanted.order == Order::Run) => false,
            () = self.over.cancelled() => false,
        }
    }

    async fn keep_running(&self, output: &Arc<Output>, stop: &CancellationToken, ending: &AtomicBool) {
        let is_ending = || ending.load(Ordering::Relaxed);
        let set = |phase, error| {
            if !is_ending() {
                self.set(phase, error)
            }
        };
        let mut back_off = BackOff::default();
        loop {
            set(Phase::Starting, None);
            let started = Instant::now();
            let result = run::run(&self.setting, output, stop, || set(Phase::Running, None)).await;
            let error = match result {
                Ok(()) => return,
                Err(error) => error,
            };
            if is_ending() {
                return;
            }
            tracing::warn!(%error, restarts = error.is_transient(), "the run failed");
            // From here on no request to retry is missed.
            let retried = self.retry.notified();
            if !error.is_transient() {
                set(Phase::Failed, Some(error.to_string()));
                tokio::select! {
                    () = retried => continue,
                    () = stop.cancelled() => return,
                }
            }
            let stream = output.spec.name.to_string();
            let restart = RestartLabels { stream, reason: reason(&error) };
            self.setting.metrics.restarts.get_or_create(&restart).inc();
            set(Phase::Waiting, Some(error.to_string()));
            tokio::select! {
                () = sleep(back_off.after(started.elapsed())) => {}
                () = retried => back_off = BackOff::default(),
                () = stop.cancelled() => return,
            }
        }
    }

    fn set(&self, phase: Phase, error: Option<String>) {
        let since = self.setting.clock.now();
        let name = self.instruction.borrow().record.spec.name.clone();
        self.setting.metrics.running.get_or_create(&labels(name.as_str())).set((phase == Phase::Running).into());
        let changed = self.status.send_if_modified(|status| status.set(phase, since, error.clone()));
        if changed {
            tracing::info!(phase = phase.as_str(), error, "phase");
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
