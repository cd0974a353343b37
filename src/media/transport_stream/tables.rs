//! The tables that say what is in the stream (ISO/IEC 13818-1 2.4.4): one program with a video and an audio track.

use crate::base::timeline::Kind;

/// PID of the program association table.
pub(super) const PAT_PID: u16 = 0;
/// PID of the program map table.
pub(super) const PMT_PID: u16 = 0x1000;

/// PID of a track.
pub(super) const fn pid(kind: Kind) -> u16 {
    match kind {
        Kind::Video => 0x100,
        Kind::Audio => 0x101,
    }
}

/// `stream_type` of a track: H.264, and AAC with ADTS (2.4.4.10).
const fn stream_type(kind: Kind) -> u8 {
    match kind {
        Kind::Video => 0x1b,
        Kind::Audio => 0x0f,
    }
}

/// The program association table.
pub(super) fn association() -> Vec<u8> {
    let [high, low] = PMT_PID.to_be_bytes();
    section(0, &[0, 1, 0xe0 | high, low])
}

/// The program map table of a program with these tracks, whose clock is with the first.
pub(super) fn map(tracks: &[Kind]) -> Vec<u8> {
    let [high, low] = pid(tracks.first().copied().unwrap_or(Kind::Video)).to_be_bytes();
    let mut body = vec![0xe0 | high, low, 0xf0, 0];
    for kind in tracks {
        let [high, low] = pid(*kind).to_be_bytes();
        body.extend_from_slice(&[stream_type(*kind), 0xe0 | high, low, 0xf0, 0]);
    }
    section(2, &body)
}

/// A section with version 0 of table `id`. Transport stream and program have number 1.
fn section(id: u8, body: &[u8]) -> Vec<u8> {
    // Number (2), version (1), section numbers (2), CRC (4).
    let length = body.len() + 9;
    let mut section = vec![id, 0xb0, length as u8, 0, 1, 0xc1, 0, 0];
    section.extend_from_slice(body);
    let crc = crc(&section);
    section.extend_from_slice(&crc.to_be_bytes());
    section
}

/// CRC-32 of ISO/IEC 13818-1 annex A.
fn crc(bytes: &[u8]) -> u32 {
    let shift = |crc: u32| crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 };
    let add = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| shift(crc));
    bytes.iter().fold(u32::MAX, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_of_a_table_with_its_crc_is_zero() {
        assert_eq!(crc(b"123456789"), 0x0376_e6e7);
        for table in [association(), map(&[Kind::Video, Kind::Audio]), map(&[Kind::Audio])] {
            assert_eq!(crc(&table), 0);
            assert_eq!(usize::from(table[2]) + 3, table.len());
        }
    }
}
