//! Stages: names, variables, settings and access logs (reference 16 and 17).

use alloc::format;

use tollgate_protocol::limits::{BURST_MAX, LOG_FORMAT_BYTES_MAX};

use super::text::{is_word, notes};
use super::{Findings, RouteKey};
use crate::{AccessLogSettings, Api, ProtocolType, RouteSettings, Stage};

/// Stage variables of a stage, characters of a name and of a value (AWS).
const VARIABLES_MAX: usize = 100;
const VARIABLE_NAME_CHARS_MAX: usize = 64;
const VARIABLE_VALUE_CHARS_MAX: usize = 512;
/// Seconds of a cache entry that a stage may ask for: a year. AWS's 3,600 is the default of the
/// node's own cap, which an operator may raise.
const CACHE_TTL_SECONDS_MAX: u64 = 31_536_000;
/// The named access log formats.
const PRESETS: [&str; 4] = ["CLF", "JSON", "CSV", "XML"];

/// Whether this may be the name of a stage.
pub(super) fn is_name(name: &str) -> bool {
    name == "$default" || is_word(name, b"", 128)
}

pub(super) fn stage(api: &Api, stage: &Stage, f: &mut Findings) {
    let name = stage.stage_name.as_str();
    if name == "$default" && api.protocol_type == ProtocolType::Websocket {
        // Its stages are always part of the path.
        f.say("stageName", "Stage name only allows a-zA-Z0-9_-");
    } else if !is_name(name) {
        let message = "a stage name is `$default` or has 1 to 128 of the characters A-Z, a-z, \
                       0-9, `_` and `-`";
        f.say("stageName", message);
    }
    if let Some(id) = &stage.deployment_id
        && !api.deployments.contains_key(id)
    {
        f.say("deploymentId", format!("the API has no deployment `{id}`"));
    }
    notes(stage.description.as_ref(), &stage.tags, f);
    f.inside("stageVariables", |f| variables(stage, f));
    f.inside("defaultRouteSettings", |f| {
        settings(&stage.default_route_settings, f)
    });
    for (key, it) in &stage.route_settings {
        f.in_two("routeSettings", key, |f| {
            if api.protocol_type == ProtocolType::Http
                && let Err(message) = RouteKey::parse(key)
            {
                f.here(message);
            }
            settings(it, f);
        });
    }
    if let Some(it) = &stage.access_log_settings {
        f.inside("accessLogSettings", |f| access_log(it, f));
    }
}

fn variables(stage: &Stage, f: &mut Findings) {
    if stage.stage_variables.len() > VARIABLES_MAX {
        f.here(format!(
            "at most {VARIABLES_MAX} stage variables are allowed"
        ));
    }
    for (name, value) in &stage.stage_variables {
        if !is_word(name, b"", VARIABLE_NAME_CHARS_MAX) || name.contains('-') {
            let message = format!(
                "a stage variable's name has 1 to {VARIABLE_NAME_CHARS_MAX} of the characters \
                 A-Z, a-z, 0-9 and `_`"
            );
            f.key(name, message);
        }
        if !is_word(value, b".~:/?#&=,", VARIABLE_VALUE_CHARS_MAX) {
            let message = format!(
                "a stage variable's value has 1 to {VARIABLE_VALUE_CHARS_MAX} of the characters \
                 A-Z, a-z, 0-9 and `-._~:/?#&=,`"
            );
            f.say(name, message);
        }
    }
}

fn settings(settings: &RouteSettings, f: &mut Findings) {
    if let Some(burst) = settings.throttling_burst_limit
        && burst > BURST_MAX
    {
        let message = format!("throttlingBurstLimit is at most {BURST_MAX}");
        f.say("throttlingBurstLimit", message);
    }
    if let Some(seconds) = settings.cache_ttl_in_seconds
        && seconds > CACHE_TTL_SECONDS_MAX
    {
        let message = format!("cacheTtlInSeconds is a number from 0 to {CACHE_TTL_SECONDS_MAX}");
        f.say("cacheTtlInSeconds", message);
    }
}

fn access_log(settings: &AccessLogSettings, f: &mut Findings) {
    let destination = settings.destination_arn.as_str();
    let named = destination
        .strip_prefix("file:")
        .is_some_and(|it| is_word(it, b".", 128) && !it.starts_with('.'));
    let group = destination.starts_with("arn:") && destination.contains(":log-group:");
    if destination != "stdout" && !named && !group {
        let message = "a destination is `stdout`, `file:NAME` or the ARN of a log group";
        f.say("destinationArn", message);
    }
    let format = settings.format.as_str();
    if PRESETS.contains(&format) {
        return;
    }
    if format.len() > LOG_FORMAT_BYTES_MAX {
        f.say(
            "format",
            format!("a format has at most {LOG_FORMAT_BYTES_MAX} bytes"),
        );
    }
    if format.trim_end_matches('\n').contains(['\n', '\r']) {
        f.say("format", "a format is one line");
    }
    if !format.contains("$context.requestId") {
        let message = "a format is CLF, JSON, CSV or XML, or holds at least $context.requestId";
        f.say("format", message);
    }
}
