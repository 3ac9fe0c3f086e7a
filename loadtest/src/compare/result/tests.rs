//! Medians, ratios and the bound on them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

fn round(cpu_us: f64, p99_us: f64) -> Round {
    Round {
        answers_per_s: 1000.0,
        cpu_user_us: cpu_us / 4.0,
        cpu_system_us: cpu_us * 3.0 / 4.0,
        latency: Summary {
            p99_us,
            ..Summary::default()
        },
        generator_lag_p99_us: 5.0,
        resident_bytes: 4096,
        curve: vec![(0.5, p99_us)],
    }
}

fn cell(scenario: Scenario, peer: Peer, cpu_us: f64) -> Cell {
    let rounds = vec![
        round(cpu_us * 5.0, 30.0),
        round(cpu_us, 10.0),
        round(cpu_us / 2.0, 20.0),
    ];
    Cell::new(scenario, peer, rounds.clone(), rounds)
}

fn comparison(cells: Vec<Cell>) -> Comparison {
    Comparison {
        machine: Machine::read(),
        rounds: 3,
        seconds: 4.0,
        connections: 64,
        pinned: false,
        fixed_rate_per_s: 100.0,
        cells,
        cpu_ratio_to_nginx: BTreeMap::new(),
    }
    .with_ratios()
}

fn full() -> Comparison {
    comparison(vec![
        cell(Scenario::Plain, Peer::Nginx, 8.0),
        cell(Scenario::Plain, Peer::Tollgate, 10.0),
        cell(Scenario::Keyed, Peer::Tollgate, 14.0),
    ])
}

#[test]
fn one_odd_round_does_not_move_the_median() {
    let medians = cell(Scenario::Plain, Peer::Nginx, 8.0).saturated;
    assert_eq!(medians.cpu_us, 8.0);
    assert_eq!((medians.cpu_user_us, medians.cpu_system_us), (2.0, 6.0));
    assert_eq!((medians.cpu_us_min, medians.cpu_us_max), (4.0, 40.0));
    assert_eq!(medians.p99_us, 20.0);
    assert_eq!(
        cell(Scenario::Plain, Peer::Nginx, 8.0).curve(),
        [(0.5, 20.0)]
    );
}

#[test]
fn cpu_is_divided_by_all_answers_of_the_run() {
    let mut outcome = Outcome {
        url: String::new(),
        mode: crate::outcome::Mode::Closed,
        connections: 1,
        threads: 1,
        warmup_s: 1.0,
        duration_s: 4.0,
        answers: 4000,
        answers_per_s: 1000.0,
        answers_total: 5000,
        unsent: 0,
        statuses: BTreeMap::new(),
        errors: BTreeMap::new(),
        read_bytes_total: 0,
        written_bytes_total: 0,
        latency: Summary::default(),
        generator_lag: Summary::default(),
        curve: Vec::new(),
        timeline: Vec::new(),
    };
    let used = CpuUsed {
        user: Duration::from_millis(50),
        system: Duration::from_millis(100),
    };
    let round = Round::new(&outcome, used, 1);
    assert!((round.cpu_user_us - 10.0).abs() < 1e-9 && (round.cpu_us() - 30.0).abs() < 1e-9);
    outcome.answers_total = 0;
    assert!(Round::new(&outcome, used, 1).cpu_us().is_finite());
}

#[test]
fn ratios_are_to_plain_nginx() {
    let comparison = full();
    assert_eq!(comparison.cpu_ratio_to_nginx["plain nginx"], 1.0);
    assert_eq!(comparison.cpu_ratio_to_nginx["keyed tollgate"], 1.75);
    let text = crate::compare::table::text(&comparison);
    assert!(
        text.contains("keyed tollgate") && text.contains("1.75"),
        "{text}"
    );
    let json = serde_json::to_value(&comparison).unwrap();
    assert_eq!(json["cells"][2]["saturated"]["cpu_us"], 14.0);
    assert_eq!(json["cells"][2]["scenario"], "keyed");
}

#[test]
fn the_page_shows_every_gateway_and_loads_nothing() {
    let page = crate::report::compare_page(&full());
    for expected in [
        "plain nginx",
        "plain tollgate",
        "keyed tollgate",
        "1.75",
        "round 3",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    for outside in ["src=", "href=", "@import", "url(", "<script", "NaN"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn the_bound_is_kept_or_missed_and_never_skipped() {
    full().ensure_ratio(1.75).unwrap();
    let missed = full().ensure_ratio(1.5).unwrap_err().to_string();
    assert!(missed.contains("1.75"), "{missed}");
    let nginx = || cell(Scenario::Plain, Peer::Nginx, 8.0);
    let keyed = || cell(Scenario::Keyed, Peer::Tollgate, 8.0);
    for incomplete in [vec![nginx()], vec![keyed()], vec![]] {
        assert!(comparison(incomplete).ensure_ratio(9.0).is_err());
    }
    comparison(vec![nginx(), keyed()])
        .ensure_ratio(1.0)
        .unwrap();
}
