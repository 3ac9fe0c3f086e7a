//! The report of a comparison.

use super::format::{bytes, number, time_us};
use super::page::{note, page, table};
use super::run::percentile_chart;
use super::svg::{Bar, Series, bars};
use crate::compare::result::{Cell, Comparison};

/// The page for `comparison`.
pub fn compare_page(comparison: &Comparison) -> String {
    let mut body = note(&conditions(comparison));
    body += "<h2>Medians over rounds</h2>";
    body += &medians(comparison);
    body += &figure(
        comparison,
        "CPU time per request at saturation",
        "µs",
        |cell| cell.saturated.cpu_us,
    );
    body += &figure(
        comparison,
        "Requests per second at saturation",
        "/s",
        |cell| cell.saturated.answers_per_s,
    );
    let curves = comparison.cells.iter();
    let curves: Vec<Series> = curves
        .map(|cell| Series {
            name: cell.name(),
            points: cell.curve(),
        })
        .collect();
    body += &note(&format!(
        "Latency at {} requests per second, half of what the slowest gateway bears, from the \
         intended time; the curve is that of the middle round. The generator itself sent up to {} \
         late in 99 % of the cases in which a connection stood ready.",
        number(comparison.fixed_rate_per_s),
        time_us(comparison.generator_lag_p99_us())
    ));
    body += &percentile_chart(&curves);
    body += &figure(
        comparison,
        "Memory after a round at saturation",
        "MiB",
        |cell| cell.saturated.resident_bytes / (1024.0 * 1024.0),
    );
    body += "<h2>CPU µs per request at saturation, round by round</h2>";
    body += &every_round(comparison);
    page("Gateways compared", &body)
}

fn conditions(comparison: &Comparison) -> String {
    let machine = &comparison.machine;
    let place = if comparison.pinned {
        "Gateways on the first processor, back end and generator on the others."
    } else {
        "No process was tied to a processor."
    };
    format!(
        "{}, {} processors, Linux {}, load average {} before the first round. {} rounds of {} s, \
         {} connections, one worker per gateway. {place}",
        machine.processor,
        machine.processors,
        machine.kernel,
        machine.load_before,
        comparison.rounds,
        comparison.seconds,
        comparison.connections
    )
}

/// Two decimals in every row, so that a column can be read down.
fn digits(value: f64) -> String {
    format!("{value:.2}")
}

fn medians(comparison: &Comparison) -> String {
    let head = [
        "",
        "requests/s",
        "CPU µs user",
        "system",
        "total",
        "CPU / nginx",
        "CPU µs at rate",
        "p50",
        "p99",
        "p99.9",
        "memory",
    ];
    let row = |cell: &Cell| {
        let ratio = comparison.ratio(cell, |cell| cell.saturated.cpu_us);
        vec![
            cell.name(),
            number(cell.saturated.answers_per_s),
            digits(cell.saturated.cpu_user_us),
            digits(cell.saturated.cpu_system_us),
            digits(cell.saturated.cpu_us),
            ratio.map_or_else(|| "–".to_owned(), digits),
            digits(cell.paced.cpu_us),
            time_us(cell.paced.p50_us),
            time_us(cell.paced.p99_us),
            time_us(cell.paced.p999_us),
            bytes(cell.saturated.resident_bytes as u64),
        ]
    };
    table(&head, &comparison.cells.iter().map(row).collect::<Vec<_>>())
}

fn figure(comparison: &Comparison, title: &str, unit: &str, value: fn(&Cell) -> f64) -> String {
    let bar = |(colour, cell): (usize, &Cell)| Bar {
        name: cell.name(),
        value: value(cell),
        colour,
    };
    bars(
        title,
        unit,
        &comparison
            .cells
            .iter()
            .enumerate()
            .map(bar)
            .collect::<Vec<_>>(),
    )
}

fn every_round(comparison: &Comparison) -> String {
    let rounds: Vec<String> = (1..=comparison.rounds)
        .map(|round| format!("round {round}"))
        .collect();
    let head: Vec<&str> = std::iter::once("")
        .chain(rounds.iter().map(String::as_str))
        .collect();
    let row = |cell: &Cell| {
        let times = cell
            .saturated_rounds
            .iter()
            .map(|round| digits(round.cpu_us()));
        std::iter::once(cell.name()).chain(times).collect()
    };
    table(&head, &comparison.cells.iter().map(row).collect::<Vec<_>>())
}
