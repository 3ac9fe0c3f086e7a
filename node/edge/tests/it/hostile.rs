//! Requests that two parsers could read in two ways. Each is answered, the connection is closed,
//! and nothing behind it is served.

use tollgate_edge::{BadRequest, EdgeLimits};

use crate::support::{Server, start};

/// What follows each hostile head: it must never reach the service.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

/// The head, the status and the reason. `\r\n\r\n` and the smuggled request are added.
const HEADS: &[(&str, u16, BadRequest)] = {
    use BadRequest::{Framing, Head, Host, Target};
    &[
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 3",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3, 3",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x3",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3 3",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length:",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551616",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 0",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked,",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \"chunked\"",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked;q=1",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding:",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \x0bchunked",
            400,
            Head,
        ),
        (
            "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked",
            400,
            Framing,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked",
            400,
            Head,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length : 3",
            400,
            Head,
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding\t: chunked",
            400,
            Head,
        ),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: a\r\n folded", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: a\r\n\tfolded", 400, Head),
        ("GET / HTTP/1.1\r\n host: a", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: a\rb: c", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: a\nb: c", 400, Head),
        ("GET / HTTP/1.1\nhost: a", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\n", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: a\0b", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: a\x01b", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: a\x7fb", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx\0: a", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx y: a", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\n: a", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx", 400, Head),
        ("GET / HTTP/1.1\r\nhost: a\r\nx\u{e9}: a", 400, Head),
        ("GET / HTTP/1.1\r\nx: a", 400, Host),
        ("GET / HTTP/1.1", 400, Host),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a", 400, Host),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b", 400, Host),
        ("GET / HTTP/1.1\r\nhost:", 400, Host),
        ("GET / HTTP/1.1\r\nhost: a, b", 400, Host),
        ("GET / HTTP/1.1\r\nhost: a b", 400, Host),
        ("GET / HTTP/1.1\r\nhost: a/b", 400, Host),
        ("GET / HTTP/1.1\r\nhost: u@a", 400, Host),
        ("GET / HTTP/1.1\r\nhost: a:99999", 400, Host),
        ("GET / HTTP/1.1\r\nhost: a:80:80", 400, Host),
        ("GET / HTTP/1.1\r\nhost: [::1", 400, Host),
        ("GET http://b/ HTTP/1.1\r\nhost: a", 400, Host),
        ("GET http://a:81/ HTTP/1.1\r\nhost: a:80", 400, Host),
        ("GET http://u@a/ HTTP/1.1\r\nhost: a", 400, Target),
        ("GET http:/// HTTP/1.1\r\nhost: a", 400, Target),
        ("GET ftp://a/ HTTP/1.1\r\nhost: a", 400, Target),
        ("GET * HTTP/1.1\r\nhost: a", 400, Target),
        ("GET a HTTP/1.1\r\nhost: a", 400, Target),
        ("GET /a#b HTTP/1.1\r\nhost: a", 400, Target),
        ("GET /a\u{e9} HTTP/1.1\r\nhost: a", 400, Target),
        ("GET /a\0b HTTP/1.1\r\nhost: a", 400, Head),
        ("GET /a\x01b HTTP/1.1\r\nhost: a", 400, Head),
        ("GET /a\x7fb HTTP/1.1\r\nhost: a", 400, Head),
        ("GET /a b HTTP/1.1\r\nhost: a", 400, Head),
        ("GET /a\tb HTTP/1.1\r\nhost: a", 400, Head),
        ("GET  / HTTP/1.1\r\nhost: a", 400, Head),
        ("GET / HTTP/1.1 \r\nhost: a", 400, Head),
        ("GET / HTTP/1.2\r\nhost: a", 400, Head),
        ("GET / HTTP/2.0\r\nhost: a", 400, Head),
        ("GET / HTTP/0.9\r\nhost: a", 400, Head),
        ("GET / http/1.1\r\nhost: a", 400, Head),
        ("GET /\r\nhost: a", 400, Head),
        ("GET", 400, Head),
        ("G\u{e9}T / HTTP/1.1\r\nhost: a", 400, Head),
        ("G@T / HTTP/1.1\r\nhost: a", 400, Head),
        (" GET / HTTP/1.1\r\nhost: a", 400, Head),
        ("\r\n\r\nGET / HTTP/1.1\r\nhost: a", 400, Head),
        ("\nGET / HTTP/1.1\r\nhost: a", 400, Head),
        ("\0GET / HTTP/1.1\r\nhost: a", 400, Head),
        ("\x16\x03\x01\x02", 400, Head),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a:443", 400, Head),
        ("PRI * HTTP/2.0\r\n\r\nXX", 400, Head),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999",
            413,
            BadRequest::BodyTooLarge,
        ),
        (
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nhost: a",
            400,
            Head,
        ),
    ]
};

/// Chunked bodies; the status is the same whether the service reads the body or not.
const CHUNKS: &[&str] = &[
    "0x5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhelloXX0\r\n\r\n",
    "5\r\nhel\r\n0\r\n\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "\r\n0\r\n\r\n",
    ";x\r\nhello\r\n0\r\n\r\n",
    "5;\x01\r\nhello\r\n0\r\n\r\n",
    "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "zz\r\nhello\r\n0\r\n\r\n",
    "0\r\nnot a field\r\n\r\n",
    "0\r\nx: a\nb: c\r\n\r\n",
    "0\r\n\n",
];

