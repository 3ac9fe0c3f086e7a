//! Bounds of the audit trail.

/// Bytes of one line. Parameters that would make a longer one are named by their hash.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a call's parameters that an event holds whole.
pub const PARAMETERS_BYTES_MAX: usize = 16 * 1024;
/// Characters of what a client says of itself.
pub const USER_AGENT_CHARS_MAX: usize = 256;
/// Characters of an error's text.
pub const ERROR_CHARS_MAX: usize = 1024;
/// How deep values are looked into for secrets; what lies deeper is left out.
pub const DEPTH_MAX: usize = 32;
/// Events that one search returns.
pub const FOUND_MAX: usize = 1000;
