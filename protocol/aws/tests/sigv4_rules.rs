//! The rules of verification that a random request does not reach: published vectors, forms of
//! refusal and their texts, bodies that come later.

use std::cell::Cell;

use tollgate_aws::sigv4::{
    BodyHash, BodyHasher, Payload, PayloadKind, Refusal, RequestView, SigV4Error, SignError,
    Signer, SigningCredentials, Verified, Verifier, VerifierOptions,
};
use tollgate_aws::{ErrorKind, Secret};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z
const NOW_MS: u64 = 1_440_938_160_000;

type Fields<'a> = Vec<(&'a str, &'a [u8])>;

fn verify(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: BodyHash<'_>,
) -> Result<Verified, SigV4Error> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let headers: Fields<'_> = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    let view = RequestView {
        method,
        path,
        query,
        headers: headers.into_iter(),
    };
    let lookup = |key: &str| (key == "AKIDEXAMPLE").then(|| Secret::new(SECRET));
    Verifier::new(VerifierOptions::default()).verify(&view, body, NOW_MS, lookup)
}

fn authorization(signed: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={signed}, Signature={signature}"
    )
}

fn signer() -> Signer {
    let credentials = SigningCredentials {
        access_key: "AKIDEXAMPLE".to_owned(),
        secret: Secret::new(SECRET),
        session_token: None,
    };
    Signer::new(credentials, "us-east-1", "service")
}

