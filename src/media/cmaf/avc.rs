//! H.264 access units as samples of an MP4 file: NAL units with lengths of four bytes (ISO/IEC 14496-15 5.3).

const NAL_SLICE: u8 = 1;
const NAL_IDR: u8 = 5;

/// The slices of an access unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slices {
    /// NAL units with lengths of four bytes.
    pub bytes: Vec<u8>,
    /// Whether they are of an IDR picture.
    pub is_idr: bool,
}

impl Slices {
    /// What the packager takes of an access unit. `None` if the lengths are inconsistent or there is no slice.
    pub fn of(access_unit: &[u8]) -> Option<Self> {
        let mut bytes = Vec::with_capacity(access_unit.len());
        let is_idr = append_slices(access_unit, &mut bytes)?;
        Some(Self { bytes, is_idr })
    }
}

/// Appends the slices of an access unit to `sample` and returns whether it is an IDR picture. Access unit delimiters,
/// parameter sets (they are in the init segment) and the SEI of the encoder (only the first frame of a run has one) are
/// omitted. `None` if the lengths are inconsistent or there is no slice.
pub(super) fn append_slices(access_unit: &[u8], sample: &mut Vec<u8>) -> Option<bool> {
    let mut rest = access_unit;
    let mut idr = None;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let nal = after.get(..length)?;
        let kind = nal.first()? & 0x1f;
        if matches!(kind, NAL_SLICE | NAL_IDR) {
            sample.extend_from_slice(&rest[..4 + length]);
            idr = Some(kind == NAL_IDR);
        }
        rest = &after[length..];
    }
    idr
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat()).collect()
    }

    #[test]
    fn only_slices_are_packaged() {
        let mut sample = Vec::new();
        let idr = append_slices(&unit(&[&[9, 16], &[0x67, 1], &[0x68, 2], &[6, 5, 1], &[0x65, 7, 7]]), &mut sample);
        assert_eq!(idr, Some(true));
        assert_eq!(sample, [0, 0, 0, 3, 0x65, 7, 7]);
        assert_eq!(append_slices(&unit(&[&[0x41, 9]]), &mut sample), Some(false));
    }

    #[test]
    fn truncated_access_units_are_refused() {
        let whole = unit(&[&[0x65, 1, 2, 3]]);
        for end in 1..whole.len() {
            assert_eq!(append_slices(&whole[..end], &mut Vec::new()), None, "{end}");
        }
        assert_eq!(append_slices(&unit(&[&[6, 1]]), &mut Vec::new()), None);
        assert_eq!(append_slices(&unit(&[&[]]), &mut Vec::new()), None);
    }
}
