//! Compressed messages (RFC 7692), where that was agreed on and where it was not.

use crate::case::Case;
use crate::echo::SMALL;
use crate::frames::{BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, TEXT, deflated, frame};

/// The bit that says so.
const COMPRESSED: u8 = 4;

fn small(opcode: u8, payload: &[u8]) -> Frame {
    frame(opcode, deflated(payload)).reserved(COMPRESSED)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = good();
    cases.extend(bad());
    cases.into_iter().map(Case::deflate).collect()
}

fn good() -> Vec<Case> {
    let mut cases = Vec::new();
    // Section 7.2.3: what other compressors may send.
    for (name, payload) in [
        ("one block", &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..]),
        (
            "no compression",
            b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
        ),
        ("a last block", b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
        (
            "two blocks",
            b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        ),
    ] {
        let hello = frame(TEXT, payload).reserved(COMPRESSED);
        cases.extend(
            Case::new(name, [&hello])
                .text("Hello")
                .alive()
                .delivered(&[1]),
        );
    }
    for length in [0, 1, 64, 1_000, 30_000, 100_000] {
        let text = "compress me ".repeat(length / 12 + 1)[..length].to_owned();
        let name = format!("a text of {length}");
        let case = Case::new(name, [&small(TEXT, text.as_bytes())]);
        cases.extend(case.text(text.clone()).alive().delivered(&[13]));
        let name = format!("{length} bytes");
        let case = Case::new(name, [&small(BINARY, text.as_bytes())]);
        cases.push(case.binary(text.clone()).alive());
        // Whoever may compress need not.
        if length <= 30_000 {
            let plain = Case::new(
                format!("a plain text of {length}"),
                [&frame(TEXT, text.clone())],
            );
            cases.push(plain.text(text).alive());
        }
    }
    let text = "fragments ".repeat(50);
    let payload = deflated(text.as_bytes());
    for step in [1, 3, 10] {
        let mut frames: Vec<_> = payload
            .chunks(step)
            .map(|piece| frame(CONTINUATION, piece).more())
            .collect();
        frames[0] = frame(TEXT, frames[0].payload.clone())
            .reserved(COMPRESSED)
            .more();
        frames.insert(1, frame(PING, "between"));
        frames.push(frame(CONTINUATION, ""));
        let name = format!("compressed fragments of {step}");
        let case = Case::new(name, &frames).pong("between").text(text.clone());
        cases.extend(case.alive().delivered(&[1]));
    }
    let again = small(TEXT, b"the same again, the same again, the same again");
    let several: Vec<_> = (0..5).map(|_| again.clone()).collect();
    let mut case = Case::new("several messages, each on its own", &several);
    for _ in 0..5 {
        case = case.text("the same again, the same again, the same again");
    }
    cases.push(case.alive());
    cases
}

fn bad() -> Vec<Case> {
    let mut cases = Vec::new();
    for opcode in [PING, PONG, CLOSE] {
        let bit = frame(opcode, "").reserved(COMPRESSED);
        cases.push(Case::new(format!("a compressed opcode {opcode}"), [&bit]).fails(1002));
    }
    let late = [
        small(TEXT, b"first").more(),
        frame(CONTINUATION, "").reserved(COMPRESSED),
    ];
    cases.push(Case::new("the bit on a continuation", &late).fails(1002));
    for reserved in [1, 2, 3, 5, 6, 7] {
        let other = small(TEXT, b"text").reserved(reserved);
        let name = format!("reserved bits {reserved:03b}");
        cases.push(Case::new(name, [&other]).fails(1002));
    }
    for broken in [
        &b"\xff\xff\xff\xff"[..],
        b"\x06",
        b"\x00\x05\x00\x00\x00Hello",
        b"\x07\x07",
        // Cut inside of a stored block, which the tail would fill, and inside of fixed codes.
        b"\x00\x05\x00\xfa\xff\x48",
        b"\xf2\x48\xcd\xc9",
    ] {
        let name = format!("no compressed data: {}", broken.escape_ascii());
        let broken = frame(TEXT, broken).reserved(COMPRESSED);
        cases.push(Case::new(name, [&broken]).fails(1007));
    }
    for text in [&b"\xff"[..], b"good \xed\xa0\x80", b"cut \xe2\x82"] {
        let name = format!(
            "a compressed text that is no UTF-8: {}",
            text.escape_ascii()
        );
        cases.push(Case::new(name, [&small(TEXT, text)]).fails(1007));
        let name = format!(
            "compressed bytes that are no UTF-8: {}",
            text.escape_ascii()
        );
        cases.push(Case::new(name, [&small(BINARY, text)]).binary(text).alive());
    }
    let whole = vec![b'x'; SMALL.1];
    let case = Case::new(
        "a message that inflates to the limit",
        [&small(TEXT, &whole)],
    );
    cases.push(case.at("/small").text(whole).alive());
    for length in [SMALL.1 + 1, 1 << 20] {
        let name = format!("a message that inflates to {length} bytes");
        let bomb = small(BINARY, &vec![0; length]);
        // A mebibyte of zeros is a thousand bytes, which one frame here may not have.
        let [first, second] = bomb.payload.split_at(bomb.payload.len() / 2).into();
        let halves = [
            frame(BINARY, first).reserved(COMPRESSED).more(),
            frame(CONTINUATION, second),
        ];
        cases.push(Case::new(name, &halves).at("/small").fails(1009));
    }
    cases
}
