//! A check of one server over time. It requests manifests and media as a player does, and sends a few further requests: HEAD,
//! conditional and range requests, and requests that the server has to refuse.

mod against;
mod dash;
mod hls;
mod llhls;
mod media;
mod watch;

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::future::OptionFuture;
use reqwest::{Method, Url};

pub use against::Other;

use super::fetch::{Exchange, FetchError, Fetcher, Request};
use super::finding::{Filter, Finding, Findings};
use super::manifest::{Manifest, ManifestError};
use super::rules::hls::Span;
use super::rules::{Violation, cmaf, http};
use super::stalls::Stalls;
use crate::base::format::Format;
use crate::base::timeline::UnixTime;

/// Time limit of a request that does not wait for media.
const WITHIN: Duration = Duration::from_secs(20);

/// Segments whose offsets are remembered.
const MOST_OFFSETS: usize = 1000;

/// Settings of a check.
#[derive(Debug)]
pub struct Settings<'a> {
    /// Time for which a live presentation is watched.
    pub duration: Duration,
    /// Findings to report.
    pub filter: Filter,
    /// Another origin to compare with.
    pub against: Option<Other<'a>>,
}

/// The result of a check.
#[derive(Debug)]
pub struct Outcome {
    /// URL of the manifest, after redirects.
    pub url: Url,
    /// Format of the presentation.
    pub format: Format,
    /// Whether the presentation has ended.
    pub ended: bool,
    /// UTC at the start.
    pub moment: UnixTime,
    /// Duration of the check.
    pub took: Duration,
    /// Number of requests.
    pub requests: u64,
    /// Manifests that were read, repeats included.
    pub manifests: u64,
    /// Segments and parts that were read.
    pub media: u64,
    /// Observations that break no rule.
    pub notes: Vec<String>,
    /// All findings, in the order of their first occurrence.
    pub findings: Vec<Finding>,
}

/// Figures while a check runs.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Time since the start.
    pub elapsed: Duration,
    /// Time for which a live presentation is watched.
    pub duration: Duration,
    /// Number of requests so far.
    pub requests: u64,
    /// Number of different findings so far.
    pub findings: usize,
}

/// A check that runs.
struct Session<'a> {
    fetcher: &'a Fetcher,
    stalls: Stalls,
    findings: RefCell<Findings>,
    began: Instant,
    until: Instant,
    counts: RefCell<Counts>,
    /// Newest segment and part of each low-latency playlist.
    edges: RefCell<HashMap<Url, (u64, u64)>>,
    notes: RefCell<Vec<String>>,
    /// Media time minus date of each segment number, by the first track that has it.
    offsets: RefCell<HashMap<u64, i128>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    manifests: u64,
    media: u64,
    low_latency: bool,
    ended: bool,
}

