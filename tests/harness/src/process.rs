//! A child process whose output is kept in files, whose end is certain and whose cost is readable.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_until;

/// How much of each output a failing test shows.
const TAIL_LINES: usize = 60;

/// What a process has cost so far, from `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory now.
    pub rss_bytes: u64,
    /// Resident memory that is no page of a file: what it allocated.
    pub rss_anonymous_bytes: u64,
    /// The most resident memory since the start.
    pub rss_peak_bytes: u64,
    /// Processor time of all threads since the start, user and system.
    pub cpu: Duration,
    /// Threads now.
    pub threads: u64,
    /// Open file descriptors now.
    pub files: usize,
}

/// A running child. Dropping it kills it; if the test is failing, its output is shown first.
#[derive(Debug)]
pub struct Process {
    child: Child,
    ended: Option<ExitStatus>,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command` with its output in `<logs>/<name>.stdout` and `<logs>/<name>.stderr`.
    ///
    /// # Errors
    ///
    /// If the files cannot be made or the program cannot be started.
    pub fn spawn(mut command: Command, logs: &Path, name: &str) -> anyhow::Result<Self> {
        let stdout = logs.join(format!("{name}.stdout"));
        let stderr = logs.join(format!("{name}.stderr"));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).with_context(|| format!("create {stdout:?}"))?)
            .stderr(File::create(&stderr).with_context(|| format!("create {stderr:?}"))?)
            .spawn()
            .with_context(|| format!("start {command:?}"))?;
        Ok(Self {
            child,
            ended: None,
            stdout,
            stderr,
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, or `None` while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("this process is our child");
        }
        self.ended
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it still runs after `deadline`.
    pub fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("process {} to end", self.pid());
        wait_until(deadline, &what, || self.exited().ok_or("it still runs"))
    }

    /// Sends SIGTERM: please finish what you hold and end.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP: open your log files anew.
    pub fn hang_up(&mut self) {
        self.signal(Signal::HUP);
    }

    /// Sends SIGKILL and waits: the process gets no chance to save anything.
    pub fn kill9(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        let status = self.child.wait().expect("this process is our child");
        self.ended = Some(status);
        status
    }

    /// Sends SIGSTOP: alive for the kernel, silent for its peers.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Sends SIGCONT, the end of [`Process::freeze`].
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Everything it has written to standard output.
    pub fn stdout(&self) -> String {
        read_lossy(&self.stdout)
    }

    /// Everything it has written to standard error.
    pub fn stderr(&self) -> String {
        read_lossy(&self.stderr)
    }

    /// The last lines of both outputs, for a message.
    pub fn tail(&self) -> String {
        format!(
            "--- stdout of process {}:\n{}\n--- stderr:\n{}",
            self.pid(),
            last_lines(&self.stdout()),
            last_lines(&self.stderr())
        )
    }

    /// What it has cost so far.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn usage(&self) -> Usage {
        let proc = PathBuf::from(format!("/proc/{}", self.pid()));
        let read = |file: &str| {
            fs::read_to_string(proc.join(file))
                .unwrap_or_else(|error| panic!("process {} is gone: {error}", self.pid()))
        };
        let files = fs::read_dir(proc.join("fd")).map_or(0, Iterator::count);
        usage_of(&read("stat"), &read("status"), files)
    }

    fn signal(&mut self, signal: Signal) {
        if self.exited().is_some() {
            return;
        }
        let pid = Pid::from_child(&self.child);
        // It cannot have been reaped in between (only `exited` reaps), so the id is still ours.
        kill_process(pid, signal).expect("an unreaped child can be signalled");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.tail());
        }
        if self.exited().is_none() {
            self.kill9();
        }
    }
}

/// Reads what `/proc/<pid>/stat` and `/proc/<pid>/status` say (proc(5)).
fn usage_of(stat: &str, status: &str, files: usize) -> Usage {
    // The name in field 2 may hold spaces and parentheses; the last `)` ends it.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |number: usize| -> u64 {
        after_name
            .split_whitespace()
            .nth(number - 3)
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
    };
    let ticks_per_s = rustix::param::clock_ticks_per_second();
    let kib = |name: &str| -> u64 {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|value| value.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or(0)
    };
    Usage {
        rss_bytes: kib("VmRSS:") * 1024,
        rss_anonymous_bytes: kib("RssAnon:") * 1024,
        rss_peak_bytes: kib("VmHWM:") * 1024,
        cpu: Duration::from_millis((field(14) + field(15)) * 1000 / ticks_per_s),
        threads: field(20),
        files,
    }
}

fn read_lossy(path: &Path) -> String {
    fs::read(path).map_or_else(
        |error| format!("(no output: {error})"),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Process, usage_of};
    use crate::wait::{DEADLINE, wait_until};

    #[test]
    fn keeps_output_and_ends_on_request() {
        let logs = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exec sleep 600"]);
        let mut process = Process::spawn(command, logs.path(), "shell").unwrap();
        wait_until(DEADLINE, "both lines", || {
            let seen = process.tail();
            if seen.contains("out\n") && seen.contains("err") {
                Ok(())
            } else {
                Err(seen)
            }
        });
        assert!(process.exited().is_none());
        assert!(process.usage().rss_bytes > 0);
        assert!(process.usage().threads >= 1);
        process.terminate();
        assert!(!process.wait_exit(DEADLINE).success());
    }

    #[test]
    fn reads_proc_despite_a_hostile_process_name() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 9 0 100 1000 10";
        let usage = usage_of(stat, "Name:\ta\nVmHWM:\t 4096 kB\nVmRSS:\t 2048 kB\n", 12);
        assert_eq!(usage.rss_bytes, 2048 * 1024);
        assert_eq!(usage.rss_peak_bytes, 4096 * 1024);
        assert_eq!(usage.cpu, Duration::from_secs(3));
        assert_eq!(usage.threads, 9);
        assert_eq!(usage.files, 12);
    }
}
