//! Assignment of the encoding capacity to streams, as pure functions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::definition::spec::StreamName;

/// Pixels per second that any current machine encodes on each core. Streams that need more wait until the capacity is
/// measured.
const UNMEASURED: u64 = 200_000_000;

/// Encoding capacity: the pixels of all pictures that may be encoded per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Capacity {
    /// No limit.
    #[default]
    Unlimited,
    /// The capacity is not measured yet.
    Unmeasured {
        /// Number of cores.
        cores: usize,
    },
    /// Pixels per second.
    Limited(u64),
}

/// A stream that needs more than the free capacity. All numbers are pixels per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, JsonSchema)]
#[error(
    "not enough capacity: needs {}, {} of {} free. Stop a stream, lower size or frame rate, or raise max_pixels_per_second",
    megapixels(*wanted),
    tenths(capacity.saturating_sub(*used)),
    tenths(*capacity)
)]
pub struct NoRoom {
    /// Pixels per second that the stream needs.
    pub wanted: u64,
    /// Pixels per second that other streams use.
    pub used: u64,
    /// Pixels per second that this server can encode or is allowed to encode.
    pub capacity: u64,
}

fn megapixels(pixels: u64) -> String {
    format!("{} Mpixel/s", tenths(pixels))
}

/// `pixels` in millions with one decimal.
fn tenths(pixels: u64) -> String {
    format!("{:.1}", pixels as f64 / 1e6)
}

/// A stream that should run.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) name: &'a StreamName,
    /// Pixels per second that it needs.
    pub(super) pixels: u64,
    /// Whether the stream has its capacity already.
    pub(super) settled: bool,
    /// Whether the stream waits for required streams, which get capacity first.
    pub(super) after: bool,
}

impl Capacity {
    /// The capacity in pixels per second.
    pub(super) fn most(self) -> u64 {
        match self {
            Self::Unlimited => u64::MAX,
            Self::Unmeasured { cores } => UNMEASURED.saturating_mul(cores as u64),
            Self::Limited(pixels) => pixels,
        }
    }

    /// Whether `wanted` fits beside `used`. An audio stream needs no capacity.
    pub(super) fn check(self, wanted: u64, used: u64) -> Result<(), NoRoom> {
        let capacity = self.most();
        match wanted == 0 || used.saturating_add(wanted) <= capacity {
            true => Ok(()),
            false => Err(NoRoom { wanted, used, capacity }),
        }
    }

    /// Assigns the capacity. Running streams keep theirs; others get the rest in order of their names, each if it fits.
    /// Returns the sum in use, and the streams that must wait.
    pub(super) fn share(self, mut claims: Vec<Claim>) -> (u64, BTreeMap<StreamName, NoRoom>) {
        claims.sort_by_key(|claim| (!claim.settled, claim.after, claim.name));
        let (mut used, mut waiting) = (0_u64, BTreeMap::new());
        for claim in claims {
            match self.check(claim.pixels, used) {
                Err(no_room) if !claim.settled => _ = waiting.insert(claim.name.clone(), no_room),
                Ok(()) | Err(_) => used = used.saturating_add(claim.pixels),
            }
        }
        (used, waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(capacity: Capacity, claims: &[(&str, u64, bool, bool)], used: u64, waiting: &[&str]) {
        let names: Vec<_> = claims.iter().map(|claim| StreamName::parse(claim.0).unwrap()).collect();
        let claims = claims.iter().zip(&names);
        let claims = claims.map(|(&(_, pixels, settled, after), name)| Claim { name, pixels, settled, after });
        let (found, waits) = capacity.share(claims.collect());
        assert_eq!((found, waits.keys().map(StreamName::as_str).collect::<Vec<_>>()), (used, waiting.to_vec()));
    }

    #[test]
    fn a_stream_over_the_capacity_is_refused_with_need_and_free_capacity() {
        let no_room = NoRoom { wanted: 51_840_000, used: 5_760_000, capacity: 12_000_000 };
        let expected = "not enough capacity: needs 51.8 Mpixel/s, 6.2 of 12.0 free. \
            Stop a stream, lower size or frame rate, or raise max_pixels_per_second";
        assert_eq!(no_room.to_string(), expected);
    }

    #[test]
    fn capacity_is_assigned_in_order_of_names() {
        let three = [("c", 4, false, false), ("a", 4, false, false), ("b", 4, false, false)];
        check(Capacity::Limited(8), &three, 8, &["c"]);
        check(Capacity::Unlimited, &three, 12, &[]);
        check(Capacity::Unmeasured { cores: 2 }, &[("a", 400_000_001, false, false)], 0, &["a"]);
    }

    #[test]
    fn a_stream_that_is_too_large_blocks_no_other() {
        check(Capacity::Limited(8), &[("a", 9, false, false), ("b", 8, false, false)], 8, &["a"]);
    }

    #[test]
    fn a_running_stream_keeps_its_capacity() {
        check(Capacity::Limited(8), &[("b", 9, true, false), ("a", 1, false, false)], 9, &["a"]);
    }

    #[test]
    fn required_streams_get_capacity_first() {
        check(Capacity::Limited(8), &[("a", 8, false, true), ("b", 8, false, false)], 8, &["a"]);
    }

    #[test]
    fn an_audio_stream_needs_no_capacity() {
        check(Capacity::Limited(8), &[("a", 9, true, false), ("b", 0, false, false)], 9, &[]);
    }
}
