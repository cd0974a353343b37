//! The task of one stream: it makes the run match the newest instruction until the stream is removed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, select};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::back_off::BackOff;
use super::instruction::{Instruction, Order, epochs};
use super::push::{self, targets::Targets};
use super::run;
use super::setting::Setting;
use super::superseded::{Outgoing, until_rendered};
use super::{EventKind, Phase, Status, mirrored};
use crate::base::metrics::{RestartLabels, labels};
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamSpec;
use crate::definition::store::{NOTICE, Record};
use crate::media::pipeline::PipelineError;
use crate::media::window::{Earlier, Output};

/// A stop that was decided longer ago than this has another reason, such as a stream that required this one.
const RECENT: Duration = Duration::from_secs(10);

/// Why a stream waits that a publisher sends.
const NOBODY_PUBLISHES: &str = "nobody publishes to the stream";

/// Limit of earlier presentations that are served. Each takes as much memory as the stream.
const MOST_EARLIER: usize = 2;

/// The task of one stream.
#[derive(Clone)]
pub(super) struct Supervisor {
    pub(super) setting: Arc<Setting>,
    pub(super) targets: Arc<Targets>,
    pub(super) instruction: watch::Receiver<Instruction>,
    pub(super) status: watch::Sender<Status>,
    /// Cancelled when the stream is removed or the program ends.
    pub(super) over: CancellationToken,
    /// Notified at every change of phase.
    pub(super) phase_changed: Arc<Notify>,
    /// Ends the delay after a failed run: the stream was started, or its definition changed.
    pub(super) retry: Arc<Notify>,
    /// Time at which the stream last stopped, or 1970.
    pub(super) ended: UnixTime,
    /// Earlier presentations that are still served.
    pub(super) earlier: Earlier,
}

/// End of a run.
enum Outcome {
    /// Nothing of the run is left. Contains the time at which the stop was announced to players, if it was.
    Ended(Option<UnixTime>),
    /// The next presentation follows. Contains the pushes of this one, which are ending.
    Followed(Outgoing, JoinHandle<()>),
}

impl Supervisor {
    /// Resolves when the stream is removed and nothing of it runs.
    pub(super) async fn supervise(mut self) {
        let mut outgoing: VecDeque<(JoinHandle<()>, CancellationToken)> = VecDeque::new();
        let mut pushes = None;
        while !self.over.is_cancelled() {
            let wanted = self.instruction.borrow_and_update().clone();
            if wanted.record.spec.audience.is_private() {
                mirrored::clear(&self.setting, &wanted.record.spec).await;
            }
            match wanted.order.pause() {
                None => match self.run(&wanted.record, pushes.take()).await {
                    Outcome::Ended(ended) => {
                        self.ended = ended.unwrap_or(self.ended);
                        self.setting.trimmer.request();
                    }
                    Outcome::Followed(presentation, pushed) => {
                        pushes = Some(pushed);
                        outgoing.retain(|(task, _)| !task.is_finished());
                        if outgoing.len() >= MOST_EARLIER
                            && let Some((_, served)) = outgoing.front()
                        {
                            served.cancel();
                        }
                        let (setting, earlier) = (Arc::clone(&self.setting), self.earlier.clone());
                        let served = self.over.child_token();
                        let finished = presentation.finish(setting, earlier, served.clone());
                        outgoing.push_back((self.setting.tasks.spawn(finished.in_current_span()), served));
                    }
                },
                Some((phase, why)) => {
                    self.set(phase, why);
                    self.rest(&wanted.record.spec).await;
                }
            }
        }
        for (task, _) in outgoing {
            // A panic was logged where it happened.
            _ = task.await;
        }
        // The window of a removed stream is dropped with this supervisor, before the trim.
        self.setting.trimmer.request();
    }

