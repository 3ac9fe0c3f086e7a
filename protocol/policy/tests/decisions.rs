//! The table of decisions: documents, requests, and what must come of them, each with its source.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tollgate_policy::{By, Caller, Context, Decision, Kind, Policy, Request, combine, evaluate};

/// How often a decision is made again, to say how long one takes.
const REPEATS: u32 = 100;

const API: &str = "arn:aws:execute-api:us-east-1:123456789012:api-id";

#[derive(Deserialize)]
struct Table {
    group: Vec<Group>,
}

/// A policy and requests; what a request does not say is the group's.
#[derive(Deserialize)]
struct Group {
    source: String,
    kind: Option<String>,
    policy: String,
    #[serde(default)]
    more: Vec<String>,
    /// The caller's own policy, where `policy` is an API's.
    own: Option<String>,
    #[serde(flatten)]
    common: About,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    say: String,
    expect: String,
    /// What comes of `own` and `policy` together: `allow`, `deny` or `none`.
    together: Option<String>,
    action: Option<String>,
    resource: Option<String>,
    caller: Option<String>,
    context: Option<BTreeMap<String, Values>>,
}

#[derive(Deserialize, Default)]
struct About {
    action: Option<String>,
    resource: Option<String>,
    caller: Option<String>,
    context: Option<BTreeMap<String, Values>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

fn groups() -> Vec<Group> {
    let tables = [
        include_str!("../testdata/decisions/1-elements.toml"),
        include_str!("../testdata/decisions/2-variables.toml"),
        include_str!("../testdata/decisions/3-operators.toml"),
        include_str!("../testdata/decisions/4-gateway.toml"),
    ];
    tables
        .iter()
        .flat_map(|text| {
            toml::from_str::<Table>(text)
                .expect("a table of cases")
                .group
        })
        .collect()
}

fn kind(group: &Group) -> Kind<'static> {
    match group.kind.as_deref() {
        None | Some("identity") => Kind::Identity,
        Some("resource") => Kind::Resource { api: Some(API) },
        Some("authorizer") => Kind::Authorizer,
        Some(other) => panic!("no kind {other}"),
    }
}

fn caller(text: Option<&str>) -> Caller<'_> {
    match text {
        None | Some("anonymous") => Caller::Anonymous,
        Some(text) => match text.split_once(' ') {
            Some(("service", name)) => Caller::Service(name),
            Some(("federated", name)) => Caller::Federated(name),
            _ => Caller::Principal(text),
        },
    }
}

/// `allow 1`, or `allow 0.1` where there are several policies.
fn text(decision: Decision<'_>, policies: usize) -> String {
    let by = |By {
                  policy, statement, ..
              }| match policies {
        1 => statement.to_string(),
        _ => format!("{policy}.{statement}"),
    };
    match decision {
        Decision::Allowed { by: who } => format!("allow {}", by(who)),
        Decision::Delegated { by: who } => format!("delegate {}", by(who)),
        Decision::Denied { by: who } => format!("deny {}", by(who)),
        Decision::NotAllowed => "none".to_owned(),
    }
}

/// The keys of a group and those of its case, which win.
fn context<'t>(group: &'t Group, case: &'t Case) -> Context<'t> {
    let mut context = Context::new();
    for map in [&group.common.context, &case.context].into_iter().flatten() {
        for (key, values) in map {
            match values {
                Values::One(value) => context.set(&**key, &**value),
                Values::Many(values) => {
                    context.set_all(&**key, values.iter().map(String::as_str));
                }
            }
        }
    }
    context
}

/// What the caller's own policy and the API's say together. Both name their account in the fifth
/// part of their ARN.
fn together(own: &Policy, request: &Request<'_>, resource: Decision<'_>) -> &'static str {
    let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
    let same_account = match request.caller {
        Caller::Principal(arn) => account(arn) == account(API),
        _ => false,
    };
    match combine(evaluate([own], request), resource, same_account) {
        Decision::Allowed { .. } => "allow",
        Decision::Denied { .. } => "deny",
        Decision::NotAllowed => "none",
        Decision::Delegated { by } => panic!("{by:?}: two policies leave nothing to delegate"),
    }
}

