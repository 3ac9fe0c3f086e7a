//! What is written for a request, and what is refused.

use super::*;

fn request(fields: &[(&str, &str)]) -> Request {
    Request {
        path: "/a%2Fb//c".to_owned(),
        query: Some("x=1&&y=%zz".to_owned()),
        headers: fields.iter().copied().collect(),
        ..Request::default()
    }
}

fn written(
    request: &Request,
    framing: BodyFraming,
    keeps_upgrade: bool,
) -> Result<String, UpstreamErrorKind> {
    let mut out = Vec::new();
    match write_head(&mut out, request, framing, keeps_upgrade) {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(error) => Err(error.kind),
    }
}

const NO_BODY: BodyFraming = BodyFraming::Length(0);

#[test]
fn path_and_end_to_end_fields_are_as_given_and_in_order() {
    let request = request(&[
        ("host", "a.example"),
        ("x-b", "1"),
        ("x-raw", "caf\u{e9}"),
        ("x-b", "2"),
        ("x-empty", ""),
        ("connection", "keep-alive, x-gone"),
        ("x-gone", "1"),
        ("te", "gzip, trailers"),
        ("transfer-encoding", "chunked"),
        ("content-length", "77"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
    ]);
    let kept = "GET /a%2Fb//c?x=1&&y=%zz HTTP/1.1\r\nhost: a.example\r\nx-b: 1\r\n\
                x-raw: caf\u{e9}\r\nx-b: 2\r\nx-empty: \r\n";
    assert_eq!(
        written(&request, NO_BODY, false),
        Ok(format!("{kept}te: trailers\r\n\r\n"))
    );
    assert_eq!(
        written(&request, NO_BODY, true),
        Ok(format!(
            "{kept}upgrade: websocket\r\nte: trailers\r\nconnection: upgrade\r\n\r\n"
        ))
    );
}

#[test]
fn the_body_decides_the_framing() {
    for (method, framing, field) in [
        (Method::Get, NO_BODY, ""),
        (Method::Delete, NO_BODY, ""),
        (Method::Post, NO_BODY, "content-length: 0\r\n"),
        (Method::Patch, NO_BODY, "content-length: 0\r\n"),
        (Method::Get, BodyFraming::Length(3), "content-length: 3\r\n"),
        (
            Method::Put,
            BodyFraming::Length(u64::MAX),
            "content-length: 18446744073709551615\r\n",
        ),
        (
            Method::Get,
            BodyFraming::Chunked,
            "transfer-encoding: chunked\r\n",
        ),
    ] {
        let mut request = request(&[("host", "h"), ("content-length", "55")]);
        let line = format!("{method} /a%2Fb//c?x=1&&y=%zz HTTP/1.1\r\nhost: h\r\n");
        request.method = method;
        assert_eq!(
            written(&request, framing, false),
            Ok(format!("{line}{field}\r\n"))
        );
    }
}

/// Every byte that can end a line, a word or the path is refused wherever it stands.
#[test]
fn no_byte_breaks_out_of_its_place() {
    let refused = |request: &Request| {
        written(request, NO_BODY, false) == Err(UpstreamErrorKind::InvalidRequest)
    };
    for byte in 0..=0x7f_u8 {
        let text = format!("a{}b", char::from(byte));
        let breaks_line = byte < b' ' && byte != b'\t' || byte == 0x7f;
        let breaks_word = byte <= b' ' || byte == 0x7f;
        let value = request(&[("x", &text)]);
        assert_eq!(refused(&value), breaks_line, "value {byte}");
        let name = request(&[(&text, "x")]);
        let is_token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert_eq!(refused(&name), !is_token, "name {byte}");
        let mut method = request(&[]);
        method.method = Method::from_token(&text);
        assert_eq!(refused(&method), !is_token, "method {byte}");
        let mut path = request(&[]);
        path.path = format!("/{text}");
        assert_eq!(
            refused(&path),
            breaks_word || b"#<>?`".contains(&byte),
            "path {byte}"
        );
        let mut query = request(&[]);
        query.query = Some(text);
        assert_eq!(
            refused(&query),
            breaks_word || b"\"#<>".contains(&byte),
            "query {byte}"
        );
    }
    for (path, query) in [
        ("", None),
        ("no-slash", None),
        ("http://x/", None),
        ("*", Some("x")),
    ] {
        let mut odd = request(&[]);
        (odd.path, odd.query) = (path.to_owned(), query.map(str::to_owned));
        assert!(refused(&odd), "{path:?} {query:?}");
    }
    let mut request = request(&[]);
    (request.path, request.query) = ("*".to_owned(), None);
    request.method = Method::Options;
    assert_eq!(
        written(&request, NO_BODY, false),
        Ok("OPTIONS * HTTP/1.1\r\n\r\n".to_owned())
    );
    request.path = format!("/{}", "a".repeat(TARGET_BYTES_MAX - 1));
    assert!(!refused(&request));
    request.path.push('a');
    assert!(refused(&request));
    request.path = "/".to_owned();
    for method in ["CONNECT", ""] {
        request.method = Method::Other(method.into());
        assert!(refused(&request), "{method:?}");
    }
}
