//! Selection expressions of WebSocket APIs (reference 6.2): text with variables, `$name` or
//! `${name}`; `\$` is no variable.

use alloc::format;
use alloc::string::String;

use super::Findings;

/// Characters of an expression.
const CHARS_MAX: usize = 1024;
/// What may be read of a message.
pub(super) const MESSAGE: &[&str] = &["request.body"];
/// What may be read once an integration answered.
pub(super) const ANSWER: &[&str] = &[
    "request.body",
    "integration.response.statuscode",
    "integration.response.header",
    "integration.response.multivalueheader",
    "integration.response.body",
];

/// Says what is wrong with an expression whose variables begin with one of `places`.
pub(super) fn check(member: &str, text: &str, places: &[&str], f: &mut Findings) {
    if let Err(message) = parse(text, places) {
        f.say(member, message);
    }
}

/// An expression that may be absent.
pub(super) fn optional(member: &str, text: Option<&String>, places: &[&str], f: &mut Findings) {
    if let Some(text) = text {
        check(member, text, places, f);
    }
}

fn parse(text: &str, places: &[&str]) -> Result<(), String> {
    if !(1..=CHARS_MAX).contains(&text.chars().count()) {
        return Err(format!("an expression has 1 to {CHARS_MAX} characters"));
    }
    // What a key may be called; AWS's own examples write it without the backslash too.
    if text == "$default" {
        return Ok(());
    }
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        if rest[..at].ends_with('\\') {
            rest = after;
            continue;
        }
        let (name, behind) = match after.strip_prefix('{') {
            Some(inside) => inside
                .split_once('}')
                .ok_or_else(|| String::from("a variable that begins with `${` ends with `}`"))?,
            None => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || "._-[]".contains(c)));
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        let known = places.iter().any(|place| {
            let more = name.strip_prefix(place);
            more.is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
        });
        if !known {
            let places = places.join("`, `");
            return Err(format!(
                "`{name}` is no variable here; they begin with `{places}`"
            ));
        }
        rest = behind;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_the_guide_are_read_and_others_are_not() {
        let good = [
            "$request.body.action",
            "${request.body.service}/${request.body.action}",
            "${request.body.action}-${request.body.nope}",
            "\\$default",
            "$default",
            "$request.body.items[0].name",
            "static",
        ];
        for text in good {
            assert_eq!(parse(text, MESSAGE), Ok(()), "{text}");
        }
        let bad = [
            "",
            "$",
            "${request.body.a",
            "$request.header.x",
            "$context.stage",
            "$request.bodyguard",
        ];
        for text in bad {
            assert!(parse(text, MESSAGE).is_err(), "{text}");
        }
        assert_eq!(parse("${integration.response.statuscode}", ANSWER), Ok(()));
    }
}
