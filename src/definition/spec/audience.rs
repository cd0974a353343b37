//! Who may watch a stream, and from where.

use super::SpecError;
use super::refusal::{one_of, refuse};
use crate::base::network::{Lists, Network};

/// Longer lists belong to a firewall.
pub(super) const MAX_NETWORKS: usize = 32;

/// Who may watch. Nothing of it changes what is published.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    /// Whether it takes a viewer token.
    pub access: Access,
    /// From where.
    pub lists: Lists,
}

/// Whether everybody may watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Everybody.
    #[default]
    Public,
    /// Whoever has a viewer token.
    Private,
}

impl Audience {
    pub(super) fn check(access: &str, allow: &[String], deny: &[String]) -> Result<Self, SpecError> {
        let access = one_of("access", access, Access::parse(access), Access::WORDS)?;
        let lists = Lists { allow: networks("allow", allow)?, deny: networks("deny", deny)? };
        Ok(Self { access, lists })
    }

    /// Whether it takes a viewer token to watch.
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
