//! What writes a data directory as a whole: a restored backup, or a recovered node.
//!
//! It takes several files. While it goes on a marker stands in the directory, and no node starts on
//! a directory with one: half of an old log under a new cluster's name is nobody's state. Whoever
//! was interrupted does the same again.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use crate::identity::exists;
use crate::snapshot_file::{self, OWNER_ONLY, write_durably};
use crate::{Change, Error, Identity, Loaded, Store};

const MARKER: &str = "unfinished.json";

/// What writes a directory as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// A backup is restored into a directory that belongs to nobody.
    Restore,
    /// A node goes on as a new cluster.
    Recovery,
}

impl Rewrite {
    /// The command that does it, and finishes it.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Recovery => "recover",
        }
    }
}

/// What goes on in a directory and is not finished.
pub(crate) fn unfinished(dir: &Path) -> Result<Option<Rewrite>, Error> {
    let path = dir.join(MARKER);
    match std::fs::read_to_string(&path) {
        Ok(text) if text.contains(Rewrite::Restore.command()) => Ok(Some(Rewrite::Restore)),
        Ok(_) => Ok(Some(Rewrite::Recovery)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io {
            operation: "read",
            path,
            source,
        }),
    }
}

/// Whether a directory has anything of a node's: who it is, its log, a snapshot or a certificate.
/// What a restore left that did not come to its end is nobody's.
///
/// # Errors
/// [`Error::Io`].
pub fn belongs_to_a_node(dir: &Path) -> Result<bool, Error> {
    if !exists(dir.to_owned())? || unfinished(dir)? == Some(Rewrite::Restore) {
        return Ok(false);
    }
    for file in ["node.json", "raft.redb", "tls", "removed.json", MARKER] {
        if exists(dir.join(file))? {
            return Ok(true);
        }
    }
    Ok(!snapshot_file::list(dir)?.is_empty())
}

/// What may be in a directory before a node is made in it: a key that is put there, what a node
/// without a log makes, and what a new file system has.
const BEFORE_A_NODE: [&str; 5] = [
    "root-key.json",
    "addresses.json",
    "logs",
    "functions",
    "lost+found",
];

/// Something in a directory that no node has there: the directory is meant for something else.
/// What an interrupted restore left is not asked about again.
///
/// # Errors
/// [`Error::Io`].
pub fn foreign_file(dir: &Path) -> Result<Option<OsString>, Error> {
    if !exists(dir.to_owned())? || unfinished(dir)?.is_some() {
        return Ok(None);
    }
    let read = || -> std::io::Result<Option<OsString>> {
        for entry in std::fs::read_dir(dir)? {
            let name = entry?.file_name();
            if !BEFORE_A_NODE.iter().any(|known| name == *known) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    };
    read().map_err(|source| Error::Io {
        operation: "read",
        path: dir.to_owned(),
        source,
    })
}

/// What a directory is to hold: the new identity, and a snapshot in place of its whole log.
#[derive(Debug, Clone)]
pub struct Successor {
    /// Who owns the directory from now on.
    pub identity: Identity,
    /// The snapshot's last entry.
    pub index: u64,
    /// The bytes that name that entry.
    pub mark: Vec<u8>,
    /// The vote.
    pub vote: Vec<u8>,
}

impl Store {
    /// Opens a directory to rewrite it, and sets the marker. What an interrupted restore left is
    /// thrown away.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_to_rewrite(
        dir: &Path,
        rewrite: Rewrite,
        first: impl FnOnce() -> Identity,
    ) -> Result<(Self, Loaded), Error> {
        let marked = unfinished(dir)?;
        if rewrite == Rewrite::Restore && marked.is_some() {
            throw_away(dir)?;
        }
        let opened = if marked.is_none() && rewrite == Rewrite::Recovery {
            // Whether it is whole and nobody's is known before anything is written.
            let opened = Self::open_marked(dir, first)?;
            mark(dir, rewrite)?;
            opened
        } else {
            crate::store::make_private(dir)?;
            mark(dir, rewrite)?;
            Self::open_marked(dir, first)?
        };
        Ok(opened)
    }

    /// Makes the directory the successor's, with the snapshot that is written, and takes the marker
    /// away.
    ///
    /// # Errors
    /// [`Error`]; the marker stands then, and the same can be done again.
    pub fn rewrite(
        mut self,
        dir: &Path,
        successor: &Successor,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        let Successor {
            identity,
            index,
            mark,
            vote,
        } = successor;
        let snapshots = self.snapshots();
        snapshots.keep(&snapshots.write(*index, write)?)?;
        let changes = [
            Change::Purge {
                upto: *index,
                mark: mark.clone(),
            },
            Change::Vote(vote.clone()),
        ];
        self.commit(&changes, Some(mark))?;
        identity.write(dir)?;
        drop(self);
        unmark(dir)
    }

    /// Leaves the directory to its node, before anything was written.
    ///
    /// # Errors
    /// [`Error`]; the marker stands then.
    pub fn give_up_rewriting(self, dir: &Path) -> Result<(), Error> {
        drop(self);
        unmark(dir)
    }
}

fn unmark(dir: &Path) -> Result<(), Error> {
    let path = dir.join(MARKER);
    std::fs::remove_file(&path)
        .and_then(|()| std::fs::File::open(dir)?.sync_all())
        .map_err(|source| Error::Io {
            operation: "remove",
            path,
            source,
        })
}

fn mark(dir: &Path, rewrite: Rewrite) -> Result<(), Error> {
    let text = format!("{{\"command\": \"{}\"}}", rewrite.command());
    write_durably(&dir.join(MARKER), OWNER_ONLY, text.as_bytes())
}

fn throw_away(dir: &Path) -> Result<(), Error> {
    // Before a new log needs the room that they take.
    snapshot_file::discard_unfinished(dir)?;
    let snapshots = snapshot_file::list(dir)?;
    let files = ["node.json", "raft.redb"].map(|it| dir.join(it));
    for path in snapshots.into_iter().map(|(_, path)| path).chain(files) {
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(Error::Io {
                    operation: "remove",
                    path,
                    source,
                });
            }
        }
    }
    Ok(())
}
