//! H.264 in RTP payloads (RFC 6184), packetization mode 1.

use std::sync::Arc;

use super::MAX_PAYLOAD;

/// `nal_unit_type` of a slice of an IDR picture, and of a sequence parameter set.
const IDR_SLICE: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// First byte of a NAL unit: `nal_ref_idc` with the bit before it, and `nal_unit_type`.
const IMPORTANCE: u8 = 0xe0;
const TYPE: u8 = 0x1f;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;
/// Bytes before each NAL unit of a byte stream (ISO/IEC 14496-10 Annex B).
const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Bytes of the FU indicator and the FU header.
const FU_HEADERS: usize = 2;

/// The parameter sets of a decoder configuration, as payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSets {
    /// `profile-level-id` of SDP (RFC 6184 8.1): profile, constraints and level.
    pub profile_level_id: [u8; 3],
    payloads: Vec<Arc<[u8]>>,
}

impl ParameterSets {
    /// Parameter sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1). `None` if it is malformed.
    pub fn of(record: &[u8]) -> Option<Self> {
        let profile_level_id = *record.get(1..4)?.first_chunk()?;
        let (sequences, rest) = read_sets(record.get(5..)?, TYPE)?;
        let (pictures, _) = read_sets(rest, u8::MAX)?;
        let sets = [sequences, pictures].concat();
        Some(Self { profile_level_id, payloads: aggregate(&sets) })
    }
}

/// The payloads of an access unit whose NAL units have lengths of four bytes, after `parameters` if there are any. The
/// last payload needs a packet with the marker bit.
pub fn payloads(access_unit: &[u8], parameters: Option<&ParameterSets>) -> Vec<Arc<[u8]>> {
    let mut payloads = parameters.map_or_else(Vec::new, |parameters| parameters.payloads.clone());
    let mut rest = access_unit;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (nal, after) = after.split_at((u32::from_be_bytes(*length) as usize).min(after.len()));
        append(nal, &mut payloads);
        rest = after;
    }
    payloads
}

/// Whether the payloads contain a sequence parameter set, and after it a slice of an IDR picture.
pub(super) fn starts_decoding(payloads: &[Arc<[u8]>]) -> bool {
    let mut types = payloads.iter().flat_map(|payload| types(payload));
    types.any(|kind| kind == SPS) && types.any(|kind| kind == IDR_SLICE)
}

/// The NAL units of the payloads of a picture, as a byte stream (ISO/IEC 14496-10 Annex B).
pub(super) fn access_unit(payloads: &[Arc<[u8]>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for payload in payloads {
        match &**payload {
            [first, header, fragment @ ..] if first & TYPE == FU_A => {
                if header & FU_START != 0 {
                    bytes.extend_from_slice(&START_CODE);
                    bytes.push(first & IMPORTANCE | header & TYPE);
                }
                bytes.extend_from_slice(fragment);
            }
            [first, units @ ..] if first & TYPE == STAP_A => {
                aggregated(units).for_each(|nal| bytes.extend([&START_CODE, nal].concat()));
            }
            nal => bytes.extend([&START_CODE, nal].concat()),
        }
    }
    bytes
}

/// `nal_unit_type` of each NAL unit that begins in a payload.
fn types(payload: &[u8]) -> Vec<u8> {
    match payload {
        [first, header, ..] if first & TYPE == FU_A => {
            Some(header & TYPE).filter(|_| header & FU_START != 0).into_iter().collect()
        }
        [first, units @ ..] if first & TYPE == STAP_A => {
            aggregated(units).filter_map(|nal| nal.first()).map(|first| first & TYPE).collect()
        }
        [first, ..] => vec![first & TYPE],
        [] => Vec::new(),
    }
}

/// The NAL units of an aggregation packet, after its first byte. A NAL unit that is cut off is as long as the rest.
fn aggregated(mut units: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, after) = units.split_first_chunk::<2>()?;
        let (nal, rest) = after.split_at(usize::from(u16::from_be_bytes(*length)).min(after.len()));
        units = rest;
        Some(nal)
    })
}

