//! Viewer tokens: who has one may watch one private stream until it expires. A token is checked by whoever has the
//! key, so that every replica takes those of every other, and none is kept.
//!
//! ```text
//! v1.{expiry, in seconds since 1970}.{stream}.{HMAC-SHA256 of all before, base64url}
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

/// The form of a token, and of what is signed.
const VERSION: &str = "v1";
/// The longest that there is: version, twenty digits, name, 43 letters and the dots.
const LONGEST: usize = 132;
/// Nobody guesses this many characters, and more than a line holds is a mistake.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=1024;
/// Each key is tried for each request; two are enough to change from one to the other.
const MOST_KEYS: usize = 8;

/// Keys, of which the first signs and each verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Vec<Secret>);

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// None of the keys has signed it, or it is for another stream.
    Bad,
    /// It was good until now.
    Expired,
}

impl Keys {
    /// What [`Self::parse`] takes.
    pub const ALLOWED: &str = "must be 1 to 8 lines, each a key of 16 to 1024 visible ASCII characters without blanks";

    /// Reads keys, one a line; `None` if one is none, or there are too many or too few.
    pub fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let is_key = |line: &&str| {
            KEY_LENGTHS.contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_graphic()) && *line != MASK
        };
        let fits = (1..=MOST_KEYS).contains(&lines.len()) && lines.iter().all(is_key);
        fits.then(|| Self(lines.into_iter().map(|line| Secret::new(line.to_owned())).collect()))
    }

    /// A token for `stream` until `expires`, which is cut to seconds. It has no character that a URL has to escape.
    pub fn sign(&self, stream: &StreamName, expires: UnixTime) -> String {
        let said = format!("{VERSION}.{}.{stream}", expires.as_secs());
        let mac = mac(&self.0[0], &said);
        format!("{said}.{mac}")
    }

    /// When a token for `stream` expires, which is after `now`. How long it takes to refuse a text tells nothing of how
    /// much of its signature is right.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&self, token: &str, stream: &StreamName, now: UnixTime) -> Result<UnixTime, Refusal> {
        let (said, sent) = token.rsplit_once('.').filter(|_| token.len() <= LONGEST).ok_or(Refusal::Bad)?;
        let same = |key: &Secret| mac(key, said).as_bytes().ct_eq(sent.as_bytes());
        let signed: bool = self.0.iter().fold(Choice::from(0), |signed, key| signed | same(key)).into();
        let expires = expiry(said, stream).filter(|_| signed).ok_or(Refusal::Bad)?;
        match expires > now {
            true => Ok(expires),
            false => Err(Refusal::Expired),
        }
    }
}

fn mac(key: &Secret, said: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(said.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

fn expiry(said: &str, stream: &StreamName) -> Option<UnixTime> {
    let rest = said.strip_prefix(VERSION)?.strip_prefix('.')?;
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
    fn a_token_is_good_for_its_stream_until_it_expires() {
        let token = one().sign(&name("test"), hour());
        insta::assert_snapshot!(token, @"v1.1795258800.test.j0-6iTE4G_L6YR8iJCo3pU6pgFi9_KLZucLoy8DeJ8w");
        let check = |stream: &str, now| one().verify(&token, &name(stream), now);
        assert_eq!(check("test", NOW), Ok(hour()));
        assert_eq!(check("test", hour().saturating_sub(Duration::from_millis(1))), Ok(hour()));
        assert_eq!(check("test", hour()), Err(Refusal::Expired));
        assert_eq!((check("tes", NOW), check("other", NOW)), (Err(Refusal::Bad), Err(Refusal::Bad)));
    }

    #[test]
    fn the_longest_token_fits() {
        let name = name(&"x".repeat(63));
        let forever = UnixTime::from_nanos(u64::MAX);
        let token = one().sign(&name, forever);
        assert!(token.len() <= LONGEST && one().verify(&token, &name, NOW).is_ok(), "{}", token.len());
    }

    #[test]
    fn keys_change_without_a_gap() {
        let (old, both, new) = (one(), keys("fedcba9876543210\n0123456789abcdef\n"), keys("fedcba9876543210"));
        let check = |signer: &Keys, verifier: &Keys| {
            verifier.verify(&signer.sign(&name("test"), hour()), &name("test"), NOW).is_ok()
        };
        assert!(check(&old, &both) && check(&both, &new) && check(&new, &both));
        assert!(!check(&old, &new) && !check(&both, &old));
    }

    #[test]
    fn what_is_no_key_is_refused_and_no_key_is_shown() {
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
        fn no_other_text_is_a_token(text in "\\PC{0,140}", bytes in proptest::collection::vec(any::<u8>(), 0..140)) {
            for text in [text.as_str(), &String::from_utf8_lossy(&bytes)] {
                prop_assert_eq!(one().verify(text, &name("test"), NOW), Err(Refusal::Bad));
            }
        }

        #[test]
        fn a_token_with_one_other_letter_is_none(place in 0usize..60, letter in "[A-Za-z0-9._-]") {
            let token = one().sign(&name("test"), hour());
            let place = place % token.len();
            let mut other = token.clone();
            other.replace_range(place..=place, &letter);
            let found = one().verify(&other, &name("test"), NOW);
            prop_assert_eq!(found, if other == token { Ok(hour()) } else { Err(Refusal::Bad) });
        }
    }
}
