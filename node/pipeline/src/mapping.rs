//! Parameter mapping (reference 5.3): expressions over the request and the response.

mod body;
mod request;
mod response;

pub(crate) use body::{MappedBody, peek, poll_body};
pub(crate) use request::RequestEdits;
pub(crate) use response::apply as apply_response;

use tollgate_config::snapshot::{Piece, Template, Variable};
use tollgate_message::HeaderList;

use crate::context;
use crate::finished::{Head, Record};
use crate::text::{decode_query, push_number, query_pairs};

/// What expressions may read.
pub(crate) struct Scope<'a> {
    pub(crate) head: &'a Head,
    pub(crate) record: &'a Record,
    pub(crate) request: Option<RequestSide<'a>>,
    pub(crate) response: Option<ResponseSide<'a>>,
}

/// The request as the client sent it.
#[derive(Clone, Copy)]
pub(crate) struct RequestSide<'a> {
    pub(crate) headers: &'a HeaderList,
    pub(crate) query: Option<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) params: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<&'a MappedBody>,
}

/// The response as the back end sent it.
#[derive(Clone, Copy)]
pub(crate) struct ResponseSide<'a> {
    pub(crate) headers: &'a HeaderList,
    pub(crate) body: Option<&'a MappedBody>,
}

/// Appends the value of a template. `false` when it consists of variables and none of them has a
/// value: the step is then left out, as AWS does.
pub(crate) fn evaluate(template: &Template, scope: &Scope<'_>, out: &mut Vec<u8>) -> bool {
    let mut any = template.0.is_empty();
    for piece in &template.0 {
        any |= match piece {
            Piece::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                true
            }
            Piece::Variable(variable) => write(variable, scope, out),
        };
    }
    any
}

/// Appends the value of a variable; `false` when it has none.
pub(crate) fn write(variable: &Variable, scope: &Scope<'_>, out: &mut Vec<u8>) -> bool {
    match variable {
        Variable::Context(var) => context::write_parts(var, scope.head, scope.record, out),
        Variable::ResponseHeader(name) => scope
            .response
            .is_some_and(|it| write_header(it.headers, name, out)),
        Variable::ResponseBody(path) => scope
            .response
            .and_then(|it| it.body)
            .is_some_and(|body| body.write(path.as_ref(), out)),
        Variable::ResponseJson(path) => {
            let body = scope.response.and_then(|it| it.body);
            body.inspect(|body| body.write_json(path, out)).is_some()
        }
        Variable::ResponseStatus => {
            let integration = &scope.record.integration;
            let status = integration.function_status.or(integration.status);
            push_number(out, u64::from(status.unwrap_or_default()));
            status.is_some()
        }
        of_request => scope
            .request
            .is_some_and(|it| write_request(of_request, &it, out)),
    }
}

/// Whether a request has a value for a variable of its own, an empty one too.
pub(crate) fn carries(variable: &Variable, request: &RequestSide<'_>) -> bool {
    write_request(variable, request, &mut Vec::new())
}

fn write_request(variable: &Variable, request: &RequestSide<'_>, out: &mut Vec<u8>) -> bool {
    match variable {
        Variable::RequestHeader(name) => write_header(request.headers, name, out),
        Variable::RequestQuery(name) => write_query(request.query.unwrap_or_default(), name, out),
        Variable::RequestPath => {
            out.extend_from_slice(request.path.as_bytes());
            true
        }
        Variable::RequestPathParam(name) => {
            let value = request
                .params
                .iter()
                .find(|(it, _)| *it == &**name)
                .map(|(_, value)| *value);
            out.extend_from_slice(value.unwrap_or_default().as_bytes());
            value.is_some()
        }
        Variable::RequestJson(path) => {
            let body = request.body;
            body.inspect(|body| body.write_json(path, out)).is_some()
        }
        Variable::RequestBody(path) => request
            .body
            .is_some_and(|body| body.write(path.as_ref(), out)),
        _ => false,
    }
}

/// All values of a field joined by commas.
fn write_header(headers: &HeaderList, name: &str, out: &mut Vec<u8>) -> bool {
    let mut any = false;
    for value in headers.get_all(name) {
        if any {
            out.push(b',');
        }
        out.extend_from_slice(value);
        any = true;
    }
    any
}

/// All decoded values of a parameter joined by commas. Names are case-sensitive.
fn write_query(query: &str, wanted: &str, out: &mut Vec<u8>) -> bool {
    let mut any = false;
    for (name, value) in query_pairs(query) {
        if decode_query(name) == wanted {
            if any {
                out.push(b',');
            }
            out.extend_from_slice(decode_query(value).as_bytes());
            any = true;
        }
    }
    any
}
