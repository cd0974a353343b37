//! VP8 in RTP payloads (RFC 7741 4.2, 4.3).

use std::sync::Arc;

const EXTENDED: u8 = 0x80;
const START_OF_PARTITION: u8 = 0x10;
const PARTITION: u8 = 0x07;
/// Bits of the extension: which fields follow.
const PICTURE_ID: u8 = 0x80;
const TL0PICIDX: u8 = 0x40;
const TID_OR_KEYIDX: u8 = 0x30;
/// A picture id of two bytes.
const LONG_PICTURE_ID: u8 = 0x80;
/// Bit of the first byte of a picture.
const INTER_FRAME: u8 = 0x01;

/// Whether the first payload begins a key frame.
pub(super) fn starts_decoding(payloads: &[Arc<[u8]>]) -> bool {
    let first = payloads.first().and_then(|payload| data(payload).filter(|_| begins_picture(payload[0])));
    first.and_then(|data| data.first()).is_some_and(|first| first & INTER_FRAME == 0)
}

/// The picture in these payloads.
pub(super) fn access_unit(payloads: &[Arc<[u8]>]) -> Vec<u8> {
    payloads.iter().filter_map(|payload| data(payload)).flatten().copied().collect()
}

const fn begins_picture(descriptor: u8) -> bool {
    descriptor & START_OF_PARTITION != 0 && descriptor & PARTITION == 0
}

/// The part of the picture in a payload, after its descriptor.
fn data(payload: &[u8]) -> Option<&[u8]> {
    let (descriptor, mut rest) = payload.split_first()?;
    if descriptor & EXTENDED != 0 {
        let (fields, after) = rest.split_first()?;
        let id = match fields & PICTURE_ID {
            0 => 0,
            _ if after.first()? & LONG_PICTURE_ID != 0 => 2,
            _ => 1,
        };
        let more = usize::from(fields & TL0PICIDX != 0) + usize::from(fields & TID_OR_KEYIDX != 0);
        rest = after.get(id + more..)?;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: &[u8], expected: bool) {
        assert_eq!(starts_decoding(&[payload.into()]), expected, "{payload:x?}");
    }

    #[test]
    fn decoding_starts_at_a_key_frame() {
        check(&[0x10, 0x50], true);
        check(&[0x10, 0x51], false);
        check(&[0x00, 0x50], false);
        check(&[0x11, 0x50], false);
        check(&[0x90, 0x80, 0x12, 0x50], true);
        check(&[0x90, 0x80, 0x92, 0x34, 0x50], true);
        check(&[0x90, 0xe0, 0x92, 0x34, 0x01, 0x20, 0x50], true);
        check(&[0x90, 0xf0, 0x92, 0x34, 0x01, 0x20, 0x51], false);
        for length in 0..4 {
            check(&[0x90, 0x80, 0x92, 0x34][..length], false);
        }
        assert!(!starts_decoding(&[]));
    }

    #[test]
    fn payloads_without_their_descriptors_are_the_picture() {
        let payloads = [&[0x90, 0xe0, 0x92, 0x34, 0x01, 0x20, 0x50, 1][..], &[0x80, 0x80, 0x12, 2, 3], &[0x80]];
        assert_eq!(access_unit(&payloads.map(Arc::from)), [0x50, 1, 2, 3]);
    }
}
