//! State of each push target of a stream.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

use crate::base::metrics::labels;
use crate::base::timeline::UnixTime;
use crate::definition::spec::{Push, StreamName};
use crate::stream::{EventKind, Setting};

/// Phases of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PushPhase {
    /// The stream does not run, or this server does not push.
    #[default]
    Stopped,
    /// The target has not accepted a frame yet.
    Connecting,
    /// The target accepts frames.
    Running,
    /// The push failed; the next attempt follows.
    Waiting,
}

/// State of a target at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetView {
    /// URL and rendition.
    pub push: Push,
    /// Phase of the push.
    pub phase: PushPhase,
    /// Start of the phase; `None` before the first attempt.
    pub since: Option<UnixTime>,
    /// The last error.
    pub error: Option<String>,
    /// Time of the next attempt.
    pub next_try: Option<UnixTime>,
    /// Bytes that the target has accepted.
    pub bytes: u64,
    /// Number of failures.
    pub restarts: u64,
}

/// Progress of a push.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    Stopped,
    Connecting,
    Running,
    Waiting { error: String, until: UnixTime },
}

/// All targets of a stream that were tried and are part of the definition.
#[derive(Debug, Default)]
pub(in crate::stream) struct Targets(Mutex<Vec<TargetState>>);

#[derive(Debug)]
struct TargetState {
    view: TargetView,
    bytes: Arc<AtomicU64>,
    /// State in the last published event.
    published: Option<(PushPhase, Option<String>)>,
}

impl TargetState {
    fn new(push: Push) -> Self {
        let view = TargetView {
            push,
            phase: PushPhase::default(),
            since: None,
            error: None,
            next_try: None,
            bytes: 0,
            restarts: 0,
        };
        Self { view, bytes: Arc::default(), published: None }
    }

    /// Whether the state must be published, because the phase or the error changed.
    fn mark_published(&mut self) -> bool {
        let now = (self.view.phase, self.view.error.clone());
        let mark_published =
            matches!(now.0, PushPhase::Running | PushPhase::Waiting) && self.published.as_ref() != Some(&now);
        if mark_published {
            self.published = Some(now);
        }
        mark_published
    }
}

impl Targets {
    /// The current state of the targets `configured`.
    pub(in crate::stream) fn view(&self, configured: &[Push]) -> Vec<TargetView> {
        let known = self.known();
        let view = |push: &Push| match known.iter().find(|known| known.view.push == *push) {
            Some(found) => TargetView { bytes: found.bytes.load(Ordering::Relaxed), ..found.view.clone() },
            None => TargetState::new(push.clone()).view,
        };
        configured.iter().map(view).collect()
    }

    /// Removes all targets except `configured`.
    pub(in crate::stream) fn retain(&self, configured: &[Push]) {
        self.known().retain(|known| configured.contains(&known.view.push));
    }

    /// Byte counter of a target.
    pub(super) fn bytes(&self, push: &Push) -> Arc<AtomicU64> {
        Arc::clone(&find(&mut self.known(), push).bytes)
    }

    /// Stores the progress of a push and publishes an event if the state changed.
    pub(super) fn report(&self, setting: &Setting, name: &StreamName, (push, progress): (&Push, Progress)) {
        let now = setting.clock.now();
        let mut all = self.known();
        let known = find(&mut all, push);
        let (phase, error, next_try) = match progress {
            Progress::Stopped => (PushPhase::Stopped, None, None),
            // The previous error stays visible until the push runs.
            Progress::Connecting => (PushPhase::Connecting, known.view.error.take(), None),
            Progress::Running => (PushPhase::Running, None, None),
            Progress::Waiting { error, until } => {
                known.view.restarts += 1;
                setting.metrics.push_failures.get_or_create(&labels(name.as_str())).inc();
                (PushPhase::Waiting, Some(error), Some(until))
            }
        };
        let view = &mut known.view;
        (view.phase, view.since, view.error, view.next_try) = (phase, Some(now), error, next_try);
        if known.mark_published() {
            let (target, error) = (push.url.to_string(), known.view.error.clone());
            setting.events.publish(now, name, EventKind::Push { target, phase, error });
        }
        let running = all.iter().filter(|known| known.view.phase == PushPhase::Running).count();
        let gauge = match phase {
            PushPhase::Connecting | PushPhase::Running => {
                Some(setting.metrics.push_running.get_or_create_owned(&labels(name.as_str())))
            }
            // The stream may have been removed, so the gauge is not created again.
            PushPhase::Stopped | PushPhase::Waiting => {
                setting.metrics.push_running.get(&labels(name.as_str())).map(|gauge| gauge.clone())
            }
        };
        gauge.into_iter().for_each(|gauge| _ = gauge.set(running as i64));
    }

    fn known(&self) -> MutexGuard<'_, Vec<TargetState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<'a>(all: &'a mut Vec<TargetState>, push: &Push) -> &'a mut TargetState {
    let place = all.iter().position(|known| known.view.push == *push).unwrap_or_else(|| {
        all.push(TargetState::new(push.clone()));
        all.len() - 1
    });
    &mut all[place]
}
