//! Media of a request with the changes of its conditions.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use super::error::ApiError;
use crate::definition::condition::{Conditions, FaultKind, Identity, MediaFault, Resource, Track};
use crate::definition::spec::StreamSpec;
use crate::media::cmaf::{Media, Rewriting};
use crate::media::manifest::path::MediaFile;
use crate::media::manifest::rewriting;
use crate::media::window::Segment;

/// Most bytes of altered media that are stored.
const MOST_STORED: u64 = 16 << 20;

/// Altered segments and chunks, each made once for many requests.
#[derive(Debug, Default)]
pub(super) struct AlteredMedia(Mutex<Stored>);

/// What altered media are made of: the entity tag of the plain media, the number of their first chunk, and the change.
type Origin = (String, u32, Rewriting);

#[derive(Debug, Default)]
struct Stored {
    media: HashMap<Origin, Media>,
    /// The oldest first.
    order: VecDeque<Origin>,
    bytes: u64,
}

impl AlteredMedia {
    /// Complete media, the first chunk of which is `first`, with the changes of a request.
    ///
    /// # Errors
    /// [`ApiError::Internal`] if the media cannot be changed.
    pub(super) fn get(&self, alteration: &Alteration, plain: Media, first: u32) -> Result<Media, ApiError> {
        let Some(rewriting) = alteration.rewriting else { return Ok(plain) };
        let origin = (plain.etag().to_owned(), first, rewriting);
        if let Some(stored) = self.stored().media.get(&origin) {
            return Ok(stored.clone());
        }
        let altered = alteration.chunks(first)(plain)?;
        self.stored().insert(origin, altered.clone());
        Ok(altered)
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    fn insert(&mut self, origin: Origin, media: Media) {
        if media.memory() > MOST_STORED || self.media.contains_key(&origin) {
            return;
        }
        self.bytes += media.memory();
        self.order.push_back(origin.clone());
        self.media.insert(origin, media);
        while self.bytes > MOST_STORED {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= self.media.remove(&oldest).map_or(0, |media| media.memory());
        }
    }
}

/// What conditions change in a file.
#[derive(Debug)]
pub(super) struct Alteration {
    /// The conditions that change it.
    pub(super) conditions: Conditions,
    rewriting: Option<Rewriting>,
}

impl Alteration {
    /// The change of `file` of a track by conditions under which numbers count from segment `origin`. The path is the plain one.
    pub(super) fn of(
        conditions: &Conditions,
        spec: &StreamSpec,
        (file, resource, track, path): (MediaFile, Resource, Track<'_>, &str),
        origin: u64,
    ) -> Self {
        let own = conditions.of_resource(resource, Some(track));
        let (MediaFile::Segment(segment) | MediaFile::Chunk { segment, .. }) = file else {
            return Self { conditions: own.with_faults(|_| false), rewriting: None };
        };
        let media = Identity::of_segment((resource, track, path), &spec.timeline, (segment, origin));
        let conditions = own.with_faults(|fault| rewriting::acts(fault, spec, &media, (segment, origin)));
        let rewriting = rewriting::rewriting(&conditions, spec, &media, (segment, origin));
        Self { conditions, rewriting }
    }

    /// Whether a part is to be sent before it is whole.
    pub(super) fn is_early(&self) -> bool {
        self.conditions.faults().any(|fault| fault.kind == FaultKind::Media(MediaFault::EarlyHint))
    }

    /// A way to change chunks, `first` of which is the first, that owns all it needs.
    pub(super) fn chunks(&self, first: u32) -> impl Fn(Media) -> Result<Media, ApiError> + Send + use<> {
        let rewriting = self.rewriting;
        move |media| match rewriting {
            None => Ok(media),
            Some(rewriting) => rewriting.apply(&media, first).ok_or(ApiError::Internal),
        }
    }

    /// Bytes of the published chunks of a segment.
    pub(super) fn slice(&self, segment: &Segment, range: Range<u64>) -> Result<Vec<Bytes>, ApiError> {
        if self.rewriting.is_none() {
            return Ok(segment.slice(range));
        }
        let published = Media::concat(segment.chunks.iter().map(|chunk| &chunk.media));
        Ok(self.chunks(0)(published)?.slice(range))
    }

    /// The chunks of a segment from the first, each as soon as it is published.
    pub(super) fn stream<S: Stream<Item = Result<Bytes, ApiError>>>(
        &self,
        chunks: S,
    ) -> impl Stream<Item = Result<Bytes, ApiError>> + use<S> {
        let rewriting = self.rewriting;
        chunks.zip(stream::iter(0..)).map(move |(chunk, index)| match rewriting {
            None => chunk,
            Some(rewriting) => {
                let media = rewriting.apply(&Media::new(vec![chunk?]), index);
                Ok(media.ok_or(ApiError::Internal)?.joined())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(number: u32) -> Origin {
        (String::new(), number, Rewriting::default())
    }

    #[test]
    fn altered_media_take_bounded_memory() {
        let mut stored = Stored::default();
        let media = Media::from(vec![0; MOST_STORED as usize / 4]);
        (0..6).for_each(|number| stored.insert(origin(number), media.clone()));
        stored.insert(origin(5), media);
        assert_eq!((stored.media.len(), stored.order.len(), stored.bytes), (4, 4, MOST_STORED));
        assert!(!stored.media.contains_key(&origin(1)) && stored.media.contains_key(&origin(2)));
        stored.insert(origin(6), Media::from(vec![0; MOST_STORED as usize + 1]));
        assert_eq!((stored.media.len(), stored.bytes), (4, MOST_STORED));
    }
}
