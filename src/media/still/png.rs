//! Writes PNG files (ISO/IEC 15948) of 8-bit RGB.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::scale::Size;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// 8 bits a sample, RGB, the only methods of compression and filtering, no interlacing.
const FORMAT: [u8; 5] = [8, 2, 0, 0, 0];
/// Filter type Up: a row is its difference from the row above, which is nothing in bars.
const FILTER_UP: u8 = 2;
const SAMPLES_PER_PIXEL: usize = 3;

/// The file of an image whose pixels are R, G and B, row by row.
pub(super) fn encode(pixels: &[u8], size: Size) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(8 + FORMAT.len());
    for length in [size.width, size.height] {
        header.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
    header.extend_from_slice(&FORMAT);
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"IDAT", &compressed(pixels, size.width * SAMPLES_PER_PIXEL)?);
    chunk(&mut file, *b"IEND", &[]);
    Ok(file)
}

fn compressed(pixels: &[u8], row_bytes: usize) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut above = vec![0; row_bytes];
    let mut line = vec![FILTER_UP];
    for row in pixels.chunks_exact(row_bytes) {
        line.truncate(1);
        line.extend(row.iter().zip(&above).map(|(sample, above)| sample.wrapping_sub(*above)));
        encoder.write_all(&line)?;
        above.copy_from_slice(row);
    }
    encoder.finish()
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let start = file.len();
    file.extend_from_slice(&kind);
    file.extend_from_slice(data);
    let checksum = crc32fast::hash(&file[start..]);
    file.extend_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_image_is_written() {
        let file = encode(&[1, 2, 3, 4, 5, 6], Size { width: 1, height: 2 }).unwrap();
        let (head, rest) = file.split_at(8 + 25);
        assert_eq!(head[8..29], *b"\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x02\x08\x02\0\0\0");
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&rest[8..8 + length]), &mut rows).unwrap();
        assert_eq!(rows, [2, 1, 2, 3, 2, 3, 3, 3]);
        // The checksum of an empty chunk is in the standard.
        assert!(file.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
    }
}
