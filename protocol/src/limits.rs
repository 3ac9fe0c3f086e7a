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
/// Users and all that belongs to them, in bytes: half of what a piece of a state snapshot may have.
pub const IAM_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Users of the cluster (AWS: 5,000).
pub const IAM_USERS_MAX: usize = 5_000;
/// Groups of users (AWS: 300).
pub const IAM_GROUPS_MAX: usize = 300;
/// Managed policies (AWS: 1,500). With those inside users and groups that is 9 + 10 + 2 million
/// characters, and room for as much again in tags and white space.
pub const IAM_POLICIES_MAX: usize = 1_500;
/// Groups that a user is in (AWS: 10).
pub const IAM_GROUPS_PER_USER_MAX: usize = 10;
/// Managed policies attached to a user or a group (AWS: 10).
pub const IAM_ATTACHED_MAX: usize = 10;
/// Policies inside a user or a group. AWS bounds only their length together.
pub const IAM_INLINE_MAX: usize = 10;
/// Access keys of a user (AWS: 2).
pub const IAM_KEYS_PER_USER_MAX: usize = 2;
/// Tags of a user (AWS: 50).
pub const IAM_TAGS_MAX: usize = 50;
/// Characters of a tag's key and value (AWS: 128 and 256).
pub const IAM_TAG_CHARS_MAX: (usize, usize) = (128, 256);
/// A user's name in characters (AWS: 64).
pub const IAM_USER_NAME_CHARS_MAX: usize = 64;
/// The name of a group or a policy in characters (AWS: 128).
pub const IAM_NAME_CHARS_MAX: usize = 128;
/// A managed policy in characters, white space not counted (AWS: 6,144).
pub const IAM_POLICY_CHARS_MAX: usize = 6_144;
/// All policies inside a user together, counted like that (AWS: 2,048).
pub const IAM_USER_INLINE_CHARS_MAX: usize = 2_048;
/// All policies inside a group together, counted like that (AWS: 5,120).
pub const IAM_GROUP_INLINE_CHARS_MAX: usize = 5_120;
/// A policy as it was written, in bytes: what is kept of white space and of wide characters too.
pub const IAM_POLICY_BYTES_MAX: usize = 32 * 1024;
/// A managed policy's description in characters (AWS: 1,000).
pub const IAM_DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Ids of users, groups, policies and access keys, in bytes (AWS: 128).
pub const IAM_ID_BYTES_MAX: usize = 128;
/// A sealed secret in bytes: 40 characters, nonce, tag and version take 69.
pub const IAM_SEALED_BYTES_MAX: usize = 512;
/// Changes that one command about users carries.
pub const IAM_CHANGES_MAX: usize = 32;
/// How long an older root key may go on to be accepted, in milliseconds: 7 days.
pub const IAM_ROOT_OVERLAP_MS_MAX: u64 = 7 * 24 * 3_600 * 1_000;
/// Bytes that a back end may send to a WebSocket connection with one call (AWS: 128 KB).
pub const CONNECTION_DATA_BYTES_MAX: usize = 128 * 1024;
