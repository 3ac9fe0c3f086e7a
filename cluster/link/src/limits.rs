//! What bounds links: bytes, calls, connections and times.

use std::time::Duration;

/// A body of a call or an answer, in bytes: 1 MiB, the largest Raft entry and chunk of a state
/// snapshot, and 64 KiB for what is around it.
pub const BODY_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;
/// A body of a joiner, who is nobody yet: a token, a key and a node's description.
pub const JOIN_BODY_BYTES_MAX: usize = 16 * 1024;
/// A greeting or a refusal with its text, in bytes.
pub const NOTE_BYTES_MAX: usize = 512;
/// The text of a refusal, in bytes; a longer one is cut.
pub const REFUSAL_TEXT_BYTES_MAX: usize = NOTE_BYTES_MAX - 2;
/// Bodies of calls under way on one lane, in bytes, before further ones are refused as overloaded.
/// Half of what the acceptor takes, so that it never stops reading for want of room for calls.
pub const LANE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bodies of calls and answers that one accepted connection holds, in bytes, before it stops
/// reading.
pub const ACCEPTED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes asked of a connection at a time, and thus what an announced length alone can cost.
pub const READ_BYTES: usize = 16 * 1024;
/// Small frames are collected up to this many bytes before they are written.
pub const WRITE_BYTES: usize = 64 * 1024;

/// Unknown nodes whose calls are remembered until somebody is asked about them; a cluster is rarely
/// that many nodes ahead of one of its own.
pub const STRANGERS_MAX: usize = 64;
/// Addresses tried for one node.
pub const ADDRESSES_MAX: usize = tollgate_protocol::limits::NODE_ADDRESSES_MAX;
/// Connections that have not said yet who they are.
pub const GREETINGS_MAX: usize = 256;
/// Of those, from one IP address: one host cannot keep the others out.
pub const GREETINGS_PER_ADDRESS_MAX: usize = 64;
/// Joiners served at a time.
pub const JOINERS_MAX: usize = 16;
/// Joiners let in at once after a quiet time, each a handshake of about a millisecond of CPU.
pub const JOINERS_BURST: u32 = 50;
/// Further joiners a second.
pub const JOINERS_PER_SECOND: u32 = 10;

/// How long connecting to one address may take, greeting included.
pub const DIAL_WITHIN: Duration = Duration::from_secs(2);
/// How long a new connection may take to say who it is.
pub const GREET_WITHIN: Duration = Duration::from_secs(5);
/// How long a joiner's whole connection may last: the leader commits two entries for it.
pub const JOIN_WITHIN: Duration = Duration::from_secs(30);
/// The longest deadline of a call that a peer takes seriously.
pub const CALL_WITHIN_MAX: Duration = Duration::from_secs(300);
/// How often either end says that it lives, calls or not.
pub const BEAT: Duration = Duration::from_secs(1);
/// A connection on which nothing came for so long is dead: a few lost beats, and well below the
/// time after which TCP gives up.
pub const SILENCE_MAX: Duration = Duration::from_secs(5);
/// A lane without calls is closed after this.
pub const IDLE_MAX: Duration = Duration::from_secs(60);
/// How long a closing connection may take to deliver its last words.
pub const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);
/// How long closing all links may take.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(3);
/// The pause after the first failed dial; each further failure doubles it.
pub const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// The longest pause, and thus about how long a healed network goes unnoticed.
pub const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// The pause after `accept` failed, which is mostly for want of file descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
