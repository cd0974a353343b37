//! The dial, whose hand turns once per UTC second, and the flash at the start of each second.

use super::canvas::{Canvas, Rect};
use super::panel::{INK, INK_FAINT, LINE, Panel};
use super::shape::{PIXEL, Ray, Ring};
use crate::base::timeline::Rate;

/// Luma of the flash while it is dark.
const DARK: u8 = 32;
/// Fraction of a second for which the flash is light.
const FLASH_PARTS: u64 = 10;

/// Exact position of the start of a frame within its UTC second: `num`/`den`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase {
    num: u64,
    den: u64,
}

impl Phase {
    /// The phase of frame `index` since 1970.
    pub(super) fn of_frame(rate: Rate, index: u64) -> Self {
        let den = u128::from(rate.num());
        let num = u128::from(index) * u128::from(rate.den()) % den;
        Self { num: num as u64, den: den as u64 }
    }

    /// Whether the flash is light: in the first 100 ms of the second.
    pub(super) const fn flashes(self) -> bool {
        self.num * FLASH_PARTS < self.den
    }
}

/// The dial and the flash at their places.
#[derive(Debug, Clone)]
pub(super) struct Sweep {
    dial: Rect,
    hand: Ray,
    flash: Rect,
    border: usize,
}

impl Sweep {
    /// Prepares dial and flash for the places in `panel`.
    pub(super) fn new(panel: &Panel) -> Self {
        let dial = panel.dial;
        let radius = (dial.width / 2) as i64 * PIXEL;
        let (x, y) = (dial.x + dial.width / 2, dial.y + dial.height / 2);
        let width = (radius / 9).max(2 * PIXEL);
        let hand = Ray { x, y, from: 0, to: radius * 13 / 16, width };
        Self { dial, hand, flash: panel.flash, border: panel.border }
    }

    /// Area of the hand.
    pub(super) const fn dial(&self) -> Rect {
        self.dial
    }

    /// Draws the constant parts: the face of the dial and the frame of the flash.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        let Ray { x, y, width, .. } = self.hand;
        let radius = (self.dial.width / 2) as i64 * PIXEL;
        let line = (radius / 24).max(PIXEL);
        Ring { x, y, radius: radius - line, width: line }.draw(canvas, INK_FAINT);
        for tenth in 0..10 {
            let from = if tenth % 5 == 0 { radius * 11 / 16 } else { radius * 13 / 16 };
            Ray { x, y, from, to: radius - line, width: line }.draw(canvas, INK_FAINT, (tenth, 10));
        }
        Ring::disc(x, y, width).draw(canvas, INK);
        canvas.fill_luma(self.flash, LINE);
        canvas.fill_luma(self.flash.inset(self.border), DARK);
    }

    /// Draws the hand onto an empty dial, and the flash.
    pub(super) fn paint(&self, canvas: &mut Canvas<'_>, phase: Phase) {
        self.hand.draw(canvas, INK, (phase.num, phase.den));
        let luma = if phase.flashes() { INK } else { DARK };
        canvas.fill_luma(self.flash.inset(self.border), luma);
    }
}

#[cfg(test)]
mod tests;
