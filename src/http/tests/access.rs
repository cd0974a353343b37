//! Access to the API and to media.

use super::*;

#[tokio::test]
async fn cors_allows_reading_and_no_writing() {
    let (app, media) = ready().await;
    let preflight = |method: &str| {
        let request = Request::options(format!("{media}/init.mp4")).header("origin", "http://a.example");
        let request = request.header("access-control-request-method", method);
        request.header("access-control-request-headers", "range,cmcd-request").body(Body::empty()).unwrap()
    };
    let allowed = ask(&app, preflight("GET")).await;
    assert_eq!(allowed.status, StatusCode::OK);
    assert!(!allowed.header("access-control-allow-methods").contains("POST"));
    assert!(["*", "range,cmcd-request"].contains(&allowed.header("access-control-allow-headers")));
    let answer = get(&app, "/live/test/hls.m3u8").await;
    assert!(answer.header("access-control-expose-headers").contains("date"));
    assert_eq!(answer.header("timing-allow-origin"), "*");
}

#[tokio::test]
async fn every_change_needs_the_token_from_any_address() {
    let (app, _) = ready().await;
    let stop = |headers: &[(&'static str, &'static str)]| {
        let mut request = Request::post("/api/v1/streams/test/stop");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ask(&app, request.body(Body::empty()).unwrap())
    };
    // Requests of `ask` come from this machine, like those through a proxy on it.
    for headers in [
        &[][..],
        &[("host", "localhost:8080"), ("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")],
        &[("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("x-real-ip", "127.0.0.1")],
    ] {
        let refused = stop(headers).await;
        assert_eq!((refused.status.as_u16(), refused.header("www-authenticate")), (401, "Bearer"), "{headers:?}");
        assert_eq!(refused.json()["code"], "token_needed");
    }
    let wrong = stop(&[("authorization", "Bearer guess")]).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["code"].clone()), (401, json!("bad_token")));
    assert_eq!(get(&app, "/api/v1/streams/test").await.json()["phase"], "running");
    assert_eq!(stop(&[("authorization", "Bearer token")]).await.status, StatusCode::OK);
    let whoami = Request::get("/whoami").header("authorization", "Bearer token").body(Body::empty()).unwrap();
    assert_eq!(ask(&app, whoami).await.json()["headers"]["authorization"], json!(["***"]));
}

/// Makes the stream `test` private and creates a viewer token for it.
async fn private(app: &Routes) -> String {
    let put = send(app, "PUT", "/api/v1/streams/test", json!({"access": "private"})).await;
    assert_eq!((put.status.as_u16(), &put.json()["access"]), (200, &json!("private")));
    let made = send(app, "POST", "/api/v1/streams/test/tokens", json!({"seconds": 30})).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
    let (token, answer) = (made.json()["token"].as_str().unwrap().to_owned(), made.json());
    assert_eq!(answer["expires"], "2026-11-21T03:40:58.000Z");
    assert_eq!(answer["urls"]["llhls"], format!("/t/{token}/live/test/llhls.m3u8"));
    format!("/t/{token}")
}

