//! Parts, preload hints, and segments that are requested while they are made.

use std::time::{Duration, Instant};

use reqwest::Method;

use super::{TRACKS, check_none, llhls_of, start};
use crate::support::playlist::Playlist;
use crate::support::template::Template;
use crate::support::web::send;
use crate::support::wire;
use barstone::inspect::boxes::{Init, Segment};
use barstone::inspect::playlist::attribute;
use barstone::inspect::rules::lldash;
use barstone::inspect::rules::llhls::{self, Asked};

#[tokio::test]
async fn parts_match_the_playlist_and_form_segments() {
    let (_server, web) = start().await;
    for track in TRACKS {
        let playlist = Playlist::parse(&web.text(&llhls_of(track)).await);
        let init = Init::parse(&web.media("test", track, &playlist.init()).await).expect("an init segment");
        let with_parts = |number| playlist.parts.iter().filter(move |part| part.segment == number);
        let shown: Vec<_> = playlist.segments.iter().filter(|segment| with_parts(segment.number).count() > 0).collect();
        assert!(shown.len() >= 2, "segments show their parts");
        for segment in shown {
            let (mut parts, mut media) = (Vec::new(), Vec::new());
            for part in with_parts(segment.number) {
                let bytes = web.media("test", track, &part.uri).await;
                check_none(&llhls::check_part(part, &init, &bytes));
                parts.push(part);
                media.push(bytes);
            }
            let media: Vec<_> = media.iter().map(|bytes| &bytes[..]).collect();
            check_none(&llhls::check_parts(&parts, &media, &web.media("test", track, &segment.uri).await));
        }
    }
}

#[tokio::test]
async fn a_hinted_part_is_sent_whole_and_others_are_refused() {
    let (_server, web) = start().await;
    for track in TRACKS.repeat(4) {
        let playlist = Playlist::parse(&web.text(&llhls_of(track)).await);
        let hint = attribute(&playlist.hints[0], "URI").expect("a URI");
        let answer = web.get(&format!("/live/test/{track}/{hint}")).await;
        check_none(&llhls::check_hinted(&hint, &answer));
        check_none(&llhls::check_caching(Asked::Media, playlist.target, &answer));
        let (number, revision) = (playlist.next(), hint.split('/').next().expect("a revision"));
        for (segment, part, comes) in [(number, 99, false), (number + 5, 0, true), (number + 100, 0, true)] {
            let answer = web.get(&format!("/live/test/{track}/{revision}/{segment}.{part}.m4s")).await;
            check_none(&llhls::check_unhinted(answer.status, comes));
            check_none(&llhls::check_caching(Asked::Media, playlist.target, &answer));
        }
    }
}

#[tokio::test]
async fn low_latency_dash_segments_are_sent_while_they_are_made() {
    let (server, web) = start().await;
    let mpd = dash_mpd_core::parse(&web.text("/live/test/lldash.mpd").await).expect("an MPD");
    let now: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
    let (now, at) = (Duration::from_micros(now.as_microsecond() as u64), Instant::now());
    for (set, template) in mpd.periods[0].adaptations.iter().zip(Template::all(&mpd)) {
        let init = Init::parse(&web.fetch(&format!("/live/test/{}", template.init())).await).expect("an init segment");
        let offset = set.SegmentTemplate.as_ref().and_then(|template| template.availabilityTimeOffset);
        let length = Duration::from_micros(template.duration * 1_000_000 / template.timescale);
        // A refusal is delayed by a second, by which time the second next segment may be due.
        let number = ((now + at.elapsed()).as_micros() / length.as_micros()) as u32 + 3;
        let available = length * (number + 1) - Duration::from_secs_f64(offset.expect("an offset"));
        let path = format!("/live/test/{}", template.segment(number.into()));
        check_none(&lldash::check_early(web.get(&path).await.status, true));

        tokio::time::sleep_until((at + (available - now)).into()).await;
        let (address, asked) = (server.address().to_owned(), path.clone());
        let answer = tokio::task::spawn_blocking(move || wire::get(&address, &asked)).await.expect("it does not panic");
        let answer = answer.expect("an answer");
        let came = |instant: Instant| (now + instant.duration_since(at)).as_micros();
        let pieces = answer.pieces.into_iter().map(|(piece, instant)| (piece, came(instant)));
        let growing = lldash::Growing { head: answer.head, pieces: pieces.collect() };
        check_none(&lldash::check_early(growing.status(), false));
        check_none(&lldash::check_growing(&growing, init.timescale()));

        let complete = web.get(&path).await;
        check_none(&lldash::check_complete(&growing, &complete));
        let range = send(web.request(Method::GET, &path).header("range", "bytes=100-")).await;
        check_none(&lldash::check_range(&complete.body, 100, &range));
        let segment = Segment::parse(&complete.body).expect("a segment");
        check_none(&lldash::check_segment(&set.ProducerReferenceTime[0], init.timescale(), &segment));
    }
}
