//! Finds the end of one HTTP/1.1 answer in a stream of bytes (RFC 9112, section 6).
//!
//! Pure: bytes in, progress out, no socket. It is strict where a gateway must be strict too, because
//! a load test that silently accepts broken framing would praise a broken server.

use bytes::{Buf, BytesMut};

use crate::limits::{
    CHUNK_LINE_BYTES_MAX, INTERIM_RESPONSES_MAX, PROBE_BODY_BYTES_MAX, RESPONSE_HEAD_BYTES_MAX,
    RESPONSE_HEADERS_MAX, TRAILER_BYTES_MAX,
};

/// What makes an answer unreadable.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Status line or headers that do not parse.
    #[error("malformed head: {0}")]
    Head(httparse::Error),
    /// Head above [`RESPONSE_HEAD_BYTES_MAX`] or with more than [`RESPONSE_HEADERS_MAX`] fields.
    #[error("the head is too large")]
    HeadTooLarge,
    /// More than [`INTERIM_RESPONSES_MAX`] interim answers, or a switch of protocol.
    #[error("unexpected interim answer")]
    Interim,
    /// Contradictory or malformed `Content-Length` or `Transfer-Encoding`.
    #[error("contradictory or malformed body length")]
    Length,
    /// A malformed chunk, or trailers above [`TRAILER_BYTES_MAX`].
    #[error("malformed chunk")]
    Chunk,
    /// Bytes after the end of the answer, although nothing else was asked for.
    #[error("bytes after the end of the answer")]
    Excess,
}

/// A complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Status code, 200 to 999; interim answers are skipped.
    pub status: u16,
    /// Whether the connection may carry another request.
    pub keep_alive: bool,
    /// Bytes of the body without chunk framing.
    pub body_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
    Done,
}

/// Reads one answer after another; [`ResponseParser::start`] begins the next.
#[derive(Debug)]
pub struct ResponseParser {
    state: State,
    to_head: bool,
    answer: Answer,
    interim: u32,
    trailer_bytes: usize,
    kept: Option<Vec<u8>>,
}

impl ResponseParser {
    /// A parser for the answer to one request; `to_head` when the method was HEAD.
    pub fn new(to_head: bool) -> Self {
        Self {
            state: State::Head,
            to_head,
            answer: Answer {
                status: 0,
                keep_alive: true,
                body_bytes: 0,
            },
            interim: 0,
            trailer_bytes: 0,
            kept: None,
        }
    }

    /// The same, keeping up to [`PROBE_BODY_BYTES_MAX`] bytes of the body for [`Self::into_body`].
    pub fn keeping_body(to_head: bool) -> Self {
        Self {
            kept: Some(Vec::new()),
            ..Self::new(to_head)
        }
    }

    /// Prepares for the next answer on the same connection.
    pub fn start(&mut self) {
        *self = Self::new(self.to_head);
    }

    /// The body kept, empty unless asked for.
    pub fn into_body(self) -> Vec<u8> {
        self.kept.unwrap_or_default()
    }

    /// Takes what it can from `buffer`. `Some` when the answer is complete, `None` when more bytes
    /// are needed.
    ///
    /// # Errors
    /// See [`Error`]; the connection is of no use afterwards.
    pub fn advance(&mut self, buffer: &mut BytesMut) -> Result<Option<Answer>, Error> {
        loop {
            match self.state {
                State::Head => {
                    if !self.read_head(buffer)? {
                        return Ok(None);
                    }
                }
                State::Length(0) | State::Done => {
                    self.state = State::Done;
                    return if buffer.is_empty() {
                        Ok(Some(self.answer))
                    } else {
                        Err(Error::Excess)
                    };
                }
                State::Length(left) => {
                    let left = self.take_body(buffer, left);
                    self.state = State::Length(left);
                    if left > 0 {
                        return Ok(None);
                    }
                }
                State::ChunkSize => match take_line(buffer)? {
                    Some(line) => {
                        let size = chunk_size(&line)?;
                        self.state = if size == 0 {
                            State::Trailers
                        } else {
                            State::ChunkData(size)
                        };
                    }
                    None => return Ok(None),
                },
                State::ChunkData(left) => {
                    let left = self.take_body(buffer, left);
                    self.state = if left > 0 {
                        State::ChunkData(left)
                    } else {
                        State::ChunkEnd
                    };
                    if left > 0 {
                        return Ok(None);
                    }
                }
                State::ChunkEnd => match take_line(buffer)? {
                    Some(line) if line.is_empty() => self.state = State::ChunkSize,
                    Some(_) => return Err(Error::Chunk),
                    None => return Ok(None),
                },
                State::Trailers => match take_line(buffer)? {
                    Some(line) if line.is_empty() => self.state = State::Done,
                    Some(line) => {
                        self.trailer_bytes += line.len();
                        if self.trailer_bytes > TRAILER_BYTES_MAX || !line.contains(&b':') {
                            return Err(Error::Chunk);
                        }
                    }
                    None => return Ok(None),
                },
                State::UntilClose => {
                    self.take_body(buffer, u64::MAX);
                    return Ok(None);
                }
            }
        }
    }

