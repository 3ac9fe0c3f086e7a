//! Reading HTTP/1 messages: heads and framed bodies, for the client and the back ends.

use std::io::{self, BufRead, Read as _};

/// A test message longer than this is a mistake of the test or a fault worth failing on.
const HEAD_BYTES_MAX: u64 = 1 << 20;
const BODY_BYTES_MAX: u64 = 64 << 20;

/// A start line and its headers.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// The status code of an answer's start line.
    pub(crate) fn status(&self) -> io::Result<u16> {
        let mut words = self.start.split(' ');
        match (
            words.next(),
            words.next().and_then(|code| code.parse().ok()),
        ) {
            (Some("HTTP/1.1" | "HTTP/1.0"), Some(status)) => Ok(status),
            _ => Err(broken(format!("not an answer: {:?}", self.start))),
        }
    }
}

/// The first value of a header, its name in any case.
pub(crate) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(have, _)| have.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Reads up to the empty line; `None` if the connection ended before the first byte.
pub(crate) fn read_head(stream: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut limited = stream.take(HEAD_BYTES_MAX);
    let Some(start) = line(&mut limited)? else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    loop {
        let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "cut inside the headers");
        let text = line(&mut limited)?.ok_or_else(cut)?;
        if text.is_empty() {
            return Ok(Some(Head { start, headers }));
        }
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| broken(format!("not a header: {text:?}")))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// Reads the body that `head` announces. Without an announcement an answer lasts until the
/// connection closes, a request is empty (RFC 9112, section 6.3).
pub(crate) fn read_body(
    stream: &mut impl BufRead,
    head: &Head,
    is_answer: bool,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let chunked = find(&head.headers, "transfer-encoding")
        .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    if chunked {
        read_chunks(stream, &mut body)?;
    } else if let Some(length) = find(&head.headers, "content-length") {
        let length: u64 = length
            .parse()
            .map_err(|_| broken(format!("content-length: {length:?}")))?;
        let got = stream
            .take(length.min(BODY_BYTES_MAX))
            .read_to_end(&mut body)?;
        if got as u64 != length {
            let message = format!("cut: {got} of {length} body bytes");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
    } else if is_answer {
        stream.take(BODY_BYTES_MAX).read_to_end(&mut body)?;
    }
    Ok(body)
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "cut inside a chunked body");
    loop {
        let size_line = line(stream)?.ok_or_else(cut)?;
        let digits = size_line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16)
            .map_err(|_| broken(format!("chunk size: {size_line:?}")))?;
        if size + body.len() as u64 > BODY_BYTES_MAX {
            return Err(broken("a body beyond what a test may read".to_owned()));
        }
        let got = (&mut *stream).take(size).read_to_end(body)?;
        if got as u64 != size {
            return Err(cut());
        }
        // After data: the line's end. After the last chunk: trailers up to an empty line.
        while !line(stream)?.ok_or_else(cut)?.is_empty() {
            if size != 0 {
                return Err(broken("bytes after a chunk's data".to_owned()));
            }
        }
        if size == 0 {
            return Ok(());
        }
    }
}

/// One line without its ending; `None` at the end of the stream.
fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    stream.take(HEAD_BYTES_MAX).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "cut inside a line",
        ));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn broken(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor};

    use super::{read_body, read_head};

    fn body_of(message: &str) -> io::Result<Vec<u8>> {
        let mut stream = Cursor::new(message.as_bytes());
        let head = read_head(&mut stream)?.unwrap();
        read_body(&mut stream, &head, true)
    }

    #[test]
    fn reads_the_three_framings() {
        assert_eq!(
            body_of("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi!").unwrap(),
            b"hi"
        );
        assert_eq!(
            body_of("HTTP/1.1 200 OK\r\n\r\nall of it").unwrap(),
            b"all of it"
        );
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       2;x=y\r\nhi\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";
        assert_eq!(body_of(chunked).unwrap(), b"hi0123456789");
    }

    #[test]
    fn a_cut_message_is_an_error_and_not_a_short_one() {
        for cut in [
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhi",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
        ] {
            let error = body_of(cut).unwrap_err();
            assert_eq!(
                error.kind(),
                io::ErrorKind::UnexpectedEof,
                "{cut:?}: {error}"
            );
        }
    }
}
