//! A slot and its cell. `config/tests/loom` looks at every order of what threads do to a cell.

use std::sync::Arc;

use tollgate_model::Quota;
use tollgate_protocol::Millis;

use super::{LeaseCell, QuotaSlot, Take};

fn slot(tokens: u64, exhausted: bool) -> (QuotaSlot, Arc<LeaseCell>) {
    let slot = QuotaSlot::new("p".into(), "k".into(), Quota::default());
    let cell = Arc::new(LeaseCell::new(Millis(100), Millis(200), 10));
    cell.grant(tokens, tokens / 4, 0, exhausted);
    slot.replace(Some(Arc::clone(&cell)));
    (slot, cell)
}

#[test]
fn takes_what_was_granted_and_no_more() {
    let (slot, cell) = slot(8, false);
    let taken: Vec<Take> = (0..9).map(|_| slot.take(Millis(150))).collect();
    assert_eq!(taken.iter().filter(|t| **t == Take::TakenLow).count(), 1);
    assert_eq!(taken[5], Take::TakenLow);
    assert_eq!(taken[8], Take::Ask);
    cell.grant(0, 0, 0, true);
    assert_eq!(
        slot.take(Millis(150)),
        Take::Exhausted { reset: Millis(200) }
    );
}

#[test]
fn another_period_needs_another_cell() {
    let (slot, _cell) = slot(8, false);
    assert_eq!(slot.take(Millis(99)), Take::Ask);
    assert_eq!(slot.take(Millis(200)), Take::Ask);
}

#[test]
fn admitted_and_sealed_make_the_grant_under_threads() {
    let (slot, cell) = slot(100_000, false);
    let (admitted, returned) = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let taken = |t| matches!(t, Take::Taken | Take::TakenLow);
                    (0..30_000)
                        .filter(|_| taken(slot.take(Millis(150))))
                        .count() as u64
                })
            })
            .collect();
        let back: u64 = (0..100).map(|n| cell.withdraw(90_000 - n * 100)).sum();
        let sealed = cell.seal();
        let admitted: u64 = takers.into_iter().map(|t| t.join().unwrap()).sum();
        (admitted, back + sealed)
    });
    assert_eq!(admitted + returned, 100_000);
    assert_eq!(slot.take(Millis(150)), Take::Ask);
}
