//! HLS playlists (draft-pantos-hls-rfc8216bis): multivariant, media and I-frame.

use std::fmt::Write;
use std::time::Duration;

use super::{Latency, Place, View, date_time, path, seconds};
use crate::base::timeline::{Kind, Timeline};
use crate::definition::spec::{StreamSpec, TrackId, VideoSpec};
use crate::media::window::{Epoch, Snapshot};

mod low_latency;

pub use low_latency::{Skip, advance_part_limit, media as low_latency};

/// Version that EXT-X-MAP needs outside of I-frame playlists (RFC 8216bis 8).
const VERSION: u32 = 6;
const AUDIO_GROUP: &str = "audio";

/// The multivariant playlist (RFC 8216bis 4.4.6).
pub fn multivariant(view: &View<'_>, place: Place, latency: Latency) -> String {
    let epoch = view.current();
    let spec = &epoch.spec;
    let (version, media) = match latency {
        Latency::Normal => (VERSION, path::HLS),
        Latency::Low => (low_latency::VERSION, path::LLHLS),
    };
    let base = place.to_stream(&spec.name);
    let [media, iframes] = [media, path::IFRAMES].map(|file| path::media_playlist(view.presentation, file));
    let mut playlist = format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    let mut line = |text: String| {
        playlist.push_str(&text);
        playlist.push('\n');
    };
    match &spec.audio {
        Some(audio) if spec.video.is_empty() => {
            let codec = view.codec(epoch, &audio.id);
            line(format!("#EXT-X-STREAM-INF:{},CODECS=\"{codec}\"", bandwidth(audio.bitrate)));
            line(format!("{base}{}/{media}", audio.id));
        }
        Some(audio) => line(format!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"tone\",DEFAULT=YES,AUTOSELECT=YES,\
             CHANNELS=\"2\",URI=\"{base}{}/{media}\"",
            audio.id
        )),
        None => {}
    }
    for video in &spec.video {
        line(format!("#EXT-X-STREAM-INF:{}", stream_inf(view, epoch, video)));
        line(format!("{base}{}/{media}", video.id));
    }
    for video in &spec.video {
        line(format!(
            "#EXT-X-I-FRAME-STREAM-INF:{},CODECS=\"{}\",{},URI=\"{base}{}/{}\"",
            bandwidth(video.bitrate),
            view.codec(epoch, &video.id),
            resolution(video),
            video.id,
            iframes
        ));
    }
    playlist
}

/// The media playlist of a track (RFC 8216bis 4.4.3); without segments until the first one is complete.
pub fn media(view: &View<'_>, track: &TrackId) -> Option<String> {
    let (kind, snapshot) = find(view, track)?;
    let first = snapshot.listed().map_or(0, |listed| *listed.start());
    let mut playlist = head(view, first);
    let mut mapped = None;
    for number in snapshot.listed().into_iter().flatten() {
        let epoch = view.epoch(number);
        map(&mut playlist, (view, epoch), number, &mut mapped);
        segment(&mut playlist, &view.spec.timeline, (kind, number), snapshot);
        let _ = writeln!(playlist, "{}", uri(view, epoch, path::MediaFile::Segment(number)));
    }
    end(&mut playlist, snapshot);
    Some(playlist)
}

/// The I-frame playlist of a video track (RFC 8216bis 4.4.3.6): the first sample of each segment, with the
/// boxes before it. It lists complete segments only.
pub fn iframes(view: &View<'_>, track: &TrackId) -> Option<String> {
    let (kind, snapshot) = find(view, track)?;
    if kind != Kind::Video {
        return None;
    }
    let complete = |number: &u64| snapshot.segment(*number).is_some_and(|segment| segment.whole.is_some());
    let mut listed: Vec<_> = snapshot.listed().into_iter().flatten().collect();
    // Numbers in a playlist have no holes, so segments before one that is missing are not listed.
    let hole = listed.iter().rposition(|number| !complete(number)).map_or(0, |hole| hole + 1);
    listed.drain(..hole);
    let first = listed.first().copied().unwrap_or_default();
    let mut playlist = head(view, first);
    playlist.push_str("#EXT-X-I-FRAMES-ONLY\n");
    let mut mapped = None;
    for number in listed {
        let epoch = view.epoch(number);
        map(&mut playlist, (view, epoch), number, &mut mapped);
        let length = snapshot.segment(number)?.chunks.first()?.first_sample_end;
        segment(&mut playlist, &view.spec.timeline, (kind, number), snapshot);
        let file = uri(view, epoch, path::MediaFile::Segment(number));
        let _ = writeln!(playlist, "#EXT-X-BYTERANGE:{length}@0\n{file}");
    }
    end(&mut playlist, snapshot);
    Some(playlist)
}

