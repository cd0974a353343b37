use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamSpec;
use crate::definition::spec::{Revision, StreamRequest};
use crate::media::window::Epoch;
use crate::media::window::fixture::{initialise, publish, publish_past};

const SEGMENT: u64 = 935_016_890;

fn output() -> Arc<Output> {
    let mut request = StreamRequest::named("test");
    request.window_seconds = 10;
    let output = Output::new(request.try_into().unwrap(), Revision::parse("58fe8eec").unwrap());
    initialise(&output);
    Arc::new(output)
}

fn files(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => directories.push(entry.path()),
                false => _ = found.insert(entry.path().strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }
    found
}

#[test]
fn the_directory_is_laid_out_like_the_urls() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    publish(&output, SEGMENT..SEGMENT + 2);
    Mirror::new(root.path().to_owned(), Arc::clone(&output)).sync().unwrap();
    let list: Vec<_> = files(root.path()).into_iter().collect();
    insta::assert_snapshot!(list.join("\n"), @r#"
    dash/test.mpd
    hls/test.m3u8
    live/test/a/58fe8eec/935016890.m4s
    live/test/a/58fe8eec/935016891.m4s
    live/test/a/58fe8eec/init.mp4
    live/test/a/hls.m3u8
    live/test/dash.mpd
    live/test/hls.m3u8
    live/test/v720/58fe8eec/935016890.m4s
    live/test/v720/58fe8eec/935016891.m4s
    live/test/v720/58fe8eec/init.mp4
    live/test/v720/hls.m3u8
    live/test/v720/iframes.m3u8
    "#);
    let segment = fs::read_to_string(root.path().join(format!("live/test/a/58fe8eec/{SEGMENT}.m4s"))).unwrap();
    assert_eq!(segment, (0..6).map(|index| format!("{SEGMENT}.{index};")).collect::<String>());
}

#[test]
fn nothing_is_listed_before_it_is_there() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    let mut mirror = Mirror::new(root.path().to_owned(), Arc::clone(&output));
    output.tracks.iter().for_each(|track| track.window.expect(SEGMENT..SEGMENT + 1));
    publish(&output, [SEGMENT + 1]);
    mirror.sync().unwrap();
    assert!(!files(root.path()).iter().any(|file| file.ends_with("hls.m3u8")));
    publish(&output, [SEGMENT]);
    mirror.sync().unwrap();
    assert!(files(root.path()).contains("live/test/v720/hls.m3u8"));
}

#[test]
fn what_has_expired_is_removed() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    let mut mirror = Mirror::new(root.path().to_owned(), Arc::clone(&output));
    for segment in SEGMENT..SEGMENT + 40 {
        publish(&output, [segment]);
        mirror.sync().unwrap();
    }
    let segments =
        files(root.path()).iter().filter(|file| file.starts_with("live/test/a/") && file.ends_with(".m4s")).count();
    assert_eq!(segments as u64, output.spec.kept_segments() + 1);
}

#[test]
fn leftovers_are_swept_and_foreign_files_stay() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    let track = root.path().join("live/test/a");
    for (file, _) in
        [("58fe8eec/1.m4s", ""), ("58fe8eec/2.m4s.part", ""), ("0badcafe/3.m4s", ""), ("0badcafe/init.mp4", "")]
    {
        fs::create_dir_all(track.join(file).parent().unwrap()).unwrap();
        fs::write(track.join(file), "old").unwrap();
    }
    fs::write(track.join("58fe8eec/notes.txt"), "mine").unwrap();
    fs::write(track.join("58fe8eec").join(format!("{SEGMENT}.m4s")), "cut sh").unwrap();
    publish(&output, [SEGMENT]);
    Mirror::new(root.path().to_owned(), Arc::clone(&output)).sync().unwrap();
    let files = files(&track);
    assert!(files.contains("58fe8eec/notes.txt"));
    assert_eq!(
        files.iter().filter(|file| file.contains(".m4s")).collect::<Vec<_>>(),
        [&format!("58fe8eec/{SEGMENT}.m4s")]
    );
    assert!(!track.join("0badcafe").exists());
    assert_eq!(fs::read(track.join(format!("58fe8eec/{SEGMENT}.m4s"))).unwrap().len(), 72);
}

