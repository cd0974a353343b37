//! The way back: the access units of a chunk, for those who take them without boxes.

use bytes::Bytes;
use mp4_atom::{Decode, Moof};

/// The samples of a chunk in order, each as it stands there: padding belongs to its sample. `None` if these bytes are no
/// chunk.
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

fn split(mut data: Bytes, sizes: &[usize]) -> Option<Vec<Bytes>> {
    if sizes.iter().sum::<usize>() != data.len() {
        return None;
    }
    Some(sizes.iter().map(|size| data.split_to(*size)).collect())
}
