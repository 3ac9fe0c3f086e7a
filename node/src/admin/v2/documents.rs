//! APIs from OpenAPI documents and back: ImportApi, ReimportApi, ExportApi (reference 19).

use std::sync::Arc;

use tollgate_aws::AwsError;
use tollgate_aws::wire::to_iso8601;
use tollgate_config::diagnostic::Diagnostic;
use tollgate_config::document::{LoadContext, with_api};
use tollgate_config::openapi::{
    BasePath, ExportOptions, ImportedApi, export as document_of, import_api, to_json, to_yaml,
};
use tollgate_model::{Api, Model, ProtocolType, kind, mark};
use tollgate_protocol::ids::ApiId;

use super::edit::text;
use super::read::find_api;
use super::{not_found, render};
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};
use crate::admin::reply::{Outcome, Reply};

/// Findings that an answer names.
const FINDINGS_NAMED_MAX: usize = 50;

/// What a request says of its document.
struct Request {
    text: String,
    base_path: BasePath,
    fail_on_warnings: bool,
    context: LoadContext,
}

impl Request {
    fn read(call: &Call<'_>) -> Result<Self, AwsError> {
        let base_path = call.parameter("basepath").unwrap_or_default();
        let base_path = match base_path.to_ascii_lowercase().as_str() {
            "" | "ignore" => BasePath::Ignore,
            "prepend" => BasePath::Prepend,
            "split" => BasePath::Split,
            _ => {
                let text = "basepath is ignore, prepend or split";
                return Err(AwsError::bad_request(text));
            }
        };
        Ok(Self {
            text: text(call.members, "body").to_owned(),
            base_path,
            fail_on_warnings: call.flag("failOnWarnings"),
            context: LoadContext {
                region: call.state.region.clone(),
                account_id: call.state.account_id.clone(),
                ..LoadContext::default()
            },
        })
    }

    /// The API of the document, with what there was to say about it.
    fn import(&self, onto: &Model, id: &ApiId) -> Result<Api, AwsError> {
        let read = import_api(&self.text, self.base_path, &self.context, onto, id);
        let ImportedApi {
            mut api,
            information,
            warnings,
        } = read.map_err(|found| refused("Unable to import the document", &found))?;
        if self.fail_on_warnings && !warnings.is_empty() {
            return Err(refused("Warnings found during import", &warnings));
        }
        api.import_info = told(&information);
        api.warnings = told(&warnings);
        Ok(api)
    }
}

fn refused(what: &str, found: &[Diagnostic]) -> AwsError {
    AwsError::bad_request(format!("{what}: {}", told(found).join("; ")))
}

/// Findings as lines, those that make a document unusable first.
fn told(found: &[Diagnostic]) -> Vec<String> {
    let errors = found.iter().filter(|it| it.is_error());
    let others = found.iter().filter(|it| !it.is_error());
    let mut lines: Vec<String> = errors
        .chain(others)
        .take(FINDINGS_NAMED_MAX)
        .map(line)
        .collect();
    if found.len() > FINDINGS_NAMED_MAX {
        lines.push(format!("and {} more", found.len() - FINDINGS_NAMED_MAX));
    }
    lines
}

fn line(it: &Diagnostic) -> String {
    let place = match (it.key_path.is_empty(), it.line) {
        (false, _) => format!("{}: ", it.key_path),
        (true, 0) => String::new(),
        (true, line) => format!("line {line}, column {}: ", it.column),
    };
    let hint = it.nearest.as_ref();
    let hint = hint.map_or_else(String::new, |it| format!(" (did you mean `{it}`?)"));
    format!("{place}{}{hint}", it.reason)
}

