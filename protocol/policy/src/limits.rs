//! Every bound of a policy, with its source or its arithmetic.

/// Bytes of a document that are read at all, white space included (IAM: `PolicyDocument` has at
/// most 131,072 characters).
pub const DOCUMENT_BYTES_MAX: usize = 131_072;
/// Characters of a policy for users and groups, white space not counted (IAM: 6,144 for a managed
/// policy).
pub const IDENTITY_CHARS_MAX: usize = 6_144;
/// Characters of an API's resource policy, white space not counted (API Gateway: 8,192 bytes).
pub const RESOURCE_CHARS_MAX: usize = 8_192;
/// Characters of what an authorizer returns, white space not counted (API Gateway: 8 KB).
pub const AUTHORIZER_CHARS_MAX: usize = 8_192;
/// Statements of a document. The shortest useful one has 46 characters, so 8,192 hold 178.
pub const STATEMENTS_MAX: usize = 200;
/// Characters of a resource in what an authorizer returns (API Gateway: 512).
pub const AUTHORIZER_RESOURCE_CHARS_MAX: usize = 512;
/// How deep JSON may nest: a condition's values are at depth 6, `serde_json` stops at 128 by
/// itself.
pub const DEPTH_MAX: usize = 16;
/// Digits of a number before its decimal point: 10^18 fits 64 bits.
pub const NUMBER_DIGITS_MAX: usize = 18;
/// Digits of a number or of seconds behind the decimal point.
pub const FRACTION_DIGITS_MAX: usize = 9;
