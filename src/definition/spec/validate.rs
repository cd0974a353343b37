//! Conversion of [`StreamRequest`] to [`StreamSpec`]. Limits that depend on several fields are here, each with its
//! reason; limits of single fields are in [`ranges`](super::ranges).

use std::collections::HashSet;
use std::time::Duration;

use super::frame_rate;
use super::quantizer;
use super::ranges::{
    AUDIO_BITRATES, BEEP_DBFS, BEEP_HZ, IDLE_SECONDS, LEAST_LONGER_SIDE, MAX_MACROBLOCKS, MAX_RENDITIONS, MAX_REQUIRED,
    MAX_TITLE_CHARS, RATES, SEGMENT_SECONDS, SIDES, VIDEO_BITRATES, WINDOW_SECONDS,
};
use super::refusal::{between, in_range, one_of, refuse};
use super::{
    Audience, AudioRequest, AudioSpec, Control, Limits, Pattern, Preset, Push, Schedule, Source, SpecError, StreamName,
    StreamRequest, StreamSpec, TrackId, VideoRequest, VideoSpec,
};
use crate::base::timeline::{Kind, Rate, Timeline};

/// Minimum duration of a chunk. Shorter parts cost more in requests than they gain in latency.
const MIN_CHUNK: Duration = Duration::from_millis(80);
/// The rule of [`StreamName::parse`].
const NAME_RULE: &str = "must be 1 to 63 characters of a-z, 0-9 and -, and not begin with -";
/// Minimum number of segments in a window. A live playlist must last at least three target durations (RFC 8216bis
/// 6.2.2); as the target duration is rounded up, that is up to four and a half segments.
const MIN_WINDOW_SEGMENTS: u64 = 5;

impl TryFrom<StreamRequest> for StreamSpec {
    type Error = SpecError;

    fn try_from(request: StreamRequest) -> Result<Self, SpecError> {
        let StreamRequest {
            name,
            enabled,
            schedule,
            on_demand,
            idle_seconds,
            requires,
            access,
            allow,
            deny,
            max_viewers,
            max_bandwidth,
            overflow_url,
            push,
            source,
            publish_clock,
            title,
            pattern,
            fps,
            segment_frames,
            chunk_frames,
            window_seconds,
            video,
            audio,
        } = request;
        let name = check_name(name.as_deref())?;
        let source = one_of("source", &source, Source::parse(&source), Source::WORDS)?;
        check_title(&title)?;
        let pattern = one_of("pattern", &pattern, Pattern::parse(&pattern), Pattern::WORDS)?;
        let timeline = check_timeline(&fps, segment_frames, chunk_frames)?;
        let window = check_window(window_seconds, &timeline)?;
        if video.len() > MAX_RENDITIONS {
            return refuse("video", format!("must have at most {MAX_RENDITIONS} renditions, not {}", video.len()));
        }
        let video: Vec<_> = video
            .into_iter()
            .enumerate()
            .map(|(i, video)| check_video(i, video, &timeline))
            .collect::<Result<_, _>>()?;
        let audio = audio.map(check_audio).transpose()?;
        let schedule = schedule.map(Schedule::check).transpose()?;
        let requires = check_requires(&name, requires)?;
        let on_demand = on_demand.then(|| Duration::from_secs(idle_seconds.into()));
        let control = Control { enabled, schedule, on_demand, requires };
        let audience = Audience::check(&access, &allow, &deny)?;
        in_range("idle_seconds", idle_seconds, &IDLE_SECONDS)?;
        let limits = Limits::check(max_viewers, max_bandwidth, overflow_url.as_deref())?;
        let push = Push::check_all(&push, &video)?;
        check_source(source, publish_clock, window)?;
        let spec = Self {
            name,
            source,
            publish_clock,
            title,
            pattern,
            timeline,
            window,
            video,
            audio,
            control,
            audience,
            limits,
            push,
        };
        check_tracks(&spec)?;
        check_parts(&spec)?;
        Ok(spec)
    }
}

/// Validates the definitions of a list with the key `streams`. Their names must differ.
///
/// # Errors
/// [`SpecError`] of the first invalid field, with its index in the list.
pub fn check_streams(requests: Vec<StreamRequest>) -> Result<Vec<StreamSpec>, SpecError> {
    let streams: Vec<StreamSpec> = check_each("streams", requests)?;
    for (index, spec) in streams.iter().enumerate() {
        if streams[..index].iter().any(|other| other.name == spec.name) {
            return refuse(
                format!("streams[{index}].name"),
                format!("must differ from each other; two streams are called {}", spec.name),
            );
        }
    }
    Ok(streams)
}

