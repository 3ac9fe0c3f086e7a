//! Back ends written by hand on raw TCP, and the client under test.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, LocalSet, spawn_local};
use tollgate_message::{Body, BodyError, Method, Request, Response};
use tollgate_upstream::{
    Client, GroupSpec, Scheme, SendInfo, SendLimits, ServerSpec, ServerState, UpstreamError,
    Upstreams,
};

/// Runs a test as a worker runs the client: one thread, a local set.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(60), test)
            .await
            .expect("the test hangs");
    });
}

/// Limits that no test reaches by accident.
pub(crate) const LIMITS: SendLimits =
    SendLimits::new(Duration::from_secs(20), Duration::from_secs(20));

/// A listener whose connections are handled one task each.
pub(crate) struct Backend {
    pub(crate) port: u16,
    accepted: Rc<Cell<usize>>,
    open: Rc<Cell<usize>>,
    task: AbortHandle,
    connections: Rc<RefCell<Vec<AbortHandle>>>,
}

impl Backend {
    /// `serve` gets each connection with its number, from 1.
    pub(crate) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(usize, TcpStream) -> Fut + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (accepted, open) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let connections = Rc::new(RefCell::new(Vec::new()));
        let (count, now_open, tasks) = (accepted.clone(), open.clone(), connections.clone());
        let task = spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                count.set(count.get() + 1);
                now_open.set(now_open.get() + 1);
                let served = serve(count.get(), stream);
                let now_open = now_open.clone();
                let task = spawn_local(async move {
                    served.await;
                    now_open.set(now_open.get() - 1);
                });
                tasks.borrow_mut().push(task.abort_handle());
            }
        });
        Self {
            port,
            accepted,
            open,
            task: task.abort_handle(),
            connections,
        }
    }

    /// Answers every request with what `answer` makes of its head and body.
    pub(crate) async fn answering(answer: impl Fn(&str, &[u8]) -> String + 'static) -> Self {
        let answer = Rc::new(answer);
        Self::start(move |_, stream| {
            let answer = answer.clone();
            async move {
                let mut peer = Peer::new(stream);
                while let Some(head) = peer.head().await {
                    let body = peer.body(&head).await;
                    if !peer.write(answer(&head, &body)).await {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// How many connections were made.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    /// How many connections are not finished.
    pub(crate) fn open(&self) -> usize {
        self.open.get()
    }

    pub(crate) fn server(&self) -> ServerSpec {
        server(Scheme::Http, "127.0.0.1", self.port)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
        for connection in self.connections.borrow().iter() {
            connection.abort();
        }
    }
}

pub(crate) fn server(scheme: Scheme, host: &str, port: u16) -> ServerSpec {
    ServerSpec {
        scheme,
        host: host.to_owned(),
        port,
        weight: 1,
    }
}

/// A port on which nothing listens.
pub(crate) async fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The server's end of a connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The next request head, in lower case; `None` at the end of the connection.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap().to_lowercase());
            }
            self.more().await?;
        }
    }

    /// The body behind a head with `content-length`.
    pub(crate) async fn body(&mut self, head: &str) -> Vec<u8> {
        let length = field(head, "content-length").map_or(0, |value| value.parse().unwrap());
        while self.buffer.len() < length {
            if self.more().await.is_none() {
                break;
            }
        }
        self.buffer.drain(..length.min(self.buffer.len())).collect()
    }

    /// At least one byte; `None` at the end of the connection.
    pub(crate) async fn bytes(&mut self) -> Option<Vec<u8>> {
        if self.buffer.is_empty() {
            self.more().await?;
        }
        Some(std::mem::take(&mut self.buffer))
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Waits for the client to close.
    pub(crate) async fn closed(&mut self) {
        while self.bytes().await.is_some() {}
    }

    /// Ends the connection by a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn more(&mut self) -> Option<()> {
        self.buffer.reserve(64 * 1024);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

/// The value of a field of a head in lower case.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A response with this body.
pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A group called `g` of these servers.
pub(crate) fn group(servers: Vec<ServerSpec>) -> GroupSpec {
    GroupSpec::new("g", servers)
}

/// The client of one group.
pub(crate) struct Rig {
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) client: Client,
}

impl Rig {
    pub(crate) fn new(spec: GroupSpec) -> Self {
        let upstreams = Upstreams::new(Handle::current());
        upstreams.sync(vec![spec]);
        Self {
            client: Client::new(upstreams.clone()),
            upstreams,
        }
    }

    pub(crate) async fn send(
        &self,
        request: Request,
    ) -> Result<(Response, SendInfo), UpstreamError> {
        self.client.send("g", request, &LIMITS).await
    }

    /// Sends a GET and reads the whole response.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, String, SendInfo), UpstreamError> {
        let (response, info) = self.send(get(path)).await?;
        let status = response.status;
        Ok((status, text(response.body).await, info))
    }

    /// The state of the server with this index.
    pub(crate) fn state(&self, index: usize) -> ServerState {
        self.upstreams.observe()[0].servers[index].clone()
    }
}

pub(crate) fn get(path: &str) -> Request {
    let headers = [("host", "back.example")].into_iter().collect();
    Request {
        path: path.to_owned(),
        headers,
        ..Request::default()
    }
}

pub(crate) fn post(path: &str, body: Body) -> Request {
    Request {
        method: Method::Post,
        body,
        ..get(path)
    }
}

pub(crate) async fn text(body: Body) -> String {
    let bytes = body.collect(1024 * 1024).await.expect("a whole body");
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A body that is fed by hand; it ends when the sender is dropped.
pub(crate) fn fed(length: Option<u64>) -> (mpsc::Sender<Result<Bytes, BodyError>>, Body) {
    let (feed, chunks) = mpsc::channel(1);
    (
        feed,
        Body::Stream {
            stream: Box::pin(Fed(chunks)),
            length,
        },
    )
}

struct Fed(mpsc::Receiver<Result<Bytes, BodyError>>);

impl Stream for Fed {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

/// Waits until a value passes, and prints the last one when it never does.
pub(crate) async fn wait_until<T: std::fmt::Debug>(
    what: &str,
    value: impl Fn() -> T,
    passes: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let last = value();
        if passes(&last) {
            return last;
        }
        assert!(Instant::now() < deadline, "{what}: last value {last:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
