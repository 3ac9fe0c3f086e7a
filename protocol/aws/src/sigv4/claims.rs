//! What a request says about its own signature, in either form.

use std::borrow::Cow;

use super::date::AmzDate;
use super::{ALGORITHM, IncompleteSignature, RequestView, SigV4Error};
use crate::uri::query_pairs;

/// Longest credential that is read, in bytes: access keys have at most 128.
const CREDENTIAL_BYTES_MAX: usize = 512;

/// Where the signature was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Header,
    /// A presigned URL that holds for so many seconds.
    Query {
        expires_s: u32,
    },
}

/// The parts of a signature. Nothing of it is verified yet.
#[derive(Clone)]
pub(super) struct Claims<'a> {
    pub(super) form: Form,
    pub(super) credential: Cow<'a, str>,
    pub(super) date: AmzDate,
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: Cow<'a, str>,
    pub(super) session_token: Option<Cow<'a, str>>,
    pub(super) content_sha256: Option<Cow<'a, [u8]>>,
}

/// A credential, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'c> {
    pub(super) access_key: &'c str,
    pub(super) day: &'c str,
    pub(super) region: &'c str,
    pub(super) service: &'c str,
    /// All but the access key.
    pub(super) text: &'c str,
}

impl<'a> Claims<'a> {
    /// Reads the signature of a request.
    pub(super) fn parse<H>(request: &RequestView<'a, H>) -> Result<Self, SigV4Error>
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let query = QueryClaims::parse(request.query)?;
        let mut authorization = values(request, "authorization");
        let header = authorization
            .next()
            .map(<[u8]>::trim_ascii)
            .filter(|v| !v.is_empty());
        if authorization.next().is_some() {
            return Err(IncompleteSignature::Repeated("Authorization").into());
        }
        match (header, query.is_empty()) {
            (None, true) => Err(SigV4Error::MissingToken),
            (Some(value), true) => Self::from_header(value, request),
            (Some(value), false) if value.starts_with(b"AWS4-") => {
                Err(IncompleteSignature::TwoForms.into())
            }
            (_, false) => query.claims(request),
        }
    }

    fn from_header<H>(value: &'a [u8], request: &RequestView<'a, H>) -> Result<Self, SigV4Error>
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let value = core::str::from_utf8(value).map_err(|_| IncompleteSignature::NotKeyValue)?;
        let (algorithm, rest) = value.split_once(' ').unwrap_or((value, ""));
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        if algorithm == ALGORITHM {
            for part in rest
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
            {
                let (key, value) = part
                    .split_once('=')
                    .ok_or(IncompleteSignature::NotKeyValue)?;
                match key {
                    "Credential" => once(&mut credential, value, "Credential")?,
                    "SignedHeaders" => once(&mut signed_headers, value, "SignedHeaders")?,
                    "Signature" => once(&mut signature, value, "Signature")?,
                    _ => {}
                }
            }
        } else if algorithm.starts_with("AWS4-") {
            return Err(IncompleteSignature::Algorithm.into());
        }
        let date = match values(request, "x-amz-date").next() {
            Some(date) => Some(AmzDate::parse_basic(date.trim_ascii())),
            None => values(request, "date")
                .next()
                .map(|date| AmzDate::parse_date_header(date.trim_ascii())),
        };
        let (Some(credential), Some(signed_headers), Some(signature), Some(date)) =
            (credential, signed_headers, signature, date)
        else {
            return Err(absent([
                ("Credential", credential.is_none()),
                ("Signature", signature.is_none()),
                ("SignedHeaders", signed_headers.is_none()),
                ("Date", date.is_none()),
            ]));
        };
        let token = values(request, "x-amz-security-token").next();
        Ok(Self {
            form: Form::Header,
            credential: Cow::Borrowed(credential),
            date: date.ok_or(IncompleteSignature::Date)?,
            signed_headers: Cow::Borrowed(signed_headers),
            signature: Cow::Borrowed(signature),
            session_token: token.map(String::from_utf8_lossy),
            content_sha256: values(request, "x-amz-content-sha256")
                .next()
                .map(Cow::Borrowed),
        })
    }

    /// Takes the credential apart.
    pub(super) fn scope(&self) -> Result<Scope<'_>, SigV4Error> {
        let credential = &*self.credential;
        let mut parts = credential.rsplitn(5, '/');
        let (Some(term), Some(service), Some(region), Some(day), Some(access_key)) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(IncompleteSignature::Credential.into());
        };
        let bounded = credential.len() <= CREDENTIAL_BYTES_MAX
            && !credential.bytes().any(|byte| byte.is_ascii_control());
        if !bounded || access_key.is_empty() || access_key.contains('/') {
            return Err(IncompleteSignature::Credential.into());
        }
        if term != "aws4_request" {
            return Err(SigV4Error::ScopeTerminator);
        }
        if day != self.date.day() {
            return Err(SigV4Error::ScopeDay);
        }
        let text = &credential[access_key.len() + 1..];
        Ok(Scope {
            access_key,
            day,
            region,
            service,
            text,
        })
    }
}

