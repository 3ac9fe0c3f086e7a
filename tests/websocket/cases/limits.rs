//! What is too large is refused on its header; what is as large as may be is not.

use crate::case::Case;
use crate::echo::SMALL;
use crate::frames::{BINARY, CONTINUATION, Frame, Length, TEXT, frame};

/// The longest header.
const HEADER_BYTES: usize = 10;
/// Limits of a frame and of a message unless they are set.
const DEFAULTS: (u64, usize) = (32 * 1024, 128 * 1024);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (path, (frame_max, message_max)) in [("/small", SMALL), ("/", DEFAULTS)] {
        let frame_max = frame_max as usize;
        for opcode in [TEXT, BINARY] {
            let longest = vec![b'x'; frame_max];
            let name = format!("{path}: opcode {opcode} of {frame_max} bytes");
            let case = Case::new(name, [&frame(opcode, longest.clone())]);
            cases.push(case.at(path).message(opcode, longest).alive());
            let longer = frame(opcode, vec![b'x'; frame_max + 1]);
            let name = format!("{path}: opcode {opcode} of a byte more");
            cases.push(Case::new(name.clone(), [&longer]).at(path).fails(1009));
            let name = format!("{name}, of which only the header comes");
            cases.push(
                Case::new(name, [&longer])
                    .at(path)
                    .cut(HEADER_BYTES)
                    .fails(1009),
            );
            let huge = frame(opcode, "").length(Length::Announced((1 << 63) - 1));
            let name = format!("{path}: opcode {opcode} of 2^63 - 1 bytes, announced");
            cases.push(Case::new(name, [&huge]).at(path).fails(1009));
            let fragments = of(opcode, frame_max, message_max);
            let name = format!("{path}: a message of {message_max} bytes, opcode {opcode}");
            let case = Case::new(name, &fragments).at(path);
            let case = case.message(opcode, vec![b'x'; message_max]).alive();
            cases.extend(case.delivered(&[1_001]));
            let fragments = of(opcode, frame_max, message_max + 1);
            let name = format!("{path}: a message of a byte more, opcode {opcode}");
            cases.push(Case::new(name, &fragments).at(path).fails(1009));
        }
    }
    for payload in ["", "abc"] {
        let binary = frame(BINARY, payload);
        let name = format!("binary where only texts are taken, {} bytes", payload.len());
        cases.push(Case::new(name, [&binary]).at("/text").fails(1003));
    }
    let text = Case::new("a text where only texts are taken", [&frame(TEXT, "a")]);
    cases.push(text.at("/text").text("a").alive());
    cases
}

/// A message in the largest fragments.
fn of(opcode: u8, frame_max: usize, length: usize) -> Vec<Frame> {
    let payload = vec![b'x'; length];
    let mut frames: Vec<_> = payload
        .chunks(frame_max)
        .map(|piece| frame(CONTINUATION, piece).more())
        .collect();
    if let Some(first) = frames.first_mut() {
        first.opcode = opcode;
    }
    if let Some(last) = frames.last_mut() {
        last.last = true;
    }
    frames
}
