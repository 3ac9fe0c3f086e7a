//! Values as a reader wants them: enough digits to compare, a unit that fits.

/// Makes text safe inside HTML and SVG, in content and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A number with three significant digits or all digits before the point, thousands apart.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        magnitude if magnitude < 1.0 => 3,
        magnitude if magnitude < 10.0 => 2,
        magnitude if magnitude < 100.0 => 1,
        _ => 0,
    };
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = match plain.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (plain.as_str(), None),
    };
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left % 3 == 0 && !text.ends_with('-') {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    match fraction.map(|fraction| fraction.trim_end_matches('0')) {
        Some(fraction) if !fraction.is_empty() => text + "." + fraction,
        _ => text,
    }
}

/// A time given in microseconds, in the unit that fits.
pub fn time_us(us: f64) -> String {
    match us {
        us if us >= 1e6 => number(us / 1e6) + " s",
        us if us >= 1e3 => number(us / 1e3) + " ms",
        us => number(us) + " µs",
    }
}

/// A size in binary units.
pub fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        size if size >= 1024.0 * 1024.0 => number(size / (1024.0 * 1024.0)) + " MiB",
        size if size >= 1024.0 => number(size / 1024.0) + " KiB",
        size => number(size) + " B",
    }
}

/// A quantile (0 to 1) as a percentage with as many nines as it has.
pub fn quantile(quantile: f64) -> String {
    let percent = format!("{:.5}", quantile * 100.0);
    percent
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
        + " %"
}

/// Seconds.
pub fn seconds(seconds: f64) -> String {
    number(seconds) + " s"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let cases = [
            (0.0, "0"),
            (0.1234, "0.123"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1234.5, "1\u{2009}234"),
            (1_234_567.0, "1\u{2009}234\u{2009}567"),
            (-123_456.0, "-123\u{2009}456"),
            (2.0, "2"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn units_fit() {
        assert_eq!(time_us(950.0), "950 µs");
        assert_eq!(time_us(1_500.0), "1.5 ms");
        assert_eq!(time_us(2_000_000.0), "2 s");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3 * 1024 * 1024), "3 MiB");
        assert_eq!(quantile(0.5), "50 %");
        assert_eq!(quantile(0.9999), "99.99 %");
    }

    #[test]
    fn markup_is_only_text() {
        assert_eq!(
            escape("<a href=\"x\">&'"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"
        );
    }
}
