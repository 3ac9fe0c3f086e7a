//! A disk that is full: a small one of its own where the machine lets a test mount one, else a limit
//! on how large the files of a node may become, which fails its writes in the same places.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tempfile::TempDir;

use crate::node::{Node, NodeOptions};
use crate::process::Process;
use crate::wait::{DEADLINE, wait_until};

/// Room for a node's log and a few state snapshots.
const BYTES: usize = 64 * 1024 * 1024;

/// Mounts a small disk where nobody else sees it, tells that it did, and keeps it.
const MOUNT: &str =
    r#"mount -t tmpfs -o size="$1" none "$2" && touch "$2/mounted" && exec tail -f /dev/null"#;
/// A write beyond the limit fails and does not kill (setrlimit(2)).
const UNKILLED: &str = r#"trap '' XFSZ; exec "$0" "$@""#;

/// A disk for one node. Dropping it ends its mount.
#[derive(Debug)]
pub struct SmallDisk {
    /// The process in whose namespace it is mounted, if it is.
    keeper: Option<Process>,
    home: TempDir,
}

impl SmallDisk {
    /// An empty disk.
    ///
    /// # Panics
    ///
    /// If there is no place for temporary files.
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("make a temporary directory");
        let inside = home.path().join("disk");
        fs::create_dir(&inside).expect("make a folder for a disk");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", MOUNT, "sh"]);
        command.arg(BYTES.to_string()).arg(&inside);
        let keeper = Process::spawn(command, home.path(), "keeper").ok();
        let mut disk = Self { keeper, home };
        let is_mounted = wait_until(DEADLINE, "a small disk", || disk.is_mounted());
        if !is_mounted {
            println!("no disk can be mounted here; the size of files is limited instead");
            disk.keeper = None;
        }
        disk
    }

    fn is_mounted(&mut self) -> Result<bool, &'static str> {
        let Some(keeper) = &mut self.keeper else {
            return Ok(false);
        };
        if keeper.exited().is_some() {
            return Ok(false);
        }
        let is_there = self.path().join("mounted").exists();
        if is_there {
            Ok(true)
        } else {
            Err("not mounted yet")
        }
    }

    /// Its root, also for those outside of its namespace.
    fn path(&self) -> PathBuf {
        let inside = self.home.path().join("disk");
        let Some(keeper) = &self.keeper else {
            return inside;
        };
        let root = PathBuf::from(format!("/proc/{}/root", keeper.pid()));
        root.join(inside.strip_prefix("/").unwrap_or(&inside))
    }

    /// A node with its data on this disk.
    pub fn hold(&self, options: NodeOptions) -> NodeOptions {
        let options = options.data_dir(&self.path().join("data"));
        let Some(keeper) = &self.keeper else {
            return options.under(&["sh", "-c", UNKILLED]);
        };
        let pid = keeper.pid().to_string();
        let enter = ["nsenter", "--user", "--mount", "--preserve-credentials"];
        options.under(&[&enter[..], &["--target", &pid]].concat())
    }

    /// Leaves no room for what the node writes next, or hardly any.
    ///
    /// # Panics
    ///
    /// If it cannot be filled.
    pub fn fill(&self, node: &mut Node) {
        if self.keeper.is_none() {
            let data = fs::read_dir(node.data_dir()).expect("list the data directory");
            let sizes = data
                .flatten()
                .filter_map(|it| Some(it.metadata().ok()?.len()));
            let largest = Some(sizes.max().expect("a node has files"));
            let limit = Rlimit {
                current: largest,
                maximum: None,
            };
            let pid = i32::try_from(node.process().pid())
                .ok()
                .and_then(Pid::from_raw);
            prlimit(pid, Resource::Fsize, limit).expect("limit a child");
            return;
        }
        let mut file = File::create(self.filler()).expect("make a filler");
        let chunk = vec![0xA5; 16 * 1024];
        for _ in 0..=BYTES / chunk.len() {
            if file.write_all(&chunk).is_err() {
                return;
            }
        }
        panic!("a disk of {BYTES} bytes took more");
    }

    /// Makes room again. What ran under a limit must have ended: its next life has none.
    pub fn free(&self) {
        // It is not there where files are limited instead.
        drop(fs::remove_file(self.filler()));
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Forgets what the node wrote of its addresses: a start is known by what it writes anew.
    pub fn forget_addresses(&self) {
        drop(fs::remove_file(self.path().join("data/addresses.json")));
    }
}

impl Default for SmallDisk {
    fn default() -> Self {
        Self::new()
    }
}
