//! The audit trail: every management call as one line of a file, each line bound to the one before.
//!
//! An [`Event`] is in the spirit of CloudTrail's record. A [`Trail`] appends events to files of a
//! bounded size and number; each line has a number, and a hash over its event and the hash of the
//! line before. So a line that was changed, moved or removed shows ([`verify`]), except for lines
//! at either end: the oldest are removed as files are, and the newest hash, the [`Head`], is told to
//! whoever wants to keep it elsewhere. [`search`] reads the newest first, a [`Follower`] the oldest.
//!
//! Nothing here waits for anything but the disk: the caller has a thread for it.
#![forbid(unsafe_code)]

mod chain;
mod event;
mod files;
mod follow;
pub mod limits;
mod search;
mod trail;
mod verify;

#[cfg(test)]
mod tests;

pub use chain::{Digest, Head, Line, NoHead};
pub use event::{Event, Identity, IdentityKind, Parameters, REDACTED, redact};
pub use follow::{Batch, Followed, Follower};
pub use search::{Query, search};
pub use trail::{Limits, Trail};
pub use verify::{Broken, Verified, verify};

/// Why a trail cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An event is no JSON or larger than a line may be.
    #[error("the event cannot be written: {0}")]
    Event(String),
}

impl Error {
    pub(crate) fn io(
        operation: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path,
            source,
        }
    }
}
