//! What the documents show is true: their commands run and print what is shown, their API files are
//! accepted, their functions answer, and every command line is one that the program takes.
//!
//! A block says by its info string what it is: `bash run` is run, block after block, in one shell
//! and one empty folder for the page; a `text output` right behind it is what it must print;
//! `yaml api` is an API file; `console demo` is what `make demo` shows.

mod blocks;
mod commands;
mod demo;
mod files;
mod run;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;
use tollgate_harness::{tollgate_binary, workspace_root};

/// Every page: its path from the root of the repository, and its text.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![PathBuf::from("README.md")];
    for folder in ["docs", "docs/errors", "examples/frameworks"] {
        let entries = fs::read_dir(workspace_root().join(folder));
        for entry in entries.unwrap_or_else(|error| panic!("{folder}: {error}")) {
            let name = entry.expect("an entry").file_name();
            let path = PathBuf::from(folder).join(name);
            if path.extension().is_some_and(|ending| ending == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(workspace_root().join(&path));
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.to_string_lossy().into_owned(), text)
    };
    paths.into_iter().map(read).collect()
}

/// A folder that holds the binary under test by the name `tollgate`, for `PATH`.
fn bin() -> TempDir {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let link = folder.path().join("tollgate");
    symlink(tollgate_binary(), link).expect("link the binary");
    folder
}

/// `PATH` with [`bin`] first.
fn path_with(bin: &TempDir) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    format!("{}:{}", bin.path().display(), path.display())
}
