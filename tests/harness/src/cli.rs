//! The `tollgate` command as a user calls it.

use std::ffi::OsStr;
use std::process::{Command, Output};

use crate::binary::tollgate_binary;

/// What a command said and how it ended.
#[derive(Clone, Debug)]
pub struct CliOutput {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Data.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
}

impl CliOutput {
    /// The JSON on standard output, of a command that must have succeeded.
    ///
    /// # Panics
    ///
    /// If the command failed or printed something else.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

/// Runs `tollgate ARGS` to its end, with none of the caller's `TOLLGATE_*` settings.
pub fn tollgate<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> CliOutput {
    run(bare_command().args(args))
}

/// The binary under test without inherited settings.
pub(crate) fn bare_command() -> Command {
    bare_command_under(&[])
}

/// [`bare_command`] by another program, if there is one.
pub(crate) fn bare_command_under(program: &[String]) -> Command {
    let mut command = match program {
        [] => Command::new(tollgate_binary()),
        [program, args @ ..] => {
            let mut command = Command::new(program);
            command.args(args).arg(tollgate_binary());
            command
        }
    };
    for (name, _) in std::env::vars_os() {
        let ours = name.to_string_lossy().starts_with("TOLLGATE_");
        if ours {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn run(command: &mut Command) -> CliOutput {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("run {command:?}: {error}"));
    CliOutput {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}
