//! Access log settings: presets, templates and destinations (reference 17).

use std::sync::Arc;

use tollgate_model::AccessLogSettings;

use super::expression::log_template;
use crate::snapshot::{AccessLog, LogDestination};

const CLF: &str = "$context.identity.sourceIp - - [$context.requestTime] \
                   \"$context.httpMethod $context.routeKey $context.protocol\" \
                   $context.status $context.responseLength $context.requestId";
const JSON: &str = r#"{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","requestTime":"$context.requestTime","httpMethod":"$context.httpMethod","routeKey":"$context.routeKey","status":"$context.status","protocol":"$context.protocol","responseLength":"$context.responseLength"}"#;
const XML: &str = r#"<request id="$context.requestId"><ip>$context.identity.sourceIp</ip><requestTime>$context.requestTime</requestTime><httpMethod>$context.httpMethod</httpMethod><routeKey>$context.routeKey</routeKey><status>$context.status</status><protocol>$context.protocol</protocol><responseLength>$context.responseLength</responseLength></request>"#;
const CSV: &str = "$context.identity.sourceIp,$context.requestTime,$context.httpMethod,\
                   $context.routeKey,$context.protocol,$context.status,\
                   $context.responseLength,$context.requestId";

pub(super) fn compile(settings: &AccessLogSettings) -> Arc<AccessLog> {
    let format = match settings.format.as_str() {
        "CLF" => CLF,
        "JSON" => JSON,
        "XML" => XML,
        "CSV" => CSV,
        other => other,
    };
    Arc::new(AccessLog {
        destination: destination(&settings.destination_arn),
        template: log_template(format),
        json: format.trim_start().starts_with('{'),
    })
}

/// `stdout`, `file:NAME`, or a log group's ARN, whose group becomes the file's name. Names are
/// cut down to characters that cannot leave the log directory.
fn destination(text: &str) -> LogDestination {
    if text.is_empty() || text == "stdout" {
        return LogDestination::Stdout;
    }
    let name = match text.split_once(":log-group:") {
        Some((_, group)) => group.trim_end_matches(":*"),
        None => text.strip_prefix("file:").unwrap_or(text),
    };
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = name.trim_matches('/').chars().map(safe).collect();
    let name = name.trim_start_matches('.');
    LogDestination::File(if name.is_empty() {
        "access.log".into()
    } else {
        name.into()
    })
}
