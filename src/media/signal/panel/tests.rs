use super::*;
use crate::definition::spec::Pattern;
use crate::media::signal::{Layout, bars, timecode};

const PATTERNS: [Pattern; 4] = [Pattern::Smpte, Pattern::Ebu, Pattern::Grid, Pattern::Black];

fn panel(width: u32, height: u32, (pattern, rate): (Pattern, &str)) -> Panel {
    let text = "M".repeat(64);
    let picture = Picture { width, height, rate: rate.parse().unwrap(), pattern, title: text.clone(), label: text };
    Panel::new(&picture, bars::clear_area(Layout::new(width, height), pattern))
}

#[test]
fn nothing_overlaps_or_leaves_the_box() {
    for (width, height) in [(160, 90), (160, 2160), (3840, 90), (426, 240), (720, 576), (1080, 1920), (3840, 2160)] {
        for (pattern, rate) in PATTERNS.into_iter().zip(["25", "120", "60", "30000/1001"]) {
            let panel = panel(width, height, (pattern, rate));
            let end = |spot: Spot, characters| spot.x + characters * Face::advance_of(spot.capital);
            let inner = panel.area.inset(panel.border);
            assert!(panel.area.bottom() <= height as usize && panel.area.right() <= width as usize);
            assert!(
                panel.area.y >= timecode::area(Layout::new(width, height)).bottom(),
                "{width}x{height} {pattern:?}"
            );
            assert!(inner.x <= panel.dial.x && panel.dial.right() < panel.time.x);
            assert!(end(panel.time, 8) < panel.frame.x && end(panel.date, 10) < panel.utc.x);
            assert_eq!(end(panel.frame, panel.frame_digits), end(panel.utc, 3));
            assert!(end(panel.utc, 3) < panel.flash.x && panel.flash.right() <= inner.right());
            assert!(panel.date.y + panel.date.capital < panel.time.y);
            assert!(panel.title.bottom() < panel.dial.y && panel.dial.bottom() < panel.label.y);
            assert!(panel.label.bottom() < inner.bottom());
        }
    }
}

#[test]
fn in_a_narrow_picture_dial_and_flash_are_below_the_clock() {
    for (width, height) in [(90, 160), (90, 4096), (126, 160), (128, 228), (158, 160)] {
        for (pattern, rate) in PATTERNS.into_iter().zip(["25", "120", "60", "30000/1001"]) {
            let panel = panel(width, height, (pattern, rate));
            let end = |spot: Spot, characters| spot.x + characters * Face::advance_of(spot.capital);
            let inner = panel.area.inset(panel.border);
            assert!(panel.area.bottom() <= height as usize && panel.area.right() <= width as usize);
            assert!(
                panel.area.y >= timecode::area(Layout::new(width, height)).bottom(),
                "{width}x{height} {pattern:?}"
            );
            assert!(inner.x <= panel.time.x && end(panel.time, 8) < panel.frame.x);
            assert!(end(panel.date, 10) < panel.utc.x && end(panel.utc, 3) <= inner.right());
            assert_eq!(end(panel.frame, panel.frame_digits), end(panel.utc, 3));
            assert!(panel.title.bottom() < panel.date.y && panel.date.y + panel.date.capital < panel.time.y);
            assert!(panel.time.y + panel.time.capital < panel.dial.y && panel.dial.y == panel.flash.y);
            assert!(inner.x <= panel.dial.x && panel.dial.right() < panel.flash.x);
            assert!(panel.flash.right() <= inner.right() && panel.dial.bottom() < panel.label.y);
            assert!(panel.label.bottom() < inner.bottom());
        }
    }
}

#[test]
fn the_box_is_in_the_middle() {
    let area = panel(1280, 720, (Pattern::Ebu, "25")).area;
    assert_eq!(area.x + area.right(), 1280);
    assert!((area.y + area.bottom()).abs_diff(48 + 720) <= 2);
}

#[test]
fn the_time_of_day_is_large() {
    let share = |width, height| {
        let panel = panel(width, height, (Pattern::Smpte, "25"));
        panel.time.capital * 100 / height as usize
    };
    assert!(share(1920, 1080) >= 11 && share(640, 360) >= 11 && share(160, 90) >= 10 && share(720, 576) >= 8);
}

#[test]
fn the_box_shrinks_without_title_and_label() {
    let rate = "25".parse().unwrap();
    let of = |title: &str| {
        let picture = Picture {
            width: 640,
            height: 360,
            rate,
            pattern: Pattern::Black,
            title: title.into(),
            label: title.into(),
        };
        Panel::new(&picture, bars::clear_area(Layout::new(640, 360), Pattern::Black)).area.height
    };
    assert!(of("") < of("title"));
}
