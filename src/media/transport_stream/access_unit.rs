//! Frames as PES packets (ISO/IEC 13818-1 2.4.3.6): H.264 with start codes, AAC with ADTS headers.

use bytes::Bytes;

use crate::base::timeline::Kind;

/// Length of the header of a PES packet with a presentation time.
pub(super) const PES_HEADER: usize = 14;
/// Length of an ADTS header without CRC.
pub(super) const ADTS_HEADER: usize = 7;
const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// An access unit delimiter that allows all slice types (H.264 7.3.2.4).
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 9, 0xf0];
/// Bytes that a picture has more than its sample: PES header and delimiter.
pub(super) const PICTURE_OVERHEAD: usize = PES_HEADER + DELIMITER.len();

/// Sequence and picture parameter sets with start codes, from an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1).
/// `None` if the record is too short.
pub(super) fn parameter_sets(record: &[u8]) -> Option<Vec<u8>> {
    let mut sets = Vec::new();
    let mut rest = record.get(5..)?;
    for mask in [0x1f, 0xff] {
        let (count, mut after) = rest.split_first()?;
        for _ in 0..count & mask {
            let (length, following) = after.split_first_chunk::<2>()?;
            let (set, following) = following.split_at_checked(u16::from_be_bytes(*length).into())?;
            sets.extend_from_slice(&START_CODE);
            sets.extend_from_slice(set);
            after = following;
        }
        rest = after;
    }
    Some(sets)
}

/// ADTS header of AAC frames without their length, from an AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1, 1.A.2.2). `None` if
/// it is too short.
pub(super) fn adts(specific: &[u8]) -> Option<[u8; ADTS_HEADER]> {
    let [first, second] = *specific.first_chunk()?;
    let (object_type, frequency, channels) = (first >> 3, (first & 7) << 1 | second >> 7, second >> 3 & 0xf);
    let profile = object_type.checked_sub(1)? & 3;
    Some([0xff, 0xf1, profile << 6 | frequency << 2 | channels >> 2, (channels & 3) << 6, 0, 0x1f, 0xfc])
}

/// A picture as a PES packet, with the parameter sets before it if there are any. `None` if the sample is malformed.
pub(super) fn picture(time: u64, parameter_sets: &[u8], sample: &[u8]) -> Option<Vec<u8>> {
    let length = PICTURE_OVERHEAD + parameter_sets.len() + sample.len();
    let mut pes = header(Kind::Video, time, length);
    pes.extend_from_slice(&DELIMITER);
    pes.extend_from_slice(parameter_sets);
    let mut rest = sample;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (nal, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        pes.extend_from_slice(&START_CODE);
        pes.extend_from_slice(nal);
        rest = after;
    }
    Some(pes)
}

/// Consecutive AAC frames as a PES packet.
pub(super) fn sound(time: u64, adts: &[u8; ADTS_HEADER], frames: &[Bytes]) -> Vec<u8> {
    let length = frames.iter().map(|frame| ADTS_HEADER + frame.len()).sum::<usize>();
    let mut pes = header(Kind::Audio, time, PES_HEADER + length);
    for frame in frames {
        // aac_frame_length, 13 bits.
        let length = (ADTS_HEADER + frame.len()) as u32;
        let mut header = *adts;
        header[3] |= (length >> 11) as u8 & 3;
        header[4] = (length >> 3) as u8;
        header[5] |= (length << 5) as u8;
        pes.extend_from_slice(&header);
        pes.extend_from_slice(frame);
    }
    pes
}

/// The header of a PES packet of `length` bytes in all, with the presentation time `time` in units of 90 kHz.
fn header(kind: Kind, time: u64, length: usize) -> Vec<u8> {
    let stream_id = match kind {
        Kind::Video => 0xe0,
        Kind::Audio => 0xc0,
    };
    // 0 says that the length is not given, which only video may do.
    let after_length = u16::try_from(length - 6).unwrap_or(0).to_be_bytes();
    let mut pes = Vec::with_capacity(length);
    pes.extend_from_slice(&[0, 0, 1, stream_id, after_length[0], after_length[1], 0x84, 0x80, 5]);
    pes.extend_from_slice(&[
        0x21 | (time >> 29) as u8 & 0x0e,
        (time >> 22) as u8,
        1 | (time >> 14) as u8,
        (time >> 7) as u8,
        1 | (time << 1) as u8,
    ]);
    pes
}
