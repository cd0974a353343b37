//! Nothing goes backwards at a URL. Arbitrary changes, stops and starts are applied to a stream, and playlists and MPDs
//! are read after each.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::definition::spec::{AudioRequest, VideoRequest};
use crate::definition::store::NOTICE;
use crate::inspect::rules;
use crate::media::manifest::hls::Skip;
use crate::media::manifest::{Latency, Place, View, dash, hls, path};
use crate::media::window::Earlier;
use crate::media::window::fixture::initialise;
use crate::stream::instruction::{Instruction, Order, epochs};

/// An operation of a client.
#[derive(Debug, Clone)]
enum Ask {
    Put(Box<StreamSpec>),
    Enable(bool),
    Delete,
    Nothing,
}

/// A server without pipelines. It publishes segments as soon as they are over.
struct Server {
    definitions: Definitions,
    now: UnixTime,
    newest: Option<Arc<Output>>,
    earlier: Earlier,
    ended: UnixTime,
}

/// Contents of the URLs so far.
#[derive(Default)]
struct Seen {
    playlists: BTreeMap<String, Playlist>,
    periods: BTreeMap<String, String>,
    published: String,
}

/// Figures of a playlist.
struct Playlist {
    sequence: u64,
    discontinuities: u64,
    constants: Vec<String>,
}

impl Server {
    fn new() -> Self {
        let definitions = Definitions::in_memory(vec![defined("0", (25, 48, 8), (20, true))]);
        let (now, ended) = (UnixTime::from_millis(SEGMENT * 1920), UnixTime::default());
        Self { definitions, now, newest: None, earlier: Earlier::default(), ended }
    }

    /// Applies an operation as the registry and the supervisor do.
    fn ask(&mut self, ask: &Ask) {
        let written = match ask {
            Ask::Put(spec) => {
                self.definitions.put(StreamSpec::clone(spec), &Precondition::Always, self.now).now_or_never().map(drop)
            }
            Ask::Enable(enabled) => self
                .definitions
                .enable(&name("a"), *enabled, (&Precondition::Always, self.now))
                .now_or_never()
                .map(drop),
            Ask::Delete => {
                self.definitions.remove(&name("a"), &Precondition::Always, self.now).now_or_never().map(drop)
            }
            Ask::Nothing => Some(()),
        };
        written.expect("memory is not waited for");
        let Some(record) = self.definitions.known().get(&name("a")).cloned() else {
            // A stream that is created later has a supervisor of its own.
            (self.newest, self.earlier, self.ended) = (None, Earlier::default(), UnixTime::default());
            return;
        };
        let order = if record.spec.control.enabled { Order::Run } else { Order::Stop };
        let instruction = Instruction { decided: Some(record.switched), record, order };
        if let Some(output) = self.newest.take() {
            if instruction.apply_to(&output, "") {
                self.newest = Some(output);
            } else if let Some(at) = instruction.handover(&output).filter(|_| !output.is_to_end()) {
                output.hand_over(at, self.now);
                self.earlier.add(output);
            } else if instruction.is_to_run() {
                output.end();
                self.ended = self.now;
            } else {
                self.ended = output.ending().map_or(self.now, |ending| ending.announced);
                output.end_after(output.spec.timeline.segment_at(self.now + NOTICE), self.now);
                self.newest = Some(output);
            }
        }
        let is_over = self.newest.as_ref().is_none_or(|output| output.is_to_end());
        if instruction.is_to_run() && is_over {
            let record = &instruction.record;
            let output = Output::of(epochs(record, "")).unwrap();
            let output = output.in_presentation(record.presentation, self.earlier.clone());
            output.began(self.ended + Duration::from_millis(1));
            assert!(instruction.apply_to(&output, ""));
            self.newest = Some(Arc::new(output));
        }
        self.publish();
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.publish();
        for output in self.outputs() {
            let is_gone = |handover: UnixTime| handover + Duration::from_secs(60) < self.now;
            if output.ending().and_then(|ending| ending.handover).is_some_and(is_gone) {
                self.earlier.remove(&output);
            }
        }
    }

