//! The checker on servers in memory with one fault each, on hostile ones, on this server and on the muxers of ffmpeg.
//! It judges times, so it has a binary of its own.

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "tests of other binaries use the rest")]
mod support;

mod faults;
mod hostile;
mod memory;
mod program;

use std::time::Duration;

use barstone::base::utc::Clock;
use barstone::inspect::check::{self, CheckError, Other, Outcome, Settings};
use barstone::inspect::fetch::{Access, Fetcher};
use barstone::inspect::finding::Filter;
use barstone::inspect::rules::Level;
use reqwest::Url;

const WATCHED: Duration = Duration::from_secs(7);

fn client(url: &Url) -> Fetcher {
    Fetcher::new(url, Access::default(), Clock::system()).expect("a client")
}

/// Checks a server, and the other origin if there is one.
async fn findings(url: &Url, against: Option<Other<'_>>) -> Result<Outcome, CheckError> {
    let filter = Filter { only: Vec::new(), skip: Vec::new(), level: Level::Should };
    check::check(&client(url), (url, Settings { duration: WATCHED, filter, against }), |_| {}).await
}
