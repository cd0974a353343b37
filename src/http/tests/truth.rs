//! `GET /api/v1/streams/{name}/truth` through the whole router.

use super::*;

const PATH: &str = "/api/v1/streams/test/truth";

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/jsonl"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(lines: &[Value], kind: &str) -> usize {
    lines.iter().filter(|line| line["type"] == kind).count()
}

#[tokio::test(start_paused = true)]
async fn segments_in_memory_have_the_hash_of_what_is_served() {
    let (app, _) = ready().await;
    let found = lines(&get(&app, &format!("{PATH}?from=-4s&to=1795232428")).await);
    assert_eq!((count(&found, "frame"), count(&found, "beep")), (80, 3));
    let segments: Vec<_> = found.iter().filter(|line| line["type"] == "segment").collect();
    assert_eq!(segments.len(), 6);
    for segment in segments {
        let served = get(&app, segment["url"].as_str().unwrap()).await;
        assert_eq!((served.status, &segment["bytes"]), (StatusCode::OK, &json!(served.body.len())));
        let hash: String = Sha256::digest(&served.body).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(segment["sha256"], hash);
    }
    let none = lines(&get(&app, &format!("{PATH}?from=-4s&hashes=no")).await);
    assert!(none.iter().all(|line| line.get("sha256").is_none()));
}

#[tokio::test(start_paused = true)]
async fn the_past_is_rendered_for_its_hashes_only_if_they_are_wanted_and_the_future_has_none() {
    let (app, _) = media::with_archive().await;
    let hashed = async |query: &str| {
        let found = lines(&get(&app, &format!("{PATH}?{query}")).await);
        (count(&found, "segment"), found.iter().filter(|line| line.get("sha256").is_some()).count())
    };
    assert_eq!(hashed("from=-1h&to=-59m50s").await, (12, 0));
    assert_eq!(hashed("from=-1h&to=-59m50s&hashes=yes").await, (12, 12));
    assert_eq!(hashed("from=+1h&to=%2B1h10s&hashes=yes").await, (12, 0));
    // The last minute.
    let default = lines(&get(&app, PATH).await);
    assert_eq!((count(&default, "frame"), count(&default, "beep")), (1500, 60));
    assert_eq!(count(&lines(&get(&app, &format!("{PATH}?from=-1h&to=-0s&hashes=no")).await), "frame"), 90_000);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_stream_has_a_truth_and_is_not_started() {
    let (app, _) = ready().await;
    let put = send(&app, "PUT", "/api/v1/streams/other", json!({"enabled": false, "fps": "24"})).await;
    assert_eq!(put.status, StatusCode::CREATED, "{}", put.json());
    let found = lines(&get(&app, "/api/v1/streams/other/truth?from=-2s&to=-1s").await);
    assert_eq!((count(&found, "frame"), &found[0]["fps"]), (24, &json!("24")));
    assert_eq!(get(&app, "/api/v1/streams/other").await.json()["phase"], "stopped");
}

#[tokio::test(start_paused = true)]
async fn conditions_change_the_truth() {
    let (app, _) = ready().await;
    let answer = get(&app, &format!("/with/shift=1h{PATH}?from=-4s")).await;
    assert_eq!(answer.header("barstone-condition"), "shift=1h");
    let first = lines(&answer).into_iter().find(|line| line["type"] == "frame").unwrap();
    assert_eq!(first["utc"], "2026-11-21T02:40:24.8Z");
    let relative = get(&app, &format!("/with/origin=-10s{PATH}?from=-4s")).await;
    assert_eq!(relative.status, StatusCode::FOUND);
    let location = "../../../../../origin=2026-11-21T03:40:18Z/api/v1/streams/test/truth?from=-4s";
    assert_eq!(relative.header("location"), location);
    let counted = lines(&get(&app, &format!("/with/origin=2026-11-21T03:40:18Z{PATH}?from=-4s&hashes=no")).await);
    let segment = counted.iter().find(|line| line["type"] == "segment").unwrap();
    assert_eq!(segment["segment"], 3);
}

#[tokio::test]
async fn wrong_intervals_are_refused_with_their_field() {
    let app = app();
    let refused = async |path: String, status: u16, code: &str, field: Value| {
        let answer = get(&app, &path).await;
        let problem = answer.json();
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(
            (answer.status.as_u16(), &problem["code"], &problem["field"]),
            (status, &json!(code), &field),
            "{path}"
        );
    };
    for (query, field) in [
        ("from=yesterday", "from"),
        ("from=2026-11-21T03:40:28", "from"),
        ("from=", "from"),
        ("to=2026-11-21", "to"),
        ("from=-1s&to=-2s", "to"),
        ("from=-1s&to=-1s", "to"),
        ("from=-2h&to=-59m", "to"),
        ("hashes=some", "hashes"),
    ] {
        refused(format!("{PATH}?{query}"), 422, "bad_value", json!(field)).await;
    }
    refused(format!("{PATH}?until=-2s"), 400, "bad_query", Value::Null).await;
    refused(format!("/with/shift=x{PATH}"), 400, "bad_condition", json!("shift")).await;
    refused("/api/v1/streams/none/truth".to_owned(), 404, "unknown_stream", Value::Null).await;
    refused("/api/v1/streams/A/truth".to_owned(), 404, "unknown_path", Value::Null).await;
}
