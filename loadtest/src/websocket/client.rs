//! One WebSocket connection of the generator.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::Instant;

use super::frames::{self, CLOSE, PING, PONG};
use crate::generator::connection::{Dialer, Stream};
use crate::limits::RESPONSE_HEAD_BYTES_MAX;
use crate::outcome::ErrorKind;

/// What stands before the time in a message.
const MARK: &[u8] = b"@t=";
/// Digits of the time, in nanoseconds since the run began.
const TIME_DIGITS: usize = 20;
/// Bytes that a payload has at least.
pub const PAYLOAD_BYTES_MIN: usize = MARK.len() + TIME_DIGITS;
/// Bytes reserved for one read: connections mostly wait, and hold nothing meanwhile.
const READ_BYTES: usize = 4 * 1024;

/// A connection whose handshake is done.
pub(super) struct Client {
    stream: Stream,
    buffer: BytesMut,
    /// Bytes read and written since [`Client::take_bytes`].
    bytes: (u64, u64),
}

impl Client {
    pub(super) async fn open(dialer: &Arc<Dialer>, headers: &[String]) -> Result<Self, ErrorKind> {
        let mut stream = dialer.open().await?;
        let target = &dialer.target;
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            target.path, target.authority
        );
        for header in headers {
            request += header;
            request += "\r\n";
        }
        request += "\r\n";
        let written = stream.write(request.as_bytes()).await;
        written.map_err(|_| ErrorKind::Write)?;
        let mut buffer = BytesMut::new();
        loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                if !buffer.starts_with(b"HTTP/1.1 101 ") {
                    return Err(ErrorKind::Protocol);
                }
                drop(buffer.split_to(at + 4));
                break;
            }
            if buffer.len() > RESPONSE_HEAD_BYTES_MAX {
                return Err(ErrorKind::Protocol);
            }
            buffer.reserve(READ_BYTES);
            let read = stream.read(&mut buffer).await;
            if read.map_err(|_| ErrorKind::Read)? == 0 {
                return Err(ErrorKind::Closed);
            }
        }
        Ok(Self {
            stream,
            buffer,
            bytes: (0, 0),
        })
    }

    /// Writes frames.
    pub(super) async fn send(&mut self, frames: &[u8]) -> Result<(), ErrorKind> {
        let written = self.stream.write(frames).await;
        self.bytes.1 += frames.len() as u64;
        written.map_err(|_| ErrorKind::Write)
    }

    /// Reads more; it may be given up while it waits.
    pub(super) async fn read(&mut self) -> Result<(), ErrorKind> {
        if self.buffer.is_empty() {
            // A buffer that was split into payloads has no room of its own left.
            self.buffer = BytesMut::new();
        }
        self.buffer.reserve(READ_BYTES);
        let read = self.stream.read(&mut self.buffer).await;
        match read.map_err(|_| ErrorKind::Read)? {
            0 => Err(ErrorKind::Closed),
            count => {
                self.bytes.0 += count as u64;
                Ok(())
            }
        }
    }

    /// Gives the messages that were read to `each` and answers pings.
    pub(super) async fn messages(&mut self, mut each: impl FnMut(&[u8])) -> Result<(), ErrorKind> {
        loop {
            let taken = frames::take(&mut self.buffer);
            match taken.map_err(|_| ErrorKind::Protocol)? {
                None => break,
                Some((CLOSE, _)) => return Err(ErrorKind::Closed),
                Some((PING, payload)) => {
                    let mut pong = Vec::new();
                    frames::write(PONG, &payload, &mut pong);
                    self.send(&pong).await?;
                }
                Some((PONG, _)) => {}
                Some((_, payload)) => each(&payload),
            }
        }
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        Ok(())
    }

    /// Bytes read and written since the last call.
    pub(super) fn take_bytes(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.bytes)
    }
}

/// A payload of `length` bytes, at least [`PAYLOAD_BYTES_MIN`], that says when it should have left.
pub(super) fn payload(start: Instant, intended: Instant, length: usize) -> String {
    let ns = intended.saturating_duration_since(start).as_nanos();
    let mut text = format!("@t={ns:020}");
    while text.len() < length {
        text.push('x');
    }
    text
}

/// When a message should have left, from wherever in it that is said.
pub(super) fn intended(start: Instant, message: &[u8]) -> Option<Instant> {
    let at = message
        .windows(MARK.len())
        .position(|three| three == MARK)?;
    let digits = message[at + MARK.len()..].get(..TIME_DIGITS)?;
    let ns: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(start + std::time::Duration::from_nanos(ns))
}
