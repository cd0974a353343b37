//! Networks, and lists of them that say from where something may be had.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Prefix of the IPv6 addresses that stand for IPv4 ones (RFC 4291 2.5.5.2).
const MAPPED: u8 = 96;

/// One address, or all that begin alike. IPv4 addresses in the form of IPv6 are IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// A text is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an address or a network such as 192.0.2.0/24 or 2001:db8::/32")]
pub struct NotANetwork;

/// Who is let in, and who is kept out all the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lists {
    /// Only these, or everybody if there is none.
    pub allow: Vec<Network>,
    /// None of these.
    pub deny: Vec<Network>,
}

impl Network {
    /// Whether an address is one of these.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    /// Reads an address or a network; bits behind its prefix do not count.
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
    /// Whether nobody is kept out.
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether an address is let in.
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
    fn a_network_is_shown_as_what_it_is() {
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
    fn deny_wins_and_an_empty_allow_is_everybody() {
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
        fn what_is_shown_is_read_as_the_same(bits in any::<u128>(), prefix in 0u8..=128) {
            let network: Network = format!("{}/{prefix}", std::net::Ipv6Addr::from(bits)).parse().unwrap();
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }
    }
}
