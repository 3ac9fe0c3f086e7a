//! A scrape in Prometheus' text format, as far as assertions need it.

use std::collections::BTreeMap;

/// One scrape: samples by name and labels.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Reads a scrape.
    ///
    /// # Errors
    ///
    /// The first line that is neither a comment nor a sample.
    pub fn parse(text: &str) -> Result<Self, String> {
        let samples = text
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
            .map(|line| sample(line).ok_or_else(|| format!("not a sample: {line}")))
            .collect::<Result<_, _>>()?;
        Ok(Self { samples })
    }

    /// The sum over all samples called `name` that carry every one of `labels`; `None` if there is
    /// none, which is not the same as zero.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self
            .samples
            .iter()
            .filter(|sample| sample.is(name, labels))
            .peekable();
        found.peek()?;
        Some(found.map(|sample| sample.value).sum())
    }

    /// How many samples the scrape holds: what a label of unbounded values would blow up.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether the scrape holds no sample.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Every sample name, once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .samples
            .iter()
            .map(|sample| sample.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Sample {
    fn is(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.name == name
            && labels
                .iter()
                .all(|(key, value)| self.labels.get(*key).is_some_and(|have| have == value))
    }
}

/// Reads `name{key="value",...} number [timestamp]`.
fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(key.to_owned(), value);
            rest = after;
        }
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Reads up to the closing quote, undoing `\\`, `\"` and `\n`; returns what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn sums_by_name_and_labels() {
        let text = "# TYPE requests_total counter\n\
                    requests_total{api=\"a\",status=\"200\"} 3\n\
                    requests_total{api=\"a\",status=\"429\"} 4 1700000000\n\
                    requests_total{api=\"b}\\\",x\",status=\"200\"} 5\n\
                    up 1\n";
        let metrics = Metrics::parse(text).unwrap();
        assert_eq!(metrics.sum("requests_total", &[]), Some(12.0));
        assert_eq!(metrics.sum("requests_total", &[("api", "a")]), Some(7.0));
        assert_eq!(
            metrics.sum("requests_total", &[("api", "b}\",x")]),
            Some(5.0)
        );
        assert_eq!(metrics.sum("requests_total", &[("api", "c")]), None);
        assert_eq!(metrics.sum("up", &[]), Some(1.0));
        assert_eq!(metrics.names(), ["requests_total", "up"]);
        assert_eq!(metrics.len(), 4);
    }

    #[test]
    fn refuses_what_is_not_a_sample() {
        for broken in ["up", "up x", "up{a=\"1} 2", "up{a} 2"] {
            assert!(Metrics::parse(broken).is_err(), "{broken}");
        }
    }
}
