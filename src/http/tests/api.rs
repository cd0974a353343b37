//! The REST API and its events.

use super::*;

#[tokio::test]
async fn a_stream_over_the_capacity_is_refused_with_figures() {
    let app = app_with(Duration::ZERO, Capacity::Limited(50_000_000), ViewerAccess::of(keys()));
    assert_eq!(send(&app, "POST", "/api/v1/streams", json!({"name": "a"})).await.status, 201);
    let figures = json!({"wanted": 23_040_000, "used": 46_080_000, "capacity": 50_000_000});
    let check_refused = |answer: Answer| {
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (StatusCode::INSUFFICIENT_STORAGE, &json!("no_room")));
        assert_eq!(problem["pixels_per_second"], figures);
    };
    check_refused(send(&app, "POST", "/api/v1/streams", json!({"name": "b"})).await);
    assert_eq!(get(&app, "/api/v1/streams/b").await.status, StatusCode::NOT_FOUND);
    assert_eq!(send(&app, "POST", "/api/v1/streams", json!({"name": "b", "enabled": false})).await.status, 201);
    check_refused(send(&app, "PUT", "/api/v1/streams/b", json!({})).await);
    check_refused(send(&app, "POST", "/api/v1/streams/b/start", "").await);
    assert_eq!(send(&app, "PUT", "/api/v1/streams/b", json!({"video": []})).await.status, StatusCode::OK);
    assert_eq!(send(&app, "POST", "/api/v1/streams/test/start", "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn errors_of_a_body_are_found_in_order() {
    let app = app();
    let streams = "/api/v1/streams";
    for (body, status, field) in [
        (String::from("{"), 400, Value::Null),
        ("{\"name\": \"a\"} x".into(), 400, Value::Null),
        (json!({"name": "A"}).to_string(), 422, json!("name")),
        (json!({"name": "a", "colour": 1}).to_string(), 422, json!("colour")),
        (json!({"name": "a", "video": [{"depth": 1}]}).to_string(), 422, json!("video[0].depth")),
        (json!({"name": "a", "video": [{"width": "1280"}]}).to_string(), 422, json!("video[0].width")),
        (json!({"name": "a", "segment_frames": -1}).to_string(), 422, json!("segment_frames")),
        (json!({"name": "test"}).to_string(), 409, Value::Null),
        (format!("{{\"name\": \"{}\"}}", "a".repeat(70_000)), 413, Value::Null),
    ] {
        let answer = send(&app, "POST", streams, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", &body[..body.len().min(80)]);
        assert_eq!(answer.json()["field"], field, "{body}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let form = Request::post(streams).header("content-type", "text/plain").header("authorization", "Bearer token");
    let form = form.body(Body::from("{\"name\": \"a\"}"));
    assert_eq!(ask(&app, form.unwrap()).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn streams_are_created_changed_and_deleted() {
    let app = app();
    let made = send(&app, "POST", "/api/v1/streams", json!({"name": "a", "enabled": false})).await;
    assert_eq!((made.status, made.header("location")), (StatusCode::CREATED, "streams/a"));
    assert_eq!(made.json()["phase"], "stopped");
    let names = get(&app, "/api/v1/streams").await.json();
    assert_eq!(names.as_array().unwrap().iter().map(|s| s["name"].clone()).collect::<Vec<_>>(), ["a", "test"]);
    let created = send(&app, "PUT", "/api/v1/streams/b", "{}").await;
    assert_eq!((created.status, &created.json()["phase"] == "stopped"), (StatusCode::CREATED, false));
    assert_eq!(created.header("location"), "b");
    let page = get(&app, "/api/v1/streams?limit=1&search=").await;
    assert_eq!(page.header("link"), "<?search=&limit=1&after=a>; rel=\"next\"");
    assert_eq!(send(&app, "PUT", "/api/v1/streams/b", json!({"title": "t"})).await.status, StatusCode::OK);
    let wrong = send(&app, "PUT", "/api/v1/streams/b", json!({"name": "c"})).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["field"].clone()), (422, json!("name")));
    let started = send(&app, "POST", "/api/v1/streams/a/start", "").await.json();
    assert_eq!((&started["enabled"], &started["phase"] == "stopped"), (&json!(true), false), "{started}");
    let stopped = send(&app, "POST", "/api/v1/streams/a/stop", "").await.json();
    assert_eq!((&stopped["enabled"], &stopped["phase"]), (&json!(false), &json!("stopped")));
    let all = send(&app, "POST", "/api/v1/all/start", "").await.json();
    assert!(all.as_array().unwrap().iter().all(|stream| stream["phase"] != "stopped"), "{all}");
    let all = send(&app, "POST", "/api/v1/all/stop", "").await.json();
    assert!(all.as_array().unwrap().iter().all(|stream| stream["phase"] == "stopped"), "{all}");
    assert_eq!(send(&app, "DELETE", "/api/v1/streams/a", "").await.status, StatusCode::NO_CONTENT);
    let gone = send(&app, "DELETE", "/api/v1/streams/a", "").await;
    assert_eq!((gone.status.as_u16(), gone.json()["code"].clone()), (404, json!("unknown_stream")));
    assert_eq!(send(&app, "PATCH", "/api/v1/streams/test", "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn with_public_url_urls_are_absolute() {
    let now = Arc::new(AtomicU64::new(SEGMENT * 1920));
    let public_url = BaseUrl::parse("https://example.com/tv/");
    let setting = Setting { public_url, ..setting_after(Duration::ZERO, Capacity::Unlimited, &now) };
    let definitions = Definitions::in_memory(vec![StreamSpec::test()]);
    let registry = Arc::new(Registry::new(setting, definitions, CancellationToken::new()));
    let access = Access::new("token", TokenOrigin::Created, ViewerAccess::of(keys()));
    let app = router(App::new(registry, access, CancellationToken::new()), Serve::All);
    until_ready(&app).await;
    let urls = get(&app, "/api/v1/streams/test").await.json()["urls"].clone();
    assert_eq!(urls["lldash"], "https://example.com/tv/live/test/lldash.mpd");
    let private = send(&app, "POST", "/api/v1/streams/test/tokens", "{}").await.json();
    let token = private["token"].as_str().unwrap();
    assert_eq!(private["urls"]["hls"], format!("https://example.com/tv/t/{token}/live/test/hls.m3u8"));
    for path in ["/live/test/dash.mpd", "/live/test/lldash.mpd", "/dash/test.mpd"] {
        let mpd = String::from_utf8(get(&app, path).await.body).unwrap();
        assert!(mpd.contains("value=\"https://example.com/tv/time\""), "{mpd}");
    }
    let mpd = String::from_utf8(get(&ready().await.0, "/live/test/dash.mpd").await.body).unwrap();
    assert!(mpd.contains("value=\"../../time\""), "{mpd}");
}

/// The next server-sent event, skipping comments.
async fn next_event(body: &mut axum::body::BodyDataStream) -> (String, Value, String) {
    use futures_util::StreamExt;
    loop {
        let block = String::from_utf8(body.next().await.unwrap().unwrap().to_vec()).unwrap();
        let field =
            |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
        if !field("event:").is_empty() {
            return (field("event:"), serde_json::from_str(&field("data:")).unwrap(), field("id:"));
        }
    }
}

#[tokio::test]
async fn events_are_sent_and_can_be_resumed() {
    let (app, _) = ready().await;
    let follow = async |last: Option<&str>| {
        let mut request = Request::get("/api/v1/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body().into_data_stream()
    };
    let mut events = follow(None).await;
    assert_eq!(send(&app, "POST", "/api/v1/streams", json!({"name": "b", "enabled": false})).await.status, 201);
    let (name, data, first) = next_event(&mut events).await;
    assert_eq!((name.as_str(), &data["stream"]), ("created", &json!("b")));
    assert_eq!(send(&app, "POST", "/api/v1/streams/test/stop", "").await.status, 200);
    let (name, _, second) = next_event(&mut events).await;
    assert_eq!(name, "replaced");
    let (name, data, _) = next_event(&mut events).await;
    assert_eq!((name.as_str(), &data["phase"]), ("phase", &json!("stopped")));
    let mut again = follow(Some(&first)).await;
    assert_eq!(next_event(&mut again).await.2, second);
    let mut stranger = follow(Some("0123456789abcdef-1")).await;
    assert_eq!(next_event(&mut stranger).await.0, "missed");
}
