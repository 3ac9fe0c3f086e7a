//! An API from a document that came through the management API (AWS: ImportApi, ReimportApi).
//!
//! It differs from the API file's way in that nothing of this machine is read (environment, files)
//! and that the document brings neither stages nor other resources. Integrations are named by
//! their content, so that a document that was exported gives the very same ones again.

use std::sync::Arc;

use tollgate_model::{Api, Definition, Model};
use tollgate_protocol::ids::ApiId;

use super::BasePath;
use crate::diagnostic::Diagnostic;
use crate::document::{LoadContext, inline_integration_id, read_api};

/// What a document gives.
#[derive(Debug, Clone)]
pub struct ImportedApi {
    /// The API, without stages, deployments and dates.
    pub api: Api,
    /// What has no effect and is no mistake.
    pub information: Vec<Diagnostic>,
    /// What was left out.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a document as the API of this id. What it may refer to is in `onto`: upstream groups and
/// functions.
///
/// # Errors
/// Everything that is wrong in the document.
pub fn import_api(
    text: &str,
    base_path: BasePath,
    context: &LoadContext,
    onto: &Model,
    api_id: &ApiId,
) -> Result<ImportedApi, Vec<Diagnostic>> {
    let (mut api, findings) = read_api(text, base_path, context, onto, api_id)?;
    by_content(api_id, Arc::make_mut(&mut api.definition));
    let (information, warnings) = findings.into_iter().partition(|it| it.harmless);
    Ok(ImportedApi {
        api,
        information,
        warnings,
    })
}

/// Names integrations by their content, equal ones once, and leaves out what no route leads to.
fn by_content(api_id: &ApiId, definition: &mut Definition) {
    let old = std::mem::take(&mut definition.integrations);
    for route in definition.routes.values_mut() {
        let found = route.integration_id().and_then(|id| old.get(id));
        let Some(mut it) = found.cloned() else {
            continue;
        };
        it.integration_id = Default::default();
        let id = inline_integration_id(api_id.as_str(), &it);
        it.integration_id = id.clone();
        route.target = Some(format!("integrations/{id}"));
        definition.integrations.insert(id, it);
    }
}
