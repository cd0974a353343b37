//! The machine-readable strip at the top of the picture, which identifies the frame for programs that see only pixels.
//!
//! 64 columns by 2 rows of cells, or 32 columns by 4 rows in a picture less than 128 pixels wide. A row is 1/30 of the
//! height. In a picture of `W` by `H` pixels with `C` columns, column `c` covers `floor(c*W/C) <= x < floor((c+1)*W/C)` and
//! row `r` covers `floor(r*H/30) <= y < floor((r+1)*H/30)`. A cell is a bit: luma 235 is 1, luma 16 is 0, chroma is 128.
//! The 128 bits, left to right, upper row first, each number with its most significant bit first: 8 bits 0xB1 (magic and version) · 48 bits start of the frame in ms of Unix time, rounded
//! down · 40 bits index of the frame since 1970 · 32 bits CRC-32 (ISO-HDLC, as in zlib and PNG) of the 12 bytes before.

use std::ops::Range;

use super::Layout;
use super::canvas::{Canvas, Rect};
use crate::base::timeline::Rate;

/// First byte: magic and version.
pub const VERSION: u8 = 0xB1;
/// The cells of most pictures.
const WIDE: Grid = Grid { columns: 64, rows: 2 };
/// Cells of a picture in which the cells of [`WIDE`] would be narrower than two pixels.
const NARROW: Grid = Grid { columns: 32, rows: 4 };
/// Bits of a strip.
const BITS: usize = 128;
/// Minimum size of a cell in pixels, in each direction.
const LEAST_PIXELS: usize = 2;
/// The height of a row is this fraction of the height of the picture.
const ROWS_IN_HEIGHT: usize = 30;

/// Luma of a 0 and of a 1.
const LEVELS: [u8; 2] = [16, 235];
/// Minimum difference between the mean luma of the lightest and of the darkest cell of a strip.
const LEAST_CONTRAST: u32 = 32;

const BYTES: usize = BITS / 8;

/// Arrangement of the bits in rows of cells.
#[derive(Debug, Clone, Copy)]
struct Grid {
    columns: usize,
    rows: usize,
}

/// Contents of the strip of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timecode {
    /// Start of the frame in whole milliseconds since 1970; 48 bits.
    pub time_ms: u64,
    /// Index of the frame since 1970; 40 bits.
    pub frame: u64,
}

/// Error of reading a strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Cells are smaller than two pixels, or the picture has too few pixels.
    #[error("picture is too small for a strip")]
    TooSmall,
    /// All cells have similar luma.
    #[error("no light and dark cells")]
    NoContrast,
    /// The first byte is not [`VERSION`].
    #[error("strip version {0:#04x} is not known")]
    Version(u8),
    /// The checksum is wrong: the strip is damaged, or there is none.
    #[error("strip checksum does not match")]
    Crc,
}

impl Timecode {
    /// Timecode of the frame `index`, counted from 1970.
    pub fn of_frame(rate: Rate, index: u64) -> Self {
        Self { time_ms: rate.frame_millis(index), frame: index }
    }

    /// The strip as bytes. Bits that do not fit their field are dropped.
    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[0] = VERSION;
        bytes[1..7].copy_from_slice(&self.time_ms.to_be_bytes()[2..]);
        bytes[7..12].copy_from_slice(&self.frame.to_be_bytes()[3..]);
        let crc = crc32fast::hash(&bytes[..12]);
        bytes[12..].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// The strip as bits in the order of its cells.
    pub fn to_bits(self) -> [bool; BITS] {
        let bytes = self.to_bytes();
        std::array::from_fn(|bit| bytes[bit / 8] & (0x80 >> (bit % 8)) != 0)
    }

    /// Parses the bytes of [`Timecode::to_bytes`].
    ///
    /// # Errors
    /// [`ReadError::Version`] and [`ReadError::Crc`].
    pub fn from_bytes(bytes: [u8; BYTES]) -> Result<Self, ReadError> {
        let number = |range: Range<usize>| bytes[range].iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
        if bytes[0] != VERSION {
            return Err(ReadError::Version(bytes[0]));
        }
        if u64::from(crc32fast::hash(&bytes[..12])) != number(12..16) {
            return Err(ReadError::Crc);
        }
        Ok(Self { time_ms: number(1..7), frame: number(7..12) })
    }

