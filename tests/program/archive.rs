//! The archive of a server: the same playlists and the same bytes of the past as another server has, in whichever order
//! clients request them, and a limit to the work for those who request much of the past.

use std::collections::BTreeMap;

use barstone::inspect::playlist::Playlist;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::support::server::Server;
use crate::support::web::Web;

const STREAMS: &str = "\
    [[streams]]\nname = 'pal'\n\
    [[streams.video]]\nid = 'v'\nwidth = 256\nheight = 144\nbitrate = 300000\npreset = 'veryfast'\n\
    [[streams]]\nname = 'ntsc'\nfps = '30000/1001'\nsegment_frames = 60\nchunk_frames = 10\n\
    [[streams.video]]\nid = 'v'\nwidth = 256\nheight = 144\nbitrate = 300000\n";
const HOURS_AGO: i64 = 3;
const SECONDS: i64 = 10;

async fn files(web: &Web, paths: impl Iterator<Item = &String>) -> BTreeMap<String, Bytes> {
    let mut files = BTreeMap::new();
    for path in paths {
        files.insert(path.clone(), web.fetch(path).await);
    }
    files
}

#[tokio::test]
async fn two_servers_render_the_same_past() {
    let servers = [Server::configured(STREAMS), Server::configured(STREAMS)];
    let [one, two] = servers.each_ref().map(Web::of);
    for web in [&one, &two] {
        web.playable("pal").await;
        web.playable("ntsc").await;
    }
    let now: jiff::Timestamp = one.text("/time").await.parse().expect("xs:dateTime");
    let from = now.as_second() - HOURS_AGO * 3600;
    for (stream, track) in [("pal", "v"), ("pal", "a"), ("ntsc", "v"), ("ntsc", "a")] {
        let playlist = format!("/with/from={from},until={}/live/{stream}/{track}/hls.m3u8", from + SECONDS);
        let text = one.text(&playlist).await;
        assert_eq!(text, two.text(&playlist).await, "{stream}/{track}");
        let segments = Playlist::parse(&text).segments;
        let paths: Vec<_> = segments.iter().map(|segment| one.resolve(&playlist, &segment.uri)).collect();
        assert!(paths.len() >= 5, "{text}");
        let (forwards, backwards) = (files(&one, paths.iter()).await, files(&two, paths.iter().rev()).await);
        assert!(forwards == backwards, "{stream}/{track}");
    }
}

const SMALL: &str = "\
    archive_bytes = 8388608\n\
    [[streams]]\nname = 'test'\n\
    [[streams.video]]\nid = 'v'\nwidth = 256\nheight = 144\nbitrate = 300000\n";
const PLAYERS: usize = 10;
/// Number of different old segments, far enough from each other that none is rendered with another.
const OLD: u64 = 2000;
const APART: u64 = 64;
/// Number of simultaneous requests: far more than the archive queues, and fewer than a process may open files.
const AT_ONCE: usize = 400;
/// Memory that requests for the past may take: the archive's cache, its renders, and connections.
const MOST_MEMORY: u64 = 192 << 20;

/// Plays part after part with low latency until `over`, and returns the number of parts. A busy machine may skip segments.
async fn play(web: &Web, over: &CancellationToken) -> u64 {
    let first = web.playlist("test", "v").await.last().number + 1;
    let (chunks, mut played) = (8, 0);
    for (number, part) in (first..).flat_map(|number| (0..chunks).map(move |part| (number, part))) {
        if over.is_cancelled() && played > 0 {
            break;
        }
        let playlist = web.get(&format!("/live/test/v/llhls.m3u8?_HLS_msn={number}&_HLS_part={part}")).await;
        let (text, file) = (playlist.text(), format!("{number}.{part}.m4s"));
        if let Some(uri) = text.split('"').find(|uri| uri.ends_with(&file)) {
            let media = web.get(&format!("/live/test/v/{uri}")).await;
            assert_eq!((media.status, media.body.is_empty()), (200, false), "{file}");
            played += 1;
        }
    }
    played
}

#[tokio::test]
async fn requests_for_much_of_the_past_are_refused_and_the_live_stream_goes_on() {
    let server = Server::configured(SMALL);
    let web = Web::of(&server);
    web.playable("test").await;
    let newest = web.playlist("test", "v").await.last().clone();
    let directory = newest.uri.split_once('/').expect("a revision").0;
    let memory = web.metric("process_resident_memory_bytes").await;
    let over = CancellationToken::new();
    let requests = async {
        let old = |place: u64| format!("/live/test/v/{directory}/{}.m4s", newest.number - 3000 - place * APART);
        let answers = stream::iter(0..OLD).map(async |place| web.get(&old(place)).await);
        let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
        over.cancel();
        answers
    };
    let (answers, parts) = tokio::join!(requests, join_all((0..PLAYERS).map(|_| play(&web, &over))));
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(served > 0 && !refused.is_empty(), "{served} are served");
    for answer in refused {
        assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("archive_busy")), "{}", answer.text());
        assert!(!answer.header("retry-after").is_empty());
    }
    assert!(parts.iter().all(|parts| *parts > 0), "{parts:?}");
    assert!(web.metric("process_resident_memory_bytes").await < memory + MOST_MEMORY);
    assert!(web.metric("barstone_archive_bytes").await <= 8 << 20);
}
