//! The configured keys of viewer tokens.

use std::path::PathBuf;

use super::secret_source::SecretSource;
use super::{ConfigError, refused};
use crate::base::secret::Secret;
use crate::http::viewer_token::Keys;

const KEY: &str = "viewer_key";
/// Environment variable that contains the key.
pub const VIEWER_KEY_VARIABLE: &str = "BARSTONE_VIEWER_KEY";

/// Source of the keys, one a line. The first key signs viewer tokens; all keys verify them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewerKey(pub(super) SecretSource);

impl ViewerKey {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read or contains anything but keys.
    pub fn read(&self) -> Result<Keys, ConfigError> {
        let (text, place) = self.0.text(KEY)?;
        keys(&text, &place)
    }
}

pub(super) fn viewer_key(inline: Option<Secret>, file: Option<PathBuf>) -> Result<Option<ViewerKey>, ConfigError> {
    let check = |text: &str, place: &str| keys(text, place).map(drop);
    Ok(SecretSource::find(KEY, (inline, file), check)?.map(ViewerKey))
}

fn keys(text: &str, place: &str) -> Result<Keys, ConfigError> {
    Keys::parse(text).ok_or_else(|| refused(place, Keys::ALLOWED))
}
