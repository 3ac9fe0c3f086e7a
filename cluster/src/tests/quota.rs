//! A door with a node's leases behind it, on a real disk.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tollgate_config::cells::{QuotaSlot, Take};
use tollgate_model::{ApiKey, Change, Period, Quota, UsagePlan};
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Addresses, Command, ProposalId, Reply};
use tollgate_store::Identity;

use super::hub::{NOON, Script, until};
use crate::{Door, Leases, Opened, Times};

pub(super) fn quota(limit: u64) -> Quota {
    Quota {
        limit,
        offset: 0,
        period: Period::Day,
    }
}

async fn start(dir: &Path, clock: &Arc<Script>) -> (Opened, Leases) {
    let clock: Arc<dyn Clock> = Arc::<Script>::clone(clock);
    let opened = Door::open(dir, clock, || Identity::first("c".repeat(32), NOON)).unwrap();
    let node = opened.identity.node_id;
    let boot = Command::NodeUp {
        node,
        incarnation: opened.incarnation,
        addresses: Addresses::default(),
        version: String::new(),
        levels: (1, 1),
    };
    assert_eq!(
        opened.door.propose(ProposalId::default(), boot).await,
        Ok(Reply::Done)
    );
    let leases = Leases::new(node, opened.incarnation);
    (opened, leases)
}

pub(super) fn configuration(limit: u64) -> Command {
    configuration_of(quota(limit))
}

fn configuration_of(quota: Quota) -> Command {
    let plan = UsagePlan {
        id: "gold".into(),
        quota: Some(quota),
        ..UsagePlan::default()
    };
    let key = ApiKey {
        id: "k".into(),
        usage_plans: vec!["gold".into()],
        ..ApiKey::default()
    };
    let changes = [
        Change::PutUsagePlan(Arc::new(plan)),
        Change::PutApiKey(Arc::new(key)),
    ];
    let changes = serde_json::to_vec(&changes).unwrap();
    Command::Configure {
        expected: None,
        rests_on: None,
        changes,
        who: "root".into(),
    }
}

async fn configure(door: &Door, limit: u64) {
    configure_as(door, quota(limit)).await;
}

async fn configure_as(door: &Door, quota: Quota) {
    let command = configuration_of(quota);
    let reply = door.propose(ProposalId::default(), command).await;
    assert!(matches!(reply, Ok(Reply::Configured(_))), "{reply:?}");
}

fn times(door: &Door, own: Millis) -> Times {
    let cluster = door.read(|state| state.now);
    Times { own, cluster }
}

async fn exchange(door: &Door, leases: &mut Leases, now: Millis) {
    while let Some(batch) = leases.batch(now) {
        match door
            .propose(ProposalId::default(), Command::Lease(batch))
            .await
        {
            Ok(Reply::Leased(replies)) => drop(leases.answer(replies, times(door, now))),
            other => panic!("{other:?}"),
        }
    }
}

/// Takes until the quota says that it is exhausted.
async fn drain(door: &Door, leases: &mut Leases, slot: &QuotaSlot, now: Millis) -> u64 {
    let mut admitted = 0;
    loop {
        match slot.take(now) {
            Take::Taken | Take::TakenLow => admitted += 1,
            Take::Exhausted { .. } => return admitted,
            Take::Ask => {
                leases.want(&(slot.plan.clone(), slot.key.clone()));
                exchange(door, leases, now).await;
            }
        }
    }
}

#[tokio::test]
async fn exactly_the_quota_is_admitted_and_the_next_day_again() {
    for limit in [0, 1, 3, 10, 997, 5_000] {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Script(NOON.0.into()));
        let (opened, mut leases) = start(dir.path(), &clock).await;
        configure(&opened.door, limit).await;
        let slot = leases.slot(&"gold".into(), &"k".into(), quota(limit));
        assert_eq!(drain(&opened.door, &mut leases, &slot, NOON).await, limit);
        let tomorrow = Millis(NOON.0 + Millis::DAY);
        clock.0.store(tomorrow.0, Ordering::SeqCst);
        assert_eq!(
            drain(&opened.door, &mut leases, &slot, tomorrow).await,
            limit
        );
        leases.report();
        exchange(&opened.door, &mut leases, tomorrow).await;
        let days = opened.door.read(|state| {
            state
                .quota
                .bucket(&"gold".into(), &"k".into())
                .unwrap()
                .days
        });
        assert_eq!(days.values().sum::<u64>(), 2 * limit);
    }
}

