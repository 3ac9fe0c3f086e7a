//! The report of one run.

use super::format::{bytes, number, quantile, seconds, time_us};
use super::page::{figures, note, page, table, warning};
use super::svg::{Axis, Scale, Series, lines};
use crate::latency::Point;
use crate::outcome::{Mode, Outcome};

/// The page for `outcome`.
pub fn run_page(outcome: &Outcome) -> String {
    let mut body = note(&load(outcome));
    if !outcome.is_clean() {
        body += &warning(&format!(
            "Not every request succeeded: {}.",
            outcome.complaint()
        ));
    }
    let latency = &outcome.latency;
    body += &figures(&[
        ("answers per second", number(outcome.answers_per_s)),
        ("median", time_us(latency.p50_us)),
        ("99 %", time_us(latency.p99_us)),
        ("99.9 %", time_us(latency.p999_us)),
        ("largest", time_us(latency.max_us)),
    ]);
    let name = match outcome.mode {
        Mode::Open { .. } => "from the intended time",
        Mode::Closed => "from the sending",
    };
    let curve = Series {
        name: name.to_owned(),
        points: outcome.curve.clone(),
    };
    body += &percentile_chart(&[curve]);
    let timeline = whole_intervals(outcome);
    body += &throughput_chart(timeline);
    body += &latency_chart(timeline);
    if outcome.generator_lag.count > 0 {
        body += &note(&format!(
            "The generator itself sent up to {} late in 99 % of the cases in which a connection \
             stood ready; that is part of the latency above.",
            time_us(outcome.generator_lag.p99_us)
        ));
    }
    body += "<h2>Latency</h2>";
    body += &latency_table(outcome);
    body += "<h2>Answers and errors</h2>";
    body += &counts_table(outcome);
    page(&format!("Load on {}", outcome.url), &body)
}

fn load(outcome: &Outcome) -> String {
    let mode = match outcome.mode {
        Mode::Open {
            rate_per_s,
            arrivals,
        } => format!(
            "Open loop, {} requests per second, {}. Latency counts from the \
             time at which a request was due, so waiting for a busy connection is part of it.",
            number(rate_per_s),
            arrivals.name()
        ),
        Mode::Closed => "Closed loop: each connection sends when its last answer came. Latency \
             counts from the sending and hides what a stall would have delayed."
            .to_owned(),
    };
    format!(
        "{mode} Connections: {}. Generator threads: {}. {} measured after {} of warm-up.",
        outcome.connections,
        outcome.threads,
        seconds(outcome.duration_s),
        seconds(outcome.warmup_s)
    )
}

/// Percentile curves of one or several runs.
pub fn percentile_chart(series: &[Series]) -> String {
    let x = Axis {
        label: "percentile",
        scale: Scale::Quantile,
        format: quantile,
    };
    let y = Axis {
        label: "latency",
        scale: Scale::Log,
        format: time_us,
    };
    lines("Latency by percentile", &x, &y, series)
}

/// The timeline without a last interval that the run hardly touched: a few late answers would be
/// drawn as a collapse.
fn whole_intervals(outcome: &Outcome) -> &[Point] {
    let timeline = outcome.timeline.as_slice();
    match timeline {
        [.., before, last] => {
            let interval_s = last.at_s - before.at_s;
            let touched = last.at_s + interval_s / 2.0 <= outcome.duration_s;
            if touched {
                timeline
            } else {
                &timeline[..timeline.len() - 1]
            }
        }
        _ => timeline,
    }
}

fn time_axis() -> Axis {
    Axis {
        label: "time since the measuring began",
        scale: Scale::Linear,
        format: seconds,
    }
}

fn over_time(name: &str, timeline: &[Point], value: impl Fn(&Point) -> f64) -> Series {
    let points = timeline
        .iter()
        .map(|point| (point.at_s, value(point)))
        .collect();
    Series {
        name: name.to_owned(),
        points,
    }
}

fn throughput_chart(timeline: &[Point]) -> String {
    let mut series = vec![over_time("answers", timeline, |point| point.answers_per_s)];
    if timeline.iter().any(|point| point.errors_per_s > 0.0) {
        series.push(over_time("errors", timeline, |point| point.errors_per_s));
    }
    let y = Axis {
        label: "per second",
        scale: Scale::Linear,
        format: number,
    };
    lines("Throughput over time", &time_axis(), &y, &series)
}