/// From the SigV4 test suite that AWS publishes.
#[test]
fn published_vectors() {
    for (method, target, signature) in [
        (
            "GET",
            "/",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "POST",
            "/",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ] {
        let authorization = authorization("host;x-amz-date", signature);
        let headers = [
            ("Host", "example.amazonaws.com"),
            ("X-Amz-Date", "20150830T123600Z"),
            ("Authorization", &*authorization),
        ];
        let verified = verify(method, target, &headers, BodyHash::Bytes(b""));
        assert!(verified.is_ok(), "{method} {target}: {verified:?}");
    }
}

/// Verifies a GET with this `Authorization`; gives the kind of the error and its text.
fn refusal(authorization: &str) -> (ErrorKind, String) {
    let headers = [
        ("host", "h"),
        ("x-amz-date", "20150830T123600Z"),
        ("authorization", authorization),
    ];
    let error = verify("GET", "/", &headers, BodyHash::Bytes(b"")).expect_err(authorization);
    let aws = error.to_aws();
    assert_eq!(aws.status(), 403, "{authorization}");
    assert!(!format!("{error:?}{error}{aws:?}").contains(SECRET));
    (aws.kind, aws.message)
}

#[test]
fn unreadable_signatures() {
    let good = authorization("host;x-amz-date", &"0".repeat(64));
    let short = good.replace("us-east-1/", "");
    let twice = format!("{good}, Signature=0");
    let ecdsa = good.replace("HMAC-SHA256", "ECDSA-P256-SHA256");
    for (value, text) in [
        (
            "Bearer abc",
            "requires 'Credential' parameter. Authorization header requires 'Sign",
        ),
        ("AWS4-HMAC-SHA256 Signature", "missing equal-sign"),
        ("AWS4-HMAC-SHA256", "requires 'SignedHeaders' parameter."),
        (&short, "exactly 5 slash-delimited elements"),
        (&twice, "'Signature' must not occur more than once"),
        (&ecdsa, "Unsupported AWS 'algorithm'"),
    ] {
        let (kind, message) = refusal(value);
        assert_eq!(kind, ErrorKind::IncompleteSignature, "{value}");
        assert!(message.contains(text), "{value}: {message}");
    }
    let no_date = [("host", "h"), ("authorization", &*good)];
    let error = verify("GET", "/", &no_date, BodyHash::Bytes(b"")).unwrap_err();
    assert_eq!(
        error.to_aws().message,
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    );
}

#[test]
fn wrong_signatures() {
    let zeros = "0".repeat(64);
    let good = authorization("host;x-amz-date", &zeros);
    let mismatch = "The request signature we calculated does not match the signature you provided.";
    for (value, text) in [
        (good.clone(), mismatch),
        (
            authorization("x-amz-date", &zeros),
            "'Host' or ':authority' must be a 'SignedHeader'",
        ),
        (
            authorization("host", &zeros),
            "'x-amz-date' must be a 'SignedHeader'",
        ),
        (authorization("x-amz-date;host", &zeros), mismatch),
        (authorization("Host;x-amz-date", &zeros), mismatch),
        (authorization("host;x-absent;x-amz-date", &zeros), mismatch),
        (
            good.replace("aws4_request", "aws5_request"),
            "a valid terminator: 'aws4_request'",
        ),
        (
            good.replace("20150830", "20150831"),
            "Date in Credential scope does not match",
        ),
    ] {
        let (kind, message) = refusal(&value);
        assert_eq!(kind, ErrorKind::InvalidSignature, "{value}");
        assert!(message.contains(text), "{value}: {message}");
    }
    let (kind, message) = refusal(&good.replace("AKIDEXAMPLE", "AKIDUNKNOWN"));
    assert_eq!(kind, ErrorKind::UnrecognizedClient);
    assert_eq!(
        message,
        "The security token included in the request is invalid."
    );
    let (kind, message) = refusal("");
    assert_eq!(kind, ErrorKind::MissingAuthenticationToken);
    assert_eq!(message, "Missing Authentication Token");
}

#[test]
fn one_signature_only() {
    let good = authorization("host", &"0".repeat(64));
    let query = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0";
    let two = [
        ("host", "h"),
        ("authorization", &*good),
        ("authorization", &*good),
    ];
    for (target, headers) in [(query, &two[..2]), ("/", &two[..])] {
        let error = verify("GET", target, headers, BodyHash::Bytes(b"")).unwrap_err();
        assert_eq!(
            error.to_aws().kind,
            ErrorKind::IncompleteSignature,
            "{error}"
        );
    }
    let error = verify("GET", query, &two[..1], BodyHash::Bytes(b"")).unwrap_err();
    let text = error.to_aws().message;
    assert!(text.starts_with("AWS query-string parameters must include 'X-Amz-Credential'. AWS"));
    let twice = format!("{query}&X-Amz-Signature=0");
    let error = verify("GET", &twice, &two[..1], BodyHash::Bytes(b"")).unwrap_err();
    assert!(matches!(error, SigV4Error::Incomplete(_)), "{error}");
}

#[test]
fn presigned_lives_are_bounded() {
    let headers: [(&str, &[u8]); 1] = [("host", b"h")];
    let view = RequestView {
        method: "GET",
        path: "/",
        query: None,
        headers: headers.into_iter(),
    };
    for (expires_s, is_good) in [(0, false), (1, true), (604_800, true), (604_801, false)] {
        let query = signer()
            .presign(&view, Payload::Bytes(b""), expires_s, NOW_MS)
            .unwrap();
        let target = format!("/?{query}");
        let verified = verify("GET", &target, &[("host", "h")], BodyHash::Bytes(b""));
        assert_eq!(verified.is_ok(), is_good, "{expires_s}: {verified:?}");
    }
    let query = signer()
        .presign(&view, Payload::Unsigned, 60, NOW_MS)
        .unwrap();
    let target = format!("/?{query}");
    let verified = verify("GET", &target, &[("host", "h")], BodyHash::Later).unwrap();
    assert!(matches!(verified.payload, PayloadKind::Unsigned));
}

fn signed(signer: &Signer, payload: Payload<'_>) -> Vec<(String, String)> {
    let headers: [(&str, &[u8]); 1] = [("host", b"h")];
    let view = RequestView {
        method: "PUT",
        path: "/x",
        query: None,
        headers: headers.into_iter(),
    };
    let added = signer.sign(&view, payload, NOW_MS).expect("host is there");
    let added = added
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    core::iter::once(("host".to_owned(), "h".to_owned()))
        .chain(added)
        .collect()
}

fn verify_put(headers: &[(String, String)], body: BodyHash<'_>) -> Result<Verified, SigV4Error> {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    verify("PUT", "/x", &headers, body)
}

#[test]
fn bodies_may_come_later() {
    let declared = signed(&signer().declaring_body(), Payload::Bytes(b"hello"));
    let verified = verify_put(&declared, BodyHash::Later).unwrap();
    let mut hasher = BodyHasher::new();
    hasher.update(b"hel");
    hasher.update(b"lo");
    assert_eq!(verified.payload.check(&hasher.finish()), Ok(()));
    let other = BodyHasher::new().finish();
    assert_eq!(
        verified.payload.check(&other),
        Err(SigV4Error::BodyMismatch)
    );
    let error = verify_put(&declared, BodyHash::Bytes(b"Hello")).unwrap_err();
    assert_eq!(
        (error.clone(), error.refusal()),
        (SigV4Error::BodyMismatch, Refusal::InvalidSignature)
    );

    let undeclared = signed(&signer(), Payload::Bytes(b"hello"));
    assert_eq!(
        verify_put(&undeclared, BodyHash::Later).unwrap_err(),
        SigV4Error::BodyNeeded
    );
    let verified = verify_put(&undeclared, BodyHash::Bytes(b"hello")).unwrap();
    assert!(matches!(verified.payload, PayloadKind::Checked));
    assert_eq!(
        verify_put(&undeclared, BodyHash::Bytes(b"Hello")).unwrap_err(),
        SigV4Error::Mismatch
    );
}

#[test]
fn unsigned_bodies_can_be_forbidden() {
    let headers = signed(&signer(), Payload::Unsigned);
    let verified = verify_put(&headers, BodyHash::Bytes(b"anything")).unwrap();
    assert!(matches!(verified.payload, PayloadKind::Unsigned));
    let strict = VerifierOptions {
        allow_unsigned_payload: false,
        ..Default::default()
    };
    let fields = headers
        .iter()
        .map(|(name, value)| (&**name, value.as_bytes()));
    let view = RequestView {
        method: "PUT",
        path: "/x",
        query: None,
        headers: fields,
    };
    let verified = Verifier::new(strict).verify(&view, BodyHash::Later, NOW_MS, |_| {
        Some(Secret::new(SECRET))
    });
    assert!(
        matches!(verified, Err(SigV4Error::Incomplete(_))),
        "{verified:?}"
    );
}

#[test]
fn a_stranger_is_refused_before_the_body() {
    let asked = Cell::new(0);
    let headers = signed(&signer(), Payload::Bytes(b"hello"));
    let fields = headers
        .iter()
        .map(|(name, value)| (&**name, value.as_bytes()));
    let view = RequestView {
        method: "PUT",
        path: "/x",
        query: None,
        headers: fields,
    };
    let verifier = Verifier::new(VerifierOptions::default());
    let nobody = |key: &str| {
        assert_eq!(key, "AKIDEXAMPLE");
        asked.set(asked.get() + 1);
        None
    };
    let refused = verifier
        .verify(&view, BodyHash::Later, NOW_MS, nobody)
        .unwrap_err();
    assert_eq!(
        (refused.clone(), refused.refusal()),
        (SigV4Error::UnknownAccessKey, Refusal::UnknownKey)
    );
    assert_eq!(asked.get(), 1);
    // A key that was cached does not outlive its owner, nor his old secret.
    let with = |secret: &'static str| {
        verifier.verify(&view, BodyHash::Bytes(b"hello"), NOW_MS, |_| {
            Some(Secret::new(secret))
        })
    };
    assert!(with(SECRET).is_ok());
    assert_eq!(with("rotated").unwrap_err(), SigV4Error::Mismatch);
    assert!(with(SECRET).is_ok());
    assert!(
        verifier
            .verify(&view, BodyHash::Bytes(b"hello"), NOW_MS, nobody)
            .is_err()
    );
}

