//! Networks, and lists of networks that may or may not access something.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Prefix length of IPv4-mapped IPv6 addresses (RFC 4291 2.5.5.2).
const MAPPED: u8 = 96;
/// Prefix length of the IPv6 network of one subscriber (RFC 6177).
const SUBSCRIBER: u32 = 64;

/// An address or a network. An IPv4-mapped IPv6 address counts as the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Error of a text that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an address or a network such as 192.0.2.0/24 or 2001:db8::/32")]
pub struct NotANetwork;

/// Networks that are admitted or refused. `deny` wins over `allow`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lists {
    /// Networks that are admitted; empty admits all.
    pub allow: Vec<Network>,
    /// Networks that are refused.
    pub deny: Vec<Network>,
}

/// What addresses of one subscriber have in common: an IPv4 address, or the beginning of an IPv6 address.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> SUBSCRIBER << SUBSCRIBER).into(),
    }
}

impl Network {
    /// Whether `address` belongs to this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    /// Parses an address or a network. Bits after the prefix are ignored.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let network = network.ok_or(NotANetwork)?.trunc();
        let mapped = match network {
            IpNet::V6(wide) if wide.prefix_len() >= MAPPED => {
                wide.addr().to_ipv4_mapped().and_then(|v4| Ipv4Net::new(v4, wide.prefix_len() - MAPPED).ok())
            }
            IpNet::V4(_) | IpNet::V6(_) => None,
        };
        Ok(Self(mapped.map_or(network, IpNet::V4)))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() == self.0.max_prefix_len() {
            true => self.0.addr().fmt(f),
            false => self.0.fmt(f),
        }
    }
}

impl Lists {
    /// Whether all addresses are admitted.
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether `address` is admitted.
    pub fn admit(&self, address: IpAddr) -> bool {
        let has = |list: &[Network]| list.iter().any(|network| network.contains(address));
        !has(&self.deny) && (self.allow.is_empty() || has(&self.allow))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_network_is_printed_in_canonical_form() {
        for (text, shown) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("192.0.2.1/24", "192.0.2.0/24"),
            ("2001:DB8::1/32", "2001:db8::/32"),
            ("::1", "::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(text.parse::<Network>().map(|network| network.to_string()), Ok(shown.into()), "{text}");
        }
        for wrong in ["", "here", "192.0.2", "192.0.2.1/33", "192.0.2.1/", "::1/129", "/24", "192.0.2.1 ", "[::1]"] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
    }

    #[test]
    fn deny_wins_and_an_empty_allow_admits_everyone() {
        let check = |allow: &[&str], deny: &[&str], address: &str| {
            Lists { allow: list(allow), deny: list(deny) }.admit(address.parse().unwrap())
        };
        assert!(check(&[], &[], "192.0.2.1") && check(&[], &["192.0.2.2"], "192.0.2.1"));
        assert!(check(&["192.0.2.0/24"], &[], "192.0.2.1") && !check(&["192.0.2.0/24"], &[], "198.51.100.1"));
        assert!(!check(&["192.0.2.0/24"], &["192.0.2.1"], "192.0.2.1"));
        assert!(!check(&[], &["192.0.2.0/24"], "::ffff:192.0.2.1"), "the form does not matter");
        assert!(check(&["::ffff:192.0.2.0/120"], &[], "192.0.2.9"));
        assert!(check(&["2001:db8::/32"], &[], "2001:db8::9") && !check(&["2001:db8::/32"], &[], "192.0.2.1"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = text.parse::<Network>();
        }

        #[test]
        fn a_printed_network_parses_to_the_same_network(bits in any::<u128>(), prefix in 0u8..=128) {
            let network: Network = format!("{}/{prefix}", std::net::Ipv6Addr::from(bits)).parse().unwrap();
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }
    }
}
