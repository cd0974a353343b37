//! `barstone load`: plays a stream as many light clients do, and reports what they met.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::runtime;

use super::access::AccessArguments;
use crate::inspect::fetch::{Access, Versions, is_loopback};
use crate::inspect::load::{self, Figures, Histogram, Limit, Settings, Share, TOO_MANY_CONNECTIONS};

/// Exit codes, for the help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  all clients played, within the limits of errors and stalls
  1  more errors or stalls than allowed
  2  wrong usage, or nothing could be played";

const GOOD: u8 = 0;
const EXCEEDED: u8 = 1;
const NOT_PLAYED: u8 = 2;
/// Limit for servers that are not on this machine: what ten viewers of a good rendition take.
const POLITE: Limit = Limit { requests: 100.0, bits: 50_000_000.0 };
const MOST_CLIENTS: u64 = 100_000;
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Arguments {
    /// URL of a multivariant playlist, a media playlist or an MPD
    url: Url,
    /// Another manifest; the clients are distributed evenly over all manifests. May be given several times
    #[arg(long, value_name = "URL")]
    mix: Vec<Url>,
    /// Number of clients
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=MOST_CLIENTS))]
    clients: u64,
    /// Time for which the clients play, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    duration: Duration,
    /// Time over which the clients start, evenly
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    ramp: Duration,
    /// Use HTTP/2 without asking the server, without TLS too. By default, clients use HTTP/2 over TLS if the server
    /// offers it
    #[arg(long)]
    http2: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Allowed errors of all clients together
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_errors: u64,
    /// Allowed stalls of all clients together
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_stalls: u64,
    /// Send as many requests as the clients want to a server that is not on this machine. Without it, all clients
    /// together send at most 100 requests and receive at most 50 Mbit per second. Use it only with the consent of the
    /// server's operator
    #[arg(long)]
    unlimited: bool,
    /// Credentials and trust.
    #[command(flatten)]
    access: AccessArguments,
}

/// Plays, and prints the figures.
pub fn run(arguments: &Arguments) -> ExitCode {
    ExitCode::from(played(arguments).unwrap_or_else(|error| fail(&error)))
}

