use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::*;
use crate::base::secret::Secret;
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamName;
use crate::stream::{EventKind, Phase};

/// 2026-11-21T10:00:00Z
const NOW: UnixTime = UnixTime::from_millis(1_795_255_200_000);
const SECRET: &str = "correct horse";
/// Timeout longer than any test.
const LONG: Duration = Duration::from_secs(60);
const QUICK: RetryTimes = RetryTimes { attempt: LONG, pauses: [Duration::from_millis(1); 4], shutdown: LONG };

/// Reaction of the server to a request. After the last one it answers 200.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Status(u16),
    Redirect,
    HangUp,
    Silence,
}

#[derive(Debug)]
struct Request {
    head: String,
    body: String,
}

impl Request {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).expect(name).1
    }

    fn event_id(&self) -> u64 {
        serde_json::from_str::<serde_json::Value>(&self.body).unwrap()["id"].as_u64().unwrap()
    }
}

/// A server, a hook that posts to it, and the events of the hook.
struct Fixture {
    requests: mpsc::UnboundedReceiver<Request>,
    setting: Setting,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Fixture {
    async fn new(answers: &[Answer], retry_times: RetryTimes) -> Self {
        Self::with(answers, retry_times, |_| {}).await
    }

    async fn with(answers: &[Answer], retry_times: RetryTimes, change: impl FnOnce(&mut HookRequest)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut request = request(&format!("http://{}/token?key=token", listener.local_addr().unwrap()));
        request.secret = Some(secret());
        change(&mut request);
        let (sender, requests) = mpsc::unbounded_channel();
        let setting = Setting {
            events: Arc::new(Events::new()),
            clock: Clock::from_fn(|| NOW),
            metrics: Arc::new(Metrics::new()),
            retry_times,
        };
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(serve(listener, answers.to_vec(), sender));
        let task = tasks.spawn(deliver(request.try_into().unwrap(), setting.clone(), stop.clone()));
        Self { requests, setting, stop, task }
    }

    fn report(&self, count: usize) {
        (0..count).for_each(|_| self.setting.events.publish(NOW, &name("test"), EventKind::Created));
    }

    async fn request(&mut self) -> Request {
        timeout(LONG, self.requests.recv()).await.unwrap().unwrap()
    }

    async fn event_ids(&mut self, count: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            ids.push(self.request().await.event_id());
        }
        ids
    }

    /// Stops the hook. Returns the number of events delivered, failed and dropped.
    async fn end(self) -> [u64; 3] {
        self.stop.cancel();
        timeout(LONG, self.task).await.unwrap().unwrap();
        ["delivered", "failed", "dropped"]
            .map(|outcome| self.setting.metrics.hook_deliveries.get_or_create(&HookLabels { outcome }).get())
    }
}

async fn serve(listener: TcpListener, answers: Vec<Answer>, requests: mpsc::UnboundedSender<Request>) {
    let mut answers = answers.into_iter();
    let mut silent = Vec::new();
    loop {
        let (mut connection, _) = listener.accept().await.unwrap();
        let request = read(&mut connection).await;
        if requests.send(request).is_err() {
            return;
        }
        let head = match answers.next().unwrap_or(Answer::Status(200)) {
            Answer::Status(status) => format!("HTTP/1.1 {status} Said\r\n"),
            Answer::Redirect => "HTTP/1.1 307 Elsewhere\r\nlocation: /elsewhere\r\n".into(),
            Answer::HangUp => continue,
            Answer::Silence => {
                silent.push(connection);
                continue;
            }
        };
        let answer = format!("{head}content-length: 0\r\nconnection: close\r\n\r\n");
        // The client may have gone.
        let _ = connection.write_all(answer.as_bytes()).await;
    }
}

async fn read(connection: &mut TcpStream) -> Request {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    let mut request = Request { head: String::from_utf8(head).unwrap(), body: String::new() };
    let mut body = vec![0; request.header("content-length").parse().unwrap()];
    connection.read_exact(&mut body).await.unwrap();
    request.body = String::from_utf8(body).unwrap();
    request
}

