//! Conversations with the state machine, and properties of it.
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm)]

mod bugs;
mod conversations;
mod every;
mod history;
mod iam;
pub(crate) mod levels;
mod nodes;
mod random;
mod snapshot;
mod succession;
mod world;

pub(crate) use bugs::planted;

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use tollgate_model::{ApiKey, Change, Model, Period, Quota, UsagePlan, diff};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::Revision;

use crate::*;

const NOON: Millis = Millis(20_779 * Millis::DAY + Millis::DAY / 2);

fn plan(limit: u64) -> Change {
    let quota = Quota {
        limit,
        offset: 0,
        period: Period::Day,
    };
    let plan = UsagePlan {
        id: "gold".into(),
        quota: Some(quota),
        ..UsagePlan::default()
    };
    Change::PutUsagePlan(Arc::new(plan))
}

fn key() -> Change {
    let key = ApiKey {
        id: "k".into(),
        usage_plans: vec!["gold".into()],
        ..ApiKey::default()
    };
    Change::PutApiKey(Arc::new(key))
}

#[derive(Clone)]
struct Talk {
    state: State,
    at: Millis,
}

impl Talk {
    fn new(limit: u64) -> Self {
        let mut talk = Self {
            state: State::default(),
            at: NOON,
        };
        talk.configure(&[plan(limit), key()]);
        let founded = talk.say(0, nodes::found());
        assert_eq!(founded.reply, Reply::Done);
        talk.boot(1, 1);
        talk
    }

    fn say(&mut self, proposal: u8, command: Command) -> Applied {
        let proposal = ProposalId([proposal; 16]);
        self.state.apply(&Entry {
            at: self.at,
            proposal,
            command,
        })
    }

    fn configure(&mut self, changes: &[Change]) -> Applied {
        let changes = serde_json::to_vec(changes).unwrap();
        self.say(
            0,
            Command::Configure {
                expected: None,
                rests_on: None,
                changes,
                who: "root".into(),
            },
        )
    }

    fn boot(&mut self, node: NodeId, incarnation: u32) {
        while u64::try_from(self.state.nodes().len()).unwrap() < node {
            nodes::join(self, 100 + u8::try_from(self.state.nodes().len()).unwrap());
        }
        let applied = self.say(0, nodes::up(node, incarnation));
        assert_eq!(applied.reply, Reply::Done);
    }

