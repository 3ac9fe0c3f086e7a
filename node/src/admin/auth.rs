//! Who asks: the signature, or in development a client on this machine.

use std::net::IpAddr;

use actix_web::HttpRequest;
use tollgate_aws::sigv4::{
    BodyHash, PayloadKind, RequestView, SigV4Error, Verified, Verifier, VerifierOptions,
};
use tollgate_aws::{AwsError, ErrorKind};

use super::{AdminState, SIGNING_SERVICE};
use crate::iam::Principal;

/// The name of a client that did not sign, in the log of changes.
const ANONYMOUS: &str = "anonymous";

/// What is known of a caller before his body is read.
pub(crate) enum Caller {
    /// Let in without a signature.
    Anonymous(Principal),
    /// His signature is right; the body must have this hash.
    Proven(Box<Verified>, Principal),
    /// His access key is known, and his signature covers the body: read it and ask again.
    BodyNeeded,
}

impl Caller {
    /// His access key id.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Proven(verified, _) => &verified.access_key,
            Self::Anonymous(_) | Self::BodyNeeded => ANONYMOUS,
        }
    }

    /// The access key that he proved to hold.
    pub(crate) fn access_key(&self) -> Option<&str> {
        match self {
            Self::Proven(verified, _) => Some(&verified.access_key),
            Self::Anonymous(_) | Self::BodyNeeded => None,
        }
    }

    /// Looks him up again: a body may take long, and his key may be gone since its head. Returns
    /// the revision of users and permissions by which he is who he is.
    ///
    /// # Errors
    /// When his access key is not one any more.
    pub(crate) fn look_again(&mut self, state: &AdminState) -> Result<u64, AwsError> {
        let known = state.identities.load();
        if let Self::Proven(verified, principal) = self {
            let holder = known.lookup(&verified.access_key, state.clock.now());
            let holder = holder.ok_or_else(|| SigV4Error::UnknownAccessKey.to_aws())?;
            *principal = holder.principal;
        }
        Ok(known.revision())
    }

    /// Who he is, once that is known.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous(principal) | Self::Proven(_, principal) => Some(principal),
            Self::BodyNeeded => None,
        }
    }
}

/// A verifier of administrators' signatures, for one thread. A body must be signed: the listener
/// is plain HTTP.
pub(crate) fn verifier() -> Verifier {
    Verifier::new(VerifierOptions {
        services: vec![SIGNING_SERVICE.to_owned()],
        allow_unsigned_payload: false,
        ..VerifierOptions::default()
    })
}

/// Judges the head of a request, or all of it with [`BodyHash::Bytes`].
///
/// # Errors
/// Why the caller is refused, in AWS's words; always 403.
pub(crate) fn judge(
    state: &AdminState,
    verifier: &Verifier,
    request: &HttpRequest,
    body: BodyHash<'_>,
) -> Result<Caller, AwsError> {
    let headers: Vec<(&str, &[u8])> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let view = RequestView {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query(),
        headers: headers.iter().copied(),
    };
    // One view for secret and holder: between two a key could become another's.
    let (known, now) = (state.identities.load(), state.clock.now());
    let lookup = |access_key: &str| known.lookup(access_key, now).map(|holder| holder.secret);
    match verifier.verify(&view, body, now.0, lookup) {
        Ok(verified) => {
            let holder = known.lookup(&verified.access_key, now);
            let holder = holder.ok_or_else(|| SigV4Error::UnknownAccessKey.to_aws())?;
            accept(verified, holder.principal)
        }
        Err(SigV4Error::BodyNeeded) => Ok(Caller::BodyNeeded),
        Err(SigV4Error::MissingToken) if state.anonymous_loopback && is_local(request) => {
            let account = state.account_id.as_str();
            Ok(Caller::Anonymous(Principal::Anonymous(account.into())))
        }
        Err(error) => Err(error.to_aws()),
    }
}

/// There are no temporary credentials here, and no operation takes a body in signed chunks.
fn accept(verified: Verified, principal: Principal) -> Result<Caller, AwsError> {
    if verified.session_token.is_some() {
        let text = "The security token included in the request is invalid.";
        return Err(AwsError::new(ErrorKind::UnrecognizedClient, text));
    }
    if matches!(verified.payload, PayloadKind::Streaming(_)) {
        return Err(AwsError::bad_request(
            "a body in signed chunks is not taken; sign it as a whole",
        ));
    }
    Ok(Caller::Proven(Box::new(verified), principal))
}

/// Whether a program on this machine sent this, and not a web page in a browser on it: a page
/// brings an `Origin`, and a name that was rebound to this address brings its own `Host`.
fn is_local(request: &HttpRequest) -> bool {
    let peer = request
        .peer_addr()
        .is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let headers = request.headers();
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    peer && !headers.contains_key("origin") && host.is_some_and(is_loopback_host)
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_address = name
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    is_address || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::is_loopback_host;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["127.0.0.1:8081", "localhost", "LOCALHOST:1", "[::1]:8081"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example:8081",
            "10.0.0.1",
            "[::2]:1",
            "localhost.evil",
            "127.0.0.1.evil",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
