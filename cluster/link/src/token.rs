//! Join tokens: the right to join, the secret that proves it, and how to recognise the cluster.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use crate::pin::{Pin, sha256};
use crate::random;

const PREFIX: &str = "tg1";
/// Hashed before the secret, so that the hash means nothing elsewhere.
const PURPOSE: &[u8] = b"tollgate join token 1\0";

/// Names a token: under it the cluster keeps hash, expiry and uses. Public.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub [u8; 8]);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The secret of a token: 256 random bits. Sent once, inside the pinned connection; never stored.
#[derive(Clone)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// What the cluster stores. One SHA-256 is enough: 256 random bits cannot be guessed, so that
    /// a slow hash would slow nobody but us.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(sha256(&[PURPOSE, &self.0]))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The hash of a token's secret. Not comparable by `==`: only [`SecretHash::matches`] takes the
/// same time whatever it finds.
#[derive(Clone, Copy)]
pub struct SecretHash(pub [u8; 32]);

impl SecretHash {
    /// Whether this is the hash of `secret`, in constant time.
    #[must_use]
    pub fn matches(&self, secret: &Secret) -> bool {
        self.0.ct_eq(&secret.hash().0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

/// A join token: `tg1.{id}.{secret}.{pin}`, each part base64url without padding (RFC 4648,
/// section 5). `Display` prints the secret, `Debug` does not.
#[derive(Clone)]
pub struct JoinToken {
    /// Its name.
    pub id: TokenId,
    /// What proves the right to join.
    pub secret: Secret,
    /// How to recognise the cluster.
    pub pin: Pin,
}

impl JoinToken {
    /// A new token for the cluster of this authority.
    #[must_use]
    pub fn generate(pin: Pin) -> Self {
        Self {
            id: TokenId(random::bytes()),
            secret: Secret(random::bytes()),
            pin,
        }
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = URL_SAFE_NO_PAD.encode(self.secret.0);
        let pin = URL_SAFE_NO_PAD.encode(self.pin.0);
        write!(f, "{PREFIX}.{}.{secret}.{pin}", self.id)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Why a text is no join token. None of them quotes it: it may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not begin with the mark of a token.
    #[error("a join token begins with tg1.")]
    NotAToken,
    /// It begins with `tg` and another number.
    #[error("the join token is of a newer release")]
    Newer,
    /// It has too few or too many parts.
    #[error("a join token has 4 parts between dots, this one has {0}; is it cut short?")]
    Parts(usize),
    /// A part is not base64url of the right length.
    #[error("the {part} of the join token is damaged: it is base64url of {bytes} bytes")]
    Part {
        /// Which one.
        part: &'static str,
        /// How many bytes it stands for.
        bytes: usize,
    },
}

fn part<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], Error> {
    let damaged = Error::Part {
        part: name,
        bytes: N,
    };
    // Before decoding, so that no long text is decoded into memory.
    if text.len() != (N * 4).div_ceil(3) {
        return Err(damaged);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged)?;
    bytes.try_into().map_err(|_| damaged)
}

impl FromStr for JoinToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let newer = text
            .strip_prefix("tg")
            .and_then(|rest| rest.split('.').next())
            .is_some_and(|number| number != "1" && number.parse::<u32>().is_ok());
        if newer {
            return Err(Error::Newer);
        }
        let rest = text.strip_prefix(PREFIX).and_then(|t| t.strip_prefix('.'));
        let rest = rest.ok_or(Error::NotAToken)?;
        let mut parts = rest.split('.');
        let (Some(id), Some(secret), Some(pin), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Error::Parts(1 + rest.split('.').count()));
        };
        Ok(Self {
            id: TokenId(part("id", id)?),
            secret: Secret(part("secret", secret)?),
            pin: Pin(part("pin", pin)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_no_changed_character_goes_unnoticed() {
        let token = JoinToken::generate(Pin([7; 32]));
        let text = token.to_string();
        let read: JoinToken = format!(" {text}\n").parse().unwrap();
        assert_eq!(read.to_string(), text);
        assert!(token.secret.hash().matches(&read.secret));
        for at in 0..text.len() {
            for other in ["A", "z", "_", ".", "="] {
                let mut changed = text.clone();
                changed.replace_range(at..=at, other);
                if changed == text {
                    continue;
                }
                let Ok(read) = changed.parse::<JoinToken>() else {
                    continue;
                };
                let same = read.id == token.id
                    && read.pin == token.pin
                    && token.secret.hash().matches(&read.secret);
                assert!(!same, "{at} {other}");
            }
            assert!(text[..at].parse::<JoinToken>().is_err());
        }
    }

    #[test]
    fn errors_say_what_is_wrong_with_a_token() {
        let text = JoinToken::generate(Pin([7; 32])).to_string();
        let error = |text: &str| text.parse::<JoinToken>().unwrap_err();
        assert_eq!(error(""), Error::NotAToken);
        assert_eq!(error("secret"), Error::NotAToken);
        assert_eq!(error(&text.replacen("tg1", "tg2", 1)), Error::Newer);
        assert_eq!(error("tg1.a.b"), Error::Parts(3));
        assert_eq!(error(&format!("{text}.x")), Error::Parts(5));
        let cut = &text[..text.len() - 1];
        let bytes = 32;
        assert_eq!(error(cut), Error::Part { part: "pin", bytes });
        let long = format!("tg1.{}.b.c", "A".repeat(1 << 20));
        assert_eq!(
            error(&long),
            Error::Part {
                part: "id",
                bytes: 8
            }
        );
    }

    #[test]
    fn secrets_stay_out_of_debug() {
        let token = JoinToken::generate(Pin([7; 32]));
        let shown = format!("{token:?} {:?} {:?}", token.secret, token.secret.hash());
        assert!(!shown.contains(&URL_SAFE_NO_PAD.encode(token.secret.0)));
        assert!(shown.contains(&token.id.to_string()));
    }

    #[test]
    fn a_hash_matches_its_secret_only() {
        let hash = Secret([1; 32]).hash();
        assert!(hash.matches(&Secret([1; 32])));
        assert!(!hash.matches(&Secret([2; 32])));
    }
}
