//! Stills: the picture of one frame as an image file. The picture is painted and not decoded, so a still takes milliseconds and needs
//! no running stream. Pure functions.

mod colour;
mod png;
mod scale;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::signal::{Layout, Painter, Picture, VERSION};
use scale::{Plane, Size};

/// Quality at which the edges of bars and letters show no noise.
const JPEG_QUALITY: u8 = 90;

/// File format of a still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// JPEG (ISO/IEC 10918-1), with chroma of full resolution.
    Jpeg,
    /// PNG, with the exact colours.
    Png,
}

impl ImageFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::Jpeg, Self::Png];

    /// Name of the file.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Jpeg => "still.jpg",
            Self::Png => "still.png",
        }
    }

    /// Media type of the file.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

/// An image file: everything that its bytes follow from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Still {
    /// The picture.
    pub picture: Picture,
    /// Index of the frame since 1970.
    pub frame: u64,
    /// Width of the image in pixels, at most the width of the picture; a larger value has the same effect as the width of the picture.
    pub width: u32,
    /// File format.
    pub format: ImageFormat,
}

impl Still {
    /// A text that no other still has.
    pub fn identity(&self) -> String {
        format!("{VERSION}|{self:?}")
    }

    /// Paints and encodes the image. `None` if the encoder fails, which no allowed picture causes.
    pub fn paint(&self) -> Option<Vec<u8>> {
        let painter = Painter::new(&self.picture);
        let mut frame = painter.blank();
        painter.paint(&mut frame, self.frame);
        let size = self.size();
        let pixels = pixels(&frame, painter.layout(), size);
        match self.format {
            ImageFormat::Jpeg => jpeg(&pixels, size),
            ImageFormat::Png => png::encode(&pixels, size).ok(),
        }
    }

    /// Size of the image in pixels. The aspect ratio is that of the picture.
    fn size(&self) -> Size {
        let Picture { width: full, height, .. } = self.picture;
        let width = self.width.clamp(1, full);
        let height = (u64::from(height) * u64::from(width) + u64::from(full) / 2) / u64::from(full);
        Size { width: width as usize, height: (height as usize).max(1) }
    }
}

/// R, G and B of each pixel of a frame, scaled to `size`.
fn pixels(frame: &[u8], layout: Layout, size: Size) -> Vec<u8> {
    let planes = [0, 1, 2].map(|plane| {
        let half = |length: usize| if plane == 0 { length } else { length.div_ceil(2) };
        let source = Size { width: half(layout.width()), height: half(layout.height()) };
        let samples = &frame[layout.offsets()[plane]..];
        Plane { samples, stride: layout.strides()[plane], size: source }.scaled(size)
    });
    let [luma, cb, cr] = &planes;
    luma.iter().zip(cb).zip(cr).flat_map(|((luma, cb), cr)| colour::rgb([*luma, *cb, *cr])).collect()
}

fn jpeg(pixels: &[u8], size: Size) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, JPEG_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    let (width, height) = (size.width.try_into().ok()?, size.height.try_into().ok()?);
    encoder.encode(pixels, width, height, ColorType::Rgb).ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::spec::StreamSpec;

    fn still(width: u32, format: ImageFormat) -> Still {
        let spec = StreamSpec::test();
        Still { picture: Picture::of(&spec, &spec.video[0]), frame: 44_880_750_000, width, format }
    }

    /// Width and height in the header of a PNG.
    fn png_size(file: &[u8]) -> [u32; 2] {
        [16, 20].map(|place| u32::from_be_bytes(file[place..place + 4].try_into().unwrap()))
    }

    #[test]
    fn a_still_keeps_the_aspect_ratio_and_is_never_enlarged() {
        for (width, expected) in [(1280, [1280, 720]), (4096, [1280, 720]), (320, [320, 180]), (16, [16, 9])] {
            let file = still(width, ImageFormat::Png).paint().unwrap();
            assert_eq!(png_size(&file), expected, "{width}");
        }
    }

    #[test]
    fn a_jpeg_is_small_and_complete() {
        let file = still(320, ImageFormat::Jpeg).paint().unwrap();
        assert!(file.starts_with(&[0xFF, 0xD8]) && file.ends_with(&[0xFF, 0xD9]));
        assert!(file.len() < 20_000, "{} bytes", file.len());
    }

    #[test]
    fn bars_have_their_colours() {
        let still = still(160, ImageFormat::Png);
        let painter = Painter::new(&still.picture);
        let pixels = pixels(&painter.blank(), painter.layout(), still.size());
        let at = |x: usize, y: usize| <[u8; 3]>::try_from(&pixels[(y * 160 + x) * 3..][..3]).unwrap();
        // The bars at 75 %: 0.75 of 255 is 191.
        for (x, expected) in [(28, [191, 191, 191]), (45, [191, 191, 0]), (62, [0, 191, 191]), (130, [0, 0, 191])] {
            let colour = at(x, 50);
            let is_near = colour.iter().zip(expected).all(|(level, wanted)| level.abs_diff(wanted) <= 2);
            assert!(is_near, "{colour:?} at {x}, not {expected:?}");
        }
    }

    #[test]
    fn stills_that_differ_have_different_identities() {
        let one = still(320, ImageFormat::Jpeg);
        let others = [
            still(319, ImageFormat::Jpeg),
            still(320, ImageFormat::Png),
            Still { frame: one.frame + 1, ..one.clone() },
            Still { picture: Picture { title: "x".to_owned(), ..one.picture.clone() }, ..one.clone() },
        ];
        assert!(others.iter().all(|other| other.identity() != one.identity()));
    }
}