async fn assert_refused(server: &Server, request: &str, status: u16, head: &str) {
    let answer = server.exchange(request).await;
    let begin = format!("HTTP/1.1 {status} ");
    assert!(answer.starts_with(&begin), "{head:?}: {answer:?}");
    assert_eq!(
        answer.matches("HTTP/1.1 ").count(),
        1,
        "{head:?}: {answer:?}"
    );
    let lower = answer.to_lowercase();
    assert!(
        lower.contains("\r\nconnection: close\r\n"),
        "{head:?}: {answer:?}"
    );
    assert!(
        lower.contains("\r\ncontent-type: application/json\r\n"),
        "{head:?}: {answer:?}"
    );
    assert!(answer.ends_with("\"}"), "{head:?}: {answer:?}");
    let paths = server.seen.paths();
    assert!(
        !paths.iter().any(|path| path == "/smuggled"),
        "{head:?}: {paths:?}"
    );
}

fn limits() -> EdgeLimits {
    EdgeLimits {
        header_bytes_max: 4096,
        url_bytes_max: 1024,
        ..EdgeLimits::default()
    }
}

#[tokio::test]
async fn heads() {
    let server = start(limits());
    for (head, status, reason) in HEADS {
        let before = server.handle.observe();
        assert_refused(&server, &format!("{head}\r\n\r\n{SMUGGLED}"), *status, head).await;
        let after = server.handle.observe();
        let count = after.bad_requests(*reason) - before.bad_requests(*reason);
        assert_eq!(count, 1, "{head:?}: {after:?}");
        assert_eq!(after.requests_total, 0, "{head:?}");
    }
    assert!(HEADS.len() >= 80);
}

#[tokio::test]
async fn heads_after_a_good_request_and_byte_by_byte() {
    let server = start(limits());
    for (head, status, _) in HEADS {
        let mut client = server.connect().await;
        assert_eq!(client.get("/first").await.status, 200);
        for byte in head.bytes() {
            client.send([byte]).await;
        }
        client.send(format!("\r\n\r\n{SMUGGLED}")).await;
        let answer = client.rest().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head:?}: {answer:?}"
        );
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{head:?}: {answer:?}"
        );
    }
    assert!(server.seen.paths().iter().all(|path| path == "/first"));
}

#[tokio::test]
async fn a_bad_head_waits_for_the_answers_before_it() {
    let server = start(limits());
    let good = "GET /a HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = server
        .exchange(format!("{good}{good}BAD\r\n\r\n{SMUGGLED}"))
        .await;
    let statuses: Vec<_> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "200", "400"], "{answer}");
    assert_eq!(server.seen.paths(), ["/a", "/a"]);
}

#[tokio::test]
async fn chunked_bodies() {
    let server = start(limits());
    for body in CHUNKS {
        for path in ["/count", "/ignored", "/echo"] {
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
            assert_refused(&server, &format!("{head}{body}{SMUGGLED}"), 400, body).await;
        }
    }
    assert_eq!(
        server
            .handle
            .observe()
            .bad_requests(BadRequest::BodyFraming),
        3 * CHUNKS.len() as u64
    );
}

#[tokio::test]
async fn limits_of_the_head() {
    let server = start(EdgeLimits {
        header_fields_max: 10,
        ..limits()
    });
    let url = "a".repeat(1023);
    let mut client = server.connect().await;
    assert_eq!(client.get(&format!("/{url}")).await.status, 200);
    let long = format!("GET /a{url} HTTP/1.1\r\nhost: a\r\n\r\n{SMUGGLED}");
    assert_refused(&server, &long, 414, "one byte over").await;
    assert_refused(
        &server,
        &format!("GET /{}", "a".repeat(100_000)),
        414,
        "endless",
    )
    .await;
    let fields = "x: y\r\n".repeat(9);
    let mut client = server.connect().await;
    client
        .send(format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n"))
        .await;
    assert_eq!(client.reply(false).await.status, 200);
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}x: y\r\n\r\n{SMUGGLED}");
    assert_refused(&server, &many, 431, "one field over").await;
    let large = |value: usize| {
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
            "a".repeat(value)
        )
    };
    let exact = 4096 - large(0).len();
    let mut client = server.connect().await;
    client.send(large(exact)).await;
    assert_eq!(client.reply(false).await.status, 200);
    assert_refused(
        &server,
        &format!("{}{SMUGGLED}", large(exact + 1)),
        431,
        "one byte over",
    )
    .await;
    let endless = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "a".repeat(200_000));
    assert_refused(&server, &endless, 431, "endless").await;
}

#[tokio::test]
async fn what_looks_odd_and_is_allowed() {
    let server = start(limits());
    for (request, path) in [
        ("\r\nGET /crlf HTTP/1.1\r\nhost: a\r\n\r\n", "/crlf"),
        (
            "GET http://A.b:80/abs?x HTTP/1.1\r\nHost: a.B:80\r\n\r\n",
            "/abs",
        ),
        ("GET /obs HTTP/1.1\r\nhost: a\r\nx: \u{e9}\r\n\r\n", "/obs"),
        ("GET /tab HTTP/1.1\r\nhost:\ta \r\nx:\ta\tb\r\n\r\n", "/tab"),
        ("GET /empty HTTP/1.1\r\nhost: a\r\nx:\r\n\r\n", "/empty"),
        ("GET /%zz|{}^ HTTP/1.1\r\nhost: a\r\n\r\n", "/%zz|{}^"),
        ("BREW /other HTTP/1.1\r\nhost: a\r\n\r\n", "/other"),
        (
            "GET /zero HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            "/zero",
        ),
    ] {
        let mut client = server.connect().await;
        client.send(request).await;
        assert_eq!(client.reply(false).await.status, 200, "{request:?}");
        assert_eq!(server.seen.paths().last().map(String::as_str), Some(path));
        assert_eq!(client.get("/next").await.status, 200, "{request:?}");
    }
}
