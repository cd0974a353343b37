//! Finds the strip in pictures that another program has scaled, framed with black bars or marked with a logo, and reads it.

use crate::base::timeline::{Rate, UnixTime};
use crate::media::signal::Timecode;
use crate::media::signal::timecode;

/// Highest luma of a dark pixel. Bars around a picture are darker, and light cells are much lighter.
const LIT: u8 = 72;
/// Aspect ratios of pictures inside other pictures, as width and height.
const SHAPES: [(usize, usize); 7] = [(16, 9), (4, 3), (1, 1), (9, 16), (3, 4), (21, 9), (64, 27)];
/// Number of pictures without a strip from one search to the next. A search reads every pixel.
const SEARCH_EVERY: u32 = 12;
/// Columns of a strip that a logo in a corner may cover: a quarter of the picture.
const COVERED: u32 = 16;
/// Frame rates of sources whose strip can be computed if a logo covers a part of it.
const RATES: [(u32, u32); 15] = [
    (25, 1),
    (50, 1),
    (30, 1),
    (60, 1),
    (24, 1),
    (30_000, 1001),
    (60_000, 1001),
    (24_000, 1001),
    (25, 2),
    (15, 1),
    (10, 1),
    (48, 1),
    (100, 1),
    (120, 1),
    (120_000, 1001),
];

/// Luma of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Luma<'a> {
    pub(super) pixels: &'a [u8],
    pub(super) stride: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// The part of a picture that shows the signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// Reads the strips of successive pictures. The reader searches the strip once, and then reads it at the same place.
#[derive(Debug, Default)]
pub(super) struct Reader {
    area: Option<Area>,
    /// Pictures without a strip since the last picture with one.
    failed: u32,
}

impl Reader {
    /// The part of a picture that shows the signal, if the last picture had a strip.
    pub(super) fn signal<'a>(&self, picture: Luma<'a>) -> Option<Luma<'a>> {
        picture.part(self.area?)
    }

    /// The strip of the next picture, which is read at `now`.
    pub(super) fn read(&mut self, picture: Luma<'_>, now: UnixTime) -> Option<Timecode> {
        let whole = Area { x: 0, y: 0, width: picture.width, height: picture.height };
        let read = |area: &Area| Some((*area, read_at(picture, *area, now)?));
        let known = self.area.iter().chain([&whole]).find_map(read);
        let found = match self.failed % SEARCH_EVERY {
            0 => known.or_else(|| candidates(picture).iter().find_map(read)),
            _ => known,
        };
        match found {
            Some((area, strip)) => {
                *self = Self { area: Some(area), failed: 0 };
                Some(strip)
            }
            None => {
                self.failed = self.failed.wrapping_add(1);
                None
            }
        }
    }
}

impl<'a> Luma<'a> {
    /// The pixels of a row.
    pub(super) fn row(self, y: usize) -> &'a [u8] {
        &self.pixels[y * self.stride..][..self.width]
    }

    /// A part of the picture; `None` if the picture is smaller.
    fn part(self, Area { x, y, width, height }: Area) -> Option<Self> {
        if x + width > self.width || y + height > self.height {
            return None;
        }
        Some(Self { pixels: self.pixels.get(y * self.stride + x..)?, width, height, ..self })
    }
}

fn read_at(picture: Luma<'_>, area: Area, now: UnixTime) -> Option<Timecode> {
    let Luma { pixels, stride, width, height } = picture.part(area)?;
    timecode::read(pixels, stride, width, height).ok().or_else(|| {
        let bytes = timecode::read_unchecked(pixels, stride, width, height).ok()?;
        repaired(bytes, now)
    })
}

/// Computes a strip whose left or right columns are covered. At each frame rate, the readable part of the time or of the frame
/// index determines all other cells. The result is right if it agrees with all readable cells.
fn repaired(bytes: [u8; 16], now: UnixTime) -> Option<Timecode> {
    let read = u128::from_be_bytes(bytes);
    // A logo on the left covers the eight highest bits of the time, which change every 34 years, and one on the right covers the
    // lowest eight.
    let highest = (now.as_millis() >> 40) & 0xff;
    let time_ms = (read >> 72) as u64 & ((1 << 48) - 1);
    let times = [time_ms, time_ms & ((1 << 40) - 1) | highest << 40];
    let lowest = (read >> 32) as u32;
    let rates = RATES.into_iter().filter_map(|(num, den)| Rate::new(num, den));
    let mut candidates = rates.flat_map(|rate| {
        let of_time = times.map(|time_ms| {
            rate.frame_at(UnixTime::from_nanos(time_ms.saturating_mul(1_000_000).saturating_add(999_999)))
        });
        let distance = lowest.wrapping_sub(of_time[0] as u32).cast_signed();
        let of_index = of_time[0].saturating_add_signed(distance.into());
        [of_time[0], of_time[1], of_index].map(|frame| Timecode::of_frame(rate, frame))
    });
    candidates.find(|candidate| {
        let wrong = read ^ u128::from_be_bytes(candidate.to_bytes());
        let columns = (wrong >> 64) as u64 | wrong as u64;
        columns.trailing_zeros() >= 64 - COVERED || columns.leading_zeros() >= 64 - COVERED
    })
}

