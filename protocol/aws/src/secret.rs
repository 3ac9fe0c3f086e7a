//! A value that must not be printed.

use core::fmt;
use std::sync::Arc;

/// A secret access key. It is cheap to clone and hides itself in `Debug`.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: impl Into<Arc<str>>) -> Self {
        Self(secret.into())
    }

    /// The secret itself. Every call of this is a place to review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same text, in a time that depends on the lengths only.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("wJalrXUtnFEMI");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(secret.same(&Secret::new("wJalrXUtnFEMI")));
        assert!(!secret.same(&Secret::new("wJalrXUtnFEMi")));
        assert!(!secret.same(&Secret::new("")));
    }
}
