//! Client address of a request, also behind proxies.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

use crate::base::network::Network;

/// Addresses of the client. Normally this is the peer. If the peer is a trusted proxy, it is the last untrusted address
/// in each header that proxies use. A proxy passes on headers that it does not know, and a client can forge these; if
/// the headers contain two addresses, both must be admitted. `None` if a trusted proxy sends something that is not an
/// address.
pub(super) fn addresses(extensions: &Extensions, headers: &HeaderMap, proxies: &[Network]) -> Option<Vec<IpAddr>> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let is_trusted = |address: &IpAddr| proxies.iter().any(|network| network.contains(*address));
    if !is_trusted(&peer) {
        return Some(vec![peer]);
    }
    let mut found = Vec::new();
    for (header, read) in [("x-forwarded-for", address as fn(&str) -> Option<IpAddr>), ("forwarded", forwarded)] {
        let Some(hops) = hops(headers, header) else { continue };
        let mut client = peer;
        for hop in hops.iter().rev() {
            client = read(hop)?;
            if !is_trusted(&client) {
                break;
            }
        }
        found.push(client);
    }
    match found.is_empty() {
        true => Some(vec![peer]),
        false => Some(found),
    }
}

/// Entries of a header, the one of the nearest proxy last.
fn hops(headers: &HeaderMap, name: &str) -> Option<Vec<String>> {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let hops: Vec<_> =
        values.flat_map(|value| value.split(',').map(|hop| hop.trim().to_owned()).collect::<Vec<_>>()).collect();
    (!hops.is_empty()).then_some(hops)
}

/// The `for` parameter of an element (RFC 7239 4).
fn forwarded(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.into_iter().find_map(|(name, value)| name.eq_ignore_ascii_case("for").then_some(value))?;
    address(value.trim_matches('"'))
}

/// Parses an address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use proptest::prelude::*;

    use super::*;

    fn of(peer: &str, headers: &[(&'static str, &str)]) -> Option<Vec<IpAddr>> {
        let mut request =
            headers.iter().fold(Request::get("/"), |request, (name, value)| request.header(*name, *value));
        request = request.extension(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 9)));
        let proxies = ["10.0.0.0/8", "::1"].map(|text| text.parse().unwrap());
        let (parts, _) = request.body(Body::empty()).unwrap().into_parts();
        addresses(&parts.extensions, &parts.headers, &proxies)
    }

    #[track_caller]
    fn check(peer: &str, headers: &[(&'static str, &str)], expected: &[&str]) {
        let expected: Vec<IpAddr> = expected.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(of(peer, headers), Some(expected), "{peer} {headers:?}");
    }

    #[test]
    fn only_a_trusted_proxy_sets_the_client_address() {
        const FOR: &str = "x-forwarded-for";
        check("192.0.2.1", &[], &["192.0.2.1"]);
        check("192.0.2.1", &[(FOR, "198.51.100.1")], &["192.0.2.1"]);
        check("::ffff:192.0.2.1", &[("forwarded", "for=198.51.100.1")], &["192.0.2.1"]);
        check("10.0.0.1", &[], &["10.0.0.1"]);
        check("10.0.0.1", &[(FOR, "198.51.100.1")], &["198.51.100.1"]);
        check("10.0.0.1", &[(FOR, "203.0.113.9, 198.51.100.1, 10.2.3.4")], &["198.51.100.1"]);
        check("10.0.0.1", &[(FOR, "203.0.113.9"), (FOR, "198.51.100.1"), (FOR, "::1")], &["198.51.100.1"]);
        check("10.0.0.1", &[(FOR, "10.9.9.9,10.2.3.4")], &["10.9.9.9"]);
        check("10.0.0.1", &[(FOR, "nonsense, 198.51.100.1:4711")], &["198.51.100.1"]);
        check("::1", &[(FOR, "[2001:db8::1]:80")], &["2001:db8::1"]);
        check("::1", &[(FOR, "::ffff:198.51.100.1")], &["198.51.100.1"]);
    }

    #[test]
    fn forwarded_and_x_forwarded_for_both_count() {
        check(
            "10.0.0.1",
            &[("forwarded", "for=203.0.113.9, For=\"[2001:db8::1]:4711\";proto=https")],
            &["2001:db8::1"],
        );
        let both = [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=203.0.113.9")];
        check("10.0.0.1", &both, &["198.51.100.1", "203.0.113.9"]);
        check("10.0.0.1", &[("forwarded", "for=\"evil, for=198.51.100.1")], &["198.51.100.1"]);
    }

    #[test]
    fn an_invalid_address_from_a_proxy_is_refused() {
        for value in ["", "unknown", "198.51.100.1,", "198.51.100.1, 10.0.0.1, _hidden"] {
            assert_eq!(of("10.0.0.1", &[("x-forwarded-for", value)]), None, "{value}");
        }
        for value in ["for=unknown", "by=198.51.100.1", "for=", "198.51.100.1"] {
            assert_eq!(of("10.0.0.1", &[("forwarded", value)]), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_parsed_without_panic(value in "[ -~]{0,60}", other in "[ -~]{0,60}") {
            let _ = of("10.0.0.1", &[("x-forwarded-for", &value), ("forwarded", &other)]);
            let _ = of("10.0.0.1", &[("forwarded", &format!("for={value}"))]);
        }
    }
}
