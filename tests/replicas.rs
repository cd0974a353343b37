//! Processes with the same definitions that start at different times and are killed in between publish the same bytes
//! and the same manifests.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::support::server::Server;
use crate::support::web::Web;
use crate::support::{LONG, until};

#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

/// Start of the second and the third process after the first.
const BEGIN: [Duration; 2] = [Duration::from_secs(7), Duration::from_secs(41)];
/// Duration of the comparison, from the time when all run.
const WATCHED: Duration = Duration::from_secs(120);
/// When the second process is killed, and when it is started again.
const KILLED: Duration = Duration::from_secs(50);
const AGAIN: Duration = Duration::from_secs(56);
/// Interval of comparisons, shorter than a window so that no segment leaves between two of them.
const COMPARE_INTERVAL: Duration = Duration::from_secs(20);

/// Name, frame rate, frames of a segment and of a chunk, preset, audio.
const SMALL: [(&str, &str, u32, u32, &str); 9] = [
    ("fps24", "24", 64, 16, "ultrafast"),
    ("fps25", "25", 48, 8, "veryfast"),
    ("fps30", "30", 48, 16, "ultrafast"),
    ("fps50", "50", 96, 16, "veryfast"),
    ("fps60", "60", 96, 32, "ultrafast"),
    ("ntsc", "30000/1001", 60, 10, "veryfast"),
    ("two25", "25", 50, 10, "ultrafast"),
    ("two30", "30", 60, 12, "veryfast"),
    ("two50", "50", 100, 20, "ultrafast"),
];

fn configuration() -> String {
    let small = SMALL.map(|(name, fps, segment, chunk, preset)| {
        format!(
            "[[streams]]\nname = '{name}'\nfps = '{fps}'\nsegment_frames = {segment}\nchunk_frames = {chunk}\n\
             [[streams.video]]\nid = 'v'\nwidth = 256\nheight = 144\nbitrate = 300000\npreset = '{preset}'\n"
        )
    });
    let ladder = "[[streams]]\nname = 'ladder'\n\
        [[streams.video]]\nid = 'high'\nwidth = 640\nheight = 360\nbitrate = 800000\n\
        [[streams.video]]\nid = 'middle'\nwidth = 426\nheight = 240\nbitrate = 400000\n\
        [[streams.video]]\nid = 'low'\nwidth = 256\nheight = 144\nbitrate = 200000\n";
    // The bytes of the default stream are compared elsewhere. Three encoders of its size leave slow machines no time.
    let test = "[[streams]]\nname = 'test'\n\
        [[streams.video]]\nid = 'v'\nwidth = 640\nheight = 360\nbitrate = 800000\n";
    format!("{test}{ladder}{}", small.concat())
}

fn tracks(stream: &str) -> Vec<&'static str> {
    match stream {
        "ladder" => vec!["high", "middle", "low", "a"],
        _ => vec!["v", "a"],
    }
}

fn streams() -> impl Iterator<Item = &'static str> {
    ["test", "ladder"].into_iter().chain(SMALL.map(|(name, ..)| name))
}

/// SHA-256 by path.
type Hashes = BTreeMap<String, [u8; 32]>;

/// Adds the hashes of all listed files that are not known yet.
async fn collect(web: &Web, hashes: &mut Hashes) {
    for stream in streams() {
        for track in tracks(stream) {
            let directory = format!("/live/{stream}/{track}");
            let playlist = web.text(&format!("{directory}/llhls.m3u8")).await;
            for path in media(&playlist).map(|uri| format!("{directory}/{uri}")) {
                if let Entry::Vacant(vacant) = hashes.entry(path) {
                    let bytes = web.fetch(vacant.key()).await;
                    vacant.insert(Sha256::digest(&bytes).into());
                }
            }
        }
    }
}

