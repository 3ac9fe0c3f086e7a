//! Response mapping: what the client gets instead of what the back end sent.

use tollgate_config::snapshot::{MappingAction, MappingStep, MappingTarget};
use tollgate_message::Response;

use super::{MappedBody, ResponseSide, Scope, evaluate};
use crate::finished::{Head, Record};
use crate::text::make_field_value;

/// Carries out the steps that the back end's status selected. Values are taken from the response
/// as the back end sent it. A status that is no number from 200 to 599 is ignored.
pub(crate) fn apply(
    steps: &[MappingStep],
    head: &Head,
    record: &Record,
    body: Option<&MappedBody>,
    response: &mut Response,
) {
    let mut values = Vec::with_capacity(steps.len());
    {
        let side = ResponseSide {
            headers: &response.headers,
            body,
        };
        let scope = Scope {
            head,
            record,
            request: None,
            response: Some(side),
        };
        for step in steps {
            let mut value = Vec::new();
            let known =
                step.action == MappingAction::Remove || evaluate(&step.value, &scope, &mut value);
            make_field_value(&mut value);
            values.push(known.then_some(value));
        }
    }
    for (step, value) in steps.iter().zip(values) {
        let Some(value) = value else { continue };
        match (&step.target, step.action) {
            (MappingTarget::Header(name), MappingAction::Remove) => {
                response.headers.remove(name);
            }
            (MappingTarget::Header(name), MappingAction::Overwrite) => {
                response.headers.set(name, value);
            }
            (MappingTarget::Header(name), MappingAction::Append) => {
                response.headers.append(name, value);
            }
            (MappingTarget::StatusCode, _) => {
                let status = core::str::from_utf8(&value)
                    .ok()
                    .and_then(|it| it.parse().ok());
                if let Some(status @ 200..=599) = status {
                    response.status = status;
                }
            }
            // Responses have neither.
            (MappingTarget::Query(_) | MappingTarget::Path, _) => {}
        }
    }
}
