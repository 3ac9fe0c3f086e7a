//! Runs the cases, and the handshakes that are none.

use std::time::Instant;

use tollgate_harness::bar;

use crate::cases;
use crate::echo::{Echo, PROTOCOL};
use crate::raw::{Raw, request};

#[test]
fn every_case_of_both_rfcs() {
    let server = Echo::start();
    let began = Instant::now();
    let (mut failed, mut counts, mut total) = (Vec::new(), Vec::new(), 0);
    for (part, cases) in cases::all() {
        counts.push(format!("{} {part}", cases.len()));
        total += cases.len();
        for case in cases {
            if let Err(wrong) = case.run(server.address()) {
                failed.push(format!("{part}: {}: {wrong}", case.name));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {total} cases failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(total > 600, "only {total} cases");
    bar(
        1,
        &format!(
            "WebSocket conformance: {total} cases pass in {:.1} s ({})",
            began.elapsed().as_secs_f64(),
            counts.join(", ")
        ),
    );
}

#[test]
fn handshakes() {
    let server = Echo::start();
    let good = request("/", "");
    for (from, to, status) in [
        ("GET", "POST", 426),
        ("HTTP/1.1", "HTTP/1.0", 426),
        ("upgrade: websocket\r\n", "", 426),
        ("upgrade: websocket", "upgrade: h2c", 426),
        ("upgrade: websocket", "upgrade: websocket, h2c", 426),
        ("host: test\r\n", "host: test\r\ncontent-length: 0\r\n", 101),
        ("host: test\r\n", "host: test\r\ncontent-length: 1\r\n", 426),
        (
            "host: test\r\n",
            "host: test\r\ntransfer-encoding: chunked\r\n",
            426,
        ),
        ("connection: Upgrade", "connection: close", 426),
        (
            "connection: Upgrade",
            "connection: keep-alive, upgrade",
            101,
        ),
        ("upgrade: websocket", "Upgrade: WebSocket", 101),
        ("version: 13", "version: 8", 426),
        ("version: 13", "version: 14", 426),
        ("sec-websocket-version: 13\r\n", "", 426),
        ("dGhlIHNhbXBsZSBub25jZQ==", "", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "not base64 at all!", 400),
        ("sec-websocket-key", "sec-websocket-keys", 400),
    ] {
        let mut raw = Raw::connect(server.address());
        raw.send(good.replace(from, to).as_bytes()).unwrap();
        let head = raw.head();
        let wanted = format!("HTTP/1.1 {status} ");
        let old = head.replace("HTTP/1.0", "HTTP/1.1");
        assert!(old.starts_with(&wanted), "{from} -> {to}: {head}");
        if status == 426 {
            assert!(head.contains("sec-websocket-version: 13\r\n"), "{head}");
        }
    }
    let fields = format!(
        "sec-websocket-protocol: other, {PROTOCOL}\r\n\
         sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n"
    );
    let mut raw = Raw::connect(server.address());
    raw.send(request("/", &fields).as_bytes()).unwrap();
    let head = raw.head();
    for line in [
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "sec-websocket-protocol: tollgate.test",
        "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; \
         client_no_context_takeover",
        "upgrade: websocket",
        "connection: upgrade",
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{line}: {head}");
    }
}
