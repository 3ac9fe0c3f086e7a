//! The signing test suite of AWS: each vector is accepted in both forms, and no part of it may
//! change, whatever is put in the place of a byte.
//!
//! Two vectors are refused on purpose: where the session token was added after signing, this
//! verifier wants every `x-amz-` header signed (and every parameter of a query).

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Deserialize;
use tollgate_aws::sigv4::{
    BodyHash, Payload, RequestView, SigV4Error, Signer, SigningCredentials, Verified, Verifier,
    VerifierOptions,
};
use tollgate_aws::{Secret, query_pairs};

#[derive(Deserialize)]
struct Suite {
    vectors: Vec<Vector>,
}

#[derive(Debug, Clone, Deserialize)]
struct Vector {
    name: String,
    access_key: String,
    secret: String,
    token: Option<String>,
    token_is_signed: bool,
    region: String,
    service: String,
    now_s: u64,
    expires_s: u32,
    normalize: bool,
    plain: Request,
    header: Request,
    query: Option<Request>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Request {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn body(&self) -> Vec<u8> {
        let engine = base64::engine::general_purpose::STANDARD;
        engine.decode(&self.body).expect("the fixture is base64")
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.headers
            .iter()
            .map(|(name, value)| (&**name, value.as_bytes()))
    }
}

impl Vector {
    fn verify(&self, request: &Request) -> Result<Verified, SigV4Error> {
        let view = RequestView {
            method: &request.method,
            path: &request.path,
            query: request.query.as_deref(),
            headers: request.fields(),
        };
        let lookup = |key: &str| (key == self.access_key).then(|| Secret::new(&*self.secret));
        let options = VerifierOptions {
            services: vec![self.service.clone()],
            region: Some(self.region.clone()),
            ..VerifierOptions::default()
        };
        let body = request.body();
        Verifier::new(options).verify(&view, BodyHash::Bytes(&body), self.now_s * 1000, lookup)
    }

