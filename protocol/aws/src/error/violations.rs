//! Constraint violations, gathered and worded as AWS does.
//!
//! ```text
//! 2 validation errors detected: Value 'x' at 'a' failed to satisfy constraint: Member must ...; Value ...
//! ```

use core::fmt;

use super::{AwsError, ErrorKind};

/// The most violations that one message lists; the count tells of the rest.
const LISTED_MAX: usize = 64;
/// The longest value that is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 256;

/// What a value must satisfy.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// It must be there.
    NotNull,
    /// It must be one of these.
    OneOf(Vec<String>),
    /// It must match this regular expression.
    Pattern(String),
    /// It must have at least this many characters or entries.
    LengthMin(u64),
    /// It must have at most this many characters or entries.
    LengthMax(u64),
    /// It must be at least this.
    ValueMin(f64),
    /// It must be at most this.
    ValueMax(f64),
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNull => f.write_str("Member must not be null"),
            Self::OneOf(set) => {
                write!(
                    f,
                    "Member must satisfy enum value set: [{}]",
                    set.join(", ")
                )
            }
            Self::Pattern(regex) => {
                write!(f, "Member must satisfy regular expression pattern: {regex}")
            }
            Self::LengthMin(n) => {
                write!(f, "Member must have length greater than or equal to {n}")
            }
            Self::LengthMax(n) => write!(f, "Member must have length less than or equal to {n}"),
            Self::ValueMin(n) => write!(f, "Member must have value greater than or equal to {n}"),
            Self::ValueMax(n) => write!(f, "Member must have value less than or equal to {n}"),
        }
    }
}

/// One value that breaks one constraint.
#[derive(Clone, PartialEq)]
pub struct Violation {
    /// The value; `None` when it is absent.
    pub value: Option<String>,
    /// Where it is: `patchOperations.1.member.op`, counted from 1.
    pub location: String,
    /// What it breaks.
    pub constraint: Constraint,
    /// Whether the value must not be quoted.
    pub secret: bool,
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            _ if self.secret => f.write_str("Value")?,
            None => f.write_str("Value null")?,
            Some(value) => {
                f.write_str("Value '")?;
                let mut chars = value.chars();
                for char in chars.by_ref().take(QUOTED_CHARS_MAX) {
                    fmt::Write::write_char(f, char)?;
                }
                f.write_str(if chars.next().is_some() { "...'" } else { "'" })?;
            }
        }
        write!(
            f,
            " at '{}' failed to satisfy constraint: {}",
            self.location, self.constraint
        )
    }
}

/// The violations of one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Violations {
    listed: Vec<Violation>,
    count: usize,
}

impl Violations {
    /// No violation yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. Past 64 only the count grows.
    pub fn push(&mut self, violation: Violation) {
        self.count += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(violation);
        }
    }

    /// Adds one of a value that may be quoted.
    pub fn add(
        &mut self,
        value: Option<&str>,
        location: impl Into<String>,
        constraint: Constraint,
    ) {
        let value = value.map(str::to_owned);
        self.push(Violation {
            value,
            location: location.into(),
            constraint,
            secret: false,
        });
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Nothing, or an error of this kind that lists them: `ValidationException` in v1,
    /// `BadRequestException` in v2.
    ///
    /// # Errors
    /// When there is at least one violation.
    pub fn into_result(self, kind: ErrorKind) -> Result<(), AwsError> {
        if self.is_empty() {
            return Ok(());
        }
        let plural = if self.count == 1 { "" } else { "s" };
        let listed: Vec<String> = self.listed.iter().map(ToString::to_string).collect();
        let text = format!(
            "{} validation error{plural} detected: {}",
            self.count,
            listed.join("; ")
        );
        Err(AwsError::new(kind, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_are_reported_together() {
        let mut found = Violations::new();
        assert_eq!(found.clone().into_result(ErrorKind::Validation), Ok(()));
        let ops = ["add", "remove"].map(str::to_owned).to_vec();
        found.add(
            Some("foo"),
            "patchOperations.1.member.op",
            Constraint::OneOf(ops),
        );
        let one = found
            .clone()
            .into_result(ErrorKind::Validation)
            .unwrap_err();
        assert_eq!(
            one.message,
            "1 validation error detected: Value 'foo' at 'patchOperations.1.member.op' failed to \
             satisfy constraint: Member must satisfy enum value set: [add, remove]"
        );
        found.add(None, "name", Constraint::NotNull);
        found.push(Violation {
            value: Some("hunter2".to_owned()),
            location: "value".to_owned(),
            constraint: Constraint::LengthMin(20),
            secret: true,
        });
        let all = found.into_result(ErrorKind::Validation).unwrap_err();
        assert_eq!((all.status(), all.kind), (400, ErrorKind::Validation));
        assert!(
            all.message
                .starts_with("3 validation errors detected: Value 'foo' at ")
        );
        assert!(all.message.ends_with(
            "; Value null at 'name' failed to satisfy constraint: Member must not be null; Value \
             at 'value' failed to satisfy constraint: Member must have length greater than or \
             equal to 20"
        ));
    }

    #[test]
    fn the_message_is_bounded() {
        let mut found = Violations::new();
        for _ in 0..10_000 {
            found.add(Some(&"ä".repeat(5000)), "x", Constraint::ValueMax(1.5));
        }
        let message = found
            .into_result(ErrorKind::Validation)
            .unwrap_err()
            .message;
        assert!(message.starts_with("10000 validation errors detected: "));
        assert!(message.contains("...' at 'x' failed"));
        assert!(message.ends_with("less than or equal to 1.5"));
        assert!(message.len() < 64 * 1024, "{}", message.len());
    }
}
