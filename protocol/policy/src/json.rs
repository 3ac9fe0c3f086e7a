//! JSON as a tree that keeps every member, so that what stands twice can be refused by its place.
//!
//! A map would drop one of two members of the same name, and which one it drops is how two readers
//! of one policy come to disagree.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::limits::DEPTH_MAX;
use crate::{Error, Problem};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A whole number as text: conditions compare numbers as decimals.
    Number(String),
    /// A number with a fraction or an exponent, or beyond 64 bits. The parser has rounded it to
    /// binary floating point, so what was written is not known any more.
    Rounded,
    Text(String),
    List(Vec<Json>),
    /// Members in order, all of them.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text whose length has been checked.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let json: Self = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let detail = error.to_string();
            let end = detail.rfind(" at line ").unwrap_or(detail.len());
            let detail = detail.get(..end).unwrap_or_default().to_owned();
            Error::new(
                "",
                Problem::Json {
                    line,
                    column,
                    detail,
                },
            )
        })?;
        json.check(0)?;
        Ok(json)
    }

    /// Refuses members that stand twice and what nests too deep.
    fn check(&self, depth: usize) -> Result<(), Error> {
        if depth > DEPTH_MAX {
            let expected = "flatter: policies have no such depth";
            return Err(Error::new("", Problem::Type { expected }));
        }
        match self {
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.check(depth + 1)
                        .map_err(|error| error.within(&format!("[{index}]")))?;
                }
            }
            Self::Object(members) => {
                let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
                names.sort_unstable();
                if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                    let name = pair[0].to_owned();
                    return Err(Error::new("", Problem::Duplicate { name }));
                }
                for (name, value) in members {
                    value.check(depth + 1).map_err(|error| error.within(name))?;
                }
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Rounded | Self::Text(_) => {}
        }
        Ok(())
    }

    pub(crate) fn text(&self) -> Result<&str, Error> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(wrong("a string")),
        }
    }

    pub(crate) fn object(&self) -> Result<&[(String, Self)], Error> {
        match self {
            Self::Object(members) => Ok(members),
            _ => Err(wrong("an object")),
        }
    }

    /// The element or elements of a value that may be a list or stand alone, with their places:
    /// `[0]`, or nothing for one that stands alone.
    pub(crate) fn each(&self) -> Result<impl Iterator<Item = (String, &Self)>, Error> {
        let (items, is_list) = match self {
            Self::List(items) if items.is_empty() => return Err(Error::new("", Problem::Empty)),
            Self::List(items) => (items.as_slice(), true),
            alone => (core::slice::from_ref(alone), false),
        };
        Ok(items.iter().enumerate().map(move |(index, item)| {
            let place = if is_list {
                format!("[{index}]")
            } else {
                String::new()
            };
            (place, item)
        }))
    }
}

fn wrong(expected: &'static str) -> Error {
    Error::new("", Problem::Type { expected })
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Rounded)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            members.push(entry);
        }
        Ok(Json::Object(members))
    }
}
