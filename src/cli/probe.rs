//! `barstone probe`: measures what a chain has done to the signal.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use reqwest::Url;
use tokio::runtime;

use super::access::AccessArguments;
use super::check::duration;
use crate::base::os_error;
use crate::base::utc::Clock;
use crate::inspect::probe::figures::Figures;
use crate::inspect::probe::limits::Limits;
use crate::inspect::probe::{self, Settings, output};
use original::QualityArguments;

mod exporter;
mod original;

/// Exit codes, for the help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  measured, and no limit is exceeded
  1  a limit is exceeded, or the player stopped early
  2  wrong usage, or nothing could be measured";

const PASSED: u8 = 0;
const FAILED: u8 = 1;
const NOT_MEASURED: u8 = 2;
/// How long a source that does not end is played, unless the user says otherwise.
const DEFAULT_DURATION: Duration = Duration::from_secs(20);

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to play: a file, or a URL of HLS, DASH, WHEP, RTMP, SRT or MPEG-TS over UDP
    #[arg(value_parser = url)]
    url: Url,
    /// How long to play, such as 90s or 2m. The default is 20 s, or the whole of a file
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Print a line a second even if standard output is not a terminal
    #[arg(long)]
    lines: bool,
    /// Write JUnit XML to this file, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Probe without end, and serve the figures to Prometheus at http://ADDR:PORT/metrics
    #[arg(long, value_name = "ADDR:PORT", conflicts_with_all = ["duration", "json", "junit", "lines"])]
    prometheus: Option<SocketAddr>,
    /// Credentials and trust.
    #[command(flatten)]
    access: AccessArguments,
    /// Comparison with the originals.
    #[command(flatten)]
    quality: QualityArguments,
    /// Limits.
    #[command(flatten)]
    limits: LimitArguments,
}

/// Limits as arguments.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits; the exit code is 1 if one is exceeded")]
struct LimitArguments {
    /// Latency of 95 % of the frames
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_latency: Option<Duration>,
    /// Distance of 95 % of the beeps from their frames
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_av_offset: Option<Duration>,
    /// Missing frames
    #[arg(long, value_name = "N")]
    max_dropped: Option<u64>,
    /// Pictures that show a frame once more
    #[arg(long, value_name = "N")]
    max_repeated: Option<u64>,
    /// Pictures whose strip cannot be read
    #[arg(long, value_name = "N")]
    max_unreadable: Option<u64>,
    /// The longest freeze
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_freeze: Option<Duration>,
    /// Seconds without a beep
    #[arg(long, value_name = "N")]
    max_missing_beeps: Option<u64>,
}

/// Runs the probe, and prints and writes its result.
pub fn run(arguments: &Arguments) -> ExitCode {
    ExitCode::from(probed(arguments).unwrap_or_else(|error| fail(&error)))
}

fn probed(arguments: &Arguments) -> Result<u8, String> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let access = arguments.access.access()?;
    let original = runtime.block_on(arguments.quality.original(&arguments.url, access.clone()))?;
    let settings = Settings { url: arguments.url.clone(), duration: None, access, original };
    if let Some(address) = arguments.prometheus {
        return runtime.block_on(exporter::export(&settings, address)).map(|()| PASSED);
    }
    // Other sources than files may never end.
    let is_endless = arguments.url.scheme() != "file";
    let duration = arguments.duration.or(is_endless.then_some(DEFAULT_DURATION));
    let settings = Settings { duration, ..settings };
    let stop = async {
        // Without a handler the signal ends the program, which is as well.
        let _ = tokio::signal::ctrl_c().await;
    };
    let is_shown = arguments.lines || (io::stdout().is_terminal() && !arguments.json);
    let report = |figures: &Figures| {
        if is_shown {
            let line = match arguments.json {
                true => serde_json::to_string(figures).unwrap_or_default(),
                false => output::line(figures),
            };
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
    };
    let outcome = runtime.block_on(probe::probe(&settings, &Clock::system(), stop, report));
    let outcome = outcome.map_err(|error| format!("{}: {error}", arguments.url))?;
    let QualityArguments { min_ssim: ssim, min_psnr: psnr, min_vmaf: vmaf, .. } = arguments.quality;
    let limits = Limits { ssim, psnr, vmaf, ..arguments.limits.limits() };
    let verdicts = limits.judge(&outcome.figures);
    if let Some(path) = &arguments.junit {
        fs::write(path, output::junit(&outcome, &verdicts))
            .map_err(|error| format!("{}: {}", path.display(), os_error::text(&error)))?;
    }
    let text = match arguments.json {
        true => format!("{:#}\n", output::json(&outcome, &verdicts)),
        false => output::table(&outcome, &verdicts),
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    let is_failed = outcome.error.is_some() || verdicts.iter().any(|verdict| verdict.failure.is_some());
    Ok(if is_failed { FAILED } else { PASSED })
}

impl LimitArguments {
    const fn limits(&self) -> Limits {
        Limits {
            latency: self.max_latency,
            av_offset: self.max_av_offset,
            dropped: self.max_dropped,
            repeated: self.max_repeated,
            unreadable: self.max_unreadable,
            freeze: self.max_freeze,
            missing_beeps: self.max_missing_beeps,
            ssim: None,
            psnr: None,
            vmaf: None,
        }
    }
}

fn fail(message: &str) -> u8 {
    complain(message);
    NOT_MEASURED
}

#[expect(clippy::print_stderr, reason = "an error of the command line")]
fn complain(message: &str) {
    eprintln!("barstone: {message}");
}

/// A URL, or the path of a file.
fn url(text: &str) -> Result<Url, String> {
    if let Ok(url) = Url::parse(text) {
        return Ok(url);
    }
    let path = fs::canonicalize(Path::new(text)).map_err(|error| os_error::text(&error))?;
    Url::from_file_path(path).map_err(|()| "neither a URL nor a file".to_owned())
}
