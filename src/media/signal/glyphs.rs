//! Text in the embedded font. Sizes are heights of capitals, so that their edges fall on pixels.

use ab_glyph::{Font, FontRef};

use super::canvas::{Canvas, Sprite, blend};
use super::outline::{self, PIXEL, Placement};

const FONT: &[u8] = include_bytes!("../../../static/fonts/DejaVuSansMono-Bold.ttf");
/// Height of capitals and digits, and width of every glyph, in font units.
const CAPITAL_UNITS: i64 = 1493;
const ADVANCE_UNITS: i64 = 1233;
/// Minimum height in pixels of readable capitals.
pub(super) const SMALLEST: usize = 6;

/// The font at one size.
#[derive(Debug, Clone)]
pub(super) struct Face {
    font: FontRef<'static>,
    capital: usize,
}

impl Face {
    /// The font with capitals and digits `capital` pixels high.
    pub(super) fn new(capital: usize) -> Self {
        Self { font: FontRef::try_from_slice(FONT).expect("the font in the binary is whole"), capital }
    }

    /// Width of every character in pixels, for capitals of `capital` pixels.
    pub(super) const fn advance_of(capital: usize) -> usize {
        (capital * ADVANCE_UNITS as usize + CAPITAL_UNITS as usize / 2) / CAPITAL_UNITS as usize
    }

    /// Height of capitals in pixels.
    pub(super) const fn capital(&self) -> usize {
        self.capital
    }

    /// Width of every character in pixels.
    pub(super) const fn advance(&self) -> usize {
        Self::advance_of(self.capital)
    }

    /// Rows above and below the capitals that accents and descenders reach into.
    const fn overhang(capital: usize) -> usize {
        capital * 3 / 8 + 1
    }

    /// Rows above and below that digits reach into.
    pub(super) const fn digit_overhang(&self) -> usize {
        self.capital / 24 + 1
    }

    /// Draws `text` with the top of its capitals at `y`; overhangs lie within the picture.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, (x, y): (usize, usize), (text, luma): (&str, u8)) {
        for (column, character) in text.chars().enumerate() {
            self.draw_glyph(canvas, (x + column * self.advance(), y), (character, luma));
        }
    }

    fn draw_glyph(&self, canvas: &mut Canvas<'_>, (x, y): (usize, usize), (character, luma): (char, u8)) {
        let overhang = Self::overhang(self.capital);
        let coverage = self.coverage(character, overhang);
        for (row, line) in coverage.chunks_exact(self.advance()).enumerate() {
            let pixels = canvas.row(y + row - overhang, x..x + self.advance());
            for (pixel, &covered) in pixels.iter_mut().zip(line) {
                *pixel = blend(*pixel, luma, i32::from(covered));
            }
        }
    }

    /// The ten digits as opaque sprites, with [`Face::digit_overhang`] rows above and below.
    pub(super) fn digits(&self, paper: u8, ink: u8) -> [Sprite; 10] {
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'].map(|digit| {
            let coverage = self.coverage(digit, self.digit_overhang());
            let luma = coverage.iter().map(|&covered| blend(paper, ink, i32::from(covered))).collect();
            Sprite { width: self.advance(), luma }
        })
    }

    /// Coverage of each pixel of its cell by a character, 0 to 256, with `overhang` rows above and below.
    fn coverage(&self, character: char, overhang: usize) -> Vec<u16> {
        let size = (self.advance(), self.capital + 2 * overhang);
        if character.is_whitespace() || character.is_control() {
            return vec![0; size.0 * size.1];
        }
        let glyph = self.font.glyph_id(character);
        if glyph.0 == 0 {
            return self.missing(overhang);
        }
        let curves = self.font.outline(glyph).map(|outline| outline.curves).unwrap_or_default();
        let (width, rows) = (size.0 as i64 * PIXEL, (self.capital + overhang) as i64 * PIXEL);
        let drawn_width = ADVANCE_UNITS * self.capital as i64 * PIXEL / CAPITAL_UNITS;
        let left = (width - drawn_width).div_euclid(2);
        let placement = Placement { pixels: self.capital, units: CAPITAL_UNITS, left, baseline: rows };
        outline::coverage(&curves, placement, size)
    }

    /// A box for a character that the font does not have.
    fn missing(&self, overhang: usize) -> Vec<u16> {
        let (width, height) = (self.advance(), self.capital + 2 * overhang);
        let line = self.capital / 12 + 1;
        let (right, bottom) = (width - 1, height - overhang);
        let within = |x: usize, y: usize, inset: usize| {
            (1 + inset..right - inset).contains(&x) && (overhang + inset..bottom - inset).contains(&y)
        };
        let covered = |x, y| if within(x, y, 0) && !within(x, y, line) { 256 } else { 0 };
        (0..width * height).map(|at| covered(at % width, at / width)).collect()
    }
}

/// A line of text fitted to a width: at the desired size, else smaller, else cut.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) face: Face,
    pub(super) text: String,
}

impl Fitted {
    /// Fits `text` into `width` pixels with capitals of at most `capital` pixels and at least [`SMALLEST`].
    pub(super) fn new(text: &str, width: usize, capital: usize) -> Self {
        let length = text.chars().count();
        let fits = |&capital: &usize| length * Face::advance_of(capital) <= width;
        if let Some(capital) = (SMALLEST..=capital.max(SMALLEST)).rev().find(fits) {
            return Self { face: Face::new(capital), text: text.to_owned() };
        }
        let room = (width / Face::advance_of(SMALLEST)).saturating_sub(1);
        let text = text.chars().take(room).chain(['…']).collect();
        Self { face: Face::new(SMALLEST), text }
    }

    /// Width in pixels.
    pub(super) fn width(&self) -> usize {
        self.text.chars().count() * self.face.advance()
    }
}

#[cfg(test)]
mod tests;
