//! A slot and its cell. `config/tests/loom` looks at every order of what threads do to a cell.

use tollgate_model::{Period, Quota};
use tollgate_protocol::Millis;

use super::{QuotaSlot, Take};

fn slot(tokens: u64, exhausted: bool) -> QuotaSlot {
    let slot = QuotaSlot::new("p".into(), "k".into(), Quota::default());
    slot.cell().open(Millis(100), Millis(200));
    slot.cell().grant(tokens, tokens / 4, 0, exhausted);
    slot
}

#[test]
fn takes_what_was_granted_and_no_more() {
    let slot = slot(8, false);
    let taken: Vec<Take> = (0..9).map(|_| slot.take(Millis(150))).collect();
    assert_eq!(taken.iter().filter(|t| **t == Take::TakenLow).count(), 1);
    assert_eq!(taken[5], Take::TakenLow);
    assert_eq!(taken[8], Take::Ask);
    slot.cell().grant(0, 0, 0, true);
    assert_eq!(
        slot.take(Millis(150)),
        Take::Exhausted { reset: Millis(200) }
    );
    slot.cell().reopen();
    assert_eq!(slot.take(Millis(150)), Take::Ask);
}

#[test]
fn another_period_needs_another_lease() {
    let slot = slot(8, true);
    assert_eq!(slot.take(Millis(99)), Take::Ask);
    assert_eq!(slot.take(Millis(200)), Take::Ask);
    assert_eq!(slot.remaining(Millis(150)), Some((8, Millis(200))));
    assert_eq!(slot.cell().seal(), 8);
    assert_eq!(slot.take(Millis(150)), Take::Ask);
    assert_eq!(slot.cell().period(), None);
    slot.cell().open(Millis(200), Millis(300));
    slot.cell().grant(1, 0, 0, false);
    assert_eq!(slot.take(Millis(150)), Take::Ask);
    assert_eq!(slot.take(Millis(200)), Take::TakenLow);
    assert_eq!(slot.take(Millis(200)), Take::Ask);
}

#[test]
fn a_slot_gives_back_the_quota_that_was_set() {
    let slot = slot(0, false);
    for (limit, offset, period) in [
        (1, 0, Period::Day),
        (1 << 53, 6, Period::Week),
        (7, 27, Period::Month),
    ] {
        let quota = Quota {
            limit,
            offset,
            period,
        };
        slot.set_quota(quota);
        assert_eq!(slot.quota(), quota);
    }
}

#[test]
fn admitted_and_sealed_make_the_grant_under_threads() {
    let slot = slot(100_000, false);
    let cell = slot.cell();
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
