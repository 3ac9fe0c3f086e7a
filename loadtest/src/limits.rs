//! Every bound of the load generator, with its arithmetic, so that a run ends by itself and its
//! memory is known before it starts.

use std::time::Duration;

/// Longest measured part of a run. With [`RATE_MAX`] it bounds a run to 3.6e9 arrivals, far inside
/// the 2^53 up to which the schedule's arithmetic is exact.
pub const DURATION_MAX: Duration = Duration::from_secs(3600);
/// Highest rate of arrivals per second.
pub const RATE_MAX: f64 = 1_000_000.0;
/// Most connections of a run; each holds one read buffer of [`READ_BUFFER_BYTES`] (160 MiB in all).
pub const CONNECTIONS_MAX: usize = 10_000;
/// Most WebSocket connections of a run: of the 20,000 files that test machines allow a process, some
/// are its own. One that waits holds no buffer.
pub const WEBSOCKETS_MAX: usize = 19_000;
/// Most WebSocket messages that leave together.
pub const BURST_MAX: usize = 1_000;
/// Longest payload of a WebSocket message.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Most worker threads.
pub const THREADS_MAX: usize = 64;
/// Largest generated or loaded request body.
pub const REQUEST_BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes reserved for one read from a connection.
pub const READ_BUFFER_BYTES: usize = 16 * 1024;
/// Longest status line and headers of an answer; a longer head is a protocol error.
pub const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most header fields of an answer.
pub const RESPONSE_HEADERS_MAX: usize = 128;
/// Longest chunk-size or trailer line of an answer.
pub const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;
/// Most bytes of trailers after a chunked body.
pub const TRAILER_BYTES_MAX: usize = 16 * 1024;
/// Most interim (1xx) answers before the final one.
pub const INTERIM_RESPONSES_MAX: u32 = 16;
/// Largest answer body kept by a probe; bodies under load are counted and thrown away.
pub const PROBE_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Longest wait for one answer, and the default.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// How long after the last scheduled arrival the run still sends the backlog and waits for answers.
pub const DRAIN: Duration = Duration::from_secs(2);
/// Pause of one connection after a failed attempt, so that a dead server is not hammered.
pub const RECONNECT_PAUSE: Duration = Duration::from_millis(10);
/// Largest latency told apart, in nanoseconds: above [`TIMEOUT_MAX`] plus the longest backlog.
pub const LATENCY_NS_MAX: u64 = 3_600_000_000_000;
/// Points of the timeline aimed at; the interval grows with the run.
pub const TIMELINE_SLOTS: u32 = 60;
/// Shortest interval of the timeline.
pub const TIMELINE_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// Most points of the timeline per worker: the aim, the drain at the shortest interval (20), and
/// rounding. A point holds a histogram of about 40 KiB, so a worker's timeline stays under 5 MiB.
pub const TIMELINE_SLOTS_MAX: usize = 100;
/// Longest wait until a started gateway answers as expected.
pub const READY_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest wait for a process to end after SIGTERM, before SIGKILL.
pub const END_TIMEOUT: Duration = Duration::from_secs(3);
/// Most rounds of a comparison.
pub const ROUNDS_MAX: u32 = 100;
