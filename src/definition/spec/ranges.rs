//! Ranges of the fields of a definition, each with its reason. [`check`](super::check) enforces them and the JSON
//! schema of [`request`](super::request) contains them.

use std::ops::RangeInclusive;

/// Limit of renditions. DVB-DASH allows 16 representations; half of that is longer than any ladder in use.
pub(super) const MAX_RENDITIONS: usize = 8;
/// Limit of characters in a title: one line of the picture.
pub(super) const MAX_TITLE_CHARS: usize = 64;
/// Width and height in pixels. The clock does not fit a shorter side, and hardware decoders do not support a longer
/// one.
pub(super) const SIDES: RangeInclusive<u32> = 90..=4096;
/// Minimum of the longer side in pixels, for clock, dial and flash.
pub(super) const LEAST_LONGER_SIDE: u32 = 160;
/// Maximum size of a picture in macroblocks of 16x16 pixels: H.264 level 5.2 (table A-1).
pub(super) const MAX_MACROBLOCKS: u32 = 36_864;
/// Bitrate of a rendition in bits per second. The maximum is MaxBR of H.264 level 5.1 in its lowest profile; more would
/// be padding.
pub(super) const VIDEO_BITRATES: RangeInclusive<u32> = 100_000..=50_000_000;
/// Bitrates in bits per second that voaacenc supports at 48 kHz stereo.
pub(super) const AUDIO_BITRATES: RangeInclusive<u32> = 48_000..=256_000;
/// Pitch of the beep in hertz. AAC still encodes the octave above the maximum.
pub(super) const BEEP_HZ: RangeInclusive<u32> = 100..=8000;
pub(super) const BEEP_DBFS: RangeInclusive<i32> = -60..=0;
pub(super) const RATES: RangeInclusive<u32> = 1..=120;
/// Duration of a segment in seconds. `EXT-X-TARGETDURATION` is at least 1, and players are not tuned to more than 10.
pub(super) const SEGMENT_SECONDS: RangeInclusive<u32> = 1..=10;
/// Duration of the window in seconds. At most a week: a playlist of more segments is too long for players.
pub(super) const WINDOW_SECONDS: RangeInclusive<u32> = 10..=604_800;
/// Idle time of an on-demand stream in seconds. A player requests media at least once a segment; a stream that may idle
/// for more than an hour is not on demand.
pub(super) const IDLE_SECONDS: RangeInclusive<u32> = 10..=3600;
/// Limit of required streams.
pub(super) const MAX_REQUIRED: usize = 16;
