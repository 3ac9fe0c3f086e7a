//! What the service models say of inputs: names, types, bounds, enumerations.
//!
//! Every operation's input is checked against the model before the operation runs, so that
//! handlers look at meaning only. Members that the model does not have are ignored, as AWS does.
//! Patterns are the handlers': both services have them in ten places only.

#[rustfmt::skip]
mod generated;
#[cfg(test)]
mod tests;
mod value;

use serde_json::{Map, Value};

use crate::operations::{Matched, Operation};
use crate::{AwsError, Constraint, ErrorKind, Service, query_pairs};

use generated::INPUTS;
use value::Found;

/// What a value is.
#[derive(Debug)]
pub(crate) enum Shape {
    /// An object with these members.
    Structure(&'static [Member]),
    /// An array of these.
    List(&'static Shape),
    /// An object with any names and these values.
    Map(&'static Shape),
    /// Text, its length in characters.
    String {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// One of these words.
    Enum(&'static [&'static str]),
    /// A whole number.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A number.
    Double,
    /// `true` or `false`.
    Boolean,
    /// A time, as the service writes times.
    Timestamp,
    /// Bytes, in base64 where they stand in JSON.
    Blob,
}

/// A member of an input or of a structure in one.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// Where it stands.
    pub(crate) place: Place,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// Whether an error must not quote it.
    pub(crate) secret: bool,
    /// What it is.
    pub(crate) shape: &'static Shape,
}

/// Where a member of an input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the JSON body.
    Body,
    /// In the path.
    Label,
    /// In the query.
    Query,
    /// In a header.
    Header,
    /// It is the body, which is no JSON of the service's.
    Payload,
}

/// Checks a request against the model of its operation: `query` without `?`, and what
/// [`read_members`] read of its body.
///
/// # Errors
/// `SerializationException` for a value of a wrong type; else all violations in one
/// `ValidationException` (v1) or `BadRequestException` (v2).
pub fn check_input(
    matched: &Matched<'_>,
    query: Option<&str>,
    body: &Map<String, Value>,
) -> Result<(), AwsError> {
    let operation = matched.operation;
    let Some(Shape::Structure(members)) = input(operation) else {
        return Ok(());
    };
    let mut found = Found::new(is_change(operation));
    found.members(members, body)?;
    for member in *members {
        match member.place {
            Place::Label => found.text(member, matched.label(member.name)),
            Place::Query => in_query(&mut found, member, query.unwrap_or_default()),
            Place::Body | Place::Header | Place::Payload => {}
        }
    }
    found.violations.into_result(match operation.service {
        Service::ApiGateway => ErrorKind::Validation,
        Service::ApiGatewayV2 | Service::Management => ErrorKind::BadRequest,
    })
}

/// The members that an operation takes in its body, each with whether it is a map of values by
/// name. Handlers lay these over a resource, and no others.
pub fn body_members(operation: &Operation) -> impl Iterator<Item = (&'static str, bool)> + use<> {
    let members = match input(operation) {
        Some(Shape::Structure(members)) => *members,
        _ => &[],
    };
    let in_body = members.iter().filter(|it| it.place == Place::Body);
    in_body.map(|it| (it.name, matches!(it.shape, Shape::Map(_))))
}

fn input(operation: &Operation) -> Option<&'static Shape> {
    // Byte by byte: the services come in the order of their variants, the names in their own.
    let wanted = (operation.service as u8, operation.name);
    let at = INPUTS.binary_search_by_key(&wanted, |(service, name, _)| (*service as u8, *name));
    Some(INPUTS.get(at.ok()?)?.2)
}

/// Whether an operation changes what is there: an empty text then takes a member away, whatever
/// the model says of its length.
fn is_change(operation: &Operation) -> bool {
    operation.method == "PATCH"
}

/// The members of a body; those of no body are none.
///
/// # Errors
/// `SerializationException` for what is no JSON object, which names a place and quotes nothing: a
/// value can be secret.
pub fn read_members(body: &[u8]) -> Result<Map<String, Value>, AwsError> {
    // What JSON takes for space, and no more.
    if body.iter().all(|byte| b" \t\n\r".contains(byte)) {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = match body.trim_ascii_start().first() {
            Some(b'{') => format!("the body cannot be read at line {line}, column {column}"),
            _ => "the body is no JSON object".to_owned(),
        };
        AwsError::new(ErrorKind::Serialization, text)
    })
}

/// Every value that a query has of a member, or that it has none.
fn in_query(found: &mut Found, member: &Member, query: &str) {
    let mut none = true;
    let element = match member.shape {
        Shape::List(element) => element,
        shape => shape,
    };
    for (_, value) in query_pairs(query).filter(|(name, _)| name == member.name) {
        none = false;
        found.words(member, element, &value);
    }
    if none && member.required {
        found.add(None, member.name, Constraint::NotNull, false);
    }
}