#[test]
fn expiry_says_when() {
    let headers = signed(&signer(), Payload::Bytes(b""));
    let fields = headers
        .iter()
        .map(|(name, value)| (&**name, value.as_bytes()));
    let view = RequestView {
        method: "PUT",
        path: "/x",
        query: None,
        headers: fields,
    };
    let verifier = Verifier::new(VerifierOptions::default());
    let at = |now_ms: u64| {
        let lookup = |_: &str| Some(Secret::new(SECRET));
        verifier
            .verify(&view, BodyHash::Bytes(b""), now_ms, lookup)
            .unwrap_err()
    };
    let late = at(NOW_MS + 360_000);
    assert_eq!(late.refusal(), Refusal::Expired);
    assert_eq!(
        late.to_aws().message,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z \
         (20150830T124200Z - 5 min.)"
    );
    assert_eq!(
        at(NOW_MS - 360_000).to_aws().message,
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z \
         (20150830T123000Z + 5 min.)"
    );
}

#[test]
fn the_signer_refuses_what_it_can_not_sign() {
    let refused = |fields: &[(&str, &[u8])], now_ms: u64| {
        let headers = fields.iter().copied();
        let view = RequestView {
            method: "GET",
            path: "/",
            query: None,
            headers,
        };
        signer()
            .sign(&view, Payload::Bytes(b""), now_ms)
            .unwrap_err()
    };
    assert_eq!(refused(&[("a", b"b")], NOW_MS), SignError::NoHost);
    let taken: [(&str, &[u8]); 2] = [("host", b"h"), ("X-Amz-Date", b"x")];
    assert_eq!(refused(&taken, NOW_MS), SignError::Reserved("x-amz-date"));
    assert_eq!(refused(&[("host", b"h")], u64::MAX), SignError::Clock);
}