/// Validates every entry of the list `key`. Indices count from 0, as in `video[0]`.
///
/// # Errors
/// [`SpecError`] of the first invalid field, with its index in the list.
pub fn check_each<R, T: TryFrom<R, Error = SpecError>>(key: &str, requests: Vec<R>) -> Result<Vec<T>, SpecError> {
    let checked = requests.into_iter().enumerate().map(|(index, request)| {
        T::try_from(request).map_err(|error| SpecError { field: format!("{key}[{index}].{}", error.field), ..error })
    });
    checked.collect()
}

fn check_name(name: Option<&str>) -> Result<StreamName, SpecError> {
    let Some(name) = name else {
        return refuse("name", "is missing");
    };
    StreamName::parse(name).map_or_else(|| refuse("name", format!("{NAME_RULE}; not {name:?}")), Ok)
}

fn check_requires(name: &StreamName, requires: Vec<String>) -> Result<Vec<StreamName>, SpecError> {
    if requires.len() > MAX_REQUIRED {
        return refuse("requires", format!("must have at most {MAX_REQUIRED} streams, not {}", requires.len()));
    }
    let mut required = Vec::new();
    for (index, text) in requires.into_iter().enumerate() {
        match StreamName::parse(&text).filter(|other| other != name && !required.contains(other)) {
            Some(other) => required.push(other),
            None => {
                return refuse(
                    format!("requires[{index}]"),
                    format!("must be the name of another stream, listed once; not {text:?}"),
                );
            }
        }
    }
    Ok(required)
}

/// Checks the fields that depend on the source.
fn check_source(source: Source, publish_clock: bool, window: Duration) -> Result<(), SpecError> {
    match source {
        Source::Signal if publish_clock => {
            refuse("publish_clock", "must be false if source is signal: the test signal always has a clock")
        }
        Source::Publish if window > super::MEMORY_WINDOW => {
            let most = super::MEMORY_WINDOW.as_secs();
            refuse(
                "window_seconds",
                format!("must be at most {most} if source is publish: older segments cannot be encoded again"),
            )
        }
        Source::Signal | Source::Publish => Ok(()),
    }
}

fn check_title(title: &str) -> Result<(), SpecError> {
    let length = title.chars().count();
    match title.chars().find(|letter| letter.is_control()) {
        _ if length > MAX_TITLE_CHARS => {
            refuse("title", format!("must be at most {MAX_TITLE_CHARS} characters, not {length}"))
        }
        Some(control) => refuse("title", format!("must be one line of printable characters, without {control:?}")),
        None => Ok(()),
    }
}

fn check_timeline(fps: &str, segment_frames: u32, chunk_frames: u32) -> Result<Timeline, SpecError> {
    let rate: Rate = fps.parse().or_else(|()| refuse("fps", frame_rate::problem(fps)))?;
    if rate.num() < rate.den() * RATES.start()
        || u64::from(rate.num()) > u64::from(rate.den()) * u64::from(*RATES.end())
    {
        return refuse("fps", format!("must be {} frames per second, not {rate}", between(&RATES)));
    }
    let frames_in = |seconds: u32| u64::from(seconds) * u64::from(rate.num()) / u64::from(rate.den());
    let allowed = frames_in(*SEGMENT_SECONDS.start()).max(1)..=frames_in(*SEGMENT_SECONDS.end());
    if !allowed.contains(&u64::from(segment_frames)) {
        let problem = format!(
            "must be {} frames ({} s at {rate} fps), not {segment_frames}",
            between(&allowed),
            between(&SEGMENT_SECONDS)
        );
        return refuse("segment_frames", problem);
    }
    let shortest = (MIN_CHUNK.as_millis() as u64 * u64::from(rate.num())).div_ceil(1000 * u64::from(rate.den())).max(1);
    let allowed = shortest.min(u64::from(segment_frames))..=u64::from(segment_frames);
    if !allowed.contains(&u64::from(chunk_frames)) {
        let problem = format!(
            "must be {} frames (at least {} ms, at most a segment), not {chunk_frames}",
            between(&allowed),
            MIN_CHUNK.as_millis()
        );
        return refuse("chunk_frames", problem);
    }
    let last = segment_frames % chunk_frames;
    let timeline = Timeline::new(rate, segment_frames, chunk_frames);
    // Every chunk must contain at least one audio frame.
    if last > 0 && rate.frame_start(last.into()) < timeline.frame_start(Kind::Audio, 1) {
        let problem = format!(
            "must not leave a chunk shorter than an audio frame (21.3 ms) at the end of the segment; {chunk_frames} \
             leaves {last} frames of {segment_frames}"
        );
        return refuse("chunk_frames", problem);
    }
    Ok(timeline)
}

