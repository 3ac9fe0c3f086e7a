//! The settings of WebSocket connections.

use tollgate_protocol::limits::CONNECTION_DATA_BYTES_MAX;

use super::Settings;
use super::resolve::{DRAIN_SECONDS, Resolver};

/// The largest message and the largest queue that can be asked for: 1 GiB.
const BYTES_MAX: u64 = 1 << 30;
/// Milliseconds over which connections are closed unless configured.
const DRAIN_MS: u64 = 5_000;

/// How the node holds WebSocket connections. Defaults are those of AWS where it has one.
#[derive(Debug, Clone)]
pub struct WebSocketConfig {
    /// Bytes of a frame from a client.
    pub frame_bytes_max: u64,
    /// Bytes of a message from a client.
    pub message_bytes_max: usize,
    /// Whether binary messages are taken.
    pub binary: bool,
    /// Whether messages may be compressed.
    pub compression: bool,
    /// Milliseconds without a message after which a connection is closed; `None` is never.
    pub idle_ms: Option<u64>,
    /// Milliseconds that a connection may last; `None` is for ever.
    pub age_ms: Option<u64>,
    /// Milliseconds of silence after which a client is pinged; `None` is never.
    pub ping_ms: Option<u64>,
    /// Messages that may wait for a client.
    pub queue_frames_max: usize,
    /// Their bytes.
    pub queue_bytes_max: usize,
    /// Milliseconds over which connections are closed when the node stops.
    pub drain_ms: u64,
}

impl Resolver<'_> {
    pub(super) fn websocket(&mut self, s: &Settings) -> WebSocketConfig {
        let message_bytes_max = self.number(
            "websocket_message_bytes_max",
            s.websocket_message_bytes_max,
            128 * 1024,
            126..=BYTES_MAX,
        );
        WebSocketConfig {
            frame_bytes_max: self.number(
                "websocket_frame_bytes_max",
                s.websocket_frame_bytes_max,
                32 * 1024,
                126..=BYTES_MAX,
            ) as u64,
            message_bytes_max,
            binary: s.websocket_binary.unwrap_or(false),
            compression: s.websocket_compression.unwrap_or(false),
            idle_ms: self.unless_zero("websocket_idle_ms", s.websocket_idle_ms, 600_000),
            age_ms: self.unless_zero("websocket_age_ms", s.websocket_age_ms, 7_200_000),
            ping_ms: self.unless_zero("websocket_ping_ms", s.websocket_ping_ms, 60_000),
            queue_frames_max: self.number(
                "websocket_queue_frames_max",
                s.websocket_queue_frames_max,
                128,
                1..=1_000_000,
            ),
            // The longest message that a back end may send has room in it.
            queue_bytes_max: self.number(
                "websocket_queue_bytes_max",
                s.websocket_queue_bytes_max,
                1024 * 1024,
                2 * CONNECTION_DATA_BYTES_MAX as u64..=BYTES_MAX,
            ),
            drain_ms: self.websocket_drain_ms(s),
        }
    }

    /// The time is within that of the whole drain: what is not closed by then is cut, without a
    /// word to its client.
    fn websocket_drain_ms(&mut self, s: &Settings) -> u64 {
        let seconds = s.drain_seconds.unwrap_or(DRAIN_SECONDS);
        let most = seconds.saturating_mul(1_000);
        let default = DRAIN_MS.min(most).max(1);
        let drain_ms = self.timeout("websocket_drain_ms", s.websocket_drain_ms, default);
        if s.websocket_drain_ms.is_some() && drain_ms > most {
            let reason = format!("{drain_ms} ms are more than the {seconds} s of `drain_seconds`");
            self.error("websocket_drain_ms", reason);
        }
        drain_ms
    }

    /// A time that 0 switches off.
    fn unless_zero(&mut self, key: &str, value: Option<u64>, default: u64) -> Option<u64> {
        match value {
            Some(0) => None,
            value => Some(self.timeout(key, value, default)),
        }
    }
}
