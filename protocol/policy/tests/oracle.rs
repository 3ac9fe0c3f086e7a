//! Random policies and requests, decided here and by another implementation: both must agree. And
//! what holds for every policy, however it is written.
//!
//! The other one is the crate `iam-rs`. Where it leaves AWS's documentation, the generator does not
//! go, and `decisions.rs` has those cases by their sources:
//! - a variable without a value is an empty text there; here variables have values or defaults, and
//!   stand in resources only, as there they are not replaced in conditions;
//! - ARN operators compare whole texts there (`ArnEquals` without wildcards), not six components:
//!   their patterns are literal here;
//! - numbers are floating point there: small whole ones here;
//! - a `*` at the end of a segment does not reach over the colon there: resources have five colons
//!   here, where that cannot show;
//! - principals of an account are not matched by its number there, so policies have none here.

use iam_rs::{Arn, ContextValue, IAMPolicy, IAMRequest, Principal, PrincipalId};
use proptest::prelude::*;
use tollgate_policy::{Caller, Context, Decision, Kind, Policy, Request, evaluate};

/// A key of the context, in both forms.
#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Texts(Vec<String>),
    Number(i32),
    Bool(bool),
}

const KEYS: [&str; 6] = ["t:one", "t:two", "n:one", "b:one", "i:one", "d:one"];
const LIST: &str = "l:one";

/// One operator with one key and its values, as JSON.
fn condition() -> impl Strategy<Value = (String, String, Vec<String>)> {
    let texts = prop::sample::select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ]);
    let compared = |family: &'static str| {
        let names = [
            "Equals",
            "NotEquals",
            "LessThan",
            "LessThanEquals",
            "GreaterThan",
            "GreaterThanEquals",
        ];
        prop::sample::select(names.to_vec()).prop_map(move |name| format!("{family}{name}"))
    };
    let words = || proptest::collection::vec("[abA*?]{1,3}", 1..3);
    let among = |values: &'static [&'static str]| {
        let one = prop::sample::select(values.to_vec()).prop_map(str::to_owned);
        proptest::collection::vec(one, 1..3)
    };
    let set = prop::sample::select(vec!["ForAnyValue", "ForAllValues"]);
    let bools: &[&str] = &["true", "false"];
    let nets: &[&str] = &["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32"];
    let dates: &[&str] = &["2013-06-30T00:00:00Z", "2013-06-30T00:00:01Z", "1372550400"];
    let ip = prop::sample::select(vec!["IpAddress", "NotIpAddress"]).prop_map(str::to_owned);
    let text = texts.clone().prop_map(str::to_owned);
    let key = |key: &'static str| Just(key.to_owned());
    // With or without `IfExists`.
    let plain = prop_oneof![
        4 => (text, prop::sample::select(vec!["t:one", "t:two"]).prop_map(str::to_owned), words()),
        2 => (compared("Numeric"), key("n:one"), among(&["-2", "0", "1", "3"])),
        2 => (compared("Date"), key("d:one"), among(dates)),
        1 => (Just("Bool".to_owned()), key("b:one"), among(bools)),
        1 => (ip, key("i:one"), among(nets)),
    ];
    prop_oneof![
        4 => (plain, prop::sample::select(vec!["", "IfExists"]))
            .prop_map(|((name, key, values), exists)| (format!("{name}{exists}"), key, values)),
        1 => (set, texts, words())
            .prop_map(|(set, name, values)| (format!("{set}:{name}"), LIST.to_owned(), values)),
        1 => (prop::sample::select(KEYS.to_vec()), any::<bool>())
            .prop_map(|(key, value)| ("Null".to_owned(), key.to_owned(), vec![value.to_string()])),
    ]
}

fn json(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
    match &*quoted {
        [one] => one.clone(),
        many => format!("[{}]", many.join(",")),
    }
}

