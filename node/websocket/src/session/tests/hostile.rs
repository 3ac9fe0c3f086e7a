//! Clients that keep what is theirs to give back, or that are early, and what they get for it.

use tokio::net::{TcpListener, TcpStream};

use super::*;

/// Queues messages of 500 bytes until there is no room.
fn fill(sender: &Sender) {
    let message = Outgoing::text(&"x".repeat(500));
    let full = loop {
        match sender.try_send(&message) {
            Sent::Queued => {}
            full => break full,
        }
    };
    assert_eq!(full, Sent::Full);
}

#[tokio::test]
async fn one_who_takes_nothing_is_bounded_and_then_closed() {
    local(async {
        let limits = Limits {
            queue_frames_max: 10,
            blocked_ms: 50,
            close_ms: 5_000,
            ..patient()
        };
        let mut client = connect_with(limits, false, 1024, Bytes::new());
        fill(&client.sender);
        assert_eq!(client.sender.queued().0, 10);
        until("closed", || client.sender.is_closed()).await;
        // Who begins to read in time learns why.
        assert_eq!(client.close_code().await, code::POLICY);
        drop(client.io);
        assert_eq!(client.session.await.unwrap().cause, Cause::Slow);
        // Who does not is dropped.
        let limits = Limits {
            queue_frames_max: 10,
            blocked_ms: 30,
            close_ms: 30,
            ..patient()
        };
        let client = connect_with(limits, false, 1024, Bytes::new());
        fill(&client.sender);
        assert_eq!(client.closed().await.cause, Cause::Slow);
    })
    .await;
}

#[tokio::test]
async fn pings_of_one_who_reads_nothing_queue_up_nothing() {
    local(async {
        let mut client = connect_with(patient(), false, 1024, Bytes::new());
        // More than the pipe holds, and far less than would keep the session from listening.
        for _ in 0..4 {
            client.sender.try_send(&Outgoing::text(&"x".repeat(500)));
        }
        until("stuck", || client.sender.queued().0 < 4).await;
        for at in 0..20 {
            client.send(Opcode::Ping, at.to_string().as_bytes()).await;
            yield_now().await;
        }
        client.send(Opcode::Text, b"end").await;
        until("heard", || client.delivered.get() > 0).await;
        let (mut pongs, mut text) = (Vec::new(), String::new());
        while text != "end" {
            match client.event().await {
                Some(Event::Pong(payload)) => pongs.push(payload),
                Some(Event::Message(message)) => text = message.text().unwrap().to_owned(),
                other => panic!("{other:?}"),
            }
        }
        // One in the pipe's way, and one behind it for all that came later.
        assert!((1..=2).contains(&pongs.len()), "{pongs:?}");
        assert_eq!(pongs.last().map(|pong| &pong[..]), Some(&b"19"[..]));
    })
    .await;
}