    /// The signed requests of a vector: in the header, and in the query where it has one.
    fn signed(&self) -> impl Iterator<Item = &Request> {
        std::iter::once(&self.header).chain(&self.query)
    }
}

fn vectors() -> Vec<Vector> {
    let suite: Suite = serde_json::from_str(include_str!("../testdata/vectors.json"))
        .expect("the fixture is JSON");
    assert_eq!(suite.vectors.len(), 40);
    suite.vectors
}

#[test]
fn every_vector_is_accepted_in_both_forms() {
    let (mut accepted, mut refused) = (0, 0);
    for vector in vectors() {
        for request in vector.signed() {
            let name = &vector.name;
            match vector.verify(request) {
                Ok(verified) => {
                    assert!(vector.token_is_signed, "{name}: the token is not signed");
                    assert_eq!(verified.access_key, vector.access_key, "{name}");
                    assert_eq!(verified.signed_at_ms, vector.now_s * 1000, "{name}");
                    let token = verified.session_token.as_ref().map(Secret::expose);
                    assert_eq!(token, vector.token.as_deref(), "{name}");
                    accepted += 1;
                }
                Err(error) => {
                    assert!(!vector.token_is_signed, "{name}: {error}");
                    refused += 1;
                }
            }
        }
    }
    eprintln!("{accepted} signed requests accepted, {refused} with an unsigned token refused");
    assert_eq!((accepted, refused), (76, 2));
}

#[test]
fn our_signatures_are_the_vectors() {
    let mut compared = 0;
    for vector in vectors() {
        // Where the suite does not normalise, it signs for S3's rules; our signer normalises.
        let is_plain = vector.normalize && vector.token_is_signed;
        let Some(presigned) = vector.query.as_ref().filter(|_| is_plain) else {
            continue;
        };
        let credentials = SigningCredentials {
            access_key: vector.access_key.clone(),
            secret: Secret::new(&*vector.secret),
            session_token: vector.token.as_deref().map(Secret::new),
        };
        let mut signer = Signer::new(credentials, &*vector.region, &*vector.service);
        let declares = |(name, _): &(String, String)| name == "x-amz-content-sha256";
        if vector.header.headers.iter().any(declares) {
            signer = signer.declaring_body();
        }
        let body = vector.header.body();
        // One unsigned request has its path escaped where the signed ones have it bare.
        let view = RequestView {
            method: &vector.plain.method,
            path: &vector.header.path,
            query: vector.plain.query.as_deref(),
            headers: vector.plain.fields(),
        };
        let now_ms = vector.now_s * 1000;
        let fields = signer.sign(&view, Payload::Bytes(&body), now_ms);
        for (name, value) in fields.expect(&vector.name) {
            let theirs = vector.header.headers.iter();
            let mut theirs = theirs.filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let theirs = theirs.next().map(|(_, value)| value);
            assert_eq!(theirs, Some(&value), "{}: {name}", vector.name);
        }
        let query = signer.presign(&view, Payload::Bytes(&body), vector.expires_s, now_ms);
        let query = query.expect(&vector.name);
        let theirs = presigned.query.as_deref().unwrap_or_default();
        let signature = |query: &str| query.rsplit_once('=').map(|(_, text)| text.to_owned());
        assert_eq!(signature(&query), signature(theirs), "{}", vector.name);
        compared += 1;
    }
    eprintln!("{compared} vectors signed alike in both forms");
    assert!(compared >= 30, "{compared}");
}

/// What is put in the place of a byte: one of each class that a parser treats apart.
const BYTES: &[char] = &['a', 'Q', '7', '%', '/', '.', '&', '=', ' ', ',', ';', 'é'];

/// What is put beside a byte.
const MORE: &[char] = &['a', '0', '/', '&', ' ', ','];

/// Every text that differs from this one at one place: replaced, inserted, removed, in other case,
/// doubled.
fn tampered(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut all = Vec::new();
    for at in 0..=chars.len() {
        let (before, after) = chars.split_at(at);
        let mut push = |middle: &[char], rest: &[char]| {
            all.push(before.iter().chain(middle).chain(rest).collect::<String>());
        };
        for c in MORE {
            push(&[*c], after);
        }
        let Some((own, rest)) = after.split_first() else {
            continue;
        };
        for c in BYTES {
            push(&[*c], rest);
        }
        push(&[], rest);
        push(&[*own, *own], rest);
        let other = if own.is_ascii_lowercase() {
            own.to_ascii_uppercase()
        } else {
            own.to_ascii_lowercase()
        };
        push(&[other], rest);
    }
    all.retain(|changed| changed != text);
    all.sort_unstable();
    all.dedup();
    all
}

/// What a request says, so that two ways to write the same are known: whitespace around and runs of
/// it in header values, the order of a query, escapes of what needs none, dots in a path.
#[derive(Debug, PartialEq)]
struct Meaning {
    method: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    authorization: Vec<String>,
    body: String,
}

fn meaning(request: &Request) -> Meaning {
    let mut path: Vec<String> = Vec::new();
    for segment in request.path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(path.pop()),
            _ => path.push(segment.to_owned()),
        }
    }
    let mut query: Vec<(String, String)> = query_pairs(request.query.as_deref().unwrap_or(""))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    query.sort();
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let mut authorization = Vec::new();
    for (name, value) in &request.headers {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        let value = words.join(" ");
        let name = name.to_ascii_lowercase();
        if name == "authorization" {
            let (algorithm, rest) = value.split_once(' ').unwrap_or((&value, ""));
            authorization.push(algorithm.to_owned());
            let parts = rest
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            authorization.extend(parts.map(str::to_owned));
        } else {
            let all = headers.entry(name).or_default();
            all.push_str(&value);
            all.push(',');
        }
    }
    let is_directory = request.path.ends_with('/') && !path.is_empty();
    path.push(is_directory.to_string());
    Meaning {
        method: request.method.clone(),
        path,
        query,
        headers,
        authorization,
        body: request.body.clone(),
    }
}

