//! The execution log (reference 17): the steps of a request in AWS's words and order, for a stage
//! whose logging level asks for them. With level ERROR only failures are told, with INFO every
//! step, with data trace headers and bodies too, which stream all the same. Lines are cut at 1,024
//! bytes as on AWS; keys and credentials never show.

mod streamed;

use core::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tollgate_config::snapshot::{RoutePlan, StagePlan};
use tollgate_message::{Body, HeaderList, Method, Request, Response};
use tollgate_model::LoggingLevel;

use crate::fault::Fault;
use crate::finished::Head;
use crate::ports::Ports;
use crate::respond;

use streamed::{Side, streamed};

/// Where a log event ends (reference 22).
const LINE_BYTES_MAX: usize = 1_024;
/// The end of a line that was cut.
const CUT: &str = " [TRUNCATED]";

/// Writes the execution log of one request.
pub(crate) struct ExecLog<'a, P> {
    ports: &'a P,
    stage: &'a Arc<StagePlan>,
    request_id: &'a str,
    level: LoggingLevel,
    data: bool,
}

impl<'a, P: Ports> ExecLog<'a, P> {
    pub(crate) fn new(
        ports: &'a P,
        stage: &'a Arc<StagePlan>,
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

    /// What is sent to an HTTP back end. A body that streams is logged when it has.
    pub(crate) fn sending(&self, authority: &str, request: &mut Request) {
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
            let tunnels = request.headers.contains("upgrade");
            match &request.body {
                Body::Stream { .. } if !tunnels => self.follow(&mut request.body, Side::Request),
                body => {
                    let body = Content(body);
                    self.line(format_args!(
                        "Endpoint request body after transformations: {body}"
                    ));
                }
            }
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

    /// How it ended. With data trace the end of a body that streams is waited for.
    pub(crate) fn ended(&self, method: &Method, outcome: &mut Result<Response, Fault>) {
        match outcome {
            Ok(response) if self.level == LoggingLevel::Info => {
                let status = response.status;
                if self.data {
                    let headers = Fields(&response.headers);
                    let streams = matches!(response.body, Body::Stream { .. });
                    if streams && status != 101 && respond::has_body(method, status) {
                        let headers = headers.to_string();
                        self.follow(&mut response.body, Side::Response { headers, status });
                        return;
                    }
                    let body = Content(&response.body);
                    self.line(format_args!(
                        "Method response body after transformations: {body}"
                    ));
                    self.line(format_args!("Method response headers: {headers}"));
                }
                self.line(format_args!("Successfully completed execution"));
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

    fn follow(&self, body: &mut Body, side: Side) {
        let whole = core::mem::take(body);
        *body = streamed(whole, side, self.ports, self.stage, self.request_id);
    }

    fn line(&self, text: core::fmt::Arguments<'_>) {
        write_line(self.ports, self.stage, self.request_id, text);
    }
}

fn write_line<P: Ports>(
    ports: &P,
    stage: &StagePlan,
    request_id: &str,
    text: core::fmt::Arguments<'_>,
) {
    let mut line = Line(String::with_capacity(128));
    // An error says that the line is full.
    if line.write_fmt(text).is_err() {
        line.cut();
    }
    ports.exec_log(stage, request_id, &line.0);
}

/// A line under its limit, without anything that could break it in two.
struct Line(String);

impl Line {
    /// Makes room for the mark of a cut and sets it.
    fn cut(&mut self) {
        let end = self.0.floor_char_boundary(LINE_BYTES_MAX - CUT.len());
        self.0.truncate(end);
        self.0.push_str(CUT);
    }
}

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

/// A body as far as it is at hand; no more of it than fits in a line.
struct Content<'a>(&'a Body);

impl core::fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Body::Empty | Body::Upgrade(_) => Ok(()),
            Body::Full(bytes) => {
                let shown = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
                f.write_str(&String::from_utf8_lossy(shown))
            }
            Body::Stream {
                length: Some(bytes),
                ..
            } => write!(f, "[{bytes} bytes streamed]"),
            Body::Stream { length: None, .. } => f.write_str("[streamed]"),
        }
    }
}
