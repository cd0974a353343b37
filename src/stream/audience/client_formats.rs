//! The manifest format that each client last requested. One table of fixed size serves all streams. A client that is
//! evicted from it counts as one with an unknown format.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Audience;
use crate::base::format::Format;
use crate::base::timeline::UnixTime;

/// Number of cells: 512 KiB, enough for about ten thousand viewers with their connections.
const CELLS: usize = 1 << 16;
/// Number of cells that a key may occupy. If all are occupied, the one used longest ago is overwritten.
const SLOTS: usize = 4;
/// Time after which a client is forgotten. A player requests several segments in this time, however long they are.
const FORGET_AFTER: Duration = Duration::from_secs(60);
const FORMAT_BITS: u32 = 2;
const SECOND_BITS: u32 = 30;
const SECONDS: u64 = (1 << SECOND_BITS) - 1;

/// Identifies a client by a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

/// The table of clients and formats.
pub struct ClientFormats {
    hasher: RandomState,
    cells: Box<[AtomicU64]>,
}

/// From the most significant bit: half of the key, the time in seconds and the format. 0 is an empty cell.
#[derive(Clone, Copy)]
struct Cell(u64);

impl ClientFormats {
    /// An empty table.
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Key of a client, from the values that identify it.
    pub fn key(&self, identity: &impl Hash) -> Key {
        Key(self.hasher.hash_one(identity))
    }

    /// Stores the format of the manifest that a client has requested.
    pub fn mark(&self, key: Key, format: Format, now: UnixTime) {
        let slots = || self.slots(key);
        let same = slots().find(|cell| load(cell).is(key));
        // An empty cell counts as the oldest.
        let oldest = || slots().max_by_key(|cell| load(cell).age(now).map_or(u64::MAX, |age| age.as_secs()));
        if let Some(cell) = same.or_else(oldest) {
            cell.store(Cell::new(key, format, now).0, Ordering::Relaxed);
        }
    }

    /// The format of a client that was marked or found within `FORGET_AFTER`.
    pub fn find(&self, key: Key, now: UnixTime) -> Option<Format> {
        let cell = self.slots(key).find(|cell| load(cell).is(key))?;
        let format = load(cell).format();
        load(cell).age(now).filter(|age| *age <= FORGET_AFTER)?;
        cell.store(Cell::new(key, format, now).0, Ordering::Relaxed);
        Some(format)
    }

    fn slots(&self, key: Key) -> impl Iterator<Item = &AtomicU64> {
        (0..SLOTS).map(move |place| &self.cells[(key.0 as usize).wrapping_add(place) % CELLS])
    }
}

impl Key {
    /// Key of the same client for one stream.
    #[must_use]
    pub fn in_stream(self, audience: &Audience) -> Self {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        Self(self.0 ^ audience.id.wrapping_mul(ODD))
    }
}

impl Cell {
    fn new(key: Key, format: Format, now: UnixTime) -> Self {
        Self(tag(key) | (now.as_secs() & SECONDS) << FORMAT_BITS | format as u64)
    }

    fn is(self, key: Key) -> bool {
        self.0 != 0 && self.0 >> (SECOND_BITS + FORMAT_BITS) == tag(key) >> (SECOND_BITS + FORMAT_BITS)
    }

    fn age(self, now: UnixTime) -> Option<Duration> {
        let seconds = now.as_secs().wrapping_sub(self.0 >> FORMAT_BITS) & SECONDS;
        (self.0 != 0).then_some(Duration::from_secs(seconds))
    }

    fn format(self) -> Format {
        Format::ALL[(self.0 & ((1 << FORMAT_BITS) - 1)) as usize]
    }
}

fn tag(key: Key) -> u64 {
    key.0 >> (SECOND_BITS + FORMAT_BITS) << (SECOND_BITS + FORMAT_BITS)
}

fn load(cell: &AtomicU64) -> Cell {
    Cell(cell.load(Ordering::Relaxed))
}

impl Default for ClientFormats {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ClientFormats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientFormats").finish_non_exhaustive()
    }
}
