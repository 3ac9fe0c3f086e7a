//! Wall clocks of nodes that are wrong: libfaketime stands between a node and its clock and reads the
//! offset anew each time. The monotonic clock is left alone, as it is by a step of a real one.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::node::NodeOptions;
use crate::tools::libfaketime;

/// The clocks of a cluster's nodes, each named by its node's place. All begin right.
#[derive(Debug)]
pub struct Clocks {
    offsets: TempDir,
}

impl Clocks {
    pub(crate) fn new() -> Self {
        let offsets = tempfile::tempdir().expect("make a temporary directory");
        Self { offsets }
    }

    fn file(&self, node: usize) -> PathBuf {
        self.offsets.path().join(node.to_string())
    }

    pub(crate) fn give(&self, node: usize, options: NodeOptions) -> NodeOptions {
        self.set(node, "+0");
        options
            .env("LD_PRELOAD", libfaketime())
            .env("FAKETIME_TIMESTAMP_FILE", self.file(node))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
    }

    /// Sets a clock to be wrong by so much: `+5h`, `-5h`, `+0`.
    ///
    /// # Panics
    ///
    /// If it cannot be written down.
    pub fn set(&self, node: usize, offset: &str) {
        // Whole or not at all: the node may be reading.
        let written = self.offsets.path().join("written");
        fs::write(&written, offset).expect("write an offset");
        fs::rename(&written, self.file(node)).expect("rename an offset");
    }
}
