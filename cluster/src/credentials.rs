//! A node's credentials in its data directory, below `tls/`, readable by their owner only:
//! `node.key` (PKCS#8), `node.crt` (the certificate and the authority's), `cluster.key` (opens the
//! authority's key, which every node has sealed in its log).

use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use tollgate_link::authority::{self, ClusterKey, NodeCertificate, NodeKey};

const DIR: &str = "tls";
const NODE_KEY: &str = "node.key";
const NODE_CERTIFICATE: &str = "node.crt";
const CLUSTER_KEY: &str = "cluster.key";
const FILE_MODE: u32 = 0o600;

/// What a node proves itself with.
pub(crate) struct Credentials {
    pub(crate) key: NodeKey,
    pub(crate) certificate: NodeCertificate,
    pub(crate) cluster_key: ClusterKey,
}

/// Why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file system refused.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot keep the node's credentials")]
    Store(#[from] tollgate_store::Error),
    /// A file does not hold what it should.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// No key or certificate could be made.
    #[error("cannot make the node's key")]
    Authority(#[from] authority::Error),
}

fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(DIR).join(name)
}

/// A file's bytes; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, CredentialsError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CredentialsError::Io {
            operation: "read",
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes a file for its owner's eyes, in a directory that is made when it is not there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), CredentialsError> {
    if let Some(dir) = path.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(dir).map_err(|source| CredentialsError::Io {
            operation: "make the directory of",
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(tollgate_store::write_durably(path, FILE_MODE, bytes)?)
}

/// The node's key, made when there is none: made before anything is asked with it, so that asking
/// again is asking for the same.
pub(crate) fn node_key(dir: &Path) -> Result<NodeKey, CredentialsError> {
    let path = path(dir, NODE_KEY);
    if let Some(bytes) = read(&path)? {
        return NodeKey::from_pkcs8(&bytes).map_err(|_| CredentialsError::Damaged { path });
    }
    let key = NodeKey::generate()?;
    write(&path, &key.to_pkcs8())?;
    Ok(key)
}

/// The cluster key of a directory, made when there is none. A recovered node has one and a restored
/// one may have been given it: what the old cluster sealed then opens in the new one.
pub(crate) fn cluster_key(dir: &Path) -> Result<ClusterKey, CredentialsError> {
    let path = path(dir, CLUSTER_KEY);
    let Some(bytes) = read(&path)? else {
        return Ok(ClusterKey::generate());
    };
    let bytes = bytes.try_into();
    bytes
        .map(ClusterKey::from_bytes)
        .map_err(|_| CredentialsError::Damaged { path })
}

/// Puts a cluster key into a directory, for the cluster that is going to be founded there.
pub(crate) fn keep_cluster_key(dir: &Path, key: &ClusterKey) -> Result<(), CredentialsError> {
    write(&path(dir, CLUSTER_KEY), &key.to_bytes())
}

/// Whether a directory holds a node's certificate but not what it voted for: with an empty log it
/// would vote again.
///
/// # Errors
/// When that cannot be found out.
pub fn has_lost_its_log(dir: &Path) -> Result<bool, tollgate_store::Error> {
    let certificate = tollgate_store::exists(path(dir, NODE_CERTIFICATE))?;
    Ok(certificate && !tollgate_store::has_identity(dir)?)
}

impl Credentials {
    /// What a directory holds; `None` when it has no certificate.
    pub(crate) fn load(dir: &Path) -> Result<Option<Self>, CredentialsError> {
        let damaged = |name| CredentialsError::Damaged {
            path: path(dir, name),
        };
        let Some(certificate) = read(&path(dir, NODE_CERTIFICATE))? else {
            return Ok(None);
        };
        let certificate =
            NodeCertificate::from_bytes(&certificate).map_err(|_| damaged(NODE_CERTIFICATE))?;
        let cluster_key = read(&path(dir, CLUSTER_KEY))?.and_then(|it| it.try_into().ok());
        let cluster_key = cluster_key.ok_or_else(|| damaged(CLUSTER_KEY))?;
        Ok(Some(Self {
            key: node_key(dir)?,
            certificate,
            cluster_key: ClusterKey::from_bytes(cluster_key),
        }))
    }

    /// Writes them, the certificate last: with it they are whole.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), CredentialsError> {
        write(&path(dir, NODE_KEY), &self.key.to_pkcs8())?;
        write(&path(dir, CLUSTER_KEY), &self.cluster_key.to_bytes())?;
        write(&path(dir, NODE_CERTIFICATE), &self.certificate.to_bytes()?)
    }
}
