//! `barstone url`: composes and checks the URL of a manifest under conditions. It connects to no server.

use clap::Args;
use reqwest::Url;

use crate::base::format::Format;
use crate::definition::condition::{Condition, ConditionError, Conditions};
use crate::media::manifest::path;

/// Exit codes, for the help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  the URL is printed
  2  wrong usage, or a condition that is not allowed";

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Arguments {
    /// URL of a manifest, such as http://localhost:8080/live/test/hls.m3u8
    #[arg(value_name = "BASE")]
    base: Url,
    /// Conditions; `/api/v1/conditions` of a server and docs/conditions.md list them
    #[arg(value_name = "NAME[=VALUE]")]
    conditions: Vec<String>,
    /// Print what each condition does, too
    #[arg(long)]
    explain: bool,
}

/// Why there is no URL.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The path is not that of a manifest.
    #[error(
        "{0} is not the URL of a manifest; its path must end as in /live/test/hls.m3u8, /hls/test.m3u8 or /dash/test.mpd"
    )]
    NoManifest(String),
    /// The conditions are not allowed.
    #[error(transparent)]
    Condition(#[from] ConditionError),
}

/// The lines to print: the URL and, with `--explain`, the effects of its conditions.
///
/// # Errors
/// [`UrlError`].
pub fn lines(arguments: &Arguments) -> Result<Vec<String>, UrlError> {
    let no_manifest = || UrlError::NoManifest(arguments.base.to_string());
    let (before, manifest) = split(arguments.base.path()).ok_or_else(no_manifest)?;
    let format = format(manifest).ok_or_else(no_manifest)?;
    // Conditions that the URL has already stay.
    let (prefix, former) = match before.rsplit_once("/with/") {
        Some((prefix, former)) => (prefix, Some(Conditions::parse(former)?.to_string())),
        None => (before, None),
    };
    let former = former.iter().flat_map(|former| former.split(','));
    let conditions = Conditions::of(former.chain(arguments.conditions.iter().map(String::as_str)))?;
    conditions.check_format(format)?;
    let mut url = arguments.base.clone();
    url.set_path(&format!("{prefix}{}", path::under_conditions(&conditions, manifest)));
    let mut lines = vec![url.to_string()];
    if arguments.explain {
        lines.extend(conditions.iter().flat_map(explained));
    }
    Ok(lines)
}

/// What a condition does, and what the parameters that it has mean.
fn explained(condition: &Condition) -> Vec<String> {
    let (text, description) = (condition.to_string(), condition.description());
    let summary = format!("{text}: {}", description.summary);
    let parameters = description.parameters();
    let given = parameters.iter().filter(|parameter| text.contains(&format!(":{}=", parameter.name)));
    [summary].into_iter().chain(given.map(|parameter| format!("  {}: {}", parameter.name, parameter.summary))).collect()
}

/// The part of a path before the manifest, such as a token, and the path of the manifest.
fn split(path: &str) -> Option<(&str, &str)> {
    let place = ["/live/", "/hls/", "/dash/"].iter().filter_map(|start| path.find(start)).min()?;
    Some(path.split_at(place))
}

fn format(manifest: &str) -> Option<Format> {
    let (directory, rest) = manifest.strip_prefix('/')?.split_once('/')?;
    let file = rest.rsplit('/').next()?;
    match (directory, file) {
        ("live", path::HLS) => Some(Format::Hls),
        ("live", path::LLHLS | path::IFRAMES) => Some(Format::LlHls),
        ("live", path::DASH) => Some(Format::Dash),
        ("live", path::LLDASH) => Some(Format::LlDash),
        ("hls", file) if file.ends_with(".m3u8") => Some(Format::Hls),
        ("dash", file) if file.ends_with(".mpd") => Some(Format::Dash),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(base: &str, conditions: &[&str]) -> Result<Vec<String>, UrlError> {
        let conditions = conditions.iter().map(|text| (*text).to_owned()).collect();
        lines(&Arguments { base: Url::parse(base).unwrap(), conditions, explain: true })
    }

    #[track_caller]
    fn check(base: &str, conditions: &[&str], expected: &str) {
        assert_eq!(run(base, conditions).unwrap()[0], expected, "{base} {conditions:?}");
    }

    #[test]
    fn conditions_stand_before_the_manifest() {
        let host = "http://localhost:8080";
        check(
            &format!("{host}/live/test/hls.m3u8"),
            &["delay=90s"],
            &format!("{host}/with/delay=1m30s/live/test/hls.m3u8"),
        );
        check(&format!("{host}/live/test/hls.m3u8"), &[], &format!("{host}/live/test/hls.m3u8"));
        check(
            "https://a.example/tv/t/x/with/no-hints/live/live/llhls.m3u8?a=b",
            &["delay=3s"],
            "https://a.example/tv/t/x/with/delay=3s,no-hints/live/live/llhls.m3u8?a=b",
        );
        check(
            &format!("{host}/dash/test.mpd"),
            &["utc-timing=direct"],
            &format!("{host}/with/utc-timing=direct/dash/test.mpd"),
        );
        let explained = run(&format!("{host}/live/test/llhls.m3u8"), &["no-hints", "delay=3s"]).unwrap();
        assert_eq!(explained[2], "no-hints: Playlists have no EXT-X-PRELOAD-HINT.");
        let fault = run(&format!("{host}/live/test/llhls.m3u8"), &["status=503:every=7:on=segments"]).unwrap();
        assert_eq!(fault[0], format!("{host}/with/status=503:on=segments:every=7/live/test/llhls.m3u8"));
        assert_eq!(
            fault[1..],
            [
                "status=503:on=segments:every=7: The answer has this status in place of the resource.",
                "  on: Kind of resources that the fault changes. The default is the first of these words.",
                "  every: The fault changes only segments whose number is a multiple of this value, and their parts.",
            ]
        );
    }

    #[test]
    fn a_wrong_condition_or_url_is_refused() {
        let check = |base: &str, condition: &str, message: &str| {
            let error = run(&format!("http://localhost:8080{base}"), &[condition]).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        };
        check("/live/test/llhls.m3u8", "no-hint", "did you mean no-hints?");
        check("/live/test/hls.m3u8", "no-hints", "no-hints does not apply to HLS, only to LL-HLS");
        check("/with/delay=3s/live/test/hls.m3u8", "delay=4s", "delay occurs twice");
        check("/live/test/page.html", "delay=4s", "is not the URL of a manifest");
        check("/api/v1/streams", "delay=4s", "is not the URL of a manifest");
    }
}
