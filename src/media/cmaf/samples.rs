//! Extraction of access units from chunks, for outputs without MP4 boxes.

use bytes::Bytes;
use mp4_atom::{Decode, Moof};

use super::padding::{self, Padding};

/// The samples of a chunk in order. Padding is part of its sample. `None` if the bytes are not a chunk.
pub fn samples(chunk: &Bytes) -> Option<Vec<Bytes>> {
    let mut sizes = Vec::new();
    let mut rest = chunk.clone();
    while !rest.is_empty() {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        if length < 8 || length > rest.len() {
            return None;
        }
        let mut found = rest.split_to(length);
        match &found[4..8] {
            b"moof" => {
                let moof = Moof::decode(&mut found).ok()?;
                let runs = moof.traf.iter().flat_map(|track| &track.trun);
                let entries = runs.flat_map(|run| run.samples.iter());
                sizes.extend(entries.map(|entry| entry.size.unwrap_or_default() as usize));
            }
            b"mdat" => return split(found.slice(8..), &sizes),
            _ => {}
        }
    }
    None
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
    let nal = u32::from_be_bytes(*picture.first_chunk()?) as usize;
    let is_padding = picture.get(4)? & 0x1f == padding::NAL_SEI && 4 + nal <= picture.len();
    is_padding.then_some(4 + nal)
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