/// `PUT /v2/apis`
pub(super) async fn import(call: &Call<'_>) -> Outcome {
    let request = Request::read(call)?;
    let id = ApiId::from(call.seed.id("api", 10));
    let looks_at = [mark(kind::API, id.as_str())];
    let changed = change(call, LooksAt::Only(&looks_at), |model, now| {
        if let Some(made) = model.apis.get(&id) {
            // A retry whose first answer was lost.
            return Ok((model.clone(), render::api(made, call.state)));
        }
        let api = request.import(model, &id)?;
        let model = with_api(model, &api, now);
        let made = render::api(find_api(&model, id.as_str())?, call.state);
        Ok((model, made))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

/// `PUT /v2/apis/{apiId}`: the document takes the place of routes, integrations, authorizers and
/// settings; stages stay, and so do tags that it does not name.
pub(super) async fn reimport(call: &Call<'_>, id: &str) -> Outcome {
    let request = Request::read(call)?;
    let looks_at = [mark(kind::API, id)];
    let changed = change(call, LooksAt::Only(&looks_at), |model, now| {
        let old = find_api(model, id)?;
        if old.protocol_type != ProtocolType::Http {
            return Err(only_http());
        }
        let new = request.import(model, &old.api_id)?;
        let mut tags = old.tags.clone();
        tags.extend(new.tags.clone());
        let mut api = Api {
            stages: old.stages.clone(),
            deployments: old.deployments.clone(),
            created_date: old.created_date,
            api_key_selection_expression: old.api_key_selection_expression.clone(),
            ip_address_type: old.ip_address_type,
            // A document that is silent on it does not open what was closed.
            disable_execute_api_endpoint: old.disable_execute_api_endpoint
                || new.disable_execute_api_endpoint,
            tags,
            ..new
        };
        // Settings of routes that are gone would be settings of nothing.
        let routes = &api.definition.routes;
        for stage in api.stages.values_mut() {
            let gone = |key: &String| !routes.values().any(|it| it.route_key == *key);
            if stage.route_settings.keys().any(gone) {
                Arc::make_mut(stage)
                    .route_settings
                    .retain(|key, _| !gone(key));
            }
        }
        let model = with_api(model, &api, now);
        let made = render::api(find_api(&model, id)?, call.state);
        Ok((model, made))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

/// `GET /v2/apis/{apiId}/exports/{specification}`
pub(super) async fn export(call: &Call<'_>, id: &str, specification: &str) -> Outcome {
    if specification != "OAS30" {
        return Err(AwsError::bad_request("the specification is OAS30"));
    }
    if call
        .parameter("exportVersion")
        .is_some_and(|it| it != "1.0")
    {
        return Err(AwsError::bad_request("the exportVersion is 1.0"));
    }
    let output = call.parameter("outputType").unwrap_or_default();
    let extensions = call.parameter("includeExtensions");
    let stage = call.parameter("stageName");
    let (_, model) = call.model().await?;
    let api = find_api(&model, id)?;
    if api.protocol_type != ProtocolType::Http {
        return Err(only_http());
    }
    let definition = match &stage {
        None => &api.definition,
        Some(name) => {
            let found = api.stages.get(name.as_str());
            let stage = found.ok_or_else(|| not_found("stage", name))?;
            let nothing = || AwsError::bad_request(format!("nothing is deployed to stage {name}"));
            api.deployed(stage).ok_or_else(nothing)?
        }
    };
    let endpoint = call
        .state
        .endpoints
        .of(&api.api_id, api.protocol_type, &call.state.region);
    let options = ExportOptions {
        endpoint: &endpoint,
        stage: stage.as_deref(),
        version: &to_iso8601(api.created_date.0),
        // AWS: they are part of it unless it is said that they shall not be.
        extensions: !extensions.is_some_and(|it| it.eq_ignore_ascii_case("false")),
    };
    let document = document_of(api, definition, &options);
    match output.to_ascii_uppercase().as_str() {
        "JSON" => Ok(Reply::text("application/json", to_json(&document))),
        "YAML" => Ok(Reply::text("application/yaml", to_yaml(&document))),
        _ => Err(AwsError::bad_request("the outputType is JSON or YAML")),
    }
}

fn only_http() -> AwsError {
    AwsError::bad_request("only HTTP APIs are imported and exported as OpenAPI documents")
}
