//! Checking.

use std::path::{Path, PathBuf};

use crate::chain::{Head, Line};
use crate::{Error, files};

/// A chain without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The number of its first line; 1 when nothing was removed for age. 0 when there is no line.
    pub first: u64,
    /// Its end.
    pub head: Head,
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} line {line}: {why}", file.display())]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// The line in it, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Checks the lines of a directory from the oldest to the newest. The oldest line is believed, for
/// what it follows was removed for its age. With a head that was kept elsewhere, that line must be
/// there as well, unless it is older than the oldest.
///
/// # Errors
/// [`Error::Io`] outside; the first broken line inside.
pub fn verify(dir: &Path, kept: Option<Head>) -> Result<Result<Verified, Broken>, Error> {
    let mut chain = Chain {
        kept,
        ..Chain::default()
    };
    let mut newest = (dir.to_owned(), 0);
    for (first, path) in files::list(dir)? {
        if chain.head.is_some_and(|head| head.number + 1 != first) {
            let why = "a file before this one is missing";
            return Ok(Err(Broken {
                file: path,
                line: 1,
                why,
            }));
        }
        let mut broken = None;
        let mut lines = 0;
        files::lines(&path, |number, bytes| {
            lines = number;
            broken = chain.step(bytes).err().map(|why| (number, why));
            broken.is_none()
        })?;
        if let Some((line, why)) = broken {
            return Ok(Err(Broken {
                file: path,
                line,
                why,
            }));
        }
        newest = (path, lines);
    }
    if chain.is_cut_short() {
        let why = "lines behind this one were removed: the head that was kept is not reached";
        let (file, line) = newest;
        return Ok(Err(Broken { file, line, why }));
    }
    let head = chain.head.unwrap_or_default();
    Ok(Ok(Verified {
        first: chain.first,
        head,
    }))
}

#[derive(Default)]
struct Chain {
    first: u64,
    head: Option<Head>,
    kept: Option<Head>,
}

impl Chain {
    fn step(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let line: Line<'_> =
            serde_json::from_slice(bytes).map_err(|_| "it is no line of an audit trail")?;
        let before = match self.head {
            Some(head) => head,
            None => {
                let (before, _) = Head::claimed(&line).ok_or("it has no hash")?;
                self.first = line.number;
                before
            }
        };
        let head = before.follow(&line)?;
        if self
            .kept
            .is_some_and(|kept| kept.number == head.number && kept.hash != head.hash)
        {
            return Err("it is another line than the one whose hash was kept");
        }
        self.head = Some(head);
        Ok(())
    }

    fn is_cut_short(&self) -> bool {
        let reached = self.head.unwrap_or_default().number;
        self.kept.is_some_and(|kept| kept.number > reached)
    }
}
