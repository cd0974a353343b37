//! Padding of segments to their bitrate: SEI NAL units of user data (H.264 D.1.7), which decoders skip. Filler NAL
//! units are not allowed in this file format (ISO/IEC 14496-15 5.3.2).

use bytes::Bytes;

/// UUID of the user data, without two consecutive zero bytes.
const UUID: [u8; 16] = *b"barstone padding";
/// Padding bytes. They are not zero, so they need no emulation prevention.
static FILL: [u8; BLOCK] = [0x2e; BLOCK];
const BLOCK: usize = 64 * 1024;

/// NAL unit length, NAL unit header and trailing bits around the messages.
const FRAME: usize = 4 + 1 + 1;
/// Type, minimum size and UUID of a message.
const MESSAGE: usize = 1 + 1 + UUID.len();
pub(super) const NAL_SEI: u8 = 6;
const USER_DATA_UNREGISTERED: u8 = 5;
const TRAILING_BITS: u8 = 0x80;

/// Minimum length of padding in bytes. Less is left to the next chunk.
pub(super) const SHORTEST: usize = FRAME + MESSAGE;

/// An SEI NAL unit with its length: `head`, then `fill` padding bytes, then `tail`.
#[derive(Debug)]
pub(super) struct Padding {
    pub(super) head: Vec<u8>,
    pub(super) fill: usize,
    pub(super) tail: u8,
}

impl Padding {
    /// Padding of exactly `total` bytes, at least [`SHORTEST`].
    pub(super) fn new(total: usize) -> Self {
        let mut head = Vec::with_capacity(total / 255 + 64);
        head.extend_from_slice(&((total - 4) as u32).to_be_bytes());
        head.push(NAL_SEI);
        let mut body = total - FRAME;
        // A size is coded as bytes of 255 and a remainder, so one length in 256 cannot be coded. An empty message
        // before it corrects that.
        if (body - 2) % 256 == 255 {
            push_message(&mut head, UUID.len());
            body -= MESSAGE;
        }
        let payload = body - 2 - (body - 2) / 256;
        push_message(&mut head, payload);
        Self { head, fill: payload - UUID.len(), tail: TRAILING_BITS }
    }

    /// The padding bytes, as slices of one constant.
    pub(super) fn filling(&self) -> impl Iterator<Item = Bytes> {
        let block = Bytes::from_static(&FILL);
        let rest = self.fill % BLOCK;
        let tail = (rest > 0).then(|| block.slice(..rest));
        std::iter::repeat_n(block, self.fill / BLOCK).chain(tail)
    }
}

/// Whether a piece is a slice of the constant of padding bytes.
pub(super) fn is_filling(piece: &Bytes) -> bool {
    FILL.as_ptr_range().contains(&piece.as_ptr())
}

fn push_message(head: &mut Vec<u8>, payload: usize) {
    head.push(USER_DATA_UNREGISTERED);
    head.extend(std::iter::repeat_n(0xff, payload / 255));
    head.push((payload % 255) as u8);
    head.extend_from_slice(&UUID);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_exactly_the_requested_length() {
        for total in (SHORTEST..4000).chain([65_535, 65_536, 100_000, 262_143, 262_144]) {
            let padding = Padding::new(total);
            let filling: usize = padding.filling().map(|piece| piece.len()).sum();
            assert_eq!(filling, padding.fill);
            assert!(padding.filling().all(|piece| is_filling(&piece)));
            assert!(!is_filling(&padding.head.clone().into()));
            assert_eq!(padding.head.len() + padding.fill + 1, total);
        }
    }

    #[test]
    fn padding_parses_and_contains_no_start_code() {
        for total in SHORTEST..2000 {
            let padding = Padding::new(total);
            let mut nal = padding.head[4..].to_vec();
            padding.filling().for_each(|piece| nal.extend_from_slice(&piece));
            nal.push(padding.tail);
            assert!(nal.windows(3).all(|three| three[..2] != [0, 0]), "{total}");
            assert_eq!(nal[0], NAL_SEI);
            let mut at = 1;
            while nal[at] != TRAILING_BITS || at + 1 < nal.len() {
                assert_eq!(nal[at], USER_DATA_UNREGISTERED);
                let mut size = 0;
                at += 1;
                while nal[at] == 0xff {
                    size += 255;
                    at += 1;
                }
                size += usize::from(nal[at]);
                assert_eq!(nal[at + 1..at + 17], UUID);
                at += 1 + size;
            }
        }
    }
}
