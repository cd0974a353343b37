//! A stream is a function of UTC: a process that is killed and restarted, and a second process beside it, publish the
//! same bytes under the same names.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::playlist::Playlist;
use crate::support::server::Server;
use crate::support::web::Web;
use crate::support::{LONG, until};

/// Definitions with all kinds of encoding, small enough to run twice on two cores.
const DEFINITIONS: &str = r#"
[[streams]]
name = "test"

[[streams]]
name = "fine"
video = [{ id = "v720", width = 640, height = 360, bitrate = 800000, preset = "veryfast" }]
"#;

/// SHA-256 of every listed file, by URI.
async fn hashes(web: &Web, stream: &str, track: &str, playlist: &Playlist) -> BTreeMap<String, Vec<u8>> {
    let mut hashes = BTreeMap::new();
    let whole = playlist.segments.iter().filter(|segment| !segment.gap).map(|segment| segment.uri.clone());
    for uri in whole.chain([playlist.init()]) {
        hashes.insert(uri.clone(), Sha256::digest(web.media(stream, track, &uri).await).to_vec());
    }
    hashes
}

/// The playlist of a track, once it lists segment `number`.
async fn playlist_with(web: &Web, (stream, track): (&str, &str), number: u64) -> Playlist {
    web.playable(stream).await;
    until("the segment is listed", LONG, async || {
        let playlist = web.playlist(stream, track).await;
        (playlist.last().number >= number).then_some(playlist)
    })
    .await
}

/// Checks that segments listed in both playlists have the same lines. Returns their number.
#[track_caller]
fn check_same_lines(before: &Playlist, after: &Playlist) -> usize {
    assert_eq!((before.target, before.version, before.init()), (after.target, after.version, after.init()));
    let common = before.segments.iter().filter_map(|segment| {
        let same = after.segments.iter().find(|other| other.number == segment.number)?;
        assert_eq!(segment, same);
        Some(())
    });
    common.count()
}

/// Playlists and hashes of all tracks.
async fn everything(web: &Web, stream: &str) -> Vec<(Playlist, BTreeMap<String, Vec<u8>>)> {
    let mut all = Vec::new();
    for track in ["v720", "a"] {
        let playlist = playlist_with(web, (stream, track), 0).await;
        let hashes = hashes(web, stream, track, &playlist).await;
        all.push((playlist, hashes));
    }
    all
}

/// Checks that files in both sets have the same bytes. Returns their number.
#[track_caller]
fn check_same_bytes(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> usize {
    let common = one.iter().filter_map(|(uri, hash)| {
        assert_eq!(other.get(uri)?, hash, "{uri}");
        Some(())
    });
    common.count()
}

#[tokio::test]
async fn after_a_kill_the_same_numbers_have_the_same_dates_and_bytes() {
    let directory = TempDir::new().expect("a temporary directory");
    let server = Server::at(directory.path(), &[]);
    let before = everything(&Web::of(&server), "test").await;
    server.kill();
    let server = Server::at(directory.path(), &[]);
    let after = everything(&Web::of(&server), "test").await;
    for ((old, old_hashes), (new, new_hashes)) in before.iter().zip(&after) {
        assert!(new.last().number >= old.last().number, "numbers go on");
        let segments = check_same_lines(old, new);
        assert!(segments >= 10, "{segments} segments are in both playlists");
        let files = check_same_bytes(old_hashes, new_hashes);
        assert!(files >= 10, "{files} files are in both");
    }
}

#[tokio::test]
async fn processes_started_at_different_times_publish_the_same_bytes() {
    let first = Server::configured(DEFINITIONS);
    let started = Instant::now();
    let web = Web::of(&first);
    for stream in ["test", "fine"] {
        web.playable(stream).await;
    }
    // The second process starts at another point of the encoders' grid, which is 3.84 s wide.
    until("some seconds have gone by", LONG, async || (started.elapsed() >= Duration::from_secs(5)).then_some(()))
        .await;
    let second = Server::configured(DEFINITIONS);
    let other = Web::of(&second);
    for stream in ["test", "fine"] {
        let theirs = everything(&other, stream).await;
        for (track, (playlist, hashes)) in ["v720", "a"].into_iter().zip(theirs) {
            let ours = playlist_with(&web, (stream, track), playlist.last().number).await;
            check_same_lines(&playlist, &ours);
            let ours = self::hashes(&web, stream, track, &ours).await;
            let files = check_same_bytes(&hashes, &ours);
            assert!(files >= 5, "{stream}/{track}: {files} files are in both");
        }
    }
}
