use proptest::prelude::*;

use super::*;

const SAMPLE: Timecode = Timecode { time_ms: 1_795_230_000_040, frame: 44_880_750_001 };

/// A luma plane without padding.
#[derive(Clone)]
struct Luma {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Luma {
    /// A mid-grey picture with this strip.
    fn with(timecode: Timecode, width: u32, height: u32) -> Self {
        let layout = Layout::new(width, height);
        let mut frame = vec![128; layout.size()];
        timecode.paint(&mut frame, layout);
        let rows = frame.chunks(layout.strides()[0]).take(layout.height());
        let pixels = rows.flat_map(|row| row[..layout.width()].to_vec()).collect();
        Self { width: layout.width(), height: layout.height(), pixels }
    }

    fn read(&self) -> Result<Timecode, ReadError> {
        read(&self.pixels, self.width, self.width, self.height)
    }

    fn map(&self, pixel: impl Fn(usize, usize) -> u8) -> Self {
        let pixels = (0..self.pixels.len()).map(|at| pixel(at % self.width, at / self.width)).collect();
        Self { pixels, ..*self }
    }

    /// Box blur with `2 * radius + 1` pixels.
    fn blurred(&self, radius: usize) -> Self {
        self.map(|x, y| {
            let columns = x.saturating_sub(radius)..(x + radius + 1).min(self.width);
            let rows = y.saturating_sub(radius)..(y + radius + 1).min(self.height);
            let count = columns.len() * rows.len();
            let sum: usize = rows.map(|y| sum(&self.pixels[y * self.width..][columns.clone()]) as usize).sum();
            (sum / count) as u8
        })
    }

