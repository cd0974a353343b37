//! What each fault does to an answer, on each kind of resource.

use axum::response::Response;
use futures_util::StreamExt;
use tokio::time::Instant;

use super::*;
use crate::definition::condition::{FAULTS, On, Resource};
use crate::media::manifest::path::Named;

/// An answer as a client meets it over time.
#[derive(Debug, PartialEq)]
struct Met {
    status: u16,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
    /// Whether the body breaks off.
    breaks_off: bool,
    /// Milliseconds until the head of the answer, and until the end of the body.
    times: (u64, u64),
}

impl Met {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as it is under the fault that selects nothing.
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap().replace("share=1", "share=0")
    }
}

async fn meet(app: &Routes, request: Request<Body>) -> Met {
    let began = Instant::now();
    let response: Response = app.clone().oneshot(request).await.unwrap();
    let head = began.elapsed().as_millis() as u64;
    let (parts, body) = response.into_parts();
    let mut met = Met {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: Vec::new(),
        breaks_off: false,
        times: (head, 0),
    };
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => met.body.extend_from_slice(&piece),
            Err(_) => met.breaks_off = true,
        }
        if met.breaks_off {
            break;
        }
    }
    met.times.1 = began.elapsed().as_millis() as u64;
    met
}

async fn meet_path(app: &Routes, path: &str) -> Met {
    meet(app, Request::get(path).body(Body::empty()).unwrap()).await
}

/// The faults that are in answers to requests alone.
const OF_HTTP: [&str; 12] = [
    "cut",
    "delay",
    "gap",
    "hang",
    "missing",
    "no-cors",
    "no-validator",
    "rate",
    "reset",
    "status",
    "wrong-max-age",
    "wrong-type",
];

/// Checks an answer under a fault against the same answer, which the fault does not select.
fn check_effect(name: &str, resource: Resource, met: &Met, other: &Met) {
    let length = other.body.len();
    let same_body = met.text() == other.text() && !met.breaks_off;
    let same_head = met.status == 200 && met.header("content-length") == other.header("content-length");
    let is_as_ever = match name {
        "cut" => same_head && met.breaks_off && met.text() == other.text()[..length / 2],
        "delay" => same_head && same_body && met.times == (3000, 3000),
        "hang" => same_head && same_body && met.times == (0, 3000),
        "rate" => same_head && same_body && met.times == (0, length as u64 * 8),
        "gap" | "missing" => met.status == 404 && met.header("cache-control").starts_with("public, max-age="),
        "reset" => met.status == 444,
        "status" => met.status == 503,
        "no-cors" => {
            let header = "access-control-allow-origin";
            same_head && same_body && (met.header(header), other.header(header)) == ("", "*")
        }
        "no-validator" => {
            let gone = ["etag", "last-modified"].iter().all(|name| met.header(name).is_empty());
            same_head && same_body && gone && !other.header("etag").is_empty()
        }
        "wrong-max-age" => {
            let age = if resource.is_manifest() { "public, max-age=3600" } else { "public, max-age=0" };
            same_head && same_body && met.header("cache-control") == age
        }
        "wrong-type" => same_head && same_body && met.header("content-type") == "text/plain",
        _ => panic!("no effect is stated for {name}"),
    };
    assert!(is_as_ever, "{name} {resource:?}: {met:?} {other:?}");
}