/// URIs in a playlist, including parts.
fn media(playlist: &str) -> impl Iterator<Item = String> {
    playlist.lines().filter_map(|line| match line.split_once("URI=\"") {
        Some((tag, rest)) if tag.starts_with("#EXT-X-MAP") || tag.starts_with("#EXT-X-PART:") => {
            rest.split('"').next().map(str::to_owned)
        }
        _ => (!line.starts_with('#') && !line.is_empty()).then(|| line.to_owned()),
    })
}

/// Checks that all manifests of all replicas agree, at a moment when none of them changes.
async fn check_manifests(replicas: &[&Web]) {
    for stream in streams() {
        let mut paths: Vec<_> = ["hls.m3u8", "llhls.m3u8", "dash.mpd", "lldash.mpd"].map(str::to_owned).into();
        for track in tracks(stream) {
            paths.extend(["hls.m3u8", "llhls.m3u8"].map(|file| format!("{track}/{file}")));
        }
        for path in paths.into_iter().map(|path| format!("/live/{stream}/{path}")) {
            until(&format!("{path} is the same everywhere"), LONG, async || {
                let mut texts = Vec::new();
                for web in replicas.iter().chain(&replicas[..1]) {
                    texts.push(web.text(&path).await);
                }
                // If the first playlist changed meanwhile, the comparison is not valid.
                let unchanged = texts.first() == texts.last();
                let same = texts.iter().all(|text| *text == texts[0]);
                assert!(!unchanged || same || !end_alike(&texts), "{path} differs:\n{}", texts.join("\n---\n"));
                (unchanged && same).then_some(())
            })
            .await;
        }
    }
}

/// Whether all texts end at the same segment and report the same ends of other renditions. Different texts are then an
/// error, and not only one replica ahead of another.
fn end_alike(texts: &[String]) -> bool {
    let reach = |text: &String| {
        let reports = text.lines().filter(|line| line.starts_with("#EXT-X-RENDITION-REPORT")).map(str::to_owned);
        media(text).last().into_iter().chain(reports).collect::<Vec<_>>()
    };
    texts.iter().all(|text| !reach(text).is_empty() && reach(text) == reach(&texts[0]))
}

#[tokio::test]
async fn replicas_publish_the_same_bytes_whenever_they_started() {
    let configuration = configuration();
    let first = Server::configured(&configuration);
    tokio::time::sleep(BEGIN[0]).await;
    let second = Server::configured(&configuration);
    tokio::time::sleep(BEGIN[1] - BEGIN[0]).await;
    let third = Server::configured(&configuration);
    let (one, mut two, three) = (Web::of(&first), Web::of(&second), Web::of(&third));
    for stream in streams() {
        three.playable(stream).await;
    }
    let began = Instant::now();
    let mut hashes: [Hashes; 3] = Default::default();
    let (mut second, mut killed) = (Some(second), false);
    let mut next_comparison = Duration::ZERO;
    while next_comparison <= WATCHED {
        tokio::time::sleep(next_comparison.saturating_sub(began.elapsed())).await;
        if next_comparison >= KILLED && !killed {
            // Files of the first run of this process are compared with those of its second run.
            collect(&two, &mut hashes[1]).await;
            second.take().expect("it runs").kill();
            tokio::time::sleep(AGAIN - KILLED).await;
            let again = Server::configured(&configuration);
            two = Web::of(&again);
            for stream in streams() {
                two.playable(stream).await;
            }
            second = Some(again);
            killed = true;
        }
        for (web, hashes) in [&one, &two, &three].into_iter().zip(&mut hashes) {
            collect(web, hashes).await;
        }
        check_manifests(&[&one, &two, &three]).await;
        next_comparison += COMPARE_INTERVAL;
    }
    let mut compared = BTreeMap::<&str, usize>::new();
    for (path, hash) in &hashes[0] {
        for other in &hashes[1..] {
            if let Some(theirs) = other.get(path) {
                assert_eq!(hash, theirs, "{path}");
                *compared.entry(path.split('/').nth(2).unwrap_or_default()).or_default() += 1;
            }
        }
    }
    assert_eq!(compared.len(), streams().count());
    assert!(compared.values().all(|count| *count >= 200), "{compared:?}");
}
