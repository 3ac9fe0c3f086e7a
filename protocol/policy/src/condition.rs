//! The condition block of a statement.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition", "Condition operators" and "Set
//! operators for multivalued context keys". All operators and all keys must hold; of the values of
//! a key one is enough, and of those of a negated operator none may fit.

mod operator;

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use base64::Engine as _;
use ipnet::IpNet;

use crate::json::Json;
use crate::pattern::Case;
use crate::template::{Syntax, Template, Wildcards, is_key};
use crate::value::{address, boolean, date, network, number};
use crate::{Context, Error, Problem};

use operator::{Family, Operator, Quantifier};

/// One key under one operator.
#[derive(Debug)]
pub(crate) struct Condition {
    operator: Operator,
    key: Box<str>,
    test: Test,
}

/// What the values of a policy became.
#[derive(Debug)]
enum Test {
    Text(Vec<Template>),
    TextIgnoringCase(Vec<Template>),
    Number(Vec<i128>, fn(Ordering) -> bool),
    Date(Vec<i128>, fn(Ordering) -> bool),
    Bool(Vec<bool>),
    /// Base64 as written: it is checked to be the only way to write its bytes.
    Binary(Vec<Box<str>>),
    Ip(Vec<IpNet>),
    /// Whether the key must be absent.
    Null(Vec<bool>),
}

/// Compiles a condition block.
pub(crate) fn parse(block: &Json, variables: bool) -> Result<Box<[Condition]>, Error> {
    let mut conditions = Vec::new();
    for (name, keys) in block.object()? {
        let within = |error: Error| error.within(name);
        let operator = Operator::parse(name).map_err(|problem| Error::new(&**name, problem))?;
        let keys = keys.object().map_err(within)?;
        if keys.is_empty() {
            // An operator without a key asks nothing, so its statement would apply to everything.
            return Err(within(Error::new("", Problem::Empty)));
        }
        let mut taken = BTreeSet::new();
        for (key, values) in keys {
            let within = |error: Error| error.within(key).within(name);
            if !taken.insert(key.to_ascii_lowercase()) {
                let name = key.to_owned();
                return Err(within(Error::new("", Problem::Duplicate { name })));
            }
            if !is_key(key) {
                let problem = Problem::value(key, "condition key; write one as aws:SourceIp");
                return Err(within(Error::new("", problem)));
            }
            conditions.push(Condition {
                operator,
                key: key.as_str().into(),
                test: Test::parse(operator.family, values, variables).map_err(within)?,
            });
        }
    }
    Ok(conditions.into())
}

impl Condition {
    /// Whether the condition holds.
    pub(crate) fn holds(&self, context: &Context<'_>) -> bool {
        let Operator {
            is_negated,
            if_exists,
            quantifier,
            ..
        } = self.operator;
        let values = context.values(&self.key);
        // For Null and for set operators a key whose values are all empty has none: Null is what
        // keeps ForAllValues from holding for such a key.
        let is_empty = values.iter().all(|value| value.is_empty());
        if let Test::Null(wanted) = &self.test {
            return wanted.contains(&is_empty);
        }
        let fits = |value: &str| self.test.fits(value, context);
        let is_null = match quantifier {
            Quantifier::None => values.is_empty(),
            Quantifier::Any | Quantifier::All => is_empty,
        };
        if is_null {
            return if_exists
                || match quantifier {
                    Quantifier::None => is_negated,
                    Quantifier::Any => false,
                    Quantifier::All => true,
                };
        }
        let mut values = values.iter();
        match quantifier {
            Quantifier::None => values.any(|value| fits(value)) != is_negated,
            Quantifier::Any => values.any(|value| fits(value) != is_negated),
            Quantifier::All => values.all(|value| fits(value) != is_negated),
        }
    }
}

