//! Who has been seen lately, and by what manifest they play. A table of fixed size for all streams; who is forgotten in it
//! is a stranger again, which is the worst that happens.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Audience, Format};
use crate::base::timeline::UnixTime;

/// Half a megabyte: some ten thousand viewers with their connections.
const CELLS: usize = 1 << 16;
/// Places that one may have; with all taken the one who was seen longest ago gives way.
const PLACES: usize = 4;
/// A player asks several times in that, whatever the lengths of its segments.
const MEMORY: Duration = Duration::from_secs(60);
const FORMAT_BITS: u32 = 2;
const SECOND_BITS: u32 = 30;
const SECONDS: u64 = (1 << SECOND_BITS) - 1;

/// Stands for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

/// Those who have been seen.
pub struct ClientFormats {
    hasher: RandomState,
    cells: Box<[AtomicU64]>,
}

/// From the top: half of the key, when, and the format. Nobody, if it is 0.
#[derive(Clone, Copy)]
struct Cell(u64);

impl ClientFormats {
    /// Nobody.
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The key of whoever this tells from others.
    pub fn key(&self, who: &impl Hash) -> Key {
        Key(self.hasher.hash_one(who))
    }

    /// Notes by what manifest somebody plays.
    pub fn mark(&self, key: Key, format: Format, now: UnixTime) {
        let places = || self.places(key);
        let same = places().find(|cell| load(cell).is(key));
        // Age grows from 0, and somebody who is not there is the oldest.
        let oldest = || places().max_by_key(|cell| load(cell).age(now).map_or(u64::MAX, |age| age.as_secs()));
        if let Some(cell) = same.or_else(oldest) {
            cell.store(Cell::new(key, format, now).0, Ordering::Relaxed);
        }
    }

    /// By what manifest somebody plays who was seen lately, and is seen now.
    pub fn find(&self, key: Key, now: UnixTime) -> Option<Format> {
        let cell = self.places(key).find(|cell| load(cell).is(key))?;
        let format = load(cell).format();
        load(cell).age(now).filter(|age| *age <= MEMORY)?;
        cell.store(Cell::new(key, format, now).0, Ordering::Relaxed);
        Some(format)
    }

    fn places(&self, key: Key) -> impl Iterator<Item = &AtomicU64> {
        (0..PLACES).map(move |place| &self.cells[(key.0 as usize).wrapping_add(place) % CELLS])
    }
}

impl Key {
    /// The same person watching one stream among several.
    #[must_use]
    pub fn at(self, audience: &Audience) -> Self {
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
