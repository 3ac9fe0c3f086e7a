//! One invocation: what goes in, what comes out, and every way in which it can fail.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;

use crate::PayloadStream;

/// An event for a function.
#[derive(Clone)]
pub struct Invocation {
    /// The event, JSON.
    pub payload: Bytes,
    /// The id the function sees as `aws_request_id`: 1 to 128 letters, digits and `-_=.:~`.
    /// Another one is replaced, since it becomes a part of a path.
    pub request_id: String,
    /// `X-Amzn-Trace-Id` as the function sees it.
    pub trace_id: Option<String>,
    /// How long the caller waits, from now on. The function itself runs on until its own timeout,
    /// as on AWS, where the gateway's 29 s do not stop a function either.
    pub deadline: Duration,
}

impl fmt::Debug for Invocation {
    /// Prints no payload: it holds what the client sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("payload_bytes", &self.payload.len())
            .field("request_id", &self.request_id)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What a function answered.
#[derive(Debug)]
pub struct Outcome {
    /// The answer. With `function_error` it is the error as JSON, as AWS returns it.
    pub payload: Payload,
    /// The function reported an error (on AWS the header `X-Amz-Function-Error`).
    pub function_error: Option<FunctionError>,
    /// The invocation waited for a process to start.
    pub cold_start: bool,
    /// From the hand-over to the process to the answer, or to its first byte when streamed.
    pub duration: Duration,
}

/// The answer of a function.
#[derive(Debug)]
pub enum Payload {
    /// The whole answer.
    Buffered(Bytes),
    /// The answer as it is made.
    Streaming {
        /// `Content-Type` of the answer. With [`crate::HTTP_INTEGRATION_RESPONSE`] the body
        /// begins with a prelude, see [`crate::split_prelude`].
        content_type: String,
        /// The chunks. Reading slowly slows the function down.
        body: PayloadStream,
    },
}

/// An error that the function itself reported, or that its answer was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// For example `ValueError` or `Function.ResponseSizeTooLarge`.
    pub error_type: String,
    /// `{"errorMessage": ..., "errorType": ..., "stackTrace": ...}` as the function sent it.
    pub message: Bytes,
}

/// Whose patience ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutCause {
    /// The function ran longer than its `timeout_ms`; the process was killed.
    Function,
    /// The caller's deadline came while the function was running. It runs on.
    Caller,
    /// The caller's deadline came before a process was free. The invocation did not run.
    Queue,
}

/// Why an invocation has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// There is no function of this name.
    #[error("there is no function {name:?}")]
    UnknownFunction {
        /// The name that was asked for.
        name: String,
    },
    /// As many invocations wait as may wait.
    #[error("{waiting} invocations wait for a process already")]
    Overloaded {
        /// How many.
        waiting: usize,
    },
    /// It took too long.
    #[error("no answer after {after_ms} ms")]
    Timeout {
        /// How long it was, in ms.
        after_ms: u64,
        /// Which limit it was.
        cause: TimeoutCause,
    },
    /// The process ended without an answer.
    #[error("the process ended without an answer: {exit}")]
    Crashed {
        /// For example `exit status: 3` or `signal: 9 (SIGKILL)`.
        exit: String,
    },
    /// The process was killed because it used more memory than `memory_mib`.
    #[error("the process used {used_mib} MiB of {limit_mib} MiB and was killed")]
    OutOfMemory {
        /// Resident memory when it was measured.
        used_mib: u64,
        /// The limit.
        limit_mib: u64,
    },
    /// No process of the function gets ready.
    #[error("the function cannot start: {error_type}: {message}")]
    InitFailed {
        /// For example `Runtime.ImportModuleError`.
        error_type: Arc<str>,
        /// What the process reported, or how it ended.
        message: Arc<str>,
    },
    /// The event is larger than a function may get.
    #[error("the event of {bytes} bytes is larger than {bytes_max} bytes")]
    PayloadTooLarge {
        /// The size of the event.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The function is being removed, or the node stops.
    #[error("the function is stopping")]
    Stopped,
}

impl InvokeError {
    /// The `errorType` that AWS Lambda uses for it (developer guide, "Troubleshoot invocation").
    #[must_use]
    pub fn error_type(&self) -> &str {
        match self {
            Self::UnknownFunction { .. } => "ResourceNotFoundException",
            Self::Overloaded { .. } => "TooManyRequestsException",
            Self::Timeout { .. } => "Sandbox.Timedout",
            Self::Crashed { .. } => "Runtime.ExitError",
            Self::OutOfMemory { .. } => "Runtime.OutOfMemory",
            Self::InitFailed { error_type, .. } => error_type,
            Self::PayloadTooLarge { .. } => "RequestEntityTooLargeException",
            Self::Stopped => "ServiceException",
        }
    }
}
