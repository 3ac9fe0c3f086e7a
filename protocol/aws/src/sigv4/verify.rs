//! Verification of a caller, before or after his body has been read.
//!
//! Order of the checks: form, scope, clock, access key, signed headers, signature. A stranger is
//! refused before anything is hashed or read.

use core::cell::RefCell;
use std::sync::Arc;

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;

use tollgate_protocol::hex::{hash_from_hex, to_hex};

use super::canonical::{PathStyle, is_normal, push_header, push_path, push_query};
use super::claims::{Claims, Form, Scope};
use super::date::AmzDate;
use super::key_cache::{KeyCache, derive};
use super::payload::{Declaration, STREAMING, UNSIGNED, sha256};
use super::{
    ALGORITHM, BodyHash, ChunkSeed, IncompleteSignature, PayloadKind, RequestView, SigV4Error,
};
use crate::Secret;

/// Signing keys that one verifier keeps. An entry takes about 1 KiB, so at most 1 MiB per worker.
pub const KEY_CACHE_ENTRIES_MAX: usize = 1024;

/// The most names in a list of signed headers. A request has at most about a hundred fields.
const SIGNED_HEADERS_MAX: usize = 256;

/// An `x-amz-` header that content delivery networks add behind the caller's back.
const ADDED_ON_THE_WAY: &str = "x-amz-cf-id";

/// What a verifier accepts.
#[derive(Debug, Clone)]
pub struct VerifierOptions {
    /// The services that a credential may be for; empty: any.
    pub services: Vec<String>,
    /// The region that a credential must be for; `None`: any.
    pub region: Option<String>,
    /// How far the caller's clock may be off, in ms. AWS: 5 minutes.
    pub skew_ms: u64,
    /// The longest life of a presigned URL, in seconds. AWS: 7 days.
    pub presign_expires_max_s: u32,
    /// Whether a caller may leave the body out of the signature.
    pub allow_unsigned_payload: bool,
}

impl Default for VerifierOptions {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            region: None,
            skew_ms: 5 * 60 * 1000,
            presign_expires_max_s: 7 * 24 * 3600,
            allow_unsigned_payload: true,
        }
    }
}

/// A caller who proved to hold the secret of an access key.
#[derive(Debug, Clone)]
pub struct Verified {
    /// His access key.
    pub access_key: String,
    /// The region of the credential.
    pub region: String,
    /// The service of the credential.
    pub service: String,
    /// The names of the signed headers, lower case, joined by `;`.
    pub signed_headers: String,
    /// His session token. Whether it belongs to the access key is the caller's to check.
    pub session_token: Option<Secret>,
    /// When he signed, in ms since the epoch.
    pub signed_at_ms: u64,
    /// Whether the signature was in the query.
    pub presigned: bool,
    /// What is known of the body.
    pub payload: PayloadKind,
}

/// Verifies signatures. One per worker thread: it is `Send`, not `Sync`.
#[derive(Debug)]
pub struct Verifier {
    options: VerifierOptions,
    keys: RefCell<KeyCache>,
}

impl Verifier {
    /// A verifier with an empty key cache.
    #[must_use]
    pub fn new(options: VerifierOptions) -> Self {
        Self {
            options,
            keys: RefCell::new(KeyCache::new(KEY_CACHE_ENTRIES_MAX)),
        }
    }

