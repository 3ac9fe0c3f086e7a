//! What processes cost: CPU time and memory, from /proc (proc(5)).
//!
//! A gateway may be several processes (nginx has a master and workers) and many threads, so all
//! figures are of a process and its descendants.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

/// The fields of /proc/PID/stat that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Process id of the parent.
    pub parent: u32,
    /// CPU time in user mode, its ended threads and reaped children included, in clock ticks.
    pub user_ticks: u64,
    /// The same in the kernel.
    pub system_ticks: u64,
}

/// Parses /proc/PID/stat. The name, second and in parentheses, may hold anything, also `)`.
pub fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // proc(5) counts from 1 and the name is field 2, so field n is fields[n - 3].
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(field(4)?).ok()?,
        user_ticks: field(14)? + field(16)?,
        system_ticks: field(15)? + field(17)?,
    })
}

/// Parses /proc/PID/task/TID/schedstat: nanoseconds on a processor.
pub fn parse_schedstat(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// A `NAME:   123 kB` line of /proc/PID/smaps_rollup or /proc/PID/status, in bytes.
pub fn parse_kilobytes(text: &str, name: &str) -> Option<u64> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kilobytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// CPU time of a process family so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuTimes {
    user_ticks: u64,
    system_ticks: u64,
    /// Nanoseconds by process and thread; empty where the kernel has no schedstat.
    threads: BTreeMap<(u32, u32), u64>,
}

/// CPU time spent between two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuUsed {
    /// In user mode.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

impl CpuUsed {
    /// Both together.
    pub fn total(&self) -> Duration {
        self.user + self.system
    }
}

impl CpuTimes {
    /// Reads the times of `root` and its descendants.
    ///
    /// # Errors
    /// If `root` is gone or /proc cannot be read.
    pub fn read(root: u32) -> io::Result<Self> {
        let mut times = Self {
            user_ticks: 0,
            system_ticks: 0,
            threads: BTreeMap::new(),
        };
        for process in family(root)? {
            let Ok(stat) = read_stat(process) else {
                continue;
            };
            times.user_ticks += stat.user_ticks;
            times.system_ticks += stat.system_ticks;
            let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
                continue;
            };
            for thread in threads.flatten() {
                let id = thread
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok());
                let time = fs::read_to_string(thread.path().join("schedstat"));
                if let (Some(id), Some(ns)) = (id, time.ok().as_deref().and_then(parse_schedstat)) {
                    times.threads.insert((process, id), ns);
                }
            }
        }
        Ok(times)
    }

    /// The time spent from `self` to `later`.
    ///
    /// schedstat knows the sum in nanoseconds but forgets threads that end; stat knows user and
    /// system in ticks of usually 10 ms and forgets nothing. So the sum comes from schedstat when
    /// every thread is still there, the proportion from stat.
    pub fn until(&self, later: &Self, ticks_per_s: u64) -> CpuUsed {
        let user = later.user_ticks.saturating_sub(self.user_ticks);
        let system = later.system_ticks.saturating_sub(self.system_ticks);
        let ticks = user + system;
        let lost = self
            .threads
            .keys()
            .any(|thread| !later.threads.contains_key(thread));
        let total_ns = if lost || later.threads.is_empty() {
            ticks as f64 * 1e9 / ticks_per_s as f64
        } else {
            let spent = |(thread, ns): (&(u32, u32), &u64)| {
                ns.saturating_sub(self.threads.get(thread).copied().unwrap_or(0))
            };
            later.threads.iter().map(spent).sum::<u64>() as f64
        };
        // Without a single tick there is no proportion; so little time is of no interest either.
        let user_ns = if ticks == 0 {
            total_ns
        } else {
            total_ns * user as f64 / ticks as f64
        };
        CpuUsed {
            user: Duration::from_nanos(user_ns as u64),
            system: Duration::from_nanos((total_ns - user_ns) as u64),
        }
    }
}

/// Memory of `root` and its descendants in bytes. Pages that several of them share count once
/// (proportional set size); where the kernel does not tell, resident sizes are added.
///
/// # Errors
/// If /proc cannot be read or `root` is gone.
pub fn resident_bytes(root: u32) -> io::Result<u64> {
    let bytes = family(root)?.into_iter().filter_map(|process| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).ok();
        let rollup = read("smaps_rollup");
        let proportional = rollup
            .as_deref()
            .and_then(|text| parse_kilobytes(text, "Pss"));
        proportional.or_else(|| parse_kilobytes(&read("status")?, "VmRSS"))
    });
    Ok(bytes.sum())
}