/// One statement as JSON.
fn statement() -> impl Strategy<Value = String> {
    let action = prop_oneof![
        Just("*".to_owned()),
        "(x|y|X):(\\*|Do|do|D\\?|D\\*|Get|\\*t)"
    ];
    let resource = prop_oneof![
        1 => Just("*".to_owned()),
        6 => "arn:aws:(x|y):(\\*|r|r\\?|\\*1):(123456789012|\\*|\\?{12}|12\\*):(a|b|\\*|\\?|/|\\$\\{t:one, 'ab'\\}){1,4}",
    ];
    let (actions, resources) = (
        proptest::collection::vec(action, 1..3),
        proptest::collection::vec(resource, 1..3),
    );
    let not = prop::sample::select(vec!["", "", "Not"]);
    (
        prop::sample::select(vec!["Allow", "Allow", "Deny"]),
        not.clone(),
        actions,
        not,
        resources,
        proptest::collection::vec(condition(), 0..3),
    )
        .prop_map(|(effect, not_action, actions, not_resource, resources, conditions)| {
            let mut blocks: Vec<String> = Vec::new();
            let mut names: Vec<&str> = Vec::new();
            for (name, key, values) in &conditions {
                if !names.contains(&&**name) {
                    names.push(name);
                    blocks.push(format!("\"{name}\":{{\"{key}\":{}}}", json(values)));
                }
            }
            format!(
                "{{\"Effect\":\"{effect}\",\"{not_action}Action\":{},\"{not_resource}Resource\":{},\"Condition\":{{{}}}}}",
                json(&actions),
                json(&resources),
                blocks.join(",")
            )
        })
}

fn context() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let text = || prop::option::of("[abA]{1,3}".prop_map(Value::Text));
    let one_of = |values: Vec<&'static str>| {
        prop::option::of(prop::sample::select(values).prop_map(|text| Value::Text(text.to_owned())))
    };
    (
        text(),
        text(),
        prop::option::of((-3..4_i32).prop_map(Value::Number)),
        prop::option::of(any::<bool>().prop_map(Value::Bool)),
        one_of(vec!["10.1.2.3", "10.200.0.1", "192.0.2.1", "2001:db8::1"]),
        one_of(vec![
            "2013-06-30T00:00:00Z",
            "2013-06-30T00:00:01Z",
            "2013-06-29T00:00:00Z",
        ]),
        prop::option::of(proptest::collection::vec("[abA]{1,3}", 1..4).prop_map(Value::Texts)),
    )
        .prop_map(|(one, two, number, boolean, ip, date, list)| {
            let values = [one, two, number, boolean, ip, date, list];
            let keys = KEYS.into_iter().chain([LIST]);
            keys.zip(values)
                .filter_map(|(key, value)| Some((key, value?)))
                .collect()
        })
}

fn ours(policies: &[String], action: &str, resource: &str, keys: &[(&str, Value)]) -> &'static str {
    let mut context = Context::new();
    for (key, value) in keys {
        match value {
            Value::Text(text) => context.set(*key, &**text),
            Value::Texts(texts) => context.set_all(*key, texts.iter().map(String::as_str)),
            Value::Number(number) => context.set(*key, number.to_string()),
            Value::Bool(value) => context.set(*key, value.to_string()),
        }
    }
    let policies: Vec<Policy> = policies
        .iter()
        .map(|text| Policy::parse(text, Kind::Identity).unwrap_or_else(|e| panic!("{e}: {text}")))
        .collect();
    let request = Request {
        action,
        resource,
        caller: Caller::Anonymous,
        context: &context,
    };
    match evaluate(&policies, &request) {
        Decision::Allowed { .. } => "allow",
        Decision::Denied { .. } => "deny",
        Decision::NotAllowed => "none",
        Decision::Delegated { by } => panic!("{by:?}, but no policy here has principals"),
    }
}

