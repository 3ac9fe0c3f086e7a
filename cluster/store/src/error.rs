//! Why a store cannot be used.

use std::path::PathBuf;

use tollgate_protocol::codes::{self, Code};

/// Why a store cannot be used. Each has an operator code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it open.
    #[error("another process uses the data directory {}", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// A file is damaged, cut short or not ours.
    #[error("{} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer release wrote it.
    #[error("{} has format {found}, this release reads up to {supported}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this release reads.
        supported: u32,
    },
    /// A restore or a recovery of it was interrupted.
    #[error("`tollgate {command}` of {} did not come to its end", path.display())]
    Unfinished {
        /// The data directory.
        path: PathBuf,
        /// The command that finishes it.
        command: &'static str,
    },
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
    /// The disk failed after the store was opened. The process must end: what is on disk is not
    /// known any more.
    #[error("the log failed: {0}")]
    Failed(String),
}

impl Error {
    /// The code of the page that says what to do.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::InUse { .. } => codes::DATA_DIR_IN_USE,
            Self::Corrupt { .. } => codes::DATA_DIR_CORRUPT,
            Self::Newer { .. } => codes::DATA_DIR_NEWER,
            Self::Unfinished { .. } => codes::SUCCESSION,
            Self::Io { .. } => codes::DATA_DIR_IO,
            Self::Failed(_) => codes::STORE_FAILED,
        }
    }
}
