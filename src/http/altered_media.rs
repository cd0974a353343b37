//! Media of a request with the changes of its conditions.

use std::ops::Range;

use axum::body::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use super::error::ApiError;
use crate::definition::condition::{Conditions, FaultKind, Identity, MediaFault, Resource, Track};
use crate::definition::spec::StreamSpec;
use crate::media::cmaf::{Media, Rewriting};
use crate::media::manifest::path::MediaFile;
use crate::media::manifest::rewriting;
use crate::media::window::Segment;

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
