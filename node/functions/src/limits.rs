//! Every bound of this package, with its arithmetic. One file, so that a reader sees what the
//! worst case costs.

use core::time::Duration;

/// Processes of one function, at most: whatever the setting says. 1000 is the default account
/// concurrency of AWS Lambda.
pub const CONCURRENCY_MAX: usize = 1000;

/// Invocations of one function that wait, at most: whatever the setting says. With payloads of
/// 6 MiB that is far beyond any memory, so the default is lower (1000).
pub const QUEUE_MAX: usize = 100_000;

/// A timeout at most: a year. Far beyond any use, and far below what a clock can add.
pub(crate) const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// How often the supervisor of an idle process looks whether a deadline has come about, at most:
/// an invocation with a shorter timeout may be killed that much late.
pub(crate) const IDLE_CHECK_MIN: Duration = Duration::from_millis(100);

/// Tries to run a program that is being written (ETXTBSY): for a second, which is longer than the
/// last moment of copying a file.
pub(crate) const BUSY_TRIES: usize = 50;

/// Between two of these tries.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// How long no connection is accepted when the node has no file descriptor left.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Processes of one function that start at the same time. A start costs 20 to 100 ms of CPU: 16
/// of them keep a node of two cores busy for about half a second, more would only all be slower.
pub(crate) const PARALLEL_STARTS_MAX: usize = 16;

/// The first pause after a failed start; it doubles with every further failure.
pub(crate) const BACK_OFF_FIRST: Duration = Duration::from_millis(100);

/// The longest pause between two starts of a function that cannot start.
pub(crate) const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// How long an invocation waits for a process that has just answered, before another one is
/// started for it. Coming back takes far less than a millisecond, a start takes 20 or more.
pub(crate) const SETTLE_MAX: Duration = Duration::from_millis(50);

/// How long a process may live after it reported `init/error`, or after SIGTERM.
pub(crate) const EXIT_GRACE: Duration = Duration::from_secs(2);

/// How long bytes of an exited process may take to be read from its sockets and pipes. They are
/// in the memory of this machine already, so this only bounds accidents.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(1);

/// Connections of one process to its Runtime API. The bootstraps use one; a runtime that polls
/// and answers on different connections uses two.
pub(crate) const CONNECTIONS_MAX: usize = 16;

/// Bytes of one log line, at most; the rest of a longer line is dropped (AWS: 256 KiB an event,
/// of which a collector shows a part).
pub(crate) const LOG_LINE_BYTES_MAX: usize = 8 * 1024;

/// Lines that one stream of one process may send at once to the log sink.
pub(crate) const LOG_LINES_BURST: u32 = 2000;

/// Lines per second that one stream of one process may send to the log sink for long. With
/// lines of 100 bytes that is 100 kB/s a stream.
pub(crate) const LOG_LINES_PER_SECOND: u32 = 1000;

/// Lines that a stream must be allowed to send before it may send again after a flood: those of
/// half a second.
pub(crate) const LOG_LINES_RESUME: u32 = LOG_LINES_PER_SECOND / 2;

/// Bytes taken from a pipe at once: the size of a Linux pipe.
pub(crate) const LOG_READ_BYTES: usize = 64 * 1024;

/// Chunks of a streamed response that wait for the reader. A chunk is at most what the HTTP
/// server reads at once (about 400 KiB), so a slow client holds at most a few MiB.
pub(crate) const STREAM_CHUNKS_MAX: usize = 8;

/// The JSON in front of a streamed response, in bytes.
pub const PRELUDE_BYTES_MAX: usize = 64 * 1024;

/// The body of an error report of a function, in bytes: message, type and a long stack trace.
pub(crate) const ERROR_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a refused response that are read and dropped, so that the function gets to read the
/// answer 413 instead of a reset connection. Ten times the limit of a response.
pub(crate) const REFUSED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A request id, in bytes. API Gateway uses 16, Lambda 36.
pub(crate) const REQUEST_ID_BYTES_MAX: usize = 128;

/// How often the memory of a limited process is measured.
pub(crate) const MEMORY_PERIOD: Duration = Duration::from_secs(1);

/// Tries to hand an invocation to a function that is replaced at the same moment.
pub(crate) const HANDOVER_TRIES: usize = 8;
