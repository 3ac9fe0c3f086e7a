//! Plots as SVG text: lines over one pair of axes, and horizontal bars. No script, no library: a
//! report must open anywhere and diff as text. Colours are CSS classes, so that the page decides
//! between light and dark.

use std::fmt::Write as _;

use super::format::{escape, number};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 32.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// Colours defined by the page; further series start over.
const COLOURS: usize = 6;
const BAR_HEIGHT: f64 = 22.0;
const BAR_GAP: f64 = 8.0;

/// How values are laid out along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, from zero.
    Linear,
    /// By decades; values below the smallest positive one are not drawn.
    Log,
    /// Quantiles (0 to 1) by the logarithm of 1 / (1 - q), which spreads the tail.
    Quantile,
}

/// One axis.
#[derive(Debug)]
pub struct Axis {
    /// What it shows, with the unit.
    pub label: &'static str,
    /// How it is laid out.
    pub scale: Scale,
    /// How a value is written at its tick.
    pub format: fn(f64) -> String,
}

/// A named line.
#[derive(Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, by rising x.
    pub points: Vec<(f64, f64)>,
}

impl Scale {
    fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.log10(),
            Self::Quantile => -(1.0 - value).log10(),
        }
    }

    /// Ticks covering the values, at positions from first to last.
    fn ticks(self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let usable = |value: &f64| value.is_finite() && self.position(*value).is_finite();
        let (low, high) = values
            .filter(usable)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = match (low <= high, self) {
            (true, _) => (low, high),
            (false, Self::Linear) => (0.0, 1.0),
            (false, Self::Log) => (1.0, 10.0),
            (false, Self::Quantile) => (0.0, 0.9),
        };
        match self {
            Self::Linear => linear_ticks(high.max(0.0)),
            Self::Log => {
                let first = low.log10().floor() as i32;
                let last = (high.log10().ceil() as i32).max(first + 1);
                (first..=last).map(|decade| 10f64.powi(decade)).collect()
            }
            Self::Quantile => {
                let last = (self.position(high).ceil() as i32).clamp(1, 8);
                let nines = (1..=last).map(|nines| 1.0 - 10f64.powi(-nines));
                [0.0, 0.5].into_iter().chain(nines).collect()
            }
        }
    }
}

/// From zero to at least `high` in four to ten steps of 1, 2 or 5 times a power of ten.
fn linear_ticks(high: f64) -> Vec<f64> {
    if high <= 0.0 {
        return vec![0.0, 1.0];
    }
    let raw = high / 5.0;
    let magnitude = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= raw)
        .unwrap_or(10.0 * magnitude);
    let steps = (high / step - 1e-9).ceil().max(1.0) as u32;
    (0..=steps).map(|index| f64::from(index) * step).collect()
}

