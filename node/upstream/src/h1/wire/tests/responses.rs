//! Tables of responses, good and hostile.

use super::*;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[rustfmt::skip]
const GOOD: [(&str, Last, &str, bool); 20] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Last::Silence, "hello", true),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Last::Silence, "", true),
    // Agreeing repeats are one length (RFC 9110, section 8.6).
    ("HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\nContent-Length: 2\r\n\r\nhi", Last::Silence, "hi", true),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0000000000000000000002\r\n\r\nhi", Last::Silence, "hi", true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", Last::Silence, "", true),
    ("HTTP/1.1 200 OK\r\n\r\nto the end", Last::End, "to the end", false),
    ("HTTP/1.1 200 OK\r\n\r\n", Last::End, "", false),
    ("HTTP/1.0 200 OK\r\n\r\nold", Last::End, "old", false),
    ("HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold", Last::Silence, "old", false),
    ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\ncontent-length: 3\r\n\r\nold", Last::Silence, "old", true),
    ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nconnection: keep-alive\r\ncontent-length: 3\r\n\r\nend", Last::Silence, "end", false),
    ("HTTP/1.1 200\r\ncontent-length: 1\r\n\r\n.", Last::Silence, ".", true),
    ("HTTP/1.1 204 None\r\n\r\n", Last::Silence, "", true),
    ("HTTP/1.1 304 Same\r\ncontent-length: 999\r\n\r\n", Last::Silence, "", true),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Last::Silence, "ok", true),
    // An interim response has no body, whatever it says.
    ("HTTP/1.1 102 Working\r\ncontent-length: 9\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Last::Silence, "ok", true),
    // Surplus bytes are nobody's.
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", Last::Silence, "hi", false),
    ("HTTP/1.1 204 None\r\n\r\nevil", Last::Silence, "", false),
    ("HTTP/1.1 304 Same\r\ncontent-length: 4\r\n\r\nevil", Last::Silence, "", false),
    ("HTTP/1.1 200 OK\ncontent-length: 2\n\nhi", Last::Silence, "hi", true),
];

#[test]
fn every_framing_is_read_to_its_end_and_no_further() {
    for (response, last, body, is_clean) in GOOD {
        let outcome = get(response, last);
        assert_eq!(
            outcome.body(),
            (body, Some(&Ok(())), is_clean),
            "{response:?}"
        );
    }
}

#[test]
fn a_head_request_has_no_body() {
    for (response, is_clean) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n", true),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            true,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", false),
    ] {
        let outcome = ask(&Method::Head, response, Last::Silence);
        assert_eq!(
            outcome.body(),
            ("", Some(&Ok(())), is_clean),
            "{response:?}"
        );
    }
}

#[test]
fn heads_that_could_be_read_in_two_ways_are_refused() {
    for field in [
        "content-length: 1\r\ncontent-length: 2",
        "content-length: 1, 2",
        "content-length: ",
        "content-length: ,1",
        "content-length: +1",
        "content-length: -1",
        "content-length: 1 1",
        "content-length: 0x1",
        "content-length: 1.0",
        "content-length: 18446744073709551616",
        "content-length: 99999999999999999999999999999999999999",
        "content-length: 1\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 1",
        "transfer-encoding: gzip",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: xchunked",
        "transfer-encoding: ",
        "x: folded\r\n here",
        " x: 1",
        "x : 1",
        ": 1",
        "x",
        "x: a\0b",
        "x: a\rb",
        "x: a\x7f",
        "x y: 1",
        "caf\u{e9}: 1",
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n1\r\nx\r\n0\r\n\r\n");
        let outcome = get(&response, Last::End);
        assert_eq!(outcome, Outcome::Failed("protocol"), "{field:?}");
    }
    for line in [
        "HTTP/1.1 099 Low",
        "HTTP/1.1 20 Short",
        "HTTP/1.1 2000 Long",
        "HTTP/1.1 2x0 Odd",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 -20 OK",
        "HTTP/1.2 200 OK",
        "HTTP/2.0 200 OK",
        "http/1.1 200 OK",
        "ICY 200 OK",
        "\x16\x03\x01",
        "200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 200 O\0K",
    ] {
        let response = format!("{line}\r\ncontent-length: 0\r\n\r\n");
        let outcome = get(&response, Last::End);
        assert_eq!(outcome, Outcome::Failed("protocol"), "{line:?}");
    }
    let old = "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(get(old, Last::End), Outcome::Failed("protocol"));
}

#[test]
fn a_head_that_ends_early_is_a_reset_and_one_that_does_not_come_is_waited_for() {
    let head = "HTTP/1.1 200 OK\r\nx: y\r\n";
    for end in 0..head.len() {
        assert_eq!(get(&head[..end], Last::End), Outcome::Failed("reset"));
        assert_eq!(get(&head[..end], Last::Reset), Outcome::Failed("reset"));
        assert_eq!(get(&head[..end], Last::Silence), Outcome::Waits);
    }
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(get(interim, Last::End), Outcome::Failed("reset"));
    assert_eq!(get(interim, Last::Silence), Outcome::Waits);
}

