//! Posts events to other servers: one task, one queue and one order for each hook. What is posted is decided by its
//! settings, when to try again by [`RetryTimes`]; `post` is the only place that speaks HTTP.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::metrics::{HookLabels, Metrics};
use crate::base::utc::Clock;
use crate::stream::{Delivered, Event, Events, Follower};

mod post;
mod request;
mod workers;

use post::{Delivery, Post, Verdict};
pub use request::{Hook, HookRequest};
pub use workers::Workers;

/// Events that may wait for one hook: what a hundred streams tell when they start, and little memory.
const QUEUE: usize = 256;
/// Once events are dropped, the spell lasts until so many may wait again; a queue that moves by one is still full.
const RELIEF: usize = QUEUE / 2;

/// How long a hook is waited for.
#[derive(Debug, Clone, Copy)]
pub struct RetryTimes {
    /// An attempt that takes longer has failed.
    pub attempt: Duration,
    /// Rests between attempts, of which there is one more than rests.
    pub rests: [Duration; 4],
    /// What is queued at the end may take so long altogether.
    pub farewell: Duration,
}

impl Default for RetryTimes {
    /// Five seconds are more than a server needs to put an event into a queue of its own; 15 s of rests are a restart of
    /// it. After two seconds at the end a supervisor does not yet think that the program hangs.
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(5),
            rests: [1, 2, 4, 8].map(Duration::from_secs),
            farewell: Duration::from_secs(2),
        }
    }
}

/// What all hooks have in common.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What is posted.
    pub events: Arc<Events>,
    /// Dates signatures.
    pub clock: Clock,
    /// Counts deliveries.
    pub metrics: Arc<Metrics>,
    /// How long hooks are waited for.
    pub retry_times: RetryTimes,
}

/// Posts to `hook` what is told from this call on. The future resolves soon after `stop`, at the latest after
/// [`RetryTimes::farewell`].
pub fn deliver(hook: Hook, setting: Setting, stop: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
    let follower = setting.events.follow(None);
    async move {
        let target = hook.target.to_string();
        let post = match Post::new(&hook, setting.retry_times.attempt) {
            Ok(post) => post,
            Err(error) => return tracing::error!(hook = target, error, "the hook gets nothing"),
        };
        let (sender, queue) = mpsc::channel(QUEUE);
        let collector = Collector { hook, sender, metrics: Arc::clone(&setting.metrics), dropped: 0 };
        let retry_times = setting.retry_times;
        // No more comes, and no attempt is repeated; then the time is up.
        let (ending, over) = (stop.child_token(), CancellationToken::new());
        let courier = Courier { target, post, setting, ending: ending.clone(), over: over.clone() };
        let last_call = async {
            collector.collect(follower, &ending).await;
            ending.cancel();
            tokio::time::sleep(retry_times.farewell).await;
            over.cancel();
            std::future::pending().await
        };
        tokio::select! {
            biased;
            () = last_call => {}
            () = courier.run(queue) => {}
        }
    }
}

/// Takes events as they come and never waits for the hook.
struct Collector {
    hook: Hook,
    sender: mpsc::Sender<Arc<Event>>,
    metrics: Arc<Metrics>,
    /// In this spell of a full queue.
    dropped: u64,
}

impl Collector {
    /// Until `ending`, with what has been told by then. The queue ends with it.
    async fn collect(mut self, mut follower: Follower, ending: &CancellationToken) {
        loop {
            let followed = tokio::select! {
                biased;
                followed = follower.next() => followed,
                () = ending.cancelled() => None,
            };
            match followed {
                Some(Delivered::Event(event)) if self.hook.wants(&event) => self.queue(event),
                Some(Delivered::Event(_)) => {}
                Some(Delivered::Missed) => tracing::warn!(hook = %self.hook.target, "events were missed"),
                None => return,
            }
        }
    }

    fn queue(&mut self, event: Arc<Event>) {
        if self.dropped > 0 && self.sender.capacity() >= RELIEF {
            tracing::info!(hook = %self.hook.target, dropped = self.dropped, "events are queued again");
            self.dropped = 0;
        }
        if self.sender.try_send(event).is_ok() {
            return;
        }
        if self.dropped == 0 {
            tracing::warn!(hook = %self.hook.target, waiting = QUEUE, "the queue is full: events are dropped");
        }
        self.dropped += 1;
        count(&self.metrics, "dropped");
    }
}

/// Takes what is queued to the hook, one after the other.
struct Courier {
    target: String,
    post: Post,
    setting: Setting,
    /// Each event that is left gets one attempt.
    ending: CancellationToken,
    /// No attempt goes on.
    over: CancellationToken,
}

impl Courier {
    async fn run(self, mut queue: mpsc::Receiver<Arc<Event>>) {
        while let Some(event) = queue.recv().await {
            let outcome = match self.deliver(&event).await {
                Ok(()) => "delivered",
                Err(error) => {
                    tracing::warn!(hook = self.target, event = event.id, error, "not delivered");
                    "failed"
                }
            };
            count(&self.setting.metrics, outcome);
        }
    }

    async fn deliver(&self, event: &Event) -> Result<(), String> {
        let delivery = Delivery::of(event, self.setting.events.series())?;
        let mut rests = self.setting.retry_times.rests.into_iter();
        loop {
            let last = self.ending.is_cancelled();
            let attempt = self.post.attempt(&delivery, self.setting.clock.now());
            let verdict = self.over.run_until_cancelled(attempt).await;
            let error = match verdict.unwrap_or_else(|| Verdict::Final("the program ends".into())) {
                Verdict::Delivered => return Ok(()),
                Verdict::Final(error) => return Err(error),
                Verdict::Again(error) => error,
            };
            match rests.next() {
                Some(rest) if !last => {
                    tracing::debug!(hook = self.target, event = event.id, error, "tried again later");
                    self.ending.run_until_cancelled(tokio::time::sleep(rest)).await;
                }
                Some(_) | None => return Err(error),
            }
        }
    }
}

fn count(metrics: &Metrics, outcome: &'static str) {
    metrics.hook_deliveries.get_or_create(&HookLabels { outcome }).inc();
}

#[cfg(test)]
mod tests;
