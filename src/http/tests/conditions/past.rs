//! Viewers of the past: who is let in, how they are counted, what they cost, and when that ends.

use futures_util::future::join_all;
use serde_json::Map;

use super::*;
use crate::definition::spec::StreamRequest;
use crate::media::pipeline::{Job, PipelineError};

/// Conditions under which a stream is played from the archive.
const UNDER: [&str; 4] =
    ["shift=1h", "from=2026-11-21T02:40:00Z", "from=2026-11-21T02:40:00Z,until=2026-11-21T02:45:00Z", "window=6h"];

/// Publishes segments as they end.
async fn live(job: Job, stop: CancellationToken) -> Result<(), PipelineError> {
    initialise(&job.output);
    let mut next = job.from;
    while !stop.is_cancelled() {
        let now = job.clock.as_ref().map(|clock| job.output.spec.timeline.segment_at(clock.now()));
        let end = job.until.or(now).unwrap().max(next);
        publish(&job.output, next..end);
        next = end;
        if job.until.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// A server on the clock of tokio with the stream `test`, whose definition has the fields `definition`.
async fn served(definition: Value) -> Routes {
    let mut request: Map<String, Value> =
        serde_json::to_value(StreamRequest::named("test")).unwrap().as_object().unwrap().clone();
    request.extend(definition.as_object().unwrap().clone());
    let spec = serde_json::from_value::<StreamRequest>(request.into()).unwrap().try_into().unwrap();
    let began = tokio::time::Instant::now();
    let clock = Clock::from_fn(move || UnixTime::from_millis(SEGMENT * 1920 + began.elapsed().as_millis() as u64));
    let render: Render = Arc::new(|job, stop| Box::pin(live(job, stop)));
    let setting = Setting { archive_bytes: 1 << 22, ..Setting::new(clock, render, "scripted") };
    let registry = Registry::new(setting, Definitions::in_memory(vec![spec]), CancellationToken::new());
    let registry = Arc::new(registry);
    let kept = Arc::clone(&registry);
    registry.setting().tasks.spawn(async move { kept.maintain().await });
    router_of(registry, ViewerAccess::of(keys()))
}

/// The answer to the client at 192.0.2.`number`.
async fn answer_to(app: &Routes, number: u8, path: &str) -> Answer {
    let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, number], 9)));
    ask(app, Request::get(path).extension(peer).body(Body::empty()).unwrap()).await
}

/// Directory and number of the first segment in the playlist at `path`, which client 1 requests.
async fn first_segment(app: &Routes, path: &str) -> (String, u64) {
    let playlist = text(&answer_to(app, 1, path).await);
    let uri = playlist.lines().find(|line| line.ends_with(".m4s")).unwrap_or_else(|| panic!("{path}: {playlist}"));
    let base = reqwest::Url::parse("http://host").unwrap().join(path).unwrap();
    let segment = base.join(uri).unwrap().path().to_owned();
    let (directory, file) = segment.rsplit_once('/').unwrap();
    (directory.to_owned(), file.trim_end_matches(".m4s").parse().unwrap())
}

