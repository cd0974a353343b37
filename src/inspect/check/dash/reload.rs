//! The MPD over time, and its patches.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Live, check_mpd};
use crate::inspect::check::WITHIN;
use crate::inspect::fetch::{Exchange, Request};
use crate::inspect::mpd::Mpd;
use crate::inspect::rules::{cmaf, dash, http};

/// Shortest time between two requests for the MPD.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

impl Live<'_> {
    /// Requests the MPD whenever it may have changed.
    pub(super) async fn reload(&self, first: &Exchange) {
        let session = self.session;
        loop {
            let Some(wait) = self.mpd().update else { return };
            let next = Instant::now() + wait.max(SHORTEST_WAIT);
            if next >= session.until {
                return;
            }
            tokio::time::sleep_until(next.into()).await;
            // Players that were redirected go on with the URL that answered.
            let url = self.mpd().location.clone().unwrap_or_else(|| first.url.clone());
            let Some(answer) = session.answer(&Request::manifest(url, WITHIN)).await else { continue };
            session.judge(&answer, http::check_manifest(answer.reply.status));
            if answer.reply.status != 200 {
                continue;
            }
            let text = answer.reply.text();
            let mpd = match Mpd::parse(&text, &answer.url) {
                Ok(mpd) => mpd,
                Err(error) => {
                    session.judge(&answer, cmaf::unreadable("D0", &error));
                    continue;
                }
            };
            check_mpd(session, &answer, &mpd);
            session.judge(&answer, dash::check_reload(&self.text.borrow(), &text));
            session.judge(&answer, dash::check_timelines(&self.mpd(), &mpd));
            let (sent, received) = self.span(&answer);
            // A cache may have stored the MPD before the request.
            let written = sent - answer.reply.oldest().as_micros() as i128;
            session.judge_time(&answer, "D6", dash::check_listed(&mpd, written));
            session.judge(&answer, dash::check_removed(&self.mpd(), &mpd, received));
            self.check_patch(&text).await;
            *self.text.borrow_mut() = text;
            *self.mpd.borrow_mut() = Rc::new(mpd);
        }
    }

    /// Requests the patch of the MPD that was received before, if there is another MPD now whose text is `new`.
    async fn check_patch(&self, new: &str) {
        let (old, mpd) = (self.text.borrow().clone(), self.mpd());
        let Some(patch) = mpd.patch.as_ref().filter(|_| old != new) else { return };
        let Some(answer) = self.session.answer(&Request::manifest(patch.url.clone(), WITHIN)).await else { return };
        // A patch may be gone after its ttl.
        if answer.reply.status == 200 || patch.until.is_some_and(|until| self.span(&answer).1 < until) {
            let (status, text) = (answer.reply.status, answer.reply.text());
            self.session.judge(&answer, dash::check_patch(&old, new, (status, &text)));
        }
    }
}
