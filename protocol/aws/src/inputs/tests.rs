//! Inputs that the service models take, and those that they refuse, in the words that AWS uses.

use super::*;
use crate::operations::match_operation;

fn check(method: &str, target: &str, body: &str) -> Result<(), AwsError> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let matched = match_operation(method, path, query).unwrap();
    check_input(&matched, query, &read_members(body.as_bytes())?)
}

#[track_caller]
fn refused(kind: ErrorKind, text: &str, answer: Result<(), AwsError>) {
    let error = answer.unwrap_err();
    assert_eq!(error.kind, kind, "{}", error.message);
    assert!(error.message.contains(text), "{}", error.message);
}

#[test]
fn the_table_is_in_the_order_that_it_is_searched_in() {
    assert!(INPUTS.is_sorted_by_key(|(service, name, _)| (*service as u8, *name)));
    assert!(
        INPUTS
            .iter()
            .all(|(_, _, shape)| matches!(shape, Shape::Structure(_)))
    );
}

#[test]
fn all_violations_are_told_at_once() {
    let long = "x".repeat(129);
    let body = format!(r#"{{"name":"{long}","ipAddressType":"ipv5"}}"#);
    let answer = check("POST", "/v2/apis", &body);
    refused(
        ErrorKind::BadRequest,
        "3 validation errors detected",
        answer.clone(),
    );
    refused(ErrorKind::BadRequest, "at 'protocolType'", answer.clone());
    refused(
        ErrorKind::BadRequest,
        "set: [ipv4, dualstack]",
        answer.clone(),
    );
    refused(
        ErrorKind::BadRequest,
        "length less than or equal to 128",
        answer,
    );
    let answer = check("POST", "/restapis/a/requestvalidators?x", "{\"name\":1}");
    refused(
        ErrorKind::Serialization,
        "the value of name is a number, not a string",
        answer,
    );
    let body = r#"{"patchOperations":[{"op":"test"},{"op":"grow"}]}"#;
    let answer = check("PATCH", "/restapis/a", body);
    refused(
        ErrorKind::Validation,
        "'grow' at 'patchOperations.2.member.op'",
        answer,
    );
}

#[test]
fn lengths_count_characters_at_both_ends() {
    let named = |name: &str| {
        let body = format!(r#"{{"name":"{name}","protocolType":"HTTP"}}"#);
        check("POST", "/v2/apis", &body)
    };
    assert_eq!(named(&"ä".repeat(128)), Ok(()));
    assert_eq!(named("ä"), Ok(()));
    refused(
        ErrorKind::BadRequest,
        "equal to 128",
        named(&"ä".repeat(129)),
    );
    refused(
        ErrorKind::BadRequest,
        "greater than or equal to 1",
        named(""),
    );
    // A change takes a member away with an empty text.
    assert_eq!(
        check("PATCH", "/v2/apis/a", r#"{"name":"","target":""}"#),
        Ok(())
    );
}

#[test]
fn numbers_are_whole_and_within_bounds() {
    let waits = |ms: &str| {
        let body = format!(r#"{{"integrationType":"MOCK","timeoutInMillis":{ms}}}"#);
        check("POST", "/v2/apis/a/integrations", &body)
    };
    for fits in ["50", "30000", "100.0", "null"] {
        assert_eq!(waits(fits), Ok(()), "{fits}");
    }
    refused(
        ErrorKind::BadRequest,
        "less than or equal to 30000",
        waits("30001"),
    );
    refused(
        ErrorKind::BadRequest,
        "greater than or equal to 50",
        waits("49"),
    );
    refused(
        ErrorKind::Serialization,
        "not a whole number",
        waits("50.5"),
    );
    refused(
        ErrorKind::Serialization,
        "is a string, not a whole number",
        waits("\"50\""),
    );
}

#[test]
fn queries_and_labels_are_read_as_what_they_mean() {
    let listed = |query: &str| check("GET", &format!("/restapis?{query}"), "");
    assert_eq!(listed("limit=5"), Ok(()));
    refused(
        ErrorKind::Validation,
        "'many' at 'limit'",
        listed("limit=many"),
    );
    let exported = "/v2/apis/a/exports/OAS30";
    assert_eq!(
        check("GET", &format!("{exported}?outputType=JSON"), ""),
        Ok(())
    );
    refused(
        ErrorKind::BadRequest,
        "at 'outputType'",
        check("GET", exported, ""),
    );
    let other = "/v2/apis/a/exports/OAS20?outputType=JSON";
    refused(
        ErrorKind::BadRequest,
        "'OAS20' at 'specification'",
        check("GET", other, ""),
    );
    let strange = format!("{exported}?outputType=JSON&includeExtensions=maybe");
    refused(ErrorKind::BadRequest, "'maybe'", check("GET", &strange, ""));
}

#[test]
fn a_body_is_an_object_or_nothing() {
    for body in ["[]", "1", "\"x\"", "{"] {
        let answer = check("POST", "/v2/apis", body);
        refused(ErrorKind::Serialization, "the body", answer);
    }
    refused(
        ErrorKind::BadRequest,
        "2 validation errors",
        check("POST", "/v2/apis", " "),
    );
    // A document is no input of the service's own: it has no members.
    assert_eq!(check("POST", "/restapis?mode=import", ""), Ok(()));
}

#[test]
fn secrets_are_not_quoted() {
    let body = format!(r#"{{"name":"a","value":"{}"}}"#, "hunter2");
    assert_eq!(check("POST", "/apikeys", &body), Ok(()));
    let answer = check("POST", "/apikeys", r#"{"value":{"hunter2":1}}"#);
    let message = answer.unwrap_err().message;
    assert!(!message.contains("hunter2"), "{message}");
}
