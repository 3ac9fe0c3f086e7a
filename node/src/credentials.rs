//! The root access key: made at the first start, kept in the data directory, readable by its owner
//! only.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// The file in the data directory.
pub const FILE: &str = "root-key.json";

/// The root access key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RootKey {
    /// The access key id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RootKey")
            .field("id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot use {FILE} in the data directory")]
    Io(#[from] std::io::Error),
    /// The file cannot be written.
    #[error("cannot keep {FILE} in the data directory")]
    Store(#[from] tollgate_store::Error),
    /// The file does not hold a key.
    #[error("{FILE} in the data directory does not hold an access key")]
    Malformed(#[from] serde_json::Error),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
}

/// The key of a data directory, made when there is none; says whether it is new.
///
/// # Errors
/// [`Error`].
pub fn load_or_make(dir: &Path) -> Result<(RootKey, bool), Error> {
    if let Some(key) = load(dir)? {
        return Ok((key, false));
    }
    let key = RootKey::random()?;
    store(dir, &key.to_bytes())?;
    Ok((key, true))
}

/// The key of a data directory; `None` when there is none.
///
/// # Errors
/// [`Error`].
pub fn load(dir: &Path) -> Result<Option<RootKey>, Error> {
    match std::fs::read(dir.join(FILE)) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl RootKey {
    /// A new one.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn random() -> Result<Self, Error> {
        let id = random_text(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?;
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        Ok(Self {
            access_key_id: format!("AKIA{id}"),
            secret_access_key: random_text(40, alphabet)?,
        })
    }

    /// As it is kept, and given to nodes that join.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Two strings always become JSON.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// Keeps a key that another node gave, in the form of [`RootKey::to_bytes`].
///
/// # Errors
/// [`Error`].
pub fn store(dir: &Path, bytes: &[u8]) -> Result<(), Error> {
    serde_json::from_slice::<RootKey>(bytes)?;
    Ok(tollgate_store::write_durably(
        &dir.join(FILE),
        0o600,
        bytes,
    )?)
}

/// Random characters of an alphabet whose size is a power of two, so that none is likelier.
fn random_text(length: usize, alphabet: &[u8]) -> Result<String, Error> {
    debug_assert!(alphabet.len().is_power_of_two());
    let mut bytes = vec![0; length];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    let pick = |byte: &u8| char::from(alphabet[usize::from(*byte) % alphabet.len()]);
    Ok(bytes.iter().map(pick).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let (first, new) = load_or_make(dir.path()).unwrap();
        assert!(new && first.access_key_id.len() == 20 && first.secret_access_key.len() == 40);
        let mode = std::fs::metadata(dir.path().join(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(load_or_make(dir.path()).unwrap(), (first.clone(), false));
        assert!(!format!("{first:?}").contains(&first.secret_access_key));
    }
}
