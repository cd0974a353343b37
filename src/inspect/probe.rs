//! The measuring end of a chain: plays a URL that carries the signal, and measures by the strip and the beeps what the chain has
//! changed. Only `player` uses GStreamer. All other modules compute figures from its pictures and sound.

use std::future::pending;
use std::ops::ControlFlow;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::RANGE;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use super::fetch::{Access, FetchError, Fetcher, Request};
use crate::base::timeline::UnixTime;
use crate::base::utc::Clock;
use crate::definition::spec::StreamSpec;
use analysis::Analysis;
pub use exposition::exposition;
use figures::Figures;
use gateway::Gateway;
use player::{Event, Pace, Player};
use quality::Meter;
use whep::Viewer;

mod analysis;
mod beeps;
mod distribution;
mod exposition;
pub mod figures;
mod gateway;
pub mod limits;
mod loudness;
pub mod output;
mod player;
mod quality;
mod sequence;
mod strip;
mod sync;
mod whep;

/// Time for an HTTP server to begin its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Time from the start of the player to the first picture with a strip, and from one picture to the next.
pub const STRIP_WITHIN: Duration = Duration::from_secs(20);
/// Bytes at the beginning of a body that the probe requests before it plays, to report errors that players do not name.
const BEGINNING: usize = 64 << 10;
/// Time between reports.
const PERIOD: Duration = Duration::from_secs(1);
/// Interval in which the probe checks the player and the clock.
const POLL_PERIOD: Duration = Duration::from_millis(100);

/// Settings of a probe.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The source, with any scheme that GStreamer supports.
    pub url: Url,
    /// Time for which the probe plays, from the first picture on. `None`: until the source ends.
    pub duration: Option<Duration>,
    /// Credentials and trust for HTTP.
    pub access: Access,
    /// The stream whose pictures are compared with their originals.
    pub original: Option<StreamSpec>,
}

impl Settings {
    /// Whether requests need what the player cannot do.
    fn needs_gateway(&self) -> bool {
        let is_plain = self.access.headers.is_empty() && self.access.certificates.is_none();
        matches!(self.url.scheme(), "http" | "https") && !is_plain
    }
}

/// The result of a probe.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The source.
    pub url: Url,
    /// UTC at the start of the player.
    pub moment: UnixTime,
    /// The figures at the end.
    pub figures: Figures,
    /// Cause, if the player stopped early.
    pub error: Option<String>,
}

/// Causes why a probe cannot measure anything.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// GStreamer or one of its elements is missing.
    #[error("GStreamer: {0}")]
    Player(String),
    /// A request failed.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// The server answers with an error status.
    #[error("status {0}")]
    Status(u16),
    /// A server refuses a viewer over WebRTC, with a reason.
    #[error("status {0}: {1}")]
    Refused(u16, String),
    /// The server does not answer as a WHEP endpoint does.
    #[error("it is no WHEP endpoint: {0}")]
    NoWhep(String),
    /// No media comes over WebRTC.
    #[error("no media over UDP within {} s after the answer of the WHEP endpoint", whep::CONNECT_WITHIN.as_secs())]
    NoConnection,
    /// The player cannot play the source.
    #[error("it cannot be played: {0}")]
    Failed(String),
    /// The source sends no picture.
    #[error("no picture within {} s", STRIP_WITHIN.as_secs())]
    Nothing,
    /// The source sends no more pictures.
    #[error("no picture for {} s", STRIP_WITHIN.as_secs())]
    Stopped,
    /// The source ended before its first picture.
    #[error("it ends without a picture")]
    NoPicture,
    /// The pictures have no readable strip.
    #[error("the pictures have no strip of barstone that can be read")]
    NoStrip,
}

/// Plays until the source or the duration ends, or `stop` resolves. `report` gets the figures every second.
///
/// # Errors
/// [`ProbeError`], if nothing could be measured.
pub async fn probe(
    settings: &Settings,
    clock: &Clock,
    stop: impl Future<Output = ()>,
    report: impl FnMut(&Figures),
) -> Result<Outcome, ProbeError> {
    if matches!(settings.url.scheme(), "http" | "https") && !whep::is_whep(&settings.url) {
        check_answer(settings, clock).await?;
    }
    let moment = clock.now();
    let (meter, comparison) = settings.original.as_ref().map(Meter::start).unzip();
    let (player, mut source) = open(settings, clock, meter.clone()).await?;
    let duration = settings.duration;
    let mut session = Session { player, meter, moment, duration, end: None, last: None, analysis: None };
    let played = tokio::select! {
        played = session.play(report) => played,
        () = stop => Ok(()),
        error = source.run() => Err(error),
    };
    let Session { player, meter, analysis, .. } = session;
    let bytes = player.bytes();
    source.close().await;
    player.close().await;
    let quality = meter.zip(comparison).map(|(meter, comparison)| meter.finish(comparison));
    let (mut analysis, error) = match (analysis.filter(Analysis::has_strip), played) {
        (None, Err(error)) => return Err(error),
        (None, Ok(())) => return Err(ProbeError::Nothing),
        (Some(analysis), played) => (analysis, played.err().map(|error| error.to_string())),
    };
    analysis.finish(clock.now());
    let figures = Figures { quality, ..analysis.figures(bytes) };
    Ok(Outcome { url: settings.url.clone(), moment, figures, error })
}

/// What the player needs beside GStreamer to get the source.
enum Source {
    /// Nothing.
    Direct,
    Gateway(Gateway),
    Viewer(Box<Viewer>),
}