fn latency_chart(timeline: &[Point]) -> String {
    let series = [
        over_time("median", timeline, |point| point.p50_us),
        over_time("99 %", timeline, |point| point.p99_us),
        over_time("largest", timeline, |point| point.max_us),
    ];
    let y = Axis {
        label: "latency",
        scale: Scale::Log,
        format: time_us,
    };
    lines(
        "Latency over time, by completion",
        &time_axis(),
        &y,
        &series,
    )
}

fn latency_table(outcome: &Outcome) -> String {
    let latency = &outcome.latency;
    let rows: Vec<Vec<String>> = [
        ("smallest", latency.min_us),
        ("mean", latency.mean_us),
        ("50 %", latency.p50_us),
        ("90 %", latency.p90_us),
        ("99 %", latency.p99_us),
        ("99.9 %", latency.p999_us),
        ("99.99 %", latency.p9999_us),
        ("largest", latency.max_us),
    ]
    .into_iter()
    .map(|(name, us)| vec![name.to_owned(), time_us(us)])
    .collect();
    table(&["", "latency"], &rows)
}

fn counts_table(outcome: &Outcome) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: String, value: String| rows.push(vec![name, value]);
    for (status, count) in &outcome.statuses {
        row(format!("status {status}"), number(*count as f64));
    }
    for (kind, count) in &outcome.errors {
        row(format!("error: {}", kind.name()), number(*count as f64));
    }
    row("never sent".to_owned(), number(outcome.unsent as f64));
    row(
        "answers of the whole run".to_owned(),
        number(outcome.answers_total as f64),
    );
    row(
        "read in the whole run".to_owned(),
        bytes(outcome.read_bytes_total),
    );
    row(
        "written in the whole run".to_owned(),
        bytes(outcome.written_bytes_total),
    );
    table(&["", "count"], &rows)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::latency::Summary;
    use crate::outcome::ErrorKind;

    fn outcome() -> Outcome {
        Outcome {
            url: "http://127.0.0.1:1/<script>".to_owned(),
            mode: Mode::Closed,
            connections: 2,
            threads: 1,
            warmup_s: 0.0,
            duration_s: 1.0,
            answers: 5,
            answers_per_s: 5.0,
            answers_total: 5,
            unsent: 0,
            statuses: BTreeMap::from([(200, 4), (429, 1)]),
            errors: BTreeMap::from([(ErrorKind::Timeout, 3)]),
            read_bytes_total: 10,
            written_bytes_total: 20,
            generator_lag: Summary::default(),
            latency: Summary {
                count: 5,
                p50_us: 1_500.0,
                ..Summary::default()
            },
            curve: vec![(0.0, 1.0), (0.5, 2.0)],
            timeline: Vec::new(),
        }
    }

    #[test]
    fn the_page_is_self_contained_and_says_what_failed() {
        let outcome = outcome();
        let page = run_page(&outcome);
        assert!(page.contains("1 answers with status 429, 3 errors of kind timeout"));
        assert!(page.contains("1.5 ms") && page.contains("error: timeout"));
        assert!(
            !page.contains("<script"),
            "nothing runs and nothing of the URL is markup"
        );
        for outside in ["src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "the page loads nothing: {outside}");
        }
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn an_interval_hardly_touched_is_not_drawn() {
        let point = |at_s| Point {
            at_s,
            answers_per_s: 1.0,
            errors_per_s: 0.0,
            p50_us: 1.0,
            p99_us: 1.0,
            max_us: 1.0,
        };
        let drawn = |last: f64, duration_s: f64| {
            let timeline = vec![point(0.0), point(0.1), point(last)];
            let outcome = Outcome {
                timeline,
                duration_s,
                ..outcome()
            };
            whole_intervals(&outcome).len()
        };
        assert_eq!(drawn(0.2, 0.3), 3);
        assert_eq!(drawn(0.2, 0.202), 2);
        assert!(whole_intervals(&outcome()).is_empty());
    }
}
