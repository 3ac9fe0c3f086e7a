//! Request mapping: what is sent to the back end instead of what the client sent.
//!
//! Every value is taken from the client's request before anything is changed, so the order of
//! steps never changes what a value is.

use tollgate_config::snapshot::{
    MappingAction, MappingStep, MappingTarget, Piece, Template, Variable,
};
use tollgate_message::HeaderList;

use super::{Scope, evaluate, write};
use crate::fault::{Fault, FaultKind};
use crate::text::{
    decode_path, decode_query, has_dot_segment, make_field_value, push_encoded, push_path,
    query_pieces, split_pair,
};

/// The changes to make, with their values.
#[derive(Debug, Default)]
pub(crate) struct RequestEdits<'a> {
    /// Header steps in order; no value for removals.
    headers: Vec<(MappingAction, &'a str, Vec<u8>)>,
    /// Query steps.
    pub(crate) query: QueryEdits<'a>,
    /// The path that replaces the integration's.
    pub(crate) path: Option<String>,
}

/// The changes of a query.
#[derive(Debug, Default)]
pub(crate) struct QueryEdits<'a>(Vec<(MappingAction, &'a str, String)>);

impl<'a> RequestEdits<'a> {
    /// Evaluates the steps of an integration.
    ///
    /// # Errors
    /// `BadRequest` when a mapped path would leave its place.
    pub(crate) fn new(steps: &'a [MappingStep], scope: &Scope<'_>) -> Result<Self, Fault> {
        let mut edits = Self::default();
        for step in steps {
            edits.add(step, scope)?;
        }
        Ok(edits)
    }

    fn add(&mut self, step: &'a MappingStep, scope: &Scope<'_>) -> Result<(), Fault> {
        let remove = step.action == MappingAction::Remove;
        match &step.target {
            MappingTarget::Header(name) => {
                let mut value = Vec::new();
                if remove || evaluate(&step.value, scope, &mut value) {
                    make_field_value(&mut value);
                    self.headers.push((step.action, name, value));
                }
            }
            MappingTarget::Query(name) => {
                let mut value = String::new();
                if remove || query_value(&step.value, scope, &mut value) {
                    self.query.0.push((step.action, name, value));
                }
            }
            MappingTarget::Path => {
                if let Some(path) = path_value(&step.value, scope)? {
                    self.path = Some(path);
                }
            }
            // Only responses have a status.
            MappingTarget::StatusCode => {}
        }
        Ok(())
    }

    /// Carries out the header steps.
    pub(crate) fn apply_headers(&self, headers: &mut HeaderList) {
        for (action, name, value) in &self.headers {
            match action {
                MappingAction::Remove => drop(headers.remove(name)),
                MappingAction::Overwrite => headers.set(name, value),
                MappingAction::Append => headers.append(name, value),
            }
        }
    }
}

impl QueryEdits<'_> {
    /// Whether the query stays as it is.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The query with the steps carried out; `None` when nothing is left of it.
    pub(crate) fn apply(&self, query: Option<&str>) -> Option<String> {
        // What stays, stays as it was written: `a=` and `a` are not the same to every back end.
        let mut kept: Vec<&str> = query_pieces(query.unwrap_or_default()).collect();
        let mut added: Vec<(&str, &str)> = Vec::new();
        for (action, name, value) in &self.0 {
            if *action != MappingAction::Append {
                kept.retain(|piece| decode_query(split_pair(piece).0) != *name);
                added.retain(|(it, _)| it != name);
            }
            if *action != MappingAction::Remove {
                added.push((name, value));
            }
        }
        let mut out = String::new();
        for piece in kept {
            separate(&mut out);
            out.push_str(piece);
        }
        for (name, value) in added {
            separate(&mut out);
            push_encoded(&mut out, name.as_bytes());
            out.push('=');
            out.push_str(value);
        }
        (!out.is_empty()).then_some(out)
    }
}

fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push('&');
    }
}

/// A query value, percent-encoded. Path variables are decoded first: they came encoded.
fn query_value(template: &Template, scope: &Scope<'_>, out: &mut String) -> bool {
    let mut any = template.0.is_empty();
    let mut value = Vec::new();
    for piece in &template.0 {
        value.clear();
        any |= match piece {
            Piece::Text(text) => {
                push_encoded(out, text.as_bytes());
                true
            }
            Piece::Variable(variable) => {
                let known = write(variable, scope, &mut value);
                if is_encoded(variable) {
                    let text = String::from_utf8_lossy(&value);
                    push_encoded(out, decode_path(&text).as_bytes());
                } else {
                    push_encoded(out, &value);
                }
                known
            }
        };
    }
    any
}

/// A path. What came as a path stays as it is; every other variable is encoded to the last slash,
/// so that it can be a part of one segment only.
fn path_value(template: &Template, scope: &Scope<'_>) -> Result<Option<String>, Fault> {
    let mut out = String::new();
    let mut any = false;
    let mut value = Vec::new();
    for piece in &template.0 {
        value.clear();
        any |= match piece {
            Piece::Text(text) => {
                push_path(&mut out, text.as_bytes());
                true
            }
            Piece::Variable(variable) => {
                let known = write(variable, scope, &mut value);
                if is_encoded(variable) {
                    push_path(&mut out, &value);
                } else {
                    push_encoded(&mut out, &value);
                }
                known
            }
        };
    }
    if !any {
        return Ok(None);
    }
    if !out.starts_with('/') {
        out.insert(0, '/');
    }
    if has_dot_segment(&out) {
        return Err(Fault::new(
            FaultKind::BadRequest,
            "the mapped path has a dot segment",
        ));
    }
    Ok(Some(out))
}

/// Whether a value comes percent-encoded, as a part of the path that the client sent.
fn is_encoded(variable: &Variable) -> bool {
    matches!(
        variable,
        Variable::RequestPath | Variable::RequestPathParam(_)
    )
}
