//! Very many slots: what a node tells of them, and in which order.

use std::sync::Arc;

use tollgate_config::cells::{QuotaSlot, Take};
use tollgate_model::Quota;
use tollgate_protocol::Millis;
use tollgate_state::{LeaseItem, LeaseReply, LeaseVerdict};

use super::{BATCH_ITEMS_MAX, LOOKED_AT_MAX, Leases, Place, REPORTED_MAX, REPORTS_KEPT, Times};

const NOW: Millis = Millis(1_000);

/// Every item of what there is to say, in order; all that is wanted is granted, once.
fn exchange(leases: &mut Leases) -> Vec<LeaseItem> {
    let mut said = Vec::new();
    loop {
        let items = exchange_one(leases);
        if items.is_empty() {
            return said;
        }
        said.extend(items);
    }
}

/// The items of one batch, none when there is nothing to say.
fn exchange_one(leases: &mut Leases) -> Vec<LeaseItem> {
    let items = leases.batch(NOW).map(|it| it.items).unwrap_or_default();
    let open = LeaseVerdict::Open {
        start: Millis(0),
        end: Millis(Millis::DAY),
        granted: 100,
        cap: 1_000,
        free: 900,
        elsewhere: 0,
    };
    let replies = items.iter().map(|item| LeaseReply {
        plan: item.plan.clone(),
        key: item.key.clone(),
        lease: item.lease,
        verdict: if item.close {
            LeaseVerdict::Closed
        } else {
            open.clone()
        },
    });
    drop(leases.answer(replies.collect(), Times::agreed(NOW)));
    items
}

fn place(slot: &QuotaSlot) -> Place {
    (slot.plan.clone(), slot.key.clone())
}

/// So many slots, each with a lease of which a request took a token.
fn in_use(count: usize) -> (Leases, Vec<Arc<QuotaSlot>>) {
    let mut leases = Leases::new(1, 1);
    let key = |at: usize| format!("k{at:06}").as_str().into();
    let slots: Vec<_> = (0..count)
        .map(|at| leases.slot(&"p".into(), &key(at), Quota::default()))
        .collect();
    for slot in &slots {
        assert!(leases.want(&place(slot)));
    }
    assert_eq!(exchange(&mut leases).len(), count);
    take_all(&slots);
    (leases, slots)
}

fn take_all(slots: &[Arc<QuotaSlot>]) {
    for slot in slots {
        assert_eq!(slot.take(NOW), Take::Taken);
    }
}

#[test]
fn of_very_many_slots_some_tell_at_a_time_and_all_in_turn() {
    let count = LOOKED_AT_MAX + 300;
    let (mut leases, slots) = in_use(count);
    let mut told = std::collections::BTreeMap::new();
    let mut turns = 0;
    while told.len() < count {
        leases.report_some();
        let said = exchange(&mut leases);
        assert!((1..=REPORTED_MAX).contains(&said.len()), "{}", said.len());
        for item in said {
            assert_eq!((item.used, item.want), (1, 0));
            assert!(told.insert(item.key.clone(), ()).is_none(), "{}", item.key);
        }
        turns += 1;
    }
    assert_eq!(turns, count.div_ceil(REPORTED_MAX));
    // All have told: a turn looks at some and finds nothing; then one that is far away is found.
    leases.report_some();
    assert!(!leases.has_news());
    take_all(&slots[LOOKED_AT_MAX..][..1]);
    for _ in 0..2 {
        leases.report_some();
    }
    assert_eq!(exchange(&mut leases).len(), 1);
}

