//! Places of the boxes in the first piece of a chunk.

/// Place of the first box `wanted` that is in no other box.
pub(in crate::media::cmaf) fn find(bytes: &[u8], wanted: &[u8; 4]) -> Option<usize> {
    let mut start = 0;
    while name(bytes, start)? != wanted {
        start += size(bytes, start)?;
    }
    Some(start)
}

/// Place of the first box `wanted` in the box at `parent`.
pub(in crate::media::cmaf) fn child(bytes: &[u8], parent: usize, wanted: &[u8; 4]) -> Option<usize> {
    let end = parent + size(bytes, parent)?;
    let mut start = parent + 8;
    while start < end {
        if name(bytes, start)? == wanted {
            return Some(start);
        }
        start += size(bytes, start)?;
    }
    None
}

/// Size of the box at `start`, at least that of its header.
pub(super) fn size(bytes: &[u8], start: usize) -> Option<usize> {
    let size = u32::from_be_bytes(*bytes.get(start..)?.first_chunk()?) as usize;
    Some(size).filter(|size| *size >= 8)
}

pub(super) fn name(bytes: &[u8], start: usize) -> Option<&[u8; 4]> {
    bytes.get(start + 4..)?.first_chunk()
}
