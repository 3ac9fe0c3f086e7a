//! Makes the program small where the linker can: pages of the program count as its memory.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Functions of equal code become one; the linker that Rust brings for Linux can, others cannot.
const FOLD: &str = "-Wl,--icf=all";

#[expect(
    clippy::disallowed_methods,
    reason = "Cargo tells a build script by its environment"
)]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // That of this package, which the manifest sets to "s" wherever a program is optimised.
    let level = env::var("OPT_LEVEL");
    let optimised = matches!(level.as_deref(), Ok("s" | "z" | "2" | "3"));
    if optimised && links_with(FOLD) {
        println!("cargo::rustc-link-arg-bins={FOLD}");
    }
}

/// Whether an empty program can be linked with a flag: the linker of this machine may not know it.
fn links_with(flag: &str) -> bool {
    let (Some(folder), Some(rustc), Some(target)) = (
        env::var_os("OUT_DIR"),
        env::var_os("RUSTC"),
        env::var_os("TARGET"),
    ) else {
        return false;
    };
    let source = Path::new(&folder).join("empty.rs");
    if fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }
    let linked = Command::new(rustc)
        .arg(&source)
        .arg("--target")
        .arg(target)
        .arg(format!("-Clink-arg={flag}"))
        .arg("-o")
        .arg(Path::new(&folder).join("empty"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    linked.is_ok_and(|status| status.success())
}
