//! A service that does what the path says, and a client that speaks raw bytes.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tollgate_edge::{
    ConnInfo, Edge, EdgeConfig, EdgeHandle, EdgeLimits, ListenerConfig, Observation, Service, bind,
};
use tollgate_message::{Body, BodyError, Request, Response, Upgrade, Upgraded, Version};

/// How long a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What tests and the service share.
#[derive(Clone)]
pub(crate) struct Seen {
    paths: Arc<Mutex<Vec<String>>>,
    /// `/gate` waits for a permit.
    pub(crate) gate: Arc<Semaphore>,
    /// `/gate` says that it waits.
    pub(crate) waiting: Arc<Semaphore>,
}

impl Seen {
    pub(crate) fn paths(&self) -> Vec<String> {
        self.paths.lock().unwrap().clone()
    }
}

pub(crate) struct TestService {
    seen: Seen,
    worker: usize,
}

impl Service for TestService {
    async fn call(&self, mut request: Request, conn: &Rc<ConnInfo>) -> Response {
        self.seen.paths.lock().unwrap().push(request.path.clone());
        let path = request.path.clone();
        let (verb, argument) = match path[1..].split_once('/') {
            Some((verb, argument)) => (verb, argument),
            None => (&path[1..], ""),
        };
        match verb {
            "echo" => Response::new(200).with_body_of(request.body),
            "count" => count(&mut request.body).await,
            "collect" => collect(request.body).await,
            "zeros" => zeros(argument.parse().unwrap(), true),
            "stream" => zeros(argument.parse().unwrap(), false),
            "short" => announced(10, 5),
            "long" => announced(5, 10),
            "broken" => broken(),
            "status" => Response::json(argument.parse().unwrap(), r#"{"a":1}"#),
            "panic" => panic!("asked for"),
            "panicking-body" => Response::new(200)
                .with_body_of(streamed(stream::once(async { panic!("asked for") }))),
            "gate" => {
                if argument == "bodiless" {
                    let mut body = core::mem::take(&mut request.body);
                    assert!(body.chunk().now_or_never().is_none(), "nothing was sent");
                }
                let answer = self.gate(argument).await;
                match argument {
                    "upgrade" => upgrade(request),
                    _ => answer,
                }
            }
            "framing" => framing(),
            "close" => Response::new(200).with_header("connection", "close"),
            "head" => Response::new(200).with_header("content-length", "12345"),
            "info" => self.info(&request, conn),
            "upgrade" => upgrade(request),
            "takeover" => takeover(argument),
            "fields" => (0..argument.parse().unwrap()).fold(Response::new(200), |it, _: u32| {
                it.with_header("set-cookie", "a=b")
            }),
            _ => Response::new(200).with_body("ok"),
        }
    }
}

impl TestService {
    async fn gate(&self, argument: &str) -> Response {
        self.seen.waiting.add_permits(1);
        self.seen.gate.acquire().await.unwrap().forget();
        Response::new(200).with_body(format!("through {argument}"))
    }

    fn info(&self, request: &Request, conn: &ConnInfo) -> Response {
        let mut text = format!(
            "{} {} {:?} {}\npeer {}\nlistener {}\nworker {}\nserial {}\n",
            request.method,
            request.path,
            request.query,
            request.version.as_str(),
            conn.peer,
            conn.listener,
            self.worker,
            conn.connection_serial
        );
        if let Some(tls) = &conn.tls {
            text += &format!("tls {:?} {:?} {}\n", tls.sni, tls.alpn, tls.version);
        }
        for (name, value) in &request.headers {
            text += &format!("{name}: {}\n", String::from_utf8_lossy(value));
        }
        Response::new(200).with_body(text)
    }
}

async fn count(body: &mut Body) -> Response {
    let mut bytes = 0;
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => bytes += chunk.len(),
            Err(error) => return failed(&error),
        }
    }
    Response::new(200).with_body(bytes.to_string())
}

