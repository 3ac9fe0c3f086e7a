//! Files that hold what the code must say. `UPDATE=1` writes them anew.

use std::path::Path;

/// Compares with a file beside the package.
pub(crate) fn check(path: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, actual).expect("test data can be written");
        return;
    }
    let wanted = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        wanted == actual,
        "{path} differs; if the change is wanted, run the tests with UPDATE=1.\n--- now:\n{actual}"
    );
}
