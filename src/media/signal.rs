//! The test signal, picture and audio, as pure functions of the definition and of frame or sample indices since 1970.
//!
//! The same input gives the same bytes on every machine: all pixels and samples result from integer arithmetic. No
//! function reads a clock or depends on an encoder.

mod bars;
mod canvas;
mod clock;
mod glyphs;
mod layout;
mod outline;
mod overlay;
mod panel;
mod shape;
mod sine;
mod sweep;
pub mod timecode;
mod tone;

use crate::base::timeline::Rate;
use crate::definition::spec::{Pattern, StreamSpec, VideoSpec};
use canvas::Canvas;
use clock::Clock;
use panel::Panel;
use sweep::{Phase, Sweep};

pub use layout::Layout;
pub use overlay::Overlay;
pub use timecode::Timecode;
pub use tone::{Beep, CHANNELS, Tone};

/// Version of the drawing and of the audio. Increment it when any byte changes.
pub const VERSION: u32 = 1;

/// The constant part of a picture: everything but the time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Picture {
    /// Width in pixels, even, at least 90.
    pub width: u32,
    /// Height in pixels, even, at least 90. The longer side is at least 160.
    pub height: u32,
    /// Frames per second.
    pub rate: Rate,
    /// Background behind the clock.
    pub pattern: Pattern,
    /// Large text above the clock. A long text is drawn smaller, then cut. May be empty.
    pub title: String,
    /// Small text below the clock. May be empty.
    pub label: String,
}

impl Picture {
    /// The picture of a rendition.
    pub fn of(spec: &StreamSpec, video: &VideoSpec) -> Self {
        let VideoSpec { id, width, height, bitrate, .. } = video;
        let rate = spec.timeline.rate();
        Self {
            width: *width,
            height: *height,
            rate,
            pattern: spec.pattern,
            title: spec.shown_title().to_owned(),
            label: format!("{id}  {width}x{height}  {rate} fps  {} kbit/s", bitrate / 1000),
        }
    }

    /// The picture of a rendition while no publisher sends one.
    pub fn without_publisher(spec: &StreamSpec, video: &VideoSpec) -> Self {
        // A long title is cut at its end.
        Self { title: format!("no picture: {}", spec.shown_title()), ..Self::of(spec, video) }
    }
}

/// Draws the frames of one rendition. The constant part is drawn once.
#[derive(Debug, Clone)]
pub struct Painter {
    layout: Layout,
    rate: Rate,
    base: Vec<u8>,
    clock: Clock,
    sweep: Sweep,
}

impl Painter {
    /// Draws the constant part of `picture`.
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

    /// Layout of the planes in a frame.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// A frame with the constant part only. [`Painter::paint`] completes it.
    pub fn blank(&self) -> Vec<u8> {
        self.base.clone()
    }

    /// Draws frame `index`, counted from 1970, into `frame`. Only luma changes.
    ///
    /// `frame` is a copy of [`Painter::blank`] or a frame that this painter has painted. The result is the same.
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
