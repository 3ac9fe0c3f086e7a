//! What a function is: the values that the configuration sets. Changing one of them replaces the
//! processes, so everything that a process is started with is here.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::limits;

/// The language a function is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// Python 3.9 or newer, with the built-in bootstrap.
    Python,
    /// Node.js 18 or newer, with the built-in bootstrap.
    NodeJs,
    /// Any program that speaks the Lambda Runtime API, as `provided.al2023` on AWS.
    Provided,
}

/// A function and how many processes it may have.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionSpec {
    /// The name by which it is invoked, unique in a node.
    pub name: String,
    /// The language.
    pub runtime: Runtime,
    /// Where the code is; also the working directory of the processes.
    pub directory: PathBuf,
    /// `module.function`, a path in front of the module is allowed (`src/app.handler`). For
    /// [`Runtime::Provided`] it is passed on as `_HANDLER` and may be anything.
    pub handler: String,
    /// Replaces the program. Python and Node.js: the interpreter and its options, to which the
    /// bootstrap is appended, for example `["./.venv/bin/python"]`. Provided: the whole command.
    /// Empty: `python3`, `node`, or the file `bootstrap` in the directory. A first word that
    /// begins with `./` is looked up in the directory.
    pub command: Vec<String>,
    /// Variables for the process, on top of those that AWS defines.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may run, in ms. Then the process is killed.
    pub timeout_ms: u64,
    /// Processes at most; a process serves one invocation at a time. 1 to 1000.
    pub concurrency: usize,
    /// Processes kept ready beyond those that are busy, at most `concurrency`.
    pub warm: usize,
    /// Resident memory of a process at most, in MiB. `None`: no limit.
    pub memory_mib: Option<u64>,
    /// How long a process may take from its start to its first request for work, in ms.
    pub init_timeout_ms: u64,
    /// How long a process beyond `warm` may be idle before it is stopped, in ms.
    pub idle_timeout_ms: u64,
    /// Invocations that wait for a process at most; more are refused at once.
    pub queue_max: usize,
}

impl FunctionSpec {
    /// A function with the defaults of every other setting.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        runtime: Runtime,
        directory: impl Into<PathBuf>,
        handler: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            runtime,
            directory: directory.into(),
            handler: handler.into(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            timeout_ms: 30_000,
            concurrency: 4,
            warm: 1,
            memory_mib: None,
            init_timeout_ms: 10_000,
            idle_timeout_ms: 300_000,
            queue_max: 1000,
        }
    }

    pub(crate) fn policy(&self) -> Policy {
        let concurrency = self.concurrency.clamp(1, limits::CONCURRENCY_MAX);
        Policy {
            concurrency,
            warm: self.warm.min(concurrency),
            queue_max: self.queue_max.clamp(1, limits::QUEUE_MAX),
            timeout: duration(self.timeout_ms.max(1)),
            init_timeout: duration(self.init_timeout_ms.max(1)),
            idle_timeout: duration(self.idle_timeout_ms),
        }
    }
}

fn duration(ms: u64) -> Duration {
    Duration::from_millis(ms).min(limits::TIMEOUT_MAX)
}

impl fmt::Debug for FunctionSpec {
    /// Prints the names of the environment only: a value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionSpec")
            .field("name", &self.name)
            .field("runtime", &self.runtime)
            .field("directory", &self.directory)
            .field("handler", &self.handler)
            .field("command", &self.command)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .field("timeout_ms", &self.timeout_ms)
            .field("concurrency", &self.concurrency)
            .field("warm", &self.warm)
            .field("memory_mib", &self.memory_mib)
            .field("init_timeout_ms", &self.init_timeout_ms)
            .field("idle_timeout_ms", &self.idle_timeout_ms)
            .field("queue_max", &self.queue_max)
            .finish()
    }
}

/// The numbers of a spec, within their bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) concurrency: usize,
    pub(crate) warm: usize,
    pub(crate) queue_max: usize,
    pub(crate) timeout: Duration,
    pub(crate) init_timeout: Duration,
    pub(crate) idle_timeout: Duration,
}

/// Who this node says it is towards functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// `AWS_REGION` and the region in ARNs, for example `eu-central-1`.
    pub region: String,
    /// The twelve digits in ARNs.
    pub account_id: String,
}

impl NodeInfo {
    /// The ARN of a function (AWS Lambda developer guide, "Resources").
    #[must_use]
    pub fn function_arn(&self, name: &str) -> String {
        format!(
            "arn:aws:lambda:{}:{}:function:{name}",
            self.region, self.account_id
        )
    }
}

/// Where the runtime finds and puts things on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who this node is.
    pub node: NodeInfo,
    /// A directory for the bootstraps and the bytecode cache of Python. It is created; nobody
    /// but the user of the node may write to it, since what is in it is run.
    pub work_directory: PathBuf,
    /// `PATH` of the processes, by which `python3` and `node` are found too.
    pub path: String,
    /// An event at most, in bytes. AWS: 6 MiB.
    pub request_bytes_max: usize,
    /// A buffered response at most, in bytes. AWS: 6 MiB. Streamed responses have no limit.
    pub response_bytes_max: usize,
}

impl Settings {
    /// The usual places and the limits of AWS.
    #[must_use]
    pub fn new(node: NodeInfo, work_directory: impl Into<PathBuf>) -> Self {
        const PAYLOAD: usize = tollgate_protocol::limits::FUNCTION_PAYLOAD_BYTES_MAX as usize;
        Self {
            node,
            work_directory: work_directory.into(),
            path: "/usr/local/bin:/usr/bin:/bin".into(),
            request_bytes_max: PAYLOAD,
            response_bytes_max: PAYLOAD,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_values_of_the_environment() {
        let mut spec = FunctionSpec::new("f", Runtime::Python, "/srv/f", "app.handler");
        spec.environment
            .insert("DB_PASSWORD".into(), "hunter2".into());
        let shown = format!("{spec:?}");
        assert!(
            shown.contains("DB_PASSWORD") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn numbers_out_of_bounds_are_brought_within() {
        let mut spec = FunctionSpec::new("f", Runtime::Python, "/srv/f", "app.handler");
        spec.concurrency = 0;
        spec.warm = 7;
        spec.queue_max = usize::MAX;
        (spec.timeout_ms, spec.idle_timeout_ms) = (u64::MAX, u64::MAX);
        let policy = spec.policy();
        assert_eq!(policy.timeout, limits::TIMEOUT_MAX);
        assert_eq!(policy.idle_timeout, limits::TIMEOUT_MAX);
        assert_eq!(
            (policy.concurrency, policy.warm, policy.queue_max),
            (1, 1, limits::QUEUE_MAX)
        );
    }
}
