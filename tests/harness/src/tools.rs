//! Programs that `tests/install.sh` brings.

use std::env::consts::ARCH;
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

/// The folder of the scripts that use AWS's SDK for JavaScript, with their packages.
pub fn sdk_javascript() -> PathBuf {
    let folder = workspace_root().join("tests/sdk/javascript");
    present(folder.join("node_modules"));
    folder
}

/// The nginx program: the one unpacked for the tests, or the machine's.
pub fn nginx() -> PathBuf {
    unpacked("usr/sbin/nginx")
}

/// The HAProxy program: the one unpacked for the tests, or the machine's.
pub fn haproxy() -> PathBuf {
    unpacked("usr/sbin/haproxy")
}

/// The Prometheus server.
pub fn prometheus() -> PathBuf {
    unpacked("usr/bin/prometheus")
}

/// The etcd server, which `tests/install.sh etcd` brings.
pub fn etcd() -> PathBuf {
    unpacked("usr/bin/etcd")
}

/// Prometheus' tool, which knows what a scrape must look like.
pub fn promtool() -> PathBuf {
    unpacked("usr/bin/promtool")
}

/// The library that shows a program another time.
pub(crate) fn libfaketime() -> PathBuf {
    let library = format!("usr/lib/{ARCH}-linux-gnu/faketime/libfaketime.so.1");
    unpacked(&library)
}

/// A program that was unpacked for the tests, or that the machine has.
fn unpacked(program: &str) -> PathBuf {
    let path = workspace_root().join("target/tools").join(program);
    if path.is_file() {
        path
    } else {
        present(PathBuf::from("/").join(program))
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
