//! HLS playlists (draft-pantos-hls-rfc8216bis): multivariant, media and I-frame.

use std::fmt::Write;
use std::time::Duration;

use super::cuts::Cuts;
use super::{Latency, Place, View, date_time, path, seconds};
use crate::base::timeline::Kind;
use crate::definition::condition::{Condition, FaultKind, Identity, InPlace, Resource, Track};
use crate::definition::spec::{StreamSpec, TrackId, VideoSpec};
use crate::media::cmaf::Media;
use crate::media::window::{Epoch, Snapshot};

mod delta;
mod hints;
mod low_latency;

pub use delta::Skip;
pub use low_latency::{advance_part_limit, media as low_latency, segments_with_parts};

/// Version that EXT-X-MAP needs outside of I-frame playlists (RFC 8216bis 8).
const VERSION: u32 = 6;
const AUDIO_GROUP: &str = "audio";
/// Length up to which a playlist without parts offers no delta updates. Longer ones must (Apple HLS authoring 14.4).
const SHORT: Duration = Duration::from_secs(120);
/// Target durations from the end to play without low latency (RFC 8216bis 4.4.3.8).
const HOLD_TARGETS: u32 = 3;

/// The multivariant playlist (RFC 8216bis 4.4.6).
pub fn multivariant(view: &View<'_>, place: Place, latency: Latency) -> String {
    let epoch = view.current();
    let spec = &epoch.spec;
    let (version, media) = match latency {
        Latency::Normal => (VERSION, path::HLS),
        Latency::Low => (low_latency::VERSION, path::LLHLS),
    };
    let to = |resource, id: &TrackId, kind| {
        let track = Track { id: id.as_str(), kind };
        let kept = view.conditions.of_resource(resource, Some(track));
        format!("{}{id}", place.to_stream(&spec.name, view.conditions, &kept))
    };
    let to_playlist = |id: &TrackId, kind| to(Resource::Playlist, id, kind);
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
            line(format!("{}/{media}", to_playlist(&audio.id, Kind::Audio)));
        }
        Some(audio) => line(format!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"tone\",DEFAULT=YES,AUTOSELECT=YES,\
             CHANNELS=\"2\",URI=\"{}/{media}\"",
            to_playlist(&audio.id, Kind::Audio)
        )),
        None => {}
    }
    for video in &spec.video {
        line(format!("#EXT-X-STREAM-INF:{}", stream_inf(view, epoch, video)));
        line(format!("{}/{media}", to_playlist(&video.id, Kind::Video)));
    }
    // The lengths of I-frames are known of segments in memory only, and their playlists have the numbers and times since 1970.
    let has_iframes = !view.extent.leaves_window() && view.extent.origin == 0;
    let with_iframes = spec.video.iter().filter(|_| has_iframes);
    for video in with_iframes {
        line(format!(
            "#EXT-X-I-FRAME-STREAM-INF:{},CODECS=\"{}\",{},URI=\"{}/{}\"",
            bandwidth(video.bitrate),
            view.codec(epoch, &video.id),
            resolution(video),
            to(Resource::Iframes, &video.id, Kind::Video),
            iframes
        ));
    }
    playlist
}

/// The least `HOLD-BACK` that is allowed, which is also its default (RFC 8216bis 4.4.3.8).
pub fn least_hold_back(spec: &StreamSpec) -> Duration {
    target_duration(spec) * HOLD_TARGETS
}

/// The media playlist of a track (RFC 8216bis 4.4.3); without segments until the first one is complete. A long one offers delta
/// updates.
pub fn media<'a>(view: &'a View<'a>, track: &'a TrackId, skip: Skip) -> Option<String> {
    let (kind, snapshot) = find(view, track)?;
    let (first, last) = snapshot.listed().map_or((0, 0), |listed| (*listed.start(), *listed.end()));
    let links = Links::of(view, (track, kind), snapshot);
    let is_vod = is_vod(view, snapshot);
    let has_deltas = !is_vod && view.extent.length(&view.spec.timeline) > SHORT;
    let mut playlist = opening(view, snapshot, if has_deltas { low_latency::VERSION } else { VERSION });
    control(&mut playlist, view, has_deltas, is_vod);
    playlist.push_str(&sequence(view, first));
    let skipped = if has_deltas { delta::skipped(view, skip, (kind, first, last)) } else { 0 };
    let mut mapped = None;
    let shown = first + skipped;
    if skipped > 0 && !begins(view, shown) {
        links.map(&mut playlist, shown, &mut mapped);
    }
    delta::write_skip(&mut playlist, skip, skipped);
    for number in snapshot.listed().into_iter().flatten().skip(skipped as usize) {
        links.map(&mut playlist, number, &mut mapped);
        segment(&mut playlist, &links, (kind, number));
        links.segment(&mut playlist, number, snapshot);
    }
    end(&mut playlist, snapshot);
    Some(playlist)
}

