//! Processes with the same definitions, begun at different times and killed in between, publish the same bytes and the
//! same manifests.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::support::server::Server;
use crate::support::web::Web;
use crate::support::{LONG, until};

#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

/// When the second and the third begin, after the first.
const BEGIN: [Duration; 2] = [Duration::from_secs(7), Duration::from_secs(41)];
/// From when all run.
const WATCHED: Duration = Duration::from_secs(120);
/// When the second is killed, and when it is started again.
const KILLED: Duration = Duration::from_secs(50);
const AGAIN: Duration = Duration::from_secs(56);
/// Less than a window, so that nothing leaves between two looks.
const LOOK: Duration = Duration::from_secs(20);

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
    format!("[[streams]]\nname = 'test'\n{ladder}{}", small.concat())
}

fn tracks(stream: &str) -> Vec<&'static str> {
    match stream {
        "test" => vec!["v720", "a"],
        "ladder" => vec!["high", "middle", "low", "a"],
        _ => vec!["v", "a"],
    }
}

fn streams() -> impl Iterator<Item = &'static str> {
    ["test", "ladder"].into_iter().chain(SMALL.map(|(name, ..)| name))
}

/// SHA-256 by path.
type Sums = BTreeMap<String, [u8; 32]>;

/// Of every init segment, segment and chunk that is listed now, but for those that are known.
async fn collect(web: &Web, sums: &mut Sums) {
    for stream in streams() {
        for track in tracks(stream) {
            let directory = format!("/live/{stream}/{track}");
            let playlist = web.text(&format!("{directory}/llhls.m3u8")).await;
            for path in media(&playlist).map(|uri| format!("{directory}/{uri}")) {
                if let Entry::Vacant(vacant) = sums.entry(path) {
                    let bytes = web.fetch(vacant.key()).await;
                    vacant.insert(Sha256::digest(&bytes).into());
                }
            }
        }
    }
}

/// What a playlist lists, parts included.
fn media(playlist: &str) -> impl Iterator<Item = String> {
    playlist.lines().filter_map(|line| match line.split_once("URI=\"") {
        Some((tag, rest)) if tag.starts_with("#EXT-X-MAP") || tag.starts_with("#EXT-X-PART:") => {
            rest.split('"').next().map(str::to_owned)
        }
        _ => (!line.starts_with('#') && !line.is_empty()).then(|| line.to_owned()),
    })
}

/// All manifests of all replicas agree, as soon as they are looked at while none changes.
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
                // The first changed while the others were asked: that says nothing.
                let still = texts.first() == texts.last();
                let same = texts.iter().all(|text| *text == texts[0]);
                assert!(!still || same || !stands(&texts), "{path} differs:\n{}", texts.join("\n---\n"));
                (still && same).then_some(())
            })
            .await;
        }
    }
}

/// Whether texts that differ reach equally far, they and what they report of other renditions, so that it is not only that
/// one is ahead.
fn stands(texts: &[String]) -> bool {
    let reach = |text: &String| {
        let reports = text.lines().filter(|line| line.starts_with("#EXT-X-RENDITION-REPORT")).map(str::to_owned);
        media(text).last().into_iter().chain(reports).collect::<Vec<_>>()
    };
    texts.iter().all(|text| !reach(text).is_empty() && reach(text) == reach(&texts[0]))
}

#[tokio::test]
async fn replicas_publish_the_same_bytes_whenever_they_began() {
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
    let mut sums: [Sums; 3] = Default::default();
    let (mut second, mut killed) = (Some(second), false);
    let mut look = Duration::ZERO;
    while look <= WATCHED {
        tokio::time::sleep(look.saturating_sub(began.elapsed())).await;
        if look >= KILLED && !killed {
            // What it has published is compared with what it publishes after it has been started again.
            collect(&two, &mut sums[1]).await;
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
        for (web, sums) in [&one, &two, &three].into_iter().zip(&mut sums) {
            collect(web, sums).await;
        }
        check_manifests(&[&one, &two, &three]).await;
        look += LOOK;
    }
    let mut compared = BTreeMap::<&str, usize>::new();
    for (path, sum) in &sums[0] {
        for other in &sums[1..] {
            if let Some(theirs) = other.get(path) {
                assert_eq!(sum, theirs, "{path}");
                *compared.entry(path.split('/').nth(2).unwrap_or_default()).or_default() += 1;
            }
        }
    }
    assert_eq!(compared.len(), streams().count());
    assert!(compared.values().all(|count| *count >= 200), "{compared:?}");
}
