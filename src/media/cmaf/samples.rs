//! Extraction of access units from chunks, for outputs without MP4 boxes.

use bytes::Bytes;
use mp4_atom::{Decode, Moof};

use super::Media;
use super::padding::{self, Padding};

/// The samples of a chunk in order. Padding is part of its sample. `None` if the bytes are not a chunk.
pub fn samples(chunk: &Bytes) -> Option<Vec<Bytes>> {
    let (sizes, data) = sizes(chunk)?;
    let length = u32::from_be_bytes(*chunk.get(data - 8..)?.first_chunk()?) as usize;
    split(chunk.get(data..data - 8 + length).map(|data| chunk.slice_ref(data))?, &sizes)
}

/// The samples of a chunk in order, without padding. They share the bytes of the chunk. `None` if the media are not a chunk
/// of the packager.
pub fn unpadded(chunk: &Media) -> Option<Vec<Bytes>> {
    let (sizes, data) = sizes(chunk.pieces().first()?)?;
    let mut start = data as u64;
    let mut samples = Vec::with_capacity(sizes.len());
    for size in sizes {
        let end = start + size as u64;
        let picture = chunk.slice(start..end);
        let padding = picture.first().and_then(|first| nal_length(first, padding::NAL_SEI));
        let padding = padding.filter(|padding| *padding < size).unwrap_or_default();
        samples.push(single(chunk.slice(start + padding as u64..end)));
        start = end;
    }
    (start == chunk.len()).then_some(samples)
}

/// Sizes of the samples of a chunk, and the place of the first. `None` if the bytes do not begin as a chunk does.
fn sizes(chunk: &Bytes) -> Option<(Vec<usize>, usize)> {
    let mut sizes = Vec::new();
    let mut rest = chunk.clone();
    loop {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let name = rest.get(4..8)?;
        if name == b"mdat" && length >= 8 {
            return Some((sizes, chunk.len() - rest.len() + 8));
        }
        if length < 8 || length > rest.len() {
            return None;
        }
        let is_moof = name == b"moof";
        let mut found = rest.split_to(length);
        if is_moof {
            let moof = Moof::decode(&mut found).ok()?;
            let runs = moof.traf.iter().flat_map(|track| &track.trun);
            let entries = runs.flat_map(|run| run.samples.iter());
            sizes.extend(entries.map(|entry| entry.size.unwrap_or_default() as usize));
        }
    }
}

/// The bytes as one piece, copied if there are several.
fn single(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        1 => pieces.remove(0),
        _ => pieces.concat().into(),
    }
}

/// Spreads the padding of a chunk, which is all in the last picture, evenly over its pictures. Receivers limit the size
/// of a picture, and networks drop bursts.
pub fn level(mut pictures: Vec<Bytes>) -> Vec<Bytes> {
    let count = pictures.len();
    let Some((last, padded)) = pictures.last_mut().and_then(|last| Some((padded(last)?, last))) else {
        return pictures;
    };
    let each = last / count;
    if each < padding::SHORTEST {
        return pictures;
    }
    *padded = padded.slice(last..);
    let lengths = std::iter::repeat_n(each, count - 1).chain([last - each * (count - 1)]);
    pictures.iter().zip(lengths).map(|(picture, length)| pad(picture, length)).collect()
}

/// Length of the padding before a picture. No other SEI is packaged.
fn padded(picture: &Bytes) -> Option<usize> {
    nal_length(picture, padding::NAL_SEI).filter(|length| *length <= picture.len())
}

/// Length of the first NAL unit with its length field, if it is of this kind.
fn nal_length(picture: &[u8], kind: u8) -> Option<usize> {
    let nal = u32::from_be_bytes(*picture.first_chunk()?) as usize;
    (picture.get(4)? & 0x1f == kind).then_some(4 + nal)
}

fn pad(picture: &Bytes, length: usize) -> Bytes {
    let padding = Padding::new(length);
    let mut bytes = Vec::with_capacity(length + picture.len());
    bytes.extend_from_slice(&padding.head);
    padding.filling().for_each(|piece| bytes.extend_from_slice(&piece));
    bytes.push(padding.tail);
    bytes.extend_from_slice(picture);
    bytes.into()
}

fn split(mut data: Bytes, sizes: &[usize]) -> Option<Vec<Bytes>> {
    if sizes.iter().sum::<usize>() != data.len() {
        return None;
    }
    Some(sizes.iter().map(|size| data.split_to(*size)).collect())
}
