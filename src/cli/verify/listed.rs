//! The segments that the manifests at a URL list.

use std::time::Duration;

use reqwest::Url;

use crate::inspect::fetch::{Exchange, Fetcher};
use crate::inspect::manifest::Manifest;
use crate::inspect::mpd::Mpd;
use crate::inspect::playlist::{Playlist, attribute, tags};
use crate::media::manifest::path::MediaFile;

/// Time limit of a request.
pub(super) const WITHIN: Duration = Duration::from_secs(20);

/// A complete segment of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) url: Url,
    pub(super) stream: String,
    pub(super) track: String,
    pub(super) revision: String,
    pub(super) number: u64,
}

impl Listed {
    /// A segment by the end of its path: stream, track, revision and file.
    fn of(url: Url) -> Result<Self, String> {
        let foreign =
            || format!("{url}: this is not the path of a segment of barstone, STREAM/TRACK/REVISION/NUMBER.m4s");
        let parts: Vec<_> = url.path_segments().ok_or_else(foreign)?.collect();
        let [.., stream, track, revision, file] = parts[..] else { return Err(foreign()) };
        let Some(MediaFile::Segment(number)) = MediaFile::parse(file) else { return Err(foreign()) };
        let [stream, track, revision] = [stream, track, revision].map(ToOwned::to_owned);
        Ok(Self { url, stream, track, revision, number })
    }
}

/// The newest segments of each track that are listed.
pub(super) async fn segments(fetcher: &Fetcher, url: &Url, newest: u64) -> Result<Vec<Listed>, String> {
    let (answer, manifest) = manifest(fetcher, url).await?;
    let urls = match manifest {
        Manifest::Playlist(text) => in_playlists(fetcher, (&text, &answer.url), newest).await?,
        Manifest::Mpd(mpd) => {
            let now = i128::from(fetcher.now().as_nanos()) / 1000;
            in_mpd(&mpd, now, newest)
        }
    };
    urls.into_iter().map(Listed::of).collect()
}

async fn manifest(fetcher: &Fetcher, url: &Url) -> Result<(Exchange, Manifest), String> {
    Manifest::fetch(fetcher, url, WITHIN).await.map_err(|error| error.to_string())
}

async fn in_playlists(fetcher: &Fetcher, (text, url): (&str, &Url), newest: u64) -> Result<Vec<Url>, String> {
    let variants = tags(text, "#EXT-X-STREAM-INF");
    if variants.is_empty() {
        return Ok(in_playlist(text, url, newest));
    }
    let audio = tags(text, "#EXT-X-MEDIA").into_iter().filter_map(|(list, _)| attribute(list, "URI"));
    let mut uris: Vec<_> = variants.iter().map(|(_, uri)| (*uri).to_owned()).chain(audio).collect();
    uris.sort();
    uris.dedup();
    let mut found = Vec::new();
    for uri in uris {
        let playlist = url.join(&uri).map_err(|error| format!("{uri}: {error}"))?;
        let (answer, _) = manifest(fetcher, &playlist).await?;
        found.extend(in_playlist(&answer.reply.text(), &answer.url, newest));
    }
    Ok(found)
}

fn in_playlist(text: &str, url: &Url, newest: u64) -> Vec<Url> {
    let segments = Playlist::parse(text).segments;
    let first = segments.len().saturating_sub(usize::try_from(newest).unwrap_or(usize::MAX));
    let there = segments[first..].iter().filter(|segment| !segment.gap);
    there.filter_map(|segment| url.join(&segment.uri).ok()).collect()
}

/// The newest segments that are complete at `now`, in microseconds since 1970.
fn in_mpd(mpd: &Mpd, now: i128, newest: u64) -> Vec<Url> {
    let Some(period) = mpd.period_at(now) else { return Vec::new() };
    let inside = match (mpd.is_live, period.duration) {
        (false, Some(duration)) => duration.as_micros() as i128,
        _ => now - mpd.start - period.start.as_micros() as i128,
    };
    let mut urls = Vec::new();
    for track in &period.tracks {
        let Some(last) = track.newest(inside - track.early_micros) else { continue };
        let first = (last.number + 1).saturating_sub(newest).max(track.nominal.start_number);
        urls.extend((first..=last.number).filter_map(|number| track.segment(&track.place(number)?)));
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_known_by_the_end_of_its_path() {
        let listed = |path: &str| Listed::of(Url::parse(&format!("https://cdn.example{path}")).unwrap());
        let found = listed("/x/live/test/v720/00c0ffee/935.m4s?a=b").unwrap();
        assert_eq!((&*found.stream, &*found.track, &*found.revision, found.number), ("test", "v720", "00c0ffee", 935));
        for foreign in ["/", "/seg-1.ts", "/live/test/v720/00c0ffee/935.1.m4s", "/935.m4s", "/a/b/c/init.mp4"] {
            assert!(listed(foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn the_newest_complete_segments_of_an_mpd_are_listed() {
        let text = "<MPD type=\"dynamic\" availabilityStartTime=\"1970-01-01T00:00:00Z\"><Period><AdaptationSet>\
            <SegmentTemplate timescale=\"1\" duration=\"2\" startNumber=\"0\" availabilityTimeOffset=\"1.5\" \
            media=\"$RepresentationID$/00c0ffee/$Number$.m4s\"/>\
            <Representation id=\"v\" bandwidth=\"9\"/></AdaptationSet></Period></MPD>";
        let mpd = Mpd::parse(text, &Url::parse("http://a/live/test/lldash.mpd").unwrap()).unwrap();
        let urls: Vec<_> = in_mpd(&mpd, 21_900_000, 2).into_iter().map(|url| url.path().to_owned()).collect();
        assert_eq!(urls, ["/live/test/v/00c0ffee/8.m4s", "/live/test/v/00c0ffee/9.m4s"]);
    }
}
