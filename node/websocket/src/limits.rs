//! The bounds of a connection: those of the package, and those that its user sets.

/// Bytes that are read at a time, into a buffer that the connections of a worker share. What a
/// busy connection has read and not decoded is at most this.
pub(crate) const READ_BYTES: usize = 16 * 1024;
/// Bytes of small frames that are gathered into one write: a TLS record.
pub(crate) const WRITE_BYTES: usize = 16 * 1024;
/// Empty fragments of one message. Each of the others uses up some of the message's bytes; these
/// would go on for ever.
pub(crate) const EMPTY_FRAGMENTS_MAX: u16 = 128;
/// Reads of a connection before the others of its worker get their turn.
pub(crate) const TURN_READS_MAX: usize = 8;
/// Bytes of messages, inflated, that a connection delivers before the others get their turn: with
/// one message more at most. One read holds a hundred messages that are a thousand times larger.
pub(crate) const TURN_BYTES_MAX: usize = 256 * 1024;
/// Messages and control frames, however short, for the same reason.
pub(crate) const TURN_EVENTS_MAX: usize = 256;
/// Bytes that are thrown away after the last frame, so that it is not lost in a reset.
pub(crate) const LINGER_BYTES_MAX: usize = 1024 * 1024;
/// How long what is queued in front of our close may take to be written, in milliseconds, however
/// steadily the client takes it.
pub(crate) const CLOSE_WRITE_MS_MAX: u64 = 60 * 1_000;
/// Bytes of a reason in a close frame: 125 of a control frame without the code (RFC 6455, 5.5).
pub(crate) const REASON_BYTES_MAX: usize = 123;
/// Messages below this many bytes are not compressed: it would save less than it costs.
pub(crate) const DEFLATE_BYTES_MIN: usize = 64;
/// The window of what we compress, as a power of two: most of what 15 saves, in an eighth of the
/// memory, and clients that ask for less than 15 ask for this.
pub(crate) const DEFLATE_WINDOW_BITS: u8 = 12;
/// Extension offers of a handshake that are looked at.
pub(crate) const OFFERS_MAX: usize = 16;
/// Subprotocols of a handshake that are looked at.
pub(crate) const PROTOCOLS_MAX: usize = 32;

/// What a connection may take and how long; the defaults are those of AWS where it has one.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Payload bytes of a frame from the client; more closes with 1009 (AWS: 32 KiB).
    pub frame_bytes_max: u64,
    /// Bytes of a message from the client, inflated; more closes with 1009 (AWS: 128 KiB).
    pub message_bytes_max: usize,
    /// Whether binary messages are taken; else they close with 1003, as AWS does.
    pub binary: bool,
    /// Frames that wait to be written, those that are being written among them.
    pub queue_frames_max: usize,
    /// Their bytes. A message that is longer than this by itself can never be queued.
    pub queue_bytes_max: usize,
    /// How long there may be no message in either direction and no ping from the client, in
    /// milliseconds; then 1001 (AWS: 10 minutes). `None` for ever.
    pub idle_ms: Option<u64>,
    /// How long a connection may last, in milliseconds; then 1001 (AWS: 2 hours). `None` for ever.
    pub age_ms: Option<u64>,
    /// After how long without a byte from the client it is asked for a sign of life, in
    /// milliseconds. `None` never.
    pub ping_ms: Option<u64>,
    /// How long the client may take for that sign, in milliseconds; then the connection is dropped.
    pub pong_ms: u64,
    /// How long the client may take nothing of what waits for it, in milliseconds; then 1008.
    pub blocked_ms: u64,
    /// How long the client may take from the first byte of a message to the last, in milliseconds;
    /// then 1008. Pings do not help: what is begun takes memory.
    pub message_ms: u64,
    /// How long the client may take to answer a close, and nothing of what is in front of it, in
    /// milliseconds; then it is dropped.
    pub close_ms: u64,
    /// Over how long connections are closed with 1001 when the node drains, in milliseconds.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 32 * 1024,
            message_bytes_max: 128 * 1024,
            binary: true,
            queue_frames_max: 128,
            queue_bytes_max: 1024 * 1024,
            idle_ms: Some(10 * 60 * 1_000),
            age_ms: Some(2 * 3_600 * 1_000),
            ping_ms: Some(60 * 1_000),
            pong_ms: 20 * 1_000,
            blocked_ms: 10 * 1_000,
            message_ms: 60 * 1_000,
            close_ms: 5 * 1_000,
            drain_ms: 5 * 1_000,
        }
    }
}
