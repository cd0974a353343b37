use super::*;

#[test]
fn sizes_are_those_of_the_font() {
    let font = Face::new(10).font;
    assert_eq!(font.units_per_em(), Some(2048.0));
    assert_eq!(font.h_advance_unscaled(font.glyph_id('0')), ADVANCE_UNITS as f32);
    let bounds = font.outline(font.glyph_id('H')).map(|outline| outline.bounds);
    assert_eq!(bounds.map(|bounds| bounds.min.y.max(bounds.max.y)), Some(CAPITAL_UNITS as f32));
}

#[test]
fn capitals_begin_and_end_on_a_pixel() {
    for capital in [6, 12, 57] {
        let face = Face::new(capital);
        let coverage = face.coverage('H', 2);
        let covered = |row: usize| coverage.chunks(face.advance()).nth(row).unwrap().iter().max().copied();
        assert_eq!(covered(1), Some(0));
        assert_eq!([covered(2), covered(capital + 1)], [covered(3), covered(capital)], "{capital}");
        assert!(covered(2) > Some(100));
        assert_eq!(covered(capital + 2), Some(0));
    }
}

#[test]
fn digits_lie_within_their_sprites() {
    for capital in [6, 7, 13, 48, 100, 262] {
        let face = Face::new(capital);
        for digit in '0'..='9' {
            let coverage = face.coverage(digit, face.digit_overhang() + 1);
            let row = |row: usize| coverage.chunks(face.advance()).nth(row).unwrap().iter().any(|&pixel| pixel > 0);
            assert!(!row(0) && !row(capital + 2 * face.digit_overhang() + 1), "{digit} {capital}");
        }
    }
}

#[test]
fn digits_look_different() {
    let digits = Face::new(SMALLEST).digits(16, 235);
    for (at, digit) in digits.iter().enumerate() {
        assert!(digits[..at].iter().all(|other| other.luma != digit.luma), "{at}");
    }
}

#[test]
fn a_missing_glyph_is_a_box_and_a_control_character_is_empty() {
    let face = Face::new(20);
    assert_eq!(face.coverage('漢', 8), face.coverage('🎬', 8));
    assert!(face.coverage('漢', 8).iter().any(|&pixel| pixel > 0));
    assert!(face.coverage('\u{7}', 8).iter().all(|&pixel| pixel == 0));
}

#[track_caller]
fn check_fitted(text: &str, width: usize, expected: (&str, usize)) {
    let fitted = Fitted::new(text, width, 20);
    assert_eq!((fitted.text.as_str(), fitted.face.capital()), expected);
    assert!(fitted.width() <= width);
}

#[test]
fn long_text_is_shrunk_and_then_cut() {
    check_fitted("0123456789", 200, ("0123456789", 20));
    check_fitted("0123456789", 100, ("0123456789", 12));
    check_fitted("0123456789", 40, ("0123456…", 6));
}
