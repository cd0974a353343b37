//! Backgrounds: colour bars, a grid or black, in 8-bit BT.709 studio range.

use std::ops::Range;

use super::canvas::{BLACK, Canvas, Colour, Rect, grey};
use super::shape::{self, Ring};
use super::{Layout, timecode};
use crate::definition::spec::Pattern;

/// A row of bars: relative width and colour of each, from the left.
type Bars<'a> = &'a [(usize, Colour)];

const WHITE: Colour = rgb(100, 100, 100);
const GREY_75: Colour = rgb(75, 75, 75);
const YELLOW: Colour = rgb(75, 75, 0);
const CYAN: Colour = rgb(0, 75, 75);
const GREEN: Colour = rgb(0, 75, 0);
const MAGENTA: Colour = rgb(75, 0, 75);
const RED: Colour = rgb(75, 0, 0);
const BLUE: Colour = rgb(0, 0, 75);
/// The -I and +Q colours of SMPTE RP 219, rounded to 8 bits.
const MINUS_I: Colour = [61, 153, 99];
const PLUS_Q: Colour = [35, 174, 152];

/// Draws the pattern on the whole picture.
pub(super) fn draw(canvas: &mut Canvas<'_>, pattern: Pattern) {
    match pattern {
        Pattern::Smpte if is_wide(canvas.layout()) => smpte_wide(canvas),
        Pattern::Smpte => smpte_narrow(canvas),
        Pattern::Ebu => ebu(canvas),
        Pattern::Grid => grid(canvas),
        Pattern::Black => canvas.fill(field(canvas.layout()), BLACK),
    }
}

/// The area that may be covered, without the rows of SMPTE bars that are for measuring and the centre of the grid.
pub(super) fn clear_area(layout: Layout, pattern: Pattern) -> Rect {
    let field = field(layout);
    let rows = match pattern {
        Pattern::Smpte if is_wide(layout) => field.y..part(&field_rows(layout), 7, 12),
        Pattern::Smpte => field.y..part(&field_rows(layout), 8, 12),
        Pattern::Grid => layout.height() / 2..layout.height(),
        Pattern::Ebu | Pattern::Black => field.y..field.bottom(),
    };
    Rect::between(0..field.right(), rows)
}

/// The picture below the strip.
fn field(layout: Layout) -> Rect {
    Rect::between(0..layout.width(), field_rows(layout))
}

fn field_rows(layout: Layout) -> Range<usize> {
    timecode::area(layout).bottom()..layout.height()
}

/// RP 219 is for 16:9, EG 1 for 4:3.
const fn is_wide(layout: Layout) -> bool {
    layout.width() * 2 >= layout.height() * 3
}

/// SMPTE RP 219: 75 % bars between grey, reverse rows with a ramp, and PLUGE at the bottom.
fn smpte_wide(canvas: &mut Canvas<'_>) {
    // Widths are in 168ths of the picture: an eighth is 21, and each of seven bars in three quarters is 18.
    let grey_40 = rgb(40, 40, 40);
    let grey_15 = rgb(15, 15, 15);
    let main: Bars<'_> = &[
        (21, grey_40),
        (18, GREY_75),
        (18, YELLOW),
        (18, CYAN),
        (18, GREEN),
        (18, MAGENTA),
        (18, RED),
        (18, BLUE),
        (21, grey_40),
    ];
    let ramp_top: Bars<'_> = &[(21, rgb(0, 100, 100)), (18, MINUS_I), (108, GREY_75), (21, rgb(0, 0, 100))];
    let ramp_row: Bars<'_> = &[(21, rgb(100, 100, 0)), (18, PLUS_Q), (90, BLACK), (18, WHITE), (21, rgb(100, 0, 0))];
    let pluge: Bars<'_> = &[
        (21, grey_15),
        (27, BLACK),
        (36, WHITE),
        (15, BLACK),
        (6, rgb(-2, -2, -2)),
        (6, BLACK),
        (6, rgb(2, 2, 2)),
        (6, BLACK),
        (6, rgb(4, 4, 4)),
        (18, BLACK),
        (21, grey_15),
    ];
    let field = field_rows(canvas.layout());
    let edges = [0, 7, 8, 9, 12].map(|twelfths| part(&field, twelfths, 12));
    row_of_bars(canvas, edges[0]..edges[1], main);
    row_of_bars(canvas, edges[1]..edges[2], ramp_top);
    row_of_bars(canvas, edges[2]..edges[3], ramp_row);
    row_of_bars(canvas, edges[3]..edges[4], pluge);
    let columns = 0..canvas.layout().width();
    let ramp = part(&columns, 39, 168)..part(&columns, 129, 168);
    draw_ramp(canvas, Rect::between(ramp, edges[2]..edges[3]));
}