#[test]
fn chunks_with_all_that_may_be_in_them() {
    for chunks in [
        "5\r\nhello\r\n0\r\n\r\n",
        "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
        "005\r\nhello\r\n000\r\n\r\n",
        "5;name=value;flag\r\nhello\r\n0;last\r\n\r\n",
        "5 \t ; a=\"b\"\r\nhello\r\n0\t\r\n\r\n",
        "5\r\nhello\r\n0\r\nx-trailer: 1\r\nx-other: 2\r\n\r\n",
        // A trailer is dropped unread, so it cannot smuggle a length.
        "5\r\nhello\r\n0\r\ncontent-length: 99\r\n\r\n",
    ] {
        let response = format!("{CHUNKED}{chunks}");
        let outcome = get(&response, Last::Silence);
        assert_eq!(outcome.body(), ("hello", Some(&Ok(())), true), "{chunks:?}");
        let surplus = get(format!("{response}0"), Last::Silence);
        assert_eq!(
            surplus.body(),
            ("hello", Some(&Ok(())), false),
            "{chunks:?}"
        );
    }
    let large = format!("{CHUNKED}A\r\n0123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n");
    let outcome = get(large, Last::Silence);
    assert_eq!(outcome.body().0, "01234567890123456789");
}

#[test]
fn broken_chunks_end_the_body_where_they_break() {
    for chunks in [
        "zz\r\n",
        "\r\n",
        "-1\r\nlo",
        "+2\r\nlo\r\n",
        " 2\r\nlo\r\n",
        "0x2\r\nlo\r\n",
        "2 2\r\nlo\r\n",
        "2\nlo\r\n",
        "2\r\rlo\r\n",
        "2;a\nb\r\nlo\r\n",
        "2;a\rb\r\nlo\r\n",
        "00000000000000002\r\nlo\r\n",
        "10000000000000000\r\nlo\r\n",
        "ffffffffffffffffff\r\nlo\r\n",
        "0\r\nx: 1\n\r\n",
        "0\r\n\n",
        "0\r\n\rx",
        "0\r\nx: 1\rx",
    ] {
        breaks(&format!("3\r\nhel\r\n{chunks}"));
    }
    for chunks in [
        "3\r\nhell",
        "3\r\nhel\n2\r\nlo\r\n",
        "3\r\nhel\r2\r\nlo\r\n",
        "3\r\nhelHTTP/1.1 200 OK",
    ] {
        breaks(chunks);
    }
}

fn breaks(chunks: &str) {
    let outcome = get(format!("{CHUNKED}{chunks}"), Last::Silence);
    let (body, end, is_clean) = outcome.body();
    assert!(body == "hel" && !is_clean, "{chunks:?} {body:?}");
    assert!(
        matches!(end, Some(Err(BodyError::Framing(_)))),
        "{chunks:?} {end:?}"
    );
}

#[test]
fn what_is_said_beside_the_chunks_is_bounded() {
    let most = "x".repeat(crate::limits::CHUNK_EXTRA_BYTES_MAX);
    let quarter = &most[..most.len() / 4];
    let extensions = format!("1;{quarter}\r\nh\r\n").repeat(4);
    for (chunks, is_good) in [
        (format!("1;{most}\r\nh\r\n0\r\n\r\n"), true),
        (format!("1;{most}x\r\nh\r\n0\r\n\r\n"), false),
        (format!("1\r\nh\r\n0\r\n{most}\r\n\r\n"), true),
        (format!("1\r\nh\r\n0\r\n{most}x\r\n\r\n"), false),
        (format!("{extensions}0\r\n\r\n"), true),
        (format!("{extensions}0;x\r\n\r\n"), false),
    ] {
        let response = format!("{CHUNKED}{chunks}");
        let outcome = exchange(&Method::Get, &[response.as_bytes()], Last::Silence);
        let (_, end, is_clean) = outcome.body();
        assert_eq!((end == Some(&Ok(())), is_clean), (is_good, is_good));
    }
}

#[test]
fn a_body_that_ends_early_is_closed_and_never_clean() {
    for rest in [
        "content-length: 9\r\n\r\nhel",
        "content-length: 18446744073709551615\r\n\r\nhel",
        "transfer-encoding: chunked\r\n\r\n9\r\nhel",
        "transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nhel",
        "transfer-encoding: chunked\r\n\r\n3\r\nhel",
        "transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n",
        "transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n",
        "transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\nx: 1\r\n",
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{rest}");
        for last in [Last::End, Last::Reset] {
            let outcome = get(&response, last);
            let closed = Err(BodyError::Closed);
            assert_eq!(outcome.body(), ("hel", Some(&closed), false), "{rest:?}");
        }
        let outcome = get(&response, Last::Silence);
        assert_eq!(outcome.body(), ("hel", None, false), "{rest:?}");
    }
    // Without framing the end is the end, but a reset is not.
    let outcome = get("HTTP/1.1 200 OK\r\n\r\nhel", Last::Reset);
    let closed = Err(BodyError::Closed);
    assert_eq!(outcome.body(), ("hel", Some(&closed), false));
}

