//! Which stream a probe sees, for the comparison of its pictures with their originals.

use clap::Args;
use reqwest::Url;

use crate::base::utc::Clock;
use crate::cli::definition;
use crate::definition::spec::StreamSpec;
use crate::inspect::fetch::{Access, Fetcher};

/// The part of a path that is before the name of a stream.
const BEFORE_NAME: &str = "live";

/// The comparison with the originals as arguments.
#[derive(Debug, Args)]
pub(super) struct QualityArguments {
    /// Compare each picture with its original, which is painted again, by SSIM and PSNR, and by VMAF if the ffmpeg on the
    /// PATH has the filter libvmaf
    #[arg(long)]
    quality: bool,
    /// Definition of the stream: a file in JSON or TOML, or the URL of a barstone server that has the stream. The default is
    /// the server of URL
    #[arg(long, value_name = "FILE|SERVER", requires = "quality")]
    definition: Option<String>,
    /// Name of the stream on the server, if URL does not contain it as /live/NAME/
    #[arg(long, value_name = "NAME", requires = "quality")]
    stream: Option<String>,
    /// Least SSIM, between 0 and 1, that 95 % of the pictures reach
    #[arg(long, value_name = "SSIM", requires = "quality", value_parser = number)]
    pub(super) min_ssim: Option<f64>,
    /// Least PSNR in dB that 95 % of the pictures reach
    #[arg(long, value_name = "DB", requires = "quality", value_parser = number)]
    pub(super) min_psnr: Option<f64>,
    /// Least VMAF, between 0 and 100, that 95 % of the pictures reach
    #[arg(long, value_name = "VMAF", requires = "quality", value_parser = number)]
    pub(super) min_vmaf: Option<f64>,
}

impl QualityArguments {
    /// The definition of the stream at `url`, if pictures are compared.
    pub(super) async fn original(&self, url: &Url, access: Access) -> Result<Option<StreamSpec>, String> {
        if !self.quality {
            return Ok(None);
        }
        let is_http = url.scheme().starts_with("http");
        let place = self.definition.clone().or_else(|| is_http.then(|| url.origin().ascii_serialization()));
        let place = place.ok_or("--quality needs --definition for this URL")?;
        let name = self.stream.as_deref().or_else(|| name(url));
        let fetcher = Fetcher::new(url, access, Clock::system()).map_err(|error| error.to_string())?;
        definition::read(&place, name, &fetcher).await.map(Some)
    }
}

/// Name of the stream in the URL of a manifest.
fn name(url: &Url) -> Option<&str> {
    let mut parts = url.path_segments()?.skip_while(|part| *part != BEFORE_NAME);
    parts.nth(1).filter(|_| parts.next().is_some())
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "write a number that is not negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_stream_is_in_the_url_of_a_manifest() {
        let check = |url: &str, expected| assert_eq!(name(&Url::parse(url).unwrap()), expected, "{url}");
        check("https://cdn.example/live/test/hls.m3u8", Some("test"));
        check("https://cdn.example/x/with/shift=1h/live/test/v720/hls.m3u8?a=b", Some("test"));
        check("rtmp://server.example/live/key", None);
        check("file:///live.mp4", None);
    }
}
