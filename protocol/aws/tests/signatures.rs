//! Signatures made by botocore are accepted, ours are the same, and no part of one may change.

use proptest::prelude::*;
use serde::Deserialize;
use tollgate_aws::Secret;
use tollgate_aws::sigv4::{
    BodyHash, Payload, PayloadKind, RequestView, SigV4Error, Signer, SigningCredentials, Verified,
    Verifier, VerifierOptions,
};

#[derive(Debug, Clone, Deserialize)]
struct Case {
    mode: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    given_query: String,
    given_headers: Vec<(String, String)>,
    unsigned: bool,
    dated: bool,
    expires_s: Option<u32>,
    now_s: u64,
    access_key: String,
    secret: String,
    session_token: Option<String>,
    region: String,
    service: String,
}

/// A request that owns its parts, so that a test can change them.
#[derive(Debug, Clone, PartialEq)]
struct Request {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let text = include_str!("../testdata/signatures.json");
    let cases: Vec<Case> = serde_json::from_str(text).expect("the fixture is JSON");
    assert!(cases.len() >= 200, "{}", cases.len());
    cases
}

fn bytes(headers: &[(String, String)]) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
        .collect()
}

impl Case {
    fn request(&self) -> Request {
        use base64::Engine as _;
        Request {
            method: self.method.clone(),
            path: self.path.clone(),
            query: Some(self.query.clone()).filter(|query| !query.is_empty()),
            headers: bytes(&self.headers),
            body: base64::engine::general_purpose::STANDARD
                .decode(&self.body)
                .expect("the fixture is base64"),
        }
    }

    fn verify(&self, request: &Request) -> Result<Verified, SigV4Error> {
        verify_at(self, request, self.now_s * 1000)
    }
}

fn verify_at(case: &Case, request: &Request, now_ms: u64) -> Result<Verified, SigV4Error> {
    let options = VerifierOptions {
        services: vec![case.service.clone()],
        region: Some(case.region.clone()),
        ..VerifierOptions::default()
    };
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value));
    let view = RequestView {
        method: &request.method,
        path: &request.path,
        query: request.query.as_deref(),
        headers,
    };
    let lookup = |key: &str| (key == case.access_key).then(|| Secret::new(&*case.secret));
    Verifier::new(options).verify(&view, BodyHash::Bytes(&request.body), now_ms, lookup)
}

#[test]
fn botocore_signatures_are_accepted() {
    for (index, case) in cases().into_iter().enumerate() {
        let verified = case.verify(&case.request());
        let verified = verified.unwrap_or_else(|error| panic!("case {index}: {error}\n{case:#?}"));
        assert_eq!(verified.access_key, case.access_key, "case {index}");
        assert_eq!(verified.region, case.region, "case {index}");
        assert_eq!(verified.service, case.service, "case {index}");
        assert_eq!(verified.presigned, case.mode == "query", "case {index}");
        assert_eq!(verified.signed_at_ms, case.now_s * 1000, "case {index}");
        let token = verified.session_token.as_ref().map(Secret::expose);
        assert_eq!(token, case.session_token.as_deref(), "case {index}");
        let is_unsigned = matches!(verified.payload, PayloadKind::Unsigned);
        assert_eq!(is_unsigned, case.unsigned, "case {index}");
    }
}

#[test]
fn our_signatures_are_botocores() {
    let mut compared = 0;
    for (index, case) in cases()
        .into_iter()
        .enumerate()
        .filter(|(_, case)| !case.dated)
    {
        let credentials = SigningCredentials {
            access_key: case.access_key.clone(),
            secret: Secret::new(&*case.secret),
            session_token: case.session_token.as_deref().map(Secret::new),
        };
        let mut signer = Signer::new(credentials, &*case.region, &*case.service);
        if case.service == "s3" {
            signer = signer.declaring_body();
        }
        let given = bytes(&case.given_headers);
        let request = case.request();
        let given_query = Some(&*case.given_query).filter(|query| !query.is_empty());
        let view = RequestView {
            method: &request.method,
            path: &request.path,
            query: given_query,
            headers: given.iter().map(|(name, value)| (&**name, &**value)),
        };
        let payload = if case.unsigned {
            Payload::Unsigned
        } else {
            Payload::Bytes(&request.body)
        };
        let now_ms = case.now_s * 1000 + 999;
        if let Some(expires_s) = case.expires_s {
            let query = signer.presign(&view, payload, expires_s, now_ms).unwrap();
            let signature = |query: &str| query.rsplit_once("&X-Amz-Signature=").unwrap().1.len();
            assert_eq!(signature(&query), 64);
            let theirs = case.query.rsplit_once('=').unwrap().1;
            assert!(
                query.ends_with(&format!("&X-Amz-Signature={theirs}")),
                "case {index}"
            );
        } else {
            for (name, value) in signer.sign(&view, payload, now_ms).unwrap() {
                let theirs = case
                    .headers
                    .iter()
                    .find(|(n, _)| n.eq_ignore_ascii_case(name));
                assert_eq!(theirs.map(|(_, v)| v), Some(&value), "case {index}: {name}");
            }
        }
        compared += 1;
    }
    assert!(compared > 350, "{compared}");
}

