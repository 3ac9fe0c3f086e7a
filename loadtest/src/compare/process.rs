//! A started process that ends with its owner, whatever path the code takes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use crate::limits::END_TIMEOUT;

/// Bytes of a process's last words in an error.
const LAST_WORDS_BYTES: usize = 2000;

/// How often the end of a process is looked for.
const POLL: Duration = Duration::from_millis(5);

/// A running program with its descendants, in a process group of its own: an interrupt from the
/// terminal reaches only this program, which then ends them in order.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name in messages and of its log file.
    pub name: String,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables added to the environment.
    pub environment: Vec<(&'static str, &'static str)>,
    /// Processors to keep it on, as taskset(1) takes them.
    pub cpus: Option<String>,
}

impl Process {
    /// Starts `program`; its output goes to a log file in `folder`.
    ///
    /// # Errors
    /// If the executable cannot be run.
    pub fn start(program: &Program, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{}.log", program.name));
        let output = File::create(&log).context("cannot create a log file")?;
        // taskset becomes the program, so the process id is the program's.
        let mut command = match &program.cpus {
            None => Command::new(&program.path),
            Some(cpus) => {
                let mut taskset = Command::new("taskset");
                taskset.args(["--cpu-list", cpus]).arg(&program.path);
                taskset
            }
        };
        command
            .args(&program.arguments)
            .envs(program.environment.iter().copied())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("cannot share a log file")?)
            .stderr(output);
        let child = command.spawn().with_context(|| {
            format!("cannot start {} ({})", program.name, program.path.display())
        })?;
        Ok(Self {
            name: program.name.clone(),
            child,
            log,
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Passes while the process runs.
    ///
    /// # Errors
    /// With its last words, when it has ended.
    pub fn ensure_running(&self) -> anyhow::Result<()> {
        if self.has_ended() {
            bail!(
                "{} ended by itself; its last words:\n{}",
                self.name,
                self.last_words()
            );
        }
        Ok(())
    }

    /// The end of what it wrote.
    pub fn last_words(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let from = bytes.len().saturating_sub(LAST_WORDS_BYTES);
        String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
    }

    /// Whether it has ended. It stays a zombie, so that its id, and its group's, remain its own.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let Some(pid) = self.pid() else { return true };
        !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(pid) = self.pid() else { return };
        // Politely first: a killed nginx master would leave its worker behind.
        let asked = kill_process(pid, Signal::TERM);
        let deadline = Instant::now() + END_TIMEOUT;
        while asked.is_ok() && !self.has_ended() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        // Then whatever is left of its group; the leader, not yet reaped, keeps the id from reuse.
        kill_process_group(pid, Signal::KILL).ok();
        if let Err(error) = self.child.wait() {
            eprintln!("cannot wait for {}: {error}", self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program {
            name: "shell".to_owned(),
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("WORD", "hello")],
            cpus: None,
        }
    }

    /// Waits until `seen` gives a value, for at most ten seconds.
    fn wait<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(value) = seen() {
                return value;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            thread::sleep(POLL);
        }
    }

    /// Whether the process runs: gone and zombie are both ended.
    fn runs(process: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    #[test]
    fn a_program_ends_with_its_owner_and_takes_its_children_along() {
        let folder = tempfile::tempdir().unwrap();
        // Neither listens to SIGTERM from now on; the child only dies with the group.
        let script = "sh -c 'trap \"\" TERM; echo child $$; while :; do sleep 0.1; done' & wait";
        let process = Process::start(&shell(script), folder.path()).unwrap();
        let child: u32 = wait("the child's id", || {
            process.last_words().strip_prefix("child ")?.parse().ok()
        });
        process.ensure_running().unwrap();
        assert!(runs(child) && runs(process.id()));
        let parent = process.id();
        drop(process);
        assert!(!runs(parent));
        wait("the end of the child", || (!runs(child)).then_some(()));
    }

    #[test]
    fn a_program_that_ended_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let process = Process::start(&shell("echo $WORD; exit 3"), folder.path()).unwrap();
        let error = wait("the end", || process.ensure_running().err());
        assert!(
            error.to_string().contains("shell ended by itself"),
            "{error}"
        );
        assert!(error.to_string().contains("hello"), "{error}");
    }

    #[test]
    fn what_cannot_be_started_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let program = Program {
            path: folder.path().join("none"),
            ..shell("")
        };
        let error = Process::start(&program, folder.path()).unwrap_err();
        assert!(error.to_string().contains("cannot start shell"), "{error}");
    }
}
