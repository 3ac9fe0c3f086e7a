//! The checker itself must accept what is possible and refuse what is not.

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::{collection, option};

use super::{Did, Operation, check};

fn did(did: Did, called: u64, answered: u64) -> Operation {
    let answered = Some(answered);
    Operation {
        did,
        called,
        answered,
    }
}

fn unknown(value: u64, called: u64) -> Operation {
    let did = Write(value);
    Operation {
        did,
        called,
        answered: None,
    }
}

use Did::{Read, Write};

#[test]
fn histories_that_are_known_to_be_bad_are_refused() {
    let bad = [
        (
            "a stale read",
            vec![did(Write(1), 0, 1), did(Read(0), 2, 3)],
        ),
        (
            "a value from nowhere",
            vec![did(Write(1), 0, 1), did(Read(7), 0, 3)],
        ),
        (
            "a lost write",
            vec![did(Write(1), 0, 1), did(Write(2), 2, 3), did(Read(1), 4, 5)],
        ),
        (
            "a read of the future",
            vec![did(Read(1), 0, 1), did(Write(1), 2, 3)],
        ),
        (
            "two readers see two orders",
            vec![
                did(Write(1), 0, 10),
                did(Write(2), 0, 10),
                did(Read(1), 11, 12),
                did(Read(2), 13, 14),
                did(Read(1), 15, 16),
            ],
        ),
        (
            "a write that is seen and then not",
            vec![unknown(1, 0), did(Read(1), 1, 2), did(Read(0), 3, 4)],
        ),
        (
            "an unanswered write twice",
            vec![
                unknown(1, 0),
                did(Read(1), 1, 2),
                did(Write(2), 3, 4),
                did(Read(1), 5, 6),
            ],
        ),
        (
            "an unanswered write before its call",
            vec![did(Read(1), 0, 1), unknown(1, 2)],
        ),
    ];
    for (what, history) in bad {
        assert!(check(&history, 0).is_err(), "{what}");
    }
}

#[test]
fn histories_that_are_known_to_be_good_are_accepted() {
    let good = [
        ("nothing", vec![]),
        (
            "a read beside a write sees either",
            vec![did(Write(1), 0, 9), did(Read(0), 1, 2), did(Read(1), 3, 4)],
        ),
        (
            "a write without an answer may never happen",
            vec![unknown(1, 0), did(Read(0), 5, 6)],
        ),
        (
            "or late",
            vec![
                unknown(1, 0),
                did(Write(2), 1, 2),
                did(Read(2), 3, 4),
                did(Read(1), 5, 6),
            ],
        ),
        (
            "the same value again",
            vec![
                did(Write(1), 0, 1),
                did(Write(2), 2, 3),
                did(Write(1), 4, 5),
                did(Read(1), 6, 7),
            ],
        ),
    ];
    for (what, history) in good {
        assert_eq!(check(&history, 0), Ok(()), "{what}");
    }
}

/// Operations in the order in which they happen, each with some slack before and after; `None`
/// after: no answer.
fn possible() -> impl Strategy<Value = Vec<Operation>> {
    let one = (
        any::<bool>(),
        0..3_u64,
        0..30_u64,
        option::weighted(0.9, 0..30_u64),
    );
    collection::vec(one, 0..40).prop_map(|steps| {
        let mut value = 0;
        let mut history = Vec::new();
        for (at, (writes, new, before, after)) in (0_u64..).zip(steps) {
            let happens = 100 + 10 * at;
            let did = if writes {
                value = new;
                Write(new)
            } else {
                Read(value)
            };
            let answered = after.map(|after| happens + after);
            if writes || answered.is_some() {
                history.push(Operation {
                    did,
                    called: happens - before,
                    answered,
                });
            }
        }
        history
    })
}

/// Tries every order of everything.
fn exhaustive(history: &[Operation], value: u64) -> bool {
    if history.iter().all(|it| it.answered.is_none()) {
        return true;
    }
    let horizon = history.iter().filter_map(|it| it.answered).min();
    let next = history
        .iter()
        .enumerate()
        .filter(|(_, it)| Some(it.called) <= horizon);
    next.into_iter().any(|(at, operation)| {
        let rest = [&history[..at], &history[at + 1..]].concat();
        match operation.did {
            Write(new) => exhaustive(&rest, new),
            Read(read) => read == value && exhaustive(&rest, value),
        }
    })
}

/// A few operations that may or may not be possible.
fn any_history() -> impl Strategy<Value = Vec<Operation>> {
    let one = (any::<bool>(), 0..3_u64, 0..12_u64, 1..6_u64, any::<bool>());
    collection::vec(one, 0..7).prop_map(|steps| {
        let operation =
            |(writes, value, called, takes, answers): (bool, u64, u64, u64, bool)| Operation {
                did: if writes { Write(value) } else { Read(value) },
                called,
                answered: (answers || !writes).then_some(called + takes),
            };
        steps.into_iter().map(operation).collect()
    })
}

proptest! {
    #[test]
    fn what_happened_in_some_order_is_accepted(history in possible(), seed in Just(0_u64)) {
        prop_assert_eq!(check(&history, seed), Ok(()));
    }

    #[test]
    fn a_read_of_what_was_never_written_is_refused(
        mut history in possible(),
        called in 0..500_u64,
    ) {
        history.push(did(Read(9), called, called + 5));
        prop_assert!(check(&history, 0).is_err());
    }

    #[test]
    fn the_search_agrees_with_trying_every_order(history in any_history()) {
        prop_assert_eq!(check(&history, 0).is_ok(), exhaustive(&history, 0));
    }
}
