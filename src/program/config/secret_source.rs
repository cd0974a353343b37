//! What is secret: said in the environment or the file, or kept in a file of its own.

use std::path::{Path, PathBuf};

use super::{ConfigError, refused};
use crate::base::secret::Secret;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretSource {
    /// Here.
    Inline(Secret),
    /// In this file.
    File(PathBuf),
}

impl SecretSource {
    /// Where the secret `key` is, of which only one place may be named; what is said is checked now.
    pub(super) fn find(
        key: &str,
        (said, file): (Option<Secret>, Option<PathBuf>),
        check: impl Fn(&str, &str) -> Result<(), ConfigError>,
    ) -> Result<Option<Self>, ConfigError> {
        match (said, file) {
            (None, None) => Ok(None),
            (None, Some(path)) => Ok(Some(Self::File(path))),
            (Some(secret), None) => {
                check(secret.reveal(), key)?;
                Ok(Some(Self::Inline(secret)))
            }
            (Some(_), Some(_)) => Err(refused(&format!("{key}_file"), format!("must not be set beside {key}"))),
        }
    }

    /// The secret as it stands, and the place to name where it is wrong.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub(super) fn text(&self, key: &str) -> Result<(String, String), ConfigError> {
        match self {
            Self::Inline(secret) => Ok((secret.reveal().to_owned(), key.to_owned())),
            Self::File(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|why| ConfigError::Read { path: path.to_owned(), why })?;
                Ok((text, format!("{key}_file: {}", path.display())))
            }
        }
    }

    pub(super) fn said(&self) -> Option<&Secret> {
        match self {
            Self::Inline(secret) => Some(secret),
            Self::File(_) => None,
        }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Inline(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

/// What the environment says. There is no flag for a secret, which everybody on the machine could see.
pub(super) fn from_environment(variable: &str) -> Option<Secret> {
    // What is not UTF-8 is refused later, as it is no secret.
    std::env::var_os(variable).map(|secret| Secret::new(secret.to_string_lossy().into_owned()))
}