    fn publish(&self) {
        for output in self.outputs() {
            initialise(&output);
            let current = output.spec.timeline.segment_at(self.now);
            let oldest = current - output.spec.window_segments();
            let next = output.last_complete().map_or(oldest, |last| last + 1);
            match output.ending() {
                Some(ending) => publish(&output, next..current.min(ending.last + 1)),
                None => publish(&output, next.max(oldest)..current),
            }
        }
    }

    fn outputs(&self) -> Vec<Arc<Output>> {
        self.newest.iter().flat_map(|newest| newest.earlier().into_iter().chain([Arc::clone(newest)])).collect()
    }
}

impl Seen {
    fn read(&mut self, server: &Server) {
        let Some(newest) = &server.newest else { return };
        for output in server.outputs() {
            let view = View::of(&output);
            for track in &output.tracks {
                let url = |file| format!("{}/{}", track.id, path::media_playlist(output.presentation, file));
                let playlist = hls::media(&view, &track.id, hls::Skip::No).unwrap();
                let end = output.ending().map(|ending| output.spec.timeline.segment_start(ending.last + 1));
                assert_eq!(playlist.contains("#EXT-X-ENDLIST"), end.is_some_and(|end| end <= server.now), "{playlist}");
                self.playlist(url(path::HLS), &playlist);
                self.playlist(url(path::LLHLS), &hls::low_latency(&view, &track.id, Skip::No).unwrap());
            }
        }
        let earlier = newest.earlier();
        let view = View::of(newest).after(&earlier);
        let multivariant = hls::multivariant(&view, Place::Stream, Latency::Normal);
        let listed = multivariant.lines().filter(|line| !line.starts_with('#'));
        listed.for_each(|url| assert!(self.playlists.contains_key(url), "{url}"));
        for latency in [Latency::Normal, Latency::Low] {
            self.mpd(&dash::mpd(&view, Place::Stream, latency).unwrap());
        }
    }

    fn playlist(&mut self, url: String, text: &str) {
        let value = |tag: &str| text.lines().find_map(|line| line.strip_prefix(tag)).unwrap_or_default().to_owned();
        let number = |tag: &str| value(tag).parse().unwrap();
        let next = Playlist {
            sequence: number("#EXT-X-MEDIA-SEQUENCE:"),
            discontinuities: number("#EXT-X-DISCONTINUITY-SEQUENCE:"),
            constants: ["#EXT-X-TARGETDURATION:", "#EXT-X-PART-INF:", "#EXT-X-SERVER-CONTROL:"].map(value).to_vec(),
        };
        if let Some(last) = self.playlists.get(&url) {
            assert!(next.sequence >= last.sequence, "{url}: {} after {}", next.sequence, last.sequence);
            assert!(next.discontinuities >= last.discontinuities, "{url}");
            assert_eq!(next.constants, last.constants, "{url}");
        }
        self.playlists.insert(url, next);
    }

    fn mpd(&mut self, text: &str) {
        assert_eq!(rules::schema::check(text), [], "{text}");
        let mpd = dash_mpd_core::parse(text).unwrap();
        assert_eq!(mpd.mpdtype.as_deref(), Some("dynamic"));
        assert_eq!(mpd.availabilityStartTime.unwrap().timestamp_millis(), 0);
        let published = mpd.publishTime.unwrap().to_rfc3339();
        assert!(published >= self.published, "published {published} after {}", self.published);
        self.published = published;
        let starts: Vec<_> = mpd.periods.iter().filter_map(|period| period.start).collect();
        assert!(starts.is_sorted_by(|one, next| one < next), "{text}");
        for period in mpd.periods {
            let what = format!("{:?}", period.start);
            let seen = self.periods.entry(period.id.unwrap()).or_insert_with(|| what.clone());
            assert_eq!(*seen, what, "{text}");
        }
    }
}

/// A definition with this frame rate, segment and chunk length in frames, window in seconds, and with or without audio.
fn defined(title: &str, (fps, segment, chunk): (u32, u32, u32), (window, sound): (u32, bool)) -> StreamSpec {
    let mut request = StreamRequest::named("a");
    (request.title, request.fps) = (title.to_owned(), fps.to_string());
    (request.segment_frames, request.chunk_frames, request.window_seconds) = (segment, chunk, window);
    // The size is part of the decoder configuration.
    let width = if title == "1" { 320 } else { 640 };
    request.video = vec![VideoRequest { width, height: 180, ..VideoRequest::default() }];
    request.audio = sound.then(AudioRequest::default);
    request.try_into().unwrap()
}

