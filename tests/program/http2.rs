//! Many requests on one HTTP/2 connection: urgent responses overtake others, and stalled responses are ended.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use h2::RecvStream;
use h2::client::SendRequest;
use hyper::Request;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::LONG;
use crate::support::server::Server;
use crate::support::web::Web;

/// Default flow-control window in bytes.
const WINDOW: u32 = 65_535;
/// A window larger than any response of the tests.
const WIDE: u32 = 64 << 20;
const LARGE: usize = 4;

/// A client with explicit flow control.
struct Client {
    send: SendRequest<Bytes>,
    address: String,
    /// Ends with the client.
    _connection: JoinSet<()>,
}

impl Client {
    /// Connects with a window of `each` bytes for each response and `all` bytes for the connection.
    async fn connect(server: &Server, (each, all): (u32, u32)) -> Self {
        let stream = TcpStream::connect(server.address()).await.expect("it accepts");
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(each).initial_connection_window_size(all);
        let (send, connection) = builder.handshake(stream).await.expect("it speaks HTTP/2");
        let mut driver = JoinSet::new();
        // Errors of the connection reach the readers of its bodies.
        driver.spawn(async move { drop(connection.await) });
        Self { send, address: server.address().to_owned(), _connection: driver }
    }

    /// Sends a request and returns the body unread.
    async fn ask(&mut self, path: &str, priority: Option<&str>) -> RecvStream {
        let mut request = Request::get(format!("http://{}{path}", self.address));
        if let Some(priority) = priority {
            request = request.header("priority", priority);
        }
        let request = request.body(()).expect("a request");
        let (response, _) = self.send.send_request(request, true).expect("it is sent");
        let response = timeout(LONG, response).await.expect("in time").expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        response.into_body()
    }
}

/// Reads a body to its end and counts its bytes.
async fn take(mut body: RecvStream, taken: &Cell<usize>) {
    while let Some(data) = body.data().await {
        let length = data.expect("it goes on").len();
        taken.set(taken.get() + length);
        body.flow_control().release_capacity(length).expect("it was taken");
    }
}

/// Paths and total length of the newest whole segments.
async fn segments(web: &Web) -> (Vec<String>, usize) {
    web.playable("test").await;
    let playlist = web.playlist("test", "v720").await;
    let newest = playlist.segments.iter().rev().take(LARGE);
    let paths: Vec<_> = newest.map(|segment| format!("/live/test/v720/{}", segment.uri)).collect();
    let mut length = 0;
    for path in &paths {
        length += web.fetch(path).await.len();
    }
    (paths, length)
}

/// Bytes of segments, requested before `urgent`, that have arrived when `urgent` is complete.
async fn overtaken(server: &Server, priority: Option<&str>, urgent: (&str, Option<&str>)) -> (usize, usize) {
    let (paths, length) = segments(&Web::of(server)).await;
    let mut client = Client::connect(server, (WIDE, WINDOW)).await;
    let mut large = Vec::new();
    for path in &paths {
        large.push(client.ask(path, priority).await);
    }
    let urgent = client.ask(urgent.0, urgent.1).await;
    let (taken, own) = (Cell::new(0), Cell::new(0));
    let first = async {
        take(urgent, &own).await;
        taken.get()
    };
    let rest = join_all(large.into_iter().map(|body| take(body, &taken)));
    let (before, _) = timeout(LONG, async { tokio::join!(first, rest) }).await.expect("all of it comes");
    assert!(own.get() > 0);
    assert_eq!(taken.get(), length, "nothing is lost");
    (before, length)
}

#[tokio::test]
async fn an_urgent_response_overtakes_running_ones() {
    let server = Server::shared();
    let (paths, _) = segments(&Web::of(&server)).await;
    let (before, of) = overtaken(&server, Some("u=7"), (&paths[0], Some("u=0"))).await;
    assert!(before < of / 2, "{before} of {of} bytes came before a segment that is more urgent");
}

#[tokio::test]
async fn without_priorities_media_come_last() {
    let server = Server::shared();
    Web::of(&server).playable("test").await;
    for path in ["/live/test/v720/llhls.m3u8", "/static/vendor/shaka-player.compiled.js"] {
        let (before, of) = overtaken(&server, None, (path, None)).await;
        assert!(before < of / 2, "{before} of {of} bytes came before {path}");
    }
}

#[tokio::test]
async fn an_urgent_response_that_is_not_read_delays_no_other() {
    let server = Server::shared();
    let (paths, _) = segments(&Web::of(&server)).await;
    let mut client = Client::connect(&server, (WINDOW, WIDE)).await;
    let urgent = client.ask(&paths[0], Some("u=0")).await;
    let other = client.ask(&paths[1], Some("u=7")).await;
    let taken = Cell::new(0);
    timeout(LONG, take(other, &taken)).await.expect("it comes");
    assert!(taken.get() > WINDOW as usize);
    drop(urgent);
}

#[tokio::test]
async fn a_client_that_reads_nothing_of_a_response_is_disconnected() {
    let home = TempDir::new().expect("a temporary directory");
    let server = Server::at(&home.path().join("media"), &["--send-seconds", "1"]);
    let (paths, _) = segments(&Web::of(&server)).await;
    let mut client = Client::connect(&server, (WINDOW, WIDE)).await;
    let mut untaken = Vec::new();
    for path in paths.iter().cycle().take(20) {
        untaken.push(client.ask(path, None).await);
    }
    for mut body in untaken {
        let broken = async { while body.data().await.is_some_and(|data| data.is_ok()) {} };
        timeout(LONG, broken).await.expect("the connection ends");
    }
    // A response without data yet does not count as stalled.
    let mut client = Client::connect(&server, (WINDOW, WIDE)).await;
    let mut events = client.ask("/api/v1/events", None).await;
    let quiet = timeout(Duration::from_secs(3), async { while let Some(Ok(_)) = events.data().await {} }).await;
    assert!(quiet.is_err(), "it is still open");
}