/// SMPTE EG 1: 75 % bars, reverse blue bars, and -I, white, +Q and PLUGE at the bottom.
fn smpte_narrow(canvas: &mut Canvas<'_>) {
    // Widths are in 84ths of the picture.
    let main = [GREY_75, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE].map(|colour| (12, colour));
    let reverse = [BLUE, BLACK, MAGENTA, BLACK, CYAN, BLACK, GREY_75].map(|colour| (12, colour));
    let pluge: Bars<'_> = &[
        (15, MINUS_I),
        (15, WHITE),
        (15, PLUS_Q),
        (15, BLACK),
        (4, rgb(-4, -4, -4)),
        (4, BLACK),
        (4, rgb(4, 4, 4)),
        (12, BLACK),
    ];
    let field = field_rows(canvas.layout());
    let edges = [0, 8, 9, 12].map(|twelfths| part(&field, twelfths, 12));
    row_of_bars(canvas, edges[0]..edges[1], &main);
    row_of_bars(canvas, edges[1]..edges[2], &reverse);
    row_of_bars(canvas, edges[2]..edges[3], pluge);
}

/// EBU bars 100/0/75/0: full-height, white at 100 %, colours at 75 %.
fn ebu(canvas: &mut Canvas<'_>) {
    let bars = [WHITE, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE, BLACK].map(|colour| (1, colour));
    let rows = field_rows(canvas.layout());
    row_of_bars(canvas, rows, &bars);
}

/// White lines on dark grey in squares of 1/18 of the height around the centre, a circle, and a frame at the edge.
fn grid(canvas: &mut Canvas<'_>) {
    let layout = canvas.layout();
    let (width, height) = (layout.width(), layout.height());
    let field = field(layout);
    canvas.fill(field, grey(40));
    let pitch = (height.min(width) / 18).max(8) & !1;
    let line = (height / 720 * 2).max(1);
    let centre = (width / 2, height / 2);
    for x in (centre.0 % pitch..width).step_by(pitch) {
        let strong = (x.abs_diff(centre.0) / pitch).is_multiple_of(4);
        grid_line(canvas, Rect { x: x.saturating_sub(line / 2), width: line.min(width - x), ..field }, strong);
    }
    for y in (centre.1 % pitch..height).step_by(pitch).filter(|&y| y >= field.y + line) {
        let strong = (y.abs_diff(centre.1) / pitch).is_multiple_of(4);
        grid_line(canvas, Rect { y: y - line / 2, height: line.min(height - y), ..field }, strong);
    }
    let cross = Rect { x: centre.0 - line, y: centre.1 - line, width: 2 * line, height: 2 * line };
    canvas.fill_luma(Rect { x: centre.0 - pitch / 2, width: pitch / 2 * 2, ..cross }, WHITE[0]);
    canvas.fill_luma(Rect { y: centre.1 - pitch / 2, height: pitch / 2 * 2, ..cross }, WHITE[0]);
    let room = (centre.1 - field.y).min(centre.0) as i64 * shape::PIXEL;
    let width_of_line = (line as i64 + 1) * shape::PIXEL;
    let radius = (room * 15 / 16).min(room - width_of_line / 2 - 1);
    Ring { x: centre.0, y: centre.1, radius, width: width_of_line }.draw(canvas, WHITE[0]);
    let inside = field.inset(line);
    for x in [0, inside.right()] {
        canvas.fill_luma(Rect { x, width: line, ..field }, WHITE[0]);
    }
    for y in [field.y, inside.bottom()] {
        canvas.fill_luma(Rect { y, height: line, ..field }, WHITE[0]);
    }
}

fn grid_line(canvas: &mut Canvas<'_>, area: Rect, strong: bool) {
    canvas.fill_luma(area, if strong { WHITE[0] } else { 110 });
}

fn row_of_bars(canvas: &mut Canvas<'_>, rows: Range<usize>, bars: Bars<'_>) {
    let columns = 0..canvas.layout().width();
    let total = bars.iter().map(|bar| bar.0).sum();
    let mut done = 0;
    for &(share, colour) in bars {
        let bar = part(&columns, done, total)..part(&columns, done + share, total);
        canvas.fill(Rect::between(bar, rows.clone()), colour);
        done += share;
    }
}

/// A ramp from black to white, from left to right.
fn draw_ramp(canvas: &mut Canvas<'_>, area: Rect) {
    let span = area.width.max(2) - 1;
    for (x, pixel) in canvas.row(area.y, area.x..area.right()).iter_mut().enumerate() {
        *pixel = (16 + (219 * x + span / 2) / span) as u8;
    }
    canvas.repeat_row(area);
}

/// The edge after `num`/`den` of a range. It is even, so that luma and chroma change together.
const fn part(range: &Range<usize>, num: usize, den: usize) -> usize {
    match num == den {
        true => range.end,
        false => (range.start + (range.end - range.start) * num / den) & !1,
    }
}

/// R'G'B' in percent as BT.709 studio range.
const fn rgb(red: i64, green: i64, blue: i64) -> Colour {
    let luma = red * 2126 + green * 7152 + blue * 722;
    let y = 219 * luma;
    let cb = 224 * (blue * 10_000 - luma) * 10_000 / 18_556;
    let cr = 224 * (red * 10_000 - luma) * 10_000 / 15_748;
    [from_millionths(16, y), from_millionths(128, cb), from_millionths(128, cr)]
}

const fn from_millionths(zero: i64, millionths: i64) -> u8 {
    ((zero * 1_000_000 + millionths + 500_000) / 1_000_000) as u8
}

#[cfg(test)]
mod tests;
