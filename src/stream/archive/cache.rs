//! Segments that were rendered, limited in bytes; the least recently used segment is removed first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::block::Source;
use crate::media::window::Segment;

/// Memory of a chunk beside its bytes: lists of pieces, entity tags, and room that the packager has reserved.
const OVERHEAD: u64 = 1024;

#[derive(Debug)]
pub(super) struct Cache {
    limit: u64,
    bytes: u64,
    /// Number of uses so far.
    uses: u64,
    entries: HashMap<Arc<Source>, HashMap<u64, Entry>>,
    /// Segments by their last use.
    order: BTreeMap<u64, (Arc<Source>, u64)>,
}

#[derive(Debug)]
struct Entry {
    segment: Arc<Segment>,
    bytes: u64,
    used: u64,
    /// Whether the segment was requested, and not only rendered with its neighbours.
    requested: bool,
}

impl Cache {
    /// An empty cache of at most `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, bytes: 0, uses: 0, entries: HashMap::new(), order: BTreeMap::new() }
    }

    /// A segment that is requested.
    pub(super) fn get(&mut self, source: &Source, number: u64) -> Option<Arc<Segment>> {
        let entry = self.entries.get_mut(source)?.get_mut(&number)?;
        entry.requested = true;
        self.uses += 1;
        let key = self.order.remove(&entry.used).expect("every entry is in the order");
        entry.used = self.uses;
        self.order.insert(entry.used, key);
        Some(Arc::clone(&entry.segment))
    }

    pub(super) fn contains(&self, source: &Source, number: u64) -> bool {
        self.entry(source, number).is_some()
    }

    /// Whether the segment is in the cache and was requested.
    pub(super) fn was_requested(&self, source: &Source, number: u64) -> bool {
        self.entry(source, number).is_some_and(|entry| entry.requested)
    }

    /// Adds a segment, and removes others until the limit is kept.
    pub(super) fn insert(&mut self, source: &Source, segment: Arc<Segment>) {
        let (number, bytes) = (segment.number, weight(&segment));
        if bytes > self.limit || self.contains(source, number) {
            return;
        }
        while self.bytes + bytes > self.limit {
            self.remove_oldest();
        }
        self.bytes += bytes;
        self.uses += 1;
        let key =
            self.entries.get_key_value(source).map_or_else(|| Arc::new(source.clone()), |(key, _)| Arc::clone(key));
        self.order.insert(self.uses, (Arc::clone(&key), number));
        let entry = Entry { segment, bytes, used: self.uses, requested: false };
        self.entries.entry(key).or_default().insert(number, entry);
    }

    /// Marks a segment as requested. A request that waited for it did not find it in the cache.
    pub(super) fn request(&mut self, source: &Source, number: u64) {
        if let Some(entry) = self.entries.get_mut(source).and_then(|entries| entries.get_mut(&number)) {
            entry.requested = true;
        }
    }

    /// Bytes of memory that the segments take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn entry(&self, source: &Source, number: u64) -> Option<&Entry> {
        self.entries.get(source)?.get(&number)
    }

    fn remove_oldest(&mut self) {
        let Some((_, (source, number))) = self.order.pop_first() else { return };
        let Some(entries) = self.entries.get_mut(&source) else { return };
        if let Some(entry) = entries.remove(&number) {
            self.bytes -= entry.bytes;
        }
        if entries.is_empty() {
            self.entries.remove(&source);
        }
    }
}

fn weight(segment: &Segment) -> u64 {
    segment.chunks.iter().map(|chunk| chunk.media.memory() + OVERHEAD).sum()
}