#[test]
fn a_slot_that_only_told_what_it_spent_still_asks_in_time() {
    let (mut leases, slots) = in_use(1);
    // Of 100 it took one. What it tells now brings no more.
    for _ in 0..3 {
        leases.report();
        assert_eq!(exchange(&mut leases).len(), 1);
        assert_eq!(slots[0].take(NOW), Take::Taken);
    }
    let (slot, place) = (&slots[0], place(&slots[0]));
    let low_with = |leases: &mut Leases| {
        while slot.take(NOW) != Take::TakenLow {
            assert!(slot.cell().left() > 0, "it never asked");
        }
        leases.want(&place);
        assert_eq!(exchange(leases).len(), 1);
        slot.cell().left()
    };
    assert_eq!(low_with(&mut leases), 25);
    // In vain: it asks again before it has nothing.
    assert_eq!(low_with(&mut leases), 6);
    assert_eq!(low_with(&mut leases), 1);
}

#[test]
fn who_reads_has_all_tell_and_who_wants_comes_first() {
    let (mut leases, slots) = in_use(5_000);
    let last = slots.last().expect("a slot");
    // Of one alone, and only if there is news of it.
    leases.report_of(&place(last));
    assert_eq!(exchange(&mut leases).len(), 1);
    leases.report_of(&place(last));
    assert!(!leases.has_reports());
    assert_eq!(last.take(NOW), Take::Taken);
    leases.report();
    assert!(leases.has_reports());
    leases.want(&place(last));
    let said = exchange(&mut leases);
    assert!(!leases.has_reports());
    assert_eq!(said.len(), slots.len(), "nobody tells twice");
    assert_eq!(said[0].key, last.key);
    assert!(said[0].want > 0);
    assert_eq!(said.iter().map(|it| it.used).sum::<u64>(), 5_001);
}

#[test]
fn of_more_wants_than_a_batch_has_items_each_has_its_turn_and_reports_get_through() {
    let (mut leases, slots) = in_use(2 * BATCH_ITEMS_MAX + 500);
    leases.report();
    let mut asked = std::collections::BTreeSet::new();
    let mut told = 0;
    for _ in 0..3 {
        // All of them again, as often as a batch is answered.
        for slot in &slots {
            assert!(leases.want(&place(slot)));
        }
        let said = exchange_one(&mut leases);
        // One that wants may need two items.
        assert_eq!(said.len(), BATCH_ITEMS_MAX - 1);
        let wants = said.iter().filter(|it| it.want > 0);
        asked.extend(wants.map(|it| it.key.clone()));
        told += said.iter().filter(|it| it.want == 0).count();
    }
    assert!(told >= REPORTS_KEPT, "{told}");
    assert_eq!(asked.len(), slots.len());
}

#[test]
fn leases_that_a_lower_limit_ended_are_told_before_reports_are_said_to_be() {
    let (mut leases, slots) = in_use(2 * BATCH_ITEMS_MAX + 500);
    let higher = Quota {
        limit: 9,
        ..Quota::default()
    };
    leases.set_quota(&"p".into(), higher);
    let lower = Quota { limit: 5, ..higher };
    leases.set_quota(&"p".into(), lower);
    let mut used = 0;
    let mut batches = 0;
    while leases.has_reports() {
        let said = exchange_one(&mut leases);
        assert!(said.iter().all(|it| it.close), "what is over is told first");
        used += said.iter().map(|it| it.used).sum::<u64>();
        batches += 1;
    }
    assert_eq!((used, batches), (slots.len() as u64, 3));
}

#[test]
fn a_burst_after_a_quiet_time_asks_at_once_and_for_what_it_spent() {
    let (mut leases, slots) = in_use(1);
    let (slot, place) = (&slots[0], place(&slots[0]));
    let spend = |now, tokens| {
        for _ in 0..tokens {
            assert!(matches!(slot.take(now), Take::Taken | Take::TakenLow));
        }
    };
    // One token in an hour, then most of the rest in an instant.
    let later = Millis(NOW.0 + 3_600_000);
    spend(later, 74);
    assert!(leases.lasts_ms(&place, later) < 500, "as if for an hour");
    leases.want(&place);
    let asked = leases.batch(later).unwrap().items;
    assert!(asked[0].demand >= 74, "{:?}", asked[0]);
}

