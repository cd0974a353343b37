use super::*;

const PATH: &str = "/live/test/still.jpg";
/// The moment of the tests, 03:40:28.800, in whole seconds.
const NOW: u64 = SEGMENT * 1920 / 1000;
const IN_THIS_SECOND: &str = "public, max-age=1";
const FOR_A_DAY: &str = "public, max-age=86400, immutable";

async fn stopped(definition: Value) -> Routes {
    let app = app();
    assert_eq!(send(&app, "POST", "/api/v1/streams", definition).await.status, StatusCode::CREATED);
    app
}

/// The entity tag of a still that a GET answers.
#[track_caller]
fn tag(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("etag")
}

#[tokio::test]
async fn a_still_is_answered_for_a_stream_that_does_not_run() {
    let app = stopped(json!({"name": "idle", "enabled": false})).await;
    for (path, content_type, first) in [
        ("/live/idle/still.jpg", "image/jpeg", &[0xFF, 0xD8][..]),
        ("/live/idle/still.png?width=320", "image/png", b"\x89PNG"),
    ] {
        let answer = get(&app, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, content_type));
        assert!(answer.body.starts_with(first), "{path}");
        let head = ask(&app, Request::head(path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.body.len(), head.header("content-length")), (0, &*answer.body.len().to_string()), "{path}");
        assert_eq!(head.header("etag"), answer.header("etag"));
    }
    assert_eq!(get(&app, "/api/v1/streams/idle").await.json()["phase"], "stopped");
}

#[tokio::test]
async fn a_still_is_cached_as_long_as_it_stays_the_same() {
    let app = app();
    let answers = [
        ("", IN_THIS_SECOND),
        ("?at=-0s", IN_THIS_SECOND),
        ("?at=%2B10s", IN_THIS_SECOND),
        ("?at=+10s", IN_THIS_SECOND),
        (&format!("?at={}", NOW + 10), IN_THIS_SECOND),
        (&format!("?at={NOW}"), FOR_A_DAY),
        ("?at=2026-11-21T03:40:28Z", FOR_A_DAY),
        ("?at=2026-11-21T03:40:28.040Z", FOR_A_DAY),
        ("?at=0", FOR_A_DAY),
    ];
    let mut tags = Vec::new();
    for (query, policy) in answers {
        let answer = get(&app, &format!("{PATH}{query}")).await;
        assert_eq!(answer.header("cache-control"), policy, "{query}");
        tags.push(tag(&answer).to_owned());
    }
    let now = &tags[0];
    assert_eq!(tags.iter().map(|tag| tag == now).collect::<Vec<_>>(), {
        let [same, other] = [true, false];
        [same, same, other, other, other, same, same, other, other]
    });
    assert!(tags[2] == tags[3] && tags[3] == tags[4], "ten seconds later");
    let request = Request::get(PATH).header("if-none-match", now).body(Body::empty()).unwrap();
    let answer = ask(&app, request).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::NOT_MODIFIED, IN_THIS_SECOND));
}

#[tokio::test]
async fn wrong_values_are_refused_with_what_is_allowed() {
    let app = stopped(json!({"name": "radio", "video": []})).await;
    for (path, status, allowed) in [
        ("/live/test/still.jpg?at=yesterday", 400, "a moment such as"),
        ("/live/test/still.jpg?at=", 400, "a moment such as"),
        ("/live/test/still.jpg?at=1969-12-31T23:59:59Z", 400, "a moment such as"),
        ("/live/test/still.png?width=0", 400, "from 16 to 4096"),
        ("/live/test/still.png?width=4097", 400, "from 16 to 4096"),
        ("/live/test/still.png?width=wide", 400, "from 16 to 4096"),
        ("/live/test/still.png?video=v9", 404, "no video track v9"),
        ("/live/radio/still.png", 404, "audio only"),
        ("/live/nobody/still.png", 404, "no stream nobody"),
        ("/live/test/still.gif", 404, "still.png"),
    ] {
        let answer = get(&app, path).await;
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(answer.status, status, "{path}");
        assert!(detail.contains(allowed), "{path}: {detail}");
    }
    assert_eq!(get(&app, "/live/test/still.png?video=v720&cache=7").await.status, StatusCode::OK);
    assert_eq!(send(&app, "POST", PATH, "").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn shift_alone_changes_a_still() {
    let app = app();
    let an_hour_ago = get(&app, &format!("{PATH}?at={}", NOW - 3600)).await;
    let shifted = get(&app, "/with/shift=1h,no-hints/live/test/still.jpg").await;
    assert_eq!((tag(&shifted), shifted.header("barstone-condition")), (tag(&an_hour_ago), "shift=1h"));
    assert_eq!(shifted.header("cache-control"), IN_THIS_SECOND);
    let both = get(&app, &format!("/with/shift=30m/live/test/still.jpg?at={}", NOW - 1800)).await;
    assert_eq!((tag(&both), both.header("cache-control")), (tag(&an_hour_ago), FOR_A_DAY));
    let plain = get(&app, "/with/no-hints/live/test/still.jpg?width=64").await;
    assert_eq!(plain.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(plain.header("location"), "../../../../live/test/still.jpg?width=64");
    assert_eq!(get(&app, "/with/shift=1/live/test/still.jpg").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn stills_of_a_private_stream_need_a_viewer_token() {
    let app = stopped(json!({"name": "secret", "access": "private"})).await;
    assert_eq!(get(&app, "/live/secret/still.jpg").await.status, StatusCode::FORBIDDEN);
    let links = send(&app, "POST", "/api/v1/streams/secret/tokens", json!({"seconds": 600})).await.json();
    let token = links["token"].as_str().unwrap();
    let answer = get(&app, &format!("/t/{token}/live/secret/still.jpg?at=0")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "public, max-age=599, immutable"));
}

#[tokio::test]
async fn a_definition_has_a_still_without_a_stream() {
    let app = app();
    let still = |definition: &str, more: &str| {
        format!(
            "/still.jpg?definition={}{more}",
            percent_encoding::utf8_percent_encode(definition, percent_encoding::NON_ALPHANUMERIC)
        )
    };
    let moment = format!("&at={NOW}");
    let answer = get(&app, &still(r#"{"name": "test"}"#, &moment)).await;
    assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("image/jpeg", FOR_A_DAY));
    assert_eq!(
        tag(&answer),
        tag(&get(&app, &format!("{PATH}{}", moment.replace('&', "?"))).await),
        "that of the stream"
    );
    let other = get(&app, &still(r#"{"name": "test", "pattern": "ebu"}"#, &moment)).await;
    assert_ne!(tag(&other), tag(&answer));
    for (path, status, word) in [
        ("/still.jpg".to_owned(), 400, "definition"),
        (still("{}", ""), 422, "name"),
        (still(r#"{"name": "a", "pattern": "stripes"}"#, ""), 422, "pattern"),
        (still(r#"{"name": "a", "colour": 1}"#, ""), 400, "colour"),
        (still(r#"{"name": "a", "video": []}"#, ""), 404, "audio only"),
    ] {
        let answer = get(&app, &path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json().to_string().contains(word), "{path}: {}", answer.json());
    }
}
