//! A small blocking HTTP/1.1 client. It is lenient on purpose: it shows what came, so that a test
//! can judge it, and it sends exactly the bytes it is given, so that a test can be rude.

mod wire;

use std::fmt;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::wait::DEADLINE;
pub(crate) use wire::{find, read_body, read_head};

/// How much of a body a failing assertion shows.
const SHOWN_CHARS_MAX: usize = 2000;

/// A request to be sent. Headers go out in the order they were added, spelled as given;
/// `Host` and `Content-Length` are added only if the test did not set them.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request with any method and target.
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self {
            method,
            target,
            headers: Vec::new(),
            body: None,
        }
    }

    /// `GET target`.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `POST target` with a body.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// Sets `Host`, by which an API is found.
    #[must_use]
    pub fn host(self, host: &str) -> Self {
        self.header("Host", host)
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if find(&self.headers, "host").is_none() {
            head.push_str("Host: localhost\r\n");
        }
        let framed = ["content-length", "transfer-encoding"];
        if let Some(body) = &self.body
            && framed
                .iter()
                .all(|name| find(&self.headers, name).is_none())
        {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// Sends on a connection of its own and reads the answer.
    ///
    /// # Errors
    ///
    /// If the connection is refused, cut, or silent for [`DEADLINE`].
    pub fn try_send(&self, to: SocketAddr) -> io::Result<Response> {
        Connection::open(to)?.request(self)
    }

    /// [`Request::try_send`] where only an answer will do.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub fn send(&self, to: SocketAddr) -> Response {
        self.try_send(to).unwrap_or_else(|error| {
            panic!(
                "{} {} to {to} got no answer: {error}",
                self.method, self.target
            )
        })
    }
}

/// An answer as it came.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header lines in order, names as spelled by the server.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

impl fmt::Debug for Response {
    /// Text rather than numbers: this is what a failing assertion shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        let text: String = self.text().chars().take(SHOWN_CHARS_MAX).collect();
        write!(f, "\n{text}")
    }
}

/// A raw connection: bytes out, answers in.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects; reads and writes fail after [`DEADLINE`] rather than hang a suite.
    ///
    /// # Errors
    ///
    /// If the connection is refused.
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends exactly these bytes.
    ///
    /// # Errors
    ///
    /// If the other side has closed.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a request and reads its answer; the connection stays open if the server lets it.
    /// A server may answer before it has the whole request, and take no more of it (RFC 9112,
    /// section 9.5): that answer counts.
    ///
    /// # Errors
    ///
    /// If the connection is cut or silent.
    pub fn request(&mut self, request: &Request) -> io::Result<Response> {
        let sent = self.send(&request.bytes());
        match (sent, self.read_response(&request.method)) {
            (_, Ok(response)) => Ok(response),
            (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
        }
    }

    /// Reads one answer to `method`, which decides whether it has a body. Interim answers (1xx,
    /// but not 101) are passed over.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the connection ends first, `InvalidData` if what came is not HTTP/1.
    pub fn read_response(&mut self, method: &str) -> io::Result<Response> {
        loop {
            let head = read_head(&mut self.stream)?
                .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "closed, no answer"))?;
            let status = head.status()?;
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let bodiless = method == "HEAD" || matches!(status, 101 | 204 | 304);
            let body = if bodiless {
                Vec::new()
            } else {
                read_body(&mut self.stream, &head, true)?
            };
            return Ok(Response {
                status,
                headers: head.headers,
                body,
            });
        }
    }

    /// Reads whatever comes until the server closes.
    ///
    /// # Errors
    ///
    /// If it neither sends nor closes for [`DEADLINE`].
    pub fn read_to_close(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads up to `buffer.len()` bytes.
    ///
    /// # Errors
    ///
    /// As a read of the socket.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    /// Changes how long a read may be silent.
    ///
    /// # Errors
    ///
    /// If `limit` is zero.
    pub fn silence_limit(&self, limit: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(limit))
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    ///
    /// If the other side has already gone.
    pub fn finish_sending(&self) -> io::Result<()> {
        self.stream.get_ref().shutdown(Shutdown::Write)
    }
}
