//! Keeping secrets out of messages.

/// Characters of a value that a message shows at most.
const VALUE_CHARS_MAX: usize = 60;
/// A run of this many token characters may be a key or a part of a PEM block.
const TOKEN_CHARS_MIN: usize = 20;

/// Whether the values of a member of this name are secret wherever it stands.
pub(crate) fn is_secret_key(key: &str) -> bool {
    matches!(
        key,
        "privateKey"
            | "clientPrivateKey"
            | "secretAccessKey"
            | "root_secret_key"
            | "audit_webhook_secret"
            | "audit_webhook_token"
    )
}

/// A value as a message shows it: one line of at most 60 characters.
pub(crate) fn shorten(value: &str) -> String {
    let mut out: String = value
        .chars()
        .take(VALUE_CHARS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if value.chars().nth(VALUE_CHARS_MAX).is_some() {
        out.push('…');
    }
    out
}

/// A line without its long tokens, for lines of which nothing is known because the file cannot be
/// parsed: API keys have at least 20 characters, and so has a line of a PEM block.
pub(crate) fn hide_long_tokens(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut token = String::new();
    for c in line.chars().chain(std::iter::once('\n')) {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-') {
            token.push(c);
            continue;
        }
        let hidden = token.len() >= TOKEN_CHARS_MIN;
        out.push_str(if hidden { "***" } else { &token });
        token.clear();
        if c != '\n' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit_a_line_and_tokens_are_hidden() {
        assert_eq!(shorten("a\nb"), "a b");
        assert_eq!(shorten(&"x".repeat(61)).chars().count(), 61);
        assert_eq!(
            hide_long_tokens("value: abcdefghijklmnopqrstuvwx # mine"),
            "value: *** # mine"
        );
        assert_eq!(hide_long_tokens("name: short"), "name: short");
    }
}