/// Checks video chunks against audio chunks. The longest chunk of any track is the part target, and every part but the
/// last of a segment must last at least 85 % of it (RFC 8216bis 4.4.4.9).
fn check_parts(spec: &StreamSpec) -> Result<(), SpecError> {
    const LEAST_PERCENT: u32 = 85;
    let [video, audio] = [Kind::Video, Kind::Audio].map(|kind| spec.timeline.longest_chunk(kind));
    if spec.video.is_empty() || spec.audio.is_none() || video * 100 >= audio * LEAST_PERCENT {
        return Ok(());
    }
    let millis = |duration: Duration| duration.as_micros() as f64 / 1000.0;
    let problem = format!(
        "must be another number: {} frames last {:.1} ms, less than {LEAST_PERCENT} % of an audio chunk of up to {:.1} ms",
        spec.timeline.chunk_frames(),
        millis(video),
        millis(audio)
    );
    refuse("chunk_frames", problem)
}

fn check_window(seconds: u32, timeline: &Timeline) -> Result<Duration, SpecError> {
    in_range("window_seconds", seconds, &WINDOW_SECONDS)?;
    let window = Duration::from_secs(seconds.into());
    if timeline.segments_in(window) < MIN_WINDOW_SEGMENTS {
        let shortest = (timeline.segment_duration() * MIN_WINDOW_SEGMENTS as u32).as_secs_f64().ceil();
        let problem = format!("must be at least {shortest} s, which is {MIN_WINDOW_SEGMENTS} segments; not {seconds}");
        return refuse("window_seconds", problem);
    }
    Ok(window)
}

fn check_video(index: usize, request: VideoRequest, timeline: &Timeline) -> Result<VideoSpec, SpecError> {
    let VideoRequest { id, width, height, bitrate, codec, preset } = request;
    let field = |name: &str| format!("video[{index}].{name}");
    let id = check_id(field("id"), &id)?;
    for (name, value) in [("width", width), ("height", height)] {
        in_range(field(name), value, &SIDES)?;
        if value % 2 != 0 {
            return refuse(field(name), format!("must be an even number (4:2:0), not {value}"));
        }
    }
    check_area(width, height).or_else(|problem| refuse(field("height"), problem))?;
    one_of(field("codec"), &codec, (codec == "h264").then_some(()), &["h264"])?;
    let preset = one_of(field("preset"), &preset, Preset::parse(&preset), Preset::WORDS)?;
    let least = quantizer::least_bitrate(width, height, timeline).max(*VIDEO_BITRATES.start());
    in_range(field("bitrate"), bitrate, &(least..=*VIDEO_BITRATES.end()))?;
    Ok(VideoSpec { id, width, height, bitrate, preset })
}

/// Checks width and height together. Each alone is within [`SIDES`].
fn check_area(width: u32, height: u32) -> Result<(), String> {
    if width.max(height) < LEAST_LONGER_SIDE {
        return Err(format!("must be at least {LEAST_LONGER_SIDE}, or the width must be; not {width}x{height}"));
    }
    let macroblocks = width.div_ceil(16) * height.div_ceil(16);
    match macroblocks <= MAX_MACROBLOCKS {
        true => Ok(()),
        false => Err(format!(
            "must make at most {MAX_MACROBLOCKS} blocks of 16x16 pixels with the width (H.264 level 5.2), such as \
             3840x2160; {width}x{height} makes {macroblocks}"
        )),
    }
}

fn check_audio(request: AudioRequest) -> Result<AudioSpec, SpecError> {
    let AudioRequest { id, codec, bitrate, beep_hz, beep_dbfs } = request;
    let id = check_id("audio.id", &id)?;
    one_of("audio.codec", &codec, (codec == "aac").then_some(()), &["aac"])?;
    in_range("audio.bitrate", bitrate, &AUDIO_BITRATES)?;
    in_range("audio.beep_hz", beep_hz, &BEEP_HZ)?;
    in_range("audio.beep_dbfs", beep_dbfs, &BEEP_DBFS)?;
    Ok(AudioSpec { id, bitrate, beep_hz, beep_dbfs })
}

fn check_id(field: impl Into<String>, id: &str) -> Result<TrackId, SpecError> {
    TrackId::parse(id)
        .map_or_else(|| refuse(field, format!("must be 1 to 32 characters of a-z, 0-9 and -; not {id:?}")), Ok)
}

fn check_tracks(spec: &StreamSpec) -> Result<(), SpecError> {
    if spec.tracks().next().is_none() {
        return refuse("video", "must have a rendition, or audio must be on: a stream needs at least one track");
    }
    let mut seen = HashSet::new();
    match spec.tracks().find(|(id, _)| !seen.insert(*id)) {
        Some((id, _)) => {
            refuse("video", format!("must have track ids that differ from each other; two tracks are called {id}"))
        }
        None => Ok(()),
    }
}
