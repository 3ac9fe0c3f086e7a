//! One connection to the target: opened when needed, kept while both sides agree, closed on error.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls::TlsClient;
use crate::limits::READ_BUFFER_BYTES;
use crate::outcome::ErrorKind;
use crate::request::Request;
use crate::response::{Answer, ResponseParser};
use crate::target::Target;

/// What is needed to open connections to a target.
#[derive(Debug, Clone)]
pub struct Dialer {
    /// The target, plain or TLS.
    pub target: Target,
    /// Present for a TLS target, otherwise not.
    pub tls: Option<TlsClient>,
}

impl Dialer {
    pub(crate) async fn open(&self) -> Result<Stream, ErrorKind> {
        let tcp = TcpStream::connect(self.target.address)
            .await
            .map_err(|_| ErrorKind::Connect)?;
        tcp.set_nodelay(true).map_err(|_| ErrorKind::Connect)?;
        match &self.tls {
            None if self.target.tls => Err(ErrorKind::Tls),
            None => Ok(Stream::Plain(tcp)),
            Some(TlsClient { config, name }) => {
                let connect = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp);
                connect
                    .await
                    .map(|tls| Stream::Tls(Box::new(tls)))
                    .map_err(|_| ErrorKind::Tls)
            }
        }
    }
}

/// An open connection, plain or TLS.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes).await,
            Self::Tls(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
        }
    }

    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read_buf(buffer).await,
            Self::Tls(tls) => tls.read_buf(buffer).await,
        }
    }
}

/// A connection that reopens itself before the next exchange when the last one ended it.
pub struct Connection {
    dialer: Arc<Dialer>,
    stream: Option<Stream>,
    buffer: BytesMut,
    parser: ResponseParser,
    /// Bytes read since [`Connection::take_bytes`].
    read_bytes: u64,
    /// Bytes written since [`Connection::take_bytes`].
    written_bytes: u64,
}

impl Connection {
    /// A connection not yet open; `to_head` when the requests are HEAD requests.
    pub fn new(dialer: Arc<Dialer>, to_head: bool) -> Self {
        Self {
            dialer,
            stream: None,
            buffer: BytesMut::with_capacity(READ_BUFFER_BYTES),
            parser: ResponseParser::new(to_head),
            read_bytes: 0,
            written_bytes: 0,
        }
    }

    /// The same, keeping the body of its one answer for [`Connection::into_body`].
    pub fn probing(dialer: Arc<Dialer>, to_head: bool) -> Self {
        let parser = ResponseParser::keeping_body(to_head);
        Self {
            parser,
            ..Self::new(dialer, to_head)
        }
    }

    /// Opens the connection unless it is open.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`], [`ErrorKind::Tls`], or [`ErrorKind::Timeout`].
    pub async fn open(&mut self, timeout: Duration) -> Result<(), ErrorKind> {
        if self.stream.is_none() {
            let open = tokio::time::timeout(timeout, self.dialer.open());
            self.stream = Some(open.await.map_err(|_| ErrorKind::Timeout)??);
        }
        Ok(())
    }

    /// Sends the request and reads the whole answer, opening the connection first if need be.
    ///
    /// # Errors
    /// The kind of failure; the connection is closed then.
    pub async fn exchange(
        &mut self,
        request: &Request,
        timeout: Duration,
    ) -> Result<Answer, ErrorKind> {
        let exchange = tokio::time::timeout(timeout, self.exchange_untimed(request));
        let result = exchange.await.unwrap_or(Err(ErrorKind::Timeout));
        if !matches!(
            result,
            Ok(Answer {
                keep_alive: true,
                ..
            })
        ) {
            self.stream = None;
        }
        result
    }

    async fn exchange_untimed(&mut self, request: &Request) -> Result<Answer, ErrorKind> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(self.dialer.open().await?),
        };
        self.buffer.clear();
        self.buffer.reserve(READ_BUFFER_BYTES);
        // A server may answer and close before it has read the body: its answer counts, not the
        // broken write.
        let written = stream.write(request.bytes()).await;
        if written.is_ok() {
            self.written_bytes += request.bytes().len() as u64;
        }
        loop {
            match stream.read(&mut self.buffer).await {
                Ok(0) => {
                    let cut = if written.is_ok() {
                        ErrorKind::Closed
                    } else {
                        ErrorKind::Write
                    };
                    return self.parser.end_of_stream().ok_or(cut);
                }
                Ok(size) => self.read_bytes += size as u64,
                Err(_) if written.is_err() => return Err(ErrorKind::Write),
                Err(_) => return Err(ErrorKind::Read),
            }
            match self.parser.advance(&mut self.buffer) {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => self.buffer.reserve(READ_BUFFER_BYTES / 4),
                Err(_) => return Err(ErrorKind::Protocol),
            }
        }
    }

    /// Forgets the last answer, so that the next exchange can begin.
    pub fn start(&mut self) {
        self.parser.start();
    }

    /// Bytes read and written since the last call.
    pub fn take_bytes(&mut self) -> (u64, u64) {
        (
            std::mem::take(&mut self.read_bytes),
            std::mem::take(&mut self.written_bytes),
        )
    }

    /// The body of the answer to a probe.
    pub fn into_body(self) -> Vec<u8> {
        self.parser.into_body()
    }
}
