//! Messages in fragments (RFC 6455, section 5.4).

use crate::case::Case;
use crate::frames::{BINARY, CONTINUATION, Frame, PING, PONG, TEXT, frame};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = good();
    cases.extend(bad());
    cases
}

/// A message cut into fragments of these lengths.
fn cut(opcode: u8, payload: &[u8], lengths: &[usize]) -> Vec<Frame> {
    let mut rest = payload;
    let mut frames = Vec::new();
    for (at, &length) in lengths.iter().enumerate() {
        let (piece, behind) = rest.split_at(length);
        rest = behind;
        let opcode = if at == 0 { opcode } else { CONTINUATION };
        frames.push(frame(opcode, piece));
    }
    assert!(rest.is_empty(), "lengths of all");
    let (_, before) = frames.split_last_mut().expect("a fragment");
    for fragment in before {
        fragment.last = false;
    }
    frames
}

fn good() -> Vec<Case> {
    let mut cases = Vec::new();
    let payload = "fragments of one message";
    for lengths in [
        &[12, 12][..],
        &[1, 23],
        &[24, 0],
        &[0, 24],
        &[0, 0, 24, 0, 0],
        &[1; 24],
        &[0, 12, 0, 0, 12, 0],
    ] {
        for opcode in [TEXT, BINARY] {
            let frames = cut(opcode, payload.as_bytes(), lengths);
            let name = format!("opcode {opcode} in fragments of {lengths:?}");
            let case = Case::new(name, &frames).message(opcode, payload).alive();
            cases.extend(case.delivered(&[1, 5]));
            let mut pinged = frames.clone();
            for at in (1..frames.len()).rev() {
                pinged.insert(at, frame(PING, format!("ping {at}")));
            }
            let last = format!("ping {}", frames.len() - 1);
            let name = format!("opcode {opcode} in fragments of {lengths:?} with pings between");
            let case = Case::new(name, &pinged).pong(last).message(opcode, payload);
            cases.push(case.alive());
            let mut ponged = frames.clone();
            ponged.insert(1, frame(PONG, "unasked"));
            let name = format!("opcode {opcode} in fragments of {lengths:?} with a pong between");
            cases.push(Case::new(name, &ponged).message(opcode, payload).alive());
        }
    }
    for count in [2, 100, 1_000] {
        let long = "0123456789abcdef".repeat(count);
        let frames = cut(TEXT, long.as_bytes(), &vec![16; count]);
        let name = format!("a text in {count} fragments");
        cases.extend(
            Case::new(name, &frames)
                .text(long)
                .alive()
                .delivered(&[777]),
        );
    }
    let empty = [frame(TEXT, "").more(), frame(CONTINUATION, "")];
    cases.push(
        Case::new("nothing in two fragments", &empty)
            .text("")
            .alive(),
    );
    cases
}

fn bad() -> Vec<Case> {
    let mut cases = Vec::new();
    for payload in ["", "late"] {
        let length = payload.len();
        let orphan = frame(CONTINUATION, payload);
        let name = format!("a continuation of nothing, {length} bytes");
        cases.push(Case::new(name, [&orphan]).fails(1002));
        let begun = orphan.clone().more();
        let name = format!("the first of continuations of nothing, {length} bytes");
        cases.push(Case::new(name, [&begun]).fails(1002));
        let sent = [frame(TEXT, "whole"), orphan];
        let name = format!("a continuation behind a whole message, {length} bytes");
        cases.push(Case::new(name, &sent).text("whole").fails(1002));
    }
    for first in [TEXT, BINARY] {
        for second in [TEXT, BINARY] {
            for last in [true, false] {
                let mut inner = frame(second, "inner");
                inner.last = last;
                let sent = [frame(first, "outer").more(), inner];
                let name = format!("opcode {second} inside of a message of {first}, last {last}");
                cases.extend(Case::new(name, &sent).fails(1002).delivered(&[1]));
            }
        }
    }
    let ended = [
        frame(TEXT, "a").more(),
        frame(CONTINUATION, "b"),
        frame(CONTINUATION, "c"),
    ];
    cases.push(
        Case::new("one continuation too many", &ended)
            .text("ab")
            .fails(1002),
    );
    let empty = [frame(TEXT, "").more()].into_iter();
    let empty: Vec<_> = empty
        .chain((0..200).map(|_| frame(CONTINUATION, "").more()))
        .collect();
    cases.push(Case::new("two hundred empty fragments", &empty).fails(1008));
    cases
}
