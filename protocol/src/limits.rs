//! Every bound that is not configuration, with its arithmetic.

/// Header bytes of a request, names and values (AWS: 10,240 with the request line). Configurable.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Header fields of a request.
pub const HEADER_FIELDS_MAX: usize = 100;
/// The request target in bytes (AWS: 10,240 for regional endpoints). Configurable.
pub const TARGET_BYTES_MAX: usize = 10_240;
/// A buffered request body for a function, in bytes (AWS: 6 MiB synchronous payload).
pub const FUNCTION_PAYLOAD_BYTES_MAX: u64 = 6 * 1024 * 1024;
/// A body buffered for parameter mapping's JSONPath, in bytes (AWS: 100 KB).
pub const MAPPING_BODY_BYTES_MAX: usize = 100 * 1024;
/// The default integration timeout of an HTTP API in milliseconds (AWS: 30 s, fixed).
pub const INTEGRATION_TIMEOUT_MS: u64 = 30_000;
/// An object in the response cache, in bytes (AWS: 1 MiB).
pub const CACHED_OBJECT_BYTES_MAX: u64 = 1024 * 1024;
/// The longest cache TTL in seconds unless configured (AWS: 3,600).
pub const CACHE_TTL_SECONDS_MAX: u64 = 3_600;
/// An access log template in bytes (AWS: 3 KB).
pub const LOG_FORMAT_BYTES_MAX: usize = 3 * 1024;
/// A command in the log, in bytes: also the bound for a whole document applied at once.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Old deployments kept per API beside those that a stage points at.
pub const DEPLOYMENTS_KEPT: usize = 10;
/// Remembered answers to proposals, for retries: the newest of all clients. With a thousand changes
/// a second that is most of a minute; a node repeats for 20 s.
pub const PROPOSALS_REMEMBERED: usize = 50_000;
/// The largest quota: 2^53, so that it is exact as a JSON number.
pub const QUOTA_MAX: u64 = 1 << 53;
/// The largest burst of a token bucket.
pub const BURST_MAX: u32 = 1_000_000_000;
/// Usage plans that one API key may be in (AWS: 10).
pub const PLANS_PER_KEY_MAX: usize = 10;
/// Days of usage kept for GetUsage (AWS: a range of 90 days).
pub const USAGE_DAYS_KEPT: u64 = 100;
/// Nodes of a cluster at a time: full gateways, of which at most 5 vote.
pub const NODES_MAX: u64 = 1_000;
/// Nodes that a cluster ever had. Removed ones are remembered so that neither id nor key comes
/// back: 10,000 of at most 1 KiB are 10 MiB.
pub const NODES_EVER_MAX: usize = 10_000;
/// A node's name in bytes (RFC 1035: a host name has at most 253).
pub const NODE_NAME_BYTES_MAX: usize = 253;
/// The text of a release in bytes.
pub const NODE_VERSION_BYTES_MAX: usize = 64;
/// Addresses of a node's listener.
pub const NODE_ADDRESSES_MAX: usize = 8;
/// An address in bytes: a host name, a colon and a port.
pub const NODE_ADDRESS_BYTES_MAX: usize = 253 + 6;
/// The authority's certificate and its sealed key, in bytes each: an RSA-4096 chain takes 6 KiB.
pub const AUTHORITY_BYTES_MAX: usize = 16 * 1024;
/// Join tokens at a time.
pub const TOKENS_MAX: usize = 1_000;
/// The name of a join token, in bytes.
pub const TOKEN_ID_BYTES_MAX: usize = 64;
/// How long a join token may be valid, in milliseconds: 30 days.
pub const TOKEN_TTL_MS_MAX: u64 = 30 * 24 * 3_600 * 1_000;
/// How long an expired join token is remembered, in milliseconds, so that a late joiner is told
/// why it is refused: a day.
pub const TOKEN_REMEMBERED_MS: u64 = 24 * 3_600 * 1_000;
/// Who asked for a change, in bytes: an access key id (AWS: 128).
pub const WHO_BYTES_MAX: usize = 128;
/// Revisions of the configuration that are remembered: the newest.
pub const HISTORY_REVISIONS_MAX: usize = 1_000;
/// Resources that a remembered revision names; it counts the others.
pub const HISTORY_NAMED_MAX: usize = 5;
/// The bytes of their changes, there and back: a quarter of what a node may need beside its work.
pub const HISTORY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A record of a state snapshot in bytes: it is sent, checked and applied piece by piece.
pub const SNAPSHOT_RECORD_BYTES_MAX: usize = 1024 * 1024;
