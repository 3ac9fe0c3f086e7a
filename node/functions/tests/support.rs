//! A directory for code, the functions in it, and what they logged.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tollgate_functions::{
    FunctionSpec, FunctionState, Functions, Invocation, InvokeError, LogRecord, LogSink, NodeInfo,
    Outcome, Payload, Runtime, Settings,
};

/// Far longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) functions: Functions,
    directory: TempDir,
    logs: Arc<Mutex<Vec<LogRecord>>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let node = NodeInfo {
            region: "eu-west-1".into(),
            account_id: "123456789012".into(),
        };
        let settings = Settings::new(node, directory.path().join("work"));
        let logs = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&logs);
        let sink = LogSink::new(move |record| sink.lock().unwrap().push(record));
        let functions = Functions::new(Handle::current(), settings, sink).unwrap();
        std::fs::create_dir(directory.path().join("code")).unwrap();
        Self {
            functions,
            directory,
            logs,
        }
    }

    pub(crate) fn code(&self) -> PathBuf {
        self.directory.path().join("code")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.code().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The function `f` in Python, with one process.
    pub(crate) fn python(&self, code: &str) -> FunctionSpec {
        self.write("app.py", code);
        one_process(Runtime::Python, self.code())
    }

    /// The function `f` in JavaScript, with one process.
    pub(crate) fn nodejs(&self, code: &str) -> FunctionSpec {
        self.write("app.js", code);
        one_process(Runtime::NodeJs, self.code())
    }

    pub(crate) async fn invoke(&self, event: &str) -> Result<Outcome, InvokeError> {
        self.functions.invoke("f", invocation(event)).await
    }

    /// Invokes `f`, which has to answer.
    pub(crate) async fn answer(&self, event: &str) -> Value {
        let outcome = self.invoke(event).await.unwrap();
        assert_eq!(outcome.function_error, None);
        json(&outcome)
    }

    /// Invokes `f`, which has to report an error: its type and JSON.
    pub(crate) async fn error(&self, event: &str) -> (String, Value) {
        let outcome = self.invoke(event).await.unwrap();
        let error = outcome.function_error.as_ref().unwrap();
        (error.error_type.clone(), json(&outcome))
    }

    pub(crate) fn state(&self) -> FunctionState {
        self.functions
            .observe()
            .into_iter()
            .find(|state| state.name == "f")
            .unwrap_or_default()
    }

    pub(crate) fn logs(&self) -> Vec<LogRecord> {
        self.logs.lock().unwrap().clone()
    }

    pub(crate) async fn until_state(&self, good: impl Fn(&FunctionState) -> bool) -> FunctionState {
        until(|| self.state(), good).await
    }

    /// Waits for a line of the log.
    pub(crate) async fn until_logged(&self, text: &str) -> LogRecord {
        let all = until(
            || self.logs(),
            |all| all.iter().any(|r| r.text.contains(text)),
        )
        .await;
        all.into_iter()
            .find(|record| record.text.contains(text))
            .unwrap()
    }
}

pub(crate) fn invocation(event: &str) -> Invocation {
    Invocation {
        payload: Bytes::copy_from_slice(event.as_bytes()),
        request_id: "test-request".into(),
        trace_id: None,
        deadline: PATIENCE,
    }
}

pub(crate) fn bytes(outcome: &Outcome) -> &Bytes {
    match &outcome.payload {
        Payload::Buffered(bytes) => bytes,
        Payload::Streaming { .. } => panic!("streamed"),
    }
}

pub(crate) fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(bytes(outcome)).unwrap()
}

/// Waits until a value is good.
pub(crate) async fn until<T: std::fmt::Debug>(
    mut read: impl FnMut() -> T,
    good: impl Fn(&T) -> bool,
) -> T {
    let start = Instant::now();
    loop {
        let value = read();
        if good(&value) {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "last seen: {value:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process exists and is not a zombie.
pub(crate) fn is_alive(process_id: u64) -> bool {
    std::fs::read_to_string(format!("/proc/{process_id}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .trim_start()
            .starts_with('Z')
    })
}

/// So that one invocation after another gets the same process.
fn one_process(runtime: Runtime, directory: PathBuf) -> FunctionSpec {
    FunctionSpec {
        concurrency: 1,
        ..FunctionSpec::new("f", runtime, directory, "app.handler")
    }
}
