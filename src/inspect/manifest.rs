//! The manifest at a URL, as the first request of a client finds it, and what the clock of its server says.

use std::time::Duration;

use reqwest::Url;

use super::fetch::{Exchange, FetchError, Fetcher, Request};
use super::mpd::Mpd;
use super::playlist::is_playlist;

/// A manifest.
#[derive(Debug, Clone, PartialEq)]
pub enum Manifest {
    /// The text of a multivariant playlist or a media playlist.
    Playlist(String),
    /// An MPD.
    Mpd(Box<Mpd>),
}

/// Reasons why there is no manifest at a URL.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The request for the manifest failed.
    #[error("{url}: {error}")]
    Fetch {
        /// The URL.
        url: Url,
        /// The reason.
        error: FetchError,
    },
    /// The server answered with an error status.
    #[error("{url}: the server answers with status {status}")]
    Status {
        /// The URL.
        url: Url,
        /// The status code.
        status: u16,
    },
    /// The body is neither a playlist nor an MPD.
    #[error("{url}: this is neither a playlist, because it does not start with #EXTM3U, nor an MPD: {error}")]
    NoManifest {
        /// The URL.
        url: Url,
        /// Error of the MPD parser.
        error: String,
    },
}

impl Manifest {
    /// Requests a manifest.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub async fn fetch(fetcher: &Fetcher, url: &Url, within: Duration) -> Result<(Exchange, Self), ManifestError> {
        let request = Request::manifest(url.clone(), within);
        let fetched = fetcher.fetch(&request).await;
        let exchange = fetched.map_err(|error| ManifestError::Fetch { url: url.clone(), error })?;
        if exchange.reply.status != 200 {
            return Err(ManifestError::Status { url: exchange.url, status: exchange.reply.status });
        }
        let text = exchange.reply.text();
        let manifest = match is_playlist(&text) {
            true => Self::Playlist(text),
            false => Self::Mpd(Box::new(
                Mpd::parse(&text, &exchange.url)
                    .map_err(|error| ManifestError::NoManifest { url: exchange.url.clone(), error })?,
            )),
        };
        Ok((exchange, manifest))
    }
}

/// Error of a measured clock offset, in microseconds, that a second measurement would hardly make smaller.
const SMALL_ERROR: i128 = 50_000;
/// Measurements by one UTCTiming.
const MOST_MEASUREMENTS: usize = 3;

/// The clock of a server against the clock of this machine, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockOffset {
    /// Time of the server minus that of this machine.
    pub micros: i128,
    /// Largest error of this difference.
    pub error: i128,
}

impl ClockOffset {
    /// The offset if the server wrote `text`, a time, between the moments `span` of this machine, or up to `age` before.
    fn measure(text: &str, (from, to): (i128, i128), age: i128) -> Option<Self> {
        let text = text.trim();
        let time = i128::from(text.parse::<jiff::Timestamp>().ok()?.as_microsecond());
        // A time in whole seconds is up to a second ago.
        let rounding = if text.contains('.') { 0 } else { 1_000_000 };
        let (least, most) = (time - to, time + rounding + age - from);
        Some(Self { micros: (least + most) / 2, error: (most - least) / 2 })
    }
}

/// The clock of the server by the UTCTimings of `mpd`, measured until its error is small. `first` is the answer with the MPD, and
/// `request` requests a URL.
pub async fn clock_offset(first: &Exchange, mpd: &Mpd, request: impl AsyncFn(Url) -> Option<Exchange>) -> ClockOffset {
    let mut best: Option<ClockOffset> = None;
    for (scheme, value) in &mpd.timings {
        for _ in 0..MOST_MEASUREMENTS {
            let offset = match scheme.as_str() {
                "urn:mpeg:dash:utc:direct:2014" => {
                    ClockOffset::measure(value, first.span(), first.reply.oldest().as_micros() as i128)
                }
                "urn:mpeg:dash:utc:http-xsdate:2014" | "urn:mpeg:dash:utc:http-iso:2014" => {
                    let Ok(url) = first.url.join(value.split_whitespace().next().unwrap_or_default()) else { break };
                    let Some(answer) = request(url).await else { break };
                    ClockOffset::measure(&answer.reply.text(), answer.span(), 0)
                }
                _ => break,
            };
            best = best.into_iter().chain(offset).min_by_key(|offset| offset.error);
            if best.is_some_and(|best| best.error <= SMALL_ERROR) {
                return best.unwrap_or_default();
            }
        }
    }
    best.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_known_as_well_as_its_answer_was_prompt() {
        let measure = |text: &str, span, age| {
            let offset = ClockOffset::measure(text, span, age).unwrap();
            (offset.micros, offset.error)
        };
        assert_eq!(measure("1970-01-01T00:00:07.000Z", (6_990_000, 7_010_000), 0), (0, 10_000));
        // The server may have written the time at once, or three seconds later.
        assert_eq!(measure("1970-01-01T00:00:07.000Z\n", (7_000_000, 10_000_000), 0), (-1_500_000, 1_500_000));
        assert_eq!(measure("1970-01-01T00:00:07Z", (7_000_000, 7_000_000), 0), (500_000, 500_000));
        assert_eq!(measure("1970-01-01T00:00:07.5Z", (8_000_000, 8_000_000), 1_000_000), (0, 500_000));
        assert_eq!(ClockOffset::measure("noon", (0, 0), 0), None);
    }
}