    fn lease(&mut self, node: NodeId, incarnation: u32, seq: u64, item: LeaseItem) -> LeaseVerdict {
        let batch = LeaseBatch {
            node,
            incarnation,
            seq,
            items: vec![item],
        };
        match self.say(0, Command::Lease(batch)).reply {
            Reply::Leased(replies) => replies[0].verdict.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn out(&self) -> u64 {
        let bucket = self
            .state
            .quota
            .bucket(&"gold".into(), &"k".into())
            .unwrap();
        let window = &bucket.current;
        window.spent + window.assumed + window.held()
    }
}

fn want(lease: u32, used: u64, returned: u64, want: u64) -> LeaseItem {
    LeaseItem {
        plan: "gold".into(),
        key: "k".into(),
        start: None,
        lease,
        used,
        returned,
        want,
        waiting: 0,
        demand: 1000,
        close: false,
    }
}

fn granted(verdict: &LeaseVerdict) -> u64 {
    match verdict {
        LeaseVerdict::Open { granted, .. } => *granted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_node_gets_all_of_a_quota_and_no_more() {
    for limit in [0, 1, 2, 7, 10, 100, 12_345] {
        let mut talk = Talk::new(limit);
        let (mut used, mut seq) = (0, 0);
        loop {
            seq += 1;
            let got = granted(&talk.lease(1, 1, seq, want(1, used, 0, 1000)));
            assert!(got <= limit);
            if got == used {
                break;
            }
            used = got;
        }
        assert_eq!(used, limit);
    }
}

#[test]
fn a_repeated_batch_grants_once() {
    let mut talk = Talk::new(100);
    let first = granted(&talk.lease(1, 1, 1, want(1, 0, 0, 10)));
    let again = granted(&talk.lease(1, 1, 1, want(1, 0, 0, 10)));
    assert_eq!((first, again), (5, 5));
}

#[test]
fn a_crash_counts_what_was_held_as_spent() {
    let mut talk = Talk::new(100);
    assert_eq!(granted(&talk.lease(1, 1, 1, want(1, 0, 0, 10))), 5);
    talk.boot(1, 2);
    assert_eq!(talk.out(), 5);
    let stale = talk.say(
        0,
        Command::Lease(LeaseBatch {
            node: 1,
            incarnation: 1,
            seq: 2,
            items: vec![want(1, 3, 0, 10)],
        }),
    );
    assert_eq!(stale.reply, Reply::Stale);
}

#[test]
fn a_closed_lease_gives_back_what_it_did_not_use() {
    let mut talk = Talk::new(100);
    talk.lease(1, 1, 1, want(1, 0, 0, 10));
    let close = LeaseItem {
        close: true,
        ..want(1, 2, 3, 0)
    };
    assert_eq!(talk.lease(1, 1, 2, close.clone()), LeaseVerdict::Closed);
    assert_eq!(talk.out(), 2);
    assert_eq!(talk.lease(1, 1, 3, close), LeaseVerdict::Closed);
    assert_eq!(talk.out(), 2);
}

#[test]
fn a_new_window_starts_full_and_late_reports_count_in_theirs() {
    let mut talk = Talk::new(10);
    let start = Millis(20_779 * Millis::DAY);
    assert_eq!(granted(&talk.lease(1, 1, 1, want(1, 0, 0, 10))), 1);
    talk.at = Millis(NOON.0 + Millis::DAY);
    let late = LeaseItem {
        start: Some(start),
        ..want(1, 1, 0, 5)
    };
    assert_eq!(talk.lease(1, 1, 2, late), LeaseVerdict::Closed);
    assert_eq!(granted(&talk.lease(1, 1, 3, want(2, 0, 0, 10))), 1);
    let bucket = talk
        .state
        .quota
        .bucket(&"gold".into(), &"k".into())
        .unwrap();
    assert_eq!(bucket.days, BTreeMap::from([(20_779, 1)]));
}

#[test]
fn a_lease_of_a_period_that_was_changed_ends_in_its_own_window() {
    // On the first of a month a day and the month begin together; on the next day they do not.
    for day in [20_788, 20_789] {
        let start = Millis(day * Millis::DAY);
        let mut talk = Talk::new(1000);
        talk.at = Millis(start.0 + 5);
        let got = granted(&talk.lease(1, 1, 1, want(1, 0, 0, 100)));
        assert!(got > 3, "{got}");
        let Change::PutUsagePlan(before) = plan(1000) else {
            panic!()
        };
        let quota = Quota {
            limit: 1000,
            offset: 0,
            period: Period::Month,
        };
        let monthly = UsagePlan {
            quota: Some(quota),
            ..(*before).clone()
        };
        talk.configure(&[Change::PutUsagePlan(Arc::new(monthly))]);
        // Sent before the node heard of it.
        let of_it = |used, returned| LeaseItem {
            start: Some(start),
            ..want(1, used, returned, 100)
        };
        assert_eq!(talk.lease(1, 1, 2, of_it(0, 0)), LeaseVerdict::Closed);
        let close = LeaseItem {
            close: true,
            ..of_it(3, got - 3)
        };
        assert_eq!(talk.lease(1, 1, 3, close), LeaseVerdict::Closed);
        let next = granted(&talk.lease(1, 1, 4, want(2, 0, 0, 100)));
        let bucket = talk.state.quota.bucket(&"gold".into(), &"k".into());
        let bucket = bucket.unwrap();
        let previous = bucket.previous.unwrap();
        assert_eq!((previous.spent, previous.held()), (3, 0));
        assert_eq!(previous.leases().count(), 0);
        assert_eq!((bucket.current.spent, bucket.current.held()), (0, next));
        let open: Vec<_> = bucket.current.leases().map(|(id, _)| id.lease).collect();
        assert_eq!(open, [2]);
    }
}

#[test]
fn impossible_numbers_bar_a_lease() {
    let mut talk = Talk::new(100);
    talk.lease(1, 1, 1, want(1, 0, 0, 10));
    assert_eq!(
        talk.lease(1, 1, 2, want(1, 50, 0, 10)),
        LeaseVerdict::Impossible
    );
    assert_eq!(granted(&talk.lease(1, 1, 3, want(1, 5, 0, 10))), 5);
}

#[test]
fn remaining_can_be_set() {
    let mut talk = Talk::new(10);
    let adjust = |remaining| Command::AdjustUsage {
        plan: "gold".into(),
        key: "k".into(),
        remaining,
    };
    assert_eq!(talk.say(1, adjust(3)).reply, Reply::Done);
    let mut used = 0;
    for seq in 1..10 {
        used = granted(&talk.lease(1, 1, seq, want(1, used, 0, 10)));
    }
    assert_eq!(used, 3);
    let other = Command::AdjustUsage {
        plan: "gold".into(),
        key: "x".into(),
        remaining: 3,
    };
    assert!(matches!(talk.say(2, other).reply, Reply::Refused(_)));
}

#[test]
fn a_retry_is_answered_and_not_done_again() {
    let mut talk = Talk::new(10);
    let before = talk.state.revision;
    let changes = serde_json::to_vec(&[key()]).unwrap();
    let command = Command::Configure {
        expected: Some(before),
        rests_on: None,
        changes,
        who: "root".into(),
    };
    let first = talk.say(9, command.clone());
    assert_eq!(first.reply, Reply::Configured(Revision(before.0 + 1)));
    let again = talk.say(9, command.clone());
    assert_eq!((again.reply, again.effects), (first.reply, vec![]));
    let other = talk.say(8, command);
    assert_eq!(other.reply, Reply::Conflict(Revision(before.0 + 1)));
}

#[test]
fn no_changes_confirm_a_revision_and_make_none() {
    let mut talk = Talk::new(10);
    let before = talk.state.clone();
    let mut confirm = |number, expected| {
        let command = Command::Configure {
            expected: Some(expected),
            rests_on: None,
            changes: Vec::new(),
            who: "root".into(),
        };
        let applied = talk.say(number, command);
        assert_eq!(applied.effects, vec![]);
        applied.reply
    };
    let now = before.revision;
    assert_eq!(confirm(8, now), Reply::Configured(now));
    assert_eq!(confirm(9, Revision(now.0 - 1)), Reply::Conflict(now));
    assert_eq!(talk.state.revision, now);
    assert_eq!(talk.state.history().count(), before.history().count());
}

#[test]
fn a_failed_command_changes_nothing_and_tells_no_value() {
    let mut talk = Talk::new(10);
    let before = talk.state.clone();
    let changes = br#"[{"putApiKey": {"value": 17}}]"#.to_vec();
    let refused = talk.say(
        7,
        Command::Configure {
            expected: None,
            rests_on: None,
            changes,
            who: "r".into(),
        },
    );
    let Reply::Refused(text) = refused.reply else {
        panic!()
    };
    assert!(!text.contains("17"), "{text}");
    assert_eq!(
        (talk.state.revision, &talk.state.model),
        (before.revision, &before.model)
    );
}

#[test]
fn time_never_runs_backwards() {
    let mut talk = Talk::new(10);
    talk.at = Millis(NOON.0 + 50);
    talk.boot(2, 1);
    talk.at = Millis(5);
    talk.boot(2, 2);
    assert_eq!(talk.state.now, Millis(NOON.0 + 50));
    let restored = State::restore(&talk.state.snapshot().unwrap()).unwrap();
    assert_eq!(restored.now, Millis(NOON.0 + 50));
}

proptest! {
    /// Applying what `diff` says turns one model into the other.
    #[test]
    fn diffs_are_complete(
        old in prop::collection::btree_map(0..6u8, any::<bool>(), 0..6),
        new in prop::collection::btree_map(0..6u8, any::<bool>(), 0..6),
    ) {
        let model = |keys: &BTreeMap<u8, bool>| {
            let mut model = Model::default();
            for (id, enabled) in keys {
                let id = id.to_string();
                let key = ApiKey { id: id.as_str().into(), enabled: *enabled, ..ApiKey::default() };
                model.apply(Change::PutApiKey(Arc::new(key)));
            }
            model
        };
        let (mut old, new) = (model(&old), model(&new));
        let changes: Vec<Change> = diff(&old, &new);
        for change in changes {
            old.apply(change);
        }
        prop_assert_eq!(old, new);
    }
}
