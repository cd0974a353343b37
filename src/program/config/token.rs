//! The configured API token.

use std::path::PathBuf;

use super::secret_source::SecretSource;
use super::{ConfigError, refused};
use crate::base::secret::{MASK, Secret};

const KEY: &str = "api_token";
pub(super) const VARIABLE: &str = "BARSTONE_API_TOKEN";
/// Maximum length in bytes; several fit in the head of a request.
const LONGEST: usize = 1024;

/// Source of the API token. Whitespace around it is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken(pub(super) SecretSource);

impl ApiToken {
    /// Reads the token.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read or contains no token.
    pub fn read(&self) -> Result<String, ConfigError> {
        let (text, place) = self.0.text(KEY)?;
        check(text.trim(), &place)?;
        Ok(text.trim().to_owned())
    }
}

pub(super) fn api_token(inline: Option<Secret>, file: Option<PathBuf>) -> Result<Option<ApiToken>, ConfigError> {
    Ok(SecretSource::find(KEY, (inline, file), check)?.map(ApiToken))
}

/// A mask is not a token either.
fn check(token: &str, place: &str) -> Result<(), ConfigError> {
    let fits = (1..=LONGEST).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    match fits && token != MASK {
        true => Ok(()),
        false => Err(refused(
            place,
            format!("must be 1 to {LONGEST} visible ASCII characters without blanks, and not {MASK}"),
        )),
    }
}
