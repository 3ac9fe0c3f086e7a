//! Programs that `tests/install.sh` brings.

use std::path::PathBuf;

use crate::binary::workspace_root;

/// The Python of `target/venv`, with the packages of `tests/requirements.txt`.
pub fn python() -> PathBuf {
    present(workspace_root().join("target/venv/bin/python"))
}

/// The folder with the packages of `tests/node/package-lock.json`, for `NODE_PATH` or a link.
pub fn node_modules() -> PathBuf {
    present(workspace_root().join("tests/node/node_modules"))
}

/// The nginx program: the one unpacked for the tests, or the machine's.
pub fn nginx() -> PathBuf {
    let unpacked = workspace_root().join("target/tools/usr/sbin/nginx");
    if unpacked.is_file() {
        unpacked
    } else {
        present(PathBuf::from("/usr/sbin/nginx"))
    }
}

fn present(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} is missing; tests/install.sh brings it",
        path.display()
    );
    path
}
