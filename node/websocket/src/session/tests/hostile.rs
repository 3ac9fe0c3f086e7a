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