/// Areas that may contain the signal, the likeliest first.
fn candidates(picture: Luma<'_>) -> Vec<Area> {
    let Luma { width, height, .. } = picture;
    let mut found = Vec::new();
    if let Some(lit) = lit_area(picture) {
        // The strip always lights the upper edge and the first cell, but the right and the lower edge may be black.
        for right in [lit.x + lit.width, width - lit.x] {
            for bottom in [lit.y + lit.height, height - lit.y] {
                if right > lit.x && bottom > lit.y {
                    found.push(Area { width: right - lit.x, height: bottom - lit.y, ..lit });
                }
            }
        }
    }
    found.extend(SHAPES.iter().map(|(across, down)| {
        let inner = match width * down > height * across {
            true => (height * across / down, height),
            false => (width, width * down / across),
        };
        Area { x: (width - inner.0) / 2, y: (height - inner.1) / 2, width: inner.0, height: inner.1 }
    }));
    found
}

/// The rectangle around all light pixels.
fn lit_area(Luma { pixels, stride, width, height }: Luma<'_>) -> Option<Area> {
    let row = |y: usize| pixels.get(y * stride..y * stride + width).unwrap_or_default();
    let is_lit = |y: &usize| row(*y).iter().filter(|luma| **luma > LIT).count() > width / 32;
    let (top, bottom) = ((0..height).find(is_lit)?, (0..height).rfind(is_lit)?);
    let mut columns = vec![0; width];
    for y in top..=bottom {
        columns.iter_mut().zip(row(y)).for_each(|(count, luma)| *count += usize::from(*luma > LIT));
    }
    let is_lit = |count: &usize| *count > height / 64;
    let (left, right) = (columns.iter().position(is_lit)?, columns.iter().rposition(is_lit)?);
    Some(Area { x: left, y: top, width: right + 1 - left, height: bottom + 1 - top })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::spec::Pattern;
    use crate::media::signal::{Layout, Painter, Picture};

    const NOW: UnixTime = UnixTime::from_millis(1_796_013_227_520);

    const RATE: Rate = Rate::new(25, 1).unwrap();

    fn painter() -> Painter {
        Painter::new(&Picture {
            width: 640,
            height: 360,
            rate: RATE,
            pattern: Pattern::Ebu,
            title: String::new(),
            label: String::new(),
        })
    }

    /// Reads successive pictures of 640x360 at `at` in black frames of another size, which `change` changes.
    #[track_caller]
    fn check((width, height): (usize, usize), at: (usize, usize), change: impl Fn(&mut [u8])) {
        let (painter, stride) = (painter(), Layout::new(640, 360).strides()[0]);
        let (mut reader, mut painted) = (Reader::default(), painter.blank());
        for frame in 44_900_330_688..44_900_330_708 {
            painter.paint(&mut painted, frame);
            let mut pixels = vec![16; width * height];
            for row in 0..360 {
                pixels[(at.1 + row) * width + at.0..][..640].copy_from_slice(&painted[row * stride..][..640]);
            }
            change(&mut pixels);
            let picture = Luma { pixels: &pixels, stride: width, width, height };
            let expected = Some(Timecode::of_frame(RATE, frame));
            assert_eq!(reader.read(picture, NOW), expected, "{width}x{height} at {at:?}");
        }
    }

    #[test]
    fn the_strip_is_found_between_black_bars() {
        check((640, 360), (0, 0), |_| ());
        check((640, 480), (0, 60), |_| ());
        check((800, 360), (80, 0), |_| ());
        check((800, 450), (80, 45), |_| ());
        check((900, 360), (31, 0), |_| ());
    }

    #[test]
    fn a_strip_under_a_logo_in_a_corner_is_repaired() {
        for (luma, left) in [(235, 0), (16, 0), (126, 0), (235, 520), (16, 520), (126, 520)] {
            let logo = |pixels: &mut [u8]| (6..60).for_each(|row| pixels[row * 640 + left..][..120].fill(luma));
            check((640, 360), (0, 0), logo);
        }
    }

    #[test]
    fn pictures_without_a_strip_have_none() {
        let mut reader = Reader::default();
        let noise: Vec<u8> = (0..640 * 360_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for pixels in [vec![16; 640 * 360], vec![235; 640 * 360], noise] {
            for _ in 0..2 * SEARCH_EVERY {
                let picture = Luma { pixels: &pixels, stride: 640, width: 640, height: 360 };
                assert_eq!(reader.read(picture, NOW), None);
            }
        }
        let picture = Luma { pixels: &[16; 6], stride: 3, width: 3, height: 2 };
        assert_eq!(reader.read(picture, NOW), None);
    }
}