#[derive(Default)]
struct QueryClaims<'a> {
    algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    session_token: Option<Cow<'a, str>>,
    content_sha256: Option<Cow<'a, str>>,
}

impl<'a> QueryClaims<'a> {
    fn parse(query: Option<&'a str>) -> Result<Self, SigV4Error> {
        let mut found = Self::default();
        // A query that spells these names with escapes counts as unsigned, and is refused.
        let Some(query) = query.filter(|query| query.contains("X-Amz-")) else {
            return Ok(found);
        };
        for (key, value) in query_pairs(query) {
            match &*key {
                "X-Amz-Algorithm" => once(&mut found.algorithm, value, "X-Amz-Algorithm")?,
                "X-Amz-Credential" => once(&mut found.credential, value, "X-Amz-Credential")?,
                "X-Amz-Date" => once(&mut found.date, value, "X-Amz-Date")?,
                "X-Amz-Expires" => once(&mut found.expires, value, "X-Amz-Expires")?,
                "X-Amz-SignedHeaders" => {
                    once(&mut found.signed_headers, value, "X-Amz-SignedHeaders")?;
                }
                "X-Amz-Signature" => once(&mut found.signature, value, "X-Amz-Signature")?,
                "X-Amz-Security-Token" => {
                    once(&mut found.session_token, value, "X-Amz-Security-Token")?;
                }
                "X-Amz-Content-Sha256" => {
                    once(&mut found.content_sha256, value, "X-Amz-Content-Sha256")?;
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Whether the query does not even try to carry a signature.
    fn is_empty(&self) -> bool {
        self.algorithm.is_none() && self.credential.is_none() && self.signature.is_none()
    }

    fn claims<H>(self, request: &RequestView<'a, H>) -> Result<Claims<'a>, SigV4Error>
    where
        H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
    {
        let missing = [
            ("X-Amz-Algorithm", self.algorithm.is_none()),
            ("X-Amz-Credential", self.credential.is_none()),
            ("X-Amz-Signature", self.signature.is_none()),
            ("X-Amz-SignedHeaders", self.signed_headers.is_none()),
            ("X-Amz-Date", self.date.is_none()),
            ("X-Amz-Expires", self.expires.is_none()),
        ];
        let (Some(algorithm), Some(credential), Some(signature), Some(signed_headers)) = (
            self.algorithm,
            self.credential,
            self.signature,
            self.signed_headers,
        ) else {
            return Err(absent(missing));
        };
        let (Some(date), Some(expires)) = (self.date, self.expires) else {
            return Err(absent(missing));
        };
        if algorithm != ALGORITHM {
            return Err(IncompleteSignature::Algorithm.into());
        }
        let digits = expires.bytes().all(|byte| byte.is_ascii_digit());
        let expires_s = expires.parse().ok().filter(|_| digits);
        let header_sha256 = values(request, "x-amz-content-sha256")
            .next()
            .map(Cow::Borrowed);
        Ok(Claims {
            form: Form::Query {
                expires_s: expires_s.ok_or(IncompleteSignature::Expires)?,
            },
            credential,
            date: AmzDate::parse_basic(date.as_bytes()).ok_or(IncompleteSignature::Date)?,
            signed_headers,
            signature,
            session_token: self.session_token,
            content_sha256: header_sha256.or_else(|| {
                self.content_sha256
                    .map(|v| Cow::Owned(v.as_bytes().to_vec()))
            }),
        })
    }
}

/// The values of a header in wire order.
fn values<'a, H>(request: &RequestView<'a, H>, name: &str) -> impl Iterator<Item = &'a [u8]>
where
    H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
{
    request
        .headers
        .clone()
        .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v)
}

fn once<T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), SigV4Error> {
    if slot.is_some() {
        return Err(IncompleteSignature::Repeated(name).into());
    }
    *slot = Some(value);
    Ok(())
}

fn absent<const N: usize>(parts: [(&'static str, bool); N]) -> SigV4Error {
    let names = parts
        .into_iter()
        .filter(|(_, absent)| *absent)
        .map(|(name, _)| name);
    IncompleteSignature::Missing(names.collect()).into()
}
