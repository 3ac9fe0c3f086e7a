//! Many calls at once, and what becomes of them when something ends.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tollgate_link::{CallError, Lane, Refusal, Unreachable, limits};

use crate::support::{
    Cluster, ECHO, FLOOD, Node, PANIC, REFUSE, SOON, WAIT, WHO, count, no_address, until,
};

async fn pair() -> (Cluster, Node, Node) {
    let cluster = Cluster::new();
    let (one, two) = (cluster.node(1).await, cluster.node(2).await);
    one.knows(2, &two);
    (cluster, one, two)
}

#[tokio::test]
async fn a_call_is_answered_and_the_caller_is_known() {
    let (_cluster, one, two) = pair().await;
    for lane in Lane::ALL {
        assert_eq!(one.call_on(2, lane, ECHO, "hello").await.unwrap(), "hello");
        assert_eq!(one.call_on(2, lane, WHO, "").await.unwrap(), "node 1");
    }
    two.knows(1, &one);
    assert_eq!(two.call(1, WHO, "").await.unwrap(), "node 2");
    let contact = one.links.contact(2);
    assert!(contact.answered.is_some() && contact.called.is_some());
    until("a round trip is measured", async || {
        let contact = one.links.contact(2);
        contact.round_trip.ok_or_else(|| format!("{contact:?}"))
    })
    .await;
}

#[tokio::test]
async fn answers_come_out_of_order_and_a_slow_call_blocks_nothing() {
    let (_cluster, one, two) = pair().await;
    let slow = one.call(2, WAIT, "slow");
    let fast = async {
        count("the slow call began", &two.desk.begun, 1).await;
        for n in 0..100 {
            let text = n.to_string();
            assert_eq!(one.call(2, ECHO, &text).await.unwrap(), text);
        }
        two.desk.open.notify_one();
    };
    let (slow, ()) = tokio::join!(slow, fast);
    assert_eq!(slow.unwrap(), "slow");
}

#[tokio::test]
async fn a_body_of_the_largest_size_passes_and_a_larger_one_does_not() {
    let (_cluster, one, _two) = pair().await;
    let call = |bytes: usize| {
        let body = Bytes::from(vec![7; bytes]);
        one.links.call(2, Lane::Bulk, ECHO, body, SOON)
    };
    let most = limits::BODY_BYTES_MAX;
    assert_eq!(call(most).await.unwrap().len(), most);
    assert_eq!(call(most + 1).await, Err(CallError::TooLarge(most + 1)));
    assert_eq!(call(0).await.unwrap(), Bytes::new());
}

#[tokio::test]
async fn hundreds_of_large_bodies_cross_in_both_directions() {
    let (_cluster, one, two) = pair().await;
    two.knows(1, &one);
    let bodies = |from: &'static Node, to| {
        (0..200_usize).map(move |n| async move {
            let body = Bytes::from(vec![n as u8; 1 + n * 300]);
            let sent = body.clone();
            let answer = from.links.call(to, Lane::Rpc, ECHO, body, SOON).await;
            assert_eq!(answer.unwrap(), sent);
        })
    };
    // For the borrow of the closures above; two nodes of a test may live as long as it.
    let (one, two): (&'static Node, &'static Node) =
        (Box::leak(Box::new(one)), Box::leak(Box::new(two)));
    tokio::join!(join_all(bodies(one, 2)), join_all(bodies(two, 1)));
}

#[tokio::test]
async fn a_full_lane_refuses_at_once_and_the_others_do_not_notice() {
    let (_cluster, one, two) = pair().await;
    let most = Lane::Rpc.calls_max();
    let waiting: Vec<_> = (0..most)
        .map(|_| {
            let links = one.links.clone();
            tokio::spawn(async move {
                links
                    .call(2, Lane::Rpc, WAIT, Bytes::new(), 10 * SOON)
                    .await
            })
        })
        .collect();
    count("every call began", &two.desk.begun, most).await;
    assert_eq!(one.call(2, ECHO, "").await, Err(CallError::Overloaded));
    assert_eq!(
        one.call_on(2, Lane::Raft, ECHO, "vote").await.unwrap(),
        "vote"
    );
    for call in &waiting {
        call.abort();
    }
    count("every handler is dropped", &two.desk.dropped, most).await;
    assert_eq!(one.call(2, ECHO, "again").await.unwrap(), "again");
}

