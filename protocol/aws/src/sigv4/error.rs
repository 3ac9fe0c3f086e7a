//! Why a caller is refused, and what AWS tells him.

use super::date::AmzDate;
use crate::{AwsError, ErrorKind};

/// What is wrong with the parts of a signature, before anything is computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncompleteSignature {
    /// Parts are missing, named as AWS does.
    #[error("missing from the signature: {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// A part of the `Authorization` header has no equal sign.
    #[error("a part of the authorization header is not a key and a value")]
    NotKeyValue,
    /// A part occurs twice.
    #[error("{0} occurs more than once")]
    Repeated(&'static str),
    /// Header form and query form at once.
    #[error("both the authorization header and the query carry a signature")]
    TwoForms,
    /// The credential is not `key/day/region/service/aws4_request`.
    #[error("the credential does not have five parts")]
    Credential,
    /// The date is in none of the forms.
    #[error("the date is not in ISO 8601 basic format")]
    Date,
    /// `X-Amz-Expires` is not a number of seconds from 1 to the limit.
    #[error("the number of seconds to expiry is out of range")]
    Expires,
    /// Another algorithm than `AWS4-HMAC-SHA256`.
    #[error("unsupported algorithm")]
    Algorithm,
    /// `x-amz-content-sha256` is neither a hash nor a marker that is supported.
    #[error("unsupported x-amz-content-sha256")]
    ContentSha256,
}

/// Why a request is refused. `Display` is for logs; [`SigV4Error::to_aws`] is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// There is no signature at all.
    #[error("the request is not signed")]
    MissingToken,
    /// The signature can not be read.
    #[error("incomplete signature")]
    Incomplete(#[from] IncompleteSignature),
    /// Nobody has this access key.
    #[error("unknown access key")]
    UnknownAccessKey,
    /// The day of the credential is not the day of the date.
    #[error("the day of the credential is not that of the date")]
    ScopeDay,
    /// The credential is for another region.
    #[error("the credential is for another region than {expected}")]
    ScopeRegion {
        /// The region of this gateway.
        expected: String,
    },
    /// The credential is for another service.
    #[error("the credential is for another service than {expected}")]
    ScopeService {
        /// The services that this endpoint stands for, joined by a comma.
        expected: String,
    },
    /// The credential does not end in `aws4_request`.
    #[error("the credential does not end in aws4_request")]
    ScopeTerminator,
    /// Signed too long ago, or a presigned URL past its time. Times in ms since the epoch.
    #[error("the signature of {signed_at_ms} expired at {expired_at_ms}, now is {now_ms}")]
    Expired {
        /// When it was signed.
        signed_at_ms: u64,
        /// When it ceased to hold.
        expired_at_ms: u64,
        /// The clock of this gateway.
        now_ms: u64,
    },
    /// Signed in the future. Times in ms since the epoch.
    #[error("the signature of {signed_at_ms} is in the future, now is {now_ms}")]
    NotYetCurrent {
        /// When it was signed.
        signed_at_ms: u64,
        /// The clock of this gateway.
        now_ms: u64,
        /// The tolerance, in ms.
        skew_ms: u64,
    },
    /// `host` or an `x-amz-` header is not among the signed headers.
    #[error("header {0} must be signed")]
    UnsignedHeader(String),
    /// A header that was signed is not there, or the list is not in order.
    #[error("the list of signed headers does not fit the request")]
    SignedHeaders,
    /// The signature is another.
    #[error("the signature does not match")]
    Mismatch,
    /// The body has another hash than was declared.
    #[error("the body does not have the declared hash")]
    BodyMismatch,
    /// Not a refusal: the signature covers the body, so verify again with its hash.
    #[error("the body is needed to verify the signature")]
    BodyNeeded,
}

/// The classes of refusal that the data plane tells apart (gateway response types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// `MISSING_AUTHENTICATION_TOKEN`
    MissingToken,
    /// `INVALID_SIGNATURE`
    InvalidSignature,
    /// `EXPIRED_TOKEN`
    Expired,
    /// The access key is unknown.
    UnknownKey,
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you \
    provided. Check your AWS Secret Access Key and signing method. Consult the service \
    documentation for details.";

