//! Sessions over a pipe in memory, by a client made of the same codec in the other role.

mod fuzz;
mod hostile;

use core::cell::{Cell, RefCell};
use core::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::timeout;

use super::*;
use crate::decode::{Event, Kind, Role};
use crate::deflate::{Deflate, Inflate};
use crate::{Opcode, Outgoing, Sender, Sent, channel, encode};

const PATIENCE: Duration = Duration::from_secs(20);
const KEY: [u8; 4] = [1; 4];

/// A client of one session that echoes.
struct Client {
    io: DuplexStream,
    decoder: Decoder,
    inflate: Inflate,
    buffer: Vec<u8>,
    at: usize,
    sender: Sender,
    local: Rc<Local>,
    draining: Rc<Cell<bool>>,
    session: JoinHandle<Closed>,
    busy: Rc<RefCell<Option<oneshot::Receiver<()>>>>,
    /// Bytes of the messages that were delivered.
    delivered: Rc<Cell<usize>>,
    /// The most of them that were delivered in one turn.
    turn_max: Rc<Cell<usize>>,
}

fn patient() -> Limits {
    Limits {
        idle_ms: None,
        age_ms: None,
        ping_ms: None,
        drain_ms: 1,
        ..Limits::default()
    }
}

fn connect(limits: Limits) -> Client {
    connect_with(limits, false, 64 * 1024, Bytes::new())
}

fn connect_with(limits: Limits, deflate: bool, room: usize, ahead: Bytes) -> Client {
    let (io, ours) = tokio::io::duplex(room);
    let local = Local::with_tick(Duration::from_millis(5));
    let draining = Rc::new(Cell::new(false));
    let (sender, receiver) = channel(&limits);
    let upgraded = Upgraded {
        io: Box::new(ours),
        ahead,
        draining: {
            let draining = Rc::clone(&draining);
            Box::new(move || draining.get())
        },
    };
    let client_policy = Policy {
        role: Role::Client,
        frame_bytes_max: u64::MAX,
        message_bytes_max: usize::MAX,
        binary: true,
        deflate,
    };
    let session = Session::new(upgraded, receiver, Rc::new(limits), deflate, &local);
    let echo = sender.clone();
    let busy = Rc::new(RefCell::new(None::<oneshot::Receiver<()>>));
    let waits = Rc::clone(&busy);
    let delivered = Rc::new(Cell::new(0));
    let counted = Rc::clone(&delivered);
    let mut running = Box::pin(session.run(move |message| {
        counted.set(counted.get() + message.payload.len());
        echo.try_send(&Outgoing::new(message.kind, &message.payload));
        let wait = waits.borrow_mut().take()?;
        Some(Box::pin(async move { drop(wait.await) }))
    }));
    let turn_max = Rc::new(Cell::new(0));
    let (most, total) = (Rc::clone(&turn_max), Rc::clone(&delivered));
    let session = spawn_local(poll_fn(move |cx| {
        let before = total.get();
        let polled = running.as_mut().poll(cx);
        most.set(most.get().max(total.get() - before));
        polled
    }));
    Client {
        io,
        decoder: Decoder::new(client_policy),
        inflate: Inflate::new(),
        buffer: Vec::new(),
        at: 0,
        sender,
        local,
        draining,
        session,
        busy,
        delivered,
        turn_max,
    }
}

impl Client {
    async fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut out = BytesMut::new();
        encode(opcode, true, false, payload, Some(KEY), &mut out);
        self.io.write_all(&out).await.unwrap();
    }

    /// The next event; `None` at the end of the stream.
    async fn event(&mut self) -> Option<Event> {
        loop {
            let mut rest = &mut self.buffer[self.at..];
            let before = rest.len();
            let event = self.decoder.decode(&mut rest, &mut self.inflate);
            self.at += before - rest.len();
            if let Some(event) = event.unwrap() {
                return Some(event);
            }
            self.buffer.clear();
            self.at = 0;
            let read = timeout(PATIENCE, self.io.read_buf(&mut self.buffer));
            if read.await.expect("nothing came").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn text(&mut self) -> String {
        match self.event().await {
            Some(Event::Message(message)) => message.text().unwrap().to_owned(),
            other => panic!("no text but {other:?}"),
        }
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            match self.event().await {
                Some(Event::Close(frame)) => return frame.code,
                Some(_) => {}
                None => return code::ABNORMAL,
            }
        }
    }

    async fn closed(self) -> Closed {
        timeout(PATIENCE, self.session)
            .await
            .expect("the session did not end")
            .unwrap()
    }
}

