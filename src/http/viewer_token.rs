//! Viewer tokens and publish tokens. A token permits watching one private stream, or publishing to one stream, until it
//! expires. It is verified with a key and stored nowhere, so replicas with the same keys accept each other's tokens.
//!
//! ```text
//! v1, or p1 to publish.{expiry, in seconds since 1970}.{stream}.{HMAC-SHA256 of all before, base64url}
//! ```

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::base::secret::{MASK, Secret};
use crate::base::timeline::UnixTime;
use crate::definition::spec::StreamName;

/// Maximum length of a token: version, 20 digits, name, 43 letters and the dots.
const MAX_LENGTH: usize = 132;
/// Lengths of a key in characters. 16 cannot be guessed; more than a line is a mistake.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=1024;
/// Limit of keys. Each is tried at each request; two are enough to replace a key.
const MAX_KEYS: usize = 8;

/// Keys of viewer tokens. The first signs tokens; all verify them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Vec<Secret>);

/// What a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To watch the stream.
    Watch,
    /// To publish to the stream.
    Publish,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No key has signed the token, or it is for another stream or purpose.
    Bad,
    /// The token has expired.
    Expired,
}

impl Keys {
    /// The rule of [`Self::parse`].
    pub const ALLOWED: &str = "must be 1 to 8 lines, each a key of 16 to 1024 visible ASCII characters without blanks";

    /// Parses keys, one a line. `None` if a key is invalid or the number of keys is not allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let is_key = |line: &&str| {
            KEY_LENGTHS.contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_graphic()) && *line != MASK
        };
        let fits = (1..=MAX_KEYS).contains(&lines.len()) && lines.iter().all(is_key);
        fits.then(|| Self(lines.into_iter().map(|line| Secret::new(line.to_owned())).collect()))
    }

    /// A token for `stream` that expires at `expires`, cut to seconds. It needs no escaping in a URL.
    pub fn sign(&self, purpose: Purpose, stream: &StreamName, expires: UnixTime) -> String {
        let signed_part = format!("{}.{}.{stream}", purpose.version(), expires.as_secs());
        let mac = mac(&self.0[0], &signed_part);
        format!("{signed_part}.{mac}")
    }

    /// Verifies a token for `stream` and returns when it expires. The duration of a refusal leaks nothing about the
    /// signature.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(
        &self,
        token: &str,
        (purpose, stream): (Purpose, &StreamName),
        now: UnixTime,
    ) -> Result<UnixTime, Refusal> {
        let (signed_part, signature) =
            token.rsplit_once('.').filter(|_| token.len() <= MAX_LENGTH).ok_or(Refusal::Bad)?;
        let same = |key: &Secret| mac(key, signed_part).as_bytes().ct_eq(signature.as_bytes());
        let signed: bool = self.0.iter().fold(Choice::from(0), |signed, key| signed | same(key)).into();
        let expires = expiry(signed_part, (purpose, stream)).filter(|_| signed).ok_or(Refusal::Bad)?;
        match expires > now {
            true => Ok(expires),
            false => Err(Refusal::Expired),
        }
    }
}

impl Purpose {
    /// Version of the token format, which is signed too.
    const fn version(self) -> &'static str {
        match self {
            Self::Watch => "v1",
            Self::Publish => "p1",
        }
    }
}

