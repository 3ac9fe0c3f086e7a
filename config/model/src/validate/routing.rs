//! Routing rules of a domain name.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;

use super::platform::is_base_path;
use super::text::{is_field_value, is_token};
use super::{Findings, stage_exists};
use crate::{HeaderMatch, Model, RoutingCondition, RoutingRule, ValueGlob};

/// What a priority may be (AWS).
const PRIORITY: core::ops::RangeInclusive<u32> = 1..=1_000_000;
/// Rules of a domain name: each is looked at for every request until one matches.
const RULES_MAX: usize = 200;
/// Conditions of a rule of each kind (AWS: two of headers, one of base paths).
const HEADER_CONDITIONS_MAX: usize = 2;
const BASE_PATH_CONDITIONS_MAX: usize = 1;
/// Alternatives of one condition.
const ANY_OF_MAX: usize = 50;
/// Bytes of a header's name and of its value's pattern.
const HEADER_BYTES_MAX: usize = 128;

pub(super) fn rules(model: &Model, rules: &[RoutingRule], f: &mut Findings) {
    if rules.len() > RULES_MAX {
        let message = format!("a domain name has at most {RULES_MAX} routing rules");
        f.say("routingRules", message);
    }
    let mut priorities = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (index, it) in rules.iter().enumerate() {
        f.in_two("routingRules", &index.to_string(), |f| {
            if !PRIORITY.contains(&it.priority) {
                f.say("priority", "a priority is a number from 1 to 1000000");
            } else if !priorities.insert(it.priority) {
                let message = format!("another rule has the priority {} already", it.priority);
                f.say("priority", message);
            }
            if !ids.insert(&it.routing_rule_id) {
                f.say("routingRuleId", "another rule has this id already");
            }
            rule(model, it, f);
        });
    }
}

fn rule(model: &Model, it: &RoutingRule, f: &mut Findings) {
    let of = |has: fn(&RoutingCondition) -> bool| it.conditions.iter().filter(|it| has(it)).count();
    if of(|it| it.match_headers.is_some()) > HEADER_CONDITIONS_MAX
        || of(|it| it.match_base_paths.is_some()) > BASE_PATH_CONDITIONS_MAX
    {
        let message = format!(
            "a rule has at most {HEADER_CONDITIONS_MAX} conditions of headers and \
             {BASE_PATH_CONDITIONS_MAX} of base paths"
        );
        f.say("conditions", message);
    }
    for (index, it) in it.conditions.iter().enumerate() {
        f.in_two("conditions", &index.to_string(), |f| condition(it, f));
    }
    if it.actions.len() != 1 {
        f.say("actions", "a rule has one action");
    }
    for target in it.targets() {
        f.inside("actions", |f| stage_exists(model, &target, f));
    }
}

fn condition(it: &RoutingCondition, f: &mut Findings) {
    match (&it.match_base_paths, &it.match_headers) {
        (Some(paths), None) => f.inside("matchBasePaths", |f| {
            count(paths.any_of.len(), f);
            for (index, path) in paths.any_of.iter().enumerate() {
                if !is_base_path(path) {
                    let message = format!("{path:?} is no base path, like `orders` or `shop/v1`");
                    f.item("anyOf", index, message);
                }
            }
        }),
        (None, Some(headers)) => f.inside("matchHeaders", |f| {
            count(headers.any_of.len(), f);
            for (index, it) in headers.any_of.iter().enumerate() {
                f.in_two("anyOf", &index.to_string(), |f| header(it, f));
            }
        }),
        _ => f.here("a condition has either matchBasePaths or matchHeaders"),
    }
}

fn count(any_of: usize, f: &mut Findings) {
    if !(1..=ANY_OF_MAX).contains(&any_of) {
        f.say("anyOf", format!("anyOf has 1 to {ANY_OF_MAX} members"));
    }
}