impl Source {
    /// Serves the player, until a viewer fails.
    async fn run(&mut self) -> ProbeError {
        match self {
            Self::Direct => pending().await,
            Self::Gateway(gateway) => match gateway.serve().await {},
            Self::Viewer(viewer) => viewer.run().await,
        }
    }

    async fn close(self) {
        if let Self::Viewer(viewer) = self {
            viewer.close().await;
        }
    }
}

/// Opens the source and its player.
async fn open(settings: &Settings, clock: &Clock, meter: Option<Meter>) -> Result<(Player, Source), ProbeError> {
    let Settings { url, access, .. } = settings;
    if whep::is_whep(url) {
        let (player, feed) = Player::fed(clock, meter)?;
        return match Viewer::open(url, access.clone(), feed).await {
            Ok(viewer) => Ok((player, Source::Viewer(Box::new(viewer)))),
            Err(error) => {
                player.close().await;
                Err(error)
            }
        };
    }
    if settings.needs_gateway() {
        let gateway = Gateway::open(url, access.clone()).await?;
        return Ok((Player::open(&gateway.url(url), clock, meter)?, Source::Gateway(gateway)));
    }
    Ok((Player::open(url.as_str(), clock, meter)?, Source::Direct))
}

/// Requests the beginning of the source, because the errors of an HTTP client are clearer than those of a player.
async fn check_answer(Settings { url, access, .. }: &Settings, clock: &Clock) -> Result<(), ProbeError> {
    let fetcher = Fetcher::new(url, access.clone(), clock.clone())?;
    let mut request = Request::media(url.clone(), ANSWER_WITHIN).with(RANGE, format!("bytes=0-{}", BEGINNING - 1));
    request.most_bytes = BEGINNING;
    match fetcher.fetch(&request).await {
        // The body is longer than its beginning, as expected.
        Err(FetchError::TooLong(_)) => Ok(()),
        Ok(answer) if answer.reply.status >= 400 => Err(ProbeError::Status(answer.reply.status)),
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A player and what it has shown so far.
struct Session {
    player: Player,
    meter: Option<Meter>,
    moment: UnixTime,
    duration: Option<Duration>,
    /// When the duration of a live source is over.
    end: Option<Instant>,
    /// When the last picture came.
    last: Option<Instant>,
    /// `None` until the player plays.
    analysis: Option<Analysis>,
}

impl Session {
    async fn play(&mut self, mut report: impl FnMut(&Figures)) -> Result<(), ProbeError> {
        let strip_by = Instant::now() + STRIP_WITHIN;
        let mut polls = interval(POLL_PERIOD);
        let mut reports = interval_at(Instant::now() + PERIOD, PERIOD);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = self.player.events.recv() => {
                    let event = event.ok_or(ProbeError::NoPicture)?;
                    if self.take(event)?.is_break() {
                        return Ok(());
                    }
                }
                _ = polls.tick() => {
                    if self.analysis.is_none() && self.player.is_pushed() {
                        self.start();
                    }
                    if !self.analysis.as_ref().is_some_and(Analysis::has_strip) && Instant::now() >= strip_by {
                        return Err(self.nothing().unwrap_or(ProbeError::Nothing));
                    }
                    if self.last.is_some_and(|last| last.elapsed() >= STRIP_WITHIN) {
                        return Err(ProbeError::Stopped);
                    }
                    if self.end.is_some_and(|end| Instant::now() >= end) {
                        return Ok(());
                    }
                }
                _ = reports.tick() => {
                    if let Some(analysis) = self.analysis.as_ref().filter(|analysis| analysis.has_strip()) {
                        let quality = self.meter.as_ref().map(Meter::figures);
                        report(&Figures { quality, ..analysis.figures(self.player.bytes()) });
                    }
                }
            }
        }
    }

    fn start(&mut self) {
        let is_live = self.player.play() == Pace::Live;
        self.analysis = Some(Analysis::new(self.moment, is_live));
    }

    /// Handles an event of the player. Breaks at the end of the source.
    fn take(&mut self, event: Event) -> Result<ControlFlow<()>, ProbeError> {
        match (event, &mut self.analysis) {
            (Event::Ready, None) => self.start(),
            (Event::Picture(picture), Some(analysis)) => {
                self.last = Some(Instant::now());
                analysis.show(picture);
                match self.duration {
                    Some(duration) if analysis.is_live() => {
                        self.end.get_or_insert_with(|| Instant::now() + duration);
                    }
                    Some(duration) if analysis.length() >= duration.as_nanos() as i64 => {
                        return Ok(ControlFlow::Break(()));
                    }
                    _ => {}
                }
            }
            (Event::Sound(sound), Some(analysis)) => analysis.hear(&sound),
            (Event::Ended, analysis) => {
                let is_read = analysis.as_ref().is_some_and(Analysis::has_strip);
                return if is_read {
                    Ok(ControlFlow::Break(()))
                } else {
                    Err(self.nothing().unwrap_or(ProbeError::NoPicture))
                };
            }
            (Event::Failed(message), _) => return Err(ProbeError::Failed(message)),
            (Event::Ready, Some(_)) | (Event::Picture(_) | Event::Sound(_), None) => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The error for a source whose pictures have no strip.
    fn nothing(&self) -> Option<ProbeError> {
        self.analysis.as_ref().filter(|analysis| analysis.has_picture()).map(|_| ProbeError::NoStrip)
    }
}
