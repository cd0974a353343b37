//! Who may watch a stream, and from which networks.

use super::SpecError;
use super::refusal::{one_of, refuse};
use crate::base::network::{Lists, Network};

/// Limit of each list. A longer list belongs in a firewall.
pub(super) const MAX_NETWORKS: usize = 32;

/// Who may watch a stream. No field changes the published bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    /// Whether viewers need a viewer token.
    pub access: Access,
    /// Networks that may and may not watch.
    pub lists: Lists,
}

/// Whether a stream is public or private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Everyone may watch.
    #[default]
    Public,
    /// Only clients with a viewer token may watch.
    Private,
}

impl Audience {
    pub(super) fn check(access: &str, allow: &[String], deny: &[String]) -> Result<Self, SpecError> {
        let access = one_of("access", access, Access::parse(access), Access::WORDS)?;
        let lists = Lists { allow: networks("allow", allow)?, deny: networks("deny", deny)? };
        Ok(Self { access, lists })
    }

    /// Whether viewers need a viewer token.
    pub fn is_private(&self) -> bool {
        self.access == Access::Private
    }
}

fn networks(key: &str, texts: &[String]) -> Result<Vec<Network>, SpecError> {
    if texts.len() > MAX_NETWORKS {
        return refuse(key, format!("must have at most {MAX_NETWORKS} networks, not {}", texts.len()));
    }
    let read = |(index, text): (usize, &String)| {
        text.parse().or_else(|error| refuse(format!("{key}[{index}]"), format!("{error}; not {text:?}")))
    };
    texts.iter().enumerate().map(read).collect()
}
