//! Requests on their way out: pieces, pauses, failures, and answers that come early.

use futures_core::Stream;

use crate::limits::H1_JOIN_BYTES_MAX;

use super::*;

const HEAD: &str = "GET / HTTP/1.1\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Chunks, each after a wait, and then the end or nothing.
struct Feed {
    chunks: VecDeque<Result<Bytes, BodyError>>,
    waits: bool,
    ends: bool,
}

impl Stream for Feed {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.waits = !self.waits;
        if self.waits {
            return Poll::Pending;
        }
        match self.chunks.pop_front() {
            None if !self.ends => Poll::Pending,
            chunk => Poll::Ready(chunk),
        }
    }
}

fn stream(chunks: &[&[u8]], length: Option<u64>, ends: bool) -> SendBody {
    let chunks = chunks.iter().map(|chunk| Ok(Bytes::copy_from_slice(chunk)));
    let feed = Feed {
        chunks: chunks.collect(),
        waits: false,
        ends,
    };
    let body = Body::Stream {
        stream: Box::pin(feed),
        length,
    };
    SendBody::new(body, Instant::now())
}

fn full(bytes: &[u8]) -> SendBody {
    SendBody::new(Body::Full(Bytes::copy_from_slice(bytes)), Instant::now())
}

#[test]
fn a_request_is_written_whole_however_little_a_write_takes() {
    let large = vec![b'l'; 3 * H1_JOIN_BYTES_MAX];
    let text = String::from_utf8(large.clone()).unwrap();
    let length = large.len();
    let half = &large[..H1_JOIN_BYTES_MAX - 40];
    let half_text = core::str::from_utf8(half).unwrap();
    let make: [(&dyn Fn() -> SendBody, String); 7] = [
        (&|| SendBody::Empty, format!("{HEAD}\r\n")),
        (
            &|| full(b"abc"),
            format!("{HEAD}content-length: 3\r\n\r\nabc"),
        ),
        (
            &|| full(&large),
            format!("{HEAD}content-length: {length}\r\n\r\n{text}"),
        ),
        (
            &|| stream(&[b"ab", b"", b"c"], Some(3), false),
            format!("{HEAD}content-length: 3\r\n\r\nabc"),
        ),
        (
            &|| stream(&[b"ab", b"", b"c"], None, true),
            format!("{HEAD}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        ),
        (
            &|| stream(&[b"ab", &large, b"c"], None, true),
            format!(
                "{HEAD}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n{length:x}\r\n{text}\r\n1\r\nc\r\n0\r\n\r\n"
            ),
        ),
        (
            &|| stream(&[half, half], None, true),
            format!(
                "{HEAD}transfer-encoding: chunked\r\n\r\n{0:x}\r\n{half_text}\r\n{0:x}\r\n{half_text}\r\n0\r\n\r\n",
                half.len()
            ),
        ),
    ];
    for (body, expected) in make {
        for takes in [1, 2, 7, 1000, usize::MAX] {
            let mut script = Script::new(&[], Last::Silence);
            script.takes = takes;
            let (mut wire, mut turn) = begun(script, body());
            let answer = drive_briefly(|cx| wire.poll_answer(cx, &mut turn), 8);
            assert!(answer.is_none() && !turn.is_sending());
            assert_eq!(wire.io.written.len(), expected.len());
            assert!(wire.io.written == expected.as_bytes(), "{takes}");
        }
    }
}

#[test]
fn a_failed_first_write_gives_the_body_back_and_a_later_one_does_not() {
    let large = vec![b'l'; 3 * H1_JOIN_BYTES_MAX];
    for (fails_behind, fails_whole, comes_back) in
        [(0, true, true), (1, true, false), (0, false, false)]
    {
        for body in [b"abc", &large[..]] {
            let mut script = Script::new(&[], Last::End);
            (script.fails_behind, script.takes) = (fails_behind, 1);
            let (mut wire, mut turn) = begun(script, full(body));
            wire.fails_whole = fails_whole;
            let Some(Err(failed)) = drive(|cx| wire.poll_answer(cx, &mut turn)) else {
                panic!("it cannot be answered");
            };
            assert_eq!(failed.error.kind, UpstreamErrorKind::Reset);
            let returned = match failed.unsent {
                Some(SendBody::Full(bytes)) => Some(bytes),
                _ => None,
            };
            assert_eq!(returned.as_deref(), comes_back.then_some(body));
        }
    }
    // What was taken from a sender cannot be had again.
    let mut script = Script::new(&[], Last::End);
    script.fails_behind = 0;
    let (mut wire, mut turn) = begun(script, stream(&[b"a"], None, true));
    (wire.outbox.bytes, wire.fails_whole) = (Vec::new(), true);
    let Some(Err(failed)) = drive(|cx| wire.poll_answer(cx, &mut turn)) else {
        panic!("it cannot be answered");
    };
    assert!(failed.unsent.is_none());
}

#[test]
fn an_answer_to_a_request_that_cannot_be_sent_is_an_answer_but_the_last_one() {
    let mut script = Script::new(&[OK], Last::Reset);
    (script.takes, script.fails_behind) = (10, 30);
    let (mut wire, mut turn) = begun(script, full(&[b'x'; 1000]));
    let answer = drive(|cx| wire.poll_answer(cx, &mut turn).map_ok(|_| wire.gather(cx)));
    let Some(Ok(piece)) = answer else {
        panic!("no answer");
    };
    assert_eq!((&piece.bytes[..], piece.end), (&b"ok"[..], Some(Ok(()))));
    assert!(!turn.is_sending() && !wire.is_clean());
}

#[test]
fn a_connection_is_clean_only_when_the_request_is_sent_too() {
    let mut script = Script::new(&[OK], Last::Silence);
    script.takes = 0;
    let (mut wire, mut turn) = begun(script, stream(&[b"abc"], Some(3), true));
    let answer = drive(|cx| wire.poll_answer(cx, &mut turn).map_ok(|_| wire.gather(cx)));
    assert!(matches!(
        answer,
        Some(Ok(Piece {
            end: Some(Ok(())),
            ..
        }))
    ));
    assert!(turn.is_sending() && !wire.is_clean());
    wire.io.takes = 5;
    let mut sending = turn.sending.take().unwrap();
    let sent = drive(|cx| wire.poll_rest(cx, &mut sending));
    assert!(matches!(sent, Some(Ok(()))));
    assert!(wire.is_clean());
    assert!(wire.io.written.ends_with(b"content-length: 3\r\n\r\nabc"));
}

#[test]
fn a_body_that_is_not_what_was_announced_is_the_senders_fault() {
    for (chunks, length, expected) in [
        (&[&b"ab"[..], b"cd"][..], 3, "more bytes than announced"),
        (&[&b"ab"[..]][..], 3, ""),
    ] {
        let script = Script::new(&[], Last::Silence);
        let (mut wire, mut turn) = begun(script, stream(chunks, Some(length), true));
        let Some(Err(failed)) = drive(|cx| wire.poll_answer(cx, &mut turn)) else {
            panic!("it cannot be answered");
        };
        let fault = if expected.is_empty() {
            BodyError::Closed
        } else {
            BodyError::Framing(expected.to_owned())
        };
        assert_eq!(failed.error.kind, UpstreamErrorKind::RequestBody(fault));
        assert!(!wire.is_clean());
    }
}

#[test]
fn a_refused_request_leaves_the_connection_as_it_was() {
    let mut wire = Wire::new(Script::new(&[OK], Last::Silence), true);
    let bad = Request {
        path: "/a b".to_owned(),
        ..Request::default()
    };
    assert!(wire.begin(&bad, SendBody::Empty, false).is_err());
    assert!(wire.is_clean());
    let good = Request {
        path: "/".to_owned(),
        ..Request::default()
    };
    let mut turn = wire.begin(&good, SendBody::Empty, false).ok().unwrap();
    assert!(matches!(
        drive(|cx| wire.poll_answer(cx, &mut turn)),
        Some(Ok(_))
    ));
    assert_eq!(wire.io.written, b"GET / HTTP/1.1\r\n\r\n");
}
