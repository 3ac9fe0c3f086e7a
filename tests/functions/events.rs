//! What a function is given (AWS: "Create AWS Lambda proxy integrations for HTTP APIs").

use serde_json::{Value, json};
use tollgate_harness::Request;

use crate::code::{APIS, RUNTIMES, get, host, start};

fn request(api: &str) -> Request {
    Request::post("/pets/a%20b/event?x=1&x=2&y=%C3%A9&empty=", "text body")
        .host(&host(api))
        .header("Content-Type", "text/plain")
        .header("Cookie", "c1=v1; c2=v2")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .header("User-Agent", "suite/1")
}

/// The members of `event` that `expected` names must be equal; the others are free.
fn assert_contains(event: &Value, expected: &Value, place: &str) {
    match (event, expected) {
        (Value::Object(have), Value::Object(want)) => {
            for (name, want) in want {
                let have = have.get(name).unwrap_or(&Value::Null);
                assert_contains(have, want, &format!("{place}.{name}"));
            }
        }
        _ => assert_eq!(event, expected, "{place}"),
    }
}

#[test]
fn format_1_0_is_awss() {
    let node = start("");
    for runtime in RUNTIMES {
        let api = format!("{runtime}-1");
        let event = node.send(&request(&api)).json();
        assert_contains(
            &event,
            &json!({
                "version": "1.0",
                "resource": "/pets/{id}/{action}",
                "path": "/pets/a%20b/event",
                "httpMethod": "POST",
                "queryStringParameters": {"x": "2", "y": "é", "empty": ""},
                "multiValueQueryStringParameters": {"x": ["1", "2"], "y": ["é"], "empty": [""]},
                "pathParameters": {"id": "a b", "action": "event"},
                "stageVariables": {"colour": "blue"},
                "body": "text body",
                "isBase64Encoded": false,
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": api,
                    "domainName": host(&api),
                    "domainPrefix": api,
                    "httpMethod": "POST",
                    "protocol": "HTTP/1.1",
                    "resourcePath": "/pets/{id}/{action}",
                    "stage": "$default",
                    "identity": {"sourceIp": "127.0.0.1", "userAgent": "suite/1", "user": null},
                },
            }),
            &api,
        );
        let twice = multi_value(&event, "x-twice");
        assert_eq!(twice, json!(["one", "two"]), "{event}");
        assert_eq!(
            multi_value(&event, "cookie"),
            json!(["c1=v1; c2=v2"]),
            "{event}"
        );
        assert!(
            event["requestContext"]["requestTimeEpoch"].is_u64(),
            "{event}"
        );
    }
}

/// A header of the event's `multiValueHeaders`, in any case.
fn multi_value(event: &Value, name: &str) -> Value {
    let headers = event["multiValueHeaders"].as_object().expect("an object");
    let found = headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or(Value::Null, |(_, values)| values.clone())
}

#[test]
fn format_2_0_is_awss() {
    let node = start("");
    for runtime in RUNTIMES {
        let api = format!("{runtime}-2");
        let event = node.send(&request(&api)).json();
        assert_contains(
            &event,
            &json!({
                "version": "2.0",
                "routeKey": "ANY /pets/{id}/{action}",
                "rawQueryString": "x=1&x=2&y=%C3%A9&empty=",
                "cookies": ["c1=v1", "c2=v2"],
                "headers": {"x-twice": "one,two", "content-type": "text/plain", "cookie": null},
                "queryStringParameters": {"x": "1,2", "y": "é", "empty": ""},
                "pathParameters": {"id": "a b", "action": "event"},
                "stageVariables": {"colour": "blue"},
                "body": "text body",
                "isBase64Encoded": false,
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": api,
                    "domainName": host(&api),
                    "domainPrefix": api,
                    "http": {
                        "method": "POST",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "suite/1",
                    },
                    "routeKey": "ANY /pets/{id}/{action}",
                    "stage": "$default",
                },
            }),
            &api,
        );
        let bare = get(&node, &api, "/event").json();
        assert_eq!(bare["routeKey"], "$default", "{bare}");
        assert_eq!(bare["rawQueryString"], "", "{bare}");
        for absent in ["cookies", "queryStringParameters", "pathParameters", "body"] {
            assert!(bare.get(absent).is_none(), "{absent} in {bare}");
        }
    }
}

#[test]
fn the_stage_stands_in_the_paths_where_aws_has_it() {
    let node = start("");
    let v1 = get(&node, "python-1", "/prod/pets/7/event").json();
    assert_eq!(v1["path"], "/pets/7/event", "{v1}");
    assert_eq!(v1["requestContext"]["path"], "/prod/pets/7/event", "{v1}");
    assert_eq!(v1["requestContext"]["stage"], "prod", "{v1}");
    assert_eq!(v1["stageVariables"], Value::Null, "{v1}");
    let v2 = get(&node, "nodejs-2", "/prod/pets/7/event").json();
    assert_eq!(v2["rawPath"], "/prod/pets/7/event", "{v2}");
    assert_eq!(v2["requestContext"]["stage"], "prod", "{v2}");
}

#[test]
fn bytes_that_are_no_text_come_as_base64() {
    let node = start("");
    for api in APIS {
        let request = Request::post("/event", vec![0, 0xFF, 0xFE, 7])
            .host(&host(api))
            .header("Content-Type", "application/octet-stream");
        let event = node.send(&request).json();
        assert_eq!(event["isBase64Encoded"], true, "{api}: {event}");
        assert_eq!(event["body"], "AP/+Bw==", "{api}: {event}");
    }
}

#[test]
fn a_context_knows_its_request_and_its_time() {
    let node = start(", timeoutMs: 9000");
    for runtime in RUNTIMES {
        let response = get(&node, &format!("{runtime}-2"), "/context");
        let context = response.json();
        assert_eq!(context["name"], *runtime, "{context}");
        assert_eq!(context["greeting"], "hello", "{context}");
        let left = context["left"].as_u64().expect("milliseconds");
        assert!((1..=9000).contains(&left), "{context}");
        let id = context["id"].as_str().expect("an id");
        assert!(!id.is_empty(), "{context}");
    }
}
