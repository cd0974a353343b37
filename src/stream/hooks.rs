//! Webhooks: events are posted to other servers. Each hook has one task and one queue and gets its events in order. The
//! settings of the hook choose events; [`RetryTimes`] controls retries. Only `post` speaks HTTP.

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

/// Length of the queue of a hook: events of a hundred starting streams.
const QUEUE: usize = 256;
/// After an overflow the queue counts as full until this many places are free. The log then has one line for each
/// overflow.
const RESUME_ROOM: usize = QUEUE / 2;

/// Time limits of deliveries.
#[derive(Debug, Clone, Copy)]
pub struct RetryTimes {
    /// Timeout of one attempt.
    pub attempt: Duration,
    /// Pauses between attempts. The number of attempts is one more.
    pub pauses: [Duration; 4],
    /// Time limit for all queued events when the program ends.
    pub shutdown: Duration,
}

impl Default for RetryTimes {
    /// A receiver needs less than 5 s to queue an event, and 15 s of pauses outlast its restart. A service manager does
    /// not kill the program within 2 s.
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(5),
            pauses: [1, 2, 4, 8].map(Duration::from_secs),
            shutdown: Duration::from_secs(2),
        }
    }
}

/// What all hooks share.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Source of the events.
    pub events: Arc<Events>,
    /// Clock for signatures.
    pub clock: Clock,
    /// Metrics of deliveries.
    pub metrics: Arc<Metrics>,
    /// Time limits.
    pub retry_times: RetryTimes,
}

/// Posts to `hook` all events published after this call. After `stop` the future resolves within the shutdown limit of
/// [`RetryTimes`].
pub fn deliver(hook: Hook, setting: Setting, stop: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
    let follower = setting.events.follow(None);
    async move {
        let target = hook.target.to_string();
        let post = match Post::new(&hook, setting.retry_times.attempt) {
            Ok(post) => post,
            Err(error) => return tracing::error!(hook = target, error, "cannot post to the hook"),
        };
        let (sender, queue) = mpsc::channel(QUEUE);
        let collector = Collector { hook, sender, metrics: Arc::clone(&setting.metrics), dropped: 0 };
        let retry_times = setting.retry_times;
        // At `ending` the queue closes and retries end; the shutdown limit later, `over` ends all attempts.
        let (ending, over) = (stop.child_token(), CancellationToken::new());
        let poster = Poster { target, post, setting, ending: ending.clone(), over: over.clone() };
        let shutdown = async {
            collector.collect(follower, &ending).await;
            ending.cancel();
            tokio::time::sleep(retry_times.shutdown).await;
            over.cancel();
            std::future::pending().await
        };
        tokio::select! {
            biased;
            () = shutdown => {}
            () = poster.run(queue) => {}
        }
    }
}

/// Queues events without waiting for the hook.
struct Collector {
    hook: Hook,
    sender: mpsc::Sender<Arc<Event>>,
    metrics: Arc<Metrics>,
    /// Events dropped during the current overflow.
    dropped: u64,
}

impl Collector {
    /// Queues events until `ending`, including those published before it. Closes the queue at the end.
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
                Some(Delivered::Missed) => {
                    tracing::warn!(hook = %self.hook.target, "events were lost before they were queued for the hook")
                }
                None => return,
            }
        }
    }

    fn queue(&mut self, event: Arc<Event>) {
        if self.dropped > 0 && self.sender.capacity() >= RESUME_ROOM {
            tracing::info!(hook = %self.hook.target, dropped = self.dropped, "the hook is fast enough again; events were dropped meanwhile");
            self.dropped = 0;
        }
        if self.sender.try_send(event).is_ok() {
            return;
        }
        if self.dropped == 0 {
            tracing::warn!(hook = %self.hook.target, waiting = QUEUE, "the hook is too slow: events are dropped");
        }
        self.dropped += 1;
        count(&self.metrics, "dropped");
    }
}

/// Delivers queued events one after another.
struct Poster {
    target: String,
    post: Post,
    setting: Setting,
    /// After cancellation, each queued event gets one attempt.
    ending: CancellationToken,
    /// After cancellation, all attempts end.
    over: CancellationToken,
}

impl Poster {
    async fn run(self, mut queue: mpsc::Receiver<Arc<Event>>) {
        while let Some(event) = queue.recv().await {
            let outcome = match self.deliver(&event).await {
                Ok(()) => "delivered",
                Err(error) => {
                    tracing::warn!(hook = self.target, event = event.id, error, "the event was not delivered");
                    "failed"
                }
            };
            count(&self.setting.metrics, outcome);
        }
    }

    async fn deliver(&self, event: &Event) -> Result<(), String> {
        let delivery = Delivery::of(event, self.setting.events.series())?;
        let mut pauses = self.setting.retry_times.pauses.into_iter();
        loop {
            let last = self.ending.is_cancelled();
            let attempt = self.post.attempt(&delivery, self.setting.clock.now());
            let verdict = self.over.run_until_cancelled(attempt).await;
            let error = match verdict.unwrap_or_else(|| Verdict::Final("the program ends".into())) {
                Verdict::Delivered => return Ok(()),
                Verdict::Final(error) => return Err(error),
                Verdict::Again(error) => error,
            };
            match pauses.next() {
                Some(rest) if !last => {
                    tracing::debug!(hook = self.target, event = event.id, error, "delivery failed; trying again");
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
