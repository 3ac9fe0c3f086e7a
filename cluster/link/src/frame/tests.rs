//! The bytes of frames and greetings: golden, hostile, bounded.

use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::Lane;
use crate::hello::{Hello, Welcome};
use crate::name::{ClusterId, Member};

fn hex(frame: &Frame) -> String {
    let bytes = [frame.head().as_slice(), &frame.body].concat();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn member() -> Member {
    Member {
        cluster: ClusterId([0xc1; 16]),
        node: 7,
    }
}

#[test]
fn golden_bytes_never_change() {
    let call = Frame {
        shape: Shape::Call,
        kind: 9,
        call: 258,
        within_ms: 1500,
        body: Bytes::from_static(b"hi"),
    };
    assert_eq!(hex(&call), "02000000040900000201000000000000dc0500006869");
    let refusal = Refusal::new(Refusal::REMOVED, "no");
    assert_eq!(
        hex(&Frame::refused(0, &refusal)),
        "040000000300000000000000000000000000000001006e6f"
    );
    let hello = Hello::member(member(), 3, Lane::Bulk);
    assert_eq!(
        hex(&hello.to_frame()),
        "290000000100000000000000000000000000000054474c4b0100010003\
         c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c107000000000000000300000000000000"
    );
    assert_eq!(
        hex(&Welcome::new(member()).to_frame()),
        "1e0000000200000000000000000000000000000054474c4b0100\
         c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c10700000000000000"
    );
}

#[test]
fn greetings_read_back_and_later_versions_may_add_to_them() {
    for hello in [Hello::joiner(), Hello::member(member(), 3, Lane::Raft)] {
        let mut frame = hello.to_frame();
        assert_eq!(Hello::read(&frame), Ok(hello));
        let whole = frame.body.clone();
        frame.body = [&whole, b"more".as_slice()].concat().into();
        assert_eq!(Hello::read(&frame), Ok(hello));
        for cut in 0..whole.len() {
            frame.body = whole.slice(..cut);
            assert!(Hello::read(&frame).is_err(), "{cut}");
        }
        assert!(Welcome::read(&hello.to_frame()).is_err());
    }
}

#[test]
fn refusals_read_back_cut_to_their_bound_and_without_control_characters() {
    let refusal = Refusal::new(300, "a reason");
    assert_eq!(Frame::refused(5, &refusal).refusal(), Ok(refusal));
    let long = Refusal {
        code: 300,
        text: "\u{e9}".repeat(NOTE_BYTES_MAX),
    };
    let frame = Frame::refused(5, &long);
    assert_eq!(frame.body.len(), NOTE_BYTES_MAX);
    assert!(long.text.starts_with(&frame.refusal().unwrap().text));
    let forged = Refusal::new(300, "no\n2026-01-01 ERROR forged\x1b[2J");
    let read = Frame::refused(5, &forged).refusal().unwrap();
    assert_eq!(read.text, "no 2026-01-01 ERROR forged [2J");
}

/// Every side judges every shape; what a side takes is bounded by what that shape may carry there.
#[test]
fn each_side_takes_its_own_shapes_up_to_their_bounds() {
    let sides = [
        (Side::Greeting, vec![(1, NOTE_BYTES_MAX)]),
        (
            Side::Acceptor,
            vec![(4, BODY_BYTES_MAX), (6, 0), (7, 0), (8, 0)],
        ),
        (
            Side::JoinAcceptor,
            vec![(4, JOIN_BODY_BYTES_MAX), (6, 0), (7, 0), (8, 0)],
        ),
        (
            Side::Dialler,
            vec![
                (2, NOTE_BYTES_MAX),
                (3, NOTE_BYTES_MAX),
                (5, BODY_BYTES_MAX),
                (7, 0),
                (8, 0),
            ],
        ),
    ];
    for (side, taken) in sides {
        for shape in 0..=255_u8 {
            let head = |length: usize| {
                let mut head = [0; HEAD_BYTES];
                head[..4].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
                head[4] = shape;
                head
            };
            match taken.iter().find(|(taken, _)| *taken == shape) {
                Some((_, max)) => {
                    assert_eq!(judge(&head(*max), side).unwrap().1, *max);
                    let over = u32::try_from(max + 1).unwrap();
                    assert_eq!(judge(&head(max + 1), side), Err(FrameError::TooLong(over)));
                }
                None => assert!(judge(&head(0), side).is_err(), "{side:?} {shape}"),
            }
        }
    }
}

#[tokio::test]
async fn an_announced_length_makes_no_room_before_its_bytes_come() {
    let (mut near, far) = tokio::io::duplex(4 * READ_BYTES);
    let mut frames = Frames::new(far, Side::Acceptor);
    let mut frame = Frame::plain(Shape::Call, 1, Bytes::from(vec![0; BODY_BYTES_MAX]));
    near.write_all(&frame.head()).await.unwrap();
    for _ in 0..3 {
        frames.fill().await.unwrap();
        assert_eq!(frames.take(), Ok(None));
        assert!(frames.buffer.capacity() <= 8 * READ_BYTES);
        near.write_all(&[0; READ_BYTES]).await.unwrap();
    }
    frame.body = Bytes::new();
    drop(near);
    assert!(matches!(frames.next().await, Err(ReadError::Ended)));
}
