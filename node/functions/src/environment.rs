//! The command line and the environment of a process. The environment begins empty: what the
//! node was started with holds secrets that are no function's business.
//!
//! Source of the names: AWS Lambda developer guide, "Using environment variables".

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::host::Host;
use crate::spec::{FunctionSpec, Runtime};

/// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` of a function without a limit: the default of AWS. Some
/// runtimes refuse to start without a number.
const MEMORY_MIB_DEFAULT: u64 = 128;

/// The part of `memory_mib` that the heap of V8 may use, in per cent. The rest is for buffers,
/// code and stacks; without this V8 would grow until the process is killed.
const HEAP_PER_CENT: u64 = 75;

/// A program and its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

/// What to run for a function.
pub(crate) fn command_line(spec: &FunctionSpec, host: &Host) -> CommandLine {
    let mut words = spec.command.iter();
    let given = words.next().map(|word| match word.strip_prefix("./") {
        Some(inside) => spec.directory.join(inside),
        None => word.into(),
    });
    let mut arguments: Vec<OsString> = words.map(OsString::from).collect();
    let program = match spec.runtime {
        Runtime::Python => {
            arguments.extend(["-u".into(), host.python_bootstrap.clone().into()]);
            given.unwrap_or_else(|| "python3".into())
        }
        Runtime::NodeJs => {
            if let Some(mib) = spec.memory_mib {
                let heap_mib = (mib * HEAP_PER_CENT / 100).max(1);
                arguments.push(format!("--max-old-space-size={heap_mib}").into());
            }
            arguments.push(host.node_bootstrap.clone().into());
            given.unwrap_or_else(|| "node".into())
        }
        Runtime::Provided => given.unwrap_or_else(|| spec.directory.join("bootstrap")),
    };
    CommandLine { program, arguments }
}

/// The whole environment of a process whose Runtime API is at `api`.
pub(crate) fn variables(
    spec: &FunctionSpec,
    host: &Host,
    api: SocketAddr,
    now: OffsetDateTime,
) -> BTreeMap<OsString, OsString> {
    let settings = &host.settings;
    let text = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
    let mut all = BTreeMap::from([
        text("PATH", &settings.path),
        text("LANG", "C.UTF-8"),
        text("TZ", ":UTC"),
        text("AWS_REGION", &settings.node.region),
        text("AWS_DEFAULT_REGION", &settings.node.region),
    ]);
    if spec.runtime == Runtime::Python {
        all.insert(
            "PYTHONPYCACHEPREFIX".into(),
            host.python_cache.clone().into(),
        );
    }
    for (name, value) in &spec.environment {
        // Neither is possible in an environment, and the start would fail.
        if !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0') {
            all.insert(name.into(), value.into());
        }
    }
    // These describe the process itself; a function cannot change them, nor can it on AWS.
    let memory_mib = spec.memory_mib.unwrap_or(MEMORY_MIB_DEFAULT);
    all.extend([
        text("_HANDLER", &spec.handler),
        text("AWS_EXECUTION_ENV", execution_environment(spec.runtime)),
        text("AWS_LAMBDA_RUNTIME_API", &api.to_string()),
        text("AWS_LAMBDA_FUNCTION_NAME", &spec.name),
        text("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory_mib.to_string()),
        text("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        text(
            "AWS_LAMBDA_LOG_GROUP_NAME",
            &format!("/aws/lambda/{}", spec.name),
        ),
        text("AWS_LAMBDA_LOG_STREAM_NAME", &log_stream(api, now)),
    ]);
    all.insert("LAMBDA_TASK_ROOT".into(), absolute(&spec.directory).into());
    all.insert(
        "LAMBDA_RUNTIME_DIR".into(),
        absolute(&settings.work_directory).into(),
    );
    all
}

fn execution_environment(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Python => "AWS_Lambda_python3",
        Runtime::NodeJs => "AWS_Lambda_nodejs",
        Runtime::Provided => "AWS_Lambda_provided",
    }
}

/// `2026/01/31/[$LATEST]` and 32 hexadecimal digits that no other process has.
fn log_stream(api: SocketAddr, now: OffsetDateTime) -> String {
    let (year, month, day) = now.to_calendar_date();
    let unique = (now.unix_timestamp_nanos().unsigned_abs() << 16) | u128::from(api.port());
    format!(
        "{year:04}/{:02}/{day:02}/[$LATEST]{unique:032x}",
        u8::from(month)
    )
}

/// A path that means the same from another working directory.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogSink, NodeInfo, Settings};

    fn host() -> (tempfile::TempDir, Host) {
        let directory = tempfile::tempdir().unwrap();
        let node = NodeInfo {
            region: "eu-west-1".into(),
            account_id: "000000000000".into(),
        };
        let settings = Settings::new(node, directory.path().join("work"));
        (
            directory,
            Host::new(settings, LogSink::new(|_| {})).unwrap(),
        )
    }

    fn values(spec: &FunctionSpec) -> BTreeMap<OsString, OsString> {
        let (_directory, host) = host();
        variables(
            spec,
            &host,
            ([127, 0, 0, 1], 9001).into(),
            OffsetDateTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn a_function_may_set_what_aws_lets_it_set_and_nothing_else() {
        let mut spec = FunctionSpec::new("hello", Runtime::NodeJs, "/", "app.handler");
        for (name, value) in [
            ("TZ", "Europe/Berlin"),
            ("_HANDLER", "evil"),
            ("A=B", "x"),
            ("N", "a\0b"),
        ] {
            spec.environment.insert(name.into(), value.into());
        }
        let all = values(&spec);
        let get = |name: &str| all.get(&OsString::from(name)).map(|v| v.to_str().unwrap());
        assert_eq!(get("TZ"), Some("Europe/Berlin"));
        assert_eq!(get("_HANDLER"), Some("app.handler"));
        assert_eq!((get("A=B"), get("N"), get("HOME")), (None, None, None));
        assert_eq!(get("AWS_LAMBDA_RUNTIME_API"), Some("127.0.0.1:9001"));
        assert_eq!(get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), Some("128"));
        let stream = get("AWS_LAMBDA_LOG_STREAM_NAME").unwrap();
        assert_eq!(stream, format!("1970/01/01/[$LATEST]{:032x}", 9001));
    }

    #[test]
    fn a_command_replaces_the_interpreter_or_the_program() {
        let (_directory, host) = host();
        let mut spec = FunctionSpec::new("f", Runtime::Provided, "/srv/f", "");
        assert_eq!(
            command_line(&spec, &host).program,
            Path::new("/srv/f/bootstrap")
        );
        spec.command = ["./run", "--fast"].map(String::from).to_vec();
        let line = command_line(&spec, &host);
        assert_eq!(line.program, Path::new("/srv/f/run"));
        assert_eq!(line.arguments, ["--fast"]);
        spec.runtime = Runtime::NodeJs;
        spec.memory_mib = Some(200);
        spec.command.clear();
        let line = command_line(&spec, &host);
        assert_eq!(line.program, Path::new("node"));
        assert_eq!(line.arguments[0], "--max-old-space-size=150");
        assert_eq!(line.arguments[1], host.node_bootstrap);
    }
}
