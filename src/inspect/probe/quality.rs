//! How good pictures still are: each is compared with its original, which is painted again. The comparison runs on a thread of
//! its own, so that it makes no picture late, and ffmpeg, which computes VMAF, makes no comparison late.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::figures::Quality;
use super::strip::Luma;
use crate::definition::spec::StreamSpec;
use crate::media::signal::Timecode;
use originals::{Compared, Originals};
use results::Results;
use vmaf::{Pair, Vmaf};

mod compare;
mod originals;
mod results;
mod scale;
mod vmaf;

/// Pictures that wait for the thread.
const WAITING: usize = 2;

/// A picture whose rows have no space between them.
#[derive(Debug)]
struct Received {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
    strip: Timecode,
}

/// Passes pictures to the thread that compares them.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    /// `None` ends the thread.
    queue: SyncSender<Option<Received>>,
    /// Whether pictures wait for the thread. Otherwise, pictures that come while it is busy are skipped.
    is_patient: Arc<AtomicBool>,
    results: Arc<Mutex<Results>>,
}

/// The thread of a [`Meter`].
#[derive(Debug)]
pub(super) struct Comparison(JoinHandle<()>);

impl Meter {
    /// Starts a thread that compares pictures with the renditions of `spec`.
    pub(super) fn start(spec: &StreamSpec) -> (Self, Comparison) {
        let (queue, received) = sync_channel::<Option<Received>>(WAITING);
        let results = Arc::new(Mutex::new(Results::default()));
        let meter = Self { queue, is_patient: Arc::default(), results: Arc::clone(&results) };
        let is_patient = Arc::clone(&meter.is_patient);
        let spec = spec.clone();
        let thread = thread::spawn(move || {
            let (mut originals, mut vmaf) = (Originals::new(&spec), Vmaf::start(Arc::clone(&results)));
            while let Ok(Some(Received { pixels, width, height, strip })) = received.recv() {
                let found = originals.compare(Luma { pixels: &pixels, stride: width, width, height }, strip);
                lock(&results).add(found.as_ref().map(|(compared, _)| compared));
                if let Some((Compared { rendition, size, .. }, original)) = found {
                    let pair = Pair { rendition, size, received: pixels, original };
                    vmaf.add(pair, is_patient.load(Ordering::Relaxed));
                }
            }
            vmaf.finish();
        });
        (meter, Comparison(thread))
    }

    /// Skips no picture from now on: the player waits.
    pub(super) fn skip_nothing(&self) {
        self.is_patient.store(true, Ordering::Relaxed);
    }

    /// Compares the next picture.
    pub(super) fn add(&self, picture: Luma<'_>, strip: Timecode) {
        let Luma { width, height, .. } = picture;
        let pixels = (0..height).flat_map(|y| picture.row(y)).copied().collect();
        let received = Some(Received { pixels, width, height, strip });
        if self.is_patient.load(Ordering::Relaxed) {
            // After its end, the thread needs no picture.
            let _ = self.queue.send(received);
        } else if let Err(TrySendError::Full(_)) = self.queue.try_send(received) {
            lock(&self.results).skip();
        }
    }

    /// The figures so far.
    pub(super) fn figures(&self) -> Quality {
        lock(&self.results).figures()
    }

    /// Ends the thread, and returns the figures of all pictures.
    pub(super) fn finish(&self, comparison: Comparison) -> Quality {
        // Fails if the thread has panicked, which leaves the figures before that.
        let _ = self.queue.send(None);
        let _ = comparison.0.join();
        self.figures()
    }
}

fn lock(results: &Mutex<Results>) -> MutexGuard<'_, Results> {
    results.lock().unwrap_or_else(PoisonError::into_inner)
}
