//! What a stage of a WebSocket API has beside what it shares with those of HTTP APIs (reference 6).

use std::collections::BTreeMap;

use regex_lite::Regex;
use tollgate_model::PassthroughBehavior;

use super::{FastMap, Template, Variable};

/// How the messages of a stage find their routes.
#[derive(Debug, Default)]
pub struct SocketPlan {
    /// What gives a message's route key. It reads nothing but the message.
    pub selection: Template,
    /// Indexes of [`super::StagePlan::routes`] by route key; `$connect`, `$disconnect` and
    /// `$default` are among them.
    pub routes: FastMap<Box<str>, usize>,
    /// Whether API keys come in the header `x-api-key`. The other source is an authorizer.
    pub key_in_header: bool,
}

/// What a route of a WebSocket API has more than one of an HTTP API.
#[derive(Debug, Default)]
pub struct SocketRoute {
    /// Whether nothing answers the route: `$connect` then lets everybody in.
    pub opens: bool,
    /// Whether the integration's answer is sent to the client.
    pub two_way: bool,
    /// What a handshake must carry: header fields and query parameters.
    pub required: Vec<Variable>,
    /// Values of the variables in the path of the integration's URL.
    pub path_params: Vec<(Box<str>, Template)>,
    /// What the integration gets instead of the message.
    pub request: BodyTemplates,
    /// What becomes of a message that no template is for.
    pub passthrough: PassthroughBehavior,
    /// Whether the message is base64 that the integration gets as bytes.
    pub decodes: bool,
    /// Whether a binary message is base64 for the integration. Proxies of functions never say so:
    /// their event has `isBase64Encoded`.
    pub encodes: bool,
    /// What becomes of the answer; `None` passes it on as it is, as proxies do.
    pub responses: Option<Vec<SocketResponse>>,
    /// Whether the answer of a function is all of its output and not the member `body` of it.
    pub raw: bool,
}

/// Templates and how one of them is chosen.
#[derive(Debug, Default)]
pub struct BodyTemplates {
    /// What gives the key.
    pub selection: Template,
    /// The templates by key.
    pub by_key: BTreeMap<Box<str>, Template>,
}

/// An integration response.
#[derive(Debug)]
pub struct SocketResponse {
    /// Which answers it is for.
    pub key: ResponseKey,
    /// What the client gets instead of the answer.
    pub templates: BodyTemplates,
    /// What becomes of the encoding.
    pub encoding: Option<tollgate_model::ContentHandling>,
}

/// Which answers an integration response is for.
#[derive(Debug)]
pub enum ResponseKey {
    /// Those that no other one is for.
    Default,
    /// Those whose status, or whose error of a function, fits as a whole.
    Pattern(Regex),
}
