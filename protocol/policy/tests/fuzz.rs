//! No text whatever breaks the parser of policies or what it accepts; `tollgate_mutate` says how long
//! it is tried.

use tollgate_mutate::run;
use tollgate_policy::{Caller, Context, Kind, Policy, Request, evaluate};

#[test]
fn fuzz_policies() {
    let corpus: [&[u8]; 5] = [
        br#"{"Version": "2012-10-17", "Statement": [{"Sid": "One", "Effect": "Allow", "Action": ["apigateway:*", "tollgate:Get*"], "Resource": "*"}]}"#,
        br#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:apigateway:*::/apis/${aws:username}/*"}}"#,
        br#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*", "arn:aws:iam::000000000000:user/bob"]}, "Action": "execute-api:Invoke", "Resource": "arn:aws:execute-api:us-east-1:000000000000:a/*/GET/*"}]}"#,
        br#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]}, "DateLessThanIfExists": {"aws:CurrentTime": "2026-11-23T00:00:00Z"}, "ForAllValues:StringLike": {"aws:TagKeys": ["a*", "?b"]}}}]}"#,
        br#"{"Statement": [{"Effect": "Allow", "Action": "a:b", "Resource": "arn:aws:x:::*a/${aws:b, 'c'}*", "Condition": {"NumericEquals": {"a:n": 1}, "Bool": {"aws:SecureTransport": "true"}, "Null": {"a:b": false}, "BinaryEquals": {"a:c": "QUJD"}, "ArnLike": {"aws:SourceArn": "arn:*:x:*"}}}]}"#,
    ];
    let words = [
        "Statement",
        "Effect",
        "Allow",
        "Deny",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
        "StringEqualsIgnoreCase",
        "ForAnyValue:",
        "IfExists",
        "${",
        "${*}",
        "${?}",
        "${$}",
        "}",
        "*",
        "?",
        "[",
        "]",
        "{",
        ":",
        "\\u002a",
        "/33",
        "null",
    ];
    let kinds = [
        Kind::Identity,
        Kind::Resource { api: None },
        Kind::Resource {
            api: Some("arn:aws:execute-api:us-east-1:000000000000:a"),
        },
        Kind::Authorizer,
    ];
    let mut context = Context::new();
    context.set("aws:username", "bob");
    context.set("aws:SourceIp", "10.1.2.3");
    context.set("aws:CurrentTime", "2026-11-23T00:00:00Z");
    context.set_all("aws:TagKeys", vec!["a".to_owned(), "b".to_owned()]);
    run("policy", &corpus, &words, |input| {
        let Ok(text) = core::str::from_utf8(input) else {
            return false;
        };
        let mut taken = false;
        for kind in kinds {
            match Policy::parse(text, kind) {
                Ok(policy) => {
                    let request = Request {
                        action: "execute-api:Invoke",
                        resource: "arn:aws:execute-api:us-east-1:000000000000:a/prod/GET/pets",
                        caller: Caller::Principal("arn:aws:iam::000000000000:user/bob"),
                        context: &context,
                    };
                    // Nothing is decided otherwise when it is asked again.
                    let first = evaluate([&policy], &request).is_allowed();
                    assert_eq!(evaluate([&policy, &policy], &request).is_allowed(), first);
                    taken = true;
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        taken
    });
}
