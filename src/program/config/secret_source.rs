//! Secrets in the configuration: in the environment or the file itself, or in a file that it names.

use std::path::{Path, PathBuf};

use super::{ConfigError, refused};
use crate::base::secret::Secret;

/// Source of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretSource {
    /// The secret itself.
    Inline(Secret),
    /// A file that contains the secret.
    File(PathBuf),
}

impl SecretSource {
    /// The source of the secret `key`. Only one may be set. A secret in the configuration itself is checked now.
    pub(super) fn find(
        key: &str,
        (inline, file): (Option<Secret>, Option<PathBuf>),
        check: impl Fn(&str, &str) -> Result<(), ConfigError>,
    ) -> Result<Option<Self>, ConfigError> {
        match (inline, file) {
            (None, None) => Ok(None),
            (None, Some(path)) => Ok(Some(Self::File(path))),
            (Some(secret), None) => {
                check(secret.reveal(), key)?;
                Ok(Some(Self::Inline(secret)))
            }
            (Some(_), Some(_)) => Err(refused(&format!("{key}_file"), format!("must not be set beside {key}"))),
        }
    }

    /// The secret and the name of its source for error messages.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read.
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

    pub(super) fn inline(&self) -> Option<&Secret> {
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

/// The secret in an environment variable. Secrets have no flags, because other users of the machine could see them.
pub(super) fn from_environment(variable: &str) -> Option<Secret> {
    // A text that is not UTF-8 is refused later as an invalid secret.
    std::env::var_os(variable).map(|secret| Secret::new(secret.to_string_lossy().into_owned()))
}
