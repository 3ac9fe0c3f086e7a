//! The maps of events: headers, query and path parameters, serialised from what they are.
//!
//! Names repeat at most a few times and a request has at most a hundred fields
//! (`limits::HEADER_FIELDS_MAX`), so looking back for repeats costs less than a hash map. Queries
//! are bounded by the target's length; see [`Query`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use tollgate_message::HeaderList;

use crate::text::{decode_path, decode_query, query_pairs};

/// How repeated values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// Joined by commas (format 2.0).
    Joined,
    /// The last one (format 1.0).
    Last,
    /// All in an array (format 1.0, multi-value).
    All,
}

/// The header fields whose names `keep` lets through.
pub(crate) struct Headers<'a> {
    pub(crate) list: &'a HeaderList,
    pub(crate) repeats: Repeats,
    pub(crate) keep: fn(&str) -> bool,
    /// How a name is written.
    pub(crate) spell: fn(&str) -> Cow<'_, str>,
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, (name, _)) in self.list.iter().enumerate() {
            if !(self.keep)(name) || self.list.iter().take(at).any(|(it, _)| it == name) {
                continue;
            }
            let values = || self.list.get_all(name).map(String::from_utf8_lossy);
            write_entry(&mut map, &(self.spell)(name), self.repeats, values)?;
        }
        map.end()
    }
}

/// The query parameters, decoded and grouped by name in the order of first appearance.
pub(crate) struct Query<'a> {
    groups: Vec<(Cow<'a, str>, Vec<Cow<'a, str>>)>,
}

impl<'a> Query<'a> {
    /// `None` when there is no parameter. A query of 10 KB can hold thousands of names, so equal
    /// ones are found by sorting and not by looking back.
    pub(crate) fn of(query: Option<&'a str>) -> Option<Self> {
        let mut pairs: Vec<_> = query_pairs(query?)
            .enumerate()
            .map(|(at, (name, value))| (decode_query(name), at, decode_query(value)))
            .collect();
        pairs.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let mut groups: Vec<(usize, Cow<'a, str>, Vec<Cow<'a, str>>)> = Vec::new();
        for (name, at, value) in pairs {
            match groups.last_mut() {
                Some((_, last, values)) if *last == name => values.push(value),
                _ => groups.push((at, name, vec![value])),
            }
        }
        groups.sort_by_key(|(at, _, _)| *at);
        let groups: Vec<_> = groups
            .into_iter()
            .map(|(_, name, values)| (name, values))
            .collect();
        (!groups.is_empty()).then_some(Self { groups })
    }

    pub(crate) fn shown(&self, repeats: Repeats) -> QueryMap<'_> {
        QueryMap {
            query: self,
            repeats,
        }
    }
}

/// A query in one of the forms.
pub(crate) struct QueryMap<'a> {
    query: &'a Query<'a>,
    repeats: Repeats,
}

impl Serialize for QueryMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.query.groups.len()))?;
        for (name, values) in &self.query.groups {
            write_entry(&mut map, name, self.repeats, || {
                values.iter().map(|it| Cow::Borrowed(&**it))
            })?;
        }
        map.end()
    }
}

fn write_entry<'v, M: SerializeMap, I: Iterator<Item = Cow<'v, str>>>(
    map: &mut M,
    name: &str,
    repeats: Repeats,
    values: impl Fn() -> I,
) -> Result<(), M::Error> {
    match repeats {
        Repeats::Last => map.serialize_entry(name, &values().last().unwrap_or_default()),
        Repeats::All => map.serialize_entry(name, &Sequence(values)),
        Repeats::Joined => {
            let mut rest = values();
            let mut joined = rest.next().unwrap_or_default();
            for value in rest {
                let text = joined.to_mut();
                text.push(',');
                text.push_str(&value);
            }
            map.serialize_entry(name, &joined)
        }
    }
}

struct Sequence<F>(F);

impl<'v, F: Fn() -> I, I: Iterator<Item = Cow<'v, str>>> Serialize for Sequence<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        for value in (self.0)() {
            sequence.serialize_element(&value)?;
        }
        sequence.end()
    }
}

/// Path variables, decoded.
pub(crate) struct Params<'a>(&'a [(&'a str, &'a str)]);

impl<'a> Params<'a> {
    /// `None` when the route has none.
    pub(crate) fn of(params: &'a [(&'a str, &'a str)]) -> Option<Self> {
        (!params.is_empty()).then_some(Self(params))
    }
}

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|(name, value)| (*name, decode_path(value))),
        )
    }
}

/// Stage variables; `None` when there is none.
pub(crate) fn variables(all: &BTreeMap<String, String>) -> Option<&BTreeMap<String, String>> {
    (!all.is_empty()).then_some(all)
}
