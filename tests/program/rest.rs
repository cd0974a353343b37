//! The REST API: creating, changing and refusing streams, and the effect of stops and starts on manifests.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::web::{Reply, Web, send};
use crate::support::{LONG, until};

const STREAMS: &str = "/api/v1/streams";

fn start() -> (Arc<Server>, Web) {
    let server = Server::shared();
    let web = Web::of(&server);
    (server, web)
}

/// A stream with a small picture.
fn small(name: &str) -> Value {
    json!({"name": name, "video": [{"id": "v", "width": 320, "height": 180, "bitrate": 200_000}]})
}

async fn create(web: &Web, name: &str) {
    let reply = web.json(Method::POST, STREAMS, &small(name)).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    web.playable(name).await;
}

async fn act(web: &Web, name: &str, action: &str) -> Reply {
    send(web.request(Method::POST, &format!("{STREAMS}/{name}/{action}"))).await
}

async fn delete(web: &Web, name: &str) -> Reply {
    send(web.request(Method::DELETE, &format!("{STREAMS}/{name}"))).await
}

/// Checks that an answer is a problem document with this status and code.
#[track_caller]
fn check_problem(reply: &Reply, status: u16, code: &str) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let problem = reply.json();
    assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &code.into()), "{problem}");
    for text in ["type", "title", "detail"] {
        assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text} in {problem}");
    }
    problem
}

#[tokio::test]
async fn a_stream_is_created_read_listed_and_deleted() {
    let (_server, web) = start();
    let reply = web.json(Method::POST, STREAMS, &small("life")).await;
    assert_eq!((reply.status, reply.header("location")), (201, "streams/life"), "{}", reply.text());
    web.playable("life").await;
    let found = until("it runs", LONG, async || {
        let found = web.get("/api/v1/streams/life").await.json();
        (found["phase"] == "running").then_some(found)
    });
    let found = found.await;
    for (kind, file) in [("hls", "hls.m3u8"), ("llhls", "llhls.m3u8"), ("dash", "dash.mpd"), ("lldash", "lldash.mpd")] {
        assert_eq!(found["urls"][kind], format!("/live/life/{file}"));
    }
    assert_eq!(found["deterministic"], true);
    assert_eq!(found["video"][0]["bitrate"], 200_000);
    assert_eq!((&found["fps"], &found["segment_frames"], &found["error"]), (&"25".into(), &48.into(), &Value::Null));
    let listed = web.get(STREAMS).await.json();
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|stream| stream["name"].clone()).collect();
    assert!(names.contains(&"life".into()) && names.contains(&"test".into()), "{names:?}");

    let playlist = web.playlist("life", "v").await;
    let media = format!("/live/life/v/{}", playlist.last().uri);
    assert_eq!(web.get(&media).await.status, 200);
    let reply = delete(&web, "life").await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    check_problem(&delete(&web, "life").await, 404, "unknown_stream");
    for path in ["/live/life/hls.m3u8", "/live/life/dash.mpd", "/live/life/v/hls.m3u8", "/hls/life.m3u8", &media] {
        check_problem(&web.get(path).await, 404, "no_such_media");
    }
}

#[tokio::test]
async fn a_duplicate_is_refused_and_an_unknown_stream_is_not_found() {
    let (_server, web) = start();
    web.playable("test").await;
    let before = web.get("/api/v1/streams/test").await.json();
    check_problem(&web.json(Method::POST, STREAMS, &small("test")).await, 409, "exists");
    let after = web.get("/api/v1/streams/test").await.json();
    assert_eq!((&before["revision"], &before["since"]), (&after["revision"], &after["since"]));
    for name in ["unknown", "NOT-A-NAME", "a_b", "%2e%2e"] {
        let path = format!("{STREAMS}/{name}");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/start")),
            (Method::POST, format!("{path}/stop")),
        ] {
            let reply = send(web.request(method, &path)).await;
            let code = if name == "unknown" { "unknown_stream" } else { "unknown_path" };
            check_problem(&reply, 404, code);
        }
    }
}