#[test]
fn every_case_of_the_table() {
    let (mut cases, mut wrong, mut spent) = (0, Vec::new(), Duration::ZERO);
    let groups = groups();
    for group in &groups {
        assert!(group.source.len() > 20, "name the source: {}", group.source);
        let texts = std::iter::once(&group.policy).chain(&group.more);
        let policies: Vec<Policy> = texts
            .map(|text| Policy::parse(text, kind(group)).unwrap_or_else(|e| panic!("{e}\n{text}")))
            .collect();
        let own = group.own.as_ref().map(|text| {
            Policy::parse(text, Kind::Identity).unwrap_or_else(|e| panic!("{e}\n{text}"))
        });
        for case in &group.cases {
            let context = context(group, case);
            let of = |own: &'_ Option<String>, common: &'_ Option<String>| {
                own.clone().or_else(|| common.clone())
            };
            let action = of(&case.action, &group.common.action).expect("an action");
            let resource = of(&case.resource, &group.common.resource).expect("a resource");
            let who = of(&case.caller, &group.common.caller);
            let request = Request {
                action: &action,
                resource: &resource,
                caller: caller(who.as_deref()),
                context: &context,
            };
            let decision = evaluate(&policies, &request);
            let together = own.as_ref().map(|own| together(own, &request, decision));
            let decision = text(decision, policies.len());
            let begin = Instant::now();
            for _ in 0..REPEATS {
                std::hint::black_box(evaluate(&policies, std::hint::black_box(&request)));
            }
            spent += begin.elapsed();
            cases += 1;
            let Case { say, expect, .. } = case;
            if decision != *expect {
                wrong.push(format!("{}: {say}: {decision}, not {expect}", group.source));
            }
            if together != case.together.as_deref() {
                let expect = &case.together;
                wrong.push(format!(
                    "{}: {say}: together {together:?}, not {expect:?}",
                    group.source
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 150, "only {cases} cases");
    let each = spent / (cases * REPEATS);
    eprintln!(
        "{cases} decisions of {} policies as expected, {each:?} each",
        groups.len()
    );
}

/// API Gateway Developer Guide, "How API Gateway resource policies affect authorization workflow".
#[test]
fn two_policies_in_one_account_and_in_two() {
    let by = |policy| By {
        policy,
        statement: 0,
        sid: None,
    };
    let (allow, deny) = (
        Decision::Allowed { by: by(0) },
        Decision::Denied { by: by(1) },
    );
    let delegated = Decision::Delegated { by: by(2) };
    let silent = Decision::NotAllowed;
    for (identity, resource, same, other) in [
        (allow, allow, allow, allow),
        (allow, silent, allow, silent),
        (silent, allow, allow, silent),
        (silent, silent, silent, silent),
        (deny, allow, deny, deny),
        (allow, deny, deny, deny),
        (deny, silent, deny, deny),
        (silent, deny, deny, deny),
        (deny, deny, deny, deny),
        // IAM User Guide, "AWS JSON policy elements: Principal": to an account authority is
        // delegated, and its administrator must give it to his users.
        (allow, delegated, allow, allow),
        (silent, delegated, silent, silent),
        (deny, delegated, deny, deny),
    ] {
        assert_eq!(combine(identity, resource, true), same);
        assert_eq!(combine(identity, resource, false), other);
    }
    assert!(!delegated.is_allowed(), "not before it is combined");
}

/// Whatever a statement is called, the decision names it.
#[test]
fn the_decision_names_the_statement() {
    let text = r#"{"Version": "2012-10-17", "Id": "team", "Statement": [
        {"Sid": "", "Effect": "Allow", "Action": "x:A", "Resource": "*"},
        {"Sid": "Second", "Effect": "Deny", "Action": "x:B", "Resource": "*"}]}"#;
    let policy = Policy::parse(text, Kind::Identity).expect("a policy");
    assert_eq!((policy.id(), policy.statement_count()), (Some("team"), 2));
    let context = Context::new();
    let decide = |action| {
        let request = Request {
            action,
            resource: "*",
            caller: Caller::Anonymous,
            context: &context,
        };
        evaluate([&policy], &request)
    };
    let by = |statement, sid| By {
        policy: 0,
        statement,
        sid,
    };
    assert_eq!(decide("x:A"), Decision::Allowed { by: by(0, None) });
    assert_eq!(
        decide("x:B"),
        Decision::Denied {
            by: by(1, Some("Second"))
        }
    );
    assert_eq!(decide("x:C"), Decision::NotAllowed);
    let request = Request {
        action: "x:A",
        resource: "*",
        caller: Caller::Anonymous,
        context: &context,
    };
    assert_eq!(evaluate([], &request), Decision::NotAllowed);
}
