//! Conversations with the state machine, and properties of it.
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm)]

mod nodes;

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

struct Talk {
    state: State,
    index: u64,
    at: Millis,
}

impl Talk {
    fn new(limit: u64) -> Self {
        let mut talk = Self {
            state: State::default(),
            index: 0,
            at: NOON,
        };
        talk.configure(&[plan(limit), key()]);
        let founded = talk.say(0, nodes::found());
        assert_eq!(founded.reply, Reply::Done);
        talk.boot(1, 1);
        talk
    }

    fn say(&mut self, proposal: u8, command: Command) -> Applied {
        self.index += 1;
        let proposal = ProposalId([proposal; 16]);
        self.state.apply(&Entry {
            index: self.index,
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
fn a_failed_command_changes_nothing_and_tells_no_value() {
    let mut talk = Talk::new(10);
    let before = talk.state.clone();
    let changes = br#"[{"putApiKey": {"value": 17}}]"#.to_vec();
    let refused = talk.say(
        7,
        Command::Configure {
            expected: None,
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

/// What may happen to two nodes that share a quota of a few tokens.
#[derive(Debug, Clone)]
enum Step {
    Ask {
        node: usize,
        want: u64,
    },
    Use {
        node: usize,
        many: u64,
    },
    GiveBack {
        node: usize,
        many: u64,
    },
    Crash {
        node: usize,
    },
    Close {
        node: usize,
    },
    Limit(u64),
    NextDay,
    /// A copy of the last batch arrives once more.
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..2usize;
    prop_oneof![
        6 => (node.clone(), 1..50u64).prop_map(|(node, want)| Step::Ask { node, want }),
        6 => (node.clone(), 1..20u64).prop_map(|(node, many)| Step::Use { node, many }),
        1 => (node.clone(), 1..5u64).prop_map(|(node, many)| Step::GiveBack { node, many }),
        1 => node.clone().prop_map(|node| Step::Crash { node }),
        1 => node.prop_map(|node| Step::Close { node }),
        1 => (0..200u64).prop_map(Step::Limit),
        1 => Just(Step::NextDay),
        2 => Just(Step::Again),
    ]
}

/// A node as the state machine's partner sees it: it spends only what it was granted.
#[derive(Debug, Default, Clone)]
struct Holder {
    incarnation: u32,
    seq: u64,
    lease: u32,
    start: Option<Millis>,
    granted: u64,
    used: u64,
    returned: u64,
}

impl Holder {
    fn left(&self) -> u64 {
        self.granted - self.used - self.returned
    }

    fn item(&self, tokens: u64, close: bool) -> LeaseItem {
        LeaseItem {
            start: self.start,
            close,
            ..want(self.lease, self.used, self.returned, tokens)
        }
    }

    fn renew(&mut self) {
        *self = Self {
            incarnation: self.incarnation,
            seq: self.seq,
            lease: self.lease + 1,
            ..Self::default()
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// What two nodes admit in a window never exceeds the largest limit that it had, whatever
    /// crashes, repeats or is given back; and the state survives a snapshot at every end.
    #[test]
    fn admissions_never_exceed_the_limit(
        limit in 0..200u64,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut talk = Talk::new(limit);
        talk.boot(2, 1);
        let mut holders = [Holder::default(), Holder::default()];
        for holder in &mut holders {
            holder.incarnation = 1;
            holder.lease = 1;
        }
        let mut admitted: BTreeMap<Millis, u64> = BTreeMap::new();
        let mut highest: BTreeMap<u64, u64> = BTreeMap::from([(talk.at.day(), limit)]);
        let mut last: Option<Command> = None;
        for step in steps {
            match step {
                Step::Ask { node, want } => {
                    let holder = &mut holders[node];
                    holder.seq += 1;
                    let batch = LeaseBatch {
                        node: node as u64 + 1,
                        incarnation: holder.incarnation,
                        seq: holder.seq,
                        items: vec![holder.item(want, false)],
                    };
                    last = Some(Command::Lease(batch.clone()));
                    match talk.lease(batch.node, batch.incarnation, batch.seq, batch.items[0].clone()) {
                        LeaseVerdict::Open { start, granted, .. } => {
                            prop_assert!(granted >= holder.granted);
                            holder.granted = granted;
                            holder.start = Some(start);
                        }
                        LeaseVerdict::Closed => holder.renew(),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
                Step::Use { node, many } => {
                    let holder = &mut holders[node];
                    let many = many.min(holder.left());
                    holder.used += many;
                    if let Some(start) = holder.start {
                        *admitted.entry(start).or_default() += many;
                    }
                }
                Step::GiveBack { node, many } => {
                    let holder = &mut holders[node];
                    holder.returned += many.min(holder.left());
                }
                Step::Crash { node } => {
                    let incarnation = holders[node].incarnation + 1;
                    holders[node] = Holder { incarnation, lease: 1, ..Holder::default() };
                    talk.boot(node as u64 + 1, incarnation);
                }
                Step::Close { node } => {
                    let holder = &mut holders[node];
                    holder.seq += 1;
                    let item = holder.item(0, true);
                    talk.lease(node as u64 + 1, holder.incarnation, holder.seq, item);
                    holder.renew();
                }
                Step::Limit(limit) => {
                    talk.configure(&[plan(limit)]);
                    let highest = highest.entry(talk.at.day()).or_default();
                    *highest = (*highest).max(limit);
                }
                Step::NextDay => {
                    talk.at = Millis(talk.at.0 + Millis::DAY);
                    let quota = talk.state.model.usage_plans["gold"].quota.unwrap();
                    highest.insert(talk.at.day(), quota.limit);
                }
                Step::Again => {
                    if let Some(command) = last.clone() {
                        talk.say(0, command);
                    }
                }
            }
            for (start, count) in &admitted {
                prop_assert!(*count <= highest[&start.day()], "{count} at {start:?}");
            }
        }
        let restored = State::restore(&talk.state.snapshot().unwrap()).unwrap();
        prop_assert_eq!(restored, talk.state);
    }

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
