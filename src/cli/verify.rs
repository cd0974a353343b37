//! `barstone verify`: compares the segments that a CDN delivers with the segments that the definition describes. The command renders
//! these segments itself, so it requests no segment from the origin.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::runtime;

use crate::base::utc::Clock;
use crate::inspect::fetch::{Access, Fetcher, Request};
use expected::{Definition, Expected};
use listed::Listed;
use verdict::Verdict;

mod expected;
mod listed;
mod verdict;

/// Exit codes, for the help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  all segments are the same
  1  at least one segment has another verdict
  2  wrong usage, or nothing could be verified";

const SAME: u8 = 0;
const DIFFERENT: u8 = 1;
const NOT_VERIFIED: u8 = 2;
const MOST_SEGMENTS: u64 = 1000;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Arguments {
    /// URL of a multivariant playlist, a media playlist or an MPD of a barstone stream, as viewers get it
    url: Url,
    /// Definition of the stream: a file in JSON or TOML, or the URL of a barstone server that has the stream
    #[arg(long, value_name = "FILE|SERVER")]
    definition: String,
    /// Number of segments to verify in each track, the newest ones
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=MOST_SEGMENTS))]
    segments: u64,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// A segment with its verdict.
struct Verified {
    listed: Listed,
    verdict: Verdict,
}

/// Verifies, and prints the result.
pub fn run(arguments: &Arguments) -> ExitCode {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string());
    let verified = runtime.and_then(|runtime| runtime.block_on(verified(arguments)));
    let printed = verified.and_then(|(definition, all)| {
        let text = match arguments.json {
            true => format!("{:#}\n", json_report(&definition, &all)),
            false => text_report(&definition, &all),
        };
        io::stdout().lock().write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(if all.iter().all(|one| one.verdict == Verdict::Same) { SAME } else { DIFFERENT })
    });
    ExitCode::from(printed.unwrap_or_else(|error| fail(&error)))
}

async fn verified(arguments: &Arguments) -> Result<(Definition, Vec<Verified>), String> {
    let fetcher =
        Fetcher::new(&arguments.url, Access::default(), Clock::system()).map_err(|error| error.to_string())?;
    let listed = listed::segments(&fetcher, &arguments.url, arguments.segments).await?;
    let stream = listed.first().map(|listed| listed.stream.clone());
    let stream = stream.ok_or_else(|| format!("{}: no complete segment is listed", arguments.url))?;
    let definition = Definition::read(&arguments.definition, &stream, &fetcher).await?;
    let is_known = |listed: &&Listed| listed.revision == definition.revision.as_str();
    let numbers = listed.iter().filter(is_known).map(|listed| listed.number);
    let range = numbers.clone().min().zip(numbers.max());
    let expected = match range {
        // Neighbours, too, to recognise what was mixed up.
        Some((first, last)) => Expected::render(&definition, first.saturating_sub(2)..last + 2).await?,
        None => Expected::default(),
    };
    let mut all = Vec::new();
    for listed in listed {
        let verdict = match listed.revision == definition.revision.as_str() {
            false => Verdict::OtherRevision,
            true => match fetcher.fetch(&Request::media(listed.url.clone(), listed::WITHIN)).await {
                Err(error) => Verdict::Missing(error.to_string()),
                Ok(answer) if answer.reply.status != 200 => Verdict::Missing(format!("status {}", answer.reply.status)),
                Ok(answer) => verdict::judge(&answer.reply.body, (&listed.track, listed.number), &expected.segments),
            },
        };
        all.push(Verified { listed, verdict });
    }
    Ok((definition, all))
}

fn text_report(definition: &Definition, all: &[Verified]) -> String {
    let mut text = String::new();
    for Verified { listed, verdict } in all.iter().filter(|one| one.verdict != Verdict::Same) {
        text += &format!("{}: {}\n  {}\n", verdict.name(), verdict.explain(), listed.url);
    }
    let same = all.iter().filter(|one| one.verdict == Verdict::Same).count();
    let plural = if all.len() == 1 { "" } else { "s" };
    text + &format!("{same} of {} segment{plural} as defined (revision {})\n", all.len(), definition.revision)
}

fn json_report(definition: &Definition, all: &[Verified]) -> Value {
    let segments = all.iter().map(|Verified { listed, verdict }| {
        json!({
            "url": listed.url.as_str(),
            "track": listed.track,
            "segment": listed.number,
            "verdict": verdict.name(),
            "explanation": verdict.explain(),
        })
    });
    let same = all.iter().filter(|one| one.verdict == Verdict::Same).count();
    json!({
        "revision": definition.revision.as_str(),
        "same": same,
        "different": all.len() - same,
        "segments": segments.collect::<Vec<_>>(),
    })
}

#[expect(clippy::print_stderr, reason = "an error of the command line")]
fn fail(message: &str) -> u8 {
    eprintln!("barstone: {message}");
    NOT_VERIFIED
}
