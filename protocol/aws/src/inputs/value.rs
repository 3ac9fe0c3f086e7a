//! Values against their shapes.

use serde_json::{Map, Value};

use super::{Member, Place, Shape};
use crate::{AwsError, Constraint, ErrorKind, Violation, Violations};

/// Bytes of a location in an error.
const LOCATION_BYTES_MAX: usize = 256;

/// What was found so far.
pub(super) struct Found {
    pub(super) violations: Violations,
    /// Empty texts are no violation, they take a member away.
    empty_removes: bool,
}

impl Found {
    pub(super) fn new(empty_removes: bool) -> Self {
        Self {
            violations: Violations::new(),
            empty_removes,
        }
    }

    pub(super) fn add(
        &mut self,
        value: Option<&str>,
        location: &str,
        constraint: Constraint,
        secret: bool,
    ) {
        self.violations.push(Violation {
            value: value.map(str::to_owned),
            location: location.to_owned(),
            constraint,
            secret,
        });
    }

    /// The members of a body.
    pub(super) fn members(
        &mut self,
        members: &[Member],
        values: &Map<String, Value>,
    ) -> Result<(), AwsError> {
        self.structure(members, values, "")
    }

    fn structure(
        &mut self,
        members: &[Member],
        values: &Map<String, Value>,
        at: &str,
    ) -> Result<(), AwsError> {
        for member in members.iter().filter(|it| it.place == Place::Body) {
            let location = match at {
                "" => member.name.to_owned(),
                _ => format!("{at}.{}", member.name),
            };
            match values.get(member.name).filter(|value| !value.is_null()) {
                Some(value) => self.value(member.shape, value, &location, member.secret)?,
                None if member.required => {
                    self.add(None, &location, Constraint::NotNull, member.secret);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn value(
        &mut self,
        shape: &Shape,
        value: &Value,
        at: &str,
        secret: bool,
    ) -> Result<(), AwsError> {
        match (shape, value) {
            (Shape::Structure(members), Value::Object(values)) => {
                self.structure(members, values, at)?;
            }
            (Shape::List(element), Value::Array(values)) => {
                for (number, value) in values.iter().enumerate() {
                    let location = format!("{at}.{}.member", number + 1);
                    self.value(element, value, &location, secret)?;
                }
            }
            (Shape::Map(element), Value::Object(values)) => {
                for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
                    self.value(element, value, &within(at, name), secret)?;
                }
            }
            (Shape::String { .. } | Shape::Enum(_), Value::String(text)) => {
                self.string(shape, text, at, secret);
            }
            (Shape::Timestamp | Shape::Blob, Value::String(_))
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Double | Shape::Timestamp, Value::Number(_)) => {}
            (Shape::Integer { .. }, Value::Number(number)) => {
                let Some(number) = whole(number) else {
                    return Err(wrong_type(shape, value, at));
                };
                self.integer(shape, number, at);
            }
            _ => return Err(wrong_type(shape, value, at)),
        }
        Ok(())
    }

    fn string(&mut self, shape: &Shape, text: &str, at: &str, secret: bool) {
        match shape {
            // Words of an enumeration have no empty one: nothing falls back to a default unsaid.
            Shape::String { .. } if text.is_empty() && self.empty_removes => {}
            Shape::String { min, max } => {
                // Only texts that may be too long or too short are counted.
                let length = match text.len() > *max || text.len() < min.saturating_mul(4) {
                    true => text.chars().count(),
                    false => return,
                };
                if length < *min {
                    self.add(Some(text), at, Constraint::LengthMin(*min as u64), secret);
                } else if length > *max {
                    self.add(Some(text), at, Constraint::LengthMax(*max as u64), secret);
                }
            }
            Shape::Enum(words) if !words.contains(&text) => {
                let words = words.iter().map(|&word| word.to_owned()).collect();
                self.add(Some(text), at, Constraint::OneOf(words), secret);
            }
            _ => {}
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "bounds of the models are small")]
    fn integer(&mut self, shape: &Shape, number: i64, at: &str) {
        let Shape::Integer { min, max } = shape else {
            return;
        };
        let shown = number.to_string();
        if number < *min {
            self.add(Some(&shown), at, Constraint::ValueMin(*min as f64), false);
        } else if number > *max {
            self.add(Some(&shown), at, Constraint::ValueMax(*max as f64), false);
        }
    }

    /// A label of the path.
    pub(super) fn text(&mut self, member: &Member, value: Option<&str>) {
        if let Some(value) = value {
            self.string(member.shape, value, member.name, member.secret);
        }
    }

    /// A value in the query, which is text whatever it means.
    pub(super) fn words(&mut self, member: &Member, shape: &Shape, value: &str) {
        match shape {
            Shape::Integer { .. } => match value.parse() {
                Ok(number) => self.integer(shape, number, member.name),
                Err(_) => {
                    let constraint = Constraint::Pattern("-?[0-9]+".to_owned());
                    self.add(Some(value), member.name, constraint, member.secret);
                }
            },
            Shape::Boolean => {
                if !["true", "false"].contains(&value.to_ascii_lowercase().as_str()) {
                    let words = ["true", "false"].map(str::to_owned).to_vec();
                    let constraint = Constraint::OneOf(words);
                    self.add(Some(value), member.name, constraint, member.secret);
                }
            }
            _ => self.string(shape, value, member.name, member.secret),
        }
    }
}

/// A whole number, also when it is written with a point.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the bounds are checked before"
)]
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let value = number.as_f64()?;
        (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
    })
}

/// The location of a map's entry; what is too long of its name is cut.
fn within(at: &str, name: &str) -> String {
    let name: String = name.chars().take(LOCATION_BYTES_MAX / 4).collect();
    format!("{at}.{name}.member")
}

fn wrong_type(shape: &Shape, value: &Value, at: &str) -> AwsError {
    let wanted = match shape {
        Shape::Structure(_) | Shape::Map(_) => "an object",
        Shape::List(_) => "an array",
        Shape::String { .. } | Shape::Enum(_) | Shape::Blob => "a string",
        Shape::Integer { .. } => "a whole number",
        Shape::Double => "a number",
        Shape::Boolean => "true or false",
        Shape::Timestamp => "a time",
    };
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let text = format!("the value of {at} is {got}, not {wanted}");
    AwsError::new(ErrorKind::Serialization, text)
}
