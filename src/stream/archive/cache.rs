//! Segments that were rendered, in memory or on disk, limited in bytes; the least recently used segment is removed first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::block::Source;
use crate::media::window::Segment;

/// Memory of a chunk in addition to its bytes: lists of pieces, entity tags, and room that the packager has reserved.
const OVERHEAD: u64 = 1024;

#[derive(Debug)]
pub(super) struct Cache {
    limit: u64,
    bytes: u64,
    /// Number of uses so far.
    uses: u64,
    entries: HashMap<Arc<Source>, HashMap<u64, Entry>>,
    /// Segments by their last use.
    order: BTreeMap<u64, Key>,
    /// Segments that were removed, whose files are still on disk.
    obsolete: Vec<Key>,
}

/// A segment by its number.
pub(super) type Key = (Arc<Source>, u64);

/// A segment of the cache.
#[derive(Debug, Clone)]
pub(super) enum Stored {
    Memory(Arc<Segment>),
    Disk,
}

#[derive(Debug)]
struct Entry {
    stored: Stored,
    bytes: u64,
    used: u64,
    /// Whether the segment was requested, and not only rendered with its neighbours.
    requested: bool,
}

impl Cache {
    /// An empty cache of at most `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, bytes: 0, uses: 0, entries: HashMap::new(), order: BTreeMap::new(), obsolete: Vec::new() }
    }

    /// A segment that is requested.
    pub(super) fn get(&mut self, source: &Source, number: u64) -> Option<Stored> {
        let entry = self.entries.get_mut(source)?.get_mut(&number)?;
        entry.requested = true;
        self.uses += 1;
        let key = self.order.remove(&entry.used).expect("every entry is in the order");
        entry.used = self.uses;
        self.order.insert(entry.used, key);
        Some(entry.stored.clone())
    }

    pub(super) fn contains(&self, source: &Source, number: u64) -> bool {
        self.entry(source, number).is_some()
    }

    /// Whether the segment is in the cache and was requested.
    pub(super) fn was_requested(&self, source: &Source, number: u64) -> bool {
        self.entry(source, number).is_some_and(|entry| entry.requested)
    }

    /// Adds a segment that takes `bytes`, and removes others until the limit is kept.
    pub(super) fn insert(&mut self, source: &Source, number: u64, (stored, bytes): (Stored, u64)) {
        if bytes > self.limit || self.contains(source, number) {
            return;
        }
        while self.bytes + bytes > self.limit {
            let Some((_, (source, number))) = self.order.pop_first() else { break };
            if let Some(Stored::Disk) = self.take(&source, number) {
                self.obsolete.push((source, number));
            }
        }
        self.bytes += bytes;
        self.uses += 1;
        let key =
            self.entries.get_key_value(source).map_or_else(|| Arc::new(source.clone()), |(key, _)| Arc::clone(key));
        self.order.insert(self.uses, (Arc::clone(&key), number));
        let entry = Entry { stored, bytes, used: self.uses, requested: false };
        self.entries.entry(key).or_default().insert(number, entry);
    }

    /// Marks a segment as requested. A request that waited for it did not find it in the cache.
    pub(super) fn request(&mut self, source: &Source, number: u64) {
        if let Some(entry) = self.entries.get_mut(source).and_then(|entries| entries.get_mut(&number)) {
            entry.requested = true;
        }
    }

    /// Removes a segment. Its file, if there is one, stays.
    pub(super) fn remove(&mut self, source: &Source, number: u64) {
        if let Some(used) = self.entry(source, number).map(|entry| entry.used) {
            self.order.remove(&used);
            self.take(source, number);
        }
    }

    /// Replaces a segment in memory by its file. If the segment was removed meanwhile, its file is obsolete.
    pub(super) fn move_to_disk(&mut self, source: &Source, number: u64) {
        match self.entries.get_mut(source).and_then(|entries| entries.get_mut(&number)) {
            Some(entry) => entry.stored = Stored::Disk,
            None => self.obsolete.push((Arc::new(source.clone()), number)),
        }
    }

    /// Segments that were removed and whose files are still on disk, for a caller that removes the files.
    pub(super) fn take_obsolete(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.obsolete)
    }

    /// Bytes that the segments take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn entry(&self, source: &Source, number: u64) -> Option<&Entry> {
        self.entries.get(source)?.get(&number)
    }

    /// Takes a segment out of the entries, but not out of the order.
    fn take(&mut self, source: &Source, number: u64) -> Option<Stored> {
        let entries = self.entries.get_mut(source)?;
        let entry = entries.remove(&number)?;
        if entries.is_empty() {
            self.entries.remove(source);
        }
        self.bytes -= entry.bytes;
        Some(entry.stored)
    }
}

/// Bytes that a segment takes in memory.
pub(super) fn weight(segment: &Segment) -> u64 {
    segment.chunks.iter().map(|chunk| chunk.media.memory() + OVERHEAD).sum()
}
