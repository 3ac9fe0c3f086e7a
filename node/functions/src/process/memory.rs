//! Memory of a process as the kernel counts it.
//!
//! RLIMIT_AS was rejected: it limits addresses, of which V8 and every allocator with arenas
//! reserve gigabytes. Control groups were rejected: they need rights that a node need not have.

/// Resident memory in MiB, `None` when the process is gone. Memory shared with others counts.
pub(super) fn resident_mib(process_id: u32) -> Option<u64> {
    // Made up by the kernel at once: nothing here waits for a disk.
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    resident_kib(&status).map(|kib| kib / 1024)
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        assert_eq!(
            resident_kib("Name:\tnode\nVmRSS:\t  123456 kB\nRssAnon:\t 1 kB\n"),
            Some(123_456)
        );
        assert_eq!(resident_kib("Name:\tzombie\n"), None);
        assert!(resident_mib(std::process::id()).is_some_and(|mib| mib > 0));
        assert_eq!(resident_mib(u32::MAX), None);
    }
}
