//! What the compiler makes of custom domain names.

use std::sync::Arc;

use tollgate_model::{
    Api, ApiMapping, DomainName, InvokeApi, RoutingAction, RoutingMode, RoutingRule,
};

use super::{api, compiled, http, model, stage};

#[test]
fn domains_lead_to_stages_longest_key_first() {
    let mut model = model([api("shop", &[("GET /", http("http://a"))], stage("prod"))]);
    let to = |key: &str| ApiMapping {
        api_mapping_key: key.into(),
        api_id: "shop".into(),
        stage: "prod".into(),
        ..ApiMapping::default()
    };
    for name in ["api.example.com", "*.example.com"] {
        let domain = DomainName {
            domain_name: name.into(),
            api_mappings: vec![to(""), to("v1/orders"), to("v1")],
            ..DomainName::default()
        };
        model.domain_names.insert(name.into(), Arc::new(domain));
    }
    let snapshot = compiled(model);
    let keys: Vec<&str> = snapshot.domains["api.example.com"]
        .mappings
        .iter()
        .map(|it| &*it.key)
        .collect();
    assert_eq!(keys, ["v1/orders", "v1", ""]);
    assert!(snapshot.wildcards.contains_key("example.com"));
}

#[test]
fn rules_are_in_their_order_and_the_mode_says_what_counts() {
    let shop = api("shop", &[("GET /", http("http://a"))], stage("prod"));
    let mut other = Api::clone(&api("other", &[("GET /", http("http://a"))], stage("prod")));
    for stage in other.stages.values_mut() {
        Arc::make_mut(stage).deployment_id = None;
    }
    let rule = |priority, api: &str| RoutingRule {
        priority,
        actions: vec![RoutingAction {
            invoke_api: InvokeApi {
                api_id: api.into(),
                stage: "prod".into(),
                strip_base_path: false,
            },
        }],
        ..RoutingRule::default()
    };
    for (mode, rules, mappings) in [
        (RoutingMode::ApiMappingOnly, 0, 1),
        (RoutingMode::RoutingRuleOnly, 2, 0),
        (RoutingMode::RoutingRuleThenApiMapping, 2, 1),
    ] {
        let mut model = model([Arc::clone(&shop), Arc::new(other.clone())]);
        let mapping = ApiMapping {
            api_id: "shop".into(),
            stage: "prod".into(),
            ..ApiMapping::default()
        };
        let domain = DomainName {
            domain_name: "a.example.com".into(),
            routing_mode: mode,
            routing_rules: vec![rule(7, "other"), rule(3, "shop")],
            api_mappings: vec![mapping],
            ..DomainName::default()
        };
        let name = domain.domain_name.clone();
        model.domain_names.insert(name, Arc::new(domain));
        let snapshot = compiled(model);
        let plan = &snapshot.domains["a.example.com"];
        assert_eq!(
            (plan.rules.len(), plan.mappings.len()),
            (rules, mappings),
            "{mode:?}"
        );
        // The stage of the later one has no deployment: the rule counts and leads nowhere.
        let served: Vec<bool> = plan.rules.iter().map(|it| it.target.is_some()).collect();
        assert!(served.is_empty() || served == [true, false], "{served:?}");
    }
}
