//! Functions: the Lambda Runtime API and the processes behind it.
//!
//! A function is a directory with code and a handler. The node starts processes for it, each of
//! which asks the [Runtime API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html)
//! for an event, answers it, and asks for the next. [`Functions`] keeps as many processes ready
//! as each [`FunctionSpec`] says and hands every [`Invocation`] to one of them.
//!
//! What runs where: `functions` is the set by name, `pool` decides for one function (its state
//! machine is a plain value), `process` looks after one process, `api` speaks with it, `logs`
//! reads what it writes.
#![forbid(unsafe_code)]

mod api;
mod environment;
mod functions;
mod host;
mod invocation;
mod limits;
mod logs;
mod pool;
mod prelude;
mod process;
mod spec;
mod stream;

pub use functions::{Functions, SyncReport};
pub use host::Error;
pub use invocation::{FunctionError, Invocation, InvokeError, Outcome, Payload, TimeoutCause};
pub use limits::{CONCURRENCY_MAX, PRELUDE_BYTES_MAX, QUEUE_MAX};
pub use logs::{LogRecord, LogSink, LogSource};
pub use pool::counters::FunctionState;
pub use prelude::{
    HTTP_INTEGRATION_RESPONSE, Prelude, PreludeError, PreludeSplitter, split_prelude,
};
pub use spec::{FunctionSpec, NodeInfo, Runtime, Settings};
pub use stream::PayloadStream;