    /// Verifies the signature of a request.
    ///
    /// With [`BodyHash::Later`] a request that declares its body's hash is verified at once, and
    /// the body is compared later with [`PayloadKind::check`]; one that does not ends in
    /// [`SigV4Error::BodyNeeded`], after all other checks of the head: read the body and call
    /// again. `lookup` gives the secret of an access key. `now_ms` is ms since the epoch.
    ///
    /// # Errors
    /// Why the caller is refused, or [`SigV4Error::BodyNeeded`].
    pub fn verify<'a, H>(
        &self,
        request: &RequestView<'a, H>,
        body: BodyHash<'_>,
        now_ms: u64,
        lookup: impl Fn(&str) -> Option<Secret>,
    ) -> Result<Verified, SigV4Error>
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let claims = Claims::parse(request)?;
        let scope = claims.scope()?;
        self.check_scope(&scope)?;
        self.check_clock(&claims, now_ms)?;
        let secret = lookup(scope.access_key).ok_or(SigV4Error::UnknownAccessKey)?;
        check_signed_headers(&claims.signed_headers, request)?;
        let declared = Declaration::parse(claims.content_sha256.as_deref())
            .filter(|d| *d != Declaration::Unsigned || self.options.allow_unsigned_payload)
            .ok_or(IncompleteSignature::ContentSha256)?;
        let body = if declared == Declaration::Unsigned {
            None
        } else {
            body.sha256()
        };
        let covered = match declared {
            Declaration::Absent => to_hex(&body.ok_or(SigV4Error::BodyNeeded)?),
            Declaration::Hash(hash) => to_hex(&hash),
            Declaration::Unsigned => UNSIGNED.to_owned(),
            Declaration::Streaming => STREAMING.to_owned(),
        };
        let given = hash_from_hex(claims.signature.as_bytes()).ok_or(SigV4Error::Mismatch)?;
        let key = self.check_signature(request, &claims, &secret, &covered, &given)?;
        let payload = match (declared, body) {
            (Declaration::Absent, _) => PayloadKind::Checked,
            (Declaration::Hash(hash), None) => PayloadKind::Declared(hash),
            (Declaration::Hash(hash), Some(body)) => {
                PayloadKind::Declared(hash).check(&body)?;
                PayloadKind::Checked
            }
            (Declaration::Unsigned, _) => PayloadKind::Unsigned,
            (Declaration::Streaming, _) => PayloadKind::Streaming(ChunkSeed {
                key,
                date: claims.date,
                scope: scope.text.to_owned(),
                signature: given,
            }),
        };
        Ok(Verified {
            access_key: scope.access_key.to_owned(),
            region: scope.region.to_owned(),
            service: scope.service.to_owned(),
            signed_headers: claims.signed_headers.to_string(),
            session_token: claims.session_token.as_deref().map(Secret::new),
            signed_at_ms: to_u64(claims.date.ms),
            presigned: claims.form != Form::Header,
            payload,
        })
    }

    fn check_scope(&self, scope: &Scope<'_>) -> Result<(), SigV4Error> {
        if let Some(expected) = self.options.region.as_ref().filter(|r| *r != scope.region) {
            return Err(SigV4Error::ScopeRegion {
                expected: expected.clone(),
            });
        }
        let services = &self.options.services;
        if !services.is_empty() && !services.iter().any(|service| service == scope.service) {
            return Err(SigV4Error::ScopeService {
                expected: services.join(","),
            });
        }
        Ok(())
    }

    fn check_clock(&self, claims: &Claims<'_>, now_ms: u64) -> Result<(), SigV4Error> {
        let skew_ms = self.options.skew_ms;
        let signed_at_ms = to_u64(claims.date.ms);
        if signed_at_ms > now_ms.saturating_add(skew_ms) {
            return Err(SigV4Error::NotYetCurrent {
                signed_at_ms,
                now_ms,
                skew_ms,
            });
        }
        let life_ms = match claims.form {
            Form::Header => skew_ms,
            Form::Query { expires_s } => {
                if expires_s == 0 || expires_s > self.options.presign_expires_max_s {
                    return Err(IncompleteSignature::Expires.into());
                }
                u64::from(expires_s) * 1000
            }
        };
        let expired_at_ms = signed_at_ms.saturating_add(life_ms);
        if now_ms > expired_at_ms {
            return Err(SigV4Error::Expired {
                signed_at_ms,
                expired_at_ms,
                now_ms,
            });
        }
        Ok(())
    }

    /// Compares the signature with the one that each reading of the path gives.
    fn check_signature<'a, H>(
        &self,
        request: &RequestView<'a, H>,
        claims: &Claims<'_>,
        secret: &Secret,
        covered: &str,
        given: &[u8; 32],
    ) -> Result<Arc<hmac::Key>, SigV4Error>
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let scope = claims.scope()?;
        let cached = self.keys.borrow_mut().get(&claims.credential, secret);
        let is_new = cached.is_none();
        let key = cached
            .unwrap_or_else(|| Arc::new(derive(secret, scope.day, scope.region, scope.service)));
        for style in path_styles(scope.service, request.path) {
            let canonical = Canonical {
                style: *style,
                leave_out: (claims.form != Form::Header).then_some("X-Amz-Signature"),
                signed_headers: &claims.signed_headers,
                covered,
            };
            let hash = canonical.hash(request).ok_or(SigV4Error::SignedHeaders)?;
            let ours = sign(&key, &claims.date, scope.text, &hash);
            if ours.ct_eq(given).into() {
                if is_new {
                    let mut keys = self.keys.borrow_mut();
                    keys.insert(&claims.credential, secret.clone(), Arc::clone(&key));
                }
                return Ok(key);
            }
        }
        Err(SigV4Error::Mismatch)
    }
}

