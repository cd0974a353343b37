//! `barstone check`: checks a server over time and reports what it finds.

use std::fs::{self, OpenOptions};
use std::future;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use reqwest::Url;
use tokio::{runtime, signal};

use super::access::AccessArguments;
use crate::base::os_error;
use crate::base::utc::Clock;
use crate::inspect::check::{self, Other, Progress, Settings};
use crate::inspect::fetch::Fetcher;
use crate::inspect::finding::{Filter, is_named};
use crate::inspect::report::{self, Style};
use crate::inspect::rules::Level;
use crate::inspect::rules::table::RULES;

/// Exit codes, for the help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  there are no findings
  1  there are findings
  2  wrong usage, or nothing could be checked";

const CLEAN: u8 = 0;
const FINDINGS: u8 = 1;
const NOT_CHECKED: u8 = 2;
/// The longest check.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Arguments {
    /// URL of a multivariant playlist, a media playlist or an MPD
    #[arg(value_parser = url)]
    url: Url,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Write JUnit XML to this file, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Time to watch a live presentation, such as 90s or 2m. The default suffices for ten reloads at a target duration
    /// of 2 s, and for three at 6 s
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    duration: Duration,
    /// Report only these rules: ids such as H3, or letters of families; docs/check.md lists them
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    only: Vec<String>,
    /// Do not report these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule)]
    skip: Vec<String>,
    /// Lowest level of rules to report
    #[arg(long, value_enum, default_value = "should")]
    level: LevelArgument,
    /// Compare with the same presentation at this URL of another origin
    #[arg(long, value_name = "URL", value_parser = url)]
    against: Option<Url>,
    /// Credentials and trust.
    #[command(flatten)]
    access: AccessArguments,
}

/// A level as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LevelArgument {
    /// MUST and SHALL of specifications
    Must,
    /// SHOULD of specifications, too
    Should,
    /// Good practice, too
    Recommended,
}

/// Runs the check, and prints and writes its result.
pub fn run(arguments: &Arguments) -> ExitCode {
    ExitCode::from(checked(arguments).unwrap_or_else(|error| fail(&error)))
}

fn checked(arguments: &Arguments) -> Result<u8, String> {
    let filter = Filter {
        only: arguments.only.clone(),
        skip: arguments.skip.clone(),
        level: match arguments.level {
            LevelArgument::Must => Level::Must,
            LevelArgument::Should => Level::Should,
            LevelArgument::Recommended => Level::Recommended,
        },
    };
    if !RULES.iter().any(|rule| filter.wants(rule)) {
        return Err("--only, --skip and --level leave no rule to check".to_owned());
    }
    let access = arguments.access.access()?;
    let client = |url| Fetcher::new(url, access.clone(), Clock::system()).map_err(|error| error.to_string());
    let fetcher = client(&arguments.url)?;
    let other = arguments.against.as_ref().map(client).transpose()?;
    let against = arguments.against.clone().zip(other.as_ref()).map(|(url, fetcher)| Other { url, fetcher });
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let settings = Settings { duration: arguments.duration, filter: filter.clone(), against };
    let report = arguments.junit.as_deref().map(ReportFile::open).transpose()?;
    let line = ProgressLine::new();
    let interrupted = async {
        // Without a handler, the signal ends the process.
        if signal::ctrl_c().await.is_err() {
            future::pending().await
        }
    };
    let check = check::check(&fetcher, (&arguments.url, settings), |progress| line.show(progress), interrupted);
    let outcome = runtime.block_on(check);
    drop(line);
    let outcome = outcome.map_err(|error| error.to_string())?;
    if let Some(report) = report {
        report.write(&report::junit(&outcome, &filter))?;
    }
    let text = match arguments.json {
        true => format!("{:#}\n", report::json(&outcome)),
        false => report::text(&outcome, style()),
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(if outcome.findings.is_empty() { CLEAN } else { FINDINGS })
}

/// Colours only on a terminal, and not if the user does not want them (no-color.org).
fn style() -> Style {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !plain { Style::Coloured } else { Style::Plain }
}

/// The file of a report. A path that cannot be written is an error before the check, and not after it.
struct ReportFile<'a> {
    path: &'a Path,
    /// Whether the file did not exist before, and is still empty.
    is_new: bool,
}

impl<'a> ReportFile<'a> {
    fn open(path: &'a Path) -> Result<Self, String> {
        let is_new = !path.exists();
        let opened = OpenOptions::new().append(true).create(true).open(path);
        opened.map_err(|error| format!("{}: {}", path.display(), os_error::text(&error)))?;
        Ok(Self { path, is_new })
    }

    fn write(mut self, text: &str) -> Result<(), String> {
        self.is_new = false;
        fs::write(self.path, text).map_err(|error| format!("{}: {}", self.path.display(), os_error::text(&error)))
    }
}

impl Drop for ReportFile<'_> {
    fn drop(&mut self) {
        if self.is_new {
            // No check, no report.
            let _ = fs::remove_file(self.path);
        }
    }
}

/// A line on standard error that is written again and again; nothing unless that is a terminal.
struct ProgressLine {
    is_shown: bool,
}

impl ProgressLine {
    fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal() }
    }

    fn show(&self, progress: Progress) {
        let Progress { elapsed, duration, requests, findings } = progress;
        let (elapsed, duration) = (elapsed.as_secs(), duration.as_secs());
        let findings = if findings == 1 { "1 finding".to_owned() } else { format!("{findings} findings") };
        self.write(&format!("\r{elapsed} of {duration} s: {requests} requests, {findings}\u{1b}[K"));
    }

    fn write(&self, text: &str) {
        if self.is_shown {
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.write("\r\u{1b}[K");
    }
}

#[expect(clippy::print_stderr, reason = "an error of the command line")]
fn fail(message: &str) -> u8 {
    eprintln!("barstone: {message}");
    NOT_CHECKED
}

/// Parses a URL with its scheme.
fn url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|_| "write a URL with its scheme, such as https://cdn.example.com/live/master.m3u8".to_owned())
}

/// Parses a time such as `90s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|_| "write a time such as 90s or 2m".to_owned())?;
    let duration = Duration::try_from(duration).map_err(|_| "a time is positive".to_owned())?;
    match duration > LONGEST || duration.is_zero() {
        true => Err("the time is more than 0 s and at most 7 days".to_owned()),
        false => Ok(duration),
    }
}

fn rule(text: &str) -> Result<String, String> {
    match RULES.iter().any(|rule| is_named(text, rule.id)) {
        true => Ok(text.to_owned()),
        false => Err("there is no such rule; docs/check.md lists all".to_owned()),
    }
}
