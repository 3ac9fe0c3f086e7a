//! Fixed responses: the gateway answers by itself.

use bytes::Bytes;
use tollgate_config::snapshot::{FixedPlan, Piece, Template, Variable};
use tollgate_message::{Body, HeaderList, Response};

use super::RequestCtx;
use crate::fault::Fault;
use crate::finished::Record;
use crate::mapping::evaluate;
use crate::ports::Ports;
use crate::text::{is_field_value, make_field_value};

/// Makes the response.
pub(crate) async fn call<P: Ports>(
    ctx: &mut RequestCtx<'_, P>,
    plan: &FixedPlan,
    record: &Record,
) -> Result<Response, Fault> {
    let reads_body = reads_body(&plan.body) || plan.headers.iter().any(|(_, it)| reads_body(it));
    let seen = if reads_body {
        Some(ctx.peek_body().await?)
    } else {
        None
    };
    let scope = ctx.scope(record, seen.as_ref());
    let mut headers = HeaderList::with_capacity(plan.headers.len() + 4, 256);
    let mut value = Vec::new();
    for (name, template) in &plan.headers {
        if let Some(text) = constant(template).filter(|it| is_field_value(it.as_bytes())) {
            headers.append(name, text);
            continue;
        }
        value.clear();
        if evaluate(template, &scope, &mut value) {
            make_field_value(&mut value);
            headers.append(name, &value);
        }
    }
    let body = match constant(&plan.body) {
        Some(text) => Bytes::copy_from_slice(text.as_bytes()),
        None => {
            let mut body = Vec::new();
            evaluate(&plan.body, &scope, &mut body);
            Bytes::from(body)
        }
    };
    Ok(Response {
        status: plan.status,
        headers,
        body: Body::from(body),
    })
}

/// The text of a template without variables, which most are.
fn constant(template: &Template) -> Option<&str> {
    match template.0.as_slice() {
        [Piece::Text(text)] => Some(text),
        _ => None,
    }
}

fn reads_body(template: &Template) -> bool {
    template
        .0
        .iter()
        .any(|it| matches!(it, Piece::Variable(Variable::RequestBody(_))))
}
