//! Bounds of this package that are not configuration, each with its arithmetic.

use core::time::Duration;

/// Servers that one request may try while no byte of it was sent. Three covers one dead rack and
/// one bad deploy; more would only make the client wait.
pub(crate) const SERVERS_TRIED_MAX: usize = 3;

/// Requests that may wait for a connection to one server on one worker. At 16 KiB of request
/// state each that is 16 MiB; beyond it an answer now is better than an answer late.
pub(crate) const WAITERS_MAX: usize = 1024;

/// Streams that we open on one HTTP/2 connection, when the peer allows more. The usual server
/// default is 100 to 128; spreading over connections beats one congested TCP stream.
pub(crate) const H2_STREAMS_MAX: usize = 128;

/// Receive window of one HTTP/2 stream, bytes: what a stalled reader can pin in memory.
pub(crate) const H2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// Receive window of one HTTP/2 connection, bytes: 16 streams at full window.
pub(crate) const H2_CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// Bytes of request bodies that one HTTP/2 stream buffers while the peer's window is closed.
pub(crate) const H2_SEND_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a response header block in HTTP/2 (AWS allows 10,240 for all response headers).
pub(crate) const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// Bytes of a response head in HTTP/1, and of what is buffered of a check's response.
pub(crate) const H1_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// An HTTP/2 connection with requests on it is pinged this often, so that a silently dead path
/// is noticed within `H2_PING_INTERVAL + H2_PING_TIMEOUT`.
pub(crate) const H2_PING_INTERVAL: Duration = Duration::from_secs(15);

/// How long the answer to a ping may take.
pub(crate) const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a worker closes connections that idled too long and forgets removed groups.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Timers that a worker keeps for reuse: one per concurrent request, 1,024 of about 150 bytes.
pub(crate) const TIMERS_KEPT_MAX: usize = 1024;

/// The shortest time for which a resolved address is used, against zero TTLs.
pub(crate) const DNS_TTL_MIN: Duration = Duration::from_secs(1);

/// The longest time for which a resolved address is used, against a TTL of days.
pub(crate) const DNS_TTL_MAX: Duration = Duration::from_secs(300);

/// After a failed look-up, the time before the next one for that name.
pub(crate) const DNS_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Addresses kept of one name.
pub(crate) const DNS_ADDRESSES_MAX: usize = 64;

/// The least time that one address gets before the next one is tried (RFC 8305, section 5,
/// recommends 250 ms between attempts).
pub(crate) const ADDRESS_ATTEMPT_MIN: Duration = Duration::from_millis(250);

/// Bytes read at once from an upgraded connection.
pub(crate) const TUNNEL_CHUNK_BYTES: usize = 16 * 1024;

/// A health check gets at least this long, so that a zero in the configuration does not mark
/// every server unhealthy.
pub(crate) const HEALTH_TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// Turns that an HTTP/2 connection's task gets to read what came with a response head: one for the first
/// chunk, one for the end behind it.
pub(crate) const EARLY_TURNS_MAX: u32 = 2;

/// Bytes of a path with its query, as other HTTP libraries bound it.
pub(crate) const TARGET_BYTES_MAX: usize = u16::MAX as usize - 1;

/// Fields of an HTTP/1 response head; AWS allows 10,240 bytes of them, so about 200 of the
/// shortest and a few dozen of usual ones.
pub(crate) const RESPONSE_FIELDS_MAX: usize = 100;

/// Interim responses (RFC 9110, section 15.2) before the final one: a progress note a second for
/// the longest integration timeout that is usual, 30 s, twice over.
pub(crate) const INTERIM_RESPONSES_MAX: u32 = 64;

/// Hexadecimal digits of a chunk size: 64 bits.
pub(crate) const CHUNK_SIZE_DIGITS_MAX: u8 = 16;

/// Bytes of chunk extensions and trailers of one response together; we read neither.
pub(crate) const CHUNK_EXTRA_BYTES_MAX: usize = 16 * 1024;

/// Bytes that are read at once from an HTTP/1 connection to begin with, and the buffer that an
/// idle one keeps: a head with a small body.
pub(crate) const H1_READ_BYTES_MIN: usize = 8 * 1024;

/// Bytes that are read at once while a large response keeps filling the buffer.
pub(crate) const H1_READ_BYTES_MAX: usize = 64 * 1024;

/// A response body of an announced length up to this is read to its end before it is handed on,
/// as far as that needs no waiting.
pub(crate) const H1_GATHER_BYTES_MAX: u64 = 64 * 1024;

/// A piece of a response body up to this is copied out of the read buffer, which then stays in
/// place; the copy is cheaper than a new buffer.
pub(crate) const H1_COPY_BYTES_MAX: usize = 4 * 1024;

/// A chunk of a request body up to this is copied behind the head or the chunks before it, to be
/// written with them; larger ones are written from where they are.
pub(crate) const H1_JOIN_BYTES_MAX: usize = 16 * 1024;
