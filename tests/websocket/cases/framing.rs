//! Lengths, masks, reserved bits and opcodes (RFC 6455, sections 5.1 to 5.3).

use crate::case::Case;
use crate::frames::{BINARY, CLOSE, CONTINUATION, Length, PING, PONG, TEXT, frame};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = lengths();
    cases.extend(masks());
    cases.extend(reserved());
    cases
}

fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for length in [0, 1, 7, 125, 126, 127, 128, 1_000, 65_535, 65_536, 200_000] {
        let text = "abcdefghij".repeat(length / 10 + 1)[..length].to_owned();
        let bytes: Vec<u8> = (0..length).map(|at| (at * 31) as u8).collect();
        let pieces: &[usize] = if length <= 1_000 {
            &[1, 7]
        } else {
            &[997, 16_384]
        };
        let of_text = Case::new(format!("text of {length}"), [&frame(TEXT, text.clone())]);
        cases.extend(of_text.at("/large").text(text).alive().delivered(pieces));
        let of_bytes = Case::new(format!("{length} bytes"), [&frame(BINARY, bytes.clone())]);
        cases.extend(
            of_bytes
                .at("/large")
                .binary(bytes)
                .alive()
                .delivered(pieces),
        );
    }
    for (length, written) in [
        (0, Length::Two),
        (125, Length::Two),
        (0, Length::Eight),
        (125, Length::Eight),
        (126, Length::Eight),
        (65_535, Length::Eight),
    ] {
        let long = frame(BINARY, vec![0; length]).length(written);
        let name = format!("a length of {length} in more bytes than it needs");
        cases.push(Case::new(name, [&long]).at("/large").fails(1002));
    }
    let negative = frame(BINARY, "").length(Length::Announced(1 << 63));
    cases.push(
        Case::new("a length of 2^63", [&negative])
            .at("/large")
            .fails(1002),
    );
    cases
}

fn masks() -> Vec<Case> {
    let mut cases = Vec::new();
    for key in [[0; 4], [0xff; 4], [1, 2, 3, 4], [0x80, 0, 0, 0]] {
        for length in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 64] {
            let bytes: Vec<u8> = (0..length).map(|at: usize| (at * 7) as u8).collect();
            let masked = frame(BINARY, bytes.clone()).key(Some(key));
            let name = format!("{length} bytes masked with {key:x?}");
            cases.extend(Case::new(name, [&masked]).binary(bytes).delivered(&[3]));
        }
    }
    for opcode in [TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG] {
        for payload in ["", "abc"] {
            let bare = frame(opcode, payload).key(None);
            let name = format!("opcode {opcode} of {} bytes without a mask", payload.len());
            cases.push(Case::new(name, [&bare]).fails(1002));
        }
    }
    cases
}

fn reserved() -> Vec<Case> {
    let mut cases = Vec::new();
    for reserved in 1..8 {
        for opcode in [TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG] {
            let bad = frame(opcode, "").reserved(reserved);
            let name = format!("opcode {opcode} with reserved bits {reserved:03b}");
            cases.push(Case::new(name, [&bad]).fails(1002));
        }
        let sent = [frame(TEXT, "before"), frame(TEXT, "bad").reserved(reserved)];
        let name = format!("a good message before reserved bits {reserved:03b}");
        cases.extend(
            Case::new(name, &sent)
                .text("before")
                .fails(1002)
                .delivered(&[1]),
        );
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in ["", "abc"] {
            let bad = frame(opcode, payload);
            let length = payload.len();
            let name = format!("opcode {opcode} of {length} bytes");
            cases.push(Case::new(name, [&bad]).fails(1002));
            let sent = [frame(TEXT, "before"), bad];
            let name = format!("a good message before opcode {opcode} of {length} bytes");
            cases.push(Case::new(name, &sent).text("before").fails(1002));
        }
    }
    cases
}
