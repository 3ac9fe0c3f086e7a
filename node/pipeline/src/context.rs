//! `$context` variables (reference 17), for parameter mapping and access logs.

use tollgate_config::snapshot::ContextVar;

use crate::finished::{Finished, Head, Record};
use crate::text::{push_clf_time, push_number};

/// Appends the value of a variable; `false` when it has none (a log then prints `-`).
pub(crate) fn write(var: &ContextVar, finished: &Finished, out: &mut Vec<u8>) -> bool {
    let Finished { head, record } = finished;
    write_parts(var, head, record, out)
}

/// As [`write()`], while the request is still under way.
pub(crate) fn write_parts(
    var: &ContextVar,
    head: &Head,
    record: &Record,
    out: &mut Vec<u8>,
) -> bool {
    use ContextVar as Var;
    let stage = record.stage.as_deref();
    let route = record.route.as_deref();
    match var {
        Var::AccountId => text(out, record.account_id.as_deref()),
        Var::ApiId => text(out, stage.map(|it| &*it.api_id)),
        Var::DeploymentId => text(out, stage.map(|it| &*it.deployment_id)),
        Var::Stage => text(out, stage.map(|it| &*it.name)),
        Var::BasePathMatched => text(out, record.base_path.as_deref()),
        Var::RouteKey => text(out, route.map(|it| &*it.route_key)),
        Var::ResourcePath => text(out, route.map(|it| &*it.resource)),
        Var::ResourceId | Var::RouteId => text(out, route.map(|it| &*it.route_id)),
        Var::DomainName => text(out, Some(&head.domain)),
        Var::DomainPrefix => text(out, head.domain.split('.').next()),
        Var::HttpMethod => text(out, Some(head.method.as_str())),
        Var::Path => text(out, Some(&head.path)),
        Var::Protocol => text(out, Some(head.version.as_str())),
        Var::RequestId | Var::ExtendedRequestId | Var::AwsEndpointRequestId2 => {
            text(out, Some(&head.request_id))
        }
        Var::RequestTime => {
            push_clf_time(out, head.received_ms);
            true
        }
        Var::RequestTimeEpoch => number(out, Some(head.received_ms)),
        Var::IdentitySourceIp => text(out, Some(&head.source_ip)),
        Var::IdentityUserAgent => text(out, head.user_agent.as_deref()),
        Var::IdentityApiKeyId => text(out, record.key.as_ref().map(|it| it.0.key_id.as_str())),
        Var::UsagePlanId => text(out, record.key_plan().map(|it| it.terms.plan_id.as_str())),
        Var::ConnectedAt
        | Var::ConnectionId
        | Var::DisconnectReason
        | Var::DisconnectStatusCode
        | Var::EventType
        | Var::MessageDirection
        | Var::MessageId => socket(var, record, out),
        Var::TraceId | Var::TraceParent => trace(var, record, out),
        _ => outcome(var, record, out),
    }
}

/// The variables that speak of the answer.
fn outcome(var: &ContextVar, record: &Record, out: &mut Vec<u8>) -> bool {
    use ContextVar as Var;
    let integration = &record.integration;
    match var {
        Var::Status => number(out, Some(u64::from(record.status))),
        Var::CacheStatus => text(out, record.cache.as_str()),
        Var::DataProcessed => number(out, Some(record.request_bytes + record.response_bytes)),
        Var::ResponseLength => number(out, Some(record.response_bytes)),
        Var::ResponseLatency => number(out, Some(record.total_latency_us / 1000)),
        Var::ErrorMessage => {
            let message = record.error_message.as_deref();
            text(out, message.or_else(|| record.fault.map(|it| it.message())))
        }
        Var::ErrorMessageString => match record.fault {
            Some(fault) => {
                out.push(b'"');
                out.extend_from_slice(fault.message().as_bytes());
                out.push(b'"');
                true
            }
            None => false,
        },
        Var::ErrorResponseType => text(out, record.fault.map(|it| it.response_type())),
        Var::IntegrationError | Var::IntegrationErrorMessage => {
            text(out, integration.error_message.as_deref())
        }
        Var::IntegrationLatency | Var::IntegrationLatency2 => {
            number(out, integration.latency_us.map(|it| it / 1000))
        }
        // For functions: what the call answered, and what the function's reply says.
        Var::IntegrationIntegrationStatus => number(out, integration.status.map(u64::from)),
        Var::IntegrationStatus | Var::IntegrationStatus2 => number(
            out,
            integration
                .function_status
                .or(integration.status)
                .map(u64::from),
        ),
        Var::UpstreamServer => text(out, integration.server.as_deref()),
        // What nothing sets: callers, authorizers, request ids of back ends, unknown names.
        _ => false,
    }
}

/// The variables of WebSocket connections.
fn socket(var: &ContextVar, record: &Record, out: &mut Vec<u8>) -> bool {
    use ContextVar as Var;
    let Some(event) = &record.socket else {
        return false;
    };
    let ended = event.ended.as_ref();
    match var {
        Var::ConnectedAt => number(out, Some(event.connected_at_ms)),
        Var::ConnectionId => text(out, Some(&event.connection_id)),
        Var::DisconnectReason => text(out, ended.map(|it| &*it.reason)),
        Var::DisconnectStatusCode => number(out, ended.map(|it| u64::from(it.code))),
        Var::EventType => text(out, Some(event.kind.as_str())),
        Var::MessageDirection => text(out, Some("IN")),
        Var::MessageId => text(out, event.message_id.as_deref()),
        _ => false,
    }
}

fn trace(var: &ContextVar, record: &Record, out: &mut Vec<u8>) -> bool {
    let Some(trace) = &record.trace else {
        return false;
    };
    if *var == ContextVar::TraceId {
        trace.write_root(out);
    } else {
        trace.write_traceparent(out);
    }
    true
}

fn text(out: &mut Vec<u8>, value: Option<&str>) -> bool {
    match value {
        Some(value) if !value.is_empty() => {
            out.extend_from_slice(value.as_bytes());
            true
        }
        _ => false,
    }
}

fn number(out: &mut Vec<u8>, value: Option<u64>) -> bool {
    if let Some(value) = value {
        push_number(out, value);
    }
    value.is_some()
}