    /// Waits for an instruction to run. The output stays available as long as a playlist that listed it may be in use
    /// (RFC 8216bis 6.2.2).
    async fn rest(&mut self, spec: &StreamSpec) {
        let over = self.over.clone();
        tokio::select! {
            changed = timeout(spec.memory_window() * 2, self.instruction.changed()) => if changed.is_ok() { return },
            () = over.cancelled() => return,
        }
        self.status.send_modify(|status| status.output = None);
        self.setting.trimmer.request();
        tokio::select! {
            _ = self.instruction.changed() => {}
            () = over.cancelled() => {}
        }
    }

    /// Runs one presentation with all changes inside it, until the instruction requires another or a stop. Its pushes
    /// start when the pushes `before` it have ended, because a target accepts one connection at a time.
    async fn run(&self, record: &Record, before: Option<JoinHandle<()>>) -> Outcome {
        let Some(output) = Output::of(epochs(record, &self.setting.encoders)) else { return Outcome::Ended(None) };
        let output = output.in_presentation(record.presentation, self.earlier.clone());
        let output = Arc::new(output.served_at(self.setting.public_url.clone()));
        if self.ended > UnixTime::default() {
            output.began(self.ended + Duration::from_millis(1));
        }
        self.set(Phase::Starting, None);
        self.status.send_modify(|status| status.output = Some(Arc::clone(&output)));
        let stop = self.over.child_token();
        // Cancelled when the end of the presentation may be written.
        let written = CancellationToken::new().drop_guard();
        let (setting, wanted) = (Arc::clone(&self.setting), self.instruction.clone());
        let mirrored = mirrored::mirror(setting, Arc::clone(&output), wanted, written.token().clone());
        let mirror = self.setting.tasks.spawn(mirrored.in_current_span());
        let (setting, targets) = (Arc::clone(&self.setting), Arc::clone(&self.targets));
        let pushed_until = stop.child_token();
        let pushed = push::push(setting, Arc::clone(&output), targets, self.instruction.clone(), pushed_until.clone());
        let pushes = async {
            if let Some(before) = before {
                // A panic was logged where it happened.
                _ = before.await;
            }
            pushed.await;
        };
        let pushes = self.setting.tasks.spawn(pushes.in_current_span());
        let mut wanted = self.instruction.clone();
        let unwanted = async {
            let is_refused = |wanted: &Instruction| {
                let is_applied = wanted.apply_to(&output, &self.setting.encoders);
                // A change within a presentation changes no phase, and clients that wait for the change watch the status.
                self.status.send_modify(|_| ());
                !is_applied
            };
            // The sender exists as long as the stream.
            let _ = wanted.wait_for(is_refused).await;
        };
        let ending = Arc::new(AtomicBool::new(false));
        let running = self.clone().keep_running(Arc::clone(&output), stop.clone(), Arc::clone(&ending)).boxed();
        // A run is awaited and never dropped, because its threads must be joined.
        if let Either::Right((_, running)) = select(running, pin!(unwanted)).await {
            pushed_until.cancel();
            if let Some(window) = self.hand_over(&output) {
                ending.store(true, Ordering::Relaxed);
                if !output.is_open() {
                    // No player has read its playlists.
                    stop.cancel();
                }
                let output = Arc::clone(&output);
                let outgoing = Outgoing { output, running, stop, mirror, written, window };
                return Outcome::Followed(outgoing, pushes);
            }
            self.end(&output, (running, &ending), &stop).await;
        }
        // When the program ends, the presentation does not: another process may continue it.
        if !self.instruction.borrow().apply_to(&output, &self.setting.encoders) {
            output.end();
        }
        stop.cancel();
        drop(written);
        // A panic was logged where it happened.
        let _ = tokio::join!(mirror, pushes);
        let announced = output.ending().map(|ending| ending.announced);
        Outcome::Ended(output.ended().then(|| announced.unwrap_or(self.setting.clock.now())))
    }

