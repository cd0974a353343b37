//! From 8-bit BT.709 studio range to full-range R'G'B' (ITU-R BT.709 3.3 and 4.6).

/// Bits after the point of a factor.
const BITS: u32 = 16;

/// R, G and B of a pixel with these Y', Cb and Cr.
pub(super) fn rgb([luma, cb, cr]: [u8; 3]) -> [u8; 3] {
    let luma = (i32::from(luma) - 16) * factor(1.0, 219.0);
    let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
    let level = |value: i32| ((value + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8;
    [
        level(luma + cr * factor(1.5748, 224.0)),
        level(luma - cb * factor(0.187_324, 224.0) - cr * factor(0.468_124, 224.0)),
        level(luma + cb * factor(1.8556, 224.0)),
    ]
}

/// The part of a colour difference, whose codes have this range, in a level from 0 to 255.
const fn factor(share: f64, range: f64) -> i32 {
    (share * 255.0 / range * (1 << BITS) as f64 + 0.5) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greys_and_primaries_are_converted() {
        for (code, expected) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([126, 128, 128], [128, 128, 128]),
            ([63, 102, 240], [255, 1, 0]),
            ([173, 42, 26], [0, 255, 1]),
            ([32, 240, 118], [1, 0, 255]),
            ([7, 128, 128], [0, 0, 0]),
            ([255, 128, 128], [255, 255, 255]),
        ] {
            assert_eq!(rgb(code), expected, "{code:?}");
        }
    }
}