    /// Draws the strip into the luma of a frame. The chroma must be neutral.
    ///
    /// # Panics
    /// If `frame` is shorter than [`Layout::size`].
    pub fn paint(self, frame: &mut [u8], layout: Layout) {
        let (bits, grid) = (self.to_bits(), Grid::of(layout.width()));
        let mut canvas = Canvas::new(frame, layout);
        for (row, bits) in bits.chunks_exact(grid.columns).enumerate() {
            let rows = row_edges(row, layout.height());
            let line = canvas.row(rows.start, 0..layout.width());
            for (column, &bit) in bits.iter().enumerate() {
                line[grid.column_edges(column, layout.width())].fill(LEVELS[usize::from(bit)]);
            }
            canvas.repeat_row(Rect::between(0..layout.width(), rows));
        }
    }
}

/// Reads the strip of a picture of `width` by `height` pixels, whose rows are `stride` bytes apart in `luma`.
///
/// The picture may have been encoded, scaled or converted to another luma range. A narrow picture that was enlarged
/// still has a narrow strip, so both kinds of strips are tried.
///
/// # Errors
/// [`ReadError`], if there is no strip or it is damaged.
pub fn read(luma: &[u8], stride: usize, width: usize, height: usize) -> Result<Timecode, ReadError> {
    let read = |grid| read_grid(luma, (stride, width, height), grid);
    match (read(WIDE), read(NARROW)) {
        (Err(_), Ok(timecode)) | (Ok(timecode), _) => Ok(timecode),
        (Err(ReadError::TooSmall), Err(error)) | (Err(error), Err(_)) => Err(error),
    }
}

/// The bits of a strip of 64 columns as bytes, without a look at version and checksum. Readers that know more of a
/// picture can repair them.
///
/// # Errors
/// [`ReadError::TooSmall`] and [`ReadError::NoContrast`].
pub fn read_unchecked(luma: &[u8], stride: usize, width: usize, height: usize) -> Result<[u8; BYTES], ReadError> {
    read_bytes(luma, (stride, width, height), WIDE)
}

fn read_grid(luma: &[u8], size: (usize, usize, usize), grid: Grid) -> Result<Timecode, ReadError> {
    Timecode::from_bytes(read_bytes(luma, size, grid)?)
}

fn read_bytes(
    luma: &[u8],
    (stride, width, height): (usize, usize, usize),
    grid: Grid,
) -> Result<[u8; BYTES], ReadError> {
    let too_fine = width < LEAST_PIXELS * grid.columns || height < LEAST_PIXELS * ROWS_IN_HEIGHT;
    if too_fine || stride < width || luma.len() < row_edges(grid.rows - 1, height).end * stride {
        return Err(ReadError::TooSmall);
    }
    let means: [u32; BITS] = std::array::from_fn(|cell| {
        let columns = middle(grid.column_edges(cell % grid.columns, width));
        let rows = middle(row_edges(cell / grid.columns, height));
        let count = (columns.len() * rows.len()) as u32;
        let sum: u32 = rows.map(|y| sum(&luma[y * stride..][columns.clone()])).sum();
        sum / count
    });
    let (darkest, lightest) = means.iter().fold((u32::MAX, 0), |(min, max), &mean| (mean.min(min), mean.max(max)));
    if lightest - darkest < LEAST_CONTRAST {
        return Err(ReadError::NoContrast);
    }
    let mut bytes = [0; BYTES];
    for (cell, mean) in means.iter().enumerate() {
        bytes[cell / 8] |= u8::from(2 * mean > darkest + lightest) << (7 - cell % 8);
    }
    Ok(bytes)
}

/// Area of the strip in a picture.
pub(super) fn area(layout: Layout) -> Rect {
    Rect::between(0..layout.width(), 0..row_edges(Grid::of(layout.width()).rows - 1, layout.height()).end)
}

impl Grid {
    /// Cells of a picture of this width.
    const fn of(width: usize) -> Self {
        if width < LEAST_PIXELS * WIDE.columns { NARROW } else { WIDE }
    }

    const fn column_edges(self, column: usize, width: usize) -> Range<usize> {
        column * width / self.columns..(column + 1) * width / self.columns
    }
}

const fn row_edges(row: usize, height: usize) -> Range<usize> {
    row * height / ROWS_IN_HEIGHT..(row + 1) * height / ROWS_IN_HEIGHT
}

/// The central half of a range, because neighbours bleed into the edges of a cell.
const fn middle(edges: Range<usize>) -> Range<usize> {
    let margin = (edges.end - edges.start) / 4;
    edges.start + margin..edges.end - margin
}

fn sum(pixels: &[u8]) -> u32 {
    pixels.iter().map(|&pixel| u32::from(pixel)).sum()
}

#[cfg(test)]
mod tests;
