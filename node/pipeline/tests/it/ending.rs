//! Every request ends in one event, whichever way it ends.

use tollgate_message::{Body, BodyError, Response};
use tollgate_pipeline::{Completion, serve};

use crate::plans::{HOST, fixed, proxy, route, shop};
use crate::support::{World, client, poll, request, run, send, stream, text};

fn streaming(chunks: &'static [Result<&'static [u8], BodyError>], length: Option<u64>) -> World {
    let world = World::new();
    world.on_http(move |_| Ok(Response::new(200).with_body(stream(chunks.to_vec(), length))));
    world
}

#[test]
fn a_body_at_hand_ends_at_once() {
    let world = World::new();
    let snapshot = shop(vec![route("GET /", fixed(200, "hello"))]);
    let response = send(&world, &snapshot, request("GET", HOST, "/"));
    assert_eq!(world.count(), 1);
    drop(response);
    let seen = world.last();
    assert_eq!((world.count(), seen.response_bytes), (1, 5));
    assert_eq!(seen.completion, Completion::Complete);
}

#[test]
fn a_stream_ends_with_its_last_byte() {
    let world = streaming(&[Ok(b"abc"), Ok(b"de")], None);
    let response = send(
        &world,
        &shop(vec![route("GET /", proxy())]),
        request("GET", HOST, "/"),
    );
    assert_eq!(world.count(), 0);
    assert_eq!(text(response.body), "abcde");
    let seen = world.last();
    assert_eq!(
        (world.count(), seen.response_bytes, seen.completion),
        (1, 5, Completion::Complete)
    );
    assert_eq!(seen.integration_status, Some(200));
    assert_eq!(seen.integration_latency_us, Some(12_345));
    assert_eq!(seen.server.as_deref(), Some("10.0.0.7:8080"));
}

#[test]
fn a_dropped_stream_ends_too() {
    let snapshot = shop(vec![route("GET /", proxy())]);
    let world = streaming(&[Ok(b"abc"), Ok(b"de")], Some(5));
    let mut response = send(&world, &snapshot, request("GET", HOST, "/"));
    assert_eq!(run(response.body.chunk()).unwrap().unwrap(), "abc");
    drop(response);
    let seen = world.last();
    assert_eq!(
        (world.count(), seen.response_bytes, seen.completion),
        (1, 3, Completion::Aborted)
    );
    // A reader that has all announced bytes need not ask for the end.
    let mut response = send(&world, &snapshot, request("GET", HOST, "/"));
    for _ in 0..2 {
        run(response.body.chunk()).unwrap().unwrap();
    }
    drop(response);
    assert_eq!(
        (world.count(), world.last().completion),
        (2, Completion::Complete)
    );
    // Never read at all.
    drop(send(&world, &snapshot, request("GET", HOST, "/")));
    assert_eq!(
        (world.count(), world.last().completion),
        (3, Completion::Aborted)
    );
}

#[test]
fn a_stream_that_breaks_is_told() {
    let world = streaming(&[Ok(b"abc"), Err(BodyError::Closed)], None);
    let response = send(
        &world,
        &shop(vec![route("GET /", proxy())]),
        request("GET", HOST, "/"),
    );
    assert_eq!(run(response.body.collect(100)), Err(BodyError::Closed));
    assert_eq!(
        (world.count(), world.last().completion),
        (1, Completion::Broken)
    );
}

#[test]
fn a_client_that_leaves_before_the_answer_is_a_499() {
    let (world, snapshot) = (World::new(), shop(vec![route("GET /", proxy())]));
    world.close_gate();
    let client = client();
    let mut waiting = Box::pin(serve(&world, &snapshot, request("GET", HOST, "/"), &client));
    assert!(poll(&mut waiting).is_pending());
    assert_eq!(world.count(), 0);
    drop(waiting);
    let seen = world.last();
    assert_eq!(
        (world.count(), seen.status, seen.completion),
        (1, 499, Completion::Aborted)
    );
    assert_eq!(seen.route_key.as_deref(), Some("GET /"));
}

#[test]
fn an_upgrade_ends_with_its_connection() {
    let world = World::new();
    world.on_http(|_| {
        Ok(Response::new(101)
            .with_header("upgrade", "websocket")
            .with_header("connection", "upgrade")
            .with_body(stream(vec![Ok(b"frames")], None)))
    });
    let snapshot = shop(vec![route("GET /", proxy())]);
    let response = send(&world, &snapshot, request("GET", HOST, "/"));
    assert_eq!(response.status, 101);
    assert_eq!(response.headers.get_str("upgrade"), Some("websocket"));
    assert_eq!(response.headers.get_str("connection"), Some("upgrade"));
    assert_eq!(world.count(), 0);
    assert_eq!(text(response.body), "frames");
    assert_eq!(world.count(), 1);
}

#[test]
fn an_empty_stream_is_a_stream() {
    let world = streaming(&[], Some(0));
    let response = send(
        &world,
        &shop(vec![route("GET /", proxy())]),
        request("GET", HOST, "/"),
    );
    assert!(response.body.is_empty());
    assert!(matches!(response.body, Body::Stream { .. }));
    drop(response);
    assert_eq!(
        (world.count(), world.last().completion),
        (1, Completion::Complete)
    );
}