#[tokio::test]
async fn a_stop_gives_back_and_a_crash_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Script(NOON.0.into()));
    let (opened, mut leases) = start(dir.path(), &clock).await;
    configure(&opened.door, 1000).await;
    let slot = leases.slot(&"gold".into(), &"k".into(), quota(1000));
    leases.want(&(slot.plan.clone(), slot.key.clone()));
    exchange(&opened.door, &mut leases, NOON).await;
    let held = leases.numbers().held;
    assert!(held > 1, "{held}");
    assert_eq!(slot.take(NOON), Take::Taken);
    leases.close_all();
    exchange(&opened.door, &mut leases, NOON).await;
    assert_eq!(slot.take(NOON), Take::Ask);
    leases.want(&(slot.plan.clone(), slot.key.clone()));
    exchange(&opened.door, &mut leases, NOON).await;
    let lost = leases.numbers().held;
    opened.door.close().await;
    opened.ended.await.unwrap().unwrap();

    // What the second lease held was never reported: it counts as spent.
    let (opened, mut leases) = start(dir.path(), &clock).await;
    let slot = leases.slot(&"gold".into(), &"k".into(), quota(1000));
    let admitted = drain(&opened.door, &mut leases, &slot, NOON).await;
    assert_eq!(admitted, 1000 - 1 - lost);
    assert!(lost <= 50, "a crash strands at most a twentieth: {lost}");
}

#[tokio::test]
async fn a_raised_limit_opens_an_exhausted_key() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Script(NOON.0.into()));
    let (opened, mut leases) = start(dir.path(), &clock).await;
    configure(&opened.door, 5).await;
    let slot = leases.slot(&"gold".into(), &"k".into(), quota(5));
    assert_eq!(drain(&opened.door, &mut leases, &slot, NOON).await, 5);
    configure(&opened.door, 8).await;
    // The very next request asks: nobody waits for a report to hear of the change.
    leases.slot(&"gold".into(), &"k".into(), quota(8));
    assert_eq!(slot.take(NOON), Take::Ask);
    assert_eq!(drain(&opened.door, &mut leases, &slot, NOON).await, 3);
}

#[tokio::test]
async fn an_adjusted_key_hears_of_it_when_it_asks() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Script(NOON.0.into()));
    let (opened, mut leases) = start(dir.path(), &clock).await;
    configure(&opened.door, 5).await;
    let slot = leases.slot(&"gold".into(), &"k".into(), quota(5));
    assert_eq!(drain(&opened.door, &mut leases, &slot, NOON).await, 5);
    leases.report();
    exchange(&opened.door, &mut leases, NOON).await;
    let adjust = Command::AdjustUsage {
        plan: "gold".into(),
        key: "k".into(),
        remaining: 2,
    };
    opened
        .door
        .propose(ProposalId([1; 16]), adjust)
        .await
        .unwrap();
    assert!(matches!(slot.take(NOON), Take::Exhausted { .. }));
    leases.report_and_ask();
    exchange(&opened.door, &mut leases, NOON).await;
    assert_eq!(drain(&opened.door, &mut leases, &slot, NOON).await, 2);
}