/// The readings of a path that are accepted: AWS's own, and the literal one if it differs. The
/// literal one admits less, so accepting it weakens nothing.
fn path_styles(service: &str, path: &str) -> &'static [PathStyle] {
    if service == "s3" {
        &[PathStyle::Single]
    } else if is_normal(path) {
        &[PathStyle::Literal]
    } else {
        &[PathStyle::Normalized, PathStyle::Literal]
    }
}

/// What makes a canonical request, beside the request.
pub(super) struct Canonical<'c> {
    pub(super) style: PathStyle,
    pub(super) leave_out: Option<&'c str>,
    pub(super) signed_headers: &'c str,
    pub(super) covered: &'c str,
}

impl Canonical<'_> {
    /// The SHA-256 of the canonical request; `None` when a signed header is not there.
    pub(super) fn hash<'a, H>(&self, request: &RequestView<'a, H>) -> Option<[u8; 32]>
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(request.method.as_bytes());
        out.push(b'\n');
        push_path(&mut out, request.path, self.style);
        out.push(b'\n');
        push_query(&mut out, request.query, self.leave_out);
        out.push(b'\n');
        for name in self.signed_headers.split(';') {
            if !push_header(&mut out, name, request.headers.clone()) {
                return None;
            }
        }
        out.push(b'\n');
        out.extend_from_slice(self.signed_headers.as_bytes());
        out.push(b'\n');
        out.extend_from_slice(self.covered.as_bytes());
        Some(sha256(&out))
    }
}

/// The signature of a canonical request's hash.
pub(super) fn sign(key: &hmac::Key, date: &AmzDate, scope: &str, hash: &[u8; 32]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in [
        ALGORITHM,
        "\n",
        date.as_str(),
        "\n",
        scope,
        "\n",
        &to_hex(hash),
    ] {
        context.update(part.as_bytes());
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// The list must be in order, name `host` and every `x-amz-` header of the request.
fn check_signed_headers<'a, H>(list: &str, request: &RequestView<'a, H>) -> Result<(), SigV4Error>
where
    H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
{
    let mut last = "";
    for (index, name) in list.split(';').enumerate() {
        if index >= SIGNED_HEADERS_MAX
            || name <= last
            || name.bytes().any(|byte| byte.is_ascii_uppercase())
        {
            return Err(SigV4Error::SignedHeaders);
        }
        last = name;
    }
    let is_signed = |name: &str| {
        list.split(';')
            .any(|other| other.eq_ignore_ascii_case(name))
    };
    if !is_signed("host") {
        return Err(SigV4Error::UnsignedHeader("host".to_owned()));
    }
    let unsigned = request.headers.clone().map(|(name, _)| name).find(|name| {
        let is_amz = name
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("x-amz-"));
        is_amz && !name.eq_ignore_ascii_case(ADDED_ON_THE_WAY) && !is_signed(name)
    });
    match unsigned {
        Some(name) => Err(SigV4Error::UnsignedHeader(name.to_ascii_lowercase())),
        None => Ok(()),
    }
}

/// Dates before 1970 count as 1970: they are expired either way.
fn to_u64(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
