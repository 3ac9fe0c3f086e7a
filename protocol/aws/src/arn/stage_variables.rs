//! `${stageVariables.name}` in URIs and ARNs.
//!
//! Source: Developer Guide, "API Gateway stage variables reference". `stageVariables.name` without
//! braces is a mapping source, not a placeholder, and is not touched here.

use std::borrow::Cow;

/// The longest result, in bytes.
const RESOLVED_BYTES_MAX: usize = 16 * 1024;

const OPEN: &str = "${stageVariables.";

/// Why placeholders can not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageVariableError {
    /// The stage has no variable of this name.
    #[error("the stage has no variable {0}")]
    Unknown(String),
    /// A placeholder has no end, or a name with other characters than letters, digits and `_`.
    #[error("malformed stage variable placeholder")]
    Malformed,
    /// The result is longer than 16 KiB.
    #[error("the text with its stage variables filled in is too long")]
    TooLong,
}

/// Fills in the stage variables of a text. Values are not searched for placeholders again.
///
/// # Errors
/// When a variable is unknown, a placeholder is malformed, or the result is too long.
pub fn resolve_stage_variables<'t, 'v>(
    text: &'t str,
    lookup: impl Fn(&str) -> Option<&'v str>,
) -> Result<Cow<'t, str>, StageVariableError> {
    if !text.contains(OPEN) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (name, after) = after.split_once('}').ok_or(StageVariableError::Malformed)?;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_word) {
            return Err(StageVariableError::Malformed);
        }
        let value = lookup(name).ok_or_else(|| StageVariableError::Unknown(name.to_owned()))?;
        if out.len() + before.len() + value.len() > RESOLVED_BYTES_MAX {
            return Err(StageVariableError::TooLong);
        }
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<&'static str> {
        match name {
            "fn" => Some("orders"),
            "alias" => Some("${stageVariables.fn}"),
            _ => None,
        }
    }

    #[test]
    fn fills_in_once() {
        for (text, resolved) in [
            ("plain", "plain"),
            ("${stageVariables.fn}", "orders"),
            (
                "a:${stageVariables.fn}:${stageVariables.alias}z",
                "a:orders:${stageVariables.fn}z",
            ),
            (
                "${context.fn} $stageVariables.fn",
                "${context.fn} $stageVariables.fn",
            ),
        ] {
            assert_eq!(
                resolve_stage_variables(text, lookup).as_deref(),
                Ok(resolved)
            );
        }
    }

    #[test]
    fn refuses_what_can_not_be_filled_in() {
        let unknown = Err(StageVariableError::Unknown("no".to_owned()));
        assert_eq!(
            resolve_stage_variables("${stageVariables.no}", lookup),
            unknown
        );
        for text in [
            "${stageVariables.",
            "${stageVariables.}",
            "${stageVariables.a-b}",
        ] {
            let malformed = Err(StageVariableError::Malformed);
            assert_eq!(resolve_stage_variables(text, lookup), malformed, "{text}");
        }
        let bomb = "${stageVariables.fn}".repeat(10_000);
        assert_eq!(
            resolve_stage_variables(&bomb, lookup),
            Err(StageVariableError::TooLong)
        );
    }
}
