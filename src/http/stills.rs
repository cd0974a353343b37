//! Painted stills. Each still is painted once for all requests that want it, and the most recently used stills are cached.
//! Few are painted simultaneously, on threads with a low priority, so that live streams stay on time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use tokio::sync::{OnceCell, Semaphore, oneshot};
use tokio::time::timeout;

use super::error::ApiError;
use super::stream_lookup::DEADLINE;
use crate::base::background;
use crate::media::still::Still;
use crate::stream::cores;

/// Most bytes of stills in the cache: a thousand stills of the page.
const CACHE_BYTES: usize = 16 << 20;
/// Most stills that wait to be painted: about two seconds of work with pictures of 1280 by 720 pixels.
const WAITING: usize = 256;

/// The stills of a server.
pub(super) struct Stills {
    cache: Mutex<Cache>,
    /// One for each still that is being painted.
    painting: Arc<Semaphore>,
    /// One for each still that is being painted or waits for it.
    places: Semaphore,
}

#[derive(Default)]
struct Cache {
    entries: HashMap<Still, Entry>,
    /// Number of uses so far.
    uses: u64,
}

/// A still that is cached or being painted.
struct Entry {
    file: Arc<OnceCell<Bytes>>,
    /// Number of its last use.
    used: u64,
}

impl Default for Stills {
    fn default() -> Self {
        // The other half of the cores is left to live streams and to connections.
        let painting = Arc::new(Semaphore::new((cores() / 2).max(1)));
        Self { cache: Mutex::default(), painting, places: Semaphore::new(WAITING) }
    }
}

impl Stills {
    /// The file of a still.
    ///
    /// # Errors
    /// [`ApiError::StillsBusy`] if too many stills wait, or the still has waited for too long.
    pub(super) async fn file(&self, still: &Still) -> Result<Bytes, ApiError> {
        let file = self.cache().entry(still);
        if let Some(file) = file.get() {
            return Ok(file.clone());
        }
        // If this request ends early, another one that waits paints the still.
        let painted = file.get_or_try_init(|| self.paint(still.clone())).await.cloned();
        drop(file);
        self.cache().limit(CACHE_BYTES);
        painted
    }

    async fn paint(&self, still: Still) -> Result<Bytes, ApiError> {
        let _place = self.places.try_acquire().map_err(|_| ApiError::StillsBusy)?;
        let turn = timeout(DEADLINE, Arc::clone(&self.painting).acquire_owned());
        let permit = turn.await.map_err(|_| ApiError::StillsBusy)?.map_err(|_| ApiError::Internal)?;
        let (sender, file) = oneshot::channel();
        let work = move || {
            // Nobody receives it if the request has ended.
            let _ = sender.send(still.paint());
            drop(permit);
        };
        background::spawn("still", work).map_err(|error| {
            tracing::warn!(%error, "cannot start a thread for a still");
            ApiError::StillsBusy
        })?;
        file.await.ok().flatten().map(Bytes::from).ok_or(ApiError::Internal)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn entry(&mut self, still: &Still) -> Arc<OnceCell<Bytes>> {
        self.uses += 1;
        let used = self.uses;
        let entry = self.entries.entry(still.clone()).or_insert_with(|| Entry { file: Arc::default(), used });
        entry.used = used;
        Arc::clone(&entry.file)
    }

    /// Removes stills that nobody paints any more, and the least recently used ones until the others have at most `limit` bytes.
    fn limit(&mut self, limit: usize) {
        self.entries.retain(|_, entry| entry.file.initialized() || Arc::strong_count(&entry.file) > 1);
        let mut by_use: Vec<_> = self.entries.values().map(|entry| (entry.used, entry.bytes())).collect();
        by_use.sort_unstable_by(|one, other| other.cmp(one));
        let mut bytes = 0;
        let removed = by_use.into_iter().find(|(_, size)| {
            bytes += size;
            bytes > limit
        });
        if let Some((newest, _)) = removed {
            self.entries.retain(|_, entry| entry.used > newest);
        }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        self.file.get().map_or(0, Bytes::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::spec::StreamSpec;
    use crate::media::signal::Picture;
    use crate::media::still::ImageFormat;

    fn still(frame: u64) -> Still {
        let spec = StreamSpec::test();
        Still { picture: Picture::of(&spec, &spec.video[0]), frame, width: 160, format: ImageFormat::Jpeg }
    }

    #[tokio::test]
    async fn a_still_is_painted_once() {
        let (stills, still) = (Stills::default(), still(0));
        let files = futures_util::future::try_join_all((0..8).map(|_| stills.file(&still))).await.unwrap();
        assert!(files.iter().all(|file| file.as_ptr() == files[0].as_ptr()));
    }

    #[tokio::test]
    async fn a_still_is_painted_although_the_first_request_has_ended() {
        let stills = Stills::default();
        let first = tokio::time::timeout(std::time::Duration::ZERO, stills.file(&still(0))).await;
        assert!(first.is_err());
        assert!(stills.file(&still(0)).await.is_ok());
    }

    #[tokio::test]
    async fn a_still_that_would_wait_for_too_long_is_refused() {
        let stills = Stills { places: Semaphore::new(0), ..Stills::default() };
        assert!(matches!(stills.file(&still(0)).await, Err(ApiError::StillsBusy)));
        stills.cache().limit(CACHE_BYTES);
        assert!(stills.cache().entries.is_empty());
    }

    #[test]
    fn the_least_recently_used_stills_are_removed() {
        let mut cache = Cache::default();
        for frame in 0..4 {
            cache.entry(&still(frame)).set(Bytes::from_static(&[0; 10])).unwrap();
        }
        cache.entry(&still(1));
        cache.limit(20);
        let mut left: Vec<_> = cache.entries.keys().map(|still| still.frame).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 3]);
    }
}