/// Every request that differs from a signed one at one place of what is signed.
fn forgeries(vector: &Vector, request: &Request) -> Vec<Request> {
    let verified = vector.verify(request).expect("it was accepted");
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Request)| {
        let mut bad = request.clone();
        change(&mut bad);
        all.push(bad);
    };
    for method in tampered(&request.method) {
        add(&|bad| bad.method.clone_from(&method));
    }
    for path in tampered(&request.path) {
        add(&|bad| bad.path.clone_from(&path));
    }
    for query in tampered(request.query.as_deref().unwrap_or_default()) {
        add(&|bad| bad.query = Some(query.clone()));
    }
    for (at, (name, value)) in request.headers.iter().enumerate() {
        let lower = name.to_ascii_lowercase();
        let is_signed = verified.signed_headers.split(';').any(|own| own == lower);
        if !is_signed && lower != "authorization" {
            continue;
        }
        for value in tampered(value) {
            add(&|bad| bad.headers[at].1.clone_from(&value));
        }
        for name in tampered(name) {
            add(&|bad| bad.headers[at].0.clone_from(&name));
        }
        add(&|bad| drop(bad.headers.remove(at)));
        add(&|bad| bad.headers.push((name.clone(), value.clone())));
    }
    let engine = base64::engine::general_purpose::STANDARD;
    let body = String::from_utf8(request.body()).expect("the suite has bodies of text");
    for body in tampered(&body) {
        add(&|bad| bad.body = engine.encode(&body));
    }
    all
}

#[test]
fn nothing_of_a_vector_may_change() {
    let (mut refused, mut same) = (0, 0);
    for vector in vectors().iter().filter(|vector| vector.token_is_signed) {
        for request in vector.signed() {
            let good = meaning(request);
            for bad in forgeries(vector, request) {
                if meaning(&bad) == good {
                    same += 1;
                    continue;
                }
                assert!(vector.verify(&bad).is_err(), "{}: {bad:#?}", vector.name);
                refused += 1;
            }
        }
    }
    eprintln!("{refused} tampered requests refused; {same} only wrote the same in another way");
    assert!(refused > 100_000, "{refused}");
}

/// 10,000 signatures that differ from the right one in one to 64 digits.
#[test]
fn no_other_signature_is_accepted() {
    const COUNT: usize = 10_000;
    let vectors = vectors();
    let vectors: Vec<&Vector> = vectors.iter().filter(|own| own.token_is_signed).collect();
    let mut random = 20_150_830_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).expect("31 bits")
    };
    let mut mutated = 0;
    while mutated < COUNT {
        let vector = vectors[next() % vectors.len()];
        let in_query = vector.query.as_ref().filter(|_| next() % 2 == 0);
        let mut bad = in_query.unwrap_or(&vector.header).clone();
        let place = bad
            .headers
            .iter()
            .position(|(name, _)| name == "Authorization");
        let text = match place {
            Some(at) => &mut bad.headers[at].1,
            None => bad.query.as_mut().expect("a signed query"),
        };
        let start = text.rfind("Signature=").expect("a signature") + "Signature=".len();
        let mut digits = text.as_bytes()[start..].to_vec();
        for _ in 0..=next() % 64 {
            let at = next() % digits.len();
            digits[at] = b"0123456789abcdef"[next() % 16];
        }
        if digits == text.as_bytes()[start..] {
            continue;
        }
        text.truncate(start);
        text.push_str(&String::from_utf8(digits).expect("digits"));
        let verified = vector.verify(&bad).map(|verified| verified.access_key);
        assert_eq!(verified, Err(SigV4Error::Mismatch), "{}", vector.name);
        mutated += 1;
    }
    eprintln!("0 of {mutated} mutated signatures accepted");
}
