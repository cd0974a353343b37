//! A check of one server over time. It asks for what a player would ask for, no more often, and a few times more: HEAD,
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
use super::mpd::Mpd;
use super::rules::{Violation, cmaf, http};
use crate::base::timeline::UnixTime;

/// Time limit of a request that does not wait for media.
const WITHIN: Duration = Duration::from_secs(20);

/// Segments whose offsets are remembered.
const MOST_OFFSETS: usize = 1000;

/// What to check, and for how long.
#[derive(Debug)]
pub struct Settings<'a> {
    /// How long a live presentation is watched.
    pub duration: Duration,
    /// Which findings are wanted.
    pub filter: Filter,
    /// Another origin, which has to be the same.
    pub against: Option<Other<'a>>,
}

/// The format of a presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HTTP Live Streaming.
    Hls,
    /// HTTP Live Streaming with parts.
    LlHls,
    /// MPEG-DASH.
    Dash,
    /// MPEG-DASH with chunks that are available before their segment.
    LlDash,
}

/// The result of a check.
#[derive(Debug)]
pub struct Outcome {
    /// URL of the manifest, after redirects.
    pub url: Url,
    /// What was found there.
    pub format: Format,
    /// Whether the presentation has ended.
    pub ended: bool,
    /// UTC at the start.
    pub moment: UnixTime,
    /// How long it took.
    pub took: Duration,
    /// Number of requests.
    pub requests: u64,
    /// Manifests that were read, repeats included.
    pub manifests: u64,
    /// Segments and parts that were read.
    pub media: u64,
    /// What is worth knowing and breaks no rule.
    pub notes: Vec<String>,
    /// All findings, in the order in which they came first.
    pub findings: Vec<Finding>,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no manifest.
    #[error("{url}: {error}")]
    Fetch {
        /// The URL.
        url: Url,
        /// Why.
        error: FetchError,
    },
    /// The server refuses.
    #[error("{url}: the server answers with status {status}")]
    Status {
        /// The URL.
        url: Url,
        /// The status code.
        status: u16,
    },
    /// It is something else.
    #[error("{url}: this is neither a playlist, because it does not start with #EXTM3U, nor an MPD: {error}")]
    NoManifest {
        /// The URL.
        url: Url,
        /// Why it is no MPD.
        error: String,
    },
}

/// Figures while a check runs.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Time since the start.
    pub elapsed: Duration,
    /// Number of requests so far.
    pub requests: u64,
    /// Number of different findings so far.
    pub findings: usize,
}

/// A check that runs.
struct Session<'a> {
    fetcher: &'a Fetcher,
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

/// Checks the presentation at `url` and calls `tell` about once a second.
///
/// # Errors
/// [`CheckError`] if there is no manifest to check.
pub async fn check(
    fetcher: &Fetcher,
    (url, settings): (&Url, Settings<'_>),
    tell: impl Fn(Progress),
) -> Result<Outcome, CheckError> {
    let began = Instant::now();
    let moment = fetcher.now();
    let request = Request::manifest(url.clone(), WITHIN);
    let first = fetcher.fetch(&request).await.map_err(|error| CheckError::Fetch { url: url.clone(), error })?;
    if first.reply.status != 200 {
        return Err(CheckError::Status { url: first.url, status: first.reply.status });
    }
    let session = Session {
        fetcher,
        findings: RefCell::new(Findings::new(settings.filter)),
        began,
        until: began + settings.duration,
        counts: RefCell::new(Counts::default()),
        edges: RefCell::new(HashMap::new()),
        notes: RefCell::new(Vec::new()),
        offsets: RefCell::new(HashMap::new()),
    };
    let text = first.reply.text();
    let (url, is_playlist) = (first.url.clone(), text.trim_start_matches('\u{feff}').starts_with("#EXTM3U"));
    let compared = OptionFuture::from(settings.against.as_ref().map(|other| against::compare(&session, other, &first)));
    let work = async {
        match is_playlist {
            true => hls::check(&session, &first).await,
            false => match Mpd::parse(&text, &first.url) {
                Ok(mpd) => dash::check(&session, &first, mpd).await,
                Err(error) => return Err(CheckError::NoManifest { url: first.url.clone(), error }),
            },
        }
        Ok(())
    };
    tokio::select! {
        (done, _) = async { tokio::join!(work, compared) } => done?,
        () = session.report_progress(tell) => {}
    }
    let counts = *session.counts.borrow();
    Ok(Outcome {
        url,
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
            tell(Progress { elapsed: self.began.elapsed(), requests: self.fetcher.count(), findings });
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Whether the time is over.
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Time since the start.
    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Adds violations that an exchange shows.
    fn judge(&self, exchange: &Exchange, violations: Vec<Violation>) {
        if !violations.is_empty() {
            self.findings.borrow_mut().add((exchange.url.as_str(), exchange.moment), violations, &evidence(exchange));
        }
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

    async fn answer(&self, request: &Request) -> Option<Exchange> {
        match self.fetcher.fetch(request).await {
            Ok(exchange) => Some(exchange),
            Err(error) => {
                let report = if error.is_unanswered() { http::unanswered } else { http::broken };
                self.judge_at(&request.url, report(request.url.path(), &error.to_string()));
                None
            }
        }
    }

    /// Asks for a manifest again by HEAD and with its ETag.
    async fn probe_manifest(&self, first: &Exchange) {
        let request = Request::manifest(first.asked.clone(), WITHIN);
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
            self.judge(&second, http::check_conditional(&first.reply, &second.reply));
        }
    }

    /// Asks for a range of a file that was received as a whole.
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
