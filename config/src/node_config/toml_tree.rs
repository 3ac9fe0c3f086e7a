//! TOML text to a located tree, so that `node.toml` is checked as API files are.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{Entry, Node, Place, Report, TreePath, Value};

/// Reads a TOML document. Every syntax error goes to the report, and `None` comes back: what the
/// parser guesses after an error would only make more of them.
pub(super) fn parse(report: &mut Report, file: u32, text: &str) -> Option<Node> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let lines = Lines { file, text };
    for error in &errors {
        let place = error
            .span()
            .map_or_else(|| lines.place(0, 0), |it| lines.place(it.start, it.end));
        report.error(place, &TreePath::default(), error.message());
    }
    if !errors.is_empty() {
        return None;
    }
    let span = table.span();
    let place = lines.place(span.start, span.start);
    Some(Node::new(lines.table(table.get_ref()), place))
}

struct Lines<'t> {
    file: u32,
    text: &'t str,
}

impl Lines<'_> {
    fn table(&self, table: &DeTable<'_>) -> Value {
        let entries = table
            .iter()
            .map(|(key, value)| {
                let span = key.span();
                Entry {
                    key: key.get_ref().to_string(),
                    key_place: self.place(span.start, span.end),
                    node: self.node(value),
                }
            })
            .collect();
        Value::Mapping(entries)
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let span = value.span();
        let place = self.place(span.start, span.end);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(it) => Value::Bool(*it),
            DeValue::Integer(it) => {
                let text = it.as_str();
                match i64::from_str_radix(text, it.radix()) {
                    Ok(number) => Value::Number(number.into(), text.into()),
                    Err(_) => Value::String(text.into()),
                }
            }
            DeValue::Float(it) => {
                let text = it.as_str();
                let number = text.parse().ok().and_then(serde_json::Number::from_f64);
                match number {
                    Some(number) => Value::Number(number, text.into()),
                    None => Value::String(text.into()),
                }
            }
            DeValue::Datetime(it) => Value::String(it.to_string()),
            DeValue::Array(items) => {
                Value::Sequence(items.iter().map(|it| self.node(it)).collect())
            }
            DeValue::Table(table) => self.table(table),
        };
        Node::new(value, place)
    }

    /// A stretch of bytes as lines and columns. Quadratic in theory; these files have a page.
    fn place(&self, start: usize, end: usize) -> Place {
        let start = self.text.floor_char_boundary(start);
        let end = self.text.floor_char_boundary(end.max(start));
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        let inside = &self.text[start..end];
        let first_line = inside.lines().next().unwrap_or_default();
        let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let breaks = |text: &str| u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        let line = breaks(before) + 1;
        Place {
            file: self.file,
            line,
            column: count(&before[line_start..]) + 1,
            length: count(first_line).max(1),
            last_line: line + breaks(inside),
        }
    }
}
