//! Layout of the dark box over the pattern: title at the top, label at the bottom, and between them dial, clock and
//! flash side by side. In a narrow picture dial and flash are below the clock. The size follows from the largest time
//! of day that fits.

use super::Picture;
use super::canvas::{Canvas, Rect, grey};
use super::glyphs::{Face, Fitted, SMALLEST};

/// Luma of the box.
pub(super) const PAPER: u8 = 20;
/// Luma of text, strongest first.
pub(super) const INK: u8 = 235;
pub(super) const INK_SOFT: u8 = 190;
pub(super) const INK_FAINT: u8 = 150;
/// Luma of lines around the box and its parts.
pub(super) const LINE: u8 = 90;

/// Places in the picture, in luma pixels. The place of a text is the upper left corner of its first capital.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) area: Rect,
    pub(super) border: usize,
    pub(super) dial: Rect,
    pub(super) flash: Rect,
    pub(super) date: Spot,
    pub(super) utc: Spot,
    pub(super) time: Spot,
    pub(super) frame: Spot,
    /// Number of digits of the frame number.
    pub(super) frame_digits: usize,
    title: Rect,
    label: Rect,
}

/// Place and height of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) capital: usize,
}

/// Width in pixels below which dial and flash are below the clock.
const STACKED_BELOW: usize = 160;

/// Dial, clock and flash for one height of digits.
struct Middle {
    time: usize,
    small: usize,
    gap: usize,
    between: usize,
    frame_digits: usize,
    stacked: bool,
}

impl Panel {
    /// Computes a box in the middle of `clear`.
    pub(super) fn new(picture: &Picture, clear: Rect) -> Self {
        let unit = clear.width.min(picture.height as usize * 16 / 9);
        let scale = |at_1920: usize| at_1920 * unit / 1920;
        let stacked = unit < STACKED_BELOW;
        let width = if stacked { unit & !1 } else { scale(1664).max(unit * 7 / 8).min(unit) & !1 };
        let pad = scale(32).max(3);
        let rows = |text: &str, at_1920| if text.is_empty() { 0 } else { scale(at_1920).max(SMALLEST) };
        let (title, label) = (rows(&picture.title, 40), rows(&picture.label, 26));
        let above = if title == 0 { 0 } else { title + pad * 4 / 3 };
        let below = if label == 0 { 0 } else { label + pad * 4 / 3 };
        let room = (width - 2 * pad, clear.height - 2 * pad - above - below);
        let middle = Middle::largest(room, frame_digits(picture), stacked);
        let height = (2 * pad + above + middle.height() + below + 1) & !1;
        let x = (clear.x + (clear.width - width) / 2) & !1;
        let y = (clear.y + clear.height / 2 - height / 2).min(picture.height as usize - height) & !1;
        let area = Rect { x, y, width, height };
        let inner = area.inset(pad);
        let top = inner.y + above;
        let (side, gap) = (middle.side(), middle.gap);
        let left = inner.x + (inner.width - middle.width()) / 2;
        let text = left + if stacked { (middle.width() - middle.text_width()) / 2 } else { side + gap };
        let end = text + middle.text_width();
        let [dial, flash] = match stacked {
            false => [(left, top), (end + gap, top)],
            true => {
                let (x, y) = (inner.x + (inner.width - 2 * side - gap) / 2, top + side + gap);
                [(x, y), (x + side + gap, y)]
            }
        };
        let square = |(x, y)| Rect { x, y, width: side, height: side };
        let (date, time) = (middle.small, middle.time);
        let frame_x = end - middle.frame_digits * Face::advance_of(date);
        Self {
            area,
            border: scale(4).max(1),
            dial: square(dial),
            flash: square(flash),
            date: Spot { x: text, y: top, capital: date },
            utc: Spot { x: end - 3 * Face::advance_of(date), y: top, capital: date },
            time: Spot { x: text, y: top + side - time, capital: time },
            frame: Spot { x: frame_x, y: top + side - date, capital: date },
            frame_digits: middle.frame_digits,
            title: Rect { height: title, ..inner },
            label: Rect { y: top + middle.height() + below - label, height: label, ..inner },
        }
    }

    /// Draws the box, the title and the label.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, picture: &Picture) {
        canvas.fill(self.area, grey(LINE));
        canvas.fill_luma(self.area.inset(self.border), PAPER);
        draw_centred(canvas, self.title, (&picture.title, INK));
        draw_centred(canvas, self.label, (&picture.label, INK_FAINT));
    }
}

impl Middle {
    /// The largest arrangement that fits `room`, width and height in pixels.
    fn largest(room: (usize, usize), frame_digits: usize, stacked: bool) -> Self {
        let of_height = |time: usize| Self {
            time,
            small: (time * 3 / 8).max(SMALLEST),
            gap: (time / 2).max(3),
            between: (time / 4).max(3),
            frame_digits,
            stacked,
        };
        let fits = |middle: &Self| middle.width() <= room.0 && (!stacked || middle.height() <= room.1);
        let mut middle = of_height(SMALLEST);
        while fits(&of_height(middle.time + 1)) {
            middle = of_height(middle.time + 1);
        }
        middle
    }

    /// Height of the clock, and side of the dial and of the flash.
    const fn side(&self) -> usize {
        (self.small + self.between + self.time).next_multiple_of(2)
    }

    const fn height(&self) -> usize {
        if self.stacked { 2 * self.side() + self.gap } else { self.side() }
    }

    /// Width of the time of day, a gap and the frame number, or of the date, a gap and the zone if that is wider.
    fn text_width(&self) -> usize {
        let small = Face::advance_of(self.small);
        let time = 8 * Face::advance_of(self.time) + self.time / 4 + self.frame_digits * small;
        time.max(13 * small + 2)
    }

    fn width(&self) -> usize {
        match self.stacked {
            true => self.text_width().max(2 * self.side() + self.gap),
            false => 2 * (self.side() + self.gap) + self.text_width(),
        }
    }
}

/// Digits of the largest frame number within a second, at least two.
fn frame_digits(picture: &Picture) -> usize {
    let frames = picture.rate.num().div_ceil(picture.rate.den());
    if frames > 100 { 3 } else { 2 }
}

fn draw_centred(canvas: &mut Canvas<'_>, area: Rect, (text, luma): (&str, u8)) {
    if text.is_empty() {
        return;
    }
    let fitted = Fitted::new(text, area.width, area.height);
    let x = area.x + (area.width - fitted.width()) / 2;
    let y = area.y + (area.height - fitted.face.capital()) / 2;
    fitted.face.draw(canvas, (x, y), (&fitted.text, luma));
}

#[cfg(test)]
mod tests;