#[tokio::test]
async fn invalid_definitions_are_refused() {
    let (_server, web) = start();
    let post =
        |body: Vec<u8>| send(web.request(Method::POST, STREAMS).header("content-type", "application/json").body(body));
    for body in ["", "{", "not json", "{\"name\": \"x\"} trailing", "{\"name\": \"x\",}"] {
        check_problem(&post(body.into()).await, 400, "not_json");
    }
    let list = web.json(Method::PUT, &format!("{STREAMS}/list"), &json!([])).await;
    let problem = check_problem(&list, 422, "bad_value");
    assert_eq!(problem["detail"], "the body must be an object, not a list");
    assert!(problem.get("field").is_none(), "the whole body is no field: {problem}");
    let problem = check_problem(&post("{\"name\": nobody}".into()).await, 400, "not_json");
    assert_eq!(problem["detail"], "the body is not JSON (line 1, column 11): expected ident");
    let wide = web.json(Method::POST, STREAMS, &json!({"name": "x", "video": [{"width": "wide"}]})).await;
    let problem = check_problem(&wide, 422, "bad_value");
    assert_eq!(problem["detail"], "video[0].width: must be a whole number from 90 to 4096, not \"wide\"");
    check_problem(&post(vec![0xff, 0xfe, 0]).await, 400, "not_json");
    let long = format!("{{\"name\": \"x\", \"title\": \"{}\"}}", "x".repeat(70_000));
    check_problem(&post(long.into()).await, 413, "too_large");
    let typed = web.request(Method::POST, STREAMS).header("content-type", "text/plain").body("{\"name\": \"typed\"}");
    check_problem(&send(typed).await, 415, "not_json_type");
    for (method, path) in [(Method::PATCH, STREAMS), (Method::DELETE, STREAMS), (Method::POST, "/live/test/hls.m3u8")] {
        check_problem(&send(web.request(method, path)).await, 405, "wrong_method");
    }
    for path in ["/api/v1/nothing", "/api/v1/streams/%ff", "/live/%ff/hls.m3u8", "/hls/%ff"] {
        check_problem(&web.get(path).await, 404, "unknown_path");
    }
    check_problem(&web.get(&format!("{STREAMS}/typed")).await, 404, "unknown_stream");
}

#[tokio::test]
async fn put_creates_and_replaces_and_a_failed_put_changes_nothing() {
    let (_server, web) = start();
    let path = format!("{STREAMS}/put");
    let mut definition = small("put");
    let reply = web.json(Method::PUT, &path, &definition).await;
    assert_eq!((reply.status, reply.header("location")), (201, "put"), "{}", reply.text());
    web.playable("put").await;
    let before = web.get(&path).await.json();
    let uri = web.playlist("put", "v").await.last().uri.clone();

    definition["video"][0]["width"] = 321.into();
    let problem = check_problem(&web.json(Method::PUT, &path, &definition).await, 422, "bad_value");
    assert_eq!(problem["field"], "video[0].width");
    let problem = check_problem(&web.json(Method::PUT, &path, &small("other")).await, 422, "bad_value");
    assert_eq!(problem["field"], "name");
    let after = web.get(&path).await.json();
    assert_eq!((&before["revision"], &before["since"]), (&after["revision"], &after["since"]), "{after}");
    assert_eq!(web.get(&format!("/live/put/v/{uri}")).await.status, 200, "the stream runs on");

    definition["video"][0]["width"] = 400.into();
    definition.as_object_mut().expect("an object").remove("name");
    let replaced = web.json(Method::PUT, &path, &definition).await;
    assert_eq!((replaced.status, &replaced.json()["video"][0]["width"]), (200, &400.into()), "{}", replaced.text());
    assert_ne!(replaced.json()["revision"], before["revision"]);
    until("the new picture is there", LONG, async || {
        let reply = web.get("/live/put/hls.m3u8").await;
        (reply.status == 200 && reply.text().contains("RESOLUTION=400x180")).then_some(())
    })
    .await;
    assert_eq!(delete(&web, "put").await.status, 204);
}

