//! Runs against a server of a few lines that sends messages back, or on to everybody else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};

use super::frames::{CLOSE, PING, TEXT, take, write};
use super::*;

/// What the server does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Echo,
    /// To all others.
    Spread,
    /// Every second one is forgotten.
    Forget,
    /// The handshake is refused.
    Refuse,
}

type Writers = Arc<tokio::sync::Mutex<Vec<(SocketAddr, OwnedWriteHalf)>>>;

/// The address of a server that ends with the test's process.
fn server(manner: Manner) -> SocketAddr {
    let (sender, address) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            let writers = Writers::default();
            let count = Arc::new(Mutex::new(0));
            loop {
                let (tcp, peer) = listener.accept().await.unwrap();
                tokio::spawn(serve(
                    manner,
                    tcp,
                    peer,
                    writers.clone(),
                    Arc::clone(&count),
                ));
            }
        });
    });
    address.recv().unwrap()
}

async fn serve(
    manner: Manner,
    tcp: TcpStream,
    peer: SocketAddr,
    writers: Writers,
    count: Arc<Mutex<u64>>,
) -> Option<()> {
    let (mut reading, mut writing) = tcp.into_split();
    let mut buffer = BytesMut::new();
    while !buffer.ends_with(b"\r\n\r\n") {
        reading.read_buf(&mut buffer).await.ok()?;
    }
    assert!(buffer.starts_with(b"GET /ws HTTP/1.1\r\n"));
    let head: &[u8] = match manner {
        Manner::Refuse => b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        _ => b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n\x89\x00",
    };
    writing.write_all(head).await.ok()?;
    writers.lock().await.push((peer, writing));
    buffer.clear();
    loop {
        while let Some((opcode, payload)) = client_frame(&mut buffer) {
            if opcode != TEXT {
                continue;
            }
            let text = String::from_utf8_lossy(&payload);
            let wrapped = format!("{{\"wrapped\":\"{text}\"}}");
            let mut frame = vec![0x80 | TEXT, wrapped.len() as u8];
            frame.extend(wrapped.as_bytes());
            let forgotten = {
                let mut count = count.lock().unwrap();
                *count += 1;
                manner == Manner::Forget && count.is_multiple_of(2)
            };
            for (to, writer) in &mut *writers.lock().await {
                let own = *to == peer;
                if !forgotten && own == (manner != Manner::Spread) {
                    writer.write_all(&frame).await.ok()?;
                }
            }
        }
        if reading.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// A masked frame of less than 126 bytes from the front.
fn client_frame(buffer: &mut BytesMut) -> Option<(u8, Vec<u8>)> {
    let length = usize::from(*buffer.get(1)? & 0x7f);
    assert!(length < 126 && buffer[1] & 0x80 != 0, "short and masked");
    if buffer.len() < 6 + length {
        return None;
    }
    let frame = buffer.split_to(6 + length);
    let masked = frame[6..].iter().zip(frame[2..6].iter().cycle());
    let payload = masked.map(|(byte, key)| byte ^ key).collect();
    Some((frame[0] & 0x0f, payload))
}

fn plan(address: SocketAddr, scenario: Scenario) -> Plan {
    Plan {
        dialer: Dialer {
            target: format!("http://{address}/ws").parse().unwrap(),
            tls: None,
        },
        scenario,
        connections: 20,
        ramp_per_s: 1_000.0,
        rate_per_s: 100.0,
        burst: 2,
        message_bytes: 40,
        template: "to all: PAYLOAD".to_owned(),
        publish: None,
        headers: vec!["X-Test: yes".to_owned()],
        warmup: Duration::from_millis(100),
        duration: Duration::from_millis(500),
        timeout: Duration::from_secs(5),
        server_pid: Some(std::process::id()),
    }
}

#[test]
fn echoes_and_deliveries_are_counted_and_timed() {
    for (manner, scenario, wanted) in [
        (Manner::Echo, Scenario::Echo, 100),
        (Manner::Spread, Scenario::FanOut, 100 * 20),
    ] {
        let outcome = run(&plan(server(manner), scenario), &Stop::never()).unwrap();
        let counted = &outcome.outcome;
        assert_eq!(counted.errors_sum(), 0, "{counted:?}");
        assert_eq!(counted.answers, wanted);
        assert!(counted.is_clean() && counted.latency.max_us > 0.0);
        assert_eq!(outcome.handshakes.count, 20);
        let server = outcome.server.unwrap();
        assert!(server.before_bytes > 0 && server.open_bytes > 0);
        assert!(outcome.text().contains("messages a CPU second"));
    }
}

#[test]
fn what_does_not_arrive_is_missed() {
    let plan = plan(server(Manner::Forget), Scenario::Echo);
    let outcome = run(&plan, &Stop::never()).unwrap().outcome;
    assert_eq!(outcome.answers, 50);
    assert_eq!(outcome.errors.get(&ErrorKind::Unfinished), Some(&50));
    assert!(!outcome.is_clean());
}

#[test]
fn connections_that_only_wait_are_measured_too() {
    let plan = plan(server(Manner::Echo), Scenario::Idle);
    let outcome = run(&plan, &Stop::never()).unwrap();
    // The answers are handshakes, and the server's pings were answered.
    assert_eq!(outcome.outcome.answers, 20);
    assert_eq!(outcome.outcome.written_bytes_total, 20 * 6);
    assert!(outcome.outcome.is_clean());
}

#[test]
fn a_server_that_refuses_is_named() {
    let refused = run(
        &plan(server(Manner::Refuse), Scenario::Echo),
        &Stop::never(),
    );
    let error = refused.unwrap_err().to_string();
    assert_eq!(error, "of 20 connections 0 opened, then: protocol");
}

#[test]
fn frames_of_a_server_are_taken_whole() {
    let mut out = Vec::new();
    write(PING, b"ab", &mut out);
    assert_eq!(out[..2], [0x80 | PING, 0x80 | 2]);
    assert_eq!(
        client_frame(&mut BytesMut::from(&out[..])).unwrap().1,
        b"ab"
    );
    let long = [&[0x81, 126, 1, 0][..], &[b'x'; 256], &[0x88, 0]].concat();
    let mut buffer = BytesMut::new();
    for (at, byte) in long.iter().enumerate() {
        let before = take(&mut buffer).unwrap();
        assert_eq!(before.is_some(), at == 260, "at {at}");
        buffer.extend([*byte]);
    }
    assert_eq!(
        take(&mut buffer).unwrap().map(|(opcode, _)| opcode),
        Some(CLOSE)
    );
    for bad in [
        &[0x81, 0x80][..],
        &[0xc1, 0],
        &[0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert!(take(&mut BytesMut::from(bad)).is_err(), "{bad:x?}");
    }
}
