//! Pings and pongs (RFC 6455, sections 5.5.2 and 5.5.3).

use crate::case::Case;
use crate::frames::{CLOSE, PING, PONG, TEXT, frame};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for payload in [
        Vec::new(),
        b"a".to_vec(),
        b"Hello, world!".to_vec(),
        (0..=255).step_by(9).collect(),
        vec![0xfe; 124],
        vec![0xfe; 125],
    ] {
        let name = format!("a ping of {} bytes", payload.len());
        let ping = Case::new(name, [&frame(PING, payload.clone())]);
        cases.extend(ping.pong(payload.clone()).alive().delivered(&[1]));
        let name = format!("a pong of {} bytes that nobody asked for", payload.len());
        let pong = Case::new(name, [&frame(PONG, payload)]);
        cases.extend(pong.alive().delivered(&[1]));
    }
    for opcode in [PING, PONG, CLOSE] {
        for length in [126, 300, 70_000] {
            let long = frame(opcode, vec![b'x'; length]);
            let name = format!("opcode {opcode} of {length} bytes");
            cases.push(Case::new(name, [&long]).fails(1002));
        }
        for payload in ["", "abc"] {
            let begun = frame(opcode, payload).more();
            let length = payload.len();
            let name = format!("opcode {opcode} of {length} bytes in fragments");
            cases.push(Case::new(name, [&begun]).fails(1002));
        }
    }
    let many: Vec<_> = (0..20)
        .map(|at| frame(PING, format!("ping {at}")))
        .collect();
    let many = Case::new("twenty pings", &many).pong("ping 19").alive();
    cases.extend(many.delivered(&[1]));
    let sent = [frame(PONG, "one"), frame(PING, "two"), frame(PONG, "three")];
    cases.push(Case::new("pongs around a ping", &sent).pong("two").alive());
    let sent = [
        frame(TEXT, "before"),
        frame(PING, "late"),
        frame(TEXT, "after"),
    ];
    let between = Case::new("a ping between two messages", &sent);
    cases.push(between.pong("late").text("before").text("after").alive());
    cases
}