#[tokio::test]
async fn bodies_on_a_lane_are_bounded_together_and_make_room_when_they_are_done() {
    let (_cluster, one, two) = pair().await;
    let body = Bytes::from(vec![0; limits::BODY_BYTES_MAX]);
    let call = |kind| {
        let (links, body) = (one.links.clone(), body.clone());
        async move { links.call(2, Lane::Rpc, kind, body, 10 * SOON).await }
    };
    // Three times what either end may hold.
    let many = 3 * limits::ACCEPTED_BYTES_MAX / limits::BODY_BYTES_MAX;
    for _ in 0..many {
        assert_eq!(call(WHO).await.unwrap(), "node 1");
    }
    let fit = limits::LANE_BYTES_MAX / limits::BODY_BYTES_MAX;
    let waiting: Vec<_> = (0..fit).map(|_| tokio::spawn(call(WAIT))).collect();
    count("as many as fit began", &two.desk.begun, many + fit).await;
    assert_eq!(call(ECHO).await, Err(CallError::Overloaded));
    assert_eq!(one.call(2, ECHO, "small").await.unwrap(), "small");
    waiting[0].abort();
    count("one is dropped", &two.desk.dropped, 1).await;
    assert_eq!(call(ECHO).await.unwrap().len(), body.len());
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_at_the_peer_too() {
    let (_cluster, one, two) = pair().await;
    let call = one.call(2, WAIT, "");
    let cut = async { count("the call began", &two.desk.begun, 1).await };
    tokio::select! {
        biased;
        answer = call => panic!("{answer:?}"),
        () = cut => {}
    }
    count("the handler is dropped", &two.desk.dropped, 1).await;
    assert_eq!(one.call(2, ECHO, "next").await.unwrap(), "next");
}

#[tokio::test]
async fn a_deadline_ends_a_call_at_both_ends_and_leaves_its_outcome_open() {
    let (_cluster, one, two) = pair().await;
    one.call(2, ECHO, "connected").await.unwrap();
    let within = Duration::from_millis(50);
    let call = one.links.call(2, Lane::Rpc, WAIT, Bytes::new(), within);
    let error = call.await.unwrap_err();
    let late = matches!(&error, CallError::Refused(no) if no.code == Refusal::LATE);
    assert!(late || error == CallError::Timeout, "{error:?}");
    assert!(!error.is_undelivered());
    count("the handler is dropped", &two.desk.dropped, 1).await;
}

#[tokio::test]
async fn a_peer_that_restarts_in_a_call_leaves_its_outcome_open_and_calls_resume() {
    let (_cluster, one, two) = pair().await;
    let address = two.address.clone();
    let end = async {
        count("the call began", &two.desk.begun, 1).await;
        two.links.close().await;
    };
    let (error, ()) = tokio::join!(one.call(2, WAIT, ""), end);
    assert_eq!(error, Err(CallError::Lost));
    assert!(!CallError::Lost.is_undelivered());
    count("the handler is dropped", &two.desk.dropped, 1).await;

    let gone = until("the peer is gone", async || {
        match one.call(2, ECHO, "").await {
            Err(CallError::Unreachable(why)) => Ok(CallError::Unreachable(why)),
            other => Err(format!("{other:?}")),
        }
    });
    assert!(gone.await.is_undelivered());
    let again = Node::start_at(two.identity.clone(), &address).await;
    again.learns(1, one.peer(&[]));
    until("calls resume", async || {
        one.call(2, ECHO, "")
            .await
            .map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_panics_or_says_too_much_fails_its_own_call_only() {
    let (_cluster, one, two) = pair().await;
    let waiting = one.call(2, WAIT, "kept");
    let others = async {
        count("a call began", &two.desk.begun, 1).await;
        for (kind, code) in [
            (PANIC, Refusal::FAILED),
            (FLOOD, Refusal::ANSWER_TOO_LARGE),
            (REFUSE, 300),
            (99, 400),
        ] {
            match one.call(2, kind, "").await {
                Err(CallError::Refused(refusal)) => {
                    assert_eq!(refusal.code, code);
                    assert!(!refusal.is_undelivered());
                }
                other => panic!("{kind}: {other:?}"),
            }
        }
        two.desk.open.notify_one();
    };
    let (kept, ()) = tokio::join!(waiting, others);
    assert_eq!(kept.unwrap(), "kept");
}

#[tokio::test]
async fn who_is_not_known_or_not_there_is_unreachable() {
    let (_cluster, one, _two) = pair().await;
    let unknown = CallError::Unreachable(Unreachable::NoAddress);
    assert_eq!(one.call(3, ECHO, "").await, Err(unknown.clone()));
    assert_eq!(one.call(1, ECHO, "").await, Err(unknown));
    one.learns(3, one.peer(&[&no_address().await]));
    let error = one.call(3, ECHO, "").await.unwrap_err();
    let refused = matches!(
        &error,
        CallError::Unreachable(Unreachable::Dial(text)) if text.contains("refused")
    );
    assert!(refused && error.is_undelivered(), "{error:?}");
}

#[tokio::test]
async fn a_second_address_is_tried_when_the_first_is_wrong() {
    let (cluster, one, two) = pair().await;
    let three = cluster.node(3).await;
    let addresses = [&no_address().await, &three.address, &two.address];
    one.learns(2, two.peer(&addresses.map(String::as_str)));
    assert_eq!(one.call(2, WHO, "").await.unwrap(), "node 1");
    assert_eq!(two.desk.begun.load(Ordering::SeqCst), 1);
    assert_eq!(three.desk.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn closed_links_leave_nothing_behind() {
    let (_cluster, one, two) = pair().await;
    let end = async {
        count("the call began", &two.desk.begun, 1).await;
        one.links.close().await;
    };
    let (answer, ()) = tokio::join!(one.call(2, WAIT, ""), end);
    assert_eq!(answer, Err(CallError::Lost));
    assert_eq!(one.call(2, ECHO, "").await, Err(CallError::Closed));
    count("the peer's handler is dropped", &two.desk.dropped, 1).await;

    let address = two.address.clone();
    drop(two);
    until(
        "the last handle closes the listener",
        async || match tokio::net::TcpListener::bind(&address).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
    )
    .await;
}