    /// The peer closed: completes an answer that ends with the connection, otherwise `None`.
    pub fn end_of_stream(&self) -> Option<Answer> {
        (self.state == State::UntilClose).then_some(self.answer)
    }

    /// Consumes up to `left` body bytes and returns how many are still missing.
    fn take_body(&mut self, buffer: &mut BytesMut, left: u64) -> u64 {
        let take = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if let Some(kept) = &mut self.kept {
            let room = PROBE_BODY_BYTES_MAX - kept.len();
            kept.extend_from_slice(&buffer[..take.min(room)]);
        }
        buffer.advance(take);
        self.answer.body_bytes += take as u64;
        left - take as u64
    }

    /// `false` when the head is not complete yet.
    fn read_head(&mut self, buffer: &mut BytesMut) -> Result<bool, Error> {
        let mut headers = [httparse::EMPTY_HEADER; RESPONSE_HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let size = match head.parse(buffer) {
            Ok(httparse::Status::Complete(size)) => size,
            Ok(httparse::Status::Partial) if buffer.len() < RESPONSE_HEAD_BYTES_MAX => {
                return Ok(false);
            }
            Ok(httparse::Status::Partial) => return Err(Error::HeadTooLarge),
            Err(httparse::Error::TooManyHeaders) => return Err(Error::HeadTooLarge),
            Err(error) => return Err(Error::Head(error)),
        };
        if size > RESPONSE_HEAD_BYTES_MAX {
            return Err(Error::HeadTooLarge);
        }
        let status = head.code.unwrap_or(0);
        if status < 200 {
            // 101 would change the protocol, which no request of ours asks for.
            self.interim += 1;
            if status < 100 || status == 101 || self.interim > INTERIM_RESPONSES_MAX {
                return Err(Error::Interim);
            }
            buffer.advance(size);
            return Ok(true);
        }
        let framing = Framing::read(head.headers, head.version == Some(1))?;
        self.answer = Answer {
            status,
            keep_alive: framing.keep_alive,
            body_bytes: 0,
        };
        let no_body = self.to_head || status == 204 || status == 304;
        self.state = match framing.length {
            _ if no_body => State::Done,
            Length::Chunked => State::ChunkSize,
            Length::Bytes(bytes) => State::Length(bytes),
            Length::UntilClose => {
                self.answer.keep_alive = false;
                State::UntilClose
            }
        };
        buffer.advance(size);
        Ok(true)
    }
}

enum Length {
    Bytes(u64),
    Chunked,
    UntilClose,
}

struct Framing {
    length: Length,
    keep_alive: bool,
}

impl Framing {
    fn read(headers: &[httparse::Header<'_>], http11: bool) -> Result<Self, Error> {
        let mut bytes: Option<u64> = None;
        let mut chunked = false;
        let mut keep_alive = http11;
        for header in headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                let value = decimal(header.value).ok_or(Error::Length)?;
                if bytes.is_some_and(|bytes| bytes != value) {
                    return Err(Error::Length);
                }
                bytes = Some(value);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Error::Length);
                }
                chunked = true;
            } else if header.name.eq_ignore_ascii_case("connection") {
                for option in header.value.split(|&byte| byte == b',') {
                    match option.trim_ascii() {
                        option if option.eq_ignore_ascii_case(b"close") => keep_alive = false,
                        option if option.eq_ignore_ascii_case(b"keep-alive") => keep_alive = true,
                        _ => {}
                    }
                }
            }
        }
        let length = match (chunked, bytes) {
            (true, Some(_)) => return Err(Error::Length),
            (true, None) => Length::Chunked,
            (false, Some(bytes)) => Length::Bytes(bytes),
            (false, None) => Length::UntilClose,
        };
        Ok(Self { length, keep_alive })
    }
}

fn decimal(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The next line without CRLF, or `None` when it is not complete.
fn take_line(buffer: &mut BytesMut) -> Result<Option<BytesMut>, Error> {
    match buffer
        .iter()
        .take(CHUNK_LINE_BYTES_MAX)
        .position(|&byte| byte == b'\n')
    {
        Some(end) if end > 0 && buffer[end - 1] == b'\r' => {
            let mut line = buffer.split_to(end + 1);
            line.truncate(end - 1);
            Ok(Some(line))
        }
        Some(_) => Err(Error::Chunk),
        None if buffer.len() >= CHUNK_LINE_BYTES_MAX => Err(Error::Chunk),
        None => Ok(None),
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, Error> {
    let digits = line
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii_end();
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Error::Chunk);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| Error::Chunk)?;
    u64::from_str_radix(digits, 16).map_err(|_| Error::Chunk)
}

#[cfg(test)]
#[path = "response/tests.rs"]
mod tests;
