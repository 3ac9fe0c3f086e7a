//! What is refused, where and with which words.

use tollgate_policy::{Error, Kind, Policy, Problem, limits};

const RESOURCE: Kind<'static> = Kind::Resource { api: None };

fn refusal(text: &str, kind: Kind<'_>) -> Error {
    match Policy::parse(text, kind) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error,
    }
}

/// A statement with these members in place of `Action`, `Resource` and `Effect`, where `None`
/// removes one.
fn statement(changes: &[(&str, Option<&str>)]) -> String {
    let mut members = vec![
        ("Effect", "\"Allow\"".to_owned()),
        ("Action", "\"x:Do\"".to_owned()),
        ("Resource", "\"*\"".to_owned()),
    ];
    for (name, value) in changes {
        members.retain(|(other, _)| other != name);
        if let Some(value) = value {
            members.push((name, (*value).to_owned()));
        }
    }
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{{}}}]}}"#,
        members.join(", ")
    )
}

#[test]
fn whole_documents() {
    for (text, said) in [
        (
            "",
            "not JSON at line 1, column 0: EOF while parsing a value",
        ),
        (
            "{\n  \"Version\": }",
            "not JSON at line 2, column 14: expected value",
        ),
        ("{} x", "not JSON at line 1, column 4: trailing characters"),
        ("[]", "must be an object"),
        ("null", "must be an object"),
        ("{}", "Statement: missing; add \"Statement\": [...]"),
        (
            r#"{"Statement": []}"#,
            "Statement: empty; name at least one, or remove the member",
        ),
        (r#"{"Statement": "x"}"#, "Statement: must be an object"),
        (
            r#"{"statement": []}"#,
            "statement: not known here; write \"Statement\"",
        ),
        (
            r#"{"Rules": []}"#,
            "Rules: not known here; known are Version, Id, Statement",
        ),
        (
            r#"{"Version": "2012-10-18"}"#,
            "Version: \"2012-10-18\" is no version of the policy language; write 2012-10-17",
        ),
        (r#"{"Version": 2012}"#, "Version: must be a string"),
        (r#"{"Id": 1}"#, "Id: must be a string"),
        (
            r#"{"Id": "a", "Id": "b"}"#,
            "the member \"Id\" stands twice; join the two",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Effect": "Deny"}}"#,
            "Statement: the member \"Effect\" stands twice; join the two",
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Condition": {"Bool": {"a:b": "true", "a:b": "false"}}}]}"#,
            "Statement[1].Condition.Bool: the member \"a:b\" stands twice; join the two",
        ),
        // Escapes do not hide a second member.
        (
            r#"{"Statement": [], "St\u0061tement": []}"#,
            "the member \"Statement\" stands twice; join the two",
        ),
    ] {
        assert_eq!(refusal(text, Kind::Identity).to_string(), said, "{text}");
    }
}

#[test]
fn statements() {
    for (changes, said) in [
        (
            &[("Effect", None)][..],
            "Effect: missing; add \"Effect\": \"Allow\" or \"Deny\"",
        ),
        (
            &[("Effect", Some("\"allow\""))],
            "Effect: \"allow\" is no effect; write Allow or Deny, with these capitals",
        ),
        (
            &[("Action", None)],
            "Action: missing; add \"Action\": \"*\"",
        ),
        (
            &[("Resource", None)],
            "Resource: missing; add \"Resource\": \"*\"",
        ),
        (
            &[("NotAction", Some("\"*\""))],
            "NotAction: stands beside \"Action\"; keep one of them",
        ),
        (
            &[("NotResource", Some("\"*\""))],
            "NotResource: stands beside \"Resource\"; keep one of them",
        ),
        (
            &[("action", Some("\"*\""))],
            "action: not known here; write \"Action\"",
        ),
        (
            &[("Action", Some("[]"))],
            "Action: empty; name at least one, or remove the member",
        ),
        (
            &[("Action", Some("[\"x:Do\", 7]"))],
            "Action[1]: must be a string",
        ),
        (
            &[("Action", Some("\"Invoke\""))],
            "Action: \"Invoke\" is no action; write one as execute-api:Invoke or apigateway:*, or * for all",
        ),
        (
            &[("Action", Some("[\"s*:Get\"]"))],
            "Action[0]: \"s*:Get\" is no action; write one as execute-api:Invoke or apigateway:*, or * for all",
        ),
        (
            &[("Resource", Some("\"mybucket\""))],
            "Resource: \"mybucket\" is no resource; write an ARN such as arn:aws:execute-api:us-east-1:123456789012:api/stage/GET/path, or *",
        ),
        (&[("Resource", Some("\"arn:aws:s3:::\""))], ""),
        (
            &[("Resource", Some("[\"*\", \"arn:aws:*:us-east-1:1:x\"]"))],
            "Resource[1]: \"arn:aws:*:us-east-1:1:x\" is no resource: the service, its third part, must be named without wildcards",
        ),
        (
            &[("Resource", Some("\"arn:*\""))],
            "Resource: \"arn:*\" is no resource: the service, its third part, must be named without wildcards",
        ),
        (
            &[("Resource", Some("\"arn:aws:s3\""))],
            "Resource: \"arn:aws:s3\" is no resource; write an ARN such as arn:aws:execute-api:us-east-1:123456789012:api/stage/GET/path, or *",
        ),
        (
            &[("Resource", Some("\"execute-api:/*\""))],
            "Resource: \"execute-api:/*\" is no resource; write an ARN such as arn:aws:execute-api:us-east-1:123456789012:api/stage/GET/path, or *",
        ),
        (
            &[("Resource", Some("\"arn:aws:s3:::b/${aws:username\""))],
            "Resource: \"${aws:username\" is no closed variable; write ${$}{ for the characters ${",
        ),
        (
            &[("Resource", Some("\"arn:aws:s3:::b/${username}\""))],
            "Resource: \"username\" is no variable; write ${aws:username} or ${aws:username, 'default'}",
        ),
        (
            &[("Resource", Some("\"arn:aws:s3:::b/${aws:username, x}\""))],
            "Resource: \"aws:username, x\" is no variable; write ${aws:username} or ${aws:username, 'default'}",
        ),
        (
            &[("Sid", Some("\"two words\""))],
            "Sid: \"two words\" is no statement id; use letters and digits only",
        ),
        (
            &[("Principal", Some("\"*\""))],
            "Principal: not allowed here; remove it: the policy holds for the users and groups that it is attached to",
        ),
        (&[("Condition", Some("[]"))], "Condition: must be an object"),
    ] {
        let text = statement(changes);
        if said.is_empty() {
            assert!(Policy::parse(&text, Kind::Identity).is_ok(), "{text}");
            continue;
        }
        let error = refusal(&text, Kind::Identity).to_string();
        assert_eq!(error, format!("Statement[0].{said}"), "{text}");
    }
    let two = r#"{"Statement": [{"Sid": "A", "Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "A", "Effect": "Deny", "Action": "*", "Resource": "*"}]}"#;
    let said = "Statement[1].Sid: \"A\" is no statement id of its own: another statement has it";
    assert_eq!(refusal(two, Kind::Identity).to_string(), said);
}

#[test]
fn conditions() {
    for (condition, said) in [
        (
            r#"{"stringlike": {"a:b": "x"}}"#,
            "stringlike: not known here; write StringLike",
        ),
        (
            r#"{"NullIfExists": {"a:b": "true"}}"#,
            "NullIfExists: not allowed here; Null itself asks whether the key exists; write Null alone",
        ),
        (r#"{"StringLike": "x"}"#, "StringLike: must be an object"),
        (
            r#"{"Bool": {"a:b": "true"}, "IpAddress": {}}"#,
            "IpAddress: empty; name at least one, or remove the member",
        ),
        (
            r#"{"StringLike": {"username": "x"}}"#,
            "StringLike.username: \"username\" is no condition key; write one as aws:SourceIp",
        ),
        (
            r#"{"StringLike": {"a:b": []}}"#,
            "StringLike.a:b: empty; name at least one, or remove the member",
        ),
        (
            r#"{"StringLike": {"a:b": ["x", null]}}"#,
            "StringLike.a:b[1]: must be a string, a number or a Boolean",
        ),
        (
            r#"{"StringLike": {"a:b": "x", "A:B": "y"}}"#,
            "StringLike.A:B: the member \"A:B\" stands twice; join the two",
        ),
        (
            r#"{"NumericEquals": {"a:b": "ten"}}"#,
            "NumericEquals.a:b: \"ten\" is no number of at most 18 digits and 9 behind the point",
        ),
        (
            r#"{"DateLessThan": {"a:b": "30.6.2013"}}"#,
            "DateLessThan.a:b: \"30.6.2013\" is no date; write 2013-06-30T00:00:00Z or seconds since 1970",
        ),
        (
            r#"{"Bool": {"a:b": "yes"}}"#,
            "Bool.a:b: \"yes\" is no true or false",
        ),
        (
            r#"{"Null": {"a:b": "x"}}"#,
            "Null.a:b: \"x\" is no true or false",
        ),
        (
            r#"{"BinaryEquals": {"a:b": "QQ"}}"#,
            "BinaryEquals.a:b: \"QQ\" is no Base64 with its padding",
        ),
        (
            r#"{"IpAddress": {"a:b": ["10.0.0.0/8", "10.0.0.0/40"]}}"#,
            "IpAddress.a:b[1]: \"10.0.0.0/40\" is no network; write 203.0.113.0/24 or 2001:db8::/32",
        ),
        // IPv4 written as IPv6, and more than IPv4.
        (
            r#"{"IpAddress": {"a:b": "::ffff:203.0.113.0/24"}}"#,
            "IpAddress.a:b: \"::ffff:203.0.113.0/24\" is no network; write 203.0.113.0/24 or 2001:db8::/32",
        ),
        // Variables work with texts and ARNs only.
        (
            r#"{"IpAddress": {"a:b": "${aws:SourceIp}"}}"#,
            "IpAddress.a:b: \"${aws:SourceIp}\" is no network; write 203.0.113.0/24 or 2001:db8::/32",
        ),
        (
            r#"{"ArnLike": {"a:b": "arn:aws:iam::*"}}"#,
            "ArnLike.a:b: \"arn:aws:iam::*\" is no ARN of six components; write one as arn:aws:iam::123456789012:user/*",
        ),
    ] {
        let text = statement(&[("Condition", Some(condition))]);
        let error = refusal(&text, Kind::Identity).to_string();
        assert_eq!(error, format!("Statement[0].Condition.{said}"), "{text}");
    }
    let unknown = statement(&[("Condition", Some(r#"{"ForSomeValues:Bool": {}}"#))]);
    let Error { path, problem } = refusal(&unknown, Kind::Identity);
    assert_eq!(path, "Statement[0].Condition.ForSomeValues:Bool");
    assert!(matches!(problem, Problem::Unknown { .. }), "{problem}");
}

/// The JSON reader hands over as floating point what is no whole number: it would make
/// 10000000000000000 of 9999999999999999.9, and the text 1.1 of 1.10.
#[test]
fn bare_numbers_are_whole() {
    let with = |operator: &str, values: &str| {
        let condition = format!(r#"{{"{operator}": {{"a:b": {values}}}}}"#);
        statement(&[("Condition", Some(&condition))])
    };
    for (operator, values, place) in [
        ("NumericLessThan", "9999999999999999.9", ""),
        ("NumericEquals", "[1, 0.30000000000000001]", "[1]"),
        ("NumericEquals", "1.0", ""),
        ("NumericEquals", "1e3", ""),
        ("NumericEquals", "1e300", ""),
        ("NumericEquals", "18446744073709551616", ""),
        ("StringEquals", "1.10", ""),
        ("DateLessThan", "[1372550400.5]", "[0]"),
    ] {
        let said = "must be a string where it is no whole number; write \"0.5\" for 0.5";
        let error = refusal(&with(operator, values), Kind::Identity).to_string();
        let path = format!("Statement[0].Condition.{operator}.a:b{place}");
        assert_eq!(error, format!("{path}: {said}"));
    }
    for (operator, values) in [
        (
            "NumericEquals",
            r#"[0, -1, 999999999999999999, "0.300000001", "-1.5"]"#,
        ),
        ("DateLessThan", r#"[1372550400, "1372550400.5"]"#),
        ("StringEquals", r#"[1, "1.10"]"#),
    ] {
        let text = with(operator, values);
        let error = Policy::parse(&text, Kind::Identity).err();
        assert_eq!(error, None, "{text}");
    }
}

#[test]
fn principals() {
    let with = |principal: &str, effect: &str| {
        statement(&[("Principal", Some(principal)), ("Effect", Some(effect))])
    };
    for (principal, said) in [
        (
            r#""bob""#,
            "\"bob\" is no principal; write * or {\"AWS\": \"arn:aws:iam::123456789012:user/bob\"}",
        ),
        ("{}", "empty; name at least one, or remove the member"),
        (
            r#"{"aws": "*"}"#,
            "aws: not known here; write AWS, Service or Federated",
        ),
        (
            r#"{"CanonicalUser": "79a5"}"#,
            "CanonicalUser: not known here; write AWS, Service or Federated",
        ),
        (
            r#"{"Service": "*"}"#,
            "Service: \"*\" is no service; write one as apigateway.amazonaws.com",
        ),
        (
            r#"{"AWS": ["*", "arn:aws:iam::123456789012:user/*"]}"#,
            "AWS[1]: \"arn:aws:iam::123456789012:user/*\" is no principal; write *, an account of 12 digits, or the whole ARN of a user or role: wildcards do not work within it",
        ),
    ] {
        let text = with(principal, "\"Allow\"");
        let error = refusal(&text, RESOURCE).to_string();
        let dot = if said.starts_with(['"', 'e']) {
            ": "
        } else {
            "."
        };
        assert_eq!(
            error,
            format!("Statement[0].Principal{dot}{said}"),
            "{text}"
        );
    }
    let missing = refusal(&statement(&[]), RESOURCE).to_string();
    assert_eq!(
        missing,
        "Statement[0].Principal: missing; add \"Principal\": \"*\""
    );
    let others = statement(&[("NotPrincipal", Some(r#"{"AWS": "123456789012"}"#))]);
    assert!(
        refusal(&others, RESOURCE)
            .to_string()
            .contains("with Allow it would let in everybody")
    );
    let denied = statement(&[
        ("NotPrincipal", Some(r#"{"AWS": "123456789012"}"#)),
        ("Effect", Some("\"Deny\"")),
    ]);
    assert!(Policy::parse(&denied, RESOURCE).is_ok());
    // What an authorizer returns is about the caller that it identified.
    assert!(Policy::parse(&with("\"*\"", "\"Allow\""), Kind::Authorizer).is_ok());
    let named = with(r#"{"AWS": "123456789012"}"#, "\"Allow\"");
    assert!(
        refusal(&named, Kind::Authorizer)
            .to_string()
            .contains("the authorizer identified")
    );
}

#[test]
fn lengths() {
    let sized = |chars: usize| {
        let empty = statement(&[("Sid", Some("\"\""))]);
        let used = empty.chars().filter(|c| !c.is_whitespace()).count();
        let sid = format!("\"{}\"", "a".repeat(chars - used));
        statement(&[("Sid", Some(&sid))])
    };
    for (kind, max) in [
        (Kind::Identity, limits::IDENTITY_CHARS_MAX),
        (Kind::Authorizer, limits::AUTHORIZER_CHARS_MAX),
    ] {
        assert!(Policy::parse(&sized(max), kind).is_ok());
        // White space does not count.
        let spaced = sized(max).replace(", ", ",\n        ");
        assert!(Policy::parse(&spaced, kind).is_ok());
        let chars = max + 1;
        let error = refusal(&sized(chars), kind);
        assert_eq!(error.problem, Problem::Chars { chars, max });
    }
    let spaces = " ".repeat(limits::DOCUMENT_BYTES_MAX);
    let error = refusal(&spaces, Kind::Identity).problem;
    assert!(matches!(error, Problem::Json { .. }), "{error}");
    let error = refusal(&format!("{spaces} "), Kind::Identity).problem;
    assert!(matches!(error, Problem::Bytes { .. }), "{error}");
    let shortest = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
    let many = |count: usize| format!("{{\"Statement\":[{}]}}", vec![shortest; count].join(","));
    let fits = Policy::parse(&many(130), Kind::Identity).map(|policy| policy.statement_count());
    assert_eq!(fits, Ok(130));
    let count = limits::STATEMENTS_MAX + 1;
    let many = format!("{{\"Statement\":[{}]}}", vec!["{}"; count].join(","));
    assert_eq!(
        refusal(&many, Kind::Identity).problem,
        Problem::Statements { count }
    );
    let long = format!("\"arn:aws:execute-api:{}\"", "a".repeat(600));
    let long = statement(&[("Resource", Some(&long))]);
    let error = refusal(&long, Kind::Authorizer).to_string();
    assert!(error.contains("at most 512 characters"), "{error}");
    assert!(error.len() < 250, "errors stay short: {error}");
}

#[test]
fn nesting() {
    for depth in [limits::DEPTH_MAX + 2, 1_000, 4_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let error = refusal(&text, Kind::Authorizer).to_string();
            assert!(
                error.contains("flatter")
                    || error.contains("recursion")
                    || error.contains("characters"),
                "{error}"
            );
        }
    }
}