#[tokio::test(start_paused = true)]
async fn every_fault_has_its_effect_on_each_kind_of_resource_and_on_no_other() {
    let ((app, media), (replica, _)) = (ready().await, ready().await);
    let values = [("cut", "=0.5"), ("delay", "=3s"), ("hang", "=3s"), ("rate", "=1000"), ("status", "=503")];
    let of_http: Vec<_> = FAULTS.iter().filter(|fault| OF_HTTP.contains(&fault.name)).collect();
    assert_eq!(of_http.len(), OF_HTTP.len());
    for fault in of_http {
        let name = fault.name;
        let value = values.iter().find(|(of, _)| *of == name).map_or("", |(_, value)| *value);
        for (_, path) in paths(&media) {
            let resource = Named::parse(&path).unwrap().resource;
            let Some(on) = fault.on.iter().find(|on: &&On| on.includes(resource)).map(|on| on.word()) else { continue };
            let [under, beside] = ["1", "0"].map(|share| format!("{name}{value}:on={on}:share={share}"));
            let other = meet_path(&app, &format!("/with/{beside}{path}")).await;
            assert_eq!((other.status, other.header("barstone-condition")), (200, ""), "{beside} {path}");
            let met = meet_path(&app, &format!("/with/{under}{path}")).await;
            assert!(met.header("barstone-condition").starts_with(name), "{under} {path} {met:?}");
            check_effect(name, resource, &met, &other);
            // Another replica answers alike.
            assert_eq!(meet_path(&replica, &format!("/with/{under}{path}")).await, met, "{under} {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_listed_and_a_missing_segment_is_not_told() {
    let (app, media) = ready().await;
    let number = SEGMENT - 1;
    let text = async |path: &str| {
        let answer = get(&app, path).await;
        let condition = answer.header("barstone-condition").to_owned();
        (String::from_utf8(answer.body).unwrap(), condition)
    };
    let (playlist, condition) = text("/with/gap:every=661/live/test/v720/llhls.m3u8").await;
    assert_eq!((condition.as_str(), playlist.matches("#EXT-X-GAP\n").count()), ("gap:every=661", 1), "{playlist}");
    let gap = playlist.split("#EXT-X-GAP\n").nth(1).unwrap().lines().nth(1).unwrap();
    assert!(gap.ends_with(&format!("/{number}.m4s")), "{gap}");
    assert_eq!(playlist.matches(",GAP=YES\n").count(), 8, "{playlist}");
    let (playlist, _) = text("/with/gap:every=661/live/test/v720/hls.m3u8").await;
    assert_eq!(playlist.matches("#EXT-X-GAP\n").count(), 1);
    // By the time of the media: of two segments, one begins in the first two seconds of four.
    let (playlist, _) = text("/with/gap:each=4s:for=2s/live/test/v720/hls.m3u8").await;
    let gaps = playlist.matches("#EXT-X-GAP\n").count();
    assert!((14..18).contains(&gaps), "{playlist}");
    for (fault, path) in [
        ("missing:every=661", "/live/test/v720/hls.m3u8"),
        ("gap:track=audio", "/live/test/v720/hls.m3u8"),
        ("gap", "/live/test/dash.mpd"),
        ("gap", "/live/test/hls.m3u8"),
    ] {
        let (manifest, condition) = text(&format!("/with/{fault}{path}")).await;
        assert!(condition.is_empty() && !manifest.contains("GAP"), "{fault} {condition} {manifest}");
    }
    assert_eq!(
        answer(&app, "gap:every=661", &format!("{media}/{number}.m4s")).await,
        (404, "gap:every=661".to_owned())
    );
    assert_eq!(answer(&app, "gap:every=661", &format!("{media}/{}.m4s", number - 1)).await, (200, String::new()));
    let sums = "gap:every=661,missing:on=segments:numbers=0-1";
    assert_eq!(answer(&app, sums, &format!("{media}/{number}.0.m4s")).await, (404, "gap:every=661".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn faults_work_for_parts_of_a_body_and_for_conditional_requests() {
    let (app, media) = ready().await;
    let path = |fault: &str| format!("/with/{fault}:on=media{media}/{}.m4s", SEGMENT - 1);
    let ask = |fault: &str, headers: &[(&str, &str)]| {
        let request =
            headers.iter().fold(Request::get(path(fault)), |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).unwrap()
    };
    let plain = get(&app, &format!("{media}/{}.m4s", SEGMENT - 1)).await;
    let etag = plain.header("etag");
    let cut = meet(&app, ask("cut=0.25", &[("range", "bytes=10-29")])).await;
    assert_eq!((cut.status, &cut.body[..], cut.breaks_off), (206, &plain.body[10..15], true));
    assert_eq!(cut.header("content-length"), "20");
    let same = meet(&app, ask("cut=0.25", &[("if-none-match", etag)])).await;
    assert_eq!((same.status, same.header("barstone-condition")), (304, ""), "it has no body");
    let late = meet(&app, ask("delay=2s", &[("if-none-match", etag)])).await;
    assert_eq!((late.status, late.times.0, late.header("barstone-condition")), (304, 2000, "delay=2s:on=media"));
    let whole = meet(&app, ask("no-validator", &[("if-none-match", etag)])).await;
    assert_eq!((whole.status, &whole.body), (200, &plain.body));
    let whole = meet(&app, ask("no-validator", &[("range", "bytes=0-1"), ("if-range", etag)])).await;
    assert_eq!((whole.status, &whole.body), (200, &plain.body));
    let head = Request::head(path("hang=9s")).body(Body::empty()).unwrap();
    let head = meet(&app, head).await;
    assert_eq!((head.status, head.header("content-length"), head.times.1), (200, "96", 0));
}

#[tokio::test(start_paused = true)]
async fn several_faults_act_together() {
    let (app, media) = ready().await;
    let path = format!("{media}/{}.m4s", SEGMENT - 1);
    let all = "cut=0.75:on=media,delay=1s:on=media,delay=2s:on=media,hang=4s:on=media,wrong-type:on=media";
    let met = meet_path(&app, &format!("/with/{all}{path}")).await;
    assert_eq!((met.times, met.body.len(), met.breaks_off), ((3000, 7000), 72, true));
    assert_eq!((met.header("content-type"), met.header("barstone-condition")), ("text/plain", all));
    let late = meet_path(&app, &format!("/with/delay=1s:on=media,status=503:on=media,wrong-type:on=media{path}")).await;
    assert_eq!((late.status, late.times.0), (503, 1000));
    assert_eq!(late.header("barstone-condition"), "delay=1s:on=media,status=503:on=media");
    let twice = meet_path(&app, &format!("/with/status=404:on=media,status=503:on=media{path}")).await;
    assert_eq!((twice.status, twice.header("barstone-condition")), (404, "status=404:on=media"));
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_is_being_made_is_cut_by_chunks() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let (app, registry) = app_at(&now);
    let media = until_ready(&app).await;
    let output = registry.output(&StreamName::parse("test").unwrap()).await.unwrap().unwrap();
    publish_chunks(&output, SEGMENT, 0..3);
    let cut = meet_path(&app, &format!("/with/cut=0.25:on=segments{media}/{SEGMENT}.m4s")).await;
    assert_eq!((cut.status, &cut.body[..], cut.breaks_off), (200, &b"935016890.0;935016890.1;"[..], true));
    assert!(cut.header("content-length").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_limit_bounds_what_faults_hold_open() {
    let (app, media) = ready().await;
    let path = format!("/with/delay=1m:on=media{media}/{}.m4s", SEGMENT - 1);
    let request = || {
        let mut request = Request::get(&path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 9))));
        app.clone().oneshot(request)
    };
    let all = futures_util::future::join_all((0..=held_answers::MAX_HELD_PER_ADDRESS).map(|_| request())).await;
    let refused: Vec<_> =
        all.into_iter().map(Result::unwrap).filter(|answer| answer.status() != StatusCode::OK).collect();
    assert_eq!((refused.len(), refused[0].status()), (1, StatusCode::SERVICE_UNAVAILABLE));
    assert!(refused[0].headers().contains_key("retry-after"));
    assert_eq!(request().await.unwrap().status(), StatusCode::OK, "the others have left");
}
