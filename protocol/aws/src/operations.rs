//! All 230 operations of the management API and the matcher from method and path to operation.
//!
//! The table is generated from the SDKs' service models. The matcher walks a tree of path segments
//! without going back: no literal segment competes with a label, which the generator asserts.

mod authorization;
#[rustfmt::skip]
mod generated;

use crate::{Service, decode_label, encode_label, query_pairs};

pub use authorization::{Authorization, INVOKE, Place, authorization};
pub use generated::{ManagementOp, OPERATIONS, V1Op, V2Op};

use generated::NODES;

/// The most segments that are read of a path without a greedy label. The deepest template has 10.
const SEGMENTS_MAX: usize = 16;

/// Which operation of which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// `apigateway`
    V1(V1Op),
    /// `apigatewayv2`
    V2(V2Op),
    /// `apigatewaymanagementapi`
    Management(ManagementOp),
}

/// What an operation means to a self-hosted gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Works as in AWS.
    Must,
    /// Works, with on-premises meaning.
    Should,
    /// Answers sensibly.
    Low,
    /// Has no meaning outside AWS: a clean error or an empty list.
    Irrelevant,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its identity.
    pub op: Op,
    /// Its service.
    pub service: Service,
    /// Its name, unique within the service.
    pub name: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path template, labels in braces.
    pub uri: &'static str,
    /// The query pair that tells it from another operation of the same method and path.
    pub query: Option<(&'static str, &'static str)>,
    /// The status of success.
    pub status: u16,
    /// What it means here.
    pub priority: Priority,
    /// The names of the labels, in order.
    pub labels: &'static [&'static str],
}

impl Operation {
    /// The path for these label values, in the order of `labels`; `None` when their number is
    /// another. A pair of `query` is not part of it.
    #[must_use]
    pub fn path(&self, labels: &[&str]) -> Option<String> {
        if labels.len() != self.labels.len() {
            return None;
        }
        let mut values = labels.iter();
        let segments = self.uri.split('/').map(|segment| {
            if segment.starts_with('{') {
                values.next().map(|value| encode_label(value))
            } else {
                Some(segment.to_owned())
            }
        });
        Some(segments.collect::<Option<Vec<_>>>()?.join("/"))
    }
}

/// The operation of this service and name.
#[must_use]
pub fn find_operation(service: Service, name: &str) -> Option<&'static Operation> {
    OPERATIONS
        .iter()
        .find(|op| op.service == service && op.name == name)
}

/// A segment of the templates.
struct Node {
    literals: &'static [(&'static str, u16)],
    label: Option<u16>,
    /// The label takes the rest of the path.
    greedy: bool,
    ops: &'static [u16],
}

/// A request's operation and its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched<'p> {
    /// The operation.
    pub operation: &'static Operation,
    /// What stands before `/@connections`; empty for all other operations.
    pub prefix: &'p str,
    labels: Vec<String>,
}

impl Matched<'_> {
    /// The decoded value of a label; `None` when the template has no such label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = self
            .operation
            .labels
            .iter()
            .position(|label| *label == name)?;
        self.labels.get(at).map(String::as_str)
    }

    /// All labels with their decoded values, in order.
    pub fn labels(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.operation
            .labels
            .iter()
            .copied()
            .zip(self.labels.iter().map(String::as_str))
    }
}

/// The operation of a request: `path` percent-encoded as on the wire, `query` without `?`.
///
/// `@connections` may stand behind any prefix, as endpoint URLs of WebSocket stages have one. A
/// single slash at the end is ignored; an empty label matches nothing, a label that is not UTF-8
/// either.
#[must_use]
pub fn match_operation<'p>(
    method: &str,
    path: &'p str,
    query: Option<&str>,
) -> Option<Matched<'p>> {
    let (prefix, path) = match split_connections(path) {
        Some(parts) => parts,
        None => ("", path),
    };
    let mut labels = Vec::new();
    let mut node = &NODES[0];
    let mut rest = path.strip_prefix('/')?;
    rest = rest.strip_suffix('/').unwrap_or(rest);
    for _ in 0..SEGMENTS_MAX {
        let (segment, after) = match rest.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (rest, None),
        };
        if segment.is_empty() {
            return None;
        }
        if let Some(label) = node.label {
            let text = if node.greedy { rest } else { segment };
            labels.push(decode_label(text)?.into_owned());
            let greedy = node.greedy;
            node = &NODES[usize::from(label)];
            if greedy {
                return finish(node, method, query, prefix, labels);
            }
        } else {
            let segment = decode_label(segment)?;
            let at = node
                .literals
                .binary_search_by_key(&&*segment, |(text, _)| *text)
                .ok()?;
            node = &NODES[usize::from(node.literals[at].1)];
        }
        match after {
            Some(after) => rest = after,
            None => return finish(node, method, query, prefix, labels),
        }
    }
    None
}

fn finish<'p>(
    node: &Node,
    method: &str,
    query: Option<&str>,
    prefix: &'p str,
    labels: Vec<String>,
) -> Option<Matched<'p>> {
    let has = |(key, value): (&str, &str)| {
        query_pairs(query.unwrap_or_default()).any(|(k, v)| k == key && v == value)
    };
    let operation = node
        .ops
        .iter()
        .map(|index| &OPERATIONS[usize::from(*index)])
        .find(|op| op.method == method && op.query.is_none_or(has))?;
    Some(Matched {
        operation,
        prefix,
        labels,
    })
}

/// Whether a path, percent-encoded as on the wire, is that of a WebSocket connection.
#[must_use]
pub fn is_connection(path: &str) -> bool {
    split_connections(path).is_some()
}

/// Splits `/prod/%40connections/{id}` into `/prod` and the rest.
fn split_connections(path: &str) -> Option<(&str, &str)> {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let id = trimmed.rfind('/')?;
    let start = trimmed[..id].rfind('/')?;
    (decode_label(&trimmed[start + 1..id])? == "@connections").then(|| path.split_at(start))
}

#[cfg(test)]
mod tests;
