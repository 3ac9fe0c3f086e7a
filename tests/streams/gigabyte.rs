//! A gibibyte each way without holding it.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tollgate_harness::{Connection, DEADLINE, Node, NodeOptions, Request, bar, wait_until};
use tollgate_tests::files;

use crate::raw::{Head, Raw};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// What the node's resident memory may grow by: the promise of the README.
const GROWTH_MAX: u64 = 32 * MIB;
/// A piece that is no multiple of any buffer: bytes that were shifted or repeated do not match it.
const PIECE_BYTES: usize = 999_983;

fn piece() -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(PIECE_BYTES).collect()
}

/// Writes the first `bytes` of the endless repetition of the piece, counting them.
fn write_pattern(to: &mut impl Write, bytes: u64, written: &AtomicU64) -> io::Result<()> {
    let piece = piece();
    let mut left = bytes;
    while left > 0 {
        let part = left.min(PIECE_BYTES as u64) as usize;
        for chunk in piece[..part].chunks(64 << 10) {
            to.write_all(chunk)?;
            written.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        left -= part as u64;
    }
    Ok(())
}

/// Reads `bytes` and tells how many of them were as [`write_pattern`] wrote them, up to the first
/// that was not.
fn read_pattern(
    read: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>,
    bytes: u64,
) -> io::Result<u64> {
    let piece = piece();
    let mut buffer = vec![0; 256 << 10];
    let mut seen = 0_u64;
    while seen < bytes {
        let wish = (bytes - seen).min(buffer.len() as u64) as usize;
        let got = read(&mut buffer[..wish])?;
        if got == 0 {
            return Ok(seen);
        }
        let mut rest = &buffer[..got];
        while !rest.is_empty() {
            let at = (seen % PIECE_BYTES as u64) as usize;
            let part = rest.len().min(PIECE_BYTES - at);
            if rest[..part] != piece[at..at + part] {
                return Ok(seen);
            }
            rest = &rest[part..];
            seen += part as u64;
        }
    }
    Ok(seen)
}

/// `PUT` reads the body and says how much of it was right; `GET /BYTES` sends as many.
fn back_end(written: &Arc<AtomicU64>) -> Raw {
    let written = Arc::clone(written);
    Raw::start(move |head: &Head, mut reader: BufReader<TcpStream>| {
        if head.0[0].starts_with("PUT") {
            let right = read_pattern(&mut |buffer| reader.read(buffer), head.content_length())?;
            let body = right.to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            return reader.get_mut().write_all(answer.as_bytes());
        }
        let bytes: u64 = head.target().trim_start_matches('/').parse().unwrap_or(0);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes())?;
        write_pattern(reader.get_mut(), bytes, &written)
    })
}

fn start(raw: &Raw) -> Node {
    Node::start(NodeOptions::api(files::proxy(&raw.url())))
}

fn connect(node: &Node) -> TcpStream {
    let stream = TcpStream::connect(node.http()).expect("connect");
    stream.set_read_timeout(Some(DEADLINE)).expect("a limit");
    stream.set_write_timeout(Some(DEADLINE)).expect("a limit");
    stream
}

fn upload(node: &Node, bytes: u64) -> u64 {
    let mut stream = connect(node);
    let head = format!(
        "PUT /x HTTP/1.1\r\nHost: {}\r\nContent-Length: {bytes}\r\n\r\n",
        files::HOST
    );
    stream.write_all(head.as_bytes()).expect("send the head");
    write_pattern(&mut stream, bytes, &AtomicU64::new(0)).expect("send the body");
    let mut answer = String::new();
    let mut reader = BufReader::new(stream);
    while !answer.contains("\r\n\r\n") {
        let mut buffer = [0; 4096];
        let got = reader.read(&mut buffer).expect("an answer");
        assert_ne!(got, 0, "closed after {answer:?}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..got]));
    }
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body = answer.rsplit("\r\n").next().unwrap_or_default();
    body.trim().parse().unwrap_or_else(|_| panic!("{answer}"))
}

/// Asks for a body and reads the head of the answer.
fn ask(node: &Node, bytes: u64) -> Connection {
    let mut client = Connection::open(node.http()).expect("connect");
    let request = Request::get(&format!("/{bytes}")).host(files::HOST);
    client.send(&request.bytes()).expect("send");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(client.read(&mut byte).expect("an answer"), 1);
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"));
    client
}

fn download(node: &Node, bytes: u64) -> u64 {
    let mut client = ask(node, bytes);
    read_pattern(&mut |buffer| client.read(buffer), bytes).expect("read the body")
}

#[test]
fn a_gibibyte_passes_each_way_within_a_few_mebibytes_of_memory() {
    let raw = back_end(&Arc::default());
    let node = start(&raw);
    // What buffers and pools take once is not growth by size.
    assert_eq!(upload(&node, 4 * MIB), 4 * MIB);
    assert_eq!(download(&node, 4 * MIB), 4 * MIB);
    let before = node.usage().rss_bytes;
    let mut seconds = Vec::new();
    for way in [upload, download] {
        let began = Instant::now();
        assert_eq!(way(&node, GIB), GIB, "bytes were lost or changed");
        seconds.push(began.elapsed().as_secs_f64());
    }
    let peak = node.usage().rss_peak_bytes;
    let grown = peak.saturating_sub(before);
    bar(
        3,
        &format!(
            "1 GiB up in {:.1} s and 1 GiB down in {:.1} s through a proxy route; resident memory \
             grew by {:.1} MiB (at most 32)",
            seconds[0],
            seconds[1],
            grown as f64 / MIB as f64
        ),
    );
    assert!(grown < GROWTH_MAX, "grew by {grown} bytes to {peak}");
}

#[test]
fn a_client_that_does_not_read_stops_the_back_end() {
    let written = Arc::new(AtomicU64::new(0));
    let raw = back_end(&written);
    let node = start(&raw);
    assert_eq!(download(&node, MIB), MIB);
    let before = node.usage().rss_bytes;
    let mut client = ask(&node, GIB);
    // The back end writes until every buffer between it and the client is full, and no further.
    let mut last = (0, Instant::now());
    wait_until(DEADLINE, "the back end to stand still", || {
        let now = written.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        if now > MIB && last.1.elapsed() > Duration::from_millis(500) {
            Ok(())
        } else {
            Err(format!("{now} bytes written"))
        }
    });
    let held = written.load(Ordering::Relaxed);
    assert!(held < 64 * MIB, "{held} bytes were taken for nobody");
    let grown = node.usage().rss_bytes.saturating_sub(before);
    assert!(grown < GROWTH_MAX, "grew by {grown} bytes");
    // A client that comes back finds its stream where it was.
    let read = read_pattern(&mut |buffer| client.read(buffer), 128 * MIB);
    assert_eq!(read.expect("read on"), 128 * MIB);
}
