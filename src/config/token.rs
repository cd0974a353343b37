//! The token that changes need, where one is configured.

use std::path::{Path, PathBuf};

use super::{ConfigError, refused};
use crate::secret::{MASK, Secret};

/// The variable that has it; there is no flag, which everybody on the machine could see.
const VARIABLE: &str = "BARSTONE_API_TOKEN";
/// Fits into a header many times.
const LONGEST: usize = 1024;

/// Where the token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiToken {
    /// Here.
    Said(Secret),
    /// In this file, with nothing but blanks around it.
    In(PathBuf),
}

impl ApiToken {
    /// The token itself.
    ///
    /// # Errors
    /// If its file cannot be read, or has no token.
    pub fn read(&self) -> Result<String, ConfigError> {
        match self {
            Self::Said(token) => Ok(token.reveal().to_owned()),
            Self::In(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|why| ConfigError::Read { path: path.to_owned(), why })?;
                let place = format!("api_token_file: {}", path.display());
                check(text.trim(), &place).map(str::to_owned)
            }
        }
    }

    pub(super) fn said(&self) -> Option<&Secret> {
        match self {
            Self::Said(token) => Some(token),
            Self::In(_) => None,
        }
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::Said(_) => None,
            Self::In(path) => Some(path),
        }
    }
}

/// What the environment says.
pub(super) fn from_environment() -> Option<Secret> {
    // What is not UTF-8 is refused later, as it is no token.
    std::env::var_os(VARIABLE).map(|token| Secret::new(token.to_string_lossy().into_owned()))
}

pub(super) fn api_token(said: Option<Secret>, file: Option<PathBuf>) -> Result<Option<ApiToken>, ConfigError> {
    match (said, file) {
        (None, None) => Ok(None),
        (None, Some(path)) => Ok(Some(ApiToken::In(path))),
        (Some(token), None) => {
            check(token.reveal(), "api_token")?;
            Ok(Some(ApiToken::Said(token)))
        }
        (Some(_), Some(_)) => Err(refused("api_token_file", "not beside api_token")),
    }
}

/// What is shown in its place is not a token either.
fn check<'a>(token: &'a str, place: &str) -> Result<&'a str, ConfigError> {
    let fits = (1..=LONGEST).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    match fits && token != MASK {
        true => Ok(token),
        false => Err(refused(place, format!("1 to {LONGEST} visible ASCII characters without blanks, and not {MASK}"))),
    }
}