    /// Bilinear scaling.
    fn scaled(&self, width: usize, height: usize) -> Self {
        let at = |position: usize, to: usize, from: usize| {
            let exact = ((position as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, from as f64 - 1.0);
            (exact as usize, (exact as usize + 1).min(from - 1), exact.fract())
        };
        let pixel = |x: usize, y: usize| f64::from(self.pixels[y * self.width + x]);
        let target = Self { width, height, pixels: vec![0; width * height] };
        target.map(|x, y| {
            let ((left, right, across), (top, bottom, along)) = (at(x, width, self.width), at(y, height, self.height));
            let row = |y| pixel(left, y) * (1.0 - across) + pixel(right, y) * across;
            (row(top) * (1.0 - along) + row(bottom) * along).round() as u8
        })
    }
}

#[test]
fn the_bytes_are_as_documented() {
    let bytes = Timecode { time_ms: 0x0102_0304_0506, frame: 0x0007_0809_0A0B }.to_bytes();
    assert_eq!(bytes[..12], [0xB1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(bytes[12..], crc32fast::hash(&bytes[..12]).to_be_bytes());
    assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
}

/// The fixture of the reader in JavaScript contains these bytes.
#[test]
fn the_fixture_of_the_javascript_reader_is_up_to_date() {
    let most = Timecode { time_ms: (1 << 48) - 1, frame: (1 << 40) - 1 };
    let entries = [SAMPLE, Timecode { time_ms: 0, frame: 0 }, most].map(|timecode| {
        let hex: String = timecode.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("  {{ \"timeMs\": {}, \"frame\": {}, \"bytes\": \"{hex}\" }}", timecode.time_ms, timecode.frame)
    });
    assert_eq!(format!("[\n{}\n]\n", entries.join(",\n")), include_str!("../../../../tests/strip.json"));
}

#[test]
fn cells_are_where_they_are_documented_to_be() {
    let luma = Luma::with(SAMPLE, 426, 240);
    for (cell, bit) in SAMPLE.to_bits().into_iter().enumerate() {
        let (column, row) = (cell % 64, cell / 64);
        let level = if bit { 235 } else { 16 };
        for y in row * 8..(row + 1) * 8 {
            let cell = &luma.pixels[y * 426 + column * 426 / 64..y * 426 + (column + 1) * 426 / 64];
            assert!(cell.iter().all(|&pixel| pixel == level), "{column}, {row}");
        }
    }
    assert!(luma.pixels[16 * 426..].iter().all(|&pixel| pixel == 128));
}

#[test]
fn cells_of_a_narrow_picture_are_where_they_are_documented_to_be() {
    let luma = Luma::with(SAMPLE, 90, 160);
    for (cell, bit) in SAMPLE.to_bits().into_iter().enumerate() {
        let (column, row) = (cell % 32, cell / 32);
        let level = if bit { 235 } else { 16 };
        for y in row * 160 / 30..(row + 1) * 160 / 30 {
            let cell = &luma.pixels[y * 90 + column * 90 / 32..y * 90 + (column + 1) * 90 / 32];
            assert!(cell.len() >= 2 && cell.iter().all(|&pixel| pixel == level), "{column}, {row}");
        }
    }
    assert!(luma.pixels[4 * 160 / 30 * 90..].iter().all(|&pixel| pixel == 128));
}

#[test]
fn the_time_is_rounded_down() {
    let rate = "30000/1001".parse().unwrap();
    assert_eq!(Timecode::of_frame(rate, 2), Timecode { time_ms: 66, frame: 2 });
}

#[test]
fn a_strip_survives_another_range_noise_and_blur() {
    let luma = Luma::with(SAMPLE, 640, 360);
    let full_range = luma.map(|x, y| ((u32::from(luma.pixels[y * 640 + x]) - 16) * 255 / 219) as u8);
    assert_eq!(full_range.read(), Ok(SAMPLE));
    let noisy =
        luma.map(|x, y| luma.pixels[y * 640 + x].saturating_add_signed(((x * 7919 + y * 104_729) % 121) as i8 - 60));
    assert_eq!(noisy.read(), Ok(SAMPLE));
    assert_eq!(luma.blurred(2).read(), Ok(SAMPLE));
}

#[test]
fn a_strip_survives_scaling() {
    for (width, height) in [(640, 360), (1280, 720), (426, 240), (720, 576)] {
        let luma = Luma::with(SAMPLE, width, height);
        let (width, height) = (luma.width, luma.height);
        for (width, height) in
            [(width / 2, height / 2), (width * 3 / 4, height * 3 / 4), (width * 3 / 2, height * 3 / 2)]
        {
            assert_eq!(luma.scaled(width, height).read(), Ok(SAMPLE), "{width}x{height}");
        }
    }
    for scale in [2, 3] {
        assert_eq!(Luma::with(SAMPLE, 90, 160).scaled(90 * scale, 160 * scale).read(), Ok(SAMPLE), "{scale}");
    }
}

#[test]
fn pictures_without_a_strip_are_refused() {
    assert_eq!(read(&[], 640, 640, 360), Err(ReadError::TooSmall));
    assert_eq!(read(&[0; 62 * 60], 62, 62, 60), Err(ReadError::TooSmall));
    assert_eq!(read(&[0; 100 * 58], 100, 100, 58), Err(ReadError::TooSmall));
    assert_eq!(read(&[0; 100 * 60], 100, 100, 60), Err(ReadError::NoContrast));
    assert_eq!(read(&[16; 640 * 360], 640, 640, 360), Err(ReadError::NoContrast));
    let luma = Luma::with(SAMPLE, 640, 360);
    let negative = luma.map(|x, y| 251 - luma.pixels[y * 640 + x]);
    assert_eq!(negative.read(), Err(ReadError::Version(!VERSION)));
    let torn = luma.map(|x, y| if x > 600 { 16 } else { luma.pixels[y * 640 + x] });
    assert_eq!(torn.read(), Err(ReadError::Crc));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_drawn_strip_is_read(
        time_ms in 0_u64..1 << 48, frame in 0_u64..1 << 40, width in 32_u32..800, height in 45_u32..400,
    ) {
        let timecode = Timecode { time_ms, frame };
        prop_assert_eq!(Timecode::from_bytes(timecode.to_bytes()), Ok(timecode));
        prop_assert_eq!(Luma::with(timecode, width * 2, height * 2).read(), Ok(timecode));
    }

    #[test]
    fn noise_is_not_a_strip(pixels in prop::collection::vec(any::<u8>(), 160 * 90)) {
        prop_assert!(read(&pixels, 160, 160, 90).is_err());
    }

    #[test]
    fn a_wrong_bit_is_detected(bit in 0_usize..128) {
        let mut bytes = SAMPLE.to_bytes();
        bytes[bit / 8] ^= 0x80 >> (bit % 8);
        prop_assert!(Timecode::from_bytes(bytes).is_err());
    }
}
