//! Why a document is refused: the place in it, what is wrong, and how to mend it.
//!
//! AWS answers `MalformedPolicyDocument` with a sentence that seldom names the place; here every
//! refusal does, as `Statement[1].Condition.StringLike`.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;

use crate::limits::{DOCUMENT_BYTES_MAX, STATEMENTS_MAX};

/// A refused document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", prefix(.path))]
pub struct Error {
    /// Where: names of members joined by dots, positions in lists in brackets, counted from 0.
    /// Empty for the document as a whole.
    pub path: String,
    /// What is wrong there, and how to mend it.
    pub problem: Problem,
}

/// What is wrong at a place of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not JSON.
    #[error("not JSON at line {line}, column {column}: {detail}")]
    Json {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What the parser says.
        detail: String,
    },
    /// More bytes than are read at all.
    #[error("{bytes} bytes, at most {DOCUMENT_BYTES_MAX} are read")]
    Bytes {
        /// Of the whole text.
        bytes: usize,
    },
    /// More characters than a policy of its kind may have.
    #[error(
        "{chars} characters without white space, at most {max} are allowed; split the policy, or \
         use wildcards"
    )]
    Chars {
        /// Without white space.
        chars: usize,
        /// For this kind of policy.
        max: usize,
    },
    /// Too many statements.
    #[error("{count} statements, at most {STATEMENTS_MAX} are allowed; join those alike")]
    Statements {
        /// How many there are.
        count: usize,
    },
    /// A member stands twice in an object.
    #[error("the member \"{name}\" stands twice; join the two")]
    Duplicate {
        /// Its name.
        name: String,
    },
    /// A needed member is missing.
    #[error("missing; add {mend}")]
    Missing {
        /// What to add.
        mend: &'static str,
    },
    /// A member that policies of this kind do not have.
    #[error("not known here; {mend}")]
    Unknown {
        /// What is known.
        mend: String,
    },
    /// Two members that exclude each other.
    #[error("stands beside \"{other}\"; keep one of them")]
    Both {
        /// The other one.
        other: &'static str,
    },
    /// A member that policies of this kind must not have.
    #[error("not allowed here; {mend}")]
    NotHere {
        /// Why, and what to do.
        mend: &'static str,
    },
    /// A value of another JSON type.
    #[error("must be {expected}")]
    Type {
        /// What it must be.
        expected: &'static str,
    },
    /// A list or an object without an element, which would mean nothing or everything.
    #[error("empty; name at least one, or remove the member")]
    Empty,
    /// A value that means nothing.
    #[error("\"{value}\" is no {expected}")]
    Value {
        /// What stands there, shortened.
        value: String,
        /// What is expected, with an example.
        expected: &'static str,
    },
}

impl Error {
    pub(crate) fn new(path: impl Into<String>, problem: Problem) -> Self {
        Self {
            path: path.into(),
            problem,
        }
    }

    /// The same error seen from one level further out.
    #[must_use]
    pub(crate) fn within(mut self, outer: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

impl Problem {
    /// A value that means nothing; long ones are shortened, so that errors stay short.
    pub(crate) fn value(value: &str, expected: &'static str) -> Self {
        const SHOWN_CHARS_MAX: usize = 80;
        let mut shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self::Value {
            value: shown,
            expected,
        }
    }
}

fn prefix(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("{path}: ")
    }
}
