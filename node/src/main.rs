//! The `tollgate` binary: the command line, and a node where a command starts one.

use std::path::PathBuf;

use tollgate_config::node_config::NodeConfig;
use tollgate_node::boot::{self, Invitation, Mode};
use tollgate_node::cli::{self, Launcher};

/// Allocating and freeing was 18 % of the CPU time of a proxied request with glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Starts nodes in this process.
struct ThisProcess;

impl Launcher for ThisProcess {
    fn start(&self, config: NodeConfig) -> i32 {
        boot::start(config, Mode::Start)
    }

    fn join(&self, config: NodeConfig, invitation: Invitation) -> i32 {
        boot::start(config, Mode::Join(invitation))
    }

    fn dev(&self, config: NodeConfig, path: PathBuf) -> i32 {
        boot::start(config, Mode::Dev(path))
    }
}

/// Freed memory goes back to the system at once. By default it goes a second later and only when
/// the thread that freed it allocates again, which one that took a configuration in may not do for
/// hours: 20 MiB of resident memory at 5,000 routes. No request faults in more pages for it.
#[allow(unsafe_code)]
fn return_freed_memory() {
    /// `mi_option_purge_delay` of `mimalloc.h`, version 3; the crate does not name it.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: it asks not to be called by two threads at once, and there is only this one yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) };
}

fn main() {
    return_freed_memory();
    // With transparent huge pages the allocator's sparse arenas take 25 MiB more of resident memory
    // and no request gets faster. Kernels without the call have no huge pages either.
    rustix::thread::disable_transparent_huge_pages(true).ok();
    std::process::exit(cli::run(std::env::args_os(), &ThisProcess));
}