fn read_stat(process: u32) -> io::Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    parse_stat(&text).ok_or_else(|| io::Error::other("unreadable /proc/PID/stat"))
}

/// `root` and all its descendants.
fn family(root: u32) -> io::Result<Vec<u32>> {
    read_stat(root)?;
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let process = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // A process may end between the listing and the reading.
        if let Some((process, stat)) = process.and_then(|it| Some((it, read_stat(it).ok()?))) {
            parents.insert(process, stat.parent);
        }
    }
    Ok(descendants(root, &parents))
}

fn descendants(root: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        // No process is found twice, whatever a racing /proc claims, so this ends.
        for (&process, _) in parents.iter().filter(|(_, of)| **of == parent) {
            if !found.contains(&process) {
                found.push(process);
            }
        }
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a) b) (c) S 7 42 42 0 -1 4194560 100 200 0 0 1234 567 8 9 20 0 1 0 \
        12345 10000000 500 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0";

    #[test]
    fn stat_is_read_behind_the_last_parenthesis() {
        let stat = parse_stat(STAT).unwrap();
        assert_eq!(
            stat,
            Stat {
                parent: 7,
                user_ticks: 1234 + 8,
                system_ticks: 567 + 9
            }
        );
        for broken in [
            "",
            "42 (a",
            "42 (a) S 7",
            "42 (a) S x 42 42 0 -1 0 0 0 0 0 1 2 3 4",
        ] {
            assert_eq!(parse_stat(broken), None, "{broken}");
        }
    }

    #[test]
    fn other_files_of_proc() {
        assert_eq!(parse_schedstat("134111 114142 2\n"), Some(134_111));
        assert_eq!(parse_schedstat(""), None);
        let text = "VmPeak:  999 kB\nRss:     20 kB\nPss:                 12 kB\nPss_Anon: 3 kB\n";
        assert_eq!(parse_kilobytes(text, "Pss"), Some(12 * 1024));
        assert_eq!(parse_kilobytes(text, "VmRSS"), None);
        assert_eq!(parse_kilobytes("Pss: many", "Pss"), None);
    }

    fn times(user: u64, system: u64, threads: &[(u32, u64)]) -> CpuTimes {
        let threads = threads
            .iter()
            .map(|&(thread, ns)| ((1, thread), ns))
            .collect();
        CpuTimes {
            user_ticks: user,
            system_ticks: system,
            threads,
        }
    }

    #[test]
    fn the_sum_is_of_schedstat_and_the_proportion_of_stat() {
        let before = times(100, 100, &[(1, 1_000), (2, 5_000)]);
        let after = times(130, 110, &[(1, 301_000), (2, 5_000), (3, 100_000)]);
        let used = before.until(&after, 100);
        assert_eq!(used.total(), Duration::from_nanos(400_000));
        assert_eq!(
            used.user,
            Duration::from_nanos(300_000),
            "three of four ticks"
        );
    }

    #[test]
    fn when_a_thread_ended_ticks_count() {
        let before = times(100, 100, &[(1, 1_000), (2, 5_000)]);
        let after = times(130, 110, &[(1, 301_000)]);
        let used = before.until(&after, 100);
        assert_eq!(
            (used.user, used.system),
            (Duration::from_millis(300), Duration::from_millis(100))
        );
        assert_eq!(
            times(0, 0, &[]).until(&times(1, 0, &[]), 100).user,
            Duration::from_millis(10)
        );
        assert_eq!(before.until(&before, 100), CpuUsed::default());
    }

    #[test]
    fn a_family_is_found_at_any_depth_and_loops_end() {
        let parents = BTreeMap::from([
            (1, 0),
            (10, 1),
            (11, 10),
            (12, 11),
            (13, 1),
            (14, 15),
            (15, 14),
        ]);
        assert_eq!(descendants(10, &parents), [10, 11, 12]);
        assert_eq!(descendants(14, &parents), [14, 15]);
    }

    #[test]
    fn work_of_this_process_shows_up() {
        let own = std::process::id();
        let before = CpuTimes::read(own).unwrap();
        let mut sum = 0u64;
        let mut used = CpuUsed::default();
        // Until 50 ms are seen: ticks need time to pass, a fixed amount of work would guess it.
        while used.total() < Duration::from_millis(50) {
            for number in 0..1_000_000u64 {
                sum = std::hint::black_box(sum.wrapping_add(number));
            }
            used = before.until(&CpuTimes::read(own).unwrap(), 100);
        }
        assert!(resident_bytes(own).unwrap() > 100 * 1024);
        assert!(CpuTimes::read(u32::MAX).is_err());
    }
}
