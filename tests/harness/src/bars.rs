//! Measured figures that the project promises, collected for the end of `make test`.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;

use crate::binary::workspace_root;

/// How much of something a test does: the first in `make test`, the second where `make prove` asks
/// for the longer form.
#[must_use]
pub fn prove<T>(usual: T, long: T) -> T {
    if env::var_os("PROVE").is_some() {
        long
    } else {
        usual
    }
}

/// Prints `bar N: text` and adds it to `target/bars.txt`, which `make test` shows at its end.
///
/// # Panics
///
/// If the file cannot be written.
pub fn bar(number: u8, text: &str) {
    let line = format!("bar {number}: {text}\n");
    print!("{line}");
    let folder = workspace_root().join("target");
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let path = folder.join("bars.txt");
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap_or_else(|error| panic!("open {}: {error}", path.display()));
    // One write, so that suites that run side by side do not mix their lines.
    file.write_all(line.as_bytes())
        .unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
}