    /// Announces the end of a presentation that players use, if another follows. Returns the longer one of their
    /// windows.
    fn hand_over(&self, output: &Arc<Output>) -> Option<Duration> {
        let is_played = output.is_open() || output.before().is_some();
        let is_played = is_played && !output.is_to_end() && !self.over.is_cancelled();
        let wanted = self.instruction.borrow();
        let at = wanted.handover(output).filter(|_| is_played)?;
        output.hand_over(at, self.setting.clock.now());
        self.earlier.add(Arc::clone(output));
        Some(output.spec.memory_window().max(wanted.record.spec.memory_window()))
    }

    /// Ends a run. If players use the stream and it should stop, the run ends after the announced end.
    async fn end(
        &self,
        output: &Output,
        (mut running, ending): (BoxFuture<'static, ()>, &AtomicBool),
        stop: &CancellationToken,
    ) {
        let is_over = match self.order_to_pause(output) {
            Some((phase, why)) => {
                ending.store(true, Ordering::Relaxed);
                self.set(phase, why);
                self.keep_promises(output, &mut running).await
            }
            None => false,
        };
        // Requests for later segments must not wait, even if the stream starts again meanwhile.
        output.end();
        stop.cancel();
        if !is_over {
            running.await;
        }
    }

    /// The phase to change to, and the reason, if a stream that players use should stop. Players use a stream without a
    /// publisher too.
    fn order_to_pause(&self, output: &Output) -> Option<(Phase, Option<String>)> {
        let is_running = self.status.borrow().phase == Phase::Running || output.spec.is_published();
        let is_played = is_running && output.is_open() && !self.over.is_cancelled();
        self.instruction.borrow().order.pause().filter(|_| is_played)
    }

    /// Ends a presentation as announced to players: the current segment is completed, the end is announced in advance,
    /// and later segments are rendered for players that have not read the announcement. Resolves earlier if the stream
    /// should run again. Returns whether the run is over.
    async fn keep_promises(&self, output: &Output, running: impl Future<Output = ()>) -> bool {
        let (decided, now) = (self.instruction.borrow().decided, self.setting.clock.now());
        // Every replica must end with the same segment.
        let announced = decided.filter(|decided| now.saturating_since(*decided) < RECENT).unwrap_or(now);
        output.end_after(output.spec.timeline.segment_at(announced + NOTICE), announced);
        let patience = until_rendered(output, &self.setting);
        let mut wanted = self.instruction.clone();
        tokio::select! {
            ended = timeout(patience, running) => ended.is_ok(),
            _ = wanted.wait_for(|wanted| wanted.order == Order::Run) => false,
            () = self.over.cancelled() => false,
        }
    }

    /// Restarts the run until `stop` is cancelled. Does not change the phase once the presentation is `ending`.
    async fn keep_running(self, output: Arc<Output>, stop: CancellationToken, ending: Arc<AtomicBool>) {
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
            let playable = Notify::new();
            let result = tokio::select! {
                result = run::run(&self.setting, &output, &stop, || playable.notify_one()) => result,
                never = show_playable(&output, &playable, set) => match never {},
            };
            let error = match result {
                Ok(()) => return,
                Err(error) => error,
            };
            if is_ending() {
                return;
            }
            tracing::warn!(%error, restarts = error.is_transient(), "the run failed");
            // From here on no notification of a retry is missed.
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
            self.setting.events.publish(since, &name, EventKind::Phase { phase, error });
        }
        self.phase_changed.notify_one();
    }
}

/// Sets the phase of a stream once it is `playable`. A stream that a publisher sends is playable without a publisher, but then
/// it waits for one.
async fn show_playable(output: &Output, playable: &Notify, set: impl Fn(Phase, Option<String>)) -> Infallible {
    playable.notified().await;
    let mut is_live = output.relay.is_live();
    loop {
        let is_waiting = output.spec.is_published() && !*is_live.borrow_and_update();
        match is_waiting {
            true => set(Phase::Waiting, Some(NOBODY_PUBLISHES.to_owned())),
            false => set(Phase::Running, None),
        }
        // The output outlives the wait.
        let _ = is_live.changed().await;
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
