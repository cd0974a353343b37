//! Pushes a running stream to its targets. Each target has a task that reconnects until it is stopped. A slow or failed
//! target delays nothing else.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::sync::{SetOnce, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::targets::{Progress, Targets};
use super::back_off::BackOff;
use super::instruction::Instruction;
use super::setting::Setting;
use crate::base::metrics::labels;
use crate::definition::spec::Push;
use crate::media::pipeline::{Delivery, PushEnd, Receipt};
use crate::media::window::Output;
use crate::stream::DeliveryError;

pub(super) mod targets;

/// Pushes `output` to the targets of the current definition until `stop` is cancelled. A change of the definition does
/// not interrupt targets that are in both definitions.
pub(super) async fn push(
    setting: Arc<Setting>,
    output: Arc<Output>,
    targets: Arc<Targets>,
    mut instructions: watch::Receiver<Instruction>,
    stop: CancellationToken,
) {
    if !setting.pushes {
        return;
    }
    let mut running: Vec<(Push, CancellationToken, JoinHandle<()>)> = Vec::new();
    loop {
        let configured = instructions.borrow_and_update().record.spec.push.clone();
        for (push, over, _) in &running {
            if !configured.contains(push) {
                over.cancel();
            }
        }
        running.retain(|(push, _, task)| configured.contains(push) || !task.is_finished());
        for push in configured {
            if running.iter().any(|(other, over, _)| *other == push && !over.is_cancelled()) {
                continue;
            }
            let over = stop.child_token();
            let target = Target {
                setting: Arc::clone(&setting),
                output: Arc::clone(&output),
                targets: Arc::clone(&targets),
                push,
            };
            let push = target.push.clone();
            let task = setting.tasks.spawn(target.run(over.clone()).in_current_span());
            running.push((push, over, task));
        }
        tokio::select! {
            // The sender is gone when the stream is removed; `stop` is about to be cancelled.
            changed = instructions.changed() => if changed.is_err() { stop.cancelled().await },
            () = stop.cancelled() => {}
        }
        if stop.is_cancelled() {
            break;
        }
    }
    for (_, _, task) in running {
        // A panic of the task has been logged.
        let _ = task.await;
    }
}

/// The task of one target.
struct Target {
    setting: Arc<Setting>,
    output: Arc<Output>,
    targets: Arc<Targets>,
    push: Push,
}

impl Target {
    /// Pushes until `over` is cancelled. Resolves when the connection is closed.
    async fn run(self, over: CancellationToken) {
        let mut back_off = BackOff::default();
        while !over.is_cancelled() {
            self.report(Progress::Connecting);
            let accepted = Arc::new(SetOnce::new());
            let (result, healthy) = self.attempt(&accepted, &over).await;
            let error = match result {
                Ok(PushEnd::Stopped | PushEnd::Ended) => {
                    over.cancelled().await;
                    break;
                }
                Ok(PushEnd::Changed) => continue,
                Err(error) => self.push.url.redact(&error.to_string()),
            };
            tracing::warn!(target = %self.push.url, error, "the push failed");
            let rest = back_off.after(healthy.map_or_else(Default::default, |since| since.elapsed()));
            self.report(Progress::Waiting { error, until: self.setting.clock.now() + rest });
            over.run_until_cancelled(tokio::time::sleep(rest)).await;
        }
        self.report(Progress::Stopped);
    }

    /// One connection. Returns its result, and the time at which the target accepted the first frame.
    async fn attempt(
        &self,
        accepted: &Arc<SetOnce<()>>,
        over: &CancellationToken,
    ) -> (Result<PushEnd, DeliveryError>, Option<Instant>) {
        let counted = self.setting.metrics.push_bytes.get_or_create_owned(&labels(self.output.spec.name.as_str()));
        let receipt = Receipt { bytes: self.targets.bytes(&self.push), counted, taken: Arc::clone(accepted) };
        let (output, clock) = (Arc::clone(&self.output), self.setting.clock.clone());
        let delivery = Delivery { output, push: self.push.clone(), clock, receipt };
        let pushing = (self.setting.deliver)(delivery, over.clone());
        match select(pushing, pin!(accepted.wait())).await {
            Either::Left((result, _)) => (result, None),
            Either::Right((_, pushing)) => {
                let since = Instant::now();
                tracing::info!(target = %self.push.url, "pushing");
                self.report(Progress::Running);
                (pushing.await, Some(since))
            }
        }
    }

    fn report(&self, progress: Progress) {
        self.targets.report(&self.setting, &self.output.spec.name, (&self.push, progress));
    }
}