/// Waits until a condition holds, letting the session run.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn messages_pings_and_an_orderly_end() {
    local(async {
        let mut client = connect(patient());
        client.send(Opcode::Text, "h\u{e9}".as_bytes()).await;
        assert_eq!(client.text().await, "h\u{e9}");
        client.send(Opcode::Ping, b"life").await;
        assert_eq!(client.event().await, Some(Event::Pong(Bytes::from("life"))));
        client.send(Opcode::Binary, &[0xff; 300]).await;
        let Some(Event::Message(message)) = client.event().await else {
            panic!("no message")
        };
        assert_eq!((message.kind, message.payload.len()), (Kind::Binary, 300));
        client.send(Opcode::Close, b"\x0f\xa0gone").await;
        assert_eq!(client.close_code().await, 4000);
        assert_eq!(client.event().await, None);
        assert!(client.sender.is_closed());
        drop(client.io);
        let closed = client.session.await.unwrap();
        let wanted = Closed {
            code: 4000,
            reason: "gone".to_owned(),
            cause: Cause::Peer,
        };
        assert_eq!(closed, wanted);
        assert_eq!(client.local.sessions(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_sent_before_and_ahead_is_there() {
    local(async {
        let mut ahead = BytesMut::new();
        encode(Opcode::Text, true, false, b"early", Some(KEY), &mut ahead);
        let mut client = connect_with(patient(), false, 1024, ahead.freeze());
        // The session has not been polled yet.
        let sent = client.sender.try_send(&Outgoing::text("first"));
        assert_eq!((sent, client.sender.queued().0), (Sent::Queued, 1));
        assert_eq!(client.text().await, "first");
        assert_eq!(client.text().await, "early");
        until("released", || client.sender.queued() == (0, 0)).await;
    })
    .await;
}

#[tokio::test]
async fn violations_close_with_their_code() {
    local(async {
        for (bytes, wanted) in [
            (&b"\xc1\x80\0\0\0\0"[..], code::PROTOCOL),
            (b"\x81\x00", code::PROTOCOL),
            (b"\x81\x82\0\0\0\0\xc0\xaf", code::INVALID_PAYLOAD),
            (b"\x82\xff\0\0\0\0\0\x01\0\0", code::TOO_LARGE),
        ] {
            let mut client = connect(patient());
            client.io.write_all(bytes).await.unwrap();
            assert_eq!(client.close_code().await, wanted);
            // Our half ends at once; what else the client sends is thrown away.
            assert_eq!(client.event().await, None);
            client.send(Opcode::Text, b"more").await;
            drop(client.io);
            let closed = client.session.await.unwrap();
            assert_eq!(closed.code, wanted);
            assert!(matches!(closed.cause, Cause::Violation(_)), "{closed:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn who_ends_its_half_of_tcp_reads_the_rest() {
    local(async {
        let mut client = connect_with(patient(), false, 64, Bytes::new());
        // More than the pipe holds, so that the answers are still on their way.
        client.send(Opcode::Text, &[b'x'; 300]).await;
        client.send(Opcode::Close, b"\x03\xe8").await;
        client.io.shutdown().await.unwrap();
        assert_eq!(client.text().await.len(), 300);
        assert_eq!(client.close_code().await, code::NORMAL);
        assert_eq!(client.event().await, None);
        assert_eq!(client.session.await.unwrap().cause, Cause::Peer);
    })
    .await;
}

#[tokio::test]
async fn a_close_comes_behind_what_is_queued() {
    local(async {
        let mut client = connect(patient());
        for at in 0..100 {
            client.sender.try_send(&Outgoing::text(&at.to_string()));
        }
        assert!(client.sender.close(4001, &"long".repeat(100)));
        assert!(!client.sender.close(4002, ""));
        assert_eq!(
            client.sender.try_send(&Outgoing::text("late")),
            Sent::Closed
        );
        for at in 0..100 {
            assert_eq!(client.text().await, at.to_string());
        }
        assert_eq!(client.close_code().await, 4001);
        // What comes before the client's close is not delivered.
        client.send(Opcode::Text, b"crossing").await;
        client.send(Opcode::Ping, b"crossing").await;
        client.send(Opcode::Close, b"\x0f\xa1").await;
        assert_eq!(client.event().await, None);
        drop(client.io);
        let closed = client.session.await.unwrap();
        assert_eq!((closed.code, closed.cause), (4001, Cause::Requested));
        assert_eq!(closed.reason.len(), 123);
    })
    .await;
}

#[tokio::test]
async fn a_close_that_is_not_answered_ends_all_the_same() {
    local(async {
        let limits = Limits {
            close_ms: 30,
            ..patient()
        };
        let mut client = connect(limits);
        client.sender.close(code::NORMAL, "");
        assert_eq!(client.close_code().await, code::NORMAL);
        assert_eq!(client.closed().await.cause, Cause::Requested);
    })
    .await;
}

#[tokio::test]
async fn bytes_are_bounded_too() {
    local(async {
        let limits = Limits {
            queue_bytes_max: 1_000,
            ..patient()
        };
        let client = connect(limits);
        let too_large = Outgoing::text(&"x".repeat(1_000));
        assert_eq!(client.sender.try_send(&too_large), Sent::Full);
        let half = Outgoing::text(&"x".repeat(480));
        let sent = [(); 3].map(|()| client.sender.try_send(&half));
        assert_eq!(sent, [Sent::Queued, Sent::Queued, Sent::Full]);
        until("written", || client.sender.queued() == (0, 0)).await;
        assert_eq!(client.sender.try_send(&half), Sent::Queued);
    })
    .await;
}

#[tokio::test]
async fn a_busy_handler_stops_reading_and_not_writing() {
    local(async {
        let mut client = connect_with(patient(), false, 4096, Bytes::new());
        let (done, wait) = oneshot::channel();
        *client.busy.borrow_mut() = Some(wait);
        client.send(Opcode::Text, b"one").await;
        client.send(Opcode::Text, b"two").await;
        assert_eq!(client.text().await, "one");
        client.sender.try_send(&Outgoing::text("pushed"));
        assert_eq!(client.text().await, "pushed");
        // What is read ahead is bounded: sooner or later the client cannot go on sending.
        let mut stuck = false;
        for _ in 0..100 {
            let send = client.send(Opcode::Text, &[b'x'; 1000]);
            stuck = timeout(Duration::from_millis(20), send).await.is_err();
            if stuck {
                break;
            }
        }
        assert!(stuck, "everything was read");
        done.send(()).unwrap();
        assert_eq!(client.text().await, "two");
    })
    .await;
}

#[tokio::test]
async fn idle_old_silent_and_drained_connections_end() {
    local(async {
        for (limits, code, cause) in [
            (
                Limits {
                    idle_ms: Some(30),
                    ..patient()
                },
                1001,
                Cause::Idle,
            ),
            (
                Limits {
                    age_ms: Some(30),
                    ..patient()
                },
                1001,
                Cause::Age,
            ),
            (patient(), 1001, Cause::Drain),
            (
                Limits {
                    ping_ms: Some(20),
                    pong_ms: 20,
                    ..patient()
                },
                code::ABNORMAL,
                Cause::Silent,
            ),
        ] {
            let mut client = connect(limits);
            client.send(Opcode::Text, b"a").await;
            assert_eq!(client.text().await, "a");
            if cause == Cause::Drain {
                client.draining.set(true);
                client.sender.try_send(&Outgoing::text("last"));
                assert_eq!(client.text().await, "last");
            }
            assert_eq!(client.close_code().await, code, "{cause:?}");
            drop(client.io);
            assert_eq!(client.session.await.unwrap().cause, cause);
        }
    })
    .await;
}

#[tokio::test]
async fn pongs_keep_a_connection_that_is_pinged() {
    local(async {
        let limits = Limits {
            ping_ms: Some(20),
            pong_ms: 2_000,
            idle_ms: Some(300),
            ..patient()
        };
        let mut client = connect(limits);
        let mut pings = 0;
        loop {
            match client.event().await {
                Some(Event::Ping(payload)) => {
                    pings += 1;
                    client.send(Opcode::Pong, &payload).await;
                }
                Some(Event::Close(frame)) => break assert_eq!(frame.code, 1001),
                other => panic!("{other:?}"),
            }
        }
        // Our own pings do not make an idle connection a busy one.
        assert!(pings >= 3, "{pings} pings");
        drop(client.io);
        assert_eq!(client.session.await.unwrap().cause, Cause::Idle);
    })
    .await;
}

#[tokio::test]
async fn lost_connections_are_reported_as_such() {
    local(async {
        let client = connect(patient());
        drop(client.io);
        let closed = client.session.await.unwrap();
        assert_eq!((closed.code, closed.cause), (code::ABNORMAL, Cause::Lost));
        assert_eq!(client.sender.try_send(&Outgoing::text("")), Sent::Closed);
        // A session that is dropped closes its queue.
        let client = connect(patient());
        client.session.abort();
        until("closed", || client.sender.is_closed()).await;
        until("forgotten", || client.local.sessions() == 0).await;
    })
    .await;
}

#[tokio::test]
async fn compression_both_ways() {
    local(async {
        let mut client = connect_with(patient(), true, 64 * 1024, Bytes::new());
        let text = "the same again and again, ".repeat(100);
        let mut deflate = Deflate::new();
        let small = deflate.message(text.as_bytes()).unwrap();
        // In two fragments, of which only the first has the bit.
        let mut out = BytesMut::new();
        let (one, two) = small.split_at(10);
        encode(Opcode::Text, false, true, one, Some(KEY), &mut out);
        encode(Opcode::Continuation, true, false, two, Some(KEY), &mut out);
        client.io.write_all(&out).await.unwrap();
        assert_eq!(client.text().await, text);
        assert!(client.sender.deflates());
        let message = Outgoing::text(&text).deflate(&mut deflate);
        client.sender.try_send(&message);
        assert!(client.sender.queued().1 < text.len() / 2);
        assert_eq!(client.text().await, text);
    })
    .await;
}