fn header(it: &HeaderMatch, f: &mut Findings) {
    if !is_token(&it.header) || it.header.len() > HEADER_BYTES_MAX {
        f.say("header", format!("{:?} is no header name", it.header));
    }
    let fits = it.value_glob.len() <= HEADER_BYTES_MAX && is_field_value(&it.value_glob);
    if !fits || ValueGlob::parse(&it.value_glob).is_none() {
        let message =
            format!("a value has 1 to {HEADER_BYTES_MAX} characters, with `*` at its ends only");
        f.say("valueGlob", message);
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::{
        Api, DomainName, InvokeApi, MatchBasePaths, MatchHeaders, RoutingAction, Stage, validate,
    };

    fn good() -> RoutingRule {
        let paths = MatchBasePaths {
            any_of: vec!["shop/v1".into(), "orders".into()],
        };
        let header = HeaderMatch {
            header: "X-Version".into(),
            value_glob: "beta*".into(),
        };
        RoutingRule {
            routing_rule_id: "r".into(),
            priority: 1_000_000,
            conditions: vec![
                RoutingCondition {
                    match_base_paths: Some(paths),
                    match_headers: None,
                },
                RoutingCondition {
                    match_base_paths: None,
                    match_headers: Some(MatchHeaders {
                        any_of: vec![header],
                    }),
                },
            ],
            actions: vec![RoutingAction {
                invoke_api: InvokeApi {
                    api_id: "shop".into(),
                    stage: "prod".into(),
                    strip_base_path: true,
                },
            }],
        }
    }

    fn broken(rules: Vec<RoutingRule>) -> Vec<String> {
        let mut api = Api {
            api_id: "shop".into(),
            name: "shop".into(),
            ..Api::default()
        };
        let stage = Stage {
            stage_name: "prod".into(),
            ..Stage::default()
        };
        api.stages.insert("prod".into(), Arc::new(stage));
        let domain = DomainName {
            domain_name: "a.example.com".into(),
            routing_rules: rules,
            ..DomainName::default()
        };
        let mut model = Model::default();
        model.apis.insert("shop".into(), Arc::new(api));
        model
            .domain_names
            .insert("a.example.com".into(), Arc::new(domain));
        let prefix = "domainNames.a.example.com.routingRules.";
        let found = validate(&model).into_iter();
        found.map(|it| it.path.replace(prefix, "")).collect()
    }

    #[test]
    fn a_good_rule_breaks_nothing() {
        assert_eq!(broken(vec![good()]), Vec::<String>::new());
    }

    #[test]
    fn every_rule_of_rules_is_looked_at() {
        let with = |change: fn(&mut RoutingRule)| {
            let mut rule = good();
            change(&mut rule);
            broken(vec![rule])
        };
        let expect = |found: Vec<String>, path: &str| assert_eq!(found, [path]);
        expect(with(|it| it.priority = 0), "0.priority");
        expect(with(|it| it.priority = 1_000_001), "0.priority");
        expect(with(|it| it.actions.clear()), "0.actions");
        let target = |it: &mut RoutingRule| it.actions[0].invoke_api.stage = "none".into();
        expect(with(target), "0.actions.stage");
        let empty = |it: &mut RoutingRule| it.conditions[0] = RoutingCondition::default();
        expect(with(empty), "0.conditions.0");
        let twice = |it: &mut RoutingRule| it.conditions.push(it.conditions[0].clone());
        expect(with(twice), "0.conditions");
        let path = |it: &mut RoutingRule| {
            let paths = it.conditions[0].match_base_paths.as_mut();
            paths.unwrap().any_of = vec!["/orders".into()];
        };
        expect(with(path), "0.conditions.0.matchBasePaths.anyOf.0");
        let none = |it: &mut RoutingRule| {
            let headers = it.conditions[1].match_headers.as_mut();
            headers.unwrap().any_of.clear();
        };
        expect(with(none), "0.conditions.1.matchHeaders.anyOf");
        let glob = |it: &mut RoutingRule| {
            let headers = it.conditions[1].match_headers.as_mut();
            headers.unwrap().any_of[0].value_glob = "a*b".into();
        };
        expect(with(glob), "0.conditions.1.matchHeaders.anyOf.0.valueGlob");
        let mut other = good();
        other.routing_rule_id = "s".into();
        expect(broken(vec![good(), other]), "1.priority");
    }
}