#[tokio::test]
async fn a_private_stream_needs_a_viewer_token() {
    let (app, media) = ready().await;
    let public = get(&app, "/live/test/hls.m3u8").await;
    let token = private(&app).await;
    for path in [
        "/live/test/hls.m3u8".into(),
        "/live/%74est/hls.m3u8".into(),
        "/live/test/v720/llhls.m3u8".into(),
        "/live/test/dash.mpd".into(),
        "/hls/test.m3u8".into(),
        "/dash/test.mpd".into(),
        format!("{media}/init.mp4"),
        format!("{media}/{}.m4s", SEGMENT - 1),
        format!("{media}/{}.2.m4s", SEGMENT - 1),
    ] {
        check_refused(&get(&app, &path).await, "viewer_token_needed");
        check_refused(&get(&app, &format!("/t/v1.1.test.x{path}")).await, "bad_viewer_token");
        let head = ask(&app, Request::head(&path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (403, 0), "{path}");
        let with = get(&app, &format!("{token}{path}")).await;
        assert_eq!(with.status, StatusCode::OK, "{path}");
    }
    let same = get(&app, &format!("{token}/live/test/hls.m3u8")).await;
    assert_eq!((same.body, same.headers.get("etag")), (public.body, public.headers.get("etag")));
    assert_eq!(get(&app, &format!("{token}/time")).await.status, StatusCode::OK);
    let preflight = Request::options(format!("{token}/live/test/hls.m3u8")).header("origin", "http://a.example");
    let preflight = preflight.header("access-control-request-method", "GET").body(Body::empty()).unwrap();
    assert_eq!(ask(&app, preflight).await.status, StatusCode::OK);
    for elsewhere in ["/api/v1/streams", "/whoami", "/metrics", "/", "/live/none/hls.m3u8"] {
        let answer = get(&app, &format!("{token}{elsewhere}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{elsewhere}");
        assert!(!String::from_utf8(answer.body).unwrap().contains(&token), "{elsewhere}");
    }
    let metrics = String::from_utf8(get(&app, "/metrics").await.body).unwrap();
    assert!(metrics.contains("{kind=\"manifest\",status=\"403\"}"), "{metrics}");
    assert_eq!(send(&app, "PUT", "/api/v1/streams/test", "{}").await.status, StatusCode::OK);
    assert_eq!(get(&app, "/live/test/hls.m3u8").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_viewer_token_is_limited_to_its_stream_and_time() {
    let (app, media) = ready().await;
    let token = private(&app).await;
    let init = get(&app, &format!("{token}{media}/init.mp4")).await;
    assert_eq!(init.header("cache-control"), "public, max-age=29, immutable");
    let expired = keys().sign(Purpose::Watch, &StreamSpec::test().name, UnixTime::from_millis(SEGMENT * 1920));
    check_refused(&get(&app, &format!("/t/{expired}{media}/init.mp4")).await, "viewer_token_expired");
    send(&app, "POST", "/api/v1/streams", json!({"name": "other", "access": "private", "enabled": false})).await;
    check_refused(&get(&app, &format!("{token}/live/other/hls.m3u8")).await, "bad_viewer_token");
    for (body, field) in [(json!({"seconds": 0}), "seconds"), (json!({"seconds": 31_536_001}), "seconds")] {
        let refused = send(&app, "POST", "/api/v1/streams/test/tokens", body).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (422, &json!(field)));
    }
    assert_eq!(send(&app, "POST", "/api/v1/streams/none/tokens", "{}").await.status, StatusCode::NOT_FOUND);
    let without_body = send(&app, "POST", "/api/v1/streams/test/tokens", "").await;
    assert_eq!(
        (without_body.status, &without_body.json()["expires"]),
        (StatusCode::CREATED, &json!("2026-11-21T04:40:28.000Z"))
    );
    let without = Request::post("/api/v1/streams/test/tokens");
    assert_eq!(ask(&app, without.body(Body::from("{}")).unwrap()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_private_on_demand_stream_starts_only_with_a_token() {
    let (app, _) = ready().await;
    let definition = json!({"name": "idle", "access": "private", "on_demand": true});
    send(&app, "POST", "/api/v1/streams", definition).await;
    let token =
        keys().sign(Purpose::Watch, &StreamName::parse("idle").unwrap(), UnixTime::from_millis((SEGMENT + 9) * 1920));
    let phase = async || get(&app, "/api/v1/streams/idle").await.json()["wanted"].clone();
    check_refused(&get(&app, "/live/idle/hls.m3u8").await, "viewer_token_needed");
    assert_eq!(phase().await, json!(false));
    assert_eq!(get(&app, &format!("/t/{token}/live/idle/hls.m3u8")).await.status, StatusCode::OK);
    assert_eq!(phase().await, json!(true));
}

#[tokio::test]
async fn allow_and_deny_of_a_stream_apply_to_its_media() {
    let (app, media) = ready().await;
    let put = async |lists: Value| send(&app, "PUT", "/api/v1/streams/test", lists).await;
    assert_eq!(put(json!({"deny": ["127.0.0.0/8"]})).await.status, StatusCode::OK);
    check_refused(&get(&app, "/live/test/hls.m3u8").await, "address_denied");
    check_refused(&get(&app, &format!("/t/x{media}/init.mp4")).await, "address_denied");
    assert_eq!(get(&app, "/api/v1/streams/test").await.json()["deny"], json!(["127.0.0.0/8"]));
    put(json!({"allow": ["192.0.2.0/24"]})).await;
    check_refused(&get(&app, "/live/test/hls.m3u8").await, "address_denied");
    put(json!({"allow": ["::ffff:127.0.0.1"]})).await;
    assert_eq!(get(&app, "/live/test/hls.m3u8").await.status, StatusCode::OK);
    let wrong = put(json!({"allow": ["127.0.0.1", "here"]})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["field"]), (422, &json!("allow[1]")));
}

#[tokio::test]
async fn allow_and_deny_of_the_server_spare_only_probes() {
    let parse = |text: &str| vec![text.parse().unwrap()];
    let lists = Lists { allow: parse("192.0.2.0/24"), deny: Vec::new() };
    let app = app_with(
        Duration::ZERO,
        Capacity::Unlimited,
        ViewerAccess { keys: keys(), lists, proxies: parse("127.0.0.1") },
    );
    for path in ["/", "/live/test/hls.m3u8", "/t/x/live/test/hls.m3u8", "/api/v1/streams", "/metrics", "/elsewhere"] {
        check_refused(&get(&app, path).await, "address_denied");
    }
    for path in ["/livez", "/startupz"] {
        assert_eq!(get(&app, path).await.status, StatusCode::OK, "{path}");
    }
    let through = |client: &str| Request::get("/time").header("x-forwarded-for", client).body(Body::empty()).unwrap();
    assert_eq!(ask(&app, through("198.51.100.1, 192.0.2.9")).await.status, StatusCode::OK);
    check_refused(&ask(&app, through("192.0.2.9, 198.51.100.1")).await, "address_denied");
    check_refused(&ask(&app, through("nobody")).await, "address_denied");
}