#[test]
fn one_file_that_cannot_be_written_does_not_stop_the_others() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    let blocked = root.path().join(format!("live/test/a/58fe8eec/{SEGMENT}.m4s"));
    let mut mirror = Mirror::new(root.path().to_owned(), Arc::clone(&output));
    publish(&output, [SEGMENT, SEGMENT + 1]);
    fs::create_dir_all(blocked.join("in-the-way")).unwrap();
    let error = mirror.sync().unwrap_err().to_string();
    assert!(error.contains(&format!("{SEGMENT}.m4s")), "{error}");
    assert!(files(root.path()).contains(&format!("live/test/a/58fe8eec/{}.m4s", SEGMENT + 1)));
    assert!(!files(root.path()).iter().any(|file| file.ends_with(".part") || file.ends_with("hls.m3u8")));
    fs::remove_dir_all(&blocked).unwrap();
    mirror.sync().unwrap();
    assert!(files(root.path()).contains("live/test/a/hls.m3u8"));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_counted_and_told_once() {
    let (file, output) = (tempfile::NamedTempFile::new().unwrap(), output());
    publish(&output, [SEGMENT]);
    let (metrics, stop) = (Arc::new(Metrics::new()), CancellationToken::new());
    let mirroring = mirror(Some(file.path().join("below")), Arc::clone(&output), Arc::clone(&metrics), stop.clone());
    let errors = || metrics.directory_errors.get_or_create(&labels("test")).get();
    let watching = async {
        for segment in SEGMENT + 1..SEGMENT + 4 {
            let before = errors();
            publish(&output, [segment]);
            while errors() == before {
                tokio::task::yield_now().await;
            }
        }
        stop.cancel();
    };
    tokio::join!(mirroring, watching);
    assert!(errors() >= 3);
}

#[tokio::test]
async fn what_is_cleared_leaves_what_others_have_written() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    publish(&output, SEGMENT..SEGMENT + 2);
    Mirror::new(root.path().to_owned(), Arc::clone(&output)).sync().unwrap();
    for file in ["live/test/a/58fe8eec/935016892.m4s.part", "live/test/a/notes.txt", "live/other"] {
        fs::write(root.path().join(file), "").unwrap();
    }
    clear(root.path().to_owned(), output.spec.name.clone()).await;
    assert_eq!(files(root.path()).into_iter().collect::<Vec<_>>(), ["live/other", "live/test/a/notes.txt"]);
    clear(root.path().join("nowhere"), output.spec.name.clone()).await;
}

/// Goes over to another revision with segment `from`, in the same Period or in another.
fn change(output: &Output, from: u64, in_the_same: bool) {
    let spec = StreamSpec { title: "other".into(), ..output.spec.clone() };
    let epoch = Epoch::new((1, from), spec, Revision::parse("0123abcd").unwrap());
    let period = if in_the_same { output.epoch(from).period.clone() } else { epoch.period.clone() };
    assert!(output.change(epoch.in_period(period, UnixTime::default())));
    initialise(output);
}

fn read(root: &Path, file: &str) -> String {
    fs::read_to_string(root.join("live/test/a").join(file)).unwrap_or_default()
}

#[test]
fn a_segment_has_the_name_that_the_mpd_gives_it_too() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    let mut mirror = Mirror::new(root.path().to_owned(), Arc::clone(&output));
    publish(&output, [SEGMENT]);
    change(&output, SEGMENT + 1, true);
    publish(&output, [SEGMENT + 1]);
    mirror.sync().unwrap();
    let [own, period] =
        ["0123abcd", "58fe8eec"].map(|revision| read(root.path(), &format!("{revision}/{}.m4s", SEGMENT + 1)));
    assert!(own == period && own.starts_with(&(SEGMENT + 1).to_string()), "{own} {period}");
    assert_eq!(read(root.path(), "58fe8eec/init.mp4"), "init");
    let playlist = read(root.path(), "hls.m3u8");
    assert!(playlist.contains(&format!("\n58fe8eec/{SEGMENT}.m4s")), "{playlist}");
    assert!(playlist.contains(&format!("\n0123abcd/{}.m4s", SEGMENT + 1)), "{playlist}");
    // An earlier process has left the links; all go when they are old.
    let mut mirror = Mirror::new(root.path().to_owned(), Arc::clone(&output));
    for segment in SEGMENT + 2..SEGMENT + 40 {
        publish(&output, [segment]);
        mirror.sync().unwrap();
    }
    let kept = output.spec.kept_segments() as usize + 1;
    let count = |revision: &str| {
        let is_segment = |file: &&String| file.starts_with(&format!("a/{revision}/9"));
        files(&root.path().join("live/test")).iter().filter(is_segment).count()
    };
    assert_eq!((count("58fe8eec"), count("0123abcd")), (kept, kept));
    assert!(!files(root.path()).iter().any(|file| file.ends_with(".part")));
}

#[test]
fn players_that_have_not_read_of_a_new_period_find_what_is_past_the_end_of_the_old_one() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    let mut mirror = Mirror::new(root.path().to_owned(), Arc::clone(&output));
    publish(&output, [SEGMENT]);
    change(&output, SEGMENT + 1, false);
    publish(&output, [SEGMENT + 1]);
    publish_past(&output.epochs()[0], [SEGMENT + 1]);
    mirror.sync().unwrap();
    let number = SEGMENT + 1;
    assert!(read(root.path(), &format!("58fe8eec/{number}.m4s")).starts_with("past "));
    assert!(read(root.path(), &format!("0123abcd/{number}.m4s")).starts_with(&number.to_string()));
    for segment in SEGMENT + 2..SEGMENT + 40 {
        publish(&output, [segment]);
        mirror.sync().unwrap();
    }
    assert_eq!(read(root.path(), &format!("58fe8eec/{number}.m4s")), "");
}
