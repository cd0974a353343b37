//! The values that a field of a definition may have, each with its reason. [`check`](super::check) enforces them and the
//! JSON schema of [`request`](super::request) states them.

use std::ops::RangeInclusive;

/// DVB-DASH allows 16 representations; half of that is a longer ladder than any in use.
pub(super) const MAX_RENDITIONS: usize = 8;
/// What fits on one line of the picture.
pub(super) const MAX_TITLE_CHARS: usize = 64;
/// Width and height in pixels: on a shorter side the clock has no room, and hardware decoders take no longer side.
pub(super) const SIDES: RangeInclusive<u32> = 90..=4096;
/// Clock, dial and flash need so many pixels one way or the other.
pub(super) const LEAST_LONGER_SIDE: u32 = 160;
/// Largest picture of H.264 level 5.2, in macroblocks of 16x16 pixels (table A-1).
pub(super) const MAX_MACROBLOCKS: u32 = 36_864;
/// MaxBR of H.264 level 5.1 in its lowest profile, and above it nothing is gained by padding.
pub(super) const VIDEO_BITRATES: RangeInclusive<u32> = 100_000..=50_000_000;
/// What voaacenc encodes at 48 kHz stereo.
pub(super) const AUDIO_BITRATES: RangeInclusive<u32> = 48_000..=256_000;
/// The octave above the highest pitch still survives AAC.
pub(super) const BEEP_HZ: RangeInclusive<u32> = 100..=8000;
pub(super) const BEEP_DBFS: RangeInclusive<i32> = -60..=0;
pub(super) const RATES: RangeInclusive<u32> = 1..=120;
/// `EXT-X-TARGETDURATION` is at least 1; longer segments than 10 s no player is tuned to.
pub(super) const SEGMENT_SECONDS: RangeInclusive<u32> = 1..=10;
/// Longest is an hour: the window is held in memory.
pub(super) const WINDOW_SECONDS: RangeInclusive<u32> = 10..=3600;
/// A player asks at least once a segment, and an hour without one is a stream that is not on demand.
pub(super) const IDLE_SECONDS: RangeInclusive<u32> = 10..=3600;
/// More is a tangle.
pub(super) const MAX_REQUIRED: usize = 16;
