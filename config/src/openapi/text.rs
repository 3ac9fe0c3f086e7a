//! Documents as text. YAML is in block style with every string in double quotes, so that none can be
//! taken for a number, a date or a truth value by any version of YAML. JSON is such that it can be
//! read as YAML too, which JSON in general is not.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Spaces of a level.
const INDENT: usize = 2;

/// A value as a YAML document.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => mapping(members, 0, &mut out),
        Value::Array(items) if !items.is_empty() => sequence(items, 0, &mut out),
        scalar => {
            inline(scalar, &mut out);
            out.push('\n');
        }
    }
    out
}

/// A value as a JSON document.
#[must_use]
pub fn to_json(value: &Value) -> String {
    let text = format!("{value:#}\n");
    if text.chars().all(|c| c == '\n' || is_printable(c)) {
        return text;
    }
    // Outside of strings there is none of these.
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_printable(c) {
            out.push(c);
        } else {
            escape(c, &mut out);
        }
    }
    out
}

fn mapping(members: &Map<String, Value>, depth: usize, out: &mut String) {
    for (index, (key, value)) in members.iter().enumerate() {
        // The first member of an item of a sequence stands behind its dash.
        if index > 0 || !out.ends_with("- ") {
            indent(depth, out);
        }
        if is_plain(key) {
            out.push_str(key);
        } else {
            text(key, out);
        }
        out.push(':');
        match value {
            Value::Object(members) if !members.is_empty() => {
                out.push('\n');
                mapping(members, depth + 1, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                sequence(items, depth + 1, out);
            }
            scalar => {
                out.push(' ');
                inline(scalar, out);
                out.push('\n');
            }
        }
    }
}

fn sequence(items: &[Value], depth: usize, out: &mut String) {
    for item in items {
        indent(depth, out);
        match item {
            Value::Object(members) if !members.is_empty() => {
                out.push_str("- ");
                mapping(members, depth + 1, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push_str("-\n");
                sequence(items, depth + 1, out);
            }
            scalar => {
                out.push_str("- ");
                inline(scalar, out);
                out.push('\n');
            }
        }
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', depth * INDENT));
}

/// A value on one line.
fn inline(value: &Value, out: &mut String) {
    match value {
        Value::String(it) => text(it, out),
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        // `null`, truth values and numbers are written as in JSON.
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// A text in double quotes. What YAML does not print is escaped.
fn text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => escape(c, out),
        }
    }
    out.push('"');
}

/// What is not printable is in the first plane, so four digits are enough.
fn escape(c: char, out: &mut String) {
    // Writing to a string cannot fail.
    let _ok = write!(out, "\\u{:04x}", u32::from(c));
}

/// What may stand in a line as it is (YAML 1.2, section 5.1), without the line breaks of YAML 1.1.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// A key that needs no quotes: a word that is not read as anything else.
fn is_plain(key: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/' | b'.');
    let begins = key
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'/');
    let taken = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    begins && key.bytes().all(word) && !taken.contains(&key.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_are_nested_and_strings_quoted() {
        let value = json!({
            "openapi": "3.0.1",
            "paths": {"/pets/{id}": {"get": {"x": [], "y": {}, "on": true}}},
            "list": [{"a": 1, "b": [null, "t\n\u{7f}"]}, [1.5], "no"],
        });
        let expected = concat!(
            "openapi: \"3.0.1\"\n",
            "paths:\n",
            "  \"/pets/{id}\":\n",
            "    get:\n",
            "      x: []\n",
            "      \"y\": {}\n",
            "      \"on\": true\n",
            "list:\n",
            "  - a: 1\n",
            "    b:\n",
            "      - null\n",
            "      - \"t\\n\\u007f\"\n",
            "  -\n",
            "    - 1.5\n",
            "  - \"no\"\n",
        );
        assert_eq!(to_yaml(&value), expected);
        assert_eq!(to_yaml(&json!({})), "{}\n");
    }
}
