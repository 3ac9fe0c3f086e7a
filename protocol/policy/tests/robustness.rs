//! No text whatever breaks the parser or what it accepts, and time grows with the text only.

use std::fmt::Write as _;

use proptest::prelude::*;
use tollgate_policy::{Caller, Context, Kind, Policy, Request, evaluate};

const RESOURCE: Kind<'static> = Kind::Resource { api: None };

/// A document as large as one can be, with as much of everything as fits.
fn large(units: usize) -> String {
    let mut text = String::from(r#"{"Version":"2012-10-17","Statement":["#);
    for unit in 0..units {
        let comma = if unit == 0 { "" } else { "," };
        let written = write!(
            text,
            "{comma}{{\"Effect\":\"Allow\",\"Action\":[\"x:*a*\",\"y:?\"],\"Resource\":\"arn:aws:x:::*a/${{aws:b,'c'}}*\",\
             \"Condition\":{{\"StringLike\":{{\"a:b\":[\"*a*a*b\",\"c\"]}}}}}}"
        );
        assert_eq!(written, Ok(()));
    }
    text.push_str("]}");
    text
}

/// A document with so many keys under one operator.
fn keys(units: usize) -> String {
    let keys: Vec<String> = (0..units)
        .map(|unit| format!("\"a:{unit:03}\":1"))
        .collect();
    format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"StringLike":{{{}}}}}}}}}"#,
        keys.join(",")
    )
}

/// Twice the document costs about twice the time; something quadratic would cost four times as
/// much. The shortest of many runs is taken, so that a busy machine does not matter.
#[test]
fn time_grows_with_the_document_only() {
    let shortest = |text: &str| {
        let runs = (0..200).map(|_| {
            let begin = std::time::Instant::now();
            assert!(Policy::parse(text, Kind::Authorizer).is_ok());
            begin.elapsed()
        });
        runs.min().expect("it ran")
    };
    for (what, short, long, times) in [
        ("statements", large(6), large(48), 8.0),
        ("keys", keys(90), keys(720), 8.0),
    ] {
        let (short, long) = (shortest(&short), shortest(&long));
        let factor = long.as_secs_f64() / short.as_secs_f64();
        eprintln!("{what}: {short:?}, and {long:?} for {times} times as many: {factor:.1} times");
        assert!(factor < times * 2.5, "{what}: {short:?}, {long:?}");
    }
}

/// Whatever was accepted can be decided with.
fn decide(policy: &Policy) {
    let mut context = Context::new();
    context.set("aws:username", "bob");
    context.set_all("a:b", ["1", "", "2013-06-30", "10.0.0.1"]);
    for resource in ["*", "arn:aws:x:::a/bob", "é:*?${"] {
        let request = Request {
            action: "x:Do",
            resource,
            caller: Caller::Principal(resource),
            context: &context,
        };
        let first = evaluate([policy], &request);
        assert_eq!(first, evaluate([policy], &request));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn no_text_breaks_the_parser(text in "\\PC{0,200}") {
        for kind in [Kind::Identity, RESOURCE, Kind::Authorizer] {
            if let Ok(policy) = Policy::parse(&text, kind) {
                decide(&policy);
            }
        }
    }

    /// Words of the language in any order.
    #[test]
    fn no_words_break_the_parser(
        text in "(\\{|\\}|\\[|\\]|:|,|\"Statement\":\\[\\{|\"Effect\":\"Allow\",|\"Action\":|\"NotAction\":\"x:\\*\",|\"Resource\":\"\\*\",|\"Principal\":\\{\"AWS\":|\"Condition\":\\{|\"ForAnyValue:StringLikeIfExists\":\\{|\"a:b\":|\"\\$\\{a:b\\}\"|\"\\*\"|1e9|true|null|\"\\\\u0000\"|\\PC){0,40}"
    ) {
        for kind in [Kind::Identity, RESOURCE, Kind::Authorizer] {
            if let Ok(policy) = Policy::parse(&text, kind) {
                decide(&policy);
            }
        }
    }

    /// A good document with one byte changed, as far as it stays text.
    #[test]
    fn no_changed_byte_breaks_it(at in any::<prop::sample::Index>(), byte: u8, operator in 0..OPERATORS.len()) {
        let condition = format!(r#"{{"{}": {{"a:b": ["1", "2013-06-30T00:00:00Z"]}}}}"#, OPERATORS[operator]);
        let mut bytes = format!(
            "{{\"Version\": \"2012-10-17\", \"Statement\": [{{\"Effect\": \"Allow\", \"Action\": \"x:Do\", \
             \"Resource\": [\"arn:aws:x:*::a/${{aws:username}}?*\"], \"Condition\": {condition}}}]}}"
        )
        .into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes)
            && let Ok(policy) = Policy::parse(&text, Kind::Identity)
        {
            decide(&policy);
        }
    }
}

const OPERATORS: [&str; 6] = [
    "StringLike",
    "ForAllValues:StringNotEqualsIgnoreCase",
    "DateGreaterThanEqualsIfExists",
    "ForAnyValue:NumericLessThan",
    "NotIpAddress",
    "ArnLike",
];
