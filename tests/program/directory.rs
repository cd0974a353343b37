//! The media directory: every file is whole at any moment, also after the program is killed, and the files of a stream
//! are removed when no player needs them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::playlist::Playlist;
use crate::support::server::Server;
use crate::support::web::{Web, send};
use crate::support::{LONG, until};
use barstone::inspect::boxes::{Init, Segment};
use barstone::inspect::playlist::{attribute, tags};

const PART: &str = ".part";
const MARKER: &str = ".barstone";
/// Sizes of segments of the default stream. Video is padded to the byte. Of the 30,720 bytes of audio, the encoder leaves
/// less than one in each of 90 frames unused, and carries a few from one frame to the next.
const VIDEO_BYTES: RangeInclusive<usize> = 480_000..=480_000;
const AUDIO_BYTES: RangeInclusive<usize> = 30_630..=30_740;

fn track(root: &Path, track: &str) -> PathBuf {
    root.join("live/test").join(track)
}

/// All files below `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let each = entries.flatten().map(|entry| entry.path());
    each.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// All files except markers and half-written files.
fn whole_files(directory: &Path) -> Vec<PathBuf> {
    let is_whole = |file: &PathBuf| ![PART, MARKER].iter().any(|end| file.to_string_lossy().ends_with(end));
    files(directory).into_iter().filter(is_whole).collect()
}

