//! Close frames (RFC 6455, sections 5.5.1 and 7.4).

use crate::case::Case;
use crate::frames::{CLOSE, CONTINUATION, PING, TEXT, close, frame};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let empty = Case::new("a close without a code", [&frame(CLOSE, "")]);
    cases.extend(empty.closes(None).delivered(&[1]));
    let half = Case::new("half a code", [&frame(CLOSE, "\u{3}")]);
    cases.push(half.fails(1002));
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
        4999,
    ] {
        for reason in ["", "because"] {
            let name = format!("code {code}, \"{reason}\"");
            let case = Case::new(name, [&close(code, reason)]);
            cases.extend(case.closes(Some(code)).delivered(&[1]));
        }
    }
    for code in [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 0x7fff, 0xffff,
    ] {
        for reason in ["", "because"] {
            let name = format!("code {code}, \"{reason}\"");
            cases.push(Case::new(name, [&close(code, reason)]).fails(1002));
        }
    }
    let longest = close(1000, &"r".repeat(123));
    cases.push(Case::new("the longest reason", [&longest]).closes(Some(1000)));
    let longer = close(1000, &"r".repeat(124));
    cases.push(Case::new("a longer reason", [&longer]).fails(1002));
    for bad in [&b"\xff"[..], b"\xce\xba\xed\xa0\x80", b"cut \xe2\x82"] {
        let payload = [&1000_u16.to_be_bytes(), bad].concat();
        let name = format!("a reason that is no text: {}", bad.escape_ascii());
        cases.push(Case::new(name, [&frame(CLOSE, payload)]).fails(1007));
    }
    for (name, late) in [
        ("a message", frame(TEXT, "late")),
        ("a ping", frame(PING, "late")),
        ("a close", close(1001, "late")),
        ("a reserved opcode", frame(15, "late")),
    ] {
        let sent = [close(1000, ""), late];
        let case = Case::new(format!("{name} behind the close"), &sent);
        cases.extend(case.closes(Some(1000)).delivered(&[1]));
    }
    let sent = [frame(TEXT, "asked"), close(1000, "")];
    cases.push(
        Case::new("a message and a close", &sent)
            .text("asked")
            .closes(Some(1000)),
    );
    let sent = [frame(PING, "asked"), close(1000, "")];
    cases.push(
        Case::new("a ping and a close", &sent)
            .pong("asked")
            .closes(Some(1000)),
    );
    let sent = [
        frame(TEXT, "never ").more(),
        close(1000, ""),
        frame(CONTINUATION, "whole"),
    ];
    cases.push(Case::new("a close inside of a message", &sent).closes(Some(1000)));
    cases
}
