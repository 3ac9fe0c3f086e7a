//! Whatever the bytes and however they are cut, the same events come of them.

use super::*;
use crate::Deflate;
use crate::close::code;
use crate::frame::encode;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn policy() -> Policy {
    Policy {
        deflate: true,
        ..Policy::server(&Limits::default(), true)
    }
}

/// What comes of bytes that arrive in pieces of these lengths, the rest at once.
fn decoded(
    policy: Policy,
    bytes: &[u8],
    pieces: impl IntoIterator<Item = usize>,
) -> (Vec<Event>, Option<Violation>) {
    let mut decoder = Decoder::new(policy);
    let mut inflate = Inflate::new();
    let mut events = Vec::new();
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    let mut pieces = pieces.into_iter();
    while !rest.is_empty() {
        let length = pieces.next().unwrap_or(usize::MAX).min(rest.len());
        let (mut piece, behind) = rest.split_at_mut(length);
        loop {
            match decoder.decode(&mut piece, &mut inflate) {
                Ok(Some(event)) => {
                    let last = matches!(event, Event::Close(_));
                    events.push(event);
                    if last {
                        return (events, None);
                    }
                }
                Ok(None) => break,
                Err(violation) => return (events, Some(violation)),
            }
            let kept = decoder.message.as_ref().map_or(0, |it| it.bytes.len());
            assert!(kept <= policy.message_bytes_max, "{kept} bytes kept");
            assert!(decoder.control.len() <= 125);
        }
        assert!(piece.is_empty(), "bytes were left");
        rest = behind;
    }
    (events, None)
}

fn frame(opcode: Opcode, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(opcode, last, false, payload, Some(KEY), &mut out);
    out.to_vec()
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    let small = Deflate::new().message(payload).unwrap();
    encode(Opcode::Text, true, true, &small, Some(KEY), &mut out);
    out.to_vec()
}

/// A stream with everything in it.
fn stream() -> Vec<u8> {
    [
        frame(Opcode::Text, true, b"Hello"),
        frame(Opcode::Ping, true, b"one"),
        frame(Opcode::Text, false, "h\u{e9}\u{20ac}".as_bytes()),
        frame(Opcode::Ping, true, b""),
        frame(Opcode::Continuation, false, b""),
        frame(Opcode::Pong, true, b"two"),
        frame(Opcode::Continuation, true, "\u{1f600}".as_bytes()),
        deflated(&b"again and again, ".repeat(20)),
        frame(Opcode::Binary, true, &[0xff; 300]),
        frame(Opcode::Binary, true, &[]),
        frame(Opcode::Text, true, &[b'x'; 30_000]),
        frame(Opcode::Close, true, b"\x03\xe8bye"),
    ]
    .concat()
}

#[test]
fn the_example_of_rfc_6455() {
    // Section 5.7: "Hello", masked.
    let bytes = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    let (events, violation) = decoded(policy(), &bytes, []);
    let hello = Message {
        kind: Kind::Text,
        payload: Bytes::from("Hello"),
    };
    assert_eq!((events, violation), (vec![Event::Message(hello)], None));
    assert_eq!(frame(Opcode::Text, true, b"Hello"), bytes);
}

#[test]
fn every_cut_gives_the_same() {
    let bytes = stream();
    let (whole, violation) = decoded(policy(), &bytes, []);
    assert_eq!((whole.len(), violation), (10, None));
    assert_eq!(
        decoded(policy(), &bytes, std::iter::repeat(1)),
        (whole.clone(), None)
    );
    for first in 0..700 {
        let cut = decoded(policy(), &bytes, [first, 3, 1]);
        assert_eq!(cut.0, whole, "cut at {first}");
    }
    for step in 2..40 {
        let cut = decoded(policy(), &bytes, std::iter::repeat_n(step, 20_000));
        assert_eq!(cut.0, whole, "pieces of {step}");
    }
}

