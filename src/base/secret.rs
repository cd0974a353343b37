//! A text that is shown to nobody: whatever prints, logs or serialises it gets a mask.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny};
use serde::ser::{Serialize, Serializer};

/// Stands for a secret where one is shown.
pub const MASK: &str = "***";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being shown from now on.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// For signing and comparing, and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// A value of another type is refused without quoting it, which the error of `String` would.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Found {
            Text(String),
            Other(IgnoredAny),
        }
        match Found::deserialize(deserializer)? {
            Found::Text(text) => Ok(Self(text)),
            Found::Other(_) => Err(de::Error::custom("must be a string")),
        }
    }
}