impl Test {
    fn parse(family: Family, values: &Json, variables: bool) -> Result<Self, Error> {
        let wildcards = match family {
            Family::Like => Wildcards::All,
            Family::Arn => Wildcards::Components,
            _ => Wildcards::None,
        };
        let syntax = Syntax {
            variables,
            wildcards,
        };
        let template = |text: &str| {
            Template::parse(text, syntax).and_then(|template| check(family, text, template))
        };
        Ok(match family {
            Family::Equals | Family::Like | Family::Arn => Self::Text(each(values, template)?),
            Family::EqualsIgnoringCase => Self::TextIgnoringCase(each(values, template)?),
            Family::Number(holds) => {
                let expected = "number of at most 18 digits and 9 behind the point";
                Self::Number(each(values, read(number, expected))?, holds)
            }
            Family::Date(holds) => {
                let expected = "date; write 2013-06-30T00:00:00Z or seconds since 1970";
                Self::Date(each(values, read(date, expected))?, holds)
            }
            Family::Bool => Self::Bool(each(values, read(boolean, "true or false"))?),
            Family::Null => Self::Null(each(values, read(boolean, "true or false"))?),
            Family::Ip => {
                let expected = "network; write 203.0.113.0/24 or 2001:db8::/32";
                Self::Ip(each(values, read(network, expected))?)
            }
            Family::Binary => {
                let bytes = |text: &str| {
                    let engine = base64::engine::general_purpose::STANDARD;
                    engine.decode(text).ok().map(|_| text.into())
                };
                Self::Binary(each(values, read(bytes, "Base64 with its padding"))?)
            }
        })
    }

    /// Whether one value of a request fits one of the policy.
    fn fits(&self, value: &str, context: &Context<'_>) -> bool {
        let compares = |own: &[i128], theirs: Option<i128>, holds: fn(Ordering) -> bool| {
            theirs.is_some_and(|theirs| own.iter().any(|own| holds(theirs.cmp(own))))
        };
        match self {
            Self::Text(own) => own
                .iter()
                .any(|own| own.matches(value, Case::Exact, context)),
            Self::TextIgnoringCase(own) => own
                .iter()
                .any(|own| own.equals_ignoring_case(value, context)),
            Self::Number(own, holds) => compares(own, number(value), *holds),
            Self::Date(own, holds) => compares(own, date(value), *holds),
            Self::Bool(own) => boolean(value).is_some_and(|value| own.contains(&value)),
            Self::Binary(own) => own.iter().any(|own| &**own == value),
            Self::Ip(own) => {
                address(value).is_some_and(|ip| own.iter().any(|net| net.contains(&ip)))
            }
            Self::Null(_) => false,
        }
    }
}

/// ARN conditions need all six components, or `*` alone.
fn check(family: Family, text: &str, template: Template) -> Result<Template, Problem> {
    const COLONS: usize = 5;
    let is_arn = text == "*"
        || template.has_variables()
        || (text.starts_with("arn:") && text.matches(':').count() >= COLONS);
    if family == Family::Arn && !is_arn {
        let expected = "ARN of six components; write one as arn:aws:iam::123456789012:user/*";
        return Err(Problem::value(text, expected));
    }
    Ok(template)
}

fn read<T>(
    parse: impl Fn(&str) -> Option<T>,
    expected: &'static str,
) -> impl Fn(&str) -> Result<T, Problem> {
    move |text| parse(text).ok_or_else(|| Problem::value(text, expected))
}

/// Compiles the values of a key: strings, numbers, Booleans.
fn each<T>(values: &Json, parse: impl Fn(&str) -> Result<T, Problem>) -> Result<Vec<T>, Error> {
    let mut out = Vec::new();
    for (place, value) in values.each()? {
        let text: String = match value {
            Json::Text(text) | Json::Number(text) => text.clone(),
            Json::Bool(value) => format!("{value}"),
            Json::Rounded => {
                let expected = "a string where it is no whole number; write \"0.5\" for 0.5";
                return Err(Error::new(place, Problem::Type { expected }));
            }
            Json::Null | Json::List(_) | Json::Object(_) => {
                let expected = "a string, a number or a Boolean";
                return Err(Error::new(place, Problem::Type { expected }));
            }
        };
        out.push(parse(&text).map_err(|problem| Error::new(place, problem))?);
    }
    Ok(out)
}
