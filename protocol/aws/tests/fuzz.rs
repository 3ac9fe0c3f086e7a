//! No bytes whatever break the parsers of signatures, ARNs and paths; `tollgate_mutate` says how long
//! it is tried.

use tollgate_aws::arn::{Arn, ExecuteApiArn, TagResource, tag_arn};
use tollgate_aws::operations::match_operation;
use tollgate_aws::sigv4::{
    BodyHash, Payload, RequestView, Signer, SigningCredentials, Verifier, VerifierOptions,
};
use tollgate_aws::{Secret, check_input, decode_label, encode_label, query_pairs, read_members};
use tollgate_mutate::run;

const NOW_MS: u64 = 1_763_856_000_000;
const ACCESS_KEY: &str = "AKIAFUZZ000000000001";
const SECRET: &str = "a-secret-of-the-fuzz-target-000000000001";

/// A request as text: method, path, query, and a header a line.
struct Parts<'t> {
    method: &'t str,
    path: &'t str,
    query: Option<&'t str>,
    headers: Vec<(&'t str, &'t [u8])>,
}

fn parts(text: &str) -> Option<Parts<'_>> {
    let mut lines = text.split('\n');
    let (method, path) = (lines.next()?, lines.next()?);
    let query = lines.next().filter(|it| !it.is_empty());
    let headers = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name, value.as_bytes()))
    });
    Some(Parts {
        method,
        path,
        query,
        headers: headers.collect(),
    })
}

impl Parts<'_> {
    fn view(&self) -> RequestView<'_, impl Iterator<Item = (&str, &[u8])> + Clone> {
        RequestView {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: self.headers.iter().copied(),
        }
    }
}

/// A request that is signed as it should be, as text.
fn signed(method: &str, path: &str, query: &str, declaring: bool) -> String {
    let credentials = SigningCredentials {
        access_key: ACCESS_KEY.into(),
        secret: Secret::new(SECRET),
        session_token: None,
    };
    let mut signer = Signer::new(credentials, "us-east-1", "apigateway");
    if declaring {
        signer = signer.declaring_body();
    }
    let mut text =
        format!("{method}\n{path}\n{query}\nhost:localhost\ncontent-type:application/json");
    let unsigned = text.clone();
    let request = parts(&unsigned).expect("a request");
    let more = signer.sign(&request.view(), Payload::Bytes(b"{}"), NOW_MS);
    for (name, value) in more.expect("it can be signed") {
        text += &format!("\n{name}:{value}");
    }
    text
}

#[test]
fn fuzz_signatures() {
    let good = [
        signed("GET", "/v2/apis", "", false),
        signed(
            "POST",
            "/v2/apis/a%20b",
            "maxResults=5&nextToken=x%3D",
            true,
        ),
    ];
    let verifier = Verifier::new(VerifierOptions {
        services: vec!["apigateway".into()],
        ..VerifierOptions::default()
    });
    let lookup = |key: &str| (key == ACCESS_KEY).then(|| Secret::new(SECRET));
    for text in &good {
        let request = parts(text).expect("a request");
        let verified = verifier.verify(&request.view(), BodyHash::Bytes(b"{}"), NOW_MS, lookup);
        assert!(verified.is_ok(), "{verified:?}");
    }
    let corpus: Vec<&[u8]> = good.iter().map(String::as_bytes).collect();
    let words = [
        "AWS4-HMAC-SHA256",
        "Credential=",
        "SignedHeaders=",
        "Signature=",
        "x-amz-date:",
        "x-amz-content-sha256:",
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "X-Amz-Signature=",
        "X-Amz-Expires=",
        "X-Amz-Algorithm=",
        "x-amz-security-token:",
        "/aws4_request",
        "20261123T000000Z",
        "\n",
        ";",
        ",",
        "%",
        "%zz",
        "+",
        "..",
        "//",
    ];
    run("sigv4", &corpus, &words, |input| {
        let Ok(text) = core::str::from_utf8(input) else {
            return false;
        };
        let Some(request) = parts(text) else {
            return false;
        };
        let view = request.view();
        for body in [BodyHash::Later, BodyHash::Bytes(b"{}")] {
            let verdict = verifier.verify(&view, body, NOW_MS, lookup);
            // Whoever is believed named the key that signed; nothing of the secret is told.
            match &verdict {
                Ok(verified) => assert_eq!(verified.access_key, ACCESS_KEY),
                Err(error) => assert!(!error.to_aws().message.contains(SECRET)),
            }
        }
        true
    });
}

#[test]
fn fuzz_arns() {
    let corpus: [&[u8]; 6] = [
        b"arn:aws:apigateway:us-east-1::/apis/abc123/stages/prod",
        b"arn:aws:apigateway:us-east-1::/domainnames/api.example.com",
        b"arn:aws:apigateway:us-east-1::/vpclinks/x",
        b"arn:aws:execute-api:us-east-1:000000000000:abc123/prod/GET/pets/*",
        b"arn:aws:lambda:us-east-1:000000000000:function:hello:live",
        b"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:0:function:f/invocations",
    ];
    let words = [
        "arn:",
        "aws",
        ":",
        "::",
        "/",
        "*",
        "restapis",
        "apis",
        "stages",
        "@connections",
    ];
    run("arn", &corpus, &words, |input| {
        let Ok(text) = core::str::from_utf8(input) else {
            return false;
        };
        if let Ok(resource) = TagResource::parse(text) {
            // What was read is written so that it is read again.
            let written = tag_arn("us-east-1", "000000000000", &resource);
            assert_eq!(
                TagResource::parse(&written).as_ref(),
                Ok(&resource),
                "{written}"
            );
        }
        if let Ok(arn) = ExecuteApiArn::parse(text) {
            let written = arn.to_string();
            assert_eq!(
                ExecuteApiArn::parse(&written).as_ref(),
                Ok(&arn),
                "{written}"
            );
        }
        Arn::parse(text).is_ok()
    });
}

#[test]
fn fuzz_operations() {
    let corpus: [&[u8]; 4] = [
        b"POST\n/v2/apis\n\n{\"name\": \"a\", \"protocolType\": \"HTTP\", \"tags\": {\"a\": \"b\"}}",
        b"PATCH\n/usageplans/abc\n\n{\"patchOperations\": [{\"op\": \"replace\", \"path\": \"/name\", \"value\": \"x\"}]}",
        b"GET\n/prod/%40connections/L0SM9%3D\nmaxResults=3&nextToken=a%2Bb\n",
        b"DELETE\n/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa\ntagKeys=a&tagKeys=b\n",
    ];
    let words = [
        "%2F", "%", "//", "\n", "&", "=", "null", "[", "{", "}", "\"", "\\u0000", "-1", "1e400",
    ];
    run("operations", &corpus, &words, |input| {
        let Ok(text) = core::str::from_utf8(input) else {
            return false;
        };
        let mut lines = text.splitn(4, '\n');
        let (Some(method), Some(path)) = (lines.next(), lines.next()) else {
            return false;
        };
        let query = lines.next().filter(|it| !it.is_empty());
        let body = lines.next().unwrap_or_default();
        assert!(query_pairs(query.unwrap_or_default()).count() <= text.len());
        if let Some(label) = decode_label(path) {
            assert_eq!(
                decode_label(&encode_label(&label)).as_deref(),
                Some(&*label)
            );
        }
        let Some(matched) = match_operation(method, path, query) else {
            return false;
        };
        read_members(body.as_bytes()).is_ok_and(|it| check_input(&matched, query, &it).is_ok())
    });
}
