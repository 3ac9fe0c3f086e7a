//! The admin listener: AWS's management APIs and the native one, over one door to the state.
//!
//! It runs on threads of its own, away from the workers that serve the APIs' clients. Every
//! request is signed (SigV4); every change is a command with a name that a retry repeats; a change
//! is answered when this node serves it.

mod access;
mod auth;
mod call;
mod change;
mod conditions;
mod connections;
mod given;
mod ids;
mod lay;
mod list;
mod native;
mod operations;
mod pace;
mod permit;
mod reply;
mod server;
mod tags;
mod trace;
mod turns;
mod v1;
mod v2;

#[cfg(test)]
pub(crate) mod tests;

pub use native::Backups;
pub use pace::Pace;
pub use server::{AdminServer, start};
pub use turns::Turns;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tollgate_aws::Secret;
use tollgate_cluster::Door;
use tollgate_config::compile::CompileError;
use tollgate_model::{Change, Model, ProtocolType};
use tollgate_protocol::Clock;
use tollgate_protocol::ids::{ApiId, KeyId, PlanId, Revision};

use crate::audit::Auditor;
use crate::connections::Connections;
use crate::iam::Identities;

/// The service name in signatures, of AWS's operations and the native ones.
pub(crate) const SIGNING_SERVICE: &str = "apigateway";
/// Where the native operations begin.
pub(crate) const NATIVE_PREFIX: &str = "/tollgate/v1/";

/// What the admin listener needs.
pub struct AdminState {
    /// The way to the state.
    pub door: Door,
    /// Whose access keys requests are signed with, and what those may do.
    pub identities: Identities,
    /// What names of calls and everything that is generated for them are derived with: the same
    /// on every node of the cluster.
    pub seed: Secret,
    /// The region in ARNs and host names. Signatures may name any.
    pub region: String,
    /// The account id in ARNs.
    pub account_id: String,
    /// How clients reach the APIs.
    pub endpoints: Endpoints,
    /// The wall clock: signatures expire by it, resources are dated by it.
    pub clock: Arc<dyn Clock>,
    /// The running node.
    pub runtime: Arc<dyn Runtime>,
    /// The order of the changes that come in here.
    pub turns: Turns,
    /// The WebSocket connections.
    pub connections: Arc<dyn Connections>,
    /// The backups that are being read.
    pub backups: Backups,
    /// How many calls of AWS's clients are taken.
    pub pace: Pace,
    /// The audit trail, where one is kept.
    pub auditor: Option<Auditor>,
    /// Whether unsigned requests from this machine are let in, as `tollgate dev` does.
    pub anonymous_loopback: bool,
}

/// How clients reach the APIs, for the `apiEndpoint` of an API.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// Whether clients use TLS.
    pub tls: bool,
    /// What follows the region in generated host names.
    pub suffix: String,
    /// The port; the scheme's own is not shown.
    pub port: Option<u16>,
}

impl Endpoints {
    /// `https://{apiId}.execute-api.{region}.{suffix}`; `wss` of a WebSocket API.
    fn of(&self, api: &ApiId, protocol: ProtocolType, region: &str) -> String {
        let own = if self.tls { 443 } else { 80 };
        let scheme = match (protocol, self.tls) {
            (ProtocolType::Http, true) => "https",
            (ProtocolType::Http, false) => "http",
            (ProtocolType::Websocket, true) => "wss",
            (ProtocolType::Websocket, false) => "ws",
        };
        // 0 asks for any port: which one it became is not known here.
        let port = self.port.filter(|port| ![own, 0].contains(port));
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        format!(
            "{scheme}://{api}.execute-api.{region}.{}{port}",
            self.suffix
        )
    }
}

/// Finds the key that has a secret.
pub type KeyHolders<'m> = Box<dyn Fn(&str) -> Option<KeyId> + 'm>;

/// What the admin listener asks of the running node.
pub trait Runtime: Send + Sync {
    /// The functions with their processes, an array of objects with `name`.
    fn functions(&self) -> Value;

    /// The upstream groups with their servers, an array of objects with `name`.
    fn upstreams(&self) -> Value;

    /// Empties the response cache, of one API or one stage where named; how many entries went.
    fn flush_cache(&self, api: Option<&str>, stage: Option<&str>) -> u64;

    /// Changes what is logged: a level such as `debug`, or a filter as in
    /// `tollgate_edge=debug,info`.
    ///
    /// # Errors
    /// What is wrong with the level.
    fn set_log_level(&self, level: &str) -> Result<(), String>;

    /// The revision that requests are served by.
    fn served_revision(&self) -> Revision;

    /// Waits until every worker serves this revision or a later one; `false` when it has not
    /// come to that before the time is over.
    fn wait_served(&self, revision: Revision, at_most: Duration) -> BoxFuture<'_, bool>;

    /// Has all nodes report what their leases have spent, of one key in a plan or of all, so that
    /// usage is exact to the last request. Of a node that does not answer within a second it is what it said last.
    fn report_usage(&self, of: Option<(PlanId, KeyId)>) -> BoxFuture<'_, ()>;

    /// Hears what is left of a key's quota in a plan, so that this node admits no more than that
    /// from then on. A node that does not hear of it in time does so with its next report.
    fn ask_quota(&self, plan: &PlanId, key: &KeyId) -> BoxFuture<'_, ()>;

    /// What this node does and holds, an object: connections, requests in flight, quota held.
    fn activity(&self) -> Value;

    /// Lets the node drain, give its quota back, leave the cluster and end. `who` asked: an access
    /// key id.
    fn leave(&self, who: &str);

    /// Finds the key that has a secret in a configuration. Made once, it may be asked often.
    fn key_holders<'m>(&self, model: &'m Model) -> KeyHolders<'m>;

    /// Whether the node can serve a configuration with these changes, which are part of it.
    ///
    /// # Errors
    /// Everything that stands against them.
    fn check(&self, model: &Arc<Model>, changes: &[Change]) -> Result<(), Vec<CompileError>>;
}
