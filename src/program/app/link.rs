//! The link to the page, which is the last line on the terminal once the program has started.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, interval, timeout_at};

use crate::stream::{Capacity, Phase, Registry};

/// How often is looked whether the streams run.
const LOOK: Duration = Duration::from_millis(50);
/// A machine that takes longer to start its streams has the link before they run.
const LATEST: Duration = Duration::from_secs(10);

/// The link to the page that is at `page`, with `token` in the part that a browser keeps to itself.
pub(super) fn to_page(page: &str, token: Option<&str>) -> String {
    token.map_or_else(|| page.to_owned(), |token| format!("{page}#token={token}"))
}

/// The address of the page of a server that listens on `address`.
pub(super) fn page_at(scheme: &str, address: SocketAddr) -> String {
    let host = match address.ip().is_unspecified() {
        true => "localhost".to_owned(),
        false if address.is_ipv6() => format!("[{}]", address.ip()),
        false => address.ip().to_string(),
    };
    format!("{scheme}://{host}:{}/", address.port())
}

/// Prints `link` when the streams run and the encoding capacity is known, both of which are logged.
pub(super) async fn print_when_started(link: &str, registry: &Registry) {
    let latest = Instant::now() + LATEST;
    let mut capacity = registry.setting().capacity.subscribe();
    let measured = capacity.wait_for(|capacity| !matches!(capacity, Capacity::Unmeasured { .. }));
    // It ends with the program, or the time is over: the link is printed all the same.
    let _ = timeout_at(latest, measured).await;
    let _ = timeout_at(latest, settled(registry)).await;
    print(link);
}

/// Resolves when no stream is starting.
async fn settled(registry: &Registry) {
    let mut looks = interval(LOOK);
    let starts = |phase| phase == Phase::Starting;
    while registry.list().iter().any(|view| starts(view.status.phase)) {
        looks.tick().await;
    }
}

/// The log is kept by others, so the link is not in it.
#[expect(clippy::print_stdout, reason = "whoever starts the program may use its page")]
pub(super) fn print(link: &str) {
    println!("{link}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_where_the_page_is() {
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
