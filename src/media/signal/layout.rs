//! Layout of the three planes of an I420 frame in memory, which is the default of GStreamer.

/// Sizes and places of the Y, U and V planes of one frame, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layout {
    width: usize,
    height: usize,
}

impl Layout {
    /// The layout of a frame of `width` by `height` pixels.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width: width as usize, height: height as usize }
    }

    /// Width of the picture in pixels.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Height of the picture in pixels.
    pub const fn height(&self) -> usize {
        self.height
    }

    /// Bytes from one row to the next in Y, U and V.
    pub const fn strides(&self) -> [usize; 3] {
        let chroma = self.width.div_ceil(2).next_multiple_of(4);
        [self.width.next_multiple_of(4), chroma, chroma]
    }

    /// Offsets of Y, U and V.
    pub const fn offsets(&self) -> [usize; 3] {
        let [luma, chroma, _] = self.strides();
        let u = luma * self.height.next_multiple_of(2);
        [0, u, u + chroma * self.height.div_ceil(2)]
    }

    /// Bytes of a whole frame.
    pub const fn size(&self) -> usize {
        self.offsets()[2] + self.strides()[2] * self.height.div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_lie_as_gstreamer_lays_them_out() {
        let check = |width, height, strides, offsets, size| {
            let layout = Layout::new(width, height);
            assert_eq!((layout.strides(), layout.offsets(), layout.size()), (strides, offsets, size));
        };
        check(1280, 720, [1280, 640, 640], [0, 921_600, 1_152_000], 1_382_400);
        check(426, 240, [428, 216, 216], [0, 102_720, 128_640], 154_560);
        check(160, 90, [160, 80, 80], [0, 14_400, 18_000], 21_600);
        check(854, 480, [856, 428, 428], [0, 410_880, 513_600], 616_320);
    }
}
