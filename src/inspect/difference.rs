//! Where two files of boxes differ: the box, and the fields of it if they can be read.

use bytes::Buf;
use mp4_atom::{Any, Decode, Header};

/// Boxes that contain only boxes.
const CONTAINERS: [&[u8; 4]; 9] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"edts"];
/// Longest text of a box.
const LONGEST: usize = 160;

/// Names the first box in which two files differ.
pub fn describe(one: &[u8], two: &[u8]) -> String {
    match differing(one, two, "") {
        Some(text) => text,
        None => format!("{} and {} bytes", two.len(), one.len()),
    }
}

fn differing(mut one: &[u8], mut two: &[u8], path: &str) -> Option<String> {
    while let (Some((kind, mine)), Some((other, theirs))) = (next(&mut one), next(&mut two)) {
        if kind != other {
            return Some(format!("{path}{other} where the first origin has {kind}"));
        }
        if mine == theirs {
            continue;
        }
        let path = format!("{path}{kind}");
        let inner = CONTAINERS.iter().any(|name| kind.as_bytes() == *name);
        let deeper = inner.then(|| differing(&mine[8..], &theirs[8..], &format!("{path}/"))).flatten();
        return deeper.or_else(|| Some(fields(&path, mine, theirs)));
    }
    None
}

/// The next box: its name, and its bytes with the header.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(String, &'a [u8])> {
    let header = Header::decode(&mut &**rest).ok()?;
    let bytes = rest.get(..header.size?.checked_add(8)?)?;
    rest.advance(bytes.len());
    Some((header.kind.to_string(), bytes))
}

/// The first field whose text differs.
fn fields(path: &str, one: &[u8], two: &[u8]) -> String {
    let text = |bytes: &[u8]| Any::decode(&mut &*bytes).ok().map(|atom| format!("{atom:?}"));
    let place = one.iter().zip(two).position(|(one, two)| one != two).unwrap_or(one.len().min(two.len()));
    let (Some(mine), Some(theirs)) = (text(one), text(two)) else { return format!("{path} differs at byte {place}") };
    if path.ends_with("mdat") || mine == theirs {
        return format!("{path} differs at byte {place} of {} and {}", two.len(), one.len());
    }
    // Field by field: the texts are lists of `name: value`.
    let differs = mine.split(", ").zip(theirs.split(", ")).find(|(one, two)| one != two);
    let (mine, theirs) = differs.unwrap_or((&mine, &theirs));
    let short = |text: &str| text.chars().take(LONGEST).collect::<String>();
    format!("{path}: {}, where the first origin has {}", short(theirs), short(mine))
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Encode, Mdat, Mfhd, Moof, Tfdt, Tfhd, Traf};

    use super::*;

    fn file(time: u64, data: &[u8]) -> Vec<u8> {
        let traf = Traf {
            tfhd: Tfhd { track_id: 1, ..Tfhd::default() },
            tfdt: Some(Tfdt { base_media_decode_time: time }),
            ..Traf::default()
        };
        let mut bytes = Vec::new();
        Moof { mfhd: Mfhd { sequence_number: 7 }, traf: vec![traf] }.encode(&mut bytes).unwrap();
        Mdat { data: data.to_vec() }.encode(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_box_and_its_field_are_named() {
        let text = describe(&file(9000, b"abc"), &file(9001, b"abc"));
        assert!(text.starts_with("moof/traf/tfdt: ") && text.contains("9001") && text.contains("9000"), "{text}");
        assert_eq!(describe(&file(9000, b"abc"), &file(9000, b"abd")), "mdat differs at byte 10 of 11 and 11");
        assert_eq!(
            describe(&file(9000, b"abc"), b"x"),
            "1 and 103 bytes".replace("103", &file(9000, b"abc").len().to_string())
        );
    }
}
