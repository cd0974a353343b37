//! The API token, where one is configured.

use std::path::PathBuf;

use super::secret_source::SecretSource;
use super::{ConfigError, refused};
use crate::base::secret::{MASK, Secret};

const KEY: &str = "api_token";
pub(super) const VARIABLE: &str = "BARSTONE_API_TOKEN";
/// Fits into a header many times.
const LONGEST: usize = 1024;

/// Where the token is; in a file with nothing but blanks around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken(pub(super) SecretSource);

impl ApiToken {
    /// The token itself.
    ///
    /// # Errors
    /// If its file cannot be read, or has no token.
    pub fn read(&self) -> Result<String, ConfigError> {
        let (text, place) = self.0.text(KEY)?;
        check(text.trim(), &place)?;
        Ok(text.trim().to_owned())
    }
}

pub(super) fn api_token(said: Option<Secret>, file: Option<PathBuf>) -> Result<Option<ApiToken>, ConfigError> {
    Ok(SecretSource::find(KEY, (said, file), check)?.map(ApiToken))
}

/// What is shown in its place is not a token either.
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
