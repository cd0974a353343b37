//! Faults of media through the whole router: which bytes and timestamps are others, and that all ways to the same media agree.

use futures_util::StreamExt;
use mp4_atom::{Decode, Moof};

use super::*;

/// 2026-11-21T03:40:26.880Z, as a number.
const NUMBER: u64 = SEGMENT - 1;
const CHUNKS: u64 = 8;

/// Decoding times of the chunks in a file.
fn times(file: &[u8]) -> Vec<u64> {
    let mut times = Vec::new();
    let mut start = 0;
    while let Some(name) = file.get(start + 4..start + 8) {
        if name == b"moof" {
            let moof = Moof::decode(&mut &file[start..]).unwrap();
            times.push(moof.traf[0].tfdt.as_ref().unwrap().base_media_decode_time);
        }
        start += u32::from_be_bytes(file[start..start + 4].try_into().unwrap()) as usize;
    }
    times
}

fn differences(old: &[u8], new: &[u8]) -> usize {
    assert_eq!(old.len(), new.len());
    old.iter().zip(new).filter(|(old, new)| old != new).count()
}

/// A segment under conditions, whose parts must be the same bytes.
async fn segment(app: &Routes, under: &str, directory: &str, number: u64) -> Answer {
    let segment = get(app, &format!("{under}{directory}/{number}.m4s")).await;
    assert_eq!(segment.status, StatusCode::OK, "{under}{directory}/{number}.m4s");
    let mut parts = Vec::new();
    for chunk in 0..CHUNKS {
        parts.extend(get(app, &format!("{under}{directory}/{number}.{chunk}.m4s")).await.body);
    }
    assert!(segment.body == parts, "{under}");
    segment
}

