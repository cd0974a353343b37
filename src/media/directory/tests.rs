use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

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

/// How long files of [`output`] stay after the last write: thirteen segments of 1.92 s, in whole seconds.
const KEEP: Duration = Duration::from_secs(25);

/// Searches `root` so long after the last write of stream `test`. Returns the streams that were removed.
fn search(root: &Path, later: Duration) -> Vec<String> {
    // The manifest that is written last.
    let written = fs::metadata(root.join("dash/test.mpd")).unwrap().modified().unwrap();
    let written = written.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let removals = leftovers::remove_abandoned(root, UnixTime::default() + written + later).unwrap();
    removals.into_iter().map(|(stream, removed)| removed.map(|()| stream.to_string()).unwrap()).collect()
}

/// Makes a file or a directory look as if it had been written a minute before the Unix time of [`SEGMENT`].
fn age(file: &Path) {
    let file = fs::File::open(file).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(SEGMENT * 48 / 25 - 60)).unwrap();
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
    live/test/.barstone
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
    assert_eq!(segment, (0..8).map(|index| format!("{SEGMENT}.{index};")).collect::<String>());
}

#[test]
fn no_manifest_lists_a_segment_before_it_is_written() {
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
fn expired_segments_are_removed() {
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
fn files_of_an_earlier_process_are_removed_in_time_and_files_of_others_stay() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    let track = root.path().join("live/test/a");
    let old = format!("58fe8eec/{SEGMENT}.m4s");
    for file in ["58fe8eec/1.m4s", "58fe8eec/2.m4s.part", "0badcafe/3.m4s", "0badcafe/init.mp4", "1badcafe/4.m4s", &old]
    {
        fs::create_dir_all(track.join(file).parent().unwrap()).unwrap();
        fs::write(track.join(file), "old").unwrap();
    }
    for file in ["58fe8eec/notes.txt", "58fe8eec/notes.part"] {
        fs::write(track.join(file), "mine").unwrap();
    }
    age(&track.join("0badcafe"));
    publish(&output, [SEGMENT]);
    Mirror::new(root.path().to_owned(), Arc::clone(&output)).sync().unwrap();
    let left: Vec<_> = files(&track).into_iter().collect();
    // Players may still have a playlist that lists the other revision that was written recently.
    let wanted = ["1badcafe/4.m4s", &old, "58fe8eec/init.mp4", "58fe8eec/notes.part", "58fe8eec/notes.txt", "hls.m3u8"];
    assert_eq!(left, wanted);
    assert!(!track.join("0badcafe").exists());
    assert_eq!(fs::read(track.join(old)).unwrap().len(), 96);
}

#[test]
fn a_stream_that_is_no_longer_written_is_removed_when_no_player_needs_it() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    let root = root.path();
    publish(&output, SEGMENT..SEGMENT + 2);
    let mut mirror = Mirror::new(root.to_owned(), output);
    mirror.sync().unwrap();
    let foreign =
        ["hls/other.m3u8", "live/test/a/58fe8eec/notes.txt", "live/test/v720/1.m4s", "live/unmarked/hls.m3u8"];
    fs::create_dir(root.join("live/unmarked")).unwrap();
    foreign.iter().for_each(|file| fs::write(root.join(file), "").unwrap());
    let hour = Duration::from_secs(3600);
    assert_eq!(search(root, hour), [""; 0], "it is written");
    drop(mirror);
    assert_eq!(search(root, KEEP - Duration::from_millis(1)), [""; 0], "players may need it");
    assert_eq!(search(root, KEEP), ["test"]);
    assert_eq!(files(root).into_iter().collect::<Vec<_>>(), foreign);
}

#[test]
fn the_files_of_two_writers_are_removed_when_neither_writes() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    publish(&output, [SEGMENT]);
    let mut mirrors = [1, 2].map(|_| Mirror::new(root.path().to_owned(), Arc::clone(&output)));
    mirrors.iter_mut().for_each(|mirror| mirror.sync().unwrap());
    let [one, other] = mirrors;
    for mirror in [one, other] {
        assert_eq!(search(root.path(), KEEP), [""; 0]);
        drop(mirror);
    }
    assert_eq!(search(root.path(), KEEP), ["test"]);
}

#[test]
fn nothing_is_removed_through_a_symbolic_link() {
    let (root, elsewhere, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), output());
    let (root, elsewhere) = (root.path(), elsewhere.path());
    publish(&output, [SEGMENT]);
    for root in [root, elsewhere] {
        Mirror::new(root.to_owned(), Arc::clone(&output)).sync().unwrap();
    }
    let before = files(elsewhere);
    for (link, target) in
        [("other", "live/test"), ("test/b", "live/test/a"), ("test/a/0badcafe", "live/test/a/58fe8eec")]
    {
        std::os::unix::fs::symlink(elsewhere.join(target), root.join("live").join(link)).unwrap();
    }
    assert_eq!(search(root, KEEP), ["test"]);
    assert_eq!(files(elsewhere), before);
    let left: Vec<_> = files(root).into_iter().collect();
    assert_eq!(left, ["live/other", "live/test/a/0badcafe", "live/test/b"], "the links");
}

