//! The parser against whole, split and hostile answers.

use super::*;

/// Feeds the bytes in pieces of `step`, then the end of the stream.
fn parse(bytes: &[u8], step: usize, to_head: bool) -> Result<Option<(Answer, Vec<u8>)>, Error> {
    let mut parser = ResponseParser::keeping_body(to_head);
    let mut buffer = BytesMut::new();
    let mut done = None;
    for piece in bytes.chunks(step) {
        buffer.extend_from_slice(piece);
        done = parser.advance(&mut buffer)?;
    }
    let done = done.or_else(|| parser.end_of_stream());
    Ok(done.map(|answer| (answer, parser.into_body())))
}

/// The answer must be the same however the network cuts it.
fn parse_all(bytes: &[u8], to_head: bool) -> Result<Option<(Answer, Vec<u8>)>, Error> {
    let whole = parse(bytes, bytes.len(), to_head);
    for step in [1, 2, 3, 7] {
        let pieces = parse(bytes, step, to_head);
        assert_eq!(pieces, whole, "in pieces of {step}");
    }
    whole
}

fn answer(bytes: &[u8]) -> (u16, bool, Vec<u8>) {
    let (answer, body) = parse_all(bytes, false).unwrap().expect("a complete answer");
    assert_eq!(answer.body_bytes, body.len() as u64);
    (answer.status, answer.keep_alive, body)
}

#[test]
fn content_length_delimits() {
    assert_eq!(
        answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        (200, true, b"hello".to_vec())
    );
    assert_eq!(
        answer(b"HTTP/1.1 404 \r\ncontent-length: 0\r\nConnection: close\r\n\r\n"),
        (404, false, vec![])
    );
}

#[test]
fn a_missing_byte_is_no_answer() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello";
    assert_eq!(parse_all(bytes, false), Ok(None));
    assert_eq!(parse_all(b"HTTP/1.1 200 OK\r\nContent-Le", false), Ok(None));
}

#[test]
fn chunks_extensions_and_trailers_delimit() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        5;name=\"x\"\r\nhello\r\n1 \r\n!\r\n0\r\nX-Sum: 1\r\n\r\n";
    assert_eq!(answer(bytes), (200, true, b"hello!".to_vec()));
    let cut = &bytes[..bytes.len() - 2];
    assert_eq!(
        parse_all(cut, false),
        Ok(None),
        "the last line ends the answer"
    );
}

#[test]
fn an_answer_without_length_ends_with_the_connection() {
    assert_eq!(
        answer(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nhello"),
        (200, false, b"hello".to_vec())
    );
}

#[test]
fn answers_without_body_end_with_their_head() {
    assert_eq!(
        answer(b"HTTP/1.1 204 No Content\r\n\r\n"),
        (204, true, vec![])
    );
    assert_eq!(
        answer(b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n"),
        (304, true, vec![])
    );
    let head = parse_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true).unwrap();
    assert_eq!(
        head.unwrap().0,
        Answer {
            status: 200,
            keep_alive: true,
            body_bytes: 0
        }
    );
}

#[test]
fn interim_answers_are_skipped_but_not_for_ever() {
    let mut bytes = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(16);
    bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(answer(&bytes), (200, true, b"x".to_vec()));
    let endless = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(17);
    assert_eq!(parse_all(&endless, false), Err(Error::Interim));
    assert_eq!(
        parse_all(b"HTTP/1.1 101 Switch\r\n\r\n", false),
        Err(Error::Interim)
    );
}

#[test]
fn old_versions_close_unless_they_say_otherwise() {
    assert!(!answer(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").1);
    assert!(answer(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n").1);
}

#[test]
fn contradictory_lengths_are_refused() {
    for headers in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: +1",
        "Content-Length: 1, 1",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
        assert_eq!(
            parse_all(bytes.as_bytes(), false),
            Err(Error::Length),
            "{headers}"
        );
    }
}

#[test]
fn malformed_chunks_are_refused() {
    for chunks in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "1\nx",
        "fffffffffffffffff\r\n",
        "1\r\nxy\r\n",
        "0\r\nnot\r\n",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        assert_eq!(
            parse_all(bytes.as_bytes(), false),
            Err(Error::Chunk),
            "{chunks:?}"
        );
    }
}

#[test]
fn endless_heads_lines_and_trailers_are_refused() {
    let refused = |bytes: Vec<u8>| parse(&bytes, 1000, false).unwrap_err();
    let mut head = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
    head.resize(RESPONSE_HEAD_BYTES_MAX + 1000, b'a');
    assert_eq!(refused(head), Error::HeadTooLarge);
    let many = format!(
        "HTTP/1.1 200 OK\r\n{}\r\n",
        "X: y\r\n".repeat(RESPONSE_HEADERS_MAX + 1)
    );
    assert_eq!(refused(many.into_bytes()), Error::HeadTooLarge);
    let mut chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;".to_vec();
    chunk.resize(CHUNK_LINE_BYTES_MAX + 1000, b'a');
    assert_eq!(refused(chunk), Error::Chunk);
    let trailers = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}",
        "X: yyyyyyyy\r\n".repeat(TRAILER_BYTES_MAX / 11 + 1)
    );
    assert_eq!(refused(trailers.into_bytes()), Error::Chunk);
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n";
    assert_eq!(parse(bytes, bytes.len(), false), Err(Error::Excess));
    assert!(matches!(
        parse(b"SSH-2.0-x\r\n", 11, false),
        Err(Error::Head(_))
    ));
}

#[test]
fn the_next_answer_begins_afresh() {
    let mut parser = ResponseParser::new(false);
    for body in ["a", "bcd"] {
        let text = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut buffer = BytesMut::from(text.as_str());
        parser.start();
        let answer = parser.advance(&mut buffer).unwrap().unwrap();
        assert_eq!(answer.body_bytes, body.len() as u64);
    }
}