/// A line chart with legend.
pub fn lines(title: &str, x: &Axis, y: &Axis, series: &[Series]) -> String {
    let all = || series.iter().flat_map(|series| series.points.iter());
    let x_ticks = x.scale.ticks(all().map(|point| point.0));
    let y_ticks = y.scale.ticks(all().map(|point| point.1));
    let place = |scale: Scale, ticks: &[f64], value: f64| {
        let from = scale.position(ticks[0]);
        let to = scale.position(ticks[ticks.len() - 1]);
        (scale.position(value) - from) / (to - from)
    };
    let px = |value| LEFT + place(x.scale, &x_ticks, value) * (WIDTH - LEFT - RIGHT);
    let py = |value| HEIGHT - BOTTOM - place(y.scale, &y_ticks, value) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!("<figure><figcaption>{}</figcaption>", escape(title));
    svg += &legend(series);
    svg += &format!(
        r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">"#,
        escape(title)
    );
    for tick in &y_ticks {
        let (at, text) = (py(*tick), escape(&(y.format)(*tick)));
        svg += &format!(
            r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{text}</text>"#,
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0
        );
    }
    for tick in &x_ticks {
        let (at, text) = (px(*tick), escape(&(x.format)(*tick)));
        svg += &format!(
            r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="{TOP}" y2="{:.1}"/><text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">{text}</text>"#,
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 16.0
        );
    }
    svg += &axis_labels(x.label, y.label);
    for (index, series) in series.iter().enumerate() {
        let drawn = |point: &&(f64, f64)| px(point.0).is_finite() && py(point.1).is_finite();
        let mut path = String::new();
        let mut dots = String::new();
        for point in series.points.iter().filter(drawn) {
            let (at_x, at_y) = (px(point.0), py(point.1));
            let command = if path.is_empty() { 'M' } else { 'L' };
            path += &format!("{command}{at_x:.1} {at_y:.1}");
            dots += &format!(
                r#"<circle cx="{at_x:.1}" cy="{at_y:.1}" r="5"><title>{}: {} at {}</title></circle>"#,
                escape(&series.name),
                escape(&(y.format)(point.1)),
                escape(&(x.format)(point.0))
            );
        }
        let colour = index % COLOURS;
        svg += &format!(r#"<path class="line c{colour}" d="{path}"/><g class="dots">{dots}</g>"#);
    }
    svg + "</svg></figure>"
}

fn axis_labels(x: &str, y: &str) -> String {
    let middle = f64::midpoint(TOP, HEIGHT - BOTTOM);
    format!(
        r#"<text class="label" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text><text class="label" transform="translate(14 {middle:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 6.0,
        escape(x),
        escape(y)
    )
}

fn legend(series: &[Series]) -> String {
    let mut legend = String::from(r#"<ul class="legend">"#);
    for (index, series) in series.iter().enumerate() {
        let colour = index % COLOURS;
        legend += &format!(
            r#"<li><i class="k{colour}"></i>{}</li>"#,
            escape(&series.name)
        );
    }
    legend + "</ul>"
}

/// One bar.
#[derive(Debug)]
pub struct Bar {
    /// Its name, to the left.
    pub name: String,
    /// Its length, at least zero.
    pub value: f64,
    /// Index of its colour: the same thing has the same colour in every figure.
    pub colour: usize,
}

/// Horizontal bars from zero, each with its value.
pub fn bars(title: &str, unit: &str, bars: &[Bar]) -> String {
    const NAMES: f64 = 170.0;
    const VALUES: f64 = 110.0;
    let most = bars
        .iter()
        .map(|bar| bar.value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let height = bars.len() as f64 * (BAR_HEIGHT + BAR_GAP) + BAR_GAP;
    let mut svg = format!("<figure><figcaption>{}</figcaption>", escape(title));
    write!(
        svg,
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{}">"#,
        escape(title)
    )
    .expect("a string takes what is written");
    for (index, bar) in bars.iter().enumerate() {
        let top = BAR_GAP + index as f64 * (BAR_HEIGHT + BAR_GAP);
        let length = (bar.value.max(0.0) / most * (WIDTH - NAMES - VALUES)).max(1.0);
        let (text, colour) = (top + BAR_HEIGHT * 0.7, bar.colour % COLOURS);
        svg += &format!(
            r#"<text class="label" x="{:.1}" y="{text:.1}" text-anchor="end">{}</text><rect class="bar b{colour}" x="{NAMES}" y="{top:.1}" width="{length:.1}" height="{BAR_HEIGHT}" rx="3"/><text class="tick" x="{:.1}" y="{text:.1}">{} {}</text>"#,
            NAMES - 10.0,
            escape(&bar.name),
            NAMES + length + 8.0,
            number(bar.value),
            escape(unit)
        );
    }
    svg + "</svg></figure>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_ticks_cover_the_values_in_round_steps() {
        assert_eq!(linear_ticks(10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(linear_ticks(10.1), [0.0, 5.0, 10.0, 15.0]);
        assert_eq!(linear_ticks(0.0), [0.0, 1.0]);
        for high in [1e-9, 0.3, 7.0, 99.0, 12_345.6, 1e12] {
            let ticks = linear_ticks(high);
            assert!(
                ticks[ticks.len() - 1] >= high * (1.0 - 1e-6),
                "{high}: {ticks:?}"
            );
            assert!((3..=11).contains(&ticks.len()), "{high}: {ticks:?}");
        }
    }

    #[test]
    fn log_and_quantile_ticks_are_decades_and_nines() {
        let log = Scale::Log.ticks([3.0, 450.0, 0.0].into_iter());
        assert_eq!(log, [1.0, 10.0, 100.0, 1000.0]);
        let quantile = Scale::Quantile.ticks([0.0, 0.995].into_iter());
        assert_eq!(quantile.len(), 5);
        assert!((quantile[4] - 0.999).abs() < 1e-12);
    }

    #[test]
    fn points_lie_inside_the_frame_and_odd_values_are_left_out() {
        let plain = |value: f64| format!("{value}");
        let axis = |scale| Axis {
            label: "a",
            scale,
            format: plain,
        };
        let points = vec![
            (0.0, 0.0),
            (1.0, f64::NAN),
            (2.0, f64::INFINITY),
            (3.0, 8.0),
        ];
        let series = [Series {
            name: "<s>".to_owned(),
            points,
        }];
        let svg = lines("t & u", &axis(Scale::Linear), &axis(Scale::Log), &series);
        assert!(svg.contains("&lt;s&gt;") && svg.contains("t &amp; u"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1);
        let empty = lines("t", &axis(Scale::Quantile), &axis(Scale::Linear), &[]);
        assert!(!empty.contains("NaN"), "{empty}");
    }

    #[test]
    fn the_longest_bar_has_all_the_room() {
        let bar = |value| Bar {
            name: "x".to_owned(),
            value,
            colour: 0,
        };
        let svg = bars("t", "us", &[bar(50.0), bar(100.0), bar(0.0)]);
        assert!(
            svg.contains(r#"width="440.0""#) && svg.contains(r#"width="220.0""#),
            "{svg}"
        );
        assert!(!bars("t", "us", &[bar(0.0)]).contains("NaN"));
    }
}
