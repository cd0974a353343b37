//! The link to the page, printed once the program has started.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, interval, timeout_at};

use crate::stream::{Capacity, Phase, Registry};

/// Interval between checks whether the streams run.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// After this time the link is printed even if streams still start.
const PRINT_DEADLINE: Duration = Duration::from_secs(10);

/// A link to the page with `token` in the fragment, which browsers do not send to the server.
pub(super) fn to_page(page: &str, token: Option<&str>) -> String {
    token.map_or_else(|| page.to_owned(), |token| format!("{page}#token={token}"))
}

/// URL of the page of a server that listens on `address`.
pub(super) fn page_at(scheme: &str, address: SocketAddr) -> String {
    let host = match address.ip().is_unspecified() {
        true => "localhost".to_owned(),
        false if address.is_ipv6() => format!("[{}]", address.ip()),
        false => address.ip().to_string(),
    };
    format!("{scheme}://{host}:{}/", address.port())
}

/// Prints `link` when the streams run and the encoding capacity is known. Both are logged before.
pub(super) async fn print_when_started(link: &str, registry: &Registry) {
    let latest = Instant::now() + PRINT_DEADLINE;
    let mut capacity = registry.setting().capacity.subscribe();
    let measured = capacity.wait_for(|capacity| !matches!(capacity, Capacity::Unmeasured { .. }));
    // The result does not matter: without a measurement, or after the deadline, the link is printed too.
    let _ = timeout_at(latest, measured).await;
    let _ = timeout_at(latest, settled(registry)).await;
    print(link);
}

/// Resolves when no stream is starting.
async fn settled(registry: &Registry) {
    let mut polls = interval(POLL_INTERVAL);
    let starts = |phase| phase == Phase::Starting;
    while registry.list().iter().any(|view| starts(view.status.phase)) {
        polls.tick().await;
    }
}

/// Prints to standard output and not to the log, which other users may be able to read.
#[expect(clippy::print_stdout, reason = "whoever starts the program may use its page")]
pub(super) fn print(link: &str) {
    println!("{link}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_address_of_the_page() {
        for (address, expected) in [
            ("0.0.0.0:8080", "http://localhost:8080/#token=x"),
            ("[::]:8080", "http://localhost:8080/#token=x"),
            ("192.0.2.1:80", "http://192.0.2.1:80/#token=x"),
            ("[2001:db8::1]:80", "http://[2001:db8::1]:80/#token=x"),
        ] {
            assert_eq!(to_page(&page_at("http", address.parse().unwrap()), Some("x")), expected);
        }
        assert_eq!(to_page(&page_at("https", "[::1]:8443".parse().unwrap()), None), "https://[::1]:8443/");
    }
}
