//! The keys of viewer tokens, where they are configured.

use std::path::PathBuf;

use super::secret_source::SecretSource;
use super::{ConfigError, refused};
use crate::base::secret::Secret;
use crate::http::viewer_token::Keys;

const KEY: &str = "viewer_key";
/// The variable that has it.
pub const VIEWER_KEY_VARIABLE: &str = "BARSTONE_VIEWER_KEY";

/// Where the keys are, one a line: the first signs, all verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewerKey(pub(super) SecretSource);

impl ViewerKey {
    /// The keys themselves.
    ///
    /// # Errors
    /// If their file cannot be read, or has others than keys.
    pub fn read(&self) -> Result<Keys, ConfigError> {
        let (text, place) = self.0.text(KEY)?;
        keys(&text, &place)
    }
}

pub(super) fn viewer_key(said: Option<Secret>, file: Option<PathBuf>) -> Result<Option<ViewerKey>, ConfigError> {
    let check = |text: &str, place: &str| keys(text, place).map(drop);
    Ok(SecretSource::find(KEY, (said, file), check)?.map(ViewerKey))
}

fn keys(text: &str, place: &str) -> Result<Keys, ConfigError> {
    Keys::parse(text).ok_or_else(|| refused(place, Keys::ALLOWED))
}