/// `EXT-X-TARGETDURATION`: a constant of the definition, the same in all playlists (RFC 8216bis 4.4.3.1).
pub fn target_duration(spec: &StreamSpec) -> Duration {
    let longest = spec.tracks().map(|(_, kind)| spec.timeline.longest_segment(kind)).max().unwrap_or_default();
    Duration::from_secs(((longest.as_millis() as u64 + 500) / 1000).max(1))
}

fn find<'a>(view: &'a View<'_>, track: &TrackId) -> Option<(Kind, &'a Snapshot)> {
    view.tracks().find(|(id, ..)| *id == track).map(|(_, kind, snapshot)| (kind, snapshot))
}

fn head(view: &View<'_>, first: u64) -> String {
    format!("{}{}", opening(view.spec, VERSION), sequence(view, first))
}

fn opening(spec: &StreamSpec, version: u32) -> String {
    let target = target_duration(spec).as_secs();
    format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:{target}\n")
}

/// A discontinuity is counted once its tag has left the playlist together with its segment (RFC 8216bis 6.2.2).
fn sequence(view: &View<'_>, first: u64) -> String {
    let epoch = view.epoch(first);
    let gone = epoch.index - u64::from(begins(epoch, first));
    format!("#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{gone}\n")
}

/// Whether the definition changes with segment `number`.
fn begins(epoch: &Epoch, number: u64) -> bool {
    epoch.index > 0 && epoch.from == number
}

/// The init segment, before the first segment and where the definition changes; `mapped` is the epoch of the segment before.
fn map(playlist: &mut String, (view, epoch): (&View<'_>, &Epoch), number: u64, mapped: &mut Option<u64>) {
    if *mapped == Some(epoch.index) {
        return;
    }
    if begins(epoch, number) {
        playlist.push_str("#EXT-X-DISCONTINUITY\n");
    }
    let _ = writeln!(playlist, "#EXT-X-MAP:URI=\"{}\"", uri(view, epoch, path::MediaFile::Init));
    *mapped = Some(epoch.index);
}

/// The URL of a file, relative to the playlist.
fn uri(view: &View<'_>, epoch: &Epoch, file: path::MediaFile) -> String {
    file.in_playlist(&epoch.revision, view.presentation)
}

fn segment(playlist: &mut String, timeline: &Timeline, (kind, number): (Kind, u64), snapshot: &Snapshot) {
    date(playlist, timeline, (kind, number));
    extent(playlist, timeline, (kind, number), snapshot);
}

fn date(playlist: &mut String, timeline: &Timeline, (kind, number): (Kind, u64)) {
    let start = timeline.frame_start(kind, timeline.segment(kind, number).start);
    let _ = writeln!(playlist, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(start));
}

fn extent(playlist: &mut String, timeline: &Timeline, (kind, number): (Kind, u64), snapshot: &Snapshot) {
    if !snapshot.is_available(number) {
        playlist.push_str("#EXT-X-GAP\n");
    }
    let _ = writeln!(playlist, "#EXTINF:{},", seconds(timeline.duration(kind, number)));
}

fn end(playlist: &mut String, snapshot: &Snapshot) {
    if snapshot.ended() {
        playlist.push_str("#EXT-X-ENDLIST\n");
    }
}

fn stream_inf(view: &View<'_>, epoch: &Epoch, video: &VideoSpec) -> String {
    let rate = view.spec.timeline.rate();
    let fps = f64::from(rate.num()) / f64::from(rate.den());
    let mut codecs = view.codec(epoch, &video.id).to_owned();
    let mut audio_bitrate = 0;
    let mut group = String::new();
    if let Some(audio) = &epoch.spec.audio {
        codecs = format!("{codecs},{}", view.codec(epoch, &audio.id));
        audio_bitrate = audio.bitrate;
        group = format!(",AUDIO=\"{AUDIO_GROUP}\"");
    }
    format!(
        "{},CODECS=\"{codecs}\",{},FRAME-RATE={fps:.3},VIDEO-RANGE=SDR{group},CLOSED-CAPTIONS=NONE",
        bandwidth(video.bitrate + audio_bitrate),
        resolution(video)
    )
}

/// Every segment has exactly its bitrate, so peak and average are equal.
fn bandwidth(bitrate: u32) -> String {
    format!("BANDWIDTH={bitrate},AVERAGE-BANDWIDTH={bitrate}")
}

fn resolution(video: &VideoSpec) -> String {
    format!("RESOLUTION={}x{}", video.width, video.height)
}