fn played(arguments: &Arguments) -> Result<u8, String> {
    let urls: Vec<_> = [&arguments.url].into_iter().chain(&arguments.mix).cloned().collect();
    let is_polite = !arguments.unlimited && !urls.iter().all(is_loopback);
    if arguments.ramp >= arguments.duration {
        return Err("the ramp must be shorter than the duration".to_owned());
    }
    let versions = if arguments.http2 { Versions::Http2 } else { Versions::default() };
    let settings = Settings {
        clients: usize::try_from(arguments.clients).map_err(|error| error.to_string())?,
        urls,
        ramp: arguments.ramp,
        duration: arguments.duration,
        limit: (!arguments.unlimited).then_some(POLITE),
        access: Access { versions, ..arguments.access.access()? },
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let mut table = Table::new();
    let outcome = runtime.block_on(load::run(&settings, |shares, elapsed| table.show(shares, elapsed)));
    table.end();
    let shares = outcome.map_err(|error| error.to_string())?;
    let total = sum(&shares);
    let text = match arguments.json {
        true => format!("{:#}\n", json_report(&shares, &total, is_polite)),
        false => text_report(&shares, is_polite),
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(match total.started > 0 {
        false => fail("no client received media"),
        true if total.failures() > arguments.max_errors || total.stalls > arguments.max_stalls => EXCEEDED,
        true => GOOD,
    })
}

fn sum(shares: &[Share]) -> Figures {
    let mut total = Figures::default();
    shares.iter().for_each(|share| total.add(&share.figures.borrow()));
    total
}

fn text_report(shares: &[Share], is_polite: bool) -> String {
    let mut text = String::new();
    for share in shares {
        let figures = share.figures.borrow();
        text += &format!("{} {}\n{}", share.format.as_str(), share.url, lines(&figures));
    }
    if shares.len() > 1 {
        text += &format!("all\n{}", lines(&sum(shares)));
    }
    if shares.iter().any(|share| share.figures.borrow().errors.contains_key(TOO_MANY_CONNECTIONS)) {
        text += "The server refused connections. A client opens up to 4 connections. Start the server with a larger \
                 --max-connections-per-address and --max-connections, or load it from several machines.\n";
    }
    if is_polite {
        let Limit { requests, bits } = POLITE;
        let megabits = bits / 1e6;
        text +=
            &format!("limited to {requests} requests and {megabits} Mbit per second; --unlimited removes the limit\n");
    }
    text
}

fn lines(figures: &Figures) -> String {
    let seconds = figures.stalled.as_secs_f64();
    let mut text = format!(
        "  clients   {}, {} tracks played\n  requests  {}, {:.1} MB\n  errors    {}\n",
        figures.clients,
        figures.started,
        figures.requests,
        figures.bytes as f64 / 1e6,
        figures.failures(),
    );
    for (kind, count) in &figures.errors {
        text += &format!("            {count} {kind}\n");
    }
    text += &format!("  stalls    {}, {seconds:.1} s\n", figures.stalls);
    for (name, histogram) in [("start-up", &figures.startup), ("latency", &figures.latency), ("late", &figures.late)] {
        if let Some([half, most, nearly, all]) = percentiles(histogram) {
            text += &format!("  {name:8}  median {half} ms, p95 {most} ms, p99 {nearly} ms, max {all} ms\n");
        }
    }
    text
}

fn percentiles(histogram: &Histogram) -> Option<[u128; 4]> {
    let found = [0.5, 0.95, 0.99, 1.0].map(|share| histogram.percentile(share).map(|value| value.as_millis()));
    let [Some(half), Some(most), Some(nearly), Some(all)] = found else { return None };
    Some([half, most, nearly, all])
}

fn json_report(shares: &[Share], total: &Figures, is_polite: bool) -> Value {
    let each: Vec<_> = shares
        .iter()
        .map(|share| {
            let mut value = figures_json(&share.figures.borrow());
            value["url"] = share.url.as_str().into();
            value["format"] = share.format.as_str().into();
            value
        })
        .collect();
    json!({"total": figures_json(total), "manifests": each, "limited": is_polite})
}

fn figures_json(figures: &Figures) -> Value {
    let distribution = |histogram: &Histogram| match percentiles(histogram) {
        Some([half, most, nearly, all]) => json!({"p50": half, "p95": most, "p99": nearly, "max": all}),
        None => Value::Null,
    };
    json!({
        "clients": figures.clients,
        "tracks_played": figures.started,
        "requests": figures.requests,
        "media_requests": figures.media_requests,
        "answers_by_version": figures.versions,
        "bytes": figures.bytes,
        "errors": figures.failures(),
        "errors_by_kind": figures.errors,
        "stalls": figures.stalls,
        "stalled_ms": figures.stalled.as_millis(),
        "startup_ms": distribution(&figures.startup),
        "latency_ms": distribution(&figures.latency),
        "late_ms": distribution(&figures.late),
    })
}

/// A line on standard error that is written again each second; nothing unless that is a terminal.
struct Table {
    is_shown: bool,
}

impl Table {
    fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal() }
    }

    fn show(&self, shares: &[Share], elapsed: Duration) {
        let total = sum(shares);
        let latency = total
            .latency
            .percentile(0.5)
            .map_or(String::new(), |latency| format!(", latency {} ms", latency.as_millis()));
        self.write(&format!(
            "\r{} s: {} clients, {} requests, {:.1} MB, {} errors, {} stalls{latency}\u{1b}[K",
            elapsed.as_secs(),
            total.clients,
            total.requests,
            total.bytes as f64 / 1e6,
            total.failures(),
            total.stalls,
        ));
    }

    fn end(&mut self) {
        self.write("\r\u{1b}[K");
    }

    fn write(&self, text: &str) {
        if self.is_shown {
            // The table is for people who look at it now.
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
    }
}

#[expect(clippy::print_stderr, reason = "an error of the command line")]
fn fail(message: &str) -> u8 {
    eprintln!("barstone: {message}");
    NOT_PLAYED
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|_| "write a time such as 30s or 5m".to_owned())?;
    let duration = Duration::try_from(duration).map_err(|_| "a time is not negative".to_owned())?;
    match duration > LONGEST {
        true => Err("the time is at most 24 hours".to_owned()),
        false => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_printed_as_text_and_as_json() {
        let mut figures = Figures { clients: 2, started: 4, requests: 30, bytes: 1_500_000, ..Figures::default() };
        figures.fail("status 404");
        figures.late.count(Duration::from_millis(7));
        let text = lines(&figures);
        assert!(text.contains("30, 1.5 MB\n  errors    1\n            1 status 404\n"), "{text}");
        assert!(text.ends_with("late      median 7 ms, p95 7 ms, p99 7 ms, max 7 ms\n"), "{text}");
        let json = figures_json(&figures);
        assert_eq!((&json["errors_by_kind"]["status 404"], &json["late_ms"]["p99"]), (&json!(1), &json!(7)));
        assert_eq!(json["latency_ms"], Value::Null);
    }
}
