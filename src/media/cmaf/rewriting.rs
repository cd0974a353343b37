//! Changes numbers, timestamps and bytes in complete chunks. Nothing is encoded again, lengths and structure of the boxes stay the
//! same, and only wrong samples are copied.

use std::hash::Hash;

use super::Media;

pub(super) mod boxes;
mod corruption;

pub use corruption::Corruption;

/// Changes in the chunks of one segment. The steps are independent of their order, because times are added up and
/// [`Drift`] is counted from the timestamps that the packager wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rewriting {
    /// Origin of numbers and timestamps.
    pub origin: Origin,
    /// Ticks by which timestamps are later, in the timescale of the track.
    pub offset: i64,
    /// Drift of timestamps from UTC.
    pub drift: Drift,
    /// Wrong bytes in the samples.
    pub corruption: Option<Corruption>,
}

/// Origin of numbers and times of a track: sequence number (`mfhd`), decoding time (`tfdt`) and the media time of `prft`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// Sequence numbers before the origin.
    pub sequence: u64,
    /// Ticks before the origin, in the timescale of the track.
    pub ticks: u64,
}

/// Drift of timestamps from UTC: a timestamp increases by a linear function of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Drift {
    /// Millionths of a tick by which a timestamp is later for each of its ticks.
    pub ppm: i64,
    /// Millionths of a tick by which timestamp 0 is later.
    pub at_zero: i128,
}

impl Drift {
    /// Ticks by which the timestamp `ticks` is later. It counts from 1970.
    fn at(self, ticks: u64) -> i128 {
        (i128::from(ticks) * i128::from(self.ppm) + self.at_zero).div_euclid(1_000_000)
    }
}

impl Rewriting {
    /// A segment, or chunks of it from chunk `first` on. `None` if the bytes are not as [`super::Packager`] makes them, or if they
    /// are before the origin.
    ///
    /// `tfdt` stays a box of version 1, with 64 bits: a box with 32 bits has no value for times after 2^32 (ISO/IEC
    /// 14496-12 8.8.12 defines no wrap), so a file that wraps there would be incorrect, and no test of players.
    pub fn apply(&self, media: &Media, first: u32) -> Option<Media> {
        let mut pieces = Vec::with_capacity(2 * media.pieces().len());
        let mut rest = media.pieces().iter();
        for chunk in first.. {
            // A chunk begins with a piece of its own.
            let Some(piece) = rest.next() else { break };
            let start = boxes::find(piece, b"mdat")?;
            let mut head = piece[..start].to_vec();
            self.apply_to_boxes(&mut head)?;
            pieces.push(head.into());
            let mdat = pieces.len();
            pieces.push(piece.slice(start..));
            let mut left = (start + boxes::size(piece, start)?).checked_sub(piece.len())?;
            while left > 0 {
                let piece = rest.next()?;
                left = left.checked_sub(piece.len())?;
                pieces.push(piece.clone());
            }
            if let Some(corruption) = self.corruption {
                corruption.apply(chunk, &mut pieces[mdat..])?;
            }
        }
        Some(media.altered(pieces, self))
    }

    fn apply_to_boxes(&self, head: &mut [u8]) -> Option<()> {
        let mut start = 0;
        while start < head.len() {
            match boxes::name(head, start)? {
                // The media time is that of a sample, so it goes with the timestamps.
                b"prft" => self.apply_to_time(head, start + 24)?,
                b"moof" => self.apply_to_moof(head, start)?,
                _ => {}
            }
            start += boxes::size(head, start)?;
        }
        Some(())
    }

    fn apply_to_moof(&self, bytes: &mut [u8], moof: usize) -> Option<()> {
        let mfhd = boxes::child(bytes, moof, b"mfhd")?;
        let sequence = u32::from_be_bytes(*bytes.get(mfhd + 12..)?.first_chunk()?);
        // The box has 32 bits, which wrap in both.
        let sequence = sequence.wrapping_sub(self.origin.sequence as u32);
        bytes.get_mut(mfhd + 12..mfhd + 16)?.copy_from_slice(&sequence.to_be_bytes());
        let traf = boxes::child(bytes, moof, b"traf")?;
        let tfdt = boxes::child(bytes, traf, b"tfdt")?;
        self.apply_to_time(bytes, tfdt + 12)
    }

    /// Changes the time in 64 bits at `place`. No time is before 0.
    fn apply_to_time(&self, bytes: &mut [u8], place: usize) -> Option<()> {
        let time = u64::from_be_bytes(*bytes.get(place..)?.first_chunk()?);
        let counted = time.checked_sub(self.origin.ticks)?;
        let wrong = i128::from(counted) + i128::from(self.offset) + self.drift.at(time);
        let wrong = u64::try_from(wrong.max(0)).ok()?;
        bytes.get_mut(place..place + 8)?.copy_from_slice(&wrong.to_be_bytes());
        Some(())
    }
}

#[cfg(test)]
mod tests;
