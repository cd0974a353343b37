use super::*;

#[track_caller]
fn check(rate: &str, index: u64, expected: &str) {
    let reading = Reading::of_frame(rate.parse().unwrap(), index);
    let text = |digits: &[u8]| digits.iter().map(|digit| char::from(b'0' + digit)).collect::<String>();
    let shown = [text(&reading.date), text(&reading.time), text(&reading.frame)].join(" ");
    assert_eq!(shown, expected);
}

#[test]
fn known_instants_have_the_right_digits() {
    check("25", 0, "19700101 000000 000");
    check("25", 1_795_230_000 * 25 + 24, "20261121 030000 024");
    check("50", 1_709_251_199 * 50 + 49, "20240229 235959 049");
    check("50", 1_709_251_200 * 50, "20240301 000000 000");
    check("120", 1_795_230_000 * 120 + 119, "20261121 030000 119");
}

#[test]
fn frames_are_counted_from_the_first_that_starts_in_the_second() {
    // At 30000/1001 frame 29 starts 0.967633 s, frame 30 at 1.001 s, and frame 60 at 2.002 s.
    check("30000/1001", 29, "19700101 000000 029");
    check("30000/1001", 30, "19700101 000001 000");
    check("30000/1001", 59, "19700101 000001 029");
    check("30000/1001", 60, "19700101 000002 000");
}

#[test]
fn the_frame_number_rises_by_one_or_restarts_with_the_second() {
    let rate = "30000/1001".parse().unwrap();
    let readings: Vec<_> = (53_802_000_000..53_802_002_000).map(|index| Reading::of_frame(rate, index)).collect();
    for pair in readings.windows(2) {
        let [before, after] = [pair[0].frame, pair[1].frame].map(|[a, b, c]| a as u32 * 100 + b as u32 * 10 + c as u32);
        assert_eq!(after, if pair[0].time == pair[1].time { before + 1 } else { 0 });
    }
}

#[test]
fn the_last_instant_has_the_right_digits() {
    check("1", u64::MAX, "99991230 220000 000");
}
