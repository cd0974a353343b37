//! Viewer limits and viewer counts of all streams.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Entry, Registry, Unknown};
use crate::base::format::Format;
use crate::base::metrics::{RefusedViewerLabels, ViewerLabels, labels};
use crate::base::timeline::{Timeline, UnixTime};
use crate::definition::spec::{BaseUrl, Limits, StreamName};
use crate::stream::EventKind;
use crate::stream::audience::{Audience, Excess, Load, Transition, Watching};

/// Interval between counts of viewers: less than or equal to the shortest segment.
pub(super) const COUNT: Duration = Duration::from_secs(1);

/// How a request for a manifest counts for the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// From a viewer who already plays.
    Existing,
    /// A `HEAD` request: checks the limits, starts no playback.
    Check,
    /// From a new viewer.
    New,
}

/// A viewer limit is reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} full ({excess})", whose(.stream.as_ref()))]
pub struct Refusal {
    /// The stream whose limit is reached; `None` for the limit of all streams together.
    pub stream: Option<StreamName>,
    /// The limit and the current value.
    pub excess: Excess,
    /// Where the viewer is redirected to.
    pub elsewhere: Option<BaseUrl>,
}

impl Registry {
    /// Whether a request for a manifest is admitted; `judge` classifies the request. A stream that does not exist is
    /// always admitted here, because the 404 comes later.
    ///
    /// # Errors
    /// [`Refusal`], which is counted in metrics and published as an event.
    pub fn admit(&self, name: &StreamName, judge: impl FnOnce(&Audience) -> Admission) -> Result<(), Refusal> {
        let streams = self.streams();
        let Some(entry) = streams.get(name) else { return Ok(()) };
        let admission = judge(&entry.audience);
        if admission == Admission::Existing {
            return Ok(());
        }
        self.check_limits(name, (entry, &streams))?;
        if admission == Admission::New {
            entry.audience.admit();
        }
        Ok(())
    }

    /// Admits or refuses a viewer over WebRTC, who counts until the returned value is dropped.
    ///
    /// # Errors
    /// [`Unknown`] if there is no such stream; [`Refusal`] as for [`Self::admit`].
    pub fn admit_session(&self, name: &StreamName) -> Result<Result<Watching, Refusal>, Unknown> {
        let streams = self.streams();
        let entry = streams.get(name).ok_or_else(|| Unknown(name.clone()))?;
        Ok(self.check_limits(name, (entry, &streams)).map(|()| entry.audience.watch()))
    }

    fn check_limits(
        &self,
        name: &StreamName,
        (entry, streams): (&Entry, &BTreeMap<StreamName, Entry>),
    ) -> Result<(), Refusal> {
        let now = self.setting.clock.now();
        let (of_stream, of_all) = (&entry.record.spec.limits, self.setting.limits.borrow());
        let all = || streams.values().map(|entry| entry.audience.load(now)).fold(Load::default(), Load::and);
        let excess = match entry.audience.load(now).past(of_stream) {
            Some(excess) => Some((Some(name.clone()), excess)),
            None if *of_all == Limits::default() => None,
            None => all().past(&of_all).map(|excess| (None, excess)),
        };
        let Some((stream, excess)) = excess else { return Ok(()) };
        self.refused(name, entry, (excess, now));
        let elsewhere = of_stream.overflow.as_ref().or(of_all.overflow.as_ref()).cloned();
        Err(Refusal { stream, excess, elsewhere })
    }

    /// Counts the viewers of every stream, and publishes an event for the first and the last.
    pub fn count_viewers(&self) {
        let now = self.setting.clock.now();
        for (name, entry) in self.streams().iter() {
            let event = match entry.count_viewers(now) {
                Some(Transition::FirstViewer) => Some(EventKind::FirstViewer),
                Some(Transition::LastViewer) => Some(EventKind::LastViewer),
                None => None,
            };
            if let Some(event) = event {
                self.setting.events.publish(now, name, event);
            }
            let (metrics, figures) = (&self.setting.metrics, entry.audience.figures());
            let by_format = Format::ALL.iter().map(|format| format.as_str()).zip(figures.current);
            for (format, viewers) in by_format.chain([(ViewerLabels::WEBRTC, figures.sessions)]) {
                let labels = ViewerLabels { stream: name.to_string(), format };
                metrics.viewers.get_or_create(&labels).set(i64::try_from(viewers).unwrap_or(i64::MAX));
            }
            let egress = metrics.stream_egress.get_or_create(&labels(name.as_str()));
            egress.inc_by(figures.bytes.saturating_sub(egress.get()));
        }
    }

    fn refused(&self, name: &StreamName, entry: &Entry, (excess, now): (Excess, UnixTime)) {
        let labels = RefusedViewerLabels { stream: name.to_string(), reason: excess.as_str() };
        self.setting.metrics.refused_viewers.get_or_create(&labels).inc();
        if entry.audience.refuse(now) {
            match excess {
                Excess::Viewers(viewers, max_viewers) => {
                    tracing::warn!(stream = %name, viewers, max_viewers, "viewer limit reached, refusing new viewers");
                }
                Excess::Bandwidth(bandwidth, max_bandwidth) => {
                    tracing::warn!(stream = %name, bandwidth, max_bandwidth, "bandwidth limit reached, refusing new viewers");
                }
            }
            self.setting.events.publish(now, name, EventKind::Overflow);
        }
    }
}

fn whose(stream: Option<&StreamName>) -> String {
    stream.map_or_else(|| "all streams together are".into(), |name| format!("stream {name} is"))
}

impl Entry {
    fn count_viewers(&self, now: UnixTime) -> Option<Transition> {
        self.audience.measure(self.published().as_ref(), now)
    }

    /// The timeline of its output, if it publishes.
    fn published(&self) -> Option<Timeline> {
        let status = self.status.borrow();
        status.output.as_ref().filter(|output| !output.ended()).map(|output| output.spec.timeline)
    }
}
