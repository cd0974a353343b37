//! What a publisher sends, decoded, between the decoders and the encoders. Neither waits for the other.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gstreamer as gst;

use super::jitter_buffer::{DELAY, JitterBuffer};
use crate::base::timeline::UnixTime;

/// Most pictures that wait for their time, at least half a second.
const MOST_PICTURES: usize = 32;

/// Pictures and sound of one stream.
#[derive(Debug)]
pub(super) struct Published {
    /// For each rendition the pictures in its size, I420, with the times from which they are shown.
    pictures: Vec<Mutex<VecDeque<(UnixTime, gst::Buffer)>>>,
    sound: Mutex<JitterBuffer>,
}

impl Published {
    /// Nothing for so many renditions.
    pub(super) fn new(renditions: usize) -> Self {
        Self { pictures: (0..renditions).map(|_| Mutex::default()).collect(), sound: Mutex::default() }
    }

    /// Adds a picture of a rendition, which arrived at `arrived`.
    pub(super) fn add_picture(&self, rendition: usize, arrived: UnixTime, picture: gst::Buffer) {
        let mut pictures = lock(&self.pictures[rendition]);
        if pictures.len() == MOST_PICTURES {
            pictures.pop_front();
        }
        pictures.push_back((arrived + DELAY, picture));
    }

    /// The picture that a rendition shows at `time`, if there is one. Earlier pictures are removed.
    pub(super) fn picture(&self, rendition: usize, time: UnixTime) -> Option<gst::Buffer> {
        let mut pictures = lock(&self.pictures[rendition]);
        while pictures.get(1).is_some_and(|(from, _)| *from <= time) {
            pictures.pop_front();
        }
        pictures.front().filter(|(from, _)| *from <= time).map(|(_, picture)| picture.clone())
    }

    /// Removes all pictures: nobody publishes any.
    pub(super) fn clear_pictures(&self) {
        self.pictures.iter().for_each(|pictures| lock(pictures).clear());
    }

    /// The sound.
    pub(super) fn sound(&self) -> MutexGuard<'_, JitterBuffer> {
        lock(&self.sound)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_picture_whose_time_has_come_is_shown() {
        super::super::probe().unwrap();
        let published = Published::new(1);
        let start = UnixTime::from_millis(1_795_232_428_800);
        for number in 0..3 {
            let arrived = start + Duration::from_millis(40 * number);
            published.add_picture(0, arrived, gst::Buffer::from_slice(vec![number as u8]));
        }
        let shown = |millis| {
            let picture = published.picture(0, start + DELAY + Duration::from_millis(millis));
            picture.map(|picture| picture.map_readable().unwrap()[0])
        };
        assert_eq!(published.picture(0, start), None);
        assert_eq!([0, 39, 40, 79, 120, 5000].map(shown), [0, 0, 1, 1, 2, 2].map(Some));
        published.clear_pictures();
        assert_eq!(shown(6000), None);
    }
}