#[tokio::test(start_paused = true)]
async fn timestamps_are_wrong_by_what_the_url_says() {
    let (app, media, ..) = packaged().await;
    let (replica, ..) = packaged().await;
    let sound = media.replace("v720", "a");
    // 1795232426.88 s, whose segment is the fifth multiple of five before and four more.
    let jumps = (NUMBER / 5 * 10) as i64;
    for (fault, directory, ticks) in [
        ("offset=120ms:track=audio", &sound, 5760),
        ("offset=-1s:track=video", &media, -90_000),
        // 26.88 s later.
        ("drift=50:since=2026-11-21T03:40:00Z:track=audio", &sound, 64),
        ("drift=-100:since=2026-11-21T03:40:00Z:track=v720", &media, -242),
        ("discontinuity:by=10s:every=5", &media, jumps * 90_000),
        ("discontinuity:by=10s:every=5", &sound, jumps * 48_000),
        ("discontinuity:numbers=1-100", &sound, 1000 * 48_000),
    ] {
        let under = format!("/with/{fault}");
        let plain = segment(&app, "", directory, NUMBER).await;
        let wrong = segment(&app, &under, directory, NUMBER).await;
        assert_eq!(times(&wrong.body)[0] as i64 - times(&plain.body)[0] as i64, ticks, "{fault}");
        // Only times differ: 8 bytes in each chunk, and as many of the media time of video.
        assert!(differences(&plain.body, &wrong.body) <= 16 * CHUNKS as usize, "{fault}");
        assert_eq!(wrong.header("barstone-condition"), fault);
        assert_ne!(wrong.header("etag"), plain.header("etag"), "{fault}");
        let other = segment(&replica, &under, directory, NUMBER).await;
        assert_eq!((&other.body, other.header("etag")), (&wrong.body, wrong.header("etag")), "{fault}");
        let head = Request::head(format!("{under}{directory}/{NUMBER}.m4s")).body(Body::empty()).unwrap();
        assert_eq!(ask(&app, head).await.header("etag"), wrong.header("etag"));
        let range = Request::get(format!("{under}{directory}/{NUMBER}.m4s")).header("range", "bytes=40-99");
        assert_eq!(ask(&app, range.body(Body::empty()).unwrap()).await.body, wrong.body[40..100], "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn corrupt_bytes_are_the_same_in_every_file_and_nothing_else_differs() {
    let (app, media, output, now) = packaged().await;
    let sound = media.replace("v720", "a");
    for (fault, directory, number, wrong) in [
        ("corrupt=20", &media, NUMBER, 20),
        ("corrupt=20", &sound, NUMBER, 20),
        ("corrupt=7:track=audio:every=2", &sound, NUMBER - 1, 7),
        ("corrupt=20:every=2", &media, NUMBER, 0),
        ("corrupt=20:numbers=1-9", &sound, NUMBER, 0),
        ("corrupt=20:at=2026-11-21T03:40:26Z:for=1s", &media, NUMBER, 20),
        ("corrupt=20:each=1m:for=26s", &media, NUMBER, 0),
        // From the archive.
        ("corrupt=20", &media, NUMBER - 500, 20),
    ] {
        let plain = segment(&app, "", directory, number).await;
        let corrupt = segment(&app, &format!("/with/{fault}"), directory, number).await;
        assert_eq!(
            (differences(&plain.body, &corrupt.body), times(&corrupt.body)),
            (wrong, times(&plain.body)),
            "{fault}"
        );
        match wrong {
            0 => assert_eq!(corrupt.headers, plain.headers, "{fault}"),
            _ => assert_eq!(corrupt.header("barstone-condition"), fault),
        }
    }
    // While the segment is made.
    now.store(SEGMENT * 1920 + 800, Ordering::Relaxed);
    package_chunks(&output, SEGMENT, 0..3);
    let path = format!("/with/corrupt=20,offset=2s:track=audio{sound}/{SEGMENT}.m4s");
    let later = async {
        tokio::task::yield_now().await;
        package_chunks(&output, SEGMENT, 3..8);
    };
    let (growing, ()) = tokio::join!(get(&app, &path), later);
    assert_eq!(
        (growing.status, growing.header("barstone-condition")),
        (StatusCode::OK, "corrupt=20,offset=2s:track=audio")
    );
    assert!(growing.body == segment(&app, "/with/corrupt=20,offset=2s:track=audio", &sound, SEGMENT).await.body);
}

#[tokio::test(start_paused = true)]
async fn faults_add_up_in_a_fixed_order() {
    let (app, media, ..) = packaged().await;
    let sound = media.replace("v720", "a");
    let plain = segment(&app, "", &sound, NUMBER).await;
    // 03:38:58.560 is the first segment, and 46 are before this one.
    let under = "/with/corrupt=9,discontinuity:by=1s:every=10,drift=50:since=2026-11-21T03:40:00Z:track=audio,\
        offset=-500ms:track=audio,origin=2026-11-21T03:39:00Z";
    let all = segment(&app, under, &sound, 46).await;
    let counted = times(&plain.body)[0] as i64 - (NUMBER - 46) as i64 * 92_160;
    assert_eq!(times(&all.body)[0] as i64, counted + 4 * 48_000 + 64 - 24_000);
    assert_eq!(all.header("barstone-condition"), &under[6..]);
    // Some bytes of times do not differ.
    let changed = differences(&plain.body, &all.body);
    assert!((9 + CHUNKS as usize..=9 + 12 * CHUNKS as usize).contains(&changed), "{changed}");
}

#[tokio::test(start_paused = true)]
async fn a_drift_without_a_beginning_begins_with_the_request() {
    let (app, media, ..) = packaged().await;
    let moved = get(&app, "/with/drift=50/live/test/hls.m3u8").await;
    let location = "../../../drift=50:since=2026-11-21T03:40:28Z:track=audio/live/test/hls.m3u8";
    assert_eq!((moved.status, moved.header("location")), (StatusCode::FOUND, location));
    let video = get(&app, &format!("/with/drift=50:since=20{media}/{NUMBER}.m4s")).await;
    assert_eq!(video.status, StatusCode::TEMPORARY_REDIRECT, "video has its plain URL");
}

#[tokio::test(start_paused = true)]
async fn a_lost_hint_is_never_kept_and_later_parts_have_plain_urls() {
    let (app, media, _, now) = packaged().await;
    now.store(SEGMENT * 1920 + 400, Ordering::Relaxed);
    let hint = async |under: &str| {
        let playlist = String::from_utf8(get(&app, &format!("{under}/live/test/v720/llhls.m3u8")).await.body).unwrap();
        let hint = playlist.split_once("PRELOAD-HINT:TYPE=PART,URI=\"").unwrap().1;
        (hint.split_once('"').unwrap().0.to_owned(), playlist)
    };
    let name = format!("{}/{SEGMENT}.0.m4s", media.rsplit('/').next().unwrap());
    let (lost, playlist) = hint("/with/lost-hint").await;
    assert_eq!(lost, format!("../../../../lost-hint/live/test/v720/{name}"));
    assert_eq!(playlist.matches("lost-hint").count(), 1, "all others have plain URLs: {playlist}");
    let answer = get(&app, &format!("/with/lost-hint{media}/{SEGMENT}.0.m4s")).await;
    assert_eq!((answer.status, answer.header("barstone-condition")), (StatusCode::NOT_FOUND, "lost-hint"));
    let (plain, _) = hint("/with/lost-hint:every=3").await;
    assert_eq!((SEGMENT % 3, plain), (2, format!("../../../../../live/test/v720/{name}")));

    let (early, _) = hint("/with/early-hint").await;
    assert_eq!(early, format!("../../../../early-hint/live/test/v720/{name}"));
}

#[tokio::test(start_paused = true)]
async fn an_early_hint_begins_before_its_part_is_whole() {
    for track in ["v720", "a"] {
        let (app, media, output, now) = packaged().await;
        now.store(SEGMENT * 1920 + 400, Ordering::Relaxed);
        let part = format!("{}/{SEGMENT}.0.m4s", media.replace("v720", track));
        let mut request = Request::get(format!("/with/early-hint{part}")).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["barstone-condition"], "early-hint");
        let mut body = response.into_body().into_data_stream();
        let mut bytes = body.next().await.unwrap().unwrap().to_vec();
        assert!(bytes.len() > 60 && output.last_complete() < Some(SEGMENT), "the part is not whole");
        package(&output, SEGMENT..SEGMENT + 1);
        while let Some(more) = body.next().await {
            bytes.extend(more.unwrap());
        }
        assert_eq!(bytes, get(&app, &part).await.body);
    }
}
