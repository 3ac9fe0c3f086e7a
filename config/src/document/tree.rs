//! A document in which every node knows its place in a file.
//!
//! Everything that reads configuration works on this tree first, because an error without a line
//! is an error that somebody has to search for.

use std::fmt;

use serde_json::Value as Json;

/// A place: a stretch of characters on one line of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file's index in the sources.
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// Characters, to the end of the line at most.
    pub length: u32,
    /// The last line that the node reaches.
    pub last_line: u32,
}

/// A node with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub value: Value,
    pub place: Place,
    /// Whether an environment variable took part: its text is never shown, and may stand for a
    /// number or a boolean.
    pub expanded: bool,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// A number with its text, for members that are strings (`version: 1.10`).
    Number(serde_json::Number, Box<str>),
    String(String),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A member of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub key: String,
    pub key_place: Place,
    pub node: Node,
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// A way through a document: `apis[0].routes[2].routeKey`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Path(pub Vec<Step>);

impl Path {
    pub(crate) fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_word(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(f, "{dot}{key}")?;
                }
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

fn is_word(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'))
}

impl Node {
    pub(crate) fn new(value: Value, place: Place) -> Self {
        Self {
            value,
            place,
            expanded: false,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Number(_, text) => Some(text),
            _ => None,
        }
    }

    /// What the value is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(..) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// The deepest node on the way of `path` that exists, and the place to show for it: of a
    /// scalar the value, of a mapping or list the key that leads to it.
    pub(crate) fn locate(&self, path: &[Step]) -> (&Self, Place) {
        let mut node = self;
        let mut place = self.place;
        for step in path {
            let next = match step {
                Step::Key(key) => node.entry(key).map(|e| (&e.node, e.key_place)),
                Step::Index(index) => node.items().get(*index).map(|item| (item, item.place)),
            };
            let Some((child, key_place)) = next else {
                break;
            };
            node = child;
            place = match child.value {
                Value::Sequence(_) | Value::Mapping(_) | Value::Null => key_place,
                _ => child.place,
            };
        }
        (node, place)
    }

    /// The value without places.
    pub(crate) fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(it) => Json::Bool(*it),
            Value::Number(it, _) => Json::Number(it.clone()),
            Value::String(it) => Json::String(it.clone()),
            Value::Sequence(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.to_json()))
                    .collect(),
            ),
        }
    }
}
