//! What a cluster under load, with nothing lost, lets in of a rate.

use tollgate_config::cells::WHOLE;

use super::{Limit, MS, Model, STEP_US};
use crate::rates::limits;

/// Two seconds until all is divided, then ten under load; what was let in of what could be.
fn busy(count: usize, limit: Limit, ask: impl Fn(&mut Model, u64)) -> f64 {
    let (burst, rate) = (limit.throttle.burst_limit, limit.throttle.rate_limit);
    let mut model = Model::new(7, count, vec![limit]);
    model.hear_of_leaders();
    let until = |model: &mut Model, us: u64| {
        while model.now < us {
            let now = model.now;
            ask(model, now);
            model.step().unwrap();
        }
    };
    until(&mut model, limits::WAIT_US + 2_000 * MS);
    let before = model.limits[0].admitted;
    let from = model.now;
    until(&mut model, from + 10_000 * MS);
    let admitted = (model.limits[0].admitted - before) as f64;
    assert!(admitted <= f64::from(burst) + rate.as_f64() * 10.01);
    admitted / (rate.as_f64() * 10.0)
}

#[test]
fn nearly_all_of_a_rate_is_admitted_wherever_the_requests_come_in() {
    for count in [1, 2, 3, 5] {
        let skewed = busy(count, Limit::new("wide", 50, 100), |model, _| {
            model.ask(0, 0, 2).unwrap();
        });
        let even = busy(count, Limit::new("wide", 50, 100), |model, now| {
            let at = (now / STEP_US) as usize % model.nodes.len();
            model.ask(at, 0, 2).unwrap();
        });
        let moving = busy(count, Limit::new("wide", 50, 100), |model, now| {
            let at = (now / 5_000_000) as usize % model.nodes.len();
            model.ask(at, 0, 2).unwrap();
        });
        println!("{count} nodes: even {even:.3}, skewed {skewed:.3}, moving {moving:.3}");
        assert!(skewed >= 0.9, "{count}: {skewed}");
        assert!(even >= 0.95, "{count}: {even}");
        assert!(moving >= 0.8, "{count}: {moving}");
    }
}

/// The smallest bursts that are divided, among numbers of nodes that 840 and 15,120 parts are not
/// multiples of.
#[test]
fn every_node_of_many_gets_a_token_of_a_small_burst() {
    for count in [9, 11, 13, 17] {
        let burst = limits::divided_from(count);
        let mut model = Model::new(5, count, vec![Limit::new("small", burst.into(), 500)]);
        model.hear_of_leaders();
        let end = limits::WAIT_US + 4_000 * MS;
        let mut admitted = vec![0; count];
        while model.now < end {
            model.step().unwrap();
            // A single node would be given nearly all of it: they take turns.
            let at = (model.now / STEP_US) as usize % count;
            if model.now >= limits::WAIT_US + 2_000 * MS {
                admitted[at] += model.ask(at, 0, 1).unwrap();
            }
        }
        assert!(admitted.iter().all(|it| *it > 0), "{count}: {admitted:?}");
        let (all, asked) = (admitted.iter().sum::<u64>(), 2_000 * MS / STEP_US);
        assert!(all * 10 >= asked * 9, "{count}: {all} of {asked}");
    }
}

#[test]
fn a_node_that_is_cut_off_has_the_floor_and_no_more() {
    let mut model = Model::new(3, 3, vec![Limit::new("wide", 100, 200)]);
    model.hear_of_leaders();
    let wait = |model: &mut Model, us: u64| {
        let end = model.now + us;
        while model.now < end {
            model.step().unwrap();
        }
    };
    wait(&mut model, limits::WAIT_US + 1_000 * MS);
    assert_eq!(model.nodes[2].share(0), WHOLE / 3);
    model.cut = Some(2);
    wait(&mut model, 3_000 * MS);
    assert_eq!(model.nodes[2].share(0), limits::floor(3));
    // The others have the rest of it.
    assert_eq!(model.nodes[0].share(0), (WHOLE - limits::floor(3)) / 2);
}
