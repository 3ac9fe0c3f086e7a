//! Routing rules of custom domain names (API Gateway Developer Guide, "Routing rules to connect API
//! stages to a custom domain name").

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::{AwsError, Service};
use tollgate_model::{DomainName, InvokeApi, Model, RoutingAction, RoutingCondition, RoutingRule};
use tollgate_protocol::ids::RuleId;

use super::domains::{domain_mark, with_domain};
use super::not_found;
use super::read::find_domain;
use crate::admin::AdminState;
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};
use crate::admin::list::cut;
use crate::admin::reply::{Outcome, Reply};

/// `GET /v2/domainnames/{domainName}/routingrules`, in the order in which they are looked at.
pub(super) async fn list(call: &Call<'_>, domain: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let domain = find_domain(&model, domain)?;
    // Page tokens name the last key, and keys are compared as text.
    let mut rules: Vec<(String, &RoutingRule)> = domain
        .routing_rules
        .iter()
        .map(|it| (format!("{:07} {}", it.priority, it.routing_rule_id), it))
        .collect();
    rules.sort_by(|a, b| a.0.cmp(&b.0));
    let items = rules.iter().map(|(key, it)| (key.as_str(), *it));
    let name = format!("domainnames/{}/routingrules", domain.domain_name);
    let (items, next) = cut(call, Service::ApiGatewayV2, &name, items)?;
    let rules = items.iter().map(|(_, it)| render(domain, it, call.state));
    let mut body = json!({"routingRules": rules.collect::<Vec<Value>>()});
    if let Some(token) = next {
        body["nextToken"] = token.into();
    }
    Ok(Reply::json(200, body))
}

/// `GET /v2/domainnames/{domainName}/routingrules/{routingRuleId}`
pub(super) async fn get(call: &Call<'_>, domain: &str, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let domain = find_domain(&model, domain)?;
    let rule = &domain.routing_rules[position(domain, id)?];
    Ok(Reply::json(200, render(domain, rule, call.state)))
}

/// `POST /v2/domainnames/{domainName}/routingrules`
pub(super) async fn create(call: &Call<'_>, domain: &str) -> Outcome {
    let input: Input = call.input()?;
    let rule = input.rule(RuleId::from(call.seed.id("routing rule", 6)))?;
    let edit = |model: &Model, _| {
        let mut domain = DomainName::clone(find_domain(model, domain)?);
        let id = rule.routing_rule_id.as_str();
        let made = domain.routing_rules.iter();
        if !made.clone().any(|it| it.routing_rule_id.as_str() == id) {
            placed(model, &domain, &rule)?;
            domain.routing_rules.push(rule.clone());
        }
        let shown = render(&domain, &rule, call.state);
        Ok((with_domain(model, domain), shown))
    };
    let changed = change(call, LooksAt::Only(&[domain_mark(domain)]), edit).await?;
    Ok(Reply::json(201, changed.value))
}

/// `PUT /v2/domainnames/{domainName}/routingrules/{routingRuleId}`: the whole rule anew.
pub(super) async fn put(call: &Call<'_>, domain: &str, id: &str) -> Outcome {
    let input: Input = call.input()?;
    let rule = input.rule(RuleId::from(id))?;
    let edit = |model: &Model, _| {
        let mut domain = DomainName::clone(find_domain(model, domain)?);
        let at = position(&domain, id)?;
        placed(model, &domain, &rule)?;
        domain.routing_rules[at] = rule.clone();
        let shown = render(&domain, &rule, call.state);
        Ok((with_domain(model, domain), shown))
    };
    let changed = change(call, LooksAt::Only(&[domain_mark(domain)]), edit).await?;
    Ok(Reply::json(200, changed.value))
}

/// `DELETE /v2/domainnames/{domainName}/routingrules/{routingRuleId}`
pub(super) async fn delete(call: &Call<'_>, domain: &str, id: &str) -> Outcome {
    let edit = |model: &Model, _| {
        let mut domain = DomainName::clone(find_domain(model, domain)?);
        let at = position(&domain, id)?;
        domain.routing_rules.remove(at);
        Ok((with_domain(model, domain), ()))
    };
    change(call, LooksAt::Only(&[domain_mark(domain)]), edit).await?;
    Ok(Reply::empty(204))
}

/// A rule as a request describes it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    priority: Option<u32>,
    conditions: Option<Vec<RoutingCondition>>,
    actions: Option<Vec<RoutingAction>>,
}

impl Input {
    fn rule(self, routing_rule_id: RuleId) -> Result<RoutingRule, AwsError> {
        let missing = |name| AwsError::bad_request(format!("{name} is required"));
        Ok(RoutingRule {
            routing_rule_id,
            priority: self.priority.ok_or_else(|| missing("priority"))?,
            conditions: self.conditions.ok_or_else(|| missing("conditions"))?,
            actions: self.actions.ok_or_else(|| missing("actions"))?,
        })
    }
}

/// What stands against a rule beside the rules of the model: a priority that another one has, and
/// a stage that is not there, each an error of its own.
fn placed(model: &Model, domain: &DomainName, rule: &RoutingRule) -> Result<(), AwsError> {
    let mut others = domain.routing_rules.iter();
    let taken = |it: &RoutingRule| {
        it.priority == rule.priority && it.routing_rule_id != rule.routing_rule_id
    };
    if others.any(taken) {
        return Err(AwsError::conflict(format!(
            "A routing rule with the priority {} already exists for this domain name",
            rule.priority
        )));
    }
    for RoutingAction { invoke_api } in &rule.actions {
        let InvokeApi { api_id, stage, .. } = invoke_api;
        let api = model.apis.get(api_id).map(Arc::as_ref);
        let api = api.ok_or_else(|| not_found("API", api_id.as_str()))?;
        if !api.stages.contains_key(stage) {
            return Err(not_found("stage", stage.as_str()));
        }
    }
    Ok(())
}

fn position(domain: &DomainName, id: &str) -> Result<usize, AwsError> {
    let mut rules = domain.routing_rules.iter();
    let found = rules.position(|it| it.routing_rule_id.as_str() == id);
    found.ok_or_else(|| not_found("routing rule", id))
}

fn render(domain: &DomainName, rule: &RoutingRule, state: &AdminState) -> Value {
    let (region, account, name) = (&state.region, &state.account_id, &domain.domain_name);
    let id = &rule.routing_rule_id;
    let arn =
        format!("arn:aws:apigateway:{region}:{account}:/domainnames/{name}/routingrules/{id}");
    json!({
        "actions": rule.actions,
        "conditions": rule.conditions,
        "priority": rule.priority,
        "routingRuleArn": arn,
        "routingRuleId": id,
    })
}
