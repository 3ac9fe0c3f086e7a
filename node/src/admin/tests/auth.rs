//! Who is let in.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use super::support::{ACCESS_KEY, Admin, SECRET_KEY};

#[test]
fn a_signed_request_is_answered_with_a_request_id() {
    let admin = Admin::start();
    let reply = admin.send("GET", "/v2/apis", "");
    assert_eq!((reply.status, &*reply.body), (200, r#"{"items":[]}"#));
    let id = reply
        .head
        .lines()
        .find_map(|line| line.strip_prefix("x-amzn-requestid: "));
    assert_eq!(id.map(str::len), Some(36), "{reply:?}");
}

#[test]
fn strangers_are_refused_before_their_body_is_read() {
    let admin = Admin::start();
    let host = admin.address.to_string();
    let unsigned = admin.raw("GET", "/v2/apis", &[("host", &host)], "");
    assert_eq!(unsigned.status, 403);
    assert_eq!(unsigned.error(), "MissingAuthenticationTokenException");
    let stranger = admin.send_as("GET", "/apikeys", &[], "", "AKIANOBODY", SECRET_KEY);
    assert_eq!(stranger.error(), "UnrecognizedClientException");
    let wrong = admin.send_as("GET", "/apikeys", &[], "", ACCESS_KEY, "wrong");
    assert_eq!(wrong.error(), "InvalidSignatureException");
    // The head announces a gigabyte and nothing follows: who waits for it does not answer.
    let scope = "20260101/us-east-1/apigateway/aws4_request";
    let signed =
        format!("AWS4-HMAC-SHA256 Credential=AKIANOBODY/{scope}, SignedHeaders=host, Signature=00");
    let headers = [("host", &*host), ("authorization", &*signed)];
    let refused = admin.raw_head("POST", "/apikeys", &headers, "content-length: 1073741824");
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(admin.revision(), 0);
}

/// The first line of the answer to these bytes.
fn first_line(admin: &Admin, head: &str) -> String {
    let mut socket = std::net::TcpStream::connect(admin.address).unwrap();
    socket.write_all(head.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(&socket).read_line(&mut line).unwrap();
    line
}

#[test]
fn bodies_of_callers_who_prove_nothing_are_bounded_together() {
    let admin = Admin::start();
    // The key is known and the signature wrong, which shows only when the body is there.
    let head = admin.unproven_head("POST", "/apikeys", "content-length: 6291456\r\n");
    let (first, answered) = std::sync::mpsc::sync_channel(6);
    for _ in 0..6 {
        let (head, first, address) = (head.clone(), first.clone(), admin.address);
        std::thread::spawn(move || {
            let mut socket = std::net::TcpStream::connect(address).unwrap();
            socket.write_all(head.as_bytes()).unwrap();
            let mut line = String::new();
            let mut reader = BufReader::new(&socket);
            reader.read_line(&mut line).unwrap();
            // The others' sockets stay open until the listener ends.
            first.send((line, socket.try_clone())).ok();
        });
    }
    let (line, _socket) = answered.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(line.starts_with("HTTP/1.1 503"), "{line}");
    // What follows an upgrade is no shorter for what the head declares.
    let framing = "upgrade: websocket\r\ncontent-length: 1\r\n";
    let head = admin.unproven_head("POST", "/apikeys", framing);
    assert_eq!(
        first_line(&admin, &head),
        "HTTP/1.1 503 Service Unavailable\r\n"
    );
    // A request that declares no length has no body.
    let head = admin.proven_head("GET", "/apikeys", "");
    assert_eq!(first_line(&admin, &head), "HTTP/1.1 200 OK\r\n");
    // Ordinary calls are served all the while.
    let made = admin.send("POST", "/apikeys", r#"{"name":"small","enabled":true}"#);
    assert_eq!(made.status, 201, "{made:?}");
}

#[test]
fn a_changed_body_is_refused() {
    let admin = Admin::start();
    let sent = r#"{"name":"a","protocolType":"HTTP"}"#;
    let good = admin.send("POST", "/v2/apis", sent);
    assert_eq!(good.status, 201, "{good:?}");
    let lied = admin.send_lying("POST", "/v2/apis", sent);
    assert_eq!(lied.error(), "InvalidSignatureException");
    assert_eq!(admin.revision(), 1);
}

#[test]
fn development_lets_in_programs_of_this_machine_and_no_web_pages() {
    let admin = Admin::start_with(true);
    let host = admin.address.to_string();
    let plain = admin.raw("GET", "/v2/apis", &[("host", &host)], "");
    assert_eq!(plain.status, 200, "{plain:?}");
    let page = [("host", &*host), ("origin", "https://evil.example")];
    let rebound = [("host", "evil.example:9080")];
    for headers in [&page[..], &rebound[..], &[]] {
        let refused = admin.raw("GET", "/v2/apis", headers, "");
        assert!(
            (400..404).contains(&refused.status),
            "{headers:?}: {refused:?}"
        );
    }
    // A signature is judged even where none is needed.
    let wrong = admin.send_as("GET", "/v2/apis", &[], "", ACCESS_KEY, "wrong");
    assert_eq!(wrong.status, 403);
}

#[test]
fn what_is_too_large_or_no_operation_is_said_so() {
    let admin = Admin::start();
    let large = admin.send("POST", "/apikeys", &"x".repeat(6 * 1024 * 1024 + 1));
    assert_eq!(large.error(), "PayloadTooLargeException");
    for (method, target) in [
        ("GET", "/nothere"),
        ("PUT", "/apikeys"),
        ("GET", "/tollgate/v1/nothere"),
        ("GET", "/"),
    ] {
        let unknown = admin.send(method, target, "");
        assert_eq!(unknown.error(), "UnknownOperationException", "{target}");
    }
    let later = admin.send("GET", "/restapis", "");
    assert_eq!((later.status, later.error()), (400, "BadRequestException"));
    assert!(later.body.contains("GetRestApis"), "{later:?}");
}

#[test]
fn broken_bodies_quote_nothing() {
    let admin = Admin::start();
    for body in [
        r#"{"value": 1234567}"#,
        r#"{"value": "secret-value-that-is-cut"#,
        r#"["secret-value-in-a-list"]"#,
        "secret-value",
    ] {
        let reply = admin.send("POST", "/apikeys", body);
        assert_eq!(reply.error(), "SerializationException", "{body}");
        assert!(
            !reply.body.contains("secret") && !reply.body.contains("1234567"),
            "{reply:?}"
        );
    }
    assert_eq!(admin.revision(), 0);
}
