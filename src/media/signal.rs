//! The test signal, picture and sound, as pure functions of the definition and of frame or sample indices since 1970.
//!
//! The same input gives the same bytes on every machine: all decisions about pixels and samples are integer arithmetic.
//! Nothing here reads a clock or knows an encoder; when a frame is due is the business of `timeline` and `pipeline`.

mod bars;
mod canvas;
mod clock;
mod glyphs;
mod layout;
mod outline;
mod panel;
mod shape;
mod sine;
mod sweep;
pub mod timecode;
mod tone;

use crate::base::timeline::Rate;
use crate::definition::spec::Pattern;
use canvas::Canvas;
use clock::Clock;
use panel::Panel;
use sweep::{Phase, Sweep};

pub use layout::Layout;
pub use timecode::Timecode;
pub use tone::{CHANNELS, Tone};

/// Version of the drawing and of the sound; it changes whenever a byte of either does.
pub const VERSION: u32 = 1;

/// What is drawn: everything about a picture but the time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Picture {
    /// Width in pixels; even, 90 or more.
    pub width: u32,
    /// Height in pixels; even, 90 or more. The longer side is 160 or more.
    pub height: u32,
    /// Frames per second.
    pub rate: Rate,
    /// What fills the picture behind the clock.
    pub pattern: Pattern,
    /// The large line over the clock; a long one is drawn smaller, then cut. May be empty.
    pub title: String,
    /// The small line under the clock. May be empty.
    pub label: String,
}

/// Draws the frames of one rendition; all that does not depend on the frame is prepared once.
#[derive(Debug, Clone)]
pub struct Painter {
    layout: Layout,
    rate: Rate,
    base: Vec<u8>,
    clock: Clock,
    sweep: Sweep,
}

impl Painter {
    /// Draws what is the same in all frames of `picture`.
    pub fn new(picture: &Picture) -> Self {
        let layout = Layout::new(picture.width, picture.height);
        let mut base = vec![0; layout.size()];
        let mut canvas = Canvas::new(&mut base, layout);
        bars::draw(&mut canvas, picture.pattern);
        canvas.fill(timecode::area(layout), canvas::BLACK);
        let panel = Panel::new(picture, bars::clear_area(layout, picture.pattern));
        panel.draw(&mut canvas, picture);
        let clock = Clock::new(&panel);
        clock.draw(&mut canvas, &panel);
        let sweep = Sweep::new(&panel);
        sweep.draw(&mut canvas);
        Self { layout, rate: picture.rate, base, clock, sweep }
    }

    /// How the planes lie in a frame.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// A frame with all that does not depend on the index; the rest is for [`Painter::paint`] to fill.
    pub fn blank(&self) -> Vec<u8> {
        self.base.clone()
    }

    /// Makes `frame` the picture of frame `index` since 1970. Only luma changes.
    ///
    /// `frame` is a copy of [`Painter::blank`] or any frame that this painter has painted; the result is the same.
    ///
    /// # Panics
    /// If `frame` is shorter than [`Layout::size`].
    pub fn paint(&self, frame: &mut [u8], index: u64) {
        Timecode::of_frame(self.rate, index).paint(frame, self.layout);
        let mut canvas = Canvas::new(frame, self.layout);
        canvas.restore(self.sweep.dial(), &self.base);
        self.sweep.paint(&mut canvas, Phase::of_frame(self.rate, index));
        self.clock.paint(&mut canvas, &clock::Reading::of_frame(self.rate, index));
    }
}

#[cfg(test)]
mod tests;
