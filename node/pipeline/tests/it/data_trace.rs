//! Reference 17: what data trace shows of bodies that stream.

use tollgate_config::snapshot::Snapshot;
use tollgate_message::{Body, BodyError, Response};
use tollgate_model::LoggingLevel;

use crate::plans::{HOST, proxy, route, shop};
use crate::support::{RequestExt, World, request, run, send, stream, text};

/// What every line begins with.
const ID: &str = "(JKJaXmPLvHcESHA=) ";
const SENT: &str = "Endpoint request body after transformations: ";
const ANSWERED: &str = "Method response body after transformations: ";

type Chunks = &'static [Result<&'static [u8], BodyError>];

/// A back end that reads the request's body and then answers with these chunks.
fn world(chunks: Chunks, length: Option<u64>) -> World {
    let world = World::new();
    world.on_http(move |sent| {
        text(sent.body);
        Ok(Response::new(200)
            .with_header("set-cookie", "secret")
            .with_body(stream(chunks.to_vec(), length)))
    });
    world
}

fn traced(level: LoggingLevel) -> Snapshot {
    shop(vec![route("POST /", proxy()).logged(level, true)])
}

fn ask(world: &World, level: LoggingLevel, body: Body) -> Response {
    let wanted = request("POST", HOST, "/").body(body);
    send(world, &traced(level), wanted)
}

/// The lines so far, without the request's id.
fn lines(world: &World) -> Vec<String> {
    let lines = world.0.exec_lines.borrow();
    lines
        .iter()
        .map(|it| it.strip_prefix(ID).unwrap().to_owned())
        .collect()
}

#[test]
fn both_bodies_are_shown_when_they_have_streamed() {
    let world = world(&[Ok(b"the "), Ok(b"answer")], None);
    let sent = stream(vec![Ok(b"the "), Ok(b"question")], Some(12));
    let mut response = ask(&world, LoggingLevel::Info, sent);
    let before = lines(&world);
    assert!(
        before.contains(&format!("{SENT}the question")),
        "{before:#?}"
    );
    assert!(
        !before.iter().any(|it| it.contains("ompleted")),
        "{before:#?}"
    );
    // The first chunk passes as it is and at once; the log waits for the end.
    assert_eq!(run(response.body.chunk()).unwrap().unwrap(), "the ");
    assert_eq!(lines(&world), before);
    assert_eq!(text(response.body), "answer");
    assert_eq!(
        lines(&world)[before.len()..],
        [
            format!("{ANSWERED}the answer"),
            "Method response headers: {set-cookie=****}".to_owned(),
            "Successfully completed execution".to_owned(),
            "Method completed with status: 200".to_owned(),
        ]
    );
}

#[test]
fn a_long_body_is_cut_in_the_log_and_nowhere_else() {
    const CHUNK: [u8; 1_000] = [b'a'; 1_000];
    let world = world(&[Ok(&CHUNK), Ok(&CHUNK), Ok(&CHUNK)], Some(3_000));
    let response = ask(&world, LoggingLevel::Info, Body::Empty);
    assert_eq!(text(response.body).len(), 3_000);
    let lines = lines(&world);
    let shown = lines.iter().find_map(|it| it.strip_prefix(ANSWERED));
    let shown = shown.expect("a line of the body");
    assert_eq!(ANSWERED.len() + shown.len(), 1_024);
    let kept = shown.strip_suffix(" [TRUNCATED]").expect("a mark");
    assert!(kept.bytes().all(|byte| byte == b'a'), "{kept}");
}

#[test]
fn however_a_body_ends_the_log_says_so_once() {
    let last = |world: &World| {
        let lines = lines(world);
        assert_eq!(
            lines.iter().filter(|it| it.starts_with(ANSWERED)).count(),
            1,
            "{lines:#?}"
        );
        lines[lines.len() - 2].clone()
    };
    let broken = world(&[Ok(b"abc"), Err(BodyError::Closed)], None);
    let response = ask(&broken, LoggingLevel::Info, Body::Empty);
    assert_eq!(run(response.body.collect(100)), Err(BodyError::Closed));
    assert_eq!(
        last(&broken),
        "Execution failed: the peer closed the connection before the end of the body"
    );
    let given_up = world(&[Ok(b"abc"), Ok(b"de")], Some(5));
    let mut response = ask(&given_up, LoggingLevel::Info, Body::Empty);
    run(response.body.chunk()).unwrap().unwrap();
    drop(response);
    assert_eq!(
        last(&given_up),
        "Execution failed: the client left before the end of the body"
    );
    // A reader that has all announced bytes need not ask for the end.
    let read = world(&[Ok(b"abc"), Ok(b"de")], Some(5));
    let mut response = ask(&read, LoggingLevel::Info, Body::Empty);
    for _ in 0..2 {
        run(response.body.chunk()).unwrap().unwrap();
    }
    drop(response);
    assert_eq!(last(&read), "Successfully completed execution");
}

#[test]
fn a_tunnel_is_no_body() {
    let world = World::new();
    world.on_http(|_| Ok(Response::new(101).with_body(stream(vec![Ok(b"frames")], None))));
    let wanted = request("POST", HOST, "/")
        .header("connection", "upgrade")
        .header("upgrade", "chat")
        .body(stream(vec![Ok(b"frames")], None));
    let response = send(&world, &traced(LoggingLevel::Info), wanted);
    let lines = lines(&world);
    assert!(lines.contains(&format!("{SENT}[streamed]")), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "Method completed with status: 101");
    drop(response);
    assert_eq!(world.0.exec_lines.borrow().len(), lines.len());
}

#[test]
fn below_level_info_no_body_is_shown() {
    for level in [LoggingLevel::Error, LoggingLevel::Off] {
        let world = world(&[Ok(b"answer")], None);
        let sent = stream(vec![Ok(b"question")], None);
        assert_eq!(text(ask(&world, level, sent).body), "answer");
        assert!(lines(&world).is_empty(), "{:#?}", lines(&world));
    }
}
