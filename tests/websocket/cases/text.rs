//! Texts that are UTF-8 and texts that are not (RFC 6455, section 8.1; RFC 3629).

use crate::case::Case;
use crate::frames::{CONTINUATION, TEXT, frame};

/// Each edge of the tables of RFC 3629.
const VALID: [&[u8]; 16] = [
    b"\0",
    b"\x7f",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0\xa0\x80",
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbe",
    b"\xef\xbf\xbf",
    b"\xf0\x90\x80\x80",
    b"\xf0\x9f\xbf\xbe",
    b"\xf4\x8f\xbf\xbf",
    "\u{fffd}".as_bytes(),
    "Hello-\u{b5}@\u{df}\u{f6}\u{e4}\u{fc}\u{e0}\u{e1}-UTF-8!!".as_bytes(),
    "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}".as_bytes(),
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}".as_bytes(),
];

/// Overlong, surrogates, past the end, out of place, cut.
const INVALID: [&[u8]; 34] = [
    b"\x80",
    b"\xbf",
    b"\x80\xbf\x80\xbf",
    b"\xc0\x80",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xc2",
    b"\xc2a",
    b"\xdf\xdf",
    b"\xe0\x80\x80",
    b"\xe0\x80\xaf",
    b"\xe0\x9f\xbf",
    b"\xe1\x80",
    b"\xe1\x80a",
    b"\xed\xa0\x80",
    b"\xed\xaf\xbf",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xf0\x80\x80\x80",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x90\x80",
    b"\xf1\x80\x80a",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    b"\xf8\x88\x80\x80\x80",
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xfd\xbf\xbf\xbf\xbf\xbf",
    b"\xfe",
    b"\xff",
    b"\xfe\xfe\xff\xff",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for text in VALID {
        let shown = text.escape_ascii();
        let whole = Case::new(format!("valid: {shown}"), [&frame(TEXT, text)]);
        cases.extend(whole.text(text).alive().delivered(&[1]));
        let name = format!("valid, a fragment a byte: {shown}");
        let frames = bytewise(text);
        cases.push(Case::new(name, &frames).text(text).alive());
    }
    for bad in INVALID {
        for (before, behind) in [("", ""), ("good ", " good")] {
            let text = [before.as_bytes(), bad, behind.as_bytes()].concat();
            let shown = text.escape_ascii();
            let whole = Case::new(format!("invalid: {shown}"), [&frame(TEXT, text.clone())]);
            cases.extend(whole.fails(1007).delivered(&[1]));
            let name = format!("invalid, a fragment a byte: {shown}");
            cases.push(Case::new(name, &bytewise(&text)).fails(1007));
        }
    }
    // Known to be bad before the frame or the message has ended.
    for bad in [&b"\xf4\x90"[..], b"\xed\xa0", b"\xc0", b"abc\xff"] {
        let shown = bad.escape_ascii();
        let text = [bad, &[b'x'; 1_000]].concat();
        let cut = Case::new(format!("refused at once: {shown}"), [&frame(TEXT, text)]);
        cases.push(cut.cut(8 + bad.len()).fails(1007));
        let begun = frame(TEXT, bad).more();
        let name = format!("refused in the first fragment: {shown}");
        cases.push(Case::new(name, [&begun]).fails(1007));
    }
    cases
}

fn bytewise(text: &[u8]) -> Vec<crate::frames::Frame> {
    let mut frames: Vec<_> = text
        .iter()
        .map(|&byte| frame(CONTINUATION, [byte]).more())
        .collect();
    if let Some(first) = frames.first_mut() {
        first.opcode = TEXT;
    }
    if let Some(last) = frames.last_mut() {
        last.last = true;
    }
    frames
}
