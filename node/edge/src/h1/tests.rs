//! A connection on a scripted stream: what is read comes in the pieces that a test wants, and every
//! write is seen.

use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tollgate_message::{Body, BodyError, Duplex, Request, Response};

use super::{Wire, serve};
use crate::counters::Counters;
use crate::scratch::Scratch;
use crate::server::Shared;
use crate::stage::{Draining, Stage};
use crate::transport::Io;
use crate::{ConnInfo, EdgeLimits, Service};

/// What a script does.
#[derive(Clone)]
enum Event {
    /// These bytes come, as one readiness event.
    Bytes(Bytes),
    /// Nothing more comes until so much was written.
    AfterWritten(usize),
    Reset,
}

/// The other end of a scripted stream.
#[derive(Default)]
struct Script {
    events: RefCell<VecDeque<Event>>,
    writes: RefCell<Vec<Vec<u8>>>,
    /// A pause is due, as between two events of a socket.
    paused: Cell<bool>,
    was_reset: Cell<bool>,
    dropped: Cell<bool>,
}

impl Script {
    fn new(events: impl IntoIterator<Item = Event>) -> Rc<Self> {
        let script = Self::default();
        script.events.borrow_mut().extend(events);
        Rc::new(script)
    }

    fn of(pieces: &[&str]) -> Rc<Self> {
        let pieces = pieces.iter().map(|piece| piece.as_bytes().to_vec());
        Self::new(pieces.map(|piece| Event::Bytes(piece.into())))
    }

    fn written(&self) -> String {
        String::from_utf8(self.writes.borrow().concat()).unwrap()
    }
}

struct Scripted(Rc<Script>);

impl Drop for Scripted {
    fn drop(&mut self) {
        self.0.dropped.set(true);
    }
}

impl Io for Scripted {
    fn take_ahead(&mut self) -> BytesMut {
        BytesMut::new()
    }
}

