use super::*;
use crate::definition::spec::Pattern;
use crate::media::signal::{Layout, Painter, Picture, panel};

fn picture(rate: &str) -> Picture {
    Picture {
        width: 640,
        height: 360,
        rate: rate.parse().unwrap(),
        pattern: Pattern::Black,
        title: "t".into(),
        label: "l".into(),
    }
}

/// Indices of the first 2 seconds of frames in which the flash is light, seen in the picture.
fn light_frames(rate: &str) -> Vec<u64> {
    let picture = picture(rate);
    let painter = Painter::new(&picture);
    let flash = panel::Panel::new(&picture, clear_area()).flash;
    let mut frame = painter.blank();
    let centre = (flash.y + flash.height / 2) * painter.layout().strides()[0] + flash.x + flash.width / 2;
    let mut is_light = |index| {
        painter.paint(&mut frame, index);
        frame[centre] > 128
    };
    (0..2 * u64::from(picture.rate.num().div_ceil(picture.rate.den()))).filter(|&index| is_light(index)).collect()
}

fn clear_area() -> Rect {
    crate::media::signal::bars::clear_area(Layout::new(640, 360), Pattern::Black)
}

#[test]
fn the_flash_is_light_in_the_first_tenth_of_a_second() {
    assert_eq!(light_frames("25"), [0, 1, 2, 25, 26, 27]);
    assert_eq!(light_frames("50"), [0, 1, 2, 3, 4, 50, 51, 52, 53, 54]);
    assert_eq!(light_frames("30"), [0, 1, 2, 30, 31, 32]);
    assert_eq!(light_frames("30000/1001"), [0, 1, 2, 30, 31, 32]);
    assert_eq!(light_frames("5"), [0, 5]);
}

/// Mean place of what the hand adds to the empty dial, relative to the centre.
fn hand_direction(index: u64) -> (i64, i64) {
    let picture = picture("60");
    let painter = Painter::new(&picture);
    let dial = panel::Panel::new(&picture, clear_area()).dial;
    let (blank, mut frame) = (painter.blank(), painter.blank());
    painter.paint(&mut frame, index);
    let stride = painter.layout().strides()[0];
    let (mut right, mut down) = (0, 0);
    for y in 0..dial.height {
        for x in 0..dial.width {
            let at = (dial.y + y) * stride + dial.x + x;
            let added = i64::from(frame[at]) - i64::from(blank[at]);
            right += added * (2 * x as i64 + 1 - dial.width as i64);
            down += added * (2 * y as i64 + 1 - dial.height as i64);
        }
    }
    (right, down)
}

#[test]
fn the_hand_goes_round_clockwise_from_twelve() {
    let up = hand_direction(60);
    assert!(up.1 < 0 && up.0.abs() * 20 < -up.1, "{up:?}");
    let right = hand_direction(75);
    assert!(right.0 > 0 && right.1.abs() * 20 < right.0, "{right:?}");
    let down = hand_direction(90);
    assert!(down.1 > 0 && down.0.abs() * 20 < down.1, "{down:?}");
    let left = hand_direction(105);
    assert!(left.0 < 0 && left.1.abs() * 20 < -left.0, "{left:?}");
}

#[test]
fn the_hand_is_at_the_phase_of_the_second() {
    let rate = "30000/1001".parse().unwrap();
    assert_eq!(Phase::of_frame(rate, 0), Phase { num: 0, den: 30_000 });
    assert_eq!(Phase::of_frame(rate, 30), Phase { num: 30, den: 30_000 });
    assert_eq!(Phase::of_frame(rate, 53_802_000_000 + 30_000), Phase::of_frame(rate, 53_802_000_000));
}
