//! Where the binary under test is.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the checkout that these tests were compiled in.
pub fn workspace_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The `tollgate` binary under test: `TOLLGATE_BIN` if set, otherwise the one that Cargo put beside
/// this test's own executable (`target/<profile>/deps/<test>` and `target/<profile>/tollgate`).
///
/// # Panics
///
/// If there is none, with the command that builds it.
pub fn tollgate_binary() -> PathBuf {
    if let Some(path) = env::var_os("TOLLGATE_BIN") {
        let path = PathBuf::from(path);
        assert!(
            path.is_file(),
            "TOLLGATE_BIN names no file: {}",
            path.display()
        );
        return path;
    }
    let test = env::current_exe().expect("a running test has an executable");
    let profile_dir = test
        .parent()
        .and_then(Path::parent)
        .expect("Cargo puts test executables two folders deep");
    let path = profile_dir.join("tollgate");
    let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    assert!(
        path.is_file(),
        "no binary to test at {}; build it with: cargo build --profile {profile} --package \
         tollgate-node (or name one with TOLLGATE_BIN)",
        path.display()
    );
    path
}

/// The folder that Cargo put the binary under test in, which is named after its profile.
pub fn profile() -> String {
    let binary = tollgate_binary();
    let folder = binary.parent().and_then(Path::file_name);
    folder.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
