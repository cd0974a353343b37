use super::*;

fn drawn(width: u32, height: u32, pattern: Pattern) -> (Layout, Vec<u8>) {
    let layout = Layout::new(width, height);
    let mut frame = vec![0; layout.size()];
    let mut canvas = Canvas::new(&mut frame, layout);
    draw(&mut canvas, pattern);
    (layout, frame)
}

fn colour_at((layout, frame): &(Layout, Vec<u8>), x: usize, y: usize) -> Colour {
    let (strides, offsets) = (layout.strides(), layout.offsets());
    let chroma = |plane: usize| frame[offsets[plane] + y / 2 * strides[plane] + x / 2];
    [frame[y * strides[0] + x], chroma(1), chroma(2)]
}

/// Colours in the middle of `count` equal parts of row `y`.
fn row(picture: &(Layout, Vec<u8>), y: usize, count: usize) -> Vec<Colour> {
    (0..count).map(|part| colour_at(picture, (2 * part + 1) * picture.0.width() / (2 * count), y)).collect()
}

#[test]
fn colours_have_the_figures_of_the_standard() {
    // SMPTE RP 219, table of 10-bit values, divided by four.
    let bars = [GREY_75, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE];
    let figures = [
        [180, 128, 128],
        [168, 44, 136],
        [145, 147, 44],
        [133, 63, 52],
        [63, 193, 204],
        [51, 109, 212],
        [28, 212, 120],
    ];
    assert_eq!(bars, figures);
    assert_eq!([WHITE, rgb(0, 0, 0), rgb(40, 40, 40)], [grey(235), BLACK, grey(104)]);
    assert_eq!([rgb(100, 0, 0), rgb(0, 0, 100)], [[63, 102, 240], [32, 240, 118]]);
    assert_eq!([rgb(-4, -4, -4), rgb(4, 4, 4)], [grey(7), grey(25)]);
}

#[test]
fn wide_smpte_bars_stand_between_grey() {
    let picture = drawn(1280, 720, Pattern::Smpte);
    let bars = [GREY_75, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE];
    assert_eq!(colour_at(&picture, 80, 100), grey(104));
    for (bar, colour) in bars.into_iter().enumerate() {
        assert_eq!(colour_at(&picture, 160 + (2 * bar + 1) * 960 / 14, 100), colour);
    }
    assert_eq!(colour_at(&picture, 1279, 100), grey(104));
}

#[test]
fn the_ramp_rises_from_black_to_white() {
    let picture = drawn(1280, 720, Pattern::Smpte);
    let lumas: Vec<_> = (296..1120).map(|x| colour_at(&picture, x, 520)[0]).collect();
    assert!(lumas.is_sorted() && lumas[0] == 16 && lumas[823] == 235);
    assert!(lumas.windows(2).all(|pair| pair[1] - pair[0] <= 1));
}

#[test]
fn narrow_smpte_bars_fill_the_width() {
    let picture = drawn(720, 576, Pattern::Smpte);
    assert_eq!(row(&picture, 100, 7), [GREY_75, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE]);
    assert_eq!(row(&picture, 420, 7), [BLUE, BLACK, MAGENTA, BLACK, CYAN, BLACK, GREY_75]);
}

#[test]
fn ebu_bars_reach_the_bottom() {
    let picture = drawn(426, 240, Pattern::Ebu);
    for y in [16, 120, 239] {
        assert_eq!(row(&picture, y, 8), [WHITE, YELLOW, CYAN, GREEN, MAGENTA, RED, BLUE, BLACK]);
    }
}

#[test]
fn the_grid_shows_the_edges_and_the_centre() {
    let picture = drawn(1280, 720, Pattern::Grid);
    for (x, y) in [(0, 100), (1279, 100), (650, 719), (650, 48), (640, 360), (639, 359)] {
        assert_eq!(colour_at(&picture, x, y), grey(235), "{x}, {y}");
    }
    assert_eq!(colour_at(&picture, 660, 380), grey(40));
}

#[test]
fn black_is_black_under_the_strip() {
    let picture = drawn(160, 90, Pattern::Black);
    assert!((6..90).all(|y| (0..160).all(|x| colour_at(&picture, x, y) == BLACK)));
}