impl SigV4Error {
    /// The class of this refusal.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::MissingToken => Refusal::MissingToken,
            Self::UnknownAccessKey => Refusal::UnknownKey,
            Self::Expired { .. } => Refusal::Expired,
            _ => Refusal::InvalidSignature,
        }
    }

    /// The error in AWS's words and types; always status 403. It quotes nothing the caller sent
    /// but header names and dates.
    #[must_use]
    pub fn to_aws(&self) -> AwsError {
        let kind = match self {
            Self::MissingToken => ErrorKind::MissingAuthenticationToken,
            Self::Incomplete(_) => ErrorKind::IncompleteSignature,
            Self::UnknownAccessKey => ErrorKind::UnrecognizedClient,
            _ => ErrorKind::InvalidSignature,
        };
        AwsError::new(kind, self.text())
    }

    fn text(&self) -> String {
        let at = |ms: u64| {
            let date = i64::try_from(ms).ok().and_then(AmzDate::from_ms);
            date.map(|date| date.as_str().to_owned())
                .unwrap_or_default()
        };
        match self {
            Self::MissingToken => "Missing Authentication Token".to_owned(),
            Self::Incomplete(what) => what.text(),
            Self::UnknownAccessKey => {
                "The security token included in the request is invalid.".to_owned()
            }
            Self::ScopeDay => "Date in Credential scope does not match YYYYMMDD from ISO-8601 \
                               version of date from HTTP."
                .to_owned(),
            Self::ScopeRegion { expected } => {
                format!("Credential should be scoped to a valid region: '{expected}'.")
            }
            Self::ScopeService { expected } => {
                format!("Credential should be scoped to correct service: '{expected}'.")
            }
            Self::ScopeTerminator => {
                "Credential should be scoped with a valid terminator: 'aws4_request'.".to_owned()
            }
            Self::Expired {
                signed_at_ms,
                expired_at_ms,
                now_ms,
            } => format!(
                "Signature expired: {} is now earlier than {} ({} - {} min.)",
                at(*signed_at_ms),
                at(now_ms.saturating_sub(expired_at_ms.saturating_sub(*signed_at_ms))),
                at(*now_ms),
                expired_at_ms.saturating_sub(*signed_at_ms) / 60_000,
            ),
            Self::NotYetCurrent {
                signed_at_ms,
                now_ms,
                skew_ms,
            } => format!(
                "Signature not yet current: {} is still later than {} ({} + {} min.)",
                at(*signed_at_ms),
                at(now_ms.saturating_add(*skew_ms)),
                at(*now_ms),
                skew_ms / 60_000,
            ),
            Self::UnsignedHeader(name) if name == "host" => {
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
                    .to_owned()
            }
            Self::UnsignedHeader(name) => {
                format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")
            }
            Self::SignedHeaders | Self::Mismatch | Self::BodyMismatch | Self::BodyNeeded => {
                MISMATCH.to_owned()
            }
        }
    }
}

impl IncompleteSignature {
    fn text(&self) -> String {
        match self {
            Self::Missing(parts) => {
                let sentences: Vec<String> = parts.iter().map(|part| missing(part)).collect();
                sentences.join(" ")
            }
            Self::NotKeyValue => "Not a valid key=value pair (missing equal-sign) in \
                                  Authorization header."
                .to_owned(),
            Self::Repeated(name) => format!("'{name}' must not occur more than once."),
            Self::TwoForms => "Only one of the Authorization header and the query-string \
                               parameters may carry a signature."
                .to_owned(),
            Self::Credential => "Credential must have exactly 5 slash-delimited elements, e.g. \
                                 keyid/date/region/service/term."
                .to_owned(),
            Self::Date => "Date must be in ISO-8601 'basic format'.".to_owned(),
            Self::Expires => "X-Amz-Expires must be a number of seconds from 1 to one week \
                              (604800)."
                .to_owned(),
            Self::Algorithm => "Unsupported AWS 'algorithm'.".to_owned(),
            Self::ContentSha256 => "Unsupported value of 'x-amz-content-sha256'.".to_owned(),
        }
    }
}

fn missing(part: &str) -> String {
    if part.starts_with("X-Amz-") {
        format!("AWS query-string parameters must include '{part}'.")
    } else if part == "Date" {
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            .to_owned()
    } else {
        format!("Authorization header requires '{part}' parameter.")
    }
}
