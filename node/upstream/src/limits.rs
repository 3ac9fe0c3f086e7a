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

/// Bytes that an HTTP/1 connection buffers in each direction; bounds a response head as well.
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

/// After the last byte of a response, how long its connection may take to become usable again
/// when the request is already sent in full.
pub(crate) const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// A health check gets at least this long, so that a zero in the configuration does not mark
/// every server unhealthy.
pub(crate) const HEALTH_TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// Turns that a connection's task gets to read what came with a response head: one for the first
/// chunk, one for the end behind it.
pub(crate) const EARLY_TURNS_MAX: u32 = 2;
