//! The checker on servers in memory with one fault each, on hostile ones and on this server.
//! It judges times, so it has a binary of its own.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "tests of other binaries use the rest")]
mod support;

mod changes;
mod conditions;
mod faults;
mod faulty;
mod hostile;
mod matrix;
mod memory;
mod program;

use std::future::pending;
use std::time::Duration;

use barstone::base::utc::Clock;
use barstone::inspect::check::{self, Other, Outcome, Settings};
use barstone::inspect::fetch::{Access, Fetcher};
use barstone::inspect::finding::Filter;
use barstone::inspect::manifest::ManifestError;
use barstone::inspect::rules::Level;
use reqwest::Url;

const WATCHED: Duration = Duration::from_secs(7);
/// Six segments of this server, so that a fault on every third one is met.
const WATCHED_LONG: Duration = Duration::from_secs(12);

fn client(url: &Url) -> Fetcher {
    client_that_trusts(url, None)
}

/// A client that trusts a certificate in PEM.
fn client_that_trusts(url: &Url, certificates: Option<Vec<u8>>) -> Fetcher {
    let access = Access { certificates, ..Access::default() };
    Fetcher::new(url, access, Clock::system()).expect("a client")
}

/// Checks a server, and the other origin if there is one.
async fn findings(url: &Url, against: Option<Other<'_>>) -> Result<Outcome, ManifestError> {
    findings_within(url, against, WATCHED).await
}

/// Checks a server for so long.
async fn findings_within(url: &Url, against: Option<Other<'_>>, duration: Duration) -> Result<Outcome, ManifestError> {
    findings_by(&client(url), url, against, duration).await
}

/// Checks a server by a client.
async fn findings_by(
    client: &Fetcher,
    url: &Url,
    against: Option<Other<'_>>,
    duration: Duration,
) -> Result<Outcome, ManifestError> {
    let filter = Filter { only: Vec::new(), skip: Vec::new(), level: Level::Should };
    check::check(client, (url, Settings { duration, filter, against }), |_| {}, pending()).await
}