fn request(url: &str) -> HookRequest {
    HookRequest { url: url.into(), secret: None, events: None, streams: None }
}

fn secret() -> Secret {
    toml::Value::String(SECRET.into()).try_into().unwrap()
}

fn name(name: &str) -> StreamName {
    StreamName::parse(name).unwrap()
}

/// HMAC-SHA256 (RFC 2104), independent of the library in use.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([&pad(0x36), message].concat());
    let outer = Sha256::digest([&pad(0x5c)[..], &inner[..]].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_hmac_of_the_tests_matches_rfc_4231() {
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(hmac_sha256(b"Jefe", b"what do ya want for nothing?"), expected);
}

#[tokio::test]
async fn an_event_is_posted_as_json_and_signed() {
    let mut fixture = Fixture::new(&[], QUICK).await;
    let kind = EventKind::Phase { phase: Phase::Running, error: None };
    fixture.setting.events.publish(NOW, &name("test"), kind);
    let request = fixture.request().await;
    let body =
        r#"{"id":1,"at":"2026-11-21T10:00:00.000Z","event":"phase","stream":"test","phase":"running","error":null}"#;
    assert_eq!(request.body, body);
    assert!(request.head.starts_with("POST /token?key=token HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("user-agent"), concat!("barstone/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.header("barstone-event"), "phase");
    assert_eq!(request.header("barstone-delivery"), format!("{}-1", fixture.setting.events.series()));
    let mac = hmac_sha256(SECRET.as_bytes(), format!("1795255200.{body}").as_bytes());
    assert_eq!(request.header("barstone-signature"), format!("t=1795255200,v1={mac}"));
    assert_eq!(fixture.end().await, [1, 0, 0]);
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let mut fixture = Fixture::with(&[], QUICK, |request| request.secret = None).await;
    fixture.report(1);
    assert!(!fixture.request().await.head.contains("barstone-signature"));
}

#[test]
fn a_status_is_success_or_temporary_or_final() {
    let judged = |status: u16| match post::judge(status.try_into().unwrap()) {
        Verdict::Delivered => "delivered",
        Verdict::Again(_) => "again",
        Verdict::Final(_) => "final",
    };
    assert_eq!([200, 202, 204, 299].map(judged), ["delivered"; 4]);
    assert_eq!([408, 429, 500, 503, 599].map(judged), ["again"; 5]);
    assert_eq!([301, 304, 307, 400, 401, 404, 410, 422].map(judged), ["final"; 8]);
}

#[tokio::test]
async fn a_temporary_error_is_retried_with_the_same_delivery_id() {
    let trouble = [Answer::Status(503), Answer::Status(429), Answer::HangUp, Answer::Status(408)];
    let mut fixture = Fixture::new(&trouble, QUICK).await;
    fixture.report(1);
    let first = fixture.request().await.header("barstone-delivery").to_owned();
    for _ in 0..4 {
        assert_eq!(fixture.request().await.header("barstone-delivery"), first);
    }
    assert_eq!(fixture.end().await, [1, 0, 0]);
}

#[tokio::test]
async fn a_timeout_is_retried() {
    let retry_times = RetryTimes { attempt: Duration::from_millis(300), ..QUICK };
    let mut fixture = Fixture::new(&[Answer::Silence], retry_times).await;
    fixture.report(1);
    assert_eq!(fixture.event_ids(2).await, [1, 1]);
    assert_eq!(fixture.end().await, [1, 0, 0]);
}

#[tokio::test]
async fn after_five_attempts_the_next_event_is_posted() {
    let mut fixture = Fixture::new(&[Answer::Status(500); 5], QUICK).await;
    fixture.report(2);
    assert_eq!(fixture.event_ids(6).await, [1, 1, 1, 1, 1, 2]);
    assert_eq!(fixture.end().await, [1, 1, 0]);
}

#[tokio::test]
async fn a_final_error_is_not_retried() {
    let mut fixture = Fixture::new(&[Answer::Status(400), Answer::Status(410)], QUICK).await;
    fixture.report(3);
    assert_eq!(fixture.event_ids(3).await, [1, 2, 3]);
    assert_eq!(fixture.end().await, [1, 2, 0]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut fixture = Fixture::new(&[Answer::Redirect], QUICK).await;
    fixture.report(2);
    assert_eq!(fixture.request().await.event_id(), 1);
    let next = fixture.request().await;
    assert_eq!((next.event_id(), next.head.contains("elsewhere")), (2, false));
    assert_eq!(fixture.end().await, [1, 1, 0]);
}

#[tokio::test]
async fn events_over_the_queue_limit_are_dropped_and_the_rest_is_in_order() {
    let mut fixture = Fixture::new(&[], QUICK).await;
    // The task of the hook has not run yet.
    fixture.report(QUEUE + 10);
    let queued: Vec<_> = (1..=QUEUE as u64).collect();
    assert_eq!(fixture.event_ids(QUEUE).await, queued);
    fixture.report(1);
    assert_eq!(fixture.event_ids(1).await, [QUEUE as u64 + 11]);
    assert_eq!(fixture.end().await, [QUEUE as u64 + 1, 0, 10]);
}

#[tokio::test]
async fn at_shutdown_each_queued_event_gets_one_attempt() {
    let mut fixture = Fixture::new(&[Answer::Status(500); 3], RetryTimes { pauses: [LONG; 4], ..QUICK }).await;
    fixture.report(1);
    assert_eq!(fixture.event_ids(1).await, [1]);
    fixture.report(2);
    fixture.stop.cancel();
    assert_eq!(fixture.event_ids(3).await, [1, 2, 3]);
    assert_eq!(fixture.end().await, [1, 2, 0]);
}

#[tokio::test]
async fn at_shutdown_a_silent_server_is_abandoned() {
    let retry_times = RetryTimes { shutdown: Duration::from_millis(100), ..QUICK };
    let mut fixture = Fixture::new(&[Answer::Silence], retry_times).await;
    fixture.report(3);
    assert_eq!(fixture.event_ids(1).await, [1]);
    let stopped = Instant::now();
    assert_eq!(fixture.end().await, [0, 3, 0]);
    assert!(stopped.elapsed() < LONG / 4, "{:?}", stopped.elapsed());
}

#[tokio::test]
async fn only_the_chosen_events_and_streams_are_posted() {
    let change = |request: &mut HookRequest| {
        request.events = Some(vec!["phase".into(), "removed".into()]);
        request.streams = Some(vec!["a".into(), "b".into()]);
    };
    let mut fixture = Fixture::with(&[], QUICK, change).await;
    for stream in ["a", "b", "c"] {
        fixture.setting.events.publish(NOW, &name(stream), EventKind::Created);
        fixture.setting.events.publish(NOW, &name(stream), EventKind::Removed);
    }
    fixture.setting.events.publish(NOW, &name("a"), EventKind::Phase { phase: Phase::Stopped, error: None });
    assert_eq!(fixture.event_ids(3).await, [2, 4, 7]);
    assert_eq!(fixture.end().await, [3, 0, 0]);
}

#[tokio::test]
async fn a_logged_failure_has_its_cause_and_neither_secret_nor_path() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut request = request(&format!("{origin}/token?key=token"));
    request.secret = Some(secret());
    let hook = Hook::try_from(request).unwrap();
    let event = Event { id: 1, at: NOW, stream: name("test"), kind: EventKind::Created };
    let delivery = Delivery::of(&event, "series").unwrap();
    let verdict = Post::new(&hook, LONG).unwrap().attempt(&delivery, NOW).await;
    let Verdict::Again(error) = verdict else { panic!("{verdict:?}") };
    assert!(error.contains("refused") && !error.contains("token") && !error.contains(SECRET), "{error}");
    assert_eq!(hook.target.to_string(), origin);
}

#[test]
fn debug_output_contains_neither_secret_nor_path() {
    let written = format!("url = \"https://example.com/token?token\"\nsecret = \"{SECRET}\"\nevents = [\"phase\"]");
    let request: HookRequest = toml::from_str(&written).unwrap();
    assert!(!format!("{request:?}").contains(SECRET));
    let hook = format!("{:?}", Hook::try_from(request).unwrap());
    insta::assert_snapshot!(hook, @r#"Hook { target: https://example.com/..., secret: Some(***), events: Some(["phase"]), streams: None }"#);
}

#[test]
fn a_secret_of_another_type_is_refused_without_quoting_it() {
    let error = toml::from_str::<HookRequest>("url = \"http://a/\"\nsecret = 12345").unwrap_err();
    assert_eq!(error.message(), "must be a string");
    let error = toml::from_str::<HookRequest>("url = \"http://a/\"\nsecert = \"a\"").unwrap_err();
    assert!(error.message().contains("unknown field `secert`"), "{error}");
}

#[track_caller]
fn check_refused(toml: &str, expected: &str) {
    let request: HookRequest = toml::from_str(toml).unwrap();
    assert_eq!(Hook::try_from(request).unwrap_err().to_string(), expected);
}

#[test]
fn a_bad_setting_is_refused_with_what_is_allowed() {
    check_refused("url = 'ftp://a/'", "url: must begin with http or https, not ftp");
    check_refused(
        "url = '/events'",
        "url: must be a URL such as https://example.com/events: relative URL without a base",
    );
    check_refused("url = 'https://'", "url: must be a URL such as https://example.com/events: empty host");
    let password = "url: must have no user and password; the body is signed with secret instead";
    check_refused("url = 'http://user@a/'", password);
    check_refused("url = 'http://:password@a/'", password);
    check_refused(&format!("url = 'http://a/{}'", "a".repeat(2048)), "url: must be at most 2048 bytes, not 2057");
    check_refused("url = 'http://a'\nsecret = ''", "secret: must be 1 to 256 bytes; leave it out to sign nothing");
    check_refused("url = 'http://a'\nevents = []", "events: must have at least one entry; leave it out for all");
    let events = "events[1]: must be one of phase, created, replaced, removed, first_viewer, last_viewer, overflow, push; not \"end\"";
    check_refused("url = 'http://a'\nevents = ['phase', 'end']", events);
    let streams = "streams[0]: must be 1 to 63 characters of a-z, 0-9 and -, and not begin with -; not \"A\"";
    check_refused("url = 'http://a'\nstreams = ['A']", streams);
}

proptest! {
    #[test]
    fn any_text_as_url_is_accepted_or_refused(text in "(https?://)?\\PC{0,40}|(http|ftp)://[a-z:@/?#\\[\\]%.0-9]{0,30}") {
        if let Ok(hook) = Hook::try_from(request(&text)) {
            let url = hook.target.url();
            prop_assert!(["http", "https"].contains(&url.scheme()) && url.has_host());
            prop_assert!(url.username().is_empty() && url.password().is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unchanged_hooks_keep_running_and_removed_ones_end() {
    let hook = |port: u16| Hook::try_from(request(&format!("http://127.0.0.1:{port}/"))).unwrap();
    let setting = Setting {
        events: Arc::new(Events::new()),
        clock: Clock::from_fn(|| NOW),
        metrics: Arc::new(Metrics::new()),
        retry_times: QUICK,
    };
    let (tasks, over) = (TaskTracker::new(), CancellationToken::new());
    let mut workers = Workers::new(setting, tasks.clone(), over.clone());
    for (hooks, running) in [(&[1, 2][..], 2), (&[2, 2, 3], 3), (&[3, 2, 2], 3), (&[3], 1)] {
        workers.set(&hooks.iter().map(|port| hook(*port)).collect::<Vec<_>>());
        // Hooks that were removed have nothing left to post.
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(tasks.len(), running, "{hooks:?}");
    }
    over.cancel();
    tasks.close();
    timeout(LONG, tasks.wait()).await.unwrap();
}
