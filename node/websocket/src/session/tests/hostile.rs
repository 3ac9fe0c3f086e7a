//! Clients that keep what is theirs to give back, and what they get for it.

use super::*;

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
        tokio::task::yield_now().await;
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