async fn collect(body: Body) -> Response {
    match body.collect(u64::MAX).await {
        Ok(bytes) => Response::new(200).with_body(bytes),
        Err(error) => failed(&error),
    }
}

fn failed(error: &BodyError) -> Response {
    let status = match error {
        BodyError::TooLarge(_) => 413,
        BodyError::Stalled => 408,
        _ => 400,
    };
    Response::json(status, format!(r#"{{"message":"{error}"}}"#))
}

pub(crate) fn streamed(
    chunks: impl futures_util::Stream<Item = Result<Bytes, BodyError>> + 'static,
) -> Body {
    Body::Stream {
        stream: Box::pin(chunks),
        length: None,
    }
}

fn zeros(bytes: u64, announce: bool) -> Response {
    const CHUNK: usize = 64 * 1024;
    let chunk = Bytes::from(vec![b'0'; CHUNK]);
    let whole = bytes / CHUNK as u64;
    let rest = chunk.slice(..usize::try_from(bytes % CHUNK as u64).unwrap());
    let chunks = stream::iter(0..whole)
        .map(move |_| Ok(chunk.clone()))
        .chain(stream::iter([Ok(rest)]));
    let length = announce.then_some(bytes);
    Response::new(200).with_body_of(Body::Stream {
        stream: Box::pin(chunks),
        length,
    })
}

fn announced(length: u64, real: usize) -> Response {
    let chunks = stream::iter([Ok(Bytes::from(vec![b'x'; real]))]);
    Response::new(200).with_body_of(Body::Stream {
        stream: Box::pin(chunks),
        length: Some(length),
    })
}

fn broken() -> Response {
    let chunks = [Ok(Bytes::from_static(b"begun")), Err(BodyError::Closed)];
    // The error comes in a later poll, so that the first chunk is on the wire.
    let chunks = stream::iter(chunks).then(|chunk| async {
        tokio::task::yield_now().await;
        chunk
    });
    Response::new(200).with_body_of(streamed(chunks))
}

/// Everything that a service must not be able to break.
fn framing() -> Response {
    Response::new(200)
        .with_header("transfer-encoding", "chunked")
        .with_header("content-length", "999")
        .with_header("connection", "x-secret")
        .with_header("keep-alive", "timeout=1")
        .with_header("upgrade", "h2c")
        .with_header("x-good", "1")
        .with_header("x-bad", "a\r\ninjected: 1")
        .with_header("bad name", "1")
        .with_body("body")
}

fn upgrade(request: Request) -> Response {
    if request.headers.get("upgrade") != Some(b"websocket") {
        return Response::new(426).with_header("upgrade", "websocket");
    }
    Response::new(101)
        .with_header("upgrade", "websocket")
        .with_body_of(request.body)
}

/// Hands the connection itself to a protocol that echoes, and says `bye` when the edge drains.
fn takeover(argument: &str) -> Response {
    let panics = argument == "panic";
    let upgrade = Upgrade::new(move |upgraded| async move {
        assert!(!panics, "asked for");
        let Upgraded {
            mut io,
            ahead,
            draining,
        } = upgraded;
        io.write_all(&ahead).await.unwrap();
        let mut buffer = [0; 1024];
        loop {
            let drained = poll_fn(|_| {
                if draining() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            });
            tokio::select! {
                () = drained => {
                    io.write_all(b"bye").await.unwrap();
                    return io.shutdown().await.unwrap();
                }
                read = io.read(&mut buffer) => {
                    let count = read.unwrap();
                    if count == 0 {
                        return;
                    }
                    io.write_all(&buffer[..count]).await.unwrap();
                    io.flush().await.unwrap();
                }
            }
        }
    });
    Response::new(101)
        .with_header("upgrade", "websocket")
        .with_body_of(Body::Upgrade(upgrade))
}

pub(crate) trait WithBodyOf {
    fn with_body_of(self, body: Body) -> Self;
}

impl WithBodyOf for Response {
    fn with_body_of(mut self, body: Body) -> Self {
        self.body = body;
        self
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handle: EdgeHandle,
    pub(crate) seen: Seen,
}

pub(crate) fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub(crate) fn plain(workers: usize) -> ListenerConfig {
    ListenerConfig {
        sockets: bind(local(), workers).unwrap(),
        tls: None,
        proxy_protocol: None,
    }
}

pub(crate) fn start(limits: EdgeLimits) -> Server {
    start_on(plain(1), 1, limits)
}

pub(crate) fn start_on(listener: ListenerConfig, workers: usize, limits: EdgeLimits) -> Server {
    let address = listener.sockets.local_addr();
    let seen = Seen {
        paths: Arc::default(),
        gate: Arc::new(Semaphore::new(0)),
        waiting: Arc::new(Semaphore::new(0)),
    };
    let for_services = seen.clone();
    let config = EdgeConfig {
        listeners: vec![listener],
        workers,
        limits,
    };
    let factory = move |worker| TestService {
        seen: for_services.clone(),
        worker,
    };
    Server {
        address,
        handle: Edge::start(config, factory).unwrap(),
        seen,
    }
}

impl Server {
    pub(crate) async fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends bytes and gives everything until the server closes.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.rest().await
    }

    /// Waits until the counters are as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Observation) -> bool) {
        let mut last = self.handle.observe();
        let waited = timeout(PATIENCE, async {
            while !wanted(&last) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                last = self.handle.observe();
            }
        });
        let in_time = waited.await.is_ok();
        assert!(in_time, "{what}: last seen {:?}", self.handle.observe());
    }
}

