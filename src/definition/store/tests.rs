use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::contents::MAX_REMOVED;
use super::*;
use crate::definition::spec::{PushRequest, StreamRequest};

fn spec(name: &str) -> StreamSpec {
    StreamRequest::named(name).try_into().unwrap()
}

fn titled(name: &str, title: &str) -> StreamSpec {
    StreamSpec { title: title.into(), ..spec(name) }
}

fn name(name: &str) -> StreamName {
    StreamName::parse(name).unwrap()
}

fn at(millis: u64) -> UnixTime {
    UnixTime::from_millis(1_795_232_428_800 + millis)
}

fn open(directory: &TempDir) -> Definitions {
    Definitions::open(directory.path(), vec![spec("test")]).unwrap()
}

fn names(definitions: &Definitions) -> Vec<String> {
    definitions.known().keys().map(StreamName::to_string).collect()
}

fn file(directory: &TempDir, name: &str) -> std::path::PathBuf {
    directory.path().join("streams").join(name)
}

#[tokio::test]
async fn definitions_survive_a_reopening_of_the_directory() {
    let directory = TempDir::new().unwrap();
    let definitions = open(&directory);
    assert_eq!(definitions.put(titled("a", "first"), &Precondition::New, at(0)).await.unwrap(), Change::Created);
    assert_eq!(definitions.put(titled("a", "second"), &Precondition::Always, at(7)).await.unwrap(), Change::Replaced);
    definitions.enable(&name("a"), false, (&Precondition::Always, at(9))).await.unwrap();
    definitions.remove(&name("test"), &Precondition::Always, at(8)).await.unwrap();
    let known = definitions.known();
    drop(definitions);
    let again = open(&directory);
    assert_eq!(again.known(), known, "and the first stream, once deleted, stays so");
    let record = &again.known()[&name("a")];
    assert_eq!((record.changed, record.switched, record.spec.control.enabled), (at(9), at(9), false));
    assert_eq!(fs::read_dir(file(&directory, "")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_parsed_is_set_aside_and_the_others_are_read() {
    let directory = TempDir::new().unwrap();
    drop(open(&directory));
    let good = fs::read_to_string(file(&directory, "test.json")).unwrap();
    for (name, text) in [
        ("cut.json", &good[..40]),
        ("empty.json", ""),
        ("other.json", &good),
        ("wrong.json", &good.replace("smpte", "snow").replace("\"test\"", "\"wrong\"")),
    ] {
        fs::write(file(&directory, name), text).unwrap();
    }
    fs::write(file(&directory, "half.part"), &good[..9]).unwrap();
    fs::write(file(&directory, "notes.txt"), "not ours").unwrap();
    assert_eq!(names(&open(&directory)), ["test"]);
    let mut left: Vec<_> = fs::read_dir(file(&directory, ""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["cut.broken-1", "empty.broken-1", "notes.txt", "other.broken-1", "test.json", "wrong.broken-1"]);
}

#[tokio::test]
async fn a_state_directory_in_use_is_refused() {
    let directory = TempDir::new().unwrap();
    let first = open(&directory);
    let error = Definitions::open(directory.path(), Vec::new()).unwrap_err();
    let error = format!("{:#}", anyhow::Error::from(error));
    let place = directory.path().display();
    let expected =
        format!("state_dir: {place}: in use by another barstone; stop it, or give this one its own --state-dir");
    assert_eq!(error, expected);
    drop(first);
    open(&directory);
}

#[tokio::test]
async fn a_write_that_cannot_be_stored_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let definitions = open(&directory);
    // A directory of that name makes the write fail for every user, root included.
    fs::create_dir(file(&directory, "a.part")).unwrap();
    let error = definitions.put(spec("a"), &Precondition::Always, at(0)).await.unwrap_err();
    assert_eq!(error.to_string(), "could not save stream a: Is a directory");
    assert_eq!(names(&definitions), ["test"]);
    definitions.put(spec("b"), &Precondition::Always, at(0)).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_reported_by_name_and_no_half_written_file_stays() {
    let directory = TempDir::new().unwrap();
    let definitions = open(&directory);
    std::os::unix::fs::symlink("/dev/full", file(&directory, "disk.part")).unwrap();
    let error = definitions.put(spec("disk"), &Precondition::Always, at(0)).await.unwrap_err();
    assert_eq!(error.to_string(), "could not save stream disk: No space left on device");
    let WriteError::Store { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.place().to_string(), file(&directory, "disk.json").display().to_string());
    assert_eq!(fs::read_dir(file(&directory, "")).unwrap().count(), 1, "the first stream and nothing else");
}

#[tokio::test]
async fn a_declared_stream_is_read_only_and_overrides_a_stored_one() {
    let definitions = Definitions::in_memory(vec![titled("a", "made")]);
    definitions.declare(vec![titled("a", "declared"), spec("b")], at(0)).await;
    for write in [
        definitions.put(spec("a"), &Precondition::Always, at(0)).await.map(drop),
        definitions.remove(&name("b"), &Precondition::Always, at(0)).await,
    ] {
        assert!(matches!(write, Err(WriteError::Declared(_))));
    }
    definitions.enable(&name("a"), false, (&Precondition::Always, at(0))).await.unwrap();
    let record = definitions.known()[&name("a")].clone();
    assert_eq!((record.spec.title.as_str(), record.spec.control.enabled), ("declared", false));
    definitions.declare(vec![spec("c")], at(0)).await;
    assert_eq!(names(&definitions), ["a", "c"]);
    assert_eq!(definitions.known()[&name("a")].spec.title, "made", "it has only given way");
}

#[tokio::test]
async fn an_unchanged_declaration_keeps_a_stop_by_hand() {
    let definitions = Definitions::in_memory(Vec::new());
    definitions.declare(vec![spec("a"), spec("b")], at(0)).await;
    for stream in ["a", "b"] {
        definitions.enable(&name(stream), false, (&Precondition::Always, at(0))).await.unwrap();
    }
    let before = definitions.known();
    definitions.declare(vec![spec("a"), titled("b", "another"), spec("c")], at(0)).await;
    let known = definitions.known();
    assert!(Arc::ptr_eq(&before[&name("a")], &known[&name("a")]));
    assert!(known[&name("b")].spec.control.enabled);
    let mut seen = definitions.watch();
    definitions.declare(vec![spec("a"), titled("b", "another"), spec("c")], at(0)).await;
    assert!(!seen.has_changed().unwrap());
    definitions.declare(vec![spec("c")], at(0)).await;
    assert!(seen.changed().await.is_ok());
    assert_eq!(names(&definitions), ["c"]);
}

/// Another number of listed segments.
fn longer(name: &str) -> StreamSpec {
    StreamSpec { window: Duration::from_secs(90), ..spec(name) }
}

#[tokio::test]
async fn the_counters_of_a_stream_outlive_its_deletion_and_a_restart() {
    let directory = TempDir::new().unwrap();
    let definitions = open(&directory);
    definitions.put(spec("a"), &Precondition::New, at(0)).await.unwrap();
    let mut pushed = StreamRequest::from(&longer("a"));
    pushed.push = vec![PushRequest { url: "rtmp://example.com/app/secret".into(), video: None }];
    definitions.put(pushed.try_into().unwrap(), &Precondition::Always, at(1000)).await.unwrap();
    let before = definitions.known()[&name("a")].clone();
    assert_eq!(before.presentation, 1);
    definitions.remove(&name("a"), &Precondition::Always, at(2000)).await.unwrap();
    let text = fs::read_to_string(directory.path().join("counters/a.json")).unwrap();
    assert!(!text.contains("secret"), "keys of targets are deleted: {text}");
    drop(definitions);
    let definitions = open(&directory);
    assert!(!definitions.known().contains_key(&name("a")));
    definitions.put(longer("a"), &Precondition::New, at(3000)).await.unwrap();
    let same = definitions.known()[&name("a")].clone();
    assert_eq!((same.presentation, same.begin.joins, same.begin.number), (1, before.begin.joins, before.begin.number));
    assert_eq!((same.begin.described, same.changed, same.switched), (at(2001), at(3000), UnixTime::default()));
    assert!(!directory.path().join("counters/a.json").exists(), "its file has them");
    definitions.remove(&name("a"), &Precondition::Always, at(4000)).await.unwrap();
    definitions.put(spec("a"), &Precondition::New, at(5000)).await.unwrap();
    let other = definitions.known()[&name("a")].clone();
    assert_eq!((other.presentation, other.begin.joins, other.begin.number), (2, 0, before.begin.number + 1));
    assert!(other.begin.described == at(5000) && !other.removed && other.spec.control.enabled);
}

#[tokio::test]
async fn counters_of_the_streams_that_were_deleted_last_are_stored() {
    let definitions = Definitions::in_memory(Vec::new());
    for number in 0..=MAX_REMOVED as u64 {
        let stream = format!("s{number}");
        definitions.put(spec(&stream), &Precondition::New, at(number)).await.unwrap();
        definitions.remove(&name(&stream), &Precondition::Always, at(number)).await.unwrap();
    }
    let removed = &definitions.contents.lock().await.removed;
    assert!(removed.len() == MAX_REMOVED && !removed.contains_key(&name("s0")));
}

#[tokio::test]
async fn a_declared_stream_keeps_its_counters_over_a_restart() {
    let directory = TempDir::new().unwrap();
    let declare = async |spec: StreamSpec, millis: u64| {
        let definitions = open(&directory);
        definitions.declare(vec![spec], at(millis)).await;
        definitions.known()[&name("a")].clone()
    };
    let first = declare(spec("a"), 0).await;
    assert_eq!(*first, Record::given(spec("a"), Origin::Declared));
    assert_eq!(declare(spec("a"), 1000).await, first);
    let second = declare(longer("a"), 2000).await;
    assert_eq!((second.presentation, second.begin.described), (1, at(2000)));
    assert_eq!(declare(longer("a"), 3000).await, second);
}

#[tokio::test]
async fn a_changed_declaration_follows_on_the_previous_one() {
    let definitions = Definitions::in_memory(Vec::new());
    definitions.declare(vec![spec("a"), spec("b")], at(0)).await;
    let shorter = StreamSpec { window: Duration::from_secs(30), ..spec("b") };
    definitions.declare(vec![titled("a", "another"), shorter], at(0)).await;
    let known = definitions.known();
    let (switched, restarted) = (&known[&name("a")], &known[&name("b")]);
    let current = spec("a").timeline.segment_at(at(0));
    let starts: Vec<_> = switched.parts().iter().map(|part| part.begin.from).collect();
    assert_eq!(starts, [0, current + 2]);
    assert_eq!((switched.spec.title.as_str(), switched.origin), ("another", Origin::Declared));
    assert_eq!((restarted.before.len(), restarted.begin.from), (0, 0));
}

#[tokio::test]
async fn a_stored_stream_returns_when_its_declaration_is_removed() {
    let directory = TempDir::new().unwrap();
    let definitions = open(&directory);
    definitions.declare(vec![titled("test", "declared")], at(0)).await;
    assert_eq!(definitions.known()[&name("test")].origin, Origin::Declared);
    definitions.declare(Vec::new(), at(0)).await;
    assert_eq!(definitions.known()[&name("test")].origin, Origin::Stored);
}

#[tokio::test]
async fn a_precondition_prevents_a_write_from_undoing_another() {
    let definitions = Definitions::in_memory(vec![spec("a")]);
    let tag = || definitions.known()[&name("a")].tag();
    let old = tag();
    let precondition = Precondition::Unchanged(vec!["something".into(), old.clone()]);
    definitions.put(titled("a", "mine"), &precondition, at(0)).await.unwrap();
    assert_ne!(tag(), old);
    let gone = "there is no stream b to change; get the list of streams again";
    for (precondition, spec, expected) in [
        (precondition, titled("a", "theirs"), "stream a has changed since you read it; get it again"),
        (Precondition::Exists, spec("b"), gone),
        (Precondition::Unchanged(vec![old]), spec("b"), gone),
    ] {
        let error = definitions.put(spec, &precondition, at(1)).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert!(matches!(definitions.put(spec("a"), &Precondition::New, at(1)).await, Err(WriteError::Exists(_))));
    assert_eq!(definitions.known()[&name("a")].spec.title, "mine");
}

#[tokio::test]
async fn writing_an_equal_definition_changes_nothing() {
    let definitions = Definitions::in_memory(vec![spec("a")]);
    let before = definitions.known();
    assert_eq!(definitions.put(spec("a"), &Precondition::Always, at(5)).await.unwrap(), Change::Replaced);
    assert!(Arc::ptr_eq(&before, &definitions.known()));
}

#[tokio::test]
async fn creating_more_than_max_streams_is_refused() {
    let definitions = Definitions::in_memory(Vec::new());
    for number in 0..DEFAULT_MAX_STREAMS {
        definitions.put(spec(&format!("s{number}")), &Precondition::New, at(0)).await.unwrap();
    }
    let full = |allowed| format!("{allowed} streams exist, which is the limit; delete one, or raise max_streams");
    let create =
        async |name| definitions.put(spec(name), &Precondition::Always, at(0)).await.map_err(|error| error.to_string());
    assert_eq!(create("a").await, Err(full(DEFAULT_MAX_STREAMS)));
    definitions.put(titled("s0", "changed"), &Precondition::Always, at(0)).await.unwrap();
    definitions.set_max_streams(DEFAULT_MAX_STREAMS + 1);
    assert_eq!(create("a").await, Ok(Change::Created));
    definitions.set_max_streams(1);
    assert_eq!(create("b").await, Err(full(1)));
    assert_eq!(definitions.known().len(), DEFAULT_MAX_STREAMS + 1);
}

proptest! {
    #[test]
    fn any_file_is_read_or_set_aside(bytes: Vec<u8>) {
        let directory = TempDir::new().unwrap();
        drop(open(&directory));
        fs::write(file(&directory, "x.json"), bytes).unwrap();
        prop_assert_eq!(names(&open(&directory)), ["test"]);
    }
}
