//! `node.json`: who owns the data directory. Read before anything else in it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tollgate_protocol::Millis;

use crate::Error;
use crate::snapshot_file::{OWNER_ONLY, write_durably};

/// The newest layout of a data directory that this release reads and writes.
const FORMAT: u32 = 1;
const FILE: &str = "node.json";
/// Present when the cluster removed the node that the directory belongs to.
const REMOVED_FILE: &str = "removed.json";

/// Who owns a data directory. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The layout of the directory.
    pub format: u32,
    /// The cluster, 32 hexadecimal digits.
    pub cluster_id: String,
    /// The node in it.
    pub node_id: u64,
    /// When it was made.
    pub created: Millis,
}

impl Identity {
    /// The id of the node that makes a cluster.
    pub const FIRST_NODE: u64 = 1;

    /// The identity of a new cluster's first node.
    #[must_use]
    pub fn first(cluster_id: String, created: Millis) -> Self {
        Self {
            format: FORMAT,
            cluster_id,
            node_id: Self::FIRST_NODE,
            created,
        }
    }

    /// Reads it; `None` when the directory has none.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(Error::Io {
                    operation: "read",
                    path,
                    source,
                });
            }
        };
        let header: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| Error::Corrupt {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        let format = header
            .get("format")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0);
        let found = u32::try_from(format).unwrap_or(u32::MAX);
        if found > FORMAT {
            return Err(Error::Newer {
                path,
                found,
                supported: FORMAT,
            });
        }
        serde_json::from_value(header)
            .map(Some)
            .map_err(|error| Error::Corrupt {
                path,
                reason: error.to_string(),
            })
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|error| Error::Corrupt {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        write_durably(&path, OWNER_ONLY, &text)
    }
}

/// Marks a data directory as one whose node the cluster removed: it is never started again.
///
/// # Errors
/// [`Error::Io`].
pub fn mark_removed(dir: &Path, at: Millis) -> Result<(), Error> {
    let path = dir.join(REMOVED_FILE);
    let text = serde_json::json!({"removedMs": at.0}).to_string();
    write_durably(&path, OWNER_ONLY, text.as_bytes())
}

/// Whether [`mark_removed`] was called for a data directory.
///
/// # Errors
/// [`Error::Io`] when that cannot be found out.
pub fn is_removed(dir: &Path) -> Result<bool, Error> {
    exists(dir.join(REMOVED_FILE))
}

/// Whether a directory belongs to a node.
///
/// # Errors
/// [`Error::Io`] when that cannot be found out.
pub fn has_identity(dir: &Path) -> Result<bool, Error> {
    exists(dir.join(FILE))
}

/// Whether there is such a file. One that may not be looked for is not absent: a node would begin
/// anew beside its own log.
///
/// # Errors
/// [`Error::Io`] when that cannot be found out.
pub fn exists(path: PathBuf) -> Result<bool, Error> {
    path.try_exists().map_err(|source| Error::Io {
        operation: "look for",
        path,
        source,
    })
}