#[test]
fn a_stream_whose_files_cannot_be_removed_does_not_stop_the_others() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    publish(&output, [SEGMENT]);
    Mirror::new(root.path().to_owned(), output).sync().unwrap();
    fs::create_dir(root.path().join("live/bad")).unwrap();
    std::os::unix::fs::symlink("/dev/null", root.path().join("live/bad/.barstone")).unwrap();
    let removals = leftovers::remove_abandoned(root.path(), UnixTime::from_millis(u64::MAX / 2_000_000)).unwrap();
    let outcomes: BTreeSet<_> = removals.iter().map(|(name, removed)| (name.as_str(), removed.is_ok())).collect();
    assert_eq!(outcomes, BTreeSet::from([("bad", false), ("test", true)]));
    // It is reported once.
    let failing = report(removals, &BTreeSet::new());
    assert_eq!(failing.iter().map(StreamName::as_str).collect::<Vec<_>>(), ["bad"]);
}

#[test]
fn a_stream_of_a_removed_name_keeps_its_files_and_loses_those_of_the_old_one() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    publish(&output, [SEGMENT]);
    Mirror::new(root.path().to_owned(), output).sync().unwrap();
    let mut request = StreamRequest::named("test");
    request.window_seconds = 10;
    request.audio = None;
    let new = Arc::new(Output::new(request.try_into().unwrap(), Revision::parse("0123abcd").unwrap()));
    initialise(&new);
    publish(&new, [SEGMENT]);
    let mut mirror = Mirror::new(root.path().to_owned(), Arc::clone(&new));
    mirror.sync().unwrap();
    assert_eq!(search(root.path(), KEEP), [""; 0]);
    let old = |file: &String| file.starts_with("live/test/a/") || file.contains("/58fe8eec/");
    assert_eq!(files(root.path()).iter().filter(|file| old(file)).count(), 5, "players may need them");
    for file in ["v720/58fe8eec", "a/58fe8eec", "a/hls.m3u8"] {
        age(&root.path().join("live/test").join(file));
    }
    publish(&new, [SEGMENT + 1]);
    mirror.sync().unwrap();
    let left: Vec<_> = files(root.path()).into_iter().filter(|file| file.starts_with("live/")).collect();
    insta::assert_snapshot!(left.join("\n"), @r"
    live/test/.barstone
    live/test/dash.mpd
    live/test/hls.m3u8
    live/test/v720/0123abcd/935016890.m4s
    live/test/v720/0123abcd/935016891.m4s
    live/test/v720/0123abcd/init.mp4
    live/test/v720/hls.m3u8
    live/test/v720/iframes.m3u8
    ");
}

#[tokio::test]
async fn the_end_of_a_presentation_is_written_also_when_the_mirror_ends_at_the_same_time() {
    let (root, output) = (tempfile::tempdir().unwrap(), output());
    publish(&output, [SEGMENT]);
    let stop = CancellationToken::new();
    let mirroring = mirror(Some(root.path().to_owned()), Arc::clone(&output), Arc::default(), stop.clone());
    let playlist = root.path().join("live/test/a/hls.m3u8");
    let ending = async {
        while !playlist.exists() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        output.end();
    };
    tokio::join!(mirroring, ending);
    assert!(fs::read_to_string(&playlist).unwrap().ends_with("#EXT-X-ENDLIST\n"));
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
async fn a_directory_that_cannot_be_created_is_counted_each_time() {
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
async fn clearing_a_stream_leaves_files_of_others() {
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
fn a_segment_also_has_the_name_that_the_mpd_gives_it() {
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
fn segments_past_the_end_of_a_period_are_written_for_players_with_the_old_mpd() {
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

#[test]
fn the_next_presentation_leaves_the_files_of_the_one_before_until_they_are_old() {
    let (root, before) = (tempfile::tempdir().unwrap(), output());
    publish(&before, SEGMENT..SEGMENT + 2);
    let mut mirror = Mirror::new(root.path().to_owned(), Arc::clone(&before));
    mirror.sync().unwrap();
    let earlier = crate::media::window::Earlier::default();
    let next = Output::new(before.spec.clone(), Revision::parse("0123abcd").unwrap());
    let next = Arc::new(next.in_presentation(1, earlier.clone()));
    initialise(&next);
    before.hand_over(before.spec.timeline.segment_start(SEGMENT + 3), UnixTime::default());
    earlier.add(Arc::clone(&before));
    publish(&next, SEGMENT..SEGMENT + 2);
    Mirror::new(root.path().to_owned(), Arc::clone(&next)).sync().unwrap();
    publish(&before, SEGMENT + 2..SEGMENT + 4);
    mirror.sync().unwrap();
    assert!(read(root.path(), "hls.m3u8").ends_with("#EXT-X-ENDLIST\n"));
    assert!(read(root.path(), "1/hls.m3u8").contains(&format!("\n../0123abcd/{SEGMENT}.m4s\n")));
    assert!(read(root.path(), "../hls.m3u8").contains("\nv720/1/hls.m3u8\n"), "the newest is referred to");
    assert!(files(root.path()).contains(&format!("live/test/a/58fe8eec/{}.m4s", SEGMENT + 2)));
    let later = UnixTime::from_millis(u64::from(u32::MAX) * 1000);
    let is_next = |revision: &Revision| revision.as_str() == "0123abcd";
    leftovers::remove_untouched(&root.path().join("live/test"), later, is_next).unwrap();
    let left = files(&root.path().join("live/test/a"));
    assert!(left.len() == 3 && left.iter().all(|file| file.starts_with("0123abcd/")), "{left:?}");
}
