//! Bodies in signed chunks, against the example that AWS publishes.

use proptest::prelude::*;
use tollgate_aws::Secret;
use tollgate_aws::sigv4::{
    BodyHash, ChunkError, ChunkVerifier, PayloadKind, RequestView, Verifier, VerifierOptions,
};

type Fields<'a> = Vec<(&'a str, &'a [u8])>;

/// The example of the S3 API Reference, "Signature calculations: transferring payload in multiple
/// chunks".
fn chunked_example() -> (PayloadKind, Vec<u8>) {
    let authorization = "AWS4-HMAC-SHA256 \
        Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
        SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
        x-amz-decoded-content-length;x-amz-storage-class, \
        Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let fields: Fields<'_> = vec![
        ("Host", b"s3.amazonaws.com"),
        ("x-amz-date", b"20130524T000000Z"),
        ("x-amz-storage-class", b"REDUCED_REDUNDANCY"),
        (
            "x-amz-content-sha256",
            b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        ),
        ("Content-Encoding", b"aws-chunked"),
        ("x-amz-decoded-content-length", b"66560"),
        ("Content-Length", b"66824"),
        ("Authorization", authorization.as_bytes()),
    ];
    let view = RequestView {
        method: "PUT",
        path: "/examplebucket/chunkObject.txt",
        query: None,
        headers: fields.into_iter(),
    };
    let lookup = |_: &str| Some(Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
    let verified = Verifier::new(VerifierOptions::default())
        .verify(&view, BodyHash::Later, 1_369_353_600_000, lookup)
        .expect("the published signature");
    let mut body = Vec::new();
    for (len, signature) in [
        (
            65536,
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        ),
        (
            1024,
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        ),
        (
            0,
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ),
    ] {
        body.extend_from_slice(format!("{len:x};chunk-signature={signature}\r\n").as_bytes());
        body.extend(core::iter::repeat_n(b'a', len));
        body.extend_from_slice(b"\r\n");
    }
    (verified.payload, body)
}

fn read_chunks(payload: &PayloadKind, body: &[u8], step: usize) -> Result<Vec<u8>, ChunkError> {
    let PayloadKind::Streaming(seed) = payload else {
        panic!("{payload:?} is not streamed")
    };
    let mut reader = ChunkVerifier::new(seed.clone());
    let mut out = Vec::new();
    for piece in body.chunks(step) {
        reader.push(piece, &mut out)?;
    }
    reader.finish()?;
    Ok(out)
}

#[test]
fn chunked_bodies() {
    let (payload, body) = chunked_example();
    assert_eq!(body.len(), 66824);
    for step in [1, 7, 4096, 65537, body.len()] {
        let out = read_chunks(&payload, &body, step);
        assert_eq!(out.map(|out| out.len()), Ok(66560), "in steps of {step}");
    }
    for (at, error) in [
        (0, ChunkError::Malformed),
        (30, ChunkError::Mismatch),
        (1000, ChunkError::Mismatch),
        (body.len() - 1, ChunkError::Malformed),
    ] {
        let mut bad = body.clone();
        bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
        assert!(read_chunks(&payload, &bad, 4096).is_err(), "byte {at}");
        if at != 0 {
            assert_eq!(read_chunks(&payload, &bad, 4096), Err(error), "byte {at}");
        }
    }
    assert_eq!(
        read_chunks(&payload, &body[..body.len() - 1], 99),
        Err(ChunkError::Truncated)
    );
    let more = [&*body, b"x"].concat();
    assert_eq!(read_chunks(&payload, &more, 99), Err(ChunkError::Trailing));
    for (head, error) in [
        (
            format!("ffffffff;chunk-signature={}\r\n", "0".repeat(64)),
            ChunkError::TooLarge,
        ),
        (
            format!("+1;chunk-signature={}\r\n", "0".repeat(64)),
            ChunkError::Malformed,
        ),
        ("0".repeat(1000), ChunkError::Malformed),
        ("0;x\n".to_owned(), ChunkError::Malformed),
    ] {
        assert_eq!(
            read_chunks(&payload, head.as_bytes(), 50),
            Err(error),
            "{head}"
        );
    }
}

proptest! {
    #[test]
    fn nothing_unsigned_gets_through(
        pieces in proptest::collection::vec("(0;|1;|ffff;|chunk-signature=|[0-9a-f]{64}|\r\n|\\PC){0,8}", 0..6)
    ) {
        let PayloadKind::Streaming(seed) = chunked_example().0 else { unreachable!() };
        let mut reader = ChunkVerifier::new(seed);
        let mut out = Vec::new();
        let refused = pieces.iter().any(|piece| reader.push(piece.as_bytes(), &mut out).is_err());
        prop_assert!(out.is_empty());
        prop_assert!(reader.finish().is_err());
        prop_assert!(!refused || reader.push(b"x", &mut out).is_err());
    }
}
