//! The archive's cache in a directory.

use std::fs;
use std::path::Path;

use super::*;

impl Scripted {
    fn at(directory: &Path, bytes: u64) -> Self {
        Self::in_directory(bytes, Some(directory.to_owned()))
    }

    /// Ends the renders, and waits until all files are written.
    async fn end(self) {
        self.archive.0.setting.tasks.close();
        self.archive.0.setting.tasks.wait().await;
    }
}

/// The files of segments below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let mut all: Vec<_> = entries.flat_map(below).collect();
    all.sort();
    all
}

fn size(directory: &Path) -> u64 {
    files(directory).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

#[tokio::test(start_paused = true)]
async fn segments_on_disk_survive_a_restart() {
    let directory = TempDir::new().unwrap();
    let scripted = Scripted::at(directory.path(), PLENTY);
    let rendered = scripted.segment(OLD).await.unwrap();
    scripted.end().await;
    let again = Scripted::at(directory.path(), PLENTY);
    again.archive.0.setting.tasks.close();
    again.archive.0.setting.tasks.wait().await;
    assert!(again.metrics().archive_bytes.get() as u64 == size(directory.path()));
    again.archive.0.setting.tasks.reopen();
    let read = again.segment(OLD).await.unwrap();
    assert_eq!((hashes(&read), read.number), (hashes(&rendered), OLD));
    assert_eq!(again.metrics().archive_hits.get(), 1);
    assert!(!again.jobs().contains(&(OLD..OLD + 2)), "{:?}", again.jobs());
}

#[tokio::test(start_paused = true)]
async fn the_directory_is_limited_and_other_files_in_it_stay() {
    let directory = TempDir::new().unwrap();
    let scripted = Scripted::at(directory.path(), PLENTY);
    scripted.segment(OLD).await.unwrap();
    sleep(WORK * 20).await;
    let each = scripted.archive.0.state().cache.bytes() / 2;
    scripted.end().await;
    let written = files(directory.path());
    let [first, ..] = &written[..] else { panic!("nothing is written") };
    let others = ["notes.txt", "007.segment", "-1.segment", "1.segment.bak", "x.segment.part"]
        .map(|name| first.with_file_name(name));
    others.iter().for_each(|file| fs::write(file, "").unwrap());
    fs::create_dir_all(directory.path().join("lost+found/1.segment")).unwrap();
    let half = first.with_file_name("5.segment.part");
    fs::write(&half, "half").unwrap();

    let scripted = Scripted::at(directory.path(), each * 4);
    for number in (OLD + 10..OLD + 60).step_by(10) {
        scripted.segment(number).await.unwrap();
        sleep(WORK * 20).await;
        assert!(size(directory.path()) <= each * 4, "{:?}", files(directory.path()));
    }
    scripted.end().await;
    let left = files(directory.path());
    assert!(others.iter().all(|file| left.contains(file)) && !left.contains(&half), "{left:?}");
    assert!(!left.contains(first), "the first segment was used least recently: {left:?}");
    assert!(directory.path().join("lost+found/1.segment").exists());
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_cannot_be_written_is_no_error_of_the_client() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let scripted = Scripted::at(&file, PLENTY);
    for renders in 1..3 {
        assert!(scripted.segment(OLD).await.is_ok());
        sleep(WORK * 20).await;
        let of_it = scripted.jobs().into_iter().filter(|job| *job == (OLD..OLD + 2));
        assert_eq!(of_it.count(), renders, "nothing was stored");
    }
    assert_eq!(scripted.metrics().archive_bytes.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_is_rendered_again() {
    let directory = TempDir::new().unwrap();
    let scripted = Scripted::at(directory.path(), PLENTY);
    let rendered = scripted.segment(OLD).await.unwrap();
    sleep(WORK * 20).await;
    let file = files(directory.path()).into_iter().find(|file| file.ends_with(format!("{OLD}.segment"))).unwrap();
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (place, damaged) in [&whole[..whole.len() - 1], &[], &flipped].into_iter().enumerate() {
        fs::write(&file, damaged).unwrap();
        assert_eq!(hashes(&scripted.segment(OLD).await.unwrap()), hashes(&rendered));
        sleep(WORK * 20).await;
        assert_eq!(scripted.jobs().iter().filter(|job| job.start == OLD).count(), place + 2);
        assert_eq!(fs::read(&file).unwrap(), whole, "the file is whole again");
    }
}
