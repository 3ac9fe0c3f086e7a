//! What time does to links: idle and silent connections, pauses, rates.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, sleep};
use tollgate_link::net::Net as _;
use tollgate_link::{
    CallError, JoinCall, JoinError, Lane, Refusal, Unreachable, limits, simulate_join,
};

use crate::hostile::{ANSWER, CALL, HELLO, PING, frame, read_frame, welcome};
use crate::memory::{Memory, member, node, peer};
use crate::support::{ECHO, JOIN, WAIT};

const LONG: Duration = Duration::from_secs(200);

/// Plays node 2: accepts one connection and welcomes it.
async fn welcoming(net: &Memory) -> impl Future<Output = DuplexStream> + use<> {
    let mut listener = net.listen("2").await.unwrap();
    let net = net.clone();
    async move {
        let (mut stream, _) = net.accept(&mut listener).await.unwrap();
        assert_eq!(read_frame(&mut stream).await.unwrap().0, HELLO);
        stream.write_all(&welcome(member(2))).await.unwrap();
        stream
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_without_calls_closes_and_opens_again() {
    let net = Memory::default();
    let ((one, _), _two) = (node(&net, 1).await, node(&net, 2).await);
    let call = || one.call(2, Lane::Rpc, ECHO, Bytes::new(), LONG);
    call().await.unwrap();
    sleep(limits::IDLE_MAX - 2 * limits::BEAT).await;
    call().await.unwrap();
    assert_eq!(net.dials.load(Ordering::SeqCst), 1);
    let before = one.contact(2).answered.unwrap();
    sleep(limits::IDLE_MAX + 3 * limits::BEAT).await;
    let closed = one.contact(2).answered.unwrap();
    assert!(closed > before + limits::IDLE_MAX - 3 * limits::BEAT);
    sleep(limits::IDLE_MAX).await;
    assert_eq!(one.contact(2).answered.unwrap(), closed);
    call().await.unwrap();
    assert_eq!(net.dials.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn beats_keep_a_connection_whose_call_takes_long() {
    let net = Memory::default();
    let ((one, _), (_two, desk)) = (node(&net, 1).await, node(&net, 2).await);
    let open = Arc::clone(&desk.open);
    tokio::spawn(async move {
        sleep(LONG / 2).await;
        open.notify_one();
    });
    let began = Instant::now();
    let answer = one.call(2, Lane::Rpc, WAIT, Bytes::new(), LONG).await;
    assert_eq!(answer, Ok(Bytes::new()));
    assert!(began.elapsed() >= LONG / 2);
    assert_eq!(net.dials.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_falls_silent_is_given_up_soon() {
    let net = Memory::default();
    let (one, _) = node(&net, 1).await;
    let accepting = welcoming(&net).await;
    let began = Instant::now();
    let call = one.call(2, Lane::Rpc, ECHO, Bytes::new(), LONG);
    let (answer, _stream) = tokio::join!(call, accepting);
    assert_eq!(answer, Err(CallError::Lost));
    let took = began.elapsed();
    let soon = limits::SILENCE_MAX + limits::BEAT;
    assert!(took >= limits::SILENCE_MAX && took <= soon, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_given_up_soon() {
    let net = Memory::default();
    let (one, _) = node(&net, 1).await;
    let accepting = welcoming(&net).await;
    let began = Instant::now();
    let body = Bytes::from(vec![0; limits::BODY_BYTES_MAX]);
    let call = one.call(2, Lane::Bulk, ECHO, body, LONG);
    let (answer, _stream) = tokio::join!(call, accepting);
    assert_eq!(answer, Err(CallError::Lost));
    assert!(began.elapsed() <= limits::SILENCE_MAX + limits::BEAT);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_could_not_be_sent_in_time_was_not_delivered() {
    let net = Memory::default();
    let (one, _) = node(&net, 1).await;
    // Accepts and says nothing.
    let _listener = net.listen("2").await.unwrap();
    let within = limits::DIAL_WITHIN / 2;
    let error = one.call(2, Lane::Rpc, ECHO, Bytes::new(), within).await;
    let error = error.unwrap_err();
    assert_eq!(error, CallError::Unreachable(Unreachable::NotInTime));
    assert!(error.is_undelivered());
    let began = Instant::now();
    let error = one.call(2, Lane::Rpc, ECHO, Bytes::new(), LONG).await;
    assert!(matches!(
        error,
        Err(CallError::Unreachable(Unreachable::Dial(text))) if text.contains("within")
    ));
    assert!(began.elapsed() <= limits::DIAL_WITHIN);
}

#[tokio::test(start_paused = true)]
async fn pauses_between_dials_grow_and_calls_fail_at_once_in_them() {
    let net = Memory::default();
    let (one, _) = node(&net, 1).await;
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    let known: BTreeMap<_, _> = (1..=3).map(|n| (n, peer(&n.to_string()))).collect();
    while began.elapsed() < Duration::from_secs(30) {
        let call = Instant::now();
        let answer = one.call(2, Lane::Raft, ECHO, Bytes::new(), LONG).await;
        assert!(answer.unwrap_err().is_undelivered());
        slowest = slowest.max(call.elapsed());
        // What is said again is no news, and ends no pause.
        one.set_nodes(known.clone(), [].into());
        sleep(Duration::from_millis(10)).await;
    }
    let dials = net.dials.load(Ordering::SeqCst);
    assert!((30..70).contains(&dials), "{dials}");
    assert_eq!(slowest, Duration::ZERO);
    let two = node(&net, 2).await;
    let healed = Instant::now();
    while one
        .call(2, Lane::Raft, ECHO, Bytes::new(), LONG)
        .await
        .is_err()
    {
        assert!(healed.elapsed() <= limits::BACKOFF_MAX);
        sleep(Duration::from_millis(10)).await;
    }
    drop(two);
}

#[tokio::test(start_paused = true)]
async fn a_new_address_is_used_without_waiting_out_a_pause() {
    let net = Memory::default();
    let ((one, _), _two) = (node(&net, 1).await, node(&net, 2).await);
    let call = || one.call(2, Lane::Raft, ECHO, Bytes::new(), LONG);
    one.set_nodes([(2, peer("nowhere"))].into(), [].into());
    for _ in 0..10 {
        call().await.unwrap_err();
        sleep(limits::BACKOFF_MAX).await;
    }
    call().await.unwrap_err();
    one.set_nodes([(2, peer("2"))].into(), [].into());
    // The clock stands still while a task is ready, so that no pause can end in here.
    let moved = Instant::now();
    let mut last = call().await;
    for _ in 0..1000 {
        if last.is_ok() {
            break;
        }
        tokio::task::yield_now().await;
        last = call().await;
    }
    assert_eq!((last, moved.elapsed()), (Ok(Bytes::new()), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_stray_answer_is_no_answer_and_no_harm() {
    let net = Memory::default();
    let (one, _) = node(&net, 1).await;
    let accepting = welcoming(&net).await;
    let call = one.call(2, Lane::Rpc, ECHO, Bytes::from_static(b"x"), LONG);
    let answering = async {
        let mut stream = accepting.await;
        let number = loop {
            match read_frame(&mut stream).await.unwrap() {
                (CALL, number, _) => break number,
                _ => continue,
            }
        };
        let stray = frame(ANSWER, 0, number + 77, b"stray");
        let right = frame(ANSWER, 0, number, b"right");
        stream.write_all(&[stray, right].concat()).await.unwrap();
        stream
    };
    let (answer, _stream) = tokio::join!(call, answering);
    assert_eq!(answer.unwrap(), "right");
}

#[tokio::test(start_paused = true)]
async fn joiners_come_at_a_bounded_rate() {
    let net = Memory::default();
    let _one = node(&net, 1).await;
    let join = || {
        let call = JoinCall {
            kind: JOIN,
            body: Bytes::new(),
            within: LONG,
        };
        simulate_join(&net, "1", member(1), call)
    };
    for _ in 0..limits::JOINERS_BURST {
        assert_eq!(join().await.unwrap().0, "joiner");
    }
    match join().await {
        Err(JoinError::Call(CallError::Refused(refusal))) => {
            assert_eq!(refusal.code, Refusal::OVERLOADED);
        }
        other => panic!("{other:?}"),
    }
    sleep(Duration::from_secs(1) / limits::JOINERS_PER_SECOND).await;
    assert!(join().await.is_ok());
    assert!(join().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_joiner_has_only_so_much_time() {
    let net = Memory::default();
    let (_one, desk) = node(&net, 1).await;
    let mut stream = net.dial("1").await.unwrap();
    let hello = [b"TGLK\x01\0\x01\0\0".as_slice(), &[0; 32]].concat();
    stream.write_all(&frame(HELLO, 0, 0, &hello)).await.unwrap();
    let began = Instant::now();
    while let Some((shape, ..)) = read_frame(&mut stream).await {
        assert_ne!(shape, ANSWER);
        // It beats when it is beaten to, so that silence is not what ends it.
        let beat = frame(PING, 0, 1, b"");
        if shape == PING && stream.write_all(&beat).await.is_err() {
            break;
        }
    }
    assert!(began.elapsed() <= limits::JOIN_WITHIN + limits::BEAT);
    assert!(began.elapsed() >= limits::JOIN_WITHIN);
    assert_eq!(desk.begun.load(Ordering::SeqCst), 0);
}
