//! A comparison as a table for a terminal.

use super::result::{Cell, Comparison};
use crate::report::format::bytes;

const HEAD: [[&str; 12]; 2] = [
    [
        "",
        "requests/s",
        "CPU us per",
        "request at",
        "saturation",
        "",
        "CPU us",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "memory",
        "CPU to",
    ],
    [
        "",
        "saturated",
        "user",
        "system",
        "total",
        "min - max",
        "at rate",
        "at rate",
        "at rate",
        "at rate",
        "",
        "nginx",
    ],
];

/// Conditions, then one line per gateway and scenario.
pub fn text(comparison: &Comparison) -> String {
    let machine = &comparison.machine;
    let mut text = format!(
        "{}, {} processors, Linux {}, load average {} before\n\
         medians over {} rounds of {} s, {} connections; rate: {}/s, latency from the intended \
         time, generator late by {:.0} us (p99)\n\n",
        machine.processor,
        machine.processors,
        machine.kernel,
        machine.load_before,
        comparison.rounds,
        comparison.seconds,
        comparison.connections,
        comparison.fixed_rate_per_s,
        comparison.generator_lag_p99_us()
    );
    for head in HEAD {
        text += &line(&head.map(str::to_owned));
    }
    for cell in &comparison.cells {
        text += &line(&columns(comparison, cell));
    }
    text
}

fn columns(comparison: &Comparison, cell: &Cell) -> [String; 12] {
    let (full, paced) = (&cell.saturated, &cell.paced);
    let ratio = comparison.ratio(cell, |cell| cell.saturated.cpu_us);
    [
        cell.name(),
        format!("{:.0}", full.answers_per_s),
        format!("{:.2}", full.cpu_user_us),
        format!("{:.2}", full.cpu_system_us),
        format!("{:.2}", full.cpu_us),
        format!("{:.2} - {:.2}", full.cpu_us_min, full.cpu_us_max),
        format!("{:.2}", paced.cpu_us),
        format!("{:.0}", paced.p50_us),
        format!("{:.0}", paced.p99_us),
        format!("{:.0}", paced.p999_us),
        bytes(full.resident_bytes as u64).replace('\u{2009}', ""),
        ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
    ]
}

fn line(columns: &[String; 12]) -> String {
    let mut line = format!("{:<15}", columns[0]);
    for (index, column) in columns.iter().enumerate().skip(1) {
        // Minimum and maximum are two numbers.
        let width = if index == 5 { 15 } else { 10 };
        line += &format!(" {column:>width$}");
    }
    line.trim_end().to_owned() + "\n"
}