#[tokio::test]
async fn a_stopped_stream_ends_its_manifests_and_a_started_one_goes_on_with_numbers_from_utc() {
    let (_server, web) = start();
    create(&web, "halt").await;
    for _ in 0..2 {
        let reply = act(&web, "halt", "stop").await;
        assert_eq!((reply.status, &reply.json()["enabled"]), (200, &false.into()));
    }
    until("it is stopped", LONG, async || {
        (web.get(&format!("{STREAMS}/halt")).await.json()["phase"] == "stopped").then_some(())
    })
    .await;
    let mpd = dash_mpd_core::parse(&web.text("/live/halt/dash.mpd").await).expect("an MPD");
    let announced = mpd.mediaPresentationDuration.expect("an end that is announced");
    // The segment that was being made is completed.
    let ends = async |track: &str| {
        let playlist = web.playlist("halt", track).await;
        playlist.ended.then_some(playlist)
    };
    let ended = until("EXT-X-ENDLIST", LONG, async || ends("v").await).await;
    let sound = until("EXT-X-ENDLIST", LONG, async || ends("a").await).await;
    assert_eq!(ended.last().number, sound.last().number);
    let newest = ended.last().clone();
    assert_eq!(web.get(&format!("/live/halt/v/{}", newest.uri)).await.status, 200, "segments stay");
    let mpd = dash_mpd_core::parse(&web.text("/live/halt/dash.mpd").await).expect("an MPD");
    let end = mpd.mediaPresentationDuration.expect("@mediaPresentationDuration");
    assert_eq!(end, announced);
    assert_eq!(end.as_micros(), u128::from(newest.number + 1) * 1_920_000);
    assert_eq!((mpd.minimumUpdatePeriod, mpd.periods[0].duration), (None, Some(end)));
    let after = |segments: u64| {
        format!(
            "/live/halt/v/{}",
            newest.uri.replace(&newest.number.to_string(), &(newest.number + segments).to_string())
        )
    };
    let reply = web.get(&after(1)).await;
    assert_eq!(reply.status, 200, "for players that have not read of the end: {}", reply.text());
    check_problem(&web.get(&after(20)).await, 404, "no_such_media");

    for _ in 0..2 {
        let reply = act(&web, "halt", "start").await;
        assert_eq!((reply.status, &reply.json()["enabled"]), (200, &true.into()));
    }
    let started = until("it goes on", LONG, async || {
        let reply = web.get("/live/halt/v/hls.m3u8").await;
        let playlist = crate::support::playlist::Playlist::parse(&reply.text());
        (reply.status == 200 && !playlist.ended && playlist.last().number > newest.number).then_some(playlist)
    });
    let now: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
    let current = now.as_millisecond() as u64 / 1920;
    let last = started.await.last().number;
    assert!((current - 3..=current).contains(&last), "segment {last} where {current} is now");
    let mpd = dash_mpd_core::parse(&web.text("/live/halt/dash.mpd").await).expect("an MPD");
    assert!(mpd.mediaPresentationDuration.is_none() && mpd.minimumUpdatePeriod.is_some());
    assert_eq!(delete(&web, "halt").await.status, 204);
}

#[tokio::test]
async fn a_disabled_stream_is_listed_and_has_no_manifests() {
    let (_server, web) = start();
    let mut definition = small("asleep");
    definition["enabled"] = false.into();
    let reply = web.json(Method::POST, STREAMS, &definition).await;
    assert_eq!((reply.status, &reply.json()["phase"]), (201, &"stopped".into()));
    check_problem(&web.get("/live/asleep/hls.m3u8").await, 404, "no_such_media");
    assert_eq!(delete(&web, "asleep").await.status, 204);
}