impl Duplex for Scripted {
    fn reset_on_drop(&mut self) -> io::Result<()> {
        self.0.was_reset.set(true);
        Ok(())
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.0.paused.replace(true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut events = self.0.events.borrow_mut();
        match events.front_mut() {
            None => return Poll::Ready(Ok(())),
            Some(Event::Bytes(bytes)) => {
                let count = bytes.len().min(buf.remaining());
                buf.put_slice(&bytes.split_to(count));
                if !bytes.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            Some(&mut Event::AfterWritten(count)) => {
                if self.0.written().len() < count {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            Some(Event::Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
        let waits = matches!(events.pop_front(), Some(Event::AfterWritten(_)));
        drop(events);
        self.0.paused.set(waits);
        if waits {
            self.poll_read(cx, buf)
        } else {
            Poll::Ready(Ok(()))
        }
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.writes.borrow_mut().push(buf.to_vec());
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bufs.iter().flat_map(|buf| buf.to_vec()).collect::<Vec<_>>();
        let count = all.len();
        self.0.writes.borrow_mut().push(all);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Answers with what it got, or does what the path says.
#[derive(Default)]
struct Parrot {
    kept: RefCell<Option<Body>>,
    read_elsewhere: Rc<RefCell<Option<Result<Bytes, BodyError>>>>,
    dropped: Rc<Cell<bool>>,
}

/// Says that it was dropped.
struct Bell(Rc<Cell<bool>>);

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

impl Service for Parrot {
    async fn call(&self, request: Request, _: &Rc<ConnInfo>) -> Response {
        let Request {
            method,
            path,
            query,
            headers,
            body,
            ..
        } = request;
        let response = Response::new(200).with_header("date", "now");
        match path.as_str() {
            "/large" => response.with_body("x".repeat(100_000)),
            "/pieces" => Response {
                body: pieces(),
                ..response
            },
            "/refuse" => Response::new(403).with_header("date", "now"),
            "/keep" => {
                self.kept.replace(Some(body));
                response
            }
            "/kept" => {
                let first = self.kept.take().unwrap().chunk().await;
                response.with_body(format!("{first:?}"))
            }
            "/elsewhere" => {
                let result = Rc::clone(&self.read_elsewhere);
                tokio::task::spawn_local(async move {
                    let read = body.collect(u64::MAX).await;
                    result.replace(Some(read));
                });
                let _bell = Bell(Rc::clone(&self.dropped));
                core::future::pending().await
            }
            _ => {
                let fields = headers
                    .iter()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>()
                    .join(",");
                let body = body.collect(u64::MAX).await.unwrap();
                let body = String::from_utf8_lossy(&body).into_owned();
                response.with_body(format!("{method} {path} {query:?} {fields} {body}"))
            }
        }
    }
}

fn pieces() -> Body {
    let pieces = ["a", "b", "c"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
    Body::Stream {
        stream: Box::pin(futures_util::stream::iter(pieces)),
        length: None,
    }
}

/// Serves a script to its end, at most ten seconds.
fn run(script: &Rc<Script>, service: &impl Service) -> io::Result<()> {
    let shared = Arc::new(Shared {
        limits: EdgeLimits::default(),
        counters: Counters::default(),
        stage: watch::Sender::new(Stage::Running),
        connection_closed: Notify::new(),
    });
    let address = SocketAddr::from(([192, 0, 2, 1], 80));
    let conn = Rc::new(ConnInfo {
        peer: address,
        local: address,
        tls: None,
        listener: 0,
        connection_serial: 0,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let wire = Wire::new(
            Scripted(Rc::clone(script)),
            Arc::clone(&shared),
            Rc::new(Scratch::default()),
            Draining::never(),
            Instant::now() + Duration::from_secs(10),
        );
        let serving = serve(wire, service, &conn, &shared);
        let served = tokio::time::timeout(Duration::from_secs(10), serving);
        let served = served.await.expect("the connection did not end");
        // Whoever was woken by the end gets to see it.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        served.map(drop)
    })
}

const GET: &str = "GET /a HTTP/1.1\r\nhost: h\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 17\r\n\r\nGET /a None host ";

#[test]
fn a_small_response_is_one_write() {
    let script = Script::of(&[GET, GET]);
    run(&script, &Parrot::default()).unwrap();
    assert_eq!(*script.writes.borrow(), [ANSWER.as_bytes(); 2]);
    assert!(script.dropped.get() && !script.was_reset.get());
}

#[test]
fn a_batch_of_requests_gets_a_batch_of_answers() {
    let script = Script::of(&[&GET.repeat(10)]);
    run(&script, &Parrot::default()).unwrap();
    assert_eq!(*script.writes.borrow(), [ANSWER.repeat(10).into_bytes()]);
}

/// Answers with what another task of the thread has done.
struct Clock(Rc<Cell<usize>>);

impl Service for Clock {
    async fn call(&self, _: Request, _: &Rc<ConnInfo>) -> Response {
        if self.0.get() == 0 {
            self.0.set(1);
            let ticks = Rc::clone(&self.0);
            tokio::task::spawn_local(async move {
                loop {
                    tokio::task::yield_now().await;
                    ticks.set(ticks.get() + 1);
                }
            });
        }
        Response::new(200).with_body(format!("tick {}", self.0.get()))
    }
}

#[test]
fn a_long_batch_does_not_keep_others_from_their_turn() {
    let script = Script::of(&[&GET.repeat(1000)]);
    run(&script, &Clock(Rc::default())).unwrap();
    let written = script.written();
    assert_eq!(written.matches("tick ").count(), 1000);
    let (_, last) = written.rsplit_once("tick ").unwrap();
    assert!(last.parse::<usize>().unwrap() > 10, "{last}");
}

#[test]
fn large_bodies_and_ready_pieces_are_one_write() {
    for (path, end) in [("/large", "xxxx"), ("/pieces", "\r\n1\r\nc\r\n0\r\n\r\n")] {
        let script = Script::of(&[&GET.replace("/a", path)]);
        run(&script, &Parrot::default()).unwrap();
        assert_eq!(script.writes.borrow().len(), 1, "{path}");
        assert!(script.written().ends_with(end), "{path}");
    }
}

#[test]
fn only_who_wants_the_body_asks_for_it() {
    let head = "POST /a HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    let asked = "HTTP/1.1 100 Continue\r\n\r\n";
    let script = Script::new([
        Event::Bytes(head.into()),
        Event::AfterWritten(asked.len()),
        Event::Bytes("hi".into()),
    ]);
    run(&script, &Parrot::default()).unwrap();
    let written = script.written();
    assert!(
        written.starts_with(&format!("{asked}HTTP/1.1 200 OK\r\n")),
        "{written}"
    );
    assert!(written.ends_with(" hi"), "{written}");
    // A body that is there was not waited for.
    let script = Script::of(&[&format!("{head}hi")]);
    run(&script, &Parrot::default()).unwrap();
    assert!(script.written().starts_with("HTTP/1.1 200 OK\r\n"));
    // Who is refused is not asked for what would be thrown away.
    let script = Script::of(&[&head.replace("/a", "/refuse")]);
    run(&script, &Parrot::default()).unwrap();
    assert_eq!(
        script.written(),
        "HTTP/1.1 403 Forbidden\r\ndate: now\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
}

#[test]
fn a_body_that_was_kept_reads_nothing_of_another_request() {
    for (framing, body) in [
        ("content-length: 5", "hello"),
        ("transfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let keep = format!("POST /keep HTTP/1.1\r\nhost: h\r\n{framing}\r\n\r\n");
        let parrot = Parrot::default();
        let script = Script::of(&[&keep, body, &GET.replace("/a", "/kept"), GET]);
        run(&script, &parrot).unwrap();
        // The body was not read when the response was complete, so the connection ended.
        assert_eq!(
            script.written().matches("HTTP/1.1 ").count(),
            1,
            "{framing}"
        );
        assert!(script.dropped.get(), "{framing}");
        let second = Script::of(&[&GET.replace("/a", "/kept")]);
        run(&second, &parrot).unwrap();
        assert!(
            second.written().ends_with("Some(Err(Closed))"),
            "{}",
            second.written()
        );
    }
}

#[test]
fn a_body_can_be_read_by_another_task() {
    let head = "POST /elsewhere HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n";
    for (last, expected) in [
        (Event::Bytes("world".into()), Ok(Bytes::from("helloworld"))),
        (Event::Reset, Err(BodyError::Closed)),
    ] {
        let parrot = Parrot::default();
        let script = Script::new([
            Event::Bytes(head.into()),
            Event::Bytes("hello".into()),
            last,
            Event::Reset,
        ]);
        assert!(run(&script, &parrot).is_err());
        assert_eq!(parrot.read_elsewhere.take(), Some(expected));
        assert!(parrot.dropped.get(), "the reset did not reach the service");
        assert!(script.was_reset.get() && script.written().is_empty());
    }
}

/// A valid request, and what the parrot says to it.
fn request() -> impl Strategy<Value = (String, String)> {
    let text = "[a-z0-9\r\n: ]{0,40}";
    let plain = ("[a-z]{1,8}", any::<bool>()).prop_map(|(path, head)| {
        let method = if head { "HEAD" } else { "GET" };
        let body = format!("{method} /{path} Some(\"q\") host,x ");
        let length = body.len();
        let shown = if head { "" } else { &body };
        (
            format!("{method} /{path}?q HTTP/1.1\r\nHost: h\r\nx:\ty \r\n\r\n"),
            answer("1.1", length, "", shown),
        )
    });
    let old = "[a-z]{1,8}".prop_map(|path| {
        let body = format!("GET /{path} None connection,host ");
        (
            format!("\r\nGET /{path} HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"),
            answer("1.0", body.len(), "connection: keep-alive\r\n", &body),
        )
    });
    let length = text.prop_map(|text| {
        let body = format!("POST /l None content-length,host {text}");
        (
            format!(
                "POST /l HTTP/1.1\r\ncontent-length: {}\r\nhost: h\r\n\r\n{text}",
                text.len()
            ),
            answer("1.1", body.len(), "", &body),
        )
    });
    let chunked = vec("[a-z0-9\r\n]{1,20}", 0..4).prop_map(|chunks| {
        let body = format!("PUT /c None host,transfer-encoding {}", chunks.concat());
        let mut request =
            "PUT /c HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
        for chunk in &chunks {
            request += &format!("{:X};e=1\r\n{chunk}\r\n", chunk.len());
        }
        request += "00\r\ntrailer: t\r\n\r\n";
        (request, answer("1.1", body.len(), "", &body))
    });
    prop_oneof![plain, old, length, chunked]
}

fn answer(version: &str, length: usize, connection: &str, body: &str) -> String {
    format!(
        "HTTP/{version} 200 OK\r\ndate: now\r\ncontent-length: {length}\r\n{connection}\r\n{body}"
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pipeline_is_answered_alike_at_any_split(
        batch in vec(request(), 1..8),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let (requests, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let bytes = Bytes::from(requests.concat());
        let mut cuts = cuts.iter().map(|cut| cut.index(bytes.len())).collect::<Vec<_>>();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let pieces = cuts.windows(2).map(|cut| Event::Bytes(bytes.slice(cut[0]..cut[1])));
        let script = Script::new(pieces);
        prop_assert!(run(&script, &Parrot::default()).is_ok());
        prop_assert_eq!(script.written(), answers.concat());
        prop_assert!(!script.was_reset.get());
    }
}

#[test]
fn a_pipeline_is_answered_alike_byte_by_byte() {
    let all = format!(
        "{GET}POST /l HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi{GET}PUT /c HTTP/1.1\r\n\
         host: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n{GET}"
    );
    let whole = Script::of(&[&all]);
    run(&whole, &Parrot::default()).unwrap();
    let bytes = Bytes::from(all);
    let single = (0..bytes.len()).map(|at| Event::Bytes(bytes.slice(at..=at)));
    let single = Script::new(single);
    run(&single, &Parrot::default()).unwrap();
    assert_eq!(single.written(), whole.written());
    assert_eq!(whole.written().matches(ANSWER).count(), 3);
}
