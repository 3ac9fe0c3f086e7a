//! A function that the node runs, or that a Lambda endpoint runs.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

/// A function.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Function {
    /// The name, as in `function:NAME` and in Lambda ARNs.
    pub name: String,
    /// What runs it.
    pub runtime: Runtime,
    /// The directory of its code, absolute.
    pub directory: String,
    /// `module.function`.
    pub handler: String,
    /// The command of a `provided` function; `./bootstrap` when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment variables; values may be secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Milliseconds that one invocation may take.
    pub timeout_ms: u64,
    /// Processes at most.
    pub concurrency: u32,
    /// Processes kept ready.
    pub warm: u32,
    /// Resident memory at most, in MiB.
    #[serde(skip_serializing_if = "Option::is_none", rename = "memoryMiB")]
    pub memory_mib: Option<u64>,
    /// The URL of a Lambda `Invoke` API, for functions that run elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda_endpoint: Option<String>,
    /// The function's name or ARN at the endpoint; the name by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda_function: Option<String>,
    /// The access key that signs calls to the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<String>,
    /// The region that calls to the endpoint are signed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl Default for Function {
    fn default() -> Self {
        Self {
            name: String::new(),
            runtime: Runtime::Provided,
            directory: String::new(),
            handler: String::new(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            timeout_ms: 30_000,
            concurrency: 4,
            warm: 1,
            memory_mib: None,
            lambda_endpoint: None,
            lambda_function: None,
            access_key_id: None,
            secret_access_key: None,
            region: None,
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .field("runtime", &self.runtime)
            .field("directory", &self.directory)
            .field("handler", &self.handler)
            .finish_non_exhaustive()
    }
}

/// What runs a function.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// `python3` with the built-in bootstrap.
    Python,
    /// `node` with the built-in bootstrap.
    Nodejs,
    /// An executable that speaks the Runtime API itself.
    #[default]
    Provided,
    /// A Lambda endpoint elsewhere, called by the `Invoke` API.
    Lambda,
}
