//! The execution log (reference 17): the steps of a request in AWS's words and order, for a stage
//! whose logging level asks for them. With level ERROR only failures are told, with INFO every
//! step, with data trace headers and bodies too. Lines are cut at 1,024 bytes as on AWS; keys and
//! credentials never show.

use core::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;
use tollgate_config::snapshot::{RoutePlan, StagePlan};
use tollgate_message::{Body, HeaderList, Request, Response};
use tollgate_model::LoggingLevel;

use crate::fault::Fault;
use crate::finished::Head;
use crate::ports::Ports;

/// Where a log event ends (reference 22).
const LINE_BYTES_MAX: usize = 1_024;

/// Writes the execution log of one request.
pub(crate) struct ExecLog<'a, P> {
    ports: &'a P,
    stage: &'a StagePlan,
    request_id: &'a str,
    level: LoggingLevel,
    data: bool,
}

impl<'a, P: Ports> ExecLog<'a, P> {
    pub(crate) fn new(
        ports: &'a P,
        stage: &'a StagePlan,
        route: &RoutePlan,
        request_id: &'a str,
    ) -> Self {
        let data = route.data_trace && route.logging == LoggingLevel::Info;
        Self {
            ports,
            stage,
            request_id,
            level: route.logging,
            data,
        }
    }

    /// The request as it came.
    pub(crate) fn starting(&self, head: &Head, route: &RoutePlan, query: Option<&str>) {
        if self.level != LoggingLevel::Info {
            return;
        }
        self.line(format_args!(
            "Execution log for request {}",
            self.request_id
        ));
        self.line(format_args!(
            "Starting execution for request: {}",
            self.request_id
        ));
        let resource = &route.resource;
        self.line(format_args!(
            "HTTP Method: {}, Resource Path: {resource}",
            head.method
        ));
        self.line(format_args!("Method request path: {}", head.path));
        self.line(format_args!(
            "Method request query string: {}",
            query.unwrap_or_default()
        ));
    }

    /// What the client sent; data trace only.
    pub(crate) fn request(&self, headers: &HeaderList, body: &Body) {
        if self.data {
            self.line(format_args!("Method request headers: {}", Fields(headers)));
            let body = Content(body);
            self.line(format_args!(
                "Method request body before transformations: {body}"
            ));
        }
    }

    /// What is sent to an HTTP back end.
    pub(crate) fn sending(&self, authority: &str, request: &Request) {
        if self.level != LoggingLevel::Info {
            return;
        }
        let (method, path) = (&request.method, &request.path);
        self.line(format_args!(
            "Endpoint request URI: {method} {authority}{path}"
        ));
        if self.data {
            self.line(format_args!(
                "Endpoint request headers: {}",
                Fields(&request.headers)
            ));
            let body = Content(&request.body);
            self.line(format_args!(
                "Endpoint request body after transformations: {body}"
            ));
        }
        self.line(format_args!("Sending request to {authority}"));
    }

    /// What is sent to a function.
    pub(crate) fn invoking(&self, event: &Bytes) {
        if self.level != LoggingLevel::Info {
            return;
        }
        if self.data {
            let event = masked(event);
            self.line(format_args!(
                "Endpoint request body after transformations: {event}"
            ));
        }
        self.line(format_args!("Sending request to function"));
    }

    /// What the integration answered.
    pub(crate) fn received(&self, response: &Response, latency_us: u64) {
        if self.level != LoggingLevel::Info {
            return;
        }
        let (status, ms) = (response.status, latency_us / 1000);
        self.line(format_args!(
            "Received response. Status: {status}, Integration latency: {ms} ms"
        ));
        if self.data {
            self.line(format_args!(
                "Endpoint response headers: {}",
                Fields(&response.headers)
            ));
            let body = Content(&response.body);
            self.line(format_args!(
                "Endpoint response body before transformations: {body}"
            ));
        }
    }

    /// How it ended.
    pub(crate) fn ended(&self, outcome: &Result<Response, Fault>) {
        match outcome {
            Ok(response) if self.level == LoggingLevel::Info => {
                if self.data {
                    let body = Content(&response.body);
                    self.line(format_args!(
                        "Method response body after transformations: {body}"
                    ));
                    let headers = Fields(&response.headers);
                    self.line(format_args!("Method response headers: {headers}"));
                }
                self.line(format_args!("Successfully completed execution"));
                let status = response.status;
                self.line(format_args!("Method completed with status: {status}"));
            }
            Err(fault) if self.level != LoggingLevel::Off => {
                self.line(format_args!("Execution failed: {}", fault.detail));
                let status = fault.kind.status();
                self.line(format_args!("Method completed with status: {status}"));
            }
            _ => {}
        }
    }

    fn line(&self, text: core::fmt::Arguments<'_>) {
        let mut line = Line(String::with_capacity(128));
        // An error says that the line is full; what is there is what is logged.
        let _full = line.write_fmt(text).is_err();
        self.ports.exec_log(self.stage, self.request_id, &line.0);
    }
}

/// A line under its limit, without anything that could break it in two.
struct Line(String);

impl core::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for c in text.chars() {
            if self.0.len() + c.len_utf8() > LINE_BYTES_MAX {
                return Err(core::fmt::Error);
            }
            self.0
                .push(if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                    ' '
                } else {
                    c
                });
        }
        Ok(())
    }
}

/// What stands for a secret.
const MASK: &str = "****";

/// Whether a field (name in lower case) holds a key or credentials.
fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "x-api-key"
            | "cookie"
            | "set-cookie"
            | "x-amz-security-token"
            | "proxy-authorization"
    )
}

/// An event of either format with the secrets masked that it holds of the request's header.
fn masked(event: &[u8]) -> String {
    let mut json: Value = serde_json::from_slice(event).unwrap_or_default();
    for fields in ["headers", "multiValueHeaders"] {
        let fields = json.get_mut(fields).and_then(Value::as_object_mut);
        for (name, value) in fields.into_iter().flatten() {
            if is_secret(name) {
                *value = MASK.into();
            }
        }
    }
    for secret in ["/cookies", "/requestContext/identity/apiKey"] {
        if let Some(value) = json.pointer_mut(secret) {
            *value = MASK.into();
        }
    }
    json.to_string()
}

/// Header fields as `{name=value, ...}` with secrets masked.
struct Fields<'a>(&'a HeaderList);

impl core::fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            let value = String::from_utf8_lossy(value);
            let shown = if is_secret(name) { MASK } else { &*value };
            write!(f, "{}{name}={shown}", if at == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

/// A body as far as it is at hand.
struct Content<'a>(&'a Body);

impl core::fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Body::Empty => Ok(()),
            Body::Full(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Body::Stream {
                length: Some(bytes),
                ..
            } => write!(f, "[{bytes} bytes streamed]"),
            Body::Stream { length: None, .. } => f.write_str("[streamed]"),
        }
    }
}
