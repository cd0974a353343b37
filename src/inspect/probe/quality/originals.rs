//! The pictures of a definition, painted again beside what was received.

use super::super::strip::Luma;
use super::compare::{psnr, ssim};
use super::scale::Scaler;
use crate::base::timeline::Rate;
use crate::definition::spec::StreamSpec;
use crate::media::signal::{Painter, Picture, Timecode};

/// A received picture beside its original.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    pub(super) rendition: String,
    /// Size of the received picture.
    pub(super) size: (usize, usize),
    pub(super) ssim: f64,
    /// In dB.
    pub(super) psnr: f64,
}

/// The renditions of a definition, and which of them is received.
#[derive(Debug)]
pub(super) struct Originals {
    rate: Rate,
    renditions: Vec<Original>,
    received: Option<Rendition>,
}

#[derive(Debug)]
struct Original {
    id: String,
    painter: Painter,
    frame: Vec<u8>,
}

/// The rendition of received pictures of a size.
#[derive(Debug)]
struct Rendition {
    index: usize,
    scaler: Scaler,
    size: (usize, usize),
}

impl Originals {
    /// The renditions of `spec`.
    pub(super) fn new(spec: &StreamSpec) -> Self {
        let of = |video| {
            let painter = Painter::new(&Picture::of(spec, video));
            Original { id: video.id.to_string(), frame: painter.blank(), painter }
        };
        Self { rate: spec.timeline.rate(), renditions: spec.video.iter().map(of).collect(), received: None }
    }

    /// Compares a picture with the rendition that it is most like, as the first picture of its size tells. Returns luma of the
    /// original in that size, too. `None` if the definition has no such frame.
    pub(super) fn compare(&mut self, picture: Luma<'_>, strip: Timecode) -> Option<(Compared, Vec<u8>)> {
        if Timecode::of_frame(self.rate, strip.frame) != strip {
            return None;
        }
        let size = (picture.width, picture.height);
        if self.received.as_ref().is_none_or(|received| received.size != size) {
            let candidates = self.renditions.iter_mut().enumerate().map(|(index, original)| {
                let scaler = original.scaler(size);
                (psnr(picture, luma(&original.paint(strip, &scaler), size)), Rendition { index, scaler, size })
            });
            self.received = candidates.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, rendition)| rendition);
        }
        let Rendition { index, scaler, .. } = self.received.as_ref()?;
        let original = &mut self.renditions[*index];
        let painted = original.paint(strip, scaler);
        let expected = luma(&painted, size);
        let (ssim, psnr) = (ssim(picture, expected), psnr(picture, expected));
        Some((Compared { rendition: original.id.clone(), size, ssim, psnr }, painted))
    }
}

impl Original {
    /// From the size of the rendition to `size`.
    fn scaler(&self, size: (usize, usize)) -> Scaler {
        let layout = self.painter.layout();
        Scaler::new((layout.width(), layout.height()), size)
    }

    /// Luma of a frame, scaled.
    fn paint(&mut self, strip: Timecode, scaler: &Scaler) -> Vec<u8> {
        self.painter.paint(&mut self.frame, strip.frame);
        let layout = self.painter.layout();
        let (width, height) = (layout.width(), layout.height());
        scaler.scale(Luma { pixels: &self.frame, stride: layout.strides()[0], width, height })
    }
}

/// A picture without space between its rows.
const fn luma(pixels: &[u8], (width, height): (usize, usize)) -> Luma<'_> {
    Luma { pixels, stride: width, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::spec::StreamRequest;

    /// Frame at the start of 2026 and a little more.
    const FRAME: u64 = 44_180_640_012;

    fn spec() -> StreamSpec {
        let request: StreamRequest = serde_json::from_str(
            r#"{"name": "test", "video": [{"id": "small", "width": 320, "height": 180, "bitrate": 400000},
                {"id": "large", "width": 640, "height": 360, "bitrate": 800000}]}"#,
        )
        .unwrap();
        request.try_into().unwrap()
    }

    #[test]
    fn pictures_are_compared_with_the_rendition_that_they_show() {
        let spec = spec();
        let mut originals = Originals::new(&spec);
        for (index, video) in spec.video.iter().enumerate() {
            let painter = Painter::new(&Picture::of(&spec, video));
            let mut frame = painter.blank();
            painter.paint(&mut frame, FRAME);
            let size = (video.width as usize, video.height as usize);
            let strip = Timecode::of_frame(spec.timeline.rate(), FRAME);
            let (found, original) = originals.compare(luma(&frame, size), strip).unwrap();
            assert_eq!(original, frame[..size.0 * size.1]);
            let rendition = spec.video[index].id.to_string();
            assert_eq!(found, Compared { rendition, size, ssim: 1.0, psnr: 100.0 });

            // Another size, in which both renditions could be.
            let scaled = Scaler::new(size, (480, 270)).scale(luma(&frame, size));
            originals.received = None;
            let (found, _) = originals.compare(luma(&scaled, (480, 270)), strip).unwrap();
            assert_eq!((found.rendition, found.ssim), (spec.video[index].id.to_string(), 1.0));

            let late = Timecode::of_frame(spec.timeline.rate(), FRAME + 25);
            let (found, _) = originals.compare(luma(&frame, size), late).unwrap();
            assert!(found.ssim < 0.999 && found.psnr < 40.0, "{found:?}");
            let foreign = Timecode { time_ms: strip.time_ms + 7, ..strip };
            assert_eq!(originals.compare(luma(&frame, size), foreign), None);
        }
    }
}