fn asks() -> impl Strategy<Value = Ask> {
    let titles = prop::sample::select(vec!["0", "1", "2"]);
    let frames = prop::sample::select(vec![(25, 48, 8), (25, 48, 48), (25, 96, 8), (50, 96, 8), (30, 60, 10)]);
    let put = (titles, frames, prop::sample::select(vec![20, 30]), any::<bool>(), prop::bool::weighted(0.8));
    let put = put.prop_map(|(title, frames, window, sound, enabled)| {
        let mut spec = defined(title, frames, (window, sound));
        spec.control.enabled = enabled;
        Ask::Put(Box::new(spec))
    });
    prop_oneof![4 => put, 2 => any::<bool>().prop_map(Ask::Enable), 1 => Just(Ask::Delete), 1 => Just(Ask::Nothing)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_goes_backwards_at_a_url(asks in prop::collection::vec((asks(), 0..40_000_u64), 1..12)) {
        let (mut server, mut seen) = (Server::new(), Seen::default());
        server.ask(&Ask::Enable(true));
        for (ask, millis) in asks {
            seen.read(&server);
            // The following contents are read before and after they begin.
            server.ask(&ask);
            seen.read(&server);
            server.pass(Duration::from_millis(millis));
        }
        seen.read(&server);
    }
}

#[test]
fn a_running_stream_with_other_segments_goes_on_at_other_urls() {
    let (mut server, mut seen) = (Server::new(), Seen::default());
    server.ask(&Ask::Enable(true));
    seen.read(&server);
    server.ask(&Ask::Put(Box::new(defined("0", (50, 96, 8), (20, true)))));
    seen.read(&server);
    let urls: Vec<_> = seen.playlists.keys().filter(|url| !url.contains("ll")).map(String::as_str).collect();
    assert_eq!(urls, ["a/1/hls.m3u8", "a/hls.m3u8", "v720/1/hls.m3u8", "v720/hls.m3u8"]);
    let periods: Vec<_> = seen.periods.keys().map(String::as_str).collect();
    assert_eq!(periods, ["0", "1", "early-0", "early-1"]);
    server.pass(Duration::from_secs(6));
    let [old, new] = &server.outputs()[..] else { panic!("the old one is served") };
    assert!(old.ended() && !new.is_to_end());
    let ending = old.ending().unwrap();
    let (end, start) = (old.spec.timeline.segment_start(ending.last + 1), ending.handover.unwrap());
    assert!(start <= end && end.saturating_since(start) < old.spec.timeline.segment_duration(), "without a gap");
    server.pass(Duration::from_secs(25));
    seen.read(&server);
    let newest = server.newest.as_ref().unwrap();
    let earlier = newest.earlier();
    let mpd = dash::mpd(&View::of(newest).after(&earlier), Place::Stream, Latency::Low).unwrap();
    let periods = dash_mpd_core::parse(&mpd).unwrap().periods;
    assert_eq!(periods.len(), 2, "the old Period has left the window: {mpd}");
}

#[test]
fn an_mpd_lists_the_next_presentation_before_it_has_segments() {
    let mut server = Server::new();
    server.ask(&Ask::Enable(true));
    server.ask(&Ask::Put(Box::new(defined("0", (50, 96, 8), (20, true)))));
    let record = Arc::clone(&server.definitions.known()[&name("a")]);
    let output = Output::of(epochs(&record, "")).unwrap().in_presentation(1, server.earlier.clone());
    let earlier = output.earlier();
    assert!(!View::of(&output).after(&earlier).is_described(), "its codecs are not known");
    initialise(&output);
    let view = View::of(&output).after(&earlier);
    assert!(view.is_described() && !view.is_playable());
    let mpd = dash::mpd(&view, Place::Stream, Latency::Low).unwrap();
    assert_eq!(rules::schema::check(&mpd), [], "{mpd}");
    let periods = dash_mpd_core::parse(&mpd).unwrap().periods;
    assert_eq!(periods.iter().filter_map(|period| period.id.as_deref()).collect::<Vec<_>>(), ["0", "1", "early-1"]);
}
