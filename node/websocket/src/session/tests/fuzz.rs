//! Whatever a client sends: the session ends, what it says is well-formed, and nothing comes behind
//! its close.

use std::panic::AssertUnwindSafe;

use super::*;

fn frame(opcode: Opcode, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(opcode, last, false, payload, Some(KEY), &mut out);
    out.to_vec()
}

#[test]
fn fuzz_sessions_say_nothing_that_is_no_frame() {
    let compressed = Deflate::new().message(&b"again, ".repeat(40)).unwrap();
    let mut small = BytesMut::new();
    encode(Opcode::Text, true, true, &compressed, Some(KEY), &mut small);
    let conversations = [
        [
            frame(Opcode::Text, true, b"Hello"),
            frame(Opcode::Ping, true, b"one"),
            frame(Opcode::Binary, false, &[1; 200]),
            frame(Opcode::Ping, true, b"two"),
            frame(Opcode::Continuation, true, &[2; 200]),
            frame(Opcode::Close, true, b"\x03\xe8bye"),
        ]
        .concat(),
        [small.to_vec(), frame(Opcode::Text, true, b"plain")].concat(),
        frame(Opcode::Ping, true, b"again").repeat(10),
        frame(Opcode::Text, true, &[b'x'; 100]).repeat(20),
    ];
    let corpus: Vec<&[u8]> = conversations.iter().map(Vec::as_slice).collect();
    let words = ["\u{1}\u{0}\u{0}", "\u{8}\u{2}", "\u{7f}\u{7f}"];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let summary = tollgate_mutate::run("websocket sessions", &corpus, &words, |input| {
        let session = AssertUnwindSafe(converse(input));
        LocalSet::new().block_on(&runtime, session.0)
    });
    assert!(summary.taken > 0, "no conversation ended well");
}

/// Sends all of it through a narrow pipe, and reads to the end; whether it was an orderly one.
async fn converse(input: &[u8]) -> bool {
    let limits = Limits {
        message_bytes_max: 4_096,
        queue_frames_max: 8,
        close_ms: 10_000,
        ..patient()
    };
    let room = 1 + input.len() % 700;
    let client = connect_with(limits, true, room, Bytes::new());
    let (mut reading, mut writing) = tokio::io::split(client.io);
    let sending = async {
        // A session that gave up takes no more.
        let sent = writing.write_all(input).await;
        sent.and(writing.shutdown().await).ok();
    };
    let mut said = Vec::new();
    let both = async { tokio::join!(sending, reading.read_to_end(&mut said)) };
    let (_, read) = timeout(PATIENCE, both).await.expect("no end");
    read.unwrap();
    let closed = timeout(PATIENCE, client.session).await.expect("no end");
    let closed = closed.unwrap();
    assert!(client.sender.is_closed());
    assert_eq!(client.sender.queued(), (0, 0), "nothing is kept");
    let (mut decoder, mut inflate) = (client.decoder, client.inflate);
    let mut rest = &mut said[..];
    let mut ended = false;
    while let Some(event) = decoder.decode(&mut rest, &mut inflate).unwrap() {
        if let Event::Close(frame) = event {
            assert!(rest.is_empty(), "behind the close: {rest:x?}");
            assert!(frame.code == closed.code, "{frame:?} {closed:?}");
            ended = true;
            break;
        }
    }
    // Only one who is gone is not told.
    assert!(ended || closed.cause == Cause::Lost, "{closed:?}");
    ended && matches!(closed.cause, Cause::Peer)
}