#[tokio::test]
async fn a_refused_value_names_its_field_and_creates_no_stream() {
    let (_server, web) = start();
    for (field, change) in crate::support::limits::refused() {
        let mut definition = json!({"name": "refused"});
        definition.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let problem = check_problem(&web.json(Method::POST, STREAMS, &definition).await, 422, "bad_value");
        assert_eq!(problem["field"], field, "{change}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(field)), "{problem}");
    }
    check_problem(&web.get(&format!("{STREAMS}/refused")).await, 404, "unknown_stream");
    for change in crate::support::limits::allowed() {
        let mut definition = json!({"name": "allowed", "enabled": false});
        definition.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let reply = web.json(Method::POST, STREAMS, &definition).await;
        assert_eq!(reply.status, 201, "{change}: {}", reply.text());
        let name = reply.json()["name"].as_str().expect("a name").to_owned();
        assert_eq!(delete(&web, &name).await.status, 204);
    }
}

#[tokio::test]
async fn a_picture_changes_at_a_segment_and_the_stream_continues() {
    let (_server, web) = start();
    create(&web, "change").await;
    let before = web.get(&format!("{STREAMS}/change")).await.json();
    let mut definition = small("change");
    definition["title"] = "after".into();
    definition["video"][0]["width"] = 480.into();
    let asked: jiff::Timestamp = web.text("/time").await.parse().expect("xs:dateTime");
    let reply = web.json(Method::PUT, &format!("{STREAMS}/change"), &definition).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let revision = reply.json()["revision"].as_str().expect("a revision").to_owned();
    assert_ne!(before["revision"], *revision);
    let path = "/live/change/v/hls.m3u8";
    let text = until("the new picture is listed", LONG, async || {
        Some(web.text(path).await).filter(|text| text.contains(&revision))
    });
    let text = text.await;
    let (old, new) = text.split_once("#EXT-X-DISCONTINUITY\n").expect("a discontinuity");
    assert!(!old.contains(&revision) && new.starts_with(&format!("#EXT-X-MAP:URI=\"{revision}/init.mp4\"")), "{text}");
    assert!(!text.contains("#EXT-X-ENDLIST") && !text.contains("#EXT-X-GAP"), "{text}");
    let first = barstone::inspect::playlist::Playlist::parse(&text)
        .segments
        .into_iter()
        .find(|segment| segment.uri.contains(&revision));
    let first = first.expect("a segment").number;
    let begins = first as i64 * 1920 - asked.as_millisecond();
    assert!((2000..=3920 + 1000).contains(&begins), "{begins} ms after it was asked for");
    for track in ["v", "a"] {
        for number in [first - 1, first] {
            let (own, other) = if number < first { ("", revision.as_str()) } else { (revision.as_str(), "") };
            let segment = until("it is listed", LONG, async || {
                let playlist = web.playlist("change", track).await;
                playlist.segments.iter().find(|segment| segment.number == number).cloned()
            });
            let segment = segment.await;
            assert_eq!(web.get(&format!("/live/change/{track}/{}", segment.uri)).await.status, 200);
            assert!(segment.uri.contains(own) && (other.is_empty() || !segment.uri.contains(other)), "{}", segment.uri);
        }
    }
    // Players that have not reloaded yet continue with the old revision.
    let own = web.fetch(&format!("/live/change/v/{revision}/{first}.m4s")).await;
    let before_revision = before["revision"].as_str().expect("a revision");
    let late = web.fetch(&format!("/live/change/v/{before_revision}/{first}.m4s")).await;
    assert_ne!(own, late);
    let wrong = format!("/live/change/v/{before_revision}/{}.m4s", first + 9);
    check_problem(&web.get(&wrong).await, 404, "no_such_media");
    let wrong = format!("/live/change/v/{revision}/{}.m4s", first - 1);
    check_problem(&web.get(&wrong).await, 404, "no_such_media");
    let mpd = dash_mpd_core::parse(&web.text("/live/change/dash.mpd").await).expect("an MPD");
    let start = |period: &dash_mpd_core::Period| period.start.map(|start| start.as_millis() as u64);
    let starts: Vec<_> = mpd.periods.iter().map(start).collect();
    assert_eq!(starts, [Some(0), Some(first * 1920), None], "the last one is for ffmpeg");
    let after = web.get(&format!("{STREAMS}/change")).await.json();
    assert_eq!((&after["phase"], &after["since"]), (&"running".into(), &before["since"]), "it has never stopped");
    assert_eq!(delete(&web, "change").await.status, 204);
}
