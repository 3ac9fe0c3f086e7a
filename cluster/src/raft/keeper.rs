//! Where the log is kept: in the store's file, or in a simulation's memory.
//!
//! A B-tree that is written page by page is a third of the work of a simulated cluster, and its
//! crashes are tested where it is (`tollgate_store`). So most simulated machines keep their log in
//! a map that outlives them, and some the real file, to see that both are the same.

use tollgate_store::{Change, Error, Reader, Snapshots, Store};

#[cfg(test)]
use crate::tests::sim::Memory;

/// Writes the log.
pub(crate) enum Keeper {
    File(Store),
    #[cfg(test)]
    Memory(Memory, Snapshots),
}

/// Reads entries beside the writer. Cloning gives another handle.
#[derive(Clone)]
pub(crate) enum Entries {
    File(Reader),
    #[cfg(test)]
    Memory(Memory),
}

impl Keeper {
    /// As [`Store::commit`].
    pub(crate) fn commit(
        &mut self,
        changes: &[Change],
        committed: Option<&[u8]>,
    ) -> Result<(), Error> {
        match self {
            Self::File(store) => store.commit(changes, committed),
            #[cfg(test)]
            Self::Memory(memory, _) => {
                memory.commit(changes, committed);
                Ok(())
            }
        }
    }

    pub(crate) fn reader(&self) -> Entries {
        match self {
            Self::File(store) => Entries::File(store.reader()),
            #[cfg(test)]
            Self::Memory(memory, _) => Entries::Memory(memory.clone()),
        }
    }

    pub(crate) fn snapshots(&self) -> Snapshots {
        match self {
            Self::File(store) => store.snapshots(),
            #[cfg(test)]
            Self::Memory(_, snapshots) => snapshots.clone(),
        }
    }
}

impl Entries {
    /// As [`Reader::entries`].
    pub(crate) fn entries(
        &self,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        match self {
            Self::File(reader) => reader.entries(from, to, bytes_max),
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.entries(from, to, bytes_max)),
        }
    }

    /// As [`Reader::first_within`].
    pub(crate) fn first_within(&self, end: u64, bytes_max: u64) -> Result<u64, Error> {
        match self {
            Self::File(reader) => reader.first_within(end, bytes_max),
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.first_within(end, bytes_max)),
        }
    }
}
