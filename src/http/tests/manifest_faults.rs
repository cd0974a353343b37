//! Faults of manifests through the whole router.

use super::*;

const PLAYLIST: &str = "/live/test/v720/llhls.m3u8";

async fn text(app: &Routes, path: &str) -> String {
    let answer = get(app, path).await;
    let text = String::from_utf8(answer.body).unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{path}: {text}");
    text
}

/// The value behind `name` in a text.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let rest = text.split_once(name).unwrap_or_else(|| panic!("{name} in {text}")).1;
    rest.split(['\n', '"', ',']).next().unwrap_or_default()
}

fn number(text: &str, name: &str) -> u64 {
    value(text, name).parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_playlist_has_a_discontinuity_at_each_selected_segment() {
    let (app, ..) = packaged().await;
    let mut counts = Vec::new();
    for file in ["v720/hls.m3u8", "a/hls.m3u8", "v720/llhls.m3u8", "v720/iframes.m3u8"] {
        let path = format!("/with/discontinuity:by=10s:every=5/live/test/{file}");
        let playlist = text(&app, &path).await;
        let mut next = number(&playlist, "#EXT-X-MEDIA-SEQUENCE:");
        let (mut is_cut, mut cuts) = (false, 0);
        for line in playlist.lines() {
            match line {
                "#EXT-X-DISCONTINUITY" => is_cut = true,
                _ if line.contains(&format!("/{next}.m4s")) && !line.starts_with('#') => {
                    assert_eq!(is_cut, next.is_multiple_of(5), "{next} {playlist}");
                    assert!(line.contains("/discontinuity:by=10s:every=5/live/"), "{line}");
                    (cuts, is_cut, next) = (cuts + u64::from(is_cut), false, next + 1);
                }
                _ => {}
            }
        }
        counts.push(number(&playlist, "#EXT-X-DISCONTINUITY-SEQUENCE:") + cuts);
        assert_eq!(get(&app, &path).await.header("barstone-condition"), "discontinuity:by=10s:every=5");
    }
    // Every fifth segment since 2026-11-01T00:00:00Z.
    assert_eq!(counts, [(SEGMENT - 1) / 5 - 934_110_000 / 5; 4]);
}

#[tokio::test(start_paused = true)]
async fn an_mpd_has_a_period_whose_timestamps_jump() {
    let (app, media, ..) = packaged().await;
    let first = SEGMENT / 5 * 5 - 5;
    let jump = first / 5 * 10;
    for (file, low) in [("dash.mpd", false), ("lldash.mpd", true)] {
        let mpd = text(&app, &format!("/with/discontinuity:by=10s:every=5/live/test/{file}")).await;
        let period =
            mpd.split("<Period ").find(|period| period.starts_with(&format!("id=\"p{}\"", first / 5))).unwrap();
        assert!(period.contains("urn:mpeg:dash:period-connectivity:2015"), "{period}");
        let offset = first * 172_800 + jump * 90_000;
        assert!(period.contains(&format!("startNumber=\"{first}\"")), "{period}");
        assert_eq!(period.matches(&format!("presentationTimeOffset=\"{offset}\"")).count(), 2, "{period}");
        assert_eq!(period.contains(&format!("presentationTime=\"{}\"", jump * 90_000)), low, "{period}");
    }
    let under = "/with/addressing=time-timeline,discontinuity:by=10s:every=5";
    let mpd = text(&app, &format!("{under}/live/test/dash.mpd")).await;
    let time = first * 172_800 + jump * 90_000;
    assert!(mpd.contains(&format!("<S t=\"{time}\" ")), "{time} {mpd}");
    let by_time = get(&app, &format!("{under}{media}/t{time}.m4s")).await;
    let by_number = get(&app, &format!("{under}{media}/{first}.m4s")).await;
    assert_eq!((by_time.status, &by_time.body), (StatusCode::OK, &by_number.body));
    assert_eq!(get(&app, &format!("{under}{media}/t{}.m4s", time + 1)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn jumps_that_are_not_counted_are_refused() {
    let (app, ..) = packaged().await;
    for (conditions, detail) in [
        ("discontinuity:share=0.5", "share of discontinuity contradicts discontinuity"),
        ("discontinuity:track=audio", "all tracks jump"),
        ("discontinuity,periods=10s", "periods and discontinuity exclude each other"),
        ("discontinuity,discontinuity:every=2", "discontinuity occurs twice"),
        ("unblocked", "unblocked does not apply to DASH"),
        ("wrong-report", "wrong-report does not apply to DASH"),
        ("lost-hint", "lost-hint does not apply to DASH"),
        ("early-hint", "early-hint does not apply to DASH"),
        ("stale=20s:on=playlists", "does not apply to DASH"),
    ] {
        let refused = get(&app, &format!("/with/{conditions}/live/test/dash.mpd")).await;
        let problem = refused.json();
        assert_eq!((refused.status.as_u16(), &problem["code"]), (400, &json!("bad_condition")), "{conditions}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_manifest_stands_still_and_goes_back() {
    let (app, _, output, now) = packaged().await;
    let set = |seconds: u64| now.store(1_795_232_400_000 + seconds * 1000, Ordering::Relaxed);
    package(&output, SEGMENT..SEGMENT + 20);
    let [stale, back, plain] = ["/with/stale=20s", "/with/rewind=3", ""].map(|under| format!("{under}{PLAYLIST}"));
    let ends = async |path: &str, second: u64| {
        set(second);
        let playlist = text(&app, path).await;
        (
            number(&playlist, "#EXT-X-MEDIA-SEQUENCE:"),
            playlist.matches("#EXTINF").count(),
            value(&playlist, "HINT:TYPE=PART,URI=").to_owned(),
        )
    };
    // 03:40:40 is a multiple of 20 s since 1970.
    let before = ends(&stale, 41).await;
    assert_eq!(ends(&stale, 59).await, before);
    let caught_up = ends(&stale, 60).await;
    assert!(caught_up.0 > before.0, "{before:?} {caught_up:?}");
    // 03:40:59 lists segments up to that which ends before, and no more.
    assert_eq!(caught_up.0 + caught_up.1 as u64, (1_795_232_459_000_u64) / 1920);
    let shown = ends(&plain, 60).await;
    assert_eq!(get(&app, &stale).await.header("barstone-condition"), "stale=20s");
    assert!(shown.0 > caught_up.0, "others have what is there");
    for (second, lag) in [(60, 3), (69, 3)] {
        let end = (1_795_232_400_000 + second * 1000) / 1920;
        let (first, listed, _) = ends(&back, second).await;
        assert_eq!(first + listed as u64, end - lag, "{second}");
        assert_eq!(get(&app, &back).await.header("barstone-condition"), "rewind=3");
    }
    assert_eq!(ends(&back, 70).await, ends(&plain, 70).await);
    assert_eq!(get(&app, &back).await.header("barstone-condition"), "");
    for file in ["/live/test/v720/hls.m3u8", "/live/test/dash.mpd", "/live/test/lldash.mpd"] {
        let lists = "addressing=number-timeline,";
        let lists = if file.ends_with("mpd") { lists } else { "" };
        set(41);
        let before = text(&app, &format!("/with/{lists}stale=20s{file}")).await;
        set(59);
        assert_eq!(text(&app, &format!("/with/{lists}stale=20s{file}")).await, before);
        set(60);
        assert_ne!(text(&app, &format!("/with/{lists}stale=20s{file}")).await, before);
        assert_ne!(text(&app, &format!("/with/{lists}rewind=3{file}")).await, before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_blocking_reload_waits_for_a_stale_playlist_unless_it_is_unblocked() {
    let (app, _, output, now) = packaged().await;
    package(&output, SEGMENT..SEGMENT + 20);
    now.store(1_795_232_458_000, Ordering::Relaxed);
    let next = 1_795_232_458_000 / 1920;
    let path = |under: &str, msn: u64| format!("{under}{PLAYLIST}?_HLS_msn={msn}&_HLS_part=0");
    let late = async {
        tokio::time::sleep(Duration::from_millis(1999)).await;
        now.store(1_795_232_460_000, Ordering::Relaxed);
    };
    let asked = tokio::time::Instant::now();
    let stale = path("/with/stale=20s", next);
    let (answer, ()) = tokio::join!(get(&app, &stale), late);
    let playlist = String::from_utf8(answer.body).unwrap();
    assert_eq!((answer.status, asked.elapsed()), (StatusCode::OK, Duration::from_secs(2)));
    assert!(playlist.contains(&format!("/{next}.0.m4s")), "{playlist}");
    now.store(1_795_232_441_000, Ordering::Relaxed);
    let refused = get(&app, &path("/with/stale=20s", 1_795_232_441_000 / 1920)).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "for longer than three target durations");
    let asked = tokio::time::Instant::now();
    let answer = get(&app, &path("/with/unblocked", SEGMENT + 21)).await;
    assert_eq!((answer.status, asked.elapsed()), (StatusCode::OK, Duration::ZERO));
    assert_eq!(answer.header("barstone-condition"), "unblocked");
    assert!(String::from_utf8(answer.body).unwrap().contains("CAN-BLOCK-RELOAD=YES"));
}

#[tokio::test(start_paused = true)]
async fn wrong_reports_are_two_segments_old() {
    let (app, ..) = packaged().await;
    for (under, newest) in [("", SEGMENT - 1), ("/with/wrong-report", SEGMENT - 3)] {
        let path = format!("{under}{PLAYLIST}");
        let playlist = text(&app, &path).await;
        assert_eq!((number(&playlist, "LAST-MSN="), number(&playlist, "LAST-PART=")), (newest, 7), "{playlist}");
        assert_eq!(get(&app, &path).await.header("barstone-condition"), under.trim_start_matches("/with/"));
    }
    let path = format!("/with/wrong-report:each=1m:for=20s{PLAYLIST}");
    assert_eq!(number(&text(&app, &path).await, "LAST-MSN="), SEGMENT - 1, "it is 28 s past the minute");
}