#[test]
fn fields_keep_their_order_and_lose_what_is_for_us() {
    let response = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nConnection: X-Gone\r\nx-gone: 1\r\n\
        Keep-Alive: timeout=5\r\nX-Raw: \u{e9}\r\nSet-Cookie:   b=2  \r\nX-Empty:\r\n\
        Upgrade: h2c\r\nProxy-Authenticate: Basic\r\nTrailer: x\r\nContent-Length: 0\r\n\r\n";
    let Outcome::Response { fields, .. } = get(response, Last::Silence) else {
        panic!("no response");
    };
    let expected = [
        ("set-cookie", &b"a=1"[..]),
        ("x-raw", "\u{e9}".as_bytes()),
        ("set-cookie", b"b=2"),
        ("x-empty", b""),
        ("content-length", b"0"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_vec()));
    assert_eq!(fields, expected);
    let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx: 1\r\n\r\n0\r\n\r\n";
    let Outcome::Response { fields, .. } = get(response, Last::Silence) else {
        panic!("no response");
    };
    assert_eq!(fields, [("x".to_owned(), b"1".to_vec())]);
}

#[test]
fn an_upgrade_keeps_what_names_it_and_the_bytes_behind_it() {
    let response = b"HTTP/1.1 101 Go\r\nConnection: Upgrade, x\r\nUpgrade: echo\r\nx: 1\r\n\r\nhi";
    let (mut wire, mut turn) = begun(Script::new(&[response], Last::Silence), SendBody::Empty);
    let Some(Ok(answer)) = drive(|cx| wire.poll_answer(cx, &mut turn)) else {
        panic!("no answer");
    };
    let fields: Vec<_> = answer.headers.iter().collect();
    assert_eq!(answer.status, 101);
    assert_eq!(
        fields,
        [("upgrade", &b"echo"[..]), ("connection", b"upgrade")]
    );
    assert_eq!(&wire.inbox[..], b"hi");
}

#[test]
fn heads_are_bounded() {
    use crate::limits::RESPONSE_FIELDS_MAX;
    let head = |fields: usize, extra: usize| {
        let fields = "a: b\r\n".repeat(fields - 1);
        let long = "y".repeat(extra);
        format!("HTTP/1.1 204 None\r\n{fields}x: {long}\r\n\r\n")
    };
    let one = |response: String| exchange(&Method::Get, &[response.as_bytes()], Last::End);
    let is_good = |outcome: Outcome| matches!(outcome, Outcome::Response { status: 204, .. });
    assert!(is_good(one(head(RESPONSE_FIELDS_MAX, 1))));
    let refused = Outcome::Failed("protocol");
    assert_eq!(one(head(RESPONSE_FIELDS_MAX + 1, 1)), refused);
    assert!(is_good(one(head(1, H1_BUFFER_BYTES_MAX / 2))));
    assert_eq!(one(head(1, 2 * H1_BUFFER_BYTES_MAX)), refused);
    let interim = "HTTP/1.1 102 Working\r\n\r\n";
    let many = |count: usize| interim.repeat(count) + "HTTP/1.1 204 None\r\n\r\n";
    let most = INTERIM_RESPONSES_MAX as usize;
    assert!(is_good(one(many(most))));
    assert_eq!(one(many(most + 1)), refused);
}

#[test]
fn a_body_that_fits_is_whole_and_a_long_one_comes_in_pieces() {
    let limit = usize::try_from(H1_GATHER_BYTES_MAX).unwrap();
    for (length, is_whole) in [(1, true), (9000, true), (limit, true), (limit + 1, false)] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        let mut response = head.into_bytes();
        response.resize(response.len() + length, b'x');
        let script = Script::new(&[&response], Last::Silence);
        let (mut wire, mut turn) = begun(script, SendBody::Empty);
        let first = drive(|cx| wire.poll_answer(cx, &mut turn).map(|_| wire.gather(cx)));
        let mut piece = first.unwrap();
        assert_eq!(piece.end.is_some(), is_whole, "{length}");
        let mut read = piece.bytes.len();
        while piece.end.is_none() {
            piece = drive(|cx| wire.poll_body(cx)).unwrap();
            read += piece.bytes.len();
        }
        assert_eq!((read, piece.end), (length, Some(Ok(()))));
        assert!(wire.is_clean());
        wire.shrink();
        assert!(wire.inbox.capacity() <= 2 * H1_READ_BYTES_MIN, "{length}");
    }
}
