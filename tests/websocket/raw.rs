//! A client that sends any bytes and reads frames with suspicion.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::frames::inflated;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A frame that a server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) opcode: u8,
    pub(crate) compressed: bool,
    /// Inflated if it was compressed.
    pub(crate) payload: Vec<u8>,
}

/// A connection to a server.
pub(crate) struct Raw {
    tcp: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).expect("connect");
        tcp.set_nodelay(true).expect("a socket");
        tcp.set_read_timeout(Some(PATIENCE)).expect("a socket");
        tcp.set_write_timeout(Some(PATIENCE)).expect("a socket");
        Self {
            tcp,
            buffer: Vec::new(),
        }
    }

    /// Opens a connection; further fields may be given, each with its line end.
    pub(crate) fn open(address: SocketAddr, path: &str, fields: &str) -> Self {
        let mut raw = Self::connect(address);
        raw.send(request(path, fields).as_bytes())
            .expect("a socket");
        let head = raw.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tcp.write_all(bytes)
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// The head of a response.
    pub(crate) fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..at + 4).collect();
                return String::from_utf8(head).expect("a head in UTF-8");
            }
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            assert!(
                self.more().expect("a socket"),
                "closed inside of a head: {text}"
            );
        }
    }

    /// False at the end of the stream.
    fn more(&mut self) -> io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        let count = self.tcp.read(&mut piece)?;
        self.buffer.extend(&piece[..count]);
        Ok(count > 0)
    }

    /// The next frame; `None` at the end of the stream, `Err` when it was reset or nothing came.
    pub(crate) fn frame(&mut self) -> io::Result<Option<Received>> {
        loop {
            if let Some((frame, length)) = parse(&self.buffer) {
                self.buffer.drain(..length);
                return Ok(Some(frame));
            }
            if !self.more()? {
                assert!(self.buffer.is_empty(), "closed inside of a frame");
                return Ok(None);
            }
        }
    }
}

/// A handshake.
pub(crate) fn request(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

/// A whole frame in front, and its length.
fn parse(bytes: &[u8]) -> Option<(Received, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    assert_eq!(first & 0xb0, 0x80, "a server's frame: {first:x}");
    assert_eq!(second & 0x80, 0, "a server's frame is masked");
    let (length, header) = match second {
        126 => {
            let length = u64::from(u16::from_be_bytes(*bytes[2..].first_chunk()?));
            assert!(length > 125, "a length in too many bytes");
            (length, 4)
        }
        127 => {
            let length = u64::from_be_bytes(*bytes[2..].first_chunk()?);
            assert!(length > 0xffff, "a length in too many bytes");
            (length, 10)
        }
        short => (u64::from(short), 2),
    };
    let end = header + usize::try_from(length).expect("a socket");
    let payload = bytes.get(header..end)?;
    let compressed = first & 0x40 != 0;
    let payload = if compressed {
        inflated(payload)
    } else {
        payload.to_vec()
    };
    let frame = Received {
        opcode: first & 0x0f,
        compressed,
        payload,
    };
    Some((frame, end))
}
