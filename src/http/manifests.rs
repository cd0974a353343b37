//! Manifests as they are sent: each is generated and compressed once for each change and shared by all who ask.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::manifest::{Place, View, dash, hls};
use crate::spec::{StreamName, TrackId};
use crate::timeline::UnixTime;
use crate::window::Output;

/// Which manifest of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Multivariant(Place),
    Media(TrackId),
    Iframes(TrackId),
    Mpd(Place),
}

/// A manifest, ready to send.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) text: Bytes,
    pub(super) gzip: Bytes,
    pub(super) etag: String,
    pub(super) gzip_etag: String,
    /// End of the newest segment that it lists.
    pub(super) modified: UnixTime,
}

/// The newest rendering of each manifest that somebody has asked for.
#[derive(Debug, Default)]
pub(super) struct Manifests(Mutex<HashMap<Key, (Version, Arc<Rendered>)>>);

type Key = (StreamName, Kind);

/// Which output, and what state of its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    output: u64,
    windows: Vec<u64>,
}

impl Manifests {
    /// The manifest as it is now; `None` if there is nothing to play yet, or no such track.
    pub(super) fn get(&self, output: &Output, kind: Kind) -> Option<Arc<Rendered>> {
        let view = View::of(output);
        if !view.is_playable() {
            return None;
        }
        let windows = view.snapshots.iter().map(|snapshot| snapshot.version()).collect();
        let version = Version { output: output.id, windows };
        let key = (output.spec.name.clone(), kind);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        match known {
            Some((known, rendered)) if known == version => Some(rendered),
            Some(_) | None => {
                let rendered = Arc::new(render(&view, &key.1)?);
                let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(key, (version, Arc::clone(&rendered)));
                Some(rendered)
            }
        }
    }

    /// Forgets a stream that is no longer there.
    pub(super) fn forget(&self, stream: &StreamName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(name, _), _| name != stream);
    }
}

fn render(view: &View<'_>, kind: &Kind) -> Option<Rendered> {
    let text = match kind {
        Kind::Multivariant(place) => hls::multivariant(view, *place),
        Kind::Media(track) => hls::media(view, track)?,
        Kind::Iframes(track) => hls::iframes(view, track)?,
        Kind::Mpd(place) => dash::mpd(view, *place)?,
    };
    let newest = view.snapshots.iter().filter_map(|snapshot| snapshot.last_complete()).max()?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).ok()?;
    let gzip = gzip.finish().ok()?;
    let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    Some(Rendered {
        text: text.into(),
        gzip: gzip.into(),
        etag: format!("\"{hash:016x}\""),
        gzip_etag: format!("\"{hash:016x}-gzip\""),
        modified: view.spec.timeline.segment_start(newest + 1),
    })
}
