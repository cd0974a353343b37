//! A text that is masked when it is printed, logged or serialized.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny};
use serde::ser::{Serialize, Serializer};

/// Text in place of a secret.
pub const MASK: &str = "***";

/// A secret text. `Debug`, `Display` and `Serialize` mask it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for signing and comparing only.
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
    /// Reports a value of another type without quoting it, which the error of `String` would.
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