fn mac(key: &Secret, signed_part: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed_part.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

fn expiry(signed_part: &str, (purpose, stream): (Purpose, &StreamName)) -> Option<UnixTime> {
    let rest = signed_part.strip_prefix(purpose.version())?.strip_prefix('.')?;
    let (seconds, name) = rest.split_once('.')?;
    let seconds: u64 = seconds.parse().ok().filter(|_| name == stream.as_str())?;
    Some(UnixTime::default() + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixTime = UnixTime::from_millis(1_795_255_200_000);

    fn keys(text: &str) -> Keys {
        Keys::parse(text).unwrap()
    }

    fn one() -> Keys {
        keys("0123456789abcdef")
    }

    fn name(text: &str) -> StreamName {
        StreamName::parse(text).unwrap()
    }

    fn hour() -> UnixTime {
        NOW + Duration::from_secs(3600)
    }

    #[test]
    fn a_token_is_valid_for_its_stream_until_it_expires() {
        let token = one().sign(Purpose::Watch, &name("test"), hour());
        insta::assert_snapshot!(token, @"v1.1795258800.test.j0-6iTE4G_L6YR8iJCo3pU6pgFi9_KLZucLoy8DeJ8w");
        let check = |stream: &str, now| one().verify(&token, (Purpose::Watch, &name(stream)), now);
        assert_eq!(check("test", NOW), Ok(hour()));
        assert_eq!(check("test", hour().saturating_sub(Duration::from_millis(1))), Ok(hour()));
        assert_eq!(check("test", hour()), Err(Refusal::Expired));
        assert_eq!((check("tes", NOW), check("other", NOW)), (Err(Refusal::Bad), Err(Refusal::Bad)));
    }

    #[test]
    fn a_token_has_one_purpose() {
        let purposes = [Purpose::Watch, Purpose::Publish];
        for (purpose, other) in purposes.into_iter().zip(purposes.into_iter().rev()) {
            let token = one().sign(purpose, &name("test"), hour());
            assert_eq!(one().verify(&token, (purpose, &name("test")), NOW), Ok(hour()));
            assert_eq!(one().verify(&token, (other, &name("test")), NOW), Err(Refusal::Bad));
        }
    }

    #[test]
    fn the_longest_token_fits() {
        let name = name(&"x".repeat(63));
        let forever = UnixTime::from_nanos(u64::MAX);
        let token = one().sign(Purpose::Watch, &name, forever);
        assert!(
            token.len() <= MAX_LENGTH && one().verify(&token, (Purpose::Watch, &name), NOW).is_ok(),
            "{}",
            token.len()
        );
    }

    #[test]
    fn keys_are_replaced_without_a_gap() {
        let (old, both, new) = (one(), keys("fedcba9876543210\n0123456789abcdef\n"), keys("fedcba9876543210"));
        let check = |signer: &Keys, verifier: &Keys| {
            verifier
                .verify(&signer.sign(Purpose::Watch, &name("test"), hour()), (Purpose::Watch, &name("test")), NOW)
                .is_ok()
        };
        assert!(check(&old, &both) && check(&both, &new) && check(&new, &both));
        assert!(!check(&old, &new) && !check(&both, &old));
    }

    #[test]
    fn invalid_keys_are_refused_and_no_key_is_printed() {
        let long = "x".repeat(1025);
        let many = "0123456789abcdef\n".repeat(9);
        for wrong in ["", " \n", "short", "0123456789 abcdef", "0123456789abcdéf", &long, &many, "0123456789abcdef\nx"]
        {
            assert_eq!(Keys::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{:?}", one()).contains("0123"));
    }

    proptest! {
        #[test]
        fn an_arbitrary_text_is_not_a_valid_token(text in "\\PC{0,140}", bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
            for text in [text.as_str(), &String::from_utf8_lossy(&bytes)] {
                prop_assert_eq!(one().verify(text, (Purpose::Watch, &name("test")), NOW), Err(Refusal::Bad));
            }
        }

        #[test]
        fn a_token_with_one_changed_letter_is_invalid(place in 0usize..60, letter in "[A-Za-z0-9._-]") {
            let token = one().sign(Purpose::Watch, &name("test"), hour());
            let place = place % token.len();
            let mut other = token.clone();
            other.replace_range(place..=place, &letter);
            let found = one().verify(&other, (Purpose::Watch, &name("test")), NOW);
            prop_assert_eq!(found, if other == token { Ok(hour()) } else { Err(Refusal::Bad) });
        }
    }
}
