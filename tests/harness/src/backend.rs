//! Back ends in threads, as well or as badly behaved as a test wants.

use std::collections::VecDeque;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::http::{find, read_body, read_head};

/// Requests kept for looking at; older ones are forgotten, but counted.
const KEPT_MAX: usize = 1000;

/// A request as the back end received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The request target, exactly.
    pub target: String,
    /// Header lines in order.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Received {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The request as the JSON that [`Answer::Echo`] sends.
    pub fn to_json(&self) -> serde_json::Value {
        json!({
            "method": self.method,
            "target": self.target,
            "headers": self.headers,
            "body": String::from_utf8_lossy(&self.body),
        })
    }
}

/// What a back end does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A plain answer; `Content-Length` is added.
    Respond {
        /// The status code.
        status: u16,
        /// Further header lines.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Status 200 and the request itself as JSON: `method`, `target`, `headers` (pairs), `body`.
    Echo,
    /// Exactly these bytes, then close: broken or strange answers.
    Raw(Vec<u8>),
    /// Close without a byte.
    Drop,
    /// Say nothing and keep the connection, until the client or the back end goes.
    Hang,
    /// The inner answer, later: a slow back end is behaviour under test, not a wait.
    After(Duration, Box<Answer>),
}

impl Answer {
    /// A plain answer without further headers.
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Respond {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Status 200 and JSON.
    pub fn json(body: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self::Respond {
            status: 200,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// This answer, `delay` later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }
}

type Script = dyn Fn(&Received) -> Answer + Send + Sync;

struct Shared {
    script: Mutex<Arc<Script>>,
    kept: Mutex<VecDeque<Received>>,
    requests: AtomicUsize,
    connections: AtomicUsize,
    stopping: AtomicBool,
}

/// A back end on a loopback port of its own. It stops when dropped.
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Backend {
    /// Starts one that answers what `script` returns. A thread for each connection.
    ///
    /// # Panics
    ///
    /// If no loopback port can be bound.
    pub fn start(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a loopback port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(script)),
            kept: Mutex::default(),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// Starts one that echoes every request.
    pub fn echo() -> Self {
        Self::start(|_| Answer::Echo)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port`, for an integration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers differently from the next request on.
    pub fn set(&self, script: impl Fn(&Received) -> Answer + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// Requests received so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The last requests, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.kept).iter().cloned().collect()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        drop(TcpStream::connect(self.address));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let serving = Arc::clone(shared);
        // An error here is the gateway closing a connection, which it may at any time.
        thread::spawn(move || drop(serve(stream, &serving)));
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = read_head(&mut reader)? {
        let body = read_body(&mut reader, &head, false)?;
        let mut words = head.start.split(' ').map(str::to_owned);
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        let received = Received {
            method,
            target,
            headers: head.headers,
            body,
        };
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let script = Arc::clone(&lock(&shared.script));
        let answer = script(&received);
        keep(shared, &received);
        if !perform(answer, &received, &mut writer)? {
            break;
        }
    }
    Ok(())
}

fn keep(shared: &Shared, received: &Received) {
    let mut kept = lock(&shared.kept);
    if kept.len() == KEPT_MAX {
        kept.pop_front();
    }
    kept.push_back(received.clone());
    shared.requests.fetch_add(1, Ordering::SeqCst);
}

/// Does what the script said; `false` if the connection is over.
fn perform(answer: Answer, request: &Received, writer: &mut TcpStream) -> io::Result<bool> {
    match answer {
        Answer::Respond {
            status,
            headers,
            body,
        } => {
            let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
            let mut bytes = head.into_bytes();
            if request.method != "HEAD" {
                bytes.extend_from_slice(&body);
            }
            writer.write_all(&bytes)?;
            Ok(true)
        }
        Answer::Echo => perform(Answer::json(&request.to_json()), request, writer),
        Answer::Raw(bytes) => {
            writer.write_all(&bytes)?;
            Ok(false)
        }
        Answer::Drop => Ok(false),
        Answer::Hang => {
            // Blocks until the client closes; what it still sends is of no interest.
            io::copy(&mut writer.try_clone()?, &mut io::sink())?;
            Ok(false)
        }
        Answer::After(delay, then) => {
            thread::sleep(delay);
            perform(*then, request, writer)
        }
    }
}

/// A script that panicked has failed its test already; the lock's content is still whole.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Answer, Backend};
    use crate::http::{Connection, Request};

    #[test]
    fn echoes_counts_and_keeps() {
        let backend = Backend::echo();
        let mut connection = Connection::open(backend.address()).unwrap();
        for turn in 1..=2 {
            let request = Request::post("/a?b=c", "body").header("X-Turn", &turn.to_string());
            let echoed = connection.request(&request).unwrap().json();
            assert_eq!(echoed["method"], "POST");
            assert_eq!(echoed["target"], "/a?b=c");
            assert_eq!(echoed["body"], "body");
        }
        assert_eq!(backend.requests(), 2);
        assert_eq!(backend.connections(), 1);
        assert_eq!(backend.received()[1].header("x-turn"), Some("2"));
    }

    #[test]
    fn misbehaves_on_request() {
        let backend = Backend::start(|request| match request.target.as_str() {
            "/drop" => Answer::Drop,
            "/garbage" => Answer::Raw(b"\0\x01 nonsense\r\n\r\n".to_vec()),
            _ => Answer::status(503, "later"),
        });
        let send = |target| Request::get(target).try_send(backend.address());
        assert_eq!(
            send("/drop").unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(
            send("/garbage").unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        assert_eq!(send("/x").unwrap().status, 503);
        backend.set(|_| Answer::status(200, "now"));
        assert_eq!(send("/x").unwrap().text(), "now");
    }
}
