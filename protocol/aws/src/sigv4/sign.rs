//! Signing of requests that this program sends, and of presigned URLs.

use core::cell::RefCell;
use std::sync::Arc;

use aws_lc_rs::hmac;

use tollgate_protocol::hex::to_hex;

use super::canonical::PathStyle;
use super::date::AmzDate;
use super::key_cache::derive;
use super::payload::{UNSIGNED, sha256};
use super::verify::{Canonical, sign};
use super::{ALGORITHM, RequestView};
use crate::{Secret, encode_label};

/// Headers that proxies change or HTTP libraries add, and that are therefore never signed.
const NEVER_SIGNED: [&str; 5] = [
    "connection",
    "expect",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

/// Headers that the signer itself writes.
const RESERVED: [&str; 4] = [
    "authorization",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
];

/// Who signs.
#[derive(Debug, Clone)]
pub struct SigningCredentials {
    /// The access key.
    pub access_key: String,
    /// Its secret.
    pub secret: Secret,
    /// The session token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// What is signed of the body.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// The whole body; empty when there is none.
    Bytes(&'a [u8]),
    /// The SHA-256 of the body.
    Sha256([u8; 32]),
    /// Nothing: for bodies that are streamed over TLS.
    Unsigned,
}

/// Why a request can not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The request has no `host` header.
    #[error("a request without host header can not be signed")]
    NoHost,
    /// The request already has a header that the signer writes.
    #[error("header {0} is written by the signer")]
    Reserved(&'static str),
    /// The clock is outside the years 0 to 9999.
    #[error("the clock is out of range")]
    Clock,
}

/// Signs requests for one region and service. It is `Send`, not `Sync`: it keeps the day's key.
#[derive(Debug)]
pub struct Signer {
    credentials: SigningCredentials,
    region: String,
    service: String,
    declare_body: bool,
    day_key: RefCell<Option<(String, Arc<hmac::Key>)>>,
}

struct Head {
    date: AmzDate,
    scope: String,
    signed_headers: String,
}

impl Signer {
    /// A signer for one region and service.
    #[must_use]
    pub fn new(
        credentials: SigningCredentials,
        region: impl Into<String>,
        service: impl Into<String>,
    ) -> Self {
        Self {
            credentials,
            region: region.into(),
            service: service.into(),
            declare_body: false,
            day_key: RefCell::new(None),
        }
    }

    /// The same signer, which also sends `x-amz-content-sha256`: the server can then refuse a
    /// stranger before it reads the body.
    #[must_use]
    pub fn declaring_body(mut self) -> Self {
        self.declare_body = true;
        self
    }

    /// The header fields to add to a request, `authorization` the last.
    ///
    /// # Errors
    /// When the request lacks `host`, or has a field that the signer writes.
    pub fn sign<'a, H>(
        &self,
        request: &RequestView<'a, H>,
        payload: Payload<'_>,
        now_ms: u64,
    ) -> Result<Vec<(&'static str, String)>, SignError>
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let covered = payload.text();
        let date = date(now_ms)?;
        let mut added = vec![("x-amz-date", date.as_str().to_owned())];
        if self.declare_body || matches!(payload, Payload::Unsigned) {
            added.push(("x-amz-content-sha256", covered.clone()));
        }
        if let Some(token) = &self.credentials.session_token {
            added.push(("x-amz-security-token", token.expose().to_owned()));
        }
        let extra = added.iter().map(|(name, value)| (*name, value.as_bytes()));
        let view = RequestView {
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers.clone().map(shorten).chain(extra),
        };
        let head = self.head(&request.headers, added.iter().map(|(name, _)| *name), date)?;
        let signature = self.signature(&view, &head, &covered);
        let authorization = format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.credentials.access_key, head.scope, head.signed_headers
        );
        added.push(("authorization", authorization));
        Ok(added)
    }

    /// The whole query of a presigned URL that holds for `expires_s` seconds. The receiver must be
    /// sent the header fields of `request`; `host` alone is usual.
    ///
    /// # Errors
    /// When the request lacks `host`, or has a field that the signer writes.
    pub fn presign<'a, H>(
        &self,
        request: &RequestView<'a, H>,
        payload: Payload<'_>,
        expires_s: u32,
        now_ms: u64,
    ) -> Result<String, SignError>
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let head = self.head(&request.headers, core::iter::empty(), date(now_ms)?)?;
        let given = request.query.filter(|query| !query.is_empty());
        let mut query = given.map_or_else(String::new, |query| format!("{query}&"));
        let credential = format!("{}/{}", self.credentials.access_key, head.scope);
        query += &format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={}&\
             X-Amz-Expires={expires_s}&X-Amz-SignedHeaders={}",
            encode_label(&credential),
            head.date.as_str(),
            encode_label(&head.signed_headers),
        );
        if matches!(payload, Payload::Unsigned) && self.service != "s3" {
            query += &format!("&X-Amz-Content-Sha256={UNSIGNED}");
        }
        if let Some(token) = &self.credentials.session_token {
            query += "&X-Amz-Security-Token=";
            query += &encode_label(token.expose());
        }
        let view = RequestView {
            method: request.method,
            path: request.path,
            query: Some(&*query),
            headers: request.headers.clone().map(shorten),
        };
        let signature = self.signature(&view, &head, &payload.text());
        Ok(format!("{query}&X-Amz-Signature={signature}"))
    }

    fn head<'h>(
        &self,
        headers: &(impl Iterator<Item = (&'h str, &'h [u8])> + Clone),
        added: impl Iterator<Item = &'static str>,
        date: AmzDate,
    ) -> Result<Head, SignError> {
        let mut names: Vec<String> = headers
            .clone()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        if let Some(name) = RESERVED
            .into_iter()
            .find(|name| names.iter().any(|n| n == name))
        {
            return Err(SignError::Reserved(name));
        }
        if !names.iter().any(|name| name == "host") {
            return Err(SignError::NoHost);
        }
        names.extend(added.map(str::to_owned));
        names.retain(|name| !NEVER_SIGNED.contains(&&**name));
        names.sort_unstable();
        names.dedup();
        let scope = format!(
            "{}/{}/{}/aws4_request",
            date.day(),
            self.region,
            self.service
        );
        Ok(Head {
            date,
            scope,
            signed_headers: names.join(";"),
        })
    }

    fn signature<'a, H>(&self, request: &RequestView<'a, H>, head: &Head, covered: &str) -> String
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let style = if self.service == "s3" {
            PathStyle::Single
        } else {
            PathStyle::Normalized
        };
        let canonical = Canonical {
            style,
            leave_out: None,
            signed_headers: &head.signed_headers,
            covered,
        };
        // The names were taken from the request, so each of them is there.
        let hash = canonical.hash(request).unwrap_or_default();
        to_hex(&sign(
            &self.day_key(head.date.day()),
            &head.date,
            &head.scope,
            &hash,
        ))
    }

    fn day_key(&self, day: &str) -> Arc<hmac::Key> {
        let mut slot = self.day_key.borrow_mut();
        if let Some((_, key)) = slot.as_ref().filter(|(known, _)| known == day) {
            return Arc::clone(key);
        }
        let secret = &self.credentials.secret;
        let key = Arc::new(derive(secret, day, &self.region, &self.service));
        *slot = Some((day.to_owned(), Arc::clone(&key)));
        key
    }
}

impl Payload<'_> {
    fn text(self) -> String {
        match self {
            Self::Bytes(bytes) => to_hex(&sha256(bytes)),
            Self::Sha256(hash) => to_hex(&hash),
            Self::Unsigned => UNSIGNED.to_owned(),
        }
    }
}

fn date(now_ms: u64) -> Result<AmzDate, SignError> {
    i64::try_from(now_ms)
        .ok()
        .and_then(AmzDate::from_ms)
        .ok_or(SignError::Clock)
}

/// The same field, for as long as the texts that join it live.
fn shorten<'s, 'l: 's>((name, value): (&'l str, &'l [u8])) -> (&'s str, &'s [u8]) {
    (name, value)
}