/// Parameter sets with lengths of two bytes, after their number, which has the bits `mask` of a byte; and the bytes after
/// them.
fn read_sets(bytes: &[u8], mask: u8) -> Option<(Vec<&[u8]>, &[u8])> {
    let (number, mut rest) = bytes.split_first()?;
    let mut sets = Vec::new();
    for _ in 0..number & mask {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (set, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        sets.push(set);
        rest = after;
    }
    Some((sets, rest))
}

/// NAL units in one payload (RFC 6184 5.7.1), or each in payloads of its own if they are too long for one.
fn aggregate(nals: &[&[u8]]) -> Vec<Arc<[u8]>> {
    let importance =
        nals.iter().filter_map(|nal| nal.first()).map(|first| first & IMPORTANCE).max().unwrap_or_default();
    let mut payload = vec![importance | STAP_A];
    for nal in nals {
        payload.extend_from_slice(&(nal.len() as u16).to_be_bytes());
        payload.extend_from_slice(nal);
    }
    if payload.len() <= MAX_PAYLOAD {
        return vec![payload.into()];
    }
    let mut payloads = Vec::new();
    nals.iter().for_each(|nal| append(nal, &mut payloads));
    payloads
}

/// Appends a NAL unit as it is (RFC 6184 5.6), or in fragments of about the same length (RFC 6184 5.8).
fn append(nal: &[u8], payloads: &mut Vec<Arc<[u8]>>) {
    let Some((first, data)) = nal.split_first() else { return };
    if nal.len() <= MAX_PAYLOAD {
        return payloads.push(nal.into());
    }
    let fragments = data.len().div_ceil(MAX_PAYLOAD - FU_HEADERS);
    let fragments = data.chunks(data.len().div_ceil(fragments));
    let last = fragments.len() - 1;
    payloads.extend(fragments.enumerate().map(|(index, fragment)| {
        let start = if index == 0 { FU_START } else { 0 };
        let end = if index == last { FU_END } else { 0 };
        let headers = [first & IMPORTANCE | FU_A, start | end | first & TYPE];
        [&headers, fragment].concat().into()
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two SPS and a PPS, and the extension of the High profile.
    const RECORD: [u8; 21] =
        [1, 0x42, 0xc0, 0x1f, 0xff, 0xe2, 0, 2, 0x67, 1, 0, 1, 0x27, 1, 0, 3, 0x68, 2, 3, 0xfd, 0xf8];

    fn unit(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat()).collect()
    }

    #[test]
    fn parameter_sets_are_in_one_payload_before_the_picture() {
        let parameters = ParameterSets::of(&RECORD).unwrap();
        assert_eq!(parameters.profile_level_id, [0x42, 0xc0, 0x1f]);
        let payloads = payloads(&unit(&[&[0x65, 7], &[0x65, 8]]), Some(&parameters));
        let expected: [&[u8]; 3] = [&[0x78, 0, 2, 0x67, 1, 0, 1, 0x27, 0, 3, 0x68, 2, 3], &[0x65, 7], &[0x65, 8]];
        assert!(payloads.iter().map(AsRef::as_ref).eq(expected), "{payloads:?}");
    }

    #[test]
    fn truncated_decoder_configurations_are_refused() {
        for end in 0..19 {
            assert_eq!(ParameterSets::of(&RECORD[..end]), None, "{end}");
        }
    }

    #[test]
    fn parameter_sets_that_are_too_long_for_one_payload_are_sent_apart() {
        let long = [&[0x67][..], &[1; 800]].concat();
        let sets = [&long[..], &[0x68, 2]];
        let payloads = aggregate(&[sets, sets].concat());
        assert_eq!(payloads.iter().map(|payload| payload.len()).collect::<Vec<_>>(), [801, 2, 801, 2]);
    }

    #[test]
    fn decoding_starts_at_an_idr_picture_with_its_parameter_sets() {
        let parameters = ParameterSets::of(&RECORD).unwrap();
        let long = [&[0x65][..], &[7; 3000]].concat();
        let idr = payloads(&unit(&[&[6, 1], &long]), Some(&parameters));
        assert!(starts_decoding(&idr) && !starts_decoding(&idr[1..]));
        let apart: [&[u8]; 4] = [&[9, 0x10], &[0x67, 1], &[0x68, 2], &[0x65, 7]];
        assert!(
            starts_decoding(&apart.map(Arc::from))
                && !starts_decoding(&apart[2..].iter().map(|nal| (*nal).into()).collect::<Vec<_>>())
        );
        assert!(!starts_decoding(&payloads(&unit(&[&[0x41, 7]]), Some(&parameters))), "no IDR picture");
        for broken in [&[][..], &[0x78], &[0x78, 0], &[0x78, 0xff, 0xff, 0x67], &[0x7c], &[0x7c, 5]] {
            assert!(!starts_decoding(&[broken.into()]), "{broken:?}");
        }
    }

    #[test]
    fn payloads_become_a_byte_stream_again() {
        let parameters = ParameterSets::of(&RECORD).unwrap();
        let long = [&[0x65][..], &[7; 3000]].concat();
        let sets: [&[u8]; 4] = [&[0x67, 1], &[0x27], &[0x68, 2, 3], &[6, 1]];
        let expected: Vec<u8> =
            sets.iter().chain([&long.as_slice()]).flat_map(|nal| [&START_CODE, *nal].concat()).collect();
        assert_eq!(access_unit(&payloads(&unit(&[&[6, 1], &long]), Some(&parameters))), expected);
        assert_eq!(access_unit(&[[0x78, 0, 9, 0x67].into()]), [0, 0, 0, 1, 0x67], "cut off");
    }

    #[test]
    fn a_long_nal_unit_is_cut_into_fragments() {
        for length in [1, 2, 1149, 1150, 1151, 1152, 2297, 2298, 100_000] {
            let nal: Vec<u8> = [0x65].into_iter().chain((1..length).map(|at| at as u8)).collect();
            let payloads = payloads(&unit(&[&nal]), None);
            assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD), "{length}");
            assert_eq!(payloads.len(), if length <= 1150 { 1 } else { (length - 1_usize).div_ceil(1148) }, "{length}");
            let data: Vec<u8> = match payloads.as_slice() {
                [single] => single.to_vec(),
                fragments => {
                    assert!(fragments.iter().all(|fragment| fragment[0] == 0x60 | 28));
                    assert_eq!(
                        fragments.iter().map(|fragment| fragment[1] & FU_START != 0).position(|start| start),
                        Some(0)
                    );
                    let ends: Vec<_> = fragments.iter().map(|fragment| fragment[1] & 0xc0).collect();
                    assert_eq!((ends[0], ends[ends.len() - 1]), (FU_START, FU_END));
                    assert!(ends[1..ends.len() - 1].iter().all(|bits| *bits == 0));
                    let kind = fragments[0][0] & IMPORTANCE | fragments[0][1] & TYPE;
                    [kind]
                        .into_iter()
                        .chain(fragments.iter().flat_map(|fragment| fragment[2..].iter().copied()))
                        .collect()
                }
            };
            assert!(data == nal, "{length}");
        }
    }
}
