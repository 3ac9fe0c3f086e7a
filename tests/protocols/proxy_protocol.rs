//! The PROXY protocol (HAProxy, versions 1 and 2): believed from named networks, refused from others.

use std::io;

use tollgate_harness::{Backend, Connection, Node, NodeOptions, Request, Response};
use tollgate_tests::files;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn start(backend: &Backend, networks: &str) -> Node {
    let options = NodeOptions::api(files::proxy(&backend.url()));
    Node::start(options.env("TOLLGATE_PROXY_PROTOCOL", networks))
}

/// A version 2 header: command and family, then the addresses.
fn version_2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.extend_from_slice(&[0x20 | command, family]);
    let length = u16::try_from(addresses.len()).expect("a short header");
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(addresses);
    header
}

/// Sends a header and two requests on one connection.
fn send(node: &Node, header: &[u8]) -> io::Result<Response> {
    let mut client = Connection::open(node.http())?;
    client.send(header)?;
    let request = Request::get("/x").host(files::HOST);
    client.request(&request)?;
    client.request(&request)
}

/// The client's address as the back end was told.
fn client_of(response: &Response) -> String {
    let echoed = response.json();
    let headers = echoed["headers"].as_array().expect("headers");
    headers
        .iter()
        .find(|pair| {
            pair[0]
                .as_str()
                .is_some_and(|name| name.eq_ignore_ascii_case("x-forwarded-for"))
        })
        .and_then(|pair| pair[1].as_str())
        .unwrap_or_else(|| panic!("{echoed}"))
        .to_owned()
}

#[test]
fn the_client_is_who_the_proxy_says() {
    let backend = Backend::echo();
    let node = start(&backend, "127.0.0.0/8");
    let mut v4 = vec![203, 0, 113, 8, 127, 0, 0, 1];
    v4.extend_from_slice(&[0x12, 0x34, 0, 80]);
    let mut v6 = vec![0; 32];
    v6[..2].copy_from_slice(&[0x20, 0x01]);
    v6[15] = 9;
    v6.extend_from_slice(&[0x12, 0x34, 0, 80]);
    // A field behind the addresses (PP2_TYPE_NOOP) is passed over.
    let mut with_field = v4.clone();
    with_field.extend_from_slice(&[0x04, 0, 2, 0, 0]);
    for (header, client) in [
        (
            b"PROXY TCP4 203.0.113.7 127.0.0.1 1234 80\r\n".to_vec(),
            "203.0.113.7",
        ),
        (
            b"PROXY TCP6 2001:db8::7 ::1 1234 80\r\n".to_vec(),
            "2001:db8::7",
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (version_2(1, 0x11, &v4), "203.0.113.8"),
        (version_2(1, 0x11, &with_field), "203.0.113.8"),
        (version_2(1, 0x21, &v6), "2001::9"),
        (version_2(0, 0, &[]), "127.0.0.1"),
    ] {
        let shown = String::from_utf8_lossy(&header).into_owned();
        let response = send(&node, &header).unwrap_or_else(|e| panic!("{shown:?}: {e}"));
        assert_eq!(response.status, 200, "{shown:?}: {response:?}");
        assert_eq!(client_of(&response), client, "{shown:?}");
    }
}

#[test]
fn a_trusted_peer_without_a_good_header_is_not_served() {
    let backend = Backend::echo();
    let node = start(&backend, "127.0.0.0/8");
    for header in [
        &b""[..],
        b"PROXY TCP4 203.0.113.7 127.0.0.1 1234\r\n",
        b"PROXY TCP4 not-an-address 127.0.0.1 1 80\r\n",
        b"PROXY TCP4 203.0.113.7 127.0.0.1 1 99999\r\n",
        b"proxy tcp4 203.0.113.7 127.0.0.1 1 80\r\n",
        &version_2(7, 0x11, &[0; 12]),
        &version_2(1, 0x11, &[0; 3]),
    ] {
        let shown = String::from_utf8_lossy(header);
        match send(&node, header) {
            Err(_) => {}
            Ok(response) => assert_eq!(response.status, 400, "{shown:?}: {response:?}"),
        }
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn a_stranger_cannot_claim_an_address() {
    let backend = Backend::echo();
    let node = start(&backend, "192.0.2.0/24");
    let header = b"PROXY TCP4 203.0.113.7 127.0.0.1 1234 80\r\n";
    match send(&node, header) {
        Err(_) => {}
        Ok(response) => assert_eq!(response.status, 400, "{response:?}"),
    }
    assert_eq!(backend.requests(), 0);
    let ordinary = send(&node, b"").expect("an ordinary client is served");
    assert_eq!(client_of(&ordinary), "127.0.0.1");
}
