//! The task of each hook.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Hook, Setting, deliver};

/// The running hooks, each with its own task.
pub struct Workers {
    setting: Setting,
    tasks: TaskTracker,
    over: CancellationToken,
    hooks: Vec<(Hook, CancellationToken)>,
}

impl Workers {
    /// No hook runs yet. Hooks run on `tasks` and stop when `over` is cancelled.
    pub fn new(setting: Setting, tasks: TaskTracker, over: CancellationToken) -> Self {
        Self { setting, tasks, over, hooks: Vec::new() }
    }

    /// Runs exactly `hooks` from now on. A hook that already runs keeps its queue; a hook that is no longer listed
    /// delivers what it has queued and ends.
    pub fn set(&mut self, hooks: &[Hook]) {
        let mut before = std::mem::take(&mut self.hooks);
        for hook in hooks {
            let same = before.iter().position(|(other, _)| other == hook);
            let running = same.map_or_else(|| self.start(hook), |place| before.swap_remove(place));
            self.hooks.push(running);
        }
        before.iter().for_each(|(_, stop)| stop.cancel());
    }

    fn start(&self, hook: &Hook) -> (Hook, CancellationToken) {
        let stop = self.over.child_token();
        self.tasks.spawn(deliver(hook.clone(), self.setting.clone(), stop.clone()));
        (hook.clone(), stop)
    }
}