/// A raw client.
pub(crate) struct Client {
    pub(crate) tcp: TcpStream,
    pub(crate) buffer: Vec<u8>,
}

/// One response, taken apart.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).unwrap();
        Self {
            tcp,
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have closed already, which the reading side will show.
        drop(
            timeout(PATIENCE, self.tcp.write_all(bytes.as_ref()))
                .await
                .expect("a stalled write"),
        );
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
        self.reply(false).await
    }

    /// Everything until the server closes. A reset counts as closed.
    pub(crate) async fn rest(&mut self) -> String {
        let read = async {
            let mut all = std::mem::take(&mut self.buffer);
            drop(self.tcp.read_to_end(&mut all).await);
            all
        };
        let all = timeout(PATIENCE, read)
            .await
            .expect("the connection was not closed");
        String::from_utf8_lossy(&all).into_owned()
    }

    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.tcp.read_buf(&mut self.buffer)).await;
        read.expect("no response in time")
            .is_ok_and(|count| count > 0)
    }

    async fn until(&mut self, end: &[u8]) -> usize {
        loop {
            if let Some(at) = self
                .buffer
                .windows(end.len())
                .position(|window| window == end)
            {
                return at + end.len();
            }
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            assert!(self.more().await, "closed inside of a response: {text:?}");
        }
    }

    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(self.more().await, "closed inside of a body");
        }
        self.buffer.drain(..count).collect()
    }

    /// One response; `bodiless` when it answers a HEAD request.
    pub(crate) async fn reply(&mut self, bodiless: bool) -> Reply {
        let end = self.until(b"\r\n\r\n").await;
        let head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Reply {
            status,
            head,
            body: Vec::new(),
        };
        if bodiless || status < 200 || status == 204 || status == 304 {
            return reply;
        }
        if reply.header("transfer-encoding").is_some() {
            loop {
                let end = self.until(b"\r\n").await;
                let line: Vec<u8> = self.buffer.drain(..end).collect();
                let size = std::str::from_utf8(&line[..end - 2]).unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                let chunk = self.exactly(size + 2).await;
                if size == 0 {
                    return reply;
                }
                reply.body.extend_from_slice(&chunk[..size]);
            }
        }
        let length = reply
            .header("content-length")
            .expect("a length")
            .parse()
            .unwrap();
        reply.body = self.exactly(length).await;
        reply
    }
}

/// The protocol version that the service must have seen.
pub(crate) const HTTP2: &str = match Version::Http2 {
    Version::Http2 => "HTTP/2.0",
    _ => "",
};