/// Checks a file by its name. `None` if it was removed meanwhile.
fn check_whole(file: &Path) -> Option<()> {
    let bytes = std::fs::read(file).ok()?;
    let name = file.to_str().expect("UTF-8");
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("m4s") => {
            let wanted = if name.contains("/a/") { AUDIO_BYTES } else { VIDEO_BYTES };
            assert!(wanted.contains(&bytes.len()), "{name}: {} bytes", bytes.len());
            Segment::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        Some("mp4") => {
            Init::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        Some("mpd") => assert!(bytes.ends_with(b"</MPD>\n"), "{name}"),
        Some("m3u8") => assert!(bytes.starts_with(b"#EXTM3U\n") && bytes.ends_with(b"\n"), "{name}"),
        _ => panic!("{name} is not expected"),
    }
    Some(())
}

/// Checks that every file in the manifests on disk exists. The oldest may expire during the check.
fn check_listed(root: &Path) -> usize {
    check_listed_of(&root.join("live/test"))
}

fn check_listed_of(stream: &Path) -> usize {
    let mut listed = 0;
    let Ok(multivariant) = std::fs::read_to_string(stream.join("hls.m3u8")) else { return 0 };
    let variants = tags(&multivariant, "#EXT-X-STREAM-INF").into_iter().map(|(_, uri)| uri.to_owned());
    let sounds = tags(&multivariant, "#EXT-X-MEDIA").into_iter().filter_map(|(list, _)| attribute(list, "URI"));
    for uri in variants.chain(sounds) {
        let file = stream.join(uri);
        let playlist = Playlist::parse(&std::fs::read_to_string(&file).expect("a listed playlist is there"));
        let directory = file.parent().expect("a track");
        assert!(directory.join(playlist.init()).exists(), "{}", file.display());
        for segment in &playlist.segments {
            assert!(segment.gap || directory.join(&segment.uri).exists(), "{}", segment.uri);
            listed += 1;
        }
    }
    listed
}

/// The newest segment number in the playlist of a track on disk.
fn newest(root: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(track(root, "v720").join("hls.m3u8")).ok()?;
    Playlist::parse(&text).segments.last().map(|segment| segment.number)
}

async fn newer(root: &Path, than: u64) -> u64 {
    until("the directory goes on", LONG, async || newest(root).filter(|number| *number > than)).await
}

/// Checks all files repeatedly until the window is complete. A file that was checked and has not changed must only
/// exist.
async fn watch(root: &Path, lasting: Duration) -> usize {
    let (end, longest) = (Instant::now() + lasting, Instant::now() + LONG);
    let mut seen = BTreeMap::new();
    let mut reads = 0;
    while Instant::now() < end || (check_listed(root) == 0 && Instant::now() < longest) {
        for file in whole_files(root) {
            let Ok(meta) = file.metadata() else { continue };
            let stamp = (meta.len(), meta.modified().ok());
            if seen.get(&file) == Some(&stamp) {
                continue;
            }
            if check_whole(&file).is_some() {
                reads += 1;
                seen.insert(file, stamp);
            }
        }
        check_listed(root);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    reads
}

#[tokio::test]
async fn every_file_is_complete_at_every_moment() {
    let directory = TempDir::new().expect("a temporary directory");
    let server = Server::at(directory.path(), &[]);
    let reads = watch(directory.path(), Duration::from_secs(12)).await;
    let listed = check_listed(directory.path());
    assert!(reads >= 70 && listed >= 60, "{reads} files read, {listed} segments listed: {:?}", server.log());
    let web = Web::of(&server);
    let disk = track(directory.path(), "v720");
    let playlist = web.playlist("test", "v720").await;
    let segment = &playlist.segments[playlist.segments.len() / 2];
    assert_eq!(
        std::fs::read(disk.join(&segment.uri)).expect("a segment"),
        web.media("test", "v720", &segment.uri).await
    );
}

#[tokio::test]
async fn after_kills_numbers_continue_and_no_file_is_incomplete() {
    let directory = TempDir::new().expect("a temporary directory");
    let root = directory.path();
    let mut last = 0;
    let server = Server::at(root, &[]);
    until("all is on disk", LONG, async || (check_listed(root) >= 60).then_some(())).await;
    server.kill();
    // From before the first segment to the middle of rendering the past and later.
    for milliseconds in [100, 450, 700, 1100, 1900, 4100] {
        let server = Server::at(root, &[]);
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(milliseconds) {
            assert!(check_listed(root) >= 60, "manifests stay, and what they list");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.kill();
        whole_files(root).iter().for_each(|file| check_whole(file).expect("nobody removes it"));
        let number = newest(root).expect("a playlist");
        assert!(number >= last, "{number} after {last}");
        last = number;
    }
    let revision = revision_directory(root);
    std::fs::write(revision.join("935000000.m4s.part"), "half").expect("there is room");
    std::fs::write(revision.join("1.m4s"), "long expired").expect("there is room");
    let other = revision.with_file_name("00000000");
    std::fs::create_dir(&other).expect("there is room");
    std::fs::write(other.join("7.m4s"), "of another revision").expect("there is room");
    std::fs::write(other.join("notes.txt"), "somebody's").expect("there is room");
    age(&other);

    // Without a state directory there is a warning in the log.
    let state = TempDir::new().expect("a temporary directory");
    let server = Server::at(root, &["--state-dir", state.path().to_str().expect("UTF-8")]);
    newer(root, last).await;
    let revision = revision_directory(root);
    let left = [revision.join("935000000.m4s.part"), revision.join("1.m4s"), other.join("7.m4s")];
    let is_gone = async || left.iter().all(|file| !file.exists()).then_some(());
    until("the files of earlier processes are removed", LONG, is_gone).await;
    assert_eq!(std::fs::read_to_string(other.join("notes.txt")).expect("a foreign file stays"), "somebody's");
    std::fs::remove_file(other.join("notes.txt")).expect("it is there");
    // Files may be removed meanwhile.
    whole_files(root).iter().for_each(|file| _ = check_whole(file));
    assert_eq!(server.log().iter().filter(|line| line.contains("WARN")).count(), 0, "{:?}", server.log());
}

fn revision_directory(root: &Path) -> PathBuf {
    let text = std::fs::read_to_string(track(root, "v720").join("hls.m3u8")).expect("a playlist");
    let init = track(root, "v720").join(Playlist::parse(&text).init());
    init.parent().expect("a revision").to_owned()
}

#[tokio::test]
async fn files_that_leave_the_window_are_removed() {
    let directory = TempDir::new().expect("a temporary directory");
    let toml = directory.path().join("short.toml");
    let definition = "[[streams]]\nname = \"test\"\nsegment_frames = 25\nchunk_frames = 5\nwindow_seconds = 10\naudio = false\n\
        video = [{ id = \"v720\", width = 320, height = 180, bitrate = 200000 }]\n";
    std::fs::write(&toml, definition).expect("there is room");
    let root = directory.path().join("media");
    let _server = Server::at(&root, &["--config", toml.to_str().expect("UTF-8")]);
    let first = newer(&root, 0).await;
    newer(&root, first + 11).await;
    let revision = revision_directory(&root);
    let remaining = until("files are removed", LONG, async || {
        let mut numbers: Vec<u64> = files(&revision).iter().filter_map(|file| number(file)).collect();
        numbers.sort_unstable();
        (numbers.first()? >= &(first - 9)).then_some(numbers)
    });
    // Ten segments are listed. Each remains for its own duration and that of the longest playlist that listed it.
    let remaining = remaining.await;
    assert!((20..=24).contains(&remaining.len()), "{remaining:?}");
}

/// Creates or replaces a stream by one with segments of one second and a window of ten.
async fn put_short(web: &Web, name: &str) {
    let video = json!([{"id": "v720", "width": 320, "height": 180, "bitrate": 200_000}]);
    let definition =
        json!({"segment_frames": 25, "chunk_frames": 5, "window_seconds": 10, "audio": false, "video": video});
    let reply = web.json(Method::PUT, &format!("/api/v1/streams/{name}"), &definition).await;
    assert!([200, 201].contains(&reply.status), "{}", reply.text());
}

/// Makes a file or a directory look as if it had been written long ago.
fn age(file: &Path) {
    let file = std::fs::File::open(file).expect("it exists");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).expect("it is ours");
}

#[tokio::test]
async fn the_files_of_a_stream_that_is_deleted_or_has_no_definition_are_removed() {
    let directory = TempDir::new().expect("a temporary directory");
    let root = directory.path();
    let of = |name: &str| -> Vec<_> {
        files(root).into_iter().filter(|file| file.to_string_lossy().contains(name)).collect()
    };
    let server = Server::at(root, &[]);
    put_short(&Web::of(&server), "orphan").await;
    let written = root.join("dash/orphan.mpd");
    until("the stream is written", LONG, async || written.exists().then_some(())).await;
    server.kill();
    of("orphan").iter().for_each(|file| age(file));
    let foreign = root.join("live/orphan/v720/notes.txt");
    std::fs::write(&foreign, "somebody's").expect("there is room");

    let server = Server::at(root, &[]);
    let web = Web::of(&server);
    put_short(&web, "deleted").await;
    let stream = root.join("live/deleted");
    until("the stream is written", LONG, async || (check_listed_of(&stream) >= 9).then_some(())).await;
    let deleted = Instant::now();
    assert_eq!(send(web.request(Method::DELETE, "/api/v1/streams/deleted")).await.status, 204);
    let text = |file: &str| std::fs::read_to_string(stream.join(file)).unwrap_or_default();
    let has_ended =
        || text("v720/hls.m3u8").contains("#EXT-X-ENDLIST") && text("dash.mpd").contains("mediaPresentationDuration");
    until("the manifests show the end", LONG, async || has_ended().then_some(())).await;
    assert!(check_listed_of(&stream) >= 9);
    until("the orphan is removed", LONG, async || (of("orphan") == [foreign.clone()]).then_some(())).await;
    until("the stream is removed", LONG, async || of("deleted").is_empty().then_some(())).await;
    assert!(deleted.elapsed() >= Duration::from_secs(20), "players have two windows: {:?}", deleted.elapsed());
    until("the other stream has its files", LONG, async || (check_listed(root) >= 30).then_some(())).await;
}

fn number(segment: &Path) -> Option<u64> {
    segment.file_name()?.to_str()?.strip_suffix(".m4s")?.parse().ok()
}