/// The names of the signed headers of a case.
fn signed_headers(case: &Case) -> Vec<String> {
    let verified = case.verify(&case.request()).expect("signed by botocore");
    verified
        .signed_headers
        .split(';')
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_part_may_change() {
    for (index, case) in cases().into_iter().enumerate() {
        let signed = signed_headers(&case);
        let good = case.request();
        let mut forged: Vec<(String, Request)> = Vec::new();
        let mut forge = |what: &str, change: &dyn Fn(&mut Request)| {
            let mut bad = good.clone();
            change(&mut bad);
            assert_ne!(bad, good, "case {index}: {what}");
            forged.push((what.to_owned(), bad));
        };
        forge("method", &|r| r.method.push('X'));
        forge("path", &|r| r.path.push('x'));
        forge("query", &|r| {
            let rest = r
                .query
                .take()
                .map_or_else(String::new, |query| format!("&{query}"));
            r.query = Some(format!("z=1{rest}"));
        });
        if !case.unsigned {
            forge("body", &|r| r.body.push(b'x'));
        }
        for position in 0..good.headers.len() {
            let name = good.headers[position].0.to_ascii_lowercase();
            if signed.contains(&name) {
                forge(&format!("{name} changed"), &|r| {
                    r.headers[position].1.push(b'9')
                });
                forge(&format!("{name} removed"), &|r| {
                    drop(r.headers.remove(position))
                });
            }
        }
        forge("amz header added", &|r| {
            r.headers.push(("X-Amz-Extra".into(), b"1".to_vec()))
        });
        forge("host added", &|r| {
            r.headers.push(("host".into(), b"evil".to_vec()))
        });
        for (what, bad) in forged {
            assert!(case.verify(&bad).is_err(), "case {index}: {what}");
        }
    }
}

#[test]
fn no_byte_of_the_signature_may_change() {
    for case in cases().into_iter().take(40) {
        let good = case.request();
        let place = good
            .headers
            .iter()
            .position(|(name, _)| name == "Authorization");
        let text = match place {
            Some(at) => String::from_utf8(good.headers[at].1.clone()).unwrap(),
            None => good.query.clone().unwrap(),
        };
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            let mut bad = good.clone();
            match place {
                Some(place) => bad.headers[place].1 = changed.clone().into_bytes(),
                None => bad.query = Some(changed.clone()),
            }
            assert!(case.verify(&bad).is_err(), "byte {at} of {text}\n{changed}");
        }
    }
}

#[test]
fn the_secret_decides() {
    for case in cases().into_iter().take(20) {
        let other = Case {
            secret: format!("{}x", case.secret),
            ..case.clone()
        };
        assert_eq!(
            other.verify(&case.request()).unwrap_err(),
            SigV4Error::Mismatch
        );
        let other = Case {
            access_key: "AKIDSOMEBODYELSE".to_owned(),
            ..case.clone()
        };
        assert_eq!(
            other.verify(&case.request()).unwrap_err(),
            SigV4Error::UnknownAccessKey
        );
        let other = Case {
            region: "mars-1".to_owned(),
            ..case.clone()
        };
        let error = other.verify(&case.request()).unwrap_err();
        assert_eq!(
            error,
            SigV4Error::ScopeRegion {
                expected: "mars-1".to_owned()
            }
        );
        let other = Case {
            service: "iam".to_owned(),
            ..case.clone()
        };
        let error = other.verify(&case.request()).unwrap_err();
        assert_eq!(
            error,
            SigV4Error::ScopeService {
                expected: "iam".to_owned()
            }
        );
    }
}