async fn renders(app: &Routes) -> u64 {
    let metrics = text(&get(app, "/metrics").await);
    let renders = metrics.lines().find_map(|line| line.strip_prefix("barstone_archive_renders_total "));
    renders.unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn viewers_of_the_past_are_limited_and_counted() {
    for under in UNDER {
        let app = served(json!({"max_viewers": 1, "overflow_url": "https://other.example/"})).await;
        until_ready(&app).await;
        let start = format!("/with/{under}/live/test/hls.m3u8");
        let is_full = async || {
            let sent = answer_to(&app, 2, &start).await;
            let elsewhere = format!("https://other.example{start}");
            assert_eq!((sent.status.as_u16(), sent.header("location")), (302, &*elsewhere));
        };
        assert_eq!(answer_to(&app, 1, &start).await.status, StatusCode::OK, "{under}");
        is_full().await;
        let playlist = format!("/with/{under}/live/test/v720/hls.m3u8");
        let (directory, first) = first_segment(&app, &playlist).await;
        for number in first..first + 10 {
            let segment = format!("{directory}/{number}.m4s");
            assert_eq!(answer_to(&app, 1, &segment).await.status, StatusCode::OK, "{under} {segment}");
            tokio::time::sleep(Duration::from_millis(1920)).await;
        }
        let viewers = get(&app, "/api/v1/streams/test").await.json()["viewers"]["by_format"].take();
        assert_eq!(viewers, json!({"hls": 1, "llhls": 0, "dash": 0, "lldash": 0, "webrtc": 0}), "{under}");
        is_full().await;
        assert_eq!(answer_to(&app, 1, &playlist).await.status, StatusCode::OK, "{under}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_past_of_a_private_stream_needs_a_token_and_an_allowed_address() {
    let app = served(json!({"access": "private", "deny": ["192.0.2.9"]})).await;
    until_ready(&app).await;
    let until = UnixTime::from_millis((SEGMENT + 100) * 1920);
    let token = keys().sign(Purpose::Watch, &StreamName::parse("test").unwrap(), until);
    let refused = super::super::check_refused;
    for under in UNDER {
        for file in ["hls.m3u8", "llhls.m3u8", "dash.mpd", "lldash.mpd", "v720/hls.m3u8", "a/llhls.m3u8"] {
            let path = format!("/with/{under}/live/test/{file}");
            refused(&get(&app, &path).await, "viewer_token_needed");
            let with = format!("/t/{token}{path}");
            refused(&answer_to(&app, 9, &with).await, "address_denied");
            let answer = get(&app, &with).await;
            assert_eq!((answer.status, answer.header("barstone-condition")), (StatusCode::OK, under), "{with}");
        }
        let (directory, first) = first_segment(&app, &format!("/t/{token}/with/{under}/live/test/v720/hls.m3u8")).await;
        let segment = format!("{directory}/{first}.m4s");
        assert_eq!(get(&app, &segment).await.status, StatusCode::OK, "{segment}");
        refused(&get(&app, segment.strip_prefix(&format!("/t/{token}")).unwrap()).await, "viewer_token_needed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_on_demand_stream_runs_while_its_past_is_played() {
    for under in UNDER {
        let app = served(json!({"on_demand": true, "idle_seconds": 10})).await;
        let is_wanted = async || get(&app, "/api/v1/streams/test").await.json()["wanted"].clone();
        assert_eq!(is_wanted().await, false, "{under}");
        assert_eq!(get(&app, &format!("/with/{under}/live/test/lldash.mpd")).await.status, StatusCode::OK, "{under}");
        let (directory, first) = first_segment(&app, &format!("/with/{under}/live/test/v720/hls.m3u8")).await;
        for number in first..first + 4 {
            tokio::time::sleep(Duration::from_secs(8)).await;
            assert_eq!(is_wanted().await, true, "{under}");
            assert_eq!(get(&app, &format!("{directory}/{number}.m4s")).await.status, StatusCode::OK, "{under}");
        }
        // Segments may be rendered ahead.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let rendered = renders(&app).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!((is_wanted().await, renders(&app).await), (json!(false), rendered), "{under}");
    }
}

/// Plays parts of both tracks an hour ago, each when it is published.
async fn play_shifted(app: &Routes) {
    let playlist = "/with/shift=1h/live/test/v720/llhls.m3u8";
    let (directory, _) = first_segment(app, playlist).await;
    // 1875 segments are an hour.
    for number in SEGMENT - 1875..SEGMENT - 1870 {
        for part in 0..8 {
            let shown = get(app, &format!("{playlist}?_HLS_msn={number}&_HLS_part={part}")).await;
            assert!(text(&shown).contains(&format!("{number}.{part}.m4s")), "{number}.{part}");
            for track in ["v720", "a"] {
                let media = format!("{}/{number}.{part}.m4s", directory.replace("v720", track));
                assert_eq!(get(app, &media).await.status, StatusCode::OK, "{media}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shifted_stream_is_encoded_once_for_all_viewers_and_not_without_them() {
    let mut costs = Vec::new();
    for viewers in [1, 10] {
        let app = served(json!({})).await;
        until_ready(&app).await;
        join_all((0..viewers).map(|_| play_shifted(&app))).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let cost = renders(&app).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(renders(&app).await, cost, "nothing is rendered for nobody");
        costs.push(cost);
    }
    assert!(costs[0] > 0 && costs[0] == costs[1], "{costs:?}");
}