#[test]
fn a_clock_that_was_set_back_does_not_stop_the_measure_of_demand() {
    let (mut leases, slots) = in_use(1);
    let place = place(&slots[0]);
    let before = Millis(NOW.0 - 900);
    assert_eq!(leases.lasts_ms(&place, before), 0, "not known: it asks now");
    let later = Millis(before.0 + 800);
    // Of 100 one was spent, and one in 800 ms is what is known.
    assert_eq!(leases.lasts_ms(&place, later), 99 * 800);
}

/// Asks for a token, at a time; in how many batches.
fn ask(leases: &mut Leases, place: &Place, times: Times) -> usize {
    let day = times.cluster.0 / Millis::DAY * Millis::DAY;
    let open = LeaseVerdict::Open {
        start: Millis(day),
        end: Millis(day + Millis::DAY),
        granted: 10,
        cap: 1_000,
        free: 900,
        elsewhere: 0,
    };
    leases.want(place);
    let mut batches = 0;
    while let Some(batch) = leases.batch(times.own) {
        let replies = batch.items.into_iter().map(|item| LeaseReply {
            plan: item.plan,
            key: item.key,
            lease: item.lease,
            verdict: if item.close {
                LeaseVerdict::Closed
            } else {
                open.clone()
            },
        });
        drop(leases.answer(replies.collect(), times));
        batches += 1;
    }
    batches
}

/// Regression: a node whose clock was of another window than the cluster's asked again and again,
/// without a pause, and served nobody meanwhile.
#[test]
fn windows_are_the_clusters_also_where_the_clock_is_wrong() {
    let midnight = 20_000 * Millis::DAY;
    for (error_ms, began) in [
        (-50, midnight),
        (-3_600_000, midnight + 10),
        (-86_400_000, midnight + 5_000_000),
        (50, midnight + Millis::DAY - 1),
        (3_600_000, midnight + Millis::DAY - 60_000),
        (172_800_000, midnight + 5_000_000),
    ] {
        let at = |cluster: u64| Times {
            own: Millis(cluster.saturating_add_signed(error_ms)),
            cluster: Millis(cluster),
        };
        let mut leases = Leases::new(1, 1);
        let slot = leases.slot(&"p".into(), &"k".into(), Quota::default());
        let place = place(&slot);
        for (asked, window) in [
            (began, midnight),
            (midnight + Millis::DAY, midnight + Millis::DAY),
        ] {
            let ends = window + Millis::DAY;
            assert_eq!(slot.take(at(asked).own), Take::Ask, "{error_ms}");
            assert_eq!(ask(&mut leases, &place, at(asked)), 1, "{error_ms}");
            assert_eq!(leases.window(&place), Some(Millis(window)), "{error_ms}");
            assert_eq!(slot.take(at(asked).own), Take::Taken, "{error_ms}");
            if asked == began {
                assert_eq!(slot.take(at(ends - 1).own), Take::Taken, "{error_ms}");
            }
        }
    }
}

#[test]
fn who_stood_still_over_midnight_while_he_was_answered_has_no_wrong_clock() {
    let midnight = 20_000 * Millis::DAY;
    let mut leases = Leases::new(1, 1);
    let slot = leases.slot(&"p".into(), &"k".into(), Quota::default());
    leases.want(&place(&slot));
    let asked = Millis(midnight - 5);
    let items = leases.batch(asked).unwrap().items;
    let reply = LeaseReply {
        plan: items[0].plan.clone(),
        key: items[0].key.clone(),
        lease: items[0].lease,
        verdict: LeaseVerdict::Open {
            start: Millis(midnight - Millis::DAY),
            end: Millis(midnight),
            granted: 10,
            cap: 1_000,
            free: 900,
            elsewhere: 0,
        },
    };
    let later = Millis(midnight + 3_600_000);
    let times = Times {
        own: later,
        cluster: asked,
    };
    drop(leases.answer(vec![reply], times));
    assert_eq!(slot.take(later), Take::Ask, "a token of yesterday");
}