/// What the server offers for a playlist without parts (RFC 8216bis 4.4.3.8).
fn control(playlist: &mut String, view: &View<'_>, has_deltas: bool, is_vod: bool) {
    let delay =
        view.conditions.delay().filter(|_| !is_vod).map(|delay| format!("HOLD-BACK={}", seconds(delay.duration())));
    let deltas = has_deltas.then(|| format!("CAN-SKIP-UNTIL={}", seconds(delta::skip_until(view))));
    let attributes: Vec<_> = deltas.into_iter().chain(delay).collect();
    if !attributes.is_empty() {
        let _ = writeln!(playlist, "#EXT-X-SERVER-CONTROL:{}", attributes.join(","));
    }
}

/// The I-frame playlist of a video track (RFC 8216bis 4.4.3.6): the first sample of each segment, with the
/// boxes before it. It lists complete segments only.
pub fn iframes<'a>(view: &'a View<'a>, track: &'a TrackId) -> Option<String> {
    let (kind, snapshot) = find(view, track)?;
    if kind != Kind::Video {
        return None;
    }
    let complete = |number: &u64| whole(view, snapshot, *number).is_some();
    let mut listed: Vec<_> = snapshot.listed().into_iter().flatten().collect();
    // Numbers in a playlist have no holes, so segments before a missing segment are not listed.
    let hole = listed.iter().rposition(|number| !complete(number)).map_or(0, |hole| hole + 1);
    listed.drain(..hole);
    let first = listed.first().copied().unwrap_or_default();
    let links = Links::of(view, (track, kind), snapshot);
    let mut playlist = format!("{}{}", opening(view, snapshot, VERSION), sequence(view, first));
    playlist.push_str("#EXT-X-I-FRAMES-ONLY\n");
    let mut mapped = None;
    for number in listed {
        links.map(&mut playlist, number, &mut mapped);
        let length = snapshot.segment(number)?.chunks.first()?.first_sample_end;
        segment(&mut playlist, &links, (kind, number));
        let file = links.uri(path::MediaFile::Segment(number), number);
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

/// Whether the playlist is that of a VOD. Another track may end a moment later, and a playlist that has ended never changes
/// again (RFC 8216bis 6.2.1).
fn is_vod(view: &View<'_>, snapshot: &Snapshot) -> bool {
    view.extent.bounds.is_some() && snapshot.ended()
}

fn opening(view: &View<'_>, snapshot: &Snapshot, version: u32) -> String {
    let target = target_duration(view.spec).as_secs();
    // A sliding window has no type (RFC 8216bis 4.4.3.5).
    let kind = match view.extent.bounds {
        None => "",
        Some(_) if is_vod(view, snapshot) => "#EXT-X-PLAYLIST-TYPE:VOD\n",
        Some(_) => "#EXT-X-PLAYLIST-TYPE:EVENT\n",
    };
    format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:{target}\n{kind}")
}

/// A discontinuity is counted once its tag has left the playlist together with its segment (RFC 8216bis 6.2.2).
fn sequence(view: &View<'_>, first: u64) -> String {
    let gone = discontinuities(view, first).saturating_sub(u64::from(begins(view, first)));
    let number = view.number(first);
    format!("#EXT-X-MEDIA-SEQUENCE:{number}\n#EXT-X-DISCONTINUITY-SEQUENCE:{gone}\n")
}

/// Number of discontinuities up to segment `number`.
fn discontinuities(view: &View<'_>, number: u64) -> u64 {
    let cuts = view.cuts().map_or(0, |cuts| cuts.counted(uncut(view, number)));
    view.epoch(number).index + cuts
}

/// The segment up to which cuts count for segment `number`. A change of the definition is a discontinuity already, so a cut there
/// comes with the next segment.
fn uncut(view: &View<'_>, number: u64) -> u64 {
    (1..=number).rev().find(|number| !is_change(view.epoch(*number), *number)).unwrap_or_default()
}

/// Whether a discontinuity comes before segment `number`.
fn begins(view: &View<'_>, number: u64) -> bool {
    let is_cut = |cuts: Cuts<'_>| number > 0 && cuts.until(uncut(view, number)) > cuts.until(uncut(view, number - 1));
    is_change(view.epoch(number), number) || view.cuts().is_some_and(is_cut)
}

/// Whether the definition changes with segment `number`.
fn is_change(epoch: &Epoch, number: u64) -> bool {
    epoch.index > 0 && epoch.from == number
}

/// The URLs of a track's files, relative to its media playlist.
struct Links<'a> {
    view: &'a View<'a>,
    snapshot: &'a Snapshot,
    /// What leads to the directory of the track, for segments.
    base: String,
    /// The same for parts.
    part_base: String,
    /// The same for hints that are lost.
    lost_base: String,
    /// The same for init segments.
    init_base: String,
    /// The directory of the track, from the root.
    directory: String,
    track: Track<'a>,
}

impl<'a> Links<'a> {
    fn of(view: &'a View<'a>, (track, kind): (&'a TrackId, Kind), snapshot: &'a Snapshot) -> Self {
        let to = |resource| {
            let kept = view.conditions.of_resource(resource, Some(Track { id: track.as_str(), kind }));
            path::from_playlist((&view.spec.name, track), view.presentation, (view.conditions, &kept))
        };
        let (base, part_base, init_base) = (to(Resource::Segment), to(Resource::Part), to(Resource::Init));
        let directory = format!("/{}", path::track_directory(&view.spec.name, track));
        let lost_base = to(Resource::Hint);
        let of = Track { id: track.as_str(), kind };
        Self { view, snapshot, base, part_base, lost_base, init_base, directory, track: of }
    }

    /// Whether a fault makes a gap of a file, which is or belongs to segment `number`.
    fn is_gap(&self, file: path::MediaFile, number: u64) -> bool {
        let gaps: Vec<_> =
            self.view.conditions.faults().filter(|fault| fault.kind == FaultKind::InPlace(InPlace::Gap)).collect();
        if gaps.is_empty() {
            return false;
        }
        let timeline = &self.view.spec.timeline;
        let named = file.counted_from(self.view.extent.origin).in_track(&self.view.epoch(number).revision);
        let path = format!("{}/{named}", self.directory);
        let resource = path::RequestedFile::Named(file).resource();
        let numbers = (number, self.view.extent.origin);
        let identity = Identity::of_segment((resource, self.track, &path), timeline, numbers);
        gaps.iter().any(|gap| gap.applies(&identity, timeline.segment_start(number)))
    }

    /// The URL of a file, which is or belongs to segment `number`.
    fn uri(&self, file: path::MediaFile, number: u64) -> String {
        let base = match file {
            path::MediaFile::Init => &self.init_base,
            path::MediaFile::Segment(_) => &self.base,
            path::MediaFile::Chunk { .. } => &self.part_base,
        };
        format!("{base}{}", self.file(file, number))
    }

    /// A file of segment `number`, in the directory of the track.
    fn file(&self, file: path::MediaFile, number: u64) -> String {
        file.counted_from(self.view.extent.origin).in_track(&self.view.epoch(number).revision)
    }

    /// Whether complete segments are byte ranges. The archive knows no lengths before it renders a segment, and the lines of a
    /// segment stay the same as long as it is listed (RFC 8216bis 6.2.1), so all segments are whole files if any may be from there.
    fn has_ranges(&self) -> bool {
        let (extent, in_memory) = (&self.view.extent, self.view.spec.memory_window());
        self.view.conditions.has(&Condition::ByteRanges) && !extent.leaves_window() && extent.window <= in_memory
    }

    /// The last lines of a segment.
    fn segment(&self, playlist: &mut String, number: u64, snapshot: &Snapshot) {
        if let Some(media) = whole(self.view, snapshot, number).filter(|_| self.has_ranges()) {
            let _ = writeln!(playlist, "#EXT-X-BYTERANGE:{}@0", media.len());
        }
        let _ = writeln!(playlist, "{}", self.uri(path::MediaFile::Segment(number), number));
    }

    /// The init segment, before the first segment and after a discontinuity; `mapped` is the number of discontinuities up to the
    /// segment before.
    fn map(&self, playlist: &mut String, number: u64, mapped: &mut Option<u64>) {
        let count = discontinuities(self.view, number);
        if *mapped == Some(count) {
            return;
        }
        if begins(self.view, number) {
            playlist.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let init = self.snapshot.init(&self.view.epoch(number).revision);
        // Without a range of its own, ffmpeg requests that of the segment before on a connection that it uses again.
        let range = init.filter(|_| self.has_ranges());
        let range = range.map_or(String::new(), |init| format!(",BYTERANGE=\"{}@0\"", init.media.len()));
        let _ = writeln!(playlist, "#EXT-X-MAP:URI=\"{}\"{range}", self.uri(path::MediaFile::Init, number));
        *mapped = Some(count);
    }
}

/// A segment whose length may be listed: the segment is in memory, and will be as long as it is listed.
fn whole<'a>(view: &View<'_>, snapshot: &'a Snapshot, number: u64) -> Option<&'a Media> {
    snapshot.segment(number).filter(|_| !view.extent.leaves_window())?.whole.as_ref()
}

fn segment(playlist: &mut String, links: &Links<'_>, (kind, number): (Kind, u64)) {
    date(playlist, links.view, (kind, number));
    extent(playlist, links, (kind, number));
}

fn date(playlist: &mut String, view: &View<'_>, (kind, number): (Kind, u64)) {
    if view.conditions.has(&Condition::NoDateTime) {
        return;
    }
    let timeline = &view.spec.timeline;
    let start = timeline.frame_start(kind, timeline.segment(kind, number).start);
    let _ = writeln!(playlist, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(start));
}

fn extent(playlist: &mut String, links: &Links<'_>, (kind, number): (Kind, u64)) {
    if !links.snapshot.is_available(number) || links.is_gap(path::MediaFile::Segment(number), number) {
        playlist.push_str("#EXT-X-GAP\n");
    }
    let _ = writeln!(playlist, "#EXTINF:{},", seconds(links.view.spec.timeline.duration(kind, number)));
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
