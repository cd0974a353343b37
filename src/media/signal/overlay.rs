//! The strip and the clock over a picture that others have drawn.

use super::canvas::{BLACK, Canvas, Rect, grey};
use super::clock::{Clock, Reading};
use super::panel::{LINE, Panel};
use super::sweep::{Phase, Sweep};
use super::{Layout, Picture, Timecode, timecode};
use crate::base::timeline::Rate;

/// Least width in pixels of the area of the clock, in which dial, clock and flash are side by side.
const LEAST_WIDTH: usize = 160;

/// Draws the strip of a frame, and the clock if it is wanted, over pictures of one layout.
#[derive(Debug, Clone)]
pub struct Overlay {
    layout: Layout,
    rate: Rate,
    clock: Option<SmallClock>,
}

/// The clock of the test signal in a smaller box at the bottom of the picture.
#[derive(Debug, Clone)]
struct SmallClock {
    area: Rect,
    /// A frame with the constant part of the box.
    base: Vec<u8>,
    clock: Clock,
    sweep: Sweep,
}

impl Overlay {
    /// The strip for pictures with the size and the frame rate of `picture`.
    pub fn strip(picture: &Picture) -> Self {
        Self { layout: Layout::new(picture.width, picture.height), rate: picture.rate, clock: None }
    }

    /// The strip and the clock for pictures with the size and the frame rate of `picture`.
    pub fn strip_and_clock(picture: &Picture) -> Self {
        Self { clock: Some(SmallClock::new(picture)), ..Self::strip(picture) }
    }

    /// Draws over `frame` what belongs to frame `index`, counted from 1970.
    ///
    /// # Panics
    /// If `frame` is shorter than [`Layout::size`].
    pub fn paint(&self, frame: &mut [u8], index: u64) {
        Canvas::new(frame, self.layout).fill(timecode::area(self.layout), BLACK);
        Timecode::of_frame(self.rate, index).paint(frame, self.layout);
        if let Some(clock) = &self.clock {
            clock.paint(&mut Canvas::new(frame, self.layout), (self.rate, index));
        }
    }

    /// Area of the clock in luma pixels: columns and rows.
    #[cfg(test)]
    pub(crate) fn clock_area(&self) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
        let area = self.clock.as_ref()?.area;
        Some((area.x..area.right(), area.y..area.bottom()))
    }
}

impl SmallClock {
    fn new(picture: &Picture) -> Self {
        let layout = Layout::new(picture.width, picture.height);
        let untitled = Picture { title: String::new(), label: String::new(), ..picture.clone() };
        let panel = Panel::new(&untitled, bottom(layout));
        let (clock, sweep) = (Clock::new(&panel), Sweep::new(&panel));
        let mut base = vec![0; layout.size()];
        let mut canvas = Canvas::new(&mut base, layout);
        panel.draw(&mut canvas, &untitled);
        clock.draw(&mut canvas, &panel);
        sweep.draw(&mut canvas);
        Self { area: panel.area, base, clock, sweep }
    }

    fn paint(&self, canvas: &mut Canvas<'_>, (rate, index): (Rate, u64)) {
        canvas.fill(self.area, grey(LINE));
        canvas.restore(self.area, &self.base);
        self.sweep.paint(canvas, Phase::of_frame(rate, index));
        self.clock.paint(canvas, &Reading::of_frame(rate, index));
    }
}

/// The part of the picture in whose middle the clock is: two fifths of the width, the lowest quarter of the height.
fn bottom(layout: Layout) -> Rect {
    let width = (layout.width() * 2 / 5).max(LEAST_WIDTH).min(layout.width());
    let x = (layout.width() - width) / 2;
    Rect::between(x..x + width, layout.height() * 3 / 4..layout.height())
}
