//! Drawing into a frame: rectangles, sprites and blended pixels. Nothing is clipped; callers stay inside the frame.

use std::ops::Range;

use super::Layout;

/// A colour as studio-range BT.709 Y'CbCr.
pub(super) type Colour = [u8; 3];

/// Studio black.
pub(super) const BLACK: Colour = grey(16);

/// The grey with this luma.
pub(super) const fn grey(luma: u8) -> Colour {
    [luma, 128, 128]
}

/// A rectangle in luma pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Rect {
    /// The rectangle between two edges in each direction.
    pub(super) const fn between(x: Range<usize>, y: Range<usize>) -> Self {
        Self { x: x.start, y: y.start, width: x.end - x.start, height: y.end - y.start }
    }

    /// The first column to the right.
    pub(super) const fn right(&self) -> usize {
        self.x + self.width
    }

    /// The first row below.
    pub(super) const fn bottom(&self) -> usize {
        self.y + self.height
    }

    /// The rectangle without a margin of `by` pixels.
    pub(super) const fn inset(&self, by: usize) -> Self {
        Self { x: self.x + by, y: self.y + by, width: self.width - 2 * by, height: self.height - 2 * by }
    }
}

/// An opaque luma picture.
#[derive(Debug, Clone)]
pub(super) struct Sprite {
    pub(super) width: usize,
    pub(super) luma: Vec<u8>,
}

/// Draws into one frame.
#[derive(Debug)]
pub(super) struct Canvas<'a> {
    frame: &'a mut [u8],
    layout: Layout,
}

impl<'a> Canvas<'a> {
    /// A canvas for `frame`, which has this layout.
    pub(super) const fn new(frame: &'a mut [u8], layout: Layout) -> Self {
        Self { frame, layout }
    }

    /// Layout of the planes.
    pub(super) const fn layout(&self) -> Layout {
        self.layout
    }

    /// Fills luma, and chroma of every 2x2 block whose upper left pixel is in `area`.
    pub(super) fn fill(&mut self, area: Rect, colour: Colour) {
        self.fill_luma(area, colour[0]);
        let columns = area.x.div_ceil(2)..area.right().div_ceil(2);
        for plane in [1, 2] {
            for row in area.y.div_ceil(2)..area.bottom().div_ceil(2) {
                let start = self.layout.offsets()[plane] + row * self.layout.strides()[plane];
                self.frame[start + columns.start..start + columns.end].fill(colour[plane]);
            }
        }
    }

    /// Fills luma only.
    pub(super) fn fill_luma(&mut self, area: Rect, luma: u8) {
        for y in area.y..area.bottom() {
            self.row(y, area.x..area.right()).fill(luma);
        }
    }

    /// Luma of some columns of row `y`.
    pub(super) fn row(&mut self, y: usize, columns: Range<usize>) -> &mut [u8] {
        let start = y * self.layout.strides()[0];
        &mut self.frame[start + columns.start..start + columns.end]
    }

    /// Copies the first row of `area` to its other rows, luma only.
    pub(super) fn repeat_row(&mut self, area: Rect) {
        let stride = self.layout.strides()[0];
        let first = area.y * stride + area.x;
        for y in area.y + 1..area.bottom() {
            self.frame.copy_within(first..first + area.width, y * stride + area.x);
        }
    }

    /// Copies the luma of `area` from another frame of the same layout.
    pub(super) fn restore(&mut self, area: Rect, from: &[u8]) {
        let stride = self.layout.strides()[0];
        for y in area.y..area.bottom() {
            let start = y * stride + area.x;
            self.frame[start..start + area.width].copy_from_slice(&from[start..start + area.width]);
        }
    }

    /// Copies a sprite with its upper left pixel to `x`, `y`.
    pub(super) fn blit(&mut self, x: usize, y: usize, sprite: &Sprite) {
        for (row, line) in sprite.luma.chunks_exact(sprite.width).enumerate() {
            self.row(y + row, x..x + sprite.width).copy_from_slice(line);
        }
    }
}

/// `luma` drawn over `under`, covering `coverage`/256 of the pixel.
pub(super) const fn blend(under: u8, luma: u8, coverage: i32) -> u8 {
    let under = under as i32;
    (under + (luma as i32 - under) * coverage / 256) as u8
}
