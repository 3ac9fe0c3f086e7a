//! The `Upgrade` of a proxied back end passes through: a WebSocket, frame by frame.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;

use tollgate_harness::{Connection, Node, NodeOptions};
use tollgate_tests::files;

use crate::raw::{Head, Raw};

/// The answer to the key of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Reads one frame of less than 64 KiB; returns its first byte and its payload, unmasked.
fn read_frame(from: &mut dyn FnMut(&mut [u8]) -> io::Result<()>) -> io::Result<(u8, Vec<u8>)> {
    let mut start = [0; 2];
    from(&mut start)?;
    let mut length = usize::from(start[1] & 0x7F);
    if length == 126 {
        let mut long = [0; 2];
        from(&mut long)?;
        length = usize::from(u16::from_be_bytes(long));
    }
    let mut mask = [0; 4];
    if start[1] & 0x80 != 0 {
        from(&mut mask)?;
    }
    let mut payload = vec![0; length];
    from(&mut payload)?;
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
    Ok((start[0], payload))
}

fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short @ ..=125) => frame.push(masked | short),
        _ => {
            frame.push(masked | 126);
            let length = u16::try_from(payload.len()).expect("a short test");
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    let mask = mask.map_or([0; 4], |mask| {
        frame.extend_from_slice(&mask);
        mask
    });
    frame.extend(
        payload
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ mask[at % 4]),
    );
    frame
}

/// A WebSocket server that echoes frames until the client closes, or refuses the path `/no`.
fn echo_server() -> Raw {
    Raw::start(|head: &Head, mut reader: BufReader<TcpStream>| {
        let wish = head.header("upgrade").unwrap_or_default();
        if !wish.eq_ignore_ascii_case("websocket") || head.target() == "/no" {
            let refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";
            return reader.get_mut().write_all(refusal);
        }
        assert_eq!(head.header("sec-websocket-key"), Some(KEY));
        let accepted = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
        );
        reader.get_mut().write_all(accepted.as_bytes())?;
        // The server speaks first as well: bytes right behind the head must not be lost.
        reader.get_mut().write_all(&frame(0x81, b"welcome", None))?;
        loop {
            let (first, payload) = read_frame(&mut |buffer| reader.read_exact(buffer))?;
            reader.get_mut().write_all(&frame(first, &payload, None))?;
            if first == 0x88 {
                return Ok(());
            }
        }
    })
}

fn handshake(target: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n",
        files::HOST
    )
    .into_bytes()
}

fn fill(client: &mut Connection, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match client.read(&mut buffer[filled..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            got => filled += got,
        }
    }
    Ok(())
}

#[test]
fn a_websocket_passes_through() {
    let server = echo_server();
    let node = Node::start(NodeOptions::api(files::proxy(&server.url())));
    let mut client = Connection::open(node.http()).unwrap();
    client.send(&handshake("/chat")).unwrap();
    let accepted = client.read_response("GET").unwrap();
    assert_eq!(accepted.status, 101, "{accepted:?}");
    assert_eq!(accepted.header("sec-websocket-accept"), Some(ACCEPT));
    let upgrade = accepted.header("upgrade").unwrap_or_default();
    assert!(upgrade.eq_ignore_ascii_case("websocket"), "{accepted:?}");
    let welcome = read_frame(&mut |buffer| fill(&mut client, buffer)).unwrap();
    assert_eq!(welcome, (0x81, b"welcome".to_vec()));
    for turn in 0..50_usize {
        let payload = vec![turn as u8; turn * 1000];
        let mask = Some([1, 2, 3, turn as u8]);
        client.send(&frame(0x82, &payload, mask)).unwrap();
        let echoed = read_frame(&mut |buffer| fill(&mut client, buffer)).unwrap();
        assert_eq!(echoed, (0x82, payload), "turn {turn}");
    }
    client.send(&frame(0x88, &[], Some([9; 4]))).unwrap();
    let closed = read_frame(&mut |buffer| fill(&mut client, buffer)).unwrap();
    assert_eq!(closed.0, 0x88);
    assert_eq!(client.read_to_close().unwrap(), b"");
}

#[test]
fn a_refused_upgrade_is_an_ordinary_answer() {
    let server = echo_server();
    let node = Node::start(NodeOptions::api(files::proxy(&server.url())));
    let mut client = Connection::open(node.http()).unwrap();
    client.send(&handshake("/no")).unwrap();
    let refused = client.read_response("GET").unwrap();
    assert_eq!((refused.status, refused.text().as_str()), (400, "no"));
}
