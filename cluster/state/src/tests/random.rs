//! Random histories of three nodes: what may happen happens in any order, and the invariants hold
//! after every step. Faults that are planted are found.

use proptest::strategy::ValueTree;

use super::bugs::plant;
use super::world::{HolderBug, World};
use super::*;
use crate::quota::Bug;

#[derive(Debug, Clone)]
enum Step {
    Ask {
        node: usize,
        tokens: u64,
    },
    Admit {
        node: usize,
        many: u64,
    },
    /// Messages arrive in any order.
    Deliver(usize),
    Lose(usize),
    Repeat(usize),
    Resend(usize),
    Crash(usize),
    Remove(usize),
    Close(usize),
    Recall(usize),
    Limit(u64),
    NextDay,
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..3usize;
    prop_oneof![
        12 => (node.clone(), 1..50u64).prop_map(|(node, tokens)| Step::Ask { node, tokens }),
        12 => (node.clone(), 1..20u64).prop_map(|(node, many)| Step::Admit { node, many }),
        24 => any::<usize>().prop_map(Step::Deliver),
        2 => any::<usize>().prop_map(Step::Lose),
        3 => any::<usize>().prop_map(Step::Repeat),
        3 => node.clone().prop_map(Step::Resend),
        1 => node.clone().prop_map(Step::Crash),
        1 => node.clone().prop_map(Step::Remove),
        1 => node.clone().prop_map(Step::Close),
        3 => node.prop_map(Step::Recall),
        1 => (0..200u64).prop_map(Step::Limit),
        1 => Just(Step::NextDay),
    ]
}

fn take(world: &mut World, step: &Step) {
    let some = |at: usize, world: &World| at.checked_rem(world.net.len());
    match *step {
        Step::Ask { node, tokens } => world.ask(node, tokens),
        Step::Admit { node, many } => {
            for _ in 0..many {
                world.admit(node);
            }
        }
        Step::Deliver(at) => {
            if let Some(at) = some(at, world) {
                world.deliver(at);
            }
        }
        Step::Lose(at) => {
            let at = some(at, world);
            // What a node applies is not lost: it comes with the log.
            let lossy = |it: &usize| !matches!(world.net[*it], world::Message::Reopened(..));
            if let Some(at) = at.filter(lossy) {
                world.net.remove(at);
            }
        }
        Step::Repeat(at) => {
            if let Some(at) = some(at, world) {
                let message = world.net[at].clone();
                world.net.push(message);
            }
        }
        Step::Resend(node) => world.resend(node),
        Step::Crash(node) => world.crash(node),
        Step::Remove(node) => world.remove(node),
        Step::Close(node) => world.close(node),
        Step::Recall(node) => world.net.push(world::Message::Recall(node as u64 + 1)),
        Step::Limit(limit) => world.limit(limit),
        Step::NextDay => world.next_day(),
    }
}

fn history(limit: u64, steps: &[Step], bug: Option<HolderBug>) -> Result<World, TestCaseError> {
    let mut world = World::new(3, limit);
    world.bug = bug;
    for step in steps {
        take(&mut world, step);
        world.wrong().map_err(TestCaseError::fail)?;
    }
    Ok(world)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..250)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_must_be_true_of_quotas_is_true_after_every_step(
        limit in prop_oneof![0..6u64, 0..200u64],
        steps in steps(),
    ) {
        let mut world = history(limit, &steps, None)?;
        // Once nothing is lost any more, all that is left is admitted before anybody refuses.
        world.drain().map_err(TestCaseError::fail)?;
        // Reports: an answer to the first can still bring a lease to close.
        for node in (0..3).chain(0..3).chain(0..3) {
            world.resend(node);
            world.ask(node, 0);
            while !world.net.is_empty() {
                world.deliver(0);
            }
        }
        let bucket = world.talk.state.quota.bucket(&"gold".into(), &"k".into()).unwrap();
        let quota = world.talk.state.model.usage_plans["gold"].quota.unwrap();
        prop_assert_eq!(bucket.current.free(&quota), 0);
        prop_assert_eq!(bucket.current.held(), 0);
        let restored = State::restore(&world.talk.state.snapshot().unwrap()).unwrap();
        prop_assert_eq!(restored, world.talk.state);
    }
}

/// Whether random histories find a fault.
fn found(state: Option<Bug>, holder: Option<HolderBug>) -> bool {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    plant(state);
    let found = (0..400).any(|_| {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        history(7, &steps, holder).is_err()
    });
    plant(None);
    found
}

#[test]
fn planted_faults_are_found() {
    assert!(!found(None, None));
    assert!(found(Some(Bug::AssumedLeftOut), None));
    assert!(found(Some(Bug::SeqGuardDropped), None));
    assert!(found(None, Some(HolderBug::GrantCountedTwice)));
    assert!(found(None, Some(HolderBug::ReturnedBeforeTaken)));
    assert!(found(None, Some(HolderBug::DeafToReopening)));
}
