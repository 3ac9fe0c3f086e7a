//! What the kernel says of this process: its environment, and its usage for metrics.

use std::collections::BTreeMap;
use std::path::Path;

/// The environment variables that are text. Others cannot be named in configuration, and one that
/// is none must not stop a node.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Memory and CPU of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessUsage {
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// User and system time in seconds.
    pub cpu_seconds: f64,
}

/// Linux accounts process times in ticks of 1/100 s on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;
/// The page size of the architectures that we build for.
const PAGE_BYTES: u64 = 4096;

/// Reads `/proc/self`; zeros where there is none.
#[must_use]
pub fn usage() -> ProcessUsage {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    ProcessUsage {
        resident_bytes: resident(&statm),
        cpu_seconds: cpu(&stat),
    }
}

/// Files that are counted in a directory: a data directory has a few dozen and its logs.
const FILES_MAX: usize = 10_000;

/// Bytes of the files in a directory and below it; what cannot be read counts nothing.
#[must_use]
pub fn disk_bytes(dir: &Path) -> u64 {
    let mut bytes = 0;
    let mut files = 0;
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            files += 1;
            if files > FILES_MAX {
                return bytes;
            }
            match entry.metadata() {
                Ok(found) if found.is_dir() => dirs.push(entry.path()),
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

fn resident(statm: &str) -> u64 {
    let pages = statm
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

fn cpu(stat: &str) -> f64 {
    // The command's name can hold spaces and parentheses: fields count from the last one.
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return 0.0;
    };
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|it| it.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_a_strange_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert!((cpu(stat) - 3.0).abs() < 1e-9);
        assert_eq!(resident("100 25 3"), 25 * 4096);
    }

    #[test]
    fn bytes_of_a_directory_are_those_of_its_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        std::fs::write(dir.path().join("logs/a"), [0; 30]).unwrap();
        std::fs::write(dir.path().join("b"), [0; 12]).unwrap();
        assert_eq!(disk_bytes(dir.path()), 42);
        assert_eq!(disk_bytes(&dir.path().join("none")), 0);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(usage().resident_bytes > 0);
    }
}
