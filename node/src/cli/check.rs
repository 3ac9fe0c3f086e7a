//! `tollgate check`: what is wrong with API files, without a node.

use std::sync::Arc;

use tollgate_config::compile::NodeFacts;
use tollgate_config::diagnostic::{Diagnostic, render, render_json};
use tollgate_config::document::{LoadContext, Others, load, merge};
use tollgate_model::Model;
use tollgate_protocol::limits::CACHE_TTL_SECONDS_MAX;
use tollgate_protocol::{Millis, codes};

use super::Context;
use super::apply::load_context;
use super::arguments::{CheckArguments, Format};
use super::failure::{FAILED, Failure};
use crate::trial::try_serve;

pub(super) fn run(arguments: &CheckArguments, context: &Context) -> Result<(), Failure> {
    let load_context = load_context(context);
    let mut findings: Vec<Diagnostic> = Vec::new();
    for file in &arguments.files {
        match load(file, &load_context) {
            Ok(loaded) => {
                findings.extend(loaded.warnings);
                let refused = unservable(&loaded.model, &load_context);
                if !refused.is_empty() {
                    let name = file.to_string_lossy();
                    findings.extend(refused.into_iter().map(|it| it.in_file(&*name)));
                    continue;
                }
                if context.format == Format::Text {
                    let what = describe(&loaded.model);
                    context
                        .output
                        .data(&format!("{}: ok ({what})", file.display()));
                }
            }
            Err(found) => findings.extend(found),
        }
    }
    if context.format == Format::Json {
        context.output.data(&render_json(&findings));
    } else if !findings.is_empty() {
        context.output.talk(render(&findings).trim_end());
    }
    if findings.iter().any(Diagnostic::is_error) {
        return Err(Failure::told(FAILED));
    }
    Ok(())
}

/// What a node would find when it compiles the model: stage variables that make a URL unusable.
fn unservable(model: &Model, context: &LoadContext) -> Vec<Diagnostic> {
    let wanted = merge(&Model::default(), model.clone(), Millis(0), Others::Remove);
    let facts = NodeFacts {
        region: context.region.as_str().into(),
        account_id: context.account_id.as_str().into(),
        cache_ttl_seconds_max: CACHE_TTL_SECONDS_MAX,
    };
    match try_serve(&Arc::new(wanted), &facts, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .into_iter()
            .map(|error| {
                let mut found = Diagnostic::new(&codes::API_FILE, error.reason);
                found.key_path = error.path;
                found
            })
            .collect(),
    }
}

fn describe(model: &Model) -> String {
    let routes = model
        .apis
        .values()
        .map(|api| api.definition.routes.len())
        .sum();
    let counts = [
        (model.apis.len(), "API"),
        (routes, "route"),
        (model.upstreams.len(), "upstream group"),
        (model.functions.len(), "function"),
        (model.usage_plans.len(), "usage plan"),
        (model.api_keys.len(), "API key"),
        (model.domain_names.len(), "domain name"),
        (model.certificates.len(), "certificate"),
    ];
    let named: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| format!("{count} {noun}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if named.is_empty() {
        return "empty".to_owned();
    }
    named.join(", ")
}
