//! The condition operators by name: what they compare, whether they are negated, how they take
//! keys that are absent or have many values.

use alloc::borrow::ToOwned as _;
use alloc::format;
use core::cmp::Ordering;

use crate::Problem;

/// A condition operator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator {
    pub(super) family: Family,
    /// `StringNotEquals` and the like.
    pub(super) is_negated: bool,
    /// `...IfExists`: an absent key is as good as a fitting one.
    pub(super) if_exists: bool,
    pub(super) quantifier: Quantifier,
}

/// What is compared with what.
#[derive(Debug, Clone, Copy)]
pub(super) enum Family {
    Equals,
    EqualsIgnoringCase,
    Like,
    Arn,
    Number(fn(Ordering) -> bool),
    Date(fn(Ordering) -> bool),
    Bool,
    Binary,
    Ip,
    Null,
}

/// Set operators. Without one, a key with many values fits when one of them does, and a negated
/// operator holds when none does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    None,
    /// `ForAnyValue:`
    Any,
    /// `ForAllValues:`
    All,
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        core::mem::discriminant(self) == core::mem::discriminant(other)
    }
}

/// Every operator, its family, and whether it is negated.
const OPERATORS: [(&str, Family, bool); 27] = [
    ("StringEquals", Family::Equals, false),
    ("StringNotEquals", Family::Equals, true),
    ("StringEqualsIgnoreCase", Family::EqualsIgnoringCase, false),
    (
        "StringNotEqualsIgnoreCase",
        Family::EqualsIgnoringCase,
        true,
    ),
    ("StringLike", Family::Like, false),
    ("StringNotLike", Family::Like, true),
    ("NumericEquals", Family::Number(Ordering::is_eq), false),
    ("NumericNotEquals", Family::Number(Ordering::is_eq), true),
    ("NumericLessThan", Family::Number(Ordering::is_lt), false),
    (
        "NumericLessThanEquals",
        Family::Number(Ordering::is_le),
        false,
    ),
    ("NumericGreaterThan", Family::Number(Ordering::is_gt), false),
    (
        "NumericGreaterThanEquals",
        Family::Number(Ordering::is_ge),
        false,
    ),
    ("DateEquals", Family::Date(Ordering::is_eq), false),
    ("DateNotEquals", Family::Date(Ordering::is_eq), true),
    ("DateLessThan", Family::Date(Ordering::is_lt), false),
    ("DateLessThanEquals", Family::Date(Ordering::is_le), false),
    ("DateGreaterThan", Family::Date(Ordering::is_gt), false),
    (
        "DateGreaterThanEquals",
        Family::Date(Ordering::is_ge),
        false,
    ),
    ("Bool", Family::Bool, false),
    ("BinaryEquals", Family::Binary, false),
    ("IpAddress", Family::Ip, false),
    ("NotIpAddress", Family::Ip, true),
    ("ArnEquals", Family::Arn, false),
    ("ArnLike", Family::Arn, false),
    ("ArnNotEquals", Family::Arn, true),
    ("ArnNotLike", Family::Arn, true),
    ("Null", Family::Null, false),
];

impl Operator {
    /// Reads `ForAnyValue:StringLikeIfExists`.
    pub(super) fn parse(name: &str) -> Result<Self, Problem> {
        let (quantifier, rest) = match name.split_once(':') {
            None => (Quantifier::None, name),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(_) => return Err(unknown(name)),
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let (_, family, is_negated) = OPERATORS
            .into_iter()
            .find(|(known, ..)| *known == base)
            .ok_or_else(|| unknown(base))?;
        if family == Family::Null && base != name {
            let mend = "Null itself asks whether the key exists; write Null alone";
            return Err(Problem::NotHere { mend });
        }
        Ok(Self {
            family,
            is_negated,
            if_exists,
            quantifier,
        })
    }
}

fn unknown(name: &str) -> Problem {
    let near = OPERATORS
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(name));
    let mend = match near {
        Some((known, ..)) => format!("write {known}"),
        None => "write an operator such as StringEquals, StringLike, NumericLessThan, \
                 DateGreaterThan, Bool, IpAddress, ArnLike or Null, with ForAnyValue: or \
                 ForAllValues: before it or IfExists behind it"
            .to_owned(),
    };
    Problem::Unknown { mend }
}
