//! Tests of the operation table and its matcher.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::encode_label;

fn matched<'p>(method: &str, path: &'p str) -> Option<Matched<'p>> {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    match_operation(method, path, query)
}

fn op(method: &str, path: &str) -> Option<Op> {
    matched(method, path).map(|m| m.operation.op)
}

#[test]
fn the_table_is_the_inventory() {
    let count = |service| OPERATIONS.iter().filter(|op| op.service == service).count();
    assert_eq!(count(Service::ApiGateway), 124);
    assert_eq!(count(Service::ApiGatewayV2), 103);
    assert_eq!(count(Service::Management), 3);
    assert_eq!(OPERATIONS.len(), 230);
    let priority = |p| OPERATIONS.iter().filter(|op| op.priority == p).count();
    let priorities = [
        Priority::Must,
        Priority::Should,
        Priority::Low,
        Priority::Irrelevant,
    ]
    .map(priority);
    assert_eq!(priorities, [162, 58, 3, 7]);
    let ops: HashSet<Op> = OPERATIONS.iter().map(|op| op.op).collect();
    assert_eq!(ops.len(), 230);
}

#[test]
fn every_operation_is_found_by_its_own_template() {
    for operation in &OPERATIONS {
        assert_eq!(
            find_operation(operation.service, operation.name),
            Some(operation)
        );
        let values: Vec<String> = operation
            .labels
            .iter()
            .map(|label| format!("a/b {label}%"))
            .collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let path = operation.path(&values).unwrap();
        assert_eq!(operation.path(&[&*values, &["more"]].concat()), None);
        let query = operation
            .query
            .map(|(key, value)| format!("x=1&{key}={value}"));
        let found = match_operation(operation.method, &path, query.as_deref());
        let found = found.unwrap_or_else(|| panic!("{} {path}", operation.method));
        assert_eq!(found.operation, operation);
        for (label, value) in found.labels() {
            assert_eq!(value, format!("a/b {label}%"));
        }
        assert_eq!(found.labels().count(), operation.labels.len());
        let other = match_operation("PROPFIND", &path, query.as_deref());
        assert_eq!(other, None);
    }
}

#[test]
fn one_path_many_operations() {
    for (request, expected) in [
        ("POST /restapis", V1Op::CreateRestApi),
        ("POST /restapis?mode=import", V1Op::ImportRestApi),
        (
            "POST /restapis?failonwarnings=true&mode=import",
            V1Op::ImportRestApi,
        ),
        ("POST /restapis?mode=other", V1Op::CreateRestApi),
        ("POST /apikeys?mode=import&format=csv", V1Op::ImportApiKeys),
        ("PUT /restapis/abc?mode=overwrite", V1Op::PutRestApi),
        ("POST /restapis/a/resources/b", V1Op::CreateResource),
        ("GET /restapis/a/resources/b", V1Op::GetResource),
        (
            "POST /restapis/a/resources/b/methods/GET",
            V1Op::TestInvokeMethod,
        ),
        ("PUT /restapis/a/resources/b/methods/GET", V1Op::PutMethod),
        ("POST /restapis/a/authorizers/b", V1Op::TestInvokeAuthorizer),
        ("GET /restapis/", V1Op::GetRestApis),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(op(method, path), Some(Op::V1(expected)), "{request}");
    }
    assert_eq!(op("GET", "/v2/apis"), Some(Op::V2(V2Op::GetApis)));
    assert_eq!(op("PUT", "/v2/apis"), Some(Op::V2(V2Op::ImportApi)));
    assert_eq!(
        op("GET", "/v2/domainnames/a/routingrules"),
        Some(Op::V2(V2Op::ListRoutingRules))
    );
    assert_eq!(
        op("POST", "/v2/portals/p/publish"),
        Some(Op::V2(V2Op::PublishPortal))
    );
}

#[test]
fn labels_are_decoded() {
    let arn = "arn:aws:apigateway:us-east-1::/restapis/abc/stages/prod";
    for path in [
        format!("/tags/{}", encode_label(arn)),
        format!("/tags/{arn}"),
    ] {
        let found = matched("GET", &path).unwrap();
        assert_eq!(found.operation.op, Op::V1(V1Op::GetTags));
        assert_eq!(found.label("resource_arn"), Some(arn));
    }
    let v2 = format!(
        "/v2/tags/{}?tagKeys=a",
        encode_label("arn:aws:apigateway:r::/apis/x")
    );
    let found = matched("DELETE", &v2).unwrap();
    assert_eq!(found.operation.op, Op::V2(V2Op::UntagResource));
    assert_eq!(
        found.label("resource-arn"),
        Some("arn:aws:apigateway:r::/apis/x")
    );
    let found = matched(
        "DELETE",
        "/v2/apis/a/stages/%24default/routesettings/GET%20%2Fpets",
    );
    let found = found.unwrap();
    assert_eq!(found.label("stageName"), Some("$default"));
    assert_eq!(found.label("routeKey"), Some("GET /pets"));
    assert_eq!(found.label("nope"), None);
}

#[test]
fn connections_stand_behind_any_prefix() {
    for (path, prefix) in [
        ("/@connections/abc%3D", ""),
        ("/prod/@connections/abc%3D", "/prod"),
        ("/api/v1/prod/%40connections/abc=", "/api/v1/prod"),
        ("/prod/%40connections/abc=/", "/prod"),
    ] {
        let found = matched("POST", path).unwrap();
        assert_eq!(
            found.operation.op,
            Op::Management(ManagementOp::PostToConnection),
            "{path}"
        );
        assert_eq!(
            (found.prefix, found.label("connectionId")),
            (prefix, Some("abc=")),
            "{path}"
        );
    }
    assert_eq!(op("POST", "/prod/@connections"), None);
    assert_eq!(op("POST", "/prod/@connections/a/b"), None);
}

#[test]
fn what_is_no_operation() {
    for path in [
        "",
        "/",
        "//",
        "restapis",
        "/v2",
        "/v3/apis",
        "/restapis//stages",
        "/restapis/%ff",
        "/RESTAPIS",
        "/restapis/a/b/c",
        "/tags",
        "/tags/",
        "/account/x",
        "/@connections/",
    ] {
        assert_eq!(op("GET", path), None, "{path}");
    }
    assert_eq!(op("get", "/restapis"), None);
    assert_eq!(op("GET", &"/a".repeat(100_000)), None);
}

proptest! {
    #[test]
    fn nothing_panics(method in ".{0,8}", path in "(/|@connections|tags|v2|%40|restapis|\\PC){0,24}", query in ".{0,24}") {
        let found = match_operation(&method, &path, Some(&query));
        if let Some(found) = found {
            prop_assert_eq!(found.labels().count(), found.operation.labels.len());
        }
    }

    #[test]
    fn any_label_comes_back(id in "\\PC{1,24}", stage in "\\PC{1,24}") {
        let path = format!("/restapis/{}/stages/{}", encode_label(&id), encode_label(&stage));
        let found = match_operation("GET", &path, None).unwrap();
        prop_assert_eq!(found.label("restapi_id"), Some(&*id));
        prop_assert_eq!(found.label("stage_name"), Some(&*stage));
    }
}