#[test]
fn what_is_refused_is_refused_before_the_payload_comes() {
    let huge = [0x81, 0xff, 0, 0, 0x01, 0, 0, 0, 0, 0];
    let small = Policy {
        message_bytes_max: 10,
        ..policy()
    };
    let text_only = Policy {
        binary: false,
        ..policy()
    };
    for (policy, bytes, wanted) in [
        (policy(), &huge[..], Violation::FrameTooLarge),
        (
            policy(),
            &[0x81, 0xfe, 0x80, 0x01],
            Violation::FrameTooLarge,
        ),
        (small, &[0x81, 0x8b], Violation::MessageTooLarge),
        (text_only, &[0x82, 0x80], Violation::BinaryRefused),
        (policy(), &[0x81, 0x05], Violation::MaskMissing),
        (policy(), &[0x09, 0x80], Violation::FragmentedControl),
        (policy(), &[0x89, 0xfe], Violation::LongControl),
        (policy(), &[0xa1, 0x80], Violation::ReservedBit),
        (policy(), &[0xc0, 0x80], Violation::ReservedBit),
        (policy(), &[0xc9, 0x80], Violation::ReservedBit),
        (policy(), &[0x83, 0x80], Violation::ReservedOpcode),
        (policy(), &[0x80, 0x80], Violation::ContinuationUnexpected),
        (policy(), &[0x81, 0xfe, 0, 125], Violation::BadLength),
    ] {
        assert_eq!(
            decoded(policy, bytes, [1; 20]).1,
            Some(wanted),
            "{bytes:x?}"
        );
    }
    let two = [
        frame(Opcode::Text, false, b"sixsix"),
        frame(Opcode::Continuation, true, b"five5"),
    ];
    let (_, violation) = decoded(small, &two.concat(), []);
    assert_eq!(violation, Some(Violation::MessageTooLarge));
    let client = Policy {
        role: Role::Client,
        ..policy()
    };
    let masked = decoded(client, &[0x81, 0x80], []).1;
    assert_eq!(masked, Some(Violation::MaskUnexpected));
}

#[test]
fn fragments_that_never_end_do() {
    let mut bytes = frame(Opcode::Text, false, b"");
    for _ in 0..EMPTY_FRAGMENTS_MAX {
        bytes.extend(frame(Opcode::Continuation, false, b""));
    }
    let (_, violation) = decoded(policy(), &bytes, []);
    assert_eq!(violation, Some(Violation::EmptyFragments));
    assert_eq!(Violation::EmptyFragments.close_code(), code::POLICY);
}

#[test]
fn fuzz_frames_are_the_same_however_they_are_cut() {
    let streams = [
        stream(),
        deflated(&b"compressed ".repeat(30)),
        frame(Opcode::Close, true, b"\x03\xe9"),
        frame(Opcode::Text, true, "\u{20ac}\u{1f600}".as_bytes()),
    ];
    let corpus: Vec<&[u8]> = streams.iter().map(Vec::as_slice).collect();
    let words = ["\u{1}\u{0}\u{0}", "\u{7f}\u{7f}", "\u{0}\u{0}\u{0}\u{0}"];
    let mut policies = [policy(), policy(), policy()];
    policies[1].deflate = false;
    policies[2].message_bytes_max = 64;
    let summary = tollgate_mutate::run("websocket frames", &corpus, &words, |input| {
        let mut taken = true;
        for policy in policies {
            let whole = decoded(policy, input, []);
            let step = 1 + input.len() % 7;
            let cut = decoded(policy, input, std::iter::repeat_n(step, input.len()));
            assert_eq!(cut, whole, "pieces of {step}");
            for event in &whole.0 {
                if let Event::Message(message) = event {
                    assert!(message.payload.len() <= policy.message_bytes_max);
                    let text = message.kind == Kind::Text;
                    assert!(!text || message.text().is_some(), "a text is UTF-8");
                }
            }
            taken &= whole.1.is_none();
        }
        taken
    });
    assert!(summary.taken > 0, "nothing good was tried");
}