/// The day and the week begin together: only their ends tell them apart.
#[tokio::test]
async fn what_was_held_of_a_week_is_not_spent_of_the_day() {
    let weekly = Quota {
        period: Period::Week,
        ..quota(1_000)
    };
    for heard in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Script(NOON.0.into()));
        let (opened, mut leases) = start(dir.path(), &clock).await;
        configure_as(&opened.door, weekly).await;
        let slot = leases.slot(&"gold".into(), &"k".into(), weekly);
        leases.want(&(slot.plan.clone(), slot.key.clone()));
        exchange(&opened.door, &mut leases, NOON).await;
        assert!(slot.cell().left() > 10);
        configure(&opened.door, 1_000).await;
        if heard {
            leases.slot(&"gold".into(), &"k".into(), quota(1_000));
        } else {
            // The answer to an ask may come before this node compiled the change.
            leases.want(&(slot.plan.clone(), slot.key.clone()));
            let command = Command::Lease(leases.batch(NOON).unwrap());
            match opened.door.propose(ProposalId::default(), command).await {
                Ok(Reply::Leased(replies)) => {
                    drop(leases.answer(replies, times(&opened.door, NOON)));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(slot.take(NOON), Take::Ask, "{heard}");
        let admitted = drain(&opened.door, &mut leases, &slot, NOON).await;
        assert_eq!(admitted, 1_000, "{heard}");
    }
}

#[tokio::test]
async fn what_is_held_goes_back_when_less_is_left() {
    for (remaining, limit) in [(0, None), (3, None), (3, Some(8)), (0, Some(2))] {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Script(NOON.0.into()));
        let (opened, mut leases) = start(dir.path(), &clock).await;
        configure(&opened.door, 1000).await;
        let slot = leases.slot(&"gold".into(), &"k".into(), quota(1000));
        for _ in 0..5 {
            if slot.take(NOON) == Take::Ask {
                leases.want(&(slot.plan.clone(), slot.key.clone()));
                exchange(&opened.door, &mut leases, NOON).await;
                assert!(matches!(slot.take(NOON), Take::Taken | Take::TakenLow));
            }
        }
        assert!(leases.numbers().held > 10);
        leases.report();
        exchange(&opened.door, &mut leases, NOON).await;
        if let Some(limit) = limit {
            configure(&opened.door, limit).await;
            leases.slot(&"gold".into(), &"k".into(), quota(limit));
        } else {
            let (plan, key) = ("gold".into(), "k".into());
            let adjust = Command::AdjustUsage {
                plan,
                key,
                remaining,
            };
            opened
                .door
                .propose(ProposalId([1; 16]), adjust)
                .await
                .unwrap();
            leases.want(&(slot.plan.clone(), slot.key.clone()));
            let command = Command::Lease(leases.batch(NOON).unwrap());
            match opened.door.propose(ProposalId::default(), command).await {
                Ok(Reply::Leased(replies)) => {
                    drop(leases.answer(replies, times(&opened.door, NOON)));
                }
                other => panic!("{other:?}"),
            }
        }
        // Nothing more is admitted while what was held is on its way back.
        assert_eq!(leases.numbers().held, 0);
        let admitted = drain(&opened.door, &mut leases, &slot, NOON).await;
        assert_eq!(admitted, remaining, "{limit:?}");
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart_and_snapshots_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(Script(NOON.0.into()));
    let (opened, _) = start(dir.path(), &clock).await;
    configure(&opened.door, 5).await;
    let before = opened.door.read(Clone::clone);
    // Enough bytes that a snapshot is due.
    let filler = "x".repeat(1024 * 1024);
    for n in 0..40 {
        let command = Command::Configure {
            expected: None,
            rests_on: None,
            changes: b"[]".to_vec(),
            who: filler.clone(),
        };
        opened
            .door
            .propose(ProposalId([n; 16]), command)
            .await
            .unwrap();
    }
    // Whether one is due is looked at now and then, not at every entry.
    let snapshot = || opened.door.members().snapshot;
    until("a snapshot", snapshot, |it| *it > 0).await;
    opened.door.close().await;
    opened.ended.await.unwrap().unwrap();
    let snapshots = std::fs::read_dir(dir.path())
        .unwrap()
        .filter(|it| {
            it.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with(".tgs")
        })
        .count();
    assert!(snapshots >= 1);
    let (opened, _) = start(dir.path(), &clock).await;
    let after = opened.door.read(Clone::clone);
    assert_eq!(after.model, before.model);
    assert_eq!(after.revision.0, before.revision.0 + 40);
}