#[test]
fn the_clock_has_bounds_on_both_sides() {
    const SKEW_MS: u64 = 5 * 60 * 1000;
    for case in cases() {
        let signed_at_ms = case.now_s * 1000;
        let life_ms = case.expires_s.map_or(SKEW_MS, |s| u64::from(s) * 1000);
        let verify = |now_ms: u64| verify_at(&case, &case.request(), now_ms).map(|_| ());
        assert_eq!(verify(signed_at_ms - SKEW_MS), Ok(()));
        assert!(matches!(
            verify(signed_at_ms - SKEW_MS - 1),
            Err(SigV4Error::NotYetCurrent { .. })
        ));
        assert_eq!(verify(signed_at_ms + life_ms), Ok(()));
        let expired = verify(signed_at_ms + life_ms + 1).unwrap_err();
        assert!(matches!(expired, SigV4Error::Expired { .. }), "{expired}");
        assert_eq!(expired.to_aws().status(), 403);
    }
}

proptest! {
    #[test]
    fn what_we_sign_we_accept(
        path in "(/|//|/\\.\\.|/\\.|/[a-zA-Z0-9%+!$'()*,;=:@~_.-]{0,8}){0,6}",
        query in proptest::option::of("([a-zA-Z0-9%+!$'()*,;:@~_./-]{0,6}(=|&|==)){0,8}"),
        value in "[ -~\t]{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
        now_s in 1u64..4_000_000_000,
        token in proptest::option::of("[!-~]{1,20}"),
        declare: bool,
    ) {
        let credentials = SigningCredentials {
            access_key: "AKID".to_owned(),
            secret: Secret::new("secret"),
            session_token: token.as_deref().map(Secret::new),
        };
        let mut signer = Signer::new(credentials, "local", "execute-api");
        if declare {
            signer = signer.declaring_body();
        }
        let mut headers: Vec<(String, Vec<u8>)> = vec![
            ("Host".into(), b"example.com".to_vec()),
            ("X-Value".into(), value.into_bytes()),
        ];
        let fields = headers.clone();
        let view = RequestView {
            method: "POST",
            path: &path,
            query: query.as_deref(),
            headers: fields.iter().map(|(name, value)| (&**name, &**value)),
        };
        let now_ms = now_s * 1000;
        let added = signer.sign(&view, Payload::Bytes(&body), now_ms).unwrap();
        headers.extend(added.into_iter().map(|(name, value)| (name.into(), value.into_bytes())));
        let presigned = signer.presign(&view, Payload::Bytes(&body), 60, now_ms).unwrap();
        for (query, headers) in [(query.as_deref(), &headers), (Some(&*presigned), &fields)] {
            let signed = RequestView {
                method: "POST",
                path: &path,
                query,
                headers: headers.iter().map(|(name, value)| (&**name, &**value)),
            };
            let lookup = |_: &str| Some(Secret::new("secret"));
            let verifier = Verifier::new(VerifierOptions::default());
            let verified = verifier.verify(&signed, BodyHash::Bytes(&body), now_ms, lookup);
            prop_assert!(verified.is_ok(), "{:?}", verified);
            let token_back = verified.unwrap().session_token;
            prop_assert_eq!(token_back.as_ref().map(Secret::expose), token.as_deref());
        }
    }

    #[test]
    fn nothing_panics(
        method in ".{0,8}",
        path in ".{0,16}",
        query in "(X-Amz-(Algorithm|Credential|Signature|Date|Expires|SignedHeaders)=|AWS4-HMAC-SHA256|&|a/20150830/r/s/aws4_request|20150830T123600Z|host|%|\\PC){0,24}",
        authorization in "(AWS4-HMAC-SHA256|Credential=|SignedHeaders=|Signature=|a/20150830/r/s/aws4_request|host|,|;|/| |=|\\PC){0,16}",
        date in "(20150830T123600Z|\\PC{0,16})",
        raw in proptest::collection::vec(any::<u8>(), 0..40),
        now_ms: u64,
    ) {
        let headers: [(&str, &[u8]); 5] = [
            ("host", b"h"),
            ("authorization", authorization.as_bytes()),
            ("x-amz-date", date.as_bytes()),
            ("x-amz-content-sha256", &raw),
            ("x-amz-security-token", &raw),
        ];
        let verifier = Verifier::new(VerifierOptions { skew_ms: u64::MAX, ..Default::default() });
        for count in [2, 3, 5] {
            let view = RequestView {
                method: &method,
                path: &path,
                query: Some(&*query),
                headers: headers.iter().take(count).copied(),
            };
            let lookup = |_: &str| Some(Secret::new("secret"));
            let error = verifier.verify(&view, BodyHash::Bytes(&raw), now_ms, lookup).unwrap_err();
            prop_assert_eq!(error.to_aws().status(), 403);
            let fields: [(&str, &[u8]); 1] = [("authorization", &raw)];
            let view = RequestView { headers: fields.into_iter(), method: &method, path: &path, query: None };
            prop_assert!(verifier.verify(&view, BodyHash::Later, now_ms, lookup).is_err());
        }
    }
}