fn theirs(
    policies: &[String],
    action: &str,
    resource: &str,
    keys: &[(&str, Value)],
) -> &'static str {
    let mut context = iam_rs::Context::new();
    for (key, value) in keys {
        let value = match value {
            Value::Text(text) => ContextValue::String(text.clone()),
            Value::Texts(texts) => ContextValue::StringList(texts.clone()),
            Value::Number(number) => ContextValue::Number(f64::from(*number)),
            Value::Bool(value) => ContextValue::Boolean(*value),
        };
        context.insert((*key).to_owned(), value);
    }
    let policies: Vec<IAMPolicy> = policies
        .iter()
        .map(|text| serde_json::from_str(text).expect("a policy for the other one"))
        .collect();
    let who = "arn:aws:iam::123456789012:user/bob".to_owned();
    let request = IAMRequest::new_with_context(
        Principal::Aws(PrincipalId::String(who)),
        action,
        Arn::parse(resource).expect("an ARN"),
        context,
    );
    match iam_rs::evaluate_policies(&policies, &request).expect("a decision") {
        iam_rs::Decision::Allow => "allow",
        iam_rs::Decision::Deny => "deny",
        iam_rs::Decision::NotApplicable => "none",
    }
}

const CASES: u32 = 2_000;

#[test]
fn both_decide_alike() {
    let policies = proptest::collection::vec(proptest::collection::vec(statement(), 1..4), 1..3)
        .prop_map(|policies| {
            let texts = policies.iter().map(|statements| policy(statements));
            texts.collect::<Vec<String>>()
        });
    let request = (
        "(x|y):(Do|Get|Dt)",
        "arn:aws:(x|y):(r|r1):123456789012:[ab/]{1,4}",
        context(),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let counts = std::cell::RefCell::new(std::collections::BTreeMap::<&str, u32>::new());
    let result = runner.run(
        &(policies, request),
        |(policies, (action, resource, keys))| {
            let own = ours(&policies, &action, &resource, &keys);
            let other = theirs(&policies, &action, &resource, &keys);
            prop_assert_eq!(
                own,
                other,
                "{:#?} {} {} {:?}",
                policies,
                action,
                resource,
                keys
            );
            *counts.borrow_mut().entry(own).or_default() += 1;
            Ok(())
        },
    );
    assert!(result.is_ok(), "{}", result.expect_err("it failed"));
    let counts = counts.into_inner();
    eprintln!("{CASES} random decisions alike: {counts:?}");
    for kind in ["allow", "deny", "none"] {
        let seen = counts.get(kind).copied().unwrap_or_default();
        assert!(seen > CASES / 20, "too few {kind}: {counts:?}");
    }
}

/// A policy of these statements.
fn policy(statements: &[String]) -> String {
    let statements = statements.join(",");
    format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statements}]}}")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// Source: IAM User Guide, "Policy evaluation logic": neither the order of statements nor the
    /// policy that they stand in matters, a deny more never allows, an allow more never denies.
    #[test]
    fn only_what_statements_say_matters(
        statements in proptest::collection::vec(statement(), 1..5),
        more in statement(),
        action in "(x|y):(Do|Get|Dt)",
        resource in "arn:aws:(x|y):(r|r1):123456789012:[ab/]{1,4}",
        keys in context(),
    ) {
        let decide = |policies: &[String]| ours(policies, &action, &resource, &keys);
        let together = decide(&[policy(&statements)]);
        let mut turned = statements.clone();
        turned.reverse();
        prop_assert_eq!(decide(&[policy(&turned)]), together);
        let apart: Vec<String> = turned.chunks(1).map(policy).collect();
        prop_assert_eq!(decide(&apart), together);
        let with = decide(&[policy(&statements), policy(std::slice::from_ref(&more))]);
        if more.contains("\"Deny\"") {
            prop_assert!(with == together || with == "deny", "{} {}", together, with);
        } else {
            prop_assert!(with == together || (together, with) == ("none", "allow"));
        }
    }
}
