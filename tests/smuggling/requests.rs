//! Where a request ends: lengths, chunks and request lines (RFC 9112, sections 3, 6 and 7).

use crate::shapes::{BAD, Outcome, Shape, run};

/// A body that hides a request from whoever reads the other framing.
const HIDDEN: &str = "0\r\n\r\n";

#[test]
fn two_framings_are_no_request() {
    let post = |headers: &str| format!("POST /x HTTP/1.1\r\nHost: HOST\r\n{headers}\r\n{HIDDEN}");
    let shape = |name, headers: &str| Shape::new(name, &post(headers), BAD);
    run(&[
        shape(
            "length and chunked",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        ),
        shape(
            "chunked and length",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        ),
        shape("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        shape("two lengths in one line", "Content-Length: 5, 6\r\n"),
        shape("length with a sign", "Content-Length: +5\r\n"),
        shape("length below zero", "Content-Length: -5\r\n"),
        shape("length in hex", "Content-Length: 0x5\r\n"),
        shape("length with a space", "Content-Length: 0 5\r\n"),
        shape(
            "length beyond 64 bits",
            "Content-Length: 18446744073709551621\r\n",
        ),
        shape("empty length", "Content-Length:\r\n"),
        shape("length in words", "Content-Length: five\r\n"),
    ]);
}

#[test]
fn transfer_codings_are_chunked_or_nothing() {
    let post = |headers: &str| format!("POST /x HTTP/1.1\r\nHost: HOST\r\n{headers}\r\n{HIDDEN}");
    let shape =
        |name, headers: &str| Shape::new(name, &post(headers), Outcome::Refuse(&[400, 501]));
    run(&[
        shape("an unknown coding", "Transfer-Encoding: xchunked\r\n"),
        shape(
            "chunked not last",
            "Transfer-Encoding: chunked, identity\r\n",
        ),
        shape("chunked twice", "Transfer-Encoding: chunked, chunked\r\n"),
        shape(
            "two lines, chunked first",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
        ),
        shape(
            "a vertical tab before it",
            "Transfer-Encoding:\u{b}chunked\r\n",
        ),
        shape(
            "a space before the colon",
            "Transfer-Encoding : chunked\r\n",
        ),
        shape(
            "folded onto the next line",
            "Transfer-Encoding:\r\n chunked\r\n",
        ),
        shape("in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        Shape::new(
            "chunked before HTTP/1.1",
            &format!(
                "POST /x HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n{HIDDEN}"
            ),
            Outcome::Refuse(&[400, 501]),
        ),
    ]);
}

#[test]
fn chunks_are_exact() {
    let head = "POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n";
    // The head was honest, so a node may have answered 503 for a body it could not pass on whole.
    let shape =
        |name, body: &str| Shape::new(name, &format!("{head}{body}"), Outcome::Refuse(&[400, 503]));
    run(&[
        shape("a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
        shape("a size below zero", "-1\r\nhello\r\n0\r\n\r\n"),
        shape("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        shape(
            "a size beyond 64 bits",
            "10000000000000005\r\nhello\r\n0\r\n\r\n",
        ),
        shape("no size", "\r\nhello\r\n0\r\n\r\n"),
        shape("a size in words", "five\r\nhello\r\n0\r\n\r\n"),
        shape("data longer than its size", "4\r\nhello\r\n0\r\n\r\n"),
        shape("data shorter than its size", "6\r\nhello\r\n0\r\n\r\n"),
        shape("no end of line after data", "5\r\nhello0\r\n\r\n"),
    ]);
}

#[test]
fn a_request_line_has_three_words() {
    let shape = |name, line: &str, codes| {
        Shape::new(
            name,
            &format!("{line}\r\nHost: HOST\r\n\r\n"),
            Outcome::Refuse(codes),
        )
    };
    run(&[
        shape("two spaces", "GET  /x HTTP/1.1", &[400]),
        shape("tabs", "GET\t/x\tHTTP/1.1", &[400]),
        shape("no version", "GET /x", &[400, 505]),
        shape("a version from the future", "GET /x HTTP/9.9", &[400, 505]),
        shape("a version in lower case", "GET /x http/1.1", &[400, 505]),
        shape("four words", "GET /x y HTTP/1.1", &[400]),
        shape("a method that is no token", "GE(T /x HTTP/1.1", &[400]),
        shape("no method", " /x HTTP/1.1", &[400]),
        shape("a target without a slash", "GET x HTTP/1.1", &[400]),
        shape(
            "a control character in the target",
            "GET /\u{1} HTTP/1.1",
            &[400],
        ),
        shape("a NUL in the target", "GET /\0 HTTP/1.1", &[400]),
        shape(
            "a CONNECT",
            "CONNECT example.test:443 HTTP/1.1",
            &[400, 403, 404, 405, 501],
        ),
    ]);
}
