//! The clock: date, time of day and the number of the frame within its second, in UTC.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::canvas::{Canvas, Sprite};
use super::glyphs::Face;
use super::panel::{INK, INK_SOFT, PAPER, Panel, Spot};
use crate::base::timeline::Rate;

/// Date and time of day, with `#` for each digit.
const DATE: &str = "####-##-##";
const TIME: &str = "##:##:##";

/// Digits of the clock from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Year, month, day.
    date: [u8; 8],
    /// Hour, minute, second.
    time: [u8; 6],
    /// Number of frames since the start of the second, excluding this one.
    frame: [u8; 3],
}

impl Reading {
    /// The digits during frame `index`, counted from 1970.
    pub(super) fn of_frame(rate: Rate, index: u64) -> Self {
        let (num, den) = (u128::from(rate.num()), u128::from(rate.den()));
        let second = u128::from(index) * den / num;
        let first = (second * num).div_ceil(den);
        let number = u64::try_from(u128::from(index) - first).unwrap_or(0);
        let moment = i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok());
        let civil = Offset::UTC.to_datetime(moment.unwrap_or(Timestamp::MAX));
        let date = civil.year().unsigned_abs() as u64 * 10_000 + civil.month() as u64 * 100 + civil.day() as u64;
        let time = civil.hour() as u64 * 10_000 + civil.minute() as u64 * 100 + civil.second() as u64;
        Self { date: digits(date), time: digits(time), frame: digits(number) }
    }
}

/// The last `N` decimal digits.
fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [0; N];
    for digit in digits.iter_mut().rev() {
        *digit = (number % 10) as u8;
        number /= 10;
    }
    digits
}

/// Draws readings into the places that the panel has for them.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    date: Digits,
    time: Digits,
    frame: Digits,
}

/// A row of digits: where each goes, and how each of the ten looks.
#[derive(Debug, Clone)]
struct Digits {
    sprites: [Sprite; 10],
    y: usize,
    columns: Vec<usize>,
}

impl Clock {
    /// Prepares the digits in the sizes of `panel`.
    pub(super) fn new(panel: &Panel) -> Self {
        let frame = &"###"[..panel.frame_digits];
        Self {
            date: Digits::new(panel.date, DATE, INK_SOFT),
            time: Digits::new(panel.time, TIME, INK),
            frame: Digits::new(panel.frame, frame, INK_SOFT),
        }
    }

    /// Draws what is the same in all readings.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, panel: &Panel) {
        let fixed = |text: &str| text.replace('#', " ");
        let texts = [(panel.date, DATE, INK_SOFT), (panel.time, TIME, INK), (panel.utc, "UTC", INK_SOFT)];
        for (spot, text, ink) in texts {
            Face::new(spot.capital).draw(canvas, (spot.x, spot.y), (&fixed(text), ink));
        }
    }

    /// Draws the digits of `reading` over those of any other.
    pub(super) fn paint(&self, canvas: &mut Canvas<'_>, reading: &Reading) {
        self.date.paint(canvas, &reading.date);
        self.time.paint(canvas, &reading.time);
        self.frame.paint(canvas, &reading.frame[3 - self.frame.columns.len()..]);
    }
}

impl Digits {
    /// The places of `#` in `template`, which begins at `spot`.
    fn new(spot: Spot, template: &str, ink: u8) -> Self {
        let face = Face::new(spot.capital);
        let places = template.char_indices().filter(|&(_, character)| character == '#');
        let columns = places.map(|(column, _)| spot.x + column * face.advance()).collect();
        Self { sprites: face.digits(PAPER, ink), y: spot.y - face.digit_overhang(), columns }
    }

    fn paint(&self, canvas: &mut Canvas<'_>, digits: &[u8]) {
        for (&x, &digit) in self.columns.iter().zip(digits) {
            canvas.blit(x, self.y, &self.sprites[usize::from(digit)]);
        }
    }
}

#[cfg(test)]
mod tests;