/// Checks the presentation at `url` and calls `tell` about once a second. When `stop` resolves, the check ends with what has been
/// found so far. `stop` is not polled before the first manifest has arrived.
///
/// # Errors
/// [`ManifestError`] if there is no manifest to check.
pub async fn check(
    fetcher: &Fetcher,
    (url, settings): (&Url, Settings<'_>),
    tell: impl Fn(Progress),
    stop: impl Future<Output = ()>,
) -> Result<Outcome, ManifestError> {
    let began = Instant::now();
    let moment = fetcher.now();
    let (first, manifest) = match Manifest::fetch(fetcher, url, WITHIN).await {
        // The server is busy, or the stream begins.
        Err(ManifestError::Status { .. }) if fetcher.waits() => Manifest::fetch(fetcher, url, WITHIN).await?,
        other => other?,
    };
    let session = Session {
        fetcher,
        stalls: Stalls::new(Instant::now()),
        findings: RefCell::new(Findings::new(settings.filter)),
        began,
        until: began + settings.duration,
        counts: RefCell::new(Counts::default()),
        edges: RefCell::new(HashMap::new()),
        notes: RefCell::new(Vec::new()),
        offsets: RefCell::new(HashMap::new()),
    };
    let is_playlist = matches!(manifest, Manifest::Playlist(_));
    let compared = OptionFuture::from(settings.against.as_ref().map(|other| against::compare(&session, other, &first)));
    let work = async {
        match manifest {
            Manifest::Playlist(_) => hls::check(&session, &first).await,
            Manifest::Mpd(mpd) => dash::check(&session, &first, *mpd).await,
        }
    };
    tokio::select! {
        _ = async { tokio::join!(work, compared) } => {}
        () = session.report_progress(tell) => {}
        () = session.stalls.watch() => {}
        () = stop => session.note("The check was interrupted. Rules that are judged at its end were not checked.".into()),
    }
    let counts = *session.counts.borrow();
    Ok(Outcome {
        url: first.url.clone(),
        format: match (is_playlist, counts.low_latency) {
            (true, false) => Format::Hls,
            (true, true) => Format::LlHls,
            (false, false) => Format::Dash,
            (false, true) => Format::LlDash,
        },
        ended: counts.ended,
        moment,
        took: began.elapsed(),
        requests: fetcher.count(),
        manifests: counts.manifests,
        media: counts.media,
        notes: session.notes.into_inner(),
        findings: session.findings.into_inner().into_all(),
    })
}

impl Session<'_> {
    /// Calls `tell` once a second, without end.
    async fn report_progress(&self, tell: impl Fn(Progress)) {
        loop {
            let findings = self.findings.borrow().all().len();
            let (elapsed, duration) = (self.began.elapsed(), self.until.saturating_duration_since(self.began));
            tell(Progress { elapsed, duration, requests: self.fetcher.count(), findings });
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Whether the time of the check is over.
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// The request and the arrival of an answer, in time since the start.
    fn span(&self, exchange: &Exchange) -> Span {
        let since = |moment: Instant| moment.saturating_duration_since(self.began);
        Span { sent: since(exchange.began), received: since(exchange.ended) }
    }

    /// Adds violations that an exchange shows.
    fn judge(&self, exchange: &Exchange, violations: Vec<Violation>) {
        if !violations.is_empty() {
            self.findings.borrow_mut().add((exchange.url.as_str(), exchange.moment), violations, &evidence(exchange));
        }
    }

    /// Adds violations that the time of an exchange shows. They count if that happens to exchanges of this `kind` often.
    fn judge_time(&self, exchange: &Exchange, kind: &str, violations: Vec<Violation>) {
        let at = (exchange.url.as_str(), exchange.moment);
        self.findings.borrow_mut().add_late(at, kind, violations, &evidence(exchange));
    }

    /// Adds violations that no single exchange shows.
    fn judge_at(&self, url: &Url, violations: Vec<Violation>) {
        self.findings.borrow_mut().add((url.as_str(), self.fetcher.now()), violations, "");
    }

    /// Adds a note.
    fn note(&self, text: String) {
        self.notes.borrow_mut().push(text);
    }

    /// Compares the distance between media time and date, in microseconds, with that of another track.
    fn check_offset(&self, number: u64, offset: i128) -> Vec<Violation> {
        let mut offsets = self.offsets.borrow_mut();
        if offsets.len() >= MOST_OFFSETS {
            offsets.clear();
        }
        cmaf::check_offsets(*offsets.entry(number).or_insert(offset), offset)
    }

    /// Requests a manifest. An answer that cannot be read is a finding.
    async fn manifest(&self, request: &Request) -> Option<Exchange> {
        let exchange = self.answer(request).await?;
        self.counts.borrow_mut().manifests += 1;
        Some(exchange)
    }

    /// Requests a segment or a part. An answer that cannot be read is a finding.
    async fn media(&self, request: &Request) -> Option<Exchange> {
        let exchange = self.answer(request).await?;
        self.counts.borrow_mut().media += 1;
        self.judge(&exchange, media::check_delivery(&exchange));
        Some(exchange)
    }

    /// Requests a URL, and again if the answer breaks off, as players do.
    async fn answer(&self, request: &Request) -> Option<Exchange> {
        let path = request.url.path();
        let mut fetched = self.fetcher.fetch(request).await;
        if let Err(error @ FetchError::Broken(_)) = &fetched {
            let problem = error.to_string();
            fetched = self.fetcher.fetch(request).await;
            if fetched.is_ok() {
                self.judge_at(&request.url, http::broken_once(path, &problem));
            }
        }
        match fetched {
            Ok(exchange) => Some(exchange.without_stalls(&self.stalls)),
            Err(error) => {
                let report = if error.is_unanswered() { http::unanswered } else { http::broken };
                self.judge_at(&request.url, report(path, &error.to_string()));
                None
            }
        }
    }

    /// Requests a manifest again, with HEAD and with its ETag.
    async fn probe_manifest(&self, first: &Exchange) {
        let request = Request::manifest(first.url.clone(), WITHIN);
        let head = Request { method: Method::HEAD, ..request.clone() };
        if let Some(head) = self.answer(&head).await {
            self.judge(&head, http::check_head(&first.reply, &head.reply));
        }
        self.judge(first, http::check_validator(&first.reply));
        let tag = first.reply.header("etag");
        if tag.is_empty() {
            return;
        }
        let conditional = request.with(reqwest::header::IF_NONE_MATCH, tag.to_owned());
        if let Some(second) = self.answer(&conditional).await {
            self.judge_time(&second, "T8", http::check_prompt(second.headers_after));
            self.judge(&second, http::check_conditional(&first.reply, &second.reply));
        }
    }

    /// Requests a range of a file that was received as a whole.
    async fn probe_range(&self, whole: &Exchange) {
        let length = whole.reply.body.len();
        if whole.reply.status != 200 || length < 2 {
            return;
        }
        let (from, to) = (length / 4, length / 2);
        let request = Request::media(whole.asked.clone(), WITHIN);
        let request = request.with(reqwest::header::RANGE, format!("bytes={from}-{to}"));
        if let Some(part) = self.answer(&request).await {
            self.judge(&part, http::check_range(&whole.reply.body, (from, to), &part.reply));
        }
    }
}

/// Status line and the headers that rules are about.
fn evidence(exchange: &Exchange) -> String {
    let mut text = format!("{} {}", exchange.version, exchange.reply.status);
    let names = [
        "content-type",
        "content-length",
        "content-encoding",
        "cache-control",
        "age",
        "etag",
        "last-modified",
        "date",
        "location",
    ];
    for name in names {
        let value = exchange.reply.header(name);
        if !value.is_empty() {
            text += &format!("\n{name}: {value}");
        }
    }
    text
}