#[tokio::test]
async fn a_requested_close_does_not_wait_for_a_slow_reader() {
    local(async {
        let limits = Limits {
            blocked_ms: 10_000,
            close_ms: 10_000,
            ..patient()
        };
        let mut client = connect_with(limits, false, 1024, Bytes::new());
        for _ in 0..8 {
            client.sender.try_send(&Outgoing::text(&"x".repeat(500)));
        }
        // The pipe is full, and the session has more.
        until("stuck", || client.sender.queued().0 < 8).await;
        let delivered = client.delivered.get();
        assert!(client.sender.close(4001, ""));
        yield_now().await;
        client.send(Opcode::Text, b"late").await;
        for _ in 0..8 {
            assert_eq!(client.text().await.len(), 500);
        }
        assert_eq!(client.close_code().await, 4001);
        client.send(Opcode::Close, b"\x0f\xa1").await;
        assert_eq!(client.event().await, None);
        assert_eq!(client.delivered.get(), delivered, "heard behind a close");
        drop(client.io);
        assert_eq!(client.session.await.unwrap().cause, Cause::Requested);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_never_ends_is_not_kept_by_pings() {
    local(async {
        let limits = Limits {
            message_ms: 400,
            idle_ms: Some(400),
            age_ms: Some(4_000),
            ..patient()
        };
        let mut client = connect(limits);
        let (mut part, mut rest) = (BytesMut::new(), BytesMut::new());
        encode(Opcode::Text, false, false, b"be", Some(KEY), &mut part);
        encode(
            Opcode::Continuation,
            true,
            false,
            b"gun",
            Some(KEY),
            &mut rest,
        );
        // Whole messages are no part of those before them.
        let began = tokio::time::Instant::now();
        while began.elapsed() < Duration::from_millis(600) {
            client.io.write_all(&part).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            client.io.write_all(&rest).await.unwrap();
            assert_eq!(client.text().await, "begun");
        }
        client.io.write_all(&part).await.unwrap();
        let closed = loop {
            client.send(Opcode::Ping, b"").await;
            match client.event().await {
                Some(Event::Pong(_)) => {}
                Some(Event::Close(frame)) => break frame,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(closed.code, code::POLICY, "{closed:?}");
        drop(client.io);
        let cause = client.session.await.unwrap().cause;
        assert_eq!(cause, Cause::Violation(Violation::MessageTooSlow));
    })
    .await;
}

/// As many messages of zeros at the limit as a read holds: a kilobyte of it is a megabyte.
fn bombs() -> Vec<u8> {
    let zeros = vec![0; Limits::default().message_bytes_max];
    let small = Deflate::new().message(&zeros).unwrap();
    let mut bomb = BytesMut::new();
    encode(Opcode::Binary, true, true, &small, Some(KEY), &mut bomb);
    bomb.repeat(crate::limits::READ_BYTES / bomb.len())
}

#[tokio::test]
async fn bombs_take_turns_with_the_other_connections() {
    local(async {
        let bombs = bombs();
        let mut client = connect_with(patient(), true, 64 * 1024, Bytes::new());
        client.io.write_all(&bombs).await.unwrap();
        let max = Limits::default().message_bytes_max;
        for _ in 0..50 {
            assert!(matches!(client.event().await, Some(Event::Message(_))));
        }
        let turn = client.turn_max.get();
        assert!(turn <= 2 * max, "{turn} bytes in one turn");
    })
    .await;
}

#[tokio::test]
async fn what_comes_behind_a_close_is_not_inflated() {
    local(async {
        let mut client = connect_with(patient(), true, 64 * 1024, Bytes::new());
        client.sender.close(code::NORMAL, "");
        assert_eq!(client.close_code().await, code::NORMAL);
        // It would be refused if it were looked at.
        let mut broken = BytesMut::new();
        encode(
            Opcode::Text,
            false,
            true,
            b"\xff\xff",
            Some(KEY),
            &mut broken,
        );
        encode(
            Opcode::Continuation,
            true,
            false,
            b"\xff",
            Some(KEY),
            &mut broken,
        );
        client.io.write_all(&broken).await.unwrap();
        client.send(Opcode::Text, b"\xff").await;
        let answer = timeout(Duration::from_millis(50), client.event());
        assert!(answer.await.is_err(), "failed for what nobody reads");
        client.send(Opcode::Close, b"\x03\xe8").await;
        assert_eq!(client.event().await, None);
        assert_eq!(client.delivered.get(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_gets_what_is_in_front_of_the_close() {
    local(async {
        let limits = Limits {
            close_ms: 400,
            ..patient()
        };
        let mut client = connect_with(limits, false, 256, Bytes::new());
        for _ in 0..40 {
            client.sender.try_send(&Outgoing::text(&"x".repeat(500)));
        }
        assert!(client.sender.close(4001, ""));
        let began = tokio::time::Instant::now();
        for _ in 0..40 {
            assert_eq!(client.text().await.len(), 500);
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        assert_eq!(client.close_code().await, 4001);
        assert!(began.elapsed() > Duration::from_millis(500));
    })
    .await;
}

#[tokio::test]
async fn who_does_not_answer_a_close_can_read_what_is_on_its_way() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        let limits = Limits {
            close_ms: 30,
            ..patient()
        };
        let (sender, receiver) = channel(&limits);
        for _ in 0..30 {
            sender.try_send(&Outgoing::text(&"x".repeat(10_000)));
        }
        assert!(sender.close(4001, ""));
        let upgraded = Upgraded {
            io: Box::new(server.unwrap().0),
            ahead: Bytes::new(),
            draining: Box::new(|| false),
        };
        let local = Local::with_tick(Duration::from_millis(5));
        let session = Session::new(upgraded, receiver, Rc::new(limits), false, &local);
        let closed = timeout(PATIENCE, session.run(|_| None)).await.unwrap();
        assert_eq!(closed.cause, Cause::Requested);
        // All of it is with the kernel, which was not told to throw it away.
        let mut read = Vec::new();
        let all = timeout(PATIENCE, client.unwrap().read_to_end(&mut read)).await;
        all.unwrap().expect("no reset");
        assert!(read.len() > 300_000 && read.ends_with(b"\x88\x02\x0f\xa1"));
    })
    .await;
}

#[tokio::test]
async fn pings_are_answered_while_a_message_is_and_the_rest_keeps_its_order() {
    local(async {
        let ends = [
            (Opcode::Close, &b"\x03\xe8"[..], code::NORMAL),
            (Opcode::Text, b"\xff", code::INVALID_PAYLOAD),
            (Opcode::Pong, b"", code::ABNORMAL),
        ];
        for (opcode, payload, wanted) in ends {
            let mut client = connect(patient());
            let (done, wait) = oneshot::channel();
            *client.busy.borrow_mut() = Some(wait);
            client.send(Opcode::Text, b"one").await;
            assert_eq!(client.text().await, "one");
            client.send(Opcode::Ping, b"life").await;
            assert_eq!(client.event().await, Some(Event::Pong(Bytes::from("life"))));
            client.send(opcode, payload).await;
            if opcode == Opcode::Pong {
                client.io.shutdown().await.unwrap();
            }
            let early = timeout(Duration::from_millis(30), client.event());
            assert!(early.await.is_err(), "before the answer");
            client.sender.try_send(&Outgoing::text("answer"));
            assert_eq!(client.text().await, "answer");
            done.send(()).unwrap();
            assert_eq!(client.close_code().await, wanted);
        }
    })
    .await;
}
