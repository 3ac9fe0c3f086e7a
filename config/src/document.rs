//! The API file: YAML or JSON in, a model and findings out.
//!
//! A load reads the text into a tree that knows its lines, fills in environment variables, checks
//! the tree against the schema of the file, converts it to the model, and has the model's own
//! rules checked. Every stage goes on after an error where it can, so that all errors of a file
//! come at once.

mod check;
mod convert;
mod expand;
mod ids;
mod load;
mod merge;
mod reference;
mod report;
mod schema;
mod shape;
mod tree;
mod yaml;

pub(crate) use convert::inline_integration_id;
pub use load::{load, load_str};
pub(crate) use load::{load_openapi, read_api};
pub use merge::{Others, drop_old_deployments, merge, with_api};
pub use reference::reference;
pub use schema::schema;

pub(crate) use check::{check, check_part};
pub(crate) use convert::read_bounded;
pub(crate) use expand::expand;
pub(crate) use report::Report;
pub(crate) use schema::of as schema_of;
pub(crate) use shape::{ApiItem, AuthorizerItem, IntegrationItem, IntegrationUse, RouteItem};
pub(crate) use tree::{Entry, Node, Path as TreePath, Place, Value};
pub(crate) use yaml::parse;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tollgate_model::Model;

use crate::diagnostic::Diagnostic;

/// What a load needs to know beside the file.
#[derive(Clone)]
pub struct LoadContext {
    /// The environment variables that `${env.NAME}` and `valueEnv` may name.
    pub environment: BTreeMap<String, String>,
    /// For `${AWS::Region}` in OpenAPI documents.
    pub region: String,
    /// For `${AWS::AccountId}` in OpenAPI documents.
    pub account_id: String,
}

impl Default for LoadContext {
    fn default() -> Self {
        Self {
            environment: BTreeMap::new(),
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        }
    }
}

impl std::fmt::Debug for LoadContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadContext")
            .field("region", &self.region)
            .field("account_id", &self.account_id)
            .finish_non_exhaustive()
    }
}

/// A document that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it describes, without deployments and dates: [`merge`] adds them.
    pub model: Model,
    /// What does nothing or not what it seems to.
    pub warnings: Vec<Diagnostic>,
    /// The files that were read, to watch for changes.
    pub sources: Vec<PathBuf>,
}
