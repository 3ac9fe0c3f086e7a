//! What all functions of a node share: the settings, the log, and the bootstraps on disk.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::logs::LogSink;
use crate::spec::Settings;

const PYTHON: &str = include_str!("bootstrap/bootstrap.py");
const NODE: &str = include_str!("bootstrap/bootstrap.mjs");

/// Group and others may write.
const FOREIGN_WRITE: u32 = 0o022;

/// What all functions of a node share.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) settings: Settings,
    pub(crate) sink: LogSink,
    pub(crate) python_bootstrap: PathBuf,
    pub(crate) node_bootstrap: PathBuf,
    /// Where Python keeps bytecode, so that the directories of functions stay as they are.
    pub(crate) python_cache: PathBuf,
}

/// Why the function runtime cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The work directory or a file in it cannot be made.
    #[error("cannot write {path:?}")]
    Write {
        /// What could not be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could replace the program that every function runs.
    #[error("the directory {path:?} may be written by other users (mode {mode:o})")]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

impl Host {
    /// Writes the bootstraps.
    pub(crate) fn new(settings: Settings, sink: LogSink) -> Result<Self, Error> {
        let directory = make_directory(&settings.work_directory)?;
        let python_bootstrap = directory.join("bootstrap.py");
        let node_bootstrap = directory.join("bootstrap.mjs");
        write(&python_bootstrap, PYTHON)?;
        write(&node_bootstrap, NODE)?;
        let python_cache = directory.join("pycache");
        Ok(Self {
            settings,
            sink,
            python_bootstrap,
            node_bootstrap,
            python_cache,
        })
    }
}

fn make_directory(path: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::Write {
        path: path.into(),
        source,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)?;
    // Processes have another working directory.
    let path = path.canonicalize().map_err(failed)?;
    let mode = fs::metadata(&path).map_err(failed)?.mode() & 0o7777;
    if mode & FOREIGN_WRITE != 0 {
        return Err(Error::Unsafe { path, mode });
    }
    Ok(path)
}

/// Replaces a file in one step: another node may be starting a process from it.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Write {
        path: path.into(),
        source,
    };
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    fs::write(&draft, text).map_err(failed)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)
}
