//! Custom domain names and what their paths lead to.

use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_aws::AwsError;
use tollgate_aws::operations::Matched;
use tollgate_model::{ApiMapping, DomainName, Mark, Model, kind, mark};
use tollgate_protocol::ids::MappingId;

use super::edit::text;
use super::read::find_domain;
use super::{not_found, render};
use crate::admin::call::{Call, label};
use crate::admin::change::{LooksAt, change};
use crate::admin::lay::lay;
use crate::admin::reply::{Outcome, Reply};

/// `POST /v2/domainnames`. `certificateArn` ends in `certificate/NAME`, the name of a certificate
/// of an API file, which must be there.
pub(super) async fn create(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let input = call.members;
    let name = text(input, "domainName").to_ascii_lowercase();
    let changed = change(call, LooksAt::Only(&[domain_mark(&name)]), |model, _| {
        if model.domain_names.contains_key(&name) {
            return Err(AwsError::conflict(format!(
                "The domain name you provided already exists: {name}"
            )));
        }
        let mut domain: DomainName = lay(&DomainName::default(), input, at.operation, &[])?;
        domain.domain_name.clone_from(&name);
        has_certificate(model, &domain)?;
        let shown = render::domain_name(&domain, model, call.state);
        Ok((with_domain(model, domain), shown))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

/// `PATCH /v2/domainnames/{domainName}`
pub(super) async fn update(call: &Call<'_>, at: &Matched<'_>) -> Outcome {
    let name = label(at, "domainName");
    let input = call.members;
    let changed = change(call, LooksAt::Only(&[domain_mark(name)]), |model, _| {
        let before = find_domain(model, name)?;
        let mut domain: DomainName = lay(&**before, input, at.operation, &[])?;
        // What the request names is shown, and not what an API file named.
        if domain.domain_name_configurations != before.domain_name_configurations {
            domain.certificate = None;
            has_certificate(model, &domain)?;
        }
        let shown = render::domain_name(&domain, model, call.state);
        Ok((with_domain(model, domain), shown))
    })
    .await?;
    Ok(Reply::json(200, changed.value))
}

/// Whether there is the certificate that a request names. One without is served without TLS of its
/// own; of one that an API file took away the status tells.
fn has_certificate(model: &Model, domain: &DomainName) -> Result<(), AwsError> {
    match domain.certificate_name() {
        Some(name) if !model.certificates.contains_key(name) => Err(AwsError::bad_request(
            "The provided certificate does not exist.",
        )),
        _ => Ok(()),
    }
}

/// `DELETE /v2/domainnames/{domainName}` with its mappings.
pub(super) async fn delete(call: &Call<'_>, name: &str) -> Outcome {
    change(call, LooksAt::Only(&[domain_mark(name)]), |model, _| {
        let key = find_domain(model, name)?.domain_name.clone();
        let mut model = model.clone();
        model.domain_names.remove(&key);
        Ok((model, ()))
    })
    .await?;
    Ok(Reply::empty(204))
}

/// Domain names are kept in lower case.
pub(super) fn domain_mark(name: &str) -> Mark {
    mark(kind::DOMAIN_NAME, &name.to_ascii_lowercase())
}

pub(super) fn with_domain(model: &Model, domain: DomainName) -> Model {
    let mut model = model.clone();
    let name = domain.domain_name.clone();
    model.domain_names.insert(name, Arc::new(domain));
    model
}

/// `POST /v2/domainnames/{domainName}/apimappings`
pub(super) async fn create_mapping(call: &Call<'_>, domain: &str) -> Outcome {
    let input = call.members;
    let id = MappingId::from(call.seed.id("mapping", 6));
    let mapping = ApiMapping {
        api_mapping_id: id.clone(),
        api_mapping_key: String::new(),
        api_id: text(input, "apiId").into(),
        stage: text(input, "stage").into(),
    };
    // The rules look at the API that it leads to.
    let looks_at = [domain_mark(domain)];
    let edit = |model: &Model, _| put(model, domain, &mapping, input);
    let changed = change(call, LooksAt::Only(&looks_at), edit).await?;
    Ok(Reply::json(201, changed.value))
}

/// `PATCH /v2/domainnames/{domainName}/apimappings/{apiMappingId}`
pub(super) async fn update_mapping(call: &Call<'_>, domain: &str, id: &str) -> Outcome {
    let input = call.members;
    let changed = change(call, LooksAt::Only(&[domain_mark(domain)]), |model, _| {
        let mappings = &find_domain(model, domain)?.api_mappings;
        let found = mappings.iter().find(|it| it.api_mapping_id.as_str() == id);
        let found = found.ok_or_else(|| not_found("API mapping", id))?;
        put(model, domain, found, input)
    })
    .await?;
    Ok(Reply::json(200, changed.value))
}

/// `DELETE /v2/domainnames/{domainName}/apimappings/{apiMappingId}`
pub(super) async fn delete_mapping(call: &Call<'_>, domain: &str, id: &str) -> Outcome {
    change(call, LooksAt::Only(&[domain_mark(domain)]), |model, _| {
        let mut domain = DomainName::clone(find_domain(model, domain)?);
        let count = domain.api_mappings.len();
        domain
            .api_mappings
            .retain(|it| it.api_mapping_id.as_str() != id);
        if domain.api_mappings.len() == count {
            return Err(not_found("API mapping", id));
        }
        Ok((with_domain(model, domain), ()))
    })
    .await?;
    Ok(Reply::empty(204))
}

/// The model with this mapping, changed by the request, in its domain.
fn put(
    model: &Model,
    domain: &str,
    mapping: &ApiMapping,
    input: &Map<String, Value>,
) -> Result<(Model, Value), AwsError> {
    let given = |name: &str| input.get(name).and_then(Value::as_str);
    let mut mapping = mapping.clone();
    if let Some(key) = given("apiMappingKey") {
        key.trim_matches('/')
            .clone_into(&mut mapping.api_mapping_key);
    }
    if let Some(api) = given("apiId") {
        mapping.api_id = api.into();
    }
    if let Some(stage) = given("stage") {
        mapping.stage = stage.into();
    }
    let api = model.apis.get(&mapping.api_id);
    let api = api.ok_or_else(|| not_found("API", mapping.api_id.as_str()))?;
    if !api.stages.contains_key(&mapping.stage) {
        return Err(not_found("stage", mapping.stage.as_str()));
    }
    let mut domain = DomainName::clone(find_domain(model, domain)?);
    domain
        .api_mappings
        .retain(|it| it.api_mapping_id != mapping.api_mapping_id);
    let taken = domain
        .api_mappings
        .iter()
        .any(|it| it.api_mapping_key == mapping.api_mapping_key);
    if taken {
        return Err(AwsError::conflict(format!(
            "ApiMapping key already exists for this domain name: {}",
            mapping.api_mapping_key
        )));
    }
    let shown = render::api_mapping(&mapping);
    domain.api_mappings.push(mapping);
    Ok((with_domain(model, domain), shown))
}
